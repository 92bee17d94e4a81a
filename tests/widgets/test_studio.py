"""The studio without a browser: one network and one photo, the explorers as tabs.

The same tests run with ipywidgets 7.7.1 and 8. What a reader sees is in tests/browser.
"""

import sys

import keras
import numpy as np
import pytest
from keras import layers
from test_explorers import picture_file, upload

from cnnvis_helpers import load_photo, studio
from cnnvis_helpers.widgets.studio import FIRST, TABS


@pytest.fixture(scope="module")
def photo():
    return load_photo("coffee", max_side=96)


@pytest.fixture
def app(tiny_net, photo):
    return studio(tiny_net, photo)


def open_tab(app, title):
    app.tabs.selected_index = list(TABS).index(title)
    return app.wait().explorer


def small_model(seed, name="small"):
    keras.utils.set_random_seed(seed)
    body = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, name="conv"), layers.ReLU()]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((24, 24, 3)), *body, *head], name=name)


def nested_model():
    """A head on the body of an application, as transfer learning makes it: its scale is unknown."""
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(96, 96, 3), alpha=0.35
    )
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((96, 96, 3)), base, *head])


def test_tabs_are_explorers_that_are_made_when_first_opened(app, tiny_net, photo):
    assert list(app.explorers) == [FIRST] and app.net is tiny_net
    assert len(app.tabs.children) == len(TABS) == 7
    for title in TABS:
        explorer = open_tab(app, title)
        assert explorer.error is None and explorer.drawn.pixels.std() > 20
        assert np.array_equal(explorer.photo, photo)
        assert explorer.box in app.tabs.children[app.tabs.selected_index].children
        assert "photo" not in explorer.controls, "the photo is chosen once"
    assert list(app.explorers) == [FIRST, *[title for title in TABS if title != FIRST]]


def test_a_photo_reaches_the_open_tab_at_once_and_the_others_when_they_are_opened(app):
    layers_tab = open_tab(app, "Layers")
    cam_tab = open_tab(app, FIRST)
    before = layers_tab.drawn.pixels, cam_tab.drawn.pixels
    app.photos.menu.value = "rocket"
    app.wait()
    assert not np.array_equal(cam_tab.drawn.pixels, before[1])
    assert np.array_equal(layers_tab.drawn.pixels, before[0])
    assert open_tab(app, "Layers") is layers_tab, "its controls stay as they were"
    assert not np.array_equal(layers_tab.drawn.pixels, before[0])
    assert 'load_photo("rocket")' in layers_tab.code


def test_another_network_makes_all_tabs_anew(app, tiny_net):
    open_tab(app, "Layers")
    app.network.value = "shapes_c"
    app.wait()
    assert app.net.name == "shapes_c" and list(app.explorers) == ["Layers"]
    assert 'net = load_network("shapes_c")' in app.explorer.code
    app.network.value = app.network.options[0]
    assert app.wait().net is tiny_net


def test_an_uploaded_photo_and_a_file_that_is_none(app):
    upload(app, "mine.png", picture_file(60, 90), app.photos.upload)
    assert app.explorer.photo.shape == (60, 90, 3) and app.message.value == ""
    upload(app, "notes.txt", b"no picture at all", app.photos.upload)
    assert "&#x27;notes.txt&#x27; is not a picture" in app.message.value
    app.photos.menu.value = "rocket"
    assert app.wait().message.value == "" and app.explorer.error is None


def test_a_network_file_by_path_and_by_upload(app, tmp_path):
    path = tmp_path / "small.keras"
    small_model(0).save(path)
    app.file.value = str(path)
    assert app.wait().error is None and app.net.name == "small"
    assert f'load_network("{path}")' in app.explorer.code
    assert app.labels.layout.display == "" and app.pixels.layout.display == "none"
    app.labels.value = "grass, gravel, sand"
    assert app.wait().net.labels == ["grass", "gravel", "sand"]
    small_model(1).save(path)  # trained again
    weights = app.net.model.get_weights()[0]
    app.network.value = "shapes_c"
    app.wait()
    assert app.labels.layout.display == "none"
    app.network.value = str(path)
    assert not np.array_equal(app.wait().net.model.get_weights()[0], weights), "read anew"
    upload(app, "other.keras", path.read_bytes(), app.upload)
    assert app.net.name == "other" and app.error is None


@pytest.mark.parametrize("content", [None, b"no network"])
def test_what_cannot_be_loaded_is_one_sentence_and_no_picture_stays(app, tmp_path, content):
    path = tmp_path / "broken.keras"
    if content:
        path.write_bytes(content)
    app.file.value = str(path)
    app.wait()
    assert "broken.keras" in app.error and 'role="alert"' in app.message.value
    assert app.net is None and not any(place.children for place in app.tabs.children)
    app.network.value = app.network.options[0]
    assert app.wait().error is None and app.explorer.drawn and app.message.value == ""
    with pytest.raises(ValueError, match="did you mean 'vgg16'"):
        studio("vgg61")


def test_the_studio_asks_for_an_unknown_pixel_scale(app, tmp_path):
    nested_model().save(tmp_path / "nested.keras")
    app.file.value = str(tmp_path / "nested.keras")
    app.wait()
    assert app.pixels.layout.display == "" and 'role="note"' in app.message.value
    app.pixels.value = "tf"
    app.wait()
    assert app.message.value == "" and app.pixels.layout.display == ""
    assert 'preprocess="tf"' in app.explorer.code
    grey = np.full((1, 96, 96, 3), 255, np.float32)
    assert np.allclose(app.net.preprocess(grey), 1), "-1 to 1"


def test_a_model_of_the_notebook_is_in_the_menu_under_its_name(monkeypatch, photo):
    model = small_model(0)
    monkeypatch.setattr(sys.modules["__main__"], "my_model", model, raising=False)
    app = studio("shapes_c", photo)
    app.network.value = "my_model (in this notebook)"
    assert app.wait().net.model is model
    assert "net = load_network(my_model)" in app.explorer.code
    assert studio(model, photo).network.value == "my_model (in this notebook)"


def test_a_tab_that_a_network_does_not_allow_says_why(photo):
    body = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    app = studio(keras.Sequential([keras.Input((16, 16, 3)), *body]), photo)
    (shown,) = app.tabs.children[list(TABS).index(FIRST)].children
    assert "there are no maps to show" in shown.value or "no convolution" in shown.value
    assert open_tab(app, "Saliency").error is None


def test_without_a_kernel_the_picture_of_the_open_tab_is_shown(app, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append(a[0]))
    app._ipython_display_()
    assert shown[0]["text/plain"] == app.explorer.drawn.alt and "<img" in shown[0]["text/html"]
    assert shown[1]["application/vnd.jupyter.widget-view+json"]["model_id"] == app.box.model_id


def test_an_imagenet_network_from_the_cache(keras_home, photo):
    app = studio("mobilenetv2", photo)
    assert app.net.name == "mobilenetv2" and len(app.explorer.controls["target"].options) == 1000
    app.explorer.controls["target"].value = "espresso"
    assert app.wait().explorer.error is None and "espresso" in app.explorer.drawn.alt
