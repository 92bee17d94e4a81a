"""Explorers without a browser: their callbacks, called by setting `widget.value`.

The same tests run with ipywidgets 7.7.1 and 8. What a reader sees is in tests/browser.
"""

import datetime
import html
import io
import re
import sys
import threading
import types

import ipywidgets
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import cnnvis_helpers
from cnnvis_helpers import load_photo
from cnnvis_helpers.widgets import explore_occlusion, menus, photo_choice
from cnnvis_helpers.widgets import fast_pictures as panels
from cnnvis_helpers.widgets.controls import choice, set_high, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.worker import Task

NAMES = "attack cam dream layers occlusion randomization saliency".split()
# Controls to set, and what the picture or its status line must say then.
MOVES = [
    ("layers", {"layer": "conv2", "channel": 7}, "channel 7 of the layer conv2"),
    ("layers", {"layer": "conv1", "channel": 2, "show": "weights"}, "filter 2 in colour, all 6"),
    ("occlusion", {"patch": 6, "stride": "one patch"}, "25 forward passes"),
    ("occlusion", {"fill": "black"}, "forward passes"),
    ("cam", {"method": "LayerCAM", "layer": "conv1"}, "LayerCAM for .* at conv1"),
    ("cam", {"method": "CAM"}, "CAM for .* at conv2"),
    ("cam", {"method": "Score-CAM"}, "Score-CAM"),
    ("cam", {"method": "Grad-CAM", "layer": "conv2", "against": True}, "12 by 16 cells"),
    ("saliency", {"method": "SmoothGrad", "noise": 0.3, "count": 4}, "4 samples, noise 0.30"),
    ("saliency", {"method": "integrated gradients", "count": 16}, "16 steps"),
    ("saliency", {"show": "sign"}, "sign of each pixel"),
    ("attack", {"epsilon": 1}, "by 1 level at most"),
    ("attack", {"method": "PGD, many steps", "epsilon": 20}, "20 levels at most; 12 queries"),
    ("dream", {"layer": "conv1", "octaves": 1, "steps": 2}, "1 octave of 2 steps"),
    ("randomization", {"forgotten": 3}, "last 3 of 3 layers are random"),
    ("randomization", {"method": "gradient"}, "gradient for"),
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
    """Set controls by their text or value, and wait for the picture."""
    controls = {"photo": explorer.photos and explorer.photos.menu, **explorer.controls}
    for name, value in values.items():
        labels = dict(getattr(controls[name], "_options_full", ()) or ())
        controls[name].value = labels.get(value, value) if isinstance(value, str) else value
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


@pytest.mark.parametrize(("name", "values", "words"), MOVES, ids=lambda v: str(v))
def test_a_control_changes_the_picture_and_its_description(opened, name, values, words):
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
        assert explorer.controls["target"].chosen() == top
    put(explorer, photo="coffee")


def test_the_network_and_the_photo_stay_as_they_were(tiny_net, tiny_photo):
    photo = np.repeat(np.repeat(tiny_photo, 4, axis=0), 4, axis=1)
    copy, weights = photo.copy(), [w.copy() for w in tiny_net.model.get_weights()]
    for name in NAMES:
        getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, photo)
    assert np.array_equal(photo, copy)
    for before, after in zip(weights, tiny_net.model.get_weights(), strict=True):
        assert np.array_equal(before, after)


def test_an_explorer_begins_with_its_arguments(tiny_net):
    explorer = cnnvis_helpers.explore_cam(tiny_net, "coffee", target="dog", layer="conv1")
    assert "Grad-CAM for dog at conv1" in said(explorer)
    explorer = cnnvis_helpers.explore_attack(tiny_net, "coffee", target=4, epsilon=np.int64(32))
    assert explorer.controls["target"].chosen() == 4 and explorer.controls["epsilon"].value == 32
    explorer = cnnvis_helpers.explore_layers(tiny_net, "coffee", layer="conv2", channel=7)
    put(explorer, layer="conv1")
    assert explorer.controls["channel"].value == explorer.controls["channel"].max == 5


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("cam", {"method": "gradcam"}, "not 'gradcam'; did you mean 'Grad-CAM'?"),
        ("cam", {"method": "foo"}, "method must be one of 'Grad-CAM', 'CAM', 'Grad-CAM"),
        ("attack", {"epsilon": 40}, "epsilon must be a number in 0..32, not 40."),
        ("attack", {"epsilon": 2.5}, "epsilon must be a whole number, 0 or more, not 2.5."),
        ("dream", {"steps": "many"}, "steps must be a whole number, 1 or more, not 'many'."),
        ("layers", {"layer": "conv2", "channel": 8}, "must be a number in 0..7, not 8."),
        ("layers", {"layer": "conv9"}, "conv9"),
        ("saliency", {"target": "dgo"}, "did you mean 'dog'"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_one_sentence(tiny_net, name, arguments, said):
    with pytest.raises(ValueError) as error:
        getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, "coffee", **arguments)
    assert said in str(error.value)


# --- the class menu ----------------------------------------------------------------------------


def test_a_class_menu_lists_the_top_class_first_and_takes_an_index_and_a_name(opened, tiny_net):
    explorer, menu = opened("cam"), opened("cam").controls["target"]
    put(explorer, method="Grad-CAM", rather="nothing")
    ranked = [one.index for one in tiny_net.predict(load_photo("coffee"))]
    assert [menu._indices[text] for text in menu.options] == ranked
    put(explorer, target="2")
    assert explorer.error is None and menu.chosen() == 2 and menu.value.startswith("dog ")
    put(explorer, target="Tiger Cat")
    assert menu.chosen() == 3 and menu.value in menu.options
    put(explorer, target=menu.options[0])
    assert menu.chosen() == ranked[0]


def test_two_classes_of_one_name_can_both_be_chosen(opened):
    explorer, menu = opened("saliency"), opened("saliency").controls["target"]
    texts = [text for text in menu.options if text.startswith("crane")]
    assert len(texts) == 2
    for text in texts:
        put(explorer, target=text)
        assert explorer.error is None and f"({menu.chosen()})" in text
    put(explorer, target="crane")
    assert "stands for classes 1 and 4" in explorer.error
    put(explorer, target="dog")


def test_a_wrong_class_is_one_sentence_and_the_explorer_goes_on(opened):
    explorer = opened("occlusion")
    put(explorer, target="dgo")
    assert "did you mean 'dog'" in explorer.error
    put(explorer, target="9")
    assert "There is no class 9" in explorer.error
    put(explorer, patch=9)
    assert "There is no class 9" in explorer.error, "the text still stands in the field"
    put(explorer, target="dog")
    assert explorer.error is None and "lowers dog" in said(explorer)


# --- save the picture, copy the code -------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_copied_code_calls_the_method_as_the_explorer_does(tiny_net, name):
    explorer = getattr(cnnvis_helpers, f"explore_{name}")(tiny_net, "coffee")
    *lines, last = explorer.code.splitlines()
    assert 'photo = load_photo("coffee")' in lines and last.startswith("show_")
    photo = load_photo("coffee")
    names = {"net": tiny_net, "photo": photo}
    exec("\n".join(line for line in lines if not line.startswith("show_")), names)
    top = tiny_net.predict(photo)[0].label
    if name == "attack":
        expected = cnnvis_helpers.fgsm(tiny_net, photo, epsilon=4)
        assert np.array_equal(names["attack"].photo, expected.photo)
    elif name in ("cam", "saliency"):
        method = {"cam": cnnvis_helpers.gradcam, "saliency": cnnvis_helpers.saliency}[name]
        assert np.array_equal(names["heat"], method(tiny_net, photo, top))
    elif name == "occlusion":
        assert names["heat"].shape == photo.shape[:2]


def test_every_control_is_in_the_copied_code(opened):
    for name, values, code in [
        (
            "cam",
            {"method": "Score-CAM", "layer": "conv1", "target": "dog", "rather": "cat"},
            'heat = scorecam(net, photo, ("dog", "cat"), layer="conv1", relu=False)',
        ),
        (
            "attack",
            {"method": "PGD, many steps", "epsilon": 7, "target": "cat"},
            'attack = pgd(net, photo, "cat", epsilon=7, steps=10',
        ),
        (
            "dream",
            {"layer": "conv1", "octaves": 1, "steps": 3},
            'max_side=300), "conv1", octaves=1, steps=3, step=1.5)',
        ),
        (
            "occlusion",
            {"patch": 6, "target": "1", "stride": "half a patch"},
            "heat = occlusion(net, photo, 1, patch=6, stride=3",
        ),
    ]:
        explorer = opened(name)
        if name == "cam":
            put(explorer, against=True)
        put(explorer, **values)
        assert code in explorer.code and code in html.unescape(explorer.python.value)
    put(opened("cam"), rather="nothing", against=False, method="Grad-CAM")


def test_the_lines_load_the_network_by_its_name_and_run_alone():
    code, names = cnnvis_helpers.explore_cam("shapes_c", "coffee").code, {}
    assert 'net = load_network("shapes_c")' in code
    exec(code[: code.rindex("show_overlay(photo")], names)
    expected = cnnvis_helpers.gradcam(names["net"], load_photo("coffee"))
    assert np.array_equal(names["heat"], expected)


def test_the_picture_is_saved_and_no_file_is_replaced(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = opened("cam")
    explorer.save_button.click()
    assert np.array_equal(np.asarray(Image.open("cam.png")), explorer.drawn.pixels)
    assert "Saved cam.png" in explorer.status.value
    assert explorer.save().name == "cam-2.png"
    assert explorer.save("absent/cam.png") is None and "absent" in explorer.status.value


# --- threads, Stop and errors --------------------------------------------------------------------


class Slow:
    """A draw function that takes 10 steps, each let through by `gate`; it notes what it drew."""

    def __init__(self, polite=True):
        self.gate, self.drawn, self.begun, self.polite = threading.Event(), [], [], polite
        self.at_work = threading.Event()
        self.gate.set()

    def __call__(self, values, task):
        self.begun.append(values.number)
        self.at_work.set()
        try:
            for done in range(1, 11):
                self.gate.wait(30)
                task.progress(done, 10)
        except StopIteration:
            if not self.polite:
                raise
        self.drawn.append(values.number)
        return black(f"Grey {values.number}.")


def black(alt="Black.", note=""):
    return Drawn(np.zeros((4, 4, 3), np.uint8), alt, note)


def explorer_of(draw):
    return Explorer("demo", {"number": slider("Number", 1, 0, 200)}, draw)


@pytest.fixture
def slow():
    draw = Slow()
    return explorer_of(draw), draw


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
    assert explorer.drawn.alt == "Grey 1.", "setting a control returns at once"
    draw.gate.set()
    explorer.wait()
    assert draw.begun == [1, 2, 99], "values in between were begun"
    assert draw.drawn == [1, 99], "an overtaken redraw was shown"
    assert explorer.drawn.alt == "Grey 99."


@pytest.mark.parametrize("polite", [True, False])
def test_stop_keeps_what_the_method_returns_or_the_picture(slow, polite):
    explorer, draw = slow
    draw.polite = polite
    begin(explorer, draw, 2)
    explorer.stop_button.click()
    draw.gate.set()
    explorer.wait()
    assert explorer.drawn.alt == ("Grey 2." if polite else "Grey 1.")
    assert "Stopped" in explorer.status.value and explorer.stop_button.disabled
    put(explorer, number=5)
    assert explorer.drawn.alt == "Grey 5.", "it goes on after a stop"
    assert "Stopped" not in explorer.status.value


def test_a_stop_after_the_last_progress_is_not_called_a_stop():
    def draw(values, task):
        if values.number == 2:
            task.progress(1, 2)
            explorer.stop()
        return black(note="all of it")

    explorer = explorer_of(draw)
    put(explorer, number=2)
    assert "all of it" in said(explorer) and "Stopped" not in said(explorer)


def test_progress_and_stop_are_shown_during_long_work_only(slow):
    explorer, draw = slow
    seen = []
    explorer.bar.layout.observe(lambda change: seen.append(change["new"] or "shown"), "display")
    begin(explorer, draw, 2)
    draw.gate.set()
    explorer.wait()
    assert seen == ["shown", "none"] and explorer.bar.max == 10


def test_progress_does_not_flood_the_browser(slow):
    explorer, _ = slow
    sent = []
    explorer.bar.observe(sent.append, "value")
    task = Task(explorer)
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
        return black()

    explorer = explorer_of(draw)
    put(explorer, number=2)
    assert explorer.error == shown and explorer.drawn is None
    assert "<b>" not in explorer.picture.value
    put(explorer, number=3)
    assert explorer.error is None and explorer.drawn.alt == "Black."


def test_a_control_that_sets_others_causes_one_redraw():
    begun = []

    def draw(values, task):
        begun.append((values.layer, values.channel))
        return black()

    def fit(explorer):
        set_high(explorer.controls["channel"], {"a": 9, "b": 3}[explorer.controls["layer"].value])

    controls = {"layer": choice("Layer", ["a", "b"]), "channel": slider("Channel", 0, 0, 9)}
    explorer = Explorer("demo", controls, draw, adjust={"layer": fit})
    put(explorer, channel=8)
    put(explorer, layer="b")
    assert begun == [("a", 0), ("a", 8), ("b", 3)], "half-adjusted values were drawn"


# --- the static figure ---------------------------------------------------------------------------


def test_the_static_figure_has_alt_text_and_is_hidden_by_its_live_explorer(opened, monkeypatch):
    explorer = opened("saliency")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    explorer._ipython_display_()
    ((bundle,), _), (live, _) = shown
    image = re.search(r'<img alt="([^"]+)"', bundle["text/html"])
    assert html.unescape(image[1]) == explorer.drawn.alt == bundle["text/plain"]
    assert [options for _, options in shown] == [{"raw": True}] * 2
    view = live[0]["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == explorer.box.model_id
    name = re.search(r'<div class="([\w-]+)" style', bundle["text/html"])[1]
    styles = [w.value for w in explorer.box.children if isinstance(w, ipywidgets.HTML)]
    here = f".jp-OutputArea:has(.{name}-live) .jp-OutputArea-child:has(.{name})"
    assert any(here in style for style in styles), "another lesson's figure must stay"


# --- stopped work --------------------------------------------------------------------------------


def stop_early(explorer, **values):
    """Set controls, and press Stop at the first progress."""
    explorer._show_progress = lambda done, total: explorer.stop()
    try:
        return put(explorer, **values)
    finally:
        del explorer._show_progress


@pytest.mark.filterwarnings("error:stopped early")
def test_a_stopped_occlusion_says_how_many_places_were_done(opened):
    put(opened("occlusion"), target="dog")
    explorer = stop_early(opened("occlusion"), patch=4, stride="a quarter")
    done = int(re.search(r"heat map of (\d+) of 609 places, the rest white", said(explorer))[1])
    assert f"Stopped after {done + 1} of 610. {done + 1} forward passes" in said(explorer)
    assert 0 < done < 609
    assert f"# stopped after {done + 1} of 610" in explorer.code


def test_places_that_were_not_done_are_white_and_never_the_most_important(tiny_net, tiny_photo):
    grid = np.full((5, 7), np.nan)
    grid[:2] = -1.0  # hiding them raises the score, so an undone place must not count as zero
    grid[1, 3] = -0.5
    values = types.SimpleNamespace(photo=tiny_photo, patch=8, target=0)
    drawn = explore_occlusion._drawn(tiny_net, values, grid, 4)
    assert "frame at the top" in drawn.alt and "14 of 35 places, the rest white" in drawn.alt
    assert "costs cat -0.50 logits" in drawn.note
    high, wide = panels.photo_panel(tiny_photo).pixels.shape[:2]
    heat = drawn.pixels[31 : 29 + high, 31 + wide : 29 + 2 * wide]  # without its frame
    white = (heat == 255).all(axis=2).mean(axis=1)
    assert (white[: int(0.48 * high)] < 0.05).all() and (white[int(0.52 * high) :] == 1).all()
    with pytest.raises(StopIteration):  # the picture stays as it was
        explore_occlusion._drawn(tiny_net, values, np.full((5, 7), np.nan), 4)


@pytest.mark.filterwarnings("error:stopped early")
def test_a_stopped_smoothgrad_says_how_many_samples_it_has(opened, monkeypatch):
    monkeypatch.setattr(sys.modules["cnnvis_helpers.methods.saliency"], "batch_size", lambda net: 8)
    explorer = stop_early(opened("saliency"), method="SmoothGrad", count=64)
    assert "16 of 64 samples" in explorer.drawn.alt
    assert "Stopped after 16 of 64. SmoothGrad" in said(explorer)
    put(explorer, method="gradient", count=8)


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
    assert explorer.controls["photo"].value == photo_choice.UPLOADED and explorer.error is None
    assert "photo = load_photo('mine.png', max_side=1024)" in explorer.code
    put(explorer, photo="coffee")
    put(explorer, photo=photo_choice.UPLOADED)
    assert explorer.photo.shape == (90, 140, 3)
    upload(explorer, "other.png", picture_file(70, 60))
    assert explorer.photo.shape == (70, 60, 3), "a second upload replaces the first"
    assert not explorer.controls["upload"].value, "the same file can be chosen again"
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
    assert explorer.error is None and max(explorer.photo.shape) == photo_choice.LARGEST_PHOTO
    put(explorer, photo="coffee")


# --- networks of another kind ------------------------------------------------------------------


def network_of(body, classes=4):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((24, 32, 3)), *body, layers.Dense(classes)])
    return cnnvis_helpers.load_network(model)


def test_the_last_maps_of_a_network_may_be_no_convolution():
    body = [layers.Conv2D(6, 3, name="conv1"), layers.BatchNormalization()]
    net = network_of([*body, layers.ReLU(name="out_relu"), layers.GlobalAveragePooling2D()])
    assert net.last_conv == "out_relu"
    explorer = cnnvis_helpers.explore_layers(net, "coffee")
    assert explorer.controls["layer"].options == ("conv1",) and explorer.error is None
    explorer = cnnvis_helpers.explore_dream(net, "coffee", layer="out_relu", octaves=1, steps=1)
    assert explorer.error is None and "layer out_relu" in explorer.drawn.alt


def test_the_layers_of_a_menu_stand_in_the_order_of_the_network():
    pixels = keras.Input((24, 32, 3))
    first = layers.Conv2D(4, 3, padding="same", name="first")(pixels)
    both = layers.Concatenate(name="both")([first, layers.Conv2D(4, 1, name="second")(first)])
    last = layers.Conv2D(4, 3, name="last")(both)
    model = keras.Model(pixels, layers.Dense(2)(layers.GlobalAveragePooling2D()(last)))
    menu = menus.layer_menu(cnnvis_helpers.load_network(model), "both")
    assert menu.options == ("first", "second", "both", "last") and menu.value == "both"


@pytest.mark.parametrize("layer", [None, "out_relu"])
def test_explore_dream_begins_with_the_layer_of_deep_dream(layer):
    body = [layers.Conv2D(6, 3, name=f"conv{k}") for k in range(5)]
    net = network_of([*body, layers.ReLU(name="out_relu"), layers.GlobalAveragePooling2D()])
    explorer = cnnvis_helpers.explore_dream(net, "coffee", layer, octaves=1, steps=2)
    chosen = explorer.controls["layer"].value
    assert explorer.controls["layer"].options == (*(f"conv{k}" for k in range(5)), "out_relu")
    assert chosen == (layer or "conv4") and explorer.error is None
    small = load_photo("coffee", max_side=300)
    dream = cnnvis_helpers.deep_dream(net, small, layer, octaves=1, steps=2)
    named = cnnvis_helpers.deep_dream(net, small, chosen, octaves=1, steps=2)
    np.testing.assert_array_equal(dream, named)


@pytest.mark.parametrize("name", ["layers", "dream", "cam"])
def test_a_network_without_convolutions_is_one_clear_error(name):
    net = network_of([layers.Flatten(), layers.Dense(8, activation="relu")])
    with pytest.raises(ValueError, match="has no .* maps"):
        getattr(cnnvis_helpers, f"explore_{name}")(net, "coffee")


def test_memory_keeps_the_last_results_only():
    memory, built = menus.Memory(2), []
    for key in "ababcac":
        memory(key, lambda key=key: built.append(key) or key)
    assert "".join(built) == "abca"


def test_an_error_is_not_replaced_by_a_picture_that_was_under_way(slow):
    explorer, draw = slow
    begin(explorer, draw, 2)
    explorer._give_up("'notes.txt' is not a picture.")
    draw.gate.set()
    assert explorer.wait().error == "'notes.txt' is not a picture." and explorer.drawn is None
