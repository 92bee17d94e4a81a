"""Controls of explorers: core ipywidgets, each with its label, its range and its choices.

`called` names the argument that a first value came from: what the control does not offer is refused
in a sentence that speaks of this argument, where ipywidgets would clip it or raise a TraitError.

>>> choice("Method", ["Grad-CAM", "LayerCAM"], "gradcam", called="method")
Traceback (most recent call last):
ValueError: There is no method 'gradcam'; did you mean 'Grad-CAM'? The other one is 'LayerCAM'.
"""

import difflib
import math

import ipywidgets
import numpy as np

__all__ = ["checkbox", "choice", "set_high", "set_options", "slider", "steps_slider"]

_SLIDER = {"width": "360px"}  # its label, track and number share it


def slider(label, value, low, high, step=1, live=True, called=None, **options):
    """Return a slider for whole numbers low..high (or floats, if `step` is one), with its label.

    live: False waits with a new value until the handle is let go, for work that takes seconds.
    options: of the ipywidget. Raises ValueError for a value that is not from low to high.
    """
    whole = all(isinstance(number, int | np.integer) for number in (low, high, step))
    _check_number(called or label, value, low, high, whole)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(
        **{
            "value": value,
            "min": low,
            "max": high,
            "step": step,
            "continuous_update": live,
            **_described(label, _SLIDER),
            **options,
        }
    )


def steps_slider(label, options, value, live=True, **more):
    """Return a slider over a few given values, such as 1, 2, 4, 8, with its label."""
    return ipywidgets.SelectionSlider(
        **{
            "options": list(options),
            "value": value,
            "continuous_update": live,
            **_described(label, _SLIDER),
            **more,
        }
    )


def choice(label, options, value=None, called=None, **more):
    """Return a drop-down menu with its label; options: values, or (text, value) pairs.

    Raises ValueError for a value that is not among them.
    """
    options = list(options)
    if value is not None:
        _check_choice(called or label, value, _values(options))
    menu = ipywidgets.Dropdown(**{"options": options, **_described(label), **more})
    if value is None:
        menu.index = 0  # by number: a value of None means "nothing selected" to ipywidgets
    else:
        menu.value = value
    return menu


def checkbox(label, value=False, **more):
    """Return a checkbox with its label."""
    return ipywidgets.Checkbox(
        **{
            **_described(label),
            "value": value,
            "indent": False,
            "layout": {"width": "auto", "margin": "2px 18px 2px 0"},
            **more,
        }
    )


def set_options(menu, options, value=None):
    """Give a menu other options, keeping its value where it is still among them."""
    options = list(options)
    values = _values(options)
    keep = menu.value if value is None else value
    menu.options = options
    menu.index = values.index(keep) if keep in values else 0


def set_high(control, high):
    """Give a slider another upper end; its value stays if it is not above it."""
    if control.value > high:
        control.value = high
    control.max = high


def _values(options):
    return [each[1] if isinstance(each, tuple) else each for each in options]


def _described(label, width=None):
    width = width or {"width": "auto", "min_width": "250px"}
    return {
        "description": label,
        "style": {"description_width": "initial"},
        "layout": {**width, "margin": "2px 18px 2px 0"},
    }


# What a control does not offer


def _check_number(called, value, low, high, whole):
    kinds = int | np.integer if whole else int | float | np.integer | np.floating
    number = isinstance(value, kinds) and not isinstance(value, bool)
    if not number or math.isnan(value) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{called} is {kind} from {low:g} to {high:g} here, not {value!r}.")


def _check_choice(called, value, values):
    if value in values:
        return
    spelled = {str(each).lower(): each for each in values}
    near = difflib.get_close_matches(str(value).lower(), spelled, n=1)
    if not near:
        names = ", ".join(map(repr, values))
        raise ValueError(f"There is no {called} {value!r}; the choices are {names}.")
    meant = spelled[near[0]]
    others = [repr(each) for each in values if each is not meant]
    rest = f" The other {'one is' if len(others) == 1 else 'ones are'} {', '.join(others)}."
    raise ValueError(
        f"There is no {called} {value!r}; did you mean {meant!r}?{rest if others else ''}"
    )
