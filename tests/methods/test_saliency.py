"""Gradients with respect to the photo: closed forms, identities, tf-keras-vis on equal terms."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import architecture, chain, close, photo_of_noise
from keras import layers

from cnnvis_helpers.methods.gradients import GuidedRule, reduce_colours
from cnnvis_helpers.methods.saliency import (
    gradient_x_input,
    guided_backprop,
    input_gradient,
    integrated_gradients,
    saliency,
    smoothgrad,
)
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.resizing import resize_map

# `saliency` in the package is the function, not the module.
module = importlib.import_module("cnnvis_helpers.methods.saliency")
PHOTO = photo_of_noise()
METHODS = [saliency, gradient_x_input, smoothgrad, integrated_gradients, guided_backprop]


@pytest.fixture(scope="module")
def linear():
    """(net, weights (8, 10, 3, 3 classes), bias): logits = weights . pixels + bias."""
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(240, 3)).astype("float32"), np.float32([0.5, -1, 2])
    dense = layers.Dense(3, activation="softmax")
    net = chain(layers.Flatten(), size=(8, 10), head=[dense])
    dense.set_weights([weights, bias])
    return net, weights.reshape(8, 10, 3, 3), bias


@pytest.fixture(scope="module")
def linear_photo():
    return np.random.default_rng(1).integers(0, 256, (8, 10, 3), np.uint8)


@pytest.fixture(scope="module")
def smooth():
    """A network without kinks: swish, three layers."""
    keras.utils.set_random_seed(2)
    return chain(
        layers.Rescaling(1 / 64, offset=-2),
        layers.Conv2D(8, 5, strides=2, activation="swish"),
        layers.Conv2D(16, 3, activation="gelu", name="gelu_conv"),
        layers.Flatten(),
        layers.Dense(32, activation="tanh"),
        size=(24, 24),
        head=[layers.Dense(4, activation="softmax")],
    )


# Closed forms on a linear network ----------------------------------------------------------------


def test_saliency_of_a_linear_network_is_its_weights(linear, linear_photo):
    net, weights, _ = linear
    w = weights[..., 1]
    assert close(saliency(net, linear_photo, 1, reduce="rgb"), w, 1e-6)
    assert close(saliency(net, linear_photo, 1), np.abs(w).max(axis=-1), 1e-6)
    assert close(saliency(net, linear_photo, 1, reduce="sum_abs"), np.abs(w).sum(axis=-1), 1e-6)
    assert close(saliency(net, linear_photo, 1, reduce="sum"), w.sum(axis=-1), 1e-5)
    assert close(
        saliency(net, linear_photo, (0, 2), reduce="rgb"), weights[..., 0] - weights[..., 2], 1e-6
    )


def test_gradient_x_input_of_a_linear_network_adds_up(linear, linear_photo):
    net, weights, bias = linear
    found = gradient_x_input(net, linear_photo, 2)
    assert close(found, (weights[..., 2] * linear_photo).sum(axis=-1), 1e-5)
    logit = net.logits(net.prepare(linear_photo)).numpy()[0, 2]
    assert found.sum() == pytest.approx(logit - bias[2], rel=1e-4)


def test_smoothgrad_explains_the_photos_top_class_in_all_copies(linear, linear_photo):
    """Also in those noisy copies whose own top class is another."""
    net, weights, _ = linear
    pixels = net.prepare(linear_photo)[0]
    noise = [tf.random.stateless_normal(pixels.shape, (0, k)) for k in range(9)]
    copies = np.stack([pixels + 0.9 * np.ptp(pixels) * one for one in noise])
    top = net.predict(linear_photo)[0].index
    assert np.count_nonzero(net.logits(copies).numpy().argmax(axis=1) != top) >= 2
    found = smoothgrad(net, linear_photo, samples=9, noise=0.9, reduce="rgb")
    assert close(found, weights[..., top], 1e-5)


@pytest.mark.parametrize("baseline", [0, 127.5, (255, 0, 30), "photo"])
def test_integrated_gradients_of_a_linear_network_are_exact(linear, linear_photo, baseline):
    net, weights, _ = linear
    start = linear_photo[::-1] if baseline == "photo" else np.broadcast_to(baseline, (8, 10, 3))
    found, complete = integrated_gradients(
        net, linear_photo, 1, linear_photo[::-1] if baseline == "photo" else baseline, 3, True
    )
    assert close(found, ((linear_photo - 1.0 * start) * weights[..., 1]).sum(axis=-1), 1e-5)
    assert complete.error < 1e-4
    assert complete.attributed == pytest.approx(found.sum(), rel=1e-4)


# Identities ---------------------------------------------------------------------------------------


def test_integrated_gradients_are_complete(smooth):
    for photo in (PHOTO, PHOTO[::-1]):
        for target in (0, 3, (1, 2)):
            grid, complete = integrated_gradients(
                smooth, photo, target, return_error=True, resize=False
            )
            vector = smooth.score_vector(target)
            ends = np.concatenate([smooth.prepare(photo), np.zeros((1, 24, 24, 3), np.float32)])
            at_photo, at_black = smooth.logits(ends).numpy() @ vector
            assert complete.difference == pytest.approx(at_photo - at_black, rel=1e-4, abs=1e-6)
            assert complete.attributed == pytest.approx(grid.sum(), rel=1e-3, abs=1e-5)
            gap = abs(complete.attributed - complete.difference)
            assert complete.error == pytest.approx(gap / abs(complete.difference))
            assert complete.error < 0.01


@pytest.mark.parametrize("steps", [1, 2, 5, 50])
def test_the_path_rule_integrates_polynomials_exactly(steps):
    places, weights = module.path_rule(steps)
    for power in range(2 * steps):
        assert weights @ places.astype(float) ** power == pytest.approx(1 / (power + 1), rel=1e-5)


def test_one_step_of_integrated_gradients_is_the_gradient_half_way(smooth):
    pixels = smooth.prepare(PHOTO)
    half_way = input_gradient(smooth, pixels[0] / 2, 1)
    found = integrated_gradients(smooth, PHOTO, 1, steps=1, reduce="rgb", resize=False)
    assert close(found, pixels[0] * half_way, 1e-4)


def test_smoothgrad_is_the_mean_of_gradients_of_noisy_photos(smooth, monkeypatch):
    photo = 40 + PHOTO // 3
    pixels = smooth.prepare(photo)[0]
    deviation = 0.3 * np.ptp(pixels)
    total, squares = 0, 0
    # One draw a copy, so that the map does not depend on how the copies are batched.
    noise = np.stack([tf.random.stateless_normal(pixels.shape, (5, k)) for k in range(7)])
    assert abs(noise.std() - 1) < 0.05 and abs(np.corrcoef(noise.reshape(7, -1))[0, 1:]).max() < 0.1
    for one in noise:
        with tf.GradientTape() as tape:
            x = tf.constant(pixels + deviation * one)[None]
            tape.watch(x)
            score = smooth.logits(x)[0, 3]
        gradient = tape.gradient(score, x).numpy()[0]
        total, squares = total + gradient, squares + gradient**2
    monkeypatch.setattr(module, "batch_size", lambda net: 3)
    settings = {"samples": 7, "noise": 0.3, "seed": 5, "reduce": "rgb", "resize": False}
    assert close(smoothgrad(smooth, photo, 3, **settings), total / 7, 1e-4)
    assert close(smoothgrad(smooth, photo, 3, squared=True, **settings), squares / 7, 1e-4)


def test_gradients_are_slopes(smooth):
    x = smooth.prepare(PHOTO)
    expected = input_gradient(smooth, PHOTO, 2)
    for row, column, colour in ((3, 4, 0), (9, 17, 1), (20, 2, 2)):
        pixel = np.zeros_like(x)
        pixel[0, row, column, colour] = 4
        change = (smooth.logits(x + pixel) - smooth.logits(x - pixel)).numpy()[0, 2]
        assert change / 8 == pytest.approx(expected[row, column, colour], rel=0.02)


def test_the_first_of_two_classes_has_minus_the_logit():
    net = architecture("cats and dogs")
    zero, one = (input_gradient(net, PHOTO, target) for target in (0, 1))
    assert one.any() and np.array_equal(zero, -one)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_at_the_photos_size_and_raw(method, tiny_net, tiny_photo):
    found = method(tiny_net, tiny_photo, 1)
    assert found.dtype == np.float32 and found.shape == (30, 44)
    grid = method(tiny_net, tiny_photo, 1, resize=False)
    assert grid.shape == (24, 32)
    assert np.array_equal(found, resize_map(grid, (30, 44)))
    colours = method(tiny_net, tiny_photo, 1, reduce="rgb", resize=False)
    assert colours.shape == (24, 32, 3)
    assert method(tiny_net, tiny_photo, 1, reduce="rgb").shape == (30, 44, 3)
    for reduce in ("max_abs", "sum_abs", "sum"):
        assert np.array_equal(
            method(tiny_net, tiny_photo, 1, reduce=reduce, resize=False),
            reduce_colours(colours, reduce),
        )


def test_one_trace_serves_all_classes_and_batches(tiny_net, tiny_photo):
    saliency(tiny_net, tiny_photo, 1)
    smoothgrad(tiny_net, tiny_photo, 0, samples=3)
    integrated_gradients(tiny_net, tiny_photo, (0, 2), steps=5)
    run = module._compiled_sum(tiny_net, None, False)
    assert run.experimental_get_tracing_count() == 1


def test_progress_and_stop(tiny_net, tiny_photo, monkeypatch):
    monkeypatch.setattr(module, "batch_size", lambda net: 4)
    seen = []
    smoothgrad(tiny_net, tiny_photo, samples=8, progress=lambda *n: seen.append(n))
    integrated_gradients(tiny_net, tiny_photo, steps=6, progress=lambda *n: seen.append(n))
    assert seen == [(4, 8), (8, 8), (3, 6), (6, 6)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="mean over the noisy copies done"):
        part = smoothgrad(tiny_net, tiny_photo, samples=8, progress=stop)
    assert close(part, smoothgrad(tiny_net, tiny_photo, samples=4), 1e-5)
    with pytest.raises(KeyboardInterrupt):
        integrated_gradients(tiny_net, tiny_photo, progress=stop)


# Guided backprop ----------------------------------------------------------------------------------


def guided_by_hand(weights, x, ceilings):
    """The guided gradient of the last of a chain of Dense layers, (n,) -> 1, in NumPy.

    weights : [(kernel, bias), ...]; ceilings : where the ReLU behind each but the last stops
    """
    inputs = []
    for (kernel, bias), ceiling in zip(weights, [*ceilings, None], strict=True):
        x = x @ kernel + bias
        if ceiling is not None:
            inputs.append(x)
            x = np.clip(x, 0, ceiling)
    gradient = weights[-1][0][:, 0]
    for before, ceiling, (kernel, _) in reversed(
        list(zip(inputs, ceilings, weights[:-1], strict=True))
    ):
        gradient = gradient * (before > 0) * (before < ceiling) * (gradient > 0)
        gradient = kernel @ gradient
    return gradient


@pytest.mark.parametrize(
    "kind, relu",
    [
        ("activation", {"activation": "relu"}),
        ("activation that is a layer", {"activation": layers.ReLU()}),
        ("activation with a ceiling", {"activation": "relu6"}),
        ("Activation layer", lambda x: layers.Activation("relu")(x)),
        ("ReLU layer", lambda x: layers.ReLU()(x)),
        ("ReLU layer with a ceiling", lambda x: layers.ReLU(max_value=6.0)(x)),
        ("operation", keras.ops.relu),
    ],
)
def test_guided_backprop_by_hand(kind, relu):
    rng, sizes = np.random.default_rng(4), (48, 20, 12, 1)
    weights = [
        (rng.normal(size=s).astype("float32") / 200, rng.normal(size=s[1]).astype("float32"))
        for s in zip(sizes, sizes[1:], strict=False)
    ]
    photo = keras.Input((4, 4, 3))
    x = layers.Flatten()(photo)
    for units in sizes[1:-1]:
        inside = isinstance(relu, dict)
        x = layers.Dense(units, **relu)(x) if inside else relu(layers.Dense(units)(x))
    model = keras.Model(photo, layers.Dense(1, activation="sigmoid")(x))
    model.set_weights([w for pair in weights for w in pair])
    net = load_network(model)
    pixels = rng.integers(0, 256, (4, 4, 3)).astype("uint8")
    ceiling = 6 if "ceiling" in kind else np.inf
    expected = guided_by_hand(weights, pixels.ravel().astype("float32"), [ceiling] * 2)
    found = guided_backprop(net, pixels, 1, reduce="rgb")
    assert np.count_nonzero(expected) and close(found.ravel(), expected, 1e-5)
    assert not np.allclose(found, saliency(net, pixels, 1, reduce="rgb"))


@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2", "grey"])
def test_the_guided_forward_pass_is_bit_identical(name):
    net = architecture(name)
    pixels = net.prepare(PHOTO)
    pixels = tf.constant(np.concatenate([pixels, pixels / 2, 0 * pixels]))
    guided = tf.function(lambda x: net.forward(x, substitute=GuidedRule())[0])
    assert np.array_equal(guided(pixels), net.logits(pixels))


def test_guided_backprop_of_layers_and_channels():
    """Up to the first ReLU's input all is linear, so guided and plain gradient agree there."""
    net = architecture("VGG16")
    x = tf.constant(net.prepare(PHOTO))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        maps = net.maps(x, ["block1_conv1"])[0]
        channel, everything = tf.reduce_sum(maps[..., 5]), tf.reduce_sum(maps)
    settings = {"layer": "block1_conv1", "reduce": "rgb", "resize": False}
    one = guided_backprop(net, PHOTO, channel=5, **settings)
    assert one.any() and close(one, tape.gradient(channel, x)[0], 1e-5)
    assert close(guided_backprop(net, PHOTO, **settings), tape.gradient(everything, x)[0], 1e-5)
    deep = guided_backprop(net, PHOTO, layer="block5_conv3", channel=7)
    assert deep.shape == PHOTO.shape[:2] and np.isfinite(deep).all()


def _net_with(layer, **settings):
    head = [layers.Flatten(), layers.Dense(2)]
    return chain(layers.Conv2D(4, 3, **settings), layer, size=(8, 8), head=head)


class _Mystery(layers.Layer):
    def call(self, x):
        return tf.nn.silu(x)


@pytest.mark.parametrize(
    "layer, settings, words",
    [
        (layers.Identity(), {"activation": "swish", "name": "stem"}, "'stem' has .* silu"),
        (layers.Activation("gelu", name="bend"), {}, "'bend' has the activation gelu"),
        (layers.Identity(), {"activation": layers.LeakyReLU(name="in")}, "'in' has .*LeakyReLU"),
        (layers.SpectralNormalization(layers.Conv2D(2, 1, activation="tanh")), {}, "Spectral"),
        (layers.ReLU(negative_slope=0.1, name="bend"), {}, "negative slope 0.1"),
        (layers.PReLU(name="bend"), {}, "PReLU"),
        (layers.Lambda(tf.nn.silu, name="bend"), {}, "Lambda"),
        (_Mystery(name="bend"), {}, "_Mystery"),
    ],
)
def test_guided_backprop_refuses_other_nonlinearities(layer, settings, words):
    with pytest.raises(ValueError, match=f"{words}.*take saliency"):
        guided_backprop(_net_with(layer, **settings), PHOTO)


def test_guided_backprop_checks_only_the_layers_below_the_chosen_one(smooth):
    net = _net_with(layers.Activation("tanh"), activation="relu", name="front")
    assert guided_backprop(net, PHOTO, layer="front").any()
    with pytest.raises(ValueError, match="silu"):
        guided_backprop(smooth, PHOTO, layer="gelu_conv")


# tf-keras-vis 0.8.7 -------------------------------------------------------------------------------


def guided_peer(model):
    """tf-keras-vis's guided backprop of a model without softmax: a function (photo, class)."""
    peer = pytest.importorskip("tf_keras_vis.saliency")
    modifiers = importlib.import_module("tf_keras_vis.utils.model_modifiers")
    scores = importlib.import_module("tf_keras_vis.utils.scores")
    guided = peer.Saliency(model, model_modifier=modifiers.GuidedBackpropagation(), clone=True)
    return lambda photo, target: guided(
        scores.CategoricalScore([target]), photo[None].astype("float32"), normalize_map=False
    )[0]


def test_guided_backprop_equals_tf_keras_vis_where_that_works():
    keras.utils.set_random_seed(5)
    convolutions = [layers.Conv2D(8, 3, activation="relu") for _ in range(2)]
    net = chain(*convolutions, layers.Flatten(), head=[layers.Dense(4)], preprocess="identity")
    photo = np.random.default_rng(6).integers(0, 256, (16, 16, 3), np.uint8)
    assert close(guided_backprop(net, photo, 2), guided_peer(net.model)(photo, 2))


def test_tf_keras_vis_is_silently_unguided_where_relus_are_layers():
    keras.utils.set_random_seed(7)
    convolutions = [layers.Conv2D(8, 3), layers.ReLU(), layers.Conv2D(8, 3), layers.ReLU()]
    net = chain(*convolutions, layers.Flatten(), size=(12, 12), head=[layers.Dense(3)])
    photo = np.random.default_rng(8).integers(0, 256, (12, 12, 3), np.uint8)
    theirs = guided_peer(net.model)(photo, 1)
    assert close(saliency(net, photo, 1), theirs)
    assert np.abs(guided_backprop(net, photo, 1) - theirs).max() > 0.01 * theirs.max()


# Refusals -----------------------------------------------------------------------------------------


def deep_network(policy, gain=None):
    """Four blocks of 96 x 96 pixels down to 6 x 6: gradients by pixels fall below a float16."""
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        photo = keras.Input((96, 96, 3))
        x = layers.Rescaling(1 / 2550)(photo)
        for _ in range(4):
            x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(x)
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Rescaling(gain)(x) if gain else x
        model = keras.Model(photo, layers.Dense(4, activation="softmax", dtype="float32")(x))
    finally:
        keras.config.set_dtype_policy("float32")
    return model


@pytest.mark.parametrize("gain", [None, 60000.0])
def test_gradients_in_float16_are_those_of_float32(gain):
    """Unscaled, small gradients are 0; scaled, those behind a large gain would be infinite."""
    model, half = deep_network("float32", gain), deep_network("mixed_float16", gain)
    half.set_weights(model.get_weights())
    photo = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    exact, ours = (input_gradient(load_network(one), photo, 1) for one in (model, half))
    assert (ours == 0).mean() <= (exact == 0).mean() + 0.01
    assert np.abs(ours - exact).sum() < 0.1 * np.abs(exact).sum()
