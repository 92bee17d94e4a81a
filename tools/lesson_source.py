"""Read a lesson (`notebooks/lessons/NN_name.py`, percent format) and split it into cells.

notebooks/lessons/README.md describes the markers. In short: tags and alt texts stand on the
`# %%` line; a solution stands between `# <solution>` and `# </solution>` and is replaced by a
stub in the student's notebook; a check stands between `# <check>` and `# </check>` and runs
after its cell, but never stands on the page.
"""

import ast
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import jupytext

LESSONS = Path(__file__).resolve().parent.parent / "notebooks" / "lessons"
SLIDE_TAGS = ("slide", "subslide", "fragment", "skip", "notes")

_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
_MARK = re.compile(r"^[ \t]*#[ \t]*<(/?(?:solution|check)|stub)>[ \t]*$", re.MULTILINE)
_CHECK = re.compile(r"^[ \t]*# ?<check>\n(.*?)^[ \t]*# ?</check>$\n?", re.MULTILINE | re.DOTALL)
_REGION = re.compile(
    r"^(?P<indent>[ \t]*)# ?<solution>\n(?P<inside>.*?)"
    r"(?:^[ \t]*# ?<stub>\n(?P<stub>.*?))?^[ \t]*# ?</solution>$\n?",
    re.MULTILINE | re.DOTALL,
)
_CALL = re.compile(r"""^(?:\w+\s*=\s*)?check\(\s*["']([^"']+)["']""", re.MULTILINE)


class LessonError(ValueError):
    """A mistake in a lesson's source; the message names the cell and what to do."""


@dataclass
class Cell:
    """A cell of a lesson.

    kind: "code" or "markdown". source: as written, without checks. position: from 0.
    alts: one alt text per figure. check: code to run after the cell, "" for none.
    """

    kind: str
    source: str
    tags: list = field(default_factory=list)
    position: int = 0
    alts: list = field(default_factory=list)
    check: str = ""

    @property
    def is_exercise(self):
        return self.kind == "code" and "solution" in _MARK.findall(self.source)

    @property
    def checks(self):
        """Ids of the exercises that this cell checks."""
        return _CALL.findall(self.source) if self.kind == "code" else []


@dataclass
class Lesson:
    """A lesson: number "01", name "01_layers", its cells in order."""

    name: str
    cells: list
    path: Path

    @property
    def number(self):
        return self.name[:2]

    @property
    def title(self):
        """The heading of level 1 that the first cell starts with; the name where it has none."""
        heading = re.match(r"# +(.+)", self.cells[0].source) if self.cells else None
        return heading[1].strip() if heading else self.name


def read_lesson(path):
    """Read one lesson; `lint_lessons.py` checks its rules."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt=_FORMAT)
    cells = []
    for position, cell in enumerate(notebook.cells):
        where = f"{path.name}, cell {position + 1}"
        source, check = _without_check(cell.source, where)
        alts = cell.metadata.get("alt", [])
        cells.append(
            Cell(
                kind=cell.cell_type,
                source=source,
                tags=list(cell.metadata.get("tags", [])),
                position=position,
                alts=[alts] if isinstance(alts, str) else list(alts),
                check=check,
            )
        )
    cells = [cell for cell in cells if cell.source]
    return Lesson(path.stem, cells, path)


def _without_check(source, where):
    """Split a cell's source: (what stands on the page, its check)."""
    page, check = _CHECK.sub("", source), "".join(_CHECK.findall(source))
    if "check" in " ".join(_MARK.findall(page + check)):
        raise LessonError(f"{where}: '# <check>' and '# </check>' come in pairs.")
    return page.rstrip(), textwrap.dedent(check).strip()


def read_lessons():
    """All lessons, in order."""
    return [read_lesson(path) for path in sorted(LESSONS.glob("[0-9][0-9]_*.py"))]


def solution_source(source, where="exercise"):
    """The cell as the lecturer sees it: marker lines and stub lines taken out."""
    return _replaced(source, where, lambda region, rest: region["inside"])


def shown_solution(source):
    """The solution without its check(...) lines: what solution(id) shows."""
    lines = solution_source(source).splitlines()
    return "\n".join(line for line in lines if not _CALL.match(line)).strip()


def stub_source(source, where="exercise"):
    """The cell as the student gets it: every region replaced by its stub."""

    def stub(region, rest):
        written = re.sub(r"(?m)^([ \t]*)# ?", r"\1", region["stub"] or "")
        return written or _automatic_stub(region, rest, where)

    return _replaced(source, where, stub)


def _replaced(source, where, part):
    """The cell with part(region, source after it) in place of each region, the last one first."""
    marks = " ".join(_MARK.findall(source))
    if not re.fullmatch("(solution (stub )?/solution ?)*", marks):
        raise LessonError(
            f"{where}: '# <solution>' and '# </solution>' come in pairs, none inside another, and "
            "'# <stub>' stands at most once between them."
        )
    for region in reversed([*_REGION.finditer(source)]):
        rest = source[region.end() :]
        source = source[: region.start()] + part(region, rest) + rest
    return source.removesuffix("\n")


def page_text(source):
    """Markdown as it stands on a page: without the marks of numbers that have a source."""
    return re.sub(r"\s*<!-- source -->", "", source).lstrip()


def options(lesson, cell):
    """The options of a choice, {"a": text, ...}, from the exercise's Markdown; {} without any."""
    before = [
        page_text(c.source)
        for c in lesson.cells
        if c.kind == "markdown" and c.position < cell.position
    ]
    text = next((source for source in reversed(before) if "**Exercise" in source), "")
    _, *parts = re.split(r"\(([a-z])\)", text.rpartition("**Exercise")[2])
    letters, texts = parts[::2], [" ".join(part.split("\n\n")[0].split()) for part in parts[1::2]]
    inside = len(letters) > 1 and "".join(letters) in "abcdefgh"
    return dict(zip(letters, texts, strict=True)) if inside else {}


def _automatic_stub(region, rest, where):
    try:
        body = ast.parse(textwrap.dedent(region["inside"])).body
    except SyntaxError as error:
        raise LessonError(f"{where}: the solution is not Python ({error.msg}).") from error
    if any(isinstance(node, ast.Return) for node in _own_nodes(body)):
        return f"{region['indent']}return None  # your code here\n"
    if any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in body):
        raise LessonError(
            f"{where}: put the 'def' line and its docstring above '# <solution>', so that the "
            "student keeps them."
        )
    names = _names_needed(body, rest)
    if not names:
        raise LessonError(
            f"{where}: the solution neither returns nor assigns anything; give the stub after "
            "'# <stub>'."
        )
    return "".join(f"{region['indent']}{name} = None  # your answer\n" for name in names)


def _own_nodes(body):
    """All nodes of the statements, without those of nested functions and classes."""
    queue = list(body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            queue.extend(ast.iter_child_nodes(node))


def _names_needed(body, rest):
    """Names that the region assigns and the rest of the cell uses; else all that it assigns."""
    assigned = [
        (node.lineno, node.col_offset, node.id)
        for node in _own_nodes(body)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    ordered = list(dict.fromkeys(name for _, _, name in sorted(assigned)))
    try:
        after = ast.walk(ast.parse(textwrap.dedent(rest)))
        used = {node.id for node in after if isinstance(node, ast.Name)}
    except SyntaxError:  # the region ends inside an indented block
        used = set(re.findall(r"\w+", rest))
    return [name for name in ordered if name in used] or ordered
