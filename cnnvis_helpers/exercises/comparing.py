"""Compare an answer with what is expected and say in a sentence how they differ.

Pure functions on plain values. They never change their arguments, never raise for a strange value,
and know arrays, numbers, strings, tuples, lists, dicts and eager TensorFlow tensors.
"""

import numbers
import reprlib

import numpy as np

RTOL, ATOL = 1e-4, 1e-6  # relative and absolute tolerance; the relative one is for floats


# Common slips with right numbers: (how to undo the slip, the sentence for it).
_SLIPS = (
    (
        lambda answer: np.where(np.abs(answer) <= 100, np.divide(answer, 100), np.nan),
        "That is in percent; give the share, from 0 to 1.",
    ),
    (lambda answer: -answer, "The numbers are right but for the sign: what is taken from what?"),
)
_HALF = (
    "The values are right but for rounding: `float16` keeps only three digits. Compute in "
    "`float32` or `float64`."
)


def plain(value):
    """Return a private, plain copy of a value.

    Eager tensors become arrays, regular lists or tuples of numbers become arrays, other lists
    and arrays become tuples of plain values, NumPy numbers become Python's; the rest is
    unchanged.
    """
    if isinstance(value, np.ndarray):
        if value.shape == () and value.dtype != object:
            return value.item()
        return value.copy() if value.dtype.kind in "biufc" else plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if callable(getattr(value, "numpy", None)):  # an eager tensor or variable
        return plain(np.asarray(value.numpy()))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    items = tuple(plain(item) for item in value)
    regular = all(map(_is_numeric, items)) and len({np.shape(item) for item in items}) == 1
    return np.array(items) if regular else items


def _is_numeric(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufc"
    return isinstance(value, numbers.Number)


def private_copy(value):
    """Copy `value`, sharing no array, list or dict with it; other objects are shared."""
    if isinstance(value, (np.ndarray, set)):
        return value.copy()
    if isinstance(value, list) or type(value) is tuple:
        items = [private_copy(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: private_copy(item) for key, item in value.items()}
    return value


def is_blank(value):
    """Return True for an answer not yet written: None, ..., "", or a container with one."""
    if value is None or value is Ellipsis or value is NotImplemented:
        return True
    if isinstance(value, str):
        return value.strip() in ("", "...")
    if isinstance(value, (list, tuple)):
        return any(is_blank(item) for item in value)
    if isinstance(value, dict):
        return any(is_blank(item) for item in value.values())
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(item is None or item is Ellipsis for item in value.flat)
    return False


def same(answer, expected, rtol=RTOL, atol=ATOL):
    """Return True if both agree: kind, shape, and every number within the tolerance."""
    answer, expected = plain(answer), plain(expected)
    if isinstance(expected, (bool, np.bool_)) and np.ndim(answer) == 0 and answer in (0, 1):
        answer = bool(answer)  # 1.0, such as the score of a hit, counts as True
    if _kind(answer) != _kind(expected):
        return False
    if _is_numeric(expected):
        if np.shape(answer) != np.shape(expected):
            return False
        return bool(np.all(close(answer, expected, rtol, atol)))
    if isinstance(expected, tuple):
        pairs = zip(answer, expected, strict=False)
        return len(answer) == len(expected) and all(same(a, b, rtol, atol) for a, b in pairs)
    if isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(
            same(answer[key], expected[key], rtol, atol) for key in expected
        )
    if isinstance(expected, str):
        return answer.strip() == expected.strip()
    try:
        return bool(answer == expected)
    except Exception:  # the == of a foreign class may do anything
        return answer is expected


def close(answer, expected, rtol=RTOL, atol=ATOL):
    """Return where two numeric arrays of one shape agree; rtol applies only to floats."""
    answer, expected = np.asarray(answer), np.asarray(expected)
    if expected.dtype.kind == "b":
        return answer == expected
    if expected.dtype.kind in "iu":
        rtol = 0  # a relative tolerance would accept other large integers
        expected = expected.astype(np.float64)  # uint8 would wrap around
    return np.isclose(answer, expected, rtol=rtol, atol=atol, equal_nan=True)


def _kind(value):
    if isinstance(value, (bool, np.bool_)):
        return "True or False"
    if isinstance(value, np.ndarray):
        return "an array of True and False" if value.dtype.kind == "b" else "an array"
    if isinstance(value, numbers.Number):
        return "a number"
    kinds = {str: "a text", tuple: "a tuple or list", dict: "a dict", set: "a set"}
    for kind, name in kinds.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__code__"):
        return "a function"
    return f"an object of type {type(value).__name__}"


def kind_of(value):
    """Return the kind of a value in words: "a number", "an array of shape (2, 3)"."""
    value = plain(value)
    kind = _kind(value)
    if isinstance(value, np.ndarray) and kind == "an array":
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple):
        return f"{kind} of length {len(value)}"
    return kind


def brief(value):
    """Describe a value briefly: small ones in full, arrays by their shape."""
    shown = plain(value)
    if isinstance(shown, np.ndarray):
        if shown.size <= 6:
            return " ".join(np.array2string(shown, precision=4, separator=", ").split())
        return f"an array of shape {shown.shape}"
    if isinstance(shown, float):
        return f"{shown:.6g}"
    if _kind(shown) == "a function":
        return f"the function {shown.__name__}"
    if isinstance(shown, tuple) and len(shown) <= 6:
        inside = ", ".join(brief(item) for item in shown)
        return f"({inside},)" if len(shown) == 1 else f"({inside})"
    try:
        return reprlib.repr(shown)
    except Exception:  # a foreign __repr__ may do anything
        return f"an object of type {type(shown).__name__}"


def slip(answers, expected, rtol=RTOL):
    """Return the sentence of a common slip that explains every answer, or "".

    rtol : tolerance of the exercise; a slip is recognised with RTOL at least
    """
    pairs = [(plain(a), plain(b)) for a, b in zip(answers, expected, strict=True)]
    if not all(_is_numeric(a) and np.asarray(b).dtype.kind == "f" for a, b in pairs):
        return ""
    for undone, sentence in _SLIPS:
        if all(same(undone(a), b, max(rtol, RTOL), 0) for a, b in pairs):  # 0 has no sign
            return sentence
    half = any(getattr(getattr(each, "dtype", None), "name", "") == "float16" for each in answers)
    if half and all(same(a, b, 2e-3, 1e-3 * np.max(np.abs(b), initial=0)) for a, b in pairs):
        return _HALF
    return ""


def finite_errors(answer, expected, rtol=RTOL, atol=ATOL):
    """Return how many finite numbers of `answer` differ from `expected`; 0 for other kinds."""
    answer, expected = plain(answer), plain(expected)
    if not (_is_numeric(answer) and _is_numeric(expected)):
        return 0
    answer = np.asarray(answer)
    if answer.shape != np.shape(expected):
        return int(np.sum(np.isfinite(answer)))
    return int(np.sum(np.isfinite(answer) & ~close(answer, expected, rtol, atol)))


def difference(answer, expected, reveal, rtol=RTOL, atol=ATOL, slips=True):
    """Say in a sentence how `answer` differs from `expected`.

    reveal : True also shows expected values; False shows only the answer's, so that the sentence
        does not give the solution away. Shapes and kinds are always shown
    slips : False looks for no common slip
    """
    if hasattr(answer, "_fields") and not isinstance(expected, tuple):
        parts = ", ".join(answer._fields)
        return f"This is a whole {type(answer).__name__}; hand over one of its parts: {parts}."
    given, answer, expected = answer, plain(answer), plain(expected)
    if type(answer).__name__ in ("KerasTensor", "SymbolicTensor"):
        return (
            "This is a symbolic Keras tensor, which holds no numbers. "
            "Call the model on a photo and hand over the result."
        )
    if _kind(answer) == "a function" and _kind(expected) != "a function":
        return "This is the function itself. Call it and hand over what it returns."
    if _kind(answer) != _kind(expected) or _is_numeric(expected) != _is_numeric(answer):
        return f"This is {kind_of(answer)}, but {kind_of(expected)} is expected."
    if slips and (told := slip([given], [expected], rtol)):
        return told
    if isinstance(expected, np.ndarray):
        return _array_difference(answer, expected, reveal, rtol, atol)
    if isinstance(expected, (tuple, dict)) and len(answer) != len(expected):
        return f"This has {len(answer)} entries, but {len(expected)} are expected."
    if isinstance(expected, (tuple, dict)):
        return _first_difference(answer, expected, reveal, rtol, atol)
    if isinstance(answer, str) and answer.casefold() == expected.casefold():
        return "Only the case of its letters differs."
    if isinstance(answer, float) and not np.isfinite(answer):
        return f"This is {answer}, not an ordinary number. Look for a division by zero."
    if reveal:
        return f"Expected {brief(expected)}, but this is {brief(answer)}."
    return f"{brief(answer)} is not the answer."


def dtype_of(value):
    """Return the name of a value's NumPy dtype, such as "uint8"."""
    numpy = getattr(value, "numpy", None)
    return str(np.asarray(numpy() if callable(numpy) else value).dtype)


def _first_difference(answer, expected, reveal, rtol, atol):
    """Describe the first entry of a tuple or dict that differs; both have as many."""
    if isinstance(expected, dict):
        missing = [key for key in expected if key not in answer]
        if missing:
            return f"The entry {missing[0]!r} is missing."
        entries = [(f"The entry {key!r}", answer[key], right) for key, right in expected.items()]
    else:
        pairs = enumerate(zip(answer, expected, strict=True), start=1)
        entries = [(f"Entry {place} of {len(expected)}", *pair) for place, pair in pairs]
    for name, mine, right in entries:
        if not same(mine, right, rtol, atol):
            return f"{name} is not right yet. {difference(mine, right, reveal, rtol, atol)}"
    return "The entries are right, but the whole could not be compared."


def _array_difference(answer, expected, reveal, rtol, atol):
    if answer.shape != expected.shape:
        return f"The shape is {answer.shape}, but {expected.shape} is expected."
    if answer.dtype.kind == "f" and not np.all(np.isfinite(answer)):
        count = int(np.sum(~np.isfinite(answer)))
        return f"{count} of {answer.size} values are NaN or infinite. Look for a division by zero."
    wrong = ~close(answer, expected, rtol, atol)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"[{', '.join(map(str, first))}]"
    counted = f"{int(wrong.sum())} of {wrong.size} values are not right. The first is at {where}"
    if reveal:
        return f"{counted}: expected {brief(expected[first])}, but this is {brief(answer[first])}."
    return f"{counted}: this is {brief(answer[first])}."
