"""Photos that are larger than a server lets through, and explorers in stored notebooks.

These explorers need no network of the course, so they are there at once.
"""

import base64
import io
import re

import numpy as np
import pytest
from lab import Lab, keep_picture, picture, picture_after, run_all, upload, write_notebook
from PIL import Image

SECONDS = 90_000  # milliseconds that a picture may take on a busy machine
CELLS = [
    "from cnnvis_helpers.widgets.explorer import Drawn, Explorer",
    "Explorer('shown', {}, lambda values, task: Drawn(values.photo, 'The photo.'), 'coffee')",
]


@pytest.fixture(scope="module")
def noisy():
    """A photo of 14 MB: noise cannot be compressed."""
    pixels = np.random.default_rng(0).integers(0, 256, (2160, 2160, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    assert len(stream.getvalue()) > 13_900_000
    return {"name": "noisy.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def test_fourteen_megabytes_come_through_the_course_s_own_server(lab, browser, noisy):
    write_notebook(lab.folder / "uploads.ipynb", CELLS)
    with lab.opened(browser, "uploads.ipynb") as page:
        page.set_default_timeout(SECONDS)
        run_all(page)
        box = page.locator(".cnnvis-shown-1-live")
        pixels = picture_after(box, lambda: upload(box, noisy))
        assert pixels.shape[0] == pixels.shape[1] and box.get_by_role("alert").count() == 0


def test_what_another_server_does_not_let_through_is_told(browser, noisy, files, tmp_path):
    write_notebook(tmp_path / "uploads.ipynb", CELLS)
    (tmp_path / "private").mkdir()
    with Lab(tmp_path, tmp_path / "private", server="{}") as plain:
        page = plain.open(browser, "uploads.ipynb")
        page.set_default_timeout(SECONDS)
        run_all(page)
        box = page.locator(".cnnvis-shown-1-live")
        box.locator("img").wait_for()
        for number in range(2):  # a second time, too
            upload(box, noisy)
            box.get_by_text("The photo is still on its way").wait_for()
            assert box.locator("img").count() == 1, "the picture is kept meanwhile"
            alert = box.get_by_role("alert")
            alert.wait_for()
            assert "has not arrived; it is probably larger than this server" in alert.inner_text()
            keep_picture(page, f"upload-lost-{number}")
            upload(box, files["good"])
            box.locator("img").wait_for()
            assert alert.count() == 0 and picture(box).std() > 20
        plain.close(page)


def test_a_live_explorer_hides_the_figure_of_its_own_cell_alone(lab, browser):
    """A stored lesson in the same page has a figure of the same name: it stays."""
    figure = '<div class="cnnvis-shown-1"><img alt="A red field." width="200" src="{}"></div>'
    red = io.BytesIO()
    Image.fromarray(np.full((120, 200, 3), (200, 30, 30), np.uint8)).save(red, "PNG")
    source = "data:image/png;base64," + base64.b64encode(red.getvalue()).decode()
    data = {"text/html": figure.format(source), "text/plain": "A red field."}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    write_notebook(lab.folder / "live.ipynb", [*CELLS, "'the end'"])
    write_notebook(lab.folder / "stored.ipynb", ["explore()"], [[output]])
    with lab.opened(browser, "live.ipynb") as page:
        page.set_default_timeout(SECONDS)
        run_all(page)
        page.locator(".cnnvis-shown-1-live img").wait_for()
        assert not page.locator(".cnnvis-shown-1").is_visible()
        page.get_by_role("listitem", name="stored.ipynb").dblclick()
        image = page.get_by_role("img", name="A red field.")
        image.wait_for()
        pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB"), float)
        assert np.abs(pixels.mean(axis=(0, 1)) - (200, 30, 30)).max() < 6
        keep_picture(page, "stored-beside-live")


def test_a_saved_notebook_without_its_kernel_says_how_to_get_the_explorer_back(lab, browser):
    write_notebook(lab.folder / "saved.ipynb", CELLS)
    with lab.opened(browser, "saved.ipynb") as page:
        page.set_default_timeout(SECONDS)
        run_all(page)
        page.locator(".cnnvis-shown-1-live img").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("Control+s")
        page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
        saved = (lab.folder / "saved.ipynb").read_text(encoding="utf-8")
        assert "vnd.jupyter.widget-view+json" in saved and "cnnvis-shown-1" in saved
    with lab.opened(browser, "saved.ipynb") as page:  # with a kernel that knows no widget of it
        page.set_default_timeout(SECONDS)
        assert page.locator(".cnnvis-shown-1 img").is_visible()
        error = page.get_by_text(re.compile("Error displaying widget"))
        error.wait_for(state="attached")
        size, words = error.evaluate(
            "e => [getComputedStyle(e).fontSize, getComputedStyle(e, '::after').content]"
        )
        assert size == "0px" and words == '"Run this cell to use the explorer."'
        keep_picture(page, "saved-without-kernel")
