"""Deep dream: exaggerate in a photo what the layers of a network already see in it."""

import inspect
import itertools

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_choice, check_net, check_number
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.ascent import check_settings, map_shape, to_uint8
from cnnvis_helpers.methods.gradients import gradient_of, once_per_network, recording
from cnnvis_helpers.methods.sliding_window import even_slices


def deep_dream(net, photo, layers=None, *, progress=None, **settings):
    """Exaggerate in a photo what some layers of the network already see in it.

    Parameters
    ----------
    net, photo, layers, settings : as in `dream_steps`: octaves, octave_scale, steps, step, jitter,
        detail, tile, seed
    progress : function of (done, total), counted in steps over all octaves, called after each

    Returns
    -------
    uint8 array (H, W, 3), the size of the photo. The Stop button (or a StopIteration from
    `progress`) returns the dream so far, with a warning.

    Raises ValueError as `dream_steps` does.

    >>> dream = deep_dream(net, photo, "block4_conv1", octaves=3)      # doctest: +SKIP
    """
    for name in settings:
        check_choice("a setting", name, list(inspect.signature(dream_steps).parameters)[3:])
    dream, size = np.array(photo)[None], np.shape(photo)[:2]
    with stoppable("the dream has not made all its steps"):
        for done, total, picture in dream_steps(net, photo, layers, **settings):
            dream = picture
            if progress:
                progress(done, total)
    return to_uint8(dream if dream.shape[1:3] == size else _resize(dream, size))[0]


def dream_steps(
    net,
    photo,
    layers=None,
    *,
    octaves=4,
    octave_scale=1.4,
    steps=20,
    step=1.5,
    jitter=32,
    detail=True,
    tile=512,
    seed=0,
):
    """Yield (steps done, total steps, picture) of a growing dream after every step.

    The photo is shrunk (`octaves` - 1) times by `octave_scale`. From the smallest size up, each
    octave takes `steps` steps that raise the mean square of the layers' maps; then the picture is
    enlarged and the photo's detail, lost by shrinking, is put back.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255, of any size; it is not resized to the network's
    layers : a layer name, a list of names, or a dict name -> weight; None for `dream_layer(net)`
    octaves, octave_scale : number of sizes (1 or more) and ratio (above 1) between them
    steps : gradient steps per octave, 1 or more
    step : mean absolute change of one step, in pixel levels, above 0
    jitter : largest random roll in pixels before each step; it hides the seams of tiles
    detail : False leaves the detail out
    tile : pictures with sides longer than this many pixels are done in tiles, to bound the memory
    seed : whole number; the same seed gives the same bytes

    Yields
    ------
    (int, int, float32 array (1, h, w, 3) in 0..255); in the last octave h, w = H, W.

    Raises ValueError for an unknown layer, a weight that is not finite, a bad setting, or a photo
    too small for the octaves.

    Mordvintsev, Olah, Tyka 2015, "Inceptionism"; all but the 20 steps and the layer as
    in google/deepdream
    """
    check_net(net)
    net.prepare(photo)  # rejects what is not a photo
    check_settings(octaves=octaves, octave_scale=octave_scale, steps=steps, step=step)
    check_settings(jitter=jitter, tile=tile, seed=seed)
    weights = _layer_weights(net, layers)
    dream_gradient = _dream_gradient(net, *sorted(weights))
    amounts = tf.constant([weights[name] for name in sorted(weights)], tf.float32)
    rng, original = np.random.default_rng(seed), np.asarray(photo, np.float32)[None]
    sizes = _octave_sizes(original.shape[1:3], octaves, octave_scale)
    tiles = [sides for size in sizes for sides in _tiles(size, tile)]
    smallest = tuple(
        min(sides[axis].stop - sides[axis].start for sides in tiles) for axis in (0, 1)
    )
    for name in weights:
        map_shape(net, name, smallest)
    picture = base = _resize(original, sizes[0])
    for number, size in enumerate(sizes):
        if number:
            grown, new_base = _resize(picture, size), _resize(original, size)
            # Re-inject what the smaller photo could not hold.
            picture = grown + (new_base - _resize(base, size)) if detail else grown
            picture, base = np.clip(picture, 0, 255), new_base
        for done in range(steps):
            picture = _dream_step(picture, dream_gradient, amounts, step, jitter, tile, rng)
            net.finite(picture, "gradient")
            yield number * steps + done + 1, octaves * steps, picture


def dream_layer(net):
    """Return the name of the layer with which a Network dreams if none is named.

    It lies two thirds of the way down, of those that the whole score passes through; without such
    layers it is `net.last_conv`. Raises ValueError for a network without maps, and for one whose
    maps end at an early layer, such as a vision transformer's patches.
    """
    last = net.spatial_layer()
    names = [step.name for step in net.graph.whole_maps()]
    return names[2 * len(names) // 3] if names else last


def _dream_step(picture, dream_gradient, amounts, step, jitter, tile, rng):
    shift = rng.integers(-jitter, jitter + 1, 2)
    rolled = np.roll(picture, shift, axis=(1, 2))
    gradient = np.empty_like(rolled)
    for rows, columns in _tiles(rolled.shape[1:3], tile):
        part = tf.constant(rolled[:, rows, columns])
        gradient[:, rows, columns] = dream_gradient(part, amounts).numpy()
    gradient /= np.abs(gradient).mean() + 1e-12
    rolled = np.clip(rolled + np.float32(step) * gradient, 0, 255)
    return np.roll(rolled, -shift, axis=(1, 2))


@once_per_network
def _dream_gradient(net, *names):
    signature = [tf.TensorSpec((1, None, None, 3)), tf.TensorSpec((len(names),))]

    @tf.function(autograph=False, input_signature=signature)
    def dream_gradient(pixels, amounts):
        with recording(net) as tape:
            tape.watch(pixels)
            score = 0.0
            for number, maps in enumerate(net.maps(pixels, list(names))):
                score += amounts[number] * tf.reduce_mean(tf.cast(maps, tf.float32) ** 2)
        gradient = gradient_of(net, tape, score, pixels, "pixels")
        # Tiles of different content must not differ in strength.
        return gradient / (tf.reduce_mean(tf.abs(gradient)) + 1e-12)

    return dream_gradient


def _tiles(size, tile):
    """Return slices (rows, columns) that cut a picture into nearly equal parts up to `tile`."""
    return list(itertools.product(*(even_slices(length, tile) for length in size)))


def _octave_sizes(size, octaves, scale):
    sizes = [tuple(round(side / scale**k) for side in size) for k in range(octaves)][::-1]
    if min(sizes[0]) < 32:
        raise ValueError(
            f"a photo of {size[1]} x {size[0]} pixels shrinks to {sizes[0][1]} x {sizes[0][0]} in "
            f"{octaves} octaves of {scale}, but 32 x 32 are needed; use fewer octaves, or enlarge "
            "it first."
        )
    return sizes


def _layer_weights(net, layers):
    """Return {name: weight} of the layers to use."""
    layers = dream_layer(net) if layers is None else layers
    layers = [layers] if isinstance(layers, str) else layers
    if not isinstance(layers, (list, tuple, dict)):
        raise ValueError(
            f"layers must be a name, a list of names or a dict name -> weight, not {layers!r}."
        )
    weights = layers if isinstance(layers, dict) else dict.fromkeys(layers, 1.0)
    if not weights:
        raise ValueError("layers is an empty list; name at least one layer to dream with.")
    for name, weight in weights.items():
        check_number(f"the weight of {name!r}", weight, -np.inf, np.inf)
    return {net.spatial_layer(name): float(weight) for name, weight in weights.items()}


def _resize(pictures, size):
    return tf.image.resize(pictures, size, antialias=True).numpy()
