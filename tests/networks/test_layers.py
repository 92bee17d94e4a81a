"""Layers: tables, weights, feature maps, receptive fields, each by numbers found another way."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import ARCHITECTURES, architecture

from cnnvis_helpers.networks.layers import conv_layers, feature_maps, filters, sparsity, weights
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.networks.receptive_field import receptive_field

L = keras.layers


@pytest.fixture(scope="module")
def vgg16():
    """VGG16 as on ImageNet, with random weights and without its dense layers."""
    keras.utils.set_random_seed(1)
    model = keras.applications.VGG16(
        weights=None, include_top=False, pooling="avg", input_shape=(224, 224, 3)
    )
    return load_network(model, preprocess="caffe")


@pytest.fixture(scope="module")
def maze():
    """Every kind of window: dilated, strided, oblong, padded, cut, and branches that meet."""
    keras.utils.set_random_seed(2)
    photo = keras.Input((47, 61, 3))
    x = L.Conv2D(4, (3, 5), strides=2, padding="same", name="oblong")(photo)
    x = L.BatchNormalization()(x)
    x = L.ReLU(name="relu")(x)
    left = L.Conv2D(4, 3, dilation_rate=2, padding="same", name="dilated")(x)
    left = L.DepthwiseConv2D(2, padding="same", name="depthwise")(left)
    right = L.ZeroPadding2D(((0, 1), (2, 1)))(x)
    right = L.SeparableConv2D(8, (2, 4), name="separable")(right)
    x = L.Add(name="sum")([L.Conv2D(8, 1, name="point")(left), right])
    x = L.MaxPooling2D(3, 2, padding="same", name="pool")(x)
    x = L.Cropping2D(((1, 0), (2, 1)), name="cut")(x)
    x = L.Concatenate(name="joined")([x, L.AveragePooling2D(3, 1, padding="same")(x)])
    x = L.Conv2D(4, (1, 3), strides=(1, 2), name="last")(x)
    x = L.Dense(5, activation="softmax", name="head")(L.GlobalAveragePooling2D(name="gap")(x))
    return load_network(keras.Model(photo, x, name="maze"))


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(3).integers(0, 256, (90, 70, 3), dtype=np.uint8)


# The table


def test_vgg16_has_the_13_convolutions_of_the_article(vgg16):
    layers = conv_layers(vgg16)
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    into = [3, *widths[:-1]]
    assert [layer.kernel for layer in layers] == [
        (3, 3, cin, cout) for cin, cout in zip(into, widths, strict=True)
    ]
    assert [layer.index for layer in layers] == [1, 2, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17]
    assert (layers[0].name, layers[0].output) == ("block1_conv1", (224, 224, 64))
    assert (layers[-1].name, layers[-1].output) == ("block5_conv3", (14, 14, 512))
    assert sum(layer.parameters for layer in layers) == 14_714_688
    for layer in layers:
        assert vgg16.model.layers[layer.index] is vgg16.layer(layer.name)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_its_convolutions(name, photo):
    net = architecture(name)
    layers = conv_layers(net)
    assert layers
    maps = feature_maps(net, photo, [layer.name for layer in layers])
    for layer in layers:
        assert maps[layer.name].shape == layer.output
        assert receptive_field(net, layer.name).cells == layer.output[:2]
    for layer in layers[:: len(layers) // 4 + 1]:
        assert weights(net, layer.name).kernel.shape == layer.kernel


def test_layers_inside_a_nested_model_are_found(photo):
    net = architecture("transfer")
    inner = next(layer for layer in net.model.layers if isinstance(layer, keras.Model))
    first = conv_layers(net)[0]
    assert inner.layers[first.index] is net.layer(first.name)
    assert np.array_equal(filters(net, first.name), inner.layers[first.index].get_weights()[0])


def test_a_network_for_photos_of_any_size_has_output_sizes_at_its_input_size():
    photo = keras.Input((None, None, 3))
    x = L.Conv2D(2, 3, strides=2, name="only")(photo)
    net = load_network(keras.Model(photo, L.Dense(4)(L.GlobalAveragePooling2D()(x))))
    height, width = net.input_size
    assert conv_layers(net)[0].output == ((height - 1) // 2, (width - 1) // 2, 2)


# Weights


def test_first_layer_kernels_of_a_bgr_network_come_in_rgb_order(vgg16):
    stored, bias = vgg16.layer("block1_conv1").get_weights()
    found = weights(vgg16, "block1_conv1")
    assert np.array_equal(found.kernel, stored[:, :, ::-1])
    assert not np.array_equal(found.kernel, stored)
    assert np.array_equal(found.bias, bias)
    deeper, _ = vgg16.layer("block1_conv2").get_weights()
    assert np.array_equal(filters(vgg16, "block1_conv2"), deeper)


def test_rgb_kernels_and_rgb_pixels_give_the_first_map_by_hand(vgg16, photo):
    mean = np.array([123.68, 116.779, 103.939])  # red, green, blue
    pixels = vgg16.prepare(photo)[0, 100:103, 60:63] - mean
    kernel, bias = weights(vgg16, "block1_conv1")
    by_hand = np.maximum(np.einsum("hwc,hwck->k", pixels, kernel) + bias, 0)
    found = feature_maps(vgg16, photo, "block1_conv1")[101, 61]
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-3)


def test_the_order_of_colours_is_found_wherever_they_are_swapped():
    photo = keras.Input((16, 16, 3))
    x = L.Lambda(lambda x: x[..., ::-1] / 255.0)(photo)
    x = L.ZeroPadding2D(1)(x)
    x = L.Conv2D(3, 3, name="first")(x)
    x = L.Conv2D(2, 3, name="second")(x)  # three input channels, but of mixtures
    net = load_network(keras.Model(photo, L.Dense(2)(L.GlobalAveragePooling2D()(x))))
    assert np.array_equal(filters(net, "first"), net.layer("first").get_weights()[0][:, :, ::-1])
    assert np.array_equal(filters(net, "second"), net.layer("second").get_weights()[0])
    plain = architecture("MobileNetV2")
    assert np.array_equal(filters(plain, "Conv1"), plain.layer("Conv1").get_weights()[0])


def test_a_separable_kernel_does_what_its_two_kernels_do(maze, photo):
    one = weights(maze, "separable")
    assert one.kernel.shape == (2, 4, 4, 8)
    x = feature_maps(maze, photo, "relu")[None]
    x = np.pad(x, ((0, 0), (0, 1), (2, 1), (0, 0)))
    by_hand = tf.nn.conv2d(x, one.kernel, 1, "VALID")[0] + one.bias
    found = feature_maps(maze, photo, "separable")
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-3)


def test_weights_are_the_callers_to_change(vgg16):
    mine = weights(vgg16, "block5_conv3")
    before = mine.kernel.copy()
    mine.kernel[:] = 0
    mine.bias[:] = 7
    assert np.array_equal(weights(vgg16, "block5_conv3").kernel, before)
    assert not (weights(vgg16, "block5_conv3").bias == 7).any()


def test_a_layer_without_filters_gets_the_list_of_those_that_have_some(vgg16):
    with pytest.raises(ValueError, match="block1_pool.* is a MaxPooling2D.*block1_conv1, block1_c"):
        filters(vgg16, "block1_pool")
    with pytest.raises(ValueError, match="block1_conv1"):
        weights(vgg16, "block1_con1")
    assert weights(architecture("MobileNetV2"), "Conv1").bias is None


# Feature maps


def test_feature_maps_are_those_of_a_keras_model_cut_at_the_layer(maze, photo):
    cut = keras.Model(maze.model.input, maze.model.get_layer("joined").output)
    expected = cut.predict(maze.prepare(photo), verbose=0)[0]
    found = feature_maps(maze, photo, "joined")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_one_pass_gives_every_layer_by_name(maze, photo):
    names = ["oblong", "pool", "last"]
    maps = feature_maps(maze, photo, names)
    assert list(maps) == names
    for name in names:
        np.testing.assert_allclose(maps[name], feature_maps(maze, photo, name), rtol=1e-5)
    every = feature_maps(maze, photo, "all")
    assert {*names, "relu", "sum", "joined"} <= set(every)
    assert all(one.ndim == 3 for one in every.values())
    assert "head" not in every
    assert np.array_equal(feature_maps(maze, photo), every[maze.last_conv])
    assert list(feature_maps(maze, photo, ["pool", "pool"])) == ["pool"]


def test_a_layer_without_maps_gets_a_sentence(maze, photo):
    for name in ("gap", "head", ["pool", "gap"]):
        with pytest.raises(ValueError, match="no maps"):
            feature_maps(maze, photo, name)
    with pytest.raises(ValueError, match="no layer 'poll'.*pool"):
        feature_maps(maze, photo, "poll")
    with pytest.raises(ValueError, match="empty list"):
        feature_maps(maze, photo, [])


# Receptive fields


def footprint(net, layer, row, column):
    """Find the box of pixels on which the value of a cell depends, by its gradient.

    All weights are positive, so no path cancels another. ReLUs let everything through, and pooling
    by maximum, which looks at one cell alone, becomes the mean over the same window.
    """

    def see_all(layer):
        if isinstance(layer, L.MaxPooling2D):
            return L.AveragePooling2D(layer.pool_size, layer.strides, layer.padding)
        return net.without_activation(layer) if isinstance(layer, L.ReLU) else None

    pixels = tf.fill((1, *net.input_size, 3), 200.0)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        (maps,) = net.maps(pixels, [layer], see_all)
        score = tf.reduce_sum(maps[0, row, column])
    seen = np.abs(tape.gradient(score, pixels)[0]).sum(axis=-1) > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def positive(model):
    """Give every convolution positive weights, all of a size that keeps values near one."""
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            positive(layer)
        elif "conv" in type(layer).__name__.lower():
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.5, w.shape) * (w.ndim / w.size) ** 0.5
                    for w in layer.get_weights()
                ]
            )
    return model


CELLS = [(0, 0), (0.5, 0.5), (1, 1), (0.3, 0.9), (1, 0.2)]


def assert_fields_are_footprints(net, names):
    for name in names:
        field = receptive_field(net, name)
        for share in CELLS:
            cell = [round(s * (count - 1)) for s, count in zip(share, field.cells, strict=True)]
            assert field.box(*cell) == footprint(net, name, *cell), (name, cell, field)


def test_every_field_in_the_maze_is_the_footprint_of_the_gradient(maze):
    net = load_network(positive(keras.models.clone_model(maze.model)))
    names = [step.name for step in net.steps if len(step.shape) == 4]
    names = [name for name in names if "padding" not in name]  # a cell of padding sees nothing
    assert len(names) > 12
    assert_fields_are_footprints(net, names)
    assert receptive_field(net, "oblong").size == (3, 5)


def test_fields_of_mobilenet_are_footprints():
    model = keras.applications.MobileNet(
        weights=None, input_shape=(320, 320, 3), alpha=0.25, classes=2
    )
    net = load_network(positive(model))
    assert_fields_are_footprints(net, ["conv1", "conv_pw_3", "conv_dw_6", "conv_pw_11_relu"])


def test_fields_of_vgg16_are_the_known_ones(vgg16):
    known = {
        "block1_conv1": (3, 1),
        "block1_conv2": (5, 1),
        "block1_pool": (6, 2),
        "block2_conv1": (10, 2),
        "block3_conv3": (40, 4),
        "block4_conv3": (92, 8),
        "block5_conv3": (196, 16),
        "block5_pool": (212, 32),
    }
    for name, (size, stride) in known.items():
        field = receptive_field(vgg16, name)
        assert (field.size, field.stride) == ((size, size), (stride, stride)), name
    assert receptive_field(vgg16) == receptive_field(vgg16, "block5_conv3")
    assert "196 x 196 pixels" in repr(receptive_field(vgg16))


def test_fields_agree_with_the_published_table():
    """Araujo, Norris and Sim, Computing receptive fields of convolutional networks (2019)."""
    assert receptive_field(architecture("ResNet50")).size == (483, 483)
    mobilenet = keras.applications.MobileNet(
        weights=None, input_shape=(64, 64, 3), alpha=0.25, classes=2
    )
    assert receptive_field(load_network(mobilenet)).size == (315, 315)


def test_squeeze_and_excitation_sees_the_whole_picture():
    net = architecture("EfficientNetB0")
    assert receptive_field(net, "stem_conv").size == (3, 3)
    field = receptive_field(net)
    assert field.whole and field.size == net.input_size
    assert field.box(0, 1) == (0, 0, *net.input_size)
    assert "whole picture" in repr(field)


def test_a_box_is_cut_at_the_border_and_scaled_to_the_photo(vgg16):
    field = receptive_field(vgg16, "block1_conv2")
    assert field.start == (-2, -2)
    assert field.box(0, 0) == (0, 0, 3, 3)
    assert field.box(100, 50) == (98, 48, 103, 53)
    assert field.centre(100, 50) == (100.5, 50.5)
    assert field.box(223, 223) == (221, 221, 224, 224)
    photo = np.zeros((448, 112, 3), np.uint8)
    assert field.box(100, 50, photo) == (196, 24, 206, 26.5) == field.box(100, 50, (448, 112))
    with pytest.raises(ValueError, match=r"cells \(0, 0\) to \(223, 223\), got \(224, 0\)"):
        field.box(224, 0)


def test_a_layer_that_cannot_be_followed_is_named():
    photo = keras.Input((16, 16, 3))
    x = L.Lambda(lambda x: x[:, ::-1], name="flip")(photo)
    x = L.Conv2D(2, 3, name="behind")(x)
    net = load_network(keras.Model(photo, L.Dense(2)(L.GlobalAveragePooling2D()(x))))
    with pytest.raises(ValueError, match="cannot follow layer 'flip' .Lambda."):
        receptive_field(net, "behind")
    with pytest.raises(ValueError, match="no maps"):
        receptive_field(net, net.steps[-1].name)


# Sparsity


def test_sparsity_counts_zeros_and_dead_channels(photo):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(4, 1, activation="relu", name="inside"),
            L.Conv2D(2, 1, name="before"),
            L.Activation("relu", name="behind"),
            L.GlobalAveragePooling2D(),
            L.Dense(2),
        ]
    )
    net = load_network(model)
    kernel = np.zeros((1, 1, 3, 4), np.float32)
    kernel[0, 0, 0, 3] = 1  # the fourth channel is the red beyond 128
    net.layer("inside").set_weights([kernel, np.array([1, -1, 0, -128], np.float32)])
    net.layer("before").set_weights([np.zeros((1, 1, 4, 2)), np.array([-1, 5])])
    rows = sparsity(net, photo)
    dark = (net.prepare(photo)[..., 0] <= 128).mean()
    assert 0 < dark < 1
    assert rows == [("inside", pytest.approx((2 + dark) / 4), 2, 4), ("behind", 0.5, 1, 2)]
    assert "behind  0.500     1         2" in repr(rows)


def test_sparsity_of_a_network_without_relu_lists_its_convolutions(photo):
    net = architecture("EfficientNetB0")
    rows = sparsity(net, photo)
    assert [row.name for row in rows] == [layer.name for layer in conv_layers(net)]
    assert rows[0].zeros < 0.01
