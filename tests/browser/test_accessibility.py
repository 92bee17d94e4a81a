"""axe-core finds no violation of WCAG 2.1 A and AA in our own elements."""

import subprocess
import sys
from pathlib import Path

import pytest
from lab import ROOT, run_all, write_notebook

AXE = """selector => axe.run(selector, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})
  .then(found => found.violations.flatMap(one => one.nodes.map(
    node => `${one.id}: ${one.help}: ${node.html.slice(0, 200)}`)))"""


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe, selector):
    page.evaluate(axe)
    return page.evaluate(AXE, selector)


@pytest.mark.parametrize("name", "layers occlusion cam saliency attack dream randomization".split())
def test_live_explorers(explorers, axe, name):
    assert violations(explorers, axe, f".cnnvis-{name}-1-live") == []


def test_a_stored_notebook_exported_to_html(browser, axe, tmp_path):
    lesson = ROOT / "notebooks" / "04_class_activation_maps.ipynb"
    command = ["nbconvert", "--to", "html", "--output-dir", tmp_path, "--output", "lesson", lesson]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, timeout=120)
    page = browser.new_page()
    page.goto((tmp_path / "lesson.html").as_uri(), wait_until="domcontentloaded")
    outputs = ".jp-OutputArea-output img, [class^=cnnvis-]"
    assert page.locator(outputs).count() > 3
    found = violations(page, axe, outputs.replace(",", ", main "))
    page.close()
    assert found == []


def test_the_studio(lab, browser, axe):
    cells = ["from cnnvis_helpers import studio", "studio()"]
    write_notebook(lab.folder / "accessible-studio.ipynb", cells)
    with lab.opened(browser, "accessible-studio.ipynb") as page:
        run_all(page)
        box = page.locator(".cnnvis-studio-1-live")
        box.locator("img:visible").first.wait_for()
        for tab in box.get_by_role("tab").all():
            tab.click()
            box.locator("img:visible").first.wait_for()
            assert violations(page, axe, ".cnnvis-studio-1-live") == [], tab.inner_text()


def test_the_slides(browser, axe, tmp_path):
    command = [sys.executable, ROOT / "tools" / "build_slides.py", "04", "--into", tmp_path]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    page = browser.new_page()
    for path in sorted(tmp_path.glob("*.html")):
        page.goto(path.as_uri(), wait_until="load")
        assert violations(page, axe, "body") == [], path.name
        for number in range(1, page.evaluate("window.Reveal ? Reveal.getTotalSlides() : 0")):
            page.evaluate("Reveal.next()")
            if number % 6 == 0:  # all would take minutes
                assert violations(page, axe, ".slides") == [], number
    page.close()
