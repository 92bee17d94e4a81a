"""Rows of the module cam: class activation maps."""

import importlib

import keras
import numpy as np
import tensorflow as tf
from scipy.ndimage import zoom

from cnnvis_helpers.methods.cam import (
    cam,
    find_pooled_head,
    gradcam,
    gradcam_plus_plus,
    guided_gradcam,
    layercam,
    scorecam,
)
from rows.common import BATCH, HAVE_TKV, method_row, xplique

CHANNELS = 32


def rows(case):
    peers = {
        "keras.io style": lambda: _tutorial_gradcam(case),
        "tf-keras-vis": _tkv(case, "gradcam", "Gradcam"),
        "tf-keras-vis, a clone a call": _tkv_clone(case),
        "xplique": xplique(case, "GradCAM", conv_layer=case.layer),
    }
    yield method_row(case, "gradcam", gradcam, _to_maps(case), peers)
    peers = {
        "tf-keras-vis": _tkv(case, "gradcam_plus_plus", "GradcamPlusPlus"),
        "xplique": xplique(case, "GradCAMPP", conv_layer=case.layer),
    }
    yield method_row(case, "gradcam_plus_plus", gradcam_plus_plus, _to_maps(case), peers)
    peers = {"tf-keras-vis": _tkv(case, "layercam", "Layercam")}
    yield method_row(case, "layercam", layercam, _to_maps(case), peers)
    peers = {"keras.io style": _tutorial_guided_gradcam(case)}
    floor = case.gradient(of_maps=True)
    yield method_row(case, "guided_gradcam", guided_gradcam, floor, peers)
    if find_pooled_head(case.net()):
        peers = {"keras.io style": lambda: _tutorial_cam(case)}
        yield method_row(case, "cam", cam, case.forward(), peers)
    settings = {"max_N": CHANNELS, "batch_size": BATCH}
    peers = {"tf-keras-vis": _tkv(case, "scorecam", "Scorecam", **settings)}
    name, times = f"scorecam, {CHANNELS} channels", (1 + CHANNELS) / BATCH
    floor = case.forward(BATCH)
    yield method_row(case, name, scorecam, floor, peers, times, max_channels=CHANNELS)


def _to_maps(case):
    """The floor of the Grad-CAM family, compiled anew for each row."""
    return case.gradient(of_maps=True, of_inputs=False)


def _tutorial_gradcam(case):
    """Grad-CAM as tutorials write it: a model with two outputs for each call, uncompiled."""
    layer = case.linear.get_layer(case.layer)
    model = keras.Model(case.linear.inputs, [layer.output, case.linear.output])
    with tf.GradientTape() as tape:
        maps, logits = model(tf.constant(case.inputs))
        score = logits[:, case.target]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(0, 1, 2))
    grid = np.maximum(maps[0].numpy() @ weights.numpy(), 0)
    return zoom(grid, case.photo.shape[0] / grid.shape[0], order=1)


def _tutorial_guided_gradcam(case):
    """The product as tutorials write it: a second model with guided ReLUs beside Grad-CAM.

    None where ReLUs are layers of their own: there the recipe finds nothing to guide.
    """
    if case.relus_are_layers:
        return None

    @tf.custom_gradient
    def guided_relu(x):
        return tf.nn.relu(x), lambda dy: tf.cast(dy > 0, dy.dtype) * tf.cast(x > 0, x.dtype) * dy

    guided = case.linear_copy()
    for layer in guided.layers:
        if getattr(layer, "activation", None) is keras.activations.relu:
            layer.activation = guided_relu

    def call():
        x = tf.constant(case.inputs)
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = guided(x)[:, case.target]
        fine = np.abs(tape.gradient(score, x)[0].numpy()).max(axis=-1)
        return fine * _tutorial_gradcam(case)

    return call


def _tutorial_cam(case):
    """CAM as tutorials write it: the last maps, weighted by the class's column of the head.

    With one map per class (SqueezeNet) it is that map.
    """
    layer = case.linear.get_layer(case.layer)
    model = keras.Model(case.linear.inputs, [layer.output, case.linear.output])
    maps, _ = model(tf.constant(case.inputs), training=False)
    weights = case.linear.layers[-1].get_weights()
    grid = maps[0].numpy()
    grid = grid @ weights[0][:, case.target] if weights else grid[..., case.target]
    return zoom(grid, case.photo.shape[0] / grid.shape[0], order=1)


def _tkv(case, module, name, **settings):
    if not HAVE_TKV:
        return None
    from tf_keras_vis.utils.scores import CategoricalScore

    module = importlib.import_module(f"tf_keras_vis.{module}")
    method = getattr(module, name)(case.linear, clone=False)
    score = CategoricalScore([case.target])
    return lambda: method(
        score,
        tf.constant(case.inputs),
        penultimate_layer=case.layer,
        seek_penultimate_conv_layer=False,
        **settings,
    )


def _tkv_clone(case):
    """tf-keras-vis as its own examples use it: the model is copied whenever a method is made."""
    if not HAVE_TKV:
        return None
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    def call():
        method = Gradcam(case.model, model_modifier=ReplaceToLinear(), clone=True)
        return method(
            CategoricalScore([case.target]),
            tf.constant(case.inputs),
            penultimate_layer=case.layer,
            seek_penultimate_conv_layer=False,
        )

    return call
