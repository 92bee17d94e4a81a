"""Which pixels matter: gradients of a score with respect to the photo.

    saliency(net, photo, "cat")               how strongly the score reacts to each pixel
    gradient_x_input(net, photo, "cat")       the same, times the pixel's own value
    smoothgrad(net, photo, "cat")             the mean gradient over noisy copies of the photo
    integrated_gradients(net, photo, "cat")   shares that add up to the score
    guided_backprop(net, photo, "cat")        a clear picture, but no evidence

The score is a logit, or the difference of two for a target (a, b); never a probability, whose
gradient vanishes where the network is certain. Gradients are per pixel level (0..255).

Every function returns a raw float32 map (H, W) at the photo's size, or at the network's input size
with `resize=False`, where its sum is meaningful. `reduce` combines the three colour values of
a pixel: "max_abs" (largest magnitude), "sum_abs", "sum" (signed) or "rgb" (no change, (H, W, 3)).

tf-keras-vis has `Saliency` (equal to `saliency`, see the tests); its SmoothGrad averages
magnitudes, and its guided backprop silently returns the plain gradient where ReLUs are layers.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_number, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.gradients import (
    GuidedRule,
    at_photo_size,
    check_channel,
    check_reduce,
    compiled,
    gradient_of,
    once_per_network,
    picture_of,
    pixels_spec,
    prepared,
    recording,
    reduce_colours,
    score_of,
    target_vector,
)
from cnnvis_helpers.methods.sliding_window import batch_size, in_batches


def saliency(net, photo, target=None, reduce="max_abs", resize=True):
    """Map how strongly the score of a class reacts to a small change of each pixel.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    target : class index, label, None (the photo's top class) or a pair (a, b) for "why a rather
        than b"
    reduce : "max_abs", "sum_abs", "sum" or "rgb", see the top of this module
    resize : False for the map at the network's input size

    Returns
    -------
    float32 array (H, W), logit change per pixel level; never negative for "max_abs" and "sum_abs".

    Raises ValueError for an unknown `reduce`, and for what `net.prepare` or `net.score_vector`
    rejects.

    Simonyan et al. 2013, "Deep inside convolutional networks", arXiv 1312.6034, section 3
    """
    gradient = input_gradient(net, photo, target)
    return at_photo_size(reduce_colours(gradient, reduce), photo, resize)


def gradient_x_input(net, photo, target=None, reduce="sum", resize=True):
    """Map gradient times pixel value: what each pixel would add if the network were linear.

    For a linear network the values add up to the score without its bias. A black pixel always
    gets 0, however much it matters; `integrated_gradients` lets you choose that baseline.

    Parameters
    ----------
    net, photo, target, reduce, resize : as in `saliency`

    Returns
    -------
    float32 array (H, W), logits, signed for "sum" and "rgb"

    Raises ValueError as `saliency`.

    Shrikumar et al. 2016, "Not just a black box", arXiv 1605.01713
    """
    check_reduce(reduce)
    pixels = prepared(net, photo)
    vector = target_vector(net, target)
    product = _gradient_sum(net, pixels, tf.ones(1), vector) * pixels[0]
    return at_photo_size(reduce_colours(product, reduce), photo, resize)


def smoothgrad(
    net,
    photo,
    target=None,
    samples=50,
    noise=0.15,
    squared=False,
    seed=0,
    reduce="max_abs",
    resize=True,
    progress=None,
):
    """Map the mean gradient over noisy copies of the photo; noise in the gradient averages out.

    Parameters
    ----------
    net, photo, target, reduce, resize : as in `saliency`
    samples : number of noisy copies, at least 1
    noise : standard deviation of the Gaussian noise, as a fraction of the range (max - min) of
        the photo's pixels; the paper advises 0.10 to 0.20. With 0 this is `saliency`. A network
        trained without noise may give noisy copies another class; then use less (lesson 05)
    squared : average the squares of the gradients instead (SmoothGrad-Squared); a map of magnitudes
    seed : whole number, 0 or more; the same seed gives the same bytes
    progress : function of (done, total), counted in noisy copies, called after each batch

    Returns
    -------
    float32 array (H, W), logit change per pixel level (its square for `squared`).

    As in the paper, the signed gradients are averaged before colours are reduced; averaging
    magnitudes gives another map. Noisy pixels may leave 0..255. Memory does not grow with
    `samples`. The Stop button (or a StopIteration from `progress`) returns the mean so far.

    Raises ValueError for samples below 1, negative noise or seed, and as `saliency`.

    Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", arXiv 1706.03825
    """
    check_reduce(reduce)
    check_whole("samples", samples, 1)
    check_whole("seed", seed, 0)
    check_number("noise", noise, 0, np.inf)
    pixels = prepared(net, photo)
    vector = net.score_vector(target, photo)
    deviation = noise * (tf.reduce_max(pixels) - tf.reduce_min(pixels))
    noisy = _noisy(net)
    total, done = tf.zeros(pixels.shape[1:]), 0

    def noisy_gradients(part):
        numbers = tf.range(part.start, part.stop, dtype=tf.int64)
        copies = noisy(pixels, deviation, tf.constant(seed, tf.int64), numbers)
        return _gradient_sum(net, copies, tf.ones(len(copies)), vector, squared=squared)

    with stoppable("the map is the mean over the noisy copies done so far"):
        for part, gradients in in_batches(noisy_gradients, samples, batch_size(net)):
            total, done = total + gradients, part.stop
            if progress:
                progress(done, samples)
    mean = total.numpy() / max(done, 1)
    return at_photo_size(reduce_colours(mean, reduce), photo, resize)


class Completeness(NamedTuple):
    """How closely the attributions add up to the rise in score.

    attributed : the sum of the map
    difference : score(photo) - score(baseline)
    error : |attributed - difference| / |difference|
    """

    attributed: float
    difference: float
    error: float


def integrated_gradients(
    net,
    photo,
    target=None,
    baseline=0.0,
    steps=50,
    return_error=False,
    reduce="sum",
    resize=True,
    progress=None,
):
    """Distribute the rise in score from a baseline to the photo over the pixels.

    Each pixel gets (photo - baseline) times its mean gradient on the straight line between the
    two. The shares add up to score(photo) - score(baseline), up to the completeness error.

    Parameters
    ----------
    net, photo, target, reduce, resize : as in `saliency`; None is the top class of the photo
    baseline : what "nothing" looks like. A grey level 0..255 (0: black), a colour (r, g, b), or
        another photo of any size. A pixel that equals the baseline gets 0
    steps : number of gradients on the line, at least 1
    return_error : True returns (map, Completeness), for one more small forward pass
    progress : function of (done, total), counted in steps, called after each batch

    Returns
    -------
    float32 array (H, W), logits, signed. With `resize=False` (the network's size) it adds up to the
    `attributed` of the Completeness; resizing keeps the values, not their sum.

    The mean gradient is computed by Gauss-Legendre quadrature (`path_rule`). A smooth network
    needs few steps. A ReLU network's gradient jumps along the line: take more steps if the error
    is large. Memory does not grow with `steps`. Part of an integral is meaningless, so an exception
    from `progress` ends the work without a map.

    Raises ValueError for steps below 1, any other baseline, and as `saliency`.

    Sundararajan et al. 2017, "Axiomatic attribution for deep networks", arXiv 1703.01365
    """
    check_reduce(reduce)
    check_whole("steps", steps, 1)
    pixels = prepared(net, photo)
    start = tf.constant(picture_of(net, "baseline", baseline)[None])
    vector = net.score_vector(target, photo)
    places, weights = path_rule(steps)
    total = tf.zeros(pixels.shape[1:])

    def path_gradients(part):
        along = places[part, None, None, None]
        return _gradient_sum(net, start + along * (pixels - start), weights[part], vector)

    for part, gradients in in_batches(path_gradients, steps, batch_size(net)):
        total += gradients
        if progress:
            progress(part.stop, steps)
    shares = ((pixels - start)[0] * total).numpy()
    result = at_photo_size(reduce_colours(shares, reduce), photo, resize)
    if not return_error:
        return result
    at_end, at_start = np.asarray(net.logits(tf.concat([pixels, start], 0)), np.float64) @ vector
    attributed, difference = float(shares.sum(dtype=np.float64)), float(at_end - at_start)
    error = abs(attributed - difference) / max(abs(difference), 1e-12)
    return result, Completeness(attributed, difference, error)


def guided_backprop(
    net, photo, target=None, layer=None, channel=None, reduce="max_abs", resize=True
):
    """Backpropagate a score, or a layer's maps, through guided ReLUs: fine, clean lines.

    A guided ReLU lets only positive gradients pass, so only paths of active neurons that raise the
    score remain. The map hardly changes when the network's weights are replaced by random ones
    (Adebayo et al. 2018, arXiv 1810.03292): it shows edges of the photo, not what the network
    relies on. `saliency`, `smoothgrad` and Grad-CAM pass that test.

    Parameters
    ----------
    net, photo, target, reduce, resize : as in `saliency`
    layer : None for the score of `target`; or a layer's name, for the sum of its maps
    channel : with `layer`, one channel of it instead of all

    Returns
    -------
    float32 array (H, W), without a unit: not comparable between networks.

    Raises ValueError for a network with a nonlinearity other than ReLU (swish, gelu, leaky ReLU
    ...) on the path, both a target and a layer, a channel without a layer or out of range, an
    unknown layer or one without maps, and as `saliency`.

    Springenberg et al. 2014, "Striving for simplicity: the all convolutional net", arXiv 1412.6806
    """
    check_reduce(reduce)
    pixels = prepared(net, photo)
    if layer is None:
        if channel is not None:
            raise ValueError(f"Channel {channel!r} belongs to a layer: pass layer= too.")
        gradient = _gradient_sum(net, pixels, tf.ones(1), target_vector(net, target), "guided")
    elif target is not None:
        raise ValueError(
            f"Guided backprop explains a target or a layer, but got both, {target!r} and "
            f"{layer!r}; leave one out."
        )
    else:
        layer = net.spatial_layer(layer)
        if channel is not None:
            check_whole("channel", channel, 0)
            check_channel(layer, channel, net.graph.find(layer)[1].shape[-1])
        chosen = tf.constant(-1 if channel is None else int(channel))
        gradient = net.finite(_guided_maps(net, layer)(pixels, chosen), "gradient")
    return at_photo_size(reduce_colours(gradient, reduce), photo, resize)


def input_gradient(net, photo, target=None):
    """Return the gradient of a target's score with respect to the pixels.

    Parameters
    ----------
    net, photo, target : as in `saliency`

    Returns
    -------
    float32 array (h, w, 3) at the network's input size, logit change per pixel level

    Raises ValueError as `saliency`.
    """
    vector = target_vector(net, target)
    return _gradient_sum(net, prepared(net, photo), tf.ones(1), vector).numpy()


def path_rule(steps):
    """Return places in 0..1 and weights, float32 (steps,) each, for the mean over the path.

    Gauss-Legendre: exact for polynomials up to degree 2 steps - 1. The usual trapezoid rule needs
    more steps for the same completeness.

    >>> places, weights = path_rule(2)
    >>> places.round(4), weights.round(4)
    (array([0.2113, 0.7887], dtype=float32), array([0.5, 0.5], dtype=float32))
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return np.float32((nodes + 1) / 2), np.float32(weights / 2)


def _gradient_sum(net, pixels, weights, vector, rule=None, squared=False):
    """Return the sum (h, w, 3) of n pictures' gradients, or their squares, weighted by (n,).

    rule : None or "guided". One compiled function serves every target and any n.
    """
    total, logits = _compiled_sum(net, rule, squared)(pixels, weights, vector)
    net.finite(logits)
    return net.finite(total, "gradient")


@once_per_network
def _compiled_sum(net, rule, squared):
    substitute = GuidedRule() if rule == "guided" else None

    @compiled([pixels_spec(net, None), tf.TensorSpec((None,)), tf.TensorSpec((net.units,))])
    def run(pixels, weights, vector):
        with recording(net) as tape:
            tape.watch(pixels)
            logits, _ = net.forward(pixels, substitute=substitute)
            score = score_of(logits, vector)
        gradients = gradient_of(net, tape, score, pixels, "pixels")
        gradients = tf.square(gradients) if squared else gradients
        return tf.tensordot(weights, gradients, 1), logits

    return run


@once_per_network
def _guided_maps(net, layer):
    """Return (pixels, channel) -> the guided gradient (h, w, 3) of a map's sum; -1: of all maps."""

    @compiled([pixels_spec(net, 1), tf.TensorSpec((), tf.int32)])
    def run(pixels, channel):
        with recording(net) as tape:
            tape.watch(pixels)
            maps = net.maps(pixels, [layer], GuidedRule())[0]
            count = tf.shape(maps)[-1]
            chosen = tf.where(channel < 0, tf.ones(count), tf.one_hot(channel, count))
            excitement = tf.reduce_sum(maps * chosen)
        return gradient_of(net, tape, excitement, pixels, "pixels")[0]

    return run


@once_per_network
def _noisy(net):
    number = tf.TensorSpec((), tf.int64)

    @compiled([pixels_spec(net, 1), tf.TensorSpec(()), number, tf.TensorSpec((None,), tf.int64)])
    def noisy(pixels, deviation, seed, numbers):
        def copy(number):  # its noise does not depend on the batch
            noise = tf.random.stateless_normal(pixels.shape[1:], tf.stack([seed, number]))
            return pixels[0] + deviation * noise

        return tf.map_fn(copy, numbers, fn_output_signature=tf.float32)

    return noisy
