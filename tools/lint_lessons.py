"""Rules that every lesson and every built notebook keeps, each a small function.

A rule of a lesson takes (lesson, lessons), one of a notebook takes the notebook dict; each yields
a sentence for everything that breaks it. `lint_lesson` and `lint_notebook` run them all.
"""

import ast
import io
import re
import tokenize

import lesson_source

MAX_LINES = 30  # of a code cell without the tag `long`
MAX_BYTES = 4_000_000  # of a notebook file
MIN_EXERCISES = 4  # in a lesson from 01 on
NETWORK_LINE = re.compile(r'^NETWORK = "course"(?:  # .*)?$', re.MULTILINE)

_OPENING = ("You will do", "You will learn", "You need", "Time")
_TAGS = {
    "teaching-note",
    "exercise-setup",
    "long",
    "slide",
    "subslide",
    "fragment",
    "skip",
    "exercise",
}
_BAD_MAPS = re.compile(
    r"""["'](jet|rainbow|gist_rainbow|nipy_spectral|hsv)(_r)?["']|"""
    r"""\bcm\.(jet|rainbow|hsv)\b|COLORMAP_JET"""
)
_PATHS = re.compile(
    r"(?<![\w:/.])(?:/(?:home|Users|root|tmp|work|usr|opt|mnt|var|content)/\w|"
    r"[A-Z]:\\\\?\w)"
)
_COURSE_NAMES = re.compile(r"^block\d+_(conv\d+|pool)$")
_CLAIM = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+(?= ?%))(?!\.?\w)( ?%)?")
_NO_CLAIM = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\[[^]]*\]\([^)]*\)|arXiv[ :]*[\d.]+", re.DOTALL
)

_lesson_rules, _notebook_rules = [], []


def lesson_rule(rule):
    """Register a rule of lessons."""
    _lesson_rules.append(rule)
    return rule


def notebook_rule(rule):
    """Register a rule of built notebooks."""
    _notebook_rules.append(rule)
    return rule


def lint_lesson(lesson, lessons):
    """Sentences on everything in a lesson's source that breaks a rule."""
    rules = [rule for rule in _lesson_rules if not (lesson.clean and rule in _OLD_RULES)]
    told = [sentence for rule in rules for sentence in rule(lesson, lessons)]
    return [f"{lesson.path.name}: {sentence}" for sentence in told]


def lint_notebook(notebook):
    """Sentences on everything in a built notebook that breaks a rule."""
    return [told for rule in _notebook_rules for told in rule(notebook)]


def _at(cell):
    first = next(iter(cell.source.splitlines()), "")
    return f"cell {cell.position + 1} ({first[:50]})"


def _headings(lesson, words):
    wanted = words.casefold()
    return [
        c
        for c in lesson.cells
        if c.kind == "markdown" and re.match(rf"##+ {re.escape(wanted)}", c.source.casefold())
    ]


def _tree(cell):
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


# ---- the lesson's source


@lesson_rule
def code_is_python(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind == "code":
            try:
                ast.parse(cell.source)
            except SyntaxError as error:
                yield f"{_at(cell)} is not Python: {error.msg}, line {error.lineno}."


@lesson_rule
def tags_are_known(lesson, lessons):
    for cell in lesson.cells:
        for tag in set(cell.tags) - _TAGS:
            yield f"{_at(cell)} has the unknown tag '{tag}'. Known: {', '.join(sorted(_TAGS))}."
        if "teaching-note" in cell.tags and cell.kind != "markdown":
            yield f"{_at(cell)}: a teaching note is Markdown."


@lesson_rule
def opening_is_complete(lesson, lessons):
    first = lesson.cells[0]
    if not re.match(r"# .*\?\s*(\n|$)", first.source):
        yield "the first cell's heading ('# ...?') must be a question."
    for item in _OPENING:
        if f"**{item}" not in first.source:
            yield f"the first cell lacks '**{item}:**'."
    if not re.search(r"\*\*Time:?\*\*:? \d+ minutes", first.source):
        yield "the first cell lacks '**Time:** 40 minutes'."


@lesson_rule
def ending_is_complete(lesson, lessons):
    for words in ("Take-away", "Further reading", "Next lesson"):
        if len(_headings(lesson, words)) != 1:
            yield f"exactly one Markdown cell must start with '## {words}'."
    for cell in _headings(lesson, "Take-away"):
        items = re.findall(r"^\d\. ", cell.source, re.MULTILINE)
        if len(items) != 3:
            yield f"the take-away has {len(items)} numbered sentences, not three (1. 2. 3.)."
    for cell in _headings(lesson, "Further reading"):
        if len(re.findall(r"\]\(https://", cell.source)) < 2:
            yield "the further reading has fewer than two links."
    tail = [c for c in lesson.cells if "teaching-note" not in c.tags]
    if tail and tail[-1] not in _headings(lesson, "Next lesson"):
        yield "the last cell must be '## Next lesson'."


@lesson_rule
def something_goes_wrong(lesson, lessons):
    if lesson.number > "00" and not _headings(lesson, "What goes wrong"):
        yield "no section '## What goes wrong ...'."


@lesson_rule
def teaching_notes_are_there(lesson, lessons):
    notes = [cell for cell in lesson.cells if "teaching-note" in cell.tags]
    if len(notes) < 3:
        yield f"{len(notes)} teaching notes; three are the least."
    if not any(re.search(r"\d+ min", cell.source) for cell in notes):
        yield "no teaching note says how many minutes a part takes."


@lesson_rule
def network_is_one_line(lesson, lessons):
    code = [cell for cell in lesson.cells if cell.kind == "code"]
    lines = [cell for cell in code if NETWORK_LINE.search(cell.source)]
    if len(lines) != 1 or lines[0] is not code[0]:
        yield 'the first code cell (and no other) must have the line NETWORK = "course".'
    elif "load_network(NETWORK)" not in code[0].source:
        yield "the first code cell must say net = load_network(NETWORK)."


@lesson_rule
def tensorflow_starts_quietly(lesson, lessons):
    """load_network holds back TensorFlow's red lines; an import before it does not."""
    first = next((cell for cell in lesson.cells if cell.kind == "code"), None)
    for node in ast.walk(_tree(first)) if first else ():
        names = [alias.name for alias in getattr(node, "names", ())]
        for name in {str(each).partition(".")[0] for each in (*names, getattr(node, "module", ""))}:
            if name in ("tensorflow", "keras", "tf_keras_vis"):
                yield f"the first code cell imports {name}; do it in the first cell that uses it."


@lesson_rule
def course_layers_are_guarded(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind != "code":
            continue
        tree = _tree(cell)
        guarded = _guarded_nodes(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in guarded
                and _COURSE_NAMES.match(node.value)
            ):
                yield (
                    f"{_at(cell)} names the layer '{node.value}' outside of 'if net.name == "
                    '"course":\'; conv_layers(net) finds layers of any network.'
                )


def _guarded_nodes(tree):
    """ids of all nodes that run only when net.name == "course"."""
    found = set()
    for branch in ast.walk(tree):
        if isinstance(branch, (ast.If, ast.IfExp)):
            if "net.name == 'course'" in ast.unparse(branch.test):
                inside = branch.body if isinstance(branch.body, list) else [branch.body]
                found |= {id(node) for part in inside for node in ast.walk(part)}
    return found


@lesson_rule
def code_has_prose_before(lesson, lessons):
    shown = [cell for cell in lesson.cells if "teaching-note" not in cell.tags]
    for before, cell in zip(shown, shown[1:], strict=False):
        if cell.kind != "code":
            continue
        if before.kind != "markdown":
            yield f"{_at(cell)}: no prose before it."
        elif not re.sub(r"^#+ .*$", "", before.source, flags=re.MULTILINE).strip():
            yield f"{_at(cell)}: only a heading before it; say what to look at."


@lesson_rule
def code_cells_are_short(lesson, lessons):
    for cell in lesson.cells:
        lines = len(cell.source.splitlines())
        if cell.kind == "code" and lines > MAX_LINES and "long" not in cell.tags:
            yield f"{_at(cell)} has {lines} lines of code; {MAX_LINES} are the most."


@lesson_rule
def pictures_are_displayed_with_alt(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind == "code" and re.search(r"\bplt\.show\(|\.show\(\)", cell.source):
            yield f"{_at(cell)} calls show(); pictures.py displays figures with their alt text."


@lesson_rule
def colour_maps_are_perceptual(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind == "code" and (match := _BAD_MAPS.search(cell.source)):
            yield f"{_at(cell)} uses the colour map {match[0]}; take a perceptual one."


@lesson_rule
def no_shell_commands(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind == "code" and re.search(r"^\s*(#\s?)?[!%]\w+", cell.source, re.MULTILINE):
            yield f"{_at(cell)} has a shell or magic command; a lesson is plain Python."


@lesson_rule
def no_absolute_paths(lesson, lessons):
    for cell in lesson.cells:
        if match := _PATHS.search(cell.source):
            yield f"{_at(cell)} has an absolute path ({match[0]}...)."


@lesson_rule
def numbers_in_prose_are_asserted(lesson, lessons):
    """A decimal, a percentage or a number with thousands in the prose stands in some code cell."""
    code = "\n".join(cell.source for cell in lesson.cells if cell.kind == "code").replace("_", "")
    in_code = {_value(x) for x in re.findall(r"\d+(?:\.\d+)?|\.\d+", code)}
    sources = _headings(lesson, "Further reading")
    for cell in lesson.cells:
        if cell.kind == "markdown" and "teaching-note" not in cell.tags and cell not in sources:
            for text, percent in _CLAIM.findall(_NO_CLAIM.sub(" ", cell.source)):
                number = _value(text.replace(",", ""))
                if not in_code & {number, round(number / 100, 9) if percent else number}:
                    yield (f"{_at(cell)} claims {text}{percent}, which no code cell has: assert it "
                           "there, or compute the sentence from it.")


def _value(text):
    return round(float(text), 9)


_OLD_RULES = (  # of pages that are not clean yet
    something_goes_wrong,
    network_is_one_line,
    course_layers_are_guarded,
    pictures_are_displayed_with_alt,
    numbers_in_prose_are_asserted,
)


@lesson_rule
def links_between_lessons_exist(lesson, lessons):
    known = {f"{each.name}.ipynb" for each in lessons}
    for cell in lesson.cells:
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)", cell.source):
            if target not in known:
                yield f"{_at(cell)} links to {target}, which is no lesson."


@lesson_rule
def images_in_prose_have_alt(lesson, lessons):
    for cell in lesson.cells:
        if cell.kind == "markdown" and re.search(r"!\[\s*\]\(", cell.source):
            yield f"{_at(cell)} has a picture without alt text."


@lesson_rule
def exercises_are_declared(lesson, lessons):
    from cnnvis_helpers import exercises as exercise_sets

    declared = [exercise.id for exercise in exercise_sets.of_lesson(lesson.number)]
    used = [name for cell in lesson.cells for name in cell.checks]
    yield from (
        f"check('{x}') has no exercise in lesson_{lesson.number}.py."
        for x in used
        if x not in declared
    )
    yield from (
        f"exercise '{x}' is declared but the lesson never checks it."
        for x in declared
        if x not in used
    )
    yield from (f"exercise '{x}' is checked twice." for x in sorted(set(used)) if used.count(x) > 1)
    if lesson.number > "00" and len(set(used)) < MIN_EXERCISES:
        yield f"{len(set(used))} exercises; {MIN_EXERCISES} are the least."


@lesson_rule
def solution_regions_are_sound(lesson, lessons):
    for cell in lesson.cells:
        try:
            lesson_source.stub_source(cell.source, _at(cell))
        except lesson_source.LessonError as error:
            yield str(error)


@lesson_rule
def exercise_cells_are_complete(lesson, lessons):
    for cell in lesson.cells:
        if cell.is_exercise and len(cell.checks) != 1:
            yield f'{_at(cell)}: an exercise cell ends with one line check("id", answer).'
        if cell.checks and not cell.is_exercise:
            yield f"{_at(cell)}: a check without a '# <solution>' region in its cell."
        if cell.checks and not _ends_with_check(cell):
            yield f"{_at(cell)}: check(...) must be the last line, so that its reply is shown."


def _ends_with_check(cell):
    body = _tree(cell).body
    last = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    return isinstance(last, ast.Call) and getattr(last.func, "id", "") == "check"


# ---- the built notebook


def _code_cells(notebook):
    return [cell for cell in notebook.get("cells", []) if cell["cell_type"] == "code"]


def _outputs(notebook):
    for number, cell in enumerate(_code_cells(notebook), start=1):
        for output in cell["outputs"]:
            yield number, output


def _texts(output):
    """All texts of an output; pictures inside HTML are cut out."""
    values = [output.get("text", "")]
    values += [v for kind, v in output.get("data", {}).items() if kind.startswith("text/")]
    for value in values:
        yield re.sub(r"data:[\w/+-]+;base64,[^'\"]*", "", "".join(value))


@notebook_rule
def notebook_was_run(notebook):
    counts = [cell["execution_count"] for cell in _code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "its cells were not run in order from a fresh kernel."


@notebook_rule
def notebook_has_no_errors(notebook):
    for number, output in _outputs(notebook):
        if output["output_type"] == "error":
            yield f"code cell {number} ends in {output['ename']}: {output['evalue'][:100]}"


@notebook_rule
def notebook_has_no_stderr(notebook):
    for number, output in _outputs(notebook):
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
        html = "".join(data.get("text/html", ""))
        if any(kind.startswith("image/") for kind in data):
            yield f"code cell {number} has a picture without alt text; use a show_ function."
        for tag in re.findall(r"<img\b[^>]*>", html):
            alt = re.search(r"""\balt=(?:"([^"]*)"|'([^']*)')""", tag)
            words = (alt[1] or alt[2] or "").split() if alt else []
            if len(words) < 4:
                yield f"code cell {number} has a picture whose alt text says too little."


@notebook_rule
def exercises_are_answered_as_they_should(notebook):
    kind = notebook.get("metadata", {}).get("cnnvis", {}).get("kind")
    wanted = {"student": "\u25cb Not yet", "solutions": "\u2713 Right"}.get(kind)
    for number, cell in enumerate(_code_cells(notebook), start=1):
        if wanted and "exercise" in cell["metadata"].get("tags", []):
            replies = [text for output in cell["outputs"] for text in _texts(output)]
            if not any(text.startswith(wanted) for text in replies):
                yield f"code cell {number} is an exercise whose reply is not '{wanted}'."


@notebook_rule
def notebook_is_light(notebook):
    size = sum(
        len("".join(v))
        for _, o in _outputs(notebook)
        for v in o.get("data", {}).values()
        if isinstance(v, (str, list))
    )
    if size > MAX_BYTES:
        yield f"its outputs have {size / 1e6:.1f} MB; {MAX_BYTES / 1e6:.0f} MB are the most."


@notebook_rule
def pip_requirements_are_quoted(notebook):
    for cell in _code_cells(notebook):
        for line in cell["source"].splitlines():
            if re.search(r"^\s*[!%]\s*pip\b[^\"']*[<>]", line):
                yield f"an unquoted requirement in '{line.strip()}'."


@notebook_rule
def comments_are_not_code(notebook):
    for cell in _code_cells(notebook):
        if "setup" not in cell["metadata"].get("tags", []):
            for token in _comments(cell["source"]):
                if re.match(r"#\s*(TODO|FIXME|XXX)\b", token):
                    yield f"a comment left over: {token[:60]}"


def _comments(source):
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
