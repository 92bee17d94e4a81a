"""What a result depends on, as a key: network, photo, method, arguments and code.

Two calls have the same key only where they must have the same result. Whatever cannot be told for
sure (a layer of one's own, a method that is not of this package, a function as an argument) has no
key, and its results are never kept.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cnnvis_helpers.classroom.kept_code import PACKAGE, NoKey, add_function

LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "pillow")
_FOLDER = Path(__file__).resolve().parent.parent


def call_key(method, arguments, started):
    """Return the first half of a call's key, 32 hexadecimal digits: all but the networks.

    method : a public function of the package
    arguments : dict of all its arguments by name
    started : when this process began, in seconds since 1970: a method whose code was changed later
        may be another one in memory than on disk
    """
    if not getattr(method, "__module__", "").startswith(f"{PACKAGE}."):
        raise NoKey("the method is not of this package")
    digest = hashlib.sha256()
    digest.update(f"{method.__module__}.{method.__qualname__}\0".encode())
    digest.update(_code(started).encode())
    for name in sorted(arguments):
        digest.update(f"\0{name}=".encode())
        _add(digest, arguments[name], network=lambda net: digest.update(b"a network"))
    return digest.hexdigest()[:32]


def networks_key(arguments):
    """Return the second half of a call's key, 32 hexadecimal digits: its networks as they are."""
    digest, found = hashlib.sha256(), hashlib.sha256()
    for name in sorted(arguments):
        _add(found, arguments[name], network=lambda net: _add_network(digest, net))
    return digest.hexdigest()[:32]


def named_arguments(method, arguments, named):
    """Return all arguments of a call by name, with their defaults; TypeError where it is wrong."""
    bound = inspect.signature(method).bind(*arguments, **named)
    bound.apply_defaults()
    kinds = {p.name: p.kind for p in inspect.signature(method).parameters.values()}
    flat = {}
    for name, value in bound.arguments.items():
        if kinds[name] is inspect.Parameter.VAR_KEYWORD:
            flat.update(value)
        else:
            flat[name] = value
    return flat


def _add(digest, value, network, other=None):
    """Add a value with its type and extent, so that no two values look alike.

    network(value) is asked for a network, other(value) for what has no key here.
    """
    import numpy as np

    if hasattr(value, "score_vector") and hasattr(value, "model"):
        network(value)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        digest.update(f"{type(value).__name__}:{len(repr(value))}:{value!r}".encode())
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        digest.update(f"array:{value.dtype.str}:{value.shape}:".encode())
        digest.update(np.ascontiguousarray(value).data if value.size else b"")
    elif isinstance(value, (list, tuple, dict)):
        items = list(value.items()) if isinstance(value, dict) else value
        digest.update(f"{type(value).__qualname__}:{len(items)}:".encode())
        for item in items:
            _add(digest, item, network, other)
    elif dataclasses.is_dataclass(value) and type(value).__module__.startswith(f"{PACKAGE}."):
        digest.update(f"{type(value).__qualname__}:".encode())
        for part in dataclasses.fields(value):
            _add(digest, getattr(value, part.name), network, other)
    elif isinstance(value, types.FunctionType) and _is_public(value):
        digest.update(f"function:{value.__module__}.{value.__qualname__}".encode())
    elif hasattr(value, "numpy") and hasattr(value, "dtype"):
        _add(digest, value.numpy(), network, other)
    elif other is not None:
        other(value)
    else:
        raise NoKey(f"an argument of type {type(value).__name__} has no key")


def _is_public(function):
    """Whether a function is one of the package's own, found by its name alone.

    A wrapper of one's own around one of them has its name, but is another function.
    """
    own = inspect.unwrap(function)
    ours = function is own or function.__globals__.get("__name__") == f"{PACKAGE}.kept"
    return ours and own.__module__.startswith(f"{PACKAGE}.") and "<" not in own.__qualname__


def _add_network(digest, net):
    """Add everything that a network's answers depend on: structure, weights, preprocessing."""
    model = net.model
    try:
        structure = json.loads(model.to_json())
    except Exception as error:
        raise NoKey(f"the network's structure cannot be written down ({error})") from error
    for reason in (*_foreign_code(structure), *_foreign_functions(model)):
        raise NoKey(reason)
    about = {"structure": structure, "labels": list(net.labels), "size": list(net.input_size)}
    digest.update(json.dumps(about, sort_keys=True).encode())
    with ThreadPoolExecutor() as pool:  # hashing lets other threads work
        for part in pool.map(_hash_of_weight, model.variables):
            digest.update(part)
    _add_preprocessing(digest, net)


def _add_preprocessing(digest, net):
    """Add the function from pixels to the network's input: its code, and what it does to pixels.

    The code alone must tell two functions apart: x / 255 and x / max(x) make the same of any
    picture that has all levels. What it makes of two pictures, together and alone, stands for the
    rest, such as a file that a library reads for it.
    """
    import numpy as np

    def add(value, other):
        if _is_layer(value):
            _add_layer(digest, value)
        else:
            _add(digest, value, _refuse_network, lambda part: add_part(part, other))

    def add_part(value, other):
        add(value, other) if _is_layer(value) else other(value)

    add(net._preprocess, lambda value: add_function(digest, value, add))
    shape = (*net.input_size, 3)
    ramp = np.linspace(0, 255, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    pair = np.stack([ramp, 40 + 0.5 * ramp[::-1]])  # all levels, and half of them
    for pixels in (pair, pair[1:]):
        made = np.asarray(net._preprocess(pixels))
        digest.update(f"{made.shape}{made.dtype}".encode() + np.ascontiguousarray(made).tobytes())


def _refuse_network(net):
    raise NoKey("the preprocessing asks a network")


def _is_layer(value):
    import keras

    return isinstance(value, keras.Layer)


def _add_layer(digest, layer):
    """Add a Keras layer, such as Rescaling or an adapted Normalization, with its numbers."""
    import keras

    try:
        made = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    except Exception as error:
        raise NoKey(f"the layer {layer.name!r} cannot be written down ({error})") from error
    for reason in (*_foreign_code(made), *_foreign_functions(layer)):
        raise NoKey(reason)
    digest.update(f"layer:{json.dumps(made, sort_keys=True)}".encode())
    for variable in layer.variables:
        digest.update(_hash_of_weight(variable))


def _hash_of_weight(variable):
    import numpy as np

    value = np.ascontiguousarray(variable.numpy())
    about = f"{variable.path}:{value.dtype.str}:{value.shape}:".encode()
    return hashlib.sha256(about + hashlib.sha256(value.data).digest()).digest()


def _foreign_code(part):
    """Yield a reason for each part of a model's description that stands for code of its own."""
    if isinstance(part, list):
        for item in part:
            yield from _foreign_code(item)
    if not isinstance(part, dict):
        return
    module, name = part.get("module"), part.get("class_name")
    if name in ("Lambda", "__lambda__", "function"):
        yield f"the network holds a function of its own ({name})"
    if module and module.partition(".")[0] not in ("keras", "builtins"):
        yield f"the network holds code of its own ({module}.{name})"
    for key, item in part.items():
        if key != "compile_config":
            yield from _foreign_code(item)


def _foreign_functions(layer):
    """Yield a reason for each part of a layer that calls a function from outside Keras."""
    for each in layer._flatten_layers():
        for value in vars(each).values():
            if isinstance(value, types.FunctionType):
                home = (value.__module__ or "").partition(".")[0]
                if home not in ("keras", "tensorflow"):
                    yield f"the layer {each.name!r} calls a function of its own"


def _code(started):
    """Return a hash of the package's own code and the versions of the libraries it stands on."""
    newest = max(path.stat().st_mtime for path in _FOLDER.rglob("*.py"))
    if newest > started:
        raise NoKey("the package's code was changed after this process had begun")
    return _code_hash()


@functools.cache
def _code_hash():
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.rglob("*.py")):
        digest.update(f"\0{path.relative_to(_FOLDER).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"\0{library} {_version(library)}".encode())
    digest.update(os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").encode())
    return digest.hexdigest()


def _version(library):
    names = (library, f"{library}-cpu", f"{library}_cpu")
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
