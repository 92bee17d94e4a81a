"""environment.yml, for conda and Binder: what its pip part says installs, and the course works.

Conda itself brings no more than Python and pip, so an environment with these two stands for it.
Fetching needs a network once; where there is none the test says so and is skipped.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import environments  # noqa: E402

FILE = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def conda():
    """The Python of an environment into which the pip part was installed, from this folder."""
    version = re.fullmatch(r"python=(.*)", FILE["dependencies"][0])[1]
    (lines,) = (part["pip"] for part in FILE["dependencies"] if isinstance(part, dict))
    try:
        bare = environments.environment("conda", [], environments.find_python(version))
        environments.install(bare, [word for line in lines for word in line.split()])
    except environments.NoNetwork as error:
        pytest.skip(f"the pip part cannot be fetched without a network: {error}")
    except environments.NoPython as error:
        pytest.skip(str(error))
    return bare


def run(python, *arguments, folder):
    return subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env=environments.clean_variables(),
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pip_part_installs_and_the_course_works_with_it(conda, tmp_path):
    found = run(conda, "-m", "pip", "check", folder=tmp_path)
    assert found.returncode == 0, found.stdout
    doctor = run(conda, "-m", "cnnvis_helpers", "report", folder=tmp_path)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "for cat" in doctor.stdout


@pytest.mark.slow
def test_the_command_of_the_readme_starts_there(conda):
    lab = run(conda, "-m", "jupyter", "lab", "--version", folder=ROOT)
    assert lab.returncode == 0 and re.match(r"4\.\d+", lab.stdout), lab.stdout + lab.stderr
    assert "`jupyter lab notebooks`" in (ROOT / "README.md").read_text(encoding="utf-8")
