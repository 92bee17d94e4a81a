"""Scores of heat maps: hand-made maps, hand-made networks, and xplique's definition."""

import keras
import numpy as np
import pytest
from architectures import architecture, chain, eagerly, fingerprint, photo_of_noise
from keras import layers

from cnnvis_helpers.methods.faithfulness import (
    deletion_curve,
    insertion_curve,
    pointing_game,
    relevance_mass,
)
from cnnvis_helpers.photos.resizing import resize_map

RNG = np.random.default_rng(0)
CURVES = [deletion_curve, insertion_curve]


@pytest.fixture(scope="module")
def linear():
    """A network of 6 x 8 pixels whose logit 0 is a weighted sum of grey levels; logit 1 is 0.

    The weights, all positive and all different, are the one right map.
    """
    head = layers.Dense(2)
    net = chain(layers.Rescaling(1 / 255), layers.Flatten(), size=(6, 8), head=[head])
    right = RNG.permutation(48).reshape(6, 8) + 1.0
    kernel = np.zeros((6, 8, 3, 2))
    kernel[..., 0] = right[..., None] / right.sum() / 3
    head.set_weights([kernel.reshape(144, 2), np.zeros(2)])
    return net, right


WHITE = np.full((6, 8, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def small():
    """A small convolutional network with random weights, on 24 x 24 pixels."""
    keras.utils.set_random_seed(3)
    return chain(
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(8, 3, activation="relu", name="last"),
        layers.Flatten(),
        size=(24, 24),
        head=[layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=0.2))],
    )


PHOTO = RNG.integers(0, 256, (24, 24, 3), np.uint8)
HEAT = RNG.normal(size=(24, 24))

# Deletion and insertion --------------------------------------------------------------------------


def test_curves_of_a_linear_network_by_hand(linear):
    """Black pixels take their weights out of the sum, the largest first."""
    net, right = linear
    shown = np.concatenate([[0], np.cumsum(np.sort(right.ravel())[::-1])]) / right.sum()
    for curve, scores in ((deletion_curve, 1 - shown), (insertion_curve, shown)):
        found = curve(net, WHITE, right, 0, steps=48, fill=0, score="logit")
        assert np.allclose(found.scores, scores, atol=1e-5)
        assert np.allclose(found.shares, np.arange(49) / 48)
        assert found.area == pytest.approx((scores[1:] + scores[:-1]).mean() / 2, abs=1e-5)


def test_the_right_map_beats_every_other_and_its_inverse_is_worst(linear):
    net, right = linear
    maps = {"right": right, "inverted": -right}
    maps |= {k: RNG.permutation(48).reshape(6, 8) for k in range(20)}
    deletion = {k: deletion_curve(net, WHITE, m, 0, fill=0).area for k, m in maps.items()}
    insertion = {k: insertion_curve(net, WHITE, m, 0, fill=0).area for k, m in maps.items()}
    assert min(deletion, key=deletion.get) == max(insertion, key=insertion.get) == "right"
    assert max(deletion, key=deletion.get) == min(insertion, key=insertion.get) == "inverted"


@pytest.mark.parametrize("steps", [1, 7, 32, 576])
@pytest.mark.parametrize("curve", CURVES)
def test_the_area_by_the_definition_in_xplique(small, curve, steps):
    """xplique 2.0, metrics/fidelity.py: equal steps, and the mean of neighbouring scores.

    RISE, algorithm 1, on a photo that does not need resizing and a map without ties.
    """
    photo, baseline = small.prepare(PHOTO)[0].reshape(576, 3), np.full((576, 3), 127.5, "float32")
    start, end = (photo, baseline) if curve is deletion_curve else (baseline, photo)
    counts = np.linspace(0, 576, steps + 1, dtype=np.int32)
    important, pictures = np.argsort(HEAT.ravel())[::-1], []
    for count in counts:
        pictures.append(start.copy())
        pictures[-1][important[:count]] = end[important[:count]]
    logits = np.asarray(small.logits(np.reshape(pictures, (-1, 24, 24, 3))), np.float64)
    scores = (np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True))[:, 2]
    ours = curve(small, PHOTO, HEAT, 2, steps=steps, fill=127.5)
    np.testing.assert_allclose(ours.scores, scores, atol=1e-5)
    area = np.diff(counts) / 576 @ (scores[:-1] + scores[1:]) / 2
    assert ours.area == pytest.approx(area, abs=1e-5)


def test_a_map_of_the_photos_size_is_resized(small):
    photo = photo_of_noise(60, 56)
    heat = RNG.normal(size=(60, 56))
    own = deletion_curve(small, photo, heat, 0)
    fitted = deletion_curve(small, photo, resize_map(heat, (24, 24)), 0)
    assert np.array_equal(own.scores, fitted.scores)


def test_equal_heat_is_hidden_in_an_order_drawn_from_the_seed(small):
    flat = np.zeros((24, 24))
    same, again, other = (deletion_curve(small, PHOTO, flat, 0, seed=k).scores for k in (1, 1, 2))
    assert np.array_equal(same, again) and not np.array_equal(same, other)
    few = np.zeros((24, 24))
    few[:12] = 1  # the seed decides inside each half, never between them
    halves = [deletion_curve(small, PHOTO, few, 0, steps=2, seed=k).scores for k in (1, 2)]
    assert np.allclose(*halves, atol=1e-6)


@pytest.mark.parametrize("name", ["cats and dogs", "grey", "mixed precision"])
def test_other_networks_and_their_arguments_stay_the_same(name):
    net, photo = architecture(name), photo_of_noise()
    heat = RNG.normal(size=photo.shape[:2])
    before = fingerprint(net), photo.tobytes(), heat.tobytes()
    with eagerly(name):
        curve = deletion_curve(net, photo, heat, steps=4)
    assert np.isfinite(curve.scores).all() and 0 <= curve.area <= 1
    assert (fingerprint(net), photo.tobytes(), heat.tobytes()) == before


@pytest.mark.parametrize(
    "heat, options, message",
    [
        (HEAT[:20], {}, "photo's size .24, 24. or the network's .24, 24., not .20, 24."),
        (HEAT[0], {}, r"map is \(h, w\), got shape \(24,\)"),
        (np.where(HEAT > 2, np.inf, HEAT), {}, "finite"),
        (HEAT, {"steps": 0}, "steps must be a whole number, 1 or more, not 0"),
        (HEAT, {"seed": -1}, "seed must be"),
        (HEAT, {"fill": "black"}, 'fill must be "mean"'),
        (HEAT, {"score": "softmax"}, "score must be one of 'logit', 'probability'"),
    ],
)
def test_curves_refuse_bad_input(small, heat, options, message):
    with pytest.raises(ValueError, match=message):
        deletion_curve(small, PHOTO, heat, **options)


# Pointing game and relevance mass ----------------------------------------------------------------

MASK = np.zeros((12, 16), bool)
MASK[3:7, 5:11] = True  # 24 of 192 pixels


def test_a_perfect_map_scores_one_and_an_inverted_one_zero():
    for heat in (MASK, MASK * 7.5, MASK * RNG.uniform(0.1, 1, MASK.shape)):
        assert pointing_game(heat, MASK) == relevance_mass(heat, MASK) == 1.0
    for heat in (~MASK, ~MASK * RNG.uniform(0.1, 1, MASK.shape), 1.0 - MASK):
        assert pointing_game(heat, MASK) == relevance_mass(heat, MASK) == 0.0
    assert pointing_game(-1.0 * MASK, MASK) == relevance_mass(-1.0 * MASK, MASK) == 0.0


def test_a_flat_map_scores_what_chance_gives():
    share = MASK.mean()
    assert pointing_game(np.zeros_like(MASK), MASK) == pytest.approx(share)
    assert pointing_game(np.full(MASK.shape, 3.0), MASK) == pytest.approx(share)
    assert relevance_mass(np.full(MASK.shape, 3.0), MASK) == pytest.approx(share)
    assert relevance_mass(np.zeros(MASK.shape), MASK) == 0.0


def test_the_peak_decides_the_pointing_game_and_the_sum_the_mass():
    heat = np.zeros(MASK.shape)
    heat[4, 6], heat[0, 0], heat[0, 1] = 3, 2, 2
    assert pointing_game(heat, MASK) == 1.0
    assert relevance_mass(heat, MASK) == pytest.approx(3 / 7)
    heat[11, 15] = -100  # what speaks against the class counts for neither
    assert pointing_game(heat, MASK) == 1.0 and relevance_mass(heat, MASK) == pytest.approx(3 / 7)


def test_equal_peaks_share_the_point():
    heat = np.zeros(MASK.shape)
    heat[4, 6] = heat[0, 0] = heat[0, 1] = heat[0, 2] = 1
    assert pointing_game(heat, MASK) == 0.25


def test_tolerance_is_a_distance_in_pixels():
    for row, column, distance in [(2, 5, 1), (0, 7, 3), (0, 1, 5), (6, 14, 4)]:
        heat = np.zeros(MASK.shape)
        heat[row, column] = 1
        assert pointing_game(heat, MASK, tolerance=distance) == 1.0
        assert pointing_game(heat, MASK, tolerance=distance - 0.1) == 0.0


# As Quantus 0.6 has them, metrics/localisation/*.py, written out in NumPy.


def quantus_pointing_game(a, s):
    return bool(np.any(s * (a == a.max())))


def quantus_relevance_mass_accuracy(a, s):
    return (a * s).sum() / a.sum()


def quantus_attribution_localisation(a, s):
    positive = np.clip(a, 0, None)
    return (positive * s).sum() / (positive.sum() + 1e-9)


def test_points_and_masses_by_the_definitions_in_quantus():
    """For maps of both signs, its attribution localisation: the positive part is shared out."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        heat, mask = rng.normal(size=(12, 16)), rng.random((12, 16)) < 0.4
        assert pointing_game(heat, mask) == quantus_pointing_game(heat, mask)
        mass = relevance_mass(heat, mask)
        assert mass == pytest.approx(quantus_attribution_localisation(heat, mask), abs=1e-9)
        size = np.abs(heat)
        mass = relevance_mass(size, mask)
        assert mass == pytest.approx(quantus_relevance_mass_accuracy(size, mask), abs=1e-12)


def test_where_the_definitions_differ_from_those_in_quantus():
    """There, one of several equal peaks is a full hit, and parts of opposite sign cancel."""
    heat = np.zeros(MASK.shape)
    heat[4, 6] = heat[0, 0] = 1
    assert (pointing_game(heat, MASK), quantus_pointing_game(heat, MASK)) == (0.5, True)
    heat[0, 0] = -0.5
    assert relevance_mass(heat, MASK) == 1.0 < quantus_relevance_mass_accuracy(heat, MASK) == 2.0


@pytest.mark.parametrize("score", [pointing_game, relevance_mass])
@pytest.mark.parametrize(
    "heat, mask, message",
    [
        (MASK[0], MASK, "map is .h, w."),
        (np.full(MASK.shape, np.nan), MASK, "finite"),
        (MASK, MASK.T, "bool array .12, 16. like the map, not bool .16, 12."),
        (MASK, MASK.astype(int), "bool array .12, 16. like the map, not int64 .12, 16."),
        (MASK, np.zeros_like(MASK), "empty"),
    ],
)
def test_scores_refuse_bad_input(score, heat, mask, message):
    with pytest.raises(ValueError, match=message):
        score(heat, mask)


def test_a_negative_tolerance_is_refused():
    with pytest.raises(ValueError, match="tolerance must be a number 0 or more, not -1"):
        pointing_game(MASK, MASK, tolerance=-1)
