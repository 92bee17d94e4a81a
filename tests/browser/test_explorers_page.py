"""Explorers in JupyterLab, driven by a browser: what a student moves, and what is seen then.

Screenshots are kept in build/browser.
"""

import io
import re

import numpy as np
import pytest
from lab import (
    EXPLORERS,
    keep_picture,
    menu,
    picture,
    picture_after,
    run_all,
    upload,
    write_notebook,
)
from PIL import Image

SECONDS = 90_000  # milliseconds that a picture may take on a busy machine


@pytest.fixture(scope="module")
def page(lab, browser):
    page = lab.open(browser, "explorers.ipynb")
    page.set_default_timeout(SECONDS)
    run_all(page)
    yield page
    page.close()


@pytest.fixture
def explorer(page):
    """Find the live explorer of a name, with its picture."""

    def find(name):
        box = page.locator(f".cnnvis-{name}-1-live")
        box.locator("img").wait_for()
        box.scroll_into_view_if_needed()
        return box

    return find


def press(box, label, key, times=1):
    """Press a key on the slider with this label: no mouse is needed."""
    handle = box.locator(f'.widget-slider:has(label:text-is("{label}")) .noUi-handle')
    handle.focus()
    for _ in range(times):
        handle.press(key)


def stop_button(box):
    """Find the Stop button, also while it is hidden."""
    return box.locator("button.widget-button", has_text="Stop")


def wait_for_end(box):
    """Wait until no work is under way: the Stop button is disabled."""
    button = stop_button(box).element_handle()
    box.page.wait_for_function("button => button.disabled", arg=button)


def choose(label, option):
    return lambda box: menu(box, label).select_option(label=option)


def slide(label, key="ArrowRight", times=1):
    return lambda box: press(box, label, key, times)


# Of each explorer, a control that is moved, and what the alt text of the picture must hold then.
MOVES = {
    "layers": (slide("Channel", times=5), "channel 5 of the layer block1_conv1"),
    "occlusion": (choose("It shows", "black"), "hurts cat most"),
    "cam": (choose("Layer", "block3_conv1"), "at block3_conv1"),
    "saliency": (choose("Show", "sign"), "sign of each pixel"),
    "attack": (slide("Largest change (levels)", "ArrowLeft", 3), "by 1 level at most"),
    "dream": (choose("Layer", "block1_conv2"), "layer block1_conv2"),
    "trust": (slide("Layers that forgot", "ArrowRight"), "last 2 of 11 layers"),
}


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_opens_with_a_picture_and_hides_the_static_one(explorer, page, name):
    box = explorer(name)
    assert picture(box).std() > 20
    assert len(box.locator("img").get_attribute("alt").split()) > 8
    static = page.locator(f".cnnvis-{name}-1")
    assert static.count() == 1 and not static.is_visible()
    for select in box.locator("select").all():
        assert select.evaluate("e => e.labels.length && e.labels[0].innerText.trim().length > 0")
    keep_picture(box, f"{name}-opened")


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_moved_control_shows_another_picture(explorer, name):
    box = explorer(name)
    before = picture(box)
    move, words = MOVES[name]
    after = picture_after(box, lambda: move(box), words)
    assert before.shape != after.shape or np.abs(before - after).mean() > 0.2
    wait_for_end(box)
    keep_picture(box, f"{name}-moved")


def test_the_newest_value_of_a_dragged_slider_is_shown(explorer):
    box = explorer("layers")
    press(box, "Channel", "Home")
    picture_after(box, lambda: press(box, "Channel", "ArrowRight", 20), "channel 20 of")
    box.page.wait_for_timeout(500)
    assert "channel 20 of" in box.locator("img").get_attribute("alt"), "an old value came after"


def test_stop_ends_a_dream_and_keeps_it(explorer):
    box = explorer("dream")
    press(box, "Steps an octave", "End")
    stop = stop_button(box)
    picture_after(box, lambda: press(box, "Octaves", "ArrowRight"), "steps of deep dream")
    box.page.wait_for_function("stop => !stop.disabled", arg=stop.element_handle())
    keep_picture(box, "dream-under-way")
    stop.click()
    status = box.get_by_role("status")
    status.get_by_text("Stopped after").wait_for()
    done, total = re.search(r"Stopped after (\d+) of (\d+)", status.inner_text()).groups()
    assert int(done) < int(total)
    wait_for_end(box)
    keep_picture(box, "dream-stopped")


def file(name, content):
    return {"name": name, "mimeType": "image/png", "buffer": content}


def picture_bytes(height, width, kind):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 30, 30)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def test_uploads_a_photo_a_text_and_forty_megapixels(explorer):
    box = explorer("saliency")
    red = picture_after(box, lambda: upload(box, file("red.png", picture_bytes(90, 120, "PNG"))))
    chosen = menu(box, "Photo").evaluate("e => e.selectedOptions[0].text")
    assert chosen.replace("\xa0", " ") == "own photo"
    assert (np.abs(red[100, 60] - (200, 30, 30)) < 12).all(), "the photo on the left is mine"
    keep_picture(box, "saliency-own-photo")
    upload(box, file("notes.txt", b"no picture at all"))
    alert = box.get_by_role("alert")
    alert.wait_for()
    assert "notes.txt" in alert.inner_text()
    keep_picture(box, "saliency-text-file")
    upload(box, file("large.jpg", picture_bytes(5000, 8000, "JPEG")))
    box.locator("img").wait_for()
    assert alert.count() == 0


def test_a_stored_notebook_shows_the_static_figure_without_a_kernel(lab, browser):
    from cnnvis_helpers.explorer_base import Drawn, Explorer

    red = np.full((120, 200, 3), (200, 30, 30), np.uint8)
    static = Explorer("stored", {}, lambda values, task: Drawn(red, "A red field.")).static_bundle()
    output = {"output_type": "display_data", "data": static, "metadata": {}}
    write_notebook(lab.folder / "stored.ipynb", ["explore()"], [[output]])
    page = lab.open(browser, "stored.ipynb")
    image = page.get_by_role("img", name="A red field.")
    image.wait_for()
    pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB"), float)
    assert np.abs(pixels.mean(axis=(0, 1)) - (200, 30, 30)).max() < 6
    page.close()
