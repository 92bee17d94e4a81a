"""Occlusion: hide part of the photo and see how far the score falls.

The whole photo is first resized to the network's input; patch and stride count pixels of that
input. Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv 1311.2901.
"""

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from cnnvis_helpers._shared.checks import (
    check_choice,
    check_net,
    check_number,
    check_photo,
    check_whole,
)
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods import incremental_occlusion
from cnnvis_helpers.methods.gradients import compiled, once_per_network, picture_of, pixels_spec
from cnnvis_helpers.methods.sliding_window import (
    batch_size,
    in_batches,
    score_function,
    spread,
    window_boxes,
    window_starts,
)

_NO_WINDOWS = (
    "The network {!r} cannot be computed in windows: its first layer, its preprocessing, its "
    "floats of 16 bits or a layer that decides something by the whole picture do not allow it; "
    'take exact="auto".'
)


def occlusion(
    net,
    photo,
    target=None,
    patch=None,
    stride=None,
    fill=127.5,
    score="logit",
    progress=None,
    exact="auto",
):
    """Map how much each place of the photo contributes to the score of a class.

    A patch slides over the photo. One position's value is score(photo) - score(photo with the patch
    there); a pixel's value is the mean over all positions whose patch covers it. Positive: hiding
    the place hurts the class. Negative: hiding it helps.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    target : class index, label, None (the photo's top class) or (a, b) for "why a rather than b"
    patch : int or (height, width), in pixels of the network's input; None: an eighth of the input
    stride : int or (down, right), between positions, in the same pixels; None: half the patch
    fill : what the patch shows: a grey level 0..255, a colour (r, g, b), "mean" (the photo's mean
        colour), "blur" (the photo without detail finer than the patch) or another photo, any size
    score : "logit" or "probability"; for a pair the difference of the two
    progress : function of (done, total), counted in pictures: the positions and the photo itself;
        called after each batch
    exact : "full", a forward pass of the network for each position; "incremental", only what the
        patch changes, the same numbers up to rounding; "auto", the faster of the two.
        `occlusion_plan` says which one that is, and its cost

    Returns
    -------
    float32 array (H, W), at the photo's own size, raw and signed. Pixels that no patch covers
    (stride larger than patch) are 0. `occlusion_grid` returns one number per position instead.

    Positions start at the top left. If the last one stops short of the border, one more ends there,
    so every patch hides the same number of pixels. `occlusion_passes` counts them;
    memory does not depend on their number. The Stop button (or a StopIteration from `progress`)
    returns the map of the positions done, the rest 0, with a warning.

    Raises ValueError for a patch larger than the input, a stride below 1, an unknown fill, score or
    `exact`, for "incremental" on a network that does not allow it, and for what `net.prepare` or
    `net.score_vector` rejects.

    >>> occlusion(net, photo, "cat", patch=8, stride=2).shape == photo.shape[:2]
    True
    """
    grid = occlusion_grid(net, photo, target, patch, stride, fill, score, progress, exact)
    starts, patch = _positions(net.input_size, patch, stride)
    return spread(grid, starts, patch, net.input_size, np.shape(photo)[:2])


def occlusion_grid(
    net,
    photo,
    target=None,
    patch=None,
    stride=None,
    fill=127.5,
    score="logit",
    progress=None,
    exact="auto",
):
    """Return the raw result of an occlusion sweep: one number per position.

    On 224 x 224 pixels a patch and stride of 56 give 4 x 4 numbers, from the 16 pictures of
    `occluded_photos` and the photo itself.

    Parameters
    ----------
    net, photo, target, patch, stride, fill, score, progress, exact : as in `occlusion`

    Returns
    -------
    float32 array (rows, columns): score(photo) - score(photo with the patch at this position), NaN
    for positions not reached before the sweep was stopped.

    Raises ValueError as `occlusion`.

    >>> occlusion_grid(net, photo, "cat", patch=8, stride=4).shape
    (3, 3)
    """
    check_net(net)
    pixels = net.prepare(photo)
    scores = score_function(net, target, score)  # the first picture is the photo itself
    (tops, lefts), patch = _positions(net.input_size, patch, stride)
    cover = fill_picture(net, pixels, fill, patch)
    boxes = window_boxes(tops, lefts, patch)
    plan = _plan(net, tops, lefts, patch, exact)
    if plan and not net.found.trusted and not _windows_hold(net, plan, pixels, cover, boxes):
        if exact == "incremental":
            raise ValueError(_NO_WINDOWS.format(net.name))
        plan = None
    if plan:
        batches = incremental_occlusion.passes(net, plan, pixels, cover)
    else:
        pictures, run = np.insert(boxes, 0, 0, axis=0), _occluded_logits(net)  # no patch first
        batches = in_batches(
            lambda part: run(pixels, cover, pictures[part]), len(pictures), batch_size(net)
        )
    values = np.full(len(tops) * len(lefts) + 1, np.nan, np.float32)
    with stoppable("only the positions done so far have a value"):
        for part, logits in batches:
            values[part] = scores(logits)
            if progress:
                progress(part.stop, len(values))
    return (values[0] - values[1:]).reshape(len(tops), len(lefts))


def occlusion_passes(net, patch=None, stride=None):
    """Return how many pictures `occlusion` needs: one per position, and the photo.

    On 224 x 224 pixels a patch of 56 takes 17 at a stride of 56 and 28,562 at a stride of 1. With
    exact="full" each is a forward pass; `occlusion_plan` counts operations for both.

    Parameters
    ----------
    net, patch, stride : as in `occlusion`

    Returns
    -------
    int

    Raises ValueError as `occlusion`.
    """
    check_net(net)
    (tops, lefts), _ = _positions(net.input_size, patch, stride)
    return len(tops) * len(lefts) + 1


def occlusion_plan(net, patch=None, stride=None, exact="auto"):
    """Return how `occlusion` would compute a sweep, with operation counts; run nothing.

    Parameters
    ----------
    net, patch, stride, exact : as in `occlusion`

    Returns
    -------
    OcclusionPlan with `way` ("incremental" or "full"), `pictures` (the positions and the photo),
    `operations` and `full_operations` (multiply-adds of the sweep in this way and in full passes),
    `joined_at` (the last layer that is computed in windows, or None), and `layers`: a LayerWindow
    (layer, map, window, operations, full_operations) for each layer call, as far as the window of
    cells changed by one position can be followed; its operations are those of one position.

    Raises ValueError as `occlusion`.

    >>> occlusion_plan(net, patch=2, exact="full")
    <full: 226 pictures, 1.06e+07 multiply-adds, 1.00 of those of full passes>
    """
    check_net(net)
    (tops, lefts), patch = _positions(net.input_size, patch, stride)
    plan = _plan(net, tops, lefts, patch, exact)
    windows = plan.windows if plan else incremental_occlusion.follow(net, tops, lefts, patch)
    depth = len(plan.calls) if plan else 0
    return incremental_occlusion.report(net, windows, depth, len(tops) * len(lefts))


def _plan(net, tops, lefts, patch, exact):
    """Return the incremental_occlusion.Plan of a sweep, or None for full passes."""
    check_choice("exact", exact, ("auto", "full", "incremental"))
    whole = exact == "full" or net.one_by_one
    plan = None if whole else incremental_occlusion.choose(net, tops, lefts, patch)
    if exact == "incremental" and plan is None:
        raise ValueError(_NO_WINDOWS.format(net.name))
    return plan if exact == "incremental" or (plan and plan.pays) else None


def occluded_photos(net, photo, patch=None, stride=None, fill=127.5):
    """Return the pictures that `occlusion` shows the network.

    Parameters
    ----------
    net, photo, patch, stride, fill : as in `occlusion`

    Returns
    -------
    uint8 array (positions, h, w, 3) at the network's input size, row by row in the order of
    `occlusion_grid`; all are in memory at once.

    Raises ValueError as `occlusion`.
    """
    check_net(net)
    pixels = net.prepare(photo)
    (tops, lefts), patch = _positions(net.input_size, patch, stride)
    cover = np.rint(fill_picture(net, pixels, fill, patch)).astype(np.uint8)
    return _covered(np.rint(pixels).astype(np.uint8), cover, window_boxes(tops, lefts, patch))


def _covered(pixels, cover, boxes):
    """Return copies (boxes, h, w, 3) of pixels (1, h, w, 3), with `cover` in one box of each."""
    pictures = np.repeat(pixels, len(boxes), axis=0)
    for picture, (top, left, bottom, right) in zip(pictures, boxes, strict=True):
        picture[top:bottom, left:right] = cover[top:bottom, left:right]
    return pictures


def mask_photo(photo, values, power=2):
    """Return the photo times its heat map to a power: it stays bright only where the map is high.

    Parameters
    ----------
    photo : uint8 or float array (H, W, 3), 0..255
    values : array (H, W), a map of this photo; its smallest value becomes 0 and its largest 1
    power : float above 0; 2 is "photo times heat map squared"

    Returns
    -------
    uint8 array (H, W, 3)

    Raises ValueError when the sizes differ, or when the map is not finite or the same everywhere.

    >>> mask_photo(np.full((1, 3, 3), 200, np.uint8), np.array([[-1.0, 0.0, 1.0]]))[0, :, 0]
    array([  0,  50, 200], dtype=uint8)
    """
    photo, values = check_photo(photo), np.asarray(values, np.float64)
    if values.shape != photo.shape[:2]:
        raise ValueError(
            "mask_photo needs a photo (H, W, 3) and a map (H, W) of the same size, "
            f"not {photo.shape} and {values.shape}."
        )
    if not np.isfinite(values).all() or values.min() == values.max():
        raise ValueError(
            f"A map that is not finite or the same everywhere ({values.min()} to {values.max()}) "
            "cannot mask a photo."
        )
    check_number("power", power, 0, np.inf, above=True)
    weight = ((values - values.min()) / (values.max() - values.min())) ** power
    return np.rint(photo * weight[:, :, None]).astype(np.uint8)


def _positions(size, patch, stride):
    """Return ((tops, lefts), (patch height, patch width)), all in pixels of the network's input."""
    patch = _pair("patch", patch, [max(1, length // 8) for length in size])
    stride = _pair("stride", stride, [max(1, length // 2) for length in patch])
    if patch[0] > size[0] or patch[1] > size[1]:
        raise ValueError(
            f"A patch of {patch[0]} x {patch[1]} is larger than the network's input of "
            f"{size[0]} x {size[1]} pixels: choose a smaller one."
        )
    return [tuple(window_starts(*sides)) for sides in zip(size, patch, stride, strict=True)], patch


def _pair(name, value, default):
    """Return `value` as two whole numbers of at least 1: (height, width) or (down, right)."""
    if value is None:
        return tuple(default)
    pair = tuple(value) if np.ndim(value) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one or two whole numbers, not {value!r}.")
    for length in pair:
        check_whole(name, length, 1)
    return int(pair[0]), int(pair[1])


def fill_picture(net, pixels, fill, patch):
    """Return float32 (h, w, 3), what shows through a patch of (height, width) over the pixels."""
    if isinstance(fill, str) and fill == "mean":
        return np.broadcast_to(pixels.mean(axis=(0, 1, 2)), pixels.shape[1:])
    if isinstance(fill, str) and fill == "blur":
        return gaussian_filter(pixels[0], [patch[0] / 2, patch[1] / 2, 0])
    return picture_of(net, "fill", fill, '"mean", "blur", ')


def _windows_hold(net, plan, pixels, cover, boxes):
    """Return whether windows give the logits of full passes at three positions.

    They do unless the network or its preprocessing decides something by the whole picture.
    """
    places = [0, len(boxes) // 2, len(boxes) - 1]
    try:
        parts = incremental_occlusion.passes(net, plan, pixels, cover, places)
        quick = np.concatenate([logits for _, logits in parts])[1:]
    except (TypeError, ValueError, tf.errors.InvalidArgumentError):
        return False
    full = np.asarray(net.logits(_covered(pixels, cover, boxes[places])))
    return np.allclose(quick, full, rtol=0, atol=1e-4 * np.abs(full).max())


@once_per_network
def _occluded_logits(net):
    """Return the compiled (photo, cover, boxes) -> logits: one trace for every sweep."""
    height, width = net.input_size
    cover_and_boxes = tf.TensorSpec((height, width, 3)), tf.TensorSpec((None, 4), tf.int32)

    @compiled([pixels_spec(net, 1), *cover_and_boxes])
    def occluded_logits(photo, cover, boxes):
        # Rows of 3 * width colour values are five times as fast as rows of pixels.
        top, left, bottom, right = (side[:, None] for side in tf.unstack(boxes, axis=1))
        row, value = tf.range(height)[None], tf.range(3 * width)[None]
        rows = (row >= top) & (row < bottom)
        values = (value >= 3 * left) & (value < 3 * right)
        hidden = rows[:, :, None] & values[:, None, :]
        photo, cover = (tf.reshape(one, (height, 3 * width)) for one in (photo, cover))
        pictures = tf.reshape(tf.where(hidden, cover, photo), (-1, height, width, 3))
        return net.forward(pictures)[0]

    return occluded_logits
