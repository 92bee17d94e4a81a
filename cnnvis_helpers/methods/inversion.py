"""Feature inversion: which picture does a layer mistake for the photo?

What the picture and the photo have in common, the layer keeps. What differs (colours,
positions, all detail in late layers), it discards.
"""

import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_net, check_number, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.ascent import GREY, adam, falling
from cnnvis_helpers.methods.gradients import (
    compiled,
    gradient_of,
    once_per_network,
    pixels_spec,
    recording,
)

FIRST_STEP = 16.0  # pixel levels; the last step is 0
POOR = 0.5  # an error that a warning names; a grey picture has about 1


class Inversion(NamedTuple):
    """What `invert_features` returns."""

    picture: np.ndarray  # uint8 (h, w, 3), the network's input size
    error: float  # squared difference of the maps over the squared norm of the photo's maps
    correlation: float  # of the picture's pixel values with the photo's, -1..1


def invert_features(net, photo, layer=None, steps=180, *, tv=0.03, seed=0, progress=None):
    """Find a picture, starting from grey noise, whose maps at a layer match the photo's.

    Adam lowers the relative error of the maps plus the total variation of the picture. Many
    pictures have nearly the same maps; total variation picks a smooth one.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    layer : name of a layer with maps (n, h, w, c); None for the last one, `net.last_conv`
    steps : steps of Adam, 1 or more; their size falls from 16 pixel levels to 0. Maps with few
        active cells need more: at "head_relu" of EfficientNet-Lite0, for "chelsea", 180 steps
        leave an error of 0.81, 600 steps 0.06
    tv : weight of the total variation, the mean absolute difference of neighbouring pixels in
        levels (rows plus columns), 0 or more; larger values give smoother pictures
    seed : whole number; the same seed gives the same bytes
    progress : function of (done, total), called after each step

    Returns
    -------
    Inversion (picture, error, correlation)
        picture : uint8 (h, w, 3) of the network's input size
        error : squared difference of the picture's and the photo's maps, divided by the squared
            norm of the photo's: 0 for equal maps
        correlation : of the picture's pixel values with those of the resized photo; nan for a
            photo of one value

    The Stop button (or a StopIteration from `progress`) returns the picture so far, with a warning;
    another one says that an error above 0.5 is left.

    Raises ValueError for a layer that does not exist or has no maps, a setting out of range,
    maps that are 0 all over, and what `net.prepare` rejects.

    Mahendran and Vedaldi 2014, "Understanding deep image representations by inverting them",
    arXiv 1412.0035; with p = 1 in the total variation and Adam in place of momentum

    >>> found = invert_features(net, photo, "fire5_concat")      # doctest: +SKIP
    >>> found.error, found.correlation                           # doctest: +SKIP
    """
    check_net(net)
    layer = net.spatial_layer(layer)
    check_whole("steps", steps, 1)
    check_number("tv", tv, 0, np.inf)
    check_whole("seed", seed, 0)
    pixels = net.prepare(photo)
    maps_of, step = _maps_alone(net, layer), _step(net, layer)
    target = net.finite(maps_of(pixels))
    if not np.any(target):
        raise ValueError(f"The maps of {layer!r} are 0 all over for this photo: take another.")
    noise = np.random.default_rng(seed).normal(GREY, 5, pixels.shape)
    picture = tf.constant(noise, tf.float32)
    moments, stopped = (tf.zeros_like(picture), tf.zeros_like(picture)), True
    with stoppable(f"the picture has not made all its {steps} steps"):
        for done in range(steps):
            rate = FIRST_STEP * falling(done, steps)
            numbers = [tf.constant(number, tf.float32) for number in (tv, rate, done + 1)]
            picture, moments = step(picture, moments, target, *numbers)
            if progress:
                progress(done + 1, steps)
        stopped = False
    picture = np.rint(net.finite(picture, "gradient"))
    error = float(_relative_error(maps_of(picture), target))
    if error > POOR and not stopped:
        warnings.warn(
            f"The maps of {layer!r} are far from the photo's after {steps} steps (error "
            f"{error:.2g}): take more steps, or an earlier layer.",
            stacklevel=2,
        )
    with np.errstate(invalid="ignore"):  # a flat photo has no correlation: nan
        correlation = np.corrcoef(picture.ravel(), pixels.ravel())[0, 1]
    return Inversion(picture[0].astype(np.uint8), error, float(correlation))


def _relative_error(maps, target):
    return tf.reduce_sum((maps - target) ** 2) / tf.reduce_sum(target**2)


def _slope_of_variation(picture):
    """Return the gradient of the total variation of a picture (1, h, w, 3).

    A tape takes three times as long, because of the slices.
    """
    down, across = picture[:, 1:] - picture[:, :-1], picture[:, :, 1:] - picture[:, :, :-1]
    down, across = (tf.sign(one) / tf.cast(tf.size(one), tf.float32) for one in (down, across))
    down = tf.pad(down, [[0, 0], [1, 1], [0, 0], [0, 0]])
    across = tf.pad(across, [[0, 0], [0, 0], [1, 1], [0, 0]])
    return down[:, :-1] - down[:, 1:] + across[:, :, :-1] - across[:, :, 1:]


@once_per_network
def _maps_alone(net, layer):
    """Return a function pixels (1, h, w, 3) -> float32 maps (1, h', w', c)."""
    return compiled([pixels_spec(net, 1)])(
        lambda pixels: tf.cast(net.maps(pixels, [layer])[0], tf.float32)
    )


@once_per_network
def _step(net, layer):
    """Return one step of Adam on the picture: (picture, moments, target, tv, rate, count)."""

    @tf.function(autograph=False)
    def step(picture, moments, target, tv, rate, count):
        with recording(net) as tape:
            tape.watch(picture)
            maps = tf.cast(net.maps(picture, [layer])[0], tf.float32)
            error = _relative_error(maps, target)
        gradient = gradient_of(net, tape, error, picture, "pixels")
        gradient += tv * _slope_of_variation(picture)
        rise, moments = adam(gradient, moments, count)
        return tf.clip_by_value(picture - rate * rise, 0.0, 255.0), moments

    return step
