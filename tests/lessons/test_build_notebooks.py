"""Lessons become notebooks: stubs, links, ids, bytes, outputs; and the stored ones are current."""

import base64
import copy
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

import nbformat
import pytest
from lesson_tools import (
    DEMO,
    DEMO_LESSON,
    LESSONS,
    ROOT,
    build_notebooks,
    lesson_source,
    making,
    publication,
    run_lesson_on,
    running,
)
from PIL import Image


def text(source):
    return textwrap.dedent(source).strip("\n")


def sources(notebook, kind="code"):
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == kind]


def made_of(lesson, kind=making.STUDENT):
    return making.make_notebook(lesson, [lesson], kind)


def demo(kind=making.STUDENT):
    return made_of(DEMO_LESSON, kind)


# ---- the stored notebooks


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_stored_notebooks_are_what_the_lesson_makes(lesson):
    assert list(build_notebooks.stale(lesson, LESSONS)) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
@pytest.mark.parametrize("kind", making.KINDS)
def test_stored_notebooks_are_canonical_and_valid(lesson, kind):
    text = (build_notebooks.NOTEBOOKS / making.notebook_file(lesson, kind)).read_text("utf-8")
    assert making.dump(making.load(text)) == text
    nbformat.validate(json.loads(text))


def test_no_notebook_is_without_a_lesson():
    made = {making.notebook_file(lesson, kind) for lesson in LESSONS for kind in making.KINDS}
    folder = build_notebooks.NOTEBOOKS
    stored = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert stored == made


# ---- stubs


STUBS = {
    "a returning region": (
        '''
        def area(h, w):
            """Area in pixels."""
            # <solution>
            return h * w
            # </solution>


        check("01-area", area)
        ''',
        '''
        def area(h, w):
            """Area in pixels."""
            return None  # your code here


        check("01-area", area)
        ''',
    ),
    "names that are used later": (
        """
        # <solution>
        helper = 3
        low, high = helper, helper + 1
        # </solution>
        check("01-helper", (low, high))
        """,
        """
        low = None  # your answer
        high = None  # your answer
        check("01-helper", (low, high))
        """,
    ),
    "two regions": (
        """
        # <solution>
        low = 1
        # </solution>
        print("between")
        # <solution>
        high = 2
        # </solution>
        check("01-x", (low, high))
        """,
        """
        low = None  # your answer
        print("between")
        high = None  # your answer
        check("01-x", (low, high))
        """,
    ),
}


@pytest.mark.parametrize("kind", STUBS)
def test_a_region_becomes_a_stub(kind):
    source, made = map(text, STUBS[kind])
    assert lesson_source.stub_source(source) == made


def test_the_author_s_stub_wins_and_is_no_part_of_the_solution():
    source = text("""
        # <solution>
        answer = "b"
        # <stub>
        # answer = None  # a letter
        #
        # # think first
        # </solution>
        check("01-x", answer)
    """)
    stub = 'answer = None  # a letter\n\n# think first\ncheck("01-x", answer)'
    assert lesson_source.stub_source(source) == stub
    assert lesson_source.solution_source(source) == 'answer = "b"\ncheck("01-x", answer)'
    assert lesson_source.shown_solution(source) == 'answer = "b"'


@pytest.mark.parametrize(
    "source, words",
    [
        ("# <solution>\nx = 1", "in pairs"),
        ("x = 1\n# </solution>", "in pairs"),
        ("# <solution>\n# <solution>\nx = 1\n# </solution>", "in pairs"),
        ("# <stub>\n# x = 1", "in pairs"),
        ("# <solution>\nprint(1)\n# </solution>", "neither returns nor assigns"),
        ("# <solution>\nx = = 1\n# </solution>", "not Python"),
        ("# <solution>\ndef f():\n    return 1\n# </solution>", "above '# <solution>'"),
    ],
)
def test_damaged_regions_are_named(source, words):
    with pytest.raises(lesson_source.LessonError, match=words):
        lesson_source.stub_source(source, "cell 4")


# ---- the two notebooks


def test_the_student_sees_stubs_and_no_teaching_notes():
    student, solutions = sources(demo()), sources(demo(making.SOLUTIONS))
    assert "return None  # your code here" in "\n".join(student)
    assert "total = values.sum()" not in "\n".join(student)
    assert "total = values.sum()" in "\n".join(solutions)
    assert "Teaching note" not in "\n".join(sources(demo(), "markdown"))
    assert not any("<solution>" in x or "<stub>" in x for x in student + solutions)


def test_teaching_notes_become_speaker_notes_and_headings_start_slides():
    def of_type(kind, made):
        slides = ((cell, cell["metadata"].get("slideshow")) for cell in made["cells"])
        return [cell["source"] for cell, slide in slides if slide == {"slide_type": kind}]

    notes, slides = of_type("notes", demo(making.SOLUTIONS)), of_type("slide", demo())
    assert len(notes) == 3 and all(x.startswith("> **Teaching note**") for x in notes)
    assert len(slides) == 7 and all(x.startswith(("# ", "## ")) for x in slides)


def test_a_new_cell_leaves_the_other_ids_alone():
    longer = copy.deepcopy(DEMO_LESSON)
    longer.cells.insert(3, lesson_source.Cell("markdown", "New.", [], 99))
    before = {cell["id"] for cell in demo()["cells"]}
    assert len({cell["id"] for cell in made_of(longer)["cells"]} - before) == 1


def test_neighbours_are_linked():
    lessons = [copy.deepcopy(DEMO_LESSON) for _ in range(3)]
    for number, lesson in enumerate(lessons):
        lesson.name = f"0{number}_demo"
    made = making.make_notebook(lessons[1], lessons, making.STUDENT)
    for cell in (made["cells"][0], made["cells"][-1]):
        assert "Previous: [00 What does a demonstration show?](00_demo.ipynb)" in cell["source"]
        assert "Next: [02 What does a demonstration show?](02_demo.ipynb)" in cell["source"]
    first = making.make_notebook(lessons[0], lessons, making.STUDENT)
    assert "Previous" not in first["cells"][0]["source"]


def test_a_published_copy_has_a_badge_links_to_colab_and_installs_itself(monkeypatch):
    monkeypatch.setattr(publication, "REPOSITORY", "owner/name")
    monkeypatch.setattr(publication, "TAG", "v1.0")
    made = making.make_notebook(LESSONS[0], LESSONS, making.STUDENT)
    address = "https://colab.research.google.com/github/owner/name/blob/v1.0/notebooks/"
    top = made["cells"][0]["source"]
    assert f"colab-badge.svg)]({address}00_start_here.ipynb)" in top
    assert f"[Colab]({address}01_layers_and_weights.ipynb)" in top
    archive = "https://github.com/owner/name/archive/v1.0.zip"
    assert f'except ImportError:\n    %pip install --quiet "{archive}"' in sources(made)[0]


# ---- running


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The demonstration lesson, both copies run in an otherwise empty folder."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(DEMO / "exercise_sets", folder / "exercise_sets")
    return {kind: running.run_notebook(demo(kind), folder)[0] for kind in making.KINDS}


def replies(notebook):
    cells = [x for x in notebook["cells"] if "exercise" in x["metadata"].get("tags", [])]
    return ["".join(cell["outputs"][0]["data"]["text/plain"]) for cell in cells]


def test_run_all_gets_through_both_copies(ran):
    assert [text[:9] for text in replies(ran[making.STUDENT])] == ["\u25cb Not yet"] * 4
    assert [text[:7] for text in replies(ran[making.SOLUTIONS])] == ["\u2713 Right"] * 4


def test_a_run_notebook_is_valid_and_differs_in_outputs_only(ran):
    for kind, notebook in ran.items():
        nbformat.validate(json.loads(making.dump(notebook)))
        assert making.without_outputs(notebook) == demo(kind)
        counts = [x["execution_count"] for x in notebook["cells"] if x["cell_type"] == "code"]
        assert counts == list(range(1, len(counts) + 1))


def test_the_mark_of_a_source_stays_in_the_lesson():
    lesson = copy.deepcopy(DEMO_LESSON)
    lesson.cells[4].source = "<!-- source --> Of 312 photos.\n\nSo the paper says. <!-- source -->"
    assert "Of 312 photos.\n\nSo the paper says." in sources(made_of(lesson), "markdown")
    for path in build_notebooks.NOTEBOOKS.glob("**/*.ipynb"):
        assert "<!-- source" not in path.read_text(encoding="utf-8"), path.name


def test_outputs_are_carried_over_only_to_the_same_code(ran):
    stored = making.load(making.dump(ran[making.STUDENT]))
    done, kept = running.carry_outputs(demo(), stored)
    assert kept and making.dump(done) == making.dump(stored)
    changed = copy.deepcopy(DEMO_LESSON)
    changed.cells[4].source += "\n\nMore prose."
    assert running.carry_outputs(made_of(changed), stored)[1]
    changed.cells[3].source += "\nnew = 1"
    bare, kept = running.carry_outputs(made_of(changed), stored)
    assert not kept and bare["metadata"]["cnnvis"]["ran"] is None


def test_staleness_is_seen(ran, tmp_path):
    for kind, notebook in ran.items():
        path = tmp_path / making.notebook_file(DEMO_LESSON, kind)
        path.parent.mkdir(exist_ok=True)
        path.write_text(making.dump(notebook), encoding="utf-8")
    (tmp_path / "lesson_98.json").write_text(build_notebooks.solutions_text(DEMO_LESSON), "utf-8")
    assert list(build_notebooks.stale(DEMO_LESSON, [DEMO_LESSON], tmp_path, tmp_path)) == []
    for cell, more, said in (
        (4, " More.", "not what the lesson makes"),
        (3, "\nnew = 1", "do not belong"),
    ):
        changed = copy.deepcopy(DEMO_LESSON)
        changed.cells[cell].source += more
        told = list(build_notebooks.stale(changed, [changed], tmp_path, tmp_path))
        assert len(told) == 2 and all(said in sentence for sentence in told)


def test_another_network_is_one_line():
    made = demo(making.SOLUTIONS)
    before, after = (
        "\n".join(sources(x)) for x in (made, run_lesson_on.with_network(made, "vgg16"))
    )
    line = "NETWORK = {}  # change this line"
    assert after == before.replace(line.format('"squeezenet"'), line.format("'vgg16'")) != before


# ---- outputs


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(data, count=77, metadata=None):
    about = {"output_type": "execute_result", "execution_count": count}
    return {**about, "data": data, "metadata": metadata or {}}


TMP = tempfile.gettempdir()
CLEANED = {
    "stderr is told, not stored": (
        [printed("2026-01-01 00:00:00.1: E x\nmine", "stderr"), *(printed("a\n"), printed("b\n"))],
        printed(["a\n", "b\n"]),
        ["mine"],
    ),
    "a progress bar as it ends": (
        [printed("1 of 2\r"), printed("2 of 2\ndone\n")],
        printed(["2 of 2\n", "done\n"]),
        [],
    ),
    "no paths of this machine": (  # the second is a picture
        [printed(f"saved {ROOT}/notebooks/x.png\nbase64,AB{TMP}/CD\n")],
        printed(["saved ./notebooks/x.png\n", f"base64,AB{TMP}/CD\n"]),
        [],
    ),
    "a live widget as a sentence": (
        [result({running.WIDGET: {"model_id": "1"}, "text/plain": "VBox(...)"})],
        result({"text/plain": [running.WIDGET_TEXT]}, 5),
        [],
    ),
    "results numbered, without metadata and paths": (
        [result({"text/plain": f"{ROOT}/1\n2"}, metadata={"x": 1})],
        result({"text/plain": ["./1\n", "2"]}, 5),
        [],
    ),
}


@pytest.mark.parametrize("kind", CLEANED)
def test_what_is_stored_of_outputs(kind):
    outputs, stored, told = CLEANED[kind]
    assert running.clean_outputs(outputs, 5) == ([stored], told)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_stored_picture_can_be_opened(path):
    pictures = re.findall(r"data:image/\w+;base64,([^\"\\]+)", path.read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture, validate=True))).load()


# ---- the command


def test_an_unknown_lesson_is_named():
    with pytest.raises(lesson_source.LessonError, match="No lesson 77"):
        build_notebooks.chosen(LESSONS, ["77"])


# ---- checks and alt texts

CLEAN = """\
# %% [markdown]
# # What is on a clean page?

# %% tags=["exercise-setup"]
start = 3

# %% alt=["A blue dot", "The \\"other\\" dot, it's red"]
from IPython.display import HTML, Image, display

PIXEL = b"\\x89PNG\\r\\n\\x1a\\n"
display(HTML("<img width='1' alt='a dot' src='data:,'>"))
display(Image(PIXEL))
start + 1
# <check>
seen = start + 1
assert seen == 4
# </check>

# %% [markdown]
# ## `Later`, then

# %%
later = "seen" in globals()
# <check>
assert not later
# </check>
"""


@pytest.fixture
def clean(tmp_path):
    """Function that reads the clean lesson with one text replaced."""

    def read(old="", new=""):
        path = tmp_path / "97_clean.py"
        path.write_text(CLEAN.replace(old, new), encoding="utf-8")
        return lesson_source.read_lesson(path)

    return read


def test_checks_and_alt_texts_are_in_the_metadata_and_not_on_the_page(clean):
    lesson = clean()
    made = made_of(lesson)
    page = "\n".join(sources(made))
    assert "assert" not in page and "dot, it's red" not in page
    hidden = [cell["metadata"]["cnnvis"] for cell in made["cells"] if "cnnvis" in cell["metadata"]]
    alts = ["A blue dot", 'The "other" dot, it\'s red']
    assert hidden == [
        {"alt": alts, "check": "seen = start + 1\nassert seen == 4"},
        {"check": "assert not later"},
    ]


def test_the_build_runs_checks_apart_and_puts_alt_texts_on_figures(clean, tmp_path):
    ran, _ = running.run_notebook(made_of(clean()), tmp_path)
    dots = next(x for x in ran["cells"] if "alt" in x["metadata"].get("cnnvis", {}))["outputs"]
    dot = "".join(dots[0]["data"]["text/html"])
    assert dot == "<img width='1' alt=\"A blue dot\" src='data:,'>"
    assert "&quot;other&quot; dot, it&#x27;s red" in "".join(dots[1]["data"]["text/html"])
    assert "image/png" not in dots[1]["data"]
    assert [output["data"]["text/plain"] for output in dots[:2]] == [
        ["A blue dot"],
        ['The "other" dot, it\'s red'],
    ]
    assert dots[2]["data"] == {"text/plain": ["4"]}  # the check hides nothing
    nbformat.validate(json.loads(making.dump(ran)))
    longer = made_of(clean("A blue dot", "A dark blue dot"))  # new alt text, outputs kept
    kept, _ = running.carry_outputs(longer, ran)
    assert 'alt="A dark blue dot"' in making.dump(kept).replace('\\"', '"')


def test_a_stub_has_no_check_and_no_alt_text(clean):
    lesson = clean("start + 1\n", "# <solution>\nend = start + 1\n# </solution>\n")
    for kind, count in ((making.STUDENT, 1), (making.SOLUTIONS, 2)):
        assert sum("cnnvis" in cell["metadata"] for cell in made_of(lesson, kind)["cells"]) == count


def test_a_failing_check_names_lesson_cell_and_assertion(clean, tmp_path):
    with pytest.raises(running.CellExecutionError) as caught:
        running.run_notebook(made_of(clean("seen == 4", "seen == 5")), tmp_path)
    assert "check_97_clean_cell_7" in str(caught.value) and "seen == 5" in str(caught.value)


def test_the_test_run_runs_checks(clean, tmp_path):
    """nbval, with the conftest.py of the course at work in a folder, sees a check that fails."""
    text = (ROOT / "conftest.py").read_text(encoding="utf-8")
    text = text.replace("HERE = Path(__file__).parent", f"HERE = Path({str(ROOT)!r})")
    (tmp_path / "conftest.py").write_text(text, encoding="utf-8")
    path = tmp_path / "97_clean.ipynb"
    path.write_text(making.dump(made_of(clean("seen == 4", "seen == 5"))), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-current-env"]
    command += ["-p", "no:cacheprovider", str(path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert re.search("FAILED .*::Cell 2 check", ran.stdout), ran.stdout
    assert "1 failed, 5 passed" in ran.stdout


def test_alt_texts_are_one_a_figure(clean, tmp_path):
    with pytest.raises(lesson_source.LessonError, match="shows 2 figures and has 1 alt text"):
        running.run_notebook(made_of(clean('["A blue dot", ', "[")), tmp_path)


@pytest.mark.parametrize("old", ["# <check>\n", "# </check>\n"])
def test_a_check_region_has_two_ends(clean, old):
    with pytest.raises(lesson_source.LessonError, match="97_clean.py, cell 3"):
        clean(old)


def test_the_contents_link_every_heading(clean):
    assert "- [`Later`, then](#Later,-then)" in "\n".join(sources(made_of(clean()), "markdown"))
