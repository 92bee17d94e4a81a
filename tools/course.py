"""Set the course up and open it, or test it: one command each, on a machine with Python and pip.

    python3 tools/course.py open [options of JupyterLab, such as --no-browser --port 9000]
    python3 tools/course.py test [options of pytest, such as -x -k photos]

Each command makes a Python environment in the folder .venv, installs the course there with what
the command needs, and goes on. From the second time on it starts at once and works offline.
Nothing outside .venv is changed; deleting that folder undoes everything.
"""

# Only the standard library, and no syntax above Python 3.8: an old Python can say that it is old.

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
EXTRAS = {"open": "lab", "test": "test"}  # of pyproject.toml, one a command

# Defaults of JupyterLab inside .venv; the user's own settings win. No questions about news and
# updates; TensorFlow's messages go to the terminal, not into the first cell; and an explorer's
# upload button takes photos of up to 100 MB (the server's own limit is 10).
DEFAULTS = {
    "share/jupyter/lab/settings/overrides.json": """{
  "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}
}
""",
    "etc/ipython/ipython_kernel_config.py": "c.IPKernelApp.capture_fd_output = False\n",
    "etc/jupyter/jupyter_server_config.json": """{
  "ServerApp": {"tornado_settings": {"websocket_max_message_size": 104857600}}
}
""",
}


class Trouble(Exception):
    """Something the user can fix; the text is the sentence to show."""


def main(arguments):
    """Run one command; return its exit status."""
    if not arguments or arguments[0] not in EXTRAS:
        print(__doc__.strip())
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    command, options = arguments[0], arguments[1:]
    try:
        prepare(EXTRAS[command])
        return run(command, options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


def supported():
    """The Python versions that pyproject.toml allows: [(3, 11), ...]."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    first, end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text).groups()
    return [(3, minor) for minor in range(int(first), int(end))]


def prepare(extra):
    """Bring .venv to what an extra of pyproject.toml needs; do nothing when it is there."""
    stamp = ENVIRONMENT / f"course-{extra}.txt"  # what was installed
    wanted = f"{ROOT}\n{(ROOT / 'pyproject.toml').read_text(encoding='utf-8')}"
    works = version_of(python_inside()) in supported()
    installed = works and stamp.is_file()
    if installed and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not works:
        make_environment(find_python())
    print("Installing TensorFlow and the course: some minutes, once", flush=True)
    pip = [python_inside(), "-m", "pip", "install", "--retries", "2", "--editable"]
    reason = failure([*pip, f"{ROOT}[{extra}]"])
    if reason and not installed:
        raise Trouble(f"The course was not installed: {reason}")
    if reason:
        print(f"pip failed ({reason}); going on with what is installed.", flush=True)
        return
    for name, text in DEFAULTS.items():
        path = ENVIRONMENT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    stamp.write_text(wanted, encoding="utf-8")


def python_inside():
    """The interpreter of .venv."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def version_of(python):
    """(3, 12) for a Python 3.12 that starts, None for anything else."""
    ask = [str(python), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        ran = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    return tuple(int(part) for part in ran.stdout.split()) or None


def find_python():
    """A supported Python: this one, or another on the search path."""
    if sys.version_info[:2] in supported():
        return sys.executable
    for major, minor in reversed(supported()):
        other = shutil.which(f"python{major}.{minor}")
        if other and version_of(other) == (major, minor):
            return other
    known = ", ".join(f"3.{minor}" for _, minor in supported())
    raise Trouble(
        f"The course runs on Python {known}; this is Python {sys.version_info[0]}."
        f"{sys.version_info[1]}. Install one of them and run the command again, or use conda: "
        "conda env create -f environment.yml"
    )


def make_environment(python):
    """Make .venv anew."""
    print(f"Making a Python environment in {ENVIRONMENT.name}", flush=True)
    shutil.rmtree(str(ENVIRONMENT), ignore_errors=True)
    reason = failure([python, "-m", "venv", ENVIRONMENT])
    if reason:
        raise Trouble(
            f"{ENVIRONMENT} could not be made: {reason}. On Debian and Ubuntu, "
            "`sudo apt install python3-venv` brings what is missing."
        )


def failure(command):
    """Run a command quietly; return None, or the line of its output that says why it failed."""
    ran = subprocess.run(
        [str(part) for part in command],
        env=variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if ran.returncode == 0:
        return None
    if re.search(r"NewConnection|name resolution|Max retries|unreachable|ProxyError", ran.stdout):
        return "there is no network; connect and run the command again"
    lines = [line.strip() for line in ran.stdout.splitlines() if line.strip()] or ["no message"]
    return next((line for line in lines if "error" in line.lower()), lines[-1])


def variables():
    """This process's variables, with the programs of .venv first."""
    path = os.pathsep.join([str(python_inside().parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "VIRTUAL_ENV": str(ENVIRONMENT), "PIP_USER": "0", "PIP_NO_INPUT": "1"}
    return dict(os.environ, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", **own)


def run(command, options):
    """Go on as the command, with this terminal; return its exit status."""
    if command == "open":
        folder = ROOT / "notebooks"
        first = min(path.name for path in folder.glob("00_*.ipynb"))
        print(f"Opening notebooks/{first} in JupyterLab. Ctrl-C in this window closes it.")
        start = ["jupyterlab", "--log-level=WARN", f"--LabApp.default_url=/lab/tree/{first}"]
        if os.name != "nt" and os.geteuid() == 0:  # in a container one often is root
            start.append("--allow-root")
    else:
        folder, start = ROOT, ["pytest", "-n=2", "--dist=loadfile"]  # two processes, file by file
    sys.stdout.flush()
    line = [str(python_inside()), "-m", *start, *options]
    child = subprocess.Popen(line, cwd=str(folder), env=variables())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child gets it as well, and asks whether to stop
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
