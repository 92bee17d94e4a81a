"""Time every method beside the floor and the peers: same network, same photo, one run.

    python benchmarks/methods.py                                # all rows, takes about half an hour
    python benchmarks/methods.py --networks vgg16 --rows cam --rounds 3

The table says, for each method and network, the seconds of a warm call (median of interleaved
rounds), how many times the floor that is, the seconds of the first call (compilation included),
and the memory that a call needs at its peak beyond what was in use before.

The floor is the least that the arithmetic allows: one compiled forward pass, or forward and
backward pass, of the bare Keras model, times the number of evaluations; in a batch where the
method may batch. A factor is the median of the rounds' factors, so that a change of the
machine's pace during the run cancels.

Peers that are not installed are left out with a note. xplique wants other versions than the
course, so it needs an environment of its own: the course's test requirements, then `pip install
--no-deps xplique==2.0.0` and what importing it asks for.

Each file in rows/ holds the rows of one room, as a function `rows(case)` that yields `Row`s.
"""

import argparse
import ctypes
import gc
import importlib
import os
import pathlib
import re
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from rows.common import Case, note_versions  # noqa: E402

NETWORKS = ("vgg16", "mobilenetv2", "course")


def main():
    options = read_options()
    names = options.rows or [path.stem for path in sorted((HERE / "rows").glob("[!_]*.py"))]
    rooms = [importlib.import_module(f"rows.{n}") for n in names if n != "common"]
    print(note_versions(), end="\n\n", flush=True)
    print(heading(), flush=True)
    for network in options.networks:
        case = Case.build(network, options.samples)
        if case is None:
            print(f"<!-- no network {network!r} here -->", flush=True)
            continue
        for room in rooms:
            for row in room.rows(case):
                print(table_lines(network, row, measure(row, options.rounds)), flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--rows", nargs="+", help="files in benchmarks/rows, without .py")
    parser.add_argument("--rounds", type=int, default=7, help="warm calls of each implementation")
    parser.add_argument("--samples", type=int, default=16, help="copies or steps of a row")
    return parser.parse_args()


def measure(row, rounds):
    """Run a row: {implementation: (first s, [warm s, ...], peak MB)}, the floor already scaled."""
    calls = {"ours": row.ours, "floor": row.floor, **row.peers}
    first, warm = {}, {name: [] for name in calls}
    for name, call in calls.items():
        first[name] = seconds(call)
    for _ in range(rounds):
        for name, call in calls.items():
            scale = row.floor_times if name == "floor" else 1
            warm[name].append(seconds(call) * scale)
    return {name: (first[name], warm[name], peak_megabytes(call)) for name, call in calls.items()}


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_megabytes(call):
    """Peak of the resident memory in a call beyond what was in use before; None if not Linux."""
    try:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        before = status_megabytes("VmRSS")
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        call()
        return status_megabytes("VmHWM") - before
    except OSError:
        return None


def status_megabytes(key):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 1024


def heading():
    titles = ("network", "method", "implementation", "first s", "warm s", "x floor", "peak MB")
    return "| " + " | ".join(titles) + " |\n|" + " --- |" * len(titles)


def table_lines(network, row, results):
    """The Markdown lines of one row: ours, floor, then the peers."""
    floor = results["floor"][1]
    lines = []
    for name, (first, warm, peak) in results.items():
        factor = statistics.median(a / b for a, b in zip(warm, floor, strict=True))
        cells = (
            network,
            row.method,
            name,
            f"{first:.2f}",
            f"{statistics.median(warm):.3f}",
            f"{factor:.2f}",
            "-" if peak is None else f"{peak:.0f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
