"""Kept results: what took long is computed once and then answered from disk, also after a restart.

    heat = kept.call(occlusion, net, photo, "cat", patch=16)      # as occlusion(net, photo, ...)

For lectures: `python -m cnnvis_helpers rehearse 04` runs a lesson and keeps its slow results; from
then on the lesson answers at once on this machine. Nothing is kept unless somebody asks for it:

    CNNVIS_KEEP    not set: kept results are used where there are any, none are added
                   a number: results that took more than so many seconds are kept (2, say)
                   off: nothing is used, nothing is kept
    CNNVIS_KEPT    the folder, by default "cnnvis/kept" in the user's cache folder

A result is found by what it depends on (`kept_keys`): network, photo, method, arguments, code. When
any of it changes, the old result is not found any more. A file is whole or not there, it is checked
before it is used, and all together stay below a limit; those used least recently go first.
"""

import contextlib
import functools
import hashlib
import inspect
import io
import json
import os
import pickle
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

from cnnvis_helpers import STARTED
from cnnvis_helpers._shared import progress
from cnnvis_helpers.classroom.kept_keys import (
    PACKAGE,
    NoKey,
    call_key,
    named_arguments,
    networks_key,
)

__all__ = ["clear_kept", "keep_results", "kept_results"]

SECONDS = 2.0
LIMIT = 2**30  # bytes of all results together; no single one may have more than a quarter
_NO_METHODS = ("networks", "layers", "pictures", "figures", "explore", "studio")  # rooms, begun so
_ENDING = ".kept"
_chosen = None  # what keep_results() was last told
_warned = False


def call(method, net, photo, *arguments, **named):
    """Return method(net, photo, ...), from disk where the same was computed and kept before.

    Parameters
    ----------
    method : public function of this package whose first argument is a network
    net, photo : its first two arguments (for `filter_patterns` the second is a layer)
    arguments, named : its further ones. A `progress` function is told (1, 1) when there was nothing
        to do; with another function among them nothing is kept.

    Returns what the method returns, and raises what it raises. A result that was stopped early is
    not kept.
    """
    return _call(inspect.unwrap(method), (net, photo, *arguments), named)


def find(method, net, photo, *arguments, **named):
    """Return (True, result) where `call` would find the result on disk, else (False, None)."""
    try:
        method = inspect.unwrap(method)
        given = named_arguments(method, (net, photo, *arguments), named)
        given.pop("progress", None)
        first = call_key(method, given, STARTED) if in_use() else None
        if first and _files(first):
            return _read(folder() / f"{first}-{networks_key(given)}{_ENDING}")
    except (NoKey, TypeError):
        pass
    return False, None


def _call(method, arguments, named):
    seconds = _seconds()
    if not in_use():
        return method(*arguments, **named)
    try:
        given = named_arguments(method, arguments, named)
        show = given.pop("progress", None)
        first = call_key(method, given, STARTED)
        second = networks_key(given) if keeping() or _files(first) else None
    except (NoKey, TypeError):
        return method(*arguments, **named)
    if second:
        found, result = _read(folder() / f"{first}-{second}{_ENDING}")
        if found:
            if show:
                show(1, 1)
            return result
    stops, begun = progress.stops(), time.perf_counter()
    result = method(*arguments, **named)
    took = time.perf_counter() - begun
    # A network that was trained meanwhile, in another thread, is neither the old nor the new one.
    if keeping() and took > seconds and progress.stops() == stops and networks_key(given) == second:
        _write(f"{first}-{second}{_ENDING}", result, _told(method, given), took)
    return result


def through(function):
    """Return a method that asks `call`, or the function itself where that makes no sense.

    function : a function that the package offers by name. Those whose first argument is `net` and
        that compute (not those of the rooms `_NO_METHODS`) are wrapped while results are used or
        kept; source, docstring and signature of the wrapped one are the method's own.
    """
    room = function.__module__.rpartition(".")[2]
    if not in_use() or room.startswith(_NO_METHODS) or inspect.isgeneratorfunction(function):
        return function
    parameters = list(inspect.signature(function).parameters)
    if parameters[:1] != ["net"] or len(parameters) < 2:
        return function

    @functools.wraps(function)
    def kept_method(*arguments, **named):
        return _call(function, arguments, named)

    return kept_method


def in_use():
    """Return whether results are used or kept now."""
    seconds = _seconds()
    return seconds is not None and (seconds < float("inf") or folder().is_dir())


def keeping():
    """Return whether new results are kept now."""
    seconds = _seconds()
    return seconds is not None and seconds < float("inf")


def keep_results(seconds=SECONDS):
    """Keep results that take longer than `seconds` from now on, in this process.

    seconds : number from 0 up; False: neither keep nor use any; None: as the environment variable
        CNNVIS_KEEP says. `python -m cnnvis_helpers rehearse 04` does this for a whole lesson.
    Raises ValueError for anything else.
    """
    global _chosen
    if seconds is not None and seconds is not False:
        _checked(seconds, "keep_results")
    _chosen = seconds


class KeptResult(NamedTuple):
    """A result on disk: what was called, how many seconds it took, its size, when it was kept."""

    what: str
    seconds: float
    bytes: int
    when: str
    path: Path


class KeptTable(list):
    """The kept results; prints as a table."""

    def __repr__(self):
        if not self:
            return f"No results are kept in {str(folder())!r}."
        rows = [f"{r.seconds:8.1f} s  {r.bytes / 1e6:7.2f} MB  {r.when}  {r.what}" for r in self]
        size = sum(result.bytes for result in self) / 1e6
        return "\n".join([*rows, f"{len(self)} results, {size:.1f} MB, in {str(folder())!r}"])


def kept_results():
    """Return a KeptTable of the results on disk, newest first; damaged files are left out."""
    found = []
    for path in _files():
        with contextlib.suppress(OSError, ValueError, KeyError):
            with open(path, "rb") as stream:
                about = json.loads(stream.readline())
            size, when = path.stat().st_size, about["when"]
            found.append(KeptResult(about["what"], about["seconds"], size, when, path))
    return KeptTable(sorted(found, key=lambda result: result.when, reverse=True))


def clear_kept():
    """Delete all kept results; return how many there were."""
    gone = 0
    for path in _files():
        with contextlib.suppress(OSError):
            path.unlink()
            gone += 1
    for path in folder().glob(".*.part") if folder().is_dir() else ():
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder().rmdir()  # where it is not, nothing needs to be looked up
    return gone


def folder():
    """Return the Path of the folder with kept results, whether it is there or not."""
    if os.environ.get("CNNVIS_KEPT"):
        return Path(os.environ["CNNVIS_KEPT"]).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cnnvis" / "kept"


def _seconds():
    """From how many seconds on results are kept: inf for none, None for neither kept nor used."""
    if _chosen is False:
        return None
    if _chosen is not None:
        return float(_chosen)
    told = os.environ.get("CNNVIS_KEEP", "").strip().lower()
    if not told:
        return float("inf")
    return None if told == "off" else _checked(told, "CNNVIS_KEEP")


def _checked(seconds, where):
    try:
        number = float("nan") if seconds is True else float(seconds)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise ValueError(
            f"{where} takes a number of seconds from 0 up, or {'off' if where.isupper() else False}"
            f" to keep nothing, not {seconds!r}."
        )
    return number


def _files(first=""):
    """The files of kept results, or those whose key begins with `first`."""
    with contextlib.suppress(OSError):
        return [p for p in folder().iterdir() if p.name.startswith(first) and p.suffix == _ENDING]
    return []


def _told(method, given):
    """A call in words, for the table."""
    words = []
    for name, value in given.items():
        if getattr(value, "shape", ()):
            words.append(f"{name} {' x '.join(map(str, value.shape))}")
        elif hasattr(value, "score_vector"):
            words.append(repr(value.name))
        elif value is not None:
            text = repr(value)
            words.append(f"{name}={text if len(text) <= 40 else text[:37] + '...'}")
    return f"{method.__name__}({', '.join(words)})"


# --- files -----------------------------------------------------------------------------------


def _read(path):
    """Return (True, result) of a whole file; (False, None) of any other, which is removed."""
    try:
        with open(path, "rb") as stream:
            about, data = json.loads(stream.readline()), stream.read()
        if hashlib.sha256(data).hexdigest() != about["sha256"]:
            raise ValueError("damaged")
        result = _Unpickler(io.BytesIO(data)).load()
    except FileNotFoundError:
        return False, None
    except Exception:  # whatever the file holds, it is of no use
        with contextlib.suppress(OSError):
            path.unlink()
        return False, None
    with contextlib.suppress(OSError):
        os.utime(path)
    return True, result


def _write(name, result, what, seconds):
    """Write one file, whole or not at all; where that fails, say so once and go on."""
    try:
        data = pickle.dumps(result, protocol=5)
        _Unpickler(io.BytesIO(data)).load()
    except Exception:  # a generator, say: nothing that can be kept
        return
    about = {
        "what": what,
        "seconds": round(seconds, 3),
        "when": time.strftime("%Y-%m-%d %H:%M:%S"),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    content = json.dumps(about).encode() + b"\n" + data
    if len(content) > LIMIT // 4:
        return
    path = folder() / name
    unfinished = path.with_name(f".{name}.{os.getpid()}.{time.monotonic_ns()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(len(content))
        try:
            with open(unfinished, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        _warn(error)


def _make_room(needed):
    """Remove what was used least recently until `needed` bytes fit, and leftovers of the dead."""
    there = []
    for path in folder().iterdir():
        with contextlib.suppress(OSError):
            about = path.stat()
            if path.suffix == ".part" and time.time() - about.st_mtime > 3600:
                path.unlink()
            elif path.suffix == _ENDING:
                there.append((about.st_mtime, about.st_size, path))
    total = needed + sum(size for _, size, _ in there)
    for _, size, path in sorted(there):
        if total <= LIMIT:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size


def _warn(error):
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"Results cannot be kept in {str(folder())!r} ({error.strerror or error}); set "
            "CNNVIS_KEPT to a folder that can be written to.",
            stacklevel=4,
        )


class _Unpickler(pickle.Unpickler):
    """Reads arrays and the package's own result classes; nothing that could run foreign code."""

    def find_class(self, module, name):
        top = module.partition(".")[0]
        if top == "numpy" and name in _NUMPY_NAMES:
            return super().find_class(module, name)
        if top == PACKAGE:
            found = super().find_class(module, name)
            if inspect.isclass(found):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that a result is made of")


_NUMPY_NAMES = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
