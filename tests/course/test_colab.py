"""One notebook alone is enough in Colab: proved in an environment with exactly Colab's versions.

Making it needs a network once (tests have none themselves; what makes environments has), and a
supported Python with venv. Where either is missing these tests say so and are skipped.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "colab")]

import environments  # noqa: E402
import proof  # noqa: E402

LESSONS_HERE = ["00", "04"]  # all of them: python tests/colab/proof.py
WIDGET_TESTS = ("test_explor*.py", "test_studio*.py")
RUNNER = ["pytest", "pluggy", "iniconfig", "pytest-timeout"]


@pytest.fixture(scope="module")
def colab():
    """The Python of an environment with Colab's versions, nothing of the course in it."""
    try:
        return proof.colab_python()
    except environments.NoNetwork as error:
        pytest.skip(f"Colab's packages cannot be fetched without a network: {error}")
    except environments.NoPython as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_the_environment_is_colabs_to_the_version(colab):
    found = {
        name.replace("_", "-"): version for name, version in environments.versions(colab).items()
    }
    for line in proof.constraints():
        wanted = Requirement(line)
        name = wanted.name.replace("_", "-").lower()
        assert wanted.specifier.contains(found[name]), f"{line}, but {found[name]} is installed"
    assert "cnnvis-helpers" not in found and "tf-keras-vis" not in found
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([str(colab), "-c", ask], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == proof.PYTHON == "3.13"


def test_no_other_python_takes_the_place_of_colabs(monkeypatch, capsys):
    monkeypatch.setattr(environments, "_version", lambda python: "3.12")
    with pytest.raises(environments.NoPython, match="needs Python 3.13, and none was found"):
        proof.colab_python()
    assert proof.main(["00"]) == 1
    assert "needs Python 3.13" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_notebook_alone_installs_the_course_and_runs_and_changes_nothing(colab):
    told = []
    try:
        came = proof.prove_all(LESSONS_HERE, colab, proof.source_of_this_copy(), told.append)
    except proof.Failed as error:
        if "Check network, proxy" in str(error):
            pytest.skip(f"pip cannot build the course without a network: {error}")
        raise
    assert [line[:2] for line in told] == LESSONS_HERE
    for number in LESSONS_HERE:
        names = {name.replace("_", "-") for name in came[number]}
        assert {"cnnvis-helpers", "tf-keras-vis"} <= names <= {
            "cnnvis-helpers", "tf-keras-vis", "deprecated",
        }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_explorers_work_with_the_widgets_of_colab(colab):
    """The tests of explorers and studio again, with ipywidgets 7, IPython 7 and Python 3.13."""
    files = [str(path) for form in WIDGET_TESTS for path in sorted((ROOT / "tests").glob(form))]
    assert files
    runner = environments.FOLDER / "runner"  # beside Colab's packages, not among them
    if not (runner / "pytest").is_dir():
        try:
            environments.install(colab, ["--target", str(runner), "--no-deps", *RUNNER])
        except environments.NoNetwork as error:
            pytest.skip(f"pytest cannot be fetched without a network: {error}")
    path = [str(ROOT), str(ROOT / "tests" / "offline"), str(runner)]
    ran = subprocess.run(
        [str(colab), "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=environments.clean_variables(PYTHONPATH=os.pathsep.join(path)),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert " passed" in ran.stdout.splitlines()[-1]


# --- the proof itself goes red ---------------------------------------------------------------


@pytest.fixture
def before_and_after(monkeypatch):
    """Function that lets `proof.prove` see these versions before and after a notebook that ran."""

    def see(before, after):
        seen = iter([before, after])
        monkeypatch.setattr(environments, "versions", lambda python: next(seen))
        monkeypatch.setattr(proof, "_run_all", lambda *_, **__: None)
        monkeypatch.setattr(proof, "_judge", lambda *_: None)
        return proof.prove(proof.lesson_notebook("00"), sys.executable, "source")

    return see


def test_a_version_that_changed_is_told(before_and_after):
    with pytest.raises(proof.Failed, match="00_start_here changed .*'numpy': '1.26.4'"):
        before_and_after({"numpy": "2.1.3", "keras": "3"}, {"numpy": "1.26.4", "keras": "3"})


def test_a_package_that_vanished_is_told(before_and_after):
    with pytest.raises(proof.Failed, match="changed .*'numpy': None"):
        before_and_after({"numpy": "2.1.3"}, {})


def test_what_came_is_told(before_and_after):
    came, _ = before_and_after({"numpy": "2.1.3"}, {"numpy": "2.1.3", "tf-keras-vis": "0.8.7"})
    assert came == {"tf-keras-vis": "0.8.7"}


def test_a_set_up_cell_that_did_not_install_is_told():
    notebook = proof.nbformat.v4.new_notebook()
    cell = proof.nbformat.v4.new_code_cell("x", metadata={"tags": ["setup"]}, execution_count=1)
    cell.outputs = [proof.nbformat.v4.new_output("stream", text="Nothing at 'x': check.\n")]
    notebook.cells = [cell]
    with pytest.raises(proof.Failed, match="00: the set-up cell says .Nothing at"):
        proof._judge("00", notebook)
    cell.outputs[0]["text"] = proof.READY
    proof._judge("00", notebook)
    notebook.cells.append(proof.nbformat.v4.new_code_cell("y"))
    with pytest.raises(proof.Failed, match="not every cell has run"):
        proof._judge("00", notebook)


def test_a_lesson_that_is_not_there_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setattr(proof, "colab_python", lambda: sys.executable)
    monkeypatch.setattr(environments, "versions", lambda python: {})
    assert proof.main(["77"]) == 1
    assert "There is no lesson '77'." in capsys.readouterr().err


def test_what_makes_environments_has_none_of_our_variables(monkeypatch):
    monkeypatch.setenv("CNNVIS_SOURCE", "x")
    monkeypatch.setenv("PYTHONPATH", "x")
    assert not {"CNNVIS_SOURCE", "PYTHONPATH"} & set(environments.clean_variables())
