"""Grade notebooks: run them again and say which exercises are right.

    python -m cnnvis_helpers grade homework/*.ipynb --json grades.json

Stored outputs are ignored. The code runs in a fresh kernel, a separate process in an empty folder
with a time limit, and with the rights of the person who started it: grade strangers' work in a
container or an account that owns nothing. A student who wants to deceive `check` from inside that
process can.
"""

import json
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import cnnvis_helpers.exercises as exercises
from cnnvis_helpers._shared.files import atomic_write
from cnnvis_helpers.classroom.notebooks import code_cell, errors, read_code, run_notebook

HOLDS, WRONG, EMPTY = "holds", "wrong", "not yet"
UNREACHED, UNCHECKED, ERROR = "not reached", "not checked", "error"
_STATUS = {"right": HOLDS, "wrong": WRONG, "not yet": EMPTY}
# The id in a string; hint("04-cam") and solution("04-cam") check nothing.
_IDS = re.compile(r"""(\b(?:hint|solution)\([^)\n]*)?["'](\d\d-[a-z0-9-]+)["']""")
_COMMENT_LINE = re.compile(r"^\s*#.*$", re.MULTILINE)

# Runs before the student's code: every check also appends its result to a file outside the folder.
_RECORDER = """
import json as _json
from cnnvis_helpers.exercises import check as _module
def _record(path, judge=_module.check, dumps=_json.dumps, open=open):
    def check(exercise_id, answer=None, **given):
        result = judge(exercise_id, answer, **given)
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(dumps([result.exercise, result.status, result.message]) + "\\n")
        return result
    check.__doc__ = judge.__doc__
    return check
_module.check = _record({path!r})
del _record, _json, _module
"""


def grade(path, seconds=600):
    """Run one notebook again, a student's copy of a lesson, and judge its exercises.

    seconds : limit for the run; later exercises are "not reached"

    Returns a dict, ready for JSON: "notebook", "lesson", "holds" and "of" (numbers), "exercises" (a
    list of {"id", "title", "status", "message"}, status "holds", "wrong", "not yet", "error" (its
    cell failed before its check), "not reached" or "not checked"), "problems" (one sentence per
    cell with an error), "seconds". Raises ValueError for a file that is not a lesson's notebook.
    """
    path, begun = Path(path), time.monotonic()
    notebook = read_code(path)
    lesson = _lesson(path, notebook)
    with tempfile.TemporaryDirectory(prefix="cnnvis-grade-", ignore_cleanup_errors=True) as outside:
        records, folder = Path(outside) / "records", Path(outside) / "work"
        folder.mkdir()
        source = _RECORDER.replace("{path!r}", repr(str(records)))
        notebook.cells.insert(0, code_cell(source))
        variables = {"CNNVIS_KEEP": "off", "IPYTHONDIR": str(Path(outside) / "ipython")}
        ended = run_notebook(notebook, folder, seconds, variables, keep_going=True)
        recorded = {}  # the last check of an exercise counts
        lines = records.read_text(encoding="utf-8").splitlines() if records.is_file() else ()
        for name, status, message in map(json.loads, lines):
            recorded[name] = (_STATUS[status], message)
    problems = [(index, f"code cell {index}: {said}") for index, said in errors(notebook)]
    for index, problem in problems:
        for name in _ids(notebook.cells[index].source):
            recorded.setdefault(name, (ERROR, problem))
    problems = [problem for _, problem in problems]
    if ended:
        problems.append(f"code cell {ended[0]}: {ended[1]}; the cells after it did not run")
    missing = UNREACHED if ended else UNCHECKED
    judged = []
    for each in exercises.of_lesson(lesson):
        status, message = recorded.get(each.id, (missing, ""))
        judged.append({"id": each.id, "title": each.title, "status": status, "message": message})
    return _result(path, lesson, judged, problems, time.monotonic() - begun)


def _result(path, lesson, judged, problems, seconds):
    return {
        "notebook": str(path),
        "lesson": lesson,
        "holds": sum(each["status"] == HOLDS for each in judged),
        "of": len(judged),
        "exercises": judged,
        "problems": problems,
        "seconds": round(seconds, 1),
    }


def grade_each(paths, seconds=600):
    """Yield the result of `grade` for each notebook of a class.

    If one cannot be graded, "lesson" is None and "problems" says why.
    """
    for path in paths:
        try:
            yield grade(path, seconds)
        except Exception as error:  # one file must not cost the others their grades
            kind = "" if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: "
            problem = f"{kind}{error}"
            if repr(str(path)) not in problem:
                problem = f"{str(path)!r}: {problem}"
            yield _result(path, None, [], [problem], 0.0)


def as_text(graded):
    """Return a result of `grade` or `grade_each` as text."""
    if graded["lesson"] is None:
        return graded["problems"][0]
    lines = [f"{graded['notebook']}: {graded['holds']} of {graded['of']} exercises hold"]
    signs = {HOLDS: "\u2713", WRONG: "\u2717", ERROR: "\u2717"}
    for each in graded["exercises"]:
        sign = signs.get(each["status"], "\u25cb")
        line = f"  {sign} {each['id']:<24} {each['status']}"
        lines.append(f"{line}: {each['message']}" if each["status"] in (WRONG, ERROR) else line)
    lines += [f"  ! {problem}" for problem in graded["problems"]]
    return "\n".join([*lines, f"  ran in {graded['seconds']:.0f} s"])


def write_json(path, graded):
    """Write a list of results as JSON, in one step; ValueError if that fails."""
    if Path(path).suffix == ".ipynb":
        raise ValueError(
            f"--json {str(path)!r} would replace a notebook: name it grades.json, for example."
        )
    try:
        with atomic_write(path) as stream:
            text = json.dumps(graded, indent=1, ensure_ascii=False) + "\n"
            stream.write(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from None


def _lesson(path, notebook):
    """Return the number of a notebook's lesson, by its checks or its name."""
    numbers = [name[:2] for cell in notebook.cells for name in _ids(cell.source)]
    numbers = numbers or re.findall(r"(?<!\d)(\d\d)_", path.name)[:1]
    number = Counter(numbers).most_common(1)[0][0] if numbers else None
    if number is None or not exercises.of_lesson(number):
        raise ValueError(
            f"{str(path)!r} checks no exercise of the course: it holds no id such as '04-cam', and "
            "its name begins with no number of a lesson, as 04_cam.ipynb does."
        )
    return number


def _ids(source):
    """Return the exercise ids in a cell's strings, outside comments and hints."""
    found = [name for shown, name in _IDS.findall(_COMMENT_LINE.sub("", source)) if not shown]
    return [name for name in found if any(name == e.id for e in exercises.of_lesson(name[:2]))]
