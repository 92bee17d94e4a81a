"""Show that a notebook alone is enough in Colab, without Colab.

    python tests/colab/proof.py            every lesson (about a minute each)
    python tests/colab/proof.py 00 04      these lessons

It makes an environment with exactly what Colab shipped on the date in the name of
constraints-2026-08-19.txt. Then, for each lesson: the student's notebook alone lies in an empty
folder; its set-up cell installs the course from CNNVIS_SOURCE, by default the last commit of this
copy, by its git address; all cells run; no version of what was there before may have changed. What
the set-up cell brought is taken out again before the next lesson.

In Colab's own image, where everything is there already, `--here` uses this Python as it is.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import environments  # noqa: E402

CONSTRAINTS = sorted(Path(__file__).parent.glob("constraints-*.txt"))[-1]
PYTHON = "3.13"
CELL_SECONDS = 600
READY = "The course is ready.\n"


class Failed(Exception):
    """A proof that failed: the text names the lesson and what is wrong."""


def constraints():
    """The lines of the constraints file, without its comments."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def colab_python():
    """The Python of the environment with Colab's versions, made when it is not there."""
    python = environments.find_python(PYTHON)
    return environments.environment("colab", constraints(), python)


def source_of_this_copy():
    """What pip is to install: the last commit by its git address.

    The folder itself where git is not there, or has only the last commit (a shallow clone): pip
    asks for a partial clone of it, which from a shallow one does not come to an end.
    """
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        return str(ROOT)
    ask = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "rev-parse", "--is-shallow-repository"]
    ran = subprocess.run(ask, capture_output=True, text=True)
    return f"git+{ROOT.as_uri()}" if ran.stdout.strip() == "false" else str(ROOT)


def lesson_notebook(number):
    """The student's notebook of a lesson, by its number."""
    found = sorted((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    if not found:
        raise Failed(f"There is no lesson {number!r}.")
    return found[0]


def prove(notebook, python, source):
    """Run one notebook alone; return ({name: version} that came, seconds), or raise Failed."""
    before, start = environments.versions(python), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="cnnvis-") as folder:
        alone = Path(folder, "empty")
        alone.mkdir()
        shutil.copy(notebook, alone)
        ran = _run_all(alone / notebook.name, python, source, home=Path(folder, "home"))
    _judge(notebook.stem, ran)
    after = environments.versions(python)
    changed = {name: after.get(name) for name in before if after.get(name) != before[name]}
    if changed:
        raise Failed(f"{notebook.stem} changed what was there: {changed}")
    return {name: after[name] for name in after.keys() - before}, time.perf_counter() - start


def _run_all(path, python, source, home):
    """Run all cells with `python` as the kernel, its folder as working directory, and a new home.

    Returns the notebook with its outputs. Raises Failed at the first cell that fails.
    """
    variables = environments.clean_variables(
        CNNVIS_SOURCE=source,
        IPYTHONDIR=str(home / "ipython"),
        JUPYTER_RUNTIME_DIR=str(home / "runtime"),
        KERAS_HOME=str(home / "keras"),
        CNNVIS_CACHE=str(home / "cache"),
        MPLCONFIGDIR=str(home / "matplotlib"),
        PYDEVD_DISABLE_FILE_VALIDATION="1",  # the debugger's chatter at each start
        GIT_CONFIG_COUNT="1",  # a copy that belongs to another user may be read all the same
        GIT_CONFIG_KEY_0="safe.directory",
        GIT_CONFIG_VALUE_0="*",
    )
    home.mkdir()
    manager = KernelManager()
    manager.kernel_spec.argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, resources=resources)
    try:
        return client.execute(env=variables)
    except CellControlSignal as error:
        raise Failed(f"{path.stem}: {error}") from None
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)


def _judge(name, notebook):
    """Raise Failed unless the set-up cell installed the course and every code cell has run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    (setup,) = (cell for cell in code if "setup" in cell.metadata.get("tags", []))
    said = "".join(output.get("text", "") for output in setup.outputs)
    if said != READY:
        raise Failed(f"{name}: the set-up cell says {said!r}")
    if not all(cell.execution_count for cell in code):
        raise Failed(f"{name}: not every cell has run")


def forget(python, names):
    """Uninstall what a set-up cell brought."""
    command = [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", *sorted(names)]
    variables = environments.clean_variables(PIP_ROOT_USER_ACTION="ignore")
    subprocess.run(command, env=variables, check=True, capture_output=True)


def prove_all(numbers, python, source, tell=print):
    """Prove lessons one after the other; return what the set-up cell of each one brought."""
    came = {}
    left = [name for name in ("cnnvis-helpers", "tf-keras-vis") if name in _installed(python)]
    if left:  # an earlier run was cut off
        forget(python, left)
    for number in numbers:
        notebook = lesson_notebook(number)
        came[number], seconds = prove(notebook, python, source)
        brought = ", ".join(f"{name} {version}" for name, version in sorted(came[number].items()))
        tell(f"{notebook.stem}: all cells ran in {seconds:.0f} s; nothing changed; came: {brought}")
        forget(python, came[number])
    return came


def _installed(python):
    return {name.replace("_", "-") for name in environments.versions(python)}


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons; none: all")
    parser.add_argument("--here", action="store_true", help="use this Python, as in Colab's image")
    options = parser.parse_args(arguments)
    numbers = options.lessons or sorted(
        path.name[:2] for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
    )
    try:
        python, version, packages = sys.executable, sys.version.split()[0], "its own packages"
        if not options.here:
            python, version, packages = colab_python(), PYTHON, CONSTRAINTS.stem
        source = os.environ.get("CNNVIS_SOURCE") or source_of_this_copy()
        print(f"Python {version}, {packages}, the course from {source}", flush=True)
        prove_all(numbers, python, source, tell=lambda line: print(line, flush=True))
    except (Failed, environments.NoEnvironment) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(numbers)} lessons, each alone, each ran from its first cell to its last.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
