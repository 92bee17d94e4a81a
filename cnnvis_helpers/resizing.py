"""Resizing: photos shrink without aliasing, maps grow smoothly. NumPy in, NumPy out."""

import numpy as np
from PIL import Image


def resize_photo(photo, size):
    """Resize a whole photo with antialiasing; the aspect is not kept.

    Parameters
    ----------
    photo : array (H, W, 3) or (H, W, 1), uint8 or float, 0..255
    size : (h, w), the height and width wanted, in pixels

    Returns
    -------
    float32 array (h, w, channels), 0..255

    Every output pixel is a weighted mean of all input pixels below it (a triangle as wide as two output
    pixels), so thin lines fade instead of flickering. Enlarging is plain bilinear interpolation.
    A photo that has the size already comes back with its values untouched.

    >>> stripes = np.tile(np.array([0, 255], np.uint8)[:, None, None], (4, 8, 3))
    >>> resize_photo(stripes, (2, 2))[0, 0].round()
    array([127., 127., 127.], dtype=float32)
    """
    photo = np.asarray(photo)
    channels = [_resample(photo[:, :, c], size) for c in range(photo.shape[2])]
    return np.stack(channels, axis=-1)


def resize_map(values, size):
    """Resize a map bilinearly, with pixel centres at half positions.

    Parameters
    ----------
    values : array (h, w) of real numbers of any range
    size : (H, W), the height and width wanted, in pixels

    Returns
    -------
    float32 array (H, W). Beyond the outermost centres the edge value continues. No value lies
    outside the range of `values`. Shrinking averages (antialiasing), as in `resize_photo`.

    >>> resize_map(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
    """
    return _resample(np.asarray(values), size)


def _resample(plane, size):
    """Resample one plane (h, w) to `size` (H, W) with a triangle filter; float32 out."""
    plane = np.ascontiguousarray(plane, dtype=np.float32)
    height, width = (int(length) for length in size)
    if plane.shape == (height, width):
        return plane.copy()
    return np.array(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
