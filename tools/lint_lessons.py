"""Rules that every lesson and every built notebook keeps, each a small function.

A rule of a lesson takes the lesson, a rule of a page the lesson and the student's notebook, a rule
of a notebook the notebook dict; each yields a sentence for everything that breaks it. Pages are
measured where the lesson says `# page: clean`.
"""

import ast
import html
import re
from statistics import median_high

import lesson_source
import notebook_making as making
from notebook_running import WIDGET_TEXT

MAX_BYTES = 4_000_000  # of a notebook's outputs
MAX_CELLS, MAX_MEDIAN, MAX_LINES, MAX_IMPORT_LINES = 45, 7, 20, 14  # of a clean page
MAX_OLD_LINES = 30  # of a code cell of an older page without the tag `long`
MIN_EXERCISES = 4  # in a lesson from 01 on
WORDS_A_MINUTE, LINES_A_MINUTE, FIGURES_A_MINUTE, PREDICTION = 200, 25, 3, 1
EXERCISE_MINUTES = {"function": 6, "value": 4, "custom": 4, "choice": 1.5}

_TAGS = {"teaching-note", "exercise-setup", "long", "jet", *lesson_source.SLIDE_TAGS}
_BAD_MAPS = re.compile(r"""["'](?:jet|rainbow|gist_rainbow|nipy_spectral|hsv)(?:_r)?["']""")
_PATHS = re.compile(r"(?<![\w:/.])(?:/(?:home|Users|root|tmp|work|opt|mnt|content)/\w|[A-Z]:\\\w)")

_lesson_rules, _page_rules, _notebook_rules = [], [], []


def lint_lesson(lesson, lessons):
    """Sentences on everything in a lesson's source that breaks a rule."""
    told = [sentence for rule in _lesson_rules for sentence in rule(lesson, lessons)]
    return [f"{lesson.path.name}: {sentence}" for sentence in told]


def lint_page(lesson, notebook):
    """Sentences on everything that breaks a rule of clean pages; none for an older page.

    notebook: the student's, with its stored outputs.
    """
    rules = _page_rules if lesson.clean else []
    told = [sentence for rule in rules for sentence in rule(lesson, notebook)]
    return [f"{lesson.path.name}: {sentence}" for sentence in told]


def lint_notebook(notebook):
    """Sentences on everything in a built notebook that breaks a rule."""
    return [told for rule in _notebook_rules for told in rule(notebook)]


def _rule_of(rules):
    def register(rule):
        rules.append(rule)
        return rule

    return register


lesson_rule, page_rule, notebook_rule = map(_rule_of, (_lesson_rules, _page_rules, _notebook_rules))


def _at(cell):
    first = next(iter(cell.source.splitlines()), "")
    return f"cell {cell.position + 1} ({first[:50]})"


def _starting(lesson, words):
    """The Markdown cells that start with a heading of these words."""
    heading = re.compile(rf"##+ {re.escape(words)}", re.IGNORECASE)
    return [c for c in lesson.cells if c.kind == "markdown" and heading.match(c.source)]


def _code(lesson):
    return [cell for cell in lesson.cells if cell.kind == "code"]


def _shown(lesson):
    """The cells that a student sees."""
    return [cell for cell in lesson.cells if "teaching-note" not in cell.tags]


# ---- the lesson's source


@lesson_rule
def tags_are_known(lesson, lessons):
    for cell in lesson.cells:
        for tag in set(cell.tags) - _TAGS:
            yield f"{_at(cell)} has the unknown tag '{tag}'. Known: {', '.join(sorted(_TAGS))}."
        if "teaching-note" in cell.tags and cell.kind != "markdown":
            yield f"{_at(cell)}: a teaching note is Markdown."


@lesson_rule
def opening_and_ending_are_complete(lesson, lessons):
    opening = lesson.cells[0].source
    for item in ("You will do:", "You will learn:", "You need:", "Time:"):
        if f"**{item}**" not in opening:
            yield f"the first cell lacks '**{item}**'."
    if not re.search(r"\*\*Time:\*\* \d+ minutes", opening):
        yield "the first cell must say '**Time:** 40 minutes'."
    for words in ("Take-away", "Further reading", "Next lesson"):
        if len(_starting(lesson, words)) != 1:
            yield f"exactly one Markdown cell must start with '## {words}'."
    for cell in _starting(lesson, "Take-away"):
        if len(re.findall(r"^\d\. ", cell.source, re.MULTILINE)) != 3:
            yield "the take-away must have three numbered sentences (1. 2. 3.)."
    if _shown(lesson)[-1] not in _starting(lesson, "Next lesson"):
        yield "the last cell must be '## Next lesson'."


@lesson_rule
def teaching_notes_are_there(lesson, lessons):
    notes = [cell for cell in lesson.cells if "teaching-note" in cell.tags]
    if len(notes) < 3 or not any(re.search(r"\d+ min", cell.source) for cell in notes):
        yield f"{len(notes)} teaching notes; write at least three, one with '10 min'."


@lesson_rule
def tensorflow_starts_quietly(lesson, lessons):
    """load_network holds back TensorFlow's red lines; an import before it does not."""
    loud = r"^ *(?:import|from) (tensorflow|keras|tf_keras_vis)\b"
    for cell in _code(lesson)[:1]:
        if match := re.search(loud, cell.source, re.MULTILINE):
            yield f"the first code cell imports {match[1]}; do it in the first cell that uses it."


@lesson_rule
def code_has_prose_before(lesson, lessons):
    shown = _shown(lesson)
    for before, cell in zip(shown, shown[1:], strict=False):
        if cell.kind == "code" and before.kind != "markdown":
            yield f"{_at(cell)}: no prose before it."
        elif cell.kind == "code" and not re.sub(r"(?m)^#+ .*$", "", before.source).strip():
            yield f"{_at(cell)}: only a heading before it; say what to look at."


@lesson_rule
def old_code_cells_are_short(lesson, lessons):
    for cell in _code(lesson) if not lesson.clean else ():
        lines = len(cell.source.splitlines())
        if lines > MAX_OLD_LINES and "long" not in cell.tags:
            yield f"{_at(cell)} has {lines} lines of code; {MAX_OLD_LINES} are the most."


@lesson_rule
def code_is_the_same_everywhere(lesson, lessons):
    for cell in _code(lesson):
        if (match := _BAD_MAPS.search(cell.source)) and "jet" not in cell.tags:
            yield f"{_at(cell)}: {match[0]} is no perceptual colour map (the tag `jet` allows it)."
        if re.search(r"^\s*(#\s?)?[!%]\w+", cell.source, re.MULTILINE):
            yield f"{_at(cell)} has a shell or magic command; a lesson is plain Python."
        if match := _PATHS.search(cell.source):
            yield f"{_at(cell)} has an absolute path ({match[0]}...)."


@lesson_rule
def links_and_images_in_prose_are_sound(lesson, lessons):
    known = {f"{each.name}.ipynb" for each in lessons}
    for cell in lesson.cells:
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)", cell.source):
            if target not in known:
                yield f"{_at(cell)} links to {target}, which is no lesson."
        if cell.kind == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            yield f"{_at(cell)} has a picture without alt text."


@lesson_rule
def exercises_are_declared(lesson, lessons):
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


@lesson_rule
def exercise_cells_are_complete(lesson, lessons):
    for cell in _code(lesson):
        if cell.is_exercise != (len(cell.checks) == 1):
            yield f"{_at(cell)}: a '# <solution>' region and one check(...) belong together."
        elif cell.checks and not re.search(r"^check\([^\n]*\)\Z", cell.source, re.MULTILINE):
            yield f"{_at(cell)}: check(...) must be the last line, so that its reply is shown."
        try:
            lesson_source.stub_source(cell.source, _at(cell))
        except lesson_source.LessonError as error:
            yield str(error)


# ---- the page of a clean lesson


def page_code(lesson):
    """[(cell, source as the student gets it)] of the code cells."""
    return [(c, lesson_source.stub_source(c.source, _at(c))) for c in _code(lesson)]


def count_lines(source):
    """Lines of code: neither empty nor only a comment."""
    return len(re.findall(r"^ *[^\s#]", source, re.MULTILINE))


def not_for_students(source):
    """[(line number, what)] of code that only a test or a screen reader needs."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Assert, ast.Try)):
            found.append((node.lineno, type(node).__name__.lower()))
        elif isinstance(node, ast.keyword) and node.arg == "alt":
            found.append((node.value.lineno, "alt="))
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "net.name":
            found.append((node.lineno, "net.name"))
    return found


def core(lesson):
    """The student's cells without parts that are headed "Go deeper" and the further reading."""
    kept, level = [], 0  # of the heading of the part that is left out; 0 outside
    for cell in _shown(lesson):
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
    stored = [x for x in _code_cells(notebook) if x["source"] in sources]
    return (
        len(re.findall(r"\w[\w'-]*", prose)) / WORDS_A_MINUTE
        + sum(count_lines(c.source) for c in code if not c.is_exercise) / LINES_A_MINUTE
        + sum("<img" in text for x in stored for text in _texts_of(x)) / FIGURES_A_MINUTE
        + len(re.findall(r"\*\*Predict", prose)) * PREDICTION
        + sum(EXERCISE_MINUTES[exercise_kind(x)] for c in code for x in c.checks)
    )


def page_counts(lesson, notebook):
    """What the rules of clean pages measure, by name."""
    code = page_code(lesson)
    lines = [count_lines(source) for _, source in code]
    foreign = {(c.position, line) for c, source in code for line, _ in not_for_students(source)}
    ends = _starting(lesson, "Exercises")
    end = ends[0].position if ends else lesson.cells[-1].position
    exercises = [cell.position for cell, _ in code if cell.checks]
    return {
        "code cells": len(code),
        "median lines": median_high(lines),
        "longest": max(lines[1:], default=0),
        "import cell": lines[0],
        "not for students": f"{len(foreign) / sum(lines):.0%}",
        "exercises": len(exercises),
        "inside the lesson": sum(place < end for place in exercises),
        "first after": f"{min(exercises, default=0) / lesson.cells[-1].position:.0%}",
        "figures": sum("<img" in text for x in _code_cells(notebook) for text in _texts_of(x)),
        "predictions": sum(len(re.findall(r"\*\*Predict", c.source)) for c in _shown(lesson)),
        "minutes of the core": round(minutes(lesson, notebook)),
    }


@page_rule
def code_is_short_and_for_students(lesson, notebook):
    counts = page_counts(lesson, notebook)
    limits = {"code cells": MAX_CELLS, "median lines": MAX_MEDIAN, "import cell": MAX_IMPORT_LINES}
    for name, most in limits.items():
        if counts[name] > most:
            yield f"{name}: {counts[name]}; {most} is the most."
    for cell, source in page_code(lesson):
        if cell is not _code(lesson)[0] and (lines := count_lines(source)) > MAX_LINES:
            yield f"{_at(cell)} has {lines} lines of code; {MAX_LINES} is the most."
        for line, what in not_for_students(source):
            yield f"{_at(cell)}, line {line}: '{what}' does not belong on a student's page."


@page_rule
def exercises_come_as_you_go(lesson, notebook):
    counts = page_counts(lesson, notebook)
    if counts["exercises"] and int(counts["first after"][:-1]) > 33:
        yield "the first exercise comes after the first third of the lesson."
    if 2 * counts["inside the lesson"] < counts["exercises"]:
        yield "fewer than half of the exercises stand inside the lesson."


@page_rule
def minutes_are_those_of_the_core(lesson, notebook):
    stated = re.search(r"\*\*Time:\*\* (\d+)", lesson.cells[0].source)
    needed = minutes(lesson, notebook)
    if stated and abs(int(stated[1]) - needed) > max(5, 0.2 * needed):
        yield f"it says {stated[1]} minutes; its core takes {needed:.0f}."


# A number in prose, with the sign and unit that change its value; not one inside a name ("VGG16").
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


def numbers_on_the_page(lesson, notebook):
    """All numbers (float) that the student's code, its outputs and the checks contain."""
    texts = [source for _, source in page_code(lesson)] + [cell.check for cell in lesson.cells]
    for cell in _code_cells(notebook):
        authored = cell["metadata"].get("cnnvis", {}).get("alt", [])
        for output in cell["outputs"]:
            texts.append(output.get("metadata", {}).get("cnnvis", {}).get("described", ""))
            texts += [text for text in _texts(output) if text not in authored]
    page = re.sub(r"(?<=\d)[,_](?=\d{3})", "", "\n".join(texts))
    return {float(x) for x in re.findall(r"\d+\.?\d*(?:e[-+]?\d+)?|\.\d+", page)}


def unfounded_numbers(text, known):
    """The numbers of a text that are not, rounded as it writes them, among the known ones."""
    paragraphs = re.split(r"\n\s*\n", text)
    checked = "\n\n".join(x for x in paragraphs if "<!-- source -->" not in x)
    for digits, unit in _NUMBER.findall(_UNCHECKED.sub(" ", checked)):
        number, unit = float(digits.replace(",", "")), unit.strip()
        scale = _SCALES.get(unit, 1)
        half = 0.5 * 10.0 ** -len(digits.partition(".")[2])  # of the last digit
        free = not unit and (number in _FREE or (number <= 10 and "." not in digits))
        scales = {scale, 1} if unit == "%" else {scale}
        if not free and not any(abs(x / s - number) <= half + 1e-9 for x in known for s in scales):
            yield f"{digits} {unit}".strip()


@page_rule
def numbers_in_prose_are_on_the_page(lesson, notebook):
    known, reading = numbers_on_the_page(lesson, notebook), _starting(lesson, "Further reading")
    for cell in _shown(lesson):
        prose = [cell.source] if cell.kind == "markdown" and cell not in reading else cell.alts
        for number in unfounded_numbers("\n\n".join(prose), known):
            yield (
                f"{_at(cell)} says {number}, which no output, code or check of the lesson has; "
                "print it, check it, or mark the paragraph with <!-- source -->."
            )


@page_rule
def figures_have_alts_of_the_author(lesson, notebook):
    for cell in _code_cells(notebook):
        texts = _texts_of(cell)
        if any("<img" in x for x in texts) and not any(WIDGET_TEXT in x for x in texts):
            if not cell["metadata"].get("cnnvis", {}).get("alt"):
                first = cell["source"].splitlines()[0]
                yield f'the figure of the code cell "{first[:50]}" has no `# %% alt="..."`.'


# ---- the built notebook


def _code_cells(notebook):
    return [cell for cell in notebook.get("cells", []) if cell["cell_type"] == "code"]


def _outputs(notebook):
    for number, cell in enumerate(_code_cells(notebook), start=1):
        for output in cell["outputs"]:
            yield number, output


def _texts(output):
    """All texts of an output; the pixels of pictures inside HTML, and other tags, are cut out."""
    values = [output.get("text", "")]
    values += [v for kind, v in output.get("data", {}).items() if kind.startswith("text/")]
    for value in values:
        text = re.sub(r"data:[\w/+-]+;base64,[^'\"]*", "", "".join(value))
        text = re.sub(r"<img\b.*?>", "<img>", text)
        yield html.unescape(re.sub(r"</?(?!img\b)[a-z][^<>]*>|<!--.*?-->", " ", text))


def _texts_of(cell):
    return [text for output in cell["outputs"] for text in _texts(output)]


@notebook_rule
def notebook_was_run_without_errors(notebook):
    counts = [cell["execution_count"] for cell in _code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "its cells were not run in order from a fresh kernel."
    for number, output in _outputs(notebook):
        if output["output_type"] == "error":
            yield f"code cell {number} ends in {output['ename']}: {output['evalue'][:100]}"
        if output.get("name") == "stderr":
            yield f"code cell {number} has stored stderr."


@notebook_rule
def outputs_are_the_same_everywhere(notebook):
    for number, output in _outputs(notebook):
        for text in _texts(output):
            if match := _PATHS.search(text):
                yield f"code cell {number} shows an absolute path ({match[0]}...)."
            if match := re.search(r"<.{0,80}? at 0x[0-9a-f]{6,}", text):
                yield f"code cell {number} shows the address of an object ({match[0][:60]})."


@notebook_rule
def pictures_have_alt(notebook):
    for number, output in _outputs(notebook):
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            yield f"code cell {number} has a picture without alt text."
        for tag in re.findall(r"<img\b[^>]*>", "".join(data.get("text/html", ""))):
            alt = re.search(r"""\balt=(?:"([^"]*)"|'([^']*)')""", tag)
            if not alt or len((alt[1] or alt[2] or "").split()) < 4:
                yield f"code cell {number} has a picture whose alt text says too little."


@notebook_rule
def exercises_are_answered_as_they_should(notebook):
    kind = notebook.get("metadata", {}).get("cnnvis", {}).get("kind")
    wanted = {making.STUDENT: "\u25cb Not yet", making.SOLUTIONS: "\u2713 Right"}.get(kind)
    for number, cell in enumerate(_code_cells(notebook), start=1):
        if wanted and "exercise" in cell["metadata"].get("tags", []):
            if not any(text.startswith(wanted) for text in _texts_of(cell)):
                yield f"code cell {number} is an exercise whose reply is not '{wanted}'."


@notebook_rule
def notebook_is_light(notebook):
    size = sum(
        len("".join(value))
        for _, output in _outputs(notebook)
        for value in output.get("data", {}).values()
    )
    if size > MAX_BYTES:
        yield f"its outputs have {size / 1e6:.1f} MB; {MAX_BYTES / 1e6:.0f} MB are the most."
