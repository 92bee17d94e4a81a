"""The studio without a browser: every view, by setting `widget.value`.

The same tests run with ipywidgets 7.7.1 and 8. What a reader sees is in tests/browser.
"""

import datetime
import html
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import ipywidgets
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from cnnvis_helpers import load_network, load_photo, studio
from cnnvis_helpers.classroom import rehearse as rehearsing
from cnnvis_helpers.pictures.style import collect_figures, figure_pixels
from cnnvis_helpers.widgets import explorer as explorer_base
from cnnvis_helpers.widgets import studio_networks
from cnnvis_helpers.widgets.explorer import GIVEN, UPLOADED
from cnnvis_helpers.widgets.studio import NONE, TOP
from cnnvis_helpers.widgets.studio_networks import GIVEN_NET
from cnnvis_helpers.widgets.studio_views import VIEWS, Chosen, class_code, imports_of

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
ROOT = Path(__file__).resolve().parents[2]
CONTROLS = ("target", "rival", "layer", "channel", "epsilon", "octaves", "steps")


@pytest.fixture(scope="module")
def photo():
    return load_photo("coffee", max_side=96)


@pytest.fixture(scope="module")
def opened(tiny_net, photo):
    """The studio on the small network and an array; a test leaves it in working order."""
    return studio(photo, tiny_net)


def put(app, **values):
    """Set controls as a student does, and wait for the picture."""
    for name, value in values.items():
        app.controls[name].value = value
    return app.wait()


def run(code, **names):
    """What the copied lines draw: uint8 (H, W, 3)."""
    with collect_figures() as figures:
        exec(code, names)
    return figure_pixels(figures[-1][0])


def text(widget):
    return html.unescape(re.sub("<[^>]*>", "", widget.value))


# --- the picture and the lines that make it ---------------------------------------------------


@pytest.mark.parametrize("method", VIEWS)
def test_the_copied_lines_make_the_very_picture(opened, tiny_net, photo, method):
    put(opened, method=method)
    assert opened.error is None
    again = run(opened.code, net=tiny_net, photo=photo)
    assert np.array_equal(again, opened.drawn.pixels)
    assert again.std() > 5 and len(opened.drawn.alt) > 30
    assert max(map(len, opened.code.splitlines())) <= 100


@pytest.mark.parametrize("method", [name for name in VIEWS if "rival" in VIEWS[name].uses])
def test_every_view_of_a_class_follows_the_class_and_its_rival(opened, tiny_net, photo, method):
    put(opened, method=method, target=TOP, rival=NONE)
    top = opened.net.predict(photo)[0].index
    first = opened.drawn.pixels
    put(opened, rival=(top + 1) % 5)
    assert not np.array_equal(opened.drawn.pixels, first)
    assert np.array_equal(run(opened.code, net=tiny_net, photo=photo), opened.drawn.pixels)
    put(opened, rival=NONE)
    assert np.array_equal(opened.drawn.pixels, first)


def test_the_lines_need_nothing_but_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = studio()
    assert app.code.splitlines()[2:5] == [
        "net = load_network('efficientnet_lite0')",
        "photo = load_photo('chelsea')",
        "heat = gradcam(net, photo, 'Egyptian cat', 'head_relu')",
    ]
    assert np.array_equal(run(app.code), app.drawn.pixels)
    assert not list(tmp_path.iterdir())


def test_a_photo_by_its_path_is_loaded_by_its_path(tiny_net, tmp_path):
    path = tmp_path / "mine.png"
    Image.fromarray(load_photo("rocket", max_side=80)).save(path)
    app = studio(path, tiny_net)
    assert f"load_photo({str(path)!r}" in app.code
    assert np.array_equal(run(app.code, net=tiny_net), app.drawn.pixels)


RUN_ALONE = """
import json, sys
import numpy as np
from cnnvis_helpers.pictures.style import collect_figures, figure_pixels
for number, code in enumerate(json.load(open("codes.json"))):
    try:
        with collect_figures() as figures:
            exec(code, {})
        np.save(f"{number}.npy", figure_pixels(figures[-1][0]))
    except NameError as error:
        print(number, error)
"""


def run_alone(folder, codes):
    """Run lines in a fresh process, each in a namespace of its own; return (pictures, printed)."""
    (folder / "codes.json").write_text(json.dumps(codes))
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALONE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = [folder / f"{number}.npy" for number in range(len(codes))]
    return [np.load(file) if file.exists() else None for file in files], done.stdout


def test_copied_lines_run_in_a_fresh_process_and_make_the_same_picture(tmp_path, monkeypatch):
    """By a name, a path with preprocessing and labels, a Network from a file, and own photos."""
    monkeypatch.chdir(tmp_path)
    saved_network("own.keras", 3, "relu", 3)
    photo = encoded(load_photo("rocket", max_side=90))
    (tmp_path / "mine.png").write_bytes(photo)
    by_name = studio("mine.png", "course")
    by_path = studio("coffee", "own.keras")
    put(by_path, method="LayerCAM", pixels="tf", labels="cat, dog, newt")
    assert by_path.net.labels == ["cat", "dog", "newt"]
    upload(by_path, "mine.png", photo)
    loaded = studio("mine.png", load_network("own.keras", "unit", {"a": 0, "b": 1, "c": 2}))
    bundled = studio("mine.png", load_network("course"))
    many = studio("mine.png", load_network("own.keras", labels=[c * 40 for c in "abc"]))
    apps = [by_name, by_path, loaded, bundled, many]
    assert all(app.error is None for app in apps)
    assert "load_network('own.keras', preprocess='unit', labels=['a', 'b', 'c'])" in loaded.code
    assert bundled.code == by_name.code and "load_network('course')" in by_name.code
    assert max(len(line) for app in apps for line in app.code.splitlines()) <= 100
    pictures, printed = run_alone(tmp_path, [app.code for app in apps])
    assert not printed
    for app, picture in zip(apps, pictures, strict=True):
        assert np.array_equal(picture, app.drawn.pixels), app.code


def test_lines_for_what_lives_in_memory_name_it_and_say_when_it_is_missing(
    tiny_net, photo, tmp_path, monkeypatch
):
    main = sys.modules["__main__"]
    app = studio(photo, tiny_net)
    assert "photo = load_photo(photo, max_side=1024)" in app.code
    monkeypatch.setattr(main, "net", "another network", raising=False)
    monkeypatch.setattr(main, "both", photo, raising=False)
    put(app, method="LayerCAM")
    assert "net = given_net" in app.code and "load_photo(both, max_side=1024)" in app.code
    monkeypatch.setattr(main, "own", tiny_net, raising=False)
    put(app, method="Grad-CAM")
    assert "net = own" in app.code.splitlines()
    again = run(app.code, own=tiny_net, both=photo, net="another", photo="another")
    assert np.array_equal(again, app.drawn.pixels)
    _, printed = run_alone(tmp_path, [app.code])
    said = "0 own must be the network that studio() was given: make it first."
    assert printed.splitlines()[0] == said
    model = studio(photo, tiny_net.model)
    monkeypatch.setattr(main, "model", tiny_net.model, raising=False)
    put(model, method="LayerCAM")
    assert "net = load_network(model)" in model.code
    assert np.array_equal(run(model.code, model=tiny_net.model, both=photo), model.drawn.pixels)


def test_the_import_line_names_what_is_used_and_fits():
    lines = ["a = gradcam(net, photo)", "show_grid([a], titles=[b])"]
    assert imports_of(lines) == "from cnnvis_helpers import gradcam, show_grid"
    many = [f"{name}()" for name in ("show_feature_maps guided_backprop integrated_gradients "
            "show_filter_channels gradcam_plus_plus load_network").split()]  # fmt: skip
    longest = imports_of(many)
    assert max(map(len, longest.splitlines())) < 100
    names = {}
    exec(longest, names)
    assert {"load_network", "gradcam_plus_plus"} <= set(names)


def test_every_row_of_the_explorer_application_is_there(opened, photo):
    assert {"Filters", "Feature maps", "Guided backprop of a layer", "Top classes", "Grad-CAM",
            "Guided Grad-CAM", "Deep dream"} <= set(VIEWS)  # fmt: skip
    offered = {value for _, value in opened.controls["network"].options}
    wanted = (
        "xception vgg16 vgg19 resnet50 resnet101 resnet152 resnet50v2 resnet101v2 resnet152v2 "
        "inceptionv3 inceptionresnetv2 mobilenet mobilenetv2 densenet121 densenet169 densenet201 "
        "nasnetmobile nasnetlarge"
    ).split() + [f"efficientnetb{number}" for number in range(8)]
    assert set(wanted) <= offered and {"course", GIVEN_NET} <= offered
    for layer in ("conv1", "conv2"):
        put(opened, method="Guided backprop of a layer", layer=layer, channel=2)
        assert opened.error is None and f"layer={layer!r}, channel=2" in opened.code


# --- the menus ------------------------------------------------------------------------------


def test_only_the_controls_that_a_method_needs_are_shown(opened):
    for method, view in VIEWS.items():
        opened.controls["method"].value = method
        shown = {name for name in CONTROLS if opened.controls[name].layout.display != "none"}
        assert shown == set(view.uses), method
        towards = "Towards" if "epsilon" in view.uses else "Rather than"
        assert opened.controls["rival"].description == towards
    put(opened, method="Grad-CAM")
    assert opened.error is None and "gradcam(" in opened.code


def test_every_control_has_a_label(opened):
    for name, widget in opened.controls.items():
        assert widget.description.strip(), name


def test_the_classes_come_best_first_and_another_can_be_explained(opened, tiny_net, photo):
    put(opened, method="Grad-CAM", target=TOP, rival=NONE)
    best = tiny_net.predict(photo)
    options = opened.controls["target"].options
    assert options[0] == (f"top class: {best[0].label}", TOP)
    assert [value for _, value in options[1:]] == [one.index for one in best]
    for one in best:
        assert one.label in opened.classes.value
    put(opened, target=best[1].index)
    assert class_code(tiny_net, best[1].index) in opened.code
    put(opened, target=TOP)


def test_a_label_that_two_classes_share_becomes_a_number(opened, tiny_net, photo):
    assert tiny_net.labels[1] == tiny_net.labels[4] == "crane"
    put(opened, method="LayerCAM", target=1)
    assert "layercam(net, photo, 1, " in opened.code
    one = opened.drawn.pixels
    put(opened, target=4)
    assert "layercam(net, photo, 4, " in opened.code
    assert not np.array_equal(one, opened.drawn.pixels)
    put(opened, target=TOP)


def test_why_a_class_rather_than_itself_is_one_sentence(opened):
    put(opened, method="Grad-CAM", target=2, rival=2)
    assert opened.error == "Why dog rather than itself? Choose another."
    put(opened, target=TOP, rival=NONE)
    assert opened.error is None


def test_each_kind_of_view_remembers_its_layer(opened):
    put(opened, method="Grad-CAM")
    put(opened, layer="conv1")
    put(opened, method="Filters")
    assert opened.controls["layer"].value == "conv1"
    put(opened, layer="conv2", channel=5)
    assert "filters=range(5, 8)" in opened.code
    put(opened, method="LayerCAM")
    assert opened.controls["layer"].value == "conv1"
    put(opened, layer="conv2")
    put(opened, method="Filters")
    assert opened.controls["layer"].value == "conv2"
    put(opened, layer="conv1", channel=0)


def test_the_channel_ends_where_the_layer_does(opened):
    put(opened, method="Feature maps", layer="conv2", channel=7)
    assert opened.controls["channel"].max == 7 and "range(7, 8)" in opened.code
    put(opened, layer="conv1")
    assert opened.controls["channel"].max == opened.controls["channel"].value == 5
    put(opened, method="Guided backprop of a layer", channel=-1)
    assert opened.controls["channel"].value == -1 and "channel=" not in opened.code
    put(opened, method="Feature maps")
    assert opened.controls["channel"].value == 0 and "range(0, 6)" in opened.code


def test_many_quick_changes_end_at_the_last_one(opened, tiny_net, photo):
    put(opened, method="Grad-CAM", layer="conv2")
    for layer in ("conv1", "conv2") * 10 + ("conv1",):
        opened.controls["layer"].value = layer
    opened.wait()
    assert "'conv1'" in opened.code
    assert np.array_equal(run(opened.code, net=tiny_net, photo=photo), opened.drawn.pixels)
    put(opened, layer="conv2")


def test_to_no_other_class_means_any_other_class_to_an_attack(opened):
    for method, word in (("Attack in one step (FGSM)", "any other class"), ("CAM", "no other")):
        put(opened, method=method)
        assert opened.controls["rival"].options[0] == (word, NONE)


def test_the_alt_text_of_an_attack_says_how_it_went(opened):
    put(opened, method="Attack in one step (FGSM)", epsilon=0)
    alt = opened.drawn.alt
    assert "changed by at most 0 of 255" in alt and "no success" in alt
    assert f"taken for {opened.net.predict(opened.photo)[0].label};" in alt
    put(opened, epsilon=4, method="Grad-CAM")


def test_the_table_of_classes_is_hidden_where_the_picture_shows_them(opened):
    put(opened, method="Top classes")
    assert opened.classes.value == ""
    put(opened, method="Grad-CAM")
    assert "says" in text(opened.classes)


# --- other networks -------------------------------------------------------------------------


def test_another_network_brings_its_own_classes_and_layers(opened):
    put(opened, method="Grad-CAM", target=3, rival=NONE)
    put(opened, network="course")
    assert opened.net.name == "course" and opened.controls["target"].value == TOP
    assert opened.controls["layer"].value == "block5_conv2" and "course says" in text(
        opened.classes
    )
    assert "load_network('course')" in opened.code
    put(opened, network=GIVEN_NET)
    assert opened.net.name == "tiny" and opened.controls["layer"].value == "conv2"


def test_a_network_without_convolutions_keeps_no_layer_of_the_one_before(opened, tmp_path):
    model = keras.Sequential([keras.Input((24, 24, 3)), layers.Flatten(), layers.Dense(3)])
    path = str(tmp_path / "dense.keras")
    model.save(path)
    put(opened, method="Grad-CAM", file=path)
    assert "has no convolution" in opened.error
    assert opened.controls["layer"].options == (("none", None),)
    put(opened, network=GIVEN_NET)
    assert opened.error is None and opened.controls["layer"].value in ("conv1", "conv2")


def test_a_click_between_two_networks_finds_no_layer_of_the_wrong_one(opened, monkeypatch):
    """The next network is loaded, not its menus; the reader goes back and changes the method."""
    seen, fill = [], type(opened)._fill_menus

    def fill_late(app, net, values):
        if net.name == "course" and app.controls["network"].value == "course":
            app.controls["network"].value = GIVEN_NET
            app.controls["method"].value = "Filters"
            seen.append((app.net.name, set(app.controls["layer"].options)))
        fill(app, net, values)

    put(opened, network=GIVEN_NET, method="Grad-CAM")
    monkeypatch.setattr(type(opened), "_fill_menus", fill_late)
    put(opened, network="course")
    assert seen == [("tiny", {"conv1", "conv2"})]
    assert opened.error is None and opened.net.name == "tiny"
    assert set(opened.controls["layer"].options) == {"conv1", "conv2"}
    monkeypatch.undo()
    put(opened, method="Grad-CAM")


def test_a_rehearsal_walks_the_studio_and_downloads_nothing(opened, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(studio_networks, "fetch_weights",
                        lambda *given: asked.append(given))  # fmt: skip
    monkeypatch.setattr(rehearsing.gc, "get_objects", lambda: [opened])
    put(opened, network=GIVEN_NET, method="Grad-CAM")
    settings = rehearsing.demo_settings(opened)
    assert not [one for one in settings if "network" in one] and {"method": "CAM"} in settings
    rehearsing.walk_explorers(10, tmp_path / "report", keep_all=False, rounds=1)
    ((name, _, reached),) = json.loads((tmp_path / "report").read_text())
    assert name == "studio" and reached and not asked
    assert opened.wait().error is None


def test_a_network_that_cannot_be_fetched_is_one_sentence(opened, empty_keras_home):
    put(opened, network="vgg16")
    assert re.match(r"The weights of vgg16 \(553 MB\) are not on this machine .* prefetch vgg16`",
                    opened.error)  # fmt: skip
    assert not list(empty_keras_home.rglob("*.part")) and not list(empty_keras_home.rglob("*.h5"))
    assert opened.code == opened.python.value == opened.classes.value == ""
    assert opened.save_button.disabled, "there is nothing to save"
    put(opened, method="Filters")
    assert opened.drawn is None
    put(opened, network=GIVEN_NET)
    assert opened.error is None and "filters(net, 'conv" in opened.code
    assert not opened.save_button.disabled and "tiny says" in text(opened.classes)
    put(opened, method="Grad-CAM")


def test_a_click_while_the_menus_are_filled_is_not_lost(opened, monkeypatch):
    rank = type(opened)._rank_classes
    clicks = ["LayerCAM"]

    def rank_slowly(app, *arguments):
        if clicks:
            click = threading.Thread(
                target=setattr, args=(app.controls["method"], "value", clicks.pop())
            )
            click.start()
            click.join()
        rank(app, *arguments)

    monkeypatch.setattr(type(opened), "_rank_classes", rank_slowly)
    put(opened, photo="rocket")
    assert not clicks and "layercam(" in opened.code
    put(opened, photo=GIVEN, method="Grad-CAM")


def saved_network(path, seed=1, activation="swish", classes=1):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(4, 3, activation=activation, name="only"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="sigmoid" if classes == 1 else "softmax"),
        ]
    )
    model.save(path)
    return str(path)


def files_in_menu(app):
    return [value for _, value in app.controls["network"].options if ".keras" in value]


def test_a_network_file_is_added_to_the_menu(opened, tmp_path):
    path = saved_network(tmp_path / "mine.keras")
    put(opened, method="Grad-CAM", file=path)
    assert opened.net.name == "mine" and opened.controls["layer"].value == "only"
    assert f"load_network({path!r})" in opened.code and opened.controls["network"].value == path
    put(opened, method="Guided backprop")
    assert "ReLU" in opened.error and opened.drawn is None
    put(opened, network=GIVEN_NET, method="Grad-CAM")
    assert opened.error is None and path in files_in_menu(opened)


def test_a_file_that_is_no_network_never_enters_the_menu(opened, tmp_path):
    menu, before = opened.controls["network"], opened.controls["network"].options
    (tmp_path / "junk.keras").write_text("hello")
    for name, said in (("none", "There is no file"), ("junk", "junk.keras is not a Keras model")):
        put(opened, network=GIVEN_NET, method="Grad-CAM", file=str(tmp_path / f"{name}.keras"))
        assert said in opened.error and "not found" not in opened.error.lower()
        assert menu.options == before and menu.value == GIVEN_NET
        put(opened, method="LayerCAM")
        assert opened.error is None and opened.net.name == "tiny"
    saved_network(tmp_path / "junk.keras")  # now it is one: Enter reads it again
    opened.controls["file"]._handle_custom_msg({"event": "submit"}, [])
    opened.wait()
    assert opened.error is None and opened.net.name == "junk"
    put(opened, network=GIVEN_NET, file="", method="Grad-CAM")


def test_the_error_of_a_file_outlives_a_click_during_its_loading(opened, tmp_path, monkeypatch):
    add, clicks = studio_networks.Networks.add, ["LayerCAM"]

    def add_late(networks, path, say):
        if clicks:
            opened.controls["method"].value = clicks.pop()
        add(networks, path, say)

    put(opened, network=GIVEN_NET, method="Grad-CAM")
    monkeypatch.setattr(studio_networks.Networks, "add", add_late)
    put(opened, file=str(tmp_path / "none.keras"))
    assert not clicks and opened.error.startswith("There is no file")
    put(opened, file="", method="Grad-CAM")
    assert opened.error is None


def test_a_network_that_was_trained_again_is_read_again(opened, tmp_path):
    path = saved_network(tmp_path / "again.keras", 1, "relu", 3)
    put(opened, network=GIVEN_NET, method="Top classes", file=path)
    first = opened.drawn.pixels
    assert "anew" not in text(opened.status)
    saved_network(path, 2, "relu", 3)
    put(opened, method="Grad-CAM")
    assert "again, Grad-CAM; the file was saved anew and is read anew" in text(opened.status)
    put(opened, method="Top classes")
    assert not np.array_equal(opened.drawn.pixels, first) and "anew" not in text(opened.status)
    assert np.array_equal(run(opened.code, photo=opened.photo), opened.drawn.pixels)
    saved_network(path, 1, "relu", 3)
    put(opened, network=GIVEN_NET)
    put(opened, network=path)
    assert np.array_equal(opened.drawn.pixels, first) and "read anew" in text(opened.status)
    put(opened, network=GIVEN_NET, file="", method="Grad-CAM")


def test_a_file_s_pixels_and_labels_are_said_beside_it(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, other = (saved_network(f"{n}.keras", n, "relu", n) for n in (3, 2))
    pixels, labels = opened.controls["pixels"], opened.controls["labels"]
    put(opened, network=GIVEN_NET, method="Grad-CAM")
    assert pixels.layout.display == labels.layout.display == "none"
    put(opened, file=path)
    assert pixels.layout.display == labels.layout.display == ""
    raw = opened.net.logits(opened.net.prepare(opened.photo))
    put(opened, pixels="tf", labels=' cat, "dog, large" , newt,')
    assert opened.net.labels == ["cat", "dog, large", "newt"]
    known = load_network(path, preprocess="tf")
    wanted = known.logits(known.prepare(opened.photo))
    assert np.allclose(opened.net.logits(opened.net.prepare(opened.photo)), wanted)
    assert not np.allclose(raw, wanted)
    line = "net = load_network('3.keras', preprocess='tf', labels=['cat', 'dog, large', 'newt'])"
    assert line in opened.code.splitlines()
    assert np.array_equal(run(opened.code, photo=opened.photo), opened.drawn.pixels)
    put(opened, file=other)
    assert (pixels.value, labels.value) == ("", "") and opened.net.labels == ["class 0", "class 1"]
    put(opened, labels="yes, no, perhaps")
    assert re.fullmatch(r"labels names 3 classes, but '\w+' has 2\.", opened.error)
    put(opened, network=path)
    assert (pixels.value, labels.value.split(",")[0]) == ("tf", " cat") and opened.error is None
    put(opened, network=GIVEN_NET, file="")
    assert pixels.layout.display == "none"


def test_what_load_network_warns_of_is_said_above_the_picture(opened, tmp_path, recwarn):
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), base, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    path = str(tmp_path / "nested.keras")
    model.save(path)
    put(opened, network=GIVEN_NET, method="Grad-CAM", file=path)
    assert opened.error is None
    assert "hands its pixels to 'mobilenetv2' as they are" in text(opened.warning)
    assert 'Say it under "Pixels it was trained on".' in text(opened.warning)
    put(opened, method="LayerCAM")
    assert "mobilenetv2" in text(opened.warning), "the network is as doubtful as before"
    assert opened.warning.value in opened.static_bundle()["text/html"], "also without a kernel"
    put(opened, pixels="tf")
    assert opened.error is None and opened.warning.value == ""
    put(opened, network=GIVEN_NET, file="", method="Grad-CAM")
    assert not [one for one in recwarn if "hands its pixels" in str(one.message)]


def test_a_file_named_during_the_work_is_shown_unless_another_network_is_chosen(opened, tmp_path):
    path = saved_network(tmp_path / "late.keras", 5, "relu", 3)
    put(opened, network=GIVEN_NET, method="Grad-CAM")
    opened.controls["file"].value = path
    opened.controls["method"].value = "LayerCAM"  # before the file is loaded
    opened.wait()
    assert opened.net.name == "late" and "layercam(" in opened.code
    put(opened, network=GIVEN_NET, file="")
    opened.controls["file"].value = path
    opened.controls["network"].value = "course"
    opened.wait()
    assert opened.net.name == "course" == opened.controls["network"].value
    put(opened, network=GIVEN_NET, file="", method="Grad-CAM")


def test_a_given_model_and_photo_are_never_changed(opened, tiny_net, photo):
    model, before = tiny_net.model, [each.copy() for each in tiny_net.model.get_weights()]
    pixels = photo.copy()
    for method in ("Guided backprop", "Attack in one step (FGSM)", "Saliency", "Grad-CAM"):
        put(opened, method=method)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert model.layers[-1].activation.__name__ == "softmax" and np.array_equal(photo, pixels)


# --- photos ---------------------------------------------------------------------------------


def upload(app, name, content):
    """Hand a file to the upload button, as each version of ipywidgets does."""
    button = app.controls["upload"]
    if int(ipywidgets.__version__.split(".")[0]) < 8:
        about = {"name": name, "type": "", "size": len(content), "lastModified": 0}
        button.set_trait("value", {name: {"metadata": about, "content": content}})
    else:
        about = {"name": name, "type": "", "size": len(content), "last_modified": NOON}
        button.value = ({**about, "content": memoryview(content)},)
    return app.wait()


def encoded(pixels, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def test_an_uploaded_photo_and_its_lines(opened, tiny_net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = encoded(load_photo("rocket", max_side=100))
    put(opened, method="Grad-CAM")
    upload(opened, "my rocket.png", content)
    assert opened.controls["photo"].value == UPLOADED and opened.error is None
    assert "load_photo('my rocket.png', max_side=1024)" in opened.code
    (tmp_path / "my rocket.png").write_bytes(content)
    assert np.array_equal(run(opened.code, net=tiny_net), opened.drawn.pixels)
    put(opened, photo=GIVEN)


def test_a_text_file_is_one_sentence_and_the_studio_goes_on(opened):
    put(opened, photo="rocket")
    upload(opened, "notes.txt", b"shopping: milk, bread, a network")
    assert opened.error.startswith("The upload 'notes.txt' is not a picture")
    assert opened.error.count(". ") == 0 and "Traceback" not in opened.picture.value
    put(opened, photo=GIVEN)
    assert opened.error is None and opened.drawn is not None


def test_forty_megapixels_are_shrunk_before_anything_else(opened):
    upload(opened, "large.jpg", encoded(np.full((5000, 8000, 3), 90, np.uint8), "JPEG"))
    assert opened.error is None
    assert opened.photo.shape == (640, explorer_base.LARGEST_PHOTO, 3)
    put(opened, photo=GIVEN)


# --- long work ------------------------------------------------------------------------------


def test_stop_keeps_the_dream_so_far(opened, monkeypatch):
    put(opened, method="Deep dream", octaves=1, steps=1)
    monkeypatch.setattr(opened, "_show_progress", lambda done, total: opened.stop())
    put(opened, steps=20)
    monkeypatch.undo()
    assert text(opened.status).startswith("Stopped after 2 of 20")
    assert opened.error is None and opened.drawn.alt.endswith(" Stopped after 2 of 20.")
    assert opened.code.startswith("# stopped after 2 of 20: these lines run to the end\nfrom ")
    put(opened, steps=8, octaves=3, method="Grad-CAM")


@pytest.mark.filterwarnings("error:stopped early")
def test_a_stopped_occlusion_shows_what_was_not_done(opened, tmp_path, monkeypatch):
    """White is not the colour of "no change"; the count is in the title, the alt text, the file."""
    module = sys.modules["cnnvis_helpers.methods.occlusion"]
    monkeypatch.setattr(module, "batch_size", lambda net: 20)
    put(opened, network=GIVEN_NET, method="Occlusion", photo=GIVEN)
    whole = opened.drawn.pixels
    assert "places" not in opened.drawn.alt
    put(opened, method="Grad-CAM")
    monkeypatch.setattr(opened, "_show_progress", lambda done, total: opened.stop())
    put(opened, method="Occlusion")
    monkeypatch.undo()
    done, total = map(int, re.search(r"Only (\d+) of (\d+) places", opened.drawn.alt).groups())
    assert 0 < done < total and f"Stopped after {done + 1} of {total + 1}" in text(opened.status)
    opened.save_name.value = str(tmp_path / "stopped.png")
    saved = np.asarray(Image.open(opened.save()))
    assert (saved == 255).all(axis=2).mean() > (whole == 255).all(axis=2).mean() + 0.2
    assert saved.shape[0] > whole.shape[0], "there is another line in the title"
    put(opened, method="Grad-CAM")


def test_a_stopped_fetch_leaves_the_picture(opened, monkeypatch):
    def fetch(application, progress):
        opened.stop()
        progress(1, application.megabytes)

    put(opened, method="Grad-CAM")
    before = opened.drawn
    monkeypatch.setattr(studio_networks, "fetch_weights", fetch)
    put(opened, network="vgg19")
    assert text(opened.status).startswith("Stopped") and opened.drawn is before
    put(opened, network=GIVEN_NET)


# --- what is taken home ---------------------------------------------------------------------


def test_the_saved_file_is_the_picture_and_replaces_nothing(opened, tmp_path):
    opened.save_name.value = str(tmp_path / "heat.png")
    opened.save_button.click()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "heat.png")), opened.drawn.pixels)
    height, width = opened.drawn.pixels.shape[:2]
    assert f"{width} x {height} pixels" in text(opened.saved)
    put(opened, method="Top classes")
    opened.save_button.click()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heat-2.png", "heat.png"]
    put(opened, method="Grad-CAM")


@pytest.mark.parametrize(
    ("name", "said"),
    [("none/heat.png", "There is no folder"), ("heat.gif", "cannot tell the format")],
)
def test_a_picture_that_cannot_be_saved_is_one_sentence(opened, tmp_path, name, said):
    opened.save_name.value = str(tmp_path / name)
    assert opened.save() is None and said in text(opened.saved)
    assert not list(tmp_path.iterdir())


def test_the_code_can_be_copied_and_is_escaped(opened):
    put(opened, method="Grad-CAM")
    shown = opened.python.value
    assert "<button" in shown and "clipboard" in shown
    inside = re.search("<pre[^>]*>(.*)</pre>", shown, re.DOTALL)[1]
    assert inside.replace("&#x27;", "'") == opened.code


def test_without_a_kernel_a_picture_with_alt_text_stands_there(opened):
    bundle = opened.static_bundle()
    assert '<img alt="The photo in grey under the Grad-CAM map' in bundle["text/html"]
    assert bundle["text/plain"] == opened.drawn.alt


# --- small parts ----------------------------------------------------------------------------


def test_a_class_in_words_and_in_python(tiny_net):
    chosen = Chosen(tiny_net, "conv2", 0, 2, 0, 4, 3, 8)
    assert chosen.class_name == "cat rather than dog" and chosen.class_code == "('cat', 'dog')"
    assert Chosen(tiny_net, "conv2", 1, None, 0, 4, 3, 8).class_code == "1"


# --- a network of keras.applications with its ImageNet weights --------------------------------


def test_an_imagenet_network_is_chosen_and_another_of_its_top_classes_explained(keras_home):
    app = studio("coffee")
    put(app, network="mobilenetv2")
    assert app.error is None and app.net.name == "mobilenetv2"
    assert "espresso" in text(app.classes) and "map for espresso at" in app.drawn.alt
    assert app.controls["layer"].value == app.net.last_conv
    second = app.net.predict(load_photo("coffee"))[1]
    for method in ("Grad-CAM", "Guided Grad-CAM", "Guided backprop of a layer", "Feature maps"):
        put(app, method=method, target=second.index)
        assert app.error is None and "load_network('mobilenetv2')" in app.code
        if "target" in VIEWS[method].uses:
            assert second.label in app.drawn.alt
    put(app, method="Deep dream", octaves=1, steps=2)
    assert app.error is None and "a deep dream of" in app.drawn.alt
    assert np.array_equal(run(app.code), app.drawn.pixels), "the copied lines stand alone"
