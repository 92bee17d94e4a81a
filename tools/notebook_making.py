"""Turn a lesson into notebook dicts (nbformat 4.5): cells, ids, metadata; no outputs.

The result is a function of the lesson, its neighbours and `publication.py` alone, so that its
bytes are the same everywhere. Outputs come from `notebook_running.py`.
"""

import ast
import hashlib
import json
import re

import lesson_source
import publication

STUDENT, SOLUTIONS = "student", "solutions"
KINDS = (STUDENT, SOLUTIONS)

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook_file(lesson, kind):
    """Path of a lesson's notebook below notebooks/."""
    folder = "solutions/" if kind == SOLUTIONS else ""
    return f"{folder}{lesson.name}.ipynb"


def make_notebook(lesson, lessons, kind):
    """The notebook of a lesson, without outputs.

    lessons: all lessons in order, for the links. kind: STUDENT or SOLUTIONS.
    """
    links = _links(lesson, lessons, kind)
    is_copy = "Lecturer's copy, with solutions and teaching notes." if kind == SOLUTIONS else ""
    badge = publication.badge(notebook_file(lesson, kind))
    cells = [_navigation(lesson, badge, is_copy, links)]
    for index, cell in enumerate(lesson.cells):
        made = _lesson_cell(lesson, cell, kind)
        if made is not None:
            cells.append(made)
        if index == 0:
            cells += [
                _contents(lesson),
                _markdown(publication.setup_note(), ["setup"], "skip"),
                _code(publication.setup_source(publication.requirement()), ["setup"], "skip"),
            ]
    cells.append(_navigation(lesson, links))
    _give_ids(lesson, cells)
    return {
        "cells": cells,
        "metadata": {
            "cnnvis": {"kind": kind, "lesson": lesson.name, "ran": code_hash(cells)},
            "kernelspec": dict(_KERNEL),
            "language_info": {"name": "python"},
            "title": f"{lesson.number} {lesson.title}",
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code_hash(cells):
    """Hash of what the lesson's code cells do: what the stored outputs were made by.

    It is taken from the syntax trees, so that comments and layout may change without a new run.
    The set-up cell is left out: a new address of the published copy changes no output.
    """
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    sources = [cell["source"] for cell in code if "setup" not in cell["metadata"].get("tags", [])]
    return _hash(json.dumps([_syntax(ast.parse(source)) for source in sources]))[:16]


def dump(notebook):
    """Canonical text of a notebook file."""
    cells = [dict(x, source=x["source"].splitlines(keepends=True)) for x in notebook["cells"]]
    lined = dict(notebook, cells=cells)
    return json.dumps(lined, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def load(text):
    """A notebook dict from the text of its file, sources as strings."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def without_outputs(notebook):
    """The same notebook with no outputs and no execution counts."""
    cells = []
    for cell in notebook["cells"]:
        bare = dict(cell)
        if cell["cell_type"] == "code":
            bare.update(outputs=[], execution_count=None)
        cells.append(bare)
    return dict(notebook, cells=cells)


def _syntax(node):
    """A syntax tree as nested lists, without positions and empty fields: alike in every Python."""
    if isinstance(node, list):
        return [_syntax(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return [type(node).__name__, [[name, _syntax(value)] for name, value in fields]]


def _hash(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _markdown(source, tags=(), slide=None):
    metadata = {"tags": sorted(tags)} if tags else {}
    if slide:
        metadata["slideshow"] = {"slide_type": slide}
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def _code(source, tags=(), slide=None):
    cell = _markdown(source, tags, slide)
    return dict(cell, cell_type="code", execution_count=None, outputs=[])


def _lesson_cell(lesson, cell, kind):
    if "teaching-note" in cell.tags:
        return _teaching_note(cell) if kind == SOLUTIONS else None
    slide = next((tag for tag in lesson_source.SLIDE_TAGS if tag in cell.tags), None)
    tags = [tag for tag in cell.tags if tag not in lesson_source.SLIDE_TAGS]
    if cell.kind == "markdown":
        if slide is None and re.match(r"##? ", cell.source):
            slide = "slide"
        return _markdown(lesson_source.page_text(cell.source), tags, slide)
    source = cell.source
    if cell.is_exercise:
        where = f"{lesson.path.name}, cell {cell.position + 1}"
        change = lesson_source.solution_source if kind == SOLUTIONS else lesson_source.stub_source
        source, tags = change(source, where), [*tags, "exercise"]
    made = _code(source, tags, slide)
    hidden = {name: x for name, x in (("alt", cell.alts), ("check", cell.check)) if x}
    if hidden and not (cell.is_exercise and kind == STUDENT):  # a stub shows and computes nothing
        made["metadata"]["cnnvis"] = hidden
    return made


def _contents(lesson):
    """The table of contents: a link to every heading of level 2 after the opening."""
    lines = ["**Contents**", ""]
    for cell in lesson.cells[1:]:
        if cell.kind == "markdown" and "teaching-note" not in cell.tags:
            for title in re.findall(r"^## +(.+?) *$", cell.source, re.MULTILINE):
                anchor = re.sub(r"[`*$]", "", title).replace(" ", "-")  # as JupyterLab makes it
                lines.append(f"- [{title}](#{anchor})")
    return _markdown("\n".join(lines), ["navigation"], "skip")


def _teaching_note(cell):
    quoted = "\n".join(f"> {line}".rstrip() for line in cell.source.splitlines())
    return _markdown(f"> **Teaching note**\n>\n{quoted}", ["teaching-note"], "notes")


def _navigation(lesson, *lines):
    text = "\n\n".join(line for line in lines if line)
    return _markdown(text or f"Lesson {lesson.number}", ["navigation"], "skip")


def _links(lesson, lessons, kind):
    """A line with links to the lessons before and after."""
    at, links = lessons.index(lesson), []
    for word, neighbours in (("Previous", lessons[:at][-1:]), ("Next", lessons[at + 1 :][:1])):
        for one in neighbours:
            address = publication.colab_address(notebook_file(one, kind))
            colab = f" ([Colab]({address}))" if address else ""
            links.append(f"{word}: [{one.number} {one.title}]({one.name}.ipynb){colab}")
    return " · ".join(links)


def _give_ids(lesson, cells):
    """Ids from lesson, kind of cell and source: the same everywhere, new when the text is new."""
    seen = {}
    for cell in cells:
        name = _hash("\n".join([lesson.name, cell["cell_type"], cell["source"]]))[:12]
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"
