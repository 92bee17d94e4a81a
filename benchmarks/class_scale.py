"""What one student costs a server: start-up seconds and memory of a kernel after a lesson.

    python benchmarks/class_scale.py            lesson 04, once
    python benchmarks/class_scale.py 03 --json  another lesson, as JSON

"Resident" counts pages of shared libraries in full for each kernel; "own" is what one more kernel
on the same machine really adds; "share" splits shared pages among all that use them. Linux only.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cnnvis_helpers.classroom.notebooks import code_cell, read_code, run_notebook  # noqa: E402
from cnnvis_helpers.classroom.rehearse import find_lesson  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
LOOK = """
import json as _json, psutil as _psutil, resource as _resource, time as _time
_all = _psutil.Process().memory_full_info()
_peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss * 1024
_seen = {"at": _time.time(), "resident": _all.rss, "share": _all.pss}
_seen |= {"own": _all.uss, "peak": _peak}
print("LOOK" + _json.dumps(_seen))
"""
IMPORTS = "from cnnvis_helpers import load_network, load_photo\nload_network"
FIRST = "load_network().predict(load_photo('chelsea'))"


def measure(lesson, variables=None):
    """Return seconds and megabytes of a fresh kernel that runs a lesson's student copy."""
    path = find_lesson(lesson)
    path = path.parent.parent / path.name if path.parent.name == "solutions" else path
    notebook, begun = read_code(path), time.time()
    lesson_cells, look = notebook.cells, code_cell(LOOK)
    before = [look, code_cell(IMPORTS), code_cell(LOOK), code_cell(FIRST), code_cell(LOOK)]
    notebook.cells = [*before, *lesson_cells, code_cell(LOOK)]
    ended = run_notebook(notebook, path.parent, 3000, {"CNNVIS_KEEP": "off", **(variables or {})})
    if ended:
        raise SystemExit(f"{path.name}, code cell {ended[0] + 1 - len(before)}: {ended[1]}")
    seen = [
        json.loads(output.text.partition("LOOK")[2])
        for cell in notebook.cells
        if cell.source == LOOK
        for output in cell.outputs
        if output.get("name") == "stdout"
    ]
    phases = ("kernel starts", "imports TensorFlow", "first prediction", "lesson runs")
    times = [begun, *(each["at"] for each in seen)]
    found = {f"{phase}, s": times[n + 1] - times[n] for n, phase in enumerate(phases)}
    for when, each in (("after the first prediction", seen[2]), ("after the lesson", seen[3])):
        found[when] = {f"{kind}, MB": each[kind] / 1e6 for kind in ("resident", "share", "own")}
    return {**found, "peak, MB": seen[3]["peak"] / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lesson", nargs="?", default="04")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    found = measure(options.lesson, dict(each.split("=", 1) for each in options.set))
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{kind} {size:.0f}" for kind, size in value.items())
            print(f"{name + ':':30s} {value}")
        else:
            print(f"{name + ':':30s} {value:.1f}")


if __name__ == "__main__":
    main()
