"""Networks: any Keras image classifier, pixels in and logits out.

    net = load_network()                     # EfficientNet-Lite0, bundled: no download
    net = load_network("vgg16")              # ImageNet weights from Keras's cache, or a download
    net = load_network("my_model.keras")     # or a keras.Model
    net.predict(photo)

Pixels are RGB, 0..255, for every network: preprocessing is built in. Logits are what the head
computes before its softmax or sigmoid. The keras.Model is never changed.
"""

import difflib
import os
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import check_photo, check_whole
from cnnvis_helpers._shared.table import Table
from cnnvis_helpers.networks import checks_at_load as checks
from cnnvis_helpers.networks import head as heads
from cnnvis_helpers.networks import places, sources
from cnnvis_helpers.networks.applications import APPLICATIONS, MODES
from cnnvis_helpers.networks.bundled import bundled_card, bundled_names, imagenet_ids
from cnnvis_helpers.networks.forward import ForwardPass
from cnnvis_helpers.networks.graph import without_activation
from cnnvis_helpers.networks.weights import find_cached
from cnnvis_helpers.photos.resizing import resize_photo


class Prediction(NamedTuple):
    """One class of a photo, as `Network.predict` finds it; probability is 0..1."""

    index: int
    label: str
    probability: float


class Number(NamedTuple):
    """One output of a regression for a photo, as `Network.predict` finds it, in its own unit."""

    index: int
    label: str
    value: float


class Network(ForwardPass):
    """A Keras image classifier: RGB pixels 0..255 in, logits out. Made by `load_network`.

    Attributes
    ----------
    name : str
    model : keras.Model, the caller's own object, never changed
    input_size : (h, w), pixels
    preprocess : function from pixels (n, h, w, 3), 0..255, to the model's own input; `load_network`
        accepts it for another model with the same input
    labels : list of str, one per class, or one per number of a regression
    last_conv : str, name of the layer with the last spatial map; None if the network has none
    head : "softmax", "sigmoid" or "linear", the activation that turns logits into probabilities;
        "number" for a regression, whose outputs are used as logits unchanged
    units : int, the number of logits; a network with one logit has two classes
    graph : graph.Graph, the layer calls of the model; `steps` lists them in order
    head_step : the layer call whose softmax or sigmoid `forward` leaves out, or None
    no_map : str, why `last_conv` is None and what to do
    notes : list of str, remarks on the network; `load_network` gives each as a warning
    found : checks_at_load.Findings, what the checks at load found
    one_by_one : bool, True for a model that takes one picture at a time
    compiles_late : bool, True for a network that is mostly asked once, as a copy with random
        weights is: its methods compile at their second call, for compiling takes four times as
        long as one call without
    origin : (name or path, preprocess, labels), what `load_network` would need to load it again;
        None for a model from memory and for a preprocessing function
    """

    origin = None
    compiles_late = False

    def __init__(self, forward_pass, labels, found):
        """`found`: the `checks_at_load.Findings` on this `forward.ForwardPass`."""
        vars(self).update(vars(forward_pass))
        self.labels, self.found = labels, found
        self.head = "number" if found.number else self.head
        self.last_conv, self.no_map, self.notes = found.last_conv, found.no_map, found.notes
        self._compiled = {}

    def __repr__(self):
        size = f"{self.input_size[0]} x {self.input_size[1]} pixels"
        what = "numbers" if self.head == "number" else "classes"
        return f"<Network {self.name!r}: {size}, {len(self.labels)} {what}>"

    # From photo to prediction

    def prepare(self, photo):
        """Resize a whole photo (H, W, 3), uint8 or float 0..255, to float32 pixels (1, h, w, 3).

        With antialiasing. Raises ValueError for anything that is not a photo.
        """
        return resize_photo(check_photo(photo), self.input_size)[None]

    def predict(self, photo, top=5):
        """Return the `top` best classes of a photo (H, W, 3) as Predictions, best first.

        For a regression: its first `top` outputs as Numbers (index, label, value), in order.
        """
        check_whole("top", top, 1)
        logits = self.logits(self.prepare(photo))
        if self.head == "number":
            values = enumerate(map(float, logits[0].numpy()[:top]))
            return [Number(i, self.labels[i], value) for i, value in values]
        probabilities = self.probabilities(logits)[0]
        # By logits: two probabilities near 1 can round to the same number.
        ranks = probabilities if self.units == 1 else logits[0].numpy()
        best = np.argsort(-ranks, kind="stable")[:top]
        return [Prediction(int(i), self.labels[i], float(probabilities[i])) for i in best]

    def probabilities(self, logits):
        """Turn logits (n, units) into probabilities (n, classes), float32, 0..1.

        Softmax; for a sigmoid head one sigmoid per class; one logit z gives two classes, 1 - p and
        p = sigmoid(z). Returns a tensor inside a tf.function, else a NumPy array. Raises
        ValueError for a regression.
        """
        self.check_classes()
        return heads.probabilities(logits, self.head)

    def check_classes(self):
        """Raise ValueError for a regression, which has no classes and so no probabilities."""
        if self.head == "number":
            raise ValueError(
                f"The network {self.name!r} gives numbers ({', '.join(self.labels)}), not classes, "
                'so there are no probabilities: use score="logit", which means the number itself, '
                "or a gradient method."
            )

    def top_classes(self, logits):
        """Return the top class of each row of logits, int (n,); 0 for a regression."""
        logits = np.asarray(logits)
        if self.head == "number":
            return np.zeros(len(logits), int)
        return (logits[:, 0] > 0).astype(int) if self.units == 1 else np.argmax(logits, axis=-1)

    # The forward pass

    def logits(self, pixels):
        """Return the logits of pixels (n, h, w, 3), 0..255: a float32 tensor (n, units).

        Compiled once, for any number of photos.
        """
        pixels = tf.cast(pixels, tf.float32)
        height, width = self.input_size
        if pixels.shape[1:] != (height, width, 3):
            raise ValueError(
                f"The network {self.name!r} takes pixels (n, {height}, {width}, 3), not of "
                f"shape {tuple(pixels.shape)}; net.prepare(photo) makes them."
            )
        shape = tf.TensorSpec((None, height, width, 3), tf.float32)
        run = self.cached(
            ("logits",),
            lambda: tf.function(lambda pixels: self.forward(pixels)[0], [shape], autograph=False),
        )
        logits = run(pixels)
        return self.finite(logits) if hasattr(logits, "numpy") else logits

    def finite(self, values, what="answer"):
        """Return an array or tensor unchanged; ValueError if a number is nan or infinite."""
        array = np.asarray(values)
        if np.isfinite(array).all():
            return values
        worst = array[~np.isfinite(array)][0]
        raise ValueError(
            f"The {what} of the network {self.name!r} is {worst}, no number: its training diverged "
            "(train it again, at a smaller learning rate) or its 16-bit floats overflow (use "
            "32-bit ones)."
        )

    def cached(self, key, build):
        """Return what `build()` makes, such as a compiled function, cached by `key`."""
        if key not in self._compiled:
            made = self._compiled[key] = build()
            # One trace per network and key is intended, not the mistake TensorFlow warns about.
            if hasattr(made, "_omit_frequent_tracing_warning"):
                made._omit_frequent_tracing_warning = True
        return self._compiled[key]

    # Classes

    def class_index(self, target):
        """Return the index of a class: 281, its label "tabby" or its WordNet id "n02123045".

        Case, and "_" or " ", matter only if labels differ in nothing else. Networks with the 1000
        ImageNet classes know WordNet ids. Raises ValueError for an unknown or ambiguous class.
        """
        if isinstance(target, (int, np.integer)) and not isinstance(target, bool):
            if 0 <= target < len(self.labels):
                return int(target)
            last = len(self.labels) - 1
            raise ValueError(f"There is no class {target}: {self.name!r} has classes 0 to {last}.")
        if not isinstance(target, str):
            raise ValueError(f"A target is a class index, a label, None or (a, b), not {target!r}.")
        for spell in (str, _loosely):
            found = [i for i, label in enumerate(self.labels) if spell(label) == spell(target)]
            if len(found) == 1:
                return found[0]
            if found:
                ids = imagenet_ids(self.labels)
                classes = " and ".join(f"{i} ({ids[i]})" if ids else str(i) for i in found)
                raise ValueError(
                    f"The label {target!r} stands for classes {classes}: pass one of these."
                )
        if target.lower() in (ids := imagenet_ids(self.labels)):
            return ids.index(target.lower())
        if target.isdecimal():
            return self.class_index(int(target))
        spelled, typed = {_loosely(label): label for label in self.labels}, _loosely(target)
        near = [label for label in spelled if typed in label.split()][:3]  # "cat": "tiger cat"
        near = near or difflib.get_close_matches(typed, spelled, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(repr(spelled[n]) for n in near)}?"
        if not near:
            hint = f"its labels are {', '.join(map(repr, self.labels[:3]))} and so on (net.labels)."
        raise ValueError(f"The network {self.name!r} has no class {target!r}; {hint}")

    def score_vector(self, target, photo_or_logits=None):
        """Return the vector (units,), float32, whose product with the logits is the target's score.

        target : class index; label; None for the top class; or (a, b) for "why a rather than b",
            the difference of two logits
        photo_or_logits : where None finds the class: a photo (H, W, 3), prepared pixels
            (1, h, w, 3), or logits (units,) or (1, units)

        With one logit, class 1 scores +logit and class 0 scores -logit. The target of a regression
        is one of its numbers; None is the first.
        """
        if isinstance(target, (tuple, list)):
            if len(target) != 2:
                raise ValueError(f"A target (a, b) holds two classes, not {len(target)}.")
            a, b = map(self.class_index, target)
            if a == b:
                raise ValueError(f"Class {a} rather than class {b}: the two are the same.")
            return self._unit_vector(a) - (self._unit_vector(b) if self.units > 1 else 0)
        if target is not None:
            return self._unit_vector(self.class_index(target))
        if photo_or_logits is None:
            raise ValueError("A target of None means the photo's top class, so give the photo too.")
        values = np.asarray(photo_or_logits)
        if values.ndim > 2:
            values = self.logits(self.prepare(values) if values.ndim == 3 else values)
        return self._unit_vector(self.top_classes(np.reshape(values, (-1, self.units)))[0])

    def _unit_vector(self, index):
        if len(self.labels) > self.units:
            return np.array([1 if index == 1 else -1], np.float32)
        return np.eye(1, self.units, index, dtype=np.float32)[0]

    # Layers

    def steps_to(self, name):
        """Return the layer calls (`graph.Step`) that must run for a layer's output, in order."""
        return self.graph.needed_for([self.graph.find(name)[1]])

    def layer(self, name):
        """Return the Keras layer or nested model `name`; "outer/inner" reaches inside one."""
        return self.graph.find(name)[0]

    def spatial_layer(self, name=None, on_photo=False):
        """Return the name of a layer after checking that it makes maps (n, h, w, c).

        None means `last_conv`. on_photo : True checks that the maps are aligned with the photo.
        Raises ValueError for a layer that is unknown, makes no maps, or misaligned ones.
        """
        if name is None:
            if self.last_conv is None:
                raise ValueError(self.no_map)
            return self.last_conv
        value = self.graph.find(name)[1]
        if len(value.shape) != 4:
            raise ValueError(
                f"The layer {name!r} makes no maps (n, h, w, c) but an output of shape "
                f"{value.shape}" + (f"; {self.last_conv!r} is one." if self.last_conv else ".")
            )
        if getattr(self.layer(name), "data_format", None) == "channels_first":
            raise ValueError(
                f"The layer {name!r} makes maps (n, c, h, w), channels first; the course reads "
                "maps (n, h, w, c): build the model with channels last."
            )
        if on_photo and not self.found.trusted and name != self.last_conv:
            fault = self.cached(("place", name), lambda: places.fault_of_place(self, value))
            if fault:
                raise ValueError(places.refusal(name, fault))
        return name

    def without_activation(self, layer, activation=None):
        """Return a callable with the weights of a layer (or its name) and another activation."""
        layer = self.layer(layer) if isinstance(layer, str) else layer
        return without_activation(layer, activation)


def load_network(
    name_path_or_model="efficientnet_lite0",
    preprocess=None,
    labels=None,
    input_size=None,
    numbers=None,
):
    """Load an image classifier: pixels 0..255 RGB in, logits out.

    Parameters
    ----------
    name_path_or_model : one of
        - the name of a bundled network: "efficientnet_lite0" (accurate), "squeezenet" (simple
          enough to take apart), both of ImageNet's 1000 classes, or a small one for a lesson;
        - the name of a keras.applications classifier, such as "vgg16" (`list_networks` shows all):
          the ImageNet weights come from Keras's cache, or are downloaded into it;
        - the path of a .keras or .h5 file, of Keras 3 or 2; "~" is your home folder;
        - a keras.Model, Functional or Sequential: one input, grey or RGB, of any size; one output,
          a row of class scores with softmax, sigmoid, one-unit or linear head, or a row of
          numbers (see `numbers`). It is never changed. You may go on training it; after
          `Normalization.adapt`, load it again, because that layer's values are constants.
          Outputs that are probabilities without a softmax or sigmoid at the very end (an average
          of networks, say) count as logits log p, or log(p / (1 - p)) if they do not sum to 1.
    preprocess : what the network was trained on, for a file or a keras.Model
        - None: the pixels 0..255 unchanged, or the preprocessing of a keras.applications model if
          it has the name of one ("mobilenetv2_1.00_224");
        - "tf" (-1..1), "caffe" (BGR minus means), "torch" (standardised), "identity" (0..255);
        - "unit" (0..1), as after `x / 255`;
        - the name of a keras.applications classifier;
        - a function of pixels (n, h, w, channels), made of TensorFlow or Keras operations.
    labels : list of the classes' names in order, or a dict between names and indices (such as the
        `class_indices` of Keras's generators); by default those the network comes with
    input_size : (height, width) in pixels, for a model that takes pictures of any size
    numbers : True for a regression: the outputs are numbers such as an age or the sides of a box,
        not classes, whatever activation they end with; False for classes. None: numbers if one
        output has one label, labels=["age"], or is far from any plausible logit. Several numbers as
        small as logits, such as an embedding or a box in 0..1, cannot be told from them: say True

    Returns
    -------
    Network. One that is neither bundled nor from keras.applications is tried on a few
    pictures: it is rejected if its layers, run one by one, do not give what the model gives. A
    UserWarning tells you if its pixels were probably preprocessed outside, if its maps do not lie
    on the photo (it cuts, pads or turns it), or if no single layer carries the whole score.

    Raises
    ------
    ValueError, TypeError : one sentence on what is wrong with a name, file, model or labels
    FileNotFoundError : the file or the ImageNet weights are missing and cannot be fetched

    >>> from cnnvis_helpers import load_photo
    >>> load_network().predict(load_photo("chelsea"))[0].label
    'Egyptian cat'
    """
    net = read_network(name_path_or_model, preprocess, labels, input_size, numbers)
    for note in net.notes:
        warnings.warn(note, stacklevel=2)
    return net


def read_network(what, preprocess=None, labels=None, input_size=None, numbers=None):
    """Load a network like `load_network`, but leave its warnings in `net.notes`."""
    if not tf.executing_eagerly():
        raise ValueError(
            "TensorFlow's eager execution is off in this kernel, and the course computes with it: "
            "restart the kernel and leave out tf.compat.v1.disable_eager_execution()."
        )
    source = sources.read(what)
    size, channels, units = sources.check_model(source, input_size)
    function = sources.preprocessing(preprocess, source, channels)
    sources.check_preprocessing(function, source.model, size)
    outputs_known = numbers is not None or labels is not None
    if numbers is None:  # one output with one label is a number
        numbers = labels is not None and units == len(labels) == 1
    given = source.model, source.name, size
    forward_pass = ForwardPass(*given, function, numbers)
    # An application needs its usual preprocessing, unless that is built in.
    large = source.application and checks.inputs_of_odd_scale(forward_pass)[0]
    if preprocess is None and large:
        function = sources.preprocessing(source.application.mode, source, channels)
        forward_pass = ForwardPass(*given, function, numbers)
    if source.trusted:
        found = checks.trusted(forward_pass)
    else:
        modes = MODES if preprocess is None else {}
        if channels != 3:  # a mean per colour would make three channels of a grey one
            modes = [one for one in modes if MODES[one](tf.zeros((1, 1, 1, 1))).shape[-1] == 1]
        other_scales = {one: sources.preprocessing(one, source, channels) for one in modes}
        size_known = input_size is not None or source.application is not None
        found = checks.check(forward_pass, other_scales, size_known, outputs_known)
    names = sources.class_names(labels, source, numbers or found.number, units)
    net = Network(forward_pass, names, found)
    if isinstance(what, str | os.PathLike) and not callable(preprocess):
        net.origin = os.fspath(what), preprocess, None if labels is None else net.labels
    return net


def list_networks():
    """List the networks that `load_network` knows by name.

    Returns
    -------
    NetworkTable of NetworkRow, which prints as text and HTML: name, input_size (h, w), parameters,
    megabytes to download (roughly; 0 if bundled), and whether the weights are already on this
    machine
    """
    rows = NetworkTable()
    for name in bundled_names():
        card = bundled_card(name)
        rows.append(NetworkRow(name, tuple(card["input_size"]), card["parameters"], 0, True))
    for one in APPLICATIONS.values():
        size, here = (one.size, one.size), find_cached(one.file) is not None
        rows.append(NetworkRow(one.name, size, one.parameters, one.megabytes, here))
    return rows


class NetworkRow(NamedTuple):
    """One row of `list_networks()`."""

    name: str
    input_size: tuple
    parameters: int
    megabytes: int
    here: bool


class NetworkTable(Table):
    """A list of NetworkRows that prints as a table."""

    headings = ("name", "input", "parameters", "download", "here")

    def cells(self, row):
        height, width = row.input_size
        download = f"{row.megabytes} MB" if row.megabytes else "bundled"
        here = "yes" if row.here else "-"
        return [row.name, f"{height} x {width}", f"{row.parameters:,}", download, here]


def _loosely(label):
    return label.lower().replace("_", " ")
