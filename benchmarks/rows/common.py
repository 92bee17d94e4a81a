"""What the rows share: a case (one network, one photo), its floors, and which peers are here."""

import functools
import importlib.metadata
import importlib.util
import os
import platform
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.networks import network as networks
from cnnvis_helpers.networks.bundled import bundled_names

HAVE_TKV = importlib.util.find_spec("tf_keras_vis") is not None
HAVE_XPLIQUE = importlib.util.find_spec("xplique") is not None
BATCH = 16


@dataclass
class Row:
    """One method on one network.

    method : what the table calls it
    ours, floor : calls without arguments
    floor_times : how many calls of the floor make the work of the method; a function without
        arguments, asked after the first calls, where only they can tell
    peers : {name: call without arguments}; a peer that is None is left out
    peer_times : {name: how many calls of it make the work}, for those where that is not one; a
        number or a function, as `floor_times`
    module : the file in rows/ that it comes from
    inside : call that returns the share (0..1) of our time spent inside the network, or None
    """

    method: str
    ours: object
    floor: object
    floor_times: object = 1.0
    peers: dict = field(default_factory=dict)
    peer_times: dict = field(default_factory=dict)
    inside: object = None
    module: str = ""

    def __post_init__(self):
        self.peers = {name: call for name, call in self.peers.items() if call is not None}


@dataclass
class Case:
    """A network and a photo in all the forms that the implementations want.

    model : keras.Model with its head's activation; linear : the same without it (a copy)
    photo : uint8 (h, w, 3) of the network's size; inputs : the same preprocessed, float32 (1, h,
        w, 3)
    layer : name of the last layer with maps; target : class index; samples : copies or steps of
        a row
    """

    model: keras.Model
    linear: keras.Model
    preprocess: object
    photo: np.ndarray
    inputs: np.ndarray
    layer: str
    samples: int
    target: int = 3

    @classmethod
    def build(cls, name, samples):
        """The case of a network of this name with `samples` copies."""
        keras.utils.set_random_seed(0)
        if name in bundled_names():
            net = networks.load_network(name)
            model, preprocess = net.model, None
        else:
            build, preprocess = {
                "vgg16": (keras.applications.VGG16, "caffe"),
                "mobilenetv2": (keras.applications.MobileNetV2, "tf"),
            }[name]
            model = build(weights=None)
            net = networks.load_network(model, preprocess, [str(i) for i in range(1000)])
        photo = np.random.default_rng(0).integers(0, 256, (*net.input_size, 3), np.uint8)
        inputs = photo[None].astype(np.float32)
        if preprocess:
            inputs = keras.applications.imagenet_utils.preprocess_input(inputs, mode=preprocess)
        return cls(model, linear_copy(model), preprocess, photo, inputs, net.last_conv, samples)

    def net(self):
        """A fresh Network around the same model, so that a first call compiles what it needs."""
        if self.preprocess is None:
            return networks.load_network(self.model.name)
        labels = [f"class {i}" for i in range(self.model.output_shape[-1])]
        return networks.load_network(self.model, self.preprocess, labels)

    def linear_copy(self):
        """A fresh copy of `linear`, for a peer that keeps what it compiled for a model."""
        return linear_copy(self.model)

    @functools.cached_property
    def relus_are_layers(self):
        """Whether ReLUs are layers of their own: the usual guided recipe passes those by."""
        return any(isinstance(layer, keras.layers.ReLU) for layer in self.linear.layers)

    @functools.cached_property
    def one_hot(self):
        return np.eye(self.linear.output_shape[-1], dtype=np.float32)[None, self.target]

    # Floors: the bare Keras model, compiled, nothing else

    def forward(self, n=1):
        """One forward pass of a batch of `n`."""
        run = tf.function(lambda x: self.linear(x, training=False))
        batch = tf.constant(np.repeat(self.inputs, n, axis=0))
        return lambda: run(batch).numpy()

    def gradient(self, n=1, of_maps=False, of_inputs=True):
        """A pass forward, of a batch of `n`, and back to the last maps, to the input or to both."""
        model = keras.Model(
            self.linear.inputs, [self.linear.get_layer(self.layer).output, self.linear.output]
        )

        @tf.function
        def run(x):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                maps, logits = model(x, training=False)
                score = logits[:, self.target]
            wanted = [maps] * of_maps + [x] * of_inputs
            return ([maps] if of_maps else []) + tape.gradient(score, wanted)

        batch = tf.constant(np.repeat(self.inputs, n, axis=0))
        return lambda: [tensor.numpy() for tensor in run(batch)]

    def tape(self, inputs):
        """The gradient as tutorials compute it: uncompiled, one call of the model."""
        x = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = self.linear(x, training=False)[:, self.target]
        return tape.gradient(score, x).numpy()


def method_row(case, name, method, floor, peers, times=1.0, **settings):
    """The row of a method that explains the case's target, on a network of its own."""
    net = case.net()
    return Row(name, lambda: method(net, case.photo, case.target, **settings), floor, times, peers)


def xplique(case, name, **settings):
    """The call of a method of xplique, or None where it is not installed."""
    if not HAVE_XPLIQUE:
        return None
    import xplique.attributions

    method = getattr(xplique.attributions, name)(case.linear_copy(), **settings)
    return lambda: np.asarray(method.explain(case.inputs, case.one_hot))


def linear_copy(model):
    """A copy of a classifier whose head has no activation, as every peer wants it."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    if isinstance(copy.layers[-1], keras.layers.Softmax):
        return keras.Model(copy.inputs, copy.layers[-2].output)
    copy.layers[-1].activation = keras.activations.linear
    return copy


def note_versions():
    """Two lines on what the numbers were measured with."""
    found = []
    for package in ("tensorflow", "tensorflow-cpu", "keras", "numpy", "tf-keras-vis", "xplique"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            if package in ("tf-keras-vis", "xplique"):
                found.append(f"{package} not installed, left out")
    return (
        f"Python {platform.python_version()}, {', '.join(found)}.\n"
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}."
    )
