"""Class activation maps: identities, independent arithmetic, tf-keras-vis on equal terms."""

import doctest
import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import (
    ARCHITECTURES,
    POOLED,
    RELU_ONLY,
    architecture,
    eagerly,
    fingerprint,
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

# The package gives the function `cam` under the name of the module.
room = importlib.import_module("cnnvis_helpers.methods.cam")
PHOTO = photo_of_noise()
FAMILY = [cam, gradcam, gradcam_plus_plus, layercam, scorecam, guided_gradcam]


@pytest.fixture(scope="module")
def small():
    """A network on pixels -1..1 whose maps have the input's size; the logits can be made large."""
    keras.utils.set_random_seed(1)
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="early")(photo)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="late")(x)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(layers.AveragePooling2D(4)(x)))
    model = keras.Model(photo, layers.Dense(4, activation="softmax", name="head")(x))
    return load_network(model, preprocess="tf", labels=["ant", "bee", "cat", "dog"])


@pytest.fixture(scope="module")
def small_photo():
    return np.random.default_rng(3).integers(0, 256, (16, 20, 3), np.uint8)


def linear_twin(net):
    """A copy of the Keras model whose head has no activation, as the peers want it."""
    twin = keras.models.clone_model(net.model)
    twin.layers[-1].activation = keras.activations.linear
    twin.set_weights(net.model.get_weights())
    return twin


def close(ours, theirs, tolerance=1e-4):
    theirs = np.asarray(theirs)
    return np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def one_sentence(error):
    text = str(error.value)
    return "\n" not in text and text[-1] in ".?" and len(text) < 300


# The arithmetic, against loops that say it again -------------------------------------------------


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return np.maximum(rng.normal(size=(4, 5, 6)), 0), rng.normal(size=(4, 5, 6))


def test_worked_examples_in_the_docstrings():
    failed, ran = doctest.testmod(room, extraglobs={"np": np})
    assert ran > 8 and failed == 0


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
    twin = linear_twin(small)
    both = keras.Model(twin.inputs, [twin.get_layer("early").output, twin.output])
    x = tf.constant(small_photo[None] / np.float32(127.5) - 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        maps, logits = both(x, training=False)
        score = logits[0, 2]
    expected = tape.gradient(score, maps)
    ours, gradients = layer_gradients(small, small_photo, "cat", "early")
    assert ours.shape == gradients.shape == (16, 20, 6)
    assert close(ours, maps[0], 1e-5) and close(gradients, expected[0], 1e-5)


# Identities ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["course", *(n for n in POOLED if n != "mixed precision")])
def test_cam_is_gradcam_before_the_relu_times_the_number_of_places(name):
    """In float32: half precision keeps three digits."""
    net = load_network("course") if name == "course" else architecture(name)
    with eagerly(name):
        grid = cam(net, PHOTO, 2, resize=False)
        before_relu = gradcam(net, PHOTO, 2, pooled_head(net)[0], relu=False, resize=False)
    assert grid.any()  # InceptionV3 has one place at this size
    assert np.abs(grid / grid.size - before_relu).max() <= 1e-5 * np.abs(before_relu).max()


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
    exact = cam(net, small_photo, 2, resize=False)
    logit = net.logits(net.prepare(small_photo))[0, 2]  # the biases are 0
    assert exact.mean() == pytest.approx(float(logit), rel=1e-4)
    assert close(exact, 320 * gradcam(net, small_photo, 2, relu=False, resize=False))


@pytest.mark.parametrize("name", ["grey", "transfer"])
def test_the_mean_of_cam_is_the_score_without_its_bias(name):
    net = architecture(name)
    logits = net.logits(net.prepare(PHOTO)).numpy()[0]
    dense = pooled_head(net)[1]
    for target in range(5):
        expected = logits[target] - np.asarray(dense.bias)[target]
        assert cam(net, PHOTO, target, resize=False).mean() == pytest.approx(expected, rel=1e-4)


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


@pytest.mark.parametrize("method", FAMILY)
def test_none_is_the_top_class(method, tiny_net, tiny_photo):
    top = tiny_net.predict(tiny_photo)[0].index
    other = (top + 1) % 4
    found = method(tiny_net, tiny_photo)
    assert np.array_equal(found, method(tiny_net, tiny_photo, top))
    assert not np.array_equal(found, method(tiny_net, tiny_photo, other))


@pytest.mark.parametrize("method", FAMILY)
def test_one_sigmoid_has_two_classes(method):
    net = architecture("cats and dogs")
    if method is cam:
        return
    first, second = (method(net, PHOTO, target) for target in (0, 1))
    assert not np.array_equal(first, second)
    top = net.predict(PHOTO)[0].index
    assert np.array_equal(method(net, PHOTO), (first, second)[top])


def test_another_class_costs_no_new_compilation(tiny_net, tiny_photo):
    for target in (0, 1, None, (2, 3)):
        gradcam(tiny_net, tiny_photo, target)
    run = tiny_net._compiled["layer gradients", tiny_net.last_conv]
    assert run.experimental_get_tracing_count() == 1


# Every architecture -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_a_map_or_a_reason(name):
    net, photo = architecture(name), PHOTO.copy()
    before = fingerprint(net)
    with eagerly(name):
        for method in FAMILY:
            settings = {"max_channels": 3} if method is scorecam else {}
            refused = (method is cam and name not in POOLED) or (
                method is guided_gradcam and name not in RELU_ONLY
            )
            if refused:
                with pytest.raises(ValueError, match="ends with|defined for networks of ReLUs"):
                    method(net, photo, 1)
                continue
            found = method(net, photo, 1, **settings)
            assert found.shape == photo.shape[:2] and found.dtype == np.float32, method.__name__
            assert np.isfinite(found).all(), method.__name__
            relu = method is not cam
            assert not (relu and (found < 0).any()), method.__name__
        assert gradcam(net, photo, 1, relu=False, resize=False).any()
    assert fingerprint(net) == before and np.array_equal(photo, PHOTO)


@pytest.mark.parametrize("method", FAMILY)
def test_the_same_call_gives_the_same_bytes_and_changes_nothing(method, tiny_net, tiny_photo):
    photo, before = tiny_photo.copy(), fingerprint(tiny_net)
    first, second = (method(tiny_net, photo, "dog") for _ in range(2))
    assert first.any() and first.tobytes() == second.tobytes()
    assert fingerprint(tiny_net) == before and np.array_equal(photo, tiny_photo)


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
    monkeypatch.setattr(room, "batch_size", lambda net: 2)
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


def test_scorecam_leaves_constant_maps_out():
    maps = np.zeros((3, 3, 4), np.float32)
    maps[0, 0, 1], maps[0, 0, 3], maps[..., 2] = 1, 2, 7
    assert room._varying_channels(maps, None).tolist() == [1, 3]
    assert room._varying_channels(maps, 1).tolist() == [3]


@pytest.mark.parametrize("strides", [2, 3, 4])
def test_scorecam_of_maps_larger_than_the_input(strides):
    """Of three times as many places a sample takes the middle ones alone, which are 0 here."""
    keras.utils.set_random_seed(0)
    photo = keras.Input((12, 16, 3))
    grow = layers.Conv2DTranspose(4, strides, strides=strides, activation="relu", name="grow")
    pooled = layers.GlobalAveragePooling2D()(grow(layers.Rescaling(1 / 255)(photo)))
    net = load_network(keras.Model(photo, layers.Dense(3, activation="softmax")(pooled)))
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


def test_scorecam_leaves_out_maps_that_are_constant_once_shrunk():
    """A chessboard of single places, finer than the network's pixels, is grey to them."""
    board = np.indices((24, 32)).sum(axis=0) % 2 * 1.0
    photo = keras.Input((12, 16, 3))
    grow = layers.UpSampling2D(2)(layers.Conv2D(2, 1, kernel_initializer="zeros")(photo))
    shown = layers.Conv2D(2, 1, name="shown")(grow + board[None, ..., None] * np.ones(2))
    net = load_network(keras.Model(photo, layers.Dense(3)(layers.GlobalAveragePooling2D()(shown))))
    picture = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    assert np.isfinite(scorecam(net, picture, 1, "shown")).all()


# tf-keras-vis 0.8.7 -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tkv(small, small_photo):
    """Call a method of tf-keras-vis on equal terms: same layer, same score, raw grid."""
    pytest.importorskip("tf_keras_vis")
    from tf_keras_vis.utils.scores import CategoricalScore

    twin = linear_twin(small)

    def call(method, target, layer, **settings):
        explain = method(twin, clone=False)
        inputs = tf.constant(small_photo / np.float32(127.5) - 1)[None]
        settings = {"expand_cam": False, "normalize_cam": False, **settings}
        return np.asarray(
            explain(
                CategoricalScore([target]),
                inputs,
                penultimate_layer=layer,
                seek_penultimate_conv_layer=False,
                **settings,
            )
        )[0]

    return call


@pytest.mark.parametrize("layer", ["early", "late"])
def test_equal_to_tf_keras_vis(tkv, small, small_photo, layer):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.scorecam import Scorecam

    for ours, theirs in ((gradcam, Gradcam), (layercam, Layercam), (scorecam, Scorecam)):
        found = ours(small, small_photo, 1, layer, resize=False)
        assert found.any() and close(found, tkv(theirs, 1, layer))


def test_tf_keras_vis_divides_the_alphas_of_gradcam_plus_plus(tkv, small, small_photo):
    """Its map is the paper's with each channel's alphas divided by their sum, times exp(S)."""
    from tf_keras_vis.gradcam import GradcamPlusPlus

    a, g = layer_gradients(small, small_photo, 1, "late")
    score = small.logits(small.prepare(small_photo)).numpy()[0, 1]
    alphas = g**2 / np.where(g == 0, 1, 2 * g**2 + g**3 * a.sum(axis=(0, 1)))
    totals = alphas.sum(axis=(0, 1))
    weights = (alphas / np.where(totals == 0, 1, totals) * np.maximum(g, 0)).sum(axis=(0, 1))
    theirs = tkv(GradcamPlusPlus, 1, "late")
    assert close(np.exp(score) * np.maximum(a @ weights, 0), theirs, 1e-3)
    ours = gradcam_plus_plus(small, small_photo, 1, "late", resize=False)
    ours, theirs = ours / ours.max(), theirs / theirs.max()
    assert np.abs(ours - theirs).max() > 1e-3
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9


def test_gradcam_plus_plus_stays_finite_where_tf_keras_vis_overflows(small, small_photo):
    pytest.importorskip("tf_keras_vis")
    from tf_keras_vis.gradcam import GradcamPlusPlus
    from tf_keras_vis.utils.scores import CategoricalScore

    twin = linear_twin(small)
    twin.layers[-1].bias.assign([0, 200, 0, 0])
    inputs = tf.constant(small_photo / np.float32(127.5) - 1)[None]
    theirs = GradcamPlusPlus(twin, clone=False)(
        CategoricalScore([1]), inputs, "late", False, expand_cam=False, normalize_cam=False
    )
    assert not np.isfinite(theirs).all()
    net = load_network(twin, preprocess="tf")
    ours = gradcam_plus_plus(net, small_photo, 1, "late", resize=False)
    expected = gradcam_plus_plus(small, small_photo, 1, "late", resize=False)
    assert np.isfinite(ours).all() and close(ours, expected)


def test_tf_keras_vis_enlarges_score_cam_masks_by_another_rule(tkv, small, small_photo):
    """scipy's zoom lays corner pixels onto corner pixels; ours, as TensorFlow, edges onto edges."""
    from tf_keras_vis.scorecam import Scorecam

    layer = next(step.name for step in small.steps if "pool" in step.name)
    ours = scorecam(small, small_photo, 1, layer, resize=False)
    theirs = tkv(Scorecam, 1, layer)
    assert ours.shape == theirs.shape == (4, 5)
    assert 1e-4 < np.abs(ours / ours.max() - theirs / theirs.max()).max() < 0.2


# Mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["VGG16", "ConvNeXtTiny", "cats and dogs"])
def test_cam_refuses_other_heads(name):
    with pytest.raises(ValueError, match="global average pooling and one Dense") as error:
        cam(architecture(name), PHOTO)
    assert one_sentence(error)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"target": "cta"}, "no class 'cta'"),
        ({"target": 9}, "no class 9"),
        ({"target": (0, 0)}, "the same"),
        ({"photo": PHOTO[..., 0]}, "RGB array"),
        ({"photo": np.full((8, 8, 3), np.nan)}, "not finite"),
    ],
)
@pytest.mark.parametrize("method", FAMILY)
def test_bad_input(method, settings, words, tiny_net):
    with pytest.raises(ValueError, match=words) as error:
        method(tiny_net, **{"photo": PHOTO, **settings})
    assert one_sentence(error)


@pytest.mark.parametrize("layer, words", [("conv7", "conv2"), ("predictions", "makes no maps")])
@pytest.mark.parametrize("method", FAMILY[1:])
def test_bad_layer(method, layer, words, tiny_net):
    with pytest.raises(ValueError, match=words) as error:
        method(tiny_net, PHOTO, layer=layer)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "method, settings, words",
    [
        (scorecam, {"max_channels": 0}, "max_channels must be a whole number, 1 or more, not 0"),
        (scorecam, {"max_channels": 2.5}, "max_channels must be"),
        (scorecam, {"fill": -1}, "fill must be a number in 0..255, not -1"),
        (scorecam, {"fill": "grey"}, "fill must be a number"),
        (guided_gradcam, {"reduce": "mean"}, "reduce must be one of .*not 'mean'"),
    ],
)
def test_bad_settings(method, settings, words, tiny_net):
    with pytest.raises(ValueError, match=words) as error:
        method(tiny_net, PHOTO, **settings)
    assert one_sentence(error)


def test_a_layer_that_counts_for_nothing_has_a_map_of_zeros():
    photo = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="used")(photo)
    aside = layers.Conv2D(4, 3, name="aside")(photo)
    x = layers.Add()([x, layers.Rescaling(0.0)(aside)])
    model = keras.Model(photo, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    net = load_network(model)
    assert not gradcam(net, PHOTO, 0, "aside").any() and gradcam(net, PHOTO, 0, "used").any()


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


@pytest.mark.parametrize("method", FAMILY)
def test_a_network_that_answers_nan_is_refused(method, small_photo):
    """A bias of nan leaves every gradient as it was: the map would look healthy."""
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(4, 3, activation="relu")(photo)
    scores = layers.Dense(3, activation="softmax", name="scores")
    net = load_network(keras.Model(photo, scores(layers.GlobalAveragePooling2D()(x))))
    scores.bias.assign([np.nan, 0, 0])
    for target in (1, None):
        with pytest.raises(ValueError, match="answer of the network .* is nan") as error:
            method(net, small_photo, target)
        assert one_sentence(error)


def test_cam_refuses_maps_that_do_not_lie_as_the_photo_does(small_photo):
    photo = keras.Input((16, 20, 3))
    turned = layers.Permute((2, 1, 3))(layers.Conv2D(4, 3)(photo))
    pooled = layers.GlobalAveragePooling2D()(turned)
    net = load_network(keras.Model(photo, layers.Dense(3)(pooled)))
    with pytest.raises(ValueError, match="ends with Permute, GlobalAveragePooling2D and Dense"):
        cam(net, small_photo)


@pytest.mark.parametrize("method", FAMILY)
def test_a_network_of_64_bit_floats_gives_maps_of_float32(method, small_photo):
    keras.config.set_dtype_policy("float64")
    try:
        photo = keras.Input((16, 20, 3))
        x = layers.Conv2D(4, 3, activation="relu")(photo)
        scores = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    finally:
        keras.config.set_dtype_policy("float32")
    net = load_network(keras.Model(photo, scores))
    for resize in (False, True):
        found = method(net, small_photo, 1, resize=resize)
        assert found.dtype == np.float32 and np.isfinite(found).all()
    one_layer = guided_backprop(net, small_photo, layer=net.last_conv)
    assert one_layer.dtype == np.float32 and one_layer.any()
