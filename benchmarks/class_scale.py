"""What one student costs a server: start-up seconds and memory of a kernel after a lesson.

    python benchmarks/class_scale.py            lesson 04, once
    python benchmarks/class_scale.py 03 --json  another lesson, as JSON

"Resident" counts pages of shared libraries in full for each kernel; "own" is what one more kernel
on the same machine really adds; "share" splits shared pages among all that use them. Linux only.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cnnvis_helpers.classroom.notebooks import FreshKernel, code_cells  # noqa: E402
from cnnvis_helpers.classroom.rehearse import find_lesson  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
IMPORTS = "from cnnvis_helpers import load_network, load_photo"
FIRST = "load_network().predict(load_photo('chelsea'))"
MEMORY = """
import json as _json, psutil as _psutil
_all = _psutil.Process().memory_full_info()
with open({path!r}, "w") as _stream:
    _json.dump({{"resident": _all.rss, "share": _all.pss, "own": _all.uss}}, _stream)
"""


def measure(lesson, variables=None):
    """Return seconds and megabytes of a fresh kernel that runs a lesson's student copy."""
    import time

    path = find_lesson(lesson)
    path = path.parent.parent / path.name if path.parent.name == "solutions" else path
    variables = {"CNNVIS_KEEP": "off", **(variables or {})}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        with FreshKernel(path.parent, variables) as kernel:
            found = {"kernel starts, s": time.monotonic() - begun}
            found["imports TensorFlow, s"] = kernel.run(f"{IMPORTS}\nload_network", 300).seconds
            found["first prediction, s"] = kernel.run(FIRST, 300).seconds
            found["after the first prediction"] = _memory(kernel, folder)
            begun = time.monotonic()
            for number, source in enumerate(code_cells(path), start=1):
                ran = kernel.run(source, 600)
                if ran.status != "ok":
                    raise SystemExit(f"{path.name}, code cell {number}: {ran.said}")
            found["lesson runs, s"] = time.monotonic() - begun
            found["after the lesson"] = _memory(kernel, folder)
            found["peak, MB"] = kernel.peak
    return found


def _memory(kernel, folder):
    path = Path(folder) / "memory"
    kernel.run(MEMORY.format(path=str(path)), 60)
    return {f"{kind}, MB": size / 1e6 for kind, size in json.loads(path.read_text()).items()}


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
