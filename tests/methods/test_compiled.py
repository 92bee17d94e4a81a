"""Compiled and uncompiled, every architecture gives the same maps.

The other rooms' tests run the large architectures eagerly, because compiling a dozen methods for
each takes longer than all the rest. Here two methods are compiled for each of them, as in a lesson.
(ConvNeXt is compiled in every test, see `eagerly`.)
"""

import numpy as np
import pytest
from architectures import ARCHITECTURES, architecture, eagerly, photo_of_noise

from cnnvis_helpers.methods.cam import gradcam
from cnnvis_helpers.methods.saliency import saliency

PHOTO = photo_of_noise()
LAYERS = {"InceptionV3": "mixed7"}  # its last layer has a single place at 75 x 75 pixels


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_compiled_maps_equal_eager_ones_and_have_a_shape(name):
    net, layer = architecture(name), LAYERS.get(name)
    methods = {
        "gradcam": lambda: gradcam(net, PHOTO, 1, layer, relu=False, resize=False),
        "saliency": lambda: saliency(net, PHOTO, 1, reduce="rgb", resize=False),
    }
    with eagerly(name):
        eager = {method: call() for method, call in methods.items()}
    for method, call in methods.items():
        largest = np.abs(eager[method]).max()
        assert min(eager[method].shape[:2]) >= 2 and np.ptp(eager[method]) > 0.1 * largest
        assert np.abs(call() - eager[method]).max() <= 1e-4 * largest, method
