"""Grading: run a student's notebook again and say which exercises hold.

    python -m cnnvis_helpers grade homework/*.ipynb --json grades.json

Stored outputs are never looked at. The notebook's code runs in a fresh kernel: a separate process
in an empty folder, with a limit of time and of memory, and nothing more. It can do whatever the
person who started it can do, so grade strangers' work in a container or an account that owns
nothing. A student who wants to deceive the course's own `check` from inside that process can.
"""

import json
import re
import tempfile
from pathlib import Path

from cnnvis_helpers import exercise_sets
from cnnvis_helpers.kernels import FreshKernel, code_cells

HOLDS, WRONG, EMPTY = "holds", "wrong", "not yet"
UNREACHED, UNCHECKED, ERROR = "not reached", "not checked", "error"
_STATUS = {"right": HOLDS, "wrong": WRONG, "not yet": EMPTY}
_IDS = re.compile(r"""\bcheck\(\s*["'](\d\d-[a-z0-9-]+)["']""")

# Runs before the student's code: every check of an exercise is also written to a file outside the
# working folder. IPython's own `get_ipython` is left alone.
_RECORDER = """
import json as _json
from cnnvis_helpers import exercises as _exercises
def _record(path, judge=_exercises.check, dumps=_json.dumps, open=open):
    def check(exercise_id, answer=None, **given):
        result = judge(exercise_id, answer, **given)
        line = dumps([result.exercise, result.status, result.message])
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\\n")
        return result
    check.__doc__ = judge.__doc__
    return check
_exercises.check = _record({path!r})
del _record, _json, _exercises
"""


def grade(path, seconds=600, memory=4000):
    """Run one notebook anew and judge its exercises.

    Parameters
    ----------
    path : of a student's copy of a lesson, .ipynb
    seconds : of the whole run; what comes after is "not reached"
    memory : megabytes of the kernel and its children together

    Returns
    -------
    dict, ready for JSON: "notebook", "lesson", "holds" and "of" (numbers of exercises),
    "exercises" (a list of {"id", "title", "status", "message"}, status "holds", "wrong",
    "not yet", "error" (its cell failed before its check), "not reached" or "not checked"),
    "problems" (sentences on cells with an error and on limits), "seconds", "megabytes"

    Raises ValueError for what is no notebook of a lesson.
    """
    path = Path(path)
    sources = code_cells(_read(path))
    lesson, wanted = _wanted(path, sources)
    with tempfile.TemporaryDirectory(prefix="cnnvis-grade-") as outside:
        records, folder = Path(outside) / "records", Path(outside) / "work"
        folder.mkdir()
        variables = {
            "CNNVIS_KEEP": "off",
            "IPYTHONDIR": str(Path(outside) / "ipython"),
        }
        with FreshKernel(folder, variables, memory) as kernel:
            problems, failed, took, whole = _run(kernel, sources, records, seconds)
        recorded = _recorded(records)
        peak = kernel.peak
    for exercise_id, problem in failed.items():
        recorded.setdefault(exercise_id, (ERROR, problem))
    judged = [_judged(exercise, recorded, whole) for exercise in wanted]
    return {
        "notebook": str(path),
        "lesson": lesson,
        "holds": sum(each["status"] == HOLDS for each in judged),
        "of": len(judged),
        "exercises": judged,
        "problems": problems,
        "seconds": round(took, 1),
        "megabytes": round(peak),
    }


def as_text(graded):
    """Return what `grade` found as lines of text."""
    lines = [f"{graded['notebook']}: {graded['holds']} of {graded['of']} exercises hold"]
    signs = {HOLDS: "\u2713", WRONG: "\u2717", ERROR: "\u2717"}
    for each in graded["exercises"]:
        sign = signs.get(each["status"], "\u25cb")
        line = f"  {sign} {each['id']:<24} {each['status']}"
        said = each["message"] if each["status"] in (WRONG, ERROR) else ""
        lines.append(f"{line}: {said}" if said else line)
    lines += [f"  ! {problem}" for problem in graded["problems"]]
    lines.append(f"  ran anew in {graded['seconds']:.0f} s, {graded['megabytes']} MB at most")
    return "\n".join(lines)


def _read(path):
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] >= 4 and isinstance(notebook["cells"], list):
            return notebook
    except FileNotFoundError:
        raise ValueError(f"There is no file {str(path)!r} to grade.") from None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{str(path)!r} is not a notebook (.ipynb, format 4) that can be read.")


def _wanted(path, sources):
    """Return (number, exercises) of the lesson that a notebook is a copy of."""
    ids = [found for source in sources for found in _IDS.findall(source)]
    numbers = [found[:2] for found in ids] or re.findall(r"(\d\d)_", path.name)[:1]
    number = max(set(numbers), key=numbers.count) if numbers else None
    exercises = exercise_sets.of_lesson(number) if number else []
    if not exercises:
        raise ValueError(
            f"{str(path)!r} checks no exercise of the course: there is nothing to grade."
        )
    return number, exercises


def _run(kernel, sources, records, seconds):
    """Run all cells; return (problems, failed, seconds, whether the end was reached).

    failed : {exercise id: problem} of the checks that stand in cells that ended with an error
    """
    kernel.run(_RECORDER.replace("{path!r}", repr(str(records))), 120)
    problems, failed, took = [], {}, 0.0
    for number, source in enumerate(sources, start=1):
        ran = kernel.run(source, seconds - took)
        took += ran.seconds
        if ran.status == "ok":
            continue
        problems.append(f"code cell {number}: {ran.said}")
        if ran.status == "error":
            failed.update(dict.fromkeys(_IDS.findall(source), problems[-1]))
        if ran.status != "error":
            limit = {"time": f" (limit {seconds:g} s)", "memory": f" (limit {kernel.memory} MB)"}
            problems[-1] += limit.get(ran.status, "") + "; the cells after it did not run"
            return problems, failed, took, False
    return problems, failed, took, True


def _recorded(records):
    """Return {exercise id: (status, message)}; the last check of an exercise counts."""
    found = {}
    if records.is_file():
        for line in records.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                name, status, message = json.loads(line)
                found[name] = (_STATUS[status], message)
            except (ValueError, KeyError, TypeError):
                continue  # not written by the recorder
    return found


def _judged(exercise, recorded, whole):
    status, message = recorded.get(exercise.id, (UNCHECKED if whole else UNREACHED, ""))
    return {"id": exercise.id, "title": exercise.title, "status": status, "message": message}
