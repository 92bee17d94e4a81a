"""The deck of a whole lecture: parts of several lessons, as a plan in TEACHING.md names them.

TEACHING.md says which lessons, for how many minutes, and what to show; which sections that is,
PICKS says here. Where the two or the lessons' headings disagree, LessonError tells it.
"""

import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path

from code_leftovers import only_draws
from lesson_source import LessonError
from slide_parts import Part, Section

TEACHING = Path(__file__).resolve().parent.parent / "TEACHING.md"
LONGEST = 12  # lines of code that a room reads in a lecture; longer code stays in the lesson's deck
_HEADING = re.compile(r"^### (One lecture of \d+ minutes): \"(.+)\"$", re.MULTILINE)
_ROW = re.compile(r"^\| (\d+) \| lesson (\d\d) \| (.+) \|$", re.MULTILINE)
_SUBHEADING = re.compile(r"\A### +(.+)\n*")
_HOMEWORK = re.compile(r"^Homework: (.+)$", re.MULTILINE)
# Of each lesson the sections to show; with words, a section from the paragraph that begins with the
# first words up to the one that begins with the second.
PICKS = {
    "00": [
        ("One photo", "This is the photo.", "To a computer"),
        ("One answer", "**Predict first.**", ""),
        ("One question: where?", "", "The brighter a place"),
    ],
    "02": ["Look at the first layer", ("All channels at once", "The mosaics of", "")],
    "03": [
        ("The sweep by hand", "Now make the sixteen pictures.", "All sixteen go"),
        ("From numbers to a heat map", "", "Now the helper:"),
        ("What goes wrong with occlusion maps", "**Two that stand in for each other.**", ""),
    ],
    "04": [
        ("How the last maps become a score", "Here are the eight maps", ""),
        "A class activation map by hand",
        ("Grad-CAM by hand", "", "With a bare Keras model"),
        "Two methods, one map?",
        "What goes wrong with heat maps: normalised by their own maximum",
    ],
    "06": [
        ("One step by hand", "", "**Is it only noise?**"),
        "How strong must an attack be?",
        ("What is left when the photo is saved?", "With the course network, less than half", ""),
    ],
    "08": [
        "The shortcut detective",
        (
            "The sanity check: a network that has forgotten everything",
            "Guided backprop draws its star",
            "And layer by layer",
        ),
        ("What goes wrong: eight maps, eight bugs", "### Bug 1", "### Bug 2"),
        ("What goes wrong: eight maps, eight bugs", "### Bug 6", "### Bug 7"),
    ],
}


@dataclass
class Plan:
    """A lecture: its title, its rows (minutes, number of a lesson, what to show), its homework."""

    title: str
    rows: list
    homework: str

    @property
    def minutes(self):
        return sum(minutes for minutes, _, _ in self.rows)


def read_plan(text=None):
    """Return the plan of the one lecture in TEACHING.md (or in another text)."""
    text = TEACHING.read_text(encoding="utf-8") if text is None else text
    heading = _HEADING.search(text)
    if not heading:
        raise LessonError("TEACHING.md has no heading '### One lecture of N minutes: \"...\"'.")
    part = re.split(r"(?m)^#{2,3} ", text[heading.end() :])[0]
    rows = [(int(minutes), number, show) for minutes, number, show in _ROW.findall(part)]
    homework = _HOMEWORK.search(part)
    plan = Plan(heading[2], rows, homework[1] if homework else "")
    named = [number for _, number, _ in rows]
    if named != list(PICKS) or str(plan.minutes) not in heading[1]:
        raise LessonError(
            f"The lecture of TEACHING.md has the lessons {named} in {plan.minutes} minutes; "
            f"tools/slide_plans.py has {list(PICKS)}, and the heading says {heading[1]!r}."
        )
    return plan


def lecture_sections(plan, lessons, sections_of):
    """Return [(lesson or None, section), ...] for a plan, in order, with a title for each part.

    sections_of : lesson -> its sections
    """
    table = "\n".join(
        f"| {minutes} min | {_named(n, lessons).title} |" for minutes, n, _ in plan.rows
    )
    found = [(None, Section(plan.title, [Part("prose", f"| | |\n| ---: | --- |\n{table}")]))]
    for minutes, number, show in plan.rows:
        lesson = _named(number, lessons)
        sections = sections_of(lesson)
        notes = [part for part in sections[0].parts if part.kind == "note"]
        opening = Part("prose", f"**{minutes} minutes:** {show}")
        title = Section(f"{number} {lesson.title}", [opening, *notes], opens=True)
        found.append((lesson, title))
        found += [(lesson, picked(sections, pick, number)) for pick in PICKS[number]]
    if plan.homework:
        found.append((None, Section("Homework", [Part("prose", plan.homework)])))
    return found


def _named(number, lessons):
    found = [lesson for lesson in lessons if lesson.number == number]
    if not found:
        raise LessonError(f"TEACHING.md names lesson {number}, which there is not.")
    return found[0]


def picked(sections, pick, number):
    """Return the section, or the part of one, that a pick names, without what is too much."""
    title, first, last = (pick, "", "") if isinstance(pick, str) else pick
    section = next((each for each in sections if each.title == title), None)
    if section is None:
        raise LessonError(
            f"Lesson {number} has no section {title!r}: tools/slide_plans.py names it."
        )
    parts = list(_cut_at([first, last], section.parts))
    start = _place(first, parts, number) if first else 0
    end = _place(last, parts, number) if last else len(parts)
    kept = list(_without_long_code(parts[start:end]))
    heading = _SUBHEADING.match(kept[0].content) if kept else None
    if heading:
        title, rest = heading[1], kept[0].content[heading.end() :]
        kept[0] = replace(kept[0], content=rest)
    return Section(title, [part for part in kept if part.content])


def _cut_at(words, parts):
    """Parts in which each of the words begins a part of prose."""
    marks = "|".join(re.escape(each) for each in words if each)
    for part in parts:
        if part.kind != "prose" or not marks:
            yield part
            continue
        pieces = re.split(f"(?m)^(?={marks})", part.content)
        yield from (replace(part, content=piece.strip()) for piece in pieces if piece.strip())


def _place(words, parts, number):
    for at, part in enumerate(parts):
        if part.kind == "prose" and part.content.startswith(words):
            return at
    raise LessonError(f"Lesson {number} has no paragraph {words!r}: tools/slide_plans.py names it.")


def _without_long_code(parts):
    """Parts without code that only draws, and without long code and the line that it prints."""
    gone = False
    for part in parts:
        if part.kind == "code":
            long = len(part.content.splitlines()) > LONGEST
            gone = long or all(map(_draws, ast.parse(part.content).body))
        one_line = part.kind == "text" and len(part.content.splitlines()) == 1
        if not gone or not (part.kind == "code" or one_line):
            yield part
        gone = gone and part.kind in ("code", "note")


def _draws(node):
    return all(map(_draws, node.body)) if isinstance(node, ast.For) else only_draws(node)
