"""Networks: the same numbers as the model, whatever the model is, and nothing of it changed."""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import architecture, chain, fingerprint, give_statistics
from keras import layers
from PIL import Image

from cnnvis_helpers.networks.graph import without_activation
from cnnvis_helpers.networks.network import Prediction, list_networks, load_network

rng = np.random.default_rng(0)


def pixels_for(net, count=3):
    return rng.uniform(0, 255, (count, *net.input_size, 3)).astype(np.float32)


# Models of every kind ---------------------------------------------------------------------------


def _base(size=(32, 32, 3), name="base"):
    """A small body with batch norm, a residual sum and a ReLU layer, without a head."""
    photo = keras.Input(size)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(photo)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    branch = layers.Conv2D(6, 3, padding="same", activation="relu", name="branch")(x)
    x = layers.Add(name="sum")([x, branch])
    x = layers.MaxPooling2D(name="pool")(x)
    return keras.Model(photo, layers.Conv2D(7, 3, activation="relu", name="last")(x), name=name)


def sequential():
    return keras.Sequential(
        [
            keras.Input((28, 20, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def augmented():
    """As in Keras's tutorials: random layers and an adapted normalisation inside the model."""
    normal = layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[900.0, 1000.0, 1100.0])
    augment = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.5)])
    photo = keras.Input((24, 24, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(normal(augment(photo)))
    return keras.Model(photo, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def nested():
    photo = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    x = _base()(x, training=True)  # as if forgotten by its author: the network still runs at rest
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(photo, layers.Dense(4, activation="softmax")(layers.Dropout(0.3)(x)))


def nested_twice():
    inner = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), _base()])
    head = keras.Sequential([layers.GlobalMaxPooling2D(), layers.Dense(3), layers.Softmax()])
    return keras.Sequential([keras.Input((32, 32, 3)), inner, head])


def operations():
    """Made with keras.ops and operators instead of layers, and a layer that is called twice."""
    photo = keras.Input((20, 20, 3))
    twice = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    x = twice(twice(photo / 255.0 - 0.5))
    left, right = keras.ops.split(x, 2, axis=2)
    x = keras.ops.concatenate([left * 2.0, keras.ops.relu(right)], axis=-1)
    x = layers.Dense(4)(keras.ops.mean(x, axis=(1, 2)))
    return keras.Model(photo, keras.activations.softmax(x))


def convolutional_head():
    """Like MobileNet: 1x1 maps, a convolution as the head, reshape, then the softmax."""
    photo = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(photo)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(6, 1, name="logits")(layers.Dropout(0.2)(x))
    return keras.Model(photo, layers.Activation("softmax")(layers.Reshape((6,))(x)))


def softmax_then_reshape():
    photo = keras.Input((24, 24, 3))
    x = layers.GlobalAveragePooling2D(keepdims=True)(layers.Conv2D(8, 3, name="conv")(photo))
    x = layers.Conv2D(6, 1, activation="softmax")(x)
    return keras.Model(photo, layers.Flatten()(x))


def multi_label():
    photo = keras.Input((24, 24, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="gelu")(photo))
    return keras.Model(photo, layers.Dense(3, activation="sigmoid")(x))


def grey():
    photo = keras.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    return keras.Model(photo, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


def grey_without_channel():
    photo = keras.Input((28, 28))
    x = layers.Dense(16, activation="relu")(layers.Flatten()(photo))
    return keras.Model(photo, layers.Dense(10, activation="softmax")(x))


def any_size():
    photo = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, strides=4, name="conv")(photo))
    return keras.Model(photo, layers.Dense(3, activation="softmax")(x))


MODELS = {
    build.__name__: build
    for build in (
        *(sequential, augmented, nested, nested_twice, operations, convolutional_head),
        *(softmax_then_reshape, multi_label, grey, grey_without_channel, any_size),
    )
}
SHARED = ("cats and dogs", "mixed precision")
MODELS |= {name: lambda name=name: architecture(name).model for name in SHARED}


@functools.cache
def network(kind):
    """A Network of this kind; its batch norms have statistics that are not trivial."""
    keras.utils.set_random_seed(3)
    model = MODELS[kind]()
    give_statistics(model)
    return load_network(model)


def as_input(net, pixels):
    """The pixels as the model itself wants them: weighted grey, where it has one channel."""
    shape = net.model.input_shape
    if shape[-1] == 3:
        return pixels
    weighted = pixels @ np.float32([0.299, 0.587, 0.114])
    return weighted if len(shape) == 3 else weighted[..., None]


# The forward pass -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_probabilities_of_the_logits_are_what_the_model_predicts(kind):
    net = network(kind)
    pixels = pixels_for(net)
    expected = net.model.predict(as_input(net, pixels), verbose=0)
    if kind == "nested":  # the model's own predict() runs it at rest, too
        assert net.steps[1].path == "base/stem"
    logits = net.logits(pixels)
    assert logits.shape == (3, net.units) and logits.dtype == tf.float32
    probabilities = net.probabilities(logits)
    assert isinstance(probabilities, np.ndarray)
    if kind == "cats and dogs":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
        probabilities = probabilities[:, 1:]
    np.testing.assert_allclose(probabilities, expected, atol=2e-6)


@pytest.mark.parametrize(
    "kind, head",
    [
        ("sequential", "softmax"),
        ("nested_twice", "softmax"),
        ("operations", "softmax"),
        ("convolutional_head", "softmax"),
        ("softmax_then_reshape", "softmax"),
        ("multi_label", "sigmoid"),
        ("cats and dogs", "sigmoid"),
    ],
)
def test_the_heads_activation_is_stripped(kind, head):
    net = network(kind)
    logits = net.logits(pixels_for(net)).numpy()
    assert net.head == head
    if net.units > 1:  # a row of probabilities would sum to 1
        assert np.abs(logits.sum(axis=1) - 1).min() > 1e-4
    assert not ((logits >= 0) & (logits <= 1)).all()


def test_any_number_of_photos_runs_through_one_trace():
    traces = []

    def count(pixels):
        traces.append(pixels.shape)
        return pixels / 255.0

    net = load_network(sequential(), preprocess=count)
    traces.clear()
    for number in (1, 2, 7, 2, 1):
        assert net.logits(pixels_for(net, number)).shape == (number, 4)
    assert len(traces) == 1


def test_uint8_and_float64_pixels_are_taken_too(tiny_net):
    pixels = rng.integers(0, 256, (2, *tiny_net.input_size, 3), dtype=np.uint8)
    expected = tiny_net.logits(pixels.astype(np.float32))
    np.testing.assert_array_equal(tiny_net.logits(pixels), expected)
    np.testing.assert_array_equal(tiny_net.logits(pixels.astype(np.float64)), expected)


def test_logits_of_the_wrong_shape_say_what_to_do(tiny_net, tiny_photo):
    with pytest.raises(ValueError, match=r"takes pixels \(n, 24, 32, 3\).*net.prepare"):
        tiny_net.logits(tiny_photo[None])
    with pytest.raises(ValueError, match="net.prepare"):
        tiny_net.logits(tiny_net.prepare(tiny_photo)[0])


def test_probabilities_work_inside_a_compiled_function(tiny_net, tiny_photo):
    @tf.function
    def top(pixels):
        return tf.reduce_max(tiny_net.probabilities(tiny_net.forward(pixels)[0]))

    best = tiny_net.predict(tiny_photo)[0].probability
    np.testing.assert_allclose(top(tiny_net.prepare(tiny_photo)), best, rtol=1e-5)


# Taps, gradients, substitutes -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["nested", "nested_twice", "mixed precision", "operations"])
def test_gradients_reach_pixels_and_every_tapped_map(kind):
    """Directional derivatives of the tail and of the whole network, against finite differences."""
    net = network(kind)
    pixels = tf.constant(pixels_for(net, 1))
    vector = net.score_vector(2)

    @tf.function
    def gradients(pixels):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            logits, (maps,) = net.forward(pixels, [net.last_conv])
            score = tf.reduce_sum(logits * vector)
        return tape.gradient(score, [pixels, maps]), maps

    (by_pixel, by_map), maps = gradients(pixels)
    assert by_map.shape == maps.shape and by_map.dtype == maps.dtype == tf.float32
    assert np.abs(by_map).max() > 0 and np.abs(by_pixel).max() > 0
    if kind == "mixed precision":
        return
    direction = rng.choice([-1.0, 1.0], pixels.shape).astype(np.float32) / 16
    ends = [net.logits(pixels + s * direction).numpy() @ vector for s in (1, -1)]
    slope = float(tf.reduce_sum(by_pixel * direction))
    np.testing.assert_allclose(slope, (ends[0] - ends[1])[0] / 2, rtol=0.1, atol=2e-4)


def test_maps_run_only_what_they_need_and_at_any_size():
    net = network("sequential")  # its Flatten and Dense fit one size alone
    (maps,) = net.maps(tf.zeros((2, 50, 70, 3)), ["conv"])
    assert maps.shape == (2, 48, 68, 4)
    pixels = pixels_for(net)
    _, expected = net.forward(pixels, ["conv"])
    np.testing.assert_array_equal(net.maps(pixels, ["conv"])[0], expected[0])


def test_substitute_is_asked_for_every_layer_and_used():
    net = network("nested")
    asked = []

    def square(layer):
        asked.append(layer.name)
        if layer.name == "relu":
            return lambda x: x**2
        return net.without_activation(layer) if layer.name == "branch" else None

    pixels = pixels_for(net)
    _, (before, after, branch, plain) = net.forward(
        pixels, ["norm", "relu", "branch", "stem"], substitute=square
    )
    assert set(asked) >= {"stem", "norm", "relu", "branch", "sum", "pool", "last"}
    np.testing.assert_allclose(after, before**2, rtol=1e-6)
    assert np.min(branch) < 0
    np.testing.assert_array_equal(plain, net.forward(pixels, ["stem"])[1][0])
    np.testing.assert_allclose(  # and nothing of it stays
        net.probabilities(net.logits(pixels)), net.model.predict(pixels, verbose=0), atol=2e-6
    )


def test_without_activation_shares_the_weights_and_leaves_the_layer_alone(tiny_net):
    layer = tiny_net.layer("conv2")
    x = rng.normal(size=(1, 5, 5, 6)).astype(np.float32)
    linear, tanh = tiny_net.without_activation("conv2"), without_activation(layer, "tanh")
    before = linear(x).numpy()
    np.testing.assert_array_equal(layer(x), np.maximum(before, 0))
    np.testing.assert_array_equal(tanh(x), tf.tanh(before))
    bias = layer.bias.numpy()
    try:
        layer.bias.assign(bias + 1)
        np.testing.assert_allclose(linear(x), before + 1, rtol=1e-5, atol=1e-5)
    finally:
        layer.bias.assign(bias)


def test_without_activation_of_layers_without_weights_or_activation():
    x = np.float32([[-1.0, 2.0]])
    np.testing.assert_array_equal(without_activation(layers.ReLU())(x), x)
    np.testing.assert_array_equal(without_activation(layers.Activation("tanh"))(x), x)
    np.testing.assert_array_equal(without_activation(layers.Flatten(), "relu")(x), [[0, 2]])


# Nothing of the caller's is changed -------------------------------------------------------------


def test_no_use_of_a_network_changes_the_model():
    photo = keras.Input((32, 32, 3))
    x = _base()(photo)
    x = layers.Conv2D(4, 1, activation="relu", activity_regularizer="l2", name="penalised")(x)
    x = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(photo, x)
    model.get_layer("base").trainable = False
    before, config = fingerprint(SimpleNamespace(model=model)), model.to_json()

    net = load_network(model)
    pixels = tf.constant(pixels_for(net))
    net.logits(pixels)
    net.predict(np.zeros((40, 40, 3), np.uint8))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits, maps = net.forward(pixels, ["stem", "last"], without_activation)
    tape.gradient(logits, [pixels, *maps])
    net.maps(pixels, ["sum"])
    assert net.model is model and (fingerprint(net), model.to_json()) == (before, config)


def test_the_callers_photo_stays_as_it_is(tiny_net):
    photo = rng.uniform(0, 255, (*tiny_net.input_size, 3)).astype(np.float32)
    before = photo.copy()
    net = load_network(tiny_net.model, preprocess=keras.applications.vgg16.preprocess_input)
    pixels = net.prepare(photo)
    net.predict(photo)
    net.logits(pixels)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(pixels[0], before)


# Layers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, name",
    [
        ("sequential", "conv"),
        ("nested", "last"),
        ("nested_twice", "last"),
        ("convolutional_head", "conv"),
        ("softmax_then_reshape", "conv"),
        ("any_size", "conv"),
        ("grey_without_channel", None),
    ],
)
def test_last_conv(kind, name):
    assert network(kind).last_conv == name


def test_last_conv_is_behind_sum_norm_and_activation_but_before_pooling_and_dropout():
    photo = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, name="conv")(photo)
    x = layers.Add(name="sum")([x, layers.BatchNormalization(name="norm")(x)])
    behind = layers.SpatialDropout2D, layers.MaxPooling2D, layers.ZeroPadding2D, layers.Flatten
    for kind in behind:
        x = kind(0.1)(x) if "Dropout" in kind.__name__ else kind()(x)
    assert load_network(keras.Model(photo, layers.Dense(2)(x))).last_conv == "sum"


def test_a_name_that_occurs_twice_needs_its_path():
    photo = keras.Input((32, 32, 3))
    x = layers.Concatenate()([_base(name="left")(photo), _base(name="right")(photo)])
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    net = load_network(keras.Model(photo, x))
    with pytest.raises(ValueError, match="not unique; say 'left/stem' or 'right/stem'"):
        net.layer("stem")
    assert net.layer("left/stem") is net.model.get_layer("left").get_layer("stem")
    assert net.layer("left") is net.model.get_layer("left")
    assert "left/stem" in [step.name for step in net.steps]
    with pytest.raises(ValueError, match="did you mean 'left/stem'"):
        net.layer("left/stm")
    left, right = net.maps(pixels_for(net), ["left/stem", "right/stem"])
    assert np.abs(left - right).max() > 0


def test_unknown_and_flat_layers(tiny_net):
    with pytest.raises(ValueError, match="no layer 'conv3'; did you mean 'conv2' or 'conv1'?"):
        tiny_net.layer("conv3")
    with pytest.raises(ValueError, match="it has, for example, 'rescaling', 'conv2' or"):
        tiny_net.forward(tiny_net.prepare(np.zeros((9, 9, 3), np.uint8)), ["xyz"])
    for name in (["conv1"], 3):
        with pytest.raises(ValueError, match="A layer is given by its name, a text, not"):
            tiny_net.spatial_layer(name)
    with pytest.raises(ValueError, match=r"'gap' makes no maps.*\(None, 8\); 'conv2' is one"):
        tiny_net.spatial_layer("gap")
    assert tiny_net.spatial_layer() == "conv2" and tiny_net.spatial_layer("pool1") == "pool1"
    with pytest.raises(ValueError, match="has no layer of maps"):
        network("grey_without_channel").spatial_layer()


# Photos and predictions -------------------------------------------------------------------------


def test_prepare_and_predict(tiny_net, tiny_photo):
    pixels = tiny_net.prepare(tiny_photo)
    assert pixels.shape == (1, 24, 32, 3) and pixels.dtype == np.float32
    assert 0 <= pixels.min() and 200 < pixels.max() <= 255
    np.testing.assert_array_equal(tiny_net.prepare(tiny_photo.astype(np.float64)), pixels)
    best = tiny_net.predict(tiny_photo, top=3)
    expected = tiny_net.model.predict(pixels, verbose=0)[0]
    order = np.argsort(-expected)[:3]
    assert [p.index for p in best] == order.tolist()
    assert [p.label for p in best] == [tiny_net.labels[i] for i in order]
    np.testing.assert_allclose([p.probability for p in best], expected[order], rtol=1e-5)
    assert isinstance(best[0], Prediction) and len(tiny_net.predict(tiny_photo, top=99)) == 5


@pytest.mark.parametrize(
    "photo, words",
    [
        (np.zeros((5, 5), np.uint8), r"RGB array .* not one of shape \(5, 5\)"),
        (np.zeros((5, 5, 4), np.uint8), r"not one of shape \(5, 5, 4\)"),
        (np.zeros((1, 5, 5, 3), np.uint8), r"not one of shape \(1, 5, 5, 3\)"),
        (np.zeros((5, 5, 3), bool), "not of bool"),
        (np.full((5, 5, 3), 0.5), "multiply by 255"),
        (np.zeros((0, 5, 3), np.uint8), r"not one of shape \(0, 5, 3\)"),
        (np.zeros((5, 5, 3), np.int32), "uint8 or float, not int32"),
        (np.full((5, 5, 3), np.nan), "not finite"),
        (np.full((5, 5, 3), -1.0), r"0\.\.255, but these are -1\.\.-1"),
        (np.full((5, 5, 3), 300.0), r"0\.\.255, but these are 300\.\.300"),
        ("chelsea", "not str; load_photo makes one"),
        (None, "not NoneType"),
        ([[1, 2], [3]], "not list"),
        (np.full((5, 5, 3), 9).tolist(), r"not int64; load_photo\(np.asarray\(photo\)\) makes"),
        (np.full((5, 5, 3), -0.3), r"0\.\.255, but these are -0\.3"),
        (Image.new("HSV", (5, 5)), "RGB, not a picture of mode 'HSV'; load_photo makes one"),
        (Image.new("YCbCr", (5, 5)), "not a picture of mode 'YCbCr'"),
        (Image.new("LAB", (5, 5)), "not a picture of mode 'LAB'"),
        (Image.new("L", (5, 5)), "not a picture of mode 'L'"),
    ],
)
def test_what_is_no_photo_is_refused(tiny_net, photo, words):
    with pytest.raises(ValueError, match=words) as caught:
        tiny_net.prepare(photo)
    assert "\n" not in str(caught.value)


def test_rounding_beyond_0_to_255_is_clipped_and_rgb_pictures_are_taken(tiny_net, tiny_photo):
    photo = np.where(tiny_photo > 200, 255 * (1 + 1e-9), -1e-7)
    same = np.where(tiny_photo > 200, 255.0, 0.0)
    kept = photo.copy()
    np.testing.assert_array_equal(tiny_net.prepare(photo), tiny_net.prepare(same))
    np.testing.assert_array_equal(photo, kept)
    picture = Image.fromarray(tiny_photo)
    np.testing.assert_array_equal(tiny_net.prepare(picture), tiny_net.prepare(tiny_photo))


@pytest.mark.parametrize("top", [-1, 0, 2.5, "a", True])
def test_how_many_classes_is_a_whole_number(tiny_net, tiny_photo, top):
    with pytest.raises(ValueError, match="top must be a whole number, 1 or more, not"):
        tiny_net.predict(tiny_photo, top)


# Targets ----------------------------------------------------------------------------------------


def test_score_vector(tiny_net, tiny_photo):
    np.testing.assert_array_equal(tiny_net.score_vector(2), [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(tiny_net.score_vector(np.int64(2)), [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(tiny_net.score_vector("dog"), [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(tiny_net.score_vector("Tiger cat"), [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(tiny_net.score_vector(("cat", 3)), [1, 0, 0, -1, 0])
    pixels = tiny_net.prepare(tiny_photo)
    logits = tiny_net.logits(pixels)
    top = np.eye(5)[int(np.argmax(logits))]
    for of in (tiny_photo, pixels, logits, logits.numpy()[0]):
        np.testing.assert_array_equal(tiny_net.score_vector(None, of), top)
    assert tiny_net.score_vector(2).dtype == np.float32


def test_score_vector_of_one_unit_has_two_classes():
    net = network("cats and dogs")
    assert len(net.labels) == 2
    np.testing.assert_array_equal(net.score_vector(1), [1])
    np.testing.assert_array_equal(net.score_vector(0), [-1])
    np.testing.assert_array_equal(net.score_vector((1, 0)), [1])
    np.testing.assert_array_equal(net.score_vector((0, 1)), [-1])
    for logit in (-2.0, 2.0):
        expected = [np.sign(logit)]
        np.testing.assert_array_equal(net.score_vector(None, np.float32([logit])), expected)
    photo = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    best, other = net.predict(photo)
    z = float(net.logits(net.prepare(photo))[0, 0])
    np.testing.assert_allclose(best.probability, 1 / (1 + np.exp(-abs(z))), rtol=1e-5)
    assert best.index == int(z > 0) and best.probability + other.probability == pytest.approx(1)


@pytest.mark.parametrize(
    "target, words",
    [
        ("crane", "'crane' stands for classes 1 and 4"),
        ("hors", "no class 'hors'"),
        ("dogg", "no class 'dogg'; did you mean 'dog'"),
        ("zzz", "its labels are 'cat', 'crane', 'dog'"),
        (5, "no class 5: 'tiny' has classes 0 to 4"),
        (-1, "no class -1"),
        (2.0, "class index, a label, None"),
        (True, "class index, a label, None"),
        ((1, 2, 3), "two classes, not 3"),
        ((2, "dog"), "the two are the same"),
        (None, "give the photo too"),
    ],
)
def test_targets_that_cannot_be(tiny_net, target, words):
    with pytest.raises(ValueError, match=words):
        tiny_net.score_vector(target)


def test_labels_that_differ_in_capitals_are_told_apart():
    model = load_network(sequential(), labels=["Cardigan", "cardigan", "Egyptian_cat", "dog"])
    assert (model.class_index("Cardigan"), model.class_index("cardigan")) == (0, 1)
    assert model.class_index("egyptian cat") == 2
    with pytest.raises(ValueError, match="stands for classes 0 and 1"):
        model.class_index("CARDIGAN")


def test_labels_come_as_a_list_or_a_dict_either_way():
    names = ["ant", "bee", "cat", "dog"]
    for labels in (
        names,
        tuple(names),
        dict(enumerate(names)),
        {n: i for i, n in enumerate(names)},
        np.array(names),
    ):
        assert load_network(sequential(), labels=labels).labels == names
    assert load_network(sequential()).labels == ["class 0", "class 1", "class 2", "class 3"]
    with pytest.raises(ValueError, match="labels names 2 classes, but 'sequential.*' has 4"):
        load_network(sequential(), labels=["a", "b"])
    with pytest.raises(ValueError, match="needs the indices 0 to 3, each once"):
        load_network(sequential(), labels={0: "a", 1: "b", 2: "c", 5: "d"})
    with pytest.raises(TypeError, match="not the one text 'cats'"):
        load_network(sequential(), labels="cats")


# Preprocessing ----------------------------------------------------------------------------------

KERAS_FUNCTIONS = {
    "vgg16": keras.applications.vgg16,
    "resnet101": keras.applications.resnet,
    "resnet50v2": keras.applications.resnet_v2,
    "inceptionv3": keras.applications.inception_v3,
    "inceptionresnetv2": keras.applications.inception_resnet_v2,
    "xception": keras.applications.xception,
    "mobilenet": keras.applications.mobilenet,
    "mobilenetv2": keras.applications.mobilenet_v2,
    "mobilenetv3small": keras.applications.mobilenet_v3,
    "nasnetmobile": keras.applications.nasnet,
    "densenet201": keras.applications.densenet,
    "efficientnetb3": keras.applications.efficientnet,
    "efficientnetv2b0": keras.applications.efficientnet_v2,
    "convnexttiny": keras.applications.convnext,
}


def seen_by(model, preprocess, pixels):
    """What the first layer of a model receives."""
    net = load_network(model, preprocess=preprocess)
    first = net.steps[0].name
    caught = []

    def catch(layer):
        return (lambda x: caught.append(x) or layer(x)) if layer.name == first else None

    net.forward(pixels, substitute=catch)
    return caught[0].numpy()


@pytest.mark.parametrize("name", KERAS_FUNCTIONS)
def test_preprocessing_is_that_of_keras(name):
    pixels = rng.uniform(0, 255, (2, 28, 20, 3)).astype(np.float32)
    expected = KERAS_FUNCTIONS[name].preprocess_input(pixels.copy())
    got = seen_by(sequential(), name, pixels)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5)


def test_preprocess_as_mode_function_or_keras_function():
    pixels = rng.uniform(0, 255, (2, 28, 20, 3)).astype(np.float32)
    caffe = keras.applications.vgg16.preprocess_input
    for preprocess, expected in [
        (None, pixels),
        ("identity", pixels),
        ("unit", pixels / 255),
        ("tf", pixels / 127.5 - 1),
        ("caffe", caffe(pixels.copy())),
        (caffe, caffe(pixels.copy())),
        ("VGG16", caffe(pixels.copy())),
        (lambda x: x * 2, pixels * 2),
    ]:
        got = seen_by(sequential(), preprocess, pixels)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    "preprocess, words",
    [
        ("vgg61", "preprocess is 'identity'.*not 'vgg61'"),
        (3, "or a function, not 3"),
        (lambda x: np.asarray(x) / 255, "so that gradients reach the pixels.*ndarray"),
        (lambda x: x[:, :5], r"shape \(1, 5, 20, 3\), but the model takes \(None, 28, 20, 3\)"),
        (lambda x: x.nonsense, "but failed on such a tensor"),
    ],
)
def test_preprocess_that_cannot_be(preprocess, words):
    with pytest.raises(ValueError, match=words):
        load_network(sequential(), preprocess=preprocess)


def _named(name, *first):
    photo = x = keras.Input((16, 16, 3))
    for layer in first:
        x = layer(x)
    x = layers.Conv2D(2, 3)(x)
    return keras.Model(photo, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)), name=name)


@pytest.mark.parametrize(
    "name, mode",
    [
        ("vgg16", "caffe"),
        ("mobilenetv2_1.00_224", "tf"),
        ("mobilenet_0.25_128", "tf"),
        ("densenet121", "torch"),
        ("resnet50", "caffe"),
        ("resnet50v2", "tf"),
        ("resnet50v2_1", "tf"),
        ("efficientnetv2-b0", "identity"),
        ("MobileNetV3Large", "identity"),
        ("nasnet_mobile", "tf"),
        ("my_vgg16", "identity"),
        ("functional_7", "identity"),
    ],
)
def test_models_of_keras_applications_are_known_by_name(name, mode):
    pixels = rng.uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    expected = seen_by(_named("x"), mode, pixels)
    np.testing.assert_array_equal(seen_by(_named(name), None, pixels), expected)


def test_a_model_that_begins_with_arithmetic_holds_its_preprocessing():
    pixels = rng.uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    model = _named("vgg16", layers.Rescaling(1 / 255))
    np.testing.assert_array_equal(seen_by(model, None, pixels), pixels)


# Models that are none ---------------------------------------------------------------------------


def _subclassed():
    class Net(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.head = layers.Dense(2)

        def call(self, x):
            return self.head(keras.ops.mean(x, axis=(1, 2)))

    model = Net()
    model(np.zeros((1, 8, 8, 3), np.float32))
    return model


class _Doubled(keras.Sequential):
    def call(self, x, **options):
        return 2 * super().call(x, **options)


def _of_inputs(*shapes, outputs=1):
    inputs = [keras.Input(shape) for shape in shapes]
    flat = [layers.Flatten()(x) for x in inputs]
    x = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    return keras.Model(inputs, [layers.Dense(2)(x) for _ in range(outputs)])


@pytest.mark.parametrize(
    "build, words",
    [
        (_subclassed, r"'own' is a subclass with its own call\(\).*keras.Model\(inputs"),
        (lambda: keras.Sequential([layers.Dense(2)]), "no input shape yet"),
        (lambda: _Doubled([keras.Input((8, 8, 3)), layers.Flatten()]), r"with its own call\(\)"),
        (lambda: _of_inputs((8, 8, 3), (4,)), "has 2 inputs"),
        (lambda: _of_inputs((8, 8, 3), outputs=2), "has 2 outputs"),
        (lambda: _of_inputs((8, 8, 4)), r"\(None, 8, 8, 4\), but a photo"),
        (lambda: _of_inputs((100,)), r"\(None, 100\), but a photo"),
        (_base, "does it lack its head"),
    ],
)
def test_models_that_classify_no_photos_are_refused(build, words):
    with pytest.raises(ValueError, match=words) as caught:
        load_network(build())
    assert "\n" not in str(caught.value)


def test_the_way_out_that_a_subclassed_model_is_told_works():
    model, photo = _subclassed(), keras.Input((8, 8, 3))
    net = load_network(keras.Model(photo, model.call(photo)))
    pixels = pixels_for(net)
    np.testing.assert_allclose(net.logits(pixels), model(pixels), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("what", [None, 3, np.zeros(3), layers.Dense(2), keras.Model])
def test_things_that_are_no_network(what):
    with pytest.raises(TypeError, match="A network is a name, a path or a keras.Model, not"):
        load_network(what)


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("kind", ["sequential", "nested", "multi_label"])
def test_a_saved_model_comes_back(tmp_path, suffix, kind):
    net = network(kind)
    path = tmp_path / "meine Netze 写真" / f"my nët{suffix}"
    path.parent.mkdir()
    net.model.save(path)
    again = load_network(path, labels=[f"l{i}" for i in range(net.units)])
    pixels = pixels_for(net)
    np.testing.assert_allclose(again.logits(pixels), net.logits(pixels), rtol=1e-4, atol=1e-5)
    assert again.name == "my nët" and again.labels[0] == "l0"
    assert load_network(str(path)).last_conv.split("/")[-1] == net.last_conv.split("/")[-1]


def test_files_that_are_no_network(tmp_path):
    net = network("sequential")
    cases = {
        "absent.keras": "There is no file",
        "folder": "is a folder, but a network is a .keras or .h5 file",
        "notes.txt": "is a .txt file, but a network",
        "bad.keras": "is not a Keras model, or is damaged: save the model anew",
        "bad.h5": "is not a Keras model, or is damaged: save the model anew",
        "half.keras": "is not a Keras model, or is damaged",
        "half.h5": "is not a Keras model, or is damaged",
        "net.weights.h5": "holds weights alone",
        "lambda.keras": "holds a Lambda layer.*safe_mode=False",
        "custom.keras": "by Keras .*, needs the class 'Mine', which.*custom_objects={'Mine': Mine}",
    }
    (tmp_path / "folder").mkdir()
    for name in ("notes.txt", "bad.keras", "bad.h5"):
        (tmp_path / name).write_bytes(b"not a model")
    for suffix in (".keras", ".h5"):
        net.model.save(tmp_path / f"whole{suffix}")
        whole = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"half{suffix}").write_bytes(whole[: len(whole) // 2])
    net.model.save_weights(tmp_path / "net.weights.h5")
    _save_with(layers.Lambda(lambda x: x * 2), tmp_path / "lambda.keras")
    mine = type("Mine", (layers.Layer,), {"call": lambda self, x: x})
    _save_with(mine(), tmp_path / "custom.keras")
    for name, words in cases.items():
        with pytest.raises((ValueError, FileNotFoundError), match=words) as caught:
            load_network(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def _save_with(layer, path):
    photo = keras.Input((8, 8, 3))
    keras.Model(photo, layers.Dense(2)(layers.Flatten()(layer(photo)))).save(path)


def test_unknown_names():
    for name, words in (
        ("vgg61", "No network 'vgg61'; did you mean 'vgg16'"),
        ("completely different", "list_networks"),
        ("", "a name or a path, not ''; list_networks"),
    ):
        with pytest.raises(ValueError, match=words):
            load_network(name)


# The bundled networks, and the list of all ------------------------------------------------------


def test_list_networks():
    rows = {row.name: row for row in list_networks()}
    assert rows["vgg16"][:4] == ("vgg16", (224, 224), 138_357_544, 553)
    assert rows["nasnetlarge"].input_size == (331, 331)
    assert rows["mobilenetv2"].parameters == 3_538_984


def test_every_part_of_the_course_means_the_same_top_class(tiny_photo):
    """Where two sigmoids round to 1, the larger logit is on top, not the first class."""
    from cnnvis_helpers import fgsm, gradcam, occlusion, saliency

    head = layers.Dense(5, activation="sigmoid")
    conv = layers.Conv2D(4, 3, activation="relu")
    net = chain(conv, size=(24, 32), head=[layers.GlobalAveragePooling2D(), head])
    head.kernel.assign(head.kernel * 1e-3)
    head.bias.assign([0.2, 20.2, 0.1, 30.0, -0.1])
    ranked = net.predict(tiny_photo)
    assert [one.index for one in ranked[:2]] == [3, 1]
    assert ranked[0].probability == ranked[1].probability == 1
    for method in (saliency, gradcam, occlusion):
        assert np.array_equal(method(net, tiny_photo), method(net, tiny_photo, 3))
    assert fgsm(net, tiny_photo).label == 3


# Heads whose activation is no single step -------------------------------------------------------


def _features(photo):
    x = layers.Conv2D(6, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    return layers.GlobalAveragePooling2D()(x)


def _sharp(units, activation=None, spread=3.0, seed=1):
    """A Dense layer whose outputs differ from class to class and from picture to picture."""
    kernel = keras.initializers.RandomNormal(0, spread, seed)
    return layers.Dense(units, activation, kernel_initializer=kernel)


def _of_features(head):
    photo = keras.Input((16, 20, 3))
    return keras.Model(photo, head(_features(photo)))


def _average(units, activation, spread=3.0):
    photo = keras.Input((16, 20, 3))
    members = [_of_features(_sharp(units, activation, spread, seed)) for seed in (1, 2)]
    return keras.Model(photo, layers.Average()([member(photo) for member in members]))


def _one_and_rest(x):
    p = _sharp(1, "sigmoid")(x)
    return keras.ops.concatenate([1 - p, p], axis=-1)


def _maps_of_softmax():
    photo = keras.Input((16, 20, 3))
    x = layers.Conv2D(6, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    kernel = keras.initializers.RandomNormal(0, 3, 1)
    x = layers.Conv2D(4, 1, activation="softmax", kernel_initializer=kernel)(x)
    return keras.Model(photo, layers.GlobalAveragePooling2D()(x))


class OwnSoftmax(layers.Layer):
    def call(self, x):
        return keras.ops.softmax(x)


def _by_hand(x):
    powers = keras.ops.exp(_sharp(4)(x))
    return powers / keras.ops.sum(powers, axis=-1, keepdims=True)


PROBABILITIES = {
    "average of softmax": (lambda: _average(4, "softmax"), "softmax"),
    "average of sigmoids": (lambda: _average(1, "sigmoid"), "sigmoid"),
    "lambda layer": (
        lambda: _of_features(lambda x: layers.Lambda(lambda z: tf.nn.softmax(z))(_sharp(4)(x))),
        "softmax",
    ),
    "own layer": (lambda: _of_features(lambda x: OwnSoftmax()(_sharp(4)(x))), "softmax"),
    "clip": (
        lambda: _of_features(lambda x: keras.ops.clip(_sharp(4, "softmax")(x), 1e-7, 1)),
        "softmax",
    ),
    "times one": (lambda: _of_features(lambda x: _sharp(4, "softmax")(x) * 1.0), "softmax"),
    "by hand": (lambda: _of_features(_by_hand), "softmax"),
    "sigmoids side by side": (
        lambda: _of_features(
            lambda x: layers.Concatenate()([_sharp(1, "sigmoid")(x) for _ in range(3)])
        ),
        "sigmoid",
    ),
    "one and the rest": (lambda: _of_features(_one_and_rest), "softmax"),
    "pooled softmax": (_maps_of_softmax, "softmax"),
    "own activation": (
        lambda: _of_features(_sharp(4, lambda z: keras.activations.softmax(z / 2))),
        "softmax",
    ),
}


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_outputs_that_are_probabilities_are_told_and_their_logits_taken(kind):
    build, head = PROBABILITIES[kind]
    keras.utils.set_random_seed(2)
    net = load_network(build())
    pixels = pixels_for(net)
    expected = net.model(pixels).numpy()
    probabilities = net.probabilities(net.logits(pixels))
    assert net.head == head
    if net.units == 1:
        probabilities = probabilities[:, 1:]
    np.testing.assert_allclose(probabilities, expected, atol=2e-6)


@pytest.mark.parametrize(
    "head",
    [
        lambda x: _sharp(4, "log_softmax")(x),
        lambda x: keras.ops.log_softmax(_sharp(4)(x)),
        lambda x: layers.Lambda(tf.nn.log_softmax)(_sharp(4)(x)),
    ],
    ids=["activation", "operation", "lambda"],
)
def test_a_log_softmax_gives_the_probabilities_whose_logarithms_it_makes(head):
    net = load_network(_of_features(head))
    pixels = pixels_for(net)
    expected = np.exp(net.model(pixels))
    np.testing.assert_allclose(net.probabilities(net.logits(pixels)), expected, atol=2e-6)


def test_probabilities_in_percent_are_refused():
    with pytest.raises(ValueError, match="sum to 100 for every picture"):
        load_network(_of_features(lambda x: layers.Rescaling(100.0)(_sharp(4, "softmax")(x))))


def test_gradients_of_such_logits_are_those_of_log_p():
    keras.utils.set_random_seed(2)
    net = load_network(_average(4, "softmax"))
    pixels = tf.constant(pixels_for(net, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(pixels)
        logit = net.forward(pixels)[0][0, 2]
        expected = tf.math.log(net.model(pixels)[0, 2])
    expected = tape.gradient(expected, pixels).numpy()
    np.testing.assert_allclose(
        tape.gradient(logit, pixels), expected, atol=1e-5 * np.abs(expected).max()
    )
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_certain_probabilities_have_finite_logits_and_the_same_probabilities(activation):
    keras.utils.set_random_seed(2)
    net = load_network(_average(4, activation, 1e4))
    pixels = pixels_for(net)
    expected = net.model(pixels).numpy()
    assert expected.min() == 0 and expected.max() > 0.4
    logits = net.logits(pixels)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(net.probabilities(logits), expected, atol=2e-6)


@pytest.mark.parametrize(
    "head",
    [
        lambda x: _sharp(4)(x),
        lambda x: layers.Average()([_sharp(4)(x), _sharp(4)(x)]),
        lambda x: layers.Lambda(lambda z: z * 3.0)(_sharp(4)(x)),
        lambda x: _sharp(4)(layers.Dense(6, activation="sigmoid")(x)),
        lambda x: x,
    ],
    ids=["dense", "average", "lambda", "sigmoid before", "pooled maps"],
)
def test_other_outputs_stay_logits(head):
    net = load_network(_of_features(head))
    pixels = pixels_for(net)
    assert net.head == "linear"
    np.testing.assert_allclose(net.logits(pixels), net.model(pixels), atol=1e-5)


NO_HEADS = ["hard_sigmoid", "sparsemax", "relu", "tanh", "softplus", tf.nn.relu, tf.tanh]
if not hasattr(keras.activations, "sparsemax"):  # Keras 3.5
    NO_HEADS.remove("sparsemax")


@pytest.mark.parametrize("activation", NO_HEADS)
def test_a_head_with_another_activation_is_refused(activation):
    words = "ends with the activation .* softmax, a sigmoid or no activation, "
    with pytest.raises(ValueError, match=words):
        load_network(_of_features(_sharp(4, activation)))
    with pytest.raises(ValueError, match="ends with the activation relu"):
        load_network(_of_features(lambda x: layers.ReLU()(_sharp(4)(x))))


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1:UserWarning")
@pytest.mark.parametrize("layer", [_sharp(1, "softmax"), layers.Lambda(tf.nn.softmax)])
def test_a_softmax_over_one_unit_is_refused(layer):
    with pytest.raises(ValueError, match="softmax over one unit, which is always 1"):
        load_network(_of_features(lambda x: layer(_sharp(1)(x))))
