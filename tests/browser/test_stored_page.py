"""Explorers in stored notebooks: the static figure, with and without a kernel."""

import base64
import io
import re

import numpy as np
import pytest
from lab import keep_picture, run_all, write_notebook
from nbformat.v4 import new_output
from PIL import Image

CELLS = [
    "from cnnvis_helpers.widgets.explorer import Drawn, Explorer",
    "Explorer('shown', {}, lambda values, task: Drawn(values.photo, 'The photo.'), 'coffee')",
]


@pytest.fixture(scope="module")
def saved(lab, browser):
    """The page of a notebook with one live explorer, saved."""
    write_notebook(lab.folder / "live.ipynb", [*CELLS, "'the end'"])
    with lab.opened(browser, "live.ipynb") as page:
        run_all(page)
        page.locator(".cnnvis-shown-1-live img").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("Control+s")
        page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
        yield page


def test_a_live_explorer_hides_the_figure_of_its_own_cell_alone(lab, saved):
    """A stored lesson in the same page has a figure of the same name: it stays."""
    figure = '<div class="cnnvis-shown-1"><img alt="A red field." width="200" src="{}"></div>'
    red = io.BytesIO()
    Image.fromarray(np.full((120, 200, 3), (200, 30, 30), np.uint8)).save(red, "PNG")
    source = "data:image/png;base64," + base64.b64encode(red.getvalue()).decode()
    data = {"text/html": figure.format(source), "text/plain": "A red field."}
    output = new_output("display_data", data)
    write_notebook(lab.folder / "stored.ipynb", ["explore()"], [[output]])
    assert not saved.locator(".cnnvis-shown-1").is_visible()
    saved.get_by_role("button", name="Refresh the file browser").click()
    saved.get_by_role("listitem", name="stored.ipynb").dblclick()
    image = saved.get_by_role("img", name="A red field.")
    image.wait_for()
    pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB"), float)
    assert np.abs(pixels.mean(axis=(0, 1)) - (200, 30, 30)).max() < 6


def test_a_saved_notebook_without_its_kernel_says_how_to_get_the_explorer_back(lab, browser, saved):
    text = (lab.folder / "live.ipynb").read_text(encoding="utf-8")
    assert "vnd.jupyter.widget-view+json" in text and "cnnvis-shown-1" in text
    (lab.folder / "saved.ipynb").write_text(text, encoding="utf-8")
    with lab.opened(browser, "saved.ipynb") as page:  # with a kernel that knows no widget of it
        assert page.locator(".cnnvis-shown-1 img").is_visible()
        error = page.get_by_text(re.compile("Error displaying widget"))
        error.wait_for(state="attached")
        size, words = error.evaluate(
            "e => [getComputedStyle(e).fontSize, getComputedStyle(e, '::after').content]"
        )
        assert size == "0px" and words == '"Run this cell to use the explorer."'
        keep_picture(page, "saved-without-kernel")
