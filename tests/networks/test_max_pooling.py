"""Max pooling in two halves has Keras's own output and gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnvis_helpers.networks.max_pooling import in_halves


def slope_of(pool, x, slope):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = pool(x)
    return y.numpy(), tape.gradient(y, x, output_gradients=slope).numpy()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("flat", [False, True])  # many equal values: the first one gets the slope
@pytest.mark.parametrize(
    "size, strides, shape",
    [
        (3, 2, (27, 13)),
        (3, 2, (28, 28)),
        (2, 2, (24, 31)),
        (3, 1, (12, 9)),
        ((5, 2), (2, 3), (21, 9)),
    ],
)
def test_its_gradient_is_that_of_keras(size, strides, shape, flat, compiled):
    layer = keras.layers.MaxPooling2D(size, strides)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, *shape, 4)).astype(np.float32)
    x = tf.constant(np.maximum(np.round(values), 0) if flat else values)
    slope = tf.constant(rng.normal(size=layer(x).shape).astype(np.float32))
    pool = in_halves(layer)
    y, gradient = slope_of(tf.function(pool) if compiled else pool, x, slope)
    right, expected = slope_of(layer, x, slope)
    np.testing.assert_array_equal(y, right)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_the_gradient_is_computed_in_two_parts():
    layer = keras.layers.MaxPooling2D(3, 2)
    spec = tf.TensorSpec((1, 27, 27, 4))

    def count(pool):
        def slope(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = pool(x)
            return tape.gradient(y, x)

        graph = tf.function(slope).get_concrete_function(spec).graph
        return sum(one.type == "MaxPoolGrad" for one in graph.get_operations())

    assert (count(layer), count(in_halves(layer))) == (1, 2)


@pytest.mark.parametrize("shape", [(2, 27, 27, 4), (1, 8, 27, 4)])
def test_several_or_small_pictures_are_pooled_by_the_layer(shape):
    layer = keras.layers.MaxPooling2D(3, 2)
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    np.testing.assert_array_equal(in_halves(layer)(x), layer(x))


def test_a_layer_that_casts_its_pictures_keeps_its_gradient():
    layer = keras.layers.MaxPooling2D(2, dtype="mixed_float16")
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 24, 24, 3)).astype(np.float32))
    slope = tf.ones((1, 12, 12, 3), tf.float16)
    y, gradient = slope_of(in_halves(layer), x, slope)
    right, expected = slope_of(layer, x, slope)
    np.testing.assert_array_equal(y, right)
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.MaxPooling2D(3, 2, padding="same"),
        keras.layers.MaxPooling2D(2, 3),
        keras.layers.AveragePooling2D(2),
        keras.layers.MaxPooling2D(2, data_format="channels_first"),
    ],
)
def test_other_layers_stay_as_they_are(layer):
    assert in_halves(layer) is None
