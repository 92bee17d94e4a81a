"""Tests in other environments: `nox -s NAME`, after `python -m pip install nox uv`.

    oldest, newest    the quick tests with the oldest and newest dependencies allowed
    colab             every lesson alone in an empty folder, with the versions of Colab
    slow              what takes too long for every change: slow tests, browser, lecturer's copies
    conda             the pip part of environment.yml
    hub               two users run a lesson on a JupyterHub (needs configurable-http-proxy)

What stands after `--` goes to pytest or to the proof: `nox -s newest -- tests/methods -x`.
"""

import re
from pathlib import Path

import nox

ROOT = Path(__file__).parent
_project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
_first, _end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', _project).groups()
OLDEST, NEWEST = f"3.{_first}", f"3.{int(_end) - 1}"
QUICK = ["tests", "--ignore=tests/browser"]

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["oldest", "newest"]
nox.options.error_on_missing_interpreters = True


@nox.session(python=OLDEST)
def oldest(session):
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or QUICK))


@nox.session(python=NEWEST)
def newest(session):
    session.install("--upgrade", "-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or QUICK))


@nox.session(python="3.13")
def colab(session):
    constraints = max((ROOT / "tests" / "colab").glob("constraints-*.txt"))
    session.install("-r", str(constraints), "nbclient", "pip")
    session.run("python", "tests/colab/proof.py", *session.posargs)


@nox.session(python="3.12")
def slow(session):
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session(python="3.12")
def conda(session):
    session.install("-e", ".[lab]")
    session.run("python", "-m", "cnnvis_helpers", "report")


@nox.session(python="3.12")
def hub(session):
    session.install("-e", ".[lab]", "jupyterhub")
    session.run("python", "tools/hub_proof.py", *session.posargs)
