"""Rows of the module dreams: pictures by gradient ascent, all with the same number of steps."""

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.methods.deep_dream import deep_dream
from cnnvis_helpers.methods.inversion import invert_features
from cnnvis_helpers.methods.patterns import class_pattern, filter_pattern, filter_patterns
from cnnvis_helpers.networks.layers import conv_layers
from rows.common import HAVE_TKV, Row

FILTERS, SIDE, JITTER = 64, 64, 8
ALONE = 4  # filters that are timed one by one, as a sample of all
OCTAVES, SCALE, OCTAVE_STEPS = 3, 1.4, 4


def rows(case):
    yield _filters(case, steps=4)
    yield _class(case, steps=case.samples)
    yield _dream(case)
    yield _inversion(case, steps=case.samples)


def _filters(case, steps):
    """The first 64 filters of a layer a third of the way through, in pictures of 64 x 64."""
    net, other_net, layer = case.net(), case.net(), _wide_layer(case, 1 / 3)
    model = _up_to(case, layer, (SIDE, SIDE, 3), linear=True)
    settings = {"size": SIDE, "steps": steps, "jitter": JITTER}
    peers = {
        "ours, one by one": lambda: [
            filter_pattern(other_net, layer, k, **settings) for k in range(ALONE)
        ],
        "keras.io style, one by one": lambda: _tutorial_filters(model, steps),
    }
    if HAVE_TKV:
        peers["tf-keras-vis, one by one"] = lambda: [_tkv(model, [k], steps) for k in range(ALONE)]
        peers["tf-keras-vis, one batch"] = lambda: _tkv(model, list(range(FILTERS)), steps)
    return Row(
        f"filter_patterns, {FILTERS} of {layer}, {steps} steps",
        lambda: filter_patterns(net, layer, **settings),
        _floor(model, [(FILTERS, SIDE, SIDE, 3)], lambda maps: tf.linalg.trace(_means(maps))),
        steps,
        peers,
        {name: FILTERS / ALONE for name in peers if name.endswith("one by one")},
    )


def _class(case, steps):
    net, side = case.net(), case.photo.shape[0]
    peers = {"keras.io style": lambda: _tutorial_class(case, steps)}
    if HAVE_TKV:
        peers["tf-keras-vis"] = lambda: _tkv(case.linear, [case.target], steps)
    return Row(
        f"class_pattern, {steps} steps",
        lambda: class_pattern(net, case.target, steps=steps, jitter=JITTER),
        _floor(case.linear, [(1, side, side, 3)], lambda logits: logits[0, case.target]),
        steps,
        peers,
    )


def _dream(case):
    net, layer = case.net(), _wide_layer(case, 2 / 3)
    model = _up_to(case, layer, (None, None, 3))
    sides = [round(case.photo.shape[0] / SCALE**k) for k in range(OCTAVES)][::-1]
    shapes = [(1, side, side, 3) for side in sides]
    return Row(
        f"deep_dream at {layer}, {OCTAVES} octaves of {OCTAVE_STEPS} steps",
        lambda: deep_dream(
            net, case.photo, layer, octaves=OCTAVES, octave_scale=SCALE, steps=OCTAVE_STEPS
        ),
        _floor(model, shapes, lambda maps: tf.reduce_mean(maps**2)),
        OCTAVE_STEPS,
        {"keras.io style": lambda: _tutorial_dream(case, model, sides)},
    )


def _inversion(case, steps):
    net, layer, side = case.net(), _wide_layer(case, 2 / 3), case.photo.shape[0]
    model = _up_to(case, layer, (side, side, 3))
    return Row(
        f"invert_features at {layer}, {steps} steps",
        lambda: invert_features(net, case.photo, layer, steps=steps),
        _floor(model, [(1, side, side, 3)], lambda maps: tf.reduce_sum(maps**2)),
        steps,
    )


def _wide_layer(case, depth):
    """The first convolution with enough filters from this depth (0..1) on."""
    names = [row.name for row in conv_layers(case.net())]
    layers = [case.linear.get_layer(name) for name in names[int(depth * len(names)) :]]
    return next(
        one.name for one in layers if type(one) is keras.layers.Conv2D and one.filters >= FILTERS
    )


def _up_to(case, layer, shape, linear=False):
    """The network up to a layer, a copy, for pictures of this shape; `linear`: no activation."""
    part = keras.Model(case.linear.inputs[0], case.linear.get_layer(layer).output)
    model = keras.models.clone_model(part, input_tensors=keras.Input(shape))
    model.set_weights(part.get_weights())
    if linear:
        model.layers[-1].activation = keras.activations.linear
    return model


def _means(maps):
    return tf.reduce_mean(maps, axis=(1, 2))


def _floor(model, shapes, score_of):
    """A pass forward and back for a batch of each of these shapes: compiled, nothing else."""

    @tf.function(reduce_retracing=True)
    def run(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            score = score_of(model(x, training=False))
        return tape.gradient(score, x)

    generator = np.random.default_rng(0)
    batches = [tf.constant(generator.uniform(-1, 1, shape), tf.float32) for shape in shapes]
    return lambda: [run(batch).numpy() for batch in batches]


def _ascend(model, x, steps, score_of):
    """Gradient ascent as tutorials write it: uncompiled, normalised steps."""
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = score_of(model(x))
        x += 10.0 * tf.math.l2_normalize(tape.gradient(score, x))
    return x.numpy()


def _tutorial_filters(model, steps):
    start = tf.random.uniform((1, SIDE, SIDE, 3), -0.125, 0.125)
    return [
        _ascend(model, start, steps, lambda maps, k=k: tf.reduce_mean(maps[:, 2:-2, 2:-2, k]))
        for k in range(ALONE)
    ]


def _tutorial_class(case, steps):
    start = tf.random.uniform(case.inputs.shape, -0.125, 0.125)
    return _ascend(case.linear, start, steps, lambda logits: logits[0, case.target])


def _tutorial_dream(case, model, sides):
    """Deep dream as tutorials write it: uncompiled, lost detail put back after each octave."""
    original = tf.constant(case.inputs)
    base = x = tf.image.resize(original, (sides[0], sides[0]))
    for side in sides:
        x = tf.image.resize(x, (side, side))
        detail = tf.image.resize(original, (side, side)) - tf.image.resize(base, (side, side))
        x = tf.constant(
            _ascend(model, x + detail, OCTAVE_STEPS, lambda maps: tf.reduce_mean(maps**2))
        )
        base = tf.image.resize(original, (side, side))
    return x


def _tkv(model, targets, steps):
    """Its ActivationMaximization, in one batch; jitter as ours, without the costly rest."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.activation_maximization.input_modifiers import Jitter
    from tf_keras_vis.utils.scores import CategoricalScore

    side = model.input_shape[1]
    seeds = tf.random.uniform((len(targets), side, side, 3), 0, 255)
    return ActivationMaximization(model, clone=False)(
        CategoricalScore(targets),
        seed_input=seeds,
        steps=steps,
        input_modifiers=[Jitter(JITTER)],
        regularizers=[],
    )
