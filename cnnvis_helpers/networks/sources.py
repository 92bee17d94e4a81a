"""Read the input of `load_network`: a name, a file or a model; its labels and preprocessing.

Errors about names, files and settings are raised here, in one sentence each.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple
from urllib.request import url2pathname

import h5py
import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import first_line
from cnnvis_helpers._shared.files import wrong_content
from cnnvis_helpers.networks import applications, bundled, keras_2, weights
from cnnvis_helpers.networks.graph import open_model

_DEFAULT_SIZE = 224
_UNKNOWN = re.compile(  # locate class 'X', Unknown layer: 'X', object of type `X`, interpret ... {}
    r"(?:locate|Unknown|object of|interpret) ([a-z ]+)(?: identifier: {.*'class_name')?:? "
    r"['`](?:function', 'config': ')?(?:\w+>)?(\w+)"
)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in tf.image.rgb_to_grayscale


class Source(NamedTuple):
    """What a name, file or model is: its model, name, Application or None, own labels or None.

    trusted : True for bundled networks and those of keras.applications by name
    """

    model: keras.Model
    name: str
    application: applications.Application | None
    labels: list | None
    trusted: bool


# Otherwise the first kernel takes all memory of a GPU and leaves none for a second notebook.
for _card in tf.config.list_physical_devices("GPU"):
    with contextlib.suppress(RuntimeError, ValueError):  # already in use: leave it unchanged
        tf.config.experimental.set_memory_growth(_card, True)


def read(what):
    """Return the Source of a name, a path or a keras.Model; see `load_network`."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()!r} here, but the course needs TensorFlow: set "
            'the environment variable KERAS_BACKEND to "tensorflow" and start again.'
        )
    if isinstance(what, keras.Model):
        return Source(what, what.name, applications.application_of(what), None, trusted=False)
    if not isinstance(what, (str, os.PathLike)):
        kind = f"{type(what).__module__}.{type(what).__qualname__}".removeprefix("builtins.")
        hint = ""
        if kind.startswith("tf_keras."):
            hint = "; model.save('model.h5') writes a file that load_network reads"
        elif kind.startswith("torch"):
            hint = "; PyTorch models are not supported"
        raise TypeError(f"A network is a name, a path or a keras.Model, not {kind}{hint}.")
    text = os.fspath(what)
    if not text:
        raise ValueError("A network is a name or a path, not ''; list_networks() shows the names.")
    with usual_settings():
        if text in bundled.bundled_names():
            model, labels = bundled.load_bundled(text)
            return Source(model, text, None, labels, trusted=True)
        if one := applications.find_application(text):
            return Source(_load_application(one), one.name, one, None, trusted=True)
    if text.startswith("file://"):
        text = url2pathname(text.removeprefix("file://"))
    if "://" in text:
        raise ValueError(
            f"{text} is an address, but a network is a file on this machine: fetch it first (from "
            f"the web with keras.utils.get_file(origin={text!r}), which returns the path to give)."
        )
    path = Path(text).expanduser()
    if path.suffix or path.exists() or os.sep in text:
        model = _load_file(path)
        return Source(model, path.stem, applications.application_of(model), None, trusted=False)
    raise ValueError(weights.unknown_network(text))


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


def _load_application(application):
    """Build a keras.applications classifier with its ImageNet weights."""
    way_out = (
        f"once online, run `python -m cnnvis_helpers prefetch {application.name}`; "
        "load_network() works now, without a download."
    )
    try:
        path = weights.fetch_weights(application)
    except weights.DownloadError as error:
        if damaged := weights.find_cached(application.file):
            raise ValueError(
                f"The weights file {damaged} is damaged (it does not have the checksum that Keras "
                f"knows) and could not be fetched again ({error.reason}): {way_out}"
            ) from None
        raise FileNotFoundError(
            f"{application.name!r} needs {application.file} (about {application.megabytes} MB), "
            f"which is not in Keras's cache and could not be downloaded ({error.reason}): {way_out}"
        ) from None
    build = getattr(keras.applications, application.constructor)
    try:
        # Only EfficientNet has one more layer with weights="imagenet" than with a path.
        special = application.constructor.startswith("EfficientNetB")
        shape = (application.size, application.size, 3)
        return build(weights="imagenet" if special else str(path), input_shape=shape)
    except Exception as error:
        hint = f": if it is damaged, delete it and, {way_out}"
        if weights.is_whole(path, application.checksum):
            hint = ", though this file is intact; load_network() works now, without a download."
        raise ValueError(
            f"Keras cannot build {application.name!r} from {path} ({_cause(error)}){hint}"
        ) from None


def _load_file(path):
    """Load a .keras or .h5 file, or say in one sentence why it fails."""
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file {path.absolute()}; list_networks() shows networks that need none."
        )
    named = path.suffix.lower() in (".keras", ".h5", ".hdf5")
    version = _keras_version(path)
    if path.is_dir() or not (named or version):
        kind = "a folder" if path.is_dir() else f"a {path.suffix or 'nameless'} file"
        hint, folder = "", path.parent if path.name == "saved_model.pb" else path
        if (folder / "saved_model.pb").exists():
            hint = (
                "; of a SavedModel, keras.Sequential([keras.Input((height, width, 3)), "
                f'keras.layers.TFSMLayer({str(folder)!r}, call_endpoint="serve")]) makes a model '
                '("serving_default" before Keras 3)'
            )
        elif path.suffix == ".zip":
            hint = "; unpack it and give the file inside"
        elif (path / "config.json").exists():
            hint = "; this is one unpacked: zip its files, and name the archive .keras"
        raise ValueError(
            f"{path} is {kind}, but a network is a .keras or .h5 file, as model.save writes it"
            f"{hint}."
        )
    with path.open("rb") as stream:
        wrong = wrong_content(stream.read(1024))
    if wrong:
        raise ValueError(f"{path} {wrong}.")
    try:
        problem = h5py.is_hdf5(path) and _tell_weights_alone(path)
        if not problem:
            suffix = ".keras" if zipfile.is_zipfile(path) else ".h5"
            of_keras_2 = version.startswith("2.")
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of Keras's code
                readable = path
                if of_keras_2 or path.suffix != suffix:  # TensorFlow 2.11 wrote HDF5 as .keras
                    readable = shutil.copyfile(path, Path(folder) / f"{path.stem}{suffix}")
                if of_keras_2:
                    keras_2.rewrite(readable)
                return keras.models.load_model(readable, compile=False)
    except Exception as error:
        problem = _why_not_loaded(path, version, error)
    raise ValueError(problem)


def _tell_weights_alone(path):
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


def _why_not_loaded(path, written, error):
    cause = _cause(error)
    if code := re.search(r"deserialization of an? (`?\w+`?(?: layer| lambda)?)", cause):
        return (
            f"{path} holds a {code[1].replace('`', '')}, which is code that would run here: if you "
            f"trust it, keras.models.load_model({str(path)!r}, safe_mode=False) makes a model for "
            "load_network."
        )
    if not written:
        return f"{path} is not a Keras model, or is damaged: save the model anew with model.save."
    if own := re.search(r"interpret ([a-z ]+) identifier: .*('__lambda__'|\{'value')", cause):
        return (
            f"{path} holds a lambda as {own[1]}, which Keras cannot read back: "
            f"build the model, model.load_weights({str(path)!r}), and give it to load_network."
        )
    unknown = _UNKNOWN.search(cause)
    if unknown and "OpLambda" not in unknown[2]:  # which is an operation of Keras 2, as in x / 255
        kind, name = unknown.groups()
        return (
            f"{path}, written by Keras {written}, needs the {kind} {name!r}, which Keras "
            f"{keras.__version__} does not know: define or import it, load the file with "
            f"keras.models.load_model({str(path)!r}, custom_objects={{{name!r}: {name}}}) and give "
            "the model to load_network."
        )
    if written != keras.__version__:
        return (
            f"{path} was written by Keras {written} and cannot be read by Keras "
            f"{keras.__version__} here ({cause}): load it with Keras {written}, or build "
            "the model here and take over the weights with model.load_weights."
        )
    return f"{path} is a Keras model, but cannot be loaded ({cause})."


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
    """Return ((h, w), channels, units) of a model; ValueError if it is no image classifier."""
    model, name = source.model, source.model.name
    functional = open_model(model)
    if functional is None:
        problem = (
            "is a subclass with its own call(), whose layers cannot be followed: rebuild it with "
            "inputs = keras.Input((height, width, 3)) and keras.Model(inputs, model.call(inputs))"
        )
        if type(model).call is keras.Sequential.call:
            problem = (
                "has no input shape yet: call it once on a batch of photos, or let it begin with "
                "keras.Input((height, width, 3))"
            )
        raise ValueError(f"The model {name!r} {problem}.")
    inputs, outputs = functional.inputs, functional.outputs
    if len(inputs) != 1:
        raise ValueError(_several_inputs(name, inputs))
    if len(outputs) != 1:
        named = functional.output  # a dict has names of its own; outputs are in their order
        named = sorted(named) if isinstance(named, dict) else functional.output_names
        names = ", ".join(f"{i}: {one!r}" for i, one in enumerate(named))
        raise ValueError(
            f"The model {name!r} has {len(outputs)} outputs ({names}), but one is explained at a "
            "time: give keras.Model(model.inputs, model.outputs[0])."
        )
    shape = tuple(outputs[0].shape)
    if len(shape) < 2 or shape[-1] is None or any(length != 1 for length in shape[1:-1]):
        hint = "does it lack its head?"
        if len(shape) == 1:
            hint = "give keras.Sequential([model, keras.layers.Reshape((1,))])."
        raise ValueError(
            f"The model {name!r} gives an output of shape {shape}, but a classifier gives one row "
            f"of scores a photo, (None, classes): {hint}"
        )
    return *_check_input(source, tuple(inputs[0].shape), input_size), shape[-1]


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


def preprocessing(preprocess, source, channels):
    """Return the function from pixels (n, h, w, 3), 0..255, to the model's input."""
    if preprocess is None:  # keras_hub's classifiers have their own
        preprocess = getattr(source.model, "preprocessor", None) or "identity"
    modes, named = applications.MODES, applications.find_application(preprocess)
    mode = named.mode if named else preprocess
    function = preprocess if callable(preprocess) else modes.get(mode)
    if function is None:
        raise ValueError(
            f"preprocess is {', '.join(map(repr, modes))}, the name of a keras.applications "
            f"classifier or a function, not {preprocess!r}."
        )
    if channels == 3:
        return function

    def from_grey(pixels):
        grey = function(tf.reduce_sum(pixels * _LUMA, axis=-1, keepdims=True))
        return grey if channels == 1 else tf.squeeze(grey, -1)

    return from_grey


def check_preprocessing(function, model, size):
    """Try the preprocessing on a grey picture; it must make a tensor of the model's input shape."""
    must = "preprocess must be made of TensorFlow or Keras operations"
    try:
        result = function(tf.fill((1, *size, 3), 127.0))
    except Exception as error:
        raise ValueError(
            f"{must} on pixels (n, h, w, channels), but failed on such a tensor "
            f"({first_line(error)})."
        ) from None
    expected = open_model(model).inputs[0].shape[1:]
    if not tf.is_tensor(result):
        raise ValueError(
            f"{must}, so that gradients reach the pixels, but it returned {type(result).__name__}."
        )
    if not result.shape[1:].is_compatible_with(expected):
        raise ValueError(
            f"preprocess made pixels of shape {tuple(result.shape)}, but the model takes "
            f"{(None, *expected)}."
        )


def class_names(labels, source, numbers, units):
    """Return the labels: those given, the source's, ImageNet's, else "class 0" or "number"."""
    count = 2 if units == 1 and not numbers else units
    labels = source.labels if labels is None else labels
    name = source.model.name
    if labels is None:
        known = bundled.bundled_labels(name) if name in bundled.bundled_names() else []
        if source.application is not None:
            known = bundled.imagenet_labels()
        if len(known) == count:
            return known
        if numbers and count == 1:
            return ["number"]
        return [f"{'number' if numbers else 'class'} {i}" for i in range(count)]
    labels = _in_order(labels)
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


def _cause(error):
    """Return why Keras failed, without the configuration that it prints first."""
    before = r"(?:Exception|Error) encountered: |The error message was: |for object <.*?>:"
    text = re.split(before, str(error))[-1]
    return first_line(re.split(r" Full object config|, value=\[", text)[0], 300)
