"""The studio in lesson 09, driven by a browser: what a reader clicks, and what then is there."""

import io
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from lab import choose, keep_picture, menu, run_all, stop, upload
from PIL import Image

SECONDS = 60_000  # milliseconds that a picture may take on a busy machine


@pytest.fixture(scope="module")
def page(lab, browser):
    with lab.opened(browser, "09_your_own.ipynb") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.set_default_timeout(SECONDS)
        run_all(page)
        yield page


@pytest.fixture
def app(page):
    """The studio's box, with the picture of the last test in it."""
    box = page.locator(".cnnvis-studio-1-live")
    box.locator("img, [role=alert]").first.wait_for()
    box.scroll_into_view_if_needed()
    return box


def source(app):
    return app.locator("img").first.get_attribute("src")


def after(app, act):
    """Do something, wait until the picture is another one, and return its pixels."""
    before = source(app) if app.locator("img").count() else None
    act()
    app.page.wait_for_function(
        "([box, before]) => { const img = box.querySelector('img');"
        " return img && img.complete && img.src !== before }",
        arg=[app.element_handle(), before],
    )
    return np.asarray(Image.open(io.BytesIO(app.locator("img").first.screenshot())).convert("RGB"))


def refused(app):
    alert = app.get_by_role("alert")
    alert.wait_for()
    return alert.inner_text()


def test_the_lesson_runs_and_the_studio_opens_with_one_picture_and_its_alt_text(app, page):
    errors = page.locator('.jp-OutputArea-output[data-mime-type*="error"]')
    assert errors.count() == 0, errors.first.inner_text()
    assert app.locator("img").count() == 1
    alt = app.locator("img").get_attribute("alt")
    assert alt.startswith("The photo in grey under the Grad-CAM map for shoe")
    keep_picture(page, "studio-lesson")
    after(app, lambda: choose(app, "Photo", "chelsea"))
    alt = app.locator("img").get_attribute("alt")
    assert alt.startswith("The photo in grey under the Grad-CAM map for cat")
    assert page.locator(".cnnvis-studio-1:visible").count() == 0, "the static figure is hidden"
    assert "course says" in app.inner_text() and "cat" in app.inner_text()
    keep_picture(page, "studio-opened")


@pytest.mark.parametrize(
    "method", ["Filters", "Feature maps", "Guided backprop of a layer", "Saliency", "Top classes"]
)
def test_another_method_draws_another_picture(app, page, method):
    pixels = after(app, lambda: menu(app, "Show").select_option(method))
    assert pixels.std() > 10
    keep_picture(page, f"studio-{method.lower().replace(' ', '-')}")


def test_another_of_the_top_classes_is_explained(app):
    after(app, lambda: menu(app, "Show").select_option("Grad-CAM"))
    second = menu(app, "Class").locator("option").nth(2).inner_text()
    after(app, lambda: menu(app, "Class").select_option(second))
    assert f"map for {second.split()[0]} at" in app.locator("img").get_attribute("alt")
    after(app, lambda: menu(app, "Class").select_option(index=0))


def test_the_keyboard_alone_changes_the_picture(app, page):
    after(app, lambda: menu(app, "Show").select_option("Attack in one step (FGSM)"))
    handle = app.get_by_role("slider").filter(visible=True).first
    handle.focus()
    after(app, lambda: page.keyboard.press("ArrowRight"))
    assert app.locator("img").count() == 1
    assert app.get_by_role("slider", name="Change in levels of 255", exact=True).count() == 1
    keep_picture(page, "studio-attack")


def test_a_photo_a_text_file_and_forty_megapixels(app, page, files):
    after(app, lambda: menu(app, "Show").select_option("Top classes"))
    after(app, lambda: upload(app, files["good"]))
    assert app.locator("table").count() == 0, "the picture itself shows the top classes"
    button = app.get_by_role("button", name="Own photo")
    assert button.inner_text().strip() == "Own photo: mine.png"
    after(app, lambda: menu(app, "Show").select_option("Grad-CAM"))
    assert "motorbike" in app.inner_text()
    keep_picture(page, "studio-uploaded")
    upload(app, files["text"])
    assert refused(app).startswith("The upload 'notes.txt' is not a picture")
    keep_picture(page, "studio-refused")
    pixels = after(app, lambda: upload(app, files["large"]))
    assert pixels.std() > 10 and "motorbike 0" not in app.inner_text()
    after(app, lambda: menu(app, "Photo").select_option("chelsea"))


def test_stop_ends_a_dream_and_keeps_what_is_there(app, page):
    after(app, lambda: menu(app, "Show").select_option("Deep dream"))
    steps = app.locator('.widget-slider:has(label:text-is("Steps an octave")) .widget-readout')
    before = source(app)
    steps.fill("30")
    assert "Stopped after" in stop(app, lambda: steps.press("Enter"))
    assert source(app) != before
    assert "# stopped after" in app.locator("pre").text_content()
    keep_picture(page, "studio-stopped")


def test_a_network_that_is_not_here_is_one_sentence(app, page):
    names = menu(app, "Network").locator("option").all_inner_texts()
    (vgg19,) = (number for number, name in enumerate(names) if name.startswith("vgg19"))
    menu(app, "Network").select_option(index=vgg19)
    assert "vgg19" in refused(app) and "prefetch vgg19" in refused(app)
    assert app.locator("pre, table").count() == 0
    assert app.get_by_role("button", name="Save picture").is_disabled()
    keep_picture(page, "studio-no-network")
    menu(app, "Network").select_option("course")
    app.locator("img").wait_for()


def write(app, label, text):
    """Write into a text field, as a student does."""
    field = app.locator(f'.widget-text:has(label:text-is("{label}")) input')
    field.fill(text)
    field.press("Enter")


def save_network(path, seed):
    """A head of two classes on an untrained MobileNetV2, as transfer learning makes it."""
    keras.utils.set_random_seed(seed)
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(96, 96, 3), alpha=0.35
    )
    pooled = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(2, activation="softmax")
    keras.Sequential([keras.Input((96, 96, 3)), base, pooled, head]).save(path)


def test_a_network_file_is_told_of_its_pixels_and_labels_and_read_again(app, page, lab):
    field = app.locator('.widget-text:has(label:text-is("Labels of its classes"))')
    assert not field.is_visible()
    write(app, "Network file", "absent.keras")
    assert refused(app).startswith("There is no file")
    assert "absent.keras" not in menu(app, "Network").locator("option").all_inner_texts()
    save_network(lab.folder / "nested.keras", 0)
    after(app, lambda: write(app, "Network file", "nested.keras"))
    app.get_by_role("note").wait_for()
    assert "hands its pixels to 'mobilenetv2' as they are" in app.get_by_role("note").inner_text()
    assert menu(app, "Network").evaluate("e => e.selectedOptions[0].text") == "nested.keras"
    keep_picture(page, "studio-network-file")
    choose(app, "Pixels it was trained on", "-1 to 1, as MobileNet (tf)")
    app.get_by_role("note").wait_for(state="detached")
    write(app, "Labels of its classes", "grass, gravel")
    app.locator("table").get_by_text("gravel").wait_for()
    line = "load_network('nested.keras', preprocess='tf', labels=['grass', 'gravel'])"
    assert line in app.locator("pre").text_content()
    keep_picture(page, "studio-network-file-labels")
    save_network(lab.folder / "nested.keras", 1)
    after(app, lambda: menu(app, "Show").select_option("LayerCAM"))
    app.get_by_text("the file was saved anew and is read anew").wait_for()
    after(app, lambda: menu(app, "Network").select_option("course"))
    assert not field.is_visible()


def test_a_stopped_occlusion_is_white_where_it_was_not_done(app, page):
    after(app, lambda: menu(app, "Show").select_option("Grad-CAM"))
    said = stop(app, lambda: menu(app, "Show").select_option("Occlusion"))
    assert "Stopped after" in said
    done, total = re.search(
        r"Only (\d+) of (\d+) places were done", app.locator("img").get_attribute("alt")
    ).groups()
    assert 0 < int(done) < int(total)
    keep_picture(page, "studio-occlusion-stopped")


def test_the_code_is_copied_and_the_picture_saved(app, page, lab):
    after(app, lambda: menu(app, "Show").select_option("Grad-CAM"))
    app.get_by_text("The same picture in Python").click()
    app.get_by_role("button", name="Copy").click()
    app.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == app.locator("pre").inner_text() and "gradcam(net, photo, 'cat'" in copied
    app.get_by_role("button", name="Save picture").click()
    app.get_by_text("Saved studio.png").wait_for()
    assert np.asarray(Image.open(Path(lab.folder) / "studio.png")).shape[2] == 3
    keep_picture(page, "studio-code")
