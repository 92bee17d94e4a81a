"""Rows of the module occlusion: a patch slides over the photo."""

import functools

import numpy as np
import tensorflow as tf

from cnnvis_helpers.methods.occlusion import occlusion, occlusion_passes
from cnnvis_helpers.methods.sliding_window import batch_size
from rows.common import Row, xplique

GREY = 127.5


SWEEPS = ((4, 4), (7, 14))  # parts of the input that patch and stride are: 56/56 and 32/16 of 224
OWN_SWEEPS = {  # 16/8 on top, which takes VGG16 minutes a pass; 32/8
    "vgg16": (*SWEEPS, (14, 28)),
    "squeezenet": ((7, 28),),
    "efficientnet_lite0": ((7, 28),),
}


def rows(case):
    net, size, batch = case.net(), case.photo.shape[0], batch_size(case.net())
    for parts in OWN_SWEEPS.get(net.name, SWEEPS):
        patch, stride = (size // part for part in parts)
        passes = occlusion_passes(net, patch, stride)
        sides = {"patch_size": patch, "patch_stride": stride}

        def ours(exact, patch=patch, stride=stride):
            return occlusion(net, case.photo, case.target, patch, stride, GREY, exact=exact)

        peers = {
            "ours, full passes": functools.partial(ours, "full"),
            "keras.io style": functools.partial(_tutorial, case, patch, stride),
            "xplique": xplique(case, "Occlusion", batch_size=batch, occlusion_value=0.0, **sides),
        }
        yield Row(
            f"occlusion {patch}/{stride}, {passes - 1} patches",
            functools.partial(ours, "auto"),
            case.forward(batch),
            passes / batch,
            peers,
        )


def _tutorial(case, patch, stride):
    """Occlusion as tutorials write it: one picture at a time, the model called uncompiled."""

    def score(inputs):
        return float(case.linear(tf.constant(inputs), training=False)[0, case.target])

    whole, size = score(case.inputs), case.photo.shape[0]
    drops = []
    for top in range(0, size - patch + 1, stride):
        for left in range(0, size - patch + 1, stride):
            inputs = case.inputs.copy()
            inputs[:, top : top + patch, left : left + patch] = 0
            drops.append(whole - score(inputs))
    return np.array(drops)
