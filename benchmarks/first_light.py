"""Time the way to the first heat map, and weigh the wheel: one Markdown table.

    python benchmarks/first_light.py                  # everything, some minutes
    python benchmarks/first_light.py --rounds 9 --no-lessons

Times are medians over fresh processes. What is compared is run in turn, and the factor is the
median of the rounds' factors, so that a change of the machine's pace during the run cancels.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnvis_helpers.classroom.notebooks import read_code, run_notebook  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}

PACKAGE = """
import time
begin = time.perf_counter()
import cnnvis_helpers
print(time.perf_counter() - begin)
"""
TENSORFLOW = "import tensorflow"
HEAT_MAP = """
from cnnvis_helpers import gradcam, load_network, load_photo
print(gradcam(load_network(), load_photo("chelsea")).max())
"""
PICTURE = """
import matplotlib
matplotlib.use("agg")
from cnnvis_helpers import gradcam, load_network, load_photo, show_overlay
photo = load_photo("chelsea")
show_overlay(photo, gradcam(load_network(), photo), alt="A heat map over a cat.")
"""


def main():
    options = read_options()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.rounds} rounds\n")
    print("| what | measured | goal |\n| --- | ---: | ---: |", flush=True)
    row("`import cnnvis_helpers`", f"{import_seconds(options.rounds):.3f} s", "< 0.2 s")
    tensorflow, heat_map, picture = in_turn([TENSORFLOW, HEAT_MAP, PICTURE], options.rounds)
    row("process that imports TensorFlow alone", seconds(tensorflow), "")
    row("process to the first heat map", seconds(heat_map), "")
    row("as many times TensorFlow alone", factor(heat_map, tensorflow), "<= 1.50")
    row("process to the first heat map, drawn", seconds(picture), "")
    row("as many times TensorFlow alone", factor(picture, tensorflow), "")
    row("wheel", f"{wheel_megabytes():.2f} MB", "< 12 MB")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if options.lessons else ():
        row(f"lesson {path.stem}", f"{lesson_seconds(path):.0f} s", "")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes of each kind")
    parser.add_argument("--no-lessons", dest="lessons", action="store_false")
    return parser.parse_args()


def row(what, measured, goal):
    print(f"| {what} | {measured} | {goal} |", flush=True)


def import_seconds(rounds):
    """Median seconds that importing the package takes inside a fresh process."""
    return statistics.median(float(run(PACKAGE)) for _ in range(rounds))


def in_turn(programs, rounds):
    """Wall-clock seconds of each program: a list for each, one number a round."""
    taken = [[] for _ in programs]
    for turn in range(rounds + 1):  # the first turn only fills the disk's cache
        for program, times in zip(programs, taken, strict=True):
            begin = time.perf_counter()
            run(program)
            if turn:
                times.append(time.perf_counter() - begin)
    return taken


def run(program):
    """What a fresh Python prints; when it fails, its error ends the benchmark."""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"A measured program failed:\n{ran.stderr}")
    return ran.stdout


def seconds(times):
    return f"{statistics.median(times):.2f} s"


def factor(times, floor):
    return f"{statistics.median(a / b for a, b in zip(times, floor, strict=True)):.2f}"


def wheel_megabytes():
    """The size of the built wheel in megabytes (10^6 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
        if built.returncode:
            raise SystemExit(f"The wheel needs the extra `test` installed: {built.stderr.strip()}")
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.stat().st_size / 1e6


def lesson_seconds(path):
    """Seconds to run a student's notebook from the top in a fresh kernel, its start included."""
    notebook, begin = read_code(path), time.perf_counter()
    if ended := run_notebook(notebook, path.parent, 600, ENVIRONMENT):
        raise SystemExit(f"{path.name}, code cell {ended[0] + 1}: {ended[1]}")
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
