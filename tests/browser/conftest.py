"""One JupyterLab and one browser for all browser tests; without a browser they are skipped."""

import pytest
from lab import EXPLORERS, Lab, missing, write_notebook


def pytest_collection_modifyitems(items):
    lacking = missing()
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("slow")
            if lacking:
                item.add_marker(pytest.mark.skip(reason=lacking))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    start = "import cnnvis_helpers as course\nnet = course.load_network()"
    cells = [start, *(f'course.explore_{name}(net, "chelsea")' for name in EXPLORERS)]
    write_notebook(folder / "explorers.ipynb", cells)
    with Lab(folder, tmp_path_factory.mktemp("private")) as running:
        yield running


@pytest.fixture(scope="session")
def browser(lab):
    with lab.browser() as running:
        yield running
