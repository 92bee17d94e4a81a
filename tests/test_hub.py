"""A class on one server: the files for the two hubs are sound, and the proof runs where it can."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLASS = ROOT / "docs" / "class"


def test_the_files_that_the_page_names_are_there():
    text = (CLASS / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(([\w.-]+)\)", text)
    assert {"tljh-course.sh", "tljh-course.py", "z2jh-config.yaml"} <= set(named)
    for name in named:
        assert (CLASS / name).is_file()
    for path in re.findall(r"python (\w+/\w+\.py)", text):
        assert (ROOT / path).is_file()


def test_the_settings_for_the_littlest_jupyterhub_are_python_that_sets_something():
    from types import SimpleNamespace

    spawner = SimpleNamespace()
    source = (CLASS / "tljh-course.py").read_text(encoding="utf-8")
    exec(source, {"get_config": lambda: SimpleNamespace(Spawner=spawner)})
    first = spawner.default_url.rpartition("/")[2]
    assert (ROOT / "notebooks" / first).is_file()
    assert all(isinstance(value, str) for value in spawner.environment.values())


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_set_up_script_is_bash():
    ran = subprocess.run(["bash", "-n", str(CLASS / "tljh-course.sh")], capture_output=True)
    assert ran.returncode == 0, ran.stderr


def test_the_values_for_kubernetes_can_be_read_and_start_a_lesson():
    yaml = pytest.importorskip("yaml")
    values = yaml.safe_load((CLASS / "z2jh-config.yaml").read_text(encoding="utf-8"))
    student = values["singleuser"]
    assert (ROOT / "notebooks" / student["defaultUrl"].rpartition("/")[2]).is_file()
    assert set(student["memory"]) == {"guarantee", "limit"}
    assert all(isinstance(value, str) for value in student["extraEnv"].values())


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("configurable-http-proxy") is None, reason="needs configurable-http-proxy"
)
def test_two_students_finish_a_lesson_on_a_hub():
    """The small proof, smaller: `python tools/hub_proof.py` has ten students and lesson 04."""
    pytest.importorskip("jupyterhub")
    pytest.importorskip("jupyterlab")
    prove = [sys.executable, "tools/hub_proof.py", "--students", "2", "--lesson", "00"]
    ran = subprocess.run(prove, cwd=ROOT, capture_output=True, text=True, timeout=800)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    found = json.loads(ran.stdout[: ran.stdout.rindex("}") + 1])
    assert len(found["students"]) == 2 and found["memory"]["kernels at once"] >= 1
