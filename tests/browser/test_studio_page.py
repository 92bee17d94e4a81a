"""The studio in JupyterLab: tabs open, network and photo change, pictures and code are taken."""

from pathlib import Path

import numpy as np
import pytest
from lab import keep_picture, picture, run_all, write_notebook
from PIL import Image

CELLS = ["from cnnvis_helpers import studio", "studio()"]
TABS = ["Layers", "Occlusion", "CAM", "Saliency", "Attack", "Dream", "Randomization"]


@pytest.fixture(scope="module")
def page(lab, browser):
    write_notebook(lab.folder / "studio.ipynb", CELLS)
    with lab.opened(browser, "studio.ipynb") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        run_all(page)
        yield page


@pytest.fixture
def app(page):
    """The studio's box."""
    box = page.locator(".cnnvis-studio-1-live")
    box.locator("img:visible").first.wait_for()
    box.scroll_into_view_if_needed()
    return box


def open_tab(app, title):
    """Open a tab; return the box of its explorer once it has a picture."""
    app.get_by_role("tab", name=title).click()
    box = app.locator(f'[class*="cnnvis-{title.lower()}-"][class*="-live"]')
    box.locator("img").first.wait_for()
    return box


@pytest.mark.parametrize("title", TABS)
def test_a_tab_opens_with_a_picture(app, page, title):
    box = open_tab(app, title)
    assert picture(box).std() > 10 and box.locator("img").get_attribute("alt")
    keep_picture(page, f"studio-{title.lower()}")


def test_the_picture_is_saved_and_the_code_copied(app, page, lab):
    box = open_tab(app, "CAM")
    box.get_by_role("button", name="Save picture").click()
    app.get_by_text("Saved cam.png").wait_for()
    assert np.asarray(Image.open(Path(lab.folder) / "cam.png")).shape[2] == 3
    copy = box.get_by_role("button", name="Copy the code")
    copy.click()
    app.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert 'load_network("efficientnet_lite0")' in copied
    assert "heat = gradcam(net, photo, " in copied
    keep_picture(page, "studio-code")
