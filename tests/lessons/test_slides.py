"""Slides and handouts: whole, offline, inside their edges, with what the lecturer needs."""

import ast
import asyncio
import base64
import http.server
import io
import itertools
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("jupytext")
pytest.importorskip("latex2mathml", reason="slides need pip install -e .[slides]")
pytest.importorskip("pyreveal", reason="slides need pip install -e .[slides]")

import build_handouts  # noqa: E402
import build_slides  # noqa: E402
import lesson_source  # noqa: E402
import slide_deck  # noqa: E402
import slide_figures  # noqa: E402
import slide_parts  # noqa: E402
import slide_pictures  # noqa: E402
import slide_plans  # noqa: E402
from chromium import FLAGS, Missing, find_chromium, run_chromium  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402
from slide_pictures import faults  # noqa: E402

# The longest lesson and the one with the studio; all of them on request: it takes some minutes.
EVERY = [each.number for each in lesson_source.read_lessons()]
IN_BROWSER = EVERY if os.environ.get("CNNVIS_EVERY_SLIDE") == "1" else ["05", "09"]
LESSONS = lesson_source.read_lessons()
LETTERS = ImageFont.truetype(
    str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), 18
)
# What a page may fetch or link as a resource; a link that a reader may follow (<a href>) is none.
FETCHED = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?(?:src|href|data)\s*="""
    r"""\s*["']?\s*((?:https?:)?//[^"'\s>]+)""",
    re.IGNORECASE,
)
IN_STYLES = re.compile(r"""(?:@import\s+|url\(\s*)["']?((?:https?:)?//[^"')\s]+)""")


def lesson(number):
    return next(each for each in LESSONS if each.number == number)


def sections_of(each):
    return slide_parts.sections(each, LESSONS, slide_parts.stored_notebook(each))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The slides of the whole course."""
    made = tmp_path_factory.mktemp("slides")
    assert build_slides.main(["--into", str(made)]) == 0
    return made


# --- the folder --------------------------------------------------------------------------------


def test_every_lesson_has_a_deck_and_the_index_links_it(folder):
    index = (folder / "index.html").read_text(encoding="utf-8")
    for each in LESSONS:
        assert (folder / f"{each.name}.html").is_file()
        assert f'href="{each.name}.html"' in index


def test_nothing_is_fetched_from_the_network(folder):
    pages = [*folder.rglob("*.html"), *folder.rglob("*.css")]
    assert len(pages) > len(LESSONS)
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert not FETCHED.findall(text), path.name
        assert not IN_STYLES.findall(text), path.name


def test_the_pattern_for_fetched_things_finds_them():
    for bad in (
        '<script src="https://cdn.example/x.js">',
        "<link rel=stylesheet href='//cdn.example/x.css'>",
        '<img alt="a" src="http://example.org/a.png">',
    ):
        assert FETCHED.search(bad)
    assert not FETCHED.search('<a href="https://arxiv.org/abs/1">')


def test_every_file_that_a_deck_names_is_there(folder):
    for path in folder.glob("*.html"):
        for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', path.read_text(encoding="utf-8")):
            assert (folder / name).stat().st_size > 100, name


def test_links_between_lessons_stay_among_the_slides(folder):
    for path in folder.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'href="[^"]*\.ipynb"', text), path.name


# --- what is on them ---------------------------------------------------------------------------


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_formulas_notes_and_headings_of_a_lesson_are_all_there(folder, each):
    text = (folder / f"{each.name}.html").read_text(encoding="utf-8")
    prose = [c.source for c in each.cells if c.kind == "markdown" and "skip" not in c.tags]
    shown = [s for s in prose if not s.startswith("[")]
    formulas = sum(len(slide_parts._MATH.findall(re.sub(r"`[^`]*`", "", s))) for s in shown)
    assert text.count("<math") == formulas
    assert "formula0end" not in text and "$$" not in re.sub(r"<math.*?</math>", "", text)
    notes = [c for c in each.cells if "teaching-note" in c.tags]
    assert text.count('<aside class="notes">') >= min(3, len(notes))
    for note in notes:  # a piece of every note, as it stands in the source
        words = max(re.findall(r"[A-Za-z ,;]{12,}", note.source), key=len)
        assert words.strip() in re.sub(r"\s+", " ", text), words
    exercises = [name for c in each.cells for name in c.checks]
    for name in exercises:  # the room sees the task, the speaker the answer
        assert text.count(name) >= 1


def test_every_figure_keeps_its_alt_text(folder):
    for path in folder.glob("[0-9]*.html"):
        for image in re.findall(r"<img[^>]*>", path.read_text(encoding="utf-8")):
            assert re.search(r'alt="[^"]{10,}"', image), (path.name, image[:100])


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_solutions_stand_in_the_notes_only(each):
    """Also of the exercises that stand in the middle of a lesson."""
    slides = [s for part in sections_of(each) for s in slide_deck.slides_of(part)]
    shown = "\n".join(p.content for s in slides for p in s.parts if p.kind != "prose")
    said = "\n".join(note for s in slides for note in s.notes)
    checks = [name for cell in each.cells for name in cell.checks]
    assert len(checks) > 2
    for name in checks:
        assert f'check("{name}"' in said and f'check("{name}"' not in shown, name
    assert "That is it." not in shown
    if each.number == "04":
        assert "return maps @ kernel[:, c]" in said and "kernel[:, c]" not in shown


def test_a_statement_over_many_lines_stands_on_one_where_it_fits():
    source = "x = show(\n    [1, 2],\n    alt=...,\n)\ny = (\n    1,\n)\nz = [\n    1,  # one\n]"
    kept = "y = (\n    1,\n)\nz = [\n    1,  # one\n]"  # (1) would be no tuple
    assert slide_parts.shown_code(source) == f"x = show([1, 2], alt=...)\n{kept}"
    long = "x = show(\n" + "".join(f"    value_{n},\n" for n in range(12)) + ")"
    assert slide_parts.shown_code(long) == long


def test_headings_within_a_cell_are_titles_of_their_own():
    found = [slide_parts.Section("First")]
    slide_parts._add_prose(found, "Closing words.\n\n## Second\n\nText.\n\n### Third\n\nMore.")
    assert [section.title for section in found] == ["First", "Second"]
    titles = [slide.title for section in found for slide in slide_deck.slides_of(section)]
    assert titles == ["First", "Second", "Third"]


def test_what_is_printed_stands_beside_its_code_and_an_explorer_says_nothing():
    def shown(*outputs):
        cell = {"cell_type": "code", "source": "f()", "outputs": list(outputs)}
        return [part.kind for part in slide_parts._parts(cell, [], False)]

    figure = {"output_type": "display_data", "data": {"text/html": "<img alt='x' src='x'>"}}
    text = {"output_type": "stream", "text": "printed"}
    explorer = {"output_type": "display_data", "data": {"text/plain": slide_parts._EXPLORER}}
    assert shown(figure, text, explorer) == ["code", "text", "figure"]
    assert shown(text, figure, text, figure) == ["code", "text", "figure", "text", "figure"]
    source = (ROOT / "cnnvis_helpers" / "widgets" / "explorer.py").read_text(encoding="utf-8")
    assert f'"{slide_parts._EXPLORER}"' in source


def figure(width, height, writing=True):
    """A figure that is drawn all over, with lines of writing of 18 pixels above."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 60, width, height), fill="#00F")
    for row in range(2 * writing):
        draw.text((10, 24 * row), "0.25 0.50", "#111", LETTERS)
    return figure_of(image)


def figure_of(image):
    stream = io.BytesIO()
    image.save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    html = f'<img alt="A blue one." style="height:auto" src="data:image/png;base64,{data}">'
    return slide_parts.Part("figure", html)


def kinds_on_slides(*parts):
    section = slide_parts.Section("One", list(parts))
    return [[part.kind for part in slide.parts] for slide in slide_deck.slides_of(section)]


PROSE = slide_parts.Part("prose", "Words on the picture above. " * 6)
CODE = slide_parts.Part("code", "f()")
LONG_CODE = slide_parts.Part("code", "\n".join(["f()"] * 9))


def test_a_figure_that_would_be_too_small_gets_a_slide_and_two_stay_together():
    assert kinds_on_slides(LONG_CODE, figure(800, 400)) == [["code"], ["figure"]]
    assert kinds_on_slides(CODE, figure(900, 400)) == [["code", "figure"]]
    two = figure(900, 280), figure(900, 281)
    assert kinds_on_slides(LONG_CODE, *two) == [["code"], ["figure", "figure"]]
    assert "height:auto" not in slide_deck.part_html(figure(80, 70))


def test_words_that_read_a_figure_stay_with_it():
    """Below a wide one, beside a narrow one; code goes to the slide before them."""
    wide, narrow = figure(1100, 330), figure(600, 560)
    assert kinds_on_slides(CODE, wide, PROSE) == [["code", "figure", "prose"]]
    assert kinds_on_slides(LONG_CODE, wide, PROSE) == [["code"], ["figure", "prose"]]
    assert kinds_on_slides(LONG_CODE, narrow, PROSE) == [["code"], ["figure", "prose"]]
    assert slide_deck.layout_of([wide, PROSE]) == "column"
    assert slide_deck.layout_of([narrow, PROSE]) == "side"
    # The last paragraph leads to the next code, those before it read the figure.
    both = slide_parts.Part("prose", "Look at the left.\n\nThe next cell goes on.")
    assert kinds_on_slides(CODE, wide, both, CODE) == [
        ["code", "figure", "prose"],
        ["prose", "code"],
    ]
    colon = slide_parts.Part("prose", "Look at the left. It is *dark*. The next cell\ngoes on:")
    slides = slide_deck.slides_of(slide_parts.Section("One", [CODE, wide, colon, CODE]))
    assert slides[0].parts[-1].content == "Look at the left. It is *dark*."
    assert slides[1].parts[0].content == "The next cell\ngoes on:"


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_no_words_on_a_figure_stand_on_the_next_slide_without_it(each):
    slides = [s.parts for part in sections_of(each) for s in slide_deck.slides_of(part) if s.parts]
    for before, after in itertools.pairwise(slides):
        if before[-1].kind == "figure" and after[0].role == "closes":
            assert not slide_deck.layout_of([before[-1], after[0]]), after[0].content
    if each.number == "04":  # the sentence and the picture that it speaks of
        (slide,) = [s for s in slides if "looks precise to the pixel" in s[-1].content]
        assert [part.kind for part in slide][-2:] == ["figure", "prose"]


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_the_room_predicts_before_it_sees_the_answer(each):
    """Whatever follows a question stands on a new slide."""
    asked = 0
    for section in sections_of(each):
        slides = [slide.parts for slide in slide_deck.slides_of(section) if slide.parts]
        for parts in slides:
            for part, following in itertools.pairwise([*parts, None]):
                if part.kind == "prose" and "**Predict" in part.content:
                    asked += 1
                    assert following is None, part.content
                if following and following.kind != "prose" and not section.is_exercises:
                    assert part.kind != "prose" or not part.content.rstrip().endswith("?")
    assert asked == sum(cell.source.count("**Predict") for cell in each.cells if is_shown(cell))
    assert asked >= 1


def is_shown(cell):
    return cell.kind == "markdown" and not {"teaching-note", "skip"} & {*cell.tags}


def test_a_question_stands_alone_or_below_the_figure_that_it_asks_about():
    ask = slide_parts.Part("prose", "**Predict first:** which one? Then measure.")
    text = slide_parts.Part("text", "64")
    assert kinds_on_slides(PROSE, ask, CODE, text)[-2:] == [["prose"], ["code", "text"]]
    assert kinds_on_slides(figure(900, 300), ask, CODE, figure(900, 300)) == [
        ["figure", "prose"],
        ["code", "figure"],
    ]
    plain = slide_parts.Part("prose", "It is no question.")
    assert kinds_on_slides(plain, CODE, text) == [["prose", "code", "text"]]


def test_writing_in_a_figure_is_measured_and_a_tall_one_is_cut_between_its_rows():
    assert slide_figures.writing_of(figure(800, 400)) == pytest.approx(18, abs=1)
    assert slide_figures.writing_of(figure(800, 400, writing=False)) == slide_figures.MOST
    tiles = Image.new("RGB", (700, 1000), "white")
    draw = ImageDraw.Draw(tiles)
    draw.text((80, 2), "+0 +1 +2 +3", "#111", LETTERS)
    for top in range(30, 1000, 48):
        draw.rectangle((60, top, 700, top + 44), fill="#085")
        draw.text((2, top + 12), "128", "#111", LETTERS)
    upper, lower = slide_figures.cut(figure_of(tiles))
    heights = [slide_figures.figure_size(part)[1] for part in (upper, lower)]
    assert sum(heights) == 1000 + 30 and abs(heights[0] - heights[1]) < 60  # the numbers twice
    assert kinds_on_slides(figure_of(tiles)) == [["figure"], ["figure"]]
    # Three rows, each with its title above and its scale below.
    named = Image.new("RGB", (900, 1060), "white")
    draw = ImageDraw.Draw(named)
    for row in range(3):
        draw.text((9, 340 * row + 4), f"row {row}", "#111", LETTERS)
        draw.rectangle((0, 340 * row + 30, 900, 340 * row + 300), fill=(0, 80 * row, 200))
        draw.text((9, 340 * row + 304), "0 to 1.09", "#111", LETTERS)
    pieces = [slide_figures.picture_of(part) for part in slide_figures.cut(figure_of(named))]
    assert sum(piece.height for piece in pieces) == 1060
    colours = [
        {piece.getpixel((450, y))[1] for y in range(piece.height)} - {255} for piece in pieces
    ]
    assert sorted(map(sorted, colours)) in ([[0], [80, 160]], [[0, 80], [160]])
    top = np.asarray(pieces[1])[:30]
    assert (top < 100).any() and not (top == (0, 80, 200)).all(axis=2).any()  # its title, no tiles
    whole = figure(700, 1000)
    assert slide_figures.cut(whole) == [whole]  # a single drawing cannot be cut


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_every_figure_has_a_slide_on_which_its_writing_can_be_read(each):
    for section in sections_of(each):
        for slide in slide_deck.slides_of(section):
            assert not slide.parts or slide_deck.layout_of(slide.parts) or len(slide.parts) > 1
            for part in slide.parts:
                assert part.kind != "figure" or slide_deck.layout_of([part])


def test_a_lesson_that_was_changed_after_its_run_is_a_fault(monkeypatch, capsys, tmp_path):
    """Its figures are missing: said for slides and handouts, and counted by --check."""
    each = lesson("00")
    assert slide_parts.is_stale(each, LESSONS, None)
    monkeypatch.setattr(slide_parts, "stored_notebook", lambda lesson: None)
    monkeypatch.setattr(slide_pictures, "check", lambda path: [])
    assert build_slides.main(["00", "--check", "--into", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "python tools/build_notebooks.py 00" in said.err
    assert said.out.splitlines()[-1] == "1 fault in 1 deck, 1 of them for want of figures"
    assert build_handouts.main(["00", "--into", str(tmp_path)]) == 0
    assert "python tools/build_notebooks.py 00" in capsys.readouterr().err


def test_shown_code_leaves_out_what_only_the_rest_needed():
    shown = slide_parts.shown_code
    source = 'x = f()\nif a == "course":\n    rather = f(x)\n    assert rather > 1\nprint(x)'
    assert shown(source) == "x = f()\nprint(x)"
    assert "rather" in shown(source, ["show(rather)"])  # a later cell needs it
    assert "rather" not in shown(source, ["rather = 2", "show(rather)"])
    drawing = "show_curve(\n    across,\n" + "".join(f"    {n},\n" for n in range(9)) + ")"
    assert shown(f"y = f()\nprint(y)\nacross = np.linspace(0, 3, 31)\n{drawing}") == (
        "y = f()\nprint(y)"
    )
    # A step of the lesson and what somebody may change stay: the figure shows them.
    for kept in ("across = gradcam(net)", "across = 2  # change me"):
        assert shown(f"{kept}\n{drawing}") == kept
    assert shown("by = g(x)\nassert by == 1") == "by = g(x)"


def test_the_code_of_the_lessons_has_no_such_leftovers():
    for number, words in {
        "03": ["broad, small ="],
        "04": ["rather =", "shares =", "across ="],
    }.items():
        parts = [part for section in sections_of(lesson(number)) for part in section.parts]
        shown = "\n".join(part.content for part in parts if part.kind == "code")
        assert "net = load_network" in shown
        for word in words:
            assert word not in shown and word in "\n".join(c.source for c in lesson(number).cells)


@pytest.mark.parametrize("each", LESSONS, ids=lambda each: each.number)
def test_code_on_a_slide_is_whole_statements(each):
    for section in sections_of(each):
        for slide in slide_deck.slides_of(section):
            for part in slide.parts:
                if part.kind == "code":
                    ast.parse(part.content)


def test_else_stays_with_its_if():
    statements = [
        "a = 1",
        "if a:\n    b\nelif c:\n    d\nelse:\n    e",
        "else_ = 2",
        "try:\n    f\nexcept X:\n    g",
    ]
    assert slide_deck._statements("\n".join(statements)) == statements


def test_shown_code_leaves_out_imports_assertions_and_alt_texts():
    source = (
        "import numpy as np\nfrom a import (\n    b,\n    c,\n)\n\nx = 1\nif x:\n    assert x\n"
        "    y = 2\nif x:\n    assert y\nfor y in x:\n    assert y\n"
        "show(x, y, alt=(\n    'One.'\n    'Two.'\n))\n"
    )
    assert slide_parts.shown_code(source) == "x = 1\nif x:\n    y = 2\nshow(x, y, alt=...)"
    for each in LESSONS:
        for section in sections_of(each):
            for part in section.parts:
                if part.kind == "code":
                    ast.parse(part.content)


def test_long_code_and_prose_are_cut_and_nothing_is_lost():
    code = "\n".join(f"value_{n} = [\n    {n},\n]" for n in range(30))
    prose = "\n\n".join(f"Paragraph {n}. " + "word " * 60 for n in range(9))
    parts = [slide_parts.Part("code", code), slide_parts.Part("prose", prose)]
    made = list(slide_deck._split(parts))
    assert "\n".join(p.content for p in made if p.kind == "code") == code
    assert "\n\n".join(p.content for p in made if p.kind == "prose") == prose
    assert len(made) > 4 and all(slide_deck.height_of(p) <= slide_deck.ROOM for p in made)
    assert all(ast.parse(p.content) for p in made if p.kind == "code")


def test_markdown_with_formulas_and_code():
    source = "The **class** $S_c$ costs `$5`; see [lesson 02](02_maps.ipynb)."
    made = slide_parts.markdown_html(source)
    assert "<strong>class</strong>" in made and made.count("<math") == 1
    assert "<code>$5</code>" in made and 'href="02_maps.html"' in made


def test_an_unknown_lesson_and_a_missing_package_are_one_sentence(capsys, monkeypatch, tmp_path):
    assert build_slides.main(["77", "--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("No lesson 77.")
    monkeypatch.setattr(build_slides, "NEEDED", ("no_such_package_here",))
    assert build_slides.main(["--into", str(tmp_path)]) == 1
    assert "pip install -e .[slides]" in capsys.readouterr().err


BROWSERS = {
    "none": ("", "No Chromium or Chrome here"),
    "silent": ("exit 0", "could not show"),
    "failing": ("echo 'no display' >&2; exit 3", "no display"),
}


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
@pytest.mark.parametrize(("script", "sentence"), BROWSERS.values(), ids=list(BROWSERS))
def test_a_browser_that_is_not_there_or_fails_is_one_sentence(
    tmp_path, capsys, monkeypatch, script, sentence
):
    browser = tmp_path / "browser"
    if script:
        browser.write_text(f"#!/bin/sh\n{script}\n")
        browser.chmod(0o755)
    monkeypatch.setenv("CNNVIS_BROWSER", str(browser))
    commands = [(build_slides, "--check")]
    if script != "exit 0":  # a browser that does nothing and says nothing prints nothing either
        commands.append((build_handouts, "--pdf"))
    for tool, option in commands:
        assert tool.main(["00", option, "--into", str(tmp_path / "made")]) == 1
        said = capsys.readouterr().err
        assert sentence in said and said.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
def test_a_browser_that_hangs_is_given_up(tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\nexec sleep 60\n")
    browser.chmod(0o755)
    monkeypatch.setenv("CNNVIS_BROWSER", str(browser))
    with pytest.raises(Missing, match="took more than 0.3 s for file://.*deck.html"):
        slide_pictures.check(tmp_path / "deck.html", timeout=0.3)


def test_pictures_without_playwright_or_a_browser_are_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CNNVIS_BROWSER", str(tmp_path / "nothing"))
    assert build_slides.main(["00", "--pictures", "--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("--pictures needs ")
    monkeypatch.setitem(sys.modules, "playwright", None)
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert build_slides.main(["00", "--pictures", "--into", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said == "--pictures needs playwright. Run: pip install playwright\n"


# --- a whole lecture ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lecture():
    plan = slide_plans.read_plan()
    return plan, slide_plans.lecture_sections(plan, LESSONS, sections_of)


def test_the_lecture_is_the_plan_of_teaching_md(lecture):
    """A title with its minutes for each row, then the sections that it names, with their notes."""
    plan, sections = lecture
    teaching = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    assert plan.minutes == 90 and f'"{plan.title}"' in teaching
    titles = [(each.number, section) for each, section in sections if section.opens]
    assert [number for number, _ in titles] == ["00", "02", "03", "04", "06", "08"]
    for (minutes, number, show), (_, section) in zip(plan.rows, titles, strict=True):
        assert f"| {minutes} | lesson {number} | {show} |" in teaching
        assert section.parts[0].content == f"**{minutes} minutes:** {show}"
        assert "min" in section.parts[1].content and section.parts[1].kind == "note"
    shown = {number: [] for number, _ in titles}
    for each, section in sections:
        if each:
            shown[each.number].append(section.title)
    for number, picks in slide_plans.PICKS.items():
        headings = re.findall(
            r"(?m)^#{2,3} (.+)$", "\n".join(c.source for c in lesson(number).cells)
        )
        assert len(shown[number]) == 1 + len(picks) and {*shown[number][1:]} <= {*headings}
    slides = [slide for _, section in sections for slide in slide_deck.slides_of(section)]
    assert 40 <= len(slides) <= 62
    assert sum(bool(slide.notes) for slide in slides) >= 12
    assert all(f"`{name}`" in slides[-1].parts[0].content for name in ("00-share", "08-say"))


def test_the_lecture_leaves_out_long_code_and_code_that_only_draws(lecture):
    parts = [part for _, section in lecture[1] for part in section.parts if part.kind == "code"]
    assert len(parts) > 10
    for part in parts:
        assert len(part.content.splitlines()) <= slide_plans.LONGEST
        assert not part.content.startswith(("show_", "for name in chosen"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("| 15 | lesson 02 |", "| 15 | lesson 05 |", "has the lessons"),
        ("| 15 | lesson 02 |", "| 25 | lesson 02 |", "in 100 minutes"),
        ("### One lecture of 90", "### A lecture of 90", "has no heading"),
    ],
)
def test_a_plan_that_no_longer_fits_is_told(old, new, said):
    text = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(lesson_source.LessonError, match=said):
        slide_plans.read_plan(text.replace(old, new, 1))


def test_a_heading_or_paragraph_that_is_gone_is_told():
    prose = slide_parts.Part("prose", "First words.\n\nSecond words.\n\nThird words.")
    note = slide_parts.Part("note", "Ask.")
    sections = [slide_parts.Section("Here", [prose, note, LONG_CODE])]
    part = slide_plans.picked(sections, ("Here", "Second", "Third"), "04")
    assert [each.content for each in part.parts] == ["Second words."]
    part = slide_plans.picked(sections, ("Here", "Third", ""), "04")
    assert [each.content for each in part.parts] == ["Third words.", "Ask.", LONG_CODE.content]
    for pick, said in {
        "There": "no section 'There'",
        ("Here", "No such words", ""): "no paragraph 'No such words'",
    }.items():
        with pytest.raises(lesson_source.LessonError, match=said):
            slide_plans.picked(sections, pick, "04")


def test_one_command_makes_the_lecture_and_the_index_links_it(tmp_path, capsys):
    assert build_slides.main(["--lecture", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("lecture.html: ")
    page = (tmp_path / "lecture.html").read_text(encoding="utf-8")
    assert page.count('<div class="page opening') == 7 and not FETCHED.findall(page)
    assert [path.name for path in tmp_path.glob("*.html")].count("lecture.html") == 1
    assert 'href="lecture.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")


# --- handouts ----------------------------------------------------------------------------------


def test_a_handout_holds_every_figure_and_every_displayed_formula(tmp_path):
    each = lesson("04")
    assert build_handouts.main(["04", "--into", str(tmp_path)]) == 0
    text = (tmp_path / f"{each.name}.html").read_text(encoding="utf-8")
    kept = [s for s in sections_of(each) if s.title not in build_handouts.LEFT_OUT]
    parts = [part for section in kept for part in section.parts]
    figures = [part for part in parts if "<img" in part.content and part.kind == "figure"]
    assert len(figures) > 5
    assert text.count("<img") == len(figures)
    displayed = sum(p.content.count("$$") // 2 for p in parts if p.kind == "prose")
    assert text.count('display="block"') == displayed >= 4
    assert not FETCHED.findall(text) and "<script" not in text
    assert "NETWORK =" not in text  # how to run the notebook is nothing for paper
    after = text.partition("this is the weight of the map")[2]
    assert "<math" in after.partition("</div>")[0]  # on the page of its formula
    for figure in figures:
        assert slide_parts.alt_text(figure).split(".")[0][:40] in re.sub(r"&#x27;", "'", text)


# --- in a browser ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
@pytest.mark.parametrize("number", IN_BROWSER)
def test_nothing_runs_over_the_edge_and_all_can_be_read(folder, number):
    """At 1280 x 720 with the network off; all lessons with CNNVIS_EVERY_SLIDE=1."""
    seen = slide_pictures.check(folder / f"{lesson(number).name}.html")
    assert len(seen) >= 15
    found = [(n, s["title"], fault) for n, s in enumerate(seen, 1) for fault in faults(s)]
    assert not found


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
def test_the_check_sees_what_runs_over_an_edge(folder, tmp_path):
    import shutil

    shutil.copytree(folder / "assets", tmp_path / "assets")
    wide = slide_deck.Slide("Wide", [slide_parts.Part("code", "x = " + "1" * 400)])
    high = slide_deck.Slide("High", [slide_parts.Part("prose", "Word. " * 1500)])
    page = (folder / f"{LESSONS[0].name}.html").read_text(encoding="utf-8")
    slides = "".join(f"<section>{slide_deck.slide_html(s, 'x')}</section>" for s in (wide, high))
    page = re.sub(
        r'(<div class="slides">).*(</div></div>\s*<script)', rf"\1{slides}\2", page, flags=re.S
    )
    (tmp_path / "deck.html").write_text(page, encoding="utf-8")
    seen = slide_pictures.check(tmp_path / "deck.html")
    assert [bool(slide["outside"]) for slide in seen] == [True, True]
    assert all("over the edge" in faults(slide)[0] for slide in seen)


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
def test_the_network_is_off_while_slides_are_looked_at(tmp_path):
    """A server on this machine is asked by a plain browser, and by none of ours."""
    pytest.importorskip("playwright")
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = tmp_path / "deck.html"
    page.write_text(
        f"<img src='http://127.0.0.1:{server.server_port}/x.png'><script>window.Reveal = "
        "{isReady: () => true, getTotalSlides: () => 2, next() {}};</script>"
    )
    try:
        plain = [find_chromium(), "--headless", *FLAGS, f"--user-data-dir={tmp_path / 'p'}"]
        subprocess.run([*plain, "--dump-dom", page.as_uri()], capture_output=True, timeout=120)
        assert asked == ["/x.png"]
        assert b"window.Reveal" in run_chromium(["--dump-dom", page.as_uri()])

        async def in_a_loop():  # as in a notebook, or beside the browser tests' own playwright
            return slide_pictures.take_pictures(page)

        with ThreadPoolExecutor(1) as other:  # a loop may run in this thread already
            made = other.submit(lambda: asyncio.run(in_a_loop())).result()
        assert len(made) == 3  # two slides, one sheet
        assert asked == ["/x.png"]
    finally:
        server.shutdown()
        server.server_close()


def test_each_fault_of_a_slide_is_named():
    good = {"outside": "", "broken": 0, "prose": 24, "smallest": 17, "figure": 15}
    assert faults(good) == [] == faults({**good, "figure": None})
    bad = {"outside": "PRE ", "broken": 1, "prose": 19, "smallest": 9, "figure": 11}
    for name, value in bad.items():
        assert len(faults({**good, name: value})) == 1
    assert "writing of 11.0 pixels in a figure" in faults({**good, "figure": 11})[0]
