"""Rows of the rooms attacks and one_pixel; an attack classifies the photo before and after."""

import importlib
import time
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.attacks import fgsm, pgd
from cnnvis_helpers.one_pixel import one_pixel, one_pixel_map
from cnnvis_helpers.sweeps import batch_size
from rows.common import Row

SEARCH = {"population": 48, "generations": 2}


def rows(case):
    net, steps, batch = case.net(), case.samples, batch_size(case.net())
    side = case.photo.shape[0]
    yield Row(
        "fgsm",
        lambda: fgsm(net, case.photo),
        _floor(case, 1),
        peers={"keras.io style": lambda: _tutorial_fgsm(case)},
    )
    yield Row(f"pgd, {steps} steps", lambda: pgd(net, case.photo, steps=steps), _floor(case, steps))
    queries = one_pixel(net, case.photo, settings=SEARCH).queries
    yield Row(
        f"one_pixel, {queries} queries",
        lambda: one_pixel(net, case.photo, settings=SEARCH),
        case.forward(batch),
        queries / batch,
        inside=lambda: _share_inside(net, lambda: one_pixel(net, case.photo, settings=SEARCH)),
    )
    yield Row(
        "one_pixel_map, 16 pixels of 8 colours",
        lambda: one_pixel_map(net, case.photo, case.target, stride=side // 4),
        case.forward(batch),
        (16 * 8 + 1) / batch,
    )


def _floor(case, steps):
    """`steps` passes forward and back, and the two predictions, all of the bare compiled model."""
    gradient, forward = case.gradient(), case.forward()
    return lambda: [gradient() for _ in range(steps)] + [forward() for _ in range(2)]


def _share_inside(net, search):
    """The share, 0..1, of a search's time that is spent in the network's compiled functions."""
    room, inside = importlib.import_module("cnnvis_helpers.one_pixel"), []

    def timed(run):
        def call(*inputs):
            begin = time.perf_counter()
            logits = run(*inputs).numpy()
            inside.append(time.perf_counter() - begin)
            return logits

        return call

    changed = timed(room._changed_logits(net))
    with (
        mock.patch.object(room, "_changed_logits", lambda net: changed),
        mock.patch.object(net, "logits", timed(net.logits)),  # the photo before and after
    ):
        begin = time.perf_counter()
        search()
        whole = time.perf_counter() - begin
    return sum(inside) / whole


def _tutorial_fgsm(case):
    """FGSM as tutorials write it: uncompiled, on the network's own input."""
    x = tf.constant(case.inputs)
    label = case.model(x, training=False).numpy().argmax()
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = keras.losses.sparse_categorical_crossentropy(tf.constant([label]), case.model(x))
    moved = x + 0.1 * tf.sign(tape.gradient(loss, x))
    return np.argmax(case.model(moved, training=False))
