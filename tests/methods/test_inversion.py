"""Feature inversion, judged by numbers: equal maps, a smoother picture, the same bytes."""

import numpy as np
import pytest
import tensorflow as tf
from architectures import chain
from keras import layers

from cnnvis_helpers.methods.inversion import _slope_of_variation, invert_features
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.photos import load_photo


@pytest.fixture(scope="module")
def net():
    """A network on 32 x 32 pixels: three colour mixes that can be undone, then a pooling."""
    net = chain(
        layers.Rescaling(1 / 255),
        layers.Conv2D(3, 1, name="mix"),
        layers.AveragePooling2D(4, name="coarse"),
        size=(32, 32),
        head=[layers.Flatten(), layers.Dense(4, activation="softmax")],
    )
    mix = np.array([[1, 0.5, 0], [0, 1, 0.5], [0.5, 0, 1]], np.float32)
    net.layer("mix").set_weights([mix[None, None], np.zeros(3, np.float32)])
    return net


@pytest.fixture(scope="module")
def photo():
    rows, columns = np.mgrid[:32, :32]
    return np.stack([rows * 8, columns * 8, (rows // 8 + columns // 8) % 2 * 255], -1).astype("u1")


def squares(picture):
    """Means over squares of 4 x 4: what the layer "coarse" keeps."""
    return picture.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))


def roughness(picture):
    return sum(np.abs(np.diff(picture.astype(float), axis=axis)).mean() for axis in (0, 1))


def test_a_layer_that_keeps_everything_gives_the_photo_back(net, photo):
    found = invert_features(net, photo, "mix", tv=0)
    assert np.abs(found.picture.astype(int) - photo).mean() < 3
    assert found.error < 1e-3 and found.correlation > 0.995


def test_what_a_layer_keeps_is_found_and_the_rest_is_not(net):
    fine = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    found = invert_features(net, fine, "coarse", tv=0)
    assert np.abs(squares(found.picture) - squares(fine)).mean() < 3
    assert found.error < 1e-3 and found.correlation < 0.7


def test_error_and_correlation_are_those_of_the_returned_picture(net, photo):
    found = invert_features(net, photo, "coarse", steps=10)
    kernel = net.layer("mix").kernel.numpy()[0, 0]
    target, maps = (squares(p.astype(float)) / 255 @ kernel for p in (photo, found.picture))
    expected = np.square(maps - target).sum() / np.square(target).sum()
    assert found.error == pytest.approx(expected, rel=1e-4)
    pixels = found.picture.ravel(), photo.ravel()
    assert found.correlation == pytest.approx(np.corrcoef(*pixels)[0, 1], rel=1e-6)


def test_the_slope_of_total_variation_is_that_of_a_tape():
    picture = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, 7, 9, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        down, across = picture[:, 1:] - picture[:, :-1], picture[:, :, 1:] - picture[:, :, :-1]
        variation = tf.reduce_mean(tf.abs(down)) + tf.reduce_mean(tf.abs(across))
    found = _slope_of_variation(picture)
    np.testing.assert_allclose(found, tape.gradient(variation, picture), atol=1e-9)


def test_total_variation_makes_the_picture_smoother_and_the_error_larger(net, photo):
    rough, smooth = (invert_features(net, photo, "mix", 60, tv=tv) for tv in (0, 0.1))
    assert roughness(smooth.picture) < 0.7 * roughness(rough.picture)
    assert smooth.error > rough.error


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopIteration])
def test_progress_counts_steps_and_stop_keeps_the_picture(net, photo, stop):
    seen = []

    def after_three(done, total):
        seen.append((done, total))
        if done == 3:
            raise stop

    with pytest.warns(UserWarning, match="stopped early"):
        found = invert_features(net, photo, "mix", progress=after_three)
    start = invert_features(net, photo, "mix", steps=1).picture
    assert seen == [(1, 180), (2, 180), (3, 180)]
    assert found.picture.shape == (32, 32, 3) and np.isfinite(found.error)
    assert not np.array_equal(found.picture, start)


@pytest.mark.filterwarnings("error")
def test_a_flat_photo_has_no_correlation(net):
    found = invert_features(net, np.full((32, 32, 3), 90, np.uint8), "mix", tv=0)
    assert np.isnan(found.correlation) and np.abs(found.picture - 90.0).mean() < 3


def test_maps_that_stay_far_from_the_photo_are_said(net):
    with pytest.warns(UserWarning, match="far from the photo's after 2 steps"):
        found = invert_features(net, np.full((32, 32, 3), 5, np.uint8), "mix", steps=2)
    assert found.error > 0.5


def test_maps_that_are_zero_all_over_are_refused(net):
    with pytest.raises(ValueError, match="maps of 'mix' are 0 all over"):
        invert_features(net, np.zeros((32, 32, 3), np.uint8), "mix")


@pytest.mark.parametrize(
    "settings, words",
    [({"steps": 0}, "steps must be"), ({"tv": -1}, "tv must be"), ({"seed": 0.5}, "seed must be")],
)
def test_refusals(net, photo, settings, words):
    with pytest.raises(ValueError, match=words):
        invert_features(net, photo, **{"layer": "mix", **settings})


@pytest.mark.parametrize(
    "layer, error, low, high",
    [
        ("conv1", 0.15, 0.95, 1.0),
        ("fire5_concat", 0.2, 0.25, 0.9),
        ("fire9_concat", 0.4, -0.2, 0.4),
    ],
)
def test_deep_layers_keep_less_of_the_pixels(layer, error, low, high):
    """With 200 steps the correlations are .98, .75 and .08; here with 60, .99, .41 and .01."""
    found = invert_features(load_network("squeezenet"), load_photo("chelsea"), layer, steps=60)
    assert found.error < error and low < found.correlation <= high
