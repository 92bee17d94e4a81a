"""Randomised copies: which layers change, which do not, and that the caller's network stays."""

import random

import keras
import numpy as np
import pytest
from architectures import ARCHITECTURES, architecture, chain, eagerly, fingerprint, photo_of_noise
from keras import layers

from cnnvis_helpers.methods.randomization import layers_from_the_top, randomize_layers
from cnnvis_helpers.networks.network import load_network

PHOTO = photo_of_noise()


def built(*middle):
    return chain(*middle, head=[layers.GlobalAveragePooling2D(), layers.Dense(3, name="head")])


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    net = built(
        layers.Conv2D(4, 3, activation="relu", name="early"),
        layers.BatchNormalization(name="norm"),
        layers.Conv2D(5, 3, activation="relu", name="late"),
    )
    rng = np.random.default_rng(0)  # weights as after a training: no bias of zeros is left
    for layer in net.model.layers:
        layer.set_weights([1 + rng.random(w.shape).astype("float32") for w in layer.get_weights()])
    return net


def changed(net, copy):
    """The layers of which every weight differs, and those of which some do."""
    every, some = [], []
    for name in layers_from_the_top(net):
        pairs = zip(net.layer(name).get_weights(), copy.layer(name).get_weights(), strict=True)
        differs = [not np.array_equal(a, b) for a, b in pairs]
        every += [name] * all(differs)
        some += [name] * any(differs)
    return every, some


def logits(net):
    return np.asarray(net.logits(net.prepare(PHOTO)))


# Which layers ------------------------------------------------------------------------------------


def test_cascading_draws_all_from_the_top_and_independent_one_alone(small):
    names, before = layers_from_the_top(small), small
    assert names == ["head", "late", "norm", "early"]
    for number, name in enumerate(names, 1):
        copy = randomize_layers(small, name)
        assert changed(small, copy) == (names[:number], names[:number])
        assert changed(before, copy)[1] == [name], "one step differs from the next in one layer"
        assert changed(small, randomize_layers(small, name, cascading=False))[1] == [name]
        before = copy


def test_a_layer_called_twice_is_listed_once_and_drawn_once():
    twice = layers.Conv2D(3, 3, padding="same", name="twice")
    net = built(twice, layers.ReLU(), twice)
    assert layers_from_the_top(net) == ["head", "twice"]
    assert changed(net, randomize_layers(net, "twice", cascading=False))[1] == ["twice"]


def test_the_statistics_of_a_preprocessing_are_left_alone():
    normalise = layers.Normalization(mean=[10.0, 20.0, 30.0], variance=[4.0, 5.0, 6.0])
    net = built(normalise, layers.Lambda(lambda x: x / 255), layers.Conv2D(4, 3, name="conv"))
    assert layers_from_the_top(net) == ["head", "conv"]
    copies = [one.model.layers[1].get_weights() for one in (net, randomize_layers(net, "conv"))]
    for before, after in zip(*copies, strict=True):
        assert np.array_equal(before, after)


# What is drawn -----------------------------------------------------------------------------------


def test_every_weight_comes_from_its_own_initializer():
    net = built(
        layers.Conv2D(64, 3, kernel_initializer="he_normal", bias_initializer="ones", name="he"),
        layers.BatchNormalization(name="norm"),
        layers.Conv2D(64, 3, name="glorot"),
    )
    for layer in net.model.layers:
        layer.set_weights([np.full(w.shape, 7, "float32") for w in layer.get_weights()])
    copy = randomize_layers(net, "he")
    kernel, bias = copy.layer("he").get_weights()
    assert kernel.std() == pytest.approx(np.sqrt(2 / 27), rel=0.1) and (bias == 1).all()
    kernel, bias = copy.layer("glorot").get_weights()
    limit = np.sqrt(6 / (9 * 64 + 9 * 64))
    assert 0.97 * limit < np.abs(kernel).max() <= limit and (bias == 0).all()
    gamma, beta, mean, variance = copy.layer("norm").get_weights()
    assert (gamma == 1).all() and (beta == 0).all() and (mean == 0).all() and (variance == 1).all()


def test_the_seed_decides(small):
    copies = [randomize_layers(small, "early", seed=seed) for seed in (5, 5, 6)]
    for first, again, other in zip(*(one.model.get_weights() for one in copies), strict=True):
        assert np.array_equal(first, again)
        if np.ptp(first):  # constants, such as a bias of zeros, do not depend on it
            assert not np.array_equal(first, other)


def test_the_fixed_seed_of_an_initializer_is_ignored():
    fixed = keras.initializers.GlorotUniform(seed=3)
    net = built(layers.Conv2D(4, 3, kernel_initializer=fixed, name="conv"))
    kernels = [randomize_layers(net, "conv", seed=k).layer("conv").get_weights()[0] for k in (0, 1)]
    assert not np.allclose(*kernels)
    assert not np.allclose(kernels[0], net.layer("conv").get_weights()[0])


def test_the_sessions_random_generators_stay_as_they_are(small):
    random.seed(8)
    np.random.seed(8)
    before = random.getstate(), np.random.get_state()[1].tolist()
    randomize_layers(small, "early")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# Every architecture ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_a_copy_and_stays_as_it_was(name):
    net = architecture(name)
    names, before = layers_from_the_top(net), fingerprint(net)
    middle = names[len(names) // 2]
    with eagerly(name):
        copy = randomize_layers(net, middle)
        assert np.isfinite(logits(copy)).all()
        assert not np.allclose(logits(copy), logits(net))
    assert fingerprint(net) == before
    assert layers_from_the_top(copy) == names
    assert (copy.labels, copy.input_size) == (net.labels, net.input_size)
    drawn, other = names[: names.index(middle) + 1], changed(net, copy)[1]
    # ConvNeXt's layer norms and scales are untrained here: drawing them again gives the same.
    same = [one for one in drawn if one not in other]
    assert all("layernorm" in one or "layer_scale" in one for one in same)
    assert [one for one in drawn if one not in same] == other


def test_the_copy_has_the_same_preprocessing():
    net = chain(layers.Conv2D(4, 3, name="conv"), preprocess="caffe")
    copy = randomize_layers(net, net.model.layers[-1].name, cascading=False)
    maps = [np.asarray(n.maps(n.prepare(PHOTO), ["conv"])[0]) for n in (net, copy)]
    assert np.array_equal(*maps)


# What is refused ---------------------------------------------------------------------------------


def test_bad_input_is_refused(small):
    for layer, message in [
        ("lat", "no layer 'lat'.*did you mean 'late'"),
        (small.steps[-2].name, "has no weights.*head, late"),
    ]:
        with pytest.raises(ValueError, match=message):
            randomize_layers(small, layer)
    with pytest.raises(ValueError, match="seed must be a whole number"):
        randomize_layers(small, "late", seed=-1)


def test_a_layer_that_cannot_be_copied_is_refused():
    class Stubborn(layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(x)

    net = built(Stubborn(lambda x: 2 * x), layers.Conv2D(4, 3, name="conv"))
    with pytest.raises(ValueError, match="cannot be copied"):
        randomize_layers(net, "conv")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "squeezenet", "shapes_c"])
def test_a_random_copy_of_a_bundled_network_still_answers_the_photo(name):
    """A copy of zeros would make every map empty, which looks like a passed sanity check."""
    net = load_network(name)
    blank = randomize_layers(net, layers_from_the_top(net)[-1])
    for layer in blank.model.layers:
        assert all(np.ptp(w) > 0 for w in layer.get_weights() if w.ndim > 1), layer.name
    assert np.ptp(blank.logits(blank.prepare(PHOTO))) > 0
