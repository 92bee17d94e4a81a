"""Keep slow results on disk, so that a rehearsed lesson answers at once, even after a restart.

`python -m cnnvis_helpers rehearse 04` runs a lesson and keeps its slow results with joblib. After
that, the methods of `cnnvis_helpers`, in lessons and in explorers, first look up their result.

    CNNVIS_KEEP    not set: kept results are used, none are added
                   a number: results that took more than this many seconds are kept
                   off: nothing is used, nothing is kept

The key is the package's code, the network (its origin and weights), the method and all its
arguments. Results of networks without `origin`, such as a model from memory, are never kept.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import os
import shutil
import sys
import time
import types
import warnings
import zlib
from pathlib import Path

import numpy as np

from cnnvis_helpers._shared import progress
from cnnvis_helpers._shared.files import cache_folder

LIMIT = "1G"  # of all results together; `tidy` removes those used least recently


def folder():
    """Return the Path of the kept results; it exists only while there are some."""
    return cache_folder() / "kept"


def through(method):
    """Return `method`, wrapped to look up its result on disk while results are used or kept.

    The wrapper has an attribute `ready(net, ...)`: True if the answer is already on disk or a
    rehearsal will keep it, so that an explorer need not show its steps.
    """
    if importlib.util.find_spec("joblib") is None or not _in_use():
        return method
    takes_net = list(inspect.signature(method).parameters)[:1] == ["net"]
    if not takes_net or inspect.isgeneratorfunction(method):
        return method

    @functools.wraps(method)
    def answer(*arguments, **named):
        key = _key(method, arguments, named) if _in_use() else None
        if key is None:
            return method(*arguments, **named)
        show = inspect.signature(method).bind(*arguments, **named).arguments.get("progress")
        if _is_kept(key):
            with contextlib.suppress(LookupError):  # a damaged file
                result = _stored()(key, _no_result)
                if show:
                    show(1, 1)
                return result
        stops, begun = progress.stops(), time.perf_counter()
        result = method(*arguments, **named)
        slow = time.perf_counter() - begun > seconds_limit()
        # A stopped method returns a part; a network trained meanwhile has no well-defined key.
        if slow and progress.stops() == stops and _key(method, arguments, named) == key:
            _keep(key, result)
        return result

    answer.ready = lambda *arguments, **named: (
        _in_use() and (seconds_limit() < float("inf") or _is_kept(_key(method, arguments, named)))
    )
    return answer


def seconds_limit():
    """Return the seconds above which results are kept: inf for none, nan to use none either."""
    setting = os.environ.get("CNNVIS_KEEP", "").strip().lower() or "inf"
    try:
        seconds = float("nan" if setting == "off" else setting)
    except ValueError:
        seconds = -1
    if seconds < 0:
        raise ValueError(f"CNNVIS_KEEP is a number of seconds or 'off', not {setting!r}.")
    return seconds


def tidy():
    """Remove the results used least recently, down to 1 GB."""
    if folder().is_dir():
        _memory(folder()).reduce_size(LIMIT)


def clear():
    """Delete all kept results; return how many there were."""
    count = len(summary()[0])
    shutil.rmtree(folder(), ignore_errors=True)
    _memory.cache_clear()
    return count


def summary():
    """Return (paths of the kept results, their total size in bytes)."""
    paths = list(folder().rglob("output.pkl"))
    return paths, sum(path.stat().st_size for path in paths)


def _in_use():
    seconds = seconds_limit()
    return seconds < float("inf") or (seconds == float("inf") and folder().is_dir())


def _no_result():
    raise LookupError


def _remember(key, make):
    """The function that joblib keeps; its one argument is the key of a call."""
    return make()


@functools.cache
def _memory(path):
    import joblib

    return joblib.Memory(str(path), verbose=0, compress=1)  # compressed, so with a checksum


def _stored():
    return _memory(folder()).cache(_remember, ignore=["make"])


def _keep(key, result):
    """Write a result to disk, or warn that it cannot be kept."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Unable to")  # joblib's, of several sentences
            _stored()(key, lambda: result)
    except (OSError, Warning):
        warnings.warn(
            f"The result is not kept, as {folder()} cannot be written to: make space or set "
            "CNNVIS_CACHE to another folder.",
            stacklevel=3,
        )


def _is_kept(key):
    return key is not None and folder().is_dir() and _stored().check_call_in_cache(key, None)


def _key(method, arguments, named):
    """Return the key of a call as text, or None if the call must not be kept."""
    import joblib

    try:
        bound = inspect.signature(method).bind(*arguments, **named)
        bound.apply_defaults()
        given = {
            name: _plain(value) for name, value in bound.arguments.items() if name != "progress"
        }
    except TypeError:  # wrong arguments, of which the method tells, or ones without a key
        return None
    return joblib.hash([_code(), method.__module__, method.__qualname__, given])


def _plain(value):
    """Return an argument as plain values that are equal only if the arguments are."""
    if value is None or isinstance(value, str | bytes | int | float | np.generic):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        return np.ascontiguousarray(value)
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(_plain, value)]
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if getattr(value, "origin", None) is not None:  # a network that can be loaded again
        return ["network", _plain(value.origin), *(_checksum(v) for v in value.model.variables)]
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith("cnnvis_helpers."):
        parts = dataclasses.fields(value)
        return [type(value).__name__, *(_plain(getattr(value, part.name)) for part in parts)]
    if isinstance(value, types.FunctionType):
        known = getattr(sys.modules.get(value.__module__), value.__qualname__, None)
        ours = value.__module__.startswith("cnnvis_helpers.methods.") and known is not None
        if ours and (value is known or hasattr(value, "ready")):  # not a user's wrapper of one
            return f"{value.__module__}.{value.__qualname__}"
    raise TypeError("an argument that cannot be compared between calls")


def _checksum(variable):
    return zlib.crc32(np.ascontiguousarray(variable.numpy()))


@functools.cache
def _code():
    """Return what determines this process's results: our code and the library versions."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    libraries = ("tensorflow", "keras", "numpy", "scipy", "PIL")
    versions = [getattr(sys.modules.get(name), "__version__", "") for name in libraries]
    return f"{digest.hexdigest()} {versions}"
