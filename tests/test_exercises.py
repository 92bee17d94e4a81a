"""Exercises: what check, hint and solution say, and the proof of every exercise of every lesson."""

import functools

import pytest
from lesson_tools import DEMO_LESSON, LESSONS, lesson_source

from cnnvis_helpers import exercise_sets, exercises
from cnnvis_helpers.exercise_sets.comparing import brief

HINTS = ["first", "second", "third"]

# ---- every exercise of every lesson


def _exercise_cells():
    for lesson in [*LESSONS, DEMO_LESSON]:
        for cell in lesson.cells:
            for exercise_id in cell.checks:
                yield pytest.param(lesson, cell, exercise_id, id=exercise_id)


EXERCISE_CELLS = list(_exercise_cells())


@functools.cache
def _namespace(lesson_name, position):
    """What the lesson's cells tagged `exercise-setup` before this position define."""
    lesson = next(x for x in [*LESSONS, DEMO_LESSON] if x.name == lesson_name)
    space = {"__name__": "__main__"}
    for cell in lesson.cells:
        if "exercise-setup" in cell.tags and cell.position < position:
            exec(compile(cell.source, f"{lesson.name}, cell {cell.position + 1}", "exec"), space)
    return space


def _run(lesson, cell, source):
    """Run an exercise cell; return the reply of its check, the answer and what was given."""
    setups = [
        x.position
        for x in lesson.cells
        if "exercise-setup" in x.tags and x.position < cell.position
    ]
    space = dict(_namespace(lesson.name, max(setups, default=-1) + 1))
    replies = []

    def recording_check(exercise_id, answer=None, **given):
        reply = exercises.check(exercise_id, answer, **given)
        replies.append((reply, answer, given))
        return reply

    space["check"] = recording_check
    exec(compile(source, f"{lesson.name}, cell {cell.position + 1}", "exec"), space)
    assert len(replies) == 1
    return replies[0]


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_the_solution_passes(lesson, cell, exercise_id):
    reply, _, _ = _run(lesson, cell, lesson_source.solution_source(cell.source))
    assert reply, repr(reply)
    assert reply.exercise == exercise_id


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_the_untouched_stub_is_not_yet_answered(lesson, cell, exercise_id):
    reply, _, _ = _run(lesson, cell, lesson_source.stub_source(cell.source))
    assert reply.status == "not yet", repr(reply)
    assert not reply


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_wrong_answers_are_each_refused_with_their_own_sentence(lesson, cell, exercise_id):
    _, _, given = _run(lesson, cell, lesson_source.solution_source(cell.source))
    examples = exercise_sets.find(exercise_id).examples(given)
    assert len(examples) >= 3
    assert len({message for _, message in examples}) == len(examples)
    for answer, message in examples:
        reply = exercises.check(exercise_id, answer, **given)
        assert reply.status == "wrong", f"{brief(answer)} was accepted: {reply!r}"
        assert reply.message == message, f"{brief(answer)} was told: {reply.message}"


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_hints_are_three_and_differ(lesson, cell, exercise_id):
    exercise = exercise_sets.find(exercise_id)
    assert len(exercise.hints) >= 3
    assert len(set(exercise.hints)) == len(exercise.hints)
    assert all(text.strip() == text and text for text in exercise.hints)


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_stub_lines_come_from_the_solution_or_the_author(lesson, cell, exercise_id):
    written = {line.strip().removeprefix("#").strip() for line in cell.source.splitlines()}
    for line in lesson_source.stub_source(cell.source).splitlines():
        automatic = line.strip().endswith(("None  # your code here", "None  # your answer"))
        assert automatic or line.strip() in written, line


def test_ids_are_unique():
    ids = [x.id for number in exercise_sets.lessons() for x in exercise_sets.of_lesson(number)]
    assert len(set(ids)) == len(ids)
    for number in exercise_sets.lessons():
        assert all(x.id.startswith(f"{number}-") for x in exercise_sets.of_lesson(number))
