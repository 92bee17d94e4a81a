"""Class activation maps: identities, independent arithmetic, heads with and without Dense."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import (
    POOLED,
    architecture,
    chain,
    close,
    give_statistics,
    one_sentence,
    photo_of_noise,
)
from keras import layers

from cnnvis_helpers.methods.cam import (
    cam,
    gradcam,
    gradcam_from,
    gradcam_plus_plus,
    gradcam_plus_plus_from,
    guided_gradcam,
    layer_gradients,
    layercam,
    layercam_from,
    pooled_head,
    scorecam,
)
from cnnvis_helpers.methods.saliency import guided_backprop
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.resizing import resize_map

module = importlib.import_module("cnnvis_helpers.methods.cam")
PHOTO = photo_of_noise()
LARGE = ("ResNet50", "DenseNet121", "InceptionV3", "EfficientNetB0")  # seconds to build


@pytest.fixture(scope="module")
def small():
    """A network on pixels -1..1 whose maps have the input's size; the logits can be made large."""
    keras.utils.set_random_seed(1)
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="early")(photo)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="late")(x)
    x = layers.Flatten(name="flat")(layers.AveragePooling2D(4, name="pool")(x))
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    model = keras.Model(photo, layers.Dense(4, activation="softmax", name="head")(x))
    return load_network(model, preprocess="tf", labels=["ant", "bee", "cat", "dog"])


@pytest.fixture(scope="module")
def small_photo():
    return np.random.default_rng(3).integers(0, 256, (16, 20, 3), np.uint8)


# The arithmetic, against loops that say it again -------------------------------------------------


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return np.maximum(rng.normal(size=(4, 5, 6)), 0), rng.normal(size=(4, 5, 6))


def test_gradcam_arithmetic(arrays):
    activations, gradients = arrays
    expected = np.zeros((4, 5))
    for k in range(6):
        weight = sum(gradients[i, j, k] for i in range(4) for j in range(5)) / 20
        expected += weight * activations[..., k]
    assert np.allclose(gradcam_from(activations, gradients, relu=False), expected, atol=1e-12)
    assert np.allclose(gradcam_from(activations, gradients), expected.clip(0), atol=1e-12)
    assert expected.min() < 0 < expected.max()


@pytest.mark.parametrize("score", [-2.0, 3.0])
def test_gradcam_plus_plus_is_the_papers_formula_up_to_a_factor(arrays, score):
    activations, g = arrays
    y = np.exp(score)
    first, second, third = y * g, y * g**2, y * g**3
    alpha = second / (2 * second + third * activations.sum(axis=(0, 1)))
    weights = (alpha * np.maximum(first, 0)).sum(axis=(0, 1))
    paper = np.maximum(activations @ weights, 0)
    assert np.allclose(gradcam_plus_plus_from(activations, g) * y, paper, rtol=1e-12)


def test_gradcam_plus_plus_of_nothing_is_nothing():
    assert not gradcam_plus_plus_from(np.zeros((2, 2, 3)), np.zeros((2, 2, 3))).any()


def test_layercam_arithmetic(arrays):
    activations, gradients = arrays
    expected = np.zeros((4, 5))
    for k in range(6):
        expected += np.where(gradients[..., k] > 0, gradients[..., k], 0) * activations[..., k]
    assert np.allclose(layercam_from(activations, gradients), expected, atol=1e-12)


# Against Keras, step by step ----------------------------------------------------------------------


def test_maps_and_gradients_are_those_of_plain_keras(small, small_photo):
    early, pool, late = (small.model.get_layer(name) for name in ("early", "pool", "late"))
    x = tf.constant(small_photo[None] / np.float32(127.5) - 1)
    with tf.GradientTape() as tape:
        maps = early(x)
        tape.watch(maps)
        flat = small.model.get_layer("flat")(pool(late(maps)))
        hidden = small.model.get_layer("hidden")(flat)
        score = (hidden @ small.model.get_layer("head").kernel)[0, 2]
    expected = tape.gradient(score, maps)
    ours, gradients = layer_gradients(small, small_photo, "cat", "early")
    assert ours.shape == gradients.shape == (16, 20, 6)
    assert close(ours, maps[0], 1e-5) and close(gradients, expected[0], 1e-5)


# Identities ---------------------------------------------------------------------------------------


def head_of_maps(*after, pooled=(), activation="relu"):
    """A network whose last maps are one a class: a 1x1 convolution, `after`, the average."""
    keras.utils.set_random_seed(4)
    return chain(
        layers.Rescaling(1 / 255),
        layers.Conv2D(6, 3, activation="relu"),
        layers.Conv2D(4, 1, activation=activation, bias_initializer="random_normal"),
        *after,
        size=(16, 20),
        head=[layers.GlobalAveragePooling2D(keepdims=bool(pooled)), *pooled],
    )


def conv_head():
    """As MobileNet ends: the average keeps its two dimensions, and a 1x1 convolution follows."""
    return head_of_maps(
        pooled=[layers.Dropout(0.3), layers.Conv2D(5, 1), layers.Reshape((5,)), layers.Softmax()]
    )


HEADS = {
    "squeezenet": lambda: load_network("squeezenet"),
    "lite0": lambda: load_network("efficientnet_lite0"),
    "relu": lambda: head_of_maps(),
    "linear, dropout": lambda: head_of_maps(layers.Dropout(0.5), activation=None),
    "relu6 of its own": lambda: head_of_maps(layers.ReLU(6.0), activation=None),
    "softmax behind": lambda: head_of_maps(pooled=[layers.Reshape((4,)), layers.Softmax()]),
    "conv behind the average": conv_head,
    **{name: lambda name=name: architecture(name) for name in POOLED if name not in LARGE},
}


@pytest.mark.parametrize("name", HEADS)
def test_cam_sums_to_the_score_and_is_gradcam_before_the_relu(name):
    """Its mean is the logit without the Dense layer's bias; Grad-CAM has it divided by places."""
    net = HEADS[name]()
    layer, dense = pooled_head(net)
    bias = 0 if dense is None or not dense.use_bias else np.asarray(dense.bias)
    scores = net.logits(net.prepare(PHOTO)).numpy()[0] - bias
    tolerance = 5e-3 if name == "mixed precision" else 2e-5  # half precision keeps three digits
    for target in (1, 2, (0, 3)):
        grid = cam(net, PHOTO, target, resize=False)
        expected = scores @ net.score_vector(target)
        assert grid.any() and abs(grid.mean() - expected) <= tolerance * np.abs(scores).max()
        raw = gradcam(net, PHOTO, target, layer, relu=False, resize=False)
        assert np.abs(grid / grid.size - raw).max() <= tolerance * np.abs(raw).max()


def test_a_class_map_of_its_own_needs_no_dense_layer():
    net = load_network("squeezenet")
    maps = net.maps(net.prepare(PHOTO), ["conv10"])[0].numpy()[0]
    assert pooled_head(net) == ("conv10", None)
    assert np.array_equal(cam(net, PHOTO, "tabby", resize=False), maps[..., 281])


def test_maps_that_only_look_like_scores_are_refused():
    """Probabilities that are averaged: the score is the logarithm of a mean, not a mean."""
    averaged = head_of_maps(layers.Softmax(), activation=None)
    with pytest.raises(ValueError, match="sums over the places") as error:
        cam(averaged, PHOTO, 1)
    assert one_sentence(error)


@pytest.mark.parametrize("chosen", [0, 1])
def test_cam_takes_the_head_that_is_the_output(chosen, small_photo):
    """A nested head with two outputs: the last layer call is not the one that counts."""
    keras.utils.set_random_seed(0)
    maps = keras.Input((16, 20, 6))
    pooled = layers.GlobalAveragePooling2D()(maps)
    head = keras.Model(maps, [layers.Dense(4)(pooled), layers.Dense(4)(pooled)], name="head")
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(photo)
    net = load_network(keras.Model(photo, head(x)[chosen]))
    logit = net.logits(net.prepare(small_photo))[0, 2]  # the biases are 0
    assert cam(net, small_photo, 2, resize=False).mean() == pytest.approx(float(logit), rel=1e-4)


MEANS = {
    "Keras mean": lambda x: keras.ops.mean(x, axis=(1, 2)),
    "mean of means": lambda x: keras.ops.mean(keras.ops.mean(x, axis=1), axis=1),
    "two dimensions kept": lambda x: layers.Flatten()(
        layers.GlobalAveragePooling2D(keepdims=True)(x)
    ),
    "one window": lambda x: layers.Flatten()(layers.AveragePooling2D((16, 20))(x)),
    "tokens": lambda x: layers.GlobalAveragePooling1D()(layers.Reshape((320, 6))(x)),
    "own function": lambda x: layers.Lambda(lambda x: tf.reduce_mean(x, (1, 2)), (6,))(x),
    "sum": lambda x: keras.ops.sum(x, axis=(1, 2)),
}
OTHERS = {
    "maximum": lambda x: layers.GlobalMaxPooling2D()(x),
    "both": lambda x: layers.Concatenate()([MEANS["Keras mean"](x), OTHERS["maximum"](x) / 100]),
    "windows": lambda x: layers.Flatten()(layers.AveragePooling2D((8, 10))(x)),
    "flat": lambda x: layers.Flatten()(x),
    "normalised": lambda x: layers.LayerNormalization()(MEANS["Keras mean"](x)),
    "two dense": lambda x: layers.Dense(5, "relu", bias_initializer="ones")(MEANS["Keras mean"](x)),
    "saturates": lambda x: keras.ops.tanh(MEANS["Keras mean"](x)),
}


def pooled_by(pool):
    """A network of 6 maps (16, 20); `pool` and a Dense layer make 4 scores of them."""
    keras.utils.set_random_seed(7)
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="c")(photo / 255)
    scores = layers.Dense(4, bias_initializer="random_normal", name="d")(pool(x))
    return load_network(keras.Model(photo, scores), preprocess="identity")


@pytest.mark.parametrize("kind", MEANS)
def test_cam_is_exact_whatever_layers_make_the_mean(kind, small_photo):
    net = pooled_by(MEANS[kind])
    dense = net.layer("d")
    maps = net.layer("c")(net.prepare(small_photo) / 255).numpy()[0]
    for target in range(4):
        expected = maps @ dense.kernel.numpy()[:, target] * (320 if kind == "sum" else 1)
        assert close(cam(net, small_photo, target, resize=False), expected, 1e-5)
    name, found = pooled_head(net)
    assert name == "c" and found is (None if kind == "sum" else dense)


@pytest.mark.parametrize("kind", OTHERS)
def test_cam_refuses_scores_that_are_no_sum_over_places(kind, small_photo):
    with pytest.raises(ValueError, match="sums over the places") as error:
        cam(pooled_by(OTHERS[kind]), small_photo, 1)
    assert one_sentence(error) and "occlusion" in str(error.value)


class SmoothWindow(layers.Layer):
    """A mean over places with weights that change slowly from column to column."""

    def call(self, x):
        wave = 1 + 0.9 * np.sin(2 * np.pi * np.arange(x.shape[2]) / x.shape[2])
        return keras.ops.mean(x * keras.ops.cast(wave[None, None, :, None], x.dtype), axis=(1, 2))


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_cam_refuses_weights_that_change_slowly_over_the_places(dtype, small_photo):
    net = pooled_by(SmoothWindow(dtype=dtype))
    for target in range(4):
        with pytest.raises(ValueError, match="weigh all places|sums over the places"):
            cam(net, small_photo, target)


def test_a_large_output_hides_no_other_head(small_photo):
    """One output is a mean of maps in thousands, the other weighs each place for itself."""
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="c")(photo / 255)
    price = layers.Dense(1)(layers.GlobalAveragePooling2D()(x)) * 2e5
    share = layers.Dense(1)(layers.Flatten()(x))
    model = keras.Model(photo, layers.Concatenate()([price, share]))
    net = load_network(model, preprocess="identity", labels=["price", "share"], numbers=True)
    with pytest.raises(ValueError, match="weigh all places|sums over the places"):
        cam(net, small_photo, "share")


def test_a_score_near_zero_is_no_reason_to_refuse(small_photo):
    """In 16 bits the rest of large maps that cancel is larger than the score."""
    keras.utils.set_random_seed(7)
    photo = keras.Input((16, 20, 3))
    one = layers.Conv2D(6, 3, activation="relu", name="c", dtype="mixed_float16")(photo / 255)
    mean = layers.GlobalAveragePooling2D(dtype="mixed_float16")(one)
    head = layers.Dense(1, name="d")
    net = load_network(keras.Model(photo, head(mean)), preprocess="identity")
    logit = float(net.logits(net.prepare(small_photo))[0, 0])
    head.bias.assign_add([0.001 - logit])
    assert np.isfinite(cam(net, small_photo, 1)).all()


def test_maps_behind_a_step_without_a_gradient(small_photo):
    """Whole numbers stop the gradient on its way to the pixels, not that to the maps."""
    keras.utils.set_random_seed(4)
    whole = layers.Lambda(lambda x: tf.cast(tf.cast(x, "uint8"), tf.float32) / 255)
    net = chain(whole, layers.Conv2D(5, 3, activation="relu", name="c"), size=(16, 20))
    maps = net.maps(net.prepare(small_photo), ["c"])[0][0].numpy()
    summed = maps @ net.model.layers[-1].kernel.numpy()[:, 0]
    found = gradcam(net, small_photo, 0, relu=False, resize=False)
    assert close(found, summed / summed.size, 1e-5)
    assert close(cam(net, small_photo, 0, resize=False), summed, 1e-5)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_cam_names_an_activation_before_the_average(activation, small_photo):
    net = head_of_maps(activation=activation)
    with pytest.raises(ValueError, match=rf"Conv2D \({activation}\) and GlobalAveragePooling2D"):
        cam(net, small_photo)


def test_cam_refuses_a_score_that_bends_only_near_the_photo(small_photo):
    """The maps that are tried when the head is read miss the bend; the photo's own do not."""
    straight = pooled_by(MEANS["Keras mean"])
    logit = float(straight.logits(straight.prepare(small_photo))[0, 1])
    bend = layers.Lambda(lambda x: x + 0.5 * tf.exp(-(((x - logit) / 0.01) ** 2)))
    bent = load_network(
        keras.Model(straight.model.input, bend(straight.model.output)), preprocess="identity"
    )
    assert pooled_head(bent)[0] == "c"
    with pytest.raises(ValueError, match="scores in another way"):
        cam(bent, small_photo, 1)


def test_several_layers_may_weight_the_mean(small_photo):
    """A trained batch norm and two Dense layers without an activation are one weighted sum."""
    net = pooled_by(
        lambda x: layers.Dense(3)(layers.BatchNormalization(name="n")(MEANS["Keras mean"](x)))
    )
    give_statistics(net.model)
    assert pooled_head(net) == ("c", None)
    (name,) = (step.outputs[0] for step in net.steps if step.name == "c")
    empty = net.forward_from({name: tf.zeros((1, 16, 20, 6))})[0].numpy()[0]
    logits = net.logits(net.prepare(small_photo)).numpy()[0]
    for target in range(4):
        share = cam(net, small_photo, target, resize=False).mean()
        assert share == pytest.approx(logits[target] - empty[target], abs=1e-5)


def test_a_pair_is_the_difference(small, small_photo, tiny_net, tiny_photo):
    assert close(
        cam(tiny_net, tiny_photo, ("cat", "dog")),
        cam(tiny_net, tiny_photo, "cat") - cam(tiny_net, tiny_photo, "dog"),
    )
    a, b = (gradcam(small, small_photo, t, relu=False) for t in (0, 3))
    assert close(gradcam(small, small_photo, (0, 3), relu=False), a - b)
    a, b = (scorecam(small, small_photo, t, relu=False) for t in (0, 3))
    assert close(scorecam(small, small_photo, (0, 3), relu=False), a - b)


def test_guided_gradcam_is_the_product_of_its_factors(small, small_photo):
    for photo in (small_photo, PHOTO):
        for reduce in ("max_abs", "rgb"):
            fine = guided_backprop(small, photo, "bee", reduce=reduce)
            coarse = gradcam(small, photo, "bee", "early")
            coarse = coarse[..., None] if reduce == "rgb" else coarse
            assert (coarse * fine).any()
            product = guided_gradcam(small, photo, "bee", "early", reduce=reduce)
            assert close(product, fine * coarse, 1e-5)


@pytest.mark.parametrize("method", [gradcam, gradcam_plus_plus, layercam, scorecam])
def test_options(method, small, small_photo):
    raw = method(small, PHOTO, "ant", "early", relu=False)
    assert raw.shape == PHOTO.shape[:2] and raw.dtype == np.float32
    grid = method(small, PHOTO, "ant", "early", relu=False, resize=False)
    assert grid.shape == (16, 20)
    assert np.array_equal(raw, resize_map(grid, PHOTO.shape[:2]))
    rectified = method(small, PHOTO, "ant", "early", resize=False)
    assert np.array_equal(rectified, np.maximum(grid, 0))
    assert np.array_equal(
        method(small, PHOTO, "ant", resize=False), method(small, PHOTO, 0, "late", resize=False)
    )


# Score-CAM ----------------------------------------------------------------------------------------


def test_scorecam_by_hand(small, small_photo):
    """One channel after the other; pooled maps have a minimum above 0, which the mask takes off."""
    layer = next(step.name for step in small.steps if "pool" in step.name)
    activations, _ = layer_gradients(small, small_photo, "dog", layer)
    assert (activations.min(axis=(0, 1)) > 0).any()
    expected = np.zeros((4, 5))
    for k in range(8):
        mask = resize_map(activations[..., k], (16, 20))
        if mask.max() == mask.min():
            continue
        mask = ((mask - mask.min()) / (mask.max() - mask.min()))[..., None]
        masked = small_photo * mask + 60.0 * (1 - mask)
        probability = small.probabilities(small.logits(masked[None]))[0, 3]
        expected += probability * activations[..., k]
    found = scorecam(small, small_photo, "dog", layer, fill=60, resize=False)
    assert close(found, expected, 1e-5)


def test_scorecam_batches_stop_and_channels(small, small_photo, monkeypatch):
    whole = scorecam(small, small_photo, "dog", "early")
    monkeypatch.setattr(module, "batch_size", lambda net: 2)
    seen = []
    in_batches = scorecam(small, small_photo, "dog", "early", progress=lambda *n: seen.append(n))
    assert close(in_batches, whole, 1e-5) and seen == [(2, 6), (4, 6), (6, 6)]

    def stop(done, total):
        if done == 4:
            raise StopIteration

    with pytest.warns(UserWarning, match="channels done so far"):
        part = scorecam(small, small_photo, "dog", "early", progress=stop)
    assert part.any() and not np.allclose(part, whole)
    two = scorecam(small, small_photo, "dog", "early", max_channels=2, resize=False)
    activations, _ = layer_gradients(small, small_photo, "dog", "early")
    strongest = np.argsort(-activations.std(axis=(0, 1)))[:2]
    basis = activations[..., strongest].reshape(-1, 2)
    rest = np.linalg.lstsq(basis, two.ravel(), rcond=None)[1]
    assert rest[0] < 1e-6 * np.square(two).sum()


@pytest.mark.parametrize("strides", [2, 3])
def test_scorecam_of_maps_larger_than_the_input(strides):
    """Of three times as many places a sample takes the middle ones alone, which are 0 here."""
    keras.utils.set_random_seed(0)
    grow = layers.Conv2DTranspose(4, strides, strides=strides, activation="relu", name="grow")
    net = chain(layers.Rescaling(1 / 255), grow, size=(12, 16))
    kernel = np.abs(grow.kernel.numpy())
    kernel[strides // 2, strides // 2] *= -1
    grow.kernel.assign(kernel)
    picture = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    found = scorecam(net, picture, 1, resize=False)
    pixels = net.prepare(picture)
    maps = grow(pixels / 255).numpy()[0]
    masks = tf.image.resize(maps, (12, 16), antialias=True).numpy()
    masks = (masks - masks.min((0, 1))) / np.ptp(masks, axis=(0, 1))
    masked = 127.5 + np.moveaxis(masks, -1, 0)[..., None] * (pixels - 127.5)
    assert close(found, maps @ net.probabilities(net.logits(masked))[:, 1], 1e-5)
    assert np.isfinite(scorecam(net, picture)).all()


# Mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [gradcam, gradcam_plus_plus, layercam, guided_gradcam])
def test_a_layer_from_which_no_gradient_reaches_the_score_is_refused(method):
    photo = keras.Input((8, 8, 3))
    cut = layers.Conv2D(4, 3, name="cut")(photo)
    try:
        stopped = keras.ops.stop_gradient(cut)
    except ValueError:  # Keras 3.5
        pytest.skip("this Keras's stop_gradient cannot stand in a model")
    x = layers.Conv2D(4, 3, name="after")(stopped)
    net = load_network(keras.Model(photo, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))))
    with pytest.raises(ValueError, match="does not depend on the layer 'cut'; take") as error:
        method(net, PHOTO, 0, "cut")
    assert one_sentence(error)


def test_cam_takes_a_head_with_a_large_bias(small_photo):
    head = layers.Dense(3, bias_initializer=keras.initializers.Constant(500.0))
    conv = layers.Conv2D(4, 3, activation="relu")
    net = chain(conv, head=[layers.GlobalAveragePooling2D(), head])
    logits = np.asarray(net.logits(net.prepare(small_photo)))[0]
    assert np.isclose(cam(net, small_photo, 1, resize=False).mean() + 500, logits[1], atol=0.01)
