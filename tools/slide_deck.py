"""How parts become slides of 1280 x 720: what stands together, and the page around it.

Every slide has a heading and a column of blocks. A script shrinks the writing of a
slide that would run over its edge (slides/course.js); the estimates below keep that rare. Sizes in
pixels are those of slides/course.css.
"""

import base64
import html
import io
import json
import math
import re
from dataclasses import dataclass, field

from PIL import Image
from slide_parts import Part, Section, code_html, markdown_html

WIDTH, HEIGHT = 1280, 720
ROOM = 590  # pixels of height below a heading
PROSE, CODE, TEXT = 26, 19, 19  # pixels
_PROSE_LINE, _CODE_LINE, _TEXT_LINE = 37, 26, 25
_PROSE_WIDTH = 92  # characters in a line
ONE_LINE = 60  # pixels of a paragraph of one line
WRAPPED = 105  # characters: longer lines of printed text are broken
_IMAGE = re.compile(r'src="data:image/\w+;base64,([^"]+)"')
SMALLEST_FIGURE = 260
LEGIBLE = 0.72  # of its own size: a figure's writing has 18 pixels there
_SUBHEADING = re.compile(r"\A### +(.+)\n*")
_ATTRIBUTES = re.compile(r' (?:width|height|style)="[^"]*"')


@dataclass
class Slide:
    """A slide: heading, parts from top to bottom, notes for the speaker (Markdown)."""

    title: str
    parts: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    first: bool = False  # of its section


def slides_of(section):
    """Cut a section into slides; its notes go with the slide they follow."""
    slides = [Slide(section.title, first=True)]
    left = ROOM
    parts = list(_split(section.parts))
    for at, part in enumerate(parts):
        if part.kind == "note":
            slides[-1].notes.append(part.content)
            continue
        heading = _SUBHEADING.match(part.content) if part.kind == "prose" else None
        if heading or (slides[-1].parts and _needs_a_new_slide(parts[at:], slides[-1], left)):
            slides.append(Slide(heading[1] if heading else slides[-1].title))
            left = ROOM
        if heading:
            part = Part("prose", part.content[heading.end() :])
        if part.content:
            slides[-1].parts.append(part)
            left -= height_of(part)
    return [slide for slide in slides if slide.parts or slide.first]


def _needs_a_new_slide(coming, slide, left):
    """Whether the first of the coming parts has no place on a slide with `left` free pixels."""
    part, last = coming[0], slide.parts[-1].kind
    if part.kind == "prose" and _introduces(coming[1:]):
        return True
    if part.kind == "text" and last == "code" and len(part.content.splitlines()) <= 4:
        return False  # what code prints stays with it
    if part.kind == "prose" and last == "figure" and height_of(part) <= ONE_LINE:
        return False  # "What is wrong?" makes no slide
    if part.kind == "code" and {each.kind for each in slide.parts} == {"prose"}:
        left += 0.12 * ROOM  # written a little smaller, what belongs together stays together
    least = least_height_of(part)
    if [each.kind for each in coming[:2]] == ["figure", "figure"] and last != "figure":
        both = least + least_height_of(coming[1])
        least = both if both <= ROOM else least  # two figures are there to be compared
    return least > left + _slack(slide)


def _introduces(following):
    """Whether prose leads to what follows, rather than closes what stands above it."""
    kinds = [part.kind for part in following if part.kind != "note"]
    return bool(kinds) and kinds[0] != "prose"


def _slack(slide):
    """How many pixels the figures of a slide can give way."""
    figures = [part for part in slide.parts if part.kind == "figure"]
    return 0.9 * sum(height_of(part) - least_height_of(part) for part in figures)


def least_height_of(part):
    """Estimate how many pixels a part needs at least: a figure may shrink while it can be read."""
    if part.kind != "figure":
        return height_of(part)
    return min(height_of(part), max(SMALLEST_FIGURE, LEGIBLE * figure_size(part)[1]))


def height_of(part):
    """Estimate how many pixels high a part is on its slide."""
    if part.kind == "prose":
        return sum(map(_height_of_block, re.split(r"\n\s*\n", part.content)))
    if part.kind == "figure":
        width, height = figure_size(part)
        return min(height * 1.3, height * 1180 / width, ROOM)
    line = _CODE_LINE if part.kind == "code" else _TEXT_LINE
    return line * len(part.content.splitlines()) + 34


def figure_size(part):
    """Return (width, height) in pixels of the picture in a figure; a guess where there is none."""
    found = _IMAGE.search(part.content)
    if not found:
        return 900, 260
    return Image.open(io.BytesIO(base64.b64decode(found[1]))).size


def _height_of_block(block):
    if "$$" in block:
        return 90 * block.count("$$") // 2 + 20
    lines = block.splitlines()
    if lines and lines[0].lstrip().startswith(("-", "|", "1.")):
        return sum(_PROSE_LINE * math.ceil(len(x) / _PROSE_WIDTH) for x in lines) + 16
    return _PROSE_LINE * math.ceil(len(" ".join(lines)) / _PROSE_WIDTH) + 18


def _split(parts):
    """Parts in which nothing is too high for one slide: long prose and code are cut.

    Prose is also cut before each subheading, which becomes a slide's title.
    """
    for part in _at_subheadings(parts):
        if part.kind == "prose" and height_of(part) > ROOM:
            yield from _split_blocks(part, re.split(r"\n\s*\n", part.content), "\n\n")
        elif part.kind == "code" and height_of(part) > ROOM:
            yield from _split_blocks(part, _statements(part.content), "\n")
        elif part.kind == "text" and height_of(part) > ROOM:
            lines, most = part.content.splitlines(), ROOM // _TEXT_LINE - 2
            for start in range(0, len(lines), most):
                yield Part("text", "\n".join(lines[start : start + most]))
        else:
            yield part


def _at_subheadings(parts):
    for part in parts:
        if part.kind != "prose":
            yield part
            continue
        pieces = re.split(r"(?m)^(?=### )", part.content)
        yield from (Part("prose", piece.strip("\n")) for piece in pieces if piece.strip())


def _split_blocks(part, blocks, glue):
    """Cut into as few pieces as fit, about equally high."""
    total = sum(height_of(Part(part.kind, block)) for block in blocks)
    aim = total / math.ceil(total / ROOM) * 1.02
    piece = []
    for block in blocks:
        if piece and height_of(Part(part.kind, glue.join([*piece, block]))) > aim:
            yield Part(part.kind, glue.join(piece))
            piece = []
        piece.append(block)
    yield Part(part.kind, glue.join(piece))


def _statements(code):
    """Code cut before each line that begins a statement at the left margin."""
    return re.split(r"\n(?=[^\s)\]}])", code)


# --- HTML ----------------------------------------------------------------------------------------


def part_html(part):
    """Return one part as HTML."""
    if part.kind == "prose":
        return f'<div class="prose">{markdown_html(part.content)}</div>'
    if part.kind == "code":
        return f'<div class="code">{code_html(part.content)}</div>'
    if part.kind == "text":
        longest = max(map(len, part.content.splitlines()), default=0)
        look = "text wrapped" if longest > WRAPPED else "text"
        return f'<pre class="{look}">{html.escape(part.content)}</pre>'
    return f'<div class="figure">{_figure(part.content)}</div>'


def _figure(content):
    """A figure without its own size: the slide gives it as much as there is."""
    return re.sub(r"<img[^>]*>", lambda image: _ATTRIBUTES.sub("", image[0]), content)


def slide_html(slide, lesson, opening=False):
    """Return one slide as a reveal.js section."""
    level = "h1" if opening else "h2"
    parts = "\n".join(map(part_html, slide.parts))
    notes = "\n".join(map(markdown_html, slide.notes))
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    look = "page opening" if opening else "page"
    title = markdown_html(slide.title).strip()
    title = re.sub(r"^<p>|</p>$", "", title)
    return (
        f'<section><div class="{look}"><{level}>{title}</{level}>\n{parts}\n</div>'
        f'<div class="foot">{html.escape(lesson)}</div>{aside}</section>'
    )


def deck_html(lesson, sections):
    """Return a whole deck: a page that opens from disk and asks no network for anything."""
    columns = []
    for number, section in enumerate(_with_the_end_together(sections)):
        made = [
            slide_html(slide, f"{lesson.number} {lesson.title}", opening=number + at == 0)
            for at, slide in enumerate(slides_of(section))
        ]
        columns.append("<section>\n" + "\n".join(made) + "\n</section>")
    return _PAGE.format(
        title=html.escape(f"{lesson.number} {lesson.title}"),
        slides="\n".join(columns),
        options=json.dumps(OPTIONS),
    )


def _with_the_end_together(sections):
    """Sections with the line on the next lesson below the further reading, on one slide."""
    *others, last = sections
    if not others or last.title != "Next lesson" or others[-1].title != "Further reading":
        return sections
    heading = Part("prose", f"**{last.title}**")
    return [*others[:-1], Section(others[-1].title, [*others[-1].parts, heading, *last.parts])]


OPTIONS = {
    "width": WIDTH,
    "height": HEIGHT,
    "margin": 0,
    "center": False,
    "hash": True,
    "controls": False,
    "progress": True,
    "slideNumber": "c/t",
    "transition": "none",
    "backgroundTransition": "none",
    "navigationMode": "linear",
    "pdfSeparateFragments": False,
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="assets/reset.css">
<link rel="stylesheet" href="assets/reveal.css">
<link rel="stylesheet" href="assets/course.css">
</head>
<body>
<div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="assets/reveal.js"></script>
<script src="assets/notes.js"></script>
<script src="assets/course.js"></script>
<script>startDeck({options});</script>
</body>
</html>
"""
