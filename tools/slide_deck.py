"""How parts become slides of 1280 x 720: what stands together, and the page around it.

Every slide has a heading and a column of blocks. A script shrinks the writing of a
slide that would run over its edge (slides/course.js); the estimates below keep that rare. Sizes in
pixels are those of slides/course.css.
"""

import html
import json
import math
import re
from dataclasses import dataclass, field, replace

from slide_figures import (
    COMFORTABLE,
    READABLE,
    cut,
    figure_size,
    least_scale,
    picture_of,
    writing_of,
)
from slide_parts import Part, Section, code_html, markdown_html

WIDTH, HEIGHT = 1280, 720
ROOM, ACROSS = 590, 1180  # pixels below a heading
TALL = 706  # pixels of height for a figure that needs the whole slide
BESIDE = 300  # pixels, at least, for what stands beside a figure
GAP = 30
PROSE, CODE, TEXT = 26, 19, 19  # pixels
_PROSE_LINE, _CODE_LINE, _TEXT_LINE = 37, 26, 25
_PROSE_WIDTH = 92  # characters in a line
WRAPPED = 105  # characters: longer lines of printed text are broken
_SUBHEADING = re.compile(r"\A### +(.+)\n*")
_ATTRIBUTES = re.compile(r' (?:width|height|style)="[^"]*"')
_SENTENCE = re.compile(r"(?<=[.?!)])\s+(?=[A-Z*`\"])")
_QUESTION = re.compile(r"""\*\*Predict|\?["*)]*\s*\Z""")


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
    parts = list(_split(_with_roles(section)))
    for at, part in enumerate(parts):
        if part.kind == "note":
            slides[-1].notes.append(part.content)
            continue
        heading = _SUBHEADING.match(part.content) if part.kind == "prose" else None
        if heading or (slides[-1].parts and _needs_a_new_slide(parts[at:], slides[-1].parts)):
            slides.append(Slide(heading[1] if heading else slides[-1].title))
        if heading:
            part = replace(part, content=part.content[heading.end() :])
        if part.content:
            slides[-1].parts.append(part)
    return [slide for slide in slides if slide.parts or slide.first]


def _with_roles(section):
    """The parts of a section; of prose it is known whether it asks or closes.

    Prose between a figure and more code closes with its first paragraphs what stands above, and
    leads with its last to what follows, or with a last sentence that ends with a colon. A question
    stands apart from the paragraphs before it.
    """
    parts = _at_subheadings(section.parts)
    shown = [part for part in parts if part.kind != "note"]
    for part in parts:
        if part.kind != "prose" or section.is_exercises:
            yield part
            continue
        at = next(n for n, each in enumerate(shown) if each is part)
        above = shown[at - 1].kind if at else ""
        below = shown[at + 1].kind if at + 1 < len(shown) else ""
        *before, last = re.split(r"\n\s*\n", part.content)
        role = "asks" if below in ("code", "figure") and _QUESTION.search(last) else ""
        if above == "figure" and not (before or role) and last.endswith(":"):
            *before, last = _SENTENCE.split(last)
            before = [" ".join(before)] if before else []
        if above not in ("figure", "text") or part.content.startswith("### "):
            yield replace(part, role=role)
        elif below in ("", "prose", "text"):
            yield replace(part, role="closes")
        elif before and "$$" not in part.content and (above == "figure" or role):
            yield replace(part, content="\n\n".join(before), role="closes")
            yield replace(part, content=last, role=role)
        else:
            yield replace(part, role=role)


def _needs_a_new_slide(coming, there):
    """Whether the first of the coming parts has no place on a slide with the parts `there`."""
    part, *following = [each for each in coming if each.kind != "note"]
    last = there[-1]
    if last.role == "asks":
        return True  # the room answers before the output does
    if part.kind == "text" and last.kind == "code" and len(part.content.splitlines()) <= 4:
        return False  # what code prints stays with it
    if part.kind == "prose":
        stays = part.role == "closes" or (part.role == "asks" and last.kind == "figure")
        leads = bool(following) and following[0].kind != "prose"
        return (leads and not stays) or not layout_of([*there, part])
    return not layout_of([*there, *_group(part, following)])


def _group(part, following):
    """A part with what should stand on the same slide: figures to compare, words that read them."""
    run = [part]
    for each in following:
        if part.kind != "figure" or not (each.kind in ("figure", "text") or each.role):
            break
        run.append(each)
    return next((run[:n] for n in range(len(run), 1, -1) if layout_of(run[:n])), [part])


# --- sizes ---------------------------------------------------------------------------------------


def layout_of(parts):
    """How parts stand on one slide: "column", "side", "tall", or "" where they do not fit.

    In a column, one below the other; or words at the side of one figure, below the heading ("side")
    or with the heading among them ("tall"). Where it can be read, a figure stands as large as it
    may.
    """
    pictures = [part for part in parts if part.kind == "figure" and picture_of(part)]
    if len(pictures) != 1:
        return "column" if _fits_column(parts) else ""
    (figure,) = pictures
    words = [part for part in parts if part is not figure]
    sizes = {"column": _scale_in_column(figure, words)}
    if all(part.kind == "prose" for part in words) and words:
        sizes["side"] = _scale_beside(figure, words, ROOM)
    least = least_scale(figure, _writing_in(parts))
    if all(part.kind == "prose" for part in words) and max(sizes.values()) < least:
        sizes["tall"] = _scale_beside(figure, words, TALL)
    sizes = {layout: scale for layout, scale in sizes.items() if scale >= least}
    return max(
        sizes, key=lambda layout: sizes[layout] * (1.1 if layout == "column" else 1), default=""
    )


def _fits_column(parts):
    room = ROOM
    if {part.kind for part in parts} == {"prose", "code"}:
        room *= 1.12  # written a little smaller, what belongs together stays together
    least = sum(least_height_of(part, _writing_in(parts)) for part in parts)
    return len(parts) == 1 or least <= room


def _writing_in(parts):
    """How many pixels the writing in the figures among some parts should have at least."""
    return COMFORTABLE if any(part.kind == "code" for part in parts) else READABLE


def _scale_in_column(figure, words):
    width, height = figure_size(figure)
    return min((ROOM - sum(map(height_of, words))) / height, ACROSS / width)


def _scale_beside(figure, words, room):
    """How large a figure can stand with words at its right, as a share of its own size."""
    width, height = figure_size(figure)
    scale = min(room / height, (ACROSS - GAP - BESIDE) / width)
    narrow = (ACROSS - GAP - width * scale) / ACROSS
    written = sum(height_of(part, narrow) for part in words) + (90 if room == TALL else 0)
    return scale if written <= ROOM else 0


def least_height_of(part, writing=READABLE):
    """Estimate how many pixels a part needs at least: a figure may shrink while it can be read."""
    if part.kind != "figure" or not picture_of(part):
        return height_of(part)
    return min(height_of(part), least_scale(part, writing) * figure_size(part)[1])


def height_of(part, share=1):
    """Estimate how many pixels high a part is on its slide, on a share of its width."""
    if part.kind == "prose":
        blocks = re.split(r"\n\s*\n", part.content)
        return sum(_height_of_block(block, _PROSE_WIDTH * share) for block in blocks)
    if part.kind == "figure":
        if not picture_of(part):
            return 38 * part.content.count("<tr") + 20
        width, height = figure_size(part)
        return min(height * 1.3, height * ACROSS / width, ROOM)
    line = _CODE_LINE if part.kind == "code" else _TEXT_LINE
    return line * len(part.content.splitlines()) + 34


def _height_of_block(block, wide):
    """The height of a paragraph, list, table or formula with `wide` characters in a line."""
    if "$$" in block:
        return 90 * block.count("$$") // 2 + 20
    lines = block.splitlines()
    if lines and lines[0].lstrip().startswith(("-", "|", "1.")):
        return sum(_PROSE_LINE * math.ceil(len(x) / wide) for x in lines) + 16
    return _PROSE_LINE * math.ceil(len(" ".join(lines)) / wide) + 18


def _split(parts):
    """Parts in which nothing is too high for one slide: prose, code, text and figures are cut."""
    for part in parts:
        if part.kind == "prose" and height_of(part) > ROOM:
            yield from _split_blocks(part, re.split(r"\n\s*\n", part.content), "\n\n")
        elif part.kind == "code" and height_of(part) > ROOM:
            yield from _split_blocks(part, _statements(part.content), "\n")
        elif part.kind == "text" and height_of(part) > ROOM:
            lines, most = part.content.splitlines(), ROOM // _TEXT_LINE - 2
            for start in range(0, len(lines), most):
                yield Part("text", "\n".join(lines[start : start + most]))
        elif part.kind == "figure" and picture_of(part) and not layout_of([part]):
            yield from cut(part)
        else:
            yield part


def _at_subheadings(parts):
    """Parts with prose cut before each subheading, which becomes a slide's title."""
    found = []
    for part in parts:
        if part.kind == "prose":
            pieces = re.split(r"(?m)^(?=### )", part.content)
            found += [Part("prose", piece.strip("\n")) for piece in pieces if piece.strip()]
        else:
            found.append(part)
    return found


def _split_blocks(part, blocks, glue):
    """Cut into as few pieces as fit, about equally high."""
    total = sum(height_of(Part(part.kind, block)) for block in blocks)
    aim = total / math.ceil(total / ROOM) * 1.02
    piece = []
    for block in blocks:
        if piece and height_of(Part(part.kind, glue.join([*piece, block]))) > aim:
            yield replace(part, content=glue.join(piece), role="")
            piece = []
        piece.append(block)
    yield replace(part, content=glue.join(piece))


def _statements(code):
    """Code cut before each line that begins a statement at the left margin."""
    return re.split(r"\n(?=[^\s)\]}])(?!(?:else|elif|except|finally)\b)", code)


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
    share = f' style="flex-grow:{figure_size(part)[1]}"' if picture_of(part) else ""
    return f'<div class="figure"{share}>{_figure(part)}</div>'


def _figure(part):
    """A figure without its own size: the slide gives it as much as there is."""
    writing = f'<img data-writing="{writing_of(part):.1f}"'
    bare = re.sub(r"<img[^>]*>", lambda image: _ATTRIBUTES.sub("", image[0]), part.content)
    return bare.replace("<img", writing)


def slide_html(slide, lesson, opening=False):
    """Return one slide as a reveal.js section."""
    level = "h1" if opening else "h2"
    title = re.sub(r"^<p>|</p>$", "", markdown_html(slide.title).strip())
    heading = f"<{level}>{title}</{level}>"
    layout = layout_of(slide.parts) if slide.parts and not opening else "column"
    if layout in ("side", "tall"):
        body = _beside(slide, heading if layout == "tall" else "", layout)
        body = body if layout == "tall" else f"{heading}\n{body}"
    else:
        body = "\n".join([heading, *map(part_html, slide.parts)])
    notes = "\n".join(map(markdown_html, slide.notes))
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    asks = [part.role for part in slide.parts] == ["asks"]
    look = "opening" if opening else "question" if asks else layout
    return (
        f'<section><div class="page {look}">{body}\n</div>'
        f'<div class="foot">{html.escape(lesson)}</div>{aside}</section>'
    )


def _beside(slide, heading, layout):
    """A figure at the left, words at its right."""
    figure = next(part for part in slide.parts if part.kind == "figure")
    words = [part for part in slide.parts if part is not figure]
    scale = _scale_beside(figure, words, TALL if layout == "tall" else ROOM)
    width, height = (round(side * scale) for side in figure_size(figure))
    size = f'style="width:{width}px;height:{height}px"'
    picture = f'<div class="figure" {size}>{_figure(figure)}</div>'
    said = "\n".join([heading, *map(part_html, words)])
    return f'<div class="beside">{picture}<div class="words">{said}</div></div>'


def deck_html(lesson, sections):
    """Return the deck of a lesson: a page that opens from disk and asks no network for anything."""
    name = f"{lesson.number} {lesson.title}"
    return page_html(name, [(name, section) for section in _with_the_end_together(sections)])


def page_html(title, sections):
    """Return a deck of sections, each given as (what stands at the foot of its slides, section)."""
    columns = []
    for number, (foot, section) in enumerate(sections):
        made = [
            slide_html(slide, foot, opening=at == 0 and (number == 0 or section.opens))
            for at, slide in enumerate(slides_of(section))
        ]
        columns.append("<section>\n" + "\n".join(made) + "\n</section>")
    return _PAGE.format(
        title=html.escape(title), slides="\n".join(columns), options=json.dumps(OPTIONS)
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
