"""The package as a whole: what importing it costs, what it offers, and its commands."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cnnvis_helpers
from cnnvis_helpers.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cnnvis_helpers"
HEAVY = {"tensorflow", "keras", "matplotlib", "PIL", "scipy", "numpy", "ipywidgets", "IPython"}


def fresh_python(code):
    """What a new Python process prints; it must end well."""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# --- importing -------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_heavy():
    loaded = fresh_python("import sys, cnnvis_helpers; print(*sys.modules)").split()
    assert "cnnvis_helpers" in loaded
    assert HEAVY.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith("cnnvis_helpers.")]


def test_imports_point_one_way():
    pytest.importorskip("importlinter", reason="pip install -e .[test] brings import-linter")
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_pictures_photos_and_exercises_never_load_tensorflow():
    modules = "pictures.photos_and_maps", "pictures.plots", "photos.photos"
    imports = ", ".join(f"cnnvis_helpers.{module}" for module in modules)
    exercises = "import cnnvis_helpers.exercises as e; [e.of_lesson(n) for n in e.lessons()]"
    code = f"import sys, {imports}; {exercises}; print(*sys.modules)"
    assert {"tensorflow", "keras", "matplotlib.pyplot"}.isdisjoint(fresh_python(code).split())


# --- names -----------------------------------------------------------------------------------


def test_every_listed_name_is_there_and_has_a_docstring():
    for name in cnnvis_helpers._MODULE_OF:
        value = getattr(cnnvis_helpers, name)
        assert not inspect.ismodule(value) and inspect.getdoc(value), name


def test_dir_lists_the_names_and_an_unknown_one_is_refused_in_a_sentence():
    assert set(cnnvis_helpers.__all__) <= set(dir(cnnvis_helpers))
    assert len(set(cnnvis_helpers.__all__)) == len(cnnvis_helpers.__all__)
    with pytest.raises(AttributeError, match=r"no 'gradcamm'; dir\(cnnvis_helpers\) lists"):
        _ = cnnvis_helpers.gradcamm
    with pytest.raises(ImportError, match="gradcamm"):
        exec("from cnnvis_helpers import gradcamm")


# --- commands --------------------------------------------------------------------------------


def test_prefetch_is_done_or_one_sentence(capsys, empty_keras_home):
    assert main(["prefetch", "shapes_a", "chelsea"]) == 0
    assert "shapes_a, chelsea" in capsys.readouterr().out
    for name, said in (("vgg61", "No network 'vgg61'; did you mean"), ("vgg16", "vgg16")):
        assert main(["prefetch", name]) == 1
        shown = capsys.readouterr()
        assert shown.out == "" and said in shown.err and shown.err.count("\n") == 1
    assert not [path for path in empty_keras_home.rglob("*") if path.is_file()]


def test_list_shows_networks_and_photos(capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for name in ("squeezenet", "vgg16", "mobilenetv2", "chelsea", "rocket"):
        assert f"\n{name} " in said


def test_the_bare_command_shows_its_help_and_says_so_by_its_status(capsys):
    assert main([]) == 2
    assert "prefetch" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"cnnvis-helpers {cnnvis_helpers.__version__}\n"
