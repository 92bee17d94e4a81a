"""Time every method beside the floor and the peers: same network, same photo, one run.

    python benchmarks/methods.py                                # all rows: more than half an hour
    python benchmarks/methods.py --networks squeezenet --rows cam --methods gradcam --rounds 3
    python benchmarks/methods.py --memory                       # the last column too: twice as long

The table says, for each method and network, the seconds of a warm call (median of interleaved
rounds), how many times the floor that is, the seconds of the first call (compilation included),
and the memory at the peak of two calls beyond what is in use before the first, measured in a
process of its own.

All seconds are for the whole work of the method. Where one call of the floor or of a peer does
another amount (a batch, four filters of 64), a warm call is scaled to the work, and to the first
call, as it was timed, comes the rest at the pace of a warm one. Every row has networks and
floors of its own: no first call finds what an earlier row compiled.

Factors are given in wall time and in processor time (of all cores); the latter means something on a
busy machine too. The floor is the least that the arithmetic allows: one compiled forward pass,
or forward and backward pass, of the bare Keras model, times the number of evaluations; in a
batch where the method may batch. A factor is the median of the rounds' factors, so that a change
of the machine's pace during the run cancels. In a round, a call shorter than a third of a second is
repeated, and its median counts: the first call after another implementation finds cold caches.

Peers that are not installed are left out with a note. xplique wants other versions than the course,
so it needs an environment of its own: the course's test requirements, then
`pip install --no-deps xplique==2.0.0` and what importing it asks for.

Each file in rows/ holds the rows of one module, as a function `rows(case)` that yields `Row`s.
"""

import argparse
import ctypes
import gc
import importlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import keras  # noqa: E402
from rows.common import Case, note_versions  # noqa: E402

NETWORKS = ("vgg16", "mobilenetv2", "efficientnet_lite0", "squeezenet")
ENOUGH_SECONDS, MOST_REPEATS = 0.4, 9  # of one implementation in one round


def main():
    options = read_options()
    keras.utils.disable_interactive_logging()  # a peer calls model.predict
    if options.peak_of:
        return print(peak_megabytes(*options.peak_of, options.samples))
    print(note_versions(), end="\n\n", flush=True)
    print(heading(), flush=True)
    notes = []
    for network in options.networks:
        for row in all_rows(network, options.rows, options.samples, options.methods):
            results = measure(row, options.rounds)
            peaks = {}
            if options.memory:
                peaks = {name: peak_in_a_process(network, row, name, options) for name in results}
            print(table_lines(network, row, results, peaks), flush=True)
            if row.inside:
                share = statistics.median(row.inside() for _ in range(options.rounds))
                notes.append(f"{row.method} on {network}: {share:.1%} of its time in the network.")
    print(*["", *notes], sep="\n", flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--rows", nargs="+", help="files in benchmarks/rows, without .py")
    parser.add_argument("--methods", nargs="+", default=[""], help="only those that begin so")
    parser.add_argument("--rounds", type=int, default=7, help="warm calls of each implementation")
    parser.add_argument("--samples", type=int, default=16, help="copies or steps of a row")
    parser.add_argument("--memory", action="store_true", help="measure the peak memory as well")
    parser.add_argument("--peak-of", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def all_rows(network, modules, samples, methods=("",)):
    """The rows of these modules (files in rows/; None: all) on a network.

    methods : beginnings of names; other rows are left out
    """
    names = modules or sorted(path.stem for path in (HERE / "rows").glob("[!_]*.py"))
    case = Case.build(network, samples)
    for name in names:
        if name != "common":
            for row in importlib.import_module(f"rows.{name}").rows(case):
                row.module = name
                if row.method.startswith(tuple(methods)):
                    yield row


def measure(row, rounds):
    """Run a row: {implementation: (first s, [(wall s, processor s), ...])}, scaled to the work.

    A peer that fails has an exception instead of the two.
    """
    calls = calls_of(row)
    first, failed, warm = {}, {}, {name: [] for name in calls}
    for name, call in calls.items():
        try:
            first[name] = seconds(call)[0]
        except Exception as error:
            if name not in row.peers:
                raise
            failed[name] = error
    scales = {name: scale_of(row, name) for name in first}
    for _ in range(rounds):
        for name, scale in scales.items():
            warm[name].append([scale * time for time in typical_seconds(calls[name])])
    whole = {name: whole_first(first[name], warm[name], scales[name]) for name in first}
    return {name: (whole[name], warm[name]) for name in first} | failed


def scale_of(row, name):
    """How many calls of an implementation make the work of the row's method."""
    times = row.floor_times if name == "floor" else row.peer_times.get(name, 1)
    return times() if callable(times) else times


def whole_first(first, warm, scale):
    """Seconds to the first result of the whole work: the first call, the rest at a warm pace."""
    wall = statistics.median(times[0] for times in warm)  # already scaled
    return first + wall - wall / scale


def calls_of(row):
    return {"ours": row.ours, "floor": row.floor, **row.peers}


def seconds(call):
    """The wall time and the processor time of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - processor


def typical_seconds(call):
    """The medians of `seconds` over as many calls as fit into ENOUGH_SECONDS, one at least."""
    times = [seconds(call)]
    while len(times) < MOST_REPEATS and sum(wall for wall, _ in times) < ENOUGH_SECONDS:
        times.append(seconds(call))
    return [statistics.median(column) for column in zip(*times, strict=True)]


def peak_in_a_process(network, row, name, options):
    """Peak memory in MB of an implementation, in a process that runs it alone; None on failure."""
    command = [sys.executable, __file__, "--samples", str(options.samples)]
    command += ["--peak-of", network, row.module, row.method, name]
    done = subprocess.run(command, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def peak_megabytes(network, module, method, name, samples):
    """Peak of the resident memory in two calls beyond what is in use before, in MB (Linux)."""
    row = next(all_rows(network, [module], samples, [method]))
    call = calls_of(row)[name]
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status_megabytes("VmRSS")
    call()
    call()
    return status_megabytes("VmHWM") - before


def status_megabytes(key):
    """A line of Linux's account of this process, VmRSS (memory now) or VmHWM (its peak), in MB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 1024


def heading():
    titles = "network | method | implementation | first s | warm s | x floor | x (CPU) | peak MB"
    return f"| {titles} |\n|" + " --- |" * 8


def median_factor(times, floor, clock):
    """The median over the rounds of time / floor, by wall clock (0) or processor time (1)."""
    return statistics.median(a[clock] / b[clock] for a, b in zip(times, floor, strict=True))


def table_lines(network, row, results, peaks):
    """The Markdown lines of one row: ours, floor, then the peers."""
    floor = results["floor"][1]
    lines = []
    for name, result in results.items():
        peak = peaks.get(name)
        if isinstance(result, Exception):
            cells = (f"fails: {type(result).__name__}", "-", "-", "-", "-")
        else:
            first, warm = result
            wall = statistics.median(times[0] for times in warm)
            factors = [median_factor(warm, floor, clock) for clock in (0, 1)]
            peak = "-" if peak is None else f"{peak:.0f}"
            cells = (f"{first:.2f}", f"{wall:.3f}", *(f"{x:.2f}" for x in factors), peak)
        lines.append("| " + " | ".join((network, row.method, name, *cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
