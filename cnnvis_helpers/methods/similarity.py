"""Compare two maps: do they rank the pixels alike, do they show the same structure?

    rank_correlation(a, b)         -1..1, Spearman's rank correlation (SciPy)
    structural_similarity(a, b)    -1..1, mean SSIM of the maps on a common scale (scikit-image)

Both ignore the scale of a map's values, because two networks or two methods share no unit.
"""

import numpy as np
from scipy.stats import spearmanr

from cnnvis_helpers._shared.checks import check_map

_WINDOW, _SIGMA = 11, 1.5  # pixels: the Gaussian window of Wang et al.


def rank_correlation(a, b):
    """Return Spearman's rank correlation of two maps, pixel by pixel.

    Parameters
    ----------
    a, b : arrays (h, w) of finite numbers, the same shape. Signs count: pass np.abs(a) to compare
        magnitudes

    Returns
    -------
    float, -1..1: 1 means the same order, -1 the opposite order, 0 no relation. Equal values share
    their mean rank. A constant map ranks nothing; its correlation with any other map is 0.0.

    Raises ValueError for different shapes and for values that are not finite.

    >>> rank_correlation([[0, 1], [2, 3]], [[0, 10], [200, 3000]])
    1.0
    """
    a, b = _check_pair(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.clip(spearmanr(a, b, axis=None).statistic, -1, 1))


def structural_similarity(a, b):
    """Return the mean structural similarity (SSIM) of two maps.

    In a Gaussian window around every pixel, SSIM compares the means, the spreads, and how far the
    values rise and fall together. Each map is first divided by its own largest magnitude. Windows
    that cross the border are left out.

    Parameters
    ----------
    a, b : arrays (h, w) of finite numbers, the same shape, 11 pixels or more on each side

    Returns
    -------
    float, -1..1; 1 means the same map

    Raises ValueError for smaller maps and as `rank_correlation`.

    Wang et al. 2004, "Image quality assessment", doi 10.1109/TIP.2003.819861, with its constants.
    The data range in them is 1, or 2 if a map has negative values.

    >>> pattern = np.add.outer(np.arange(16.0), np.arange(16.0))
    >>> round(structural_similarity(pattern, 7 * pattern), 6)
    1.0
    """
    from skimage import metrics  # takes half a second to import

    a, b = (values / (np.abs(values).max() or 1) for values in _check_pair(a, b))
    if min(a.shape) < _WINDOW:
        raise ValueError(
            f"structural_similarity needs maps of {_WINDOW} x {_WINDOW} pixels or more, not "
            f"{a.shape[0]} x {a.shape[1]}; resize_map enlarges them."
        )
    span = 2.0 if min(a.min(), b.min()) < 0 else 1.0
    options = {"gaussian_weights": True, "sigma": _SIGMA, "use_sample_covariance": False}
    return float(metrics.structural_similarity(a, b, data_range=span, **options))


def _check_pair(a, b):
    a, b = (check_map(values).astype(np.float64) for values in (a, b))
    if a.shape != b.shape:
        raise ValueError(f"Two maps must have the same shape, not {a.shape} and {b.shape}.")
    return a, b
