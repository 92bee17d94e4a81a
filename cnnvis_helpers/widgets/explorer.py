"""Shared by all explorers: labelled controls, one picture with alt text, a status line, Stop.

An explorer is a dict of core ipywidgets and one function, `draw(values, task) -> Drawn`:

    def draw(values, task):
        heat = occlusion(net, values.photo, patch=values.patch, progress=task.progress)
        return Drawn(pixels, alt="A heat map ...", note="225 passes", code="heat = occlusion(...)")

    Explorer("occlusion", {"patch": slider("Patch", 16, 4, 32)}, draw, photo="chelsea", net=net)

- The first picture is drawn before the explorer is shown. The cell's stored output holds it as a
  static figure with alt text, for readers without a kernel; a live explorer hides that figure.
- A redraw is cancelled at its next `task.progress` call once newer values arrive; values in
  between are never drawn (`worker`).
- An error becomes one sentence in place of the picture, and the controls keep working.
- "Save picture" writes a PNG file beside the notebook; "Copy the code" copies the lines of Python
  that compute what is shown.

Works with ipywidgets 7.7.1 and 8. Nothing here imports TensorFlow.
"""

import re
import types
from pathlib import Path
from typing import NamedTuple

import ipywidgets
import numpy as np

import cnnvis_helpers
from cnnvis_helpers.pictures.style import save_picture
from cnnvis_helpers.widgets.page import (
    code_html,
    display_live,
    error_html,
    flow,
    image_html,
    live_box,
)
from cnnvis_helpers.widgets.photo_choice import PhotoChoice
from cnnvis_helpers.widgets.worker import Overtaken, Task, Worker, sentence

_numbers = {}


class Drawn(NamedTuple):
    """A picture as an explorer shows it.

    pixels : uint8 (H, W, 3); alt : its alt text; note : the status line
    code : lines of Python; the first computes what is shown from `net` and `photo`
    """

    pixels: np.ndarray
    alt: str
    note: str = ""
    code: str = ""


class Explorer(Worker):
    """Controls, a picture that follows them, a status line and a Stop button.

    Parameters
    ----------
    name : str, one word for what is explored ("occlusion"); shown while it works
    controls : dict of name -> core ipywidget with a value and a description, in display order
    draw : function (values, task) -> Drawn, called in a thread, one call at a time. values has the
        value of every control by its name (for a class menu the class index), and photo,
        photo_name and photo_number; task is a `Task`
    photo : uint8 (H, W, 3), a bundled photo's name, None for an explorer without a photo, or a
        `PhotoChoice` that is shown elsewhere; then the first picture is drawn in the background
    adjust : dict of name -> function(explorer), called before the redraw when this control (or
        "photo") changes, and once at the start; it may set other controls
    net : Network, for the lines of "Copy the code"

    Attributes
    ----------
    controls : the dict, with "photo" and "upload" added if it has its own photo
    box : the ipywidget to show; `display(explorer)` shows it with its static figure
    drawn : the last `Drawn`; None after an error, which `error` holds as a sentence
    """

    def __init__(self, name, controls, draw, photo=None, adjust=None, net=None):
        super().__init__(name)
        self.draw, self.controls, self.net = draw, dict(controls), net
        self.drawn, self.error = None, None
        self._adjust = dict(adjust or {})
        self._number = _numbers[name] = _numbers.get(name, 0) + 1
        shared = isinstance(photo, PhotoChoice)
        self.photos = photo if shared or photo is None else PhotoChoice(photo)
        if self.photos and not shared:
            self.photos.bind(lambda: self._changed("photo"), self._say, self._give_up)
            self.controls |= {"photo": self.photos.menu, "upload": self.photos.upload}
        self.box = self._build()
        for control, widget in self.controls.items():
            if control not in ("photo", "upload"):
                widget.observe(lambda _, control=control: self._changed(control), "value")
        with self.hold():
            for adjust in self._adjust.values():
                adjust(self)
        self.request() if shared else self.draw_now()

    # What is on the screen

    def _build(self):
        self.picture = ipywidgets.HTML(layout={"margin": "4px 0", "overflow": "auto"})
        self.save_button = ipywidgets.Button(
            description="Save picture",
            icon="save",
            tooltip="Write the picture to a file beside the notebook",
            layout={"width": "130px"},
        )
        self.save_button.on_click(lambda _: self.save())
        self.python = ipywidgets.HTML(layout={"margin": "0", "flex": "1 1 300px"})
        self.take_away = ipywidgets.HBox(
            [self.save_button, self.python], layout={"flex_flow": "row wrap"}
        )
        controls = flow(list(self.controls.values()))
        parts = [controls, self.picture, self.line, self.take_away]
        return live_box(self._static_class, parts)

    @property
    def _static_class(self):
        return f"cnnvis-{self.name.replace(' ', '-')}-{self._number}"

    def _ipython_display_(self, **_):
        display_live(self._static_class, self.box, *self.static_picture())

    def __repr__(self):
        return f"<Explorer {self.name!r}: {', '.join(self.controls)}>"

    def static_picture(self):
        """Return (HTML, text) that show the current picture or error without a kernel."""
        if self.drawn:
            return image_html(self.drawn), self.drawn.alt
        return error_html(self.error), self.error

    # What happens when a control changes

    def _changed(self, control):
        try:
            with self.hold():
                if control in self._adjust:
                    self._adjust[control](self)
            self.request()
        except Exception as error:
            self._give_up(sentence(error))

    def photo_changed(self):
        """Redraw for a new photo in a shared `PhotoChoice`."""
        self._changed("photo")

    @property
    def photo(self):
        """The photo chosen, uint8 (H, W, 3)."""
        return self.photos.photo if self.photos else None

    def values(self):
        """Return the current values of all controls by name, and the photo.

        Raises ValueError for a text in a class menu that matches no class.
        """
        values = {
            name: widget.chosen() if hasattr(widget, "chosen") else widget.value
            for name, widget in self.controls.items()
            if name not in ("photo", "upload")
        }
        values = types.SimpleNamespace(**values)
        if self.photos:
            values.photo, values.photo_code = self.photos.photo, self.photos.code
            values.photo_name, values.photo_number = self.photos.name, self.photos.number
            self.photo_number = self.photos.number
        return values

    def draw_now(self):
        """Draw the current values, wait until that is done, and return self."""
        self.wait()
        self._run(self.values(), Task(self))
        return self

    def work(self, values, task):
        """Draw the picture for some values and show it; called by `Worker`."""
        drawn = self.draw(values, task)
        if task.given_up:
            raise Overtaken
        if task.cut_short:
            drawn = drawn._replace(note=f"Stopped after {task.cut_short}. {drawn.note}")
        self._show(drawn)
        self._show_code(drawn.code, values, task)

    def _show(self, drawn):
        self.drawn, self.error = drawn, None
        self.picture.value = image_html(drawn)
        self.take_away.layout.display = ""
        self._say(drawn.note)

    def _show_code(self, code, values, task):
        """Show the call, the first line of `code`; "Copy the code" has all lines."""
        lines = code.splitlines()
        if self.photos:
            lines.insert(0, values.photo_code)
        if self.net is not None:
            from cnnvis_helpers.widgets.menus import network_line

            lines.insert(0, network_line(self.net))
        if task.cut_short:
            lines.insert(0, f"# stopped after {task.cut_short} here: these lines run to the end")
        called = set(re.findall(r"\b(\w+)\(", "\n".join(lines))) & set(cnnvis_helpers._MODULE_OF)
        imports = [f"from cnnvis_helpers import {', '.join(sorted(called))}"] if called else []
        self.code = "\n".join([*imports, "", *filter(None, lines)])
        self.python.value = code_html(code.partition("\n")[0], self.code) if code else ""

    def _show_error(self, text):
        self.drawn, self.error = None, text
        self.picture.value = error_html(text)
        self.take_away.layout.display = "none"  # they belong to the previous picture
        self._say("")

    def save(self, path=None):
        """Write the picture to `path`, by default "<name>.png" beside the notebook.

        An existing file is kept: the new one gets a number. Returns the Path, or None after an
        error, which becomes a sentence in the status line.
        """
        try:
            path = save_picture(_free(Path(path or f"{self.name}.png")), self.drawn.pixels)
        except (OSError, ValueError) as error:
            self._say(sentence(error))
            return None
        height, width = self.drawn.pixels.shape[:2]
        self._say(f"Saved {path}, {width} x {height} pixels.")
        return path


def _free(path):
    """Return the path, with a number before its suffix if the file already exists."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free
