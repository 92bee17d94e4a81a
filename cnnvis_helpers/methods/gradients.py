"""Shared by the gradient methods: a target's score, its gradient, the guided ReLU.

`saliency` takes gradients at the pixels, `cam` at a layer's maps. Both compile one function
per network and layer and pass the target as a vector, so another class needs no recompilation.
"""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_choice, check_net
from cnnvis_helpers.photos.resizing import resize_map


def prepared(net, photo):
    """Return the photo as a tensor (1, h, w, 3), float32, pixels 0..255, at the input size."""
    check_net(net)
    return tf.constant(net.prepare(photo))


def target_vector(net, target):
    """Return the score vector (units,) of a target; zeros for None, the photo's top class.

    With zeros, a compiled function finds the top class in its own forward pass (`score_of`).
    """
    check_net(net)
    return tf.zeros(net.units) if target is None else tf.constant(net.score_vector(target))


def score_of(logits, vector):
    """Return the scores (n,) of logits (n, units); a vector of zeros stands for the top class."""
    if logits.shape[-1] == 1:  # one logit, two classes: 1 for the second, -1 for the first
        top = tf.where(logits > 0, 1.0, -1.0)
    else:
        top = tf.one_hot(tf.argmax(logits, axis=-1), logits.shape[-1])
    weights = tf.where(tf.reduce_any(vector != 0), vector, tf.stop_gradient(top))
    return tf.reduce_sum(logits * weights, axis=-1)


SCALE = 1024.0  # of a float16 score in the backward pass


def recording(net):
    """Return the GradientTape of a method, for `gradient_of`."""
    return tf.GradientTape(persistent=computes_in_float16(net), watch_accessed_variables=False)


def gradient_of(net, tape, score, source, what):
    """Return the gradient of a score; raise if there is none. what : "pixels" or a layer.

    Pixel gradients are often below the smallest float16, 6e-8. So in float16 the score is scaled by
    a power of two in the backward pass, unless that overflows.
    """
    scale = SCALE if computes_in_float16(net) else None
    factor = scale and scale * tf.ones_like(score)
    gradient = tape.gradient(score, source, output_gradients=factor)
    if gradient is None:
        raise ValueError(
            "No gradient of the score reaches the pixels: a layer between them stops gradients."
            if what == "pixels"
            else f"The score does not depend on the layer {what!r}; take one on the way to the "
            "output."
        )
    if scale is None:
        return gradient
    fits = tf.reduce_all(tf.math.is_finite(gradient))
    return tf.cond(fits, lambda: gradient / scale, lambda: tape.gradient(score, source))


def computes_in_float16(net):
    """Return whether a layer of the network computes in float16, as under "mixed_float16"."""
    return any(getattr(step.layer, "compute_dtype", "") == "float16" for step in net.steps)


def once_per_network(build):
    """Return `build(net, *key)`, run once for each network and key, such as a layer's name."""

    @functools.wraps(build)
    def cached(net, *key):
        name = (build.__module__, build.__name__, *key)
        made = net.cached(name, lambda: build(net, *key))
        if net.compiles_late and hasattr(made, "python_function"):
            return net.cached(("late", *name), lambda: _compiled_late(made))
        return made

    return cached


def _compiled_late(function):
    """Return a tf.function whose first call runs operation by operation, not compiled."""
    calls = itertools.count()
    return lambda *given: (function if next(calls) else function.python_function)(*given)


def compiled(signature):
    """Return the decorator tf.function for one signature; AutoGraph would hide our errors."""
    return tf.function(input_signature=signature, autograph=False)


def pixels_spec(net, n):
    """Return the signature of a batch of `n` pictures (None: any number) for a tf.function."""
    return tf.TensorSpec((n, *net.input_size, 3), tf.float32)


def reduce_colours(values, reduce):
    """Reduce (h, w, 3) to float32 (h, w) as `saliency` describes; "rgb" stays (h, w, 3).

    >>> values = np.array([[[1.0, -3.0, 1.0]]])
    >>> [reduce_colours(values, how).item() for how in ("max_abs", "sum_abs", "sum")]
    [3.0, 5.0, -1.0]
    """
    check_reduce(reduce)
    values = np.asarray(values, np.float32)
    if reduce == "rgb":
        return values
    # Plane by plane is ten times as fast as a reduction along an axis of length three.
    red, green, blue = np.moveaxis(values if reduce == "sum" else np.abs(values), -1, 0)
    return np.maximum(np.maximum(red, green), blue) if reduce == "max_abs" else red + green + blue


def picture_of(net, name, value, others=""):
    """Return float32 (h, w, 3), at the network's size, of a grey level, a colour or a photo.

    name, others : for the error, the argument and what else it may be
    """
    values = np.asarray(value)
    if values.ndim == 3:
        return net.prepare(value)[0]
    numbers = values.dtype.kind in "uif" and values.shape in ((), (3,))
    if not (numbers and np.all((values >= 0) & (values <= 255))):
        raise ValueError(
            f"{name} must be {others}a photo (H, W, 3), a grey level or three levels (r, g, b) "
            f"in 0..255, not {value!r}."
        )
    return np.broadcast_to(values, (*net.input_size, 3)).astype(np.float32)


def check_channel(layer, channel, count):
    """Raise a ValueError unless the layer, which has `count` channels, has this one."""
    if not 0 <= channel < count:
        raise ValueError(
            f"The layer {layer!r} has channels 0 to {count - 1}, so there is no channel {channel}."
        )


def check_reduce(reduce):
    """Raise a ValueError unless `reduce` is one of the four options."""
    check_choice("reduce", reduce, ("max_abs", "sum_abs", "sum", "rgb"))


def at_photo_size(values, photo, resize=True):
    """Resize a map (h, w) or (h, w, 3) to the photo's (H, W); unchanged if `resize` is False."""
    size = np.shape(photo)[:2]
    if not resize:
        return values
    if values.ndim == 2:
        return resize_map(values, size)
    return np.stack([resize_map(plane, size) for plane in np.moveaxis(values, -1, 0)], axis=-1)


_RELUS = [
    getattr(home, name)
    for home in (keras.activations, keras.ops, tf.nn)
    for name in ("relu", "relu6")
]
_RELU_OPERATIONS = ("Relu", "Relu6")
# Keras layers that are nonlinear without an `activation` attribute.
_NOT_GUIDABLE = """
    LeakyReLU PReLU ELU Softmax Lambda Attention AdditiveAttention MultiHeadAttention
    GroupedQueryAttention TimeDistributed Bidirectional SpectralNormalization TFSMLayer JaxLayer
    FlaxLayer
""".split()
# Keras operations (`a + b` in a model makes one) that are linear or only move values.
_HARMLESS_OPERATIONS = """
    Add Subtract Multiply Divide TrueDivide Negative Mean Sum Max MaxPool AveragePool Concatenate
    Stack Reshape Transpose Flatten Squeeze ExpandDims Pad GetItem Cast Identity StopGradient Conv
    DepthwiseConv SeparableConv Matmul Einsum Resize
""".split()


class GuidedRule:
    """Guided backpropagation through every ReLU of a network, a `substitute` for `net.forward`.

    A ReLU passes a gradient back where its input was positive. The guided ReLU also requires a
    positive gradient: dL/dx = [x > 0] [dL/dy > 0] dL/dy. So each ReLU is followed by an identity
    that zeroes negative gradients; the logits stay bit-identical.

    `active` is read when the gradient is traced: one forward pass can serve the guided and the
    plain gradient. Other activation functions raise a ValueError, since the rule is defined for
    ReLUs only. Pooling and normalisation keep their own gradients.

    Springenberg et al. 2014, "Striving for simplicity: the all convolutional net", arXiv 1412.6806
    """

    def __init__(self):
        self.active = True

    def __call__(self, layer):
        """Return the layer with the guided gradient, or None for a layer without ReLU."""
        if not ends_with_relu(layer):
            return None

        @tf.custom_gradient
        def positive_back(y):
            return tf.identity(y), lambda dy: tf.nn.relu(dy) if self.active else dy

        return lambda *args, **kwargs: positive_back(layer(*args, **kwargs))


def ends_with_relu(layer):
    """Return whether a layer or Keras operation applies a ReLU; reject other nonlinearities."""
    kind = type(layer).__name__
    if isinstance(layer, keras.layers.ReLU):
        if layer.negative_slope:
            _refuse(layer, f"a ReLU with negative slope {float(layer.negative_slope):g}")
        return True
    if not isinstance(layer, keras.layers.Layer):
        if kind not in (*_RELU_OPERATIONS, *_HARMLESS_OPERATIONS):
            _refuse(layer, f"the operation {kind}")
        return kind in _RELU_OPERATIONS
    activation = getattr(layer, "activation", None)
    if isinstance(activation, keras.layers.Layer):
        return ends_with_relu(activation)
    if activation in _RELUS:
        return True
    if activation is not None and activation is not keras.activations.linear:
        name = getattr(activation, "__name__", type(activation).__name__)
        _refuse(layer, f"the activation {name}")
    own = not type(layer).__module__.startswith("keras.") or isinstance(layer, keras.Model)
    if own or kind in _NOT_GUIDABLE:
        _refuse(layer, f"the type {kind}, inside which a nonlinearity may hide")
    return False


def _refuse(layer, what):
    raise ValueError(
        f"Guided backprop is defined for networks of ReLUs, but the layer {layer.name!r} has "
        f"{what}; take saliency, smoothgrad or integrated_gradients, which work for every network."
    )
