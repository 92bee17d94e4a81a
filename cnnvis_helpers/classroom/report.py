"""Report what works on this machine, and what to do about the rest."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import NamedTuple

from cnnvis_helpers._shared.files import cache_folder
from cnnvis_helpers._shared.table import Table

_PACKAGES = "tensorflow keras tf-keras-vis numpy scipy matplotlib pillow ipykernel ipywidgets"


class Finding(NamedTuple):
    """One line of a report: the subject, what was found, and what to do ("" for nothing)."""

    what: str
    found: str
    todo: str = ""


class Report(Table):
    """A table of Findings."""

    headings = ("", "found", "what to do")

    @property
    def works(self):
        """Whether there is nothing to do."""
        return not any(finding.todo for finding in self)


def report(show=None):
    """Return what works on this machine, to read or to paste into a bug report.

    It loads TensorFlow, checks every bundled file, runs a network on a photo and asks the server of
    Keras's weights for an answer. It changes nothing.

    Parameters
    ----------
    show : function of a Finding, called as soon as it is known, or None

    Returns
    -------
    Report, a table of Findings (what, found, todo)
    """
    found = Report()
    for look in (_course, _python, _packages, _graphics, _prediction, _connection, _caches):
        try:
            finding = look()
        except Exception as error:  # a report is needed most when something is broken
            text = f"{type(error).__name__}: {str(error)[:200]}"
            finding = Finding(look.__name__[1:], text, "install the course again, or report this")
        found.append(finding)
        if show:
            show(finding)
    return found


def _course():
    from cnnvis_helpers import __version__
    from cnnvis_helpers._shared.data_files import data_file, manifest

    count = len([data_file(entry) for entry in manifest()])  # compares the checksums
    folder = _tilde(Path(__file__).parents[1])
    return Finding("course", f"cnnvis-helpers {__version__} in {folder}, {count} files checked")


def _python():
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return Finding("Python", f"{platform.python_version()} on {system}")


def _packages():
    versions = {}
    for name in _PACKAGES.split():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "missing"
    missing = [name for name, version in versions.items() if version == "missing"]
    todo = f"python -m pip install {' '.join(missing)}" if missing else ""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        todo = "set KERAS_BACKEND to tensorflow and start again"
    return Finding("packages", ", ".join(map(" ".join, versions.items())), todo)


def _graphics():
    from cnnvis_helpers._shared.quiet_tensorflow import without_greetings

    with without_greetings():
        import tensorflow as tf
    cards = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(c).get("device_name", "GPU") for c in cards]
    return Finding("graphics", ", ".join(names) or "no graphics card in use; the course needs none")


def _prediction():
    from cnnvis_helpers import load_network, load_photo

    net = load_network()
    best = net.predict(load_photo("chelsea"), top=1)[0]
    todo = "" if "cat" in best.label.lower() else "install the course again: its network is wrong"
    text = f"{net.name} calls the photo of a cat {best.label!r} ({best.probability:.0%})"
    return Finding("prediction", text, todo)


def _connection():
    import requests

    host = "storage.googleapis.com"  # where Keras's weights are
    try:
        requests.head(f"https://{host}/", timeout=3)
    except requests.RequestException:
        return Finding("connection", f"none to {host}; what is on this machine works")
    return Finding("connection", f"{host} answers")


def _caches():
    from cnnvis_helpers import list_networks
    from cnnvis_helpers.networks.weights import weights_folder

    here = ", ".join(row.name for row in list_networks() if row.here)
    text = f"networks {here}; weights in {_tilde(weights_folder())}, photos in "
    return Finding("caches", text + _tilde(cache_folder()))


def _tilde(path):
    """Return a path as text, with ~ for the home folder."""
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if text == home or text.startswith(home + os.sep) else text
