"""Max pooling with a gradient that uses two cores for a single picture.

TensorFlow's gradient of max pooling divides its work by pictures, so one picture keeps one core
busy: a third of SqueezeNet's backward pass. Here the upper and the lower rows are two operations.
"""

import keras
import tensorflow as tf


def in_halves(layer):
    """Return a callable to use in place of a max pooling layer, or None for any other layer."""
    plain = type(layer) is keras.layers.MaxPooling2D and layer.data_format == "channels_last"
    if not plain or layer.padding != "valid" or layer.pool_size[0] < layer.strides[0]:
        return None

    def pool(x):
        alone = x.shape[0] == 1 and None not in x.shape and x.shape[1] >= 4 * layer.pool_size[0]
        stays = x.dtype == layer.compute_dtype  # else the layer casts, as under "mixed_float16"
        return _pool(layer, x) if alone and stays else layer(x)

    return pool


def _pool(layer, x):
    stride, overlap = layer.strides[0], layer.pool_size[0] - layer.strides[0]
    windows = {"ksize": (1, *layer.pool_size, 1), "strides": (1, *layer.strides, 1)}

    def gradient(rows, pooled, slope):
        given = {"orig_input": rows[None], "orig_output": pooled[None], "grad": slope[None]}
        return tf.raw_ops.MaxPoolGrad(**given, **windows, padding="VALID")[0]

    @tf.custom_gradient
    def pooled(x):
        y = layer(x)

        def back(slope):
            half = y.shape[1] // 2
            start = half * stride  # the first row of the lower windows; the upper ones overlap it
            upper = gradient(x[0, : start + overlap], y[0, :half], slope[0, :half])
            lower = gradient(x[0, start:], y[0, half:], slope[0, half:])
            shared = upper[start:] + lower[:overlap]
            return tf.concat([upper[:start], shared, lower[overlap:]], axis=0)[None]

        return y, back

    return pooled(x)
