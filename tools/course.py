"""Set the course up and open it, or test it: one command each, on a machine with Python and pip.

    python3 tools/course.py open [options of JupyterLab, such as --no-browser --port 9000]
    python3 tools/course.py test [options of pytest, such as -x -k photos]
    python3 tools/course.py report                  what works here, and what to do about the rest
    python3 tools/course.py prefetch NAME...        fetch networks and photos, for use offline later
    python3 tools/course.py rehearse NN...          run lessons, so that they answer at once live
    python3 tools/course.py kept [list | clear]     what was kept of rehearsals
    python3 tools/course.py grade NOTEBOOK...       run notebooks anew: which exercises hold
    python3 tools/course.py slides [NN...]          make slides (--lecture: one deck for 90 minutes)
    python3 tools/course.py handouts [NN... --pdf]  make handouts
    python3 tools/course.py setup                   set up all that is needed to change the course

Each command makes a private Python environment in the folder .venv, installs the course there and
what the command needs, and goes on. From the second time on it starts at once and needs no network.
Apart from caches and what you ask for, nothing is changed outside .venv; deleting that folder
undoes everything.
"""

# Only the standard library, and no syntax above Python 3.8: too old a Python can say so itself.

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
SUPPORTED = ((3, 11), (3, 12), (3, 13))
# The part of pyproject.toml that a command needs; "" where any will do.
EXTRA_OF = {"open": "lab", "test": "test", "setup": "test"}
EXTRA_OF.update(dict.fromkeys(("slides", "handouts"), "slides"))
EXTRA_OF.update(dict.fromkeys(("report", "prefetch", "rehearse", "kept", "grade"), ""))

# Defaults inside .venv, by file; the user's own settings still win. JupyterLab is not to ask for
# news and updates: there may be no network. What TensorFlow's C++ code says of missing graphics
# cards belongs into the terminal, not in red below a lesson's first cell. And a photo of up to
# 100 MB comes through an explorer's button: the server alone would break off at 10.
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
FIRST_LOOK = """
import matplotlib.pyplot
from cnnvis_helpers import load_network, load_photo
best = load_network().predict(load_photo("chelsea"), top=1)[0]
print(f"the network looks at chelsea, a cat, and says: {best.label} ({best.probability:.0%})")
"""
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|Max retries exceeded"
    r"|Network is unreachable|ProxyError|ReadTimeoutError|getaddrinfo failed"
)


class Trouble(Exception):
    """Something the user can mend; the text is the sentence to show."""


def main(arguments):
    """Run one command line; return the exit status (on Unix a success never returns)."""
    if not arguments or arguments[0] in ("-h", "--help"):
        say(__doc__.strip())
        return 0 if arguments else 2
    command, *options = arguments
    try:
        if command not in EXTRA_OF:
            raise Trouble(f"There is no command {command!r}; there are: {', '.join(EXTRA_OF)}.")
        prepare(command)
        if command == "setup":
            say(f"All is set up. The course's Python is {python_of(ENVIRONMENT)}")
            return 0
        return hand_over(*command_line(command, options))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


def say(text):
    print(text, flush=True)


# --- the environment -------------------------------------------------------------------------


def prepare(command):
    """Bring .venv to what `command` needs; do nothing when it is there already."""
    works = version_of(python_of(ENVIRONMENT), needs="pip") in SUPPORTED
    stamp = read_stamp() if works else {"extras": []}
    extra = EXTRA_OF[command] or [*stamp["extras"], "lab"][0]
    current = stamp.get("for") == fingerprint()
    if current and extra in stamp["extras"]:
        return
    if not works:
        make_environment(find_python())
    try:
        install(extra)
    except Trouble as trouble:
        if extra not in stamp["extras"] or stamp["for"]["folder"] != str(ROOT):
            raise
        say(f"{trouble}\nGoing on with what an earlier run installed.")
        return
    if command == "open":
        write_defaults()
        take_first_look()
    write_stamp({extra, *(stamp["extras"] if current else ())})


def fingerprint():
    """What an installation depends on: the project file, and where the course lies."""
    project = (ROOT / "pyproject.toml").read_bytes()
    return {"pyproject": hashlib.sha256(project).hexdigest(), "folder": str(ROOT)}


def read_stamp():
    """What earlier runs finished: {"for": a fingerprint, "extras": [...]}."""
    try:
        return json.loads((ENVIRONMENT / "course.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"extras": []}


def write_stamp(extras):
    stamp = {"for": fingerprint(), "extras": sorted(extras)}
    (ENVIRONMENT / "course.json").write_text(json.dumps(stamp), encoding="utf-8")


def python_of(environment):
    """The interpreter inside a virtual environment."""
    windows = os.name == "nt"
    return environment / ("Scripts" if windows else "bin") / ("python.exe" if windows else "python")


def version_of(python, needs="sys"):
    """(3, 12) for a Python 3.12 that starts and has the module `needs`, None for anything else."""
    ask = f"import {needs}, sys; print(*sys.version_info[:2])"
    try:
        ran = subprocess.run(
            [str(python), "-c", ask], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60
        )
        return tuple(int(part) for part in ran.stdout.split()) or None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find_python():
    """A supported Python: this one, or else another on the search path."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in reversed(SUPPORTED):
        other = shutil.which(f"python{major}.{minor}")
        if other and version_of(other) == (major, minor):
            return other
    raise Trouble(
        f"The course runs on Python 3.11, 3.12 or 3.13; this is Python {sys.version_info[0]}."
        f"{sys.version_info[1]} and no other was found. Install one of them and run the command "
        "again, or use conda: conda env create -f environment.yml"
    )


def make_environment(python):
    """Make .venv anew, also where a Linux distribution ships Python without its venv parts."""
    say(f"[1/3] Making a private Python environment in {ENVIRONMENT.name}")
    try:
        if ENVIRONMENT.exists():
            shutil.rmtree(ENVIRONMENT)
        ENVIRONMENT.mkdir()
    except OSError as error:
        raise Trouble(
            f"The folder {ROOT} cannot be written to ({error.strerror}). Copy the course into a "
            "folder of your own and run the command there."
        ) from None
    if run_quietly([python, "-m", "venv", str(ENVIRONMENT)]).returncode:
        make_with_virtualenv(python)


def make_with_virtualenv(python):
    """Make .venv with virtualenv, kept in a folder that is thrown away, never in the system."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = run_quietly([python, "-m", "pip", "install", "--target", folder, "virtualenv"])
        if fetched.returncode:
            raise Trouble(explain_pip(fetched.stdout, "virtualenv"))
        make = [python, "-m", "virtualenv", "--clear", str(ENVIRONMENT)]
        made = run_quietly(make, PYTHONPATH=folder)
    if made.returncode:
        raise Trouble(f"No Python environment could be made: {last_line(made.stdout)}")


def install(extra):
    """Install the course into .venv, editable, with one of its extras."""
    say("[2/3] Installing TensorFlow and the course: some minutes, once")
    command = [str(python_of(ENVIRONMENT)), "-m", "pip", "install", "--retries", "2"]
    pip = run_quietly(command + ["--editable", f"{ROOT}[{extra}]"], show_downloads=True)
    (ENVIRONMENT / "install.log").write_text(pip.stdout, encoding="utf-8")
    if pip.returncode:
        raise Trouble(explain_pip(pip.stdout, "the course"))


def explain_pip(output, what):
    """One sentence for a failed installation."""
    if NO_NETWORK.search(output):
        return (
            f"Installing {what} needs the network, and it could not be reached. Connect and run "
            "the command again; once that is done the course needs no network."
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return f"pip could not install {what}: {(errors or [last_line(output)])[0]}"


def write_defaults():
    """Settle JupyterLab and its kernels, as DEFAULTS says."""
    for name, text in DEFAULTS.items():
        path = ENVIRONMENT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def take_first_look():
    """Have the network name the cat: whoever reads its answer knows that all is in place."""
    looked = run_quietly([str(python_of(ENVIRONMENT)), "-c", FIRST_LOOK], stderr=subprocess.PIPE)
    if looked.returncode:
        raise Trouble(f"The course is installed but does not run: {last_line(looked.stderr)}")
    say(f"[3/3] First look: {last_line(looked.stdout)}")


# --- processes -------------------------------------------------------------------------------


def run_quietly(command, show_downloads=False, stderr=subprocess.STDOUT, **variables):
    """Run a command to its end; its output is kept in `.stdout` as text and not shown.

    With show_downloads, a terminal sees which file is on its way, in one changing line.
    """
    process = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=environment_variables(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
    )
    if not (show_downloads and sys.stdout.isatty()):
        stdout, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, stdout, errors)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.strip().startswith(("Downloading", "Installing")):
            print(f"\r      {line.strip()[:66]:<66}", end="", flush=True)
    print(f"\r{'':<72}\r", end="", flush=True)
    return subprocess.CompletedProcess(command, process.wait(), "".join(lines), None)


def environment_variables(**variables):
    """This process's variables, with .venv's programs first, pip kept inside .venv, Keras told."""
    programs = str(python_of(ENVIRONMENT).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    own = {
        "PATH": path,
        "VIRTUAL_ENV": str(ENVIRONMENT),
        "PIP_USER": "0",
        "PIP_NO_INPUT": "1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return {**os.environ, **own, **variables}


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"


def hand_over(command, folder):
    """Go on as `command` in `folder`, with this terminal; return its exit status."""
    if os.name != "nt":
        os.chdir(str(folder))
        os.execve(command[0], command, environment_variables())
    process = subprocess.Popen(command, cwd=str(folder), env=environment_variables())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # meant for the child, which asks whether to stop
            continue


# --- the commands ----------------------------------------------------------------------------


def command_line(command, options):
    """The command and folder that `command` goes on as, in the environment."""
    if command == "open":
        return open_course(options)
    if command == "test":
        return test_course(options)
    python, here = str(python_of(ENVIRONMENT)), Path.cwd()
    if command in ("slides", "handouts"):
        return [python, str(ROOT / "tools" / f"build_{command}.py"), *options], here
    return [python, "-m", "cnnvis_helpers", command, *options], here


def open_course(options):
    """The command and folder that show the first lesson in JupyterLab."""
    folder = ROOT / "notebooks"
    first = sorted(path.name for path in folder.glob("00_*.ipynb"))
    say(f"Opening {folder.name}/{first[0]} in JupyterLab. Ctrl-C in this window closes it.")
    lab = [str(python_of(ENVIRONMENT)), "-m", "jupyterlab", "--log-level=WARN"]
    lab.append(f"--LabApp.default_url=/lab/tree/{first[0]}")
    if os.name != "nt" and os.geteuid() == 0:  # in a container one often is root
        lab.append("--allow-root")
    return lab + options, folder


def test_course(options):
    """The command and folder that run every test, the notebooks included."""
    return [str(python_of(ENVIRONMENT)), "-m", "pytest", *options], ROOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
