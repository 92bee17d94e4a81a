"""Run a lesson with another network, in memory, and say what breaks.

    python tools/run_lesson_on.py mobilenet_v2 01 02
    python tools/run_lesson_on.py ~/my_model.keras          every lesson

Only the name of the first network that the lesson loads is changed. The lecturer's copy is run,
so solutions run too; nothing is written. The exit status is 1 when a cell fails.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import lesson_source
import notebook_making as making
import notebook_running as running
from build_notebooks import NOTEBOOKS, chosen
from lint_lessons import lint_notebook

_NETWORK = re.compile(r'(?<=NETWORK = )"[^"]+"|(?<=load_network\()(?:"[^"]+"|(?=\)))')


def with_network(notebook, network):
    """The notebook with another network in place of the first that it loads."""
    cells, changed = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and not changed:
            source, changed = _NETWORK.subn(lambda match: repr(network), cell["source"], count=1)
            cell = dict(cell, source=source)
        cells.append(cell)
    if not changed:
        raise lesson_source.LessonError("The lesson loads no network by its name.")
    return dict(notebook, cells=cells)


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", help="a name, or the path of a saved Keras model")
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons; none: all")
    options = parser.parse_args(arguments)
    network = options.network
    if Path(network).expanduser().is_file():  # the lesson runs in another folder
        network = str(Path(network).expanduser().resolve())
    lessons, broken = lesson_source.read_lessons(), 0
    for lesson in chosen(lessons, options.lessons):
        notebook = making.make_notebook(lesson, lessons, making.SOLUTIONS)
        start = time.perf_counter()
        ran, _ = running.run_notebook(
            with_network(notebook, network), NOTEBOOKS, timeout=900, allow_errors=True
        )
        found = lint_notebook(ran)
        broken += len(found)
        seconds = time.perf_counter() - start
        print(f"{lesson.name} on {options.network}: {len(found)} problems, {seconds:.0f} s")
        print(*(f"    {sentence}" for sentence in found), sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
