"""For all tests: no network, neither here nor in a process that a test starts (kernels too)."""

import copy
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OFFLINE = str(HERE / "tests" / "offline")


def pytest_configure(config):
    sys.path.insert(0, OFFLINE)
    import no_network

    no_network.block()
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([OFFLINE, str(HERE), *filter(None, inherited)])
    os.environ["CNNVIS_KEEP"] = "off"  # what a lecturer rehearsed on this machine proves nothing
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.hookimpl(tryfirst=True)  # before -m "not slow" leaves items out
def pytest_collection_modifyitems(items):
    """Run the check of a notebook's cell, which stands in its metadata, right after the cell.

    The lecturer's copies are slow tests: the build runs them, and every solution has a quick test.
    """
    for place in range(len(items) - 1, -1, -1):
        cell = getattr(items[place], "cell", None)
        check = cell and cell.metadata.get("cnnvis", {}).get("check")
        if check:
            items.insert(place + 1, _check_item(items[place], check))
    for item in items:
        if item.path.parent == HERE / "notebooks" / "solutions":
            item.add_marker("slow")


def _check_item(item, check):
    sys.path.insert(0, str(HERE / "tools"))
    from notebook_running import check_source

    cell = copy.deepcopy(item.cell)
    cell.update(source=check_source(check, f"{item.path.stem}_{item.name}"), outputs=[])
    return type(item).from_parent(
        item.parent,
        name=f"{item.name} check",
        cell_num=item.cell_num,
        cell=cell,
        options=item.options,
    )
