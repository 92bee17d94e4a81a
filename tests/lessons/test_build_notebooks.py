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
    run_lesson_on,
    running,
)
from PIL import Image

UNPUBLISHED = (None, None)


def stub(source):
    return lesson_source.stub_source(textwrap.dedent(source).strip("\n"))


def sources(notebook, kind="code"):
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == kind]


def demo(kind=making.STUDENT, published=UNPUBLISHED):
    return making.make_notebook(DEMO_LESSON, [DEMO_LESSON], kind, published)


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


def test_a_returning_region_becomes_return_none():
    made = stub('''
        def area(h, w):
            """Area in pixels."""
            # <solution>
            return h * w
            # </solution>


        check("01-area", area)
    ''')
    assert made == (
        'def area(h, w):\n    """Area in pixels."""\n    return None  # your code here\n\n\n'
        'check("01-area", area)'
    )


def test_an_assigning_region_keeps_the_names_that_are_used_later():
    made = stub("""
        # <solution>
        helper = 3
        low, high = helper, helper + 1
        # </solution>
        check("01-helper", (low, high))
    """)
    assert made == (
        'low = None  # your answer\nhigh = None  # your answer\ncheck("01-helper", (low, high))'
    )


def test_a_return_of_a_nested_function_is_not_the_region_s_own():
    with pytest.raises(lesson_source.LessonError, match="above '# <solution>'"):
        stub("""
            # <solution>
            def inner():
                return 1
            # </solution>
            check("01-x", inner)
        """)


def test_the_author_s_stub_wins_and_is_no_part_of_the_solution():
    source = """
        # <solution>
        answer = "b"
        # <stub>
        # answer = None  # a letter
        #
        # # think first
        # </solution>
        check("01-x", answer)
    """
    assert stub(source) == 'answer = None  # a letter\n\n# think first\ncheck("01-x", answer)'
    source = textwrap.dedent(source).strip("\n")
    assert lesson_source.solution_source(source) == 'answer = "b"\ncheck("01-x", answer)'
    assert lesson_source.shown_solution(source) == 'answer = "b"'


def test_two_regions_in_one_cell():
    made = stub("""
        # <solution>
        low = 1
        # </solution>
        print("between")
        # <solution>
        high = 2
        # </solution>
        check("01-x", (low, high))
    """)
    assert made.splitlines()[:3] == [
        "low = None  # your answer",
        'print("between")',
        "high = None  # your answer",
    ]


@pytest.mark.parametrize(
    "source, words",
    [
        ("# <solution>\nx = 1", "never closed"),
        ("x = 1\n# </solution>", "without"),
        ("# <solution>\n# <solution>\nx = 1\n# </solution>", "inside another"),
        ("# <stub>\n# x = 1", "inside a solution region"),
        ("# <solution>\nprint(1)\n# </solution>", "neither returns nor assigns"),
        ("# <solution>\nx = = 1\n# </solution>", "not Python"),
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


def test_teaching_notes_become_speaker_notes():
    notes = [
        cell
        for cell in demo(making.SOLUTIONS)["cells"]
        if cell["metadata"].get("slideshow") == {"slide_type": "notes"}
    ]
    assert len(notes) == 3
    assert all(cell["source"].startswith("> **Teaching note**") for cell in notes)


def test_headings_start_slides():
    slides = [
        cell["source"]
        for cell in demo()["cells"]
        if cell["metadata"].get("slideshow") == {"slide_type": "slide"}
    ]
    assert all(source.startswith(("# ", "## ")) for source in slides) and len(slides) == 7


def test_bytes_and_ids_are_the_same_each_time():
    first, second = making.dump(demo()), making.dump(demo())
    assert first == second
    ids = [cell["id"] for cell in demo()["cells"]]
    assert len(set(ids)) == len(ids)
    nbformat.validate(json.loads(first))


def test_a_new_cell_leaves_the_other_ids_alone():
    longer = copy.deepcopy(DEMO_LESSON)
    longer.cells.insert(3, lesson_source.Cell("markdown", "New.", [], 99))
    made = making.make_notebook(longer, [longer], making.STUDENT, UNPUBLISHED)
    before = {cell["id"] for cell in demo()["cells"]}
    assert len({cell["id"] for cell in made["cells"]} - before) == 1


def test_metadata_is_only_what_is_allowed():
    for kind in making.KINDS:
        made = demo(kind)
        assert set(made["metadata"]) == {"cnnvis", "kernelspec", "language_info", "title"}
        for cell in made["cells"]:
            assert set(cell["metadata"]) <= {"tags", "slideshow", "cnnvis"}


def test_neighbours_are_linked():
    lessons = [copy.deepcopy(DEMO_LESSON) for _ in range(3)]
    for number, lesson in enumerate(lessons):
        lesson.name = f"0{number}_demo"
    made = making.make_notebook(lessons[1], lessons, making.STUDENT, UNPUBLISHED)
    for cell in (made["cells"][0], made["cells"][-1]):
        assert "Previous: [00 What does a demonstration show?](00_demo.ipynb)" in cell["source"]
        assert "Next: [02 What does a demonstration show?](02_demo.ipynb)" in cell["source"]
    first = making.make_notebook(lessons[0], lessons, making.STUDENT, UNPUBLISHED)
    assert "Previous" not in first["cells"][0]["source"]


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
    made = making.make_notebook(lesson, [lesson], making.STUDENT, UNPUBLISHED)
    assert "Of 312 photos.\n\nSo the paper says." in sources(made, "markdown")
    for path in build_notebooks.NOTEBOOKS.glob("**/*.ipynb"):
        assert "<!-- source" not in path.read_text(encoding="utf-8"), path.name


def test_outputs_are_carried_over_only_to_the_same_code(ran):
    stored = making.load(making.dump(ran[making.STUDENT]))
    done, kept = running.carry_outputs(demo(), stored)
    assert kept and making.dump(done) == making.dump(stored)
    changed = copy.deepcopy(DEMO_LESSON)
    changed.cells[4].source += "\n\nMore prose."
    made = making.make_notebook(changed, [changed], making.STUDENT, UNPUBLISHED)
    assert running.carry_outputs(made, stored)[1]
    changed.cells[3].source += "\nnew = 1"
    made = making.make_notebook(changed, [changed], making.STUDENT, UNPUBLISHED)
    bare, kept = running.carry_outputs(made, stored)
    assert not kept and bare["metadata"]["cnnvis"]["ran"] is None


def test_staleness_is_seen(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(making.publication, "publication", lambda: UNPUBLISHED)  # as `ran` is
    lessons = [DEMO_LESSON]
    for kind, notebook in ran.items():
        path = tmp_path / making.notebook_file(DEMO_LESSON, kind)
        path.parent.mkdir(exist_ok=True)
        path.write_text(making.dump(notebook), encoding="utf-8")
    (tmp_path / "lesson_98.json").write_text(build_notebooks.solutions_text(DEMO_LESSON), "utf-8")

    def told(lesson):
        return list(build_notebooks.stale(lesson, lessons, tmp_path, tmp_path))

    assert told(DEMO_LESSON) == []
    changed = copy.deepcopy(DEMO_LESSON)
    changed.cells[4].source += " More."
    lessons = [changed]
    assert len(told(changed)) == 2 and all("not what the lesson makes" in x for x in told(changed))
    changed = copy.deepcopy(DEMO_LESSON)
    changed.cells[3].source += "\nnew = 1"
    lessons = [changed]
    assert len(told(changed)) == 2 and all("do not belong" in x for x in told(changed))


def test_another_network_is_one_line():
    changed = run_lesson_on.with_network(demo(making.SOLUTIONS), "vgg16")
    before, after = sources(demo(making.SOLUTIONS)), sources(changed)
    lines = [
        (a, b)
        for x, y in zip(before, after, strict=True)
        for a, b in zip(x.splitlines(), y.splitlines(), strict=True)
        if a != b
    ]
    assert lines == [
        ('NETWORK = "squeezenet"  # change this line', "NETWORK = 'vgg16'  # change this line")
    ]


def test_failures_on_another_network_are_reported(ran):
    assert list(run_lesson_on.failures(ran[making.SOLUTIONS])) == []
    refused = list(run_lesson_on.failures(ran[making.STUDENT]))
    assert len(refused) == 4 and all("refuses its own solution" in x for x in refused)
    broken = copy.deepcopy(ran[making.SOLUTIONS])
    broken["cells"][4]["outputs"] = [
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    ]
    assert "ValueError: no" in next(run_lesson_on.failures(broken))


# ---- outputs


def test_stderr_is_not_stored_but_told():
    kept, said = running.clean_outputs(
        [
            {"output_type": "stream", "name": "stderr", "text": "2026-01-01 00:00:00.1: E x\nmine"},
            {"output_type": "stream", "name": "stdout", "text": "a\n"},
            {"output_type": "stream", "name": "stdout", "text": "b\n"},
        ],
        3,
    )
    assert kept == [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}]
    assert said == ["mine"]


def test_a_progress_bar_is_stored_as_it_ends():
    kept, _ = running.clean_outputs(
        [
            {"output_type": "stream", "name": "stdout", "text": "1 of 2\r"},
            {"output_type": "stream", "name": "stdout", "text": "2 of 2\ndone\n"},
        ],
        1,
    )
    assert kept[0]["text"] == ["2 of 2\n", "done\n"]


def test_paths_of_this_machine_are_not_stored():
    folder = tempfile.gettempdir()
    text = f"saved {ROOT}/notebooks/x.png\nbase64,AB{folder}/CD\n"  # the second is a picture
    kept, _ = running.clean_outputs([{"output_type": "stream", "name": "stdout", "text": text}], 1)
    assert kept[0]["text"] == ["saved ./notebooks/x.png\n", f"base64,AB{folder}/CD\n"]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_stored_picture_can_be_opened(path):
    pictures = re.findall(r"data:image/\w+;base64,([^\"\\]+)", path.read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture, validate=True))).load()


def test_a_live_widget_is_stored_as_a_sentence():
    kept, _ = running.clean_outputs(
        [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {running.WIDGET: {"model_id": "1"}, "text/plain": "VBox(...)"},
            }
        ],
        1,
    )
    assert kept[0]["data"] == {"text/plain": [running.WIDGET_TEXT]}


def test_results_are_numbered_and_metadata_dropped():
    kept, _ = running.clean_outputs(
        [
            {
                "output_type": "execute_result",
                "metadata": {"x": 1},
                "execution_count": 77,
                "data": {"text/plain": "1\n2"},
            }
        ],
        5,
    )
    assert kept == [
        {
            "output_type": "execute_result",
            "metadata": {},
            "execution_count": 5,
            "data": {"text/plain": ["1\n", "2"]},
        }
    ]


# ---- the command


def test_an_unknown_lesson_is_named():
    with pytest.raises(lesson_source.LessonError, match="No lesson 77"):
        build_notebooks.chosen(LESSONS, ["77"])


# ---- checks and alt texts

CLEAN = """\
# page: clean
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


def made_of(lesson):
    return making.make_notebook(lesson, [lesson], making.STUDENT, UNPUBLISHED)


def test_checks_and_alt_texts_are_in_the_metadata_and_not_on_the_page(clean):
    lesson = clean()
    made = made_of(lesson)
    page = "\n".join(sources(made))
    assert lesson.clean and not DEMO_LESSON.clean
    assert "page: clean" not in page and "assert" not in page and "dot, it's red" not in page
    hidden = [cell["metadata"]["cnnvis"] for cell in made["cells"] if "cnnvis" in cell["metadata"]]
    assert hidden == [
        {
            "alt": ["A blue dot", 'The "other" dot, it\'s red'],
            "check": "seen = start + 1\nassert seen == 4",
        },
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
        made = making.make_notebook(lesson, [lesson], kind, UNPUBLISHED)
        assert sum("cnnvis" in cell["metadata"] for cell in made["cells"]) == count


def test_a_failing_check_names_lesson_cell_and_assertion(clean, tmp_path):
    with pytest.raises(running.CellExecutionError) as caught:
        running.run_notebook(made_of(clean("seen == 4", "seen == 5")), tmp_path)
    assert "check_97_clean_cell_7" in str(caught.value) and "seen == 5" in str(caught.value)


def test_the_test_run_runs_checks(clean, pytester_path):
    """nbval, with the conftest.py of the course, sees a check that fails."""
    path = pytester_path / "97_clean.ipynb"
    path.write_text(making.dump(made_of(clean("seen == 4", "seen == 5"))), encoding="utf-8")
    options = ["-q", "--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(path)],
        cwd=pytester_path,
        capture_output=True,
        text=True,
    )
    assert re.search("FAILED .*::Cell 2 check", ran.stdout), ran.stdout
    assert "1 failed, 5 passed" in ran.stdout


@pytest.fixture
def pytester_path(tmp_path):
    """A folder with the conftest.py of the course at work in it."""
    text = (ROOT / "conftest.py").read_text(encoding="utf-8")
    text = text.replace("HERE = Path(__file__).parent", f"HERE = Path({str(ROOT)!r})")
    (tmp_path / "conftest.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_alt_texts_are_one_a_figure(clean, tmp_path):
    with pytest.raises(lesson_source.LessonError, match="shows 2 figures and has 1 alt text"):
        running.run_notebook(made_of(clean('["A blue dot", ', "[")), tmp_path)


@pytest.mark.parametrize("old", ["# <check>\n", "# </check>\n"])
def test_a_check_region_has_two_ends(clean, old):
    with pytest.raises(lesson_source.LessonError, match="97_clean.py, cell 3"):
        clean(old)


def test_the_contents_link_every_heading(clean):
    assert "- [`Later`, then](#Later,-then)" in "\n".join(sources(made_of(clean()), "markdown"))
