"""Controls of explorers: core ipywidgets, each with its label, range and choices.

`called`: argument name used in the error if the initial value is out of range or unknown;
ipywidgets would clip it or raise a TraitError.

>>> choice("Method", ["Grad-CAM", "LayerCAM"], "gradcam", called="method")
Traceback (most recent call last):
ValueError: method must be one of 'Grad-CAM', 'LayerCAM', not 'gradcam'; did you mean 'Grad-CAM'?
"""

import contextlib

import ipywidgets
import numpy as np
import traitlets

from cnnvis_helpers._shared.checks import check_choice, check_number, check_whole

_SLIDER = {"width": "360px"}  # shared by its label, track and number


def slider(label, value, low, high, step=1, live=True, called=None, **options):
    """Return a labelled slider for whole numbers low..high (or floats, if `step` is one).

    live : False sends a new value only when the handle is released, for work that takes seconds
    """
    whole = all(isinstance(number, int | np.integer) for number in (low, high, step))
    if whole:
        check_whole(called or label, value, low)
    check_number(called or label, value, low, high)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    values = {"value": value, "min": low, "max": high, "step": step}
    return kind(**values, continuous_update=live, **_described(label, _SLIDER), **options)


def steps_slider(label, options, value):
    """Return a labelled slider over a few given values, such as 1, 2, 4, 8."""
    return ipywidgets.SelectionSlider(options=options, value=value, **_described(label, _SLIDER))


def choice(label, options, value=None, called=None):
    """Return a labelled drop-down menu.

    options : values, or (text, value) pairs

    Raises ValueError for a value that is not among them.
    """
    options = list(options)
    menu = ipywidgets.Dropdown(options=options, **_described(label))
    if value is None:
        menu.index = 0  # by number: a value of None means "nothing selected" to ipywidgets
        return menu
    values = [each[1] if isinstance(each, tuple) else each for each in options]
    check_choice(called or label, value, values)
    menu.value = value
    return menu


def checkbox(label):
    """Return a labelled checkbox, not ticked."""
    return ipywidgets.Checkbox(indent=False, **_described(label, {"width": "auto"}))


class ClassMenu(ipywidgets.Combobox):
    """A text field with a list of classes below it: type to search.

    find : function that turns a text that is not in the list (a label, a WordNet id) or an int into
        a class index; raises ValueError with similar labels

    `value` is a text in the list, or one that matches no class; `chosen()` the class index.
    """

    def __init__(self, label, find, first=()):
        self._find, self._indices = find, {}
        super().__init__(**_described(label), placeholder="type to search", continuous_update=False)
        self.fill(first)

    def fill(self, options, value=None):
        """Set the list, (text, class index or None) pairs, and choose the one with this value."""
        self._indices = dict(options)
        self.options = list(self._indices)
        self.value = next((text for text, one in self._indices.items() if one == value), "")

    def chosen(self):
        """Return the class index; None for an entry without one, such as "any other class".

        Raises ValueError for a text that matches no class.
        """
        return self._index(self.value)

    def _index(self, text):
        if text in self._indices:
            return self._indices[text]
        text = text.strip()
        return self._find(int(text) if text.isdigit() else text)

    @traitlets.validate("value")
    def _validate_value(self, proposal):
        """Replace a label, index or WordNet id by the text of its class in the list."""
        text = proposal["value"].strip()
        with contextlib.suppress(ValueError):
            index = self._index(text)
            return next((one for one, each in self._indices.items() if each == index), text)
        return text


def set_high(control, high):
    """Set the upper end of a slider, and its value if that is larger."""
    if control.value > high:
        control.value = high
    control.max = high


def _described(label, width=None):
    width = width or {"width": "auto", "min_width": "250px"}
    return {
        "description": label,
        "style": {"description_width": "initial"},
        "layout": {**width, "margin": "2px 18px 2px 0"},
    }
