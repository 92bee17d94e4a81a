"""Small array functions behind the pictures: NumPy arrays in, NumPy arrays out, nothing drawn.

Lessons write most of these by hand first; they are here so that all pictures agree.
"""

from typing import NamedTuple

import numpy as np
from skimage.util import montage

from cnnvis_helpers._shared.checks import finite


class Summary(NamedTuple):
    """What `describe` says of an array; prints as one line."""

    shape: tuple
    dtype: str
    min: float
    max: float
    mean: float

    def __repr__(self):
        # Whole numbers in full, others with four digits.
        low, high, mean = (f"{x:.4g}" if isinstance(x, float) else x for x in self[2:])
        return f"shape {self.shape}, {self.dtype}, min {low}, max {high}, mean {mean}"


def describe(array):
    """Summarise an array in one line: shape, dtype, min, max, mean.

    Parameters
    ----------
    array : numbers of any shape (NumPy array, TensorFlow tensor, nested list), not empty

    Returns
    -------
    Summary (shape, dtype, min, max, mean). A value that is not finite shows up as nan or inf.

    Raises ValueError when there are no numbers to summarise.

    >>> describe(np.array([[0, 64], [128, 255]], dtype=np.uint8))
    shape (2, 2), uint8, min 0, max 255, mean 111.8
    """
    values = np.asarray(array)
    if values.size == 0 or values.dtype.kind not in "buif":
        raise ValueError(
            f"describe needs an array of numbers, got shape {values.shape} of {values.dtype}."
        )
    low, high = values.min().item(), values.max().item()
    mean = values.mean(dtype=np.float64).item()
    return Summary(values.shape, str(values.dtype), low, high, mean)


def to_unit(array, low=None, high=None):
    """Stretch an array linearly to 0..1: `low` becomes 0, `high` becomes 1, outside is clipped.

    Parameters
    ----------
    array : finite numbers of any shape
    low, high : the ends; None: the array's own minimum and maximum

    Returns
    -------
    float32 array of the same shape. A constant array has nothing to stretch and becomes 0.

    Raises ValueError for an empty or non-finite array, or when low > high.

    >>> to_unit([2, 3, 6]).tolist()
    [0.0, 0.25, 1.0]
    """
    values = finite(array, "to_unit")
    low = float(values.min()) if low is None else float(low)
    high = float(values.max()) if high is None else float(high)
    if low > high:
        raise ValueError(f"to_unit needs low <= high, got low {low:g} and high {high:g}.")
    if low == high:
        return np.zeros(values.shape, np.float32)
    return np.clip((values - low) / (high - low), 0, 1).astype(np.float32)


def around_grey(kernel, limit=None):
    """Turn weights into colours around a mid grey: -limit -> 0, zero -> 0.5, +limit -> 1.

    Parameters
    ----------
    kernel : finite weights of any shape
    limit : positive; None: the largest |weight|

    Returns
    -------
    float32 array of the same shape, 0..1; outside the limit is clipped; all-zero gives all 0.5.

    Raises ValueError for weights that are not finite, and a limit that is not positive.

    >>> around_grey([-2.0, 0.0, 1.0]).tolist()
    [0.0, 0.5, 0.75]
    """
    values = finite(kernel, "around_grey")
    limit = float(np.abs(values).max()) if limit is None else float(limit)
    if limit < 0 or (limit == 0 and values.any()):
        raise ValueError(f"around_grey needs a positive limit, got {limit:g}.")
    return np.clip(0.5 + values / (2 * limit or 1), 0, 1).astype(np.float32)


def standardise_tile(maps):
    """Make every channel visible, as in Chollet's activation mosaics, discarding its scale.

    Each channel separately is centred, divided by its standard deviation, multiplied by 64, shifted
    to 128 and clipped to 0..255.

    Parameters
    ----------
    maps : finite (h, w) or (h, w, c)

    Returns
    -------
    uint8 array of the same shape. A constant channel (a dead one) becomes 128 everywhere.

    Raises ValueError for another shape or values that are not finite.

    >>> standardise_tile([[0.0, 0.0], [2.0, 2.0]]).tolist()
    [[64, 64], [192, 192]]
    """
    values = finite(maps, "standardise_tile").astype(np.float64)
    if values.ndim not in (2, 3):
        raise ValueError(f"standardise_tile needs (h, w) or (h, w, c), got shape {values.shape}.")
    centred = values - values.mean(axis=(0, 1))
    spread = values.std(axis=(0, 1))
    constant = np.ptp(values, axis=(0, 1)) == 0
    centred = np.where(constant, 0, centred) / np.where(constant, 1, spread)
    return np.clip(centred * 64 + 128, 0, 255).astype(np.uint8)


def tile(images, columns=8, margin=1, fill=0):
    """Join equal pictures into one mosaic, row by row.

        +---+ +---+ +---+
        | 0 | | 1 | | 2 |      columns=3; `margin` pixels of `fill` between the tiles,
        +---+ +---+ +---+      none around them; empty places hold `fill`.
        +---+
        | 3 |
        +---+

    Parameters
    ----------
    images : list of (h, w) or (h, w, colours) arrays of one shape, an array (n, h, w, colours), or
        feature maps (h, w, c): one tile per channel. Fewer pictures than columns: a narrower row
    columns : int, 1 or more
    margin : int, pixels, 0 or more
    fill : value of the margin and of empty places

    Returns
    -------
    array (rows * h + (rows - 1) * margin, columns * w + (columns - 1) * margin [, colours]) in the
    pictures' dtype

    Raises ValueError when there is no picture, when shapes differ, or columns < 1 or margin < 0.

    >>> tile([np.ones((2, 2)), np.full((2, 2), 5.0)], columns=2)
    array([[1., 1., 0., 5., 5.],
           [1., 1., 0., 5., 5.]])
    """
    pictures = _stack(images)
    if columns < 1 or margin < 0:
        raise ValueError(
            f"tile needs columns >= 1 and margin >= 0, got columns {columns} and margin {margin}."
        )
    columns = min(columns, len(pictures))
    mosaic = montage(
        pictures,
        fill=fill if pictures.ndim == 3 else list(np.broadcast_to(fill, pictures.shape[-1:])),
        padding_width=margin,
        grid_shape=(-(-len(pictures) // columns), columns),
        channel_axis=-1 if pictures.ndim == 4 else None,
    )
    return mosaic[margin : -margin or None, margin : -margin or None]


def map_limits(*maps, signed=None, percentile=100):
    """Find one scale (low, high) for one or several maps.

    Parameters
    ----------
    maps : finite numbers of any shape
    signed : True gives (-m, m) with m the largest |value|; False gives (0, max), or (min, max) if
        there are negative values; None decides by the data: signed when any value is negative
    percentile : below 100 ignores the largest values, so that one hot pixel does not darken all
        others; the picture then clips what lies outside

    Returns
    -------
    two floats, low < high; maps that are zero everywhere give (0, 1) or (-1, 1).

    Raises ValueError without a map, for values that are not finite, and a bad percentile.

    >>> map_limits([[0.0, 2.0]]), map_limits([[-1.0, 3.0]])
    ((0.0, 2.0), (-3.0, 3.0))
    """
    if not maps:
        raise ValueError("map_limits needs at least one map.")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, got {percentile}.")
    values = np.concatenate([finite(each, "map_limits").ravel() for each in maps])
    if signed is None:
        signed = bool(values.min() < 0)
    if signed:
        limit = float(np.percentile(np.abs(values), percentile)) or float(np.abs(values).max())
        return -(limit or 1.0), limit or 1.0
    low = min(0.0, float(values.min()))
    high = float(np.percentile(values, percentile))
    high = high if high > low else float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def _stack(images):
    """Return `images` (see `tile`) as one array (n, h, w) or (n, h, w, colours)."""
    if not isinstance(images, list | tuple):
        array = np.asarray(images)
        if array.ndim not in (3, 4) or not array.size:
            raise ValueError(
                "tile needs a list of pictures, (n, h, w, colours) or feature maps (h, w, c), "
                f"got shape {array.shape}."
            )
        return np.moveaxis(array, -1, 0) if array.ndim == 3 else array
    shapes = sorted({np.shape(picture) for picture in images})
    if len(shapes) != 1 or len(shapes[0]) not in (2, 3):
        raise ValueError(
            "tile needs pictures (h, w) or (h, w, colours) of one shape, got "
            f"{shapes[:4] or 'an empty list'}."
        )
    return np.stack(images)
