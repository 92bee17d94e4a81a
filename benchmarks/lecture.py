"""How quickly a rehearsed demo answers after a restart, beside computing it.

    python benchmarks/lecture.py            # single calls; the goal is 300 ms
    python benchmarks/lecture.py 04         # a whole lesson with its explorers

For each demo a fresh process computes the result and keeps it; another fresh process, with the
networks loaded, then asks for it. Reading includes the proof that nothing has changed: the hash of
all weights, of the photo, of the arguments and of the package's code.

A lesson is rehearsed (for `--minutes` at most) and then run in another fresh kernel, where each
control of its explorers is moved through every position: the seconds from the new value to the
finished picture.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cnnvis_helpers.classroom.notebooks import code_cell, read_code, run_notebook  # noqa: E402
from cnnvis_helpers.classroom.rehearse import find_lesson, rehearse  # noqa: E402

GOAL = 0.3  # seconds
WALK = (
    "from cnnvis_helpers.classroom import rehearse as _r\n"
    "_r.walk_explorers(1200, {report!r}, keep_all=False, rounds=1)"
)
DEMOS = {
    "Score-CAM, 64 channels": "scorecam(net, photo, 'tabby', max_channels=64)",
    "occlusion, 32 px every 8": "occlusion(net, photo, 'tabby', patch=32, stride=8)",
    "SmoothGrad, 50 copies": "smoothgrad(net, photo, 'tabby')",
    "one pixel, quick search": "one_pixel(net, photo)",
    "filter patterns, 16 filters": "filter_patterns(squeezenet, 'fire8_concat', list(range(16)))",
    "deep dream": "deep_dream(squeezenet, photo)",
}
ASK = """
import json, time
from cnnvis_helpers import *
net, squeezenet, photo = load_network(), load_network("squeezenet"), load_photo("chelsea")
net.predict(photo), squeezenet.predict(photo)
found = {{}}
for name, call in json.loads({demos!r}).items():
    begun = time.perf_counter()
    eval(call)
    found[name] = time.perf_counter() - begun
print(json.dumps(found))
"""


def ask(folder, keep):
    """Run all demos in a fresh process; return their seconds by name."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CNNVIS_CACHE": folder,
        "CNNVIS_KEEP": keep,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    code = ASK.format(demos=json.dumps(DEMOS))
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr[-2000:])
    return json.loads(ran.stdout.splitlines()[-1])


def walk(lesson):
    """Run a lesson in a fresh kernel, then its explorers; return what `walk_explorers` reports."""
    path = find_lesson(lesson)
    notebook = read_code(path)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        notebook.cells.append(code_cell(WALK.format(report=str(report))))
        if ended := run_notebook(notebook, path.parent, 3000):
            raise SystemExit(f"{path.name}, code cell {ended[0] + 1}: {ended[1]}")
        return json.loads(report.read_text())


def lesson_main(lesson, minutes):
    """Rehearse a lesson, start again, and print how quickly each position answers."""
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNVIS_CACHE"] = folder
        rehearse(lesson, minutes)
        for name, _, reached in walk(lesson):
            taken = sorted((seconds, settings) for settings, seconds in reached)
            seconds = [each for each, _ in taken]
            slowest = max(slowest, seconds[-1])
            median = 1000 * statistics.median(seconds)
            quick = sum(each < GOAL for each in seconds) / len(seconds)
            print(f"{name}: {len(taken)} positions, median {median:.0f} ms, {quick:.0%} under 300")
            for each, settings in reversed(taken[-3:]):
                print(f"  slowest: {1000 * each:.0f} ms {settings}")
    return 0 if slowest < GOAL else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lesson", nargs="?", help="such as 04, or a notebook")
    parser.add_argument("--minutes", type=float, default=20, help="of rehearsal, at most (20)")
    options = parser.parse_args()
    if options.lesson:
        return lesson_main(options.lesson, options.minutes)
    with tempfile.TemporaryDirectory() as folder:
        computed = ask(folder, "0.1")
        kept = ask(folder, "")
    print("| demo | computed, s | after a restart, ms |\n| --- | ---: | ---: |")
    for name in DEMOS:
        print(f"| {name} | {computed[name]:.1f} | {1000 * kept[name]:.0f} |")
    slowest = max(kept.values())
    print(f"\nslowest kept answer: {1000 * slowest:.0f} ms (goal 300)")
    return 0 if slowest < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
