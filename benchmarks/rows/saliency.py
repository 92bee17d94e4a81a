"""Rows of the module saliency: gradients with respect to the photo."""

import numpy as np
import tensorflow as tf

from cnnvis_helpers.methods.saliency import (
    gradient_x_input,
    guided_backprop,
    integrated_gradients,
    saliency,
    smoothgrad,
)
from rows.common import BATCH, HAVE_TKV, method_row, xplique


def rows(case):
    n = case.samples
    share = n / BATCH
    peers = {
        "keras.io style": lambda: np.abs(case.tape(case.inputs)).max(axis=-1),
        "tf-keras-vis": _tkv(case),
        "xplique": xplique(case, "Saliency"),
    }
    yield method_row(case, "saliency", saliency, case.gradient(), peers)
    peers = {"xplique": xplique(case, "GradientInput")}
    yield method_row(case, "gradient_x_input", gradient_x_input, case.gradient(), peers)
    peers = {"tf-keras-vis": _tkv_guided(case), "xplique": xplique(case, "GuidedBackprop")}
    yield method_row(case, "guided_backprop", guided_backprop, case.gradient(), peers)
    name, floor = f"smoothgrad, {n} copies", case.gradient(BATCH)
    peers = {
        "keras.io style": lambda: _smooth(case, n),
        "tf-keras-vis": _tkv(case, smooth_samples=n),
        "xplique": xplique(case, "SmoothGrad", nb_samples=n, batch_size=BATCH),
    }
    yield method_row(case, name, smoothgrad, floor, peers, share, samples=n)
    name, floor = f"integrated_gradients, {n} steps", case.gradient(BATCH)
    peers = {
        "keras.io style": lambda: _integrated(case, n),
        "xplique": xplique(case, "IntegratedGradients", steps=n, batch_size=BATCH),
    }
    yield method_row(case, name, integrated_gradients, floor, peers, share, steps=n)


def _smooth(case, n):
    """SmoothGrad as tutorials write it: a loop, one noisy copy at a time."""
    noise = 0.15 * np.ptp(case.inputs)
    copies = (case.inputs + np.random.normal(0, noise, case.inputs.shape) for _ in range(n))
    return sum(case.tape(copy.astype(np.float32)) for copy in copies) / n


def _integrated(case, n):
    """Integrated gradients as tutorials write it: a loop, one step of the path at a time."""
    gradients = [case.tape(case.inputs * np.float32(k / (n - 1))) for k in range(n)]
    return case.inputs * (np.array(gradients)[1:] + np.array(gradients)[:-1]).mean(axis=0) / 2


def _tkv(case, **settings):
    if not HAVE_TKV:
        return None
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.scores import CategoricalScore

    method, score = Saliency(case.linear, clone=False), CategoricalScore([case.target])
    return lambda: method(score, tf.constant(case.inputs), **settings)


def _tkv_guided(case):
    """Its guided backprop, where it is one: with ReLUs as layers it is the plain gradient."""
    if not HAVE_TKV or case.relus_are_layers:
        return None
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation
    from tf_keras_vis.utils.scores import CategoricalScore

    method = Saliency(case.linear, model_modifier=GuidedBackpropagation(), clone=True)
    return lambda: method(CategoricalScore([case.target]), tf.constant(case.inputs))
