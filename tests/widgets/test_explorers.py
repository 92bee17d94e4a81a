"""Explorers without a browser: their callbacks, called by setting `widget.value`.

The same tests run with ipywidgets 7.7.1 and 8. What a reader sees is in tests/browser.
"""

import datetime
import html
import io
import re
import sys
import threading
import time
import types

import ipywidgets
import numpy as np
import pytest
from PIL import Image

import cnnvis_helpers
from cnnvis_helpers import load_photo
from cnnvis_helpers.widgets import explore_occlusion, menus
from cnnvis_helpers.widgets import explorer as explorer_base
from cnnvis_helpers.widgets import fast_pictures as panels
from cnnvis_helpers.widgets.controls import choice, set_high, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer

NAMES = "attack cam dream layers occlusion saliency trust".split()
# What is set, and what the picture or its status line must say then.
MOVES = [
    ("layers", {"channel": 3}, "channel 3"),
    ("layers", {"layer": "conv2", "channel": 7}, "channel 7 of the layer conv2"),
    (
        "layers",
        {"layer": "conv1", "channel": 2, "show": "weights"},
        "filter 2 in colour, all 6 filters",
    ),
    ("layers", {"layer": "conv2", "channel": 5}, "filter 5 for 6 of its 6 input channels"),
    ("occlusion", {"patch": 8}, "8 by 8 pixels"),
    ("occlusion", {"patch": 6, "stride": "a whole patch"}, "25 forward passes"),
    ("occlusion", {"fill": "black"}, "forward passes"),
    ("cam", {"method": "LayerCAM", "layer": "conv1"}, "LayerCAM for .* at conv1"),
    ("cam", {"method": "CAM"}, "CAM for .* at conv2"),
    ("cam", {"method": "Score-CAM"}, "Score-CAM"),
    ("cam", {"method": "Grad-CAM", "layer": "conv2", "against": True}, "12 by 16 cells"),
    ("saliency", {"method": "SmoothGrad", "noise": 0.3, "count": 4}, "4 samples, noise 0.30"),
    ("saliency", {"method": "integrated gradients", "count": 16}, "16 steps"),
    ("saliency", {"show": "sign"}, "sign of each pixel"),
    ("attack", {"epsilon": 9}, "by 9 levels at most"),
    ("attack", {"epsilon": 1}, "by 1 level at most"),
    ("attack", {"method": "PGD, many steps", "epsilon": 20}, "20 levels at most; 12 queries"),
    ("dream", {"octaves": 1, "steps": 2}, "1 octave of 2 steps"),
    ("dream", {"layer": "conv1"}, "layer conv1"),
    ("trust", {"forgotten": 3}, "last 3 of 3 layers are random"),
    ("trust", {"method": "gradient"}, "gradient for"),
]


@pytest.fixture(scope="module")
def opened(tiny_net):
    """Open an explorer of the small network by its name; each is made once."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, "coffee")
        return made[name]

    return of


def said(explorer):
    """The alt text and the status line of an explorer, without HTML."""
    status = re.sub("<[^>]*>", "", explorer.status.value)
    return f"{explorer.drawn.alt if explorer.drawn else explorer.error} | {status}"


def put(explorer, **values):
    """Set controls by their text or value, as a student does, and wait for the picture."""
    for name, value in values.items():
        widget = explorer.controls[name]
        labels = dict(getattr(widget, "_options_full", ()) or ())
        widget.value = labels.get(value, value) if isinstance(value, str) else value
    return explorer.wait()


# --- all seven -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_with_a_picture_its_alt_text_and_labelled_controls(opened, name):
    explorer = opened(name)
    pixels = explorer.drawn.pixels
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
    assert 400 < pixels.shape[1] < 1200 and 150 < pixels.shape[0] < 500
    assert pixels.std() > 20, "the picture is empty"
    assert len(explorer.drawn.alt.split()) > 8
    assert explorer.drawn.alt in html.unescape(explorer.picture.value)
    for control, widget in explorer.controls.items():
        assert widget.description, f"{name}: {control} has no label"
    assert type(explorer.box).__module__.startswith("ipywidgets.")


@pytest.mark.parametrize(("name", "values", "words"), MOVES, ids=lambda v: str(v))
def test_a_control_changes_the_picture_and_what_is_said_of_it(opened, name, values, words):
    explorer = opened(name)
    before = explorer.wait().drawn
    put(explorer, **values)
    assert explorer.error is None
    assert re.search(words, said(explorer)), said(explorer)
    assert before.alt != explorer.drawn.alt or before.note != explorer.drawn.note
    assert not np.array_equal(before.pixels, explorer.drawn.pixels)
    assert explorer.bar.layout.display == "none" and explorer.stop_button.disabled


@pytest.mark.parametrize("name", NAMES)
def test_another_photo_is_another_picture_and_its_own_top_class(opened, tiny_net, name):
    explorer = opened(name)
    before = explorer.wait().drawn.pixels
    put(explorer, photo="rocket")
    assert explorer.error is None
    assert not np.array_equal(before, explorer.drawn.pixels)
    if name not in ("attack", "dream", "layers"):
        top = tiny_net.predict(load_photo("rocket"))[0].index
        assert explorer.controls["target"].value == top
    put(explorer, photo="coffee")


def test_the_network_and_the_photo_stay_as_they_were(tiny_net, tiny_photo):
    photo = np.repeat(np.repeat(tiny_photo, 4, axis=0), 4, axis=1)
    copy, weights = photo.copy(), [w.copy() for w in tiny_net.model.get_weights()]
    for name in NAMES:
        getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, photo)
    assert np.array_equal(photo, copy)
    for before, after in zip(weights, tiny_net.model.get_weights(), strict=True):
        assert np.array_equal(before, after)


def test_an_explorer_begins_where_it_is_told(tiny_net):
    explorer = cnnvis_helpers.explore_cam(tiny_net, "coffee", target="dog", layer="conv1")
    assert "Grad-CAM for dog at conv1" in said(explorer)
    explorer = cnnvis_helpers.explore_attack(tiny_net, "coffee", target=4, epsilon=30)
    assert explorer.controls["target"].value == 4
    with pytest.raises(ValueError, match="conv9"):
        cnnvis_helpers.explore_layers(tiny_net, "coffee", layer="conv9")
    with pytest.raises(ValueError, match="dgo"):
        cnnvis_helpers.explore_saliency(tiny_net, "coffee", target="dgo")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("cam", {"method": "gradcam"}, "no method 'gradcam'; did you mean 'Grad-CAM'? The other"),
        ("cam", {"method": "foo"}, "no method 'foo'; the choices are 'Grad-CAM', 'CAM', 'Grad-CAM"),
        ("occlusion", {"fill": "red"}, "There is no fill 'red'; the choices are 'grey', 'black'"),
        ("saliency", {"show": "sing"}, "no show 'sing'; did you mean 'sign'? The other one is 's"),
        ("trust", {"method": "gradients"}, "no method 'gradients'; did you mean 'gradient'?"),
        ("layers", {"show": "maps"}, "There is no show 'maps'"),
        ("attack", {"method": 3}, "There is no method 3; the choices are 'FGSM, one step'"),
        ("attack", {"epsilon": 40}, "epsilon is a whole number from 0 to 32 here, not 40."),
        ("attack", {"epsilon": 2.5}, "epsilon is a whole number from 0 to 32 here, not 2.5."),
        ("dream", {"octaves": 9}, "octaves is a whole number from 1 to 5 here, not 9."),
        ("dream", {"steps": "many"}, "steps is a whole number from 1 to 30 here, not 'many'."),
        ("occlusion", {"patch": 100}, "patch is a whole number from 2 to 12 here, not 100."),
        ("layers", {"channel": 500}, "channel is a whole number from 0 to 5 here, not 500."),
        ("layers", {"layer": "conv2", "channel": 8}, "number from 0 to 7 here, not 8."),
        ("trust", {"forgotten": -1}, "forgotten is a whole number from 0 to 3 here, not -1."),
    ],
    ids=str,
)
def test_what_an_explorer_does_not_offer_is_one_sentence(tiny_net, name, arguments, said):
    with pytest.raises(ValueError) as error:
        getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, "coffee", **arguments)
    assert said in str(error.value)


def test_the_last_of_a_range_is_taken_and_a_channel_follows_its_layer(tiny_net):
    explorer = cnnvis_helpers.explore_layers(tiny_net, "coffee", layer="conv2", channel=7)
    assert "channel 7 of the layer conv2" in said(explorer)
    put(explorer, layer="conv1")
    assert explorer.controls["channel"].value == explorer.controls["channel"].max == 5
    explorer = cnnvis_helpers.explore_attack(tiny_net, "coffee", epsilon=np.int64(32))
    assert explorer.controls["epsilon"].value == 32


def test_a_slider_of_fractions_takes_them():
    assert slider("Noise", 0.25, 0.0, 0.5, 0.01, called="noise").value == 0.25
    for value in (0.51, float("nan"), True):
        with pytest.raises(ValueError, match="noise is a number from 0 to 0.5 here, not"):
            slider("Noise", value, 0.0, 0.5, 0.01, called="noise")


def test_an_impossible_choice_is_one_sentence_in_place_of_the_picture(opened, tiny_net):
    explorer = opened("cam")
    put(explorer, method="Grad-CAM")
    target = explorer.controls["target"].value
    put(explorer, rather=target)
    assert "the same" in explorer.error and "Traceback" not in explorer.picture.value
    assert '<p role="alert"' in explorer.picture.value and "<img" not in explorer.picture.value
    put(explorer, rather=None)
    assert explorer.error is None and "<img" in explorer.picture.value


# --- what the base promises ------------------------------------------------------------------


class Slow:
    """A draw function that takes 10 steps, each let through by `gate`; it notes what it drew."""

    def __init__(self, polite=True):
        self.gate, self.drawn, self.begun, self.polite = threading.Event(), [], [], polite
        self.at_work = threading.Event()
        self.gate.set()

    def __call__(self, values, task):
        self.begun.append(values.number)
        self.at_work.set()
        done = 0
        try:
            for done in range(1, 11):
                self.gate.wait(30)
                task.progress(done, 10)
        except StopIteration:
            if not self.polite:
                raise
        self.drawn.append(values.number)
        return Drawn(np.full((40, 60, 3), values.number, np.uint8), f"Grey {values.number}.", "")


@pytest.fixture
def slow():
    draw = Slow()
    explorer = Explorer("slow work", {"number": slider("Number", 1, 0, 200)}, draw)
    return explorer, draw


def begin(explorer, draw, value):
    """Start a redraw and hold it in the middle of its work."""
    draw.gate.clear()
    draw.at_work.clear()
    explorer.controls["number"].value = value
    assert draw.at_work.wait(10)


def test_only_the_newest_values_are_drawn(slow):
    explorer, draw = slow
    begin(explorer, draw, 2)
    for value in range(3, 100):
        explorer.controls["number"].value = value
    draw.gate.set()
    explorer.wait()
    assert draw.begun == [1, 2, 99], "values in between were begun"
    assert draw.drawn == [1, 99], "an overtaken redraw was shown"
    assert explorer.drawn.alt == "Grey 99."


def test_setting_a_control_returns_at_once(slow):
    explorer, draw = slow
    begun = time.monotonic()
    begin(explorer, draw, 2)
    explorer.controls["number"].value = 3
    assert time.monotonic() - begun < 5 and explorer.drawn.alt == "Grey 1."
    draw.gate.set()
    assert explorer.wait().drawn.alt == "Grey 3."


def test_stop_keeps_what_is_done_and_says_how_much(slow):
    explorer, draw = slow
    begin(explorer, draw, 2)
    explorer.stop_button.click()
    draw.gate.set()
    explorer.wait()
    assert explorer.drawn.alt == "Grey 2."
    assert draw.drawn == [1, 2]
    assert explorer.stop_button.disabled
    put(explorer, number=5)
    assert explorer.drawn.alt == "Grey 5.", "it goes on after a stop"
    assert "Stopped" not in explorer.status.value


def test_stop_that_comes_too_late_is_not_called_a_stop():
    def draw(values, task):
        task.progress(1, 2)
        explorer.stop()  # during the last part, after which nobody asks
        return Drawn(np.zeros((4, 4, 3), np.uint8), "Black.", "all of it")

    explorer = Explorer("demo", {"number": slider("Number", 1, 0, 9)}, lambda *_: Drawn(
        np.zeros((4, 4, 3), np.uint8), "Black."))  # fmt: skip
    explorer.draw = draw
    put(explorer, number=2)
    assert "all of it" in said(explorer) and "Stopped" not in said(explorer)


def test_stop_of_a_method_without_a_partial_result_leaves_the_picture(slow):
    explorer, draw = slow
    draw.polite = False
    begin(explorer, draw, 2)
    explorer.stop_button.click()
    draw.gate.set()
    explorer.wait()
    assert explorer.drawn.alt == "Grey 1." and "Stopped" in explorer.status.value


def test_progress_and_stop_are_seen_during_long_work_alone(slow):
    explorer, draw = slow
    seen = []
    explorer.bar.layout.observe(lambda change: seen.append(change["new"] or "shown"), "display")
    begin(explorer, draw, 2)
    draw.gate.set()
    explorer.wait()
    assert seen == ["shown", "none"]
    assert explorer.bar.max == 10


def test_work_that_says_nothing_of_its_own_is_called_work(slow, monkeypatch):
    monkeypatch.setattr(explorer_base, "PATIENCE", 0.05)
    explorer, draw = slow
    begin(explorer, draw, 2)
    end = time.monotonic() + 10
    while "slow work: working ..." not in explorer.status.value and time.monotonic() < end:
        time.sleep(0.01)
    assert time.monotonic() < end
    draw.gate.set()
    assert "working" not in explorer.wait().status.value


def test_progress_does_not_flood_the_browser(slow):
    explorer, draw = slow
    sent = []
    explorer.bar.observe(sent.append, "value")
    task = explorer_base.Task(explorer)
    for done in range(1, 10_001):
        task.progress(done, 10_000)
    assert len(sent) < 60


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("The patch is\n too large."), "The patch is too large."),
        (RuntimeError("out of luck"), "RuntimeError: out of luck"),
        (ValueError("a <b> & c"), "a <b> & c"),
    ],
)
def test_an_error_is_shown_and_does_not_end_the_explorer(error, shown):
    def draw(values, task):
        if values.number == 2:
            raise error
        return Drawn(np.zeros((4, 4, 3), np.uint8), "Black.")

    explorer = Explorer("demo", {"number": slider("Number", 1, 0, 9)}, draw)
    put(explorer, number=2)
    assert explorer.error == shown and explorer.drawn is None
    assert "<b>" not in explorer.picture.value
    put(explorer, number=3)
    assert explorer.error is None and explorer.drawn.alt == "Black."


def test_a_control_that_sets_others_asks_for_one_redraw():
    begun = []

    def draw(values, task):
        begun.append((values.layer, values.channel))
        return Drawn(np.zeros((4, 4, 3), np.uint8), "Black.")

    def fit(explorer):
        set_high(explorer.controls["channel"], {"a": 9, "b": 3}[explorer.controls["layer"].value])

    controls = {"layer": choice("Layer", ["a", "b"]), "channel": slider("Channel", 0, 0, 9)}
    explorer = Explorer("demo", controls, draw, adjust={"layer": fit})
    put(explorer, channel=8)
    put(explorer, layer="b")
    assert begun == [("a", 0), ("a", 8), ("b", 3)], "no half-adjusted values are drawn"


def test_the_static_figure_has_alt_text_and_is_hidden_by_its_live_explorer(opened, monkeypatch):
    explorer = opened("saliency")
    bundle = explorer.static_bundle()
    image = re.search(r'<img alt="([^"]+)"', bundle["text/html"])
    assert html.unescape(image[1]) == explorer.drawn.alt == bundle["text/plain"]
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    explorer._ipython_display_()
    (static, _), (live, _) = shown
    assert static == (bundle,) and [options for _, options in shown] == [{"raw": True}] * 2
    view = live[0]["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.box.model_id
    assert live[0]["text/plain"] == "Run this cell to use the explorer."
    name = re.search(r'<div class="([\w-]+)" style', bundle["text/html"])[1]
    assert f":has(.{name}) + .jp-OutputArea-child .jupyter-widgets" in bundle["text/html"]
    styles = [w.value for w in explorer.box.children if isinstance(w, ipywidgets.HTML)]
    here = f".jp-OutputArea:has(.{name}-live) .jp-OutputArea-child:has(.{name})"
    assert any(here in style for style in styles), "another lesson's figure must stay"


def test_the_static_figure_is_the_same_at_each_run():
    code = (
        "import cnnvis_helpers as c, hashlib; e = c.explore_layers();"
        "print(hashlib.sha256(e.static_bundle()['text/html'].encode()).hexdigest())"
    )
    import subprocess

    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in "12"]
    first, second = (run.communicate(timeout=120)[0] for run in runs)
    assert first == second and len(first) > 60


# --- work that is stopped ----------------------------------------------------------------------


def stop_early(explorer, **values):
    """Set controls, and press Stop at the first progress that is told."""
    explorer._show_progress = lambda done, total: explorer.stop()
    try:
        return put(explorer, **values)
    finally:
        del explorer._show_progress


@pytest.mark.filterwarnings("error:stopped early")
def test_a_stopped_occlusion_says_how_many_places_were_done(opened):
    explorer = stop_early(opened("occlusion"), patch=4, stride="a quarter")
    done = int(re.search(r"heat map of (\d+) of 609 places, the rest white", said(explorer))[1])
    assert f"Stopped after {done + 1} of 610. {done + 1} forward passes" in said(explorer)
    assert 0 < done < 609


def test_two_numbers_of_an_occlusion_that_differ_are_explained(monkeypatch):
    """The worst place is one patch; a pixel of the map is the mean of several."""
    seen, panel = [], explore_occlusion.heat_panel
    monkeypatch.setattr(
        explore_occlusion, "heat_panel", lambda *a, **k: seen.append(panel(*a, **k)) or seen[-1]
    )
    explorer = cnnvis_helpers.explore_occlusion("course", "chelsea")
    worst = float(re.search(r"costs cat ([\d.]+) logits", explorer.drawn.note)[1])
    assert 0 < seen[-1].scale[1] < worst - 0.1
    assert seen[-1].note == "a pixel: mean of the patches over it"


def test_places_that_were_not_done_are_white_and_never_the_worst(tiny_net, tiny_photo):
    grid = np.full((5, 7), np.nan)
    grid[:2] = -1.0  # hiding them helps, so an undone place must not count as a drop of zero
    grid[1, 3] = -0.5
    values = types.SimpleNamespace(photo=tiny_photo, patch=8, target=0)
    drawn = explore_occlusion._drawn(tiny_net, values, grid, 4)
    assert "frame at the top" in drawn.alt and "14 of 35 places, the rest white" in drawn.alt
    assert "the worst place costs cat -0.50 logits" in drawn.note
    high, wide = panels.photo_panel(tiny_photo).pixels.shape[:2]
    heat = drawn.pixels[31 : 29 + high, 31 + wide : 29 + 2 * wide]  # without its frame
    white = (heat == 255).all(axis=2).mean(axis=1)
    assert (white[: int(0.48 * high)] < 0.05).all() and (white[int(0.52 * high) :] == 1).all()
    with pytest.raises(StopIteration):  # the picture stays as it was
        explore_occlusion._drawn(tiny_net, values, np.full((5, 7), np.nan), 4)


@pytest.mark.filterwarnings("error:stopped early")
def test_a_stopped_smoothgrad_says_how_many_samples_it_is_made_of(opened, monkeypatch):
    room = sys.modules["cnnvis_helpers.methods.saliency"]
    monkeypatch.setattr(room, "batch_size", lambda net: 8)
    explorer = stop_early(opened("saliency"), method="SmoothGrad", count=64)
    assert "16 of 64 samples" in explorer.drawn.alt
    assert "Stopped after 16 of 64. SmoothGrad" in said(explorer)
    put(explorer, method="gradient", count=8)


def test_no_warning_of_a_stopped_method_reaches_the_notebook(tiny_net, recwarn):
    explorer = cnnvis_helpers.explore_occlusion(tiny_net, "coffee")
    stop = explorer_base.Task(explorer)
    stop.stopped = True
    import warnings

    with warnings.catch_warnings(record=True) as seen:
        warnings.resetwarnings()
        explorer._draw_once(explorer.values(), stop)
    assert not [w for w in seen if "stopped early" in str(w.message)]


# --- uploads ---------------------------------------------------------------------------------


def upload(explorer, name, content, button=None):
    """Hand a file to the upload button, as each version of ipywidgets does."""
    button = button or explorer.controls["upload"]
    if ipywidgets.__version__.startswith("7."):
        about = {"name": name, "type": "", "size": len(content), "lastModified": 0}
        button.set_trait("value", {name: {"metadata": about, "content": content}})
    else:
        now = datetime.datetime.now(datetime.UTC)
        about = {"name": name, "type": "", "size": len(content), "last_modified": now}
        button.value = ({**about, "content": memoryview(content)},)
    return explorer.wait()


def picture_file(height, width, kind="PNG"):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 30, 30)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def test_an_own_photo_is_uploaded_and_stays_in_the_menu(opened):
    explorer = opened("cam")
    upload(explorer, "mine.png", picture_file(90, 140))
    assert explorer.photo.shape == (90, 140, 3) and explorer.photo[0, 0].tolist() == [200, 30, 30]
    assert explorer.controls["photo"].value == explorer_base.UPLOADED and explorer.error is None
    put(explorer, photo="coffee")
    put(explorer, photo=explorer_base.UPLOADED)
    assert explorer.photo.shape == (90, 140, 3)
    upload(explorer, "other.png", picture_file(70, 60))
    assert explorer.photo.shape == (70, 60, 3), "a second upload replaces the first"
    assert explorer.controls["upload"].description == "Own photo: other.png"
    upload(explorer, "a photo of the cat on a long holiday.png", picture_file(70, 60))
    assert explorer.controls["upload"].description == "Own photo: a photo of th…g holiday.png"
    put(explorer, photo="coffee")


def test_a_text_file_is_refused_in_a_sentence_and_the_photo_stays(opened):
    explorer = opened("saliency")
    before = explorer.photo
    upload(explorer, "notes.txt", b"no picture at all")
    assert "notes.txt" in explorer.error and explorer.photo is before
    put(explorer, method="gradient x input")
    put(explorer, method="gradient")
    assert explorer.error is None


def test_forty_megapixels_are_shrunk_at_once(opened):
    explorer = opened("layers")
    upload(explorer, "large.jpg", picture_file(5000, 8000, "JPEG"))
    assert explorer.error is None and max(explorer.photo.shape) == explorer_base.LARGEST_PHOTO
    put(explorer, photo="coffee")


@pytest.fixture
def waiting():
    """An explorer that draws its photo in an instant."""
    return Explorer("demo", {}, lambda values, task: Drawn(values.photo, "A photo."), "coffee")


def test_the_same_file_a_second_time_is_read_a_second_time(waiting, monkeypatch):
    monkeypatch.setattr(explorer_base, "SLOW", 0.4)
    monkeypatch.setattr(explorer_base, "ARRIVAL", 0.5)
    content, button = picture_file(90, 140), waiting.controls["upload"]
    for _ in range(2):
        choose_file(waiting)
        upload(waiting, "mine.png", content)
        assert not button.value, "the button is empty, so the same file is another value"
        assert waiting.controls["photo"].value == explorer_base.UPLOADED
        put(waiting, photo="coffee")
        time.sleep(0.7)
        assert waiting.error is None and waiting.controls["upload"] is button
    numbers = waiting.values().photo_number
    upload(waiting, "mine.png", content)
    assert waiting.values().photo_number > numbers and waiting.upload_name == "mine.png"


@pytest.mark.parametrize("kind", ["a dict, as ipywidgets 7", "a tuple, as ipywidgets 8"])
def test_a_button_is_emptied_in_both_versions(kind):
    class Seven(types.SimpleNamespace):
        def set_trait(self, name, value):
            setattr(self, name, value)

    if "7" in kind:
        value = {"a.png": {"content": b"a"}}
        button = Seven(value=value, metadata=[{"name": "a.png"}], data=[b"a"])
        assert explorer_base._upload_name(button.value) == "a.png"
        explorer_base._empty(button)
        assert (button.value, button.metadata, button.data) == ({}, [], [])
    else:
        button = types.SimpleNamespace(value=({"name": "a.png", "content": b"a"},))
        assert explorer_base._upload_name(button.value) == "a.png"
        explorer_base._empty(button)
        assert button.value == ()


def choose_file(explorer):
    """What the page reports when a file is chosen, before it sends the file."""
    explorer.chosen.value = ""


def test_a_photo_that_never_arrives_is_one_sentence(waiting, monkeypatch):
    monkeypatch.setattr(explorer_base, "SLOW", 0.05)
    monkeypatch.setattr(explorer_base, "ARRIVAL", 0.5)
    for _ in range(2):  # a second time too
        button = waiting.controls["upload"]
        choose_file(waiting)
        assert "Waiting for the photo" in waiting.status.value
        end = time.monotonic() + 10
        while "still on its way" not in waiting.status.value and time.monotonic() < end:
            time.sleep(0.01)
        assert waiting.error is None and "<img" in waiting.picture.value, "the picture is kept"
        while waiting.error != explorer_base.LOST and time.monotonic() < end:
            time.sleep(0.01)
        assert waiting.error == explorer_base.LOST and '<p role="alert"' in waiting.picture.value
        fresh = waiting.controls["upload"]  # the page's part of the old one is stuck
        assert fresh is not button and fresh in waiting.box.children[0].children
        assert button not in waiting.box.children[0].children
        upload(waiting, "mine.png", picture_file(90, 140))
        assert waiting.error is None and waiting.photo.shape == (90, 140, 3)
    upload(waiting, "late.png", picture_file(50, 40), button)
    assert waiting.error is None and waiting.photo.shape == (50, 40, 3), "late is not lost"


def test_a_photo_that_arrives_leaves_no_alarm_behind(waiting, monkeypatch):
    monkeypatch.setattr(explorer_base, "SLOW", 0.1)
    monkeypatch.setattr(explorer_base, "ARRIVAL", 0.2)
    choose_file(waiting)
    upload(waiting, "mine.png", picture_file(90, 140))
    time.sleep(0.4)
    assert waiting.error is None and waiting.drawn.pixels.shape == (90, 140, 3)
    choose_file(waiting)
    assert "Waiting for the photo" in waiting.status.value, "the next one is heard of, too"


def test_an_old_alarm_says_nothing_of_a_later_photo(waiting, monkeypatch):
    choose_file(waiting)
    old = waiting._attempt
    upload(waiting, "mine.png", picture_file(90, 140))
    before = waiting.controls["upload"]
    waiting._doubt_photo(old)  # the timer fired while the file was being read
    waiting._lose_photo(old)
    assert waiting.error is None and waiting.controls["upload"] is before


# --- networks of another kind ------------------------------------------------------------------


def network_of(layers):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((24, 32, 3)), *layers, keras.layers.Dense(4)])
    return cnnvis_helpers.load_network(model, labels=["cat", "crane", "dog", "newt"])


def test_the_last_maps_of_a_network_may_be_no_convolution():
    from keras import layers

    net = network_of(
        [
            layers.Conv2D(6, 3, name="conv1"),
            layers.BatchNormalization(),
            layers.ReLU(name="out_relu"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    assert net.last_conv == "out_relu"
    explorer = cnnvis_helpers.explore_layers(net, "coffee")
    assert explorer.controls["layer"].options == ("conv1",) and explorer.error is None
    with pytest.raises(ValueError, match="out_relu"):
        cnnvis_helpers.explore_layers(net, "coffee", layer="out_relu")
    explorer = cnnvis_helpers.explore_dream(net, "coffee", layer="out_relu", octaves=1, steps=1)
    assert explorer.error is None and "layer out_relu" in explorer.drawn.alt


@pytest.mark.parametrize("name", ["layers", "dream", "cam"])
def test_a_network_without_convolutions_is_one_clear_error(name):
    from keras import layers

    net = network_of([layers.Flatten(), layers.Dense(8, activation="relu")])
    with pytest.raises(ValueError, match="has no convolution, so it makes no maps"):
        getattr(cnnvis_helpers, f"explore_{name}")(net, "coffee")


def test_an_error_of_a_control_that_sets_others_is_one_sentence():
    def fit(explorer):
        if explorer.controls["layer"].value == "b":
            raise ValueError("The layer b has no weights.")

    def draw(values, task):
        return Drawn(np.zeros((4, 4, 3), np.uint8), f"Layer {values.layer}.")

    explorer = Explorer("demo", {"layer": choice("Layer", ["a", "b"])}, draw, adjust={"layer": fit})
    put(explorer, layer="b")
    assert explorer.error == "The layer b has no weights." and "<img" not in explorer.picture.value
    put(explorer, layer="a")
    assert explorer.error is None and explorer.drawn.alt == "Layer a."


# --- small parts -----------------------------------------------------------------------------


def test_memory_keeps_the_last_results_only():
    memory, built = menus.Memory(2), []
    for key in "ababcac":
        memory(key, lambda key=key: built.append(key) or key)
    assert "".join(built) == "abca"


@pytest.mark.parametrize(
    ("peak", "words"),
    [((0, 0), "top left"), ((4, 4), "centre"), ((8, 4), "bottom"), ((4, 8), "right")],
)
def test_places_in_words(peak, words):
    values = np.zeros((9, 9))
    values[peak] = 1
    assert menus.place(values) == words
