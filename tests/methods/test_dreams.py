"""Filter patterns, class patterns and deep dream, judged by numbers on small networks."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import chain
from keras import layers

from cnnvis_helpers.methods import deep_dream as dreams
from cnnvis_helpers.methods import patterns as made
from cnnvis_helpers.methods.patterns import (
    class_pattern,
    filter_pattern,
    filter_patterns,
    filter_responses,
)
from cnnvis_helpers.networks.network import load_network


def small_network():
    keras.utils.set_random_seed(3)
    return chain(
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(12, 3, padding="same", activation="relu", name="second"),
        layers.GlobalAveragePooling2D(),
        size=(48, 48),
        head=[layers.Dense(5, activation="softmax", name="head")],
    )


@pytest.fixture(scope="module")
def net():
    return small_network()


@pytest.fixture(scope="module")
def photo():
    rows, columns = np.mgrid[:70, :90]
    picture = np.stack([rows * 3, columns * 2, (rows + columns) % 40 * 6], -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


# --- filter patterns


def test_each_pattern_excites_its_own_filter_more_than_every_other_pattern_does(net):
    patterns = filter_patterns(net, "second", size=48)
    responses = filter_responses(net, patterns, "second")
    assert patterns.shape == (12, 48, 48, 3) and patterns.dtype == np.uint8
    assert (responses.argmax(axis=0) == np.arange(12)).all()


def test_the_pattern_of_a_linear_filter_is_its_sign():
    """For a 1x1 filter w the best picture is 255 where w > 0 and 0 where w < 0."""
    net = chain(layers.Conv2D(2, 1, name="mix"), head=[layers.GlobalAveragePooling2D()])
    kernel = np.array([[1.0, -2.0], [-0.5, 0.7], [0.3, 1.0]], np.float32)
    net.layer("mix").set_weights([kernel[None, None], np.zeros(2, np.float32)])
    patterns = filter_patterns(net, "mix", size=16, steps=200, step=8.0, blur=0.0, jitter=8)
    for channel in range(2):
        expected = np.where(kernel[:, channel] > 0, 255, 0)
        assert (patterns[channel] == expected).all()


def test_one_pattern_equals_its_place_in_the_batch(net):
    together = filter_patterns(net, "second", [7, 2, 5], size=32, steps=8)
    alone = filter_pattern(net, "second", 2, size=32, steps=8)
    difference = np.abs(together[1].astype(int) - alone)
    assert difference.max() <= 1  # rounding of a sum in another order


def test_a_filter_silent_behind_its_relu_still_gets_a_pattern(photo):
    net = small_network()
    kernel, bias = net.layer("second").get_weights()
    net.layer("second").set_weights([kernel, bias - 10])
    pattern = filter_pattern(net, "second", 0, size=32, steps=20)
    start = filter_pattern(net, "second", 0, size=32, steps=1, step=1e-3)
    before, after = filter_responses(net, [start, pattern], "second")[:, 0]
    assert after > before + 0.003  # a tenth counts below zero


def test_filters_silent_behind_a_concatenation_get_their_patterns():
    """Each filter of a fire module of SqueezeNet; half of fire9 is silent on grey noise."""
    net = load_network("squeezenet")
    silent = [128, 144, 300, 500]
    patterns = filter_patterns(net, "fire9_concat", silent, size=64, steps=3)
    answers = filter_responses(net, patterns, "fire9_concat")[:, silent]
    assert (answers < 0).any() and patterns.std(axis=(1, 2, 3)).min() > 11
    expand = filter_patterns(net, "fire9_expand3x3", [44, 244], size=64, steps=3)
    assert np.array_equal(patterns[2:], expand)


def test_no_place_of_a_pattern_is_special(net):
    """A step on a rolled picture is the rolled step: no frame, and no seam in a repeated tile."""
    climb = made._filter_step(net, "first")
    here, kernel = np.zeros(2, np.int32), made._gaussian(0.7)
    start = np.random.default_rng(0).uniform(60, 190, (1, 32, 32, 3)).astype(np.float32)

    def step(picture):
        return climb(picture, [2], tf.constant(made.WRAP), here, kernel, 4.0).numpy()

    rolled = step(np.roll(start, (5, 9), axis=(1, 2)))
    assert np.abs(rolled - np.roll(step(start), (5, 9), axis=(1, 2))).max() < 1e-3
    assert np.abs(rolled - np.roll(start, (5, 9), axis=(1, 2))).mean() > 1


@pytest.mark.parametrize("jitter, share", [(0, 1 / 16), (8, 1)])
def test_jitter_reaches_the_pixels_between_the_places_of_a_coarse_grid(jitter, share):
    """A filter that looks at every fourth pixel of every fourth row changes these alone."""
    coarse = layers.Conv2D(1, 1, strides=4, kernel_initializer="ones", name="coarse")
    net = chain(coarse, size=(32, 32), head=[layers.GlobalAveragePooling2D()])
    settings = {"size": 32, "steps": 200, "step": 16.0, "blur": 0.0, "jitter": jitter}
    pattern = filter_pattern(net, "coarse", 0, **settings)
    assert np.mean(pattern.min(axis=2) == 255) == share


# --- class patterns


@pytest.mark.parametrize("smooth", [True, False])
def test_a_class_pattern_is_a_better_example_of_its_class_than_another_pattern(net, smooth):
    pictures = [class_pattern(net, target, steps=40, smooth=smooth) for target in (3, 1)]
    assert pictures[0].shape == (48, 48, 3) and pictures[0].dtype == np.uint8
    of_three, of_one = np.asarray(net.logits(np.float32(pictures)))
    assert of_three[3] > of_one[3] and of_one[1] > of_three[1]


def test_a_class_whose_map_is_zero_all_over_still_gets_its_pattern():
    """Without a leak behind the last ReLU it would have no gradient to climb."""
    keras.utils.set_random_seed(2)
    net = chain(
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(3, 1, activation="relu", name="scores"),
        size=(32, 32),
        head=[layers.GlobalAveragePooling2D()],
    )
    net.layer("scores").bias.assign([0.0, -0.2, 0.0])
    start = class_pattern(net, 1, steps=1, learning_rate=1e-6)
    found = class_pattern(net, 1, steps=60)
    before, after = np.asarray(net.logits(np.float32([start, found])))[:, 1]
    assert before == 0 and after > 0.05


@pytest.fixture(scope="module")
def spot():
    """A network that looks at one pixel of 24 x 24 alone: row 6, column 9."""
    net = chain(layers.Flatten(), size=(24, 24), head=[layers.Dense(2, name="head")])
    kernel = np.zeros((24, 24, 3, 2), np.float32)
    kernel[6, 9, :, 0] = 1
    net.layer("head").set_weights([kernel.reshape(-1, 2), np.zeros(2, np.float32)])
    return net


@pytest.mark.parametrize("jitter", [0, 2])
def test_jitter_lights_every_place_that_a_shift_brings_to_the_spot(spot, jitter):
    picture = class_pattern(
        spot, 0, steps=200, learning_rate=0.3, smooth=False, jitter=jitter, zoom=0
    )
    square = np.zeros((24, 24), bool)
    square[6 - jitter : 7 + jitter, 9 - jitter : 10 + jitter] = True
    assert picture[square].min() > 200 and picture[~square].max() < 135


def test_zoom_lights_places_nearer_to_the_centre_and_farther_from_it(spot):
    """Row 6 is 5.5 above the middle: at 0.7 of the size row 4 comes there, at 1.3 row 7."""
    picture = class_pattern(spot, 0, steps=200, learning_rate=0.3, smooth=False, jitter=0, zoom=0.3)
    rows, columns = np.nonzero(picture.min(axis=2) > 135)
    assert set(rows) >= {4, 5, 6, 7} and rows.min() >= 3 and rows.max() <= 8
    assert set(columns) >= {8, 9, 10} and columns.min() >= 7 and columns.max() <= 10


# --- deep dream


def test_tiles_cover_the_picture_once():
    covered = np.zeros((130, 300), int)
    for rows, columns in dreams._tiles(covered.shape, 128):
        assert rows.stop - rows.start <= 128 and columns.stop - columns.start <= 128
        covered[rows, columns] += 1
    assert (covered == 1).all()


def test_detail_is_put_back(net, photo):
    checks = (np.indices((80, 80)).sum(0) % 2 * 255).astype(np.uint8)
    checks = np.repeat(checks[..., None], 3, axis=2)

    def sharpness(detail):
        settings = dict(octaves=2, steps=1, step=1e-3, detail=detail)
        dream = dreams.deep_dream(net, checks, "second", **settings)
        return np.abs(np.diff(dream.astype(float), axis=0)).mean()

    assert sharpness(True) == pytest.approx(255, rel=0.01)
    assert sharpness(False) < 60


def test_one_step_moves_the_pixels_by_the_step_on_average(net):
    grey = np.full((64, 64, 3), 127, np.uint8)
    _, _, picture = next(dreams.dream_steps(net, grey, "first", octaves=1, steps=1, step=3.0))
    assert np.abs(picture - 127).mean() == pytest.approx(3.0, rel=1e-3)


def test_layer_weights_matter_and_the_default_layer_is_named(net, photo):
    alone = dreams.deep_dream(net, photo, {"first": 1.0, "second": 0.0}, octaves=1, steps=3)
    first = dreams.deep_dream(net, photo, "first", octaves=1, steps=3)
    assert np.abs(alone.astype(int) - first).mean() < 0.1
    named = dreams.deep_dream(net, photo, dreams.dream_layer(net), octaves=1, steps=1)
    assert np.array_equal(dreams.deep_dream(net, photo, octaves=1, steps=1), named)


@pytest.mark.filterwarnings("ignore:.*continues with tokens")
def test_a_dream_does_not_take_the_patches_of_a_transformer_unasked(photo):
    pixels = keras.Input((32, 32, 3))
    x = layers.Reshape((16, 8))(layers.Conv2D(8, 8, strides=8, name="patches")(pixels))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
    net = load_network(keras.Model(pixels, layers.Dense(2)(layers.GlobalAveragePooling1D()(x))))
    with pytest.raises(ValueError, match="continues with tokens"):
        dreams.deep_dream(net, photo, octaves=1, steps=1)
    assert dreams.deep_dream(net, photo, "patches", octaves=1, steps=1).shape == photo.shape


# --- all of them


@pytest.fixture(scope="module")
def shrinking():
    """A network whose second layer leaves nothing of a picture of 32 x 32, all around included."""
    wide = layers.Conv2D(4, 9, strides=2, name="wide")
    return chain(wide, layers.Conv2D(4, 13, name="wider"), size=(48, 48))


def test_a_picture_too_small_for_a_layer_is_refused(shrinking, photo):
    assert filter_pattern(shrinking, "wide", 0, size=16, steps=1).shape == (16, 16, 3)
    with pytest.raises(ValueError, match="Of a picture of 16 x 16 pixels nothing .* 'wider'"):
        filter_pattern(shrinking, "wider", 0, size=16)
    assert dreams.deep_dream(shrinking, photo, "wider", octaves=1, steps=1).shape == photo.shape
    with pytest.raises(ValueError, match="Of a picture of 45 x 32 pixels nothing .* 'wider'"):
        dreams.deep_dream(shrinking, photo[:64], "wider", octaves=2, octave_scale=2)
    with pytest.raises(ValueError, match="Of a picture of 45 x 32"):  # the smallest tile decides
        dreams.deep_dream(shrinking, photo[:65], "wider", octaves=1, tile=64)


BAD = {
    "channel": (lambda net, photo: filter_pattern(net, "first", 8), "0 to 7.*no channel 8"),
    "one channel": (lambda net, photo: filter_patterns(net, "first", 3), "list of.*not 3"),
    "size": (lambda net, photo: filter_pattern(net, "first", 0, size=2), "16 or more"),
    "steps": (lambda net, photo: filter_pattern(net, "first", 0, steps=0), "steps .*not 0"),
    "no class": (lambda net, photo: class_pattern(net, None), "no photo"),
    "rate": (lambda net, photo: class_pattern(net, 0, learning_rate=0), "learning_rate"),
    "zoom": (lambda net, photo: class_pattern(net, 0, zoom=0.9), "zoom must.*not 0.9"),
    "octaves": (lambda net, photo: dreams.deep_dream(net, photo, octaves=0), "octaves must.*not 0"),
    "too many": (lambda net, photo: dreams.deep_dream(net, photo, octaves=9), "fewer octaves"),
    "tile": (lambda net, photo: dreams.deep_dream(net, photo, tile=8), "tile must.*64 or more"),
    "no layers": (lambda net, photo: dreams.deep_dream(net, photo, []), "empty list"),
    "tiny photo": (lambda net, photo: dreams.deep_dream(net, photo[:28], octaves=1), "enlarge it"),
    "octave": (lambda net, photo: dreams.deep_dream(net, photo, octave=2), "mean 'octaves'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(net, photo, case):
    call, words = BAD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=words) as caught:
            call(net, photo)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_silent_filter_behind_a_relu_of_its_own_gets_its_pattern(photo):
    """Its maps are all zero: the pattern climbs what comes before the ReLU."""
    norm, relu = layers.BatchNormalization(name="bn"), layers.ReLU(6.0, name="relu")
    net = chain(layers.Conv2D(3, 3, name="conv"), norm, relu, size=(32, 32))
    norm.beta.assign([-10.0, -10.0, 0.0])
    before, behind = (filter_patterns(net, name, size=32, steps=10) for name in ("bn", "relu"))
    assert np.array_equal(before, behind) and (behind[0] != behind[1]).any()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopIteration])
def test_stopped_patterns_and_dreams_are_those_of_the_steps_done(net, photo, stop):
    def after_two(done, total):
        if done == 2:
            raise stop

    calls = {
        "filters": lambda **more: filter_patterns(net, "second", [1, 3], size=32, **more),
        "dream": lambda **more: dreams.deep_dream(net, photo, "second", octaves=1, **more),
    }
    for call in calls.values():
        with pytest.warns(UserWarning, match="stopped early"):
            stopped = call(steps=5, progress=after_two)
        assert np.array_equal(stopped, call(steps=2))
    with pytest.warns(UserWarning, match="stopped early"):
        stopped = class_pattern(net, 2, steps=5, progress=after_two)
    assert np.abs(stopped.astype(int) - class_pattern(net, 2, steps=1)).mean() > 0.5


def test_a_network_with_weights_of_nan_makes_no_picture(photo):
    net = small_network()
    layer = net.layer(net.last_conv)
    layer.set_weights([np.full_like(values, np.nan) for values in layer.get_weights()])
    for make in (
        lambda: filter_pattern(net, net.last_conv, 0, size=16, steps=1),
        lambda: class_pattern(net, 0, steps=1),
        lambda: dreams.deep_dream(net, photo, net.last_conv, octaves=1, steps=1),
    ):
        with pytest.raises(ValueError, match="gradient of the network .* is nan"):
            make()


def test_a_layer_called_twice_loses_the_activation_of_its_last_call_alone():
    keras.utils.set_random_seed(1)
    shared = layers.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    pixels = keras.Input((16, 16, 3))
    pooled = layers.GlobalAveragePooling2D()(shared(shared(pixels)))
    net = load_network(keras.Model(pixels, layers.Dense(2)(pooled)))
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype(np.float32)
    once = tf.nn.conv2d(picture, shared.kernel, 1, "SAME")
    twice = tf.nn.conv2d(tf.nn.relu(once), shared.kernel, 1, "SAME")
    expected = tf.reduce_mean(tf.nn.leaky_relu(twice, 0.1), axis=(1, 2))
    np.testing.assert_allclose(
        filter_responses(net, picture, "shared"), expected, rtol=1e-4, atol=1e-3
    )


def test_a_nested_model_stands_for_its_last_layer_before_the_activation():
    keras.utils.set_random_seed(1)
    body = [layers.Conv2D(4, 3, activation="relu", name=name) for name in ("conv", "last")]
    net = chain(keras.Sequential([keras.Input((16, 16, 3)), *body], name="base"))
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    answers = [filter_responses(net, picture, name) for name in ("base", "last")]
    assert (answers[0] < 0).any()
    np.testing.assert_array_equal(*answers)


def test_a_network_that_reshapes_its_input_takes_pictures_of_its_own_size_alone():
    pixels = keras.Input((40, 36))
    x = layers.Conv2D(4, 3, name="conv")(layers.Reshape((40, 36, 1))(pixels))
    pooled = layers.GlobalAveragePooling2D()(x)
    net = load_network(keras.Model(pixels, layers.Dense(2)(pooled)))
    with pytest.raises(ValueError, match="reshapes .* 36 x 40 pixels, and this needs 72 x 72"):
        filter_pattern(net, "conv", 0, size=64)
    photo = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
    assert dreams.deep_dream(net, photo, "conv", octaves=1, steps=1).shape == photo.shape
    with pytest.raises(ValueError, match="reshapes its input before the layer 'conv'"):
        dreams.deep_dream(net, np.tile(photo, (2, 2, 1)), "conv", octaves=1)
