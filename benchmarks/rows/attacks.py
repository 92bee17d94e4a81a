"""Rows of the modules attacks and one_pixel; an attack classifies the photo before and after."""

import importlib
import time
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import differential_evolution

from cnnvis_helpers.methods.attacks import fgsm, pgd
from cnnvis_helpers.methods.one_pixel import one_pixel, one_pixel_map
from cnnvis_helpers.methods.sliding_window import batch_size
from rows.common import Row

SEARCH = {"population": 48, "generations": 2}
FEW = {"population": 5, "generations": 1}  # searched one by one, as a sample of all


def rows(case):
    """Every row has a network of its own, so that its first call compiles what it needs."""
    yield _fgsm(case)
    yield _pgd(case, case.samples)
    yield _one_pixel(case)
    yield _one_pixel_map(case)


def _fgsm(case):
    net = case.net()
    peers = {"keras.io style": lambda: _tutorial_fgsm(case)}
    return Row("fgsm", lambda: fgsm(net, case.photo), _floor(case, 1), peers=peers)


def _pgd(case, steps):
    net = case.net()
    return Row(
        f"pgd, {steps} steps",
        lambda: pgd(net, case.photo, steps=steps),
        _floor(case, steps),
        peers={"keras.io style": lambda: _tutorial_pgd(case, steps)},
    )


def _one_pixel(case):
    """A search may end early, so its queries, and those of the peer, are counted as it runs."""
    net, queries = case.net(), {}
    most = SEARCH["population"] * (SEARCH["generations"] + 1) + 2

    def ours():
        queries["ours"] = one_pixel(net, case.photo, settings=SEARCH).queries

    def tutorial():
        queries["tutorial"] = _tutorial_one_pixel(case)

    return Row(
        f"one_pixel, at most {most} queries",
        ours,
        case.forward(batch_size(net)),
        lambda: queries["ours"] / batch_size(net),
        peers={"SciPy, one by one": tutorial},
        peer_times={"SciPy, one by one": lambda: queries["ours"] / queries["tutorial"]},
        inside=lambda: _share_inside(net, ours),
    )


def _one_pixel_map(case):
    net, side = case.net(), case.photo.shape[0]
    return Row(
        "one_pixel_map, 16 pixels of 8 colours",
        lambda: one_pixel_map(net, case.photo, case.target, stride=side // 4),
        case.forward(batch_size(net)),
        (16 * 8 + 1) / batch_size(net),
    )


def _floor(case, steps):
    """`steps` passes forward and back, and the two predictions, all of the bare compiled model."""
    gradient, forward = case.gradient(), case.forward()
    return lambda: [gradient() for _ in range(steps)] + [forward() for _ in range(2)]


def _share_inside(net, search):
    """The share, 0..1, of a search's time that is spent in the network's compiled functions."""
    module, inside = importlib.import_module("cnnvis_helpers.methods.one_pixel"), []

    def timed(run):
        def call(*inputs):
            begin = time.perf_counter()
            logits = run(*inputs)
            logits.numpy()  # waits until they are there
            inside.append(time.perf_counter() - begin)
            return logits

        return call

    changed = timed(module._changed_logits(net))
    with (
        mock.patch.object(module, "_changed_logits", lambda net: changed),
        mock.patch.object(net, "logits", timed(net.logits)),  # the photo before and after
    ):
        begin = time.perf_counter()
        search()
        whole = time.perf_counter() - begin
    return sum(inside) / whole


def _loss_gradient(case, x, label):
    """The gradient of a class's cross-entropy as tutorials compute it, uncompiled."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = keras.losses.sparse_categorical_crossentropy(tf.constant([label]), case.model(x))
    return tape.gradient(loss, x)


def _tutorial_fgsm(case):
    """FGSM as tutorials write it: uncompiled, on the network's own input."""
    x = tf.constant(case.inputs)
    label = case.model(x, training=False).numpy().argmax()
    moved = x + 0.1 * tf.sign(_loss_gradient(case, x, label))
    return np.argmax(case.model(moved, training=False))


def _tutorial_pgd(case, steps):
    """PGD as tutorials write it: a loop around FGSM, clipped to the ball after every step."""
    start = tf.constant(case.inputs)
    label = case.model(start, training=False).numpy().argmax()
    x = start + tf.random.uniform(start.shape, -0.1, 0.1)
    for _ in range(steps):
        x = x + 0.25 / steps * tf.sign(_loss_gradient(case, x, label))
        x = tf.clip_by_value(x, start - 0.1, start + 0.1)
    return np.argmax(case.model(x, training=False))


def _tutorial_one_pixel(case):
    """The search as tutorials write it: SciPy asks about one candidate, so one call a picture.

    Returns how many pictures went through the network.
    """
    height, width = case.photo.shape[:2]
    label, seen = case.model(case.inputs, training=False).numpy().argmax(), [case.inputs]

    def confidence(candidate):
        changed = case.inputs.copy()
        changed[0, int(candidate[0]), int(candidate[1])] = candidate[2:]
        seen.append(changed)
        return float(case.model(changed, training=False)[0, label])

    low, high = float(case.inputs.min()), float(case.inputs.max())
    limits = [(0, height - 1), (0, width - 1), *[(low, high)] * 3]
    first = np.random.default_rng(0).uniform(*np.transpose(limits), (FEW["population"], 5))
    differential_evolution(
        confidence,
        limits,
        init=first,
        maxiter=FEW["generations"],
        mutation=0.5,
        recombination=1.0,
        tol=0,
        atol=-1,
        polish=False,
    )
    return len(seen)
