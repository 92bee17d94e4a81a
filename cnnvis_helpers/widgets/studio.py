"""The studio: every network, every photo and every method of the course in one application.

    studio()                     # or studio("my_photo.jpg"), studio(photo, my_network)

Choose a network, a photo, a method, a class and a layer; save the picture; copy the lines of Python
that make the same picture. The studio runs exactly these lines (`studio_views`).
"""

import functools
import html
import inspect
import os
import threading
import types
from pathlib import Path

import ipywidgets

import cnnvis_helpers
from cnnvis_helpers.pictures.drawing import short_share
from cnnvis_helpers.pictures.style import collect_figures, figure_pixels, save_picture
from cnnvis_helpers.widgets.controls import choice, set_high, set_options, slider
from cnnvis_helpers.widgets.explorer import (
    GIVEN,
    LARGEST_PHOTO,
    UPLOADED,
    Drawn,
    Explorer,
    sentence,
)
from cnnvis_helpers.widgets.menus import ranked_classes
from cnnvis_helpers.widgets.studio_networks import PIXELS, About, Networks, given_lines
from cnnvis_helpers.widgets.studio_views import (
    VIEWS,
    Chosen,
    channels,
    first_layer,
    imports_of,
    layer_names,
    names_in,
)

__all__ = ["studio"]

TOP, NONE = -1, -2  # values of a class menu that are no class
PIXELS_LABEL = "Pixels it was trained on"
_COPY = (
    "const pre = this.parentNode.querySelector('pre');"
    "window.getSelection().selectAllChildren(pre);"
    "if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent)"
    ".then(() => {this.textContent = 'Copied'; setTimeout(() => this.textContent = 'Copy', 1500)})"
)


def studio(photo=None, net=None):
    """Open the studio: all methods of the course, on any network and any photo.

    Parameters
    ----------
    photo : whatever `load_photo` takes: a name, path, web address or array; None: "chelsea". A
        photo larger than 1024 pixels a side is shrunk to that
    net : a Network, or whatever `load_network` takes; None: "efficientnet_lite0"

    Returns
    -------
    Studio, an `Explorer` (see `explorer_base`) that shows itself as the last line of a cell.

    A file named in "Network file" enters the menu of networks once it can be loaded. What no file
    says, the `preprocess` and `labels` of `load_network`, is chosen beside it; what `load_network`
    warns of stands above the picture. A file that was saved anew is read anew for the next picture.

    Nothing is downloaded before a network that is not on this machine is chosen in the menu.
    Raises ValueError, TypeError or FileNotFoundError as `load_photo` and `load_network` do.
    """
    return Studio("chelsea" if photo is None else photo, net)


class Studio(Explorer):
    """The application: an Explorer whose picture is made by lines of Python.

    Attributes
    ----------
    code : str, the lines that make the picture now shown; "" after an error. Of work that was
        stopped they begin with a remark, since they run to the end
    net : Network, the one chosen; None before the first picture
    """

    unrehearsed = ("network", "pixels")  # to choose one may mean to download it

    def __init__(self, photo, net=None):
        self.code, self.net = "", None
        self._table = ""
        self._given_photo, self._of_thread = photo, threading.local()
        self._networks, self._named = Networks(net), None  # the path of a file to be loaded
        self._ranked = []
        self._menus_of = None, None, None  # (name, Network, photo) the menus of classes are for
        self._layers, self._layers_of = {}, None  # the layer of each network and kind of method
        controls = {
            "network": choice("Network", self._networks.options(), self._networks.begin),
            "method": choice("Show", list(VIEWS), "Grad-CAM"),
            "target": choice("Class", [("top class", TOP)]),
            "rival": choice("Rather than", [("no other", NONE)]),
            "layer": choice("Layer", [("none", None)]),
            "channel": slider("Channel", 0, -1, 1, live=False),
            "epsilon": slider("Change in levels of 255", 4, 0, 32, live=False),
            "octaves": slider("Octaves", 3, 1, 5, live=False),
            "steps": slider("Steps an octave", 8, 1, 30, live=False),
            "file": _text("Network file", "such as my_model.keras"),
            "pixels": choice(PIXELS_LABEL, PIXELS),
            "labels": _text("Labels of its classes", "such as cat, dog"),
        }
        adjust = {
            "method": Studio._arrange,
            "layer": Studio._limit_channel,
            "network": Studio._choose_network,
            "file": Studio._name_file,
            **dict.fromkeys(About._fields, Studio._tell_about),
        }
        super().__init__("studio", controls, self._make, photo=photo, adjust=adjust)
        self.controls["file"].on_msg(self._enter)

    @property
    def _held(self):
        """The depth of `hold`, for each thread: a menu filled by the worker swallows no click."""
        return getattr(self._of_thread, "held", 0)

    @_held.setter
    def _held(self, depth):
        self._of_thread.held = depth

    # What is on the screen

    def _build(self, wide):
        box = super()._build(wide)
        picture, working, page = box.children[1:]
        self.classes = ipywidgets.HTML(layout={"min_width": "230px", "margin": "4px 0 0 16px"})
        self.python = ipywidgets.HTML(layout={"width": "auto"})
        self.warning = ipywidgets.HTML(layout={"margin": "2px 0 0 0"})
        self.save_name = _text("Save as", "name.png", value="studio.png", width="240px")
        self.save_button = ipywidgets.Button(
            description="Save picture", icon="save", tooltip="Write the picture to this file"
        )
        self.save_button.on_click(lambda _: self.save())
        self.saved = ipywidgets.HTML()
        where = ("network", "file", *About._fields, "photo", "upload")
        what = [name for name in self.controls if name not in where]
        box.children = [
            _row([self.controls[name] for name in where]),
            _row([self.controls[name] for name in what]),
            self.warning,
            ipywidgets.HBox([picture, self.classes], layout={"flex_flow": "row wrap"}),
            working,
            _row([self.save_button, self.save_name, self.saved]),
            self.python,
            page,
        ]
        return box

    def _arrange(self):
        """Show the controls that the chosen method needs, and no others."""
        method = self.controls["method"].value
        for name in ("target", "rival", "layer", "channel", "epsilon", "octaves", "steps"):
            needed = name in VIEWS[method].uses
            self.controls[name].layout.display = "" if needed else "none"
        attack = "epsilon" in VIEWS[method].uses
        self.controls["rival"].description = "Towards" if attack else "Rather than"
        self._offer_rivals()
        whole = method.startswith("Guided")
        self.controls["channel"].description = "Channel (-1: all)" if whole else "From channel"
        self.controls["channel"].min = -1 if whole else 0
        self._offer_layers()

    def _name_file(self):
        """Have a network's file loaded by the worker, which then puts it into the menu."""
        self._named = self.controls["file"].value.strip() or None

    def _choose_network(self):
        """Show what must be said of a file beside it, as it was said before."""
        self._named = None
        about = self._networks.about.get(self.controls["network"].value)
        for name in About._fields:
            self.controls[name].layout.display = "none" if about is None else ""
            self.controls[name].value = getattr(about, name, "")

    def _tell_about(self):
        """Keep what is said of the pixels and labels of a file."""
        network = self.controls["network"].value
        if network in self._networks.about:
            said = {name: self.controls[name].value for name in About._fields}
            self._networks.about[network] = About(**said)

    def _enter(self, _, content, __):
        """Read the file again when Enter is pressed on its name: it may be there by now."""
        if content.get("event") == "submit":
            self._changed("file")

    # From what is chosen to the picture

    def _make(self, values, task):
        loaded = self._load(values, task)
        self._fill_menus(loaded.net, values)
        task.check()
        chosen, view = self._chosen(values), VIEWS[values.method]
        lines = view.lines(chosen)
        figure, alt = self._run(lines, values, task)
        if task.cut_short:
            alt += f" Stopped after {task.cut_short}."
        if task.cut_short and view.stopped:
            alt += view.stopped(figure, chosen, values.photo, task.reached[0])
        drawn = Drawn(figure_pixels(figure), alt, f"{self.net.name}, {values.method}")
        code = [imports_of([*self._source(values), *lines]), "", *self._source(values), *lines]
        if task.cut_short:
            code.insert(0, f"# stopped after {task.cut_short}: these lines run to the end")
        self.code = "\n".join(code)
        self.python.value, self.saved.value = _python_html(self.code), ""
        self.warning.value = _warning_html(loaded.warnings)
        # The picture of the top classes says the same as the table.
        self.classes.value = "" if values.method == "Top classes" else self._table
        if loaded.anew:
            drawn = drawn._replace(note=f"{drawn.note}; the file was saved anew and is read anew")
        return drawn

    def _show(self, drawn):
        super()._show(drawn)
        self.save_button.disabled = False

    def _show_error(self, text):
        """Show a sentence; nothing else on the screen may speak of the picture before."""
        super()._show_error(text)
        self.code = self.python.value = self.classes.value = self.saved.value = ""
        self.warning.value = ""
        self.save_button.disabled = True

    def _static_picture(self):
        return self.warning.value + super()._static_picture()

    def _run(self, lines, values, task):
        """Run the lines, and return the figure that they make and its alt text."""
        names = {name: _reporting(name, task) for name in names_in(lines)}
        names |= {"net": self.net, "photo": values.photo, "__name__": __name__}
        task.check()
        try:
            with collect_figures() as figures:
                exec(compile("\n".join(lines), "<studio>", "exec"), names)
        except KeyboardInterrupt:
            raise StopIteration from None
        return figures[-1]

    def _load(self, values, task):
        """Return the network chosen, `Loaded`; a file that was named meanwhile comes first.

        values.network becomes what is chosen then.
        """
        menu, path = self.controls["network"], self._named
        if path and path == values.file.strip():  # else it is for the next redraw
            self._add_file(menu, path, task)
        values.network = menu.value
        return self._networks.load(values.network, task, self._say)

    def _add_file(self, menu, path, task):
        """Put a file into the menu of networks, and choose it unless another one was chosen since.

        Whatever else is changed meanwhile, an error is shown by the redraw that comes last.
        """
        self._named, before = None, menu.value
        try:
            self._networks.add(path, self._say)
        except Exception:
            if task.overtaken and menu.value == before:
                self._named = self._named or path
            task.check()
            raise
        named = self._named  # another file since, which the next redraw takes
        with self.hold():
            if path not in dict(menu.options).values():
                set_options(menu, self._networks.options())
            if menu.value == before:
                menu.value = path
        self._named = named

    def _fill_menus(self, net, values):
        """Fill the menus of classes and layers after the network or the photo has changed.

        values.target, rival, layer and channel become what is chosen then.
        """
        shown, other = (values.network, net, values.photo_number), net is not self._menus_of[1]
        with self.hold():
            if shown != self._menus_of:
                self._rank_classes(net, values.photo, other)
                if other:
                    self._layers_of = None
                self.net, self._menus_of = net, shown
            self._offer_layers()
        for name in ("target", "rival", "layer", "channel"):
            setattr(values, name, self.controls[name].value)

    def _rank_classes(self, net, photo, other_network):
        """List the classes anew, the most probable first; keep a class that was chosen."""
        self._ranked = ranked_classes(net, photo)
        first = f"top class: {net.labels[self._ranked[0][1]]}", TOP
        wanted = TOP if other_network else None
        set_options(self.controls["target"], [first, *self._ranked], wanted)
        self._offer_rivals(NONE if other_network else None)
        self._table = _classes_html(net.name, net.predict(photo))

    def _offer_rivals(self, wanted=None):
        """List the other classes; none of them means another thing to an attack than to a map."""
        attack = "epsilon" in VIEWS[self.controls["method"].value].uses
        first = "any other class" if attack else "no other", NONE
        set_options(self.controls["rival"], [first, *self._ranked], wanted)

    def _offer_layers(self):
        """List the layers that fit the method; each kind of method remembers its own layer."""
        view, (name, net, _) = VIEWS[self.controls["method"].value], self._menus_of
        if net is None or name != self.controls["network"].value or not view.layers:
            return
        place = name, view.layers, view.begin
        if place != self._layers_of:
            names, wanted = layer_names(net, view.layers), self._layers.get(place)
            self._layers_of = place
            if wanted not in names:
                wanted = first_layer(names, view.begin) if names else None
            set_options(self.controls["layer"], names or [("none", None)], wanted)
        self._limit_channel()

    def _limit_channel(self):
        """Let the channels end where those of the layer do; remember the layer."""
        layer, place, (name, net, _) = self.controls["layer"].value, self._layers_of, self._menus_of
        if layer and place and place[0] == name:  # else the menu is still that of another network
            self._layers[place] = layer
            set_high(self.controls["channel"], channels(net, layer) - 1)

    def _chosen(self, values):
        if VIEWS[values.method].layers and values.layer is None:
            raise ValueError(f"The network {self.net.name!r} has no convolution, so no layer.")
        top = self._ranked[0][1]
        target = top if values.target == TOP else values.target
        rival = None if values.rival == NONE or values.rival == TOP else values.rival
        if "epsilon" not in VIEWS[values.method].uses and rival == target:
            raise ValueError(f"Why {self.net.labels[target]} rather than itself? Choose another.")
        return Chosen(
            self.net, values.layer, target, rival, values.channel, values.epsilon, values.octaves,
            values.steps,
        )  # fmt: skip

    # The lines around the picture

    def _source(self, values):
        """Return the lines that load the network and the photo."""
        lines, shrunk = self._networks.lines(values.network), f", max_side={LARGEST_PHOTO}"
        if values.photo_name == UPLOADED:
            photo = f"load_photo({self.upload_name!r}{shrunk})"
            return [*lines, f"photo = {photo}  # your file, beside the notebook"]
        if values.photo_name != GIVEN:
            return [*lines, f"photo = load_photo({values.photo_name!r})"]
        if isinstance(self._given_photo, str | os.PathLike):
            return [*lines, f"photo = load_photo({os.fspath(self._given_photo)!r}{shrunk})"]
        missing, variable = given_lines(self._given_photo, "photo", "photo")
        return [*lines, *missing, f"photo = load_photo({variable}{shrunk})"]

    def save(self):
        """Write the picture to the file named in `save_name`; return the path, None if it fails.

        A file that exists already is kept: the new one gets a number.
        """
        try:
            if self.drawn is None:
                raise ValueError("There is no picture to save.")
            path = _free(Path(self.save_name.value.strip() or "studio.png").expanduser())
            save_picture(path, self.drawn.pixels)
        except (OSError, ValueError) as error:
            self.saved.value = html.escape(sentence(error))
            return None
        height, width = self.drawn.pixels.shape[:2]
        self.saved.value = html.escape(f"Saved {path}, {width} x {height} pixels.")
        return path


def _reporting(name, task):
    """Return a public function that tells its progress to the task, where it can."""
    function = getattr(cnnvis_helpers, name, None)
    if not isinstance(function, types.FunctionType):
        return function
    parameters = inspect.signature(function).parameters
    if "progress" not in parameters and "settings" not in parameters:
        return function

    def progress(done, total):
        try:
            task.progress(done, total)
        except StopIteration:  # every method takes this one for Stop
            raise KeyboardInterrupt from None

    return functools.partial(function, progress=progress)


def _free(path):
    """Return the path, with a number before its ending if there is such a file already."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free


# Widgets and HTML


def _text(label, placeholder, value="", width="300px"):
    return ipywidgets.Text(
        value=value,
        placeholder=placeholder,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": width, "margin": "2px 18px 2px 0"},
    )


def _row(widgets):
    return ipywidgets.Box(
        widgets, layout={"flex_flow": "row wrap", "align_items": "center", "overflow": "visible"}
    )


def _classes_html(name, predictions):
    rows = "".join(
        f'<tr><td style="padding:2px 8px 2px 0">{html.escape(one.label)}</td>'
        f'<td style="text-align:right">{html.escape(short_share(one.probability))}</td>'
        '<td style="padding-left:8px"><div style="background:#0072B2;height:12px;'
        f'width:{max(1, round(80 * one.probability))}px"></div></td></tr>'
        for one in predictions
    )
    return (
        '<table style="border-collapse:collapse;line-height:1.5"><caption style="text-align:left;'
        f'font-weight:bold">{html.escape(name)} says</caption>{rows}</table>'
    )


def _warning_html(warnings):
    """Return what `load_network` warned of, to be read before the picture is believed."""
    if not warnings:
        return ""
    where = f'Say it under "{PIXELS_LABEL}".' if any("pixels" in text for text in warnings) else ""
    return (
        '<p role="note" style="padding:6px 12px;margin:0;max-width:60em;line-height:1.4;'
        'border-left:4px solid #E69F00;background:#FFF8E5;color:#111111">'
        f"{html.escape(' '.join([*warnings, where]).strip())}</p>"
    )


def _python_html(code):
    return (
        '<details style="margin:6px 0"><summary style="cursor:pointer">The same picture in Python'
        f'</summary><button onclick="{html.escape(_COPY, quote=True)}" style="margin:6px 0;padding:'
        '4px 14px;border:1px solid #BDBDBD;background:#EEEEEE;color:#111111">Copy</button>'
        '<pre tabindex="0" style="margin:0;padding:8px 12px;background:#f5f5f5;'
        'color:#111111;line-height:1.35;overflow:auto;user-select:all">'
        f"{html.escape(code)}</pre></details>"
    )
