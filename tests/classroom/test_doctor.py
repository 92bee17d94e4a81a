"""The doctor: ten lines that are true here, and a next step for everything that can be missing."""

import hashlib
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from cnnvis_helpers import report
from cnnvis_helpers.__main__ import main
from cnnvis_helpers._shared import commands
from cnnvis_helpers._shared.commands import course_command, pip_command
from cnnvis_helpers.classroom import report as doctor
from cnnvis_helpers.networks.applications import APPLICATIONS

NAMES = [
    "course", "Python", "packages", "graphics", "first look", "connection", "networks", "photos",
    "space", "widgets",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_caches(empty_keras_home, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNVIS_CACHE", str(tmp_path / "cache"))


def test_ten_lines_that_are_true_here():
    told = []
    found = report(tell=told.append)
    assert [finding.what for finding in found] == NAMES and told == found
    assert len(repr(found).splitlines()) == 10
    text = {finding.what: finding.found for finding in found}
    assert f"{sys.version_info[0]}.{sys.version_info[1]}." in text["Python"]
    for name in ("tensorflow", "keras", "numpy"):
        assert f"{name} {importlib.metadata.version(name)}" in text["packages"]
    assert "cat (98%)" in text["first look"]
    assert text["connection"].startswith("none to storage.googleapis.com")  # tests have no network
    assert text["networks"].startswith("course")
    assert re.match(r"13 bundled, 0 from the web", text["photos"])
    assert re.match(r"\d+\.\d GB of memory free, \d+ GB of disk", text["space"])
    assert f"ipywidgets {importlib.metadata.version('ipywidgets')}" in text["widgets"]
    assert found.works and not any(finding.todo for finding in found if finding.needed)
    assert repr(found).count(" -> ") == repr(found._repr_html_()).count("->") + 1  # the connection


def test_the_command_prints_them_and_tells_by_its_status(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "other_python", lambda: "")
    assert main(["doctor"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    monkeypatch.setitem(doctor._AT_LEAST, "keras", (99, 0))
    assert main(["doctor"]) == 1
    assert f"-> {pip_command('install --upgrade keras')}\n" in capsys.readouterr().out


def test_nothing_is_written():
    report()
    assert not Path(doctor.os.environ["KERAS_HOME"]).exists()
    assert not Path(doctor.os.environ["CNNVIS_CACHE"]).exists()


def test_a_broken_part_does_not_break_the_report(monkeypatch):
    def broken():
        raise RuntimeError("libcuda")

    monkeypatch.setattr(doctor, "_graphics_card", broken)
    broken.__name__ = "_graphics_card"
    found = report()
    assert len(found) == 10 and not found.works
    assert "graphics card" in found[3].what and "RuntimeError: libcuda" in found[3].found


def test_a_damaged_file_and_a_whole_one(empty_keras_home, monkeypatch):
    models = empty_keras_home / "models"
    models.mkdir(parents=True)
    (models / APPLICATIONS["vgg16"].file).write_bytes(b"half a file")
    (models / APPLICATIONS["mobilenetv2"].file).write_bytes(b"no checksum is known of it")
    index_is_whole(models, monkeypatch)
    finding = doctor._networks()
    assert finding.found.startswith("course") and "mobilenetv2" in finding.found
    assert "vgg16" not in finding.found
    assert finding.todo == f"damaged: {course_command('prefetch vgg16')}"


def index_is_whole(models, monkeypatch):
    """Put a list of classes into a folder, and have it taken for the right one."""
    (models / "imagenet_class_index.json").write_bytes(b"{}")
    room = importlib.import_module("cnnvis_helpers.networks.weights")
    monkeypatch.setattr(room, "_CLASS_INDEX_MD5", hashlib.md5(b"{}").hexdigest())


def test_missing_and_damaged_names_of_classes(empty_keras_home, monkeypatch):
    models = empty_keras_home / "models"
    models.mkdir(parents=True)
    (models / APPLICATIONS["mobilenetv2"].file).write_bytes(b"no checksum is known of it")
    for state, content in (("missing", None), ("damaged", '{"0": ["n01')):
        if content:
            (models / "imagenet_class_index.json").write_text(content)
        finding = doctor._networks()
        todo = f"class names of mobilenetv2 are {state}: {course_command('prefetch mobilenetv2')}"
        assert finding.todo == todo and "mobilenetv2" not in finding.found
    index_is_whole(models, monkeypatch)
    assert doctor._networks().todo == "" and "mobilenetv2" in doctor._networks().found


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A checkout of the course, not set up yet, in which the package seems to lie."""
    there = tmp_path / "cnnvis_helpers" / "_shared" / "commands.py"
    monkeypatch.setattr(commands, "__file__", str(there))
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "course.py").touch()
    return tmp_path


def set_up(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "pyvenv.cfg").touch()


def test_the_courses_own_python_is_named_where_this_one_lacks_something(monkeypatch, checkout):
    missing(monkeypatch, "keras", "ipywidgets")
    here = pip_command("install --upgrade keras")
    assert doctor._packages().todo == here
    set_up(checkout)
    own = "use the course's own Python, in .venv: python3 tools/course.py doctor"
    assert doctor._packages().todo == doctor._widgets().todo == own

    def _first_look():
        raise ModuleNotFoundError("No module named 'keras'")

    monkeypatch.setattr(doctor, "_first_look", _first_look)
    assert report()[4].todo == "see packages", "what to do is told once"
    monkeypatch.setattr(commands.sys, "prefix", str(checkout / ".venv"))
    assert doctor._packages().todo == here
    assert doctor._widgets().todo == pip_command('install "ipywidgets>=7.7.1"')
    monkeypatch.setattr(doctor, "_packages", lambda: doctor.Finding("packages", "all there"))
    assert report()[4].todo == "report this"


def test_without_any_dependency_what_to_do_is_told_once(tmp_path):
    shutil.copytree(ROOT / "cnnvis_helpers", tmp_path / "cnnvis_helpers")
    bare = [sys.executable, "-S", "-m", "cnnvis_helpers", "doctor"]
    ran = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert ran.returncode == 1 and ran.stderr == "" and len(ran.stdout.splitlines()) == 10
    assert ran.stdout.count("-m pip install --upgrade tensorflow keras") == 1
    assert ran.stdout.count("No module named") == ran.stdout.count(" -> see packages\n") >= 3


def test_a_command_works_as_it_stands(monkeypatch, checkout):
    """Through the course's tool where that has set the course up, else by this very Python."""
    monkeypatch.setattr(commands.sys, "executable", "/opt/some python/bin/python3")
    assert course_command("list") == "'/opt/some python/bin/python3' -m cnnvis_helpers list"
    assert pip_command("check") == "'/opt/some python/bin/python3' -m pip check"
    set_up(checkout)
    assert course_command("prefetch vgg16") == "python3 tools/course.py prefetch vgg16"
    monkeypatch.setattr(commands.Path, "home", lambda: Path("/opt"))
    assert pip_command("check") == "~/'some python/bin/python3' -m pip check"


def test_this_python_is_one_that_a_shell_can_start():
    asked = f"{commands.this_python()} -c 'import cnnvis_helpers; print(6 * 7)'"
    assert subprocess.getoutput(asked) == "42"


@pytest.mark.parametrize(
    "look, variable", [(doctor._networks, "KERAS_HOME"), (doctor._photos, "CNNVIS_CACHE")]
)
def test_a_cache_that_cannot_be_written_to(look, variable, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert f"set {variable} to one of your own" in look().todo


def test_little_memory_and_little_disk(monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory", lambda: 0.4e9)
    assert doctor._space().found.startswith("0.4 GB") and "other notebooks" in doctor._space().todo
    monkeypatch.setattr(doctor, "_free_memory", lambda: None)
    assert doctor._space().found.startswith("? GB")
    usage = doctor.shutil.disk_usage("/")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=10**8))
    assert "make room on the disk" in doctor._space().todo


def missing(monkeypatch, *names):
    known = importlib.metadata.version

    def version(name):
        if name in names:
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)


def test_packages_that_are_missing_or_old_or_of_another_backend(monkeypatch):
    monkeypatch.setattr(doctor, "other_python", lambda: "")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert doctor._packages().todo.startswith("set KERAS_BACKEND to tensorflow")
    missing(monkeypatch, "tf-keras-vis", "ipywidgets")
    assert doctor._packages().todo == pip_command("install --upgrade tf-keras-vis")
    assert 'install "ipywidgets>=7.7.1"' in doctor._widgets().todo


def test_widgets_that_no_front_end_here_can_show(monkeypatch):
    missing(monkeypatch, "jupyterlab_widgets", "widgetsnbextension", "jupyterlab", "notebook")
    assert "jupyterlab_widgets where Jupyter is" in doctor._widgets().todo
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert doctor._widgets().found.endswith("in Colab") and not doctor._widgets().todo


@pytest.mark.parametrize("installed, wanted, enough", [
    ("2.18.0", (2, 18), True), ("2.9.1", (2, 18), False), ("3.0rc1", (2, 18), True),
    ("7.7.1", (7, 7), True), ("7.6.9", (7, 7), False),
])  # fmt: skip
def test_versions_are_compared_as_numbers(installed, wanted, enough, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: installed)
    assert doctor._reaches("x", wanted) == enough


def test_a_mac_with_an_intel_processor_is_told(monkeypatch):
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    assert "Intel" in doctor._python().todo
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    assert doctor._python().todo == "use 3.11, 3.12, 3.13"


def test_a_connection_and_a_proxy(monkeypatch):
    class Answer:
        def close(self):
            pass

    monkeypatch.setattr(doctor.urllib.request.OpenerDirector, "open", lambda *_, **__: Answer())
    assert doctor._connection() == ("connection", "storage.googleapis.com answers", "", False)
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")

    def refuse(*_, **__):
        raise urllib.error.URLError("Tunnel connection failed: 407")

    monkeypatch.setattr(doctor.urllib.request.OpenerDirector, "open", refuse)
    finding = doctor._connection()
    assert "through the proxy http://proxy.example:3128 (Tunnel" in finding.found
    assert "secret" not in str(finding) and "prefetch" in finding.todo


@pytest.mark.parametrize("proxy", ["http://me:secret@127.0.0.1:abc", "http://[::1", "http://a b:1"])
def test_a_mistyped_proxy_is_named_and_not_needed(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    finding = report()[5]
    assert finding.what == "connection" and not finding.needed
    assert finding.todo.startswith("HTTPS_PROXY is 'http://") and "mend it" in finding.todo
    assert "secret" not in str(finding)
    monkeypatch.setenv("no_proxy", "*")
    assert "HTTPS_PROXY" not in doctor._connection().todo


def test_the_users_name_is_not_told(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.Path, "home", lambda: tmp_path / "somebody")
    assert doctor._tilde(tmp_path / "somebody" / "x") == "~" + doctor.os.sep + "x"
    assert doctor._tilde(tmp_path / "somebody") == "~"
    assert doctor._tilde(tmp_path / "somebody2") == str(tmp_path / "somebody2")


# --- graphics cards: used where there is one, named nowhere --------------------------------------

ROOT = Path(__file__).resolve().parents[2]


def test_memory_of_a_graphics_card_grows_and_one_in_use_is_left_alone(monkeypatch):
    from cnnvis_helpers.networks import sources as loading

    grown = []

    def grow(card, on):
        if card == "in use":
            raise RuntimeError("Physical devices cannot be modified after being initialized")
        grown.append((card, on))

    monkeypatch.setattr(loading.tf.config, "list_physical_devices", lambda kind: ["in use", kind])
    monkeypatch.setattr(loading.tf.config.experimental, "set_memory_growth", grow)
    loading.let_memory_grow()
    assert grown == [("GPU", True)]


def test_memory_growth_is_on_before_a_network_is_made():
    source = (ROOT / "cnnvis_helpers" / "networks" / "sources.py").read_text(encoding="utf-8")
    assert re.search(r"^let_memory_grow\(\)$", source, re.MULTILINE)


def test_a_card_is_told_by_name(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["card"])
    details = {"device_name": "NVIDIA T4"}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda card: details)
    assert doctor._graphics_card().found.startswith("NVIDIA T4; memory")


def test_no_lesson_and_no_method_names_a_device():
    folders = ("cnnvis_helpers", "notebooks/lessons")
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("**/*.py"))]
    assert len(files) > 30
    named = r"tf\.device|with_device|[\"'/](GPU|CPU|gpu|cpu|cuda)(:\d)?[\"']|CUDA_VISIBLE|\.cuda\("
    told = {
        path.name: found
        for path in files
        if (found := re.findall(named, path.read_text(encoding="utf-8")))
    }
    # the first two ask whether there is a card; a kernel for grading uses none, anywhere
    may = {"loading.py", "doctor.py", "kernels.py"}
    assert set(told) <= may, told
