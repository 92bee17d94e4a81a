"""One JupyterLab and one browser for all browser tests; without a browser they are skipped."""

import shutil

import pytest
from lab import PICTURES, Lab, missing, run_all, write_notebook
from PIL import Image

from cnnvis_helpers import load_photo


def pytest_collection_modifyitems(items):
    lacking = missing()
    for item in items:
        if item.path.parent.name == "browser":
            if item.path.name != "test_explorers_page.py":  # the quick lane
                item.add_marker("slow")
            if lacking:
                item.add_marker(pytest.mark.skip(reason=lacking))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as the course opens it. Screenshots of an earlier session are removed."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    folder = tmp_path_factory.mktemp("notebooks")
    with Lab(folder, tmp_path_factory.mktemp("private")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(lab):
    with lab.browser() as running:
        yield running


@pytest.fixture(scope="session")
def explorers(lab, browser):
    """The page of a notebook with all seven explorers, after all its cells have run."""
    names = "layers occlusion cam saliency attack dream randomization".split()
    start = "from cnnvis_helpers import *\nnet = load_network()"
    cells = [f"explore_{name}(net, 'chelsea')" for name in names]
    write_notebook(lab.folder / "explorers.ipynb", [start, *cells])
    with lab.opened(browser, "explorers.ipynb") as page:
        run_all(page)
        yield page


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """What a student uploads: {"good": a photo, "text": no picture}."""
    folder = tmp_path_factory.mktemp("uploads")
    paths = {"good": folder / "mine.png", "text": folder / "notes.txt"}
    Image.fromarray(load_photo("motorcycle", max_side=300)).save(paths["good"])
    paths["text"].write_text("This is not a picture.", encoding="utf-8")
    return paths
