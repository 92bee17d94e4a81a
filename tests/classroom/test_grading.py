"""Grading and rehearsing: what really happens counts, never what a file says happened."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ipykernel")

from cnnvis_helpers.__main__ import main  # noqa: E402
from cnnvis_helpers.classroom import grade as grading
from cnnvis_helpers.classroom import rehearse as rehearsing  # noqa: E402
from cnnvis_helpers.classroom.notebooks import code_cells  # noqa: E402
from cnnvis_helpers.exercises import of_lesson  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "04"
FIRST = "import numpy as np\nfrom cnnvis_helpers import check"
CAM = "def class_map(maps, kernel, c):\n    return maps @ kernel[:, c]\ncheck('04-cam', class_map)"
WRONG = "def heat_map(a, g):\n    return a @ g.mean(axis=(0, 1))\ncheck('04-gradcam', heat_map)"
STUB = "check('04-slide', None)"
LYING_OUTPUT = {
    "output_type": "stream",
    "name": "stdout",
    "text": ["✓ Right. Everything: That is it."],
}


def write(path, *sources):
    """A notebook with these code cells, each with an output that claims success."""
    cells = [
        {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "metadata": {},
            "execution_count": 1,
            "outputs": [LYING_OUTPUT],
        }
        for source in sources
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def statuses(graded):
    return {each["id"]: each["status"] for each in graded["exercises"]}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One student's work with something of everything."""
    folder = tmp_path_factory.mktemp("homework")
    look = "import os\nassert os.listdir('.') == [], os.listdir('.')\nopen('mine.txt', 'w').close()"
    path = write(folder / "04_mine.ipynb", FIRST, look, CAM, WRONG, STUB, "1 / 0", "x = 1")
    before = path.read_bytes()
    made = grading.grade(path, seconds=200)
    assert path.read_bytes() == before
    assert os.listdir(folder) == [path.name]
    return made


def test_each_exercise_of_the_lesson_gets_the_status_that_its_code_earns(graded):
    found = statuses(graded)
    assert list(found) == [exercise.id for exercise in of_lesson(NUMBER)]
    assert found.pop("04-cam") == "holds"
    assert found.pop("04-gradcam") == "wrong"
    assert found.pop("04-slide") == "not yet"
    assert set(found.values()) == {"not checked"}  # whatever the stored outputs claim
    assert graded["holds"] == 1 and graded["of"] == len(of_lesson(NUMBER))
    wrong = next(each for each in graded["exercises"] if each["id"] == "04-gradcam")
    assert len(wrong["message"]) > 20


def test_the_folder_is_empty_and_an_error_does_not_end_the_run(graded):
    assert graded["problems"] == ["code cell 6: ZeroDivisionError: division by zero"]
    assert 20 < graded["megabytes"] < 3000


def test_the_text_says_the_same_as_the_json(graded):
    text = grading.as_text(json.loads(json.dumps(graded)))
    assert "1 of 8 exercises hold" in text
    assert "✓ 04-cam" in text and "✗ 04-gradcam" in text and "○ 04-slide" in text
    assert "! code cell 6: ZeroDivisionError" in text


def test_a_cell_that_fails_before_its_check_is_an_error_and_not_a_missing_check(tmp_path):
    broken = "def slope(x):\n    return x\nno_such_name\ncheck('04-score', slope)"
    ended = FIRST + "\nraise KeyboardInterrupt\ncheck('04-rather', 1)"
    later = CAM + "\n1 / 0"  # checked, then an error: what was checked counts
    made = grading.grade(write(tmp_path / "a.ipynb", FIRST, broken, later, ended), seconds=100)
    found = statuses(made)
    assert found["04-score"] == "error" == found["04-rather"]
    assert found["04-cam"] == "holds" and found["04-plus"] == "not checked"
    failed = next(each for each in made["exercises"] if each["id"] == "04-score")
    problem = "code cell 2: NameError: name 'no_such_name' is not defined"
    assert failed["message"] == problem and problem in made["problems"]
    assert "04-score                 error: code cell 2: NameError" in grading.as_text(made)


def test_a_check_of_ones_own_earns_nothing(tmp_path):
    own = "def check(*_, **__):\n    print('✓ Right.')\n    return True\ncheck('04-cam', 0)"
    made = grading.grade(write(tmp_path / "a.ipynb", own), seconds=100)
    assert set(statuses(made).values()) == {"not checked"}
    assert made["holds"] == 0


def test_the_last_check_counts(tmp_path):
    broken = "check('04-cam', lambda maps, kernel, c: 0)"
    made = grading.grade(write(tmp_path / "a.ipynb", FIRST, CAM, broken), seconds=100)
    assert statuses(made)["04-cam"] == "wrong"


def test_a_time_limit_ends_the_run_and_says_what_was_not_reached(tmp_path):
    path = write(tmp_path / "a.ipynb", FIRST, CAM, "while True:\n    pass", WRONG)
    begun = time.monotonic()
    made = grading.grade(path, seconds=15)
    assert time.monotonic() - begun < 60
    assert statuses(made)["04-cam"] == "holds"
    assert statuses(made)["04-gradcam"] == "not reached"
    assert made["problems"] == [
        "code cell 3: took too long (limit 15 s); the cells after it did not run"
    ]


def test_a_memory_limit_ends_the_run(tmp_path):
    grow = "while True:\n    held.append(b'x' * 20_000_000)\n    time.sleep(0.02)"
    greedy = f"import time\nheld = []\n{grow}"
    path = write(tmp_path / "a.ipynb", greedy, STUB)
    made = grading.grade(path, seconds=60, memory=500)
    assert "used too much memory (limit 500 MB)" in made["problems"][0]
    assert statuses(made)["04-slide"] == "not reached"


def test_a_kernel_that_ends_itself_is_no_crash(tmp_path):
    path = write(tmp_path / "a.ipynb", "import os\nos._exit(1)", STUB)
    made = grading.grade(path, seconds=60)
    assert made["problems"][0].startswith("code cell 1: the kernel died")


@pytest.mark.parametrize(
    "cell",
    [
        "from cnnvis_helpers import check as judge\njudge('04-slide', (1, 0.40))",
        "from cnnvis_helpers import check\nMINE = '04-slide'\ncheck(MINE, (1, 0.40))",
        "from cnnvis_helpers import check\ncheck(exercise_id='04-slide', answer=(1, 0.40))",
    ],
    ids=["alias", "name", "keyword"],
)
def test_an_exercise_is_found_however_it_is_checked(tmp_path, cell):
    made = grading.grade(write(tmp_path / "mine.ipynb", cell), seconds=100)
    assert (made["lesson"], made["status"]) == (NUMBER, "graded")
    assert statuses(made)["04-slide"] == "holds"


def test_only_strings_that_are_ids_and_are_not_asked_for_help_count_as_checks():
    code = "# check('04-names', 1)\nhint('04-cam'), solution( exercise_id='04-plus')\n"
    code += "day = '05-12'\nfor each in ['04-slide', \"04-score\"]:\n    judge(each, 1)"
    assert grading._ids(code) == ["04-slide", "04-score"]


def test_where_two_lessons_are_checked_the_more_frequent_or_the_first_is_meant(tmp_path):
    path, two = tmp_path / "2004_mine.ipynb", ["check('04-cam')", "check('03-drop')"]
    assert grading._wanted(path, two)[0] == "04"
    assert grading._wanted(path, [*two, "check('03-bill')"])[0] == "03"
    with pytest.raises(ValueError, match="no code cell has an id such as '04-cam'"):
        grading._wanted(path, ["x = 1"])  # 2004 is a year


def test_what_a_notebook_detaches_outlives_it_as_the_page_says(tmp_path):
    psutil = pytest.importorskip("psutil")
    told = (ROOT / "TEACHING.md").read_text(encoding="utf-8").partition("## Grading")[2]
    assert "outlives the grading" in told and "outlives the grading" in grading.__doc__
    number = tmp_path / "number"
    detach = (
        "import subprocess, sys\nsleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "child = subprocess.Popen(sleep, start_new_session=True)\n"
        f"open({str(number)!r}, 'w').write(str(child.pid))"
    )
    grading.grade(write(tmp_path / "04_mine.ipynb", detach), seconds=100)
    child = psutil.Process(int(number.read_text()))
    alive = child.is_running()
    child.kill()
    assert alive


# --- files that are no notebooks ---------------------------------------------------------------


def holding(*cells, form=4):
    return json.dumps({"nbformat": form, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)})


NOTE = {"cell_type": "markdown", "source": "Mine.", "metadata": {}}
MALFORMED = {
    "no file": (None, "There is no file"),
    "empty": ("", "it is not JSON (line 1, column 1: Expecting value)"),
    "half": (holding(NOTE)[:-9], "it is not JSON (line 1, column"),
    "not text": (b"\x89PNG\xff", "it is not text in UTF-8"),
    "deep": ("[" * 200_000, "it is nested too deeply"),
    "list": ("[]", "its JSON is no object"),
    "no format": ('{"cells": []}', "its nbformat is None and not 4"),
    "format 3": (holding(form=3), "its nbformat is 3 and not 4"),
    "format text": (holding(form="4"), "its nbformat is '4' and not 4"),
    "no cells": ('{"nbformat": 4}', "it has no list of cells"),
    "cells object": ('{"nbformat": 4, "cells": {}}', "it has no list of cells"),
    "cell text": (holding(NOTE, "x = 1"), "cell 2 of 2 is neither code nor markdown nor raw"),
    "cell kind": (holding({"source": "x"}), "cell 1 of 1 is neither code nor markdown nor raw"),
    "no source": (holding(NOTE, {"cell_type": "code"}), "cell 2 of 2 has no source"),
    "null": (
        holding({"cell_type": "code", "source": None}),
        "the source of cell 1 of 1 is neither",
    ),
    "number": (holding({"cell_type": "code", "source": ["x", 1]}), "the source of cell 1 of 1 is"),
    "half a character": (holding({"cell_type": "code", "source": "'\ud83d'"}), "half a character"),
}


@pytest.mark.parametrize(("content", "sentence"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_notebook_is_one_sentence_of_both_commands(tmp_path, capsys, content, sentence):
    path = tmp_path / "04_work.ipynb"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for command in ("grade", "rehearse"):
        assert main([command, str(path)]) == 1
        said = capsys.readouterr().err
        assert "04_work.ipynb" in said and said.count("\n") == 1
        assert sentence in said or (command == "rehearse" and content is None)


def test_a_folder_in_a_notebooks_place_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: "):
        code_cells(tmp_path)


def test_a_notebook_saved_with_a_mark_of_its_encoding_is_read(tmp_path):
    path = write(tmp_path / "a.ipynb", "x = 1")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert code_cells(path) == ["x = 1"]


@pytest.mark.parametrize(
    "content", ['{"nbformat": 4, "cells": []}', holding({"cell_type": "code", "source": "'88-x'"})]
)
def test_a_notebook_of_another_course_is_one_sentence(tmp_path, capsys, content):
    path = tmp_path / "work.ipynb"
    path.write_text(content, encoding="utf-8")
    assert main(["grade", str(path)]) == 1
    said = capsys.readouterr().err
    assert "checks no exercise of the course" in said and said.count("\n") == 1


def test_nothing_is_rehearsed_where_a_later_notebook_cannot_be_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rehearsing, "rehearse", lambda *_: pytest.fail("rehearsed"))
    (tmp_path / "b.ipynb").write_text("{}")
    good = write(tmp_path / "a.ipynb", "x = 1")
    assert main(["rehearse", str(good), str(tmp_path / "b.ipynb")]) == 1
    assert "b.ipynb' is not a notebook" in capsys.readouterr().err


# --- a class -----------------------------------------------------------------------------------


def test_one_malformed_notebook_costs_nobody_else_their_grades(tmp_path, capsys):
    first = write(tmp_path / "a.ipynb", FIRST, CAM)
    (tmp_path / "b.ipynb").write_text(holding({"cell_type": "code"}))
    last = write(tmp_path / "c.ipynb", FIRST, STUB)
    paths = [str(first), str(tmp_path / "b.ipynb"), str(last), str(tmp_path / "gone.ipynb")]
    assert main(["grade", *paths, "--json", str(tmp_path / "grades.json")]) == 1
    found = json.loads((tmp_path / "grades.json").read_text(encoding="utf-8"))
    assert [each["notebook"] for each in found] == paths
    assert [each["status"] for each in found] == ["graded", "error", "graded", "error"]
    assert [statuses(found[at])[name] for at, name in ((0, "04-cam"), (2, "04-slide"))] == [
        "holds",
        "not yet",
    ]
    assert found[1].keys() == found[0].keys() and found[1]["exercises"] == []
    assert "cell 1 of 1 has no source" in found[1]["problems"][0]
    assert "There is no file" in found[3]["problems"][0]
    said = capsys.readouterr()
    assert said.err.splitlines() == [found[1]["problems"][0], found[3]["problems"][0]]
    assert "This runs the code in the notebooks, with your rights" in said.out


@pytest.fixture
def pretended(monkeypatch):
    """Grading that runs nothing; a notebook's name may say what is to go wrong."""
    failures = {"stop": KeyboardInterrupt(), "odd": RuntimeError("a\nb"), "full": OSError("full")}

    def grade(path, seconds, memory):
        if path in failures:
            raise failures[path]
        return {"notebook": path, "status": "graded", "lesson": "04", "holds": 0, "of": 0,
                "exercises": [], "problems": [], "seconds": 1.0, "megabytes": 1}  # fmt: skip

    monkeypatch.setattr(grading, "grade", grade)


def test_the_json_is_whole_after_each_notebook_and_what_is_graded_survives_a_stop(
    tmp_path, capsys, monkeypatch, pretended
):
    target, seen = tmp_path / "grades.json", []
    target.write_text("of last week")
    real = grading.grade

    def looking(path, *limits):
        seen.append(target.read_text(encoding="utf-8"))
        return real(path, *limits)

    monkeypatch.setattr(grading, "grade", looking)
    assert main(["grade", "a", "odd", "full", "stop", "b", "--json", str(target)]) == 1
    assert seen[0] == "of last week"
    assert [len(json.loads(text)) for text in seen[1:]] == [1, 2, 3]
    found = json.loads(target.read_text(encoding="utf-8"))
    assert [each["notebook"] for each in found] == ["a", "odd", "full"]
    assert [each["problems"] for each in found] == [
        [],
        ["'odd': RuntimeError: a b"],
        ["'full': full"],
    ]
    assert os.listdir(tmp_path) == ["grades.json"], "no half file is left"
    assert f"Stopped: 3 of 5 notebooks are graded; {str(target)!r} holds" in capsys.readouterr().err


def test_json_on_the_screen_is_whole_where_the_run_is_stopped(capsys, pretended):
    assert main(["grade", "a", "stop", "--json", "-"]) == 1
    assert [each["notebook"] for each in json.loads(capsys.readouterr().out)] == ["a"]


def test_where_json_cannot_be_written_nothing_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grading, "grade", lambda *_: pytest.fail("graded"))
    homework = write(tmp_path / "a.ipynb", "x = 1")
    before = homework.read_bytes()
    for target in (tmp_path / "nofolder" / "g.json", tmp_path, homework, os.devnull, ""):
        assert main(["grade", "b.ipynb", "--json", str(target)]) == 1, target
        said = capsys.readouterr()
        assert said.err.startswith("--json ") and said.err.count("\n") == 1
        assert said.out == ""
    assert homework.read_bytes() == before and os.listdir(tmp_path) == ["a.ipynb"]


def test_json_that_cannot_be_written_for_a_while_is_written_with_the_next_notebook(
    tmp_path, capsys, monkeypatch, pretended
):
    target, replace, times = tmp_path / "g.json", os.replace, []

    def busy(*paths):
        times.append(paths)
        if len(times) == 1:
            raise PermissionError(13, "opened elsewhere")
        replace(*paths)

    monkeypatch.setattr(os, "replace", busy)
    assert main(["grade", "a", "b", "--json", str(target)]) == 0
    assert [each["notebook"] for each in json.loads(target.read_text())] == ["a", "b"]
    assert "could not be written: opened elsewhere." in capsys.readouterr().err
    times.clear()
    assert main(["grade", "a", "--json", str(target)]) == 1
    assert len(json.loads(target.read_text())) == 2 and os.listdir(tmp_path) == ["g.json"]


def test_names_that_no_terminal_can_show_end_nothing(tmp_path, monkeypatch, pretended):
    target, shown = tmp_path / "g.json", io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert main(["grade", "M\udcfcller", "Zoë", "--json", str(target)]) == 0
    found = json.loads(target.read_text(encoding="utf-8"))
    assert [each["notebook"] for each in found] == ["M\udcfcller", "Zoë"]
    assert main(["grade", "Zoë \U0001f600", "--json", "-"]) == 0
    text, _, answer = shown.buffer.getvalue().decode("ascii").partition("[")
    assert "Zo\\xeb" in text and "M\\udcfcller" in text
    assert json.loads("[" + answer)[0]["notebook"] == "Zoë \U0001f600"


@pytest.mark.parametrize("value", ["nan", "0", "-1", "inf", "1e-999", "1e9", "soon"])
@pytest.mark.parametrize(
    "command", ["rehearse 04 --minutes", "grade a.ipynb --seconds", "grade a.ipynb --memory"]
)
def test_limits_that_are_none_are_refused_by_the_command_line(command, value, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), value])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"{command.split()[-1]}: {value!r} is no number above 0 and up to 1,000,000" in said


def test_limits_reach_the_grading_as_they_are_given(monkeypatch, capsys):
    given = []
    monkeypatch.setattr(grading, "grade_each", lambda *what: given.append(what) or [])
    assert main(["grade", "a", "--seconds", "0.5", "--memory", "500"]) == 0
    assert given == [(["a"], 0.5, 500)]


# --- rehearsing --------------------------------------------------------------------------------

SLOW = """
from cnnvis_helpers import load_network, load_photo, scorecam
net, photo = load_network(), load_photo("chelsea")
heat = scorecam(net, photo, "cat", "block1_conv1")
"""


@pytest.mark.slow
def test_what_was_rehearsed_answers_from_disk_in_a_new_process(tmp_path):
    """With a copy of the package: results are not kept while its code is being edited."""
    shutil.copytree(ROOT / "cnnvis_helpers", tmp_path / "copy" / "cnnvis_helpers")
    shutil.copytree(ROOT / "data", tmp_path / "copy" / "data")
    environment = {**os.environ, "CNNVIS_KEPT": str(tmp_path / "kept")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "copy"), os.environ["PYTHONPATH"]])
    environment.pop("CNNVIS_KEEP")

    def python(*arguments):
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    path = write(tmp_path / "talk.ipynb", SLOW)
    assert "1 results of" in python("-m", "cnnvis_helpers", "rehearse", str(path))
    listed = python("-m", "cnnvis_helpers", "kept")
    assert "scorecam('course', photo 300 x 451 x 3, target='cat', layer='block1_conv1'" in listed
    timed = SLOW.replace("heat =", "import time\nbegun = time.perf_counter()\nheat =")
    took = float(python("-c", timed + "print(time.perf_counter() - begun)"))
    assert took < 1, f"{took:.2f} s"  # 0.3 s is the goal; benchmarks/lecture.py measures it
    assert "1 kept results removed" in python("-m", "cnnvis_helpers", "kept", "clear")


def test_a_lesson_that_is_not_there_is_one_sentence(capsys):
    for lesson in ("77", "nowhere.ipynb"):
        assert main(["rehearse", lesson]) == 1
        said = capsys.readouterr().err
        assert lesson in said and said.count("\n") == 1


def test_a_lesson_is_found_by_its_number(monkeypatch, tmp_path):
    assert rehearsing.find_lesson("04").name.startswith("04_")
    assert rehearsing.find_lesson("4") == rehearsing.find_lesson("04")
    assert rehearsing.find_lesson(4).parent.name == "solutions"
    (tmp_path / "04_mine.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert rehearsing.find_lesson("04") == tmp_path / "04_mine.ipynb"


def test_every_kind_of_control_is_moved_through_its_positions():
    widgets = pytest.importorskip("ipywidgets")
    from types import SimpleNamespace

    controls = {
        "layer": widgets.Dropdown(options=[("first", "a"), ("last", "b")]),
        "patch": widgets.IntSlider(value=16, min=4, max=64, step=4),
        "share": widgets.FloatSlider(value=0.5, min=0.0, max=1.0, step=0.5),
        "signed": widgets.Checkbox(value=False),
        "note": widgets.HTML("x"),
        "_shown": widgets.Checkbox(value=False),
        "upload": widgets.FileUpload(),
    }
    explorer = SimpleNamespace(controls=controls)
    found = rehearsing.demo_positions(explorer)
    assert found["layer"] == ["b"] and found["signed"] == [True]  # all but the present one
    assert found["patch"] == [4, 8, 12, *range(20, 65, 4)]
    assert found["share"] == [0.0, 1.0]
    assert set(found) == {"layer", "patch", "share", "signed"}
    settings = rehearsing.demo_settings(explorer)
    assert settings[:19] == [{name: value} for name in found for value in found[name]]
    assert {"layer": "b", "share": 1.0} in settings
    assert {"layer": "b", "patch": 8, "share": 0.0} in settings  # a menu and two sliders
    places = {each["patch"] for each in settings if set(each) == {"layer", "patch"}}
    assert len(places) <= rehearsing.ROUND and {4, 64, 32} <= places


def test_of_a_fine_slider_round_values_are_rehearsed_together_with_others():
    widgets = pytest.importorskip("ipywidgets")
    noise = widgets.FloatSlider(value=0.05, min=0.0, max=0.5, step=0.01)
    every = [rehearsing._at(noise, place) for place in range(51)]
    assert rehearsing._round_places(noise, every)[:4] == [0.0, 0.05, 0.1, 0.15]
    epsilon = widgets.IntSlider(value=3, min=0, max=32)
    assert rehearsing._round_places(epsilon, list(range(33))) == list(range(0, 33, 4))


def test_explorers_are_walked_and_what_they_ask_for_is_kept(tmp_path, monkeypatch):
    """One explorer of a small network: each position is drawn, greyed out controls are left."""
    widgets = pytest.importorskip("ipywidgets")
    base = pytest.importorskip("cnnvis_helpers.widgets.explorer")
    from cnnvis_helpers.classroom import keep as kept

    monkeypatch.setenv("CNNVIS_KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(kept, "_chosen", None)
    drawn, pixels = [], np.zeros((8, 8, 3), np.uint8)

    def draw(values, task):
        drawn.append((values.size, values.kind, kept.keeping()))
        return base.Drawn(pixels, "A black square that shows nothing.")

    size, kind = widgets.IntSlider(value=1, min=1, max=3), widgets.Dropdown(options=["a", "b"])
    controls = {"size": size, "kind": kind}
    explorer = base.Explorer("walked", controls, draw)
    controls["kind"].disabled = True
    monkeypatch.setattr(rehearsing.gc, "get_objects", lambda: [explorer])
    rehearsing.walk_explorers(60, tmp_path / "report")
    assert {(size, kind) for size, kind, _ in drawn} == {(1, "a"), (2, "a"), (3, "a")}
    assert all(keeping for *_, keeping in drawn[1:]) and not drawn[0][2]
    ((name, of, reached),) = json.loads((tmp_path / "report").read_text())
    assert (name, of) == ("walked", 5) and len(reached) == 2
    assert explorer.values().size == 1  # back where it was
