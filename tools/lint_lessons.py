"""Rules of lessons, of a student's page and of built notebooks (notebooks/lessons/README.md).

A rule of a lesson takes (lesson, lessons), one of a page (lesson, the student's notebook with its
stored outputs), one of a notebook the notebook; each yields a sentence for all that breaks it.
"""

import ast
import html
import re
from itertools import accumulate
from statistics import median_high

import lesson_source
import notebook_making as making
from notebook_running import WIDGET_TEXT

MIN_EXERCISES = 4  # in a lesson from 01 on
MAX_CELLS, MAX_MEDIAN, MAX_LINES, MAX_IMPORT_LINES, MAX_NAMES = 45, 7, 20, 14, 10
WORDS_A_MINUTE, LINES_A_MINUTE, FIGURES_A_MINUTE, PREDICTION = 200, 25, 3, 1
EXERCISE_MINUTES = {"function": 6, "value": 4, "custom": 4, "choice": 1.5}

_PARTS = ("**You will do:**", "**You will learn:**", "**You need:**", "**Time:**")
_PARTS += ("## Take-away", "## Further reading", "## Next lesson")
_TAGS = {"teaching-note", "exercise-setup", "jet", *lesson_source.SLIDE_TAGS}
_PATH = r"(?<![\w:/.])(?:/(?:home|Users|root|tmp|work|opt|mnt|content)/\w|[A-Z]:\\\w)"
_MAP = r"""["'](jet|rainbow|gist_rainbow|nipy_spectral|hsv)(_r)?["']"""
_FORBIDDEN = (  # in texts of a kind, this pattern, which is this
    ("code output", _PATH, "an absolute path"),
    ("code", r"(?m)^\s*(#\s?)?[!%]\w+", "a shell or magic command"),
    ("code", _MAP, "a map that is not perceptual"),
    ("markdown", r"!\[\s*\]\(", "a picture without alt text"),
    ("output", r"<.{0,80}? at 0x[0-9a-f]{6,}", "the address of an object"),
)


def lint_lesson(lesson, lessons):
    """Sentences on everything in a lesson's source that breaks a rule."""
    return _told(lesson, LESSON_RULES, lessons)


def lint_page(lesson, notebook):
    """Sentences on everything in the student's notebook, with outputs, that breaks a page rule."""
    return _told(lesson, PAGE_RULES, notebook)


def _told(lesson, rules, more):
    return [f"{lesson.path.name}: {told}" for rule in rules for told in rule(lesson, more)]


def lint_notebook(notebook):
    """Sentences on everything in a built notebook that breaks a rule."""
    return [told for rule in NOTEBOOK_RULES for told in rule(notebook)]


# ---- cells and texts


def where(cell):
    first = next(iter(cell.source.splitlines()), "")
    return f"cell {cell.position + 1} ({first[:50]})"


def starting(lesson, words):
    """The Markdown cells that start with a heading of these words."""
    heading = re.compile(rf"##+ {re.escape(words)}", re.IGNORECASE)
    return [c for c in lesson.cells if c.kind == "markdown" and heading.match(c.source)]


def code_of(lesson):
    return [cell for cell in lesson.cells if cell.kind == "code"]


def shown(lesson):
    """The cells that a student sees."""
    return [cell for cell in lesson.cells if "teaching-note" not in cell.tags]


def page_code(lesson):
    """[(cell, source as the student gets it)] of the code cells."""
    return [(c, lesson_source.stub_source(c.source, where(c))) for c in code_of(lesson)]


def code_cells(notebook):
    return [cell for cell in notebook.get("cells", []) if cell["cell_type"] == "code"]


def texts(output):
    """All texts of an output; of HTML its words and `<img>`, without pixels and other tags."""
    yield "".join(output.get("text", ""))
    for kind, value in output.get("data", {}).items():
        text = "".join(value) if kind.startswith("text/") else ""
        if kind == "text/html":
            text = re.sub(r"<img\b[^>]*>", "<img>", text)
            text = html.unescape(re.sub(r"</?(?!img\b)[a-z][^<>]*>|<!--.*?-->", " ", text))
        yield text


def texts_of(cell):
    return [text for output in cell["outputs"] for text in texts(output)]


def _is_exercise(cell):
    return "exercise" in cell["metadata"].get("tags", [])


def forbidden(kind, text):
    """Sentences on what must not stand in a text of a kind ("code", "markdown", "output")."""
    for kinds, pattern, what in _FORBIDDEN:
        if kind in kinds and (match := re.search(pattern, text)):
            yield f"has {what} ({match[0].strip()[:60]})."


# ---- the lesson's source


def parts_are_complete(lesson, lessons):
    prose = "\n".join(cell.source for cell in lesson.cells if cell.kind == "markdown")
    for part in _PARTS:
        if prose.count(part) != 1:
            yield f"'{part}' stands {prose.count(part)} times; it must stand once."
    for cell in starting(lesson, "Take-away"):
        if len(re.findall(r"^\d\. ", cell.source, re.MULTILINE)) != 3:
            yield "the take-away must have three numbered sentences (1. 2. 3.)."
    if shown(lesson)[-1] not in starting(lesson, "Next lesson"):
        yield "the last cell must be '## Next lesson'."
    notes = [cell for cell in lesson.cells if "teaching-note" in cell.tags]
    if len(notes) < 3 or not any(re.search(r"\d+ min", cell.source) for cell in notes):
        yield f"{len(notes)} teaching notes; write at least three, one with '10 min'."


def cells_are_sound(lesson, lessons):
    known = {f"{each.name}.ipynb" for each in lessons}
    for cell in lesson.cells:
        for tag in set(cell.tags) - _TAGS:
            yield f"{where(cell)} has the unknown tag '{tag}'. Known: {', '.join(sorted(_TAGS))}."
        if "teaching-note" in cell.tags and cell.kind != "markdown":
            yield f"{where(cell)}: a teaching note is Markdown."
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)", cell.source):
            if target not in known:
                yield f"{where(cell)} links to {target}, which is no lesson."
        for told in forbidden(cell.kind, cell.source):
            if "jet" not in cell.tags or "perceptual" not in told:
                yield f"{where(cell)} {told}"


def tensorflow_starts_quietly(lesson, lessons):
    """load_network holds back TensorFlow's red lines; an import before it does not."""
    loud = r"^ *(?:import|from) (tensorflow|keras|tf_keras_vis)\b"
    for cell in code_of(lesson)[:1]:
        if match := re.search(loud, cell.source, re.MULTILINE):
            yield f"the first code cell imports {match[1]}; do it in the first cell that uses it."


def code_has_prose_before(lesson, lessons):
    cells = shown(lesson)
    for before, cell in zip(cells, cells[1:], strict=False):
        if cell.kind == "code" and before.kind != "markdown":
            yield f"{where(cell)}: no prose before it."
        elif cell.kind == "code" and not re.sub(r"(?m)^#+ .*$", "", before.source).strip():
            yield f"{where(cell)}: only a heading before it; say what to look at."


def exercises_are_declared_and_complete(lesson, lessons):
    from cnnvis_helpers import exercises

    declared = {exercise.id for exercise in exercises.of_lesson(lesson.number)}
    used = [name for cell in lesson.cells for name in cell.checks]
    for name in sorted(set(used) - declared):
        yield f"check('{name}') has no exercise in lesson_{lesson.number}.py."
    for name in sorted(declared - set(used)):
        yield f"exercise '{name}' is declared but the lesson never checks it."
    for name in sorted({name for name in used if used.count(name) > 1}):
        yield f"exercise '{name}' is checked twice."
    if lesson.number > "00" and len(set(used)) < MIN_EXERCISES:
        yield f"{len(set(used))} exercises; {MIN_EXERCISES} are the least."
    for cell in code_of(lesson):
        if cell.is_exercise != (len(cell.checks) == 1):
            yield f"{where(cell)}: a '# <solution>' region and one check(...) belong together."
        elif cell.checks and not re.search(r"^check\([^\n]*\)\Z", cell.source, re.MULTILINE):
            yield f"{where(cell)}: check(...) must be the last line, so that its reply is shown."


LESSON_RULES = (
    parts_are_complete,
    cells_are_sound,
    tensorflow_starts_quietly,
    code_has_prose_before,
    exercises_are_declared_and_complete,
)

# ---- what is measured of a page


def count_lines(source):
    """Lines of code: neither empty nor only a comment."""
    return len(re.findall(r"^ *[^\s#]", source, re.MULTILINE))


def not_for_students(source):
    """[(line number, sentence)] on code that only a test or a screen reader needs, or too long."""
    found = []
    for node in ast.walk(ast.parse(source)):
        what = ""
        if isinstance(node, (ast.Assert, ast.Try)):
            what = type(node).__name__.lower()
        elif isinstance(node, ast.keyword) and node.arg == "alt":
            what = "alt="
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "net.name":
            what = "net.name"
        elif isinstance(node, ast.ImportFrom) and len(node.names) > MAX_NAMES:
            said = f"imports {len(node.names)} names; {MAX_NAMES} is the most."
            found.append((node.lineno, said))
        if what:
            found.append((node.lineno, f"'{what}' does not belong on a student's page."))
    return found


def core(lesson):
    """The student's cells without parts that are headed "Go deeper" and the further reading."""
    kept, level = [], 0  # of the heading of the part that is left out; 0 outside
    for cell in shown(lesson):
        heading = re.match(r"(##+) (.+)", cell.source) if cell.kind == "markdown" else None
        if heading and (not level or len(heading[1]) <= level):
            left_out = re.match("go deeper|further reading", heading[2], re.IGNORECASE)
            level = len(heading[1]) if left_out else 0
        if not level:
            kept.append(cell)
    return kept


def exercise_kind(name):
    """Which function of exercises/kinds.py declared an exercise: "function", "value", ..."""
    from cnnvis_helpers import exercises

    return exercises.find(name).judge.__qualname__.partition(".")[0]


def minutes(lesson, notebook):
    """Minutes that a student needs for the core with its exercises."""
    cells = core(lesson)
    prose = " ".join(cell.source for cell in cells if cell.kind == "markdown")
    code = [cell for cell in cells if cell.kind == "code"]
    sources = {cell.source for cell in code}
    stored = [x for x in code_cells(notebook) if x["source"] in sources]
    return (
        len(re.findall(r"\w[\w'-]*", prose)) / WORDS_A_MINUTE
        + sum(count_lines(c.source) for c in code if not c.is_exercise) / LINES_A_MINUTE
        + sum("<img" in text for x in stored for text in texts_of(x)) / FIGURES_A_MINUTE
        + len(re.findall(r"\*\*Predict", prose)) * PREDICTION
        + sum(EXERCISE_MINUTES[exercise_kind(x)] for c in code for x in c.checks)
    )


def page_counts(lesson, notebook):
    """What the rules of pages measure, by name."""
    code = page_code(lesson)
    lines = [count_lines(source) for _, source in code]
    ends = starting(lesson, "Exercises")
    end = ends[0].position if ends else lesson.cells[-1].position
    exercises = [cell.position for cell, _ in code if cell.checks]
    return {
        "code cells": len(code),
        "median lines": median_high(lines),
        "longest": max(lines[1:], default=0),
        "import cell": lines[0],
        "exercises": len(exercises),
        "inside the lesson": sum(place < end for place in exercises),
        "first after": f"{min(exercises, default=0) / lesson.cells[-1].position:.0%}",
        "minutes of the core": round(minutes(lesson, notebook)),
    }


# ---- the student's page


def code_is_short_and_for_students(lesson, notebook):
    counts = page_counts(lesson, notebook)
    limits = {"code cells": MAX_CELLS, "median lines": MAX_MEDIAN, "import cell": MAX_IMPORT_LINES}
    for name, most in limits.items():
        if counts[name] > most:
            yield f"{name}: {counts[name]}; {most} is the most."
    for place, (cell, source) in enumerate(page_code(lesson)):
        if place and (lines := count_lines(source)) > MAX_LINES:
            yield f"{where(cell)} has {lines} lines of code; {MAX_LINES} is the most."
        for line, told in not_for_students(source):
            yield f"{where(cell)}, line {line}: {told}"


def exercises_come_as_you_go(lesson, notebook):
    counts = page_counts(lesson, notebook)
    if counts["exercises"] and int(counts["first after"][:-1]) > 33:
        yield "the first exercise comes after the first third of the lesson."
    if 2 * counts["inside the lesson"] < counts["exercises"]:
        yield "fewer than half of the exercises stand inside the lesson."


def minutes_are_those_of_the_core(lesson, notebook):
    time = r'\*\*Time:\*\* (\d+) minutes(, without "Go deeper")?'
    stated, needed = re.search(time, lesson.cells[0].source), round(minutes(lesson, notebook))
    if not stated:
        yield "the first cell must say '**Time:** 40 minutes'."
    elif int(stated[1]) != needed:
        yield f"it says {stated[1]} minutes; its core takes {needed}."
    if stated and not stated[2] and starting(lesson, "Go deeper"):
        yield 'say that the minutes are those without "Go deeper".'


def figures_have_alts_of_the_author(lesson, notebook):
    for cell in code_cells(notebook):
        words = "\n".join(texts_of(cell))
        if "<img" in words and WIDGET_TEXT not in words and not _is_exercise(cell):
            if not cell["metadata"].get("cnnvis", {}).get("alt"):
                first = cell["source"].splitlines()[0]
                yield f'the figure of the code cell "{first[:50]}" has no `# %% alt="..."`.'


# ---- numbers in prose

# A number, with the sign and unit that change its value; not one inside a name ("VGG16").
_NUMBER = re.compile(
    r"(?<![\w.,/#])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(?![\w]|[.,]\d)"
    r"( ?%| (?:thousand|million|billion)\b)?"
)
_UNCHECKED = re.compile(
    r"\$\$.*?\$\$|\$[^$\n]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>|arXiv[ :]*[\d.v]+|"
    r"\b\d{4}\.\d{4,5}\b|(?m:^ *\d+\. )|"
    r"\b(?:lessons?|chapters?|sections?|steps?|tables?|figures?|equations?|pages?|"
    r"volume|Python|Keras|TensorFlow|SqueezeNet|version) \(?\d[\d., ]*(?:(?:and|to|or) \d+)?|"
    r"\d[\d.]*(?= (?:minutes?|min|seconds?|s)\b)|\b(?:19|20)\d\d\b(?!,\d|\.\d| ?%)",
    re.DOTALL | re.IGNORECASE,
)
_FREE = {0.0, 100.0, 255.0, 256.0, 1000.0}  # and whole numbers up to 10
_SCALES = {"%": 0.01, "thousand": 1e3, "million": 1e6, "billion": 1e9}


def numbers_by_cell(lesson, notebook):
    """[set of floats] for each cell: the numbers in the student's code, outputs and check."""
    found = [[cell.check] for cell in lesson.cells]
    for cell, source in page_code(lesson):
        found[cell.position].append(source)
    pairs = zip(code_of(lesson)[::-1], code_cells(notebook)[::-1], strict=False)
    for source, cell in pairs:  # from the end: the notebook has one more, the set-up
        authored = cell["metadata"].get("cnnvis", {}).get("alt", [])
        for output in cell["outputs"]:
            described = output.get("metadata", {}).get("cnnvis", {}).get("described", "")
            shown_texts = [text for text in texts(output) if text not in authored]
            found[source.position] += [described, *shown_texts]
    pages = (re.sub(r"(?<=\d)[,_](?=\d{3})", "", "\n".join(one)) for one in found)
    return [{float(x) for x in re.findall(r"\d+\.?\d*(?:e[-+]?\d+)?|\.\d+", one)} for one in pages]


def numbers_in(text):
    """(digits, unit, number, factor of the unit) of each number that a text answers for.

    Not of formulas, code, years and paragraphs whose numbers have a source.
    """
    paragraphs = re.split(r"\n\s*\n", text)
    prose = "\n\n".join(x for x in paragraphs if "<!-- source -->" not in x)
    for digits, unit in _NUMBER.findall(_UNCHECKED.sub(" ", prose)):
        unit = unit.strip()
        yield digits, unit, float(digits.replace(",", "")), _SCALES.get(unit, 1)


def unfounded_numbers(text, known):
    """The numbers of a text that are not, rounded as it writes them, among the known ones."""
    for digits, unit, number, scale in numbers_in(text):
        half = 0.5 * 10.0 ** -len(digits.partition(".")[2])  # of the last digit
        free = not unit and (number in _FREE or (number <= 10 and "." not in digits))
        scales = {scale, 1} if unit == "%" else {scale}
        if not free and not any(abs(x / s - number) <= half + 1e-9 for x in known for s in scales):
            yield f"{digits} {unit}".strip()


def numbers_in_prose_are_on_the_page(lesson, notebook):
    """A number stands in its section, the one before or after it, or has been said before.

    The opening may speak of the whole lesson.
    """
    by_cell, reading = numbers_by_cell(lesson, notebook), starting(lesson, "Further reading")
    heads = [cell.kind == "markdown" and cell.source.startswith("## ") for cell in lesson.cells]
    sections, said = list(accumulate(heads)), set()
    for cell in shown(lesson):
        here = sections[cell.position]
        near = [
            numbers
            for numbers, one in zip(by_cell, sections, strict=True)
            if abs(one - here) <= 1 or not here
        ]
        prose = [cell.source] if cell.kind == "markdown" and cell not in reading else cell.alts
        text = "\n\n".join(prose)
        for number in unfounded_numbers(text, said.union(*near)):
            yield (
                f"{where(cell)} says {number}, which no output, code or check near it has; "
                "print it, check it, or mark the paragraph with <!-- source -->."
            )
        said |= {number * scale for _, _, number, scale in numbers_in(text)}


PAGE_RULES = (
    code_is_short_and_for_students,
    exercises_come_as_you_go,
    minutes_are_those_of_the_core,
    figures_have_alts_of_the_author,
    numbers_in_prose_are_on_the_page,
)

# ---- the built notebook


def notebook_was_run_without_errors(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "its cells were not run in order from a fresh kernel."


def outputs_are_sound(notebook):
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell["outputs"]:
            for told in _faults(output):
                yield f"code cell {number} {told}"


def _faults(output):
    if output["output_type"] == "error":
        yield f"ends in {output['ename']}: {output['evalue'][:100]}"
    if output.get("name") == "stderr":
        yield "has stored stderr."
    for text in texts(output):
        yield from forbidden("output", text)
    data = output.get("data", {})
    if any(kind.startswith("image/") for kind in data):
        yield "has a picture without alt text."
    for tag in re.findall(r"<img\b[^>]*>", "".join(data.get("text/html", ""))):
        alt = re.search(r"""\balt=(?:"([^"]*)"|'([^']*)')""", tag)
        if not alt or len((alt[1] or alt[2] or "").split()) < 4:
            yield "has a picture whose alt text says too little."


def exercises_are_answered_as_they_should(notebook):
    kind = notebook.get("metadata", {}).get("cnnvis", {}).get("kind")
    wanted = {making.STUDENT: "\u25cb Not yet", making.SOLUTIONS: "\u2713 Right"}.get(kind)
    for number, cell in enumerate(code_cells(notebook), start=1):
        if wanted and _is_exercise(cell):
            if not any(text.startswith(wanted) for text in texts_of(cell)):
                yield f"code cell {number} is an exercise whose reply is not '{wanted}'."


NOTEBOOK_RULES = (
    notebook_was_run_without_errors,
    outputs_are_sound,
    exercises_are_answered_as_they_should,
)
