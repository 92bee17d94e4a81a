"""The listed breakages still fit the package; tools/break_package.py runs them."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from break_package import BREAKAGES  # noqa: E402


def test_each_breakage_changes_one_place_and_names_tests_that_exist():
    assert len(BREAKAGES) >= 30
    for one in BREAKAGES:
        source = (ROOT / "cnnvis_helpers" / one.file).read_text(encoding="utf-8")
        assert source.count(one.old) == 1, one.what
        assert (ROOT / "tests" / one.tests.split(" ")[0]).is_file(), one.tests
