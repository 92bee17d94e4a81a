"""Every lesson and notebook keeps the rules, and every rule turns red for what it forbids."""

import copy

import numpy as np
import pytest
from lesson_tools import DEMO_LESSON, LESSONS, build_notebooks, lint_lessons, making
from lint_lessons import lint_lesson, lint_notebook, lint_page

# ---- the lessons and the stored notebooks


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_lesson_keeps_the_rules(lesson):
    assert lint_lesson(lesson, LESSONS) == []


@pytest.mark.parametrize("kind", making.KINDS)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_stored_notebook_keeps_the_rules(lesson, kind):
    path = build_notebooks.NOTEBOOKS / making.notebook_file(lesson, kind)
    assert path.stat().st_size < 4_000_000
    stored = build_notebooks.stored_notebook(path)
    assert lint_notebook(stored) == []
    assert kind != making.STUDENT or lint_page(lesson, stored) == []


def test_the_demonstration_keeps_the_rules():
    assert lint_lesson(DEMO_LESSON, [DEMO_LESSON]) == []


# ---- the rules of lessons, each seen red


def changed(old, new):
    """The demonstration lesson with one text replaced by another, in one cell."""
    lesson = copy.deepcopy(DEMO_LESSON)
    cell = next(cell for cell in lesson.cells if old in cell.source)
    cell.source = cell.source.replace(old, new)
    return lesson


def told(lesson):
    sentences = lint_lesson(lesson, [lesson])
    assert all(sentence.startswith("98_demo.py: ") for sentence in sentences)
    return sentences


LOOK = "print(len(net.labels)"


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("**You will learn:**", "Learn:", "'**You will learn:**' stands 0 times"),
        ("## Take-away", "## The end", "'## Take-away' stands 0 times"),
        ("3. Its exercises are proven.", "", "three numbered sentences"),
        ("## Next lesson", "## Then", "must be '## Next lesson'"),
        ("1 min.", "Soon.", "3 teaching notes; write at least three"),
        ('NETWORK = "squeezenet"', "import keras", "imports keras"),
        ('NETWORK = "', 'from tensorflow import nn\nNETWORK = "', "imports tensorflow"),
        (LOOK, f'cmap = "jet"\n{LOOK}', "is not perceptual"),
        (LOOK, f"# !pip install x\n{LOOK}", "shell or magic"),
        (LOOK, f"open('/home/me/x')\n{LOOK}", "absolute path"),
        ("Nothing can", "[Lesson](97_none.ipynb) Nothing can", "which is no lesson"),
        ("Nothing can", "![](x.png) Nothing can", "picture without alt text"),
        ('check("98-even", even)', 'check("98-odd", even)', "check('98-odd') has no exercise"),
        ('check("98-even", even)', 'check("98-even", even)\nx = 1', "must be the last line"),
        ('check("98-even", even)', 'check("98-letter", even)', "'98-letter' is checked twice"),
        ('check("98-even", even)', "even", "belong together"),
        ("One network is named in the first line; here it stands for itself.", "## So", "heading"),
    ],
)
def test_a_rule_of_lessons_turns_red(old, new, words):
    assert any(words in sentence for sentence in told(changed(old, new))), words


def test_missing_cells_and_unknown_tags_are_told():
    lesson = copy.deepcopy(DEMO_LESSON)
    lesson.cells[3].tags.append("exercise-setpu")
    for kept, words in (
        (lambda cell: True, "unknown tag 'exercise-setpu'"),
        (lambda cell: "teaching-note" not in cell.tags, "0 teaching notes"),
        (lambda cell: cell.kind == "code", "no prose before it"),
        (lambda cell: not cell.checks, "0 exercises; 4 are the least"),
        (lambda cell: True, "'98-mean' is declared but the lesson never checks it"),
    ):
        lesson.cells = [cell for cell in lesson.cells if kept(cell)]
        assert words in "\n".join(lint_lesson(lesson, [lesson]))


# ---- the rules of clean pages, each seen red


def page(lesson, *texts):
    """What the page rules say of a lesson whose student's notebook printed these texts."""
    outputs = [stream(text) for text in texts]
    return lint_page(lesson, {"cells": [dict(notebook(None)["cells"][0], outputs=outputs)]})


@pytest.mark.parametrize(
    "old, new, words",
    [
        (LOOK, "x = 1\n" * 20 + LOOK, "lines of code; 20 is the most"),
        ('NETWORK = "', "x = 1\n" * 10 + 'NETWORK = "', "import cell: 1"),
        (LOOK, f"from a import {', '.join('abcdefghijklmnopqr')}\n{LOOK}", "imports 18 names"),
        (LOOK, f"try:\n    pass\nexcept OSError:\n    pass\n{LOOK}", "'try' does not belong"),
        (LOOK, f"show(net, alt='a cat')\n{LOOK}", "'alt=' does not belong"),
        (LOOK, LOOK, "'assert' does not belong"),
        (LOOK, LOOK, "'net.name' does not belong"),
        (LOOK, LOOK, "after the first third"),
        (LOOK, LOOK, "fewer than half of the exercises"),
        ("**Time:** 5 minutes", "**Time:** short", "must say '**Time:** 40 minutes'"),
        ("**Time:** 5 minutes", "**Time:** 50 minutes", "it says 50 minutes; its core takes 17"),
        ("## What goes wrong here", "## Go deeper: here", 'those without "Go deeper"'),
        ("Nothing can", "It has 1,234 weights. Nothing can", "says 1,234, which"),
    ],
)
def test_a_rule_of_pages_turns_red(old, new, words):
    assert any(words in sentence for sentence in page(changed(old, new)))


def test_the_minutes_are_those_of_the_core():
    """17.0 = 1.5 min of words and code, 6 + 4 + 4 + 1.5 of exercises; deeper parts are left out."""
    lesson = copy.deepcopy(DEMO_LESSON)
    before = lint_lessons.minutes(lesson, {})
    assert 16 < before < 18
    lesson.cells[7].source = "## Go deeper: " + "word " * 400
    assert lint_lessons.minutes(lesson, {}) == pytest.approx(before, abs=0.2)
    lesson.cells[7].source = "## On: **Predict** " + "word " * 400
    assert lint_lessons.minutes(lesson, {}) == pytest.approx(before + 3, abs=0.2)


@pytest.mark.parametrize(
    "prose, printed, unfounded",
    [
        ("from 0.98 to 0.45", "0.9761 0.4512", []),
        ("from 0.98 to 0.45", "0.9761 0.4562", ["0.45"]),
        ("correlation -0.76", "r = -0.758", []),
        ("98 % of 46%", "0.9761 46.2", []),
        ("97 %", "0.9761", ["97 %"]),
        ("138,357,544 weights, 1.2 million", "138_357_544 1,235,496", []),
        ("138,357,545 weights", "138_357_544 1,235,496", ["138,357,545"]),
        ("1.3 million weights", "138_357_544 1,235,496", ["1.3 million"]),
        ("In 2016, lesson 04 and 12 of chapter 37: VGG16, `x[77]`, $a^{99}$, 40 minutes", "", []),
        ("[All cats](https://x.org/88) arXiv:1610.02391, 3 x 3 of 255, Keras 3.15", "", []),
        ("57 times\n\n<!-- source --> 78 %, by the paper's 312 photos", "", ["57"]),
        ("1. one of 13\n12. two", "", ["13"]),
    ],
)
def test_numbers_in_prose_are_those_on_the_screen(prose, printed, unfounded):
    lesson = changed("Nothing can", f"{prose}: nothing can")
    known = set().union(*lint_lessons.numbers_by_cell(lesson, notebook(stream(printed))))
    assert list(lint_lessons.unfounded_numbers(prose, known)) == unfounded


def test_a_number_counts_near_the_cell_that_shows_it_or_once_said():
    lesson, made = changed("Nothing can", "A score of 0.46: nothing can"), notebook(stream(""))
    rule = lint_lessons.numbers_in_prose_are_on_the_page
    says = next(c.position for c in lesson.cells if "0.46" in c.source)
    sections = np.cumsum([c.source.startswith("## ") for c in lesson.cells])
    for cell, section in zip(lesson.cells, sections, strict=True):
        cell.check = "assert score > 0.46"
        near = abs(section - sections[says]) <= 1
        assert any("0.46" in told for told in rule(lesson, made)) != near, cell.position
        cell.check = ""
    lesson.cells[0].source += " It is 0.46."
    lesson.cells[0].check = "assert score > 0.46"
    assert not any("0.46" in told for told in rule(lesson, made))


def test_a_number_may_be_checked_and_what_a_figure_says_of_itself_counts():
    lesson = changed("Nothing can", "The map ends at 0.17 and 23.4. Nothing can")
    lesson.cells[5].check = "assert 0.1699 < heat.max()"
    figure = display(text_html="<img alt='A map up to 88.8'>", text_plain="A map up to 88.8")
    figure["metadata"] = {"cnnvis": {"described": "Map; 0 to 23.41"}}
    made = notebook(figure, cnnvis={"alt": ["A map up to 88.8"]})
    known = set().union(*lint_lessons.numbers_by_cell(lesson, made))
    assert list(lint_lessons.unfounded_numbers("0.17, 23.4, 88.8", known)) == ["88.8"]


def test_a_figure_needs_the_authors_alt():
    for about, count in ({}, 1), ({"alt": ["A cat"]}, 0):
        made = notebook(display(text_html=GOOD_PICTURE), cnnvis=about)
        assert len([*lint_lessons.figures_have_alts_of_the_author(DEMO_LESSON, made)]) == count


# ---- the rules of notebooks, each seen red


def notebook(output, count=1, **metadata):
    """A notebook of one code cell with one output, or with none."""
    outputs = [output] if output else []
    cell = {"cell_type": "code", "source": "x = 1", "outputs": outputs, "execution_count": count}
    return {"cells": [{**cell, "metadata": metadata}]}


def display(**data):
    bundle = {kind.replace("_", "/"): [text] for kind, text in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


GOOD_PICTURE = '<img alt="A cat with its face glowing" src="data:image/png;base64,AAAA">'


@pytest.mark.parametrize(
    "bad, words",
    [
        (notebook(None, count=None), "not run in order"),
        (notebook(None, count=2), "not run in order"),
        (notebook({"output_type": "error", "ename": "KeyError", "evalue": ""}), "ends in KeyError"),
        (notebook(stream("warned", "stderr")), "stored stderr"),
        (notebook(stream("see /home/someone/x")), "absolute path"),
        (notebook(stream("see C:\\Users\\x")), "absolute path"),
        (notebook(display(text_plain="<Axes at 0x7f00aa11bb22>")), "address of an object"),
        (notebook(display(text_plain="<matplotlib.Axes at 0x7f00aa11bb22>")), "address of an"),
        (notebook(display(image_png="AAAA", text_plain="x")), "picture without alt text"),
        (notebook(display(text_html="<img src='x'>")), "says too little"),
        (notebook(display(text_html="<img alt='' src='x'>")), "says too little"),
        (notebook(display(text_html="<img alt='picture' src='x'>")), "says too little"),
    ],
)
def test_a_rule_of_notebooks_turns_red(bad, words):
    assert any(words in sentence for sentence in lint_notebook(bad)), words


@pytest.mark.parametrize("kind", making.KINDS)
def test_the_reply_to_an_exercise_fits_the_copy(kind):
    good = {"student": "\u25cb Not yet.", "solutions": "\u2713 Right."}[kind]
    for reply, count in ((good, 0), ("\u2717 Not right.", 1)):
        made = notebook(display(text_plain=reply), tags=["exercise"])
        assert len(lint_notebook({**made, "metadata": {"cnnvis": {"kind": kind}}})) == count


def test_good_outputs_pass():
    encoded = GOOD_PICTURE.replace("AAAA", "/home/xAAAA")
    for output in (stream("12 labels"), display(text_html=encoded, text_plain="A cat, glowing")):
        assert lint_notebook(notebook(output)) == []
