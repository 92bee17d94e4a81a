"""Small builds of the architectures that every method must handle.

    @pytest.mark.parametrize("name", ARCHITECTURES)
    def test_something(name):
        net = architecture(name)

Weights are random, but batch norms have statistics as after a training: those of a fresh network
(means 0, variances 1) would hide every mistake in handling them. Inputs are as small as each
architecture allows, and each network is built once per test run. `RELU_ONLY` names those on which
guided backprop is defined, `POOLED` those on which CAM is. Those that take seconds to build are
marked slow.
"""

import functools
import zlib
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cnnvis_helpers.networks.network import load_network

CLASSES = 5


def _application(name, size):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(size, size, 3), classes=CLASSES)
    return load_network(model, preprocess=_MODES.get(name))


_MODES = {
    "VGG16": "caffe",
    "ResNet50": "caffe",
    "DenseNet121": "torch",
    "InceptionV3": "tf",
    "MobileNetV2": "tf",
}


def _transfer():
    """A MobileNetV2 nested in another model, as in every transfer-learning tutorial."""
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(64, 64, 3), alpha=0.35
    )
    photo = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(base(x)))
    return load_network(keras.Model(photo, layers.Dense(CLASSES, activation="softmax")(x)))


def _cats_and_dogs():
    """A Sequential with one sigmoid, dense layers and ReLUs as activations of layers."""
    return chain(
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(16, activation="relu"),
        size=(48, 48),
        head=[layers.Dense(1, activation="sigmoid")],
    )


def _grey():
    """A network for grey pictures, with ReLUs as layers of their own."""
    return load_network(
        keras.Sequential(
            [
                keras.Input((32, 32, 1)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(8, 3, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(6.0),
                layers.Conv2D(8, 3, padding="same"),
                layers.Activation("relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(CLASSES),
                layers.Softmax(),
            ]
        )
    )


def _mixed_precision():
    """A network that computes in float16 and keeps its weights in float32."""
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    photo = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255, dtype=policy)(photo)
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, activation="relu", dtype=policy)(x)
        x = layers.BatchNormalization(dtype=policy)(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    x = layers.Dense(CLASSES, dtype=policy)(x)
    return load_network(keras.Model(photo, layers.Activation("softmax", dtype="float32")(x)))


_BUILDERS = {
    "VGG16": lambda: _application("VGG16", 48),
    "ResNet50": lambda: _application("ResNet50", 64),
    "DenseNet121": lambda: _application("DenseNet121", 64),
    "InceptionV3": lambda: _application("InceptionV3", 107),  # last maps of 2 x 2
    "MobileNetV2": lambda: _application("MobileNetV2", 64),
    "EfficientNetB0": lambda: _application("EfficientNetB0", 64),
    "ConvNeXtTiny": lambda: _application("ConvNeXtTiny", 64),
    "transfer": _transfer,
    "cats and dogs": _cats_and_dogs,
    "grey": _grey,
    "mixed precision": _mixed_precision,
}
_LARGE = ("ResNet50", "DenseNet121", "InceptionV3", "EfficientNetB0", "ConvNeXtTiny")
ARCHITECTURES = [
    pytest.param(name, marks=pytest.mark.slow if name in _LARGE else ()) for name in _BUILDERS
]
RELU_ONLY = tuple(n for n in _BUILDERS if n not in ("EfficientNetB0", "ConvNeXtTiny"))
POOLED = tuple(n for n in _BUILDERS if n not in ("VGG16", "ConvNeXtTiny", "cats and dogs"))


@functools.cache
def architecture(name):
    """Return the Network of this name: the same object, and the same weights, in every test."""
    keras.utils.set_random_seed(zlib.crc32(name.encode()))
    net = _BUILDERS[name]()
    give_statistics(net.model)
    return net


def give_statistics(model, seed=0):
    """Give every batch normalisation (also of a nested model) statistics as after a training.

    Scale and shift get a random change; then one training pass over colourful pictures sets mean
    and variance to what the layers see, so that none of the four can be left out unnoticed. With
    statistics that do not fit, logits of a deep network grow to 10^5 and its gradients follow the
    rounding of the last digit: no number would mean anything.
    """
    norms = [x for x in model._flatten_layers() if isinstance(x, layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    rng = np.random.default_rng(seed)
    for norm in norms:
        norm.momentum = 0.0
        if norm.gamma is not None:
            norm.gamma.assign(rng.uniform(0.7, 1.4, norm.gamma.shape))
        norm.beta.assign(rng.normal(0, 0.2, norm.beta.shape))
    if norms:
        model(_pictures(rng, model.input_shape[1:]), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _pictures(rng, shape):
    """Eight pictures of this shape (h, w, c), 0..255, of coarse to fine coloured blocks."""
    blocks = [rng.uniform(0, 255, (n, n, shape[-1])) for n in range(3, 11)]
    return tf.stack([tf.image.resize(one, shape[:2], method="nearest") for one in blocks])


@contextmanager
def eagerly(name):
    """Run compiled functions step by step: slower in the long run, but nothing to compile.

    Large networks take many seconds to compile and less than one to run. ConvNeXt is compiled all
    the same: Keras compiles its grouped convolutions because TensorFlow alone knows their
    gradient only on processors where it uses oneDNN.
    """
    tf.config.run_functions_eagerly(name != "ConvNeXtTiny")
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def chain(*middle, size=(16, 16), head=None, **options):
    """A Network of layers in a row; without another head, of a pooling and a Dense of two classes.

    Weights are drawn when the layers are made. options : those of `load_network`
    """
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2)] if head is None else head
    return load_network(keras.Sequential([keras.Input((*size, 3)), *middle, *head]), **options)


def linear_network(head="softmax", classes=3, scale=0.01, size=(10, 14)):
    """A network without any hidden layer, so that every gradient is known.

    Returns it and its weights: logit k is the sum of weights[k] * pixels.
    """
    keras.utils.set_random_seed(1)
    start = keras.initializers.RandomNormal(stddev=scale)
    scores = layers.Dense(classes, activation=head, kernel_initializer=start)
    labels = ["no", "yes"] if classes == 1 else [f"class {k}" for k in range(classes)]
    net = chain(layers.Flatten(), size=size, head=[scores], labels=labels)
    return net, scores.kernel.numpy().T.reshape(classes, *size, 3)


def random_photo(height, width, seed=0, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (height, width, 3), np.uint8)


def tiny_network():
    """Build the Network of the fixture `tiny_net` anew; the same at each call."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((24, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1, name="rescaling"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv2"),
            layers.GlobalAveragePooling2D(name="gap"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ],
        name="tiny",
    )
    return load_network(model, labels=["cat", "crane", "dog", "tiger_cat", "crane"])


def photo_of_noise(height=40, width=56, seed=0):
    """Return a uint8 photo (height, width, 3), smooth and colourful, of no network's size."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3))
    return np.kron(coarse, np.ones((height // 5, width // 7, 1))).astype(np.uint8)


def fingerprint(net):
    """Return a hash of all that a method must leave alone: weights, flags, losses, layers."""
    digest = 0
    for layer in net.model._flatten_layers():
        activation = getattr(layer, "activation", None)
        digest = zlib.crc32(repr((layer.name, layer.trainable, id(activation))).encode(), digest)
        counts = [len(x) for x in (layer._inbound_nodes, layer._outbound_nodes, layer.losses)]
        digest = zlib.crc32(repr(counts).encode(), digest)
        for weight in layer.weights:
            digest = zlib.crc32(np.ascontiguousarray(weight.numpy()).tobytes(), digest)
    return digest


def close(ours, theirs, tolerance=1e-4):
    """Whether arrays differ by no more than a part of the largest value."""
    theirs = np.asarray(theirs)
    return np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def one_sentence(error):
    """Whether the text of an error that pytest caught is one sentence."""
    text = str(error.value)
    return "\n" not in text and text[-1] in ".?" and len(text) < 300
