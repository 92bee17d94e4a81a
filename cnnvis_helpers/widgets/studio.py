"""The studio: one network and one photo, all explorers as tabs.

    studio()                     # or studio("vgg16"), studio(net, "my_photo.jpg")

Choose a network (by name, from a file, or a model in the notebook) and a photo; each tab is an
explorer with its own controls, "Save picture" and "Copy the code".
"""

import contextlib
import inspect
import itertools
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import ipywidgets
import keras

from cnnvis_helpers.networks.applications import find_application
from cnnvis_helpers.networks.network import Network, list_networks, load_network, read_network
from cnnvis_helpers.networks.weights import fetch_weights
from cnnvis_helpers.widgets.controls import choice
from cnnvis_helpers.widgets.explore_attack import explore_attack
from cnnvis_helpers.widgets.explore_cam import explore_cam
from cnnvis_helpers.widgets.explore_dream import explore_dream
from cnnvis_helpers.widgets.explore_layers import explore_layers
from cnnvis_helpers.widgets.explore_occlusion import explore_occlusion
from cnnvis_helpers.widgets.explore_randomization import explore_randomization
from cnnvis_helpers.widgets.explore_saliency import explore_saliency
from cnnvis_helpers.widgets.menus import Memory, notebook_names
from cnnvis_helpers.widgets.page import display_live, error_html, flow, live_box, note_html
from cnnvis_helpers.widgets.photo_choice import PhotoChoice, empty_upload, uploaded_file
from cnnvis_helpers.widgets.worker import Worker, sentence

TABS = {
    "Layers": explore_layers,
    "Occlusion": explore_occlusion,
    "CAM": explore_cam,
    "Saliency": explore_saliency,
    "Attack": explore_attack,
    "Dream": explore_dream,
    "Randomization": explore_randomization,
}
FIRST = "CAM"  # the tab that is open at the start
PIXELS = [  # the usual choices of the argument `preprocess`
    ("not known", None),
    ("0 to 255", "identity"),
    ("0 to 1", "unit"),
    ("-1 to 1", "tf"),
]
_numbers = itertools.count(1)


def studio(net=None, photo="chelsea"):
    """Open the studio: all explorers as tabs, for any network and any photo.

    Parameters
    ----------
    net : Network, or whatever `load_network` takes; None: its default
    photo : whatever `load_photo` takes; larger photos are shrunk to 1024 pixels a side

    Returns
    -------
    Studio, which is displayed as the last line of a cell.

    The menu "Network" lists all names, the notebook's models, and loaded files. Missing weights are
    downloaded when the network is chosen. If loading fails, the studio says why in one sentence.
    If `load_network` warns that it does not know the pixel scale of a network, the studio asks for
    it.

    Raises ValueError, TypeError or FileNotFoundError as `load_photo` and `load_network` do.
    """
    return Studio(net, photo)


class Source(NamedTuple):
    """An entry of the menu "Network"; what : a Network, or whatever `load_network` takes."""

    what: object
    asks: bool = False  # a file or a model: its pixel scale and labels may be unknown


class Studio(Worker):
    """The application. `net`: Network, None after an error; `explorers`: {open tab: Explorer}."""

    def __init__(self, net, photo):
        super().__init__("studio")
        self._memory, self._loaded, self._note = Memory(2), None, ""
        self.net, self.error = None, None
        self.photos, self.explorers = PhotoChoice(photo), {}
        self.photos.bind(self._photo_changed, self._say, self._show_error)
        self._class = f"cnnvis-studio-{next(_numbers)}"
        self._sources = _sources(net)
        self.network = choice("Network", list(self._sources))
        self.file = _text("Network file", "path of a .keras or .h5 file")
        self.upload = ipywidgets.FileUpload(
            accept=".keras,.h5",
            multiple=False,
            description="Upload a network",
            tooltip="For a file over 10 MB give its path instead",
            layout={"width": "auto"},
        )
        self.pixels = choice("Pixels it was trained on", PIXELS)
        self.labels = _text("Labels of its classes", "such as cat, dog")
        self.message = ipywidgets.HTML()
        self.tabs = ipywidgets.Tab([ipywidgets.VBox() for _ in TABS])
        for number, title in enumerate(TABS):
            self.tabs.set_title(number, title)
        self.tabs.selected_index = list(TABS).index(FIRST)
        files = [self.network, self.file, self.upload, self.pixels, self.labels]
        choices, photo = (
            flow(each, "center") for each in (files, [self.photos.menu, self.photos.upload])
        )
        self.box = live_box(self._class, [choices, photo, self.message, self.line, self.tabs])
        self._network_changed()
        self.network.observe(lambda _: self._network_changed(), "value")
        self.file.observe(lambda _: self._add_file(self.file.value), "value")
        self.upload.observe(lambda _: self._read_upload(), "value")
        self.pixels.observe(lambda _: self.request(), "value")
        self.labels.observe(lambda _: self.request(), "value")
        self.tabs.observe(lambda _: self.request(), "selected_index")
        if self.wait(600).error:
            raise ValueError(self.error)

    def _ipython_display_(self, **_):
        explorer = self.explorer
        shown = explorer.static_picture() if explorer else (error_html(self.error), self.error)
        display_live(self._class, self.box, *shown)

    def __repr__(self):
        return f"<Studio: {self.network.value}, {self.photos.name}>"

    @property
    def explorer(self):
        """The `Explorer` in the open tab, None after an error."""
        return self.explorers.get(self.tab)

    @property
    def tab(self):
        """The title of the open tab."""
        return list(TABS)[self.tabs.selected_index or 0]

    def wait(self, timeout=60):
        """Wait until the studio and the open explorer are done; return self."""
        super().wait(timeout)
        if self.explorer:
            self.explorer.wait(timeout)
        return self

    # What changes

    def _network_changed(self):
        asks = self._sources[self.network.value].asks
        self.labels.layout.display = "" if asks else "none"
        self.pixels.layout.display = "none"
        with self.hold():
            self.pixels.index, self.labels.value = 0, ""
        self.request()

    def _photo_changed(self):
        self.message.value = self._note
        if self.explorer:
            self.explorer.photo_changed()
        else:
            self.request()

    def _add_file(self, path):
        """Add a network file to the menu, and choose it."""
        if path := path.strip():
            self._sources[path] = Source(path, asks=True)
            self.network.options = list(self._sources)
            self.network.value = path

    def _read_upload(self):
        if not self.upload.value:
            return
        name, content = uploaded_file(self.upload.value)
        empty_upload(self.upload)
        path = Path(tempfile.mkdtemp(prefix="cnnvis-"), Path(name).name)
        path.write_bytes(content)
        self._add_file(str(path))

    # From the network to the open tab

    def values(self):
        """Return the choices: (network, pixels, labels) and the tab."""
        return (self.network.value, self.pixels.value, self.labels.value), self.tab

    def work(self, values, task):
        """Load the network if it has changed, then fill the open tab; called by `Worker`."""
        wanted, tab = values
        if wanted != self._loaded:
            self._loaded, self.net, self.explorers = None, None, {}
            self.tabs.layout.display = "none"
            for place in self.tabs.children:
                place.children = []
            self.net, warnings = self._load(*wanted, task)
            self._loaded, self.error = wanted, None
            asks = any("preprocess" in text for text in warnings) or wanted[1]
            self.pixels.layout.display = "" if asks else "none"
            self._note = note_html(" ".join(warnings)) if warnings else ""
            self.message.value = self._note
        task.check()
        place = self.tabs.children[list(TABS).index(tab)]
        explorer = self.explorers.get(tab)
        if explorer is None:
            self._say(f"{tab}: working ...")
            try:
                explorer = self.explorers[tab] = TABS[tab](self.net, self.photos)
                place.children = [explorer.box]
            except ValueError as error:  # such as a network without convolutions
                place.children = [ipywidgets.HTML(error_html(sentence(error)))]
        elif explorer.photo_number != self.photos.number:
            explorer.photo_changed()
        self.tabs.layout.display = ""
        self._say(f"{self.net.name}, {self.photos.name}")

    def _load(self, name, pixels, labels, task):
        """Return (Network, warnings); networks by name are cached, files are reread."""
        source = self._sources[name]
        if isinstance(source.what, Network):
            return source.what, []

        def load():
            self._say(f"Loading {name} ...")
            application = find_application(source.what) if isinstance(source.what, str) else None
            if application:
                with contextlib.suppress(OSError):  # load_network says what is missing
                    fetch_weights(application, task.progress)
            given = [label.strip() for label in labels.split(",") if label.strip()]
            net = read_network(source.what, pixels, given or None)
            return net, net.notes

        return load() if source.asks else self._memory(name, load)

    def _show_error(self, text):
        self.error = text
        self.message.value = error_html(text)
        self._say("")


def _sources(net):
    """Return {text: Source} for the menu of networks; the given one comes first."""
    rows = list_networks()
    sources = {
        row.name if row.here else f"{row.name} ({row.megabytes} MB to download)": Source(row.name)
        for row in rows
    }
    for name, value in notebook_names():
        if isinstance(value, keras.Model | Network):
            asks = isinstance(value, keras.Model)
            sources[f"{name} (in this notebook)"] = Source(value, asks)
    if net is None:
        net = next(iter(inspect.signature(load_network).parameters.values())).default
    if isinstance(net, str | os.PathLike):
        application = find_application(os.fspath(net))
        net = application.name if application else os.fspath(net)
    for text, source in sources.items():
        if source.what is net or (isinstance(net, str) and source.what == net):
            return {text: source, **sources}
    name = net if isinstance(net, str) else f"{getattr(net, 'name', type(net).__name__)} (given)"
    return {name: Source(net, asks=isinstance(net, str | keras.Model)), **sources}


def _text(label, placeholder):
    return ipywidgets.Text(
        placeholder=placeholder,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "340px", "margin": "2px 18px 2px 0"},
    )
