"""What the lessons say in words about large networks is true of their architectures."""

import keras
import numpy as np
import pytest

from cnnvis_helpers import cam, conv_layers, load_network, pooled_head
from cnnvis_helpers.networks.layers import feature_maps


def untrained(constructor):
    return load_network(constructor(weights=None), labels=[str(c) for c in range(1000)])


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.mark.slow
def test_resnet50_as_lesson_04_describes_it(photo):
    net = untrained(keras.applications.ResNet50)
    layer, dense = pooled_head(net)
    assert layer == net.last_conv == "conv5_block3_out"
    assert feature_maps(net, photo, layer).shape == (7, 7, 2048)
    assert dense.kernel.shape == (2048, 1000)
    assert conv_layers(net)[-1].name == "conv5_block3_3_conv"
    order = [step.layer.name for step in net.steps]
    end = ["conv5_block3_3_conv", "conv5_block3_3_bn", "conv5_block3_add", layer, "avg_pool"]
    assert [name for name in order if name in end] == end
    assert cam(net, photo, 386, resize=False).shape == (7, 7)


@pytest.mark.slow
def test_densenet121_as_lesson_04_describes_it():
    net = untrained(keras.applications.DenseNet121)
    assert net.model.get_layer(conv_layers(net)[-1].name).filters == 32
    assert net.model.get_layer(net.last_conv).output.shape[-1] == 1024


@pytest.mark.slow
def test_vgg16_as_lessons_03_and_04_describe_it():
    net = untrained(keras.applications.VGG16)
    assert net.input_size == (4 * 56, 4 * 56)
    assert net.last_conv == "block5_conv3" and net.model.get_layer("block5_conv3").filters == 512
