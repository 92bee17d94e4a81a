"""Run a notebook in a fresh kernel, to rehearse and to grade; needs nbclient and nbformat."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from cnnvis_helpers._shared.checks import first_line

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def read_code(path):
    """Return the code cells of a notebook file, without outputs, as a notebook (an nbformat node).

    Raises ValueError, one sentence, for a file that is not a notebook.
    """
    try:
        import nbclient  # noqa: F401
        import nbformat
    except ImportError as error:
        raise ValueError(
            f'{error.name} is not installed here: python -m pip install -e ".[classroom]"'
        ) from None
    name = repr(str(path))
    try:
        notebook = nbformat.reads(Path(path).read_text(encoding="utf-8-sig"), as_version=4)
        nbformat.validate(notebook)
    except FileNotFoundError:
        raise ValueError(f"There is no file {name}.") from None
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # nbformat raises many kinds
        raise ValueError(
            f"{name} is not a notebook that can be read: {first_line(error)}."
        ) from None
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        cell.outputs = []
    return notebook


def code_cell(source):
    """Return a code cell with this source."""
    from nbformat.v4 import new_code_cell

    return new_code_cell(source)


def run_notebook(notebook, folder, seconds, variables=None, keep_going=False):
    """Run all code cells in a fresh kernel of this Python and put their outputs in the notebook.

    folder : the kernel's working folder
    seconds : limit for all cells together
    variables : environment variables for the kernel besides those of this process
    keep_going : whether the cells after an error also run

    Returns None if the last cell was reached, else (index, reason) of the cell where it ended.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    class ThisPython(AsyncKernelManager):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel_spec = KernelSpec(argv=argv, language="python")

    def release_ctrl_c(notebook):  # nbclient mistakes Ctrl-C for a dead kernel
        with contextlib.suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    reached, deadline = [0], time.monotonic() + seconds
    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda cell: max(1, deadline - time.monotonic()),
        allow_errors=keep_going,
        on_notebook_start=release_ctrl_c,
        on_cell_execute=lambda cell, cell_index: reached.append(cell_index),
        record_timing=False,
        shutdown_kernel="immediate",
    )
    client.log = logging.getLogger(f"{__name__}.silent")
    client.log.disabled = True
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    root = str(Path(__file__).resolve().parents[2])  # this copy of the package, no screen, no GPU
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    fixed = {"PYTHONPATH": path, "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        client.execute(env={**os.environ, **fixed, **(variables or {})}, **silent)
    except CellExecutionError:
        return reached[-1], dict(errors(notebook))[reached[-1]]
    except CellTimeoutError:
        return reached[-1], f"took too long (limit {seconds:g} s)"
    except (DeadKernelError, RuntimeError):
        return reached[-1], "the kernel died"
    return None


def errors(notebook):
    """Yield (index of the cell, "NameError: name 'x' is not defined") for each error output."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                said = _COLOURS.sub("", f"{output.ename}: {output.evalue}").strip()
                yield index, said.splitlines()[0][:300]
