"""One JupyterLab and one browser for all browser tests; without a browser they are skipped."""

import shutil

import pytest
from lab import PICTURES, ROOT, Lab, missing
from PIL import Image

from cnnvis_helpers import load_photo


def pytest_collection_modifyitems(items):
    lacking = missing()
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("slow")
            if lacking:
                item.add_marker(pytest.mark.skip(reason=lacking))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as the course opens it, with a copy of every lesson as it is stored.

    Screenshots of an earlier session are removed: each that is there is of this one.
    """
    shutil.rmtree(PICTURES, ignore_errors=True)
    folder = tmp_path_factory.mktemp("notebooks")
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, folder)
    with Lab(folder, tmp_path_factory.mktemp("private")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(lab):
    with lab.browser() as running:
        yield running


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """What a student uploads: {"good": a photo, "text": no picture, "large": 40 megapixels}."""
    folder = tmp_path_factory.mktemp("uploads")
    paths = {
        "good": folder / "mine.png",
        "text": folder / "notes.txt",
        "large": folder / "large.jpg",
    }
    Image.fromarray(load_photo("motorcycle", max_side=300)).save(paths["good"])
    paths["text"].write_text("This is not a picture.", encoding="utf-8")
    large = Image.fromarray(load_photo("rocket")).resize((7746, 5168))
    large.save(paths["large"], quality=90)
    return paths
