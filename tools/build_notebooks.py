"""Make the notebooks of the course from its lessons.

    python tools/build_notebooks.py              all lessons, run from a fresh kernel each
    python tools/build_notebooks.py 01 02        these lessons only
    python tools/build_notebooks.py --no-execute outputs are kept where the code is unchanged
    python tools/build_notebooks.py --check      change nothing; say what is out of date

From notebooks/lessons/NN_name.py come notebooks/NN_name.ipynb (student),
notebooks/solutions/NN_name.ipynb (lecturer) and cnnvis_helpers/exercises/lesson_NN.json (what
solution(id) shows). How a lesson is written: notebooks/lessons/README.md.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import lesson_source
import notebook_making as making
import notebook_running as running
from lint_lessons import lint_lesson, lint_notebook, lint_page, page_counts
from nbclient.exceptions import CellControlSignal

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
EXERCISE_SETS = ROOT / "cnnvis_helpers" / "exercises"


def chosen(lessons, numbers):
    """The lessons with these numbers ("01") or names; all when there are none."""
    if not numbers:
        return lessons
    picked = [x for x in lessons if x.number in numbers or x.name in numbers]
    unknown = set(numbers) - {x.number for x in picked} - {x.name for x in picked}
    if unknown:
        known = ", ".join(lesson.number for lesson in lessons) or "none yet"
        missing = ", ".join(sorted(unknown))
        raise lesson_source.LessonError(f"No lesson {missing}. There are: {known}.")
    return picked


def solutions_text(lesson):
    """Text of lesson_NN.json: exercise id -> the source of its solution, and its options."""
    found = {}
    for cell in lesson.cells:
        if cell.is_exercise:
            for exercise in cell.checks:
                found[exercise] = {"solution": lesson_source.shown_solution(cell.source)}
                if options := lesson_source.options(lesson, cell):
                    found[exercise]["options"] = options
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def stored_notebook(path):
    """The notebook in a file, or None where there is none."""
    return making.load(path.read_text(encoding="utf-8")) if path.is_file() else None


def stale(lesson, lessons, notebooks=NOTEBOOKS, exercise_sets=EXERCISE_SETS):
    """Sentences on every generated file of a lesson that the lesson would now make otherwise."""
    for kind in making.KINDS:
        path = notebooks / making.notebook_file(lesson, kind)
        made, stored = making.make_notebook(lesson, lessons, kind), stored_notebook(path)
        name = f"{path.parent.name}/{path.name}"
        if stored is None:
            yield f"{name} is missing."
        elif stored["metadata"].get("cnnvis", {}).get("ran") != made["metadata"]["cnnvis"]["ran"]:
            yield f"{name}: its outputs do not belong to the lesson's code; build it."
        elif making.dump(making.without_outputs(stored)) != making.dump(made):
            yield f"{name} is not what the lesson makes; build it."
    path = exercise_sets / f"lesson_{lesson.number}.json"
    if not path.is_file() or path.read_text(encoding="utf-8") != solutions_text(lesson):
        yield f"{path.name} is not what the lesson makes; build it."


def problems(lesson, lessons):
    """Sentences on everything of a lesson that is out of date or breaks a rule."""
    try:
        found = [*lint_lesson(lesson, lessons), *stale(lesson, lessons)]
    except lesson_source.LessonError as error:
        return [str(error)]
    for kind in making.KINDS:
        path = NOTEBOOKS / making.notebook_file(lesson, kind)
        if stored := stored_notebook(path):
            found += [f"{path.parent.name}/{path.name}: {told}" for told in lint_notebook(stored)]
            found += lint_page(lesson, stored) if kind == making.STUDENT else []
    return found


def page_summary(lesson):
    """One line with the counts that the page rules limit."""
    stored = stored_notebook(NOTEBOOKS / making.notebook_file(lesson, making.STUDENT)) or {}
    counts = ", ".join(f"{name} {x}" for name, x in page_counts(lesson, stored).items())
    return f"{lesson.name}: {counts}"


def build(lesson, lessons, execute):
    """Write both notebooks and the stored solutions of a lesson; print one line each."""
    path = EXERCISE_SETS / f"lesson_{lesson.number}.json"
    path.write_text(solutions_text(lesson), encoding="utf-8")
    for kind in making.KINDS:
        path = NOTEBOOKS / making.notebook_file(lesson, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        made, start = making.make_notebook(lesson, lessons, kind), time.perf_counter()
        if execute:
            done, said = running.run_notebook(made, path.parent)
            note = f"ran in {time.perf_counter() - start:.0f} s"
        else:
            done, kept = running.carry_outputs(made, stored_notebook(path))
            said, note = [], "outputs kept" if kept else "code is new: no outputs, run it"
        path.write_text(making.dump(done), encoding="utf-8", newline="\n")
        print(f"{making.notebook_file(lesson, kind)}: {note}, {path.stat().st_size / 1e6:.2f} MB")
        for line in dict.fromkeys(said):
            print(f"    stderr: {line}")


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons; none: all")
    parser.add_argument("--check", action="store_true", help="change nothing, say what is stale")
    parser.add_argument("--no-execute", action="store_true", help="do not run the notebooks")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    try:
        lessons = lesson_source.read_lessons()
        picked = chosen(lessons, options.lessons)
        if not options.check:
            for lesson in picked:
                build(lesson, lessons, execute=not options.no_execute)
    except (lesson_source.LessonError, CellControlSignal) as error:
        print(error)
        return 2
    for lesson in picked:
        print(page_summary(lesson))
    found = [sentence for lesson in picked for sentence in problems(lesson, lessons)]
    for sentence in found:
        print(sentence)
    print(f"{len(picked)} lessons, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
