"""For the tests of lessons: the tools, imported from their folder, and the lessons."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "tests" / "notebooks"
sys.path.insert(0, str(ROOT / "tools"))

import build_notebooks  # noqa: E402, F401
import lesson_source  # noqa: E402
import lint_lessons  # noqa: E402, F401
import notebook_making as making  # noqa: E402, F401
import notebook_running as running  # noqa: E402, F401
import publication  # noqa: E402, F401
import run_lesson_on  # noqa: E402, F401

from cnnvis_helpers import exercises as exercise_sets  # noqa: E402

LESSONS = lesson_source.read_lessons()
DEMO_LESSON = lesson_source.read_lesson(DEMO / "lessons" / "98_demo.py")

if str(DEMO / "exercise_sets") not in exercise_sets.__path__:
    exercise_sets.__path__.append(str(DEMO / "exercise_sets"))
