"""Every explorer in JupyterLab: it draws, moves by keyboard, takes uploads, and stops.

All seven stand in one notebook, `explorers.ipynb` (see conftest). Screenshots: build/browser.
"""

import re

import numpy as np
import pytest
from lab import (
    choose,
    keep_picture,
    menu,
    picture,
    picture_after,
    press,
    search,
    stop,
    stop_button,
    upload,
    wait_for_end,
)

# A control, a key and how often it is pressed, and what the alt text must say then.
MOVES = {
    "layers": (("Channel", "ArrowRight", 5), "channel 5 of the layer"),
    "occlusion": (("Fill", "ArrowDown", 1), "lowers"),
    "cam": (("Layer", "ArrowUp", 1), "Grad-CAM for"),
    "saliency": (("Show", "ArrowDown", 1), "sign of each pixel"),
    "attack": (("Largest change (levels)", "ArrowLeft", 3), "by 1 level at most"),
    "dream": (("Layer", "ArrowUp", 1), "with the layer"),
    "randomization": (("Random layers", "ArrowRight", 3), "last 4 of"),
}
# Long work to be stopped: choices of menus first, then a key on the control named last.
LONG = {
    "occlusion": ({"Step": "a quarter"}, ("Patch (pixels)", "Home", 1)),
    "cam": ({}, ("Method", "ArrowDown", 4)),
    "saliency": ({"Method": "SmoothGrad"}, ("Samples or steps", "End", 1)),
    "attack": ({}, ("Method", "End", 1)),
    "dream": ({}, ("Steps per octave", "End", 1)),
}


@pytest.fixture(params=MOVES)
def box(request, explorers):
    """The explorer's box, in view. Its attribute `name` is that of the explorer."""
    box = explorers.locator(f".cnnvis-{request.param}-1-live")
    box.locator("img").first.wait_for()
    box.scroll_into_view_if_needed()
    box.name = request.param
    return box


def test_it_draws_and_hides_its_static_figure(box, explorers):
    assert picture(box).std() > 20
    assert len(box.locator("img").get_attribute("alt").split()) > 8
    static = explorers.locator(f".cnnvis-{box.name}-1")
    assert static.count() == 1 and not static.is_visible()
    keep_picture(box, f"{box.name}-opened")


def test_it_moves_by_keyboard(box):
    before = picture(box)
    move, words = MOVES[box.name]
    after = picture_after(box, lambda: press(box, *move), words)
    wait_for_end(box)
    assert before.shape != after.shape or np.abs(before - after).mean() > 0.2
    keep_picture(box, f"{box.name}-moved")


def test_it_takes_a_photo_and_refuses_a_text_file(box, files):
    picture_after(box, lambda: upload(box, files["good"]))
    wait_for_end(box)
    chosen = menu(box, "Photo").evaluate("e => e.selectedOptions[0].text")
    assert chosen.replace("\xa0", " ") == "own photo"
    upload(box, files["text"])
    alert = box.get_by_role("alert")
    alert.wait_for()
    assert "'notes.txt' is not a picture" in alert.inner_text()
    keep_picture(box, f"{box.name}-text-file")
    choose(box, "Photo", "chelsea")
    box.locator("img").first.wait_for()
    wait_for_end(box)


def test_stop_ends_long_work_and_the_focus_goes_back(box):
    if box.name not in LONG:
        assert not stop_button(box).is_visible(), "it has no long work"
        return
    choices, key = LONG[box.name]
    for label, option in choices.items():
        picture_after(box, lambda label=label, option=option: choose(box, label, option))
        wait_for_end(box)
    said = stop(box, lambda: press(box, *key))
    done, total = re.search(r"Stopped after (\d+) of (\d+)\.", said).groups()
    assert 0 < int(done) < int(total)
    inside = "box => box.contains(document.activeElement) && document.activeElement.tagName"
    assert box.evaluate(inside) in ("SELECT", "INPUT", "DIV")
    keep_picture(box, f"{box.name}-stopped")


def test_the_newest_of_many_values_is_shown(explorers):
    box = explorers.locator(".cnnvis-layers-1-live")
    picture_after(box, lambda: press(box, "Channel", "ArrowRight", 20), "channel 2")
    box.page.wait_for_function(
        "box => Number(box.querySelector('.widget-readout').innerText)"
        " === Number(box.querySelector('img').alt.match(/channel (\\d+)/)[1])",
        arg=box.element_handle(),
    )


def test_a_class_is_found_by_typing(explorers):
    box = explorers.locator(".cnnvis-saliency-1-live")
    choose(box, "Method", "gradient")
    wait_for_end(box)
    picture_after(box, lambda: search(box, "Class", "tabby"), "gradient for tabby")
    field = box.get_by_label("Class", exact=True)
    field.press("Tab")
    field.click()
    assert field.input_value() == "", "the list shows all classes, not those that match"
    field.press("Tab")
    assert field.input_value().startswith("tabby")
    search(box, "Class", "tabyb")
    box.get_by_role("alert").wait_for()
    assert "did you mean 'tabby'" in box.get_by_role("alert").inner_text()
    search(box, "Class", "2")
    box.locator("img").first.wait_for()
    keep_picture(box, "class-menu")


def test_in_a_narrow_window_the_picture_stays_legible(explorers):
    box = explorers.locator(".cnnvis-cam-1-live")
    explorers.set_viewport_size({"width": 480, "height": 900})
    image = box.locator("img").first
    own, shown = image.evaluate("e => [e.naturalWidth, e.clientWidth]")
    keep_picture(explorers, "narrow")
    explorers.set_viewport_size({"width": 1280, "height": 900})
    assert shown >= 0.59 * own
