"""Layers of a network: a list, their weights and feature maps, and what a cell of a map sees.

    net = load_network()
    conv_layers(net)                              # a table
    filters(net, "block1_conv1").shape            # (3, 3, 3, 24)
    feature_maps(net, photo, "block1_conv1")      # float32 (h, w, 24)
    receptive_field(net, "block1_conv1")          # 3 x 3 pixels, one cell every 1 x 1 pixels

All functions work for Functional, Sequential and nested models, and change none of them.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_net
from cnnvis_helpers._shared.table import Table

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)
RELUS = ("relu", "relu6", "ReLU", "Relu", "Relu6")


class ConvLayer(NamedTuple):
    """One convolution of a network.

    index : its position in `net.model.layers`, or in its nested model
    name : what `net.layer(name)` finds
    kind : Conv2D, DepthwiseConv2D, SeparableConv2D or Conv2DTranspose
    kernel : (kh, kw, cin, cout); if depthwise (kh, kw, cin, kernels per channel)
    output : (h, w, c) at the network's input size
    parameters : number of weights and biases
    """

    index: int
    name: str
    kind: str
    kernel: tuple
    output: tuple
    parameters: int


class LayerWeights(NamedTuple):
    """The learned numbers of one convolution: kernel (kh, kw, cin, cout), bias (cout,) or None."""

    kernel: np.ndarray
    bias: np.ndarray


class LayerSparsity(NamedTuple):
    """How much of one layer's output is exactly zero for one photo.

    zeros : share of all values, 0..1
    dead : how many of the `channels` are zero everywhere
    """

    name: str
    zeros: float
    dead: int
    channels: int


class LayerTable(Table):
    """A list of named tuples, one per layer, that prints as a table."""

    nothing = "(no layers)"

    def cells(self, row):
        texts = super().cells(row)  # shapes as 3 x 3, shares with three digits
        for i, value in enumerate(row):
            if isinstance(value, tuple):
                texts[i] = " x ".join(map(str, value))
            elif isinstance(value, float):
                texts[i] = f"{value:.3f}"
        return texts


def conv_layers(net):
    """List the convolutions of a network in the order of computation.

    Parameters
    ----------
    net : Network

    Returns
    -------
    LayerTable of ConvLayer: a list that prints as a table

        [layer.name for layer in conv_layers(net)]
    """
    steps = _conv_steps(net)
    shapes = _output_shapes(net, steps)
    table = LayerTable()
    for name, step in steps.items():
        layer, outer = step.layer, step.path.rpartition("/")[0]
        model = net.layer(outer) if outer else net.model
        index = next(i for i, one in enumerate(model.layers) if one is layer)
        kind = next(kind.__name__ for kind in CONVOLUTIONS if isinstance(layer, kind))
        row = index, name, kind, _kernel_shape(layer), shapes[name], layer.count_params()
        table.append(ConvLayer(*row))
    return table


def weights(net, layer):
    """Return kernel and bias of a convolution, as NumPy arrays the caller may change.

    Parameters
    ----------
    net : Network
    layer : name of a convolution (`conv_layers` lists them)

    Returns
    -------
    LayerWeights: kernel float32 (kh, kw, cin, cout), bias float32 (cout,) or None

    The input channels of a first layer are in the order red, green, blue, even if the network was
    trained on blue, green, red (VGG, ResNet): there `net.layer(layer).get_weights()` differs.
    A depthwise kernel is (kh, kw, cin, kernels per channel). A separable convolution gives one
    kernel (kh, kw, cin, cout), equivalent to its depthwise and pointwise kernels in turn.

    Raises ValueError for any other layer.
    """
    found = _conv_step(net, layer).layer
    kernel = _kernel(found)
    order = _colour_order(net, layer) if kernel.shape[2] == 3 else None
    kernel = kernel.copy() if order is None else kernel[:, :, order]
    return LayerWeights(kernel, None if found.bias is None else _array(found.bias))


def filters(net, layer):
    """Return the kernel of a convolution; filter k is `filters(net, layer)[:, :, :, k]`.

    Parameters
    ----------
    net, layer : as in `weights`, which also gives the bias

    Returns
    -------
    float32 array (kh, kw, cin, cout), colours in RGB order

    Raises ValueError as `weights`.
    """
    return weights(net, layer).kernel


def feature_maps(net, photo, layer=None):
    """Return the feature maps of one layer for a photo, or of several layers from one pass.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    layer : one name (None: `net.last_conv`), a list of names, or "all" for every layer that makes
        maps, in the order of computation

    Returns
    -------
    float32 array (h, w, c) for one layer, else a dict {name: float32 array (h, w, c)}

    Raises ValueError for an unknown layer or one whose output is not maps (h, w, c).

        maps = feature_maps(net, photo, [layer.name for layer in conv_layers(net)])
    """
    check_net(net)
    if layer == "all":
        layer = [step.name for step in net.steps if len(step.shape) == 4]
    one = layer is None or isinstance(layer, str)
    names = [net.spatial_layer(name) for name in dict.fromkeys([layer] if one else layer)]
    if not names:
        raise ValueError("feature_maps needs at least one layer name, got an empty list.")
    maps = net.maps(tf.constant(net.prepare(photo)), names)
    arrays = {name: _array(made[0]) for name, made in zip(names, maps, strict=True)}
    return arrays[names[0]] if one else arrays


def sparsity(net, photo):
    """Count the zeros that each ReLU of the network leaves for a photo.

    Parameters
    ----------
    net, photo : as in `feature_maps`

    Returns
    -------
    LayerTable of LayerSparsity, one per layer that makes maps and ends in a ReLU, in the order of
    computation. For a network without ReLUs it counts the convolutions instead.
    """
    check_net(net)
    names = [step.name for step in net.steps if len(step.shape) == 4 and _ends_in_relu(step.layer)]
    table = LayerTable()
    for name, made in feature_maps(net, photo, names or list(_conv_steps(net))).items():
        dead = int((made == 0).all(axis=(0, 1)).sum())
        table.append(LayerSparsity(name, float((made == 0).mean()), dead, made.shape[2]))
    return table


# What a convolution is


def _conv_steps(net):
    """Return {name: step} of all convolutions; a layer called twice appears once."""
    check_net(net)
    return {step.name: step for step in net.steps if isinstance(step.layer, CONVOLUTIONS)}


def _conv_step(net, name):
    steps = _conv_steps(net)
    for step in steps.values():
        if step.layer is net.layer(name):
            return step
    raise ValueError(
        f"Layer {name!r} is a {type(net.layer(name)).__name__}, not a convolution; "
        f"the convolutions are {', '.join(steps) or 'none'}."
    )


def _kernel_shape(layer):
    if isinstance(layer, keras.layers.SeparableConv2D):
        return (*layer.depthwise_kernel.shape[:3], layer.filters)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        kh, kw, cout, cin = layer.kernel.shape
        return (kh, kw, cin, cout)
    return tuple(layer.kernel.shape)


def _kernel(layer):
    """Return the kernel of a convolution, (kh, kw, cin, cout), in the layer's own channel order."""
    if isinstance(layer, keras.layers.SeparableConv2D):
        depthwise, pointwise = _array(layer.depthwise_kernel), _array(layer.pointwise_kernel)[0, 0]
        return np.einsum("hwim,imo->hwio", depthwise, pointwise.reshape(*depthwise.shape[2:], -1))
    kernel = _array(layer.kernel)
    return kernel.swapaxes(2, 3) if isinstance(layer, keras.layers.Conv2DTranspose) else kernel


def _array(tensor):
    """Return a copy of a weight or a map as a NumPy array, float32."""
    return np.array(tensor.numpy(), np.float32)


def _ends_in_relu(layer):
    activation = getattr(layer, "activation", None)
    return type(layer).__name__ in RELUS or getattr(activation, "__name__", None) in RELUS


def _output_shapes(net, steps):
    """Return {name: (h, w, c)} at the network's input size, without computing any map."""
    fixed = {name: tuple(step.shape[1:]) for name, step in steps.items()}
    if not any(None in shape for shape in fixed.values()):
        return fixed
    spec = tf.TensorSpec((1, *net.input_size, 3), tf.float32)
    build = tf.function(lambda pixels: net.maps(pixels, list(steps)), autograph=False)
    shapes = net.cached(("output shapes",), lambda: build.get_concrete_function(spec).output_shapes)
    return {name: tuple(shape[1:]) for name, shape in zip(steps, shapes, strict=True)}


def _colour_order(net, name):
    """Find which input channels of a layer see red, green and blue; None if they see mixtures."""
    first = _conv_step(net, name).layer

    def look():
        seen = []

        def keep(layer):
            return (lambda x: seen.append(x) or layer(x)) if layer is first else None

        pixels = np.zeros((4, *net.input_size, 3), np.float32)
        for colour in range(3):
            pixels[colour + 1, ..., colour] = 255
        net.maps(tf.constant(pixels), [name], keep)
        level = _array(seen[0])[:, seen[0].shape[1] // 2, seen[0].shape[2] // 2]
        answer = np.abs(level[1:] - level[0]) > 1e-6  # (colour, channel)
        alone = (answer.sum(axis=0) == 1).all() and (answer.sum(axis=1) == 1).all()
        return answer.argmax(axis=1) if alone else None

    return net.cached(("colour order", name), look)
