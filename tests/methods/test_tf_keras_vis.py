"""The bundled networks beside tf-keras-vis: equal maps, or the reason why they differ.

Both compute in float32 in another order, and a rounding may send a value to the other side of a
ReLU or another element through a pooling, so equal means: correlated to 0.999, of the same size,
and equal to one per cent of the maximum at 99 of 100 places.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnvis_helpers.methods.cam import (
    gradcam,
    gradcam_plus_plus,
    layer_gradients,
    layercam,
    scorecam,
)
from cnnvis_helpers.methods.saliency import guided_backprop, saliency, smoothgrad
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.photos import load_photo

pytest.importorskip("tf_keras_vis")
from tf_keras_vis.gradcam import Gradcam, GradcamPlusPlus  # noqa: E402
from tf_keras_vis.layercam import Layercam  # noqa: E402
from tf_keras_vis.saliency import Saliency  # noqa: E402
from tf_keras_vis.scorecam import Scorecam  # noqa: E402
from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation  # noqa: E402
from tf_keras_vis.utils.scores import CategoricalScore  # noqa: E402

# The averaged layer, one further down, one behind a ReLU for Grad-CAM++, one of few channels.
LAYERS = {
    "squeezenet": ("conv10", "fire9_concat", "fire9_concat", "fire8_squeeze1x1"),
    "efficientnet_lite0": ("head_relu", "block14_add", "head_relu", "block3_project"),
}
CAT = 285  # Egyptian cat


@pytest.fixture(scope="module", params=LAYERS)
def case(request):
    """(network, the same model without softmax, photo at the network's size, names of layers)."""
    net = load_network(request.param)
    twin = keras.models.clone_model(net.model)
    twin.set_weights(net.model.get_weights())
    if isinstance(twin.layers[-1], keras.layers.Softmax):
        twin = keras.Model(twin.inputs, twin.layers[-2].output)
    else:
        twin.layers[-1].activation = keras.activations.linear
    photo = np.rint(net.prepare(load_photo("chelsea"))[0]).astype(np.uint8)
    return net, twin, photo, LAYERS[request.param]


def theirs(method, case, layer):
    """The raw grid of a class activation map of tf-keras-vis."""
    _, twin, photo, _ = case
    grid = method(twin, clone=False)(
        CategoricalScore([CAT]),
        tf.constant(photo[None], tf.float32),
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(grid)[0]


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def equal(ours, other):
    difference = np.abs(ours - other)
    return (
        correlation(ours, other) > 0.999
        and ours.std() == pytest.approx(other.std(), rel=0.01)
        and np.quantile(difference, 0.99) < 0.01 * np.abs(other).max()
    )


@pytest.mark.parametrize("ours, other", [(gradcam, Gradcam), (layercam, Layercam)])
@pytest.mark.parametrize("depth", [0, 1])
def test_the_same_maps(case, ours, other, depth):
    net, _, photo, names = case
    grid = ours(net, photo, CAT, names[depth], resize=False)
    assert grid.any() and equal(grid, theirs(other, case, names[depth]))


def test_gradcam_plus_plus_divides_the_alphas_there(case):
    """Its alphas are divided by their sum in each channel, and all by exp(S), which ours leaves."""
    net, _, photo, names = case
    maps, g = (each.astype(float) for each in layer_gradients(net, photo, CAT, names[2]))
    alphas = g**2 / np.where(g == 0, 1, 2 * g**2 + g**3 * maps.sum(axis=(0, 1)))
    totals = alphas.sum(axis=(0, 1))
    weights = (alphas / np.where(totals == 0, 1, totals) * np.maximum(g, 0)).sum(axis=(0, 1))
    expected, found = np.maximum(maps @ weights, 0), theirs(GradcamPlusPlus, case, names[2])
    assert equal(expected / expected.max(), found / found.max())
    paper = gradcam_plus_plus(net, photo, CAT, names[2], resize=False)
    assert correlation(paper, found) > 0.9


def test_score_cam_enlarges_its_masks_by_another_rule(case):
    """scipy's zoom lays corner pixels onto corner pixels; ours, as TensorFlow, edges onto edges.

    Their fill is 0 in the model's own input, which is the pixels 0..255 here: black.
    """
    net, _, photo, names = case
    ours = scorecam(net, photo, CAT, names[3], fill=0, resize=False)
    assert correlation(ours, theirs(Scorecam, case, names[3])) > 0.95


def test_the_same_saliency_and_another_smoothgrad(case):
    """Theirs averages magnitudes; with signed gradients averaged it is ours but for the noise."""
    net, twin, photo, _ = case
    call, inputs = Saliency(twin, clone=False), tf.constant(photo[None], tf.float32)
    plain = np.asarray(call(CategoricalScore([CAT]), inputs, normalize_map=False))[0]
    assert equal(saliency(net, photo, CAT), plain)
    settings = dict(smooth_samples=5, smooth_noise=0.15, normalize_map=False, keepdims=True)
    magnitudes = np.asarray(call(CategoricalScore([CAT]), inputs, **settings))[0]
    signed = call(CategoricalScore([CAT]), inputs, gradient_modifier=None, **settings)
    ours = smoothgrad(net, photo, CAT, samples=5, noise=0.15, reduce="rgb")
    assert np.abs(ours).mean() < 0.8 * magnitudes.mean()
    assert np.abs(ours).mean() == pytest.approx(np.abs(signed).mean(), rel=0.2)


def test_guided_backprop_is_theirs_where_their_patch_finds_the_relu(case):
    """It looks at layers' `activation`; the ReLU layers of EfficientNet-Lite0 stay as they are."""
    net, twin, photo, _ = case
    call = Saliency(twin, model_modifier=GuidedBackpropagation(), clone=True)
    pixels = tf.constant(photo[None], tf.float32)
    found = np.asarray(call(CategoricalScore([CAT]), pixels, normalize_map=False))[0]
    guided, plain = guided_backprop(net, photo, CAT), saliency(net, photo, CAT)
    if net.name == "squeezenet":
        assert equal(guided, found) and correlation(plain, found) < 0.9
    else:
        assert equal(plain, found) and correlation(guided, found) < 0.9
