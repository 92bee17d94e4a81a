"""A class on one server: the files for the two hubs are sound, and the proof runs where it can."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
    assert "--MappingKernelManager.cull_connected=True" in spawner.args  # an open tab holds memory
    (idle,) = re.findall(r"cull_idle_timeout=(\d+)", " ".join(spawner.args))
    script = (CLASS / "tljh-course.sh").read_text(encoding="utf-8")
    assert f"tljh-config set services.cull.timeout {idle}\n" in script  # the hub's own: 600


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_set_up_script_is_bash():
    ran = subprocess.run(["bash", "-n", str(CLASS / "tljh-course.sh")], capture_output=True)
    assert ran.returncode == 0, ran.stderr


def kubernetes():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((CLASS / "z2jh-config.yaml").read_text(encoding="utf-8"))


def test_the_values_for_kubernetes_can_be_read_and_start_a_lesson():
    values = kubernetes()
    student = values["singleuser"]
    assert (ROOT / "notebooks" / student["defaultUrl"].rpartition("/")[2]).is_file()
    assert set(student["memory"]) == {"guarantee", "limit"}
    assert all(isinstance(value, str) for value in student["extraEnv"].values())
    assert values["cull"] == {"enabled": True, "timeout": 3600}


def test_on_kubernetes_nobody_gets_in_without_a_password():
    from types import SimpleNamespace

    hub = kubernetes()["hub"]
    assert hub["config"]["JupyterHub"]["authenticator_class"] == "dummy"
    guard = hub["extraConfig"]["password"]
    for settings in ({}, {"password": ""}, {"password": "class"}):
        with pytest.raises(ValueError, match="Set hub.config.DummyAuthenticator.password"):
            exec(guard, {"c": SimpleNamespace(DummyAuthenticator=settings)})
    exec(guard, {"c": SimpleNamespace(DummyAuthenticator={"password": "long enough"})})


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs sh")
def test_a_pods_first_start_copies_the_notebooks_and_later_ones_keep_the_students_work(tmp_path):
    start = kubernetes()["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"]
    (tmp_path / "notebooks").mkdir()
    for name in ("00 a.ipynb", "01.ipynb"):
        (tmp_path / "notebooks" / name).write_text("as it came")
    for _ in range(3):
        ran = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        found = {path.name: path.read_text() for path in (tmp_path / "course").iterdir()}
        assert set(found) == {"00 a.ipynb", "01.ipynb"}
        (tmp_path / "mine" / "course" / "01.ipynb").write_text("a student's work")
    assert found == {"00 a.ipynb": "as it came", "01.ipynb": "a student's work"}
    assert not (tmp_path / "mine" / "course" / "course").exists()


def test_the_command_for_helm_is_whole_and_its_tag_is_text():
    text = (CLASS / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    command = next(line for line in text.splitlines() if line.strip().startswith("helm upgrade"))
    built = re.search(r"--image-name REGISTRY/cnnvis:(\S+)", text)[1]
    assert f"docker push REGISTRY/cnnvis:{built}\n" in text
    for part in ("--version", "--namespace", "--create-namespace"):
        assert f"{part} " in command, part
    assert f"--set-string singleuser.image.tag={built}" in command
    assert "--set-string hub.config.DummyAuthenticator.password=" in command
    assert "helm repo add jupyterhub" in text
    (values,) = re.findall(r"--values (\S+)", command)
    assert (ROOT / values).is_file()


def test_the_capacity_that_the_page_plans_adds_up():
    text = (CLASS / "README.md").read_text(encoding="utf-8")
    plan = re.search(r"(\d+) MB for each student, (\d) GB once, and (\d) GB for the system", text)
    each, once, system = map(int, plan.groups())
    sizes = re.findall(r"(\d+)(?: students)? on (\d+) GB", text)
    assert len(sizes) == 3
    for students, size in sizes:
        assert int(students) == (int(size) - once - system) * 1000 // each


def test_every_slide_and_the_small_proof_run_each_week():
    yaml = pytest.importorskip("yaml")
    path = ROOT / ".github" / "workflows" / "class.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML reads the key `on` as a truth
    assert triggers["schedule"][0]["cron"].split()[4].isdigit() and "workflow_dispatch" in triggers
    runs = {
        name: "\n".join(step.get("run", "") for step in job["steps"])
        for name, job in workflow["jobs"].items()
    }
    assert workflow["jobs"]["slides"]["env"]["CNNVIS_EVERY_SLIDE"] == "1"
    assert "pytest tests/lessons/test_slides.py" in runs["slides"] and "[slides" in runs["slides"]
    hub = runs["hub"]
    assert "jupyterhub" in hub and "npm install --global configurable-http-proxy" in hub
    assert "pytest tests/test_hub.py" in hub and "not slow" not in hub


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
