"""Grading: run a student's notebook again and say which exercises hold.

    python -m cnnvis_helpers grade homework/*.ipynb --json grades.json

Stored outputs are never looked at. The notebook's code runs in a fresh kernel: a separate process
in an empty folder, with a limit of time and of memory, and nothing more. It can do whatever the
person who started it can do, so grade strangers' work in a container or an account that owns
nothing. A student who wants to deceive the course's own `check` from inside that process can, and
a process that a notebook detaches from its kernel outlives the grading.
"""

import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

from cnnvis_helpers import exercises as exercise_sets
from cnnvis_helpers.classroom.notebooks import FreshKernel, code_cells

HOLDS, WRONG, EMPTY = "holds", "wrong", "not yet"
UNREACHED, UNCHECKED, ERROR = "not reached", "not checked", "error"
_STATUS = {"right": HOLDS, "wrong": WRONG, "not yet": EMPTY}
GRADED = "graded"  # of a whole notebook; ERROR where it could not be run at all
# An id stands as a string; hint("04-cam") and solution("04-cam") check nothing.
_IDS = re.compile(
    r"""(\b(?:hint|solution)\(\s*(?:exercise_id\s*=\s*)?)?["'](\d\d-[a-z0-9-]+)["']"""
)
_COMMENT_LINE = re.compile(r"^\s*#.*$", re.MULTILINE)

# Runs before the student's code: every check of an exercise is also written to a file outside the
# working folder. IPython's own `get_ipython` is left alone.
_RECORDER = """
import json as _json
from cnnvis_helpers.exercises import check as _exercises
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
    dict, ready for JSON: "notebook", "status" ("graded"), "lesson", "holds" and "of" (numbers),
    "exercises" (a list of {"id", "title", "status", "message"}, status "holds", "wrong",
    "not yet", "error" (its cell failed before its check), "not reached" or "not checked"),
    "problems" (sentences on cells with an error and on limits), "seconds", "megabytes"

    Raises ValueError for what is no notebook of a lesson.
    """
    path = Path(path)
    sources = code_cells(path)
    lesson, wanted = _wanted(path, sources)
    with tempfile.TemporaryDirectory(prefix="cnnvis-grade-", ignore_cleanup_errors=True) as outside:
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
        "status": GRADED,
        "lesson": lesson,
        "holds": sum(each["status"] == HOLDS for each in judged),
        "of": len(judged),
        "exercises": judged,
        "problems": problems,
        "seconds": round(took, 1),
        "megabytes": round(peak),
    }


def grade_each(paths, seconds=600, memory=4000):
    """Yield what `grade` finds for each notebook of a class.

    One that cannot be graded is an entry too, with the same keys: "status" is "error", and
    "problems" holds the sentence that says why.
    """
    for path in paths:
        try:
            yield grade(path, seconds, memory)
        except Exception as error:  # no student's file may cost the others their grades
            kind = "" if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: "
            said, name = " ".join(f"{kind}{error}".split()), repr(str(path))
            yield {
                "notebook": str(path),
                "status": ERROR,
                "lesson": None,
                "holds": 0,
                "of": 0,
                "exercises": [],
                "problems": [said if name in said else f"{name}: {said}"],
                "seconds": 0.0,
                "megabytes": 0,
            }


def as_text(graded):
    """Return what `grade` or `grade_each` found as lines of text."""
    if graded["status"] == ERROR:
        return graded["problems"][0]
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


def as_json(graded, ascii=True):
    """Return a list of what was found as JSON; ascii: with an escape for every other character."""
    return json.dumps(graded, indent=1, ensure_ascii=ascii) + "\n"


def check_target(path):
    """Raise ValueError where `write_json` could not write: to be known before anything runs."""
    path, name = Path(path), repr(str(path))
    if path.suffix.lower() == ".ipynb":
        raise ValueError(f"--json {name} would overwrite a notebook; give a name like grades.json.")
    if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        raise ValueError(f"--json {name} is no file that can be written.")
    unfinished = _unfinished(path.resolve())
    try:
        unfinished.touch()
        unfinished.unlink()
    except OSError as error:
        raise ValueError(f"--json {name} cannot be written: {error.strerror or error}.") from None


def write_json(path, graded):
    """Write all that was found so far; whoever reads the file meets the old list or the new one."""
    path = Path(path).resolve()
    unfinished = _unfinished(path)
    try:
        # Half a character, in a file's name or an error's text, becomes an escape of JSON.
        with open(unfinished, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(as_json(graded, ascii=False))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path):
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _wanted(path, sources):
    """Return (number, exercises) of the lesson that a notebook is a copy of."""
    numbers = [found[:2] for source in sources for found in _ids(source)]
    numbers = numbers or re.findall(r"(?<!\d)(\d\d)_", path.name)[:1]
    number = Counter(numbers).most_common(1)[0][0] if numbers else None
    exercises = exercise_sets.of_lesson(number) if number else []
    if not exercises:
        raise ValueError(
            f"{str(path)!r} checks no exercise of the course: no code cell has an id such as "
            "'04-cam' in it, and the file's name no lesson's number, as 04_cam.ipynb has."
        )
    return number, exercises


def _ids(source):
    """Return the ids of exercises that some code has as strings, whatever it calls with them."""
    found = [name for shown, name in _IDS.findall(_COMMENT_LINE.sub("", source)) if not shown]
    return [name for name in found if any(name == e.id for e in exercise_sets.of_lesson(name[:2]))]


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
            failed.update(dict.fromkeys(_ids(source), problems[-1]))
        if ran.status != "error":
            limits = {"time": f"{seconds:g} s", "memory": f"{kernel.memory or 0:g} MB"}
            limit = f" (limit {limits[ran.status]})" if ran.status in limits else ""
            problems[-1] += f"{limit}; the cells after it did not run"
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
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # not written by the recorder
    return found


def _judged(exercise, recorded, whole):
    status, message = recorded.get(exercise.id, (UNCHECKED if whole else UNREACHED, ""))
    return {"id": exercise.id, "title": exercise.title, "status": status, "message": message}
