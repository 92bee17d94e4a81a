"""How a command of the course is typed on this machine: a next step is to work as it stands."""

import os
import shlex
import sys
from pathlib import Path


def course_command(words):
    """Return the line for a terminal that runs a command of the package, such as "prefetch vgg16".

    In a checkout that `tools/course.py` has set up it goes through that tool, to be run in the
    course's folder; elsewhere it names the Python that runs now.
    """
    if _own_environment():
        return f"{'py' if os.name == 'nt' else 'python3'} tools/course.py {words}"
    return f"{this_python()} -m cnnvis_helpers {words}"


def pip_command(words):
    """Return the line for a terminal that has pip do something for the Python that runs now."""
    return f"{this_python()} -m pip {words}"


def other_python():
    """Return what to do where a .venv lies beside the course and this Python is another, or ""."""
    own = _own_environment()
    if own is None or own == Path(sys.prefix).resolve():
        return ""
    return f"use the course's own Python, in .venv: {course_command('doctor')}"


def this_python():
    """Return the Python that runs now as a shell takes it; ~ for the folder of the user."""
    if os.name == "nt" or not sys.executable:  # cmd.exe knows no ~
        return "python"
    path, home = Path(sys.executable), Path.home()
    if path.is_relative_to(home):
        return "~/" + shlex.quote(str(path.relative_to(home)))
    return shlex.quote(str(path))


def _own_environment():
    """Return the folder .venv of a checkout that tools/course.py has set up, or None."""
    course = Path(__file__).resolve().parents[2]
    made = (course / "tools" / "course.py", course / ".venv" / "pyvenv.cfg")
    return course / ".venv" if all(path.is_file() for path in made) else None
