"""The docstrings of the package: their form, and their examples, which run as shown."""

import doctest
import importlib
import inspect
import re
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


# A picture is shown; the top of `pictures.photos_and_maps` says so for all.
SHOWS = re.compile("show_|compare_maps|use_course_style")


@pytest.mark.parametrize("name", filter(str.islower, cnnvis_helpers._MODULE_OF))
def test_sections_name_every_parameter_and_what_is_returned(name):
    function = getattr(cnnvis_helpers, name)
    text = inspect.getdoc(function)
    section = re.search(r"^Parameters\n-{10}\n(.*?)(\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^(\w.*?) : ", section[1] if section else "", re.MULTILINE)
    named = [each for line in lines for each in line.split(", ")]
    assert sorted(named) == sorted(inspect.signature(function).parameters)
    assert SHOWS.match(name) or re.search(r"^(Returns\n-{7}|Yields\n-{6})\n", text, re.MULTILINE)
