"""What slides and handouts are made of: a lesson's sections, its prose, code, figures and notes.

A lesson is read as its lecturer's notebook (teaching notes included) with the stored outputs. Its
Markdown and formulas become HTML here, without any script: a formula is MathML, which every
present-day browser draws by itself.
"""

import ast
import html
import re
from dataclasses import dataclass, field

import lesson_source
import notebook_making as making
from code_leftovers import is_aside, only_draws, without, without_leftovers
from latex2mathml.converter import convert
from nbconvert.filters import Highlight2HTML, markdown2html

_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)
_MARK = "formula{}end"
_ANCHOR = re.compile(r'<a class="anchor-link".*?</a>')
_ALT = re.compile(r'<img[^>]*\balt="([^"]*)"')
_SECTION = re.compile(r"\A(#{1,2}) +(.+)")
_EXPLORER = "Run this cell to use the explorer."  # stands for the live one in a stored notebook
LONG = 8  # lines of code
WIDTH = 92  # characters of a line of code that was put together again


@dataclass
class Part:
    """One cell as it is shown.

    kind : "prose" (Markdown), "code", "figure" (HTML), "text" (plain output), "note" (Markdown)
    content : its source
    role : of prose, what it is to its neighbours: "asks" the room what the output will answer,
        "closes" what stands above it, "" for anything else
    """

    kind: str
    content: str
    role: str = ""


@dataclass
class Section:
    """A heading of level 1 or 2 and what follows it, up to the next.

    opens : whether its first slide is the title of what comes, as in a lecture of several lessons
    """

    title: str
    parts: list = field(default_factory=list)
    opens: bool = False

    @property
    def is_exercises(self):
        return self.title == "Exercises"


def sections(lesson, lessons, stored=None):
    """Return the sections of a lesson, the opening first.

    stored : the lecturer's notebook with outputs, a dict, or None; its outputs are used where its
        code is the lesson's
    """
    # Imported here: running needs a kernel's libraries, which a handout does not.
    from notebook_running import carry_outputs

    made = making.make_notebook(lesson, lessons, making.SOLUTIONS)
    notebook = carry_outputs(made, stored)[0] if stored else made
    found, later = [], _code_after_each(notebook["cells"])
    for cell, coming in zip(notebook["cells"], later, strict=True):
        tags = cell["metadata"].get("tags", [])
        if {"navigation", "setup", "skip"} & {*tags} or not cell["source"].strip():
            continue
        if cell["cell_type"] == "markdown" and "teaching-note" not in tags:
            _add_prose(found, cell["source"])
        elif found:
            found[-1].parts += _parts(cell, tags, found[-1].is_exercises, coming)
    return found


def _code_after_each(cells):
    """Of each cell, the sources of the code cells after it."""
    codes = [cell["source"] if cell["cell_type"] == "code" else "" for cell in cells]
    return [[code for code in codes[at + 1 :] if code.strip()] for at in range(len(codes))]


def is_stale(lesson, lessons, stored):
    """Whether a lesson's code was changed after its notebook had run: its outputs are left out."""
    made = making.make_notebook(lesson, lessons, making.SOLUTIONS)
    ran = stored and stored["metadata"].get("cnnvis", {}).get("ran")
    return ran != made["metadata"]["cnnvis"]["ran"]


def _add_prose(found, source):
    """Add a Markdown cell to the sections; a heading in it, also in its middle, begins another."""
    for piece in re.split(r"(?m)^(?=#{1,2} )", source):
        heading = _SECTION.match(piece)
        if heading:
            found.append(Section(heading[2].strip()))
        rest = piece[heading.end() if heading else 0 :].strip()
        if found and rest:
            found[-1].parts.append(Part("prose", rest))


def _parts(cell, tags, in_exercises, later=()):
    source = cell["source"]
    if "teaching-note" in tags:
        note = re.sub(r"^> ?", "", source, flags=re.MULTILINE)
        return [Part("note", note.replace("**Teaching note**", "", 1).strip())]
    if in_exercises or "exercise" in tags:  # the room thinks first; the speaker has the answer
        return [Part("note", f"Answer:\n\n```python\n{shown_code(source)}\n```")]
    code = shown_code(source, later)
    parts = [Part("code", code)] if code else []
    outputs = [made for output in cell["outputs"] if (made := _output(output))]
    if sum(part.kind == "text" for part in outputs) == 1:  # beside its code, not below a figure
        outputs.sort(key=lambda part: part.kind != "text")
    return parts + outputs


def _output(output):
    if output["output_type"] == "stream":
        text = "".join(output["text"]).rstrip()
        return Part("text", text) if text else None
    data = output.get("data", {})
    if "text/html" in data:
        return Part("figure", "".join(data["text/html"]))
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            alt = html.escape("".join(data.get("text/plain", "")), quote=True)
            return Part("figure", f'<img alt="{alt}" src="data:{kind};base64,{data[kind]}">')
    text = "".join(data.get("text/plain", "")).rstrip()
    return Part("text", text) if text and text != _EXPLORER else None


def alt_text(part):
    """Return the sentence that says what a figure shows; "" where it has none."""
    found = _ALT.search(part.content)
    return html.unescape(found[1]) if found else ""


def shown_code(source, later=()):
    """Return code as a room wants to see it: no imports, no assertions, no alt texts.

    What a lesson asserts and how it describes its figures stays in the notebook. Of long code the
    statements that only draw are left out too: their figure follows. What was assigned for these
    alone goes with them, unless a cell of `later`, the sources that follow, needs it. A statement
    over several lines stands on one where it fits.

    >>> shown_code('import numpy as np\\n\\nx = 1\\nassert x == 1\\nshow(x, alt="A one.")')
    'x = 1\\nshow(x, alt=...)'
    """
    code = _without_alt(without(source, is_aside))
    code = without_leftovers(code, source, later)
    if len(code.splitlines()) > LONG:
        code = without(code, lambda node: is_aside(node) or only_draws(node))
        code = without_leftovers(code, source, later)
    return _on_one_line(re.sub(r"\n{3,}", "\n\n", code).strip("\n"))


def _without_alt(code):
    """Code with every `alt=` shortened to dots."""
    lines = code.splitlines()
    values = [
        keyword.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "alt" and not isinstance(keyword.value, (ast.Name, ast.Call))
    ]
    for value in sorted(values, key=lambda v: (v.lineno, v.col_offset), reverse=True):
        first, last = value.lineno - 1, value.end_lineno - 1
        before = lines[first].encode()[: value.col_offset].decode()
        after = lines[last].encode()[value.end_col_offset :].decode()
        if before.rstrip().endswith("(") and not before.rstrip().endswith("alt=("):
            continue
        lines[first : last + 1] = [f"{before}...{after}"]
    joined = "\n".join(lines)
    return re.sub(r"alt=\(\s*\.\.\.\s*\)", "alt=...", joined)


def _on_one_line(code):
    """Code whose simple statements stand on one line where they fit and nothing else changes."""
    lines, tree = code.splitlines(), ast.parse(code)
    simple = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return)
    spans = {(n.lineno, n.end_lineno) for n in ast.walk(tree) if isinstance(n, simple)}
    for first, last in sorted(spans, reverse=True):
        piece = lines[first - 1 : last]
        if last == first or any("#" in line for line in piece):
            continue
        joined = piece[0]
        for line in piece[1:]:
            line = line.strip()
            if line.startswith((")", "]", "}")):
                joined = joined.removesuffix(",") + line
            else:
                joined += line if joined.endswith(("(", "[", "{")) else f" {line}"
        tried = "\n".join([*lines[: first - 1], joined, *lines[last:]])
        if len(joined) <= WIDTH and _same_code(tried, tree):
            lines[first - 1 : last] = [joined]
    return "\n".join(lines)


def _same_code(code, tree):
    try:
        return ast.dump(ast.parse(code)) == ast.dump(tree)
    except SyntaxError:
        return False


# --- to HTML -----------------------------------------------------------------------------------


def markdown_html(source):
    """Return Markdown with formulas as HTML with MathML."""
    formulas = []

    def keep(match):
        display = match[1] is not None
        latex = (match[1] or match[2]).strip()
        formulas.append(convert(latex, display="block" if display else "inline"))
        return _MARK.format(len(formulas) - 1)

    pieces = _CODE.split(source)
    pieces[::2] = [_MATH.sub(keep, piece) for piece in pieces[::2]]
    made = _ANCHOR.sub("", markdown2html("".join(pieces)))
    for number, formula in enumerate(formulas):
        made = made.replace(_MARK.format(number), formula)
    # In a folder of slides, links to other lessons lead to their slides.
    return re.sub(r'href="(\d\d_\w+)\.ipynb"', r'href="\1.html"', made)


def has_formula(source):
    """Whether Markdown holds a formula that stands on a line of its own."""
    return bool(re.search(r"\$\$.+?\$\$", source, re.DOTALL))


def code_html(code):
    """Return Python code as HTML, coloured by `code_css`."""
    return Highlight2HTML(pygments_lexer="python3")(code, language="python")


def code_css():
    """Return the style sheet for `code_html`: colours with a contrast of at least 4.5 to 1."""
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(style="tango").get_style_defs(".highlight")


def stored_notebook(lesson):
    """The lecturer's notebook of a lesson as it is stored, or None."""
    path = lesson_source.LESSONS.parent / making.notebook_file(lesson, making.SOLUTIONS)
    return making.load(path.read_text(encoding="utf-8")) if path.is_file() else None
