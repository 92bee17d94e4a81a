"""Every lesson and notebook keeps the rules, and every rule turns red for what it forbids."""

import copy

import pytest
from lesson_tools import DEMO_LESSON, LESSONS, build_notebooks, lint_lessons, making
from lint_lessons import lint_lesson, lint_notebook

# ---- the lessons and the stored notebooks


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_lesson_keeps_the_rules(lesson):
    assert lint_lesson(lesson, LESSONS) == []


@pytest.mark.parametrize("kind", making.KINDS)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_a_stored_notebook_keeps_the_rules(lesson, kind):
    path = build_notebooks.NOTEBOOKS / making.notebook_file(lesson, kind)
    assert path.stat().st_size < lint_lessons.MAX_BYTES
    assert lint_notebook(build_notebooks.stored_notebook(path)) == []


def test_the_demonstration_keeps_the_rules():
    assert lint_lesson(DEMO_LESSON, [DEMO_LESSON]) == []


# ---- the rules of lessons, each seen red


def changed(old, new, where=None):
    """The demonstration lesson with one text replaced by another, in one cell."""
    lesson = copy.deepcopy(DEMO_LESSON)
    cells = [c for c in lesson.cells if old in c.source and (where is None or where in c.tags)]
    assert cells, f"{old!r} is not in the lesson"
    cells[0].source = cells[0].source.replace(old, new)
    return lesson


def told(lesson):
    sentences = lint_lesson(lesson, [lesson])
    assert all(sentence.startswith("98_demo.py: ") for sentence in sentences)
    return sentences


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("demonstration show?", "demonstration show", "must be a question"),
        ("**You will learn:**", "Learn:", "lacks '**You will learn:**'"),
        ("**Time:** 5 minutes", "**Time:** short", "lacks '**Time:** 40 minutes'"),
        ("## Take-away", "## The end", "must start with '## Take-away'"),
        ("3. Its exercises are proven.", "", "has 2 numbered sentences"),
        ("- [nbformat](https://nbformat.readthedocs.io)", "", "fewer than two links"),
        ("## Next lesson", "## Then", "must start with '## Next lesson'"),
        ("## What goes wrong here", "## More", "no section '## What goes wrong"),
        ("1 min.", "Soon.", "no teaching note says how many minutes"),
        ('NETWORK = "course"', 'NETWORK = "vgg16"', "must have the line NETWORK"),
        ("load_network(NETWORK)", 'load_network("course")', "net = load_network(NETWORK)"),
        ('NETWORK = "course"', 'import keras\nNETWORK = "course"', "imports keras"),
        ('NETWORK = "', 'from tensorflow import nn\nNETWORK = "', "imports tensorflow"),
        ('assert net.labels[0] == "cat"', "assert net labels", "is not Python"),
        ("print(len(net.labels)", "plt.show()\nprint(len(net.labels)", "calls show()"),
        ("print(len(net.labels)", 'cmap = "jet"\nprint(len(net.labels)', "colour map"),
        ("print(len(net.labels)", "cmap = cm.hsv\nprint(len(net.labels)", "colour map"),
        ("print(len(net.labels)", "# !pip install x\nprint(len(net.labels)", "shell or magic"),
        ("print(len(net.labels)", "open('/home/me/x')\nprint(len(net.labels)", "absolute path"),
        ("print(len(net.labels)", "x = 1\n" * 30 + "print(len(net.labels)", "lines of code"),
        ("print(len(net.labels)", "x = 'block1_conv1'\nprint(len(net.labels)", "names the layer"),
        ("Nothing can", "[Lesson](97_none.ipynb) Nothing can", "which is no lesson"),
        ("Nothing can", "![](x.png) Nothing can", "picture without alt text"),
        ('check("98-even", even)', 'check("98-odd", even)', "check('98-odd') has no exercise"),
        ('check("98-even", even)', 'check("98-even", even)\nx = 1', "must be the last line"),
        ('check("98-even", even)', 'check("98-letter", even)', "'98-letter' is checked twice"),
        ('check("98-even", even)', "even", "ends with one line check"),
        ("# </solution>", "", "never closed"),
        ("Nothing can", "It finds 91.9 % of all. Nothing can", "claims 91.9 %"),
        ("Nothing can", "It has 1,234 weights. Nothing can", "claims 1,234"),
        ("One network is named in the first line; here it stands for itself.", "## So", "heading"),
    ],
)
def test_a_rule_of_lessons_turns_red(old, new, words):
    assert any(words in sentence for sentence in told(changed(old, new))), words


def test_a_guarded_layer_name_is_allowed():
    for new in (
        'assert net.labels[0] == "cat"\n    layer = "block1_conv1"',
        'layer = "block1_conv1" if net.name == "course" else net.last_conv',
    ):
        assert told(changed('assert net.labels[0] == "cat"', new)) == []


def test_a_number_that_is_asserted_may_be_claimed():
    lesson = changed("Nothing can", "It has 1,234 weights and 91.9 % right ($x = .7$). Nothing can")
    lesson.cells[5].source += "\nassert 1_234 and .919"
    assert told(lesson) == []


def test_missing_teaching_notes_and_prose_and_exercises_are_told():
    lesson = copy.deepcopy(DEMO_LESSON)
    lesson.cells = [cell for cell in lesson.cells if "teaching-note" not in cell.tags]
    assert any("0 teaching notes" in sentence for sentence in told(lesson))
    lesson.cells = [cell for cell in lesson.cells if cell.kind == "code"]
    sentences = "\n".join(lint_lesson(lesson, [lesson]))
    assert "no prose before it" in sentences
    lesson.cells = [cell for cell in lesson.cells if not cell.checks]
    sentences = "\n".join(lint_lesson(lesson, [lesson]))
    assert "0 exercises; 4 are the least" in sentences
    assert "'98-mean' is declared but the lesson never checks it" in sentences


def test_unknown_tags_are_told():
    lesson = copy.deepcopy(DEMO_LESSON)
    lesson.cells[2].tags.append("exercise-setpu")
    assert any("unknown tag 'exercise-setpu'" in sentence for sentence in told(lesson))


# ---- the rules of notebooks, each seen red


def notebook(output, source="x = 1", count=1):
    cell = {"cell_type": "code", "source": source, "outputs": [output] if output else [],
            "execution_count": count, "metadata": {}}  # fmt: skip
    return {"cells": [cell]}


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
        (notebook(display(image_png="AAAA", text_plain="x")), "picture without alt text"),
        (notebook(display(text_html="<img src='x'>")), "says too little"),
        (notebook(display(text_html="<img alt='' src='x'>")), "says too little"),
        (notebook(display(text_html="<img alt='picture' src='x'>")), "says too little"),
        (notebook(display(text_html=GOOD_PICTURE + "A" * 4_000_000)), "are the most"),
        (notebook(None, "!pip install numpy>=1"), "unquoted requirement"),
        (notebook(None, "x = 1  # TODO later"), "comment left over"),
    ],
)
def test_a_rule_of_notebooks_turns_red(bad, words):
    assert any(words in sentence for sentence in lint_notebook(bad)), words


@pytest.mark.parametrize("kind", making.KINDS)
def test_the_reply_to_an_exercise_fits_the_copy(kind):
    good = {"student": "\u25cb Not yet.", "solutions": "\u2713 Right."}[kind]
    for reply, count in ((good, 0), ("\u2717 Not right.", 1)):
        made = notebook(display(text_plain=reply))
        made["metadata"] = {"cnnvis": {"kind": kind}}
        made["cells"][0]["metadata"] = {"tags": ["exercise"]}
        assert len(lint_notebook(made)) == count


def test_good_outputs_pass():
    encoded = GOOD_PICTURE.replace("AAAA", "/home/xAAAA")
    for output in (stream("12 labels"), display(text_html=encoded, text_plain="A cat, glowing")):
        assert lint_notebook(notebook(output)) == []
    assert lint_notebook(notebook(None, '!pip install "numpy>=1"')) == []
