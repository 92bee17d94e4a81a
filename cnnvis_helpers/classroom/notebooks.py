"""A fresh kernel in a process of its own, with a time and a memory limit: to rehearse and to grade.

    with FreshKernel(folder, memory=4000) as kernel:
        done = kernel.run("1 + 1", seconds=10)

Needs what a notebook needs to run at all (ipykernel with jupyter_client and psutil), which is not
a requirement of the package itself.
"""

import contextlib
import importlib
import json
import os
import queue
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_STARTING = 120  # seconds until a kernel must have answered


class Ran(NamedTuple):
    """What became of a piece of code.

    status : "ok", "error", "time" (limit reached), "memory" (limit reached) or "died"
    said : the error in one line, "" when all is well
    seconds : how long it took
    """

    status: str
    said: str
    seconds: float


class FreshKernel:
    """A Python kernel with the interpreter that runs this, to be used in a `with` block.

    Parameters
    ----------
    folder : its working folder
    variables : environment variables that it gets besides those of this process; it finds this
        same copy of the package, and draws without a screen
    memory : megabytes that it and its children may hold together; None for no limit. They are
        looked at five times a second, so a quick burst may go above it for a moment.

    Attributes
    ----------
    peak : the largest number of megabytes seen so far
    """

    def __init__(self, folder, variables=None, memory=None):
        self.folder, self.memory, self.peak = str(folder), memory, 0.0
        own = {"MPLBACKEND": "agg", "PYTHONPATH": _search_path()}
        self._variables = {**own, **(variables or {})}
        self._stop, self._too_large = threading.Event(), False

    def __enter__(self):
        client = _part_of_jupyter("jupyter_client")
        _part_of_jupyter("ipykernel")
        self._psutil = _part_of_jupyter("psutil")
        self._manager = client.KernelManager()
        start = [sys.executable, "-m", "ipykernel_launcher", "--log-level=40"]
        start += ["-f", "{connection_file}"]
        spec = client.kernelspec.KernelSpec(argv=start, language="python")
        self._manager._kernel_spec = spec  # this Python, whatever "python3" stands for here
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **self._variables}
        self._log = tempfile.TemporaryFile()  # what native code writes: not for the terminal
        told = {"stdout": self._log, "stderr": self._log}
        self._manager.start_kernel(cwd=self.folder, env=environment, **told)
        self._client = self._manager.client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=_STARTING)
        except RuntimeError as error:
            said = self._last_words() or error
            self.__exit__()
            raise OSError(f"No Python kernel could be started: {said}") from error
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        with contextlib.suppress(Exception):
            self._client.stop_channels()
        with contextlib.suppress(Exception):
            self._manager.shutdown_kernel(now=True)
        self._log.close()

    def _last_words(self):
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def run(self, source, seconds):
        """Run some code to its end, or to a limit (then the kernel is gone); return a Ran."""
        begun, said, status = time.monotonic(), "", "ok"
        asked = self._client.execute(source, store_history=True, allow_stdin=False)
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                if self._too_large or not self._manager.is_alive():
                    status = "memory" if self._too_large else "died"
                    said = "used too much memory" if self._too_large else "the kernel died"
                    break
                if time.monotonic() - begun > seconds:
                    status, said = self._too_long()
                    break
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "error":
                status = "error"
                said = _COLOURS.sub("", f"{content['ename']}: {content['evalue']}").strip()
            elif kind == "status" and content["execution_state"] == "idle":
                break
            elif time.monotonic() - begun > seconds:  # busy printing
                status, said = self._too_long()
                break
        first_line = (said.splitlines() or [""])[0]
        return Ran(status, first_line[:300], time.monotonic() - begun)

    def _too_long(self):
        with contextlib.suppress(Exception):
            self._manager.shutdown_kernel(now=True)
        return "time", "took too long"

    def _watch(self):
        """Note the memory of the kernel and its children; kill it above the limit."""
        psutil = self._psutil
        try:
            process = psutil.Process(_process_id(self._manager))
        except psutil.Error:
            return
        while True:
            try:
                family = [process, *process.children(recursive=True)]
                held = sum(one.memory_info().rss for one in family) / 1e6
            except psutil.Error:
                return
            self.peak = max(self.peak, held)
            if self.memory and held > self.memory:
                self._too_large = True
                for one in reversed(family):
                    with contextlib.suppress(psutil.Error):
                        one.kill()
                return
            if self._stop.wait(0.2):
                return


def _part_of_jupyter(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(
            f"{name} is not installed here, and without it no notebook runs: "
            "python -m pip install ipykernel"
        ) from None


def _search_path():
    """Where a process that this one starts finds this same copy of the package."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))


def _process_id(manager):
    provisioner = manager.provisioner
    return getattr(provisioner, "pid", None) or provisioner.process.pid


def code_cells(path):
    """Read a notebook and return the sources of its code cells, in order.

    path : of a notebook, .ipynb of format 4

    Raises ValueError for whatever else stands there: one sentence with the file's name and what
    is wrong in it.
    """
    name = repr(str(path))
    try:
        return _sources(json.loads(Path(path).read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise ValueError(f"There is no file {name}.") from None
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        reason = "it is not text in UTF-8"
    except json.JSONDecodeError as error:
        reason = f"it is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    raise ValueError(f"{name} is not a notebook that can be read: {reason}.")


def _sources(notebook):
    """Return the code cells' sources of what JSON gave; ValueError says what is malformed."""
    if not isinstance(notebook, dict):
        raise ValueError("its JSON is no object")
    form, cells = notebook.get("nbformat"), notebook.get("cells")
    if type(form) is not int or form < 4:
        raise ValueError(
            f"its nbformat is {form!r:.20} and not 4 (opening it in Jupyter and saving it helps)"
        )
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    sources = []
    for number, cell in enumerate(cells, start=1):
        place = f"cell {number} of {len(cells)}"
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind not in ("code", "markdown", "raw"):
            raise ValueError(f"{place} is neither code nor markdown nor raw")
        if kind == "code":
            sources.append(_source(cell, place))
    return sources


def _source(cell, place):
    if "source" not in cell:
        raise ValueError(f"{place} has no source")
    source = cell["source"]
    lines = [source] if isinstance(source, str) else source
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError(f"the source of {place} is neither a text nor a list of texts")
    try:
        "".join(lines).encode()
    except UnicodeEncodeError:
        raise ValueError(f"the source of {place} has half a character") from None
    return "".join(lines)
