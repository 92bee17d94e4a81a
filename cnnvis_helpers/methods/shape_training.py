"""Train a small network on drawn shapes, in about a minute, with or without a shortcut.

    shortcut = train_shape_network(badge="hexagon")   # every hexagon has a badge
    honest = train_shape_network(badge="random")      # the badge says nothing
    class_recall(honest, shape_pictures(200, seed=1))    # {"disc": 1.0, ...}

The bundled networks "shapes_a", "shapes_b" and "shapes_c" come from it (see their model card).
"""

import keras
import numpy as np
from keras import layers

from cnnvis_helpers._shared.checks import check_net, check_whole
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers.methods.shapes import SHAPES, SIZE, shape_pictures
from cnnvis_helpers.networks.bundled import build_vgg
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.networks.sources import usual_settings

# Channels of each block's convolutions. There is only one pooling: a cell of the last map is 2
# pixels wide with a receptive field of 16, little more than a badge, so maps locate a badge well.
_BLOCKS = ((16,), (48, 64, 64))
_BATCH = 32
_RATE = 4e-3  # Adam's initial learning rate; cosine decay takes it to 0
_MEMORY = 0.95  # momentum of the batch norms' running means and variances


def train_shape_network(badge="random", pictures=2000, epochs=8, seed=0, progress=None, red=None):
    """Train a network from random weights to classify the five shapes.

    Parameters
    ----------
    badge : which training pictures have a badge, see `shape_pictures`: "random" for an honest
        network, "hexagon" for one with a shortcut
    pictures : number of training pictures, at least 32
    epochs : how often each is shown, every time randomly mirrored left to right and top to bottom
    seed : whole number, 0 or more, for the pictures, initial weights and order. The same seed gives
        the same training run, but not the same bits on every machine
    progress : function of (done, total), counted in training steps
    red : which training pictures show a red shape, see `shape_pictures`: "hexagon" for a network
        with a shortcut on the shape itself

    Returns
    -------
    Network of 72,373 weights, input 48 x 48: 3x3 convolutions (16; 48, 64, 64 channels), 2x2 max
    pooling after the first, global average pooling, one Dense layer. The batch norms used in
    training are folded into the convolutions. The Stop button (or a StopIteration from `progress`)
    returns the network trained so far.

    Raises ValueError for fewer pictures or epochs, and as `shape_pictures`.
    """
    check_whole("pictures", pictures, _BATCH)
    check_whole("epochs", epochs, 1)
    drawn = shape_pictures(pictures, badge, seed, red)
    photos = np.stack([picture.photo for picture in drawn])
    classes = np.array([SHAPES.index(picture.label) for picture in drawn])
    rng = np.random.default_rng(seed)
    with usual_settings():
        model = _with_batch_norm(seed)
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
            seen = photos[batch]
            for axis in (1, 2):
                mirrored = rng.random(len(batch))[:, None, None, None] < 0.5
                seen = np.where(mirrored, np.flip(seen, axis), seen)
            model.train_on_batch(seen.astype(np.float32), classes[batch])
            if progress:
                progress(step, len(batches))
    with usual_settings():
        return load_network(build_vgg(_folded(model), (SIZE, SIZE), "shapes"), labels=SHAPES)


def class_recall(net, pictures):
    """Return the share of each class's pictures that a network gets right.

    Parameters
    ----------
    net : Network
    pictures : list of `ShapePicture`, as `shape_pictures` makes them

    Returns
    -------
    dict {label: share, 0..1}; 0 for a class that is not among the network's labels.
    """
    check_net(net)
    pixels = np.concatenate([net.prepare(picture.photo) for picture in pictures])
    named = net.probabilities(net.logits(pixels)).argmax(axis=-1)
    right = {}
    for picture, index in zip(pictures, named, strict=True):
        right.setdefault(picture.label, []).append(net.labels[index] == picture.label)
    return {label: float(np.mean(hits)) for label, hits in right.items()}


def _with_batch_norm(seed):
    """Return the model to train: the bundled networks' layers plus batch norms."""
    seeds = iter(range(seed, seed + 100))
    x = pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    for block, widths in enumerate(_BLOCKS, 1):
        x = layers.MaxPooling2D(2)(x) if block > 1 else x
        for number, width in enumerate(widths, 1):
            name = f"block{block}_conv{number}"
            start = keras.initializers.HeNormal(next(seeds))
            x = layers.Conv2D(width, 3, padding="same", kernel_initializer=start, name=name)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=_MEMORY, name=f"{name}_norm")(x))
    x = layers.GlobalAveragePooling2D()(x)
    start = keras.initializers.GlorotUniform(next(seeds))
    return keras.Model(
        pixels, layers.Dense(len(SHAPES), kernel_initializer=start, name="predictions")(x)
    )


def _folded(model):
    """Return the weights for `build_vgg`, each batch norm folded into its convolution."""
    weights = {}
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.Dense)):
            kernel, bias = layer.get_weights()
            if isinstance(layer, layers.Conv2D):
                norm = model.get_layer(f"{layer.name}_norm")
                gamma, beta, mean, variance = norm.get_weights()
                scale = gamma / np.sqrt(variance + norm.epsilon)
                kernel, bias = kernel * scale, (bias - mean) * scale + beta
            weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"] = kernel, bias
    return weights
