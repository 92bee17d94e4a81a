"""What works on this machine, and what to do about the rest: ten lines, also for a bug report."""

import http.client
import importlib.metadata
import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from cnnvis_helpers._shared.commands import course_command, other_python, pip_command
from cnnvis_helpers._shared.proxies import proxy_fault, without_password
from cnnvis_helpers._shared.quiet_tensorflow import without_greetings
from cnnvis_helpers._shared.table import html_table

_HOST = "storage.googleapis.com"  # where Keras's weights are
_SECONDS = 3
_AT_LEAST = {"tensorflow": (2, 18), "keras": (3, 5), "ipywidgets": (7, 7)}
_PYTHONS = ((3, 11), (3, 12), (3, 13))
_GIGA = 1e9


class Finding(NamedTuple):
    """One line of a report: what was looked at, what was found, and what to do ("" for nothing).

    needed : whether the course cannot do without it
    """

    what: str
    found: str
    todo: str = ""
    needed: bool = False

    def __str__(self):
        return f"{self.what:<11} {self.found}" + (f" -> {self.todo}" if self.todo else "")


class Report(list):
    """A list of Findings that shows itself as text and as a table."""

    def __repr__(self):
        return "\n".join(map(str, self))

    def _repr_html_(self):
        rows = ((finding.what, finding.found, finding.todo) for finding in self)
        return html_table(("", "found", "what to do"), rows)

    @property
    def works(self):
        """Whether everything is there that the course needs."""
        return not any(finding.needed and finding.todo for finding in self)


def report(tell=None):
    """Return what works here: a Report of ten Findings, to read or to paste into a bug report.

    tell : function of a Finding, called as soon as it is known, or None

    It starts TensorFlow, reads every cached weights file whose checksum Keras knows, and asks for
    one connection, for at most three seconds. It changes nothing; paths in it begin with ~ instead
    of the name of a user.
    """
    found = Report()
    for look in (
        _course, _python, _packages, _graphics_card, _first_look, _connection, _networks, _photos,
        _space, _widgets,
    ):  # fmt: skip
        try:
            finding = look()
        except Exception as error:  # a report is needed most where something is badly broken
            text = f"cannot be told: {type(error).__name__}: {str(error)[:200]}"
            todo = "report this"
            if isinstance(error, ImportError):
                lacking = any(one.what == "packages" and one.todo for one in found)
                todo = "see packages" if lacking else other_python() or todo
            finding = Finding(look.__name__[1:].replace("_", " "), text, todo, True)
        found.append(finding)
        if tell:
            tell(finding)
    return found


def _course():
    from cnnvis_helpers import __version__
    from cnnvis_helpers._shared.data_files import data_file, manifest

    text = f"cnnvis-helpers {__version__} in {_tilde(Path(__file__).parent.parent)}"
    try:
        count = len([data_file(entry) for entry in manifest()])
    except ValueError as error:
        return Finding("course", text, str(error), True)
    return Finding("course", f"{text}, {count} bundled files whole", needed=True)


def _python():
    text = (
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors"
    )
    todo = ""
    if sys.version_info[:2] not in _PYTHONS:
        todo = "use " + ", ".join(f"{major}.{minor}" for major, minor in _PYTHONS)
    elif platform.system() == "Darwin" and platform.machine() == "x86_64":
        todo = "TensorFlow makes nothing new for Macs with Intel processors: use Colab or Binder"
    return Finding("Python", text, todo, True)


def _packages():
    names = ["tensorflow", "keras", "tf-keras-vis", "numpy", "matplotlib", "pillow"]
    versions = {name: _version(name) for name in names}
    missing = [name for name in names if versions[name] is None]
    old = [n for n, least in _AT_LEAST.items() if n in versions and not _reaches(n, least)]
    todo = ""
    if missing or old:
        todo = other_python() or pip_command(f"install --upgrade {' '.join(missing or old)}")
    elif os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        todo = "set KERAS_BACKEND to tensorflow and start again"
    text = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    return Finding("packages", text, todo, True)


def _graphics_card():
    with without_greetings():
        import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        return Finding("graphics", "no card in use; the course needs none")
    names = [tf.config.experimental.get_device_details(c).get("device_name", "GPU") for c in cards]
    return Finding("graphics", f"{', '.join(names)}; memory is taken as it is needed")


def _first_look():
    from cnnvis_helpers import load_network, load_photo

    best = load_network().predict(load_photo("chelsea"), top=1)[0]
    text = f"the course network looks at a cat and says: {best.label} ({best.probability:.0%})"
    todo = "" if best.label == "cat" else "install the course again: its network is not right"
    return Finding("first look", text, todo, True)


def _connection():
    proxy = urllib.request.getproxies().get("https")
    by = f" through the proxy {without_password(proxy)}" if proxy else ""
    request = urllib.request.Request(f"https://{_HOST}/", method="HEAD")
    if fault := proxy_fault(request.full_url):
        return Finding("connection", f"none to {_HOST}{by}", fault)
    try:
        urllib.request.build_opener().open(request, timeout=_SECONDS).close()
    except urllib.error.HTTPError:
        pass  # an answer is a connection
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        todo = "everything that is here works; fetch large networks elsewhere, with prefetch"
        return Finding("connection", f"none to {_HOST}{by} ({str(reason)[:100]})", todo)
    return Finding("connection", f"{_HOST} answers{by}")


def _networks():
    from cnnvis_helpers.networks.applications import APPLICATIONS
    from cnnvis_helpers.networks.bundled import bundled_names
    from cnnvis_helpers.networks.weights import (
        CLASS_INDEX,
        cache_folder,
        find_cached,
        is_here,
        is_whole,
    )

    here, damaged, nameless = list(bundled_names()), [], []
    for name, application in APPLICATIONS.items():
        path = find_cached(application.file)
        if path is None:
            continue
        if application.checksum and not is_whole(path, application.checksum):
            damaged.append(name)
        else:
            (here if is_here(application) else nameless).append(name)
    todo = ""
    if damaged:
        todo = f"damaged: {course_command('prefetch ' + ' '.join(damaged))}"
    elif nameless:
        fault = "damaged" if find_cached(CLASS_INDEX) else "missing"
        todo = f"class names of {', '.join(nameless)} are {fault}: "
        todo += course_command(f"prefetch {nameless[0]}")
    elif not os.access(_existing(cache_folder()), os.W_OK):
        todo = "the folder cannot be written to: set KERAS_HOME to one of your own"
    return Finding("networks", f"{', '.join(here)}; more go to {_tilde(cache_folder())}", todo)


def _photos():
    from cnnvis_helpers._shared.download import cache_folder
    from cnnvis_helpers.photos.photos import list_photos

    folder = cache_folder() / "photos"
    kept = len(list(folder.iterdir())) if folder.is_dir() else 0
    todo = ""
    if not os.access(_existing(folder), os.W_OK):
        todo = "the folder cannot be written to: set CNNVIS_CACHE to one of your own"
    text = f"{len(list_photos())} bundled, {kept} from the web in {_tilde(folder)}"
    return Finding("photos", text, todo)


def _space():
    from cnnvis_helpers.networks.weights import cache_folder

    memory, disk = _free_memory(), shutil.disk_usage(_existing(cache_folder())).free
    todo = ""
    if disk < _GIGA:
        todo = "make room on the disk: large networks take up to a gigabyte each"
    if memory is not None and memory < 1.5 * _GIGA:
        todo = "shut down other notebooks (Kernel > Shut Down) and close other programs"
    told = "?" if memory is None else f"{memory / _GIGA:.1f}"
    return Finding("space", f"{told} GB of memory free, {disk / _GIGA:.0f} GB of disk", todo)


def _widgets():
    version, kernel = _version("ipywidgets"), _version("ipykernel")
    text = f"ipywidgets {version or 'missing'}, IPython {_version('ipython')}, ipykernel {kernel}"
    if version is None or not _reaches("ipywidgets", _AT_LEAST["ipywidgets"]):
        todo = other_python() or pip_command('install "ipywidgets>=7.7.1"')
        return Finding("widgets", text, todo)
    if "google.colab" in sys.modules:
        return Finding("widgets", f"{text}, in Colab")
    shown_by = [
        f"{name} {_version(name)}"
        for name in ("jupyterlab", "jupyterlab_widgets", "notebook", "widgetsnbextension")
        if _version(name)
    ]
    if _version("jupyterlab_widgets") or _version("widgetsnbextension"):
        return Finding("widgets", f"{text}, {', '.join(shown_by)}")
    todo = "if sliders do not show: python -m pip install jupyterlab_widgets where Jupyter is"
    return Finding("widgets", text, todo)


def _version(name):
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _reaches(name, least):
    """Whether the installed version of a distribution is at least `least`, such as (2, 18)."""
    parts = (_version(name) or "0").split(".")[: len(least)]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts) >= least


def _free_memory():
    """Bytes of memory that a new program could have, or None where that cannot be told."""
    try:
        import psutil
    except ImportError:
        return None
    return psutil.virtual_memory().available


def _existing(folder):
    """The folder, or the nearest one above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _tilde(path):
    """A path as text, the user's own folder written as ~."""
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if text == home or text.startswith(home + os.sep) else text
