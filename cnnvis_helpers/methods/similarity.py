"""How alike two maps are: by the order of their values, and by their structure.

    rank_correlation(a, b)         -1..1: do both rank the pixels in the same order?
    structural_similarity(a, b)    -1..1: do both have the same bright and dark patches?

Both ignore how large a map's values are, since two networks, or two methods, share no unit.
NumPy and SciPy alone: a map is an array (h, w).
"""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

__all__ = ["rank_correlation", "structural_similarity"]

_WINDOW = 11  # pixels; Wang et al. weight them with a Gaussian of 1.5 pixels
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


def rank_correlation(a, b):
    """Return Spearman's rank correlation of two maps, pixel by pixel: a float, -1..1.

    a, b : arrays (h, w) of finite numbers, the same shape. Signs count: hand over np.abs(map) to
        compare magnitudes

    1: both put the pixels in the same order; 0: the one order says nothing about the other; -1:
    the opposite order. Equal values share their mean rank. A map that is the same everywhere puts
    the pixels in no order; its correlation with any other is 0.0.

    Raises ValueError for maps of different or other shapes and for values that are not finite.

    >>> rank_correlation([[0, 1], [2, 3]], [[0, 10], [200, 3000]])
    1.0
    """
    ranks = [rankdata(values) for values in check_pair(a, b)]
    x, y = (one - one.mean() for one in ranks)
    length = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / length, -1, 1)) if length > 0 else 0.0


def structural_similarity(a, b):
    """Return the mean structural similarity (SSIM) of two maps: a float, -1..1.

    a, b : arrays (h, w) of finite numbers, the same shape, 11 pixels or more on each side

    In a Gaussian window around every pixel, SSIM compares the two means, the two spreads, and how
    far the values rise and fall together; 1 means the same map. Each map is divided by its own
    largest magnitude first, because the raw scales of two networks have nothing to do with each
    other. Windows that stick out over the border are left out.

    Raises ValueError for smaller maps and as `rank_correlation`.

    Wang et al. 2004, "Image quality assessment", doi 10.1109/TIP.2003.819861; its constants, its
    window (a standard deviation of 1.5 pixels). The range of values in them is 1, or 2 where one
    of the maps has negative values.

    >>> pattern = np.add.outer(np.arange(16.0), np.arange(16.0))
    >>> round(structural_similarity(pattern, 7 * pattern), 6)
    1.0
    """
    a, b = (_to_unit_magnitude(values.reshape(np.shape(a))) for values in check_pair(a, b))
    if min(a.shape) < _WINDOW:
        raise ValueError(
            f"structural_similarity needs maps of {_WINDOW} x {_WINDOW} pixels or more, not "
            f"{a.shape[0]} x {a.shape[1]}; resize_map enlarges them."
        )
    span = 2.0 if min(a.min(), b.min()) < 0 else 1.0
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    mean_a, mean_b = _local_mean(a), _local_mean(b)
    variance_a = _local_mean(a * a) - mean_a**2
    variance_b = _local_mean(b * b) - mean_b**2
    covariance = _local_mean(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    scale = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    border = _WINDOW // 2
    return float((alike / scale)[border:-border, border:-border].mean())


def check_pair(a, b):
    """Return two maps as float64 vectors, or raise a ValueError that says what is wrong."""
    first, second = np.shape(a), np.shape(b)
    if first != second or len(first) != 2 or 0 in first:
        raise ValueError(
            f"Two maps (h, w) of the same shape are compared, not {first} and {second}."
        )
    vectors = [np.asarray(values, np.float64).ravel() for values in (a, b)]
    if not all(np.isfinite(vector).all() for vector in vectors):
        raise ValueError("A map holds values that are not finite numbers (nan or inf).")
    return vectors


def _local_mean(values):
    return gaussian_filter(values, _SIGMA, radius=_WINDOW // 2, mode="reflect")


def _to_unit_magnitude(values):
    largest = np.abs(values).max()
    return values / largest if largest > 0 else values
