"""Run a lesson ahead of time and keep its slow results, so that a live demo answers at once.

    python -m cnnvis_helpers rehearse 04

runs every cell of the lesson in a fresh kernel, then moves the controls of its explorers, starting
from where the lesson sets them, until the time is up:

1. each control alone, through all its positions
2. each pair of controls; for a long slider, only round values (0.05, 0.10, ... or 8, 16, ...)
3. each menu together with two sliders, such as SmoothGrad with noise and number of samples

Results of cells that took more than `SECONDS`, and all results of explorers, are kept on disk (see
`keep`); the lesson itself is not changed.
"""

import gc
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from cnnvis_helpers.classroom import keep
from cnnvis_helpers.classroom.notebooks import code_cell, read_code, run_notebook

SECONDS = 0.1  # slower results are kept: after a restart every first call is slow
MINUTES = 20  # for one lesson
ROUND = 12  # at most this many positions of a long slider when controls move together
PRODUCT = 600  # positions of two sliders: up to here all, beyond this only round ones
_WALK = """
import time as _t
from cnnvis_helpers.classroom import rehearse as _r
_r.walk_explorers({until} - _t.time(), {report!r})
"""


def rehearse(lesson, minutes=MINUTES, say=print):
    """Run a lesson and keep its slow results; return how many were added.

    lesson : its number ("04"), or the path of any notebook
    minutes : limit for the rehearsal
    say : function of a line of text, called with the progress

    Raises ValueError if there is no such lesson, its file is not a notebook, or a cell fails.
    """
    path, seconds = find_lesson(lesson), 60 * minutes
    notebook, before = read_code(path), len(keep.summary()[0])
    say(f"Rehearsing {path.name}: {len(notebook.cells)} cells, then its explorers")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        walk = _WALK.format(until=time.time() + seconds, report=str(report))
        notebook.cells.append(code_cell(walk))
        variables = {"CNNVIS_KEEP": str(SECONDS)}
        ended = run_notebook(notebook, path.parent, seconds + 60, variables)
        if ended:
            index, reason = ended
            last = index == len(notebook.cells) - 1
            place = "its explorers" if last else f"code cell {index + 1}"
            raise ValueError(f"{path.name}, {place}: {reason}")
        for name, of, reached in json.loads(report.read_text(encoding="utf-8")):
            say(f"  explorer {name!r}: {len(reached)} of {of} positions")
    paths, size = keep.summary()
    say(f"  {len(paths)} results are kept now, {size / 1e6:.1f} MB")
    keep.tidy()
    return len(paths) - before


def find_lesson(lesson):
    """Return the Path of a lesson's notebook: the lecturer's copy if there is one."""
    if str(lesson).endswith(".ipynb"):
        if Path(lesson).is_file():
            return Path(lesson).resolve()
        raise ValueError(f"There is no notebook {str(lesson)!r} to rehearse.")
    number = str(lesson).zfill(2)
    beside = Path(__file__).resolve().parents[2]
    for folder in (Path.cwd(), Path.cwd() / "notebooks", beside / "notebooks"):
        for place in (folder / "solutions", folder):
            found = sorted(place.glob(f"{number}_*.ipynb"))
            if found:
                return found[0].resolve()
    raise ValueError(
        f"There is no lesson {lesson!r} here; give its number, such as 04, in the course's folder, "
        "or the path of a notebook."
    )


def walk_explorers(seconds, report, keep_all=True, rounds=3):
    """Move the controls of every explorer in this process.

    seconds : limit for all of them together
    report : path of a JSON file to write: for each explorer its name, the number of positions,
        and [settings, seconds] of each one reached
    keep_all : whether their results are kept; False measures how a rehearsed lesson answers
    rounds : the most controls that are moved together
    """
    base = sys.modules.get("cnnvis_helpers.widgets.explorer")
    explorers = [e for e in gc.get_objects() if base and isinstance(e, base.Explorer)]
    if keep_all:
        os.environ["CNNVIS_KEEP"] = "0"
    until, jobs, found = time.monotonic() + seconds, [], []
    for explorer in explorers:
        controls = _demo_controls(explorer.wait(seconds))
        start = {name: control.value for name, control in controls.items()}
        wanted, reached = demo_settings(explorer, rounds), []
        jobs += [(explorer, start, settings, reached) for settings in wanted]
        jobs.append((explorer, start, {}, []))  # at last, as it was
        found.append([explorer.name, len(wanted), reached])
    jobs.sort(key=lambda job: len(job[2]) or 9)  # every explorer's single moves before any pair
    for explorer, start, settings, reached in jobs:
        begun = time.perf_counter()
        late = settings and time.monotonic() >= until
        if not late and _move(explorer, start, settings):
            explorer.wait(600)
            reached.append([repr(settings), time.perf_counter() - begun])
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def _move(explorer, start, settings):
    """Set some controls and reset the others; return whether a picture was requested."""
    values = {**settings, **{k: v for k, v in start.items() if k not in settings}}
    if "photo" in settings:  # another photo chooses its own classes
        values = {k: v for k, v in values.items() if k in settings or not k.startswith(_CLASSES)}
    with explorer.hold():
        for name in sorted(values, key=lambda name: name != "photo"):
            explorer.controls[name].value = values[name]
    if any(getattr(explorer.controls[name], "disabled", False) for name in settings):
        return False  # greyed out
    explorer.request()
    return True


_CLASSES = ("target", "rather")
CHOICES = 40  # per menu; a class menu lists its most probable classes first


def demo_settings(explorer, rounds=3):
    """Return a list of {control: value}, one control alone first, then two and three together."""
    every, controls = demo_positions(explorer), _demo_controls(explorer)
    some = {name: _round_places(controls[name], values) for name, values in every.items()}
    sliders = [name for name in every if hasattr(controls[name], "readout")]
    menus = [name for name in every if name not in sliders and name != "photo"]
    groups = [((name,), every) for name in every]
    if rounds > 1:
        groups += [(pair, some) for pair in itertools.combinations(every, 2)]
    if rounds > 2:
        for menu, (a, b) in itertools.product(menus, itertools.combinations(sliders, 2)):
            fine = len(every[a]) * len(every[b]) <= PRODUCT
            groups.append(((menu, a, b), every if fine else some))
    return [
        dict(zip(names, values, strict=True))
        for names, positions in groups
        for values in itertools.product(*(positions[name] for name in names))
    ]


def _demo_controls(explorer):
    """Return the controls with a value to choose: menus, sliders and boxes to tick."""

    def has_choice(control):
        box = isinstance(getattr(control, "value", None), bool)
        return box or hasattr(control, "options") or hasattr(control, "max")

    known = {name: one for name, one in explorer.controls.items() if not name.startswith("_")}
    return {name: one for name, one in known.items() if has_choice(one)}


def demo_positions(explorer):
    """Return {control: all its values except the current one}."""
    positions = {}
    for name, control in _demo_controls(explorer).items():
        if getattr(control, "options", None):
            values = [o[1] if isinstance(o, tuple) else o for o in control.options][:CHOICES]
        elif isinstance(control.value, bool):
            values = [False, True]
        else:
            low, step, kind = control.min, control.step or 1, type(control.value)
            count = int(round((control.max - low) / step)) + 1
            values = [kind(round(low + place * step, 9)) for place in range(count)]
        positions[name] = [value for value in values if value != control.value]
    return positions


def _round_places(control, values):
    """Return all values of a menu, or a slider's ends and multiples of a round number of steps."""
    if len(values) <= ROUND or not hasattr(control, "max"):
        return values
    low, high, step = control.min, control.max, control.step or 1
    units = (2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 200, 256, 500, len(values))
    unit = next(unit for unit in units if (high - low) / step / unit <= ROUND - 1)
    return [v for v in values if v in (low, high) or round(v / step) % unit == 0]
