"""Shared by the gradient-ascent methods: checks of settings, map sizes, Adam."""

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_number, check_whole

GREY = 127.5
_WHOLE = {"size": 16, "steps": 1, "octaves": 1, "tile": 64, "jitter": 0, "seed": 0}
_ABOVE = {"step": 0, "learning_rate": 0, "octave_scale": 1}


def check_settings(**settings):
    """Raise a one-sentence ValueError for the first setting out of range."""
    for name, value in settings.items():
        if name in _WHOLE:
            check_whole(name, value, _WHOLE[name])
        elif name == "zoom":
            check_number(name, value, 0, 0.5)
        else:
            check_number(name, value, _ABOVE[name], np.inf, above=True)


def map_shape(net, layer, size, beyond=0):
    """Return (h, w, channels) of a layer's maps for a picture of `size`; reject small ones.

    beyond : pixels by which the picture is extended on each side
    """

    def measure():
        # Traced, not run: a convolution of an empty map may raise any error, or none.
        pixels = tf.TensorSpec((1, *(length + 2 * beyond for length in size), 3))
        trace = tf.function(lambda pixels: net.maps(pixels, [layer])[0], autograph=False)
        try:
            return tuple(trace.get_concrete_function(pixels).structured_outputs.shape[1:])
        except (ValueError, tf.errors.InvalidArgumentError):
            return None if _has_fixed_size(net, layer) else (0, 0, 0)

    shape = net.cached(("map shape", layer, size, beyond), measure)
    if shape is None:
        height, width = net.input_size
        raise ValueError(
            f"The network {net.name!r} reshapes its input before the layer {layer!r}, so it only "
            f"takes pictures of {width} x {height} pixels, and this needs "
            f"{size[1] + 2 * beyond} x {size[0] + 2 * beyond}."
        )
    if 0 in shape:
        raise ValueError(
            f"Of a picture of {size[1]} x {size[0]} pixels nothing is left in the maps of the "
            f"layer {layer!r}; take larger pictures or an earlier layer."
        )
    return shape


def _has_fixed_size(net, layer):
    """Return whether a Reshape before a layer ties the network to its own input size."""
    kinds = {type(step.layer).__name__ for step in net.steps_to(layer)}
    return not kinds.isdisjoint({"Reshape", "Flatten"})


def falling(done, steps):
    """Return a step-size factor that falls from 1 to 0 along half a cosine."""
    return (1 + np.cos(np.pi * done / steps)) / 2


def adam(gradient, moments, count):
    """Return the direction of Adam's step `count` (1, 2, ...) and the new moments.

    moments : running means of the gradient and of its square
    """
    first = 0.9 * moments[0] + 0.1 * gradient
    second = 0.99 * moments[1] + 0.01 * gradient**2
    return first / (1 - 0.9**count) / (tf.sqrt(second / (1 - 0.99**count)) + 1e-12), (first, second)


def to_uint8(pictures):
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
