"""The four kinds of exercise that a lesson can declare: value, choice, function, custom.

Each makes an Exercise with an id ("01-count-weights"), a title, three hints from gentle to nearly
the answer, and at least three known wrong answers, each with its own sentence that says what
probably happened and where to look, never the answer.

    from cnnvis_helpers.exercises.kinds import choice, custom, function, value

    EXERCISES = [
        value("01-maps", "How many maps?", 24,
              wrong=[(3, "3 is the number of colour channels that go in. ..."), ...],
              hints=["...", "...", "..."]),
    ]
"""

import inspect
import linecache
import numbers
import re
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnvis_helpers import exercises as exercise_sets
from cnnvis_helpers.exercises.comparing import (
    ATOL,
    RTOL,
    brief,
    difference,
    dtype_of,
    finite_errors,
    is_blank,
    kind_of,
    plain,
    private_copy,
    same,
    slip,
)

RIGHT, WRONG, NOT_YET = "right", "wrong", "not yet"


@dataclass(frozen=True)
class Wrong:
    """A known wrong answer: what it is (or a test for it), an example, and its sentence."""

    example: object
    message: str
    when: Callable | None = None


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    id : str, such as "01-count-weights"
    hints : three texts, from gentle to nearly the answer
    judge : function (answer, given) -> (RIGHT | WRONG | NOT_YET, sentence)
    examples : function given -> [(wrong answer, its sentence), ...], for the tests
    praise : the sentence for a right answer; "" for none
    """

    id: str
    title: str
    hints: tuple
    judge: Callable
    examples: Callable
    praise: str = ""


class NeedsMore(ValueError):
    """check() did not get what an exercise needs; the message says what."""


class Given:
    """A value computed from the arguments of check(): Given(lambda net: net.labels[0])."""

    def __init__(self, compute):
        self.compute = compute


def value(
    id, title, expected, *, wrong, hints, rtol=RTOL, atol=ATOL, dtype=None, reveal=False, praise=""
):
    """Make an exercise whose answer is a number, array, str, tuple, list or dict.

    id, title, hints, praise : as in `Exercise`
    expected : the right answer; or a function that computes it from the keyword arguments of
        check(id, answer, net=net): `lambda net: len(net.labels)`
    wrong : list of (wrong answer, sentence), or of (test, sentence, example), where
        test(answer, **given) -> bool. Like `expected`, a wrong answer may be a function
    rtol, atol : tolerance of numbers; integers may only differ by `atol`
    dtype : the dtype that an array must have ("uint8"), if it matters
    reveal : show the expected value at the first difference; False keeps the answer secret
    """
    wrongs = _wrongs(wrong)

    def judge(answer, given):
        if is_blank(answer):
            return NOT_YET, "Not answered yet."
        right = _from_given(expected, given)
        answer = _as_expected(answer, right)
        equal = same(answer, right, rtol, atol)
        if equal and _fits([answer], dtype):
            return RIGHT, praise
        for known in wrongs:
            if _holds(known.when, private_copy(answer), **given) or (
                known.when is None and same(answer, _from_given(known.example, given), rtol, atol)
            ):
                return WRONG, known.message
        if equal:
            return WRONG, _dtype_difference([answer], dtype)
        return WRONG, difference(answer, right, reveal, rtol, atol)

    return _exercise(id, title, hints, judge, wrongs, praise, _from_given)


def choice(id, title, right, *, wrong, hints, praise=""):
    """Make an exercise that is answered by one of a few letters or words.

    Case and blanks do not matter. A number and its text, 2 and "2", are the same answer. Words that
    stand in the lesson's text of one option, and of no other, are that option's letter.

    id, title, hints, praise : as in `Exercise`
    right : "b"
    wrong : {"a": sentence, "c": sentence, ...}
    """
    wrongs = _wrongs(wrong.items())
    sentences = {_word(known.example): known.message for known in wrongs}
    letters = ", ".join(sorted({_word(right), *sentences}))

    def judge(answer, given):
        if is_blank(answer):
            return NOT_YET, f"Not answered yet. Choose one of: {letters}."
        word = _option(_word(answer), exercise_sets.options(id))
        if word == _word(right):
            return RIGHT, praise
        told = sentences.get(word)
        return WRONG, told or f"{brief(answer)} is none of the choices: {letters}."

    return _exercise(id, title, hints, judge, wrongs, praise, lambda example, given: example)


def function(
    id,
    title,
    reference,
    cases,
    *,
    wrong,
    hints,
    rtol=RTOL,
    atol=ATOL,
    dtype=None,
    reveal=True,
    pure=True,
    praise="",
):
    """Make an exercise whose answer is a function, compared on `cases` with `reference`.

    Every call gets its own copies of arrays, lists and dicts.

    id, title, hints, praise : as in `Exercise`
    reference : a right function; the student's must accept its parameters without a default
    cases : list of argument tuples, [(kernel, bias), ...]; or a function of the keyword arguments
        of check(id, answer, net=net) that makes this list: `lambda net: [(net, photo)]`
    wrong : list of (wrong function, sentence): known if all its results equal the student's, or,
        if none does, those of the cases where one of the two is wrong (see _explains); or of
        (test, sentence, example), where test(list of results, one per case) -> bool
    rtol, atol, dtype : as in `value`, of every result
    reveal : show the expected value of the first case that differs
    pure : reject a function that changes its arguments
    """
    wrongs = _wrongs(wrong)

    def judge(answer, given):
        refusal = _not_a_function(answer, reference)
        if refusal:
            return refusal
        arguments = _computed(cases, given) if callable(cases) else cases
        status, results = _results(answer, arguments, pure)
        if status != RIGHT:
            return status, results
        expected = [reference(*private_copy(tuple(case))) for case in arguments]
        results = tuple(_as_expected(*pair) for pair in zip(results, expected, strict=True))
        equal = _all_same(results, expected, rtol, atol)
        if equal and _fits(results, dtype):
            return RIGHT, praise
        found = [_results_of(known, arguments) for known in wrongs]
        for known, theirs in zip(wrongs, found, strict=True):
            if _holds(known.when, list(private_copy(results))) or (
                theirs is not None and _all_same(results, theirs, rtol, atol)
            ):
                return WRONG, known.message
        if equal:
            return WRONG, _dtype_difference(results, dtype)
        for known, theirs in zip(wrongs, found, strict=True):
            if theirs is not None and _explains(theirs, results, expected, rtol, atol):
                return WRONG, known.message
        return WRONG, _case_difference(reference, arguments, results, expected, reveal, rtol, atol)

    return _exercise(id, title, hints, judge, wrongs, praise, lambda example, given: example)


def custom(id, title, right, *, wrong, hints, otherwise, praise=""):
    """Make an exercise with its own test, for answers no single value describes.

    id, title, hints, praise : as in `Exercise`
    right : right(answer, **given) -> bool. An exception inside it counts as False
    wrong : list of (test, sentence, example): test(answer, **given) -> bool, in this order. An
        example may be Given(lambda net: ...) if it depends on the arguments of check()
    otherwise : the sentence for any other wrong answer
    """
    wrongs = _wrongs(wrong)

    def judge(answer, given):
        if is_blank(answer):
            return NOT_YET, "Not answered yet."
        _needs(right, given, skip=1)
        if _holds(right, private_copy(answer), **given):
            return RIGHT, praise
        for known in wrongs:
            if _holds(known.when, private_copy(answer), **given):
                return WRONG, known.message
        return WRONG, otherwise

    return _exercise(id, title, hints, judge, wrongs, praise, _unwrap)


def _exercise(id, title, hints, judge, wrongs, praise, resolve):
    def examples(given):
        return [(resolve(known.example, given), known.message) for known in wrongs]

    return Exercise(id, title, tuple(hints), judge, examples, praise)


def _wrongs(entries):
    """Return a Wrong for each (example, sentence) or (test, sentence, example)."""
    threes = ((None, entry[1], entry[0]) if len(entry) == 2 else entry for entry in entries)
    return [Wrong(example, message, when) for when, message, example in threes]


def _all_same(results, others, rtol, atol):
    return all(same(a, b, rtol, atol) for a, b in zip(results, others, strict=True))


def _unwrap(example, given):
    return _computed(example.compute, given) if isinstance(example, Given) else example


def _from_given(wanted, given):
    return _computed(wanted, given) if inspect.isroutine(wanted) else _unwrap(wanted, given)


def _computed(function, given):
    _needs(function, given)
    return function(**given)


def _needs(function, given, skip=0):
    """Raise NeedsMore unless `given` are the parameters of `function` after the first `skip`."""
    signature = inspect.signature(function)
    try:
        signature.bind(*range(skip), **given)
    except TypeError:
        needed = ", ".join(f"{name}={name}" for name in [*signature.parameters][skip:])
        message = f"This check also needs `{needed}`, as in the cell it comes from."
        raise NeedsMore(message) from None


def _as_expected(answer, right):
    """Return "12.75", "1275%", [12.75] or a tensor [12.75] as 12.75 if a number is wanted.

    The same holds for each of several numbers: "29, 31", ("29", 31), {29: 31} and
    {"first": 29, "second": 31} are (29, 31). A text that differs from the right one only in case
    and outer blanks is the right one.
    """
    if isinstance(right, (tuple, list)) and all(isinstance(x, numbers.Real) for x in right):
        if isinstance(answer, dict):
            (answer,) = answer.items() if len(answer) == 1 else [tuple(answer.values())]
        parts = answer.strip(" ()[]").split(",") if isinstance(answer, str) else answer
        if isinstance(parts, (tuple, list)) and len(parts) == len(right):
            return tuple(_as_expected(*pair) for pair in zip(parts, right, strict=True))
        return answer
    if isinstance(right, str) and isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, str) and isinstance(right, str):
        return right if answer.strip().casefold() == right.strip().casefold() else answer
    known = isinstance(answer, (str, list, tuple, np.ndarray)) or hasattr(answer, "numpy")
    if not isinstance(right, numbers.Real) or not known:
        return answer
    if isinstance(answer, str) and re.fullmatch(r"\d{1,3}([,\s]\d{3})+", answer.strip()):
        answer = re.sub(r"[,\s]", "", answer)  # "138,357,544", as the lessons print it
    percent = isinstance(answer, str) and answer.strip().endswith("%")
    try:
        number = np.asarray(answer.strip(" %") if percent else answer, float).item()
    except (TypeError, ValueError):
        return answer
    return number / 100 if percent else number


def _word(answer):
    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]
    word = str(plain(answer)).strip().strip(".()").casefold()
    letter = re.fullmatch(r"(?:(?:option|answer) \(?)?([a-z])(?:[).:] .*)?", word)
    return letter[1] if letter else word  # "c) a volcano" -> "c"


def _option(word, options):
    """Return the letter of the only option with these words; `word` itself if there is none."""
    phrase = re.sub(r"^(?:(?:the|an?|its?|is|because) )+", "", _words(word))
    found = [letter for letter, text in options.items() if f" {phrase} " in f" {_words(text)} "]
    return found[0] if len(found) == 1 and re.search("[a-z]{3}", phrase) else word


def _words(text):
    """The text without case, Markdown and punctuation: "Its `ReLU`, (c)." -> "its relu c"."""
    return " ".join(re.sub(r"<!--.*?-->|[`*$\"'.,;!?()]|:(?=\s|$)", " ", text.casefold()).split())


def _holds(test, *args, **given):
    try:
        return test is not None and bool(test(*args, **given))
    except Exception:  # a test gets answers of any kind
        return False


def _not_a_function(answer, reference):
    if is_blank(answer):
        return NOT_YET, "Not answered yet."
    if not callable(answer):
        return WRONG, (
            f"Hand over the function itself, without calling it: this is {kind_of(answer)}."
        )
    parameters = inspect.signature(reference).parameters.values()
    names = [each.name for each in parameters if each.default is each.empty]
    try:
        inspect.signature(answer).bind(*names)
    except TypeError:
        found = inspect.signature(answer)
        return WRONG, (f"The function must take ({', '.join(names)}), but this one takes {found}.")
    except ValueError:  # some built-in functions have no signature
        pass
    return None


def _results(answer, cases, pure):
    """Return (RIGHT, results), or (status, sentence) if the function failed."""
    results = []
    for case in cases:
        arguments = private_copy(tuple(case))
        try:
            with warnings.catch_warnings(action="ignore"):  # the reply says enough
                result = answer(*arguments)
        except NotImplementedError:
            return NOT_YET, "Not answered yet."
        except (Exception, SystemExit) as error:
            return WRONG, _exception_sentence(error, answer)
        if is_blank(result):
            name = getattr(answer, "__name__", "<function>")
            who = "The function" if name.startswith("<") else f"`{name}`"
            return NOT_YET, (
                f"{who} returns {brief(result)} so far. A forgotten `return` looks the same."
            )
        if pure and not same(arguments, case, 0.0, 0.0):
            return WRONG, (
                "The function changes the values that it is given. Let it work on a copy, so that "
                "the caller's array stays as it was."
            )
        results.append(result)
    return RIGHT, results


def _results_of(known, cases):
    """Return what a known wrong function returns, one result per case; None if it fails."""
    if known.when is not None:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # they are not the student's
            return [known.example(*private_copy(tuple(case))) for case in cases]
    except Exception:  # a wrong function may fail on some case
        return None


def _explains(theirs, results, expected, rtol, atol):
    """Return whether a known wrong function explains what is wrong with the results.

    It does if both agree in every case where the results are wrong, or in every case where the
    known function is. At least three finite wrong numbers must agree: fewer may do so by chance.
    """
    for tried in (results, theirs):
        wrong = [
            (known, mine, right)
            for one, known, mine, right in zip(tried, theirs, results, expected, strict=True)
            if not same(one, right, rtol, atol)
        ]
        agree = all(same(mine, known, rtol, atol) for known, mine, _ in wrong)
        if agree and sum(finite_errors(mine, right, rtol, atol) for _, mine, right in wrong) >= 3:
            return True
    return False


def _case_difference(reference, cases, results, expected, reveal, rtol, atol):
    if told := slip(results, expected, rtol):
        return told
    names = inspect.signature(reference).parameters
    for case, result, right in zip(cases, results, expected, strict=True):
        if not same(result, right, rtol, atol):
            pairs = zip(names, case, strict=False)
            shown = ", ".join(f"{name} = {brief(argument)}" for name, argument in pairs)
            told = difference(result, right, reveal, rtol, atol, slips=False)
            return f"Called with {shown}: {told}"
    return "The results could not be compared."


def _fits(values, dtype):
    return dtype is None or all(dtype_of(value) == dtype for value in values)


def _dtype_difference(values, dtype):
    found = next(dtype_of(value) for value in values if dtype_of(value) != dtype)
    return f"The values are right, but the dtype is {found}; {dtype} is expected."


def _exception_sentence(error, function):
    """Describe an exception of a student's function in a sentence: type, message, line."""
    text = " ".join(str(error).split()) or "no message"
    text = text if len(text) <= 200 else text[:197] + "..."
    sentence = f"The function stopped with {type(error).__name__}: {text.rstrip('.')}"
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code and frame.filename == code.co_filename]
    if not own:
        return sentence + "."
    line = (own[-1].line or linecache.getline(own[-1].filename, own[-1].lineno)).strip()
    line = line if len(line) <= 80 else line[:77] + "..."
    return sentence + f" (line {own[-1].lineno}" + (f": `{line}`)." if line else ").")
