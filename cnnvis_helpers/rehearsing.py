"""Rehearsing: run a lesson once, so that its slow results are kept and a live demo answers at once.

    python -m cnnvis_helpers rehearse 04

runs every cell of the lesson in a fresh kernel, then moves each control of its explorers through
its positions, one control at a time from where the lesson sets it. Whatever takes longer than
`SECONDS` is kept on disk (see `kept`); the lesson itself is not changed.
"""

import gc
import json
import sys
import time
from pathlib import Path

from cnnvis_helpers import kept
from cnnvis_helpers.kernels import FreshKernel, code_cells

SECONDS = 0.1  # what is slower is kept: after a restart the first call of everything is slow
POSITIONS = 7  # of a slider are rehearsed: its ends, its start, and places between
_WALK = "from cnnvis_helpers import rehearsing as _r\n_r.walk_explorers({budget})"


def rehearse(lesson, seconds=1200, say=print):
    """Run a lesson and keep what is slow.

    Parameters
    ----------
    lesson : its number ("04"), or the path of any notebook
    seconds : limit for the whole rehearsal
    say : function that is told how far it is

    Returns the number of results that were added. Raises ValueError when there is no such lesson,
    and when a cell of it fails.
    """
    path = find_lesson(lesson)
    sources = code_cells(json.loads(path.read_text(encoding="utf-8")))
    before, begun = {each.path for each in kept.kept_results()}, time.monotonic()
    say(f"Rehearsing {path.name}: {len(sources)} cells")
    with FreshKernel(path.parent, {"CNNVIS_KEEP": str(SECONDS)}) as kernel:
        for number, source in enumerate(sources, start=1):
            ran = kernel.run(source, seconds - (time.monotonic() - begun))
            if ran.status != "ok":
                raise ValueError(f"{path.name}, code cell {number}: {ran.said}")
        left = seconds - (time.monotonic() - begun)
        say(f"  its cells ran in {seconds - left:.0f} s; now its explorers")
        ran = kernel.run(_WALK.format(budget=left), left + 30)
        if ran.status != "ok":
            raise ValueError(f"{path.name}, its explorers: {ran.said}")
    added = [each for each in kept.kept_results() if each.path not in before]
    saved = sum(each.seconds for each in added)
    size = sum(each.bytes for each in added) / 1e6
    say(f"  {len(added)} results of {saved:.0f} s in all are kept now, {size:.1f} MB")
    return len(added)


def find_lesson(lesson):
    """Return the Path of a lesson's notebook: the lecturer's copy where there is one."""
    if str(lesson).endswith(".ipynb"):
        if Path(lesson).is_file():
            return Path(lesson).resolve()
        raise ValueError(f"There is no notebook {str(lesson)!r} to rehearse.")
    number = str(lesson).zfill(2)
    beside = Path(__file__).resolve().parent.parent
    for folder in (Path.cwd(), Path.cwd() / "notebooks", beside / "notebooks"):
        for place in (folder / "solutions", folder):
            found = sorted(place.glob(f"{number}_*.ipynb"))
            if found:
                return found[0].resolve()
    raise ValueError(
        f"There is no lesson {lesson!r} here; give its number, such as 04, in the course's folder, "
        "or the path of a notebook."
    )


def walk_explorers(seconds):
    """Move each control of every explorer in this process through its positions; count pictures."""
    base = sys.modules.get("cnnvis_helpers.explorer_base")
    if base is None:
        return 0
    explorers = [each for each in gc.get_objects() if isinstance(each, base.Explorer)]
    drawn, until = 0, time.monotonic() + seconds
    for explorer in explorers:
        explorer.wait(seconds)
        for name, positions in demo_positions(explorer).items():
            control = explorer.controls[name]
            start = control.value
            for value in [*positions, start]:
                if time.monotonic() > until:
                    return drawn
                control.value = value
                explorer.wait(max(1.0, until - time.monotonic()))
                drawn += 1
    return drawn


def demo_positions(explorer):
    """Return {control: values worth rehearsing}: all of a menu, some of a slider, both of a box."""
    positions = {}
    for name, control in explorer.controls.items():
        if name.startswith("_") or not hasattr(control, "value") or name == "upload":
            continue
        if getattr(control, "options", None):
            options = [o[1] if isinstance(o, tuple) else o for o in control.options]
            positions[name] = options
        elif isinstance(control.value, bool):
            positions[name] = [not control.value]
        elif hasattr(control, "min") and hasattr(control, "max"):
            positions[name] = _places(control)
    return positions


def _places(slider):
    """Some values of a slider, evenly spread, its ends included, each one that it can stand on."""
    low, high, step = slider.min, slider.max, slider.step or 1
    count = int(round((high - low) / step)) + 1
    taken = sorted({round(k * (count - 1) / (POSITIONS - 1)) for k in range(POSITIONS)})
    return [type(slider.value)(low + k * step) for k in taken]
