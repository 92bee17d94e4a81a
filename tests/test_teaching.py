"""TEACHING.md agrees with the lessons: titles, minutes, exercises, sums, commands."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("jupytext")

import lesson_source  # noqa: E402

from cnnvis_helpers import exercise_sets  # noqa: E402
from cnnvis_helpers.__main__ import _parser  # noqa: E402

TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
LESSONS = {lesson.number: lesson for lesson in lesson_source.read_lessons()}
PARTS = {
    found[1]: (found[2], found[0])
    for found in re.finditer(r"### (\d\d) (.+?)\n.*?(?=\n### |\n## |\Z)", TEXT, re.DOTALL)
}


def minutes(number):
    """What the lesson itself says."""
    return int(re.search(r"\*\*Time:\*\* (\d+) minutes", LESSONS[number].cells[0].source)[1])


def section(heading):
    return re.search(rf"### {heading}.*?(?=\n### |\n## )", TEXT, re.DOTALL)[0]


def test_every_lesson_has_its_part_in_order():
    assert list(PARTS) == list(LESSONS)


@pytest.mark.parametrize("number", list(LESSONS))
def test_a_part_has_the_lessons_title_and_minutes_and_all_that_a_lecturer_needs(number):
    title, part = PARTS[number]
    assert title == LESSONS[number].title
    assert f"**{minutes(number)} minutes. Goal:**" in part
    for needed in ("- **Ask:**", "- **Misconception:**", "- **Demo:**", "- **Set:**"):
        assert part.count(needed) == 1, needed
    assert part.count("**Answer:**") == 1
    own = re.findall(rf"`({number}-[a-z0-9-]+)`", part)
    assert own, "no exercise is set"


@pytest.mark.parametrize("number", list(LESSONS))
def test_the_parts_of_the_first_teaching_note_fill_the_lessons_minutes(number):
    cells = LESSONS[number].cells
    note = next(cell.source for cell in cells if "teaching-note" in cell.tags)
    total, parts = re.match(r"(?:> )?\D*(\d+) min(?:: ([^.]+)| in all)", note).groups()
    assert int(total) == minutes(number)
    taken = sum(int(each) for each in re.findall(r" (\d+)(?=,|$| \()", parts or f" {total}"))
    # One exercise in class may stand without a number: five minutes at most.
    assert minutes(number) - 5 <= taken <= minutes(number), (parts, taken)


def test_every_exercise_that_is_named_exists():
    named = set(re.findall(r"`(\d\d-[a-z0-9-]+)`", TEXT))
    assert len(named) > 20
    known = {e.id for number in exercise_sets.lessons() for e in exercise_sets.of_lesson(number)}
    assert named <= known, named - known


def test_the_single_lecture_adds_up():
    title = section("One lecture of 90 minutes")
    rows = [int(number) for number in re.findall(r"^\| (\d+) \| lesson", title, re.MULTILINE)]
    assert len(rows) == 6 and sum(rows) == 90


def test_the_three_lectures_add_up():
    rows = section("Three lectures")
    for lessons, total in ((("00", "01", "02"), 90), (("03", "04"), 80), (("08",), 60)):
        assert sum(map(minutes, lessons)) == total
    assert "all three (90 minutes)" in rows and "both (80 minutes)" in rows
    assert "all of lesson 08 (60)" in rows


def test_the_two_days_hold_every_lesson_with_its_minutes():
    days = section("A course of two days")
    held = dict(re.findall(r"(\d\d) \((\d+)\)", days))
    assert {number: str(minutes(number)) for number in LESSONS} == held


def test_every_command_of_the_package_that_is_named_exists():
    choices = _parser()._subparsers._group_actions[0].choices
    named = set(re.findall(r"python -m cnnvis_helpers (\w+)", TEXT))
    assert named == {"rehearse", "kept", "prefetch", "grade"}
    assert named <= set(choices)
    for path in re.findall(r"python (tools/\w+\.py)", TEXT):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / path).exists(), path
