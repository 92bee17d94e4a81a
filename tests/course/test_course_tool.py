"""tools/course.py where a machine lacks something; that it works is seen when it runs these."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnnvis_helpers import __main__ as main_of_the_package

ROOT = Path(__file__).resolve().parents[2]
NO_NAMES = "WARNING: Retrying after NameResolutionError\nERROR: No matching distribution found"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The launcher, at work on a copy of the course that has nothing but a project and a lesson."""
    spec = importlib.util.spec_from_file_location("course", ROOT / "tools" / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start_here.ipynb").write_text("{}")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    return module


@pytest.fixture
def machine(course, monkeypatch):
    """A pretended machine: `ran` lists what was run, `fails` maps a word in a command to output."""

    class Machine:
        ran, fails, handed_over = [], {}, []

    def run_quietly(command, **_):
        line = " ".join(str(part) for part in command)
        Machine.ran.append(line)
        failing = [out for word, out in Machine.fails.items() if word in line]
        if not failing and ("-m venv" in line or "-m virtualenv" in line):
            python = course.python_of(course.ENVIRONMENT)
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        said = failing[0] if failing else "the network says: cat (98%)\n"
        return subprocess.CompletedProcess(command, int(bool(failing)), said, said)

    monkeypatch.setattr(course, "run_quietly", run_quietly)
    monkeypatch.setattr(
        course, "version_of", lambda python, needs="": (3, 12) if Path(python).exists() else None
    )
    monkeypatch.setattr(course, "hand_over", lambda *what: Machine.handed_over.append(what) or 0)
    Machine.ran, Machine.fails, Machine.handed_over = [], {}, []
    return Machine


def test_open_makes_the_environment_looks_once_and_starts_the_first_lesson(course, machine, capsys):
    assert course.main(["open", "--no-browser", "--port", "9000"]) == 0
    venv, install, look = machine.ran
    assert venv.endswith(f"-m venv {course.ENVIRONMENT}")
    assert "pip install" in install and install.endswith(f"--editable {course.ROOT}[lab]")
    assert course.FIRST_LOOK in look
    ((command, folder),) = machine.handed_over
    assert command[:3] == [str(course.python_of(course.ENVIRONMENT)), "-m", "jupyterlab"]
    assert command[-3:] == ["--no-browser", "--port", "9000"]
    for name, text in course.DEFAULTS.items():
        assert (course.ENVIRONMENT / name).read_text() == text
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command
    assert folder == course.ROOT / "notebooks"
    said = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in said] == ["[1/3]", "[2/3]", "[3/3]", "Openi"]
    assert "cat (98%)" in said[2]


def test_the_second_run_goes_straight_on(course, machine, capsys):
    course.main(["test"])
    machine.ran.clear()
    capsys.readouterr()
    assert course.main(["test", "-x", "-k", "photos"]) == 0
    assert machine.ran == []
    command, folder = machine.handed_over[-1]
    assert command[1:] == ["-m", "pytest", "-x", "-k", "photos"]
    assert folder == course.ROOT
    assert capsys.readouterr().out == ""


def test_each_command_adds_what_it_needs_and_forgets_nothing(course, machine):
    for command in ("test", "open", "test", "open"):
        course.main([command])
    installs = [line.rpartition("[")[2] for line in machine.ran if "pip install" in line]
    assert installs == ["test]", "lab]"]
    assert sum("-m venv" in line for line in machine.ran) == 1


def test_a_changed_project_or_a_moved_folder_is_installed_again(course, machine):
    course.main(["test"])
    (course.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    course.main(["test"])
    stamp = json.loads((course.ENVIRONMENT / "course.json").read_text())
    stamp["for"]["folder"] = "elsewhere"
    (course.ENVIRONMENT / "course.json").write_text(json.dumps(stamp))
    course.main(["test"])
    assert sum("pip install" in line for line in machine.ran) == 3
    assert sum("-m venv" in line for line in machine.ran) == 1


def test_an_interrupted_or_broken_environment_is_made_anew(course, machine):
    course.main(["test"])
    course.python_of(course.ENVIRONMENT).unlink()
    course.main(["test"])
    assert sum("-m venv" in line for line in machine.ran) == 2
    (course.ENVIRONMENT / "course.json").write_text("{half a fi")
    course.main(["test"])
    assert sum("pip install" in line for line in machine.ran) == 3


def test_the_first_run_without_a_network_is_one_sentence(course, machine, capsys):
    machine.fails = {"pip install": NO_NAMES}
    assert course.main(["open"]) == 1
    assert not machine.handed_over
    said = capsys.readouterr().err
    assert "needs the network" in said and said.count("\n") == 1
    assert (course.ENVIRONMENT / "install.log").read_text() == NO_NAMES
    machine.fails = {}
    assert course.main(["open"]) == 0


def test_a_lecture_without_a_network_goes_on_with_what_is_installed(course, machine, capsys):
    course.main(["open"])
    (course.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    machine.fails = {"pip install": NO_NAMES}
    assert course.main(["open"]) == 0
    assert "Going on with what an earlier run installed." in capsys.readouterr().out
    machine.fails = {}
    installs = len(machine.ran)
    course.main(["open"])
    assert len(machine.ran) > installs, "with the network back, it installs what is missing"


def test_another_failure_of_pip_is_quoted(course, machine, capsys):
    machine.fails = {"pip install": "Collecting\nERROR: No space left on device\nERROR: more\n"}
    assert course.main(["test"]) == 1
    assert capsys.readouterr().err == (
        "pip could not install the course: ERROR: No space left on device\n"
    )


def test_a_course_that_does_not_run_says_why(course, machine, capsys):
    machine.fails = {" -c ": "Traceback\n  ...\nImportError: no AVX\n"}
    assert course.main(["open"]) == 1
    assert "does not run: ImportError: no AVX" in capsys.readouterr().err
    assert course.main(["test"]) == 0


def test_where_venv_is_missing_virtualenv_is_fetched_into_a_folder_of_its_own(course, machine):
    machine.fails = {"-m venv": "ensurepip is not available"}
    assert course.main(["test"]) == 0
    venv, fetch, make, install = machine.ran
    assert "-m pip install --target" in fetch and fetch.endswith(" virtualenv")
    assert make.endswith(f"-m virtualenv --clear {course.ENVIRONMENT}")
    assert install.endswith("[test]")
    assert not Path(fetch.split()[-2]).exists(), "it is thrown away"


def test_no_python_that_is_supported_is_one_sentence(course, machine, monkeypatch, capsys):
    monkeypatch.setattr(course, "SUPPORTED", ((3, 98), (3, 99)))
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    assert course.main(["test"]) == 1
    said = capsys.readouterr().err
    here = ".".join(map(str, sys.version_info[:2]))
    assert f"this is Python {here} and no other was found" in said and said.count("\n") == 1
    assert machine.ran == []


def test_a_supported_python_beside_this_one_is_taken(course, machine, monkeypatch, tmp_path):
    other = tmp_path / "python3.12"
    other.touch()
    monkeypatch.setattr(course, "SUPPORTED", ((3, 12), (3, 99)))
    monkeypatch.setattr(course.sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(course.shutil, "which", lambda name: str(tmp_path / name))
    assert course.main(["test"]) == 0
    assert machine.ran[0].startswith(str(other))


def test_a_folder_that_cannot_be_written_to_is_one_sentence(course, machine, capsys, monkeypatch):
    (course.ROOT / "a file").touch()
    monkeypatch.setattr(course, "ENVIRONMENT", course.ROOT / "a file" / ".venv")
    assert course.main(["test"]) == 1
    said = capsys.readouterr().err
    assert "cannot be written to" in said and said.count("\n") == 1


def test_wrong_command_lines_are_answered(course, capsys):
    assert course.main(["start"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("There is no command 'start'; there are: open, test, setup, slides,")
    assert course.main([]) == 2
    assert course.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"tools/course.py {command} " in told for command in course.EXTRA_OF)


@pytest.mark.parametrize(
    "command, extra, options",
    [
        ("report", "lab", []),
        ("prefetch", "lab", ["vgg16", "chelsea"]),
        ("rehearse", "lab", ["04"]),
        ("kept", "lab", ["clear"]),
        ("grade", "lab", ["homework.ipynb"]),
        ("slides", "slides", ["04", "--check"]),
        ("handouts", "slides", ["--pdf"]),
    ],
)
def test_every_other_command_runs_inside_the_environment_and_where_the_user_is(
    course, machine, command, extra, options, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert course.main([command, *options]) == 0
    assert machine.ran[-1].endswith(f"[{extra}]")
    (((python, *rest), folder),) = machine.handed_over
    assert python == str(course.python_of(course.ENVIRONMENT)) and folder == tmp_path
    if extra == "slides":
        assert rest == [str(course.ROOT / "tools" / f"build_{command}.py"), *options]
        assert (ROOT / "tools" / f"build_{command}.py").is_file()
    else:
        assert rest == ["-m", "cnnvis_helpers", command, *options]
        assert main_of_the_package._parser().parse_args(rest[2:]).command


def test_the_doctor_installs_nothing_where_anything_is_installed(course, machine):
    course.main(["test"])
    machine.ran.clear()
    assert course.main(["report"]) == 0
    assert machine.ran == []


def test_setup_makes_what_the_tests_need_and_says_where(course, machine, capsys):
    assert course.main(["setup"]) == 0
    assert machine.ran[-1].endswith("[test]") and not machine.handed_over
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"All is set up. The course's Python is {course.python_of(course.ENVIRONMENT)}"


def test_ctrl_c_is_no_traceback(course, monkeypatch, capsys):
    def interrupt(command):
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "prepare", interrupt)
    assert course.main(["open"]) == 130
    assert capsys.readouterr().err == "\nStopped. Run the same command again to go on.\n"


def test_versions_are_read_from_real_interpreters(course, tmp_path):
    assert course.version_of(sys.executable) == sys.version_info[:2]
    assert course.version_of(sys.executable, needs="no_such_module") is None
    assert course.version_of(tmp_path / "python") is None


def test_output_is_kept_and_shown_only_where_it_helps(course, monkeypatch, capsys):
    talk = [sys.executable, "-c", "print('  Downloading x.whl (600 MB)'); print('done')"]
    quiet = course.run_quietly(talk, show_downloads=True)
    assert (quiet.returncode, quiet.stdout.split()[-1]) == (0, "done")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(course.sys.stdout, "isatty", lambda: True, raising=False)
    shown = course.run_quietly(talk, show_downloads=True)
    assert shown.stdout == quiet.stdout
    assert "Downloading x.whl (600 MB)" in capsys.readouterr().out
