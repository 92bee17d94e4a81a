"""Slides: complete, offline, inside their edges, with what the lecturer needs."""

import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("latex2mathml", reason="slides need pip install -e .[slides]")
pytest.importorskip("pyreveal", reason="slides need pip install -e .[slides]")

import build_slides  # noqa: E402
from chromium import Missing, find_chromium  # noqa: E402
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output  # noqa: E402

STORED = build_slides.chosen([], build_slides.NOTEBOOKS / "solutions")
# Two lessons; every one on request: it takes some minutes.
IN_BROWSER = STORED if os.environ.get("CNNVIS_EVERY_SLIDE") == "1" else [STORED[0], STORED[4]]
# What a page may fetch; a link that a reader may follow (<a href>) is not fetched.
FETCHED = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?(?:src|href|data)\s*="""
    r"""\s*["']?\s*((?:https?:)?//[^"'\s>]+)|(?:@import\s+|url\(\s*)["']?(?:https?:)?//""",
    re.IGNORECASE,
)
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The slides of the course."""
    made = tmp_path_factory.mktemp("slides")
    assert build_slides.main(["--into", str(made)]) == 0
    return made


def text_of(path):
    return path.read_text(encoding="utf-8")


def deck(*cells):
    return build_slides.deck_html(new_notebook(cells=list(cells)), "A deck")


def shown(page):
    """A page without its speaker notes."""
    return re.sub(r'<aside class="notes">.*?</aside>', "", page, flags=re.S)


def test_every_lesson_has_a_deck_and_nothing_is_fetched(folder):
    index = text_of(folder / "index.html")
    for path in STORED:
        assert f'href="{path.stem}.html"' in index
    for path in [*folder.rglob("*.html"), *folder.rglob("*.css")]:
        assert not FETCHED.search(text_of(path)), path.name
        for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', text_of(path)):
            assert (folder / name).stat().st_size > 100, name
    assert FETCHED.search('<script src="https://cdn.example/x.js">')
    assert FETCHED.search("<link rel=stylesheet href='//cdn.example/x.css'>")
    assert not FETCHED.search('<a href="https://example.org">')


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem[:2])
def test_notes_formulas_and_figures_of_a_lesson_are_all_there(folder, path):
    page = text_of(folder / f"{path.stem}.html")
    cells = nbformat.read(path, 4).cells
    prose = [c.source for c in cells if c.cell_type == "markdown"]
    formulas = sum(
        len(build_slides._MATH.findall(re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.S)))
        for source in prose
    )
    assert page.count("<math") == formulas and not re.search(r"formula\d+end|\$\$", page)
    notes = [c for c in cells if "teaching-note" in c.metadata.get("tags", [])]
    exercises = [c for c in cells if "exercise" in c.metadata.get("tags", [])]
    assert notes and page.count('<aside class="notes">') == len(notes) + len(exercises)
    for note in notes:
        words = max(re.findall(r"[A-Za-z ,;]{12,}", note.source), key=len)
        assert words.strip() in re.sub(r"\s+", " ", page)
    figures = sum(
        "<img" in output.get("data", {}).get("text/html", "")
        for c in cells
        for output in c.get("outputs", [])
    )
    images = re.findall(r"<img[^>]*>", page)
    assert len(images) >= figures > 1
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)
    assert not re.search(r'href="[^"]*\.ipynb"', page)


def test_solutions_stand_in_the_notes_only():
    cell = new_code_cell('answer = 42\ncheck("x", answer)', metadata={"tags": ["exercise"]})
    page = deck(new_markdown_cell("## Task"), cell)
    assert "42" in page and "42" not in shown(page)


def test_navigation_setup_and_the_text_of_a_live_explorer_are_left_out():
    placeholder = new_output("display_data", {"text/plain": build_slides.EXPLORER})
    page = deck(
        new_markdown_cell("Next: lesson", metadata={"tags": ["navigation"]}),
        new_markdown_cell("# Title"),
        new_code_cell("%pip install x", metadata={"tags": ["setup"]}),
        new_code_cell("explore()", outputs=[placeholder]),
    )
    assert "explore" in page and "Title" in page
    assert not re.search("Next: lesson|pip install|Run this cell", page)


def test_a_check_in_the_metadata_is_not_on_the_slide():
    checked = {"cnnvis": {"check": "assert secret == 1"}}
    page = deck(new_markdown_cell("# T"), new_code_cell("x = 1", metadata=checked))
    assert "secret" not in page


def test_shown_code_leaves_out_imports():
    source = "import numpy as np\nfrom a import (\n    b,\n)\n\nx = 1\n\nimport c\n\ny = 2"
    assert build_slides.shown_code(source) == "x = 1\n\ny = 2"


def test_markdown_with_formulas_and_code():
    made = build_slides.markdown_html("**One** $S_c$ costs `$5`; see [two](02_maps.ipynb).")
    assert "<strong>One</strong>" in made and made.count("<math") == 1
    assert "<code>$5</code>" in made and 'href="02_maps.html"' in made


def test_an_unknown_lesson_and_a_missing_package_are_one_sentence(capsys, monkeypatch, tmp_path):
    assert build_slides.main(["77", "--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("No lesson 77.")
    with pytest.raises(Missing, match=r"pip install -e .\[slides\]"):
        build_slides.require(["no_such_package_here"])
    monkeypatch.setitem(build_slides.LECTURE, "00", ["No such section"])
    with pytest.raises(Missing, match="Lesson 00 has no section 'No such section'"):
        build_slides.lecture(build_slides.NOTEBOOKS / "solutions")


def test_the_lecture_has_the_sections_it_names(tmp_path):
    made = build_slides.build([], tmp_path, with_lecture=True)
    page = text_of(made[0])
    titles = [title for sections in build_slides.LECTURE.values() for title in sections]
    assert [x for x in re.findall(r"<h2[^>]*>([^<]*)", page) if x in titles] == titles
    assert 'href="lecture.html"' in text_of(tmp_path / "index.html")


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("path", IN_BROWSER, ids=lambda path: path.stem[:2])
def test_nothing_runs_over_the_edge_and_all_can_be_read(folder, path):
    """At 1280 x 720 with the network off; all lessons with CNNVIS_EVERY_SLIDE=1."""
    assert build_slides.faults(folder / f"{path.stem}.html") == []


@pytest.mark.slow
@needs_chromium
def test_long_cells_are_cut_into_slides_and_the_check_sees_what_cannot_fit(folder, tmp_path):
    (tmp_path / "assets").symlink_to(folder / "assets")
    path = tmp_path / "deck.html"
    long = "\n\n".join(["Word. " * 80] * 9)
    picture = f'<img alt="A blue dot on white." src="data:image/png;base64,{PIXEL}">'
    cells = [new_markdown_cell(f"# Long\n\n{long}"), new_code_cell("f()\n" * 19)]
    cells[1].outputs = [new_output("display_data", {"text/html": picture})]
    path.write_text(deck(*cells), encoding="utf-8")
    assert build_slides.faults(path) == []
    cells.append(new_code_cell("x = " + "1" * 400))
    cells[1].outputs[0].data["text/html"] = picture.replace(PIXEL, "AAAA")
    path.write_text(deck(*cells), encoding="utf-8")
    found = "\n".join(build_slides.faults(path))
    assert "over the edge" in found and "did not load" in found
