"""TEACHING.md agrees with the lessons: titles, minutes, exercises, sums, commands."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("jupytext")

import course  # noqa: E402
import lesson_source  # noqa: E402

from cnnvis_helpers import check  # noqa: E402
from cnnvis_helpers import exercises as exercise_sets  # noqa: E402
from cnnvis_helpers.__main__ import _parser  # noqa: E402
from cnnvis_helpers.exercises import solution_source  # noqa: E402

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
    assert part.count("- **Answers:**") == 1
    own = re.findall(rf"`({number}-[a-z0-9-]+)`", part)
    assert own, "no exercise is set"


def bullet(number, name):
    """What stands behind - **name:** in a lesson's part, on one line."""
    found = re.search(rf"- \*\*{name}:\*\* (.*?)(?=\n- |\Z)", PARTS[number][1], re.DOTALL)
    return " ".join(found[1].split())


def answers(number):
    """{exercise id: answer} of a lesson's part."""
    pieces = re.split(r"`(\d\d-[a-z0-9-]+)`: ", bullet(number, "Answers"))
    assert pieces[0] == ""
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def set_in_plans():
    return set(re.findall(r"`(\d\d-[a-z0-9-]+)`", TEXT.partition("## Lesson by lesson")[0]))


@pytest.mark.parametrize("number", list(LESSONS))
def test_every_question_and_every_exercise_that_is_set_has_an_answer(number):
    asked = re.findall(r"\*([^*]+)\* ([^*]+)", bullet(number, "Ask"))
    assert len(asked) == 2
    for question, answer in asked:
        assert "?" in question, question
        assert "?" not in answer and len(answer.split()) >= 8 and answer.strip()[-1] == ".", answer
    wanted = set(re.findall(rf"`({number}-[a-z0-9-]+)`", bullet(number, "Set")))
    wanted |= {each for each in set_in_plans() if each.startswith(number)}
    given = answers(number)
    assert wanted <= set(given), wanted - set(given)
    for name, answer in given.items():
        assert len(answer.split()) >= 5 and answer.strip().endswith("."), name


@pytest.mark.parametrize("number", list(LESSONS))
def test_the_answers_are_those_of_the_exercises(number):
    """Letters against the solutions; numbers against `check`."""
    letters = {
        exercise.id: found[1]
        for exercise in exercise_sets.of_lesson(number)
        if (found := re.fullmatch(r'\w+ = "([a-d])"\s*', solution_source(exercise.id) or ""))
    }
    for name, answer in answers(number).items():
        stated = re.match(r"\(([a-d])\)", answer)
        assert (stated and stated[1]) == letters.get(name), name
    numbers = {"04": ("04-slide", (1, 0.40)), "06": ("06-levels", 12.75)}
    numbers["01"] = ("01-vgg16", 138_357_544)
    if number in numbers:
        name, value = numbers[number]
        assert check(name, value).status == "right"
        last = value[-1] if isinstance(value, tuple) else value
        written = f"{last:,}" if number == "01" else f"{last:.2f}"
        assert written in answers(number)[name]


def test_every_bug_has_its_letter_and_the_sentence_to_choose_agrees_with_its_own_words():
    given = answers("08")
    bugs = [each.id for each in exercise_sets.of_lesson("08") if "-bug-" in each.id]
    assert len(bugs) == 8 and set(bugs) <= set(given)
    text = "\n".join(cell.source for cell in LESSONS["08"].cells).replace("\n", " ")
    sentence = re.search(r'\(d\) "(On \d+ test pictures.*?)"', text)[1]
    for word, stated in {
        "Grad-CAM": "method",
        "last layer": "layer",
        "melanoma": "class",
        "inside the doctor's outline": "measure",
        "chosen at random": "how the pictures were chosen",
    }.items():
        assert word in sentence and stated in given["08-say"]


def test_plans_that_teach_08_without_05_say_what_it_needs_and_choose_bugs_that_do_not():
    without_05 = {"08-bug-1", "08-bug-2", "08-bug-3", "08-bug-6"}
    for heading in ("One lecture of 90 minutes", "Three lectures"):
        plan = section(heading)
        assert "05 (" not in plan and re.search(r"\*?[Gg]radient", plan), heading
        assert "guided backprop" in plan.lower()
        shown = re.search(r"bugs ((?:\d, )*\d and \d)", plan)[1]
        chosen = {f"08-bug-{digit}" for digit in re.findall(r"\d", shown)}
        assert chosen | set(re.findall(r"`(08-bug-\d)`", plan)) <= without_05
    assert "Lesson 05 is the reading before lecture 3" in section("Three lectures")
    needed = re.sub(r"\s+", " ", bullet("08", "Set"))
    assert "`08-bug-1`, `08-bug-2` and `08-bug-6` need lesson 04 alone" in needed


def test_each_status_of_the_grader_is_explained():
    from cnnvis_helpers.classroom import grade as grading

    told = TEXT.partition("## Grading")[2]
    words = ("HOLDS", "WRONG", "EMPTY", "ERROR", "UNCHECKED", "UNREACHED")
    for status in (getattr(grading, word) for word in words):
        assert f"*{status}*" in told, status


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


def test_every_command_that_is_named_exists():
    choices = _parser()._subparsers._group_actions[0].choices
    named = set(re.findall(r"python3 tools/course.py (\w+)", TEXT))
    assert named == {"rehearse", "kept", "prefetch", "grade", "slides", "handouts"}
    assert named <= set(course.EXTRA_OF)
    assert named - {"slides", "handouts"} <= set(choices)
    for path in re.findall(r"python (tools/\w+\.py)", TEXT):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / path).exists(), path
