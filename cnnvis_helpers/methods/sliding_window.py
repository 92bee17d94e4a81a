"""Sliding-window sweeps: window positions, batches, and the conversion to a map."""

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_choice

SIDE = 224  # pixels; pictures up to this size go through a network 16 at a time
BATCH, LARGEST_BATCH = 16, 128
BATCH_PIXELS = 4 * SIDE * SIDE  # small pictures: as many as have this many pixels in total


def batch_size(net, pixels=BATCH_PIXELS):
    """Return how many pictures one pass should hold: 16, fewer if large, more if small.

    The memory of a pass depends on this number alone, however many pictures there are in all, and
    TensorFlow keeps the memory of its largest pass. Smaller passes cost time (MobileNetV2, 4
    instead of 16 pictures: a third more per picture, on two cores), larger ones gain none.

    pixels : how many pixels small pictures may have in total
    """
    area = net.input_size[0] * net.input_size[1]
    return min(LARGEST_BATCH, max(1, pixels // area, min(BATCH, BATCH * SIDE * SIDE // area)))


def even_slices(count, largest):
    """Cut `count` items into the fewest slices of at most `largest` items, all nearly equal.

    A small last batch costs more per picture than a full one; equal batches waste nothing.

    >>> even_slices(10, 4)
    [slice(0, 3, None), slice(3, 6, None), slice(6, 10, None)]
    """
    parts = -(-count // largest)
    return [slice(k * count // parts, (k + 1) * count // parts) for k in range(parts)]


def in_batches(compute, count, largest):
    """Yield (slice, compute(slice)) for `count` items, in even batches of at most `largest`.

    If a batch does not fit in memory, it and those after it are halved. Raises MemoryError if one
    item does not fit.
    """
    parts = even_slices(count, largest)
    while parts:
        start, stop = parts[0].start, parts[0].stop
        try:
            result = compute(parts[0])
        except tf.errors.ResourceExhaustedError:
            if stop - start == 1:
                raise MemoryError(
                    "The memory is too small for one picture: shut down other kernels, or load the "
                    "network with a smaller input_size."
                ) from None
            halves = even_slices(count - start, (stop - start) // 2)
            parts = [slice(start + half.start, start + half.stop) for half in halves]
        else:
            yield parts.pop(0), result


def window_starts(length, window, stride):
    """Return where a window begins as it slides along one side of `length` pixels.

    If the last position would stop short of the border, one more ends there. With gaps between the
    positions (stride larger than window), a remainder no wider than a gap is left.

    >>> window_starts(10, 4, 4), window_starts(12, 4, 4), window_starts(12, 2, 5)
    ([0, 4, 6], [0, 4, 8], [0, 5, 10])
    """
    starts = list(range(0, length - window + 1, stride))
    rest, gap = length - window - starts[-1], max(0, stride - window)
    return starts + [length - window] if rest > gap else starts


def window_boxes(tops, lefts, window):
    """Return int32 (positions, 4): top, left, bottom, right of every window, row by row."""
    corners = np.array([(top, left) for top in tops for left in lefts], np.int32)
    return np.concatenate([corners, corners + np.array(window, np.int32)], axis=1)


def spread(grid, starts, window, size, photo_size):
    """Turn one number per position into a map: a pixel gets the mean of the windows over it.

    grid : float array (rows, columns); NaN counts as a position that was not computed
    starts : (tops, lefts), in pixels of the network's input, as many as rows and columns
    window, size, photo_size : (height, width) of the window, of the input and of the photo
    Returns float32 (H, W) at the photo's size; 0 where there is no window. A photo pixel that a
    window covers in part counts that window in part.

    >>> spread(np.array([[1.0, 3.0]]), ([0], [0, 1]), (1, 2), (1, 3), (1, 3))
    array([[1., 2., 3.]], dtype=float32)
    """
    down, across = (_overlap(*side) for side in zip(starts, window, size, photo_size, strict=True))
    computed = np.isfinite(grid)
    total = down.T @ np.where(computed, grid, 0) @ across
    weight = down.T @ computed @ across
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0).astype(np.float32)


def _overlap(starts, window, length, photo_length):
    """Return float64 (positions, photo_length): how much of each photo pixel a window covers, 0..1.

    Integers up to the last step keep a border that falls inside a pixel exact.
    """
    starts, pixel = np.array(starts)[:, None], np.arange(photo_length)[None]
    first = np.maximum(starts * photo_length, pixel * length)
    last = np.minimum((starts + window) * photo_length, (pixel + 1) * length)
    return np.maximum(0, last - first) / length


def score_function(net, target, score):
    """Return a function from logits (n, units) to the scores (n,) of a target.

    target : as in `Network.score_vector`; None: the top class of the first picture it is given
    score : "logit" or "probability"; for a pair (a, b) the difference of the two

    Raises ValueError for an unknown target or score, and for the probability of a regression; the
    function raises it for logits that are nan or infinite.
    """
    check_choice("score", score, ("logit", "probability"))
    if score == "probability":
        net.check_classes()

    def vector_of(target):
        vector = net.score_vector(target)  # rejects an unknown target
        if score == "logit":
            return vector
        vector = np.zeros(len(net.labels), np.float32)
        classes = target if isinstance(target, tuple | list) else [target]
        for one, sign in zip(classes, (1, -1), strict=False):
            vector[net.class_index(one)] = sign
        return vector

    vector = None if target is None else vector_of(target)

    def scores(logits):
        nonlocal vector
        net.finite(logits)
        if vector is None:
            vector = vector_of(int(net.top_classes(logits)[0]))
        return np.asarray(logits if score == "logit" else net.probabilities(logits)) @ vector

    return scores
