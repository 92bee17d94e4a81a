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
from rows.common import BATCH, HAVE_TKV, HAVE_XPLIQUE, Row


def rows(case):
    n = case.samples
    share = n / BATCH
    yield _row(
        case,
        "saliency",
        saliency,
        case.gradient(),
        {
            "keras.io style": lambda: np.abs(case.tape(case.inputs)).max(axis=-1),
            "tf-keras-vis": _tkv(case),
            "xplique": _xplique(case, "Saliency"),
        },
    )
    yield _row(
        case,
        "gradient_x_input",
        gradient_x_input,
        case.gradient(),
        {
            "xplique": _xplique(case, "GradientInput"),
        },
    )
    yield _row(
        case,
        "guided_backprop",
        guided_backprop,
        case.gradient(),
        {
            "tf-keras-vis": _tkv_guided(case),
            "xplique": _xplique(case, "GuidedBackprop"),
        },
    )
    yield _row(
        case,
        f"smoothgrad, {n} copies",
        smoothgrad,
        case.gradient(BATCH),
        {
            "keras.io style": lambda: _smooth(case, n),
            "tf-keras-vis": _tkv(case, smooth_samples=n),
            "xplique": _xplique(case, "SmoothGrad", nb_samples=n, batch_size=BATCH),
        },
        share,
        samples=n,
    )
    yield _row(
        case,
        f"integrated_gradients, {n} steps",
        integrated_gradients,
        case.gradient(BATCH),
        {
            "keras.io style": lambda: _integrated(case, n),
            "xplique": _xplique(case, "IntegratedGradients", steps=n, batch_size=BATCH),
        },
        share,
        steps=n,
    )


def _row(case, name, method, floor, peers, times=1.0, **settings):
    net = case.net()
    peers = {peer: call for peer, call in peers.items() if call is not None}
    return Row(name, lambda: method(net, case.photo, case.target, **settings), floor, times, peers)


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


def _xplique(case, name, **settings):
    if not HAVE_XPLIQUE:
        return None
    import xplique.attributions

    method = getattr(xplique.attributions, name)(case.linear_copy(), **settings)
    return lambda: np.asarray(method.explain(case.inputs, case.one_hot))
