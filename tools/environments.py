"""Python environments for tests, made with nothing but an interpreter and its pip (or uv).

They lie in build/environments (which git ignores) and are made once: whoever changes the list of
requirements gets a new one. `uv`, which installs several times as fast, is used where it is there.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "environments"
SUPPORTED = ("3.13", "3.12", "3.11")
SECONDS = 1200
_OFFLINE = re.compile(  # how pip and uv say it
    r"NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|Max retries exceeded"
    r"|Network is unreachable|ProxyError|ReadTimeoutError|dns error|tcp connect|error sending req"
    r"|Failed to (connect|resolve)"
)


class NoEnvironment(Exception):
    """An environment could not be made; the text says why and what to do."""


class NoPython(NoEnvironment):
    """The Python that an environment is to be made with is not here."""


class NoNetwork(NoEnvironment):
    """An environment could not be made because nothing could be fetched."""


def find_python(wanted):
    """Path of Python `wanted`, such as "3.13"; NoPython where there is none.

    It is looked for where this Python is, on the search path, and where pyenv and uv keep theirs.
    """
    for python in _candidates(wanted):
        if _version(python) == wanted:
            return str(python)
    raise NoPython(f"This needs Python {wanted}, and none was found; install it.")


def _candidates(version):
    yield Path(sys.executable)
    named = shutil.which(f"python{version}")
    if named:
        yield Path(named)
    for folder in (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"):
        yield from sorted(folder.glob(f"*{version}*/bin/python3"), reverse=True)


def _version(python):
    """The version, "3.13", of a Python that starts and can make environments, or None."""
    needs = "sys" if _has_uv() else "venv, ensurepip, sys"
    look = f"import {needs}; print('%d.%d' % sys.version_info[:2])"
    try:
        ran = subprocess.run([str(python), "-c", look], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip()


def clean_variables(**more):
    """The environment variables of a user who has nothing but the system: no paths of ours."""
    ours = ("CNNVIS_", "PYTHON", "VIRTUAL_ENV", "KERAS_", "TF_", "MPL", "PYTEST_", "JUPYTER_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}


def environment(name, requirements, python, options=()):
    """Path of the Python of an environment that holds `requirements`; made where it is not there.

    requirements : list of lines as in a requirements file
    python : the interpreter that it is made with
    options : further options of `uv pip install`, which then is needed
    """
    lines = [*requirements, *options, str(python)]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    folder = FOLDER / f"{name}-{digest}"
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / "made.json").is_file():
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make = [str(python), "-m", "venv"]
    if _has_uv():  # where a Linux distribution ships Python without its venv parts, too
        make = [sys.executable, "-m", "uv", "venv", "--quiet", "--seed", "--python", str(python)]
    _run([*make, str(folder)])
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    install(inside, ["--requirement", str(wanted), *options], needs_uv=bool(options))
    (folder / "made.json").write_text(json.dumps(lines), encoding="utf-8")
    return inside


def _has_uv():
    return importlib.util.find_spec("uv") is not None


def install(python, arguments, needs_uv=False):
    """Install into the environment of `python`, by uv where it is there."""
    if _has_uv():
        _run([sys.executable, "-m", "uv", "pip", "install", "--python", str(python), *arguments])
    elif needs_uv:
        raise NoEnvironment("This needs uv: `python -m pip install uv`.")
    else:
        _run([str(python), "-m", "pip", "install", "--retries", "2", *arguments])


def versions(python):
    """{name: version} of what is installed for `python`, names in small letters."""
    look = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
    )
    return json.loads(_run([str(python), "-c", look]))


def _run(command):
    """Run a command in the course's folder and return what it printed, or raise NoEnvironment."""
    ran = subprocess.run(
        command, cwd=ROOT, env=clean_variables(), capture_output=True, text=True, timeout=SECONDS
    )
    if ran.returncode:
        lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
        kind = NoNetwork if _OFFLINE.search(ran.stderr) else NoEnvironment
        raise kind(f"{' '.join(command[:6])} ... failed: {' / '.join(lines[-3:])}")
    return ran.stdout
