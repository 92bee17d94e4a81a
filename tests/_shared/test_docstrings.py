"""The examples in the docstrings of the package run and give what they show."""

import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import cnnvis_helpers
from cnnvis_helpers.networks.network import load_network

PACKAGE = Path(cnnvis_helpers.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.glob("*/*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="module")
def examples():
    """What the examples use without making it: a small network, a photo, NumPy."""
    keras.utils.set_random_seed(4)
    pixels = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = layers.Conv2D(4, 3, activation="relu", name="early")(x)
    x = layers.Conv2D(5, 3, activation="relu", name="late")(x)
    x = layers.Dense(2, name="head")(layers.GlobalAveragePooling2D()(x))
    net = load_network(keras.Model(pixels, x, name="functional"), labels=["cat", "dog"])
    photo = np.random.default_rng(2).integers(0, 256, (16, 16, 3), np.uint8)
    return {"net": net, "photo": photo, "np": np}


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings(module, examples):
    assert doctest.testmod(importlib.import_module(module), extraglobs=examples).failed == 0
