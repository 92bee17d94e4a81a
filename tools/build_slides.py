"""Make the slides of the course from its lessons: a folder that opens from disk, without a network.

    python tools/build_slides.py                  all lessons, into slides/
    python tools/build_slides.py 04 05            these lessons only
    python tools/build_slides.py --lecture        the one lecture that TEACHING.md plans, in a deck
    python tools/build_slides.py --into FOLDER    somewhere else
    python tools/build_slides.py --check          and look for what cannot be read, with Chromium
    python tools/build_slides.py --pictures       and a picture of every slide, made with Chromium

Open slides/index.html in a browser. Arrow keys and space move, S opens the speaker's window with
the teaching notes, F fills the screen, O shows all slides. Needs `pip install -e .[slides]`: the
slides' script is reveal.js as the package pyreveal ships it; formulas become MathML.
"""

import argparse
import html
import importlib.util
import shutil
import sys
from pathlib import Path

import lesson_source
from build_notebooks import chosen
from chromium import Missing

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tools" / "slides"
NEEDED = ("pyreveal", "latex2mathml", "nbconvert", "jupytext", "nbclient", "PIL")
LECTURE = "lecture"  # the name of the deck
ASSETS = {
    "reveal.js": "dist/reveal.js",
    "reveal.css": "dist/reveal.css",
    "reset.css": "dist/reset.css",
    "notes.js": "dist/plugin/notes.js",
    "LICENSE-reveal.txt": "LICENSE",
}


def build(lessons, wanted, folder, lecture=False):
    """Write the decks of the wanted lessons and an index of all there are; return the paths.

    lecture : write the deck of the whole lecture too
    """
    import slide_deck
    import slide_parts

    copy_assets(folder / "assets")
    look = (SOURCES / "course.css").read_text(encoding="utf-8") + slide_parts.code_css()
    (folder / "assets" / "course.css").write_text(look, encoding="utf-8")
    shutil.copyfile(SOURCES / "course.js", folder / "assets" / "course.js")
    made = []
    for lesson in wanted:
        sections = slide_parts.sections(lesson, lessons, slide_parts.stored_notebook(lesson))
        made.append(write(folder / f"{lesson.name}.html", slide_deck.deck_html(lesson, sections)))
    if lecture:
        made.append(write(folder / f"{LECTURE}.html", lecture_html(lessons)))
    there = [lesson for lesson in lessons if (folder / f"{lesson.name}.html").is_file()]
    page = index_html(there, (folder / f"{LECTURE}.html").is_file())
    (folder / "index.html").write_text(page, encoding="utf-8")
    return made


def write(path, deck):
    """Write a deck and say how long it is; return its path."""
    path.write_text(deck, encoding="utf-8")
    slides = deck.count('<div class="page ')
    print(f"{path.name}: {slides} slides, {path.stat().st_size / 1e6:.1f} MB")
    return path


def lecture_html(lessons):
    """The deck of the one lecture that TEACHING.md plans."""
    import slide_deck
    import slide_parts
    import slide_plans

    def sections_of(lesson):
        return slide_parts.sections(lesson, lessons, slide_parts.stored_notebook(lesson))

    plan = slide_plans.read_plan()
    sections = slide_plans.lecture_sections(plan, lessons, sections_of)
    named = [
        (f"{lesson.number} {lesson.title}" if lesson else plan.title, section)
        for lesson, section in sections
    ]
    return slide_deck.page_html(plan.title, named)


def lessons_of_lecture(lessons):
    """The lessons that the lecture shows."""
    import slide_plans

    named = [number for _, number, _ in slide_plans.read_plan().rows]
    return [lesson for lesson in lessons if lesson.number in named]


def warn_of_stale(wanted, lessons):
    """Say of which lessons the outputs are left out, their code being changed since; return them.

    A deck or handout without its figures is no good one: each counts as a fault.
    """
    import slide_parts

    stale = [
        lesson
        for lesson in wanted
        if slide_parts.is_stale(lesson, lessons, slide_parts.stored_notebook(lesson))
    ]
    for lesson in stale:
        print(
            f"Lesson {lesson.number} was changed after its notebook had run, so its figures are "
            f"missing here. Run: python tools/build_notebooks.py {lesson.number}",
            file=sys.stderr,
        )
    return stale


def find_faults(paths, stale=()):
    """Print what is wrong with the slides of some decks; return how many faults there are.

    stale : lessons whose figures are missing from them, a fault each
    """
    from slide_pictures import check, faults

    found = len(stale)
    for path in paths:
        for number, slide in enumerate(check(path), start=1):
            for fault in faults(slide):
                print(f"{path.name}, slide {number}, {slide['title']!r}: {fault}", file=sys.stderr)
                found += 1
    without = f", {len(stale)} of them for want of figures" if stale else ""
    noun, decks = "fault" + "s" * (found != 1), "deck" + "s" * (len(paths) != 1)
    print(f"{found} {noun} in {len(paths)} {decks}{without}")
    return found


def copy_assets(folder):
    """Copy reveal.js from the package that ships it."""
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(importlib.util.find_spec("pyreveal").origin).parent / "revealjs"
    for name, place in ASSETS.items():
        if not (package / place).is_file():
            raise Missing(f"The installed pyreveal has no {place}; install pyreveal 1.0 again.")
        shutil.copyfile(package / place, folder / name)


def index_html(lessons, lecture=False):
    """A page with a link to every deck."""
    whole = f'<p><a href="{LECTURE}.html">One lecture of 90 minutes</a></p>\n' if lecture else ""
    links = "\n".join(
        f'<li><a href="{lesson.name}.html">{html.escape(lesson.title)}</a></li>'
        for lesson in lessons
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Slides</title>\n'
        "<style>body{font:22px/1.6 sans-serif;margin:3em auto;max-width:44em;padding:0 1em}"
        "</style></head>\n<body><h1>What does a convolutional network see?</h1>\n"
        f'{whole}<ol start="{int(lessons[0].number) if lessons else 0}">\n{links}\n</ol>\n'
        "<p>S opens the speaker's window, F fills the screen, O shows all slides.</p>\n"
        "</body></html>\n"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers, such as 04; all when none is given")
    parser.add_argument("--lecture", action="store_true", help="a deck for the lecture too")
    parser.add_argument("--into", type=Path, default=ROOT / "slides", metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="look at each slide, by Chromium")
    parser.add_argument("--pictures", action="store_true", help="PNG of each slide, by Chromium")
    options = parser.parse_args(arguments)
    try:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise Missing(f"Not installed: {', '.join(missing)}. Run: pip install -e .[slides]")
        lessons = lesson_source.read_lessons()
        only = options.lecture and not options.lessons
        wanted = [] if only else chosen(lessons, options.lessons)
        made = build(lessons, wanted, options.into, options.lecture)
        print(f"open {options.into / 'index.html'}")
        shown = [*wanted, *(lessons_of_lecture(lessons) if options.lecture else ())]
        stale = warn_of_stale([each for each in lessons if each in shown], lessons)
        if options.pictures:
            from slide_pictures import take_pictures

            for path in made:
                take_pictures(path)
        if options.check and find_faults(made, stale):
            return 1
    except (Missing, lesson_source.LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
