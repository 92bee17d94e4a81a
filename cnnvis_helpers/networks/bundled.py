"""The networks that come with the course: a card (JSON) and 16-bit weights (NPZ) each, no download.

All are VGG-style: blocks of 3x3 convolutions with ReLU inside the layer, a 2x2 max pooling between
blocks, global average pooling, one Dense layer that makes the logits. They are built from the
shapes of their weights, which takes a fraction of the time of loading a saved Keras model.
"""

import functools
import json
import re

import numpy as np

from cnnvis_helpers._shared.data_files import data_file, entries


def bundled_names():
    """Return the names of the bundled networks, "course" first."""
    return sorted(entries("network"), key=lambda name: (name != "course", name))


@functools.cache
def bundled_card(name):
    """Return what data/networks/NAME.json says: a dict with at least "labels" and "input_size"."""
    return json.loads(data_file(entries("network")[name]).read_text(encoding="utf-8"))


def load_weights(name):
    """Return the weights of a bundled network: {"block1_conv1/kernel": float32 array, ...}."""
    with np.load(data_file(entries("weights")[name])) as stored:
        return {key: stored[key].astype(np.float32) for key in stored.files}


def load_bundled(name):
    """Return (keras.Model, labels) of a bundled network."""
    card = bundled_card(name)
    return build_vgg(load_weights(name), card["input_size"], name), card["labels"]


def build_vgg(weights, input_size, name):
    """Build the Keras model: pixels 0..255 (n, h, w, 3) in, logits (n, classes) out.

    weights : float32 arrays {"block1_conv1/kernel": ..., "block1_conv1/bias": ...,
        "predictions/kernel": ..., ...}
    input_size : (h, w)
    """
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
    model = Model(pixels, logits, name=name)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/{kind}"] for kind in ("kernel", "bias")])
    return model
