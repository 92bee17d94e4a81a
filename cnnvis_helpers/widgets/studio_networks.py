"""The networks of the studio: by name, given, or from a file; and the lines that load them again.

A file is known by its path, its time and its size: one that was saved anew is read anew. Two things
are remembered that no file can say: how its pixels are prepared, and what its classes are called.
"""

import contextlib
import csv
import os
import pprint
import sys
from pathlib import Path
from typing import NamedTuple

from cnnvis_helpers import _MODULE_OF as PUBLIC
from cnnvis_helpers.networks.applications import find_application
from cnnvis_helpers.networks.network import Network, list_networks, load_network
from cnnvis_helpers.networks.sources import heard_warnings
from cnnvis_helpers.networks.weights import DownloadError, fetch_weights
from cnnvis_helpers.widgets.menus import Memory

GIVEN_NET = "this network"
PIXELS = [  # what a network may have been trained on, and the argument `preprocess`
    ("not said", ""),
    ("0 to 255 (identity)", "identity"),
    ("0 to 1 (unit)", "unit"),
    ("-1 to 1, as MobileNet (tf)", "tf"),
    ("blue first, less mean, as VGG (caffe)", "caffe"),
    ("mean 0, spread 1, as DenseNet (torch)", "torch"),
]


class About(NamedTuple):
    """What no file says of its network: a value of `PIXELS`, and labels separated by commas."""

    pixels: str = ""
    labels: str = ""

    @property
    def arguments(self):
        """The arguments (preprocess, labels) of `load_network`; None for what is not said."""
        (row,) = csv.reader([self.labels], skipinitialspace=True) if self.labels else ([],)
        labels = [label.strip() for label in row if label.strip()]
        return self.pixels or None, labels or None


class Loaded(NamedTuple):
    """A network, what `load_network` warned of, and whether its file had been saved anew."""

    net: Network
    warnings: tuple = ()
    anew: bool = False


class Networks:
    """The networks of one studio's menu.

    Attributes
    ----------
    begin : the menu's first value: a name, a path, or GIVEN_NET
    about : {path: About} of the files in the menu
    """

    def __init__(self, given=None):
        """given: a Network, or whatever `load_network` takes; None: "efficientnet_lite0"."""
        self.about, self._memory, self._stamps, self._given = {}, Memory(2), {}, given
        if isinstance(given, str | os.PathLike):
            application = find_application(os.fspath(given))
            self.begin = application.name if application else os.fspath(given)
            if self.begin not in [row.name for row in list_networks()]:
                self.add(self.begin)
        elif given is None:
            self.begin = "efficientnet_lite0"
        else:
            self.begin = GIVEN_NET
            self._given_net = given if isinstance(given, Network) else load_network(given)

    def options(self):
        """Return the menu: (text, value) of the network given, of all names, and of the files."""
        rows = [
            (row.name if row.here else f"{row.name} ({row.megabytes} MB to fetch)", row.name)
            for row in list_networks()
        ]
        first = []
        if self.begin == GIVEN_NET:
            first = [(f"{self._given_net.name} (given)", GIVEN_NET)]
        return [*first, *rows, *((path, path) for path in self.about)]

    def add(self, path, say=lambda text: None):
        """Take a file into the menu if it can be loaded; raises what `load_network` raises."""
        if path in self.about:
            return
        self.about[path] = About()
        try:
            self._load_file(path, say)
        except Exception:
            del self.about[path]
            raise

    def load(self, name, task=None, say=lambda text: None):
        """Return the `Loaded` of a value of the menu.

        Weights of `keras.applications` that are not here are fetched first: say(text) is told, and
        `task`, a `Task` of an explorer, hears of the progress.
        """
        if name == GIVEN_NET:
            return Loaded(self._given_net)
        if name in self.about:
            return self._load_file(name, say)

        def load():
            say(f"Loading {name} ...")
            application = find_application(name)
            if application:
                _fetch(application, task)
            return _heard(name)

        return self._memory(name, load)

    def _load_file(self, path, say):
        stamp, about = _stamp(path), self.about[path]

        def load():
            say(f"Loading {path} ...")
            return _heard(path, *about.arguments)

        loaded = self._memory((stamp, about), load)
        anew = self._stamps.get(path, stamp) != stamp
        self._stamps[path] = stamp
        return loaded._replace(anew=anew)

    def lines(self, name):
        """Return the lines of Python that make `net`, the network of a value of the menu."""
        if name in self.about:
            return loading_lines(name, *self.about[name].arguments)
        if name != GIVEN_NET:
            return loading_lines(name)
        if self._given_net.origin:
            return loading_lines(*self._given_net.origin)
        lines, variable = given_lines(self._given, "net", "network")
        if not isinstance(self._given, Network):
            return [*lines, f"net = load_network({variable})"]
        return lines if variable == "net" else [*lines, f"net = {variable}"]


def _heard(*arguments):
    with heard_warnings() as heard:
        net = load_network(*arguments)
    return Loaded(net, tuple(heard))


def _stamp(path):
    """Return what changes when a file is saved anew; None where there is no file."""
    with contextlib.suppress(OSError):
        state = os.stat(path)
        return str(Path(path).absolute()), state.st_mtime_ns, state.st_size


def _fetch(application, task):
    """Have the ImageNet weights on this machine, with a progress bar and a working Stop."""
    try:
        fetch_weights(application, task.progress)
    except DownloadError as error:
        raise FileNotFoundError(
            f"The weights of {application.name} ({application.megabytes} MB) are not on this "
            f"machine and could not be fetched ({error.reason}): once online, run `python -m "
            f'cnnvis_helpers prefetch {application.name}`; "efficientnet_lite0" works without.'
        ) from None


# Lines of Python


def loading_lines(name, preprocess=None, labels=None):
    """Return the lines that load a network by its name or path."""
    said = f", preprocess={preprocess!r}" if preprocess else ""
    if not labels:
        return [f"net = load_network({name!r}{said})"]
    line = f"net = load_network({name!r}{said}, labels={labels!r})"
    if len(line) <= 100:
        return [line]
    listed = pprint.pformat(labels, indent=4, width=96, compact=True)
    return [f"labels = {listed}", f"net = load_network({name!r}{said}, labels=labels)"]


def given_lines(value, usual, what):
    """Return (lines, variable) for an object that studio() was given and that no line can make.

    variable : the notebook's own name for it, or `usual` where it has none. The lines say in one
        sentence what it must be where it is missing.
    """
    notebook = dict(vars(sys.modules["__main__"]))
    names = [
        name
        for name, each in notebook.items()
        if each is value and not name.startswith("_") and name not in PUBLIC
    ]
    if usual in names or not names:
        # A name that the notebook uses for something else would make another picture.
        variable = f"given_{usual}" if notebook.get(usual, value) is not value else usual
    else:
        variable = names[0]
    missing = f"{variable} must be the {what} that studio() was given: make it first."
    return [f"if {variable!r} not in globals():", f"    raise NameError({missing!r})"], variable
