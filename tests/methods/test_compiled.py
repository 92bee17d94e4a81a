"""Compiled and uncompiled, every architecture gives the same maps.

Other tests run the large architectures eagerly, because compiling a dozen methods for each takes
longer than all the rest. Here two methods are compiled for each of them, as in a lesson.
(ConvNeXt is compiled in every test, see `eagerly`.)

Compiling changes the order of additions. A value that rounds to the other side of a ReLU, or
another winner of a max pooling, changes single pixels of a gradient a lot, so pixels are not
compared one by one: the maps must agree as a whole and in nine of ten values.
"""

import numpy as np
import pytest
from architectures import ARCHITECTURES, architecture, eagerly, photo_of_noise

from cnnvis_helpers.methods.cam import gradcam
from cnnvis_helpers.methods.saliency import saliency

PHOTO = photo_of_noise()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_compiled_maps_agree_with_eager_ones(name):
    net = architecture(name)
    methods = {
        "gradcam": lambda: gradcam(net, PHOTO, 1, relu=False, resize=False),
        "saliency": lambda: saliency(net, PHOTO, 1, reduce="rgb", resize=False),
    }
    with eagerly(name):
        eager = {method: call() for method, call in methods.items()}
    for method, call in methods.items():
        expected, got = eager[method].ravel(), call().ravel()
        assert min(eager[method].shape[:2]) >= 2
        assert np.ptp(expected) > 0.1 * np.abs(expected).max()
        assert np.corrcoef(expected, got)[0, 1] > 0.99, method
        differences = np.abs(got - expected) / np.abs(expected).max()
        assert np.quantile(differences, 0.9) < 0.01, method
