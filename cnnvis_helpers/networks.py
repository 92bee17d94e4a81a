"""Networks: any Keras image classifier as one thing, pixels in and logits out.

    net = load_network()                 # the course's own network, no download
    net = load_network("vgg16")          # ImageNet weights from Keras's cache, or a download
    net = load_network("my_model.keras") # or a keras.Model
    net.predict(photo)

Pixels are RGB, 0..255, for every network: its preprocessing sits inside. Logits are what the head computes before
its softmax or sigmoid. The keras.Model is never changed.
"""

import difflib
from collections import namedtuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers import applications
from cnnvis_helpers.resizing import resize_photo
from cnnvis_helpers.walking import Graph, open_model, without_activation

Prediction = namedtuple("Prediction", "index label probability")


class Network:
    """A Keras image classifier: RGB pixels 0..255 in, logits out. Made by `load_network`.

    Attributes
    ----------
    name : str
    model : keras.Model, the caller's own object, never changed
    input_size : (h, w), pixels
    labels : list of str, one a class
    last_conv : str, name of the layer with the last spatial map; None if there is no such layer
    head : "softmax", "sigmoid" or "linear"
    units : int, the number of logits
    steps : the layer calls in order of computation, nested models opened up (see `walking.Step`)
    """

    def __init__(self, model, name, preprocess, labels, input_size):
        self.model = model
        self.name = name
        self.input_size = tuple(input_size)
        self._graph = Graph(model)
        self._channels = self._graph.input.shape[-1]
        self._preprocess = preprocess
        self.steps = self._graph.steps
        self.units = int(self._graph.output.shape[-1])
        self.head, self._head_step = self._graph.head()
        self.labels = list(labels)
        last = self._graph.last_map()
        self.last_conv = last and last.name
        self._compiled = {}

    def __repr__(self):
        height, width = self.input_size
        return f"<Network {self.name!r}: {height} x {width} pixels, {len(self.labels)} classes>"

    # Photos in ------------------------------------------------------------------------------------------

    def prepare(self, photo):
        """Resize a photo (H, W, 3), uint8 or float 0..255, to float32 (1, h, w, 3), pixels 0..255."""
        return resize_photo(_checked_photo(photo), self.input_size)[None]

    def predict(self, photo, top=5):
        """The `top` best classes of a photo (H, W, 3): a list of Prediction(index, label, probability)."""
        probabilities = self.probabilities(self.logits(self.prepare(photo)))[0]
        best = np.argsort(-probabilities, kind="stable")[:top]
        return [Prediction(int(i), self.labels[i], float(probabilities[i])) for i in best]

    # The forward pass -----------------------------------------------------------------------------------

    def logits(self, pixels):
        """Logits (n, units), a float32 tensor, of pixels (n, h, w, 3), 0..255. Compiled."""
        run = self.cached(("logits",), self._compile_logits)
        return run(tf.convert_to_tensor(pixels, tf.float32))

    def _compile_logits(self):
        shape = tf.TensorSpec((None, *self.input_size, 3), tf.float32)
        return tf.function(lambda pixels: self.forward(pixels)[0], input_signature=[shape])

    def forward(self, pixels, layers=(), substitute=None):
        """One uncompiled forward pass: (logits, [map, ...]), to be called inside a method's tf.function.

        pixels : float32 tensor (n, h, w, 3), 0..255
        layers : names of layers whose outputs are wanted from the same pass
        substitute : function(layer) -> a callable to use in place of the layer, or None to keep it
        For gradients with respect to pixels or to a returned map, watch `pixels` with the tape first.
        """
        values = [self._graph.find(name)[1] for name in layers]
        logits, *maps = self._run(pixels, [self._graph.output, *values], substitute)
        logits = tf.reshape(tf.cast(logits, tf.float32), (-1, self.units))
        return logits, maps

    def maps(self, pixels, layers, substitute=None):
        """Outputs of `layers` alone. Layers behind them do not run, so pixels may have any size (n, H, W, 3)."""
        return self._run(pixels, [self._graph.find(name)[1] for name in layers], substitute)

    def _run(self, pixels, values, substitute):
        def replace(step):
            if step is self._head_step:
                return without_activation(step.layer)
            return substitute(step.layer) if substitute else None

        tensor = self._preprocess(tf.cast(pixels, tf.float32))
        return self._graph.run(tensor, values, replace)

    def probabilities(self, logits):
        """Probabilities (n, classes), NumPy float32, of logits (n, units)."""
        logits = np.asarray(logits, np.float32)
        if self.head == "sigmoid" or self.units == 1:
            p = 1 / (1 + np.exp(-logits))
            return np.concatenate([1 - p, p], axis=-1) if self.units == 1 else p
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def cached(self, key, build):
        """The callable that `build()` makes, built once for each `key` and kept with the network."""
        if key not in self._compiled:
            self._compiled[key] = build()
        return self._compiled[key]

    # Classes --------------------------------------------------------------------------------------------

    def score_vector(self, target, photo_or_logits=None):
        """The float32 vector (units,) whose product with the logits is the score of `target`.

        target : class index; label; None for the top class of `photo_or_logits`; or (a, b) for a rather than b.
        """
        if isinstance(target, (tuple, list)):
            a, b = (self.class_index(t) for t in target)
            vector = self._unit_vector(a) - self._unit_vector(b)
            return vector / 2 if self.units == 1 else vector
        if target is None:
            target = self._top_class(photo_or_logits)
        return self._unit_vector(self.class_index(target))

    def _unit_vector(self, index):
        if self.units == 1:
            return np.array([1.0 if index == 1 else -1.0], np.float32)
        vector = np.zeros(self.units, np.float32)
        vector[index] = 1
        return vector

    def _top_class(self, photo_or_logits):
        if photo_or_logits is None:
            raise ValueError("target None means the top class of a photo, so the photo is needed as well")
        values = np.asarray(photo_or_logits)
        if values.ndim == 3:
            values = np.asarray(self.logits(self.prepare(values)))
        elif values.ndim == 4:
            values = np.asarray(self.logits(values))
        return int(np.argmax(self.probabilities(values.reshape(-1, self.units))[0]))

    def class_index(self, target):
        """The index of a class given by index or label."""
        if isinstance(target, (int, np.integer)) and not isinstance(target, bool):
            if not 0 <= target < len(self.labels):
                raise ValueError(f"class {target} is out of range: this network has classes "
                                 f"0 to {len(self.labels) - 1}")
            return int(target)
        found = [i for i, label in enumerate(self.labels) if label == target]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"the label {target!r} stands for classes {found}; give the index")
        near = difflib.get_close_matches(str(target), self.labels, n=3, cutoff=0.5)
        raise ValueError(f"no class {target!r}" + (f"; did you mean {near}?" if near else
                         f"; the labels are {self.labels[:3]} and so on"))

    # Layers ---------------------------------------------------------------------------------------------

    def layer(self, name):
        """The Keras layer (or nested model) of this name; "outer/inner" reaches into a nested model."""
        return self._graph.find(name)[0]

    def spatial_layer(self, name=None):
        """Check that a layer makes maps (n, h, w, c) and return its name; None stands for `last_conv`."""
        name = name or self.last_conv
        shape = self._graph.find(name)[1].shape
        if len(shape) != 4:
            raise ValueError(f"layer {name!r} makes an output of shape {shape}, not maps (n, h, w, c); "
                             f"take {self.last_conv!r}, for example")
        return name

    def without_activation(self, layer, activation=None):
        """A callable with the weights of `layer` (layer or name) and another activation (None: linear)."""
        return without_activation(self.layer(layer) if isinstance(layer, str) else layer, activation)


def load_network(name_path_or_model="course", preprocess=None, labels=None):
    """Load a network by name, from a file, or from a keras.Model of your own."""
    model = name_path_or_model
    open_model(model)
    mode = applications.preprocessing(preprocess, model)
    _, height, width, _ = open_model(model).inputs[0].shape
    network = Network(model, model.name, mode, labels or [], (height or 224, width or 224))
    if not network.labels:
        count = 2 if network.units == 1 else network.units
        network.labels = [f"class {i}" for i in range(count)]
    return network


def list_networks():
    """The networks that `load_network` knows by name."""
    return []


def _checked_photo(photo):
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"a photo is an array (height, width, 3), not one of shape {photo.shape}")
    if not (photo.dtype == np.uint8 or np.issubdtype(photo.dtype, np.floating)):
        raise ValueError(f"a photo holds uint8 or float pixels 0..255, not {photo.dtype}")
    if photo.dtype != np.uint8 and not (np.isfinite(photo).all() and 0 <= photo.min() and photo.max() <= 255):
        raise ValueError("the pixels of a photo are finite numbers 0..255")
    return photo
