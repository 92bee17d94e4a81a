"""Read the input of `load_network`: a name, a file or a model; its labels and preprocessing.

Errors about names, files and settings are raised here, in one sentence each.
"""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import first_line
from cnnvis_helpers.networks.applications import (
    MODES,
    Application,
    application_of,
    find_application,
)
from cnnvis_helpers.networks.bundled import (
    bundled_labels,
    bundled_names,
    imagenet_labels,
    load_bundled,
)
from cnnvis_helpers.networks.graph import open_model
from cnnvis_helpers.networks.weights import (
    DownloadError,
    fetch_weights,
    find_cached,
    is_whole,
    unknown_network,
)

_OFFLINE_HINT = "load_network() works now, without a download"
_DEFAULT_SIZE = 224
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in tf.image.rgb_to_grayscale


class Source(NamedTuple):
    """What a name, file or model is.

    application : the Application that the model's name stands for, or None
    labels : its own labels, or None
    trusted : True for bundled networks and those of keras.applications by name
    """

    model: keras.Model
    name: str
    application: Application | None
    labels: list | None
    trusted: bool


def let_memory_grow():
    """Let TensorFlow take only the GPU memory it needs, unless it has already started.

    Otherwise the first kernel takes all of it and leaves none for a second notebook.
    """
    for card in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError, ValueError):  # already in use: leave it unchanged
            tf.config.experimental.set_memory_growth(card, True)


let_memory_grow()


def read(what):
    """Return the Source of a name, a path or a keras.Model; see `load_network`."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()!r} here, but the course needs TensorFlow: set "
            'the environment variable KERAS_BACKEND to "tensorflow" and start again.'
        )
    if isinstance(what, keras.Model):
        return Source(what, what.name, application_of(what), None, trusted=False)
    if isinstance(what, (str, os.PathLike)):
        return _read_name(what)
    raise TypeError(_not_a_network(what))


@contextlib.contextmanager
def usual_settings():
    """Build layers with channels last and in float32, whatever the notebook has set."""
    layout, policy = keras.config.image_data_format(), keras.config.dtype_policy()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_image_data_format(layout)
        keras.config.set_dtype_policy(policy)


def _read_name(what):
    """Return the Source of a bundled network, an application or a file."""
    text = os.fspath(what)
    if not text:
        raise ValueError("A network is a name or a path, not ''; list_networks() shows the names.")
    with usual_settings():
        if text in bundled_names():
            model, labels = load_bundled(text)
            return Source(model, text, None, labels, trusted=True)
        if one := find_application(text):
            return Source(_load_application(one), one.name, one, None, trusted=True)
    if "://" in text:
        raise ValueError(
            f"{text} is an address, but a network is a file on this machine: fetch it first (from "
            f"the web with keras.utils.get_file(origin={text!r}), which returns the path to give)."
        )
    path = Path(text).expanduser()
    if path.suffix or path.exists() or os.sep in text:
        model = _load_file(path)
        return Source(model, path.stem, application_of(model), None, trusted=False)
    raise ValueError(unknown_network(text))


def _load_application(application):
    """Build a keras.applications classifier with its ImageNet weights."""
    try:
        path = fetch_weights(application)
    except DownloadError as error:
        if damaged := find_cached(application.file):
            raise ValueError(
                f"The weights file {damaged} is damaged (it does not have the checksum that Keras "
                f"knows) and could not be fetched again ({error.reason}): once online, run "
                f"{_command(application)}; {_OFFLINE_HINT}."
            ) from None
        raise FileNotFoundError(
            f"{application.name!r} needs {application.file} (about {application.megabytes} MB), "
            f"which is not in Keras's cache and could not be downloaded ({error.reason}): once "
            f"online, run {_command(application)}; {_OFFLINE_HINT}."
        ) from None
    build = getattr(keras.applications, application.constructor)
    try:
        h5py.File(path).close()  # fail at once on a damaged file; building takes seconds
        # Only EfficientNet has one more layer with weights="imagenet" than with a path.
        special = application.constructor.startswith("EfficientNetB")
        shape = (application.size, application.size, 3)
        return build(weights="imagenet" if special else str(path), input_shape=shape)
    except Exception as error:
        if is_whole(path, application.checksum):
            raise ValueError(
                f"Keras cannot build {application.name!r} here ({_cause(error)}), though its "
                f"weights file is intact; {_OFFLINE_HINT}."
            ) from None
        raise ValueError(
            f"The weights file {path} is damaged ({_cause(error)}): delete it and run "
            f"{_command(application)}; {_OFFLINE_HINT}."
        ) from None


def _load_file(path):
    """Load a .keras or .h5 file, or say in one sentence why it fails."""
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file {path.absolute()}; list_networks() shows networks that need none."
        )
    named = path.suffix.lower() in (".keras", ".h5", ".hdf5")
    if path.is_dir() or not (named or _keras_version(path)):
        kind = "a folder" if path.is_dir() else f"a {path.suffix or 'nameless'} file"
        hint = ""
        if (path / "saved_model.pb").exists():
            hint = (
                "; of a SavedModel, keras.Sequential([keras.Input((height, width, 3)), "
                f'keras.layers.TFSMLayer({str(path)!r}, call_endpoint="serve")]) makes a model '
                '("serving_default" before Keras 3)'
            )
        raise ValueError(
            f"{path} is {kind}, but a network is a .keras or .h5 file, as model.save writes it"
            f"{hint}."
        )
    try:
        without_model = _without_model(path) if h5py.is_hdf5(path) else ""
        if not without_model:
            with _as_keras_expects(path) as readable:
                return keras.models.load_model(
                    readable, compile=False, custom_objects=_WITHOUT_LEFTOVERS
                )
    except Exception as error:
        raise ValueError(_why_not_loaded(path, error)) from None
    raise ValueError(without_model)


def _without_model(path):
    """Return the sentence for an HDF5 file that holds only weights, or None."""
    with h5py.File(path) as file:
        if "model_config" in file.attrs:
            return None
        as_keras_2 = "layer_names" in file.attrs
    named, rename = str(path), ""
    if not as_keras_2 and not named.endswith(".weights.h5"):
        named = str(path.with_suffix(".weights.h5"))
        rename = f"rename it to {named}, "
    return (
        f"{path} holds weights alone: {rename}build the model, model.load_weights({named!r}), and "
        "give the model to load_network."
    )


@contextlib.contextmanager
def _as_keras_expects(path):
    """Yield a path whose suffix fits its content: TensorFlow 2.11 wrote HDF5 as .keras."""
    suffix = ".keras" if zipfile.is_zipfile(path) else ".h5"
    if path.suffix == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield shutil.copy(path, Path(folder) / f"{path.stem}{suffix}")


def _without_leftovers(kind):
    """Return a stand-in for a Keras layer that reads a configuration from Keras 2."""

    usual = {"groups": 1, "time_major": False}

    def from_config(config):
        kept = {k: v for k, v in config.items() if k not in usual or v != usual[k]}
        return kind.from_config(kept)

    return type(kind.__name__, (kind,), {"from_config": staticmethod(from_config)})


_WITHOUT_LEFTOVERS = {
    kind.__name__: _without_leftovers(kind)
    for kind in (
        keras.layers.DepthwiseConv2D,
        keras.layers.SeparableConv2D,
        keras.layers.Conv2DTranspose,
        keras.layers.LSTM,
        keras.layers.GRU,
        keras.layers.SimpleRNN,
    )
}


def _why_not_loaded(path, error):
    message = str(error)
    of_keras_2 = "OpLambda" in message  # an operation on tensors, such as x / 255
    if not of_keras_2 and ("safe_mode" in message or "lambda" in message.lower()):
        return (
            f"{path} holds a Lambda layer, which is code that would run here: if you trust it, "
            f"keras.models.load_model({str(path)!r}, safe_mode=False) makes a model to load."
        )
    written = _keras_version(path)
    if not written:
        return f"{path} is not a Keras model, or is damaged: save the model anew with model.save."
    if written != keras.__version__ and (of_keras_2 or not _is_unknown_layer(message)):
        return (
            f"{path} was written by Keras {written} and cannot be read by Keras "
            f"{keras.__version__} here ({_cause(error)}): load it with Keras {written}, or build "
            "the model here and take over the weights with model.load_weights."
        )
    if _is_unknown_layer(message):
        return (
            f"{path} holds a layer that Keras {keras.__version__} does not know ({_cause(error)}): "
            f"load it with keras.models.load_model({str(path)!r}, custom_objects={{...}}) and give "
            "the model to load_network."
        )
    return f"{path} is a Keras model, but cannot be loaded ({_cause(error)})."


def _is_unknown_layer(message):
    words = ("custom_objects", "register_keras_serializable", "Unknown layer", "could not locate")
    return any(word.lower() in message.lower() for word in words)


def _keras_version(path):
    """Return the version of Keras that wrote a file, or "" if it is not a full model."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                version = file.attrs.get("keras_version", "of an unknown version")
                return version.decode() if isinstance(version, bytes) else str(version)
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read("metadata.json"))["keras_version"]
    except Exception:
        return ""


def check_model(source, input_size=None):
    """Return ((h, w), channels) of the input; ValueError if it is no image classifier."""
    model, name = source.model, source.model.name
    functional = open_model(model)
    if functional is None and type(model).call is keras.Sequential.call:
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
        raise ValueError(_several_inputs(name, inputs))
    if len(outputs) != 1:
        names = ", ".join(f"{i}: {one!r}" for i, one in enumerate(functional.output_names))
        raise ValueError(
            f"The model {name!r} has {len(outputs)} outputs ({names}), but one is explained at a "
            "time: give keras.Model(model.inputs, model.outputs[0])."
        )
    _check_output(name, tuple(outputs[0].shape))
    return _check_input(source, tuple(inputs[0].shape), input_size)


def _several_inputs(name, inputs):
    shapes = [tuple(one.shape) for one in inputs]
    colours = {3: 0, 1: 1}  # RGB before grey; other channel counts are not photos
    likely = [(len(s) != 4, colours.get(s[-1], 2)) for s in shapes]
    photo = likely.index(min(likely))
    given = [
        "photo" if i == photo else f"keras.ops.zeros({(1, *(n or 1 for n in shape[1:]))})"
        for i, shape in enumerate(shapes)
    ]
    return (
        f"The model {name!r} has {len(inputs)} inputs ({', '.join(one.name for one in inputs)}), "
        "but a photo is just one: hold the others fixed with "
        f"photo = keras.Input({shapes[photo][1:]}) and "
        f"keras.Model(photo, model([{', '.join(given)}]))."
    )


def _check_input(source, shape, input_size):
    """Return ((h, w), channels) of a shape (None, h, w, 3), (None, h, w, 1) or (None, h, w)."""
    name = source.model.name
    size, channels = shape[1:3], shape[3:] or (None,)
    if len(shape) not in (3, 4) or channels[0] not in ((1, 3) if len(shape) == 4 else (None,)):
        turned = " (channels first)" if shape[1:2] == (3,) else ""
        raise ValueError(
            f"The model {name!r} takes inputs of shape {shape}{turned}, but a photo has the shape "
            "(None, height, width, 3), or (None, height, width, 1) in grey."
        )
    usual = (source.application.size,) * 2 if source.application else _size_inside(source.model)
    chosen = usual if input_size is None else input_size
    fits = isinstance(chosen, (tuple, list)) and len(chosen) == 2 and min(chosen) > 0
    if input_size is not None and not (
        fits and all(n in (None, m) for n, m in zip(size, chosen, strict=True))
    ):
        raise ValueError(
            f"input_size is (height, width) of pictures that the model {name!r} takes, "
            f"{size}, not {input_size!r}."
        )
    return tuple(int(n or m) for n, m in zip(size, chosen, strict=True)), channels[0]


def _size_inside(model):
    """Return the size to which a model itself resizes pictures, else the default."""
    for operation in open_model(model).operations:
        shape = getattr(getattr(operation, "output", None), "shape", ())
        if len(shape) == 4 and None not in shape[1:3] and shape[1] * shape[2] > 1:
            return tuple(shape[1:3])
    return _DEFAULT_SIZE, _DEFAULT_SIZE


def _check_output(name, shape):
    middle = shape[1:-1]
    if len(shape) < 2 or shape[-1] is None or any(length != 1 for length in middle):
        raise ValueError(
            f"The model {name!r} gives an output of shape {shape}, but a classifier gives one row "
            "of scores a photo, (None, classes): does it lack its head?"
        )


def preprocessing(preprocess, source, channels):
    """Return the function from pixels (n, h, w, 3), 0..255, to the model's input."""
    function = _choose_mode(preprocess, source)
    if channels == 3:
        return function

    def from_grey(pixels):
        grey = tf.reduce_sum(pixels * _LUMA, axis=-1, keepdims=True)
        grey = function(grey)
        return grey if channels == 1 else tf.squeeze(grey, -1)

    return from_grey


def _choose_mode(preprocess, source):
    if callable(preprocess):
        return preprocess
    if preprocess is None:  # keras_hub's classifiers have their own
        own = getattr(source.model, "preprocessor", None)
        return own if callable(own) else MODES["identity"]
    if preprocess in MODES:
        return MODES[preprocess]
    if named := find_application(preprocess):
        return MODES[named.mode]
    raise ValueError(
        f"preprocess is {', '.join(map(repr, MODES))}, the name of a keras.applications "
        f"classifier or a function, not {preprocess!r}."
    )


def check_preprocessing(function, model, size):
    """Try the preprocessing on a grey picture; it must make a tensor of the model's input shape."""
    pixels = tf.fill((1, *size, 3), 127.0)
    try:
        result = function(pixels)
    except Exception as error:
        raise ValueError(
            "preprocess must be made of TensorFlow or Keras operations on pixels (n, h, w, "
            f"channels), but failed on such a tensor ({first_line(error)})."
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


def are_numbers(numbers, labels, source):
    """Return whether the outputs are known to be numbers: as stated, or one output, one label."""
    if numbers is None:
        return labels is not None and _units(source) == len(labels) == 1
    return bool(numbers)


def _units(source):
    return open_model(source.model).outputs[0].shape[-1]


def class_names(labels, source, numbers):
    """Return the labels: those given, the source's, ImageNet's, else "class 0" or "number"."""
    units = _units(source)
    count = 2 if units == 1 and not numbers else units
    labels = source.labels if labels is None else labels
    if labels is None:
        if source.application is not None and units == 1000:
            return imagenet_labels()
        if source.model.name in bundled_names():  # from net.model, say
            known = bundled_labels(source.model.name)
            if len(known) == count:
                return known
        if numbers:
            return ["number"] if count == 1 else [f"number {i}" for i in range(count)]
        return [f"class {i}" for i in range(count)]
    labels = _in_order(labels)
    name = source.model.name
    if len(labels) != count:
        what = "numbers" if numbers else "classes"
        raise ValueError(f"labels names {len(labels)} {what}, but {name!r} has {count}.")
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


def _cause(error):
    """Return why Keras failed, without the configuration that it prints first."""
    text = str(error).strip()
    for mark in ("Exception encountered: ", "Error encountered: ", "The error message was: "):
        text = text.rpartition(mark)[2]
    return first_line(text.partition(" Full object config")[0], 300)
