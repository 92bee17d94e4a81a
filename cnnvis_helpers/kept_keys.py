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

PACKAGE = "cnnvis_helpers"
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "pillow")
_FOLDER = Path(__file__).resolve().parent


class NoKey(Exception):
    """This call cannot be told from others for sure; the text says why."""


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


def _add(digest, value, network):
    """Add a value with its type and extent, so that no two values look alike."""
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
            _add(digest, item, network)
    elif dataclasses.is_dataclass(value) and type(value).__module__.startswith(f"{PACKAGE}."):
        digest.update(f"{type(value).__qualname__}:".encode())
        for part in dataclasses.fields(value):
            _add(digest, getattr(value, part.name), network)
    elif isinstance(value, types.FunctionType) and _is_public(inspect.unwrap(value)):
        digest.update(f"function:{value.__module__}.{value.__qualname__}".encode())
    elif hasattr(value, "numpy") and hasattr(value, "dtype"):
        _add(digest, value.numpy(), network)
    else:
        raise NoKey(f"an argument of type {type(value).__name__} has no key")


def _is_public(function):
    """Whether a function is one of the package's own, found by its name alone."""
    return function.__module__.startswith(f"{PACKAGE}.") and "<" not in function.__qualname__


def _add_network(digest, net):
    """Add everything that a network's answers depend on: structure, weights, preprocessing."""
    import numpy as np

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
    # A function cannot be written down, but what it does to a picture of all levels can.
    ramp = np.linspace(0, 255, 3 * net.input_size[0] * net.input_size[1], dtype=np.float32)
    made = np.asarray(net._preprocess(ramp.reshape(1, *net.input_size, 3)))
    digest.update(f"{made.shape}{made.dtype}".encode() + np.ascontiguousarray(made).tobytes())


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


def _foreign_functions(model):
    """Yield a reason for each layer that calls a function from outside Keras, such as a lambda."""
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            if isinstance(value, types.FunctionType):
                home = (value.__module__ or "").partition(".")[0]
                if home not in ("keras", "tensorflow"):
                    yield f"the layer {layer.name!r} calls a function of its own"


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
