"""The networks that come with the course: a card (JSON) and weights (NPZ) each, no download.

"efficientnet_lite0" and "squeezenet" know the 1000 ImageNet classes. The others are VGG-style:
blocks of 3x3 convolutions with ReLU inside the layer, 2x2 max pooling between blocks, global
average pooling, one Dense layer for the logits. All are built layer by layer, which is much faster
than loading a saved Keras model.
"""

import functools
import json
import re

import numpy as np

from cnnvis_helpers._shared.data_files import data_file, entries
from cnnvis_helpers.networks import bundled_architectures as architectures

_IMAGENET_NETWORKS = {
    "efficientnet_lite0": architectures.build_efficientnet_lite0,
    "squeezenet": architectures.build_squeezenet,
}


def bundled_names():
    """Return the names of the bundled networks, those of ImageNet first."""
    return sorted(entries("network"), key=lambda name: (name not in _IMAGENET_NETWORKS, name))


@functools.cache
def bundled_card(name):
    """Return what data/networks/NAME.json says: "input_size", "parameters" and more."""
    return json.loads(data_file(entries("network")[name]).read_text(encoding="utf-8"))


def load_weights(name):
    """Return the weights of a bundled network: {"block1_conv1/kernel": float32 array, ...}."""
    with np.load(data_file(entries("weights")[name])) as stored:
        return as_float32({key: stored[key] for key in stored.files})


def as_float32(stored):
    """Return stored weights as float32: integer kernels have a scale per output channel.

    The lower byte of a kernel of more than 8 bits is in "low".
    """
    weights = {key: array.astype(np.float32) for key, array in stored.items()}
    for layer in [key.removesuffix("/scale") for key in weights if key.endswith("/scale")]:
        kernel = weights[f"{layer}/kernel"]
        if f"{layer}/low" in weights:
            kernel = kernel * 256 + weights.pop(f"{layer}/low")
        weights[f"{layer}/kernel"] = kernel * weights.pop(f"{layer}/scale")
    return weights


def load_bundled(name):
    """Return (keras.Model, labels) of a bundled network."""
    weights, build = load_weights(name), _IMAGENET_NETWORKS.get(name)
    model = build(weights) if build else build_vgg(weights, bundled_card(name)["input_size"], name)
    return model, bundled_labels(name)


def bundled_labels(name):
    """Return the labels of a bundled network."""
    return imagenet_labels() if name in _IMAGENET_NETWORKS else bundled_card(name)["labels"]


@functools.cache
def _imagenet_classes():
    """Return the 1000 classes of ImageNet by index, as a tuple of (WordNet id, label)."""
    path = data_file(entries("classes")["imagenet"])
    return tuple(map(tuple, json.loads(path.read_text(encoding="utf-8"))["classes"]))


def imagenet_labels():
    """Return the labels of the 1000 ImageNet classes by index, such as 285 -> "Egyptian cat".

    Two labels stand for two classes each: crane (134, 517) and maillot (638, 639).
    """
    return [label for _, label in _imagenet_classes()]


def imagenet_ids(labels):
    """Return the WordNet ids, such as "n02123045", of ImageNet's labels in order, else []."""
    return [one[0] for one in _imagenet_classes()] if labels == imagenet_labels() else []


def build_vgg(weights, input_size, name):
    """Build the Keras model of weights {"block1_conv1/kernel": float32 array, ...}: logits out."""
    from keras import Input, Model, layers

    found = (re.fullmatch(r"block(\d+)_conv(\d+)/kernel", key) for key in weights)
    places = sorted((int(match[1]), int(match[2])) for match in found if match)
    x = pixels = Input((*input_size, 3), name="photo")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(x)
    for block, number in places:
        if number == 1 and block > 1:
            x = layers.MaxPooling2D(2, name=f"block{block - 1}_pool")(x)
        layer = f"block{block}_conv{number}"
        filters = weights[f"{layer}/bias"].size
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=layer)(x)
    x = layers.GlobalAveragePooling2D(name="global_average_pooling")(x)
    logits = layers.Dense(weights["predictions/bias"].size, name="predictions")(x)
    return architectures.with_weights(Model(pixels, logits, name=name), weights)
