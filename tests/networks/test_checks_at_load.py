"""Strangers' networks: the same answer, maps in the same place, the whole score, the same scale."""

import functools
import json
import shutil
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import architecture, give_statistics
from keras import layers, ops

from cnnvis_helpers import (
    cam,
    feature_maps,
    fgsm,
    gradcam,
    integrated_gradients,
    layers_from_the_top,
    load_network,
    occlusion,
    pgd,
    randomize_layers,
    scorecam,
    show_predictions,
    smoothgrad,
    train_shape_network,
)
from cnnvis_helpers.networks import checks_at_load as checks
from cnnvis_helpers.networks.applications import MODES
from cnnvis_helpers.networks.network import read_network

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def close(found, expected, tolerance=1e-5):
    return np.allclose(found, expected, atol=tolerance * max(1e-9, np.abs(expected).max()))


def _pixels(net, n=3):
    return np.random.default_rng(0).uniform(0, 255, (n, *net.input_size, 3)).astype(np.float32)


def _classifier(x, **options):
    kernel = keras.initializers.RandomNormal(stddev=6, seed=3)
    x = layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x
    return layers.Dense(3, kernel_initializer=kernel, **options)(x)


def _ordinary(front=lambda x: x, shape=(48, 48, 3)):
    """A small CNN, trained on 0..1 inside; `front` is a function of the symbolic picture."""
    keras.utils.set_random_seed(3)
    photo = keras.Input(shape)
    x = front(layers.Rescaling(1 / 255)(photo))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.MaxPooling2D()(x))
    return keras.Model(photo, _classifier(x, activation="softmax"))


# The same answer --------------------------------------------------------------------------------


def _masked(kind):
    keras.utils.set_random_seed(5)
    photo = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(photo)
    tokens = layers.Reshape((64, 8))(layers.Conv2D(8, 4, strides=4, activation="relu")(x))
    patches = layers.Reshape((64, 48))(layers.Conv2D(48, 4, strides=4)(x))
    mask = ops.mean(patches, axis=-1) > 0
    if kind == "softmax":
        scores = layers.Softmax()(layers.Reshape((64,))(layers.Dense(1)(tokens)), mask=mask)
        z = layers.Dot(axes=1)([scores, tokens])
    elif kind == "attention":
        z = layers.Attention()([tokens, tokens], mask=[mask, mask])
        z = layers.GlobalAveragePooling1D()(z)
    else:
        z = layers.LSTM(6)(tokens, mask=mask)
    return keras.Model(photo, _classifier(z))


@pytest.mark.parametrize("kind", ["softmax", "lstm", "attention"])
def test_a_mask_that_the_author_gave_is_kept(kind):
    net = load_network(_masked(kind))
    assert close(net.logits(_pixels(net)), net.model.predict(_pixels(net), verbose=0), 1e-4)


@pytest.mark.parametrize("layer", [layers.Dropout(0.5), layers.BatchNormalization()])
def test_a_layer_that_is_called_in_training_mode_is_said(layer):
    net = read_network(_ordinary(lambda x: layer(x, training=True)))
    assert len(net.notes) == 1 and "training=True" in net.notes[0]
    expected = net.model.predict(_pixels(net), verbose=0)
    assert close(net.probabilities(net.logits(_pixels(net))), expected)


def _exported(tmp_path, activation):
    photo = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    model = keras.Model(photo, _classifier(x, activation=activation))
    model.export(str(tmp_path / "saved"), verbose=False)
    saved = layers.TFSMLayer(str(tmp_path / "saved"), call_endpoint="serve")
    return keras.Sequential([keras.Input((32, 32, 3)), saved])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_probabilities_of_a_saved_model_are_read_as_such(tmp_path, activation):
    net = load_network(_exported(tmp_path, activation))
    assert net.head == activation
    expected = net.model(_pixels(net)).numpy()
    assert close(net.probabilities(net.logits(_pixels(net))), expected)


def test_a_second_input_that_is_held_fixed_counts_for_every_picture():
    photo, table = keras.Input((32, 32, 3)), keras.Input((5,))
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(layers.Rescaling(1 / 255)(photo))
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), table])
    two = keras.Model([photo, table], _classifier(x, activation="softmax"))
    with pytest.raises(ValueError, match=r"photo = keras.Input\(\(32, 32, 3\)\) and keras.Model"):
        load_network(two)
    picture, rest = keras.Input((32, 32, 3)), keras.ops.ones((1, 5))
    net = load_network(keras.Model(picture, two([picture, rest])))
    pixels = _pixels(net)
    expected = two([pixels, np.ones((3, 5))]).numpy()
    assert net.last_conv == "conv" and net.head == "softmax"
    assert close(net.probabilities(net.logits(pixels)), expected)
    assert occlusion(net, pixels[0], 1, patch=8).shape == (32, 32)


def test_the_photo_among_several_inputs_is_the_one_of_three_channels():
    depth, photo = keras.Input((32, 32, 1)), keras.Input((48, 48, 3))
    pooled = [layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)) for x in (depth, photo)]
    model = keras.Model([depth, photo], _classifier(layers.Concatenate()(pooled)))
    with pytest.raises(ValueError) as caught:
        load_network(model)
    lines = str(caught.value).partition("fixed with ")[2].rstrip(".").split(" and ")
    known = {"keras": keras, "model": model}
    exec(lines[0], known)  # the way out, as typed
    net = load_network(eval(lines[1], known), preprocess="identity")
    pixels = _pixels(net)
    assert net.input_size == (48, 48)
    assert close(net.logits(pixels), model([np.zeros((3, 32, 32, 1)), pixels]).numpy())


def test_a_model_whose_layers_do_not_add_up_is_refused():
    photo = keras.Input((16, 16, 3))
    net = read_network(keras.Model(photo, _classifier(layers.Conv2D(4, 3)(photo))))
    net.graph.steps[0].layer = layers.Conv2D(4, 3)  # as if it were run in another way
    net.graph.steps[0].layer.build((None, 16, 16, 3))
    with pytest.raises(ValueError, match="does not give the answer that model"):
        checks.check_answer(net)


class Chance(layers.Dropout):
    """A dropout that is never off, for several answers to one picture."""

    def call(self, x, training=None):
        return super().call(x, training=True)


def test_a_model_of_chance_is_refused():
    photo = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    with pytest.raises(ValueError, match="gives one picture another answer each time"):
        read_network(keras.Model(photo, _classifier(Chance(0.5)(x))))


class Prepared(keras.Model):
    """As keras_hub's classifiers: predict() prepares its input, a call does not."""

    def predict(self, x, **options):
        return super().predict(x / 255.0, **options)


class PreparedByStep(keras.Model):
    def predict_step(self, data):
        return super().predict_step(data / 255.0)


@pytest.mark.parametrize("kind", [Prepared, PreparedByStep])
def test_a_model_that_prepares_its_input_in_predict_alone(kind):
    keras.utils.set_random_seed(4)
    photo = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, use_bias=False, kernel_initializer="ones")(photo)
    x = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x / 1000))
    model = kind(photo, x)
    assert any("model.predict" in note for note in read_network(model).notes)
    assert not read_network(model, preprocess="unit").notes
    model.preprocessor = lambda pixels: pixels / 255.0
    net = read_network(model)
    assert not net.notes
    expected = model.predict(_pixels(net), verbose=0)
    assert close(net.probabilities(net.logits(_pixels(net))), expected)


def test_a_classifier_of_keras_hub_prepares_its_input_as_predict_does():
    hub = pytest.importorskip("keras_hub")
    body = hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(64, 64, 3),
    )
    scaled = hub.layers.ImageConverter(image_size=(64, 64), scale=[1 / 58.0] * 3, offset=[-2.0] * 3)
    model = hub.models.ResNetImageClassifier(
        backbone=body,
        num_classes=4,
        preprocessor=hub.models.ResNetImageClassifierPreprocessor(image_converter=scaled),
        activation="softmax",
    )
    net = read_network(model)
    pixels = _pixels(net)
    assert net.notes == []
    assert close(net.probabilities(net.logits(pixels)), model.predict(pixels, verbose=0))


def _of_batch(n, flat=True):
    """A model for batches of n pictures; n matters inside where it is flattened by hand."""
    photo = keras.Input(batch_shape=(n, 32, 32, 3))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(photo))
    x = ops.reshape(x, (x.shape[0], -1)) if flat else layers.Flatten()(x)
    return keras.Model(photo, layers.Dense(3, activation="softmax")(x))


def _mixing():
    return _ordinary(lambda x: layers.Lambda(lambda y: y - tf.reduce_mean(y))(x), (32, 32, 3))


@pytest.mark.parametrize("model", [_of_batch(1), _of_batch(4, flat=False), _mixing()])
def test_the_batch_does_not_matter(model):
    net = load_network(model)
    pixels = _pixels(net)
    expected = np.concatenate([model(one[None]) for one in pixels])
    assert close(net.probabilities(net.logits(pixels)), expected)
    assert gradcam(net, pixels[0]).shape == occlusion(net, pixels[0]).shape == (32, 32)
    assert np.abs(scorecam(net, pixels[0])).max() > 0
    for method in (smoothgrad, integrated_gradients):
        assert np.abs(method(net, pixels[0])).max() > 0
    assert np.abs(fgsm(net, pixels[0]).photo - pixels[0]).max() > 0


BATCHES = {
    "less the first": lambda x: x - x[:1],
    "less the last": lambda x: x - x[-1:],
    "less the next": lambda x: x - tf.roll(x, -1, axis=0),
    "turned round": lambda x: x[::-1],
    "moved on": lambda x: tf.roll(x, 1, axis=0),
    "largest of all": lambda x: x / (1 + tf.reduce_max(x, axis=0, keepdims=True)),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_pictures_that_a_model_mixes_are_run_one_by_one(kind):
    net = load_network(_ordinary(lambda x: layers.Lambda(BATCHES[kind])(x + 0.1)))
    pixels = _pixels(net)
    assert net.one_by_one
    expected = np.concatenate([net.model(one[None]) for one in pixels])
    assert close(net.probabilities(net.logits(pixels)), expected)


@pytest.mark.parametrize("level", [0, 255])
def test_another_way_with_black_or_white_alone_is_refused(level):
    photo = keras.Input((16, 16, 3))
    model = keras.Model(photo, _classifier(layers.Conv2D(4, 3, use_bias=False)(photo / 255)))
    net = read_network(model)
    net.preprocess = lambda pixels: pixels  # as when the model is asked
    run = net.run_values
    net.run_values = lambda pixels, *given, **more: run(
        tf.where(pixels == level, 128.0, pixels), *given, **more
    )
    with pytest.raises(ValueError, match="does not give the answer that model"):
        checks.check_answer(net)


def test_a_batch_that_the_model_counts_on_is_refused():
    with pytest.raises(ValueError, match="fails on a single picture"):
        load_network(_of_batch(4))


# The same place ---------------------------------------------------------------------------------


def _standardised(x):
    return x - ops.mean(x, axis=(1, 2, 3), keepdims=True)


MOVED = {
    "permute": lambda x: layers.Permute((2, 1, 3))(x),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1, 3)),
    "mirror": lambda x: x[:, :, ::-1],
    "mirror of bright pixels": lambda x: ops.maximum(x - 0.85, 0)[:, :, ::-1],
    "upside down": lambda x: ops.flip(x, axis=1),
    "quarter turn": lambda x: ops.rot90(x, 1, axes=(1, 2)),
    "half turn": lambda x: x[:, ::-1, ::-1],
    "centre": lambda x: layers.CenterCrop(40, 40)(x),
    "slice": lambda x: x[:, :, 12:],
    "lambda": lambda x: layers.Lambda(lambda t: tf.image.central_crop(t, 0.5))(x),
    "cropping": lambda x: layers.Cropping2D(((0, 9), (0, 0)))(x),
    "padding": lambda x: layers.ZeroPadding2D(8)(x),
    "narrow padding": lambda x: layers.ZeroPadding2D(4)(x),
    "padding of one side": lambda x: ops.pad(x, ((0, 0), (0, 0), (16, 0), (0, 0))),
    "roll": lambda x: ops.roll(x, 20, axis=2),
    "halves": lambda x: ops.concatenate([x[:, :, 24:], x[:, :, :24]], axis=2),
    "reshape": lambda x: layers.Reshape((24, 96, 3))(x),
    "cut after a mean of the whole": lambda x: _standardised(x)[:, 8:-8, 8:-8],
    "overlapping parts as channels": lambda x: ops.concatenate([x[:, :, :40], x[:, :, 8:]], -1),
    "quarters as channels": lambda x: layers.Reshape((24, 24, 12))(
        ops.transpose(ops.reshape(x, (-1, 2, 24, 2, 24, 3)), (0, 2, 4, 1, 3, 5))
    ),
}


@pytest.mark.parametrize("kind", MOVED)
def test_maps_of_a_picture_that_is_moved_inside_are_refused(kind):
    net = load_network(_ordinary(MOVED[kind]))
    photo = _pixels(net, 1)[0]
    assert net.last_conv is None and len(net.notes) == 1
    for method in (gradcam, cam):
        with pytest.raises(ValueError, match="do not lie on the photo"):
            method(net, photo, 1)
    with pytest.raises(ValueError, match="do not lie on the photo"):
        gradcam(net, photo, 1, net.graph.maps()[0].name)
    assert occlusion(net, photo, 1).shape == (48, 48)


def test_a_copy_with_random_weights_moves_the_picture_as_well():
    net = load_network(_ordinary(MOVED["transpose"]))
    assert randomize_layers(net, layers_from_the_top(net)[0]).no_map == net.no_map


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda x: tf.transpose(x, (0, 2, 1, 3)),
        lambda x: tf.image.flip_left_right(x),
        lambda x: tf.image.resize(tf.image.central_crop(x, 0.5), (48, 48)),
    ],
    ids=["transposed", "mirrored", "cut"],
)
def test_maps_of_a_picture_that_preprocess_moves_are_refused(preprocess):
    assert load_network(_ordinary(), preprocess=preprocess).last_conv is None
    assert load_network(_ordinary(), preprocess=lambda x: x * 1.0).last_conv


def _in_windows(x):
    """Windows of 4 x 4 cells, one below the other in the batch."""
    height, width, channels = x.shape[1:]
    x = ops.reshape(x, (-1, height // 4, 4, width // 4, 4, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 4, 4, channels))


def _cells(order):
    """Shuffle cells along an axis: `order` is a function of their number."""
    return lambda x: ops.take(x, order(x.shape[1]), axis=1)


def _every_fourth_first(x):
    windows = ops.reshape(x, (-1, x.shape[1] // 4, 4, *x.shape[2:]))
    return ops.reshape(ops.transpose(windows, (0, 2, 1, 3, 4)), (-1, *x.shape[1:]))


SHUFFLED = {
    "blocks": _cells(lambda n: np.roll(np.arange(n).reshape(4, -1), 1, axis=0).ravel()),
    "two blocks": _cells(lambda n: np.arange(n).reshape(4, -1)[[0, 2, 1, 3]].ravel()),
    "halves": _cells(lambda n: np.roll(np.arange(n), n // 2)),
    "even before odd": _cells(lambda n: np.arange(n).reshape(-1, 2).T.ravel()),
    "every fourth": _every_fourth_first,
    "any order": _cells(np.random.default_rng(0).permutation),
    "tiles": lambda x: ops.tile(x[:, ::2, ::2], (1, 2, 2, 1)),
    "windows of the batch": lambda x: ops.reshape(_in_windows(x), (-1, *x.shape[1:])),
    "channels as places": lambda x: ops.transpose(x, (0, 1, 3, 2)),
    "channels first": lambda x: ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (-1, *x.shape[1:])),
    "with its mirror image": lambda x: x + x[:, :, ::-1],
    "centre": lambda x: layers.CenterCrop(6, 6)(x),
    "a corner": lambda x: x[:, 4:, 4:],
    "transpose": MOVED["transpose"],
    "mirror": MOVED["mirror"],
    "mirrored signs": lambda x: ops.sign(x)[:, :, ::-1],
    "halves as channels": lambda x: ops.concatenate([x[:, :, :8], x[:, :, 8:]], axis=-1),
    "overlapping parts as channels": lambda x: ops.concatenate([x[:, :12], x[:, 4:]], axis=-1),
    "turned copies": lambda x: _turned(x),
    "few turned copies": lambda x: _turned(layers.AveragePooling2D(4)(x)),
    "all places mixed": lambda x: _mixed(layers.AveragePooling2D(3)(x)),
    "a part after a gate": lambda x: _excited(x)[:, 3:-3, 3:-3],
}


def _turned(x):
    return layers.Add()([ops.rot90(x, k, axes=(1, 2)) for k in range(4)])


def _mixed(x):
    return layers.EinsumDense("nhwc,hwij->nijc", x.shape[1:])(x)


def _shuffled(shuffle, depth):
    """Cells of 4 x 4 pixels, seen sharply, `shuffle`, and `depth` more convolutions."""
    keras.utils.set_random_seed(3)
    photo = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 255)(photo)
    for strides in (1,) * depth + (4,):
        x = layers.Conv2D(16, max(3, strides), strides, "same", activation="relu")(x)
    x = shuffle(layers.Activation("relu", name="ok")(x))
    for _ in range(depth + 1):
        x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    return keras.Model(photo, _classifier(x, activation="softmax"))


@pytest.mark.parametrize("depth", [0, 8])
@pytest.mark.parametrize("kind", SHUFFLED)
def test_maps_whose_cells_a_layer_shuffles_are_not_the_default(kind, depth):
    net = load_network(_shuffled(SHUFFLED[kind], depth))
    last = {"a part after a gate": "multiply", "mirrored signs": "sign"}.get(kind, "ok")
    assert net.last_conv.startswith(last) and len(net.notes) == 1
    photo = _pixels(net, 1)[0]
    assert gradcam(net, photo, 1).shape == (64, 64)
    with pytest.raises(ValueError, match="do not lie on the photo"):
        gradcam(net, photo, 1, net.graph.maps()[-1].name)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("move", ["", "mirror", "transpose", "upside down"])
def test_four_cells_behind_a_kernel_that_sees_them_all(move, seed):
    keras.utils.set_random_seed(seed)
    photo = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(photo))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="ok")(layers.MaxPooling2D(4)(x))
    x = layers.MaxPooling2D(4)(x)
    x = layers.Conv2D(4, 3, padding="same")(MOVED[move](x) if move else x)
    net = load_network(keras.Model(photo, _classifier(x, activation="softmax")))
    assert net.last_conv == ("ok" if move else net.graph.maps()[-1].name)


@pytest.mark.parametrize("depth", [0, 4])
def test_cells_that_are_shuffled_and_put_back_are_as_good_as_ever(depth):
    def windows(x):
        inside = ops.reshape(layers.Conv2D(8, 1)(_in_windows(x)), (-1, 4, 4, 4, 4, 8))
        return ops.reshape(ops.transpose(inside, (0, 1, 3, 2, 4, 5)), (-1, 16, 16, 8))

    net = read_network(_shuffled(windows, depth))
    assert net.notes == [] and net.last_conv == net.graph.maps()[-1].name


ORDINARY = {
    "plain": lambda x: x,
    "colours turned": lambda x: x[..., ::-1],
    "augmented": lambda x: layers.RandomRotation(0.2)(layers.RandomFlip()(x)),
    "resized": lambda x: layers.Resizing(32, 64)(x),
    "a convolution's border": lambda x: layers.Conv2D(6, 7, 2)(layers.ZeroPadding2D(3)(x)),
    "no border": lambda x: layers.Conv2D(6, 5, activation="relu")(x),
    "batch norm first": lambda x: layers.BatchNormalization()(x),
    "squeeze and excite": lambda x: _excited(layers.Conv2D(6, 3, activation="relu")(x)),
    "patches": lambda x: layers.Conv2D(12, 6, 6)(x),
    "few pixels seen": lambda x: layers.Conv2D(12, 3, 8, "same")(x),
    "turned back": lambda x: layers.Permute((2, 1, 3))(layers.Permute((2, 1, 3))(x)),
    "tokens and back": lambda x: layers.Reshape((48, 48, 3))(layers.Reshape((2304, 3))(x)),
    "residual": lambda x: layers.Add()([x, layers.Conv2D(3, 3, padding="same")(x)]),
    "one channel": lambda x: layers.Conv2D(1, 5, activation="relu")(x),
    "halves joined": lambda x: ops.concatenate(
        [layers.Conv2D(4, 3, padding="same")(half) for half in (x[:, :, :24], x[:, :, 24:])], axis=2
    ),
    "black and white": lambda x: ops.cast(x > 0.5, "float32"),
    "many borders lost": lambda x: _deeper(x, 6, "valid"),
    "deep": lambda x: _deeper(x, 16, "same"),
    "circular padding": lambda x: _deeper(_circular(_circular(x, 1), 2), 3, "valid"),
    "reflected padding": lambda x: _deeper(
        ops.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0)), "reflect"), 3, "valid"
    ),
    "wide maximum": lambda x: layers.MaxPooling2D(9, 1, "same")(_deeper(x, 1, "same")),
    "maximum first": lambda x: layers.MaxPooling2D(3, 2, "same")(x),
    "pixels as channels": lambda x: ops.concatenate([x[:, ::2, ::2], x[:, 1::2, 1::2]], axis=-1),
    "kernels on few places": lambda x: _deeper(
        layers.AveragePooling2D(12)(_deeper(x, 1, "same")), 3, "same"
    ),
    "pyramid of maxima": lambda x: ops.concatenate(
        [layers.MaxPooling2D(n, 1, "same")(_deeper(x, 1, "same")) for n in (1, 5, 9, 13)], axis=-1
    ),
    "the range of the picture": lambda x: _from_0(x) / ops.max(_from_0(x), (1, 2, 3), True),
    "the largest of each colour": lambda x: x / ops.max(x, axis=(1, 2), keepdims=True),
    "one frame": lambda x: layers.ConvLSTM2D(4, 3)(layers.Reshape((1, 48, 48, 3))(x)),
    "mean of the whole beside": lambda x: ops.concatenate(
        [x, 0 * x + ops.mean(x, axis=(1, 2), keepdims=True)], axis=-1
    ),
}


def _from_0(x):
    return x - ops.min(x, axis=(1, 2, 3), keepdims=True)


class ChannelAttention(layers.Layer):
    """Woo et al. 2018, arXiv 1807.06521: gates of the mean and the maximum over places."""

    def build(self, shape):
        self.inner, self.outer = layers.Dense(4, "relu"), layers.Dense(shape[-1])

    def call(self, x):
        pooled = [f(x, axis=(1, 2), keepdims=True) for f in (ops.mean, ops.max)]
        return x * ops.sigmoid(sum(self.outer(self.inner(one)) for one in pooled))


def _weighted_mean(x, score):
    weights = ops.exp(score - ops.max(score, axis=(1, 2), keepdims=True))
    total = ops.sum(weights, axis=(1, 2), keepdims=True)
    return ops.sum(weights / total * x, axis=(1, 2), keepdims=True)


class GlobalContext(layers.Layer):
    """Cao et al. 2019, arXiv 1904.11492: one weighted mean of all places, added to each."""

    def build(self, shape):
        self.score, self.out = layers.Dense(1), layers.Dense(shape[-1])

    def call(self, x):
        return ops.relu(x + self.out(_weighted_mean(x, self.score(x))))


class Excited(ChannelAttention):
    """Convolutions around squeeze and excite, with a shortcut, as in an EfficientNet."""

    def build(self, shape):
        super().build(shape)
        self.conv = layers.Conv2D(shape[-1], 3, padding="same", activation="silu")
        self.project = layers.Conv2D(shape[-1], 1)

    def call(self, x):
        return x + self.project(super().call(self.conv(x)))


class ResponseNorm(layers.Layer):
    """Woo et al. 2023, arXiv 2301.00808: a channel's length, beside that of the others."""

    def call(self, x):
        length = ops.sqrt(ops.sum(x**2, axis=(1, 2), keepdims=True))
        return x + x * length / (ops.mean(length, axis=-1, keepdims=True) + 1e-6)


class Stage(layers.Layer):
    """Six convolutions, which see more than maps of 8 x 8 cells."""

    def build(self, shape):
        self.convs = [layers.Conv2D(shape[-1], 3, padding="same") for _ in range(6)]

    def call(self, x):
        for conv in self.convs:
            x = ops.relu(conv(x))
        return x


IN_ONE_LAYER = {
    kind.__name__: kind
    for kind in (*(ChannelAttention, GlobalContext, Excited), *(ResponseNorm, Stage))
}
ORDINARY |= {
    name: lambda x, kind=kind: kind()(layers.Conv2D(6, 3, activation="relu")(x))
    for name, kind in IN_ONE_LAYER.items()
}


def _circular(x, axis):
    n = x.shape[axis]
    return ops.take(x, np.arange(-3, n + 3) % n, axis=axis)


def _deeper(x, depth, padding):
    for _ in range(depth):
        x = layers.Conv2D(4, 3, padding=padding, activation="relu")(x)
    return x


# The last blocks of the two Inceptions shrink such small pictures to one cell, and they say so.
# The last blocks of the two Inceptions shrink such small pictures to one cell, and they say so.
FAMILIES = [
    *("VGG16", "MobileNet"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in "ResNet50 ResNet50V2 Xception DenseNet121 MobileNetV2 MobileNetV3Small "
        "NASNetMobile EfficientNetB0 EfficientNetV2B0 ConvNeXtTiny".split()
    ),
]


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_keras_applications_load_without_a_word(name):
    net = read_network(getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3)))
    assert net.notes == [] and net.last_conv


def _excited(x):
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Dense(x.shape[-1], activation="sigmoid")(pooled)
    return layers.Multiply()([x, gate])


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_networks_load_without_a_word(kind):
    net = read_network(_ordinary(ORDINARY[kind]))
    assert net.notes == [] and net.last_conv == net.graph.maps()[-1].name


@functools.cache
def _detector(front):
    """A network whose only evidence is brightness, so its map must lie where the bright spot is."""
    photo = keras.Input((64, 64, 3))
    x = layers.AveragePooling2D(3, 1, "same")(front(layers.Rescaling(1 / 255)(photo)))
    x = layers.Conv2D(1, 4, strides=4, activation="relu", name="last")(x)
    model = keras.Model(photo, layers.Dense(2, name="d")(layers.GlobalAveragePooling2D()(x)))
    model.get_layer("last").set_weights([np.full((4, 4, 3, 1), 1 / 48), np.zeros(1)])
    model.get_layer("d").set_weights([np.array([[0.0, 1.0]]), np.zeros(2)])
    return load_network(model)


def _bright_spot():
    photo = np.full((64, 64, 3), 10, np.uint8)
    photo[4:16, 36:48] = 250
    return photo


def _middle(heat):
    rows, columns = np.nonzero(heat > 0.7 * heat.max())
    return rows.mean(), columns.mean()


def test_the_map_lies_on_what_it_shows():
    net = _detector(ORDINARY["plain"])
    for heat in (gradcam(net, _bright_spot(), 1), occlusion(net, _bright_spot(), 1, patch=8)):
        assert np.allclose(_middle(heat), (9.5, 41.5), atol=1.5)
    moved = _detector(MOVED["transpose"])
    assert np.allclose(_middle(occlusion(moved, _bright_spot(), 1, patch=8)), (9.5, 41.5), atol=1.5)


def test_channels_first_is_refused():
    # Padding and pooling: TensorFlow computes a convolution of channels first on some CPUs only.
    first = {"data_format": "channels_first"}
    photo = keras.Input((32, 40, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same", activation="relu")(photo / 255)
    x = layers.ZeroPadding2D(1, name="padded", **first)(layers.Permute((3, 1, 2))(x))
    x = layers.GlobalAveragePooling2D(**first)(x)
    net = load_network(keras.Model(photo, layers.Dense(3, activation="softmax")(x)))
    pixels = _pixels(net, 1)[0]
    for method in (gradcam, scorecam):
        with pytest.raises(ValueError, match="do not lie on the photo|channels first"):
            method(net, pixels, layer="padded")
    with pytest.raises(ValueError, match="channels first"):
        feature_maps(net, pixels, "padded")
    assert occlusion(net, pixels).shape == (32, 40)


# The whole score --------------------------------------------------------------------------------


def _towers(*weights):
    """Two towers that see red and blue; their shares of class 1 are `weights`."""
    photo = keras.Input((64, 64, 3))
    pooled = []
    for name in ("red", "blue"):
        x = layers.Conv2D(1, 4, strides=4, activation="relu", name=name)(photo)
        pooled.append(layers.GlobalAveragePooling2D()(x))
    dense = layers.Dense(2, name="d")
    model = keras.Model(photo, dense(layers.Concatenate()(pooled)))
    for name, colour in (("red", 0), ("blue", 2)):
        kernel = np.zeros((4, 4, 3, 1))
        kernel[:, :, colour] = 1 / 16
        model.get_layer(name).set_weights([kernel, np.zeros(1)])
    dense.set_weights([np.array([[0, weights[0]], [0, weights[1]]]), np.zeros(2)])
    return model


@pytest.mark.parametrize(
    ("maps", "dense", "said"), [(1, 1, False), (1, 2, True), (2, 3, False), (2, 4, True)]
)
def test_maps_before_a_long_dense_part_are_said_to_come_early(maps, dense, said):
    photo = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(photo)
    for _ in range(maps):
        x = layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    x = layers.Flatten()(x)
    for _ in range(dense):
        x = layers.Dense(5, activation="relu")(x)
    net = read_network(keras.Model(photo, layers.Softmax()(x)))
    assert len(net.notes) == said and all("come early" in note for note in net.notes)
    assert net.last_conv


def test_several_towers_are_named_and_chosen():
    net = load_network(_towers(1, 1))
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[4:16, 44:56, 0] = photo[48:60, 4:16, 2] = 250
    assert net.last_conv is None
    with pytest.raises(ValueError, match="several last maps, those of '(red|blue)' and '"):
        gradcam(net, photo, 1)
    assert np.allclose(_middle(gradcam(net, photo, 1, "red")), (9.5, 49.5), atol=1.5)
    assert np.allclose(_middle(gradcam(net, photo, 1, "blue")), (53.5, 9.5), atol=1.5)


def _conv_named(name):
    return layers.Conv2D(4, 3, padding="same", activation="relu", name=name)


def _conv(x, name):
    return _conv_named(name)(x)


def test_maps_of_two_depths_are_named():
    pool = layers.GlobalAveragePooling2D()
    photo = keras.Input((32, 32, 3))
    early = _conv(layers.Rescaling(1 / 255)(photo), "early")
    late = _conv(early, "late")
    net = read_network(
        keras.Model(photo, _classifier(layers.Concatenate()([pool(early), pool(late)])))
    )
    assert net.last_conv == "early" and "'late'" in " ".join(net.notes)


def test_a_layer_that_sees_the_photo_and_its_mirror_image_is_no_default():
    body, pool, dense = _conv_named("c"), layers.GlobalAveragePooling2D(), layers.Dense(4)
    photo = keras.Input((20, 28, 3))
    scores = [dense(pool(body(view))) for view in (photo / 255, photo[:, :, ::-1] / 255)]
    net = read_network(keras.Model(photo, layers.Average()(scores)))
    assert net.last_conv is None
    with pytest.raises(ValueError, match="do not lie on the photo"):
        gradcam(net, _pixels(net, 1)[0], 1, "c")


def test_a_layer_called_on_its_own_output_has_one_last_map():
    photo = keras.Input((20, 20, 3))
    conv, relu = layers.Conv2D(3, 3, padding="same", name="conv"), layers.ReLU(name="relu")
    x = relu(conv(relu(conv(layers.Rescaling(1 / 255)(photo)))))
    net = read_network(keras.Model(photo, _classifier(x)))
    assert net.last_conv == "relu" and net.notes == []


def test_towers_that_share_a_layer_or_pass_it_by_are_said():
    body, pool = layers.Conv2D(4, 3, name="c"), layers.GlobalAveragePooling2D()
    photo = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(photo)
    for other in (pool(body(layers.AveragePooling2D(2)(x))), layers.Flatten()(x)):
        joined = layers.Concatenate()([other, pool(body(x))])
        net = read_network(keras.Model(photo, layers.Dense(2, activation="softmax")(joined)))
        assert net.last_conv is None and "occlusion all" in net.notes[0]


def test_maps_made_anew_from_a_vector_have_no_places():
    photo = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="early")(layers.Rescaling(1 / 255)(photo))
    x = layers.Dense(8 * 8 * 4)(layers.GlobalAveragePooling2D()(x))
    net = read_network(keras.Model(photo, _classifier(_conv(layers.Reshape((8, 8, 4))(x), "anew"))))
    assert net.last_conv == "early" and len(net.notes) == 1
    for method in (cam, lambda *given: gradcam(*given, layer="anew")):
        with pytest.raises(ValueError, match="made anew from a vector"):
            method(net, _pixels(net, 1)[0], 1)


class Block(layers.Layer):
    """Convolution and pooling in one layer, as in many a course."""

    def __init__(self, **options):
        super().__init__(**options)
        self.conv, self.pool = layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()

    def call(self, x):
        return self.pool(self.conv(x))


class Body(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.conv = layers.Conv2D(4, 3, activation="relu")

    def call(self, x):
        return self.conv(x)


def _spectral(name):
    return layers.SpectralNormalization(layers.Conv2D(4, 3, activation="relu"), name=name)


@pytest.mark.parametrize("kind", [Block, Body, _spectral])
def test_convolutions_inside_a_layer_make_maps(kind):
    net = read_network(_ordinary_end(kind(name="block")))
    assert net.last_conv == "block" and net.notes == []
    assert gradcam(net, _pixels(net, 1)[0]).shape == (32, 32)


def _ordinary_end(layer):
    photo = keras.Input((32, 32, 3))
    return keras.Model(photo, _classifier(layer(layers.Rescaling(1 / 255)(photo))))


def _vit(patch=8, blocks=2, class_token=False, laid_back=False):
    photo = keras.Input((32, 32, 3))
    side = 32 // patch
    x = layers.Conv2D(16, patch, strides=patch, name="patches")(layers.Rescaling(1 / 255)(photo))
    x = layers.Reshape((side**2, 16))(x)
    if class_token:
        x = ops.concatenate([ops.mean(x, axis=1, keepdims=True), x], axis=1)
    for _ in range(blocks):
        normal = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(normal, normal)])
        x = layers.Add()([x, layers.Dense(16)(layers.Dense(32, activation="gelu")(x))])
    if class_token:
        x = x[:, 0]
    elif laid_back:
        x = layers.Reshape((side, side, 16))(x)
    else:
        x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(photo, _classifier(x))


TOKENS = {
    "vit": _vit,
    "one block": lambda: _vit(4, 1),
    "class token": lambda: _vit(class_token=True),
    "laid back": lambda: _vit(laid_back=True),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_token_networks_show_no_early_maps_unasked(kind):
    net = load_network(TOKENS[kind]())
    photo = _pixels(net, 1)[0]
    assert net.last_conv is None
    for method in (gradcam, scorecam, cam):
        with pytest.raises(ValueError, match="token|CAM needs a network.*occlusion works"):
            method(net, photo)
    assert gradcam(net, photo, layer="patches", resize=False).ndim == 2  # asked for
    assert occlusion(net, photo, patch=8).shape == photo.shape[:2]


def _attended(x):
    return layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x)


def _non_local(x):
    """Wang et al. 2017, arXiv 1711.07971: every place is a weighted sum of all."""
    query, key, value = (layers.Reshape((64, 4))(layers.Conv2D(4, 1)(x)) for _ in range(3))
    shares = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1))))
    return layers.Conv2D(8, 1)(layers.Reshape((8, 8, 4))(ops.matmul(shares, value)))


def _means(x):
    """A gate of the means of rows and columns, as in coordinate attention, by hand."""
    rows, columns = (ops.mean(x, axis=axis, keepdims=True) for axis in (1, 2))
    return x * ops.sigmoid(layers.Conv2D(8, 1)(rows)) * ops.sigmoid(layers.Conv2D(8, 1)(columns))


class NonLocal(layers.Layer):
    """A non-local block with a shortcut, in one layer."""

    def build(self, shape):
        self.query, self.key, self.value = (layers.Conv2D(4, 1) for _ in range(3))
        self.out = layers.Conv2D(shape[-1], 1)

    def call(self, x):
        shares = ops.einsum("nhwc,nijc->nhwij", self.query(x), self.key(x))
        size = ops.shape(x)
        shares = ops.reshape(shares, (-1, size[1], size[2], size[1] * size[2]))
        shares = ops.reshape(ops.softmax(shares), (-1, *size[1:3], *size[1:3]))
        return x + self.out(ops.einsum("nhwij,nijc->nhwc", shares, self.value(x)))


class PreNorm(layers.Layer):
    """What `inner` makes of normalised maps, whose size does not show in its answer."""

    def __init__(self, inner):
        super().__init__()
        self.norm, self.inner = layers.LayerNormalization(), inner

    def call(self, x):
        return x + self.inner(self.norm(x))


class Attention(layers.Layer):
    """Self-attention of all places; `one_size`: with a vector for each."""

    def __init__(self, one_size=False):
        super().__init__()
        self.one_size = one_size

    def build(self, shape):
        self.attend = layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))
        self.place = self.add_weight(shape=shape[1:], initializer="normal") if self.one_size else 0

    def call(self, x):
        x = x + self.place
        return self.attend(x, x)


class Everywhere(layers.Layer):
    """A Dense layer of all places and channels at once."""

    def build(self, shape):
        self.dense = layers.EinsumDense("nhwc,hwcijd->nijd", shape[1:])

    def call(self, x):
        return self.dense(x)


def _rows_and_columns(x):
    """Dense layers along the columns, then along the rows, as in a mixer."""
    side = x.shape[1]
    down = layers.Permute((3, 2, 1))(layers.Dense(side)(layers.Permute((3, 2, 1))(x)))
    return layers.Permute((1, 3, 2))(layers.Dense(side)(layers.Permute((1, 3, 2))(down)))


GRIDS = {
    "attention": (_attended, True),
    "non-local": (_non_local, True),
    "non-local layer": (lambda x: NonLocal()(x), True),
    "rows and columns": (_rows_and_columns, True),
    "attention layer": (lambda x: Attention()(x), True),
    "normalised first": (lambda x: PreNorm(Attention())(x), True),
    "normalised first, of one size": (lambda x: PreNorm(Attention(one_size=True))(x), True),
    "all places in one layer": (lambda x: Everywhere()(x), True),
    "normalised gates": (lambda x: PreNorm(Excited())(x), False),
    "squeeze and excite": (_excited, False),
    "means": (_means, False),
    **{name: (lambda x, kind=kind: kind()(x), False) for name, kind in IN_ONE_LAYER.items()},
}


def _on_grid(way, side, later):
    """Maps of `side` cells and what `way` makes of them, summed, before the last maps."""
    photo = keras.Input((32, 32, 3))
    x = _conv(layers.Rescaling(1 / 255)(photo), "early")
    x = layers.Conv2D(8, 32 // side, strides=32 // side, activation="relu", name="grid")(x)
    x = layers.Add(name="sum")([x, way(x)])
    x = _conv(x, "later") if later else x
    return read_network(keras.Model(photo, _classifier(layers.GlobalAveragePooling2D()(x))))


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("later", [False, True])
def test_a_grid_whose_places_are_mixed_before_the_last_maps_is_told_about(kind, later):
    way, mixes = GRIDS[kind]
    net = _on_grid(way, 8, later)
    assert net.last_conv == ("later" if later else "sum")
    assert [("mixes all places" in note) for note in net.notes] == [True] * mixes
    assert gradcam(net, _pixels(net, 1)[0], resize=False).shape == (8, 8)


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize(
    ("way", "mixes"),
    [(_attended, True), (lambda x: PreNorm(Attention())(x), True), (lambda x: _excited(x), False)],
    ids=["attention", "in one layer", "squeeze and excite"],
)
def test_mixed_places_of_few_cells_are_told_about(way, mixes, side):
    keras.utils.set_random_seed(3)
    notes = _on_grid(way, side, later=True).notes
    assert any("mixes all places" in note for note in notes) == mixes


class AttentionHead(layers.Layer):
    """A weighted mean of maps, (n, h, w, c) to (n, c)."""

    def build(self, shape):
        self.score = layers.Dense(1)

    def call(self, x):
        return _weighted_mean(x, self.score(x))[:, 0, 0]


@pytest.mark.parametrize(
    "head", [lambda x: AttentionHead()(x), lambda x: ops.sum(ops.sum(x, 1), 1)], ids=["own", "sum"]
)
def test_maps_that_are_only_summed_are_an_ordinary_head(head):
    keras.utils.set_random_seed(0)  # sums of other weights may be as large as a regression's
    net = read_network(_ordinary_end(lambda x: head(_conv(x, "maps"))))
    assert net.last_conv == "maps" and net.notes == []


def _after_tokens(way, convolutions=1):
    """Patches of 8 x 8 pixels, after other convolutions, as 16 tokens; `way` leads to the score."""
    photo = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255)(photo)
    for _ in range(convolutions - 1):
        x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 8, strides=8, name="patches")(x)
    x = way(layers.Reshape((16, 16))(x))
    x = layers.GlobalAveragePooling1D()(x) if len(x.shape) == 3 else x
    return keras.Model(photo, layers.Dense(3)(x))


def _mixer(x):
    x = layers.Permute((2, 1))(layers.LayerNormalization()(x))
    return layers.Permute((2, 1))(layers.Dense(16)(layers.Dense(16, activation="gelu")(x)))


MIXED = {
    "attention": lambda x: layers.Attention(use_scale=True)([x, x]),
    "attention by hand": lambda x: ops.softmax(x @ ops.transpose(x, (0, 2, 1))) @ x,
    "attention of pooled tokens": lambda x: layers.Attention()([layers.MaxPooling1D()(x)] * 2),
    "mixer": _mixer,
    "convolution": lambda x: layers.Conv1D(16, 3, padding="same", activation="relu")(x),
    "convolution in steps": lambda x: layers.Conv1D(16, 2, strides=2)(x),
    "gru": lambda x: layers.GRU(6)(x),
    "lstm": lambda x: layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x),
    "fourier": lambda x: ops.fft2((x, ops.zeros_like(x)))[0],
    "shift": lambda x: x + ops.roll(x, 1, axis=1),
}


@pytest.mark.parametrize("kind", MIXED)
def test_maps_whose_places_mix_as_tokens_are_not_shown_without_a_word(kind):
    net = read_network(_after_tokens(MIXED[kind]))
    assert net.last_conv is None and "continues with tokens" in net.no_map
    net = read_network(_after_tokens(MIXED[kind], convolutions=8))
    assert net.last_conv == "patches"  # most of the network comes before
    assert len(net.notes) == 1 and "mixes their places as tokens" in net.notes[0]


def _gated(x):
    gate = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling1D()(x))
    return x * layers.Reshape((1, 16))(layers.Dense(16, activation="sigmoid")(gate))


POOLED = {
    "average": lambda x: x,
    "average of the last axis": lambda x: ops.mean(layers.Permute((2, 1))(x), axis=-1),
    "pooling, flat": lambda x: layers.Flatten()(layers.AveragePooling1D(2)(x)),
    "flat": lambda x: layers.Dense(30, activation="relu")(layers.Flatten()(x)),
    "by token": lambda x: layers.Conv1D(8, 1)(layers.Dense(8)(layers.LayerNormalization()(x))),
    "normalised": lambda x: layers.LayerNormalization(axis=(1, 2))(x),
    "squeeze and excite": _gated,
    "weighted": lambda x: ops.sum(x * layers.Softmax(axis=1)(layers.Dense(1)(x)), axis=1),
    "capsules": lambda x: layers.Flatten()(ops.tanh(layers.Reshape((64, 4))(x))),
    "sequence from a vector": lambda x: layers.Conv1D(4, 3)(
        layers.RepeatVector(5)(layers.GlobalAveragePooling1D()(x))
    ),
}


@pytest.mark.parametrize("kind", POOLED)
def test_tokens_that_are_only_pooled_are_an_ordinary_head(kind):
    net = read_network(_after_tokens(POOLED[kind], convolutions=2))
    assert net.last_conv == "patches" and net.notes == []


# The same scale ---------------------------------------------------------------------------------


def _bare(norm=None, front=None):
    """A network without preprocessing of its own, or behind `front`."""
    keras.utils.set_random_seed(4)
    photo = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, activation="relu")(front(photo) if front else photo)
    x = norm(x) if norm else x
    return keras.Model(photo, _classifier(layers.Conv2D(8, 3, activation="relu")(x)))


def _adapted(scale, front=None):
    """A network whose batch norm has the statistics of photos at a scale."""
    inside = _bare(layers.BatchNormalization(momentum=0.0))
    photo = keras.Input((32, 32, 3))
    model = keras.Model(photo, inside(front(photo))) if front else inside
    model(scale(checks._photos((32, 32))), training=True)
    return model


@pytest.mark.parametrize("named", ["unit", "tf", "torch"])
def test_batch_norm_tells_the_scale(named):
    (note,) = read_network(_adapted(MODES[named])).notes
    assert f"preprocess={named!r}" in note
    assert read_network(_adapted(MODES[named]), preprocess=named).notes == []
    assert read_network(_adapted(MODES["identity"])).notes == []


def test_batch_norm_tells_that_pixels_were_divided_by_255_twice():
    inside = layers.Rescaling(1 / 255)
    (note,) = read_network(_adapted(MODES["unit"], inside)).notes
    assert "preprocess='unit'" in note
    assert read_network(_adapted(MODES["unit"], inside), preprocess="unit").notes == []
    for data in (MODES["identity"], lambda x: x / 8, lambda x: 255 - x / 4, lambda x: 100 + x / 10):
        assert read_network(_adapted(data, inside)).notes == []


def test_batch_norm_says_which_scale_only_where_it_is_clear():
    (note,) = read_network(_adapted(lambda x: np.where(x > 180, 1.0, 0.0).astype("float32"))).notes
    assert "batch norm" not in note and '"unit"' in note


@pytest.mark.parametrize("mode", ["identity", "unit", "tf"])
def test_the_architecture_of_an_application_may_be_trained_on_another_scale(mode):
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35)
    for layer in model.layers:
        layer.momentum = 0.0
    model(MODES[mode](checks._photos((32, 32))), training=True)
    notes = [note for note in read_network(model).notes if "batch norm" in note]
    assert len(notes) == (mode != "tf") and all(f"preprocess={mode!r}" in note for note in notes)


SQUEEZING = {
    "clip": lambda x: ops.clip(x, 0, 1),
    "tanh": lambda x: ops.tanh(x),
    "minimum": lambda x: layers.ReLU(1.0)(x) * 2 - 1,
    "binary": lambda x: ops.cast(x > 0.5, "float32"),
}


@pytest.mark.parametrize("kind", SQUEEZING)
def test_pixels_that_the_model_squeezes_into_one_value_are_asked_about(kind):
    model = _bare(front=SQUEEZING[kind])
    (note,) = read_network(model).notes
    assert "gets the value 1 nearly everywhere" in note and '"unit"' in note
    assert read_network(model, preprocess="unit").notes == []


UNPREPARED = {
    "bare": lambda x: x,
    "augmented": lambda x: layers.RandomFlip()(x),
    "resized": lambda x: layers.Resizing(32, 32)(x),
    "lambda": lambda x: layers.Lambda(lambda t: t[..., ::-1])(x),
    "slice": lambda x: x[..., ::-1],
    "rescaling by one": lambda x: layers.Rescaling(1.0)(x),
}


@pytest.mark.parametrize("kind", UNPREPARED)
def test_pixels_that_nobody_prepares_are_asked_about(kind):
    model = _bare(front=UNPREPARED[kind])
    (note,) = read_network(model).notes
    assert all(word in note for word in ('"identity"', '"unit"', '"tf"'))
    with pytest.warns(UserWarning, match="gets values from 0 to 255") as caught:
        load_network(model)
    assert caught[0].filename == __file__
    assert read_network(model, preprocess="identity").notes == []


PREPARED = {
    "rescaling": lambda x: layers.Rescaling(1 / 127.5, -1)(x),
    "division": lambda x: x / 255.0,
    "lambda": lambda x: layers.Lambda(lambda t: t / 255.0)(x),
    "normalization": lambda x: layers.Normalization(mean=[120.0] * 3, variance=[3600.0] * 3)(x),
    "augmented": lambda x: layers.Rescaling(1 / 255)(layers.RandomFlip()(x)),
    "layer norm": lambda x: layers.LayerNormalization(axis=(1, 2, 3))(x),
    "group norm": lambda x: layers.GroupNormalization(1)(x),
}


@pytest.mark.parametrize("kind", PREPARED)
def test_pixels_that_the_model_prepares_are_not(kind):
    assert read_network(_bare(front=PREPARED[kind])).notes == []


def test_pixels_that_are_divided_twice_are_asked_about():
    (note,) = read_network(_bare(front=lambda x: x / 255.0 / 255.0)).notes
    assert "gets values from 0.0000 to 0.0039" in note


def test_a_normalization_that_was_adapted_to_0_to_1_is_asked_about():
    normal = layers.Normalization(mean=[0.45] * 3, variance=[0.07] * 3)
    (note,) = read_network(_bare(front=normal)).notes
    assert '"unit"' in note


def test_the_body_of_an_application_names_its_preprocessing():
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    photo = keras.Input((32, 32, 3))
    (note,) = read_network(keras.Model(photo, _classifier(base(photo)))).notes
    assert "'mobilenetv2'" in note


def test_an_int8_head_is_read_with_its_scale():
    model = _ordinary()
    model.quantize("int8")
    net = load_network(model)
    photo = _pixels(net, 1)[0]
    logits = net.logits(photo[None]).numpy()[0]
    grid = cam(net, photo, 1, resize=False)
    assert close(grid.mean(), logits[1], 0.02)
    assert close(gradcam(net, photo, 1, relu=False, resize=False) * grid.size, grid, 0.03)
    assert close(net.probabilities(net.logits(photo[None])), model.predict(photo[None], verbose=0))


# Files, shapes, numbers and settings ------------------------------------------------------------


def test_a_size_can_be_chosen_and_is_said():
    def build(first):
        photo = keras.Input((None, None, 3))
        x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(first(photo)))
        return keras.Model(photo, _classifier(x))

    free = build(lambda x: x)
    assert "input_size" in read_network(free).notes[0]
    net = read_network(free, input_size=(64, 48))
    assert net.input_size == (64, 48) and net.notes == []
    inside = read_network(build(lambda x: layers.Resizing(96, 80)(x)))
    assert inside.input_size == (96, 80) and inside.notes == []
    for model, size in ((_ordinary(), (64, 64)), (free, 64), (free, (0, 9)), (free, "64")):
        with pytest.raises(ValueError, match="input_size is"):
            read_network(model, input_size=size)


@pytest.fixture
def settings():
    """Set Keras's own settings, as a notebook may have; they are put back after the test."""
    changes = {
        "layout": keras.config.set_image_data_format,
        "policy": keras.config.set_dtype_policy,
    }

    def change(layout="channels_last", policy="float32"):
        for name, value in (("layout", layout), ("policy", policy)):
            changes[name](value)

    yield change
    change()


def test_another_layout_of_the_notebook_changes_nothing(settings):
    settings("channels_first", "mixed_float16")
    net = load_network("shapes_c")
    assert keras.config.image_data_format() == "channels_first"
    settings()
    assert np.array_equal(net.logits(_pixels(net)), load_network("shapes_c").logits(_pixels(net)))


def test_training_under_another_policy_of_the_notebook_is_in_float32(settings):
    settings(policy="mixed_float16")
    net = train_shape_network(pictures=32, epochs=1)
    assert keras.config.dtype_policy().name == "mixed_float16"
    assert {layer.dtype_policy.name for layer in net.model.layers} == {"float32"}


def test_an_application_is_built_with_channels_last_whatever_the_notebook_set(keras_home, settings):
    settings("channels_first")
    assert load_network("mobilenetv2").model.input_shape == (None, 224, 224, 3)


def test_load_network_warns_of_each_note():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = load_network(_bare())
    assert [str(one.message) for one in caught] == net.notes


def _regression(units=1, start=35, **options):
    keras.utils.set_random_seed(2)
    photo = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(layers.Rescaling(1 / 255)(photo))
    dense = layers.Dense(units, bias_initializer=keras.initializers.Constant(start), **options)
    return keras.Model(photo, dense(layers.GlobalAveragePooling2D()(x)))


REGRESSIONS = {
    "label": (_regression(), {"labels": ["age"]}, ["age"]),
    "small": (_regression(start=0.5), {"labels": ["age"]}, ["age"]),
    "untold": (_regression(), {}, ["number"]),
    "softplus": (_regression(activation="softplus"), {"numbers": True}, ["number"]),
    "box": (
        _regression(4, 0.5, activation="sigmoid"),
        {"numbers": True},
        [f"number {i}" for i in range(4)],
    ),
    "point": (_regression(2), {"labels": ["x", "y"], "numbers": True}, ["x", "y"]),
}


@pytest.mark.parametrize("kind", REGRESSIONS)
def test_a_regression_is_shown_as_numbers(kind):
    model, given, labels = REGRESSIONS[kind]
    net = read_network(model, **given)
    photo = _pixels(net, 1)[0]
    expected = model.predict(photo[None], verbose=0)[0]
    found = net.predict(photo)
    assert net.head == "number" and net.labels == [each.label for each in found] == labels
    assert close([each.value for each in found], expected)
    assert len(net.notes) == (not given)
    assert show_predictions(found) is not None


def test_coordinates_are_not_taken_for_logits_without_a_word():
    (note,) = read_network(_regression(8, 5)).notes
    assert "unlike the logits of classes: numbers=True" in note


def test_maps_explain_the_number_and_probabilities_are_refused():
    net = load_network(_regression(2), numbers=True, labels=["x", "y"])
    photo = _pixels(net, 1)[0]
    grey = np.full((16, 16, 3), 127.5, np.float32)
    of_photo, of_grey = np.asarray(net.model(np.stack([photo, grey])))
    for target, index in ((None, 0), ("y", 1)):
        grid = cam(net, photo, target, resize=False)
        assert np.isclose(grid.mean() + 35, of_photo[index], rtol=1e-4)
        heat = occlusion(net, photo, target, patch=16, stride=16)
        assert np.isclose(heat.max(), of_photo[index] - of_grey[index], rtol=1e-3)
    assert np.isfinite(gradcam(net, photo)).all()
    for method, settings in ((scorecam, {}), (pgd, {}), (occlusion, {"score": "probability"})):
        with pytest.raises(ValueError, match="gives numbers"):
            method(net, photo, **settings)


def test_one_output_without_labels_counts_as_a_logit_with_a_word():
    (note,) = read_network(_regression(start=0)).notes
    assert "labels" in note
    for given in ({"labels": ["cat", "dog"]}, {"numbers": False}):
        net = read_network(_regression(), **given)
        assert net.notes == [] and net.head == "linear" and len(net.labels) == 2
    assert "numbers=True" in read_network(_regression(4)).notes[0]
    assert read_network(_regression(4, 0)).notes == []


_LEFTOVERS = {  # what Keras 2 wrote for these layers, and Keras 3 does not take
    "DepthwiseConv2D": {"groups": 1, "kernel_regularizer": None},
    "SeparableConv2D": {"groups": 1, "kernel_initializer": {"class_name": "Zeros", "config": {}}},
    "Conv2DTranspose": {"groups": 1},
    "SpatialDropout2D": {"trainable": True, "noise_shape": None},
    "BatchNormalization": {"axis": [3]},
    "Conv2D": {"dtype": {"class_name": "Policy", "config": {"name": "float32"}}},
}


def _as_keras_2(config):
    """Turn a configuration of Keras 3 into one of Keras 2, in place."""
    inner = config["layers"]
    nested = {one["config"]["name"] for one in inner if "layers" in one["config"]}
    for one in inner:
        if "layers" in one["config"]:
            _as_keras_2(one["config"])
        one["config"].update(_LEFTOVERS.get(one["class_name"], {}))
        nodes = one.get("inbound_nodes", [])
        ends = [[x["config"]["keras_history"] for x in _list(n["args"][0])] for n in nodes]
        ends = [[[name, i + (name in nested), j, {}] for name, i, j in node] for node in ends]
        if one["class_name"] == "Rescaling":
            (((source, i, j, _),),) = ends
            number = {"y": 1 / one["config"]["scale"], "name": None}
            one["class_name"], ends = "TFOpLambda", [[source, i, j, number]]
            one["config"] = {"name": one["config"]["name"], "function": "math.truediv"}
        if "inbound_nodes" in one:
            one["inbound_nodes"] = ends
    for end in ("input_layers", "output_layers"):
        if end in config:
            name, i, j = config[end]
            config[end] = [[name, i + (name in nested), j]]


def _list(one):
    return one if isinstance(one, list) else [one]


def _save_as_keras_2(model, path, edit=lambda text: text):
    model.save(path.with_suffix(".h5"))
    with h5py.File(path.with_suffix(".h5"), "r+") as file:
        config = json.loads(file.attrs["model_config"])
        _as_keras_2(config["config"])
        file.attrs["model_config"] = edit(json.dumps(config))
        file.attrs["keras_version"] = "2.15.0"
    path.with_suffix(".h5").rename(path)
    return path


def _of_every_old_kind():
    """A body inside a functional model: every kind of `_LEFTOVERS`, `x / 50`, two towers."""
    body_input = keras.Input((32, 32, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="stem_conv")(body_input)
    x = layers.SeparableConv2D(8, 3, padding="same")(layers.BatchNormalization()(x))
    x = layers.SpatialDropout2D(0.5)(layers.DepthwiseConv2D(3, padding="same")(x))
    body = keras.Model(body_input, x)
    photo = keras.Input((32, 32, 3))
    x = body(layers.Rescaling(1 / 50)(photo))
    x = layers.add([layers.Conv2DTranspose(8, 1)(x), x])
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(photo, layers.Softmax()(x))


@pytest.mark.parametrize("name", ["old.h5", "old.keras"])  # TensorFlow 2.11 named HDF5 so
@pytest.mark.parametrize("sequential", [False, True])
def test_files_of_keras_2_load(tmp_path, name, sequential):
    model = _of_every_old_kind()
    if sequential:  # as Teachable Machine
        body = keras.Sequential([model.layers[2], layers.GlobalAveragePooling2D()])
        head = keras.Sequential([keras.Input((8,)), layers.Dense(3, activation="softmax")])
        model = keras.Sequential([keras.Input((32, 32, 3)), body, head])
    path = _save_as_keras_2(model, tmp_path / name, lambda t: t.replace("stem_conv", "stem/conv"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = load_network(path, preprocess="identity")
    assert close(
        net.probabilities(net.logits(_pixels(net))), model.predict(_pixels(net), verbose=0)
    )


def test_a_function_that_keras_3_computes_in_another_way_is_refused(tmp_path):
    """clip(0.2 x + 0.5, 0, 1) in Keras 2, relu6(x + 3) / 6 in Keras 3."""
    model = _ordinary(layers.Conv2D(4, 3, activation="hard_sigmoid"))
    path = _save_as_keras_2(model, tmp_path / "old.h5")
    with pytest.raises(ValueError, match="by Keras 2.15.0 .*hard_sigmoid is another function"):
        load_network(path)


def test_a_file_of_another_keras_names_both_versions(tmp_path):
    _ordinary().save(tmp_path / "now.keras")
    with zipfile.ZipFile(tmp_path / "now.keras") as now:
        with zipfile.ZipFile(tmp_path / "newer.keras", "w") as newer:
            for name in now.namelist():
                data = now.read(name).replace(b'"seed": null', b'"seed": null, "later": null')
                data = b'{"keras_version": "3.99.0"}' if name == "metadata.json" else data
                newer.writestr(name, data)
    with pytest.raises(ValueError, match=f"Keras 3.99.0 .*Keras {keras.__version__} here"):
        load_network(tmp_path / "newer.keras")


def test_home_folders_and_addresses(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _ordinary().save(tmp_path / "mine.keras")
    assert load_network("~/mine.keras").name == "mine"
    with pytest.raises(ValueError, match="is an address"):
        load_network("https://example.org/mine.keras")
    (tmp_path / "mine.keras").rename(tmp_path / "mein Netz ü.keras")
    assert load_network((tmp_path / "mein Netz ü.keras").as_uri()).name == "mein Netz ü"


def test_a_file_of_keras_2_with_operations_names_both_versions(tmp_path):
    _save_as_keras_2(_ordinary(), tmp_path / "old.h5", lambda t: t.replace("truediv", "floordiv"))
    with pytest.raises(ValueError, match="written by Keras 2.15.0 .*TFOpLambda"):
        load_network(tmp_path / "old.h5")


def test_the_content_of_a_file_counts_not_its_suffix(tmp_path):
    model = _ordinary()
    names = {"zip.h5": ".keras", "ZIP.KERAS": ".keras", "hdf5.keras": ".h5", "net": ".keras"}
    for name, suffix in names.items():
        model.save(tmp_path / f"net{suffix}")
        (tmp_path / f"net{suffix}").rename(tmp_path / name)
        assert load_network(tmp_path / name).input_size == (48, 48)


def test_the_ways_out_of_files_work_as_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = _ordinary()
    model.save_weights("net.weights.h5")
    (tmp_path / "net.weights.h5").rename("mine.h5")
    with pytest.raises(
        ValueError, match="rename it to mine.weights.h5, build the model, model.loa"
    ):
        load_network("mine.h5")
    (tmp_path / "mine.h5").rename("mine.weights.h5")
    model.load_weights("mine.weights.h5")
    model.export("saved", verbose=False)
    with pytest.raises(ValueError, match="saved_model.pb is a .pb file") as inside:
        load_network("saved/saved_model.pb")
    with pytest.raises(ValueError, match="saved is a folder") as caught:
        load_network("saved")
    assert str(inside.value).partition("; ")[2] == str(caught.value).partition("; ")[2]
    way_out = str(caught.value).partition("SavedModel, ")[2].partition(" makes")[0]
    net = load_network(eval(way_out, {"keras": keras, "height": 48, "width": 48}))
    assert close(
        net.probabilities(net.logits(_pixels(net))), model.predict(_pixels(net), verbose=0)
    )


def test_a_file_that_was_packed_or_unpacked_says_what_to_do(tmp_path):
    _ordinary().save(tmp_path / "net.keras")
    shutil.unpack_archive(tmp_path / "net.keras", tmp_path / "unpacked", "zip")
    with pytest.raises(ValueError, match="zip its files, and name the archive .keras"):
        load_network(tmp_path / "unpacked")
    again = shutil.make_archive(str(tmp_path / "again"), "zip", tmp_path / "unpacked")
    assert load_network(again).last_conv  # its content counts
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "net.keras")
    with pytest.raises(ValueError, match="unpack it and give the file inside"):
        load_network(packed)


@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_a_file_that_is_something_else_says_what(tmp_path, name):
    for content, says in (
        (b"", r"is empty \(0 bytes\)"),
        (b"\n<!DOCTYPE html><html>Virus scan warning</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=says):
            load_network(tmp_path / name)


class _Twice(layers.Layer):
    def call(self, x):
        return 2 * x


class _Free(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.0

    def get_config(self):
        return {}


def _twice(x):
    return 2 * x


def _thirds(shape, dtype=None):
    return ops.full(shape, 1 / 3, dtype)


OWN = {
    "class|layer": (_Twice, _Twice()),
    "function": (_twice, layers.Conv2D(4, 3, activation=_twice)),
    "type|regularizer": (_Free, layers.Conv2D(4, 3, kernel_regularizer=_Free())),
    "initializer": (_thirds, layers.Conv2D(4, 3, kernel_initializer=_thirds)),
}


@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
@pytest.mark.parametrize("noun", OWN)
def test_a_missing_class_or_function_is_named_and_the_way_out_works(
    tmp_path, monkeypatch, name, noun
):
    monkeypatch.chdir(tmp_path)
    own, layer = OWN[noun]
    model = _ordinary(layer)
    model.save(name)
    with pytest.raises(ValueError, match=f"needs the ({noun}) '{own.__name__}'") as caught:
        load_network(name)
    said = str(caught.value)
    assert len(said) < 300
    way_out = said[said.index("keras.models") : said.index(" and give")]
    again = eval(way_out, {"keras": keras, own.__name__: own})
    assert close(again(_pixels(load_network(model))), model(_pixels(load_network(model))))


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
@pytest.mark.parametrize("place", ["activation", "kernel_regularizer"])
def test_a_lambda_that_is_no_layer_has_a_way_out_that_works(tmp_path, monkeypatch, name, place):
    monkeypatch.chdir(tmp_path)

    def build():
        return _ordinary(layers.Conv2D(4, 3, **{place: lambda x: 2 * x}))

    model, again = build(), build()
    model.save(name)
    with pytest.raises(ValueError, match=rf"a lambda as [ar].*load_weights\('{name}'\)"):
        load_network(name)
    again.load_weights(name)
    assert close(again(_pixels(load_network(again))), model(_pixels(load_network(model))))


def test_weights_of_another_shape_are_said_with_both_shapes(tmp_path):
    _ordinary(layers.Conv2D(4, 3)).save(tmp_path / "net.keras")
    _ordinary(layers.Conv2D(4, 5)).save_weights(tmp_path / "other.weights.h5")
    with zipfile.ZipFile(tmp_path / "net.keras") as net:
        with zipfile.ZipFile(tmp_path / "mixed.keras", "w") as mixed:
            for name in ("metadata.json", "config.json"):
                mixed.writestr(name, net.read(name))
            mixed.write(tmp_path / "other.weights.h5", "model.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        with pytest.raises(ValueError, match=r"\(3, 3, \d, 4\).*\(5, 5, \d, 4\).*path="):
            load_network(tmp_path / "mixed.keras")


def test_the_outputs_of_a_dict_have_its_names_and_the_way_out_works():
    photo = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(photo))
    model = keras.Model(photo, {"cls": layers.Dense(3)(x), "box": layers.Dense(4)(x)})
    with pytest.raises(ValueError, match=r"0: 'box', 1: 'cls'.*outputs\[0\]"):
        load_network(model)
    net = read_network(keras.Model(model.inputs, model.outputs[0]))
    assert close(net.logits(_pixels(net)), model(_pixels(net))["box"])


def test_an_output_without_a_last_axis_has_a_way_out_that_works():
    photo = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(photo))
    model = keras.Model(photo, keras.ops.squeeze(layers.Dense(1, activation="sigmoid")(x), -1))
    with pytest.raises(ValueError, match="one row of scores") as caught:
        load_network(model)
    way_out = str(caught.value).rpartition("give ")[2].rstrip(".")
    net = read_network(eval(way_out, {"keras": keras, "model": model}))
    assert close(net.probabilities(net.logits(_pixels(net)))[:, 1], model(_pixels(net)))


def test_a_trained_network_for_grey_pictures_is_loaded():
    """Only scales of one number for all colours are tried on it."""
    model = architecture("grey").model
    give_statistics(model)
    net = load_network(model)
    grey = np.full((1, *net.input_size, 3), 100.0, np.float32)
    np.testing.assert_allclose(net.probabilities(net.logits(grey)), model(grey[..., :1]), atol=1e-5)
