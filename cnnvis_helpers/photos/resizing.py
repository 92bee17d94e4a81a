"""Resize photos with antialiasing and maps bilinearly."""

import numpy as np
from PIL import Image


def resize_photo(photo, size):
    """Resize a photo with antialiasing, ignoring its aspect ratio.

    Parameters
    ----------
    photo : array (H, W, channels), uint8 or float, 0..255
    size : (h, w), the new height and width, in pixels

    Returns
    -------
    float32 array (h, w, channels), 0..255; unchanged if it already has this size.

    The filter is bicubic. When a photo shrinks, the filter widens, and each new pixel is a weighted
    mean of all pixels around it, so fine stripes fade to grey. Overshoot is clipped to 0..255.

    >>> stripes = np.tile(np.array([0, 255], np.uint8)[:, None, None], (12, 4, 3))
    >>> resize_photo(stripes, (4, 1))[:, 0, 0].round()
    array([121., 128., 127., 134.], dtype=float32)
    """
    photo = np.asarray(photo)
    if photo.shape[:2] == tuple(size):
        return photo.astype(np.float32)
    planes = (photo[:, :, channel] for channel in range(photo.shape[2]))
    resized = [_resample(plane, size, Image.Resampling.BICUBIC) for plane in planes]
    return np.stack(resized, axis=-1).clip(0, 255)


def resize_map(values, size):
    """Resize a map bilinearly, with pixel centres at half positions.

    Parameters
    ----------
    values : array (h, w) of finite real numbers of any range
    size : (H, W), the new height and width, in pixels

    Returns
    -------
    float32 array (H, W), within the range of `values`. Beyond the outermost pixel centres it is
    constant. Shrinking averages, as in `resize_photo`.

    >>> resize_map(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
    """
    return _resample(np.asarray(values), size, Image.Resampling.BILINEAR)


def _resample(plane, size, method):
    """Resample one plane (h, w) to `size` (H, W); float32, computed in double precision."""
    height, width = (int(length) for length in size)
    plane = np.ascontiguousarray(plane, np.float32)
    if plane.shape == (height, width):
        return plane.copy()
    return np.array(Image.fromarray(plane).resize((width, height), method))
