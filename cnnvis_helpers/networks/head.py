"""Infer from sample outputs whether a network returns logits or probabilities.

An average of networks, a clip after the softmax or a custom activation leaves no single step
to replace. The outputs for a few pictures show whether they are probabilities; if so, the logits
are computed from them.
"""

import functools

import numpy as np
import tensorflow as tf

_TINIEST = np.finfo(np.float32).tiny  # log: -87.3
_NEXT_TO_ONE = np.finfo(np.float32).eps / 2  # 1 minus the largest float32 below it


@functools.lru_cache(maxsize=1)
def sample_pictures(input_size):
    """Return pixels (4, h, w, 3), float32, 0..255: black, white and two of fixed noise."""
    pictures = np.zeros((4, *input_size, 3), np.float32)
    pictures[1] = 255
    pictures[2:] = np.random.default_rng(0).uniform(0, 255, (2, *input_size, 3))
    pictures.flags.writeable = False
    return pictures


def kind_of(outputs, name, exact=True):
    """Infer from outputs (n, units) for several pictures which head made them.

    exact : False if the outputs were computed in 16 bits

    Returns "softmax" for rows of probabilities that sum to 1, "sigmoid" for other numbers in 0..1,
    else "linear". Raises ValueError for scaled probabilities and for a softmax over one unit.
    """
    outputs = np.asarray(outputs, np.float64)
    sums, near = outputs.sum(axis=1), 1e-3 if exact else 2e-2
    if outputs.min() >= 0 and outputs.max() > 1 and np.ptp(sums) < near * sums.mean():
        raise ValueError(
            f"The outputs of {name!r} sum to {sums.mean():.4g} for every picture, as probabilities "
            "times a number do: give the model without that step."
        )
    if not ((outputs >= 0) & (outputs <= 1)).all():
        return "linear"
    sums_to_one = np.abs(sums - 1).max() < near
    if sums_to_one and outputs.shape[1] == 1:
        raise ValueError(
            f"The model {name!r} ends with a softmax over one unit, which is always 1: give "
            "its last layer a sigmoid, or two units."
        )
    return "softmax" if sums_to_one else "sigmoid"


def logits_of(probabilities, kind):
    """Return logits whose softmax or sigmoid is the float32 probabilities (n, units).

    A probability of 0 counts as the smallest normal float32; 1 - p is at least its rounding error.

    >>> round(float(tf.nn.softmax(logits_of(tf.constant([[0.25, 0.75]]), "softmax"))[0, 1]), 6)
    0.75
    """
    logits = tf.math.log(tf.maximum(probabilities, _TINIEST))
    if kind == "sigmoid":
        logits -= tf.math.log(tf.maximum(1 - probabilities, _NEXT_TO_ONE))
    return logits


def probabilities(logits, kind):
    """Return probabilities (n, classes) of logits (n, units); see `Network.probabilities`."""
    symbolic = tf.is_tensor(logits) and not hasattr(logits, "numpy")
    logits = tf.convert_to_tensor(logits, tf.float32)
    if logits.shape[-1] == 1:
        result = tf.sigmoid(tf.concat([-logits, logits], axis=-1))
    else:
        result = tf.sigmoid(logits) if kind == "sigmoid" else tf.nn.softmax(logits)
    return result if symbolic else result.numpy()
