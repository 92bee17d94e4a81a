"""Argument checks: each raises one sentence that says what it got and what it expected."""

import difflib
import re
import textwrap

import numpy as np

_ROUNDING = 0.255  # 0.1 % of the range of a pixel, as in load_photo


def check_net(net):
    """Raise a ValueError unless `net` is a Network, as `load_network` makes it."""
    if hasattr(net, "score_vector"):
        return
    if isinstance(net, str):
        wanted, got = f"load_network({net!r})", "the name alone"
    elif hasattr(net, "layers") and hasattr(net, "predict"):
        wanted, got = "load_network(model)", "the keras.Model itself"
    else:
        wanted, got = "load_network", type(net).__name__
    raise ValueError(f"The first argument is a network, as {wanted} makes it, not {got}.")


def check_whole(name, value, least):
    """Raise a ValueError unless `value` is a whole number of at least `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}.")


def check_number(name, value, low, high, unit="", above=False):
    """Raise a ValueError unless `value` is a finite number in low..high, or `above` low."""
    kinds = (int, float, np.integer, np.floating)
    number = isinstance(value, kinds) and not isinstance(value, bool)
    fits = number and np.isfinite(value) and low <= value <= high
    if not fits or (above and value == low):
        wanted = f"{low} or more" if high == np.inf else f"in {low}..{high}"
        wanted = f"above {low}" if above else wanted
        of = f" of {unit}" if unit else ""
        raise ValueError(f"{name} must be a number{of} {wanted}, not {value!r}.")


def check_choice(name, value, choices):
    """Raise a ValueError, with the most similar choice, unless `value` is one of `choices`."""
    if value in choices:
        return
    spelled = {str(each).lower(): each for each in choices}
    near = difflib.get_close_matches(str(value).lower(), spelled, n=1)
    hint = f"; did you mean {spelled[near[0]]!r}?" if near else "."
    raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}{hint}")


def finite(array, who):
    """Return a non-empty array of finite numbers, floats kept, integers as float32.

    Raises ValueError, naming `who`, for anything else.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "buif" or values.size == 0:
        raise ValueError(
            f"{who} needs an array of numbers, got shape {values.shape} of {values.dtype}."
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise ValueError(f"{who} needs finite numbers, but {bad} of {values.size} are nan or inf.")
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def check_map(heat):
    """Return a map as a float array (h, w) of finite numbers, or raise a ValueError."""
    values = finite(heat, "A map")
    if values.ndim != 2:
        raise ValueError(
            f"A map is (h, w), got shape {values.shape}: show_feature_maps shows (h, w, c)."
        )
    return values


def check_photo(photo):
    """Return a photo as an array (H, W, 3), uint8 or float 0..255 (0.1 % beyond is clipped)."""
    try:
        array = np.asarray(photo)
    except ValueError:
        array = np.empty(0, object)
    mode = getattr(photo, "mode", "RGB")  # of a PIL image: "HSV" also has three channels
    wrong, loaded = "", "load_photo"
    if isinstance(mode, str) and mode != "RGB":
        wrong = f"RGB, not a picture of mode {mode!r}"
    elif array.dtype.kind not in "uif":
        kind = f"of {array.dtype}" if isinstance(photo, np.ndarray) else type(photo).__name__
        wrong = f"an array of pixels, not {kind}"
    elif array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        wrong = f"an RGB array (height, width, 3), not one of shape {array.shape}"
    elif array.dtype != np.uint8 and array.dtype.kind != "f":
        wrong, loaded = f"uint8 or float, not {array.dtype}", "load_photo(np.asarray(photo))"
    if wrong:
        raise ValueError(f"A photo is {wrong}; {loaded} makes one.")
    if array.dtype == np.uint8:
        return array
    if not np.isfinite(array).all():
        raise ValueError("The photo holds pixels that are not finite numbers (nan or inf).")
    low, high = array.min(), array.max()
    if low < -_ROUNDING or high > 255 + _ROUNDING:
        raise ValueError(f"The pixels of a photo are 0..255, but these are {low:g}..{high:g}.")
    if 0 < high <= 1:
        raise ValueError(
            f"The pixels of a photo are 0..255, but the largest here is {high:g}, as after "
            "a division by 255: multiply by 255, or let load_photo make the photo."
        )
    return array if 0 <= low and high <= 255 else array.clip(0, 255)


def first_line(error, length=150):
    """Return the first line of an error's message, no full stop, at most `length` characters."""
    text = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras prints bold
    keras_and_node = r"^(Exception encountered when calling .*\n+)?(\{\{.*?\}\} )?"
    text = re.sub(keras_and_node, "", text.strip())
    lines = text.splitlines() or [type(error).__name__]
    return textwrap.shorten(lines[0].rstrip(".:"), length, placeholder=" ...")
