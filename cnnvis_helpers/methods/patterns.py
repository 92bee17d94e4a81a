"""Pictures made by gradient ascent: filter patterns and class patterns.

Both start from noise and change its pixels, step by step, so that something inside the network
grows: one channel of a layer (`filter_pattern`) or the score of a class (`class_pattern`).
`deep_dream` does the same to a photo.

tf-keras-vis has both as `ActivationMaximization`. Ours exist because its defaults are
tuned for one network, its rotation ignores the seed, and it is slower (see the benchmarks).
"""

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_net, check_number
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.ascent import GREY, adam, check_settings, falling, map_shape, to_uint8
from cnnvis_helpers.methods.cam import find_pooled_head
from cnnvis_helpers.methods.gradients import (
    check_channel,
    gradient_of,
    once_per_network,
    recording,
)

LEAK = 0.1  # weight of a filter's negative responses
WRAP = 4  # pixels of a filter pattern that wrap around beyond each border
# The square root of the covariance of RGB values in natural photos, as strengths of three
# uncorrelated directions: brightness, blue-yellow, green-purple (opponent colours).
_OPPONENT = np.array([[1, 1, 1], [0.33, 0, -0.33], [-0.09, 0.18, -0.09]], np.float32)


# --- filter patterns ------------------------------------------------------------------------------


def filter_pattern(net, layer, channel, **settings):
    """Return the picture that excites a filter most, by gradient ascent from grey noise.

    Parameters
    ----------
    net, layer, settings : as in `filter_patterns`
    channel : int

    Returns
    -------
    uint8 array (size, size, 3)

    Raises ValueError as `filter_patterns`.

    >>> pattern = filter_pattern(net, "block3_conv1", 12, size=96)      # doctest: +SKIP
    """
    return filter_patterns(net, layer, [channel], **settings)[0]


def filter_patterns(
    net,
    layer,
    channels=None,
    *,
    size=64,
    steps=40,
    step=4.0,
    jitter=16,
    blur=0.7,
    seed=0,
    progress=None,
):
    """Return one picture per filter, all made in one batch.

    The objective is the mean of the channel's map *before* its activation function, with negative
    values times 0.1. After a ReLU, a filter that is silent on noise would have no gradient; and
    without any nonlinearity, a first layer's best picture would be one flat colour. The picture
    wraps around at its borders, so no position is special, filters see no edge, and it tiles
    without a seam.

    Parameters
    ----------
    net : Network
    layer : name of a layer with maps (n, h, w, c)
    channels : channel numbers; None for the first 64 of the layer (fewer if it has fewer)
    size : side of the pictures in pixels, 16 or more
    steps : gradient steps, 1 or more
    step : root mean square of one step, in pixel levels (0..255), above 0
    jitter : the picture is rolled by up to this many pixels, at random, before each step, so that
        no position on the layer's grid is favoured
    blur : standard deviation in pixels of the Gaussian that smooths each gradient, at most a sixth
        of the size; 0 for none
    seed : whole number; the same seed gives the same bytes
    progress : function of (done, total), called after each step

    Returns
    -------
    uint8 array (n, size, size, 3), in the order of `channels`. The Stop button (or a StopIteration
    from `progress`) returns the pictures so far, with a warning.

    Raises ValueError for an unknown layer, a channel or a setting out of range, and pictures so
    small that the layer's maps are empty.

    Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; the normalised
    gradient and the random roll follow Mordvintsev et al. 2015, "Inceptionism"
    """
    check_net(net)
    layer = net.spatial_layer(layer)
    check_settings(size=size, steps=steps, step=step, jitter=jitter, seed=seed)
    check_number("blur", blur, 0, size / 6)
    height, width, count = map_shape(net, layer, (size, size), WRAP)
    index = tf.constant(_check_channels(layer, channels, count), tf.int32)
    # Cells left out at the map's edge, because they see the wrapped copy.
    margin = tf.constant(round(WRAP * min(height, width) / (size + 2 * WRAP)))
    climb = _filter_step(net, layer)
    rng = np.random.default_rng(seed)
    noise = GREY + rng.uniform(-16, 16, (size, size, 3)).astype(np.float32)
    pictures = tf.tile(noise[None], (len(index), 1, 1, 1))  # the same for every filter
    kernel, step = _gaussian(blur), tf.constant(step, tf.float32)
    with stoppable(f"the patterns have not made all their {steps} steps"):
        for done in range(steps):
            shift = tf.constant(rng.integers(-jitter, jitter + 1, 2), tf.int32)
            pictures = climb(pictures, index, margin, shift, kernel, step)
            if progress:
                progress(done + 1, steps)
    return to_uint8(net.finite(pictures.numpy(), "gradient"))


def filter_responses(net, pictures, layer):
    """Return how strongly pictures excite each filter: the objective of `filter_patterns`.

    Parameters
    ----------
    net : Network
    pictures : uint8 or float array (n, h, w, 3), 0..255, taken at their own size
    layer : name of a layer with maps

    Returns
    -------
    float32 array (n, channels): means over the layer's positions, before its activation function,
    with negative values times 0.1

    Raises ValueError for an unknown layer and for pictures of another shape.
    """
    check_net(net)
    layer = net.spatial_layer(layer)
    batch = np.asarray(pictures, np.float32)
    if batch.ndim != 4 or batch.shape[-1] != 3:
        raise ValueError(f"pictures must be an array (n, h, w, 3), not of shape {batch.shape}.")
    map_shape(net, layer, batch.shape[1:3])
    return tf.reduce_mean(_answers(net, tf.constant(batch), layer), axis=(1, 2)).numpy()


def _answers(net, pixels, layer):
    """Return the layer's maps before its activation, with negative values times LEAK."""
    values = _joined(net.graph.find(layer)[1])
    maps = net.run_values(pixels, values, bare={value.step for value in values})
    maps = tf.concat([tf.cast(one, tf.float32) for one in maps], axis=-1)
    return tf.nn.leaky_relu(maps, LEAK)


def _joined(value):
    """Return the values that a concatenation of channels joins, else the value alone.

    In SqueezeNet, activations come before concatenation.
    """
    step = value.step
    joins = step and isinstance(step.layer, keras.layers.Concatenate) and step.layer.axis in (-1, 3)
    if not joins or not all(part.step for part in step.inputs):
        return [value]
    return [one for part in step.inputs for one in _joined(part)]


@once_per_network
def _filter_step(net, layer):
    spec, whole = tf.TensorSpec, tf.int32
    signature = [
        spec((None, None, None, 3)),  # pictures
        spec((None,), whole),  # channels
        spec((), whole),  # margin
        spec((2,), whole),  # shift
        spec((None,)),  # kernel
        spec(()),  # step
    ]

    # Traced once per layer, for pictures of any size and number.
    @tf.function(autograph=False, input_signature=signature)
    def climb(pictures, channels, margin, shift, kernel, step):
        rolled = tf.roll(pictures, shift, axis=(1, 2))
        with recording(net) as tape:
            tape.watch(rolled)
            maps = _answers(net, _continued(rolled, WRAP), layer)
            height, width = tf.shape(maps)[1], tf.shape(maps)[2]
            inner = maps[:, margin : height - margin, margin : width - margin]
            responses = tf.gather(tf.reduce_mean(inner, axis=(1, 2)), channels, axis=1)
            score = tf.linalg.trace(responses)  # picture i belongs to channel i
        gradient = _smooth(gradient_of(net, tape, score, rolled, "pixels"), kernel)
        size = tf.sqrt(tf.reduce_mean(gradient**2, axis=(1, 2, 3), keepdims=True))
        rolled += step * (gradient / (size + 1e-12))
        return tf.clip_by_value(tf.roll(rolled, -shift, axis=(1, 2)), 0.0, 255.0)

    return climb


def _check_channels(layer, channels, count):
    if channels is None:
        return list(range(min(64, count)))
    wanted = np.asarray(channels)
    if wanted.ndim != 1 or not wanted.size or wanted.dtype.kind not in "iu":
        raise ValueError(
            f"channels must be a list of channel numbers such as [0, 5], not {channels!r}."
        )
    for channel in wanted.tolist():
        check_channel(layer, channel, count)
    return wanted.tolist()


def _gaussian(sigma):
    """Return a 1-D Gaussian of odd length that sums to 1; [1.] for sigma 0."""
    if sigma == 0:
        return tf.ones((1,))
    reach = np.arange(-int(np.ceil(3 * sigma)), int(np.ceil(3 * sigma)) + 1)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2)
    return tf.constant(kernel / kernel.sum(), tf.float32)


def _smooth(pictures, kernel):
    length = tf.shape(kernel)[0]
    pictures = _continued(pictures, length // 2)
    for shape in ((length, 1, 1, 1), (1, length, 1, 1)):
        weights = tf.tile(tf.reshape(kernel, shape), (1, 1, 3, 1))
        pictures = tf.nn.depthwise_conv2d(pictures, weights, (1, 1, 1, 1), "VALID")
    return pictures


def _continued(pictures, pixels):
    """Extend pictures (n, h, w, 3) beyond each border by wrapping them around."""
    _, height, width, _ = tf.unstack(tf.shape(pictures))
    pictures = tf.concat([pictures[:, height - pixels :], pictures, pictures[:, :pixels]], 1)
    return tf.concat([pictures[:, :, width - pixels :], pictures, pictures[:, :, :pixels]], 2)


# --- class patterns -------------------------------------------------------------------------------


def class_pattern(
    net,
    target,
    *,
    steps=72,
    learning_rate=0.04,
    smooth=True,
    jitter=16,
    zoom=0.25,
    seed=0,
    progress=None,
):
    """Return a picture that the network takes for a very good example of a class.

    Adam raises the logit (for a pair (a, b), the difference of logits). Without regularisation the
    result is high-frequency noise that fools the network. `smooth` writes the picture as a sum of
    waves in opponent colours, whose low frequencies move first. `jitter` and `zoom` shift and scale
    the picture a little before each step, so only patterns that survive this can grow.

    Parameters
    ----------
    net : Network
    target : class index, label, or (a, b)
    steps : steps of Adam, 1 or more
    learning_rate : of Adam's first step, in units of the picture's parameters, above 0; it falls to
        0 at the last
    smooth : False optimises the pixels directly
    jitter : largest shift in pixels
    zoom : largest relative change of scale, 0..0.5
    seed : whole number; the same seed gives the same bytes
    progress : function of (done, total), called after each step

    Returns
    -------
    uint8 array (h, w, 3) of the network's input size. The Stop button (or a StopIteration from
    `progress`) returns the picture so far, with a warning.

    Raises ValueError for an unknown target (None has no meaning without a photo) or a bad setting.

    Simonyan et al. 2013, arXiv 1312.6034, introduced class maximisation; the waves, the colours and
    the transformations follow Olah et al., "Feature Visualization", Distill 2017.

    >>> eagle = class_pattern(net, "bald eagle")      # doctest: +SKIP
    """
    check_net(net)
    if target is None:
        raise ValueError(
            "target is None, but there is no photo to take a top class from; name a class, such "
            "as target=0."
        )
    check_settings(steps=steps, learning_rate=learning_rate, jitter=jitter, zoom=zoom, seed=seed)
    vector = tf.constant(net.score_vector(target))
    climb = _class_step(net, smooth)
    rng, (height, width) = np.random.default_rng(seed), net.input_size
    shape = (2, 3, height, width // 2 + 1) if smooth else (1, height, width, 3)
    parameters = tf.constant(rng.normal(0, 0.01, shape), tf.float32)
    moments = tf.zeros_like(parameters), tf.zeros_like(parameters)
    with stoppable(f"the pattern has not made all its {steps} steps"):
        for done in range(steps):
            shift = tf.constant(rng.integers(-jitter, jitter + 1, 2), tf.int32)
            scale, rate = 1 + rng.uniform(-zoom, zoom), learning_rate * falling(done, steps)
            numbers = [tf.constant(number, tf.float32) for number in (scale, rate, done + 1)]
            parameters, moments = climb(parameters, moments, vector, shift, *numbers)
            if progress:
                progress(done + 1, steps)
    picture = _picture_of(parameters, net.input_size, smooth)
    return to_uint8(net.finite(picture.numpy(), "gradient"))[0]


@once_per_network
def _class_step(net, smooth):
    leaky = _leaky_scores(net)

    @tf.function(autograph=False)
    def climb(parameters, moments, vector, shift, scale, rate, count):
        with recording(net) as tape:
            tape.watch(parameters)
            picture = _picture_of(parameters, net.input_size, smooth)
            seen = _zoomed(tf.roll(picture, shift, axis=(1, 2)), scale, *net.input_size)
            logits, _ = net.forward(seen, substitute=leaky)
            score = tf.tensordot(logits[0], vector, 1)
        gradient = gradient_of(net, tape, score, parameters, "pixels")
        gradient /= tf.sqrt(tf.reduce_mean(gradient**2)) + 1e-12
        rise, moments = adam(gradient, moments, count)
        return parameters + rate * rise, moments

    return climb


def _leaky_scores(net):
    """Make the ReLU leaky where scores are means of maps after a ReLU (SqueezeNet).

    A class whose map is zero everywhere would have no gradient. Returns a `substitute`.
    """
    name, dense = find_pooled_head(net) or (None, None)
    if name is None or dense is not None:
        return None
    last = net.layer(name)
    relu = getattr(last, "activation", None) is keras.activations.relu
    if not relu and not isinstance(last, keras.layers.ReLU):
        return None
    leaky = net.without_activation(last, lambda maps: tf.nn.leaky_relu(maps, LEAK))
    return lambda layer: leaky if layer is last else None


def _picture_of(parameters, input_size, smooth):
    """Return pixels 0..255, (1, h, w, 3)."""
    if not smooth:
        return 255 * tf.sigmoid(parameters)
    height, width = input_size
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    # Low frequencies are stronger, a little more than in photos (power 1): larger shapes.
    strength = (np.sqrt(height * width) / frequency**1.1).astype(np.float32)
    spectrum = tf.complex(parameters[0] * strength, parameters[1] * strength)
    waves = tf.signal.irfft2d(spectrum, fft_length=(height, width)) / 4
    colours = tf.einsum("chw,cr->hwr", waves, tf.constant(_OPPONENT))
    return 255 * tf.sigmoid(colours)[None]


def _zoomed(pictures, scale, height, width):
    """Scale the pictures about their centre; uncovered borders are grey."""
    small = tf.cast(tf.round(scale * tf.constant([height, width], tf.float32)), tf.int32)
    resized = tf.image.resize(pictures - GREY, small)
    return GREY + tf.image.resize_with_crop_or_pad(resized, height, width)
