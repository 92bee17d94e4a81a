"""Bad input raises a ValueError of one sentence: what came, what is expected, what to do."""

import inspect
import re
import warnings

import keras
import numpy as np
import pytest
from architectures import chain, photo_of_noise
from test_every_method import ATTACKS, MAPS

import cnnvis_helpers as helpers

PHOTO = photo_of_noise()
OF_PHOTO = {**MAPS, **ATTACKS, "occlusion": {"patch": 12}, "one_pixel_map": {"stride": 12}}
WITH_LAYER = (
    "gradcam",
    "gradcam_plus_plus",
    "layercam",
    "scorecam",
    "guided_gradcam",
    "guided_backprop",
    "filter_patterns",
    "deep_dream",
    "invert_features",
)
SETTINGS = [  # one case for each kind of refusal
    ("occlusion", {"patch": 99}, "99 x 99 is larger than the network's input"),
    ("occlusion", {"patch": 0}, "1 or more, not 0"),
    ("occlusion", {"stride": 1.5}, "not 1.5"),
    ("occlusion", {"fill": "grey"}, "not 'grey'"),
    ("occlusion", {"fill": (1, 2)}, "three levels (r, g, b)"),
    ("occlusion", {"score": "loss"}, "not 'loss'"),
    ("occlusion", {"target": (0, 0), "score": "probability"}, "the two are the same"),
    ("occlusion", {"target": (0, 1, 2), "score": "probability"}, "two classes, not 3"),
    ("saliency", {"reduce": "mean"}, "not 'mean'"),
    ("smoothgrad", {"samples": 0}, "not 0"),
    ("smoothgrad", {"noise": np.nan}, "noise must be a number"),
    ("smoothgrad", {"seed": -3}, "not -3"),
    ("integrated_gradients", {"steps": 0}, "not 0"),
    ("integrated_gradients", {"baseline": 300}, "not 300"),
    ("integrated_gradients", {"baseline": "grey"}, "grey"),
    ("integrated_gradients", {"baseline": (1, 2)}, "baseline must be"),
    ("guided_backprop", {"channel": 2}, "Channel 2 belongs to a layer"),
    ("guided_backprop", {"layer": "conv1", "target": 1}, "leave one out"),
    ("guided_backprop", {"layer": "conv1", "channel": np.int64(6)}, "no channel 6"),
    ("scorecam", {"max_channels": 0}, "not 0"),
    ("scorecam", {"fill": -1}, "fill must be a number in 0..255, not -1"),
    ("fgsm", {"epsilon": 256}, "in 0..255, not 256"),
    ("fgsm", {"epsilon": True}, "not True"),
    ("fgsm", {"target": (0, 1)}, "one class, not the pair"),
    ("fgsm", {"target": 0, "label": 0}, "from one class to another"),
    ("pgd", {"epsilon": -0.5}, "not -0.5"),
    ("pgd", {"steps": 2.5}, "not 2.5"),
    ("pgd", {"step_size": 0}, "pixel levels above 0, not 0"),
    ("pgd", {"seed": -1}, "not -1"),
    ("one_pixel", {"pixels": 0}, "not 0"),
    ("one_pixel", {"pixels": 769}, "no more than the 768 of the network's input, not 769"),
    ("one_pixel", {"seed": 1.5}, "not 1.5"),
    ("one_pixel", {"settings": "papers"}, "one of 'paper', 'quick', not 'papers'; did you mean"),
    ("one_pixel", {"settings": {"popsize": 4}}, "one of 'population', 'generations'"),
    ("one_pixel", {"settings": {"population": 4}}, "population must be a whole number, 5 or more"),
    ("one_pixel", {"settings": {"generations": 0}}, "not 0"),
    ("one_pixel", {"settings": {"mutation": 2}}, "mutation must be a number in 0..1.99, not 2"),
    ("one_pixel", {"settings": {"recombination": 3}}, "not 3"),
    ("one_pixel", {"settings": {"strategy": "worst"}}, "rand1bin"),
    ("one_pixel_map", {"stride": 0}, "not 0"),
    ("one_pixel_map", {"stride": 99}, "larger than the network's input"),
    ("one_pixel_map", {"colours": [(0, 0, 256)]}, "whole levels 0..255"),
    ("one_pixel_map", {"target": (1,), "score": "probability"}, "two classes, not 1"),
]


def one_sentence(method, *arguments, **settings):
    """The text of the ValueError that a call raises, after checking that it is one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError) as caught:
            getattr(helpers, method)(*arguments, **settings)
    text = str(caught.value)
    assert "\n" not in text and 20 < len(text) < 320 and text[-1] in ".?", text
    return text


@pytest.mark.parametrize("method", [*OF_PHOTO, "deep_dream", "invert_features"])
def test_every_method_checks_the_photo(method, tiny_net):
    settings = OF_PHOTO.get(method, {"steps": 1})
    assert "multiply by 255" in one_sentence(method, tiny_net, PHOTO / 255, **settings)


REST = {  # what the public functions of a network take after it, where they must
    "photo": PHOTO,
    "pictures": PHOTO[None],
    "photos": [PHOTO],
    "target": 1,
    "layer": "conv1",
    "channel": 0,
    "patch": 8,
    "stride": 8,
    "heat": PHOTO[..., 0],
    "epsilons": [1],
    "attack": None,
    "qualities": [50],
}


def functions_of_a_network():
    """Name and further arguments of each public function whose first argument is `net`."""
    for name in helpers._MODULE_OF:
        value = getattr(helpers, name)
        if not inspect.isfunction(value) or "widgets" in value.__module__:
            continue  # an explorer loads a network by itself
        parameters = list(inspect.signature(value).parameters.values())
        if parameters and parameters[0].name == "net":
            needed = [p for p in parameters[1:] if p.default is p.empty and p.kind != p.VAR_KEYWORD]
            yield name, [REST[p.name] for p in needed]


@pytest.mark.parametrize("mistake", ["a name", "a model", "a photo"])
def test_every_function_checks_the_network(mistake, tiny_net):
    wrong, words = {
        "a name": ("vgg16", "as load_network('vgg16') makes it, not the name alone"),
        "a model": (tiny_net.model, "as load_network(model) makes it, not the keras.Model itself"),
        "a photo": (PHOTO, "as load_network makes it, not ndarray"),
    }[mistake]
    called = list(functions_of_a_network())
    assert len(called) > 40
    for name, rest in called if mistake == "a name" else called[:1]:
        with pytest.raises(ValueError, match=re.escape(words)):
            result = getattr(helpers, name)(wrong, *rest)
            next(result)  # a generator starts at its first item


@pytest.mark.parametrize("method", [*OF_PHOTO, "class_pattern"])
def test_every_method_checks_the_target(method, tiny_net):
    photo = () if method == "class_pattern" else (PHOTO,)
    settings = OF_PHOTO.get(method, {"steps": 1})
    assert "net.labels" in one_sentence(method, tiny_net, *photo, "zebra", **settings)


NO_LAYERS = [("conv", "conv1"), ("predictions", "makes no maps"), (["conv1"], "by its name")]


@pytest.mark.parametrize("layer, words", NO_LAYERS)
def test_bad_layers(layer, words, tiny_net):
    assert words in one_sentence("gradcam", tiny_net, PHOTO, layer=layer)


@pytest.mark.parametrize("method", WITH_LAYER)
def test_every_method_checks_the_layer(method, tiny_net):
    if method == "filter_patterns":
        text = one_sentence(method, tiny_net, "predictions")
    elif method in ("deep_dream", "invert_features"):
        text = one_sentence(method, tiny_net, PHOTO, "predictions")
    else:
        text = one_sentence(method, tiny_net, PHOTO, layer="predictions")
    assert "makes no maps" in text


def stopping_net():
    """A network whose first layer lets no gradient through."""
    stop = keras.layers.Lambda(keras.ops.stop_gradient)
    return chain(stop, keras.layers.Conv2D(4, 3, activation="relu", name="conv"))


@pytest.mark.parametrize(
    "method", ["saliency", "smoothgrad", "integrated_gradients", "fgsm", "pgd"]
)
def test_networks_that_stop_gradients(method):
    settings = OF_PHOTO.get(method, {})
    assert "stops gradients" in one_sentence(method, stopping_net(), PHOTO, **settings)


def test_patterns_of_a_network_that_stops_gradients():
    assert "stops gradients" in one_sentence("class_pattern", stopping_net(), 1, steps=1)
    assert "stops gradients" in one_sentence("filter_patterns", stopping_net(), "conv", steps=1)


def test_networks_without_the_layers_that_a_method_needs():
    net = chain()
    assert "ends with" in one_sentence("cam", net, PHOTO)
    assert "no layer of maps" in one_sentence("deep_dream", net, PHOTO)


@pytest.mark.parametrize("method, settings, words", SETTINGS)
def test_settings_out_of_range(method, settings, words, tiny_net):
    settings = {**OF_PHOTO[method], **settings}
    assert words in one_sentence(method, tiny_net, PHOTO, **settings)
