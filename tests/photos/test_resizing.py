"""Resizing, by numbers: against TensorFlow's resize, and by hand."""

import numpy as np
import pytest

from cnnvis_helpers.photos.resizing import resize_map, resize_photo

rng = np.random.default_rng(0)


@pytest.mark.parametrize("size", [(7, 5), (40, 30), (3, 60), (1, 1)])
def test_resize_map_equals_tensorflow(size):
    tf = pytest.importorskip("tensorflow")
    values = rng.normal(size=(7, 9)).astype(np.float32)
    expected = tf.image.resize(values[..., None], size, "bilinear", antialias=True)[..., 0]
    np.testing.assert_allclose(resize_map(values, size), expected, atol=1e-5)


def test_resize_map_uses_half_pixel_centres_and_holds_the_edge():
    np.testing.assert_array_equal(resize_map([[0, 4]], (2, 4)), [[0, 1, 3, 4]] * 2)


def test_resize_map_keeps_range_and_sign():
    values = rng.normal(size=(7, 7))
    large = resize_map(values, (300, 451))
    assert large.shape == (300, 451) and large.dtype == np.float32
    assert values.min() - 1e-6 <= large.min() and large.max() <= values.max() + 1e-6


def test_resize_photo_of_the_same_size_keeps_every_value():
    photo = rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_photo(photo, (8, 6)), photo)


def test_resize_photo_is_bicubic_with_antialiasing():
    """Pillow's own path for uint8 pictures rounds twice; ours must lie within that rounding."""
    from PIL import Image

    photo = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(photo).resize((20, 30), Image.Resampling.BICUBIC))
    assert np.abs(resize_photo(photo, (30, 20)) - expected).max() <= 1.5


def test_inputs_stay_as_they_are():
    photo, values = rng.integers(0, 256, (9, 8, 3), dtype=np.uint8), rng.normal(size=(4, 4))
    before = photo.copy(), values.copy()
    resize_photo(photo, (3, 3))
    same = resize_map(values.astype(np.float32), (4, 4))
    same[:] = 0
    resize_photo(photo, (9, 8))[:] = 0
    np.testing.assert_array_equal(photo, before[0])
    np.testing.assert_array_equal(values, before[1])
