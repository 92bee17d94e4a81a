"""TEACHING.md agrees with the lessons: minutes, exercises, answers, commands."""

import re

import pytest
from lesson_tools import LESSONS, ROOT, exercise_sets

from cnnvis_helpers.__main__ import _parser
from cnnvis_helpers.exercises import solution_source

TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
PARTS = {
    found[1]: found[0]
    for found in re.finditer(r"### (\d\d) (.+?)\n.*?(?=\n### |\n## |\Z)", TEXT, re.DOTALL)
}


def minutes(lesson):
    """What the lesson itself says."""
    return int(re.search(r"\*\*Time:\*\* (\d+) minutes", lesson.cells[0].source)[1])


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_lessons_part_has_its_title_its_minutes_and_answers_that_are_right(lesson):
    part = PARTS[lesson.number]
    assert part.startswith(f"### {lesson.number} {lesson.title}\n")
    assert f"**{minutes(lesson)} minutes." in part
    for exercise, letter in re.findall(r"`(\d\d-[a-z0-9-]+)`: \(([a-d])\)", part):
        assert f'"{letter}"' in solution_source(exercise), exercise


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_the_minutes_of_the_first_teaching_note_are_those_of_the_lesson(lesson):
    note = next(cell.source for cell in lesson.cells if "teaching-note" in cell.tags)
    assert int(re.search(r"(\d+) min", note)[1]) == minutes(lesson)


def test_every_exercise_that_is_named_exists():
    known = {e.id for number in exercise_sets.lessons() for e in exercise_sets.of_lesson(number)}
    named = set(re.findall(r"`(\d\d-[a-z0-9-]+)`", TEXT))
    assert named <= known, named - known


def test_the_two_days_hold_every_lesson_with_its_minutes():
    days = re.search(r"### A course of two days.*?(?=\n### |\n## )", TEXT, re.DOTALL)[0]
    held = dict(re.findall(r"(\d\d) \((\d+)\)", days))
    assert held == {lesson.number: str(minutes(lesson)) for lesson in LESSONS}


def test_every_command_that_is_named_exists():
    named = set(re.findall(r"-m cnnvis_helpers (\w+)", TEXT))
    assert named and all(f" {name} " in _parser().format_help() for name in named)
