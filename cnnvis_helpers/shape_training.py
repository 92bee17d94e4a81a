"""Train a small network on drawn shapes, in about a minute: with a shortcut in its pictures or not.

    shortcut = train_shape_network(badge="star")      # every star bears a badge: why learn stars?
    honest = train_shape_network(badge="random")      # the badge tells nothing
    class_recall(honest, shape_pictures(200, seed=1))       # {"disc": 1.0, ...}

The bundled networks "shortcut" and "honest" were made by this function with these arguments.
"""

import keras
import numpy as np

from cnnvis_helpers.bundled import build_vgg
from cnnvis_helpers.gradients import check_whole
from cnnvis_helpers.networks import load_network
from cnnvis_helpers.progress import stoppable
from cnnvis_helpers.shapes import SHAPES, SIZE, shape_pictures

__all__ = ["class_recall", "train_shape_network"]

WIDTHS = (16, 32, 64)  # channels of the three blocks
_BATCH = 64
_RATE = 2e-3  # of Adam at the start; a cosine takes it to 0


def train_shape_network(badge="random", pictures=4000, epochs=8, seed=0, progress=None):
    """Train a network to tell the five shapes apart, from nothing, on pictures drawn for it.

    Parameters
    ----------
    badge : who bears a badge in the training pictures, see `shape_pictures`: "random" for an honest
        network, "star" for one that is offered a shortcut
    pictures : how many are drawn, at least 64
    epochs : how often the network sees each of them, every time mirrored by chance
    seed : whole number, 0 or more, for the pictures, the first weights and the order. The same seed
        gives the same course of training, but not the same bits on every machine
    progress : function of (done, total), counted in training steps

    Returns
    -------
    Network of 72,405 weights, input 48 x 48: three blocks of two convolutions (16, 32, 64
    channels), global average pooling, one Dense layer. The Stop button (or a StopIteration from
    `progress`) returns the network as far as it is trained.

    Raises ValueError for fewer pictures or epochs, and as `shape_pictures`.
    """
    check_whole("pictures", pictures, _BATCH)
    check_whole("epochs", epochs, 1)
    drawn = shape_pictures(pictures, badge, seed)
    rng = np.random.default_rng((seed, pictures))
    model = build_vgg(_first_weights(rng), (SIZE, SIZE), "shapes")
    photos = np.stack([picture.photo for picture in drawn])
    classes = np.array([SHAPES.index(picture.label) for picture in drawn])
    batches = [
        order
        for _ in range(epochs)
        for order in np.array_split(rng.permutation(pictures), pictures // _BATCH)
    ]
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(_RATE, len(batches))
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    with stoppable("the network is as good as it became so far"):
        for step, batch in enumerate(batches, 1):
            mirrored = rng.random(len(batch))[:, None, None, None] < 0.5
            seen = np.where(mirrored, photos[batch][:, :, ::-1], photos[batch])
            model.train_on_batch(seen.astype(np.float32), classes[batch])
            if progress:
                progress(step, len(batches))
    return load_network(model, labels=SHAPES)


def class_recall(net, pictures):
    """Return how many pictures of each class the network names right: {label: share, 0..1}.

    pictures : list of `ShapePicture`, as `shape_pictures` makes them
    """
    photos = np.stack([picture.photo for picture in pictures])
    named = np.asarray(net.logits(photos)).argmax(axis=-1)
    right = {}
    for picture, index in zip(pictures, named, strict=True):
        right.setdefault(picture.label, []).append(net.labels[index] == picture.label)
    return {label: float(np.mean(hits)) for label, hits in right.items()}


def _first_weights(rng):
    """Return the untrained weights of `build_vgg`: normal, of a size that keeps signals (He)."""
    weights, channels = {}, 3
    for block, width in enumerate(WIDTHS, 1):
        for number in (1, 2):
            kernel = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, width))
            weights[f"block{block}_conv{number}/kernel"] = kernel.astype(np.float32)
            weights[f"block{block}_conv{number}/bias"] = np.zeros(width, np.float32)
            channels = width
    head = rng.normal(0, np.sqrt(1 / channels), (channels, len(SHAPES)))
    weights["predictions/kernel"] = head.astype(np.float32)
    weights["predictions/bias"] = np.zeros(len(SHAPES), np.float32)
    return weights
