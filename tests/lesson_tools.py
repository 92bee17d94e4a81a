"""For the tests of lessons: the tools on the path, the lessons, and how an exercise cell is run."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "tests" / "notebooks"
sys.path.insert(0, str(ROOT / "tools"))

import lesson_source  # noqa: E402

from cnnvis_helpers import exercise_sets  # noqa: E402

LESSONS = lesson_source.read_lessons()
DEMO_LESSON = lesson_source.read_lesson(DEMO / "lessons" / "98_demo.py")

if str(DEMO / "exercise_sets") not in exercise_sets.__path__:
    exercise_sets.__path__.append(str(DEMO / "exercise_sets"))
