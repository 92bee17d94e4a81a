"""Make a handout of figures and formulas for each lesson: HTML to print, or PDF.

    python tools/build_handouts.py                all lessons, into handouts/
    python tools/build_handouts.py 04 --pdf       lesson 04, as PDF too (needs Chromium)
    python tools/build_handouts.py --into FOLDER  somewhere else

A handout is one page that opens from disk without a network. Needs `pip install -e .[slides]`.
"""

import argparse
import html
import importlib.util
import json
import re
import sys
from pathlib import Path

import lesson_source
from build_notebooks import chosen
from chromium import Missing, run_chromium

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("latex2mathml", "nbconvert", "jupytext", "nbclient")
LEFT_OUT = {"Further reading", "Next lesson", "Your turn"}
STYLE = """
@page { size: A4; margin: 16mm 15mm; }
body { font: 11pt/1.42 "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #111;
  max-width: 46em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 19pt; line-height: 1.2; color: #0b3d63; }
h2 { font-size: 13pt; margin: 1.4em 0 .3em; color: #0b3d63; break-after: avoid; }
figure { margin: .6em 0 1em; break-inside: avoid; }
figure img { max-width: 100%; max-height: 95mm; object-fit: contain; display: block; margin: auto; }
figcaption { font-size: 9.5pt; color: #333; }
.formula { break-inside: avoid; margin: .4em 0; }
.exercise { break-inside: avoid; padding-bottom: 2.2em; border-bottom: 1px dotted #999; }
code { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .9em; }
footer { margin-top: 2em; font-size: 9pt; color: #555; }
@media print { body { margin: 0; max-width: none; } a { color: inherit; text-decoration: none; }
  footer { display: none; } }
"""
FOOT = """@page {{ @bottom-left {{ content: {lesson}; font: 8pt sans-serif; color: #555; }}
  @bottom-right {{ content: counter(page); font: 8pt sans-serif; color: #555; }} }}
"""


def handout_html(lesson, sections):
    """Return a lesson's handout: what it is about, formulas, figures with captions, exercises."""
    body, number = [], 0
    for section in sections:
        if section.title in LEFT_OUT:
            continue
        made = []
        for part in section.parts:
            if part.kind == "figure" and "<img" in part.content:
                number += 1
                made.append(_figure_html(part, number))
            elif part.kind == "prose" and (made == [] or section is not sections[0]):
                made += _prose_html(part.content, section, opening=section is sections[0])
        if made:
            level = "h1" if section is sections[0] else "h2"
            body.append(f"<{level}>{_inline(section.title)}</{level}>")
            body += made
    title = html.escape(f"{lesson.number} {lesson.title}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}{FOOT.format(lesson=json.dumps(f'{lesson.number} {lesson.title}'))}</style>"
        "</head>\n<body>\n" + "\n".join(body) + "\n"
        f"<footer>Lesson {title}. The notebook has the code, the solutions' checks and more."
        "</footer>\n</body></html>\n"
    )


def _figure_html(part, number):
    import slide_parts

    image = re.search(r"<img[^>]*>", part.content)[0]
    image = re.sub(r' (?:width|height|style)="[^"]*"', "", image)
    caption = html.escape(slide_parts.alt_text(part))
    return f"<figure>{image}<figcaption><b>Figure {number}.</b> {caption}</figcaption></figure>"


def _prose_html(source, section, opening):
    """The paragraphs of a Markdown cell that belong on paper."""
    import slide_parts

    if opening or section.title == "Take-away":
        return [slide_parts.markdown_html(source)]
    if section.is_exercises:
        return [f'<div class="exercise">{slide_parts.markdown_html(source)}</div>']
    blocks = re.split(r"\n\s*\n", source)
    wanted = set()
    for at, block in enumerate(blocks):
        if slide_parts.has_formula(block):  # with what leads to it and what names its symbols
            wanted |= {at - 1, at, at + 1}
    made = []
    for at, block in enumerate(blocks):
        if at in wanted and at - 1 in wanted:
            made[-1] += f"\n\n{block}"  # a formula stays on a page with the words around it
        elif at in wanted:
            made.append(block)
    return [f'<div class="formula">{slide_parts.markdown_html(each)}</div>' for each in made]


def _inline(text):
    import slide_parts

    return re.sub(r"^<p>|</p>$", "", slide_parts.markdown_html(text).strip())


def write_pdf(path):
    """Print a handout with Chromium; return the path of the PDF."""
    pdf = path.with_suffix(".pdf")
    run_chromium(["--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri()])
    return pdf


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers, such as 04; all when none is given")
    parser.add_argument("--into", type=Path, default=ROOT / "handouts", metavar="FOLDER")
    parser.add_argument("--pdf", action="store_true", help="as PDF too, by Chromium")
    options = parser.parse_args(arguments)
    try:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise Missing(f"Not installed: {', '.join(missing)}. Run: pip install -e .[slides]")
        import slide_parts
        from build_slides import warn_of_stale

        lessons = lesson_source.read_lessons()
        options.into.mkdir(parents=True, exist_ok=True)
        wanted = chosen(lessons, options.lessons)
        for lesson in wanted:
            sections = slide_parts.sections(lesson, lessons, slide_parts.stored_notebook(lesson))
            path = (options.into / f"{lesson.name}.html").resolve()
            path.write_text(handout_html(lesson, sections), encoding="utf-8")
            print(write_pdf(path) if options.pdf else path)
        warn_of_stale(wanted, lessons)
    except (Missing, lesson_source.LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
