"""The ImageNet classifiers of keras.applications: a table of facts, and their preprocessing.

The facts come from Keras's source (keras/src/applications): file names, addresses and checksums
of the weights with classification head. A test compares them with the installed Keras.
"""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Application(NamedTuple):
    """One classifier of keras.applications: name (`load_network`'s), constructor, weights.

    size : height and width of the input, pixels. mode : key of `MODES`. parameters : how many
    file, url, checksum : the ImageNet weights: name in Keras's cache, address, MD5 or SHA-256 or ""
    """

    name: str
    constructor: str
    size: int
    mode: str
    parameters: int
    file: str
    url: str
    checksum: str

    @property
    def megabytes(self):
        """Approximate download size in 10^6 bytes: four bytes per parameter."""
        return round(self.parameters * 4 / 1e6)


APPLICATIONS = {}
with open(Path(__file__).with_name("applications.csv"), newline="", encoding="utf-8") as _file:
    for _row in csv.DictReader(_file):
        _row |= {"size": int(_row["size"]), "parameters": int(_row["parameters"])}
        _name = _row["constructor"].lower()
        APPLICATIONS[_name] = Application(_name, **_row)

# Means and standard deviations of ImageNet's colours, in pixel levels.
_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
_MEAN_RGB = np.array([123.675, 116.28, 103.53], np.float32)
_STD_RGB = np.array([58.395, 57.12, 57.375], np.float32)

# From pixels (n, h, w, 3), RGB 0..255, to what the network was trained on; for arrays and tensors.
MODES = {
    "identity": lambda pixels: pixels,  # the network rescales internally
    "unit": lambda pixels: pixels / 255.0,  # 0..1
    "tf": lambda pixels: pixels / 127.5 - 1.0,  # -1..1
    "caffe": lambda pixels: pixels[..., ::-1] - _MEAN_BGR,  # BGR, about -124..151
    "torch": lambda pixels: (pixels - _MEAN_RGB) / _STD_RGB,  # about -2.1..2.6
}


def find_application(name):
    """Return the Application of a name such as "vgg16", "MobileNetV2", "mobilenet_v2", or None."""
    return APPLICATIONS.get(re.sub("[-_ ]", "", str(name)).lower())


def application_of(model):
    """Return the Application that a keras.Model's name stands for, or None.

    A numeric suffix (width, size, number of a copy) is ignored: "mobilenetv2_1.00_224".
    """
    stem = re.sub(r"(_\d+(\.\d+)?)+$", "", model.name)
    return find_application(model.name) or find_application(stem)
