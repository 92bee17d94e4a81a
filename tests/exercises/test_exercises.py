"""Exercises: what check, hint and solution say, and the proof of every exercise of every lesson."""

import collections
import functools
import re

import numpy as np
import pytest
import tensorflow as tf
from lesson_tools import DEMO_LESSON, LESSONS, lesson_source

from cnnvis_helpers import exercises as exercise_sets
from cnnvis_helpers.exercises import check as exercises
from cnnvis_helpers.exercises.comparing import brief, difference, is_blank, same
from cnnvis_helpers.exercises.kinds import Given, choice, custom, function, value

HINTS = ["first", "second", "third"]

# ---- every exercise of every lesson


def _exercise_cells():
    for lesson in [*LESSONS, DEMO_LESSON]:
        for cell in lesson.cells:
            for exercise_id in cell.checks:
                yield pytest.param(lesson, cell, exercise_id, id=exercise_id)


EXERCISE_CELLS = list(_exercise_cells())
CHOICES = [x for x in EXERCISE_CELLS if lesson_source.options(*x.values[:2])]


@functools.cache
def _namespace(lesson_name, position):
    """What the lesson's cells tagged `exercise-setup` before this position define."""
    lesson = next(x for x in [*LESSONS, DEMO_LESSON] if x.name == lesson_name)
    space = {"__name__": "__main__"}
    for cell in lesson.cells:
        if "exercise-setup" in cell.tags and cell.position < position:
            exec(compile(cell.source, f"{lesson.name}, cell {cell.position + 1}", "exec"), space)
    return space


def _run(lesson, cell, source):
    """Run an exercise cell; return the reply of its check, the answer and what was given."""
    setups = [
        x.position
        for x in lesson.cells
        if "exercise-setup" in x.tags and x.position < cell.position
    ]
    space = dict(_namespace(lesson.name, max(setups, default=-1) + 1))
    replies = []

    def recording_check(exercise_id, answer=None, **given):
        reply = exercises.check(exercise_id, answer, **given)
        replies.append((reply, answer, given))
        return reply

    space["check"] = recording_check
    exec(compile(source, f"{lesson.name}, cell {cell.position + 1}", "exec"), space)
    assert len(replies) == 1
    return replies[0]


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_the_solution_passes(lesson, cell, exercise_id):
    reply, _, _ = _run(lesson, cell, lesson_source.solution_source(cell.source))
    assert reply, repr(reply)
    assert reply.exercise == exercise_id


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_the_untouched_stub_is_not_yet_answered(lesson, cell, exercise_id):
    reply, _, _ = _run(lesson, cell, lesson_source.stub_source(cell.source))
    assert reply.status == "not yet", repr(reply)
    assert not reply


@pytest.mark.parametrize("lesson, cell, exercise_id", EXERCISE_CELLS)
def test_wrong_answers_are_each_refused_with_their_own_sentence(lesson, cell, exercise_id):
    _, _, given = _run(lesson, cell, lesson_source.solution_source(cell.source))
    examples = exercise_sets.find(exercise_id).examples(given)
    assert len(examples) >= 3
    assert len({message for _, message in examples}) == len(examples)
    for answer, message in examples:
        reply = exercises.check(exercise_id, answer, **given)
        assert reply.status == "wrong", f"accepted, but it is known as: {message}"
        assert reply.message == message, f"{message!r} expected, got: {reply!r}"


def test_ids_are_unique_and_hints_are_three_and_differ():
    ids = [x.id for number in exercise_sets.lessons() for x in exercise_sets.of_lesson(number)]
    assert len(set(ids)) == len(ids)
    for number in exercise_sets.lessons():
        for exercise in exercise_sets.of_lesson(number):
            assert exercise.id.startswith(f"{number}-")
            assert len({*exercise.hints}) == len(exercise.hints) >= 3, exercise.id
            assert all(hint == hint.strip() != "" for hint in exercise.hints), exercise.id


# ---- check


@pytest.fixture
def declare(monkeypatch):
    """Put exercises into a lesson 97 that exists only for one test."""

    def of_lesson(number):
        return made if number == "97" else []

    made = []
    monkeypatch.setattr(exercise_sets, "lessons", lambda: ["97"])
    monkeypatch.setattr(exercise_sets, "of_lesson", of_lesson)
    return made.append


def number(expected=12, **options):
    wrong = [(3, "Three."), (4, "Four."), (5, "Five.")]
    return value("97-n", "A number", expected, wrong=wrong, hints=HINTS, **options)


def doubled(**options):
    wrong = [
        (lambda x: x, "Unchanged."),
        (lambda x: 3 * x, "Three times."),
        (lambda results: results[0] < 0, "Negative.", lambda x: -2 * x),
    ]
    cases = options.pop("cases", [(2.0,), (np.array([1.0, 3.0]),)])
    return function(
        "97-f", "Double it", lambda x: 2 * x, cases, wrong=wrong, hints=HINTS, **options
    )


def say(exercise, answer, **given):
    status, message = exercise.judge(answer, given)
    return f"{status}: {message}"


@pytest.mark.parametrize(
    "blank", [None, ..., "", " ", "...", (1, None), [..., 2], {"a": None}, np.array([None, 1])]
)
def test_what_nobody_has_written_is_not_yet(declare, blank):
    declare(number())
    reply = exercises.check("97-n", blank)
    assert reply.status == "not yet" and not reply
    assert repr(reply).startswith("\u25cb Not yet.")


@pytest.mark.parametrize("right", [12, 12.0, np.int64(12), np.array(12), np.float32(12)])
def test_a_number_may_be_an_int_a_float_or_an_array(declare, right):
    declare(number())
    assert exercises.check("97-n", right)


def test_floats_have_a_tolerance_and_integers_have_none(declare):
    declare(number(12.0))
    assert exercises.check("97-n", 12.0001)
    assert not exercises.check("97-n", 12.01)
    assert number(12).judge(12.0001, {})[0] == "wrong"
    assert number(12.0, atol=0.1).judge(12.05, {})[0] == "right"


def test_whole_numbers_may_differ_by_the_stated_atol():
    picture = np.array([[0, 128, 255]], np.uint8)
    assert same(np.array([[1, 127, 254]], np.uint8), picture, atol=1)
    assert not same(np.array([[2, 128, 255]], np.uint8), picture, atol=1)
    assert not same(np.array([[255, 128, 255]], np.uint8), picture, atol=1)  # 0 - 1 in uint8
    assert not same(1_000_001, 1_000_000) and not same([True], [False], atol=1)


def test_replies_to_a_right_and_to_a_known_wrong_answer(declare):
    declare(number(praise="A dozen."))
    reply = exercises.check("97-n", 4)
    assert (reply.status, reply.message, bool(reply)) == ("wrong", "Four.", False)
    assert repr(reply) == '\u2717 Not right. A number: Four. `hint("97-n")` helps.'
    assert repr(exercises.check("97-n", 12)) == "\u2713 Right. A number: A dozen."


@pytest.mark.parametrize(
    "answer, sentence",
    [
        ("twelve", "This is a text, but a number is expected."),
        (np.ones((2, 3)), "This is an array of shape (2, 3), but a number is expected."),
        ([12, 12], "This is an array of shape (2,), but a number is expected."),
        (True, "This is True or False, but a number is expected."),
        (lambda: 12, "This is the function itself. Call it and hand over what it returns."),
        (float("nan"), "This is nan, not an ordinary number. Look for a division by zero."),
        (13, "13 is not the answer."),
        (1200, "1200 is not the answer."),  # no percent of 12
        (
            collections.namedtuple("Guess", "index label")(12, "a"),
            "This is a whole Guess; hand over one of its parts: index, label.",
        ),
        ({1}, "This is a set, but a number is expected."),
        (
            type("KerasTensor", (), {})(),
            "This is a symbolic Keras tensor, which holds no numbers. "
            "Call the model on a photo and hand over the result.",
        ),
    ],
)
def test_other_wrong_answers_are_told_what_they_are(answer, sentence):
    assert say(number(), answer) == f"wrong: {sentence}"


def test_a_slip_must_explain_every_case():
    wrong = [(lambda x: x + 5, "Five."), (lambda x: x + 6, "Six."), (lambda x: x + 7, "Seven.")]
    half = function("97-f", "Half", lambda x: x / 2, [(2.0,), (-4.0,)], wrong=wrong, hints=HINTS)
    assert "but for the sign" in say(half, lambda x: -x / 2)
    assert "but for the sign" not in say(half, lambda x: -abs(x) / 2)  # right for -4
    assert say(number("fire2"), " Fire2 ").startswith("right")
    assert "case of its letters" in say(number(("fire2", "conv1")), ("Fire2", "conv1"))


def test_an_array_shows_both_shapes_and_the_first_difference():
    expected = np.arange(6.0).reshape(2, 3)
    exercise = number(expected)
    assert say(exercise, expected.T) == "wrong: The shape is (3, 2), but (2, 3) is expected."
    wrong = expected.copy()
    wrong[1, 0], wrong[1, 2] = 7, 8
    told = "2 of 6 values are not right. The first is at [1, 0]: "
    assert say(exercise, wrong) == f"wrong: {told}this is 7."
    assert say(number(expected, reveal=True), wrong) == f"wrong: {told}expected 3, but this is 7."
    wrong[0, 0] = np.inf
    assert "1 of 6 values are NaN or infinite" in say(exercise, wrong)


def test_a_tensor_is_an_array_or_a_number():
    assert say(number(12.0), tf.constant([12.0])) == "right: "
    assert say(number(np.array([1.0, 2.0])), tf.constant([1.0, 2.0])) == "right: "


def test_a_secret_value_is_not_given_away():
    for answer in (13, 12.5, np.full((2,), 7), "text", (1, "a")):
        assert "12" not in say(number(), answer).replace("12.5", "")
    secret = np.full((2, 2), 4321.0)
    assert "4321" not in say(number(secret), np.zeros((2, 2)))


def test_dtype_is_checked_where_it_matters():
    picture = np.array([[1, 2]], dtype=np.uint8)
    exercise = number(picture, dtype="uint8")
    assert say(exercise, picture).startswith("right")
    assert say(exercise, picture.astype(float)) == (
        "wrong: The values are right, but the dtype is float64; uint8 is expected."
    )
    assert say(doubled(dtype="float64"), lambda x: np.float32(2 * x)).endswith(
        "the dtype is float32; float64 is expected."
    )


def test_tuples_texts_dicts_and_sets():
    exercise = number((3, "conv", np.ones(2)))
    assert say(exercise, [3, "conv", [1, 1]]).startswith("right")
    assert say(exercise, (3, "pool", np.ones(2))) == (
        "wrong: Entry 2 of 3 is not right yet. 'pool' is not the answer."
    )
    assert say(exercise, (3, "conv")) == "wrong: This has 2 entries, but 3 are expected."
    names = number(["a", "b"])
    assert say(names, np.array(["a", "b"])).startswith("right")
    assert say(names, ("a", "c")).startswith("wrong: Entry 2")
    assert say(number({"a": 1}), {"a": 1.0}).startswith("right")
    assert say(number({"a": 1}), {"b": 1}).startswith("wrong")
    assert say(number({"a", "b"}), {"b", "a"}).startswith("right")


@pytest.mark.parametrize("answer", ["12.75", " 12.75 ", [12.75], (12.75,), np.array([12.75])])
def test_a_number_may_be_text_or_stand_alone_in_a_list(answer):
    exercise = value("98-n", "N", 12.75, wrong=[(1, "one")], hints=["a", "b", "c"])
    assert exercise.judge(answer, {})[0] == "right"
    assert exercise.judge(["1"], {}) == ("wrong", "one")
    for other in ("12,75 levels", [12.75, 0], {"n": 12.75}):
        assert exercise.judge(other, {})[0] == "wrong"
    large = value("98-m", "M", 138357544, wrong=[], hints=["a", "b", "c"])
    assert large.judge("138,357,544", {})[0] == "right"
    assert large.judge("13,8357,544", {})[0] == "wrong"


@pytest.mark.parametrize(
    "exercise_id, answer, words",
    [
        ("00-numbers", "150 528", None),
        ("00-puzzling", ("gravel",), None),
        ("02-fewer", ["fire2_squeeze1x1"], None),
        ("03-window", "29, 31, 17", None),
        ("03-window", ("29", "31", "17"), None),
        ("04-slide", "(1, 0.4)", None),
        ("04-slide", [1, "0.40"], None),
        ("04-slide", {1: 0.4}, None),
        ("04-slide", {"channel": 1, "mean": 0.4}, None),
        ("00-numbers", "50 176", "number of pixels"),
        ("03-window", "29, 31, 16", "round it up"),
        ("03-window", "29, 31", "is expected"),
        ("04-slide", "(1, 0.45)", "printed there"),
        ("04-slide", {1: 0.45}, "printed there"),
        ("04-slide", {1: 0.4, 2: 0.8, 3: 1.3}, "(channel, mean)"),
        ("02-fewer", ["pool1"], "not yet enough"),
        ("00-animal", 0.5, "This check also needs `net=net, photo=photo`"),
        ("00-spot", (99, 239), "This check also needs `net=net, photo=photo`"),
    ],
)
def test_an_answer_as_text_or_in_a_list_is_right_or_has_its_sentence(exercise_id, answer, words):
    reply = exercises.check(exercise_id, answer)
    assert bool(reply) == (words is None) and (words or "") in reply.message


def test_a_value_may_depend_on_what_is_given():
    wrong = [(lambda labels: len(labels) - 1, "One less."), (0, "Zero."), (-1, "Minus one.")]
    exercise = value("97-g", "Labels", lambda labels: len(labels), hints=HINTS, wrong=wrong)
    assert say(exercise, 2, labels="ab").startswith("right")
    assert say(exercise, 1, labels="ab") == "wrong: One less."
    assert exercise.examples({"labels": "ab"})[0] == (1, "One less.")


def test_a_choice_takes_letters_in_any_form():
    wrong = {"a": "No a.", "c": "No c.", 4: "Not 4."}
    exercise = choice("97-c", "Which?", "b", wrong=wrong, hints=HINTS)
    for answer in ("b", "B", " b. ", "(b)"):
        assert say(exercise, answer).startswith("right")
    assert say(exercise, "C") == "wrong: No c."
    assert say(exercise, 4) == "wrong: Not 4."
    assert say(exercise, "z") == "wrong: 'z' is none of the choices: 4, a, b, c."
    assert say(exercise, None) == "not yet: Not answered yet. Choose one of: 4, a, b, c."


@pytest.mark.parametrize("lesson, cell, exercise_id", CHOICES)
def test_a_choice_takes_the_words_of_an_option_for_its_letter(lesson, cell, exercise_id):
    options = exercise_sets.options(exercise_id)
    assert options == lesson_source.options(lesson, cell)
    for letter, text in options.items():
        wanted = exercises.check(exercise_id, letter)
        others = " ".join(options[other] for other in options if other != letter).casefold()
        own = [w for w in re.findall(r"\b[a-z]\w{3,}", text.casefold()) if w not in others]
        for words in (text, text.upper(), f"({letter}) {text}", f"Option {letter}", *own[:1]):
            reply = exercises.check(exercise_id, words)
            assert reply.message == wanted.message and reply.status == wanted.status, words
        assert "none of the choices" not in wanted.message
    statuses = [exercises.check(exercise_id, letter).status for letter in options]
    assert len(options) == 4 and statuses.count("right") == 1
    for nothing in ("none of these", "1", "not " + options["a"], "a and b"):
        assert "none of the choices" in exercises.check(exercise_id, nothing).message


def test_custom_tests_and_their_order():
    wrong = [
        (lambda answer, top: answer > top, "Too big.", Given(lambda top: top + 2)),
        (lambda answer, top: answer % 2 == 1, "Odd.", 3),
        (lambda answer, top: answer < 0, "Negative.", -1),
    ]
    even = custom(
        *("97-x", "Even", lambda answer, top: answer % 2 == 0 and answer <= top),
        **{"wrong": wrong, "otherwise": "No number.", "hints": HINTS},
    )
    assert say(even, 4, top=6).startswith("right")
    assert say(even, 8, top=6) == "wrong: Too big."
    assert say(even, 3, top=6) == "wrong: Odd."
    assert say(even, "four", top=6) == "wrong: No number."
    assert even.examples({"top": 6})[0] == (8, "Too big.")


# ---- functions


TAKES = "wrong: The function must take (x), but this one takes ()."


@pytest.mark.parametrize(
    "answer, said",
    [
        (lambda x: x + x, "right: "),
        (lambda x, y=1: 2 * x, "right: "),
        (lambda value: value * 1, "wrong: Unchanged."),
        (lambda x: x * 3.0, "wrong: Three times."),
        (lambda x: -x, "wrong: Negative."),
        (lambda: 1, TAKES),
        (4.0, "wrong: Hand over the function itself, without calling it: this is a number."),
        (
            lambda x: x**2,
            "wrong: Called with x = [1., 3.]: 2 of 2 values are not right. "
            "The first is at [0]: expected 2, but this is 1.",
        ),
    ],
)
def test_functions_and_what_is_said_of_them(answer, said):
    assert say(doubled(), answer) == said
    assert "expected" not in say(doubled(reveal=False), lambda x: x**2)


def test_options_of_the_reference_are_not_asked_of_the_student():
    option = function("97-o", "O", lambda x, by=2: by * x, [(3,)], wrong=[], hints=HINTS)
    assert say(option, lambda x: 2 * x).startswith("right")
    assert say(option, lambda: 2) == TAKES


def test_a_function_without_return_is_not_yet():
    def later(x):
        return None

    def raising(x):
        raise NotImplementedError

    said = "not yet: `later` returns None so far. A forgotten `return` looks the same."
    assert say(doubled(), later) == said
    assert say(doubled(), raising).startswith("not yet")


def test_an_exception_becomes_a_sentence_with_its_line():
    def broken(x):
        return x.shpe

    assert say(doubled(), broken) == (
        "wrong: The function stopped with AttributeError: 'float' object has no attribute 'shpe' "
        f"(line {broken.__code__.co_firstlineno + 1}: `return x.shpe`)."
    )

    def endless(x):
        return endless(x)

    assert "RecursionError" in say(doubled(), endless)

    def quits(x):
        raise SystemExit

    assert "SystemExit: no message" in say(doubled(), quits)


def test_a_function_that_changes_its_argument_is_refused_and_does_no_harm():
    case = np.array([1.0, 3.0])

    exercise = doubled(cases=[(case,)])
    assert "changes the values that it is given" in say(exercise, _doubled_in_place)
    assert case.tolist() == [1.0, 3.0]
    assert say(doubled(cases=[(case,)], pure=False), _doubled_in_place).startswith("right")
    assert case.tolist() == [1.0, 3.0]


def _doubled_in_place(x):
    x *= 2
    return x


def _spoils(answer):
    """A test that changes what it is given, and is False."""
    for array in answer if isinstance(answer, list) else [answer]:
        array *= 1000
    return False


def test_a_check_works_on_copies_of_answers_results_and_cases():
    answer, case = np.array([1.0, 3.0]), np.array([1.0, 3.0])
    about = {"wrong": [(_spoils, "Huge.", np.array([9.0, 9.0]))], "hints": HINTS}
    assert say(value("97-v", "Value", np.array([1.0, 2.0]), **about), answer).startswith("wrong")
    assert answer.tolist() == [1.0, 3.0]
    assert say(custom("97-c", "Test", _spoils, otherwise="No.", **about), answer) == "wrong: No."
    assert answer.tolist() == [1.0, 3.0]
    slips = [(lambda x: 3 * _doubled_in_place(x), "Six times."), (_spoils, "Huge.", lambda x: -x)]
    exercise = function("97-f", "Double", _doubled_in_place, [(case,)], wrong=slips, hints=HINTS)
    said = say(exercise, lambda x: 5 * x)
    assert "Called with x = [1., 3.]" in said and "expected 2, but this is 5." in said
    assert case.tolist() == [1.0, 3.0]


def test_a_known_wrong_function_explains_the_cases_where_one_of_the_two_is_wrong():
    ones = np.ones(3)
    exercise = doubled(cases=[(ones,), (-ones,), (0 * ones,)])
    assert say(exercise, lambda x: 3 * x if x[0] < 0 else 2 * x) == "wrong: Three times."
    assert say(exercise, lambda x: 3 * x if x[0] else x + 1) == "wrong: Three times."
    assert "Called with" in say(exercise, lambda x: 3 * x if x[0] < 0 else 5 * x)
    few = doubled(cases=[(1.0,), (2.0,), (5.0,)])
    assert "Called with" in say(few, lambda x: 3 * x if x < 2 else 2 * x)  # may be chance


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_slip_has_a_tolerance_of_its_own(dtype):
    def softmax(logits):
        powers = np.exp(logits - logits.max()).astype(dtype)
        return 100 * powers / powers.sum()

    assert exercises.check("00-softmax", softmax).message.startswith("That is in percent")


def test_half_precision_has_its_own_sentence():
    exercise = doubled(cases=[(np.array([1.234, 30.01, 0.0]),), (np.array([0.11]),)])
    half = say(exercise, lambda x: (2 * x).astype(np.float16))
    assert half.startswith("wrong: The values are right but for rounding: `float16`")
    assert say(exercise, lambda x: 2 * x.astype(np.float16)) == half
    assert "float16" not in say(exercise, lambda x: (2.01 * x).astype(np.float16))
    assert "float16" not in say(exercise, lambda x: np.round(2 * x, 3))
    assert "float16" in say(number(np.full(2, 1 / 3)), np.full(2, 1 / 3, np.float16))


def test_rows_and_columns_exchanged_throughout():
    def keep(picture, top, left, patch, colour):
        kept = np.empty_like(picture)
        kept[:] = colour
        inside = np.s_[left : left + patch[1], top : top + patch[0]]
        kept[inside] = picture[inside]
        return kept

    assert "exchanged throughout" in exercises.check("03-keep", keep).message


# ---- never


def test_text_is_never_evaluated():
    assert say(number(), "6 * 2").startswith("wrong: This is a text")
    assert say(number(), "__import__('os').abort()").startswith("wrong")


class Hostile:
    """Breaks whatever is done with it."""

    def __eq__(self, other):
        raise RuntimeError("no ==")

    def __repr__(self):
        raise RuntimeError("no repr")

    def __bool__(self):
        raise RuntimeError("no bool")

    __hash__ = None


class HostileTensor:
    def numpy(self):
        raise RuntimeError("no numbers here")


@pytest.mark.parametrize(
    "answer",
    [
        *(Hostile(), [Hostile()], HostileTensor(), np.array([Hostile()]), object(), type),
        *(b"12", 1j, np.zeros((0, 3)), [[1, 2], [3]], range(3), iter([1]), 10**400 + 1),
        *(np.datetime64("2020"), float("inf"), "x" * 10**6, Exception("x"), np.ma.masked),
        slice(1),
    ],
)
def test_no_answer_whatever_makes_check_raise(declare, answer):
    even = custom("97-x", "Even", lambda a: a % 2 == 0, otherwise="No.", hints=HINTS, wrong=[])
    letter = choice("97-c", "Letter", "a", wrong={"b": "b"}, hints=HINTS)
    numbers = [number(right) for right in (12, np.ones((2, 2)), ("a", 1), {"a": 1})]
    for exercise in (*numbers, doubled(), even, letter):
        declare(exercise)
        reply = exercises.check(exercise.id, answer)
        assert reply.status == "wrong"
        assert len(repr(reply)) < 600 and len(reply._repr_html_()) < 2000


def test_the_caller_s_names_are_not_looked_at(declare):
    declare(number())
    n = answer = expected = 12  # noqa: F841
    assert exercises.check("97-n").status == "not yet"


# ---- what is shown


def test_html_is_escaped_and_says_in_words(declare):
    declare(value("97-n", "a < b", 1, hints=HINTS, wrong=[("<b>", "Not `<b>`.")]))
    shown = exercises.check("97-n", "<b>")._repr_html_()
    assert "&lt;b&gt;" in shown and "<b>\u2717 Not right</b>" in shown and "a &lt; b" in shown
    assert "<code" in shown and "`" not in shown


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_box_has_contrast_and_its_own_sign():
    looks = exercises._LOOKS.values()
    for _, _, text, background in looks:
        light, dark = sorted((_luminance(background), _luminance(text)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7
    assert len({sign for sign, *_ in looks}) == len({words for _, words, *_ in looks}) == len(looks)


# ---- hint, solution, ids


def test_hints_come_step_by_step(declare, monkeypatch):
    monkeypatch.setattr(exercises, "_given_hints", {})
    declare(number())
    shown = [exercises.hint("97-n") for _ in range(4)]
    assert [x.message for x in shown] == ["first", "second", "third", "third"]
    assert repr(shown[0]) == "\u2192 Hint 1 of 3: first"
    assert 'solution("97-n")' in repr(shown[3]) and "solution" not in repr(shown[1])
    assert exercises.hint("97-n", 2).message == "second"
    assert "2 of 3" in shown[1]._repr_html_()
    for bad in (0, 4, "2", True, 1.5):
        with pytest.raises(ValueError, match="has hints 1 to 3"):
            exercises.hint("97-n", bad)


def test_an_unknown_id_names_its_neighbours(declare):
    declare(number())
    for ask in (exercises.check, exercises.hint, exercises.solution):
        with pytest.raises(ValueError, match="Did you mean '97-n'?"):
            ask("97-nn")
    with pytest.raises(ValueError, match="No exercise has the id 'completely'"):
        exercises.check("completely", 1)
    with pytest.raises(ValueError, match="No exercise has the id 'None'"):
        exercises.check(None, 1)


def test_a_solution_is_shown_as_the_lesson_has_it(declare, monkeypatch):
    declare(number())
    with pytest.raises(ValueError, match="No solution is stored for '97-n'"):
        exercises.solution("97-n")
    monkeypatch.setattr(exercise_sets, "solution_source", lambda name: "x = 1 < 2")
    shown = exercises.solution("97-n")
    assert repr(shown) == "\u2261 Solution. A number:\n\nx = 1 < 2"
    assert "x = 1 &lt; 2" in shown._repr_html_()


def test_every_exercise_has_a_stored_solution():
    for exercise in (one for x in LESSONS for one in exercise_sets.of_lesson(x.number)):
        source = exercises.solution(exercise.id).source
        assert source and "check(" not in source and "<solution>" not in source


# ---- comparing


def test_same_compares_kinds_shapes_and_values():
    assert same(np.float32(0.1), 0.1) and same(float("nan"), float("nan"))
    assert same([1, 2], (1, 2)) and same([[1], [2]], np.array([[1], [2]]))
    assert not same([1, 2], [2, 1]) and not same([1, 2], [[1, 2]])
    assert not same("1", 1) and not same(True, 1) and not same(1, "1")
    assert same(1.0, True) and same(0, False) and not same(0.0, True) and not same(2, True)
    assert same([True, False], np.array([True, False]))
    assert not same([1, 0], np.array([True, False]))


def test_blank_and_brief():
    assert not is_blank(0) and not is_blank(False) and not is_blank([]) and not is_blank(np.ones(2))
    assert brief(np.zeros((9, 9))) == "an array of shape (9, 9)"
    assert brief((1, "a")) == "(1, 'a')" and brief(1 / 3) == "0.333333"
    assert brief(say) == "the function say"
    assert difference(1, 2, reveal=True) == "Expected 2, but this is 1."
