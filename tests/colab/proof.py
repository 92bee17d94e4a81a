"""Show that a notebook alone is enough in Colab.

    nox -s colab                            every lesson, with the versions that Colab ships
    nox -s colab -- 00 04                   these lessons
    python tests/colab/proof.py             with the packages of this Python

For each lesson, the student's notebook runs alone in an empty folder. Its set-up cell installs the
course from this copy and must not change the version of any package that was there. What it
brought is uninstalled before the next lesson. In Colab's own image, run it with that Python.
"""

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from publication import setup_source  # noqa: E402


class Failed(Exception):
    """A proof that failed: the text names the lesson and what is wrong."""


def versions():
    """{name: version} of all that is installed for this Python."""
    importlib.invalidate_caches()
    return {each.name.lower(): each.version for each in importlib.metadata.distributions()}


def prove(path, source=ROOT):
    """Run one notebook alone; return {name: version} of what its set-up cell brought."""
    before = versions()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
            if "setup" in cell.metadata.get("tags", []):
                cell.source = setup_source(source)
    with tempfile.TemporaryDirectory(prefix="cnnvis-") as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
        try:
            client.execute(env=_variables(folder))
        except CellControlSignal as error:
            raise Failed(f"{path.stem}: {error}") from None
    after = versions()
    changed = {name: after.get(name) for name in before if after.get(name) != before[name]}
    if changed:
        raise Failed(f"{path.stem} changed what was there: {changed}")
    return {name: after[name] for name in after.keys() - before}


def _variables(home):
    """The variables of a user who has nothing but the system, with a home of their own."""
    ours = ("CNNVIS_", "PYTHONPATH", "KERAS_", "JUPYTER_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    homes = {"HOME": home, "KERAS_HOME": f"{home}/keras", "CNNVIS_CACHE": f"{home}/cache"}
    return {**kept, **homes, "TF_CPP_MIN_LOG_LEVEL": "3", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def forget(names):
    """Uninstall what a set-up cell brought."""
    command = [sys.executable, "-m", "pip", "uninstall", "--quiet", "--yes", *sorted(names)]
    subprocess.run(command, check=True)


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons; none: all")
    numbers = parser.parse_args(arguments).lessons
    found = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if left := {"cnnvis-helpers", "tf-keras-vis"} & versions().keys():
        forget(left)  # an earlier run was cut off
    for path in found:
        if numbers and path.name[:2] not in numbers:
            continue
        start = time.perf_counter()
        try:
            came = prove(path)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
        brought = ", ".join(f"{name} {version}" for name, version in sorted(came.items()))
        seconds = time.perf_counter() - start
        print(f"{path.stem}: all cells ran in {seconds:.0f} s; came: {brought}", flush=True)
        forget(came)
    return 0


if __name__ == "__main__":
    sys.exit(main())
