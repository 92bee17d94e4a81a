"""Make slides from the stored notebooks: a folder that opens from disk, without a network.

    python tools/build_slides.py                  all lessons, into slides/
    python tools/build_slides.py 04 05            these lessons only
    python tools/build_slides.py --lecture        one deck for a lecture of 90 minutes
    python tools/build_slides.py --into FOLDER    somewhere else
    python tools/build_slides.py --check          and report what cannot be read, with Chromium

Open slides/index.html in a browser. Arrow keys and space move, S opens the speaker's window with
the teaching notes, F fills the screen, O shows all slides. Needs `pip install -e .[slides]`:
nbconvert makes the pages, pyreveal brings reveal.js, latex2mathml turns formulas into MathML.
"""

import argparse
import ast
import html
import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

from chromium import Missing, run_chromium

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
TEMPLATE = ROOT / "tools" / "slides"
NEEDED = ("pyreveal", "latex2mathml", "nbconvert")
REVEAL = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "dist/plugin/notes.js", "LICENSE")
LEFT_OUT = {"navigation", "setup", "skip"}
EXPLORER = "Run this cell to use the explorer."  # the stored text of a live explorer
PROSE, FIGURE = 19, 0.7  # smallest prose in pixels, smallest share of a figure's own size
LECTURE = {  # the sections that the lecture in TEACHING.md shows
    "00": ["What comes out", "Where did it look?"],
    "02": ["All channels of all stages", "What is left at each stage"],
    "03": [
        "The sweep by hand",
        "The stretch that lies",
        "Which class takes what the cat loses?",
        "Two objects",
    ],
    "04": [
        "A class activation map by hand",
        "Grad-CAM: when there are no weights to read",
        "Why this cat rather than that one?",
    ],
    "06": ["A cat is a toaster", "Is one level enough?", "Does it survive being saved?"],
    "08": ["The detective", "A second network", "What if the network forgets everything?"],
}
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)


def chosen(numbers, folder):
    """Paths of the notebooks NN_name.ipynb with these numbers; all when there are none."""
    found = {path.name[:2]: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    unknown = [number for number in numbers if number not in found]
    if unknown:
        raise Missing(f"No lesson {', '.join(unknown)}. There are: {', '.join(found)}.")
    return [found[number] for number in numbers or found]


def slide_cells(notebook):
    """The cells of a lecturer's notebook as slides show them.

    Navigation and set-up are left out, teaching notes and solutions become speaker notes.
    """
    from nbformat.v4 import new_markdown_cell

    for cell in notebook.cells:
        tags = {*cell.metadata.get("tags", [])}
        if LEFT_OUT & tags or not cell.source.strip():
            continue
        note = None
        if "teaching-note" in tags:
            note = re.sub(r"^> ?", "", cell.source, flags=re.M).replace("**Teaching note**", "", 1)
        elif "exercise" in tags:
            note = f"Answer:\n\n```python\n{shown_code(cell.source)}\n```"
        if note:
            notes = {"slideshow": {"slide_type": "notes"}}
            cell = new_markdown_cell(note.strip(), metadata=notes)
        elif cell.cell_type == "code":
            cell.source = shown_code(cell.source)
            live = {"text/plain": EXPLORER}
            cell.outputs = [output for output in cell.outputs if output.get("data") != live]
            # What a cell prints stands below its code, not below its figure.
            if sum(output.output_type == "stream" for output in cell.outputs) == 1:
                cell.outputs.sort(key=lambda output: output.output_type != "stream")
        yield cell


def shown_code(source):
    """Code without its imports.

    >>> shown_code('import numpy as np\\n\\nx = 1')
    'x = 1'
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            lines[node.lineno - 1 : node.end_lineno] = [None] * (node.end_lineno - node.lineno + 1)
    kept = "\n".join(line for line in lines if line is not None)
    return re.sub(r"\n{3,}", "\n\n", kept).strip("\n")


def markdown_html(source):
    """Markdown with formulas as HTML with MathML, which every present-day browser draws."""
    from latex2mathml.converter import convert
    from nbconvert.filters import markdown2html

    formulas = []

    def keep(match):
        display = "block" if match[1] else "inline"
        formulas.append(convert((match[1] or match[2]).strip(), display=display))
        return f"formula{len(formulas) - 1}end"

    pieces = _CODE.split(source)
    pieces[::2] = [_MATH.sub(keep, piece) for piece in pieces[::2]]
    made = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html("".join(pieces)))
    made = re.sub(r"formula(\d+)end", lambda match: formulas[int(match[1])], made)
    # Links to other lessons lead to their pages in the same folder.
    return re.sub(r'href="(\d\d_\w+)\.ipynb"', r'href="\1.html"', made)


def deck_html(notebook, title):
    """The page of a deck, made by nbconvert with the template in tools/slides."""
    from nbconvert import SlidesExporter

    notebook.cells = list(slide_cells(notebook))
    notebook.metadata["title"] = title
    exporter = SlidesExporter(
        template_name=TEMPLATE.name, extra_template_basedirs=[str(TEMPLATE.parent)]
    )
    exporter.register_filter("course_markdown", markdown_html)
    return exporter.from_notebook_node(notebook)[0]


def lecture(folder):
    """A notebook of the sections that LECTURE names, a title before those of each lesson."""
    import nbformat
    from nbformat.v4 import new_markdown_cell, new_notebook

    cells = [new_markdown_cell("# What does a convolutional network see?")]
    for number, titles in LECTURE.items():
        (path,) = chosen([number], folder)
        sections, title = {}, ""
        for cell in nbformat.read(path, 4).cells:
            heading = re.match(r"#{1,2} (.+)", cell.source) if cell.cell_type != "code" else None
            title = heading[1].strip() if heading else title
            sections.setdefault(title, []).append(cell)
        for title in titles:
            if title not in sections:
                raise Missing(f"Lesson {number} has no section {title!r}: change LECTURE.")
            cells += sections[title]
    slide = {"slide_type": "slide"}
    for cell in cells:
        if cell.cell_type == "markdown" and re.match("##? ", cell.source):
            cell.metadata["slideshow"] = slide
    return new_notebook(cells=cells)


def build(paths, folder, with_lecture=False):
    """Write a deck for each notebook, and an index of all decks there; return the decks' paths."""
    import nbformat
    from pygments.formatters import HtmlFormatter

    copy_assets(folder / "assets")
    colours = HtmlFormatter(style="tango").get_style_defs(".highlight")
    look = (TEMPLATE / "course.css").read_text(encoding="utf-8")
    (folder / "assets" / "course.css").write_text(look + colours, encoding="utf-8")
    notebooks = [(path.stem, nbformat.read(path, 4)) for path in paths]
    if with_lecture:
        notebooks.append(("lecture", lecture(NOTEBOOKS / "solutions")))
    made = []
    for name, notebook in notebooks:
        made.append(folder / f"{name}.html")
        title = notebook.metadata.get("title", "One lecture of 90 minutes")
        made[-1].write_text(deck_html(notebook, title), encoding="utf-8")
        print(made[-1])
    write_index(folder)
    return made


def copy_assets(folder):
    """Copy reveal.js from the package that ships it, and our script."""
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(importlib.util.find_spec("pyreveal").origin).parent / "revealjs"
    for name in REVEAL:
        if not (package / name).is_file():
            raise Missing(f"The installed pyreveal has no {name}; install pyreveal 1.0 again.")
        shutil.copyfile(package / name, folder / Path(name).name)
    shutil.copyfile(TEMPLATE / "course.js", folder / "course.js")


def write_index(folder):
    """Write a page with a link to every deck of a folder."""
    links = []
    for path in sorted(folder.glob("*.html")):
        title = re.search("<title>(.*?)</title>", path.read_text(encoding="utf-8"))[1]
        if path.stem != "index":
            links.append(f'<p><a href="{path.name}">{title}</a></p>')
    (folder / "index.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>\n'
        "<style>body{font:22px/1.4 sans-serif;margin:3em auto;max-width:44em}</style></head>\n"
        f"<body><h1>What does a convolutional network see?</h1>\n{chr(10).join(links)}\n"
        "<p>S opens the speaker's window, F fills the screen, O shows all slides.</p>\n"
        "</body></html>\n",
        encoding="utf-8",
    )


def faults(path, timeout=120):
    """Sentences on what Chromium finds wrong with the slides of a deck, at 1280 x 720, offline."""
    arguments = ["--window-size=1280,720", "--virtual-time-budget=60000", "--dump-dom"]
    page = run_chromium([*arguments, f"{path.resolve().as_uri()}?check"], timeout).decode()
    checked = re.search(r'<script type="application/json" id="checked">(.*?)</script>', page, re.S)
    if not checked:
        raise Missing(f"Chromium could not show {path}: its script did not come to an end.")
    found = []
    for number, slide in enumerate(json.loads(html.unescape(checked[1])), start=1):
        where = f"{path.name}, slide {number}, {slide['title']!r}"
        if slide["outside"]:
            found.append(f"{where}: content over the edge")
        if slide["broken"]:
            found.append(f"{where}: a picture did not load")
        if slide["prose"] < PROSE:
            found.append(f"{where}: prose of {slide['prose']:.0f} pixels, less than {PROSE}")
        if slide["figure"] is not None and slide["figure"] < FIGURE:
            found.append(f"{where}: a figure at {slide['figure']:.2f} of its size, too small")
    return found


def require(names=NEEDED):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise Missing(f"Not installed: {', '.join(missing)}. Run: pip install -e .[slides]")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers, such as 04; all when none is given")
    parser.add_argument("--lecture", action="store_true", help="a deck for the lecture too")
    parser.add_argument("--into", type=Path, default=ROOT / "slides", metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="look at each slide, by Chromium")
    options = parser.parse_args(arguments)
    try:
        require()
        only = options.lecture and not options.lessons
        paths = [] if only else chosen(options.lessons, NOTEBOOKS / "solutions")
        made = build(paths, options.into, options.lecture)
        print(f"open {options.into / 'index.html'}")
        found = [fault for path in made for fault in faults(path)] if options.check else []
    except Missing as error:
        found = [error]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
