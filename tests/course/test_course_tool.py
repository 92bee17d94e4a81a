"""tools/course.py where a machine lacks something; that it works is seen when it runs the tests."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = "WARNING: Retrying\nERROR: NewConnectionError: [Errno -3] name resolution\n"


def tool():
    spec = importlib.util.spec_from_file_location("course", ROOT / "tools" / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The tool, at work on a copy of the course that has nothing but a project and a lesson.

    `course.ran` lists the commands; `course.failing` maps a word of a command to its output.
    """
    module = tool()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start_here.ipynb").write_text("{}")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    module.ran, module.failing = [], {}

    def ran(command, **_):
        line = " ".join(command)
        module.ran.append(line)
        if "-m venv" in line and "venv" not in module.failing:
            module.python_inside().parent.mkdir(parents=True)
            module.python_inside().touch()
        output = next((out for word, out in module.failing.items() if f" {word}" in line), "")
        return SimpleNamespace(wait=lambda: 0, returncode=bool(output), stdout=output)

    here = SimpleNamespace(run=ran, Popen=ran, DEVNULL=None, PIPE=None, STDOUT=None)
    monkeypatch.setattr(module, "subprocess", here)
    there = {True: sys.version_info[:2], False: None}
    monkeypatch.setattr(module, "version_of", lambda python: there[Path(python).exists()])
    return module


def test_open_sets_up_once_and_needs_nothing_the_second_time(course):
    assert course.main(["open", "--port", "9000"]) == 0
    venv, install, lab = course.ran
    assert venv.endswith(f"-m venv {course.ENVIRONMENT}")
    assert install.endswith(f"--editable {course.ROOT}[lab]")
    assert "jupyterlab" in lab and "00_start_here.ipynb" in lab and lab.endswith("--port 9000")
    assert all((course.ENVIRONMENT / name).is_file() for name in course.DEFAULTS)
    course.ran.clear()
    course.failing = {"pip": NO_NETWORK}
    assert course.main(["open"]) == 0
    assert len(course.ran) == 1


def test_each_command_works_without_the_other_and_keeps_what_it_installed(course):
    for command in ("test", "open", "test", "open"):
        assert course.main([command]) == 0
    installs = [line.rpartition("[")[2] for line in course.ran if "pip install" in line]
    assert installs == ["test]", "lab]"]
    assert sum("-m venv" in line for line in course.ran) == 1
    assert course.ran[2].endswith("-m pytest -n=2 --dist=loadfile")


def test_a_changed_project_is_installed_again_or_used_as_it_was(course, capsys):
    course.main(["test"])
    with open(course.ROOT / "pyproject.toml", "a") as project:
        project.write("# changed\n")
    course.failing = {"-m pip": NO_NETWORK}
    assert course.main(["test"]) == 0
    assert "no network" in capsys.readouterr().out
    course.failing = {}
    course.main(["test"])
    course.main(["test"])
    assert sum("pip install" in line for line in course.ran) == 3


@pytest.mark.parametrize(
    "failing, words",
    [
        ({"-m pip": NO_NETWORK}, "not installed: there is no network"),
        ({"-m pip": "Collecting x\nERROR: No space left on device\nmore"}, "No space left"),
        ({"-m venv": "Error: ensurepip is not available"}, "sudo apt install python3-venv"),
    ],
)
def test_what_cannot_be_set_up_is_one_sentence(course, capsys, failing, words):
    course.failing = failing
    assert course.main(["open"]) == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    course.failing = {}
    assert course.main(["open"]) == 0


def test_an_old_python_is_one_sentence_and_a_supported_one_beside_it_is_taken(
    course, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(course.sys, "version_info", (3, 8, 2))
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    assert course.main(["test"]) == 1
    assert "Python 3.11, 3.12, 3.13; this is Python 3.8." in capsys.readouterr().err
    (tmp_path / "python3.12").touch()
    monkeypatch.setattr(course.shutil, "which", lambda name: str(tmp_path / name))
    monkeypatch.setattr(course, "version_of", lambda python: (3, 12) if "3.12" in python else None)
    assert course.find_python() == str(tmp_path / "python3.12")


def test_a_wrong_command_shows_the_commands(course, capsys):
    assert course.main(["start"]) == 2
    assert "tools/course.py open " in capsys.readouterr().out
    assert course.ran == []


def test_versions_and_failures_are_those_of_real_interpreters(tmp_path):
    module = tool()
    has_pip = subprocess.run([sys.executable, "-c", "import pip"]).returncode == 0
    assert module.version_of(sys.executable) == (sys.version_info[:2] if has_pip else None)
    assert module.version_of(tmp_path / "python") is None
    assert module.failure([sys.executable, "-c", "print('yes')"]) is None
    said = module.failure([sys.executable, "-c", "print('no', flush=True); 1 / 0"])
    assert said == "ZeroDivisionError: division by zero"
