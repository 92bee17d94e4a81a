"""The report: every line is there whatever is broken, and says what to do."""

import importlib.metadata

import pytest

import cnnvis_helpers
from cnnvis_helpers.__main__ import main
from cnnvis_helpers.classroom import report as module


@pytest.fixture
def found():
    return {finding.what: finding for finding in module.report()}


def test_a_working_machine_has_nothing_to_do(capsys):
    assert main(["report"]) == 0
    said = capsys.readouterr().out
    assert "'Egyptian cat'" in said
    assert cnnvis_helpers.__version__ in said and "->" not in said


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    version = importlib.metadata.version

    def lacking(name):
        if name == "tf-keras-vis":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", lacking)
    finding = module._packages()
    assert "tf-keras-vis missing" in finding.found and "pip install tf-keras-vis" in finding.todo


def test_a_fault_costs_one_line_and_not_the_report(monkeypatch):
    def broken():
        raise OSError("disk on fire")

    monkeypatch.setattr(module, "_course", broken)
    made = module.report()
    assert len(made) == 7 and not made.works
    assert "disk on fire" in made[0].found and made[0].todo
    assert "disk on fire" in repr(made) and "<table>" in made._repr_html_()


def test_without_a_connection_the_course_works(found):
    assert "none to" in found["connection"].found and found["connection"].todo == ""


def test_paths_do_not_name_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert module._tilde(tmp_path / "a") == "~/a" and module._tilde(tmp_path) == "~"
