"""Grading and rehearsing: the run counts, never what a file says."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("joblib")

from nbformat.v4 import new_code_cell, new_notebook, new_output  # noqa: E402

from cnnvis_helpers.__main__ import main  # noqa: E402
from cnnvis_helpers.classroom import grade as grading  # noqa: E402
from cnnvis_helpers.classroom import keep, rehearse  # noqa: E402
from cnnvis_helpers.classroom.notebooks import read_code, run_notebook  # noqa: E402
from cnnvis_helpers.exercises import of_lesson  # noqa: E402

FIRST = "import numpy as np\nfrom cnnvis_helpers import check"
CAM = "def whole(maps, w, b, c):\n    return maps @ w[:, c] + b[c]\ncheck('04-cam', whole)"
WRONG = "def against(a, g):\n    return -(a @ g.mean(axis=(0, 1)))\ncheck('04-gradcam', against)"
STUB = "check('04-slide', None)"
LIE = new_output("stream", text="\u2713 Right. Everything.")


def write(path, *sources):
    """Write a notebook with these code cells, each with an output that claims success."""
    cells = [new_code_cell(source, execution_count=1, outputs=[LIE]) for source in sources]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def statuses(graded):
    return {each["id"]: each["status"] for each in graded["exercises"]}


def test_each_exercise_gets_the_status_that_its_code_earns(tmp_path):
    look = "import os\nassert os.listdir('.') == []\nopen('mine.txt', 'w').close()"
    look += "\nfrom ipywidgets import interact\ninteract(lambda x: print(x), x=3)"
    broken = "no_such_name\ncheck('04-score', 1)"
    later = "check('04-cam', lambda maps, kernel, bias, c: 0)" + "\n" + CAM  # the last check counts
    own = "def check(*_):\n    print('Right.')\ncheck('04-plus', 0)"
    path = write(tmp_path / "04_mine.ipynb", FIRST, look, later, WRONG, STUB, broken, own)
    before = path.read_bytes()
    graded = grading.grade(path, seconds=200)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]
    found = statuses(graded)
    assert list(found) == [exercise.id for exercise in of_lesson("04")]
    assert (found["04-cam"], found["04-gradcam"], found["04-slide"]) == (
        "holds",
        "wrong",
        "not yet",
    )
    assert found["04-score"] == "error" and found["04-plus"] == "not checked"
    assert graded["holds"] == 1 and graded["of"] == len(found)
    problem = "code cell 6: NameError: name 'no_such_name' is not defined"
    assert graded["problems"] == [problem]
    text = grading.as_text(json.loads(json.dumps(graded)))
    assert f"1 of {len(found)} exercises hold" in text and problem in text


def test_a_time_limit_and_a_dead_kernel_end_the_run(tmp_path):
    for cell, said in {
        "while True:\n    pass": "took too long (limit 12 s)",
        "import os\nos._exit(1)": "the kernel died",
    }.items():
        made = grading.grade(write(tmp_path / "a.ipynb", FIRST, CAM, cell, WRONG), seconds=12)
        assert made["problems"] == [f"code cell 3: {said}; the cells after it did not run"]
        found = statuses(made)
        assert found["04-cam"] == "holds" and found["04-gradcam"] == "not reached"


def test_only_ids_that_are_checked_count():
    code = "# check('04-names', 1)\nhint('04-cam'), solution( exercise_id='04-plus')\n"
    code += "day = '05-12'\nfor each in ['04-slide', \"04-score\"]:\n    judge(each, 1)"
    assert grading._ids(code) == ["04-slide", "04-score"]


@pytest.mark.parametrize(
    "content",
    [
        *(None, b"", b"[]", b"{}", b'{"nbformat": 3}', b'{"nbformat": 4, "cells": {}}'),
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"x": 1}]}',
        b"\x89PNG\xff",
    ],
)
def test_a_file_that_is_no_notebook_is_one_sentence(tmp_path, content):
    path = tmp_path / "04_work.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="04_work.ipynb") as refused:
        read_code(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def test_one_bad_notebook_costs_nobody_else_their_grades(tmp_path, capsys):
    good, bad = write(tmp_path / "a.ipynb", FIRST, CAM), tmp_path / "b.ipynb"
    bad.write_text("{")
    other = write(tmp_path / "c.ipynb", "x = '88-x'")
    target = tmp_path / "grades.json"
    paths = [str(bad), str(other), str(good)]
    assert main(["grade", *paths, "--json", str(target)]) == 1
    found = json.loads(target.read_text(encoding="utf-8"))
    assert [each["notebook"] for each in found] == paths
    assert [each["lesson"] for each in found] == [None, None, "04"]
    assert statuses(found[2])["04-cam"] == "holds" and found[0].keys() == found[2].keys()
    assert "checks no exercise of the course" in capsys.readouterr().out


def test_where_json_cannot_be_written_nothing_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grading, "grade", lambda *_: pytest.fail("graded"))
    homework = write(tmp_path / "a.ipynb", "x = 1")
    for target in (tmp_path, homework, tmp_path / "a.ipynb" / "grades.json"):
        assert main(["grade", str(homework), "--json", str(target)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.ipynb"]


def test_what_was_graded_before_ctrl_c_is_in_the_file(tmp_path, monkeypatch):
    def grade(path, seconds):
        if path == "stop":
            raise KeyboardInterrupt
        nothing = dict.fromkeys(("exercises", "problems"), [])
        return {"notebook": path, "lesson": "04", "holds": 0, "of": 0, "seconds": 1.0, **nothing}

    monkeypatch.setattr(grading, "grade", grade)
    target = tmp_path / "grades.json"
    assert main(["grade", "Zo\u00eb", "stop", "b", "--json", str(target)]) == 1
    assert [each["notebook"] for each in json.loads(target.read_bytes())] == ["Zo\u00eb"]


def test_limits_that_make_no_sense_are_refused():
    for value in ("nan", "0", "-1", "inf", "1e9", "soon"):
        with pytest.raises(SystemExit) as ended:
            main(["rehearse", "04", "--minutes", value])
        assert ended.value.code == 2


# --- rehearsing --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_rehearsed_lesson_answers_from_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CNNVIS_KEEP")
    talk = (
        "from cnnvis_helpers import load_network, load_photo, scorecam, explore_cam",
        "net, photo = load_network('shapes_a'), load_photo('chelsea')",
        "heat = scorecam(net, photo, 0)\nexplore_cam(net, photo)",
    )
    path = write(tmp_path / "talk.ipynb", *talk)
    lines = []
    added = rehearse.rehearse(path, minutes=0.5, say=lines.append)
    assert added == len(keep.summary()[0]) > 2
    assert any("explorer 'cam'" in line for line in lines)
    again = "steps = []\nscorecam(net, photo, 0, progress=lambda *n: steps.append(n))\nprint(steps)"
    notebook = read_code(write(tmp_path / "again.ipynb", *talk[:2], again))
    assert run_notebook(notebook, tmp_path, 120) is None
    assert "[(1, 1)]" in notebook.cells[-1].outputs[-1].text
    with pytest.raises(ValueError, match="bad.ipynb, code cell 2: ZeroDivisionError"):
        rehearse.rehearse(write(tmp_path / "bad.ipynb", "x = 0", "1 / x"))


def test_a_lesson_is_found_by_its_number(monkeypatch, tmp_path):
    assert rehearse.find_lesson("4") == rehearse.find_lesson("04")
    (tmp_path / "04_mine.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert rehearse.find_lesson("04") == tmp_path / "04_mine.ipynb"
    for lesson in ("77", "nowhere.ipynb"):
        with pytest.raises(ValueError, match=lesson):
            rehearse.find_lesson(lesson)


def test_every_control_is_moved_alone_then_two_then_three_together():
    widgets = pytest.importorskip("ipywidgets")
    controls = {
        "layer": widgets.Dropdown(options=[("first", "a"), ("last", "b")]),
        "patch": widgets.IntSlider(value=16, min=4, max=64, step=4),
        "share": widgets.FloatSlider(value=0.5, min=0.0, max=1.0, step=0.5),
        "signed": widgets.Checkbox(value=False),
        "note": widgets.HTML("x"),
        "upload": widgets.FileUpload(),
    }
    explorer = SimpleNamespace(controls=controls)
    found = rehearse.demo_positions(explorer)
    assert found["layer"] == ["b"] and found["signed"] == [True]  # all except the present value
    assert found["patch"] == [4, 8, 12, *range(20, 65, 4)] and found["share"] == [0.0, 1.0]
    settings = rehearse.demo_settings(explorer)
    assert settings[:19] == [{name: value} for name in found for value in found[name]]
    assert {"layer": "b", "share": 1.0} in settings
    assert {"layer": "b", "patch": 8, "share": 0.0} in settings
    places = {each["patch"] for each in settings if set(each) == {"layer", "patch"}}
    assert len(places) <= rehearse.ROUND and {4, 64, 32} <= places


def test_explorers_are_walked_and_left_as_they_were(tmp_path, monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    from cnnvis_helpers.widgets import explorer as base

    monkeypatch.setenv("CNNVIS_KEEP", "off")
    drawn, pixels = [], np.zeros((8, 8, 3), np.uint8)

    def draw(values, task):
        drawn.append((values.size, values.kind, os.environ["CNNVIS_KEEP"]))
        return base.Drawn(pixels, "A black square that shows nothing.")

    controls = {
        "size": widgets.IntSlider(value=1, min=1, max=3),
        "kind": widgets.Dropdown(options=["a", "b"]),
    }
    explorer = base.Explorer("walked", controls, draw)
    controls["kind"].disabled = True
    monkeypatch.setattr(rehearse.gc, "get_objects", lambda: [explorer])
    rehearse.walk_explorers(60, tmp_path / "report")
    assert {(size, kind) for size, kind, _ in drawn} == {(1, "a"), (2, "a"), (3, "a")}
    assert [setting for *_, setting in drawn] == ["off"] + ["0"] * (len(drawn) - 1)
    ((name, of, reached),) = json.loads((tmp_path / "report").read_text())
    assert (name, of, len(reached)) == ("walked", 5, 2) and explorer.values().size == 1
