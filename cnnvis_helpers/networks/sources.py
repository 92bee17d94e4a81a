"""What `load_network` does before there is a Network: model, labels, preprocessing.

Whatever is wrong with a name, a file or a model is said here, in one sentence.
"""

import contextlib
import contextvars
import os
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.networks.applications import MODES, application_of, find_application
from cnnvis_helpers.networks.bundled import bundled_names, imagenet_labels, load_bundled
from cnnvis_helpers.networks.graph import Graph, open_model
from cnnvis_helpers.networks.weights import (
    DownloadError,
    fetch_weights,
    find_cached,
    unknown_network,
)

_heard = contextvars.ContextVar("takes the warnings", default=None)
_OFFLINE_HINT = "load_network() works now, without a download"
_DEFAULT_SIZE = 224
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in tf.image.rgb_to_grayscale
_PREPROCESSING = (
    "Rescaling", "Normalization", "Lambda", "Multiply", "Divide", "Subtract", "Add", "GetItem",
)  # fmt: skip
# Layers that change a photo but do not prepare its numbers.
_AUGMENTING = ("Random", "Resizing", "CenterCrop", "Cropping2D", "Noise", "Pipeline", "Dropout")
# Names of early layers that tell the body of a keras.applications model, each with the number of
# filters where the name alone may be anyone's; those that take pixels 0..255 need not be told.
_EARLY_LAYERS = {
    "vgg16": {"block1_conv1": 64, "block1_conv2": 64, "block2_conv2": 128, "block3_conv3": 256},
    "resnet50": {"conv1_conv": 64, "conv1_bn": None, "conv2_block1_1_conv": 64},
    "resnet50v2": {"conv1_conv": 64, "conv2_block1_preact_bn": None},
    "densenet121": {"conv1_conv": 64, "conv2_block1_0_bn": None},
    "inceptionv3": {"mixed0": None, "mixed1": None},
    "inceptionresnetv2": {"mixed_5b": None, "block35_1_mixed": None},
    "xception": {"block1_conv1": 32, "block1_conv1_bn": None, "block2_sepconv1": 128},
    "mobilenet": {"conv1": None, "conv_dw_1": None, "conv_pw_1": None},
    "mobilenetv2": {"Conv1": None, "bn_Conv1": None, "expanded_conv_depthwise": None},
    "nasnetmobile": {"stem_conv1": None, "reduction_conv_1_stem_1": None},
}


def let_memory_grow():
    """Have TensorFlow take of a graphics card only the memory it needs, if it has not begun yet.

    Otherwise the first kernel takes all of it, and a second notebook finds none.
    """
    for card in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError, ValueError):  # in use already: it stays as it is
            tf.config.experimental.set_memory_growth(card, True)


let_memory_grow()


@contextlib.contextmanager
def heard_warnings():
    """Yield a list that takes the warnings of `load` inside the block, as texts.

    In a thread `warnings.catch_warnings` would swallow those of the others.
    """
    heard = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def _warn(text, stacklevel):
    if (heard := _heard.get()) is None:
        warnings.warn(text, stacklevel=stacklevel + 1)
    else:
        heard.append(text)


def load(what, preprocess=None, labels=None):
    """Return (model, name, input_size, labels, preprocess) for `Network`; see `load_network`."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()!r} here, but the course needs TensorFlow: set "
            'the environment variable KERAS_BACKEND to "tensorflow" and start again.'
        )
    if isinstance(what, keras.Model):
        model, name, application = what, what.name, application_of(what)
    elif isinstance(what, (str, os.PathLike)):
        model, name, application, own_labels = _load_by_name(what)
        labels = own_labels if labels is None else labels
    else:
        raise TypeError(_not_a_network(what))
    size, channels = _check_model(model, application)
    function = _preprocessing(preprocess, model, application, channels)
    _check_preprocessing(function, model, size)
    return model, name, size, _labels(labels, model, application), function


def _load_by_name(what):
    """Return (model, name, application, labels) of a bundled network, an application or a file."""
    text = os.fspath(what)
    if not text:
        raise ValueError("A network is a name or a path, not ''; list_networks() shows the names.")
    if text in bundled_names():
        model, labels = load_bundled(text)
        return model, text, None, labels
    if application := find_application(text):
        return _load_application(application), application.name, application, None
    path = Path(text)
    if path.suffix or path.exists() or os.sep in text:
        model = _load_file(path)
        return model, path.stem, application_of(model), None
    raise ValueError(unknown_network(text))


def _load_application(application):
    """Build a keras.applications classifier with its ImageNet weights."""
    try:
        path = fetch_weights(application)
    except DownloadError as error:
        if damaged := find_cached(application.file):
            raise ValueError(
                f"The weights file {damaged} is damaged (it does not have the checksum that Keras "
                f"knows) and could not be fetched anew ({error.reason}): once online, run "
                f"{_command(application)}; {_OFFLINE_HINT}."
            ) from None
        raise FileNotFoundError(
            f"{application.name!r} needs {application.file} (about {application.megabytes} MB), "
            f"which is not in Keras's cache and could not be downloaded ({error.reason}): once "
            f"online, run {_command(application)}; {_OFFLINE_HINT}."
        ) from None
    build = getattr(keras.applications, application.constructor)
    try:
        h5py.File(path).close()  # building a network takes seconds; a damaged file shows at once
        # EfficientNet alone has one layer more with weights="imagenet" than with a path.
        special = application.constructor.startswith("EfficientNetB")
        shape = (application.size, application.size, 3)
        return build(weights="imagenet" if special else str(path), input_shape=shape)
    except Exception as error:
        raise ValueError(
            f"The weights file {path} is damaged ({_first_line(error)}): delete it and run "
            f"{_command(application)}; {_OFFLINE_HINT}."
        ) from None


def _load_file(path):
    """Load a .keras or .h5 file, or say in one sentence why that does not work."""
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file {path.absolute()}; list_networks() shows networks that need none."
        )
    if path.is_dir() or path.suffix not in (".keras", ".h5", ".hdf5"):
        kind = "a folder" if path.is_dir() else f"a {path.suffix or 'nameless'} file"
        raise ValueError(
            f"{path} is {kind}, but a network is a .keras or .h5 file, as model.save writes it."
        )
    if path.name.endswith(".weights.h5"):
        raise ValueError(
            f"{path} holds weights alone: build the model, model.load_weights({str(path)!r}), and "
            "give the model to load_network."
        )
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(_why_not_loaded(path, error)) from None


def _why_not_loaded(path, error):
    message = str(error)
    if "safe_mode" in message or "Lambda" in message or "lambda" in message:
        return (
            f"{path} holds a Lambda layer, which is code that would run here: if you trust it, "
            f"keras.models.load_model({str(path)!r}, safe_mode=False) makes a model to load."
        )
    if "custom_objects" in message or "register_keras_serializable" in message:
        return (
            f"{path} holds a layer that Keras does not know: load it with keras.models.load_model("
            f"{str(path)!r}, custom_objects={{...}}) and give the model to load_network."
        )
    if not (zipfile.is_zipfile(path) or h5py.is_hdf5(path)):  # Keras: "File not found"
        return f"{path} is not a Keras model, or is damaged: save the model anew with model.save."
    return f"{path} is not a Keras model, or is damaged ({_first_line(error)})."


def _check_model(model, application):
    """Return ((h, w), channels) of the input; ValueError for what is no image classifier."""
    name = model.name
    functional = open_model(model)
    if functional is None and isinstance(model, keras.Sequential):
        raise ValueError(
            f"The model {name!r} has no input shape yet: call it once on a batch of photos, or let "
            "it begin with keras.Input((height, width, 3))."
        )
    if functional is None:
        raise ValueError(
            f"The model {name!r} is a subclass with its own call(), whose layers cannot be "
            "followed: rebuild it with inputs = keras.Input((height, width, 3)) and "
            "keras.Model(inputs, model.call(inputs))."
        )
    inputs, outputs = functional.inputs, functional.outputs
    if len(inputs) != 1:
        raise ValueError(f"The model {name!r} has {len(inputs)} inputs, but a photo is just one.")
    if len(outputs) != 1:
        raise ValueError(
            f"The model {name!r} has {len(outputs)} outputs, but one is explained at a time: give "
            "keras.Model(model.inputs, model.outputs[0])."
        )
    _check_output(name, tuple(outputs[0].shape))
    return _check_input(name, tuple(inputs[0].shape), application)


def _check_input(name, shape, application):
    """Return ((h, w), channels) of a shape (None, h, w, 3), (None, h, w, 1) or (None, h, w)."""
    size, channels = shape[1:3], shape[3:] or (None,)
    if len(shape) not in (3, 4) or channels[0] not in ((1, 3) if len(shape) == 4 else (None,)):
        raise ValueError(
            f"The model {name!r} takes inputs of shape {shape}, but a photo has the shape "
            "(None, height, width, 3), or (None, height, width, 1) in grey."
        )
    default = application.size if application else _DEFAULT_SIZE
    return tuple(length or default for length in size), channels[0]


def _check_output(name, shape):
    middle = shape[1:-1]
    if len(shape) < 2 or shape[-1] is None or any(length != 1 for length in middle):
        raise ValueError(
            f"The model {name!r} gives an output of shape {shape}, but a classifier gives one row "
            "of scores a photo, (None, classes): does it lack its head?"
        )


def _preprocessing(preprocess, model, application, channels):
    """Return the function from pixels (n, h, w, 3), 0..255, to the model's input."""
    function = _choose_mode(preprocess, model, application)
    if channels == 3:
        return function

    def from_grey(pixels):
        grey = tf.reduce_sum(pixels * _LUMA, axis=-1, keepdims=True)
        grey = function(grey)
        return grey if channels == 1 else tf.squeeze(grey, -1)

    return from_grey


def _choose_mode(preprocess, model, application):
    if callable(preprocess):
        return preprocess
    if preprocess is None:
        return MODES[_mode_of(model, application)]
    if preprocess in MODES:
        return MODES[preprocess]
    if named := find_application(preprocess):
        return MODES[named.mode]
    raise ValueError(
        f"preprocess is {', '.join(map(repr, MODES))}, the name of a keras.applications "
        f"classifier or a function, not {preprocess!r}."
    )


def _mode_of(model, application):
    """Return the mode of a model that comes without `preprocess`: its application's, else none.

    A model that begins with arithmetic on the pixels holds its preprocessing. One that begins with
    the body of an application, a nested model or its layers, was trained on pixels that somebody
    preprocessed outside, nobody knows how. Layers that augment or resize do not count.
    """
    first = _first_layer(open_model(model))
    if any(word in type(first).__name__ for word in _PREPROCESSING):
        return "identity"
    nested = application_of(first) if isinstance(first, keras.Model) else _body_of(model)
    if application is None and nested and nested.mode != "identity":
        _warn(
            f"The model {model.name!r} hands its pixels to {nested.name!r} as they are, 0..255: if "
            f"it was trained on preprocessed ones, say how, such as preprocess={nested.name!r}, or "
            '"identity" if not.',
            stacklevel=6,
        )
    return application.mode if application else "identity"


def _first_layer(functional):
    """Return the first layer or nested model that does not only augment or resize, or None."""
    for layer in functional.operations:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inner = None if application_of(layer) else open_model(layer)
        if inner is not None:
            if (found := _first_layer(inner)) is not None:
                return found
        elif not any(word in type(layer).__name__ for word in _AUGMENTING):
            return layer
    return None


def _body_of(model):
    """Return the Application whose layers a model begins with, by their names, or None."""
    layers = {step.layer.name: step.layer for step in Graph(model).steps}

    def holds(name, filters):
        return name in layers and filters in (None, getattr(layers[name], "filters", filters))

    for application, early in _EARLY_LAYERS.items():
        if all(holds(name, filters) for name, filters in early.items()):
            return find_application(application)
    return None


def warn_of_maps(net):
    """Warn of a network whose maps do not lie where a class activation map shows them.

    To be called by `load_network` alone, so that the warning points at its caller.
    """
    if step := net.frame_step():
        _warn(
            f"The model {net.model.name!r} cuts or pads the photo (layer {step.name!r}) before it "
            "looks at it, so class activation maps, stretched over the whole photo, lie beside "
            "what they show: cut or pad the photo yourself, and load a model without that layer.",
            stacklevel=3,
        )
    if net.last_conv and (text := net.several_calls(net.last_conv)):
        _warn(text, stacklevel=3)


def _check_preprocessing(function, model, size):
    """Try the preprocessing on a grey picture; it must make a tensor of the model's input shape."""
    pixels = tf.fill((1, *size, 3), 127.0)
    try:
        result = function(pixels)
    except Exception as error:
        raise ValueError(
            "preprocess must be made of TensorFlow or Keras operations on pixels (n, h, w, "
            f"channels), but failed on such a tensor ({_first_line(error)})."
        ) from None
    expected = open_model(model).inputs[0].shape[1:]
    if not tf.is_tensor(result):
        raise ValueError(
            "preprocess must be made of TensorFlow or Keras operations, so that gradients reach "
            f"the pixels, but it returned {type(result).__name__}."
        )
    if not result.shape[1:].is_compatible_with(expected):
        raise ValueError(
            f"preprocess made pixels of shape {tuple(result.shape)}, but the model takes "
            f"{(None, *expected)}."
        )


def _labels(labels, model, application):
    """Return the labels: those given, ImageNet's for its classifiers, else "class 0", ..."""
    units = open_model(model).outputs[0].shape[-1]
    count = 2 if units == 1 else units
    if labels is None:
        if application is not None and units == 1000:
            return imagenet_labels()
        return [f"class {i}" for i in range(count)]
    labels = _in_order(labels)
    if len(labels) != count:
        raise ValueError(f"labels names {len(labels)} classes, but {model.name!r} has {count}.")
    return labels


def _in_order(labels):
    """Return labels as a list; a dict may go from index to name or from name to index."""
    if isinstance(labels, str):
        raise TypeError(f"labels is a list of names, not the one text {labels!r}.")
    if not isinstance(labels, dict):
        return [str(label) for label in labels]
    pairs = labels.items()
    if all(isinstance(value, (int, np.integer)) for value in labels.values()):
        pairs = ((index, label) for label, index in pairs)
    names = {int(index): str(label) for index, label in pairs}
    if sorted(names) != list(range(len(labels))):
        raise ValueError(f"labels as a dict needs the indices 0 to {len(labels) - 1}, each once.")
    return [names[index] for index in sorted(names)]


def _command(application):
    return f"`python -m cnnvis_helpers prefetch {application.name}`"


def _not_a_network(what):
    kind = f"{type(what).__module__}.{type(what).__qualname__}".removeprefix("builtins.")
    hint = ""
    if kind.startswith("tf_keras."):
        hint = "; model.save('model.h5') writes a file that load_network reads"
    elif kind.startswith("torch"):
        hint = "; PyTorch models are not supported"
    return f"A network is a name, a path or a keras.Model, not {kind}{hint}."


def _first_line(error):
    """Return the first line of an error's message, no full stop, at most 150 characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")[:150]
