"""Exercises with feedback: check(id, answer), hint(id), solution(id).

The answer is passed as a value; nothing looks into the caller's variables, nothing is evaluated
from text, and the answer is never changed. Every reply is plain text in a terminal and a coloured
box with words in a notebook.
"""

import html
import re
from dataclasses import dataclass

from cnnvis_helpers import exercises as exercise_sets
from cnnvis_helpers.exercises.kinds import NOT_YET, RIGHT, WRONG, NeedsMore

_given_hints = {}  # exercise id -> number of hints shown by hint(id) so far

# status: (sign, words, text colour, background); each pair has a contrast above 7 to 1
_LOOKS = {
    RIGHT: ("\u2713", "Right", "#0b3d1e", "#e3f4e8"),
    WRONG: ("\u2717", "Not right", "#5c1a00", "#fdece2"),
    NOT_YET: ("\u25cb", "Not yet", "#1f2a44", "#e8edf7"),
    "hint": ("\u2192", "Hint", "#3d3000", "#fdf4cf"),
    "solution": ("\u2261", "Solution", "#1f2a44", "#eef0f4"),
}


class _Reply:
    """Plain text as repr, a box as HTML."""

    def __str__(self):
        return repr(self)


@dataclass(frozen=True, repr=False)
class Result(_Reply):
    """Reply to an answer. True in an `if` if the answer is right.

    status : "right", "wrong" or "not yet"
    message : the sentence for the student
    """

    exercise: str
    title: str
    status: str
    message: str

    def __bool__(self):
        return self.status == RIGHT

    def __repr__(self):
        sign, words, _, _ = _LOOKS[self.status]
        return " ".join(f"{sign} {words}. {self.title}: {self.message}{self._next_step()}".split())

    def _repr_html_(self):
        return _box(self.status, self.title, self.message + self._next_step())

    def _next_step(self):
        return "" if self else f' `hint("{self.exercise}")` helps.'


@dataclass(frozen=True, repr=False)
class Hint(_Reply):
    """One hint of an exercise: `number` of `count`."""

    exercise: str
    title: str
    number: int
    count: int
    message: str

    def __repr__(self):
        return f"{_LOOKS['hint'][0]} Hint {self.number} of {self.count}: {self._text()}"

    def _repr_html_(self):
        return _box("hint", f"{self.number} of {self.count}", self._text())

    def _text(self):
        if self.number < self.count:
            return self.message
        return f'{self.message} (The last hint; `solution("{self.exercise}")` shows the solution.)'


@dataclass(frozen=True, repr=False)
class Solution(_Reply):
    """The source of a solution."""

    exercise: str
    title: str
    source: str

    def __repr__(self):
        return f"{_LOOKS['solution'][0]} Solution. {self.title}:\n\n{self.source}"

    def _repr_html_(self):
        code = f"<pre style='margin:.5em 0 0; color:inherit'>{html.escape(self.source)}</pre>"
        return _box("solution", self.title, "", code)


def check(exercise_id, answer=None, **given):
    """Say whether an answer is right, and if not, what probably happened.

    Parameters
    ----------
    exercise_id : str, such as "01-count-weights"
    answer : the value, array, text, tuple or function that the exercise asks for
    given : other values that the exercise says to pass (`net=net`)

    Returns
    -------
    Result: true if right, with a `message`. A strange answer never raises.

    Raises ValueError for an unknown exercise id; the sentence names similar ones.

        check("01-count-weights", 672)
    """
    exercise = exercise_sets.find(exercise_id)
    try:
        status, message = exercise.judge(answer, given)
    except NeedsMore as error:
        status, message = WRONG, str(error)
    except Exception as error:  # a foreign object may break any comparison
        status = WRONG
        message = (
            f"An answer of type {type(answer).__name__} could not be compared "
            f"({type(error).__name__}: {str(error)[:120]}). Read again what the exercise asks for."
        )
    return Result(exercise.id, exercise.title, status, message or "That is it.")


def hint(exercise_id, number=None):
    """Return the next hint of an exercise at each call, or the hint with this number.

    Parameters
    ----------
    exercise_id : str, such as "00-softmax"
    number : int from 1; None for the next one

    Returns
    -------
    Hint. Hints go from gentle to nearly the answer; the last one then repeats.

    Raises ValueError for an unknown exercise id or hint number.
    """
    exercise = exercise_sets.find(exercise_id)
    count = len(exercise.hints)
    if number is None:
        number = min(_given_hints.get(exercise.id, 0) + 1, count)
        _given_hints[exercise.id] = number
    elif isinstance(number, bool) or number not in range(1, count + 1):
        raise ValueError(f"Exercise '{exercise.id}' has hints 1 to {count}, not {number!r}.")
    return Hint(exercise.id, exercise.title, int(number), count, exercise.hints[int(number) - 1])


def solution(exercise_id):
    """Return the source of an exercise's solution, as in the lecturer's notebook.

    Parameters
    ----------
    exercise_id : str, such as "00-softmax"

    Returns
    -------
    Solution, with the text `source`

    Raises ValueError for an unknown exercise id.
    """
    exercise = exercise_sets.find(exercise_id)
    source = exercise_sets.solution_source(exercise.id)
    if source is None:
        raise ValueError(
            f"No solution is stored for '{exercise.id}'. "
            "python tools/build_notebooks.py makes it from the lesson."
        )
    return Solution(exercise.id, exercise.title, source)


def _box(look, title, message, extra=""):
    sign, words, colour, background = _LOOKS[look]
    body = re.sub(
        r"`([^`]+)`",
        r"<code style='color:inherit; background:none'>\1</code>",
        html.escape(message, quote=False),
    )
    return (
        f"<div role='status' style='color:{colour}; background:{background}; "
        f"border-left:6px solid {colour}; padding:.6em 1em; max-width:50em'>"
        f"<b>{sign} {words}</b> &middot; {html.escape(title)}"
        + (f"<br>{body}" if body else "")
        + extra
        + "</div>"
    )
