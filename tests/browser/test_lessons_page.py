"""Every explorer in its lesson: open it in JupyterLab, run all, and use it as a student does.

Each lesson is opened once and runs from top to bottom; then its explorer is moved by keyboard,
hurried, given photos, and stopped. Screenshots are kept in build/browser.
"""

import functools
import re
from typing import NamedTuple

import numpy as np
import pytest
from lab import (
    choose,
    keep_picture,
    menu,
    painted,
    picture,
    picture_after,
    press,
    run_all,
    sent,
    stop,
    stop_button,
    upload,
    wait_for_end,
)

SECONDS = 90_000  # milliseconds that a picture may take on a busy machine
LESSONS = {
    "layers": "02_feature_maps",
    "occlusion": "03_occlusion",
    "cam": "04_class_activation_maps",
    "saliency": "05_saliency",
    "attack": "06_adversarial_examples",
    "dream": "07_patterns_and_dreams",
    "trust": "08_trust",
}
# A control that is moved by keyboard, and what the alt text of the picture must hold then.
MOVES = {
    "layers": (("Channel", "ArrowRight", 5), "channel 5 of the layer"),
    "occlusion": (("It shows", "ArrowDown", 1), "hurts"),
    "cam": (("Layer", "ArrowUp", 1), "at block5_conv1"),
    "saliency": (("Show", "ArrowDown", 1), "sign of each pixel"),
    "attack": (("Largest change (levels)", "ArrowLeft", 3), "by 1 level at most"),
    "dream": (("Layer", "ArrowUp", 1), "with the layer block3"),
    "trust": (("Layers that forgot", "ArrowRight", 1), "last 2 of 11 layers"),
}
# A control that is hurried through many values, and the alt text for the last of them.
HURRIES = {
    "layers": (("Channel", "ArrowRight", 20), "channel 25 of"),
    "occlusion": (("Patch (pixels)", "ArrowRight", 6), "38 by 38 pixels"),
    "cam": (("Class", "ArrowDown", 5), None),
    "saliency": (("Class", "ArrowDown", 5), None),
    "attack": (("Largest change (levels)", "ArrowRight", 12), "by 13 levels at most"),
    "dream": (("Steps an octave", "ArrowRight", 4), "2 octaves of 9 steps"),
    "trust": (("Layers that forgot", "ArrowRight", 4), "last 6 of 11 layers"),
}
# Long work to be stopped: choices of menus first, then a key on the last control named.
LONG = {
    "occlusion": ({"Step": "a quarter"}, ("Patch (pixels)", "Home", 1)),
    "cam": ({}, ("Method", "ArrowDown", 4)),
    "saliency": ({"Method": "SmoothGrad"}, ("Samples or steps", "End", 1)),
    "attack": ({}, ("Method", "End", 1)),
    "dream": ({}, ("Steps an octave", "End", 1)),
    "trust": ({}, ("Layers that forgot", "ArrowRight", 1)),
}


class Opened(NamedTuple):
    """A lesson that has run: its explorer's name and box, the page, the stored figure's pixels."""

    name: str
    page: object
    box: object
    stored: np.ndarray


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request, lab, browser):
    name = request.param
    with lab.opened(browser, f"{LESSONS[name]}.ipynb") as page:
        page.set_default_timeout(SECONDS)
        static = page.locator(f".cnnvis-{name}-1 img")
        static.scroll_into_view_if_needed()
        assert painted(page.locator(f".cnnvis-{name}-1")).std() > 20, "no stored figure is seen"
        stored = sent(static)
        keep_picture(page, f"{name}-stored")
        run_all(page)
        box = page.locator(f".cnnvis-{name}-1-live")
        box.locator("img").wait_for()
        box.scroll_into_view_if_needed()
        yield Opened(name, page, box, stored)


def test_the_lesson_runs_and_its_explorer_stands_where_the_stored_figure_was(lesson):
    name, page, box, stored = lesson
    errors = page.locator('.jp-OutputArea-output[data-mime-type*="error"]')
    assert errors.count() == 0, errors.first.inner_text()
    assert painted(box).std() > 20
    live = sent(box.locator("img"))
    assert live.shape == stored.shape and np.abs(live - stored).mean() < 3, "the figure is old"
    assert len(box.locator("img").get_attribute("alt").split()) > 8
    static = page.locator(f".cnnvis-{name}-1")
    assert static.count() == 1 and not static.is_visible()
    for select in box.locator("select").all():
        assert select.evaluate("e => e.labels.length && e.labels[0].innerText.trim().length > 0")
    keep_picture(page, f"{name}-opened")


def test_a_screen_reader_is_told_what_a_slider_the_bar_and_the_status_are(lesson):
    name, _, box, _ = lesson
    for label, key, _ in (MOVES[name][0], HURRIES[name][0]):
        if key == "ArrowRight":
            assert box.get_by_role("slider", name=label, exact=True).count() == 1
    assert box.locator(".progress[role=progressbar]").get_attribute("aria-label") == "Progress"
    assert box.locator("[role=status]").count() == 1
    box.locator("[role=status]").evaluate("e => { e.sameElement = true }")
    picture_after(box, lambda: choose(box, "Photo", "rocket"))
    picture_after(box, lambda: choose(box, "Photo", "chelsea"))
    wait_for_end(box)
    assert box.locator("[role=status]").evaluate("e => e.sameElement"), "it must stay one element"


def test_in_a_narrow_window_the_picture_stays_large_enough_to_be_read(lesson):
    name, page, box, _ = lesson
    page.set_viewport_size({"width": 480, "height": 900})
    image = box.locator("img")
    own, shown = image.evaluate("e => [e.naturalWidth, e.clientWidth]")
    room, inside = image.evaluate(
        "e => { const b = e.closest('.widget-html'); return [b.clientWidth, b.scrollWidth] }"
    )
    image.scroll_into_view_if_needed()
    keep_picture(page, f"{name}-narrow")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert shown >= 0.59 * own and room < 480 and inside >= shown, (own, shown, room, inside)


def test_a_control_moved_by_keyboard_shows_another_picture(lesson):
    name, _, box, _ = lesson
    before = picture(box)
    move, words = MOVES[name]
    after = picture_after(box, lambda: press(box, *move), words)
    assert before.shape != after.shape or np.abs(before - after).mean() > 0.2
    wait_for_end(box)
    keep_picture(box, f"{name}-moved")


def test_the_last_of_many_values_is_shown_and_no_older_one_comes_after(lesson):
    name, page, box, _ = lesson
    hurry, words = HURRIES[name]
    if words is None:
        options = menu(box, hurry[0]).locator("option").all_inner_texts()
        words = f" for {options[hurry[2]].split()[0]}"
    picture_after(box, lambda: press(box, *hurry), words)
    wait_for_end(box)
    page.wait_for_timeout(500)
    assert words in box.locator("img").get_attribute("alt"), "an old value came after"


def test_photos_of_ones_own(lesson, files):
    """A good photo, a text file and 40 megapixels, each answered."""
    name, _, box, _ = lesson
    picture_after(box, lambda: upload(box, files["good"]))
    wait_for_end(box)
    chosen = menu(box, "Photo").evaluate("e => e.selectedOptions[0].text")
    assert chosen.replace("\xa0", " ") == "own photo"
    keep_picture(box, f"{name}-own-photo")
    picture_after(box, lambda: choose(box, "Photo", "chelsea"))
    picture_after(box, lambda: upload(box, files["good"]))  # the same file a second time
    wait_for_end(box)
    assert box.get_by_role("alert").count() == 0
    upload(box, files["text"])
    alert = box.get_by_role("alert")
    alert.wait_for()
    assert "'notes.txt' is not a picture" in alert.inner_text()
    keep_picture(box, f"{name}-text-file")
    upload(box, files["large"])
    box.locator("img").wait_for()
    wait_for_end(box)
    assert alert.count() == 0 and picture(box).std() > 10
    picture_after(box, lambda: choose(box, "Photo", "chelsea"))
    wait_for_end(box)


def test_stop_ends_long_work(lesson):
    name, _, box, _ = lesson
    if name == "layers":  # never has long work
        assert not stop_button(box).is_visible()
        return
    choices, key = LONG[name]
    for label, option in choices.items():
        picture_after(box, functools.partial(choose, box, label, option))
        wait_for_end(box)
    said = stop(box, lambda: press(box, *key))
    while name == "trust" and "Stopped" not in said and "block1_conv1" not in said:
        said = stop(box, lambda: press(box, *key))  # its work is short: Stop came too late
    inside = "box => box.contains(document.activeElement) && document.activeElement.tagName"
    assert box.evaluate(inside) in ("SELECT", "INPUT", "DIV"), "the focus goes back to the control"
    keep_picture(box, f"{name}-stopped")
    if name == "trust":
        assert said == "Stopped; the picture is as it was."
        return
    done, total = re.search(r"Stopped after (\d+) of (\d+)\.", said).groups()
    assert 0 < int(done) < int(total)
    if name == "occlusion":
        alt = box.locator("img").get_attribute("alt")
        assert f"{int(done) - 1} of {int(total) - 1} places, the rest white" in alt
