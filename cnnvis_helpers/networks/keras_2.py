"""Model files of Keras 2: their configuration is rewritten as Keras 3 expects it.

Only entries that cannot change the answer are left out. Operations on tensors (`x / 255`), which
Keras 2 wrote as TFOpLambda, become the layers that do the same.
"""

import inspect
import json
import re
import zipfile

import h5py
import keras
import numpy as np

_WITHOUT_EFFECT = re.compile("trainable|.*_(initializer|regularizer|constraint)")
_NEUTRAL = {"groups": 1, "time_major": False}
_OPERATIONS = {  # function: (layer for two tensors, arguments of Rescaling for a number)
    "math.truediv": ("", lambda y: {"scale": 1 / y, "offset": 0}),
    "math.multiply": ("Multiply", lambda y: {"scale": y, "offset": 0}),
    "math.subtract": ("Subtract", lambda y: {"scale": 1, "offset": -y}),
    "math.add": ("Add", lambda y: {"scale": 1, "offset": y}),
    "__operators__.add": ("Add", lambda y: {"scale": 1, "offset": y}),
}
_ACTIVATIONS = ("nn.relu", "nn.sigmoid", "math.sigmoid", "nn.softmax")


def rewrite(path):
    """Change the configuration in a model file, HDF5 or zip, in place."""
    if h5py.is_hdf5(path):
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = json.dumps(_as_keras_3(config))
        return
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["config.json"] = json.dumps(_as_keras_3(json.loads(parts["config.json"])))
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def _as_keras_3(one):
    """Return a configuration, or an entry of one, as Keras 3 expects it."""
    if isinstance(one, str):
        return one.replace("/", "_")  # in the names of layers
    if isinstance(one, list):
        return [_as_keras_3(each) for each in one]
    if not isinstance(one, dict):
        return one
    if "hard_sigmoid" in (one.get("activation"), one.get("recurrent_activation")):
        raise ValueError(
            "hard_sigmoid is another function in Keras 3, relu6(x + 3) / 6, than in Keras 2, "
            "clip(0.2 x + 0.5, 0, 1)"
        )
    one = {key: _as_keras_3(value) for key, value in one.items() if key != "build_config"}
    kind, config = one.get("class_name"), one.get("config")
    if kind == "Policy":
        return config["name"]
    if kind == "TFOpLambda":
        new = _as_layer(config, one.get("inbound_nodes", []))
        return {**one, **new, "module": "keras.layers", "registered_name": None} if new else one
    if kind == "Functional" and "module" in one:
        one["module"] = "keras.src.models.functional"
    if isinstance(config, dict) and "layers" in config:
        _change_model(config)
    layer = getattr(keras.layers, str(kind), None)
    if layer and isinstance(config, dict):
        taken = _parameters(layer)
        one["config"] = {k: v for k, v in config.items() if k in taken or not _is_leftover(k, v)}
        if kind == "BatchNormalization" and isinstance(config["axis"], list):
            (one["config"]["axis"],) = config["axis"]
    return one


def _change_model(config):
    """Change the configuration of a model, already translated layer by layer, in place.

    Keras 2 counted a nested model's own graph as its first call, so its calls begin at 1. A
    Sequential had its input's shape as an argument of a layer.
    """
    inner = config["layers"]
    nested = {one.get("name") for one in inner if "layers" in one["config"]}

    def from_0(one):
        if isinstance(one, dict):
            return {key: from_0(value) for key, value in one.items()}
        if not isinstance(one, list):
            return one
        if len(one) > 2 and isinstance(one[0], str) and one[0] in nested:
            return [one[0], one[1] - 1, *map(from_0, one[2:])]
        return list(map(from_0, one))

    if "output_layers" in config:
        for one in inner:
            one["inbound_nodes"] = from_0(one["inbound_nodes"])
        for end in ("input_layers", "output_layers"):
            tensors = from_0(config[end])
            config[end] = tensors[0] if len(tensors) == 1 else tensors
        return
    if inner[0]["class_name"] != "InputLayer" and "batch_input_shape" in inner[0]["config"]:
        shape = inner[0]["config"]["batch_input_shape"]
        inner.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape}})
    for one in inner:
        if one["class_name"] != "InputLayer":
            one["config"].pop("batch_input_shape", None)


def _is_leftover(name, value):
    return value is None or _WITHOUT_EFFECT.fullmatch(name) or _NEUTRAL.get(name, ...) == value


def _parameters(kind):
    """Return the names that a class takes, and those that it hands on to the classes above."""
    names = set()
    for one in kind.__mro__:
        parameters = inspect.signature(one.__init__).parameters.values()
        names.update(each.name for each in parameters)
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return names


def _as_layer(config, nodes):
    """Return what replaces an operation on tensors: class, configuration and inputs.

    nodes : [[name, 0, 0, {"y": number or [name, 0, 0]}]], the layers that it is called on
    """
    function, node = config["function"], nodes[0] if len(nodes) == 1 else []
    if len(node) != 4 or node[0] == "_CONSTANT_VALUE" or not isinstance(node[3], dict):
        return {}
    *source, given = node
    y = given.pop("y", None)
    if any(value is not None for value in given.values()):
        return {}
    same = {key: config[key] for key in ("name", "dtype") if key in config}
    of_two, of_number = _OPERATIONS.get(function, ("", None))
    inputs = [[*source, {}]]
    if function in _ACTIVATIONS and y is None:
        kind, new = "Activation", {"activation": function.partition(".")[2]}
    elif of_two and isinstance(y, list) and isinstance(y[0], str):
        kind, new, inputs = of_two, {}, [*inputs, [*y, {}]]
    elif of_number and y is not None and np.asarray(y).dtype.kind in "if":
        new = {key: np.asarray(value).tolist() for key, value in of_number(np.asarray(y)).items()}
        kind = "Rescaling"
    else:
        return {}
    return {"class_name": kind, "config": {**same, **new}, "inbound_nodes": [inputs]}
