"""Rules that every lesson and every built notebook keeps, each a small function.

A rule of a lesson takes (lesson, lessons), one of a notebook takes the notebook dict; each yields
a sentence for everything that breaks it. The rules of pages are in lint_pages.py.
"""

import re

import lesson_source
import notebook_making as making
from lint_pages import code_cells, code_of, shown, starting, texts, texts_of, where

MIN_EXERCISES = 4  # in a lesson from 01 on

_TAGS = {"teaching-note", "exercise-setup", "jet", *lesson_source.SLIDE_TAGS}
_BAD_MAPS = re.compile(r"""["'](?:jet|rainbow|gist_rainbow|nipy_spectral|hsv)(?:_r)?["']""")
_PATHS = re.compile(r"(?<![\w:/.])(?:/(?:home|Users|root|tmp|work|opt|mnt|content)/\w|[A-Z]:\\\w)")

_lesson_rules, _notebook_rules = [], []


def lint_lesson(lesson, lessons):
    """Sentences on everything in a lesson's source that breaks a rule."""
    told = [sentence for rule in _lesson_rules for sentence in rule(lesson, lessons)]
    return [f"{lesson.path.name}: {sentence}" for sentence in told]


def lint_notebook(notebook):
    """Sentences on everything in a built notebook that breaks a rule."""
    return [told for rule in _notebook_rules for told in rule(notebook)]


def _rule_of(rules):
    def register(rule):
        rules.append(rule)
        return rule

    return register


lesson_rule, notebook_rule = _rule_of(_lesson_rules), _rule_of(_notebook_rules)


# ---- the lesson's source


@lesson_rule
def tags_are_known(lesson, lessons):
    for cell in lesson.cells:
        for tag in set(cell.tags) - _TAGS:
            yield f"{where(cell)} has the unknown tag '{tag}'. Known: {', '.join(sorted(_TAGS))}."
        if "teaching-note" in cell.tags and cell.kind != "markdown":
            yield f"{where(cell)}: a teaching note is Markdown."


@lesson_rule
def opening_and_ending_are_complete(lesson, lessons):
    opening = lesson.cells[0].source
    for item in ("You will do:", "You will learn:", "You need:", "Time:"):
        if f"**{item}**" not in opening:
            yield f"the first cell lacks '**{item}**'."
    if not re.search(r"\*\*Time:\*\* \d+ minutes", opening):
        yield "the first cell must say '**Time:** 40 minutes'."
    for words in ("Take-away", "Further reading", "Next lesson"):
        if len(starting(lesson, words)) != 1:
            yield f"exactly one Markdown cell must start with '## {words}'."
    for cell in starting(lesson, "Take-away"):
        if len(re.findall(r"^\d\. ", cell.source, re.MULTILINE)) != 3:
            yield "the take-away must have three numbered sentences (1. 2. 3.)."
    if shown(lesson)[-1] not in starting(lesson, "Next lesson"):
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
    for cell in code_of(lesson)[:1]:
        if match := re.search(loud, cell.source, re.MULTILINE):
            yield f"the first code cell imports {match[1]}; do it in the first cell that uses it."


@lesson_rule
def code_has_prose_before(lesson, lessons):
    cells = shown(lesson)
    for before, cell in zip(cells, cells[1:], strict=False):
        if cell.kind == "code" and before.kind != "markdown":
            yield f"{where(cell)}: no prose before it."
        elif cell.kind == "code" and not re.sub(r"(?m)^#+ .*$", "", before.source).strip():
            yield f"{where(cell)}: only a heading before it; say what to look at."


@lesson_rule
def code_is_the_same_everywhere(lesson, lessons):
    for cell in code_of(lesson):
        if (match := _BAD_MAPS.search(cell.source)) and "jet" not in cell.tags:
            yield f"{where(cell)}: {match[0]} is not perceptual (the tag `jet` allows it)."
        if re.search(r"^\s*(#\s?)?[!%]\w+", cell.source, re.MULTILINE):
            yield f"{where(cell)} has a shell or magic command; a lesson is plain Python."
        if match := _PATHS.search(cell.source):
            yield f"{where(cell)} has an absolute path ({match[0]}...)."


@lesson_rule
def links_and_images_in_prose_are_sound(lesson, lessons):
    known = {f"{each.name}.ipynb" for each in lessons}
    for cell in lesson.cells:
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)", cell.source):
            if target not in known:
                yield f"{where(cell)} links to {target}, which is no lesson."
        if cell.kind == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            yield f"{where(cell)} has a picture without alt text."


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
    for cell in code_of(lesson):
        if cell.is_exercise != (len(cell.checks) == 1):
            yield f"{where(cell)}: a '# <solution>' region and one check(...) belong together."
        elif cell.checks and not re.search(r"^check\([^\n]*\)\Z", cell.source, re.MULTILINE):
            yield f"{where(cell)}: check(...) must be the last line, so that its reply is shown."
        try:
            lesson_source.stub_source(cell.source, where(cell))
        except lesson_source.LessonError as error:
            yield str(error)


# ---- the built notebook


def _outputs(notebook):
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell["outputs"]:
            yield number, output


@notebook_rule
def notebook_was_run_without_errors(notebook):
    counts = [cell["execution_count"] for cell in code_cells(notebook)]
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
        for text in texts(output):
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
    for number, cell in enumerate(code_cells(notebook), start=1):
        if wanted and "exercise" in cell["metadata"].get("tags", []):
            if not any(text.startswith(wanted) for text in texts_of(cell)):
                yield f"code cell {number} is an exercise whose reply is not '{wanted}'."
