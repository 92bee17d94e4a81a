"""Score a heat map with the network or against a known answer.

    deletion_curve(net, photo, heat, "cat").area      hide the hottest pixels first: small is good
    insertion_curve(net, photo, heat, "cat").area     show the hottest pixels first: large is good
    pointing_game(heat, mask)                         1.0 if the peak lies inside the mask
    relevance_mass(heat, mask)                        0..1: the share of the map inside the mask

The curves test whether the network needs the pixels that a map calls important. They need no known
answer, but depend on what hidden pixels are filled with. The other two compare a map with the mask
of what the network uses, which is not always the object: see `shapes`.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from cnnvis_helpers._shared.checks import check_map, check_net, check_number, check_whole
from cnnvis_helpers.methods.occlusion import fill_picture
from cnnvis_helpers.methods.sliding_window import batch_size, in_batches, score_function
from cnnvis_helpers.photos.resizing import resize_map


class ScoreCurve(NamedTuple):
    """How the score of a class changes while pixels of a photo are hidden or shown.

    shares : float64 (steps + 1,), the share of pixels hidden or shown so far, 0..1
    scores : float64 (steps + 1,), the score of the target at each of them
    area : float, the area under the curve, which is the mean score
    """

    shares: np.ndarray
    scores: np.ndarray
    area: float


def deletion_curve(
    net, photo, heat, target=None, steps=50, fill=127.5, score="probability", seed=0, progress=None
):
    """Hide the hottest pixels of a photo first and follow the score of a class down.

    If the map is right, the score falls at once, and the area under the curve is small.

    Parameters
    ----------
    net, photo, target : as in `occlusion`
    heat : array (H, W) or of the network's input size; large values mark what matters for
        `target`. Signs count: negative values are hidden last
    steps : how many times pixels are hidden, at least 1; the last leaves none
    fill : what hidden pixels show, as in `occlusion`: a grey level, a colour, "mean", "blur" or
        another photo. The area depends on it, so compare only areas with the same fill
    score : "probability" or "logit"
    seed : whole number, 0 or more, for the random order of equally hot pixels
    progress : function of (done, total), counted in pictures, called after each batch

    Returns
    -------
    ScoreCurve; with probabilities, scores and area are 0..1.

    The map is resized to the network's input size. steps + 1 pictures go through the network. Part
    of a curve means nothing, so an exception from `progress` ends the work.

    Raises ValueError for a heat map of another shape or with values that are not finite, and as
    `occlusion`.

    Petsiuk et al. 2018, "RISE", arXiv 1806.07421, section 4.2
    """
    return _curve(net, photo, heat, target, steps, fill, score, seed, progress, delete=True)


def insertion_curve(
    net, photo, heat, target=None, steps=50, fill="blur", score="probability", seed=0, progress=None
):
    """Start from a picture of `fill`, show the hottest pixels first, and follow the score up.

    If the map is right, the score rises at once, and the area under the curve is large.

    Parameters
    ----------
    net, photo, heat, target, steps, fill, score, seed, progress : as in `deletion_curve`

    Returns
    -------
    ScoreCurve, as `deletion_curve`

    Raises ValueError as `deletion_curve`.
    """
    return _curve(net, photo, heat, target, steps, fill, score, seed, progress, delete=False)


def pointing_game(heat, mask, tolerance=0):
    """Test whether a map has its peak inside a mask: 1.0 or 0.0.

    Parameters
    ----------
    heat : array (h, w) of finite numbers
    mask : bool array (h, w), True where the peak should be
    tolerance : pixels, 0 or more; a peak this near the mask counts as inside

    Returns
    -------
    float. If several pixels share the largest value, the share of them inside; a constant map gets
    the share of the picture that the mask covers: pure chance. Over many pictures, take the mean.

    Raises ValueError for other shapes, values that are not finite, an empty mask, and a tolerance
    below 0.

    Zhang et al. 2016, "Top-down neural attention by excitation backprop", arXiv 1608.00507,
    section 4.2 (with a tolerance of 15 pixels)

    >>> mask = np.array([[False, True], [False, False]])
    >>> pointing_game([[0, 5], [1, 2]], mask), pointing_game([[0, 1], [5, 2]], mask)
    (1.0, 0.0)
    """
    heat, mask = check_map(heat).astype(np.float64), _check_mask(mask, np.shape(heat))
    check_number("tolerance", tolerance, 0, np.inf)
    near = mask if tolerance == 0 else distance_transform_edt(~mask) <= tolerance
    return float(near[heat == heat.max()].mean())


def relevance_mass(heat, mask):
    """Return the share of a map's positive values that lies inside a mask.

    Parameters
    ----------
    heat : array (h, w) of finite numbers; negative ones count as 0, so pass np.abs(heat) where the
        sign is only a direction
    mask : bool array (h, w)

    Returns
    -------
    float, 0..1; 0.0 for a map without a positive value, and for a constant map the share of the
    picture that the mask covers.

    Raises ValueError for other shapes, values that are not finite, and an empty mask.

    Arras et al. 2020, "CLEVR-XAI", arXiv 2003.07258: relevance mass accuracy

    >>> relevance_mass([[1, 3], [-5, 0]], np.array([[False, True], [False, False]]))
    0.75
    """
    heat, mask = check_map(heat).astype(np.float64), _check_mask(mask, np.shape(heat))
    positive = np.maximum(heat, 0)
    inside, outside = positive[mask].sum(), positive[~mask].sum()
    return float(inside / (inside + outside)) if inside > 0 else 0.0


def _curve(net, photo, heat, target, steps, fill, score, seed, progress, delete):
    """Turn the photo into the fill (`delete`), or back, hottest pixels first."""
    check_net(net)
    check_whole("seed", seed, 0)
    check_whole("steps", steps, 1)
    heat = check_map(heat)
    if heat.shape not in (np.shape(photo)[:2], tuple(net.input_size)):
        raise ValueError(
            f"A heat map has the photo's size {np.shape(photo)[:2]} or the network's "
            f"{tuple(net.input_size)}, not {heat.shape}; resize_map(heat, photo.shape[:2]) fits it."
        )
    heat = resize_map(heat, net.input_size).ravel()
    by_chance = np.random.default_rng(seed).permutation(heat.size)
    rank = np.empty(heat.size, int)  # 0: the hottest pixel
    rank[np.lexsort((by_chance, -heat))] = np.arange(heat.size)
    rank = rank.reshape(*net.input_size, 1)

    prepared = net.prepare(photo)
    filled = fill_picture(net, prepared, fill, [length // 8 for length in net.input_size])
    start, end = (prepared[0], filled) if delete else (filled, prepared[0])
    score_of = score_function(net, target, score)
    score_of(net.logits(prepared))  # a target of None is the photo's top class
    counts = np.linspace(0, heat.size, steps + 1).astype(int)
    scores = np.empty(steps + 1)

    def changed_logits(part):
        changed = rank < counts[part, None, None, None]  # (pictures, h, w, 1)
        return net.logits(np.where(changed, end, start))

    for part, logits in in_batches(changed_logits, steps + 1, batch_size(net)):
        scores[part] = score_of(logits)
        if progress:
            progress(part.stop, steps + 1)
    shares = counts / heat.size
    area = np.diff(shares) @ (scores[1:] + scores[:-1]) / 2
    return ScoreCurve(shares, scores, float(area))


def _check_mask(mask, shape):
    """Return a mask as a bool array of this shape, or raise a ValueError."""
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != bool:
        raise ValueError(
            f"The mask is a bool array {tuple(shape)} like the map, not {mask.dtype} {mask.shape}."
        )
    if not mask.any():
        raise ValueError("The mask is empty: there is no place where the map could be right.")
    return mask
