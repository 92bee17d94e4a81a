"""Attacks in numbers: closed forms, the epsilon ball, rounding, SciPy's settings, stops, errors."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from architectures import chain, linear_network, photo_of_noise, random_photo
from keras import layers

from cnnvis_helpers._shared import progress
from cnnvis_helpers.methods.attacks import fgsm, log_odds, log_odds_gradient, pgd, rounded
from cnnvis_helpers.methods.one_pixel import SearchState, one_pixel, one_pixel_map
from cnnvis_helpers.methods.robustness import epsilon_curve, squeeze, survives, transfer
from cnnvis_helpers.networks.network import load_network

module = sys.modules["cnnvis_helpers.methods.one_pixel"]
SIZE = (10, 14)


def network_of_one_pixel(weights, threshold):
    """A network that says "yes" where weights . photo[6, 9] is above a threshold."""
    net, _ = linear_network("sigmoid", 1)
    kernel = np.zeros((*SIZE, 3), np.float32)
    kernel[6, 9] = weights
    net.model.layers[-1].set_weights([kernel.reshape(-1, 1), np.array([-threshold], np.float32)])
    return net


@pytest.fixture(scope="module")
def small():
    """Four classes, a hidden layer, 16 x 16 pixels, and steep enough to be fooled by one pixel."""
    keras.utils.set_random_seed(4)
    steep = keras.initializers.RandomNormal(stddev=0.6)
    return chain(
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(8, 3, strides=2, activation="relu", kernel_initializer=steep),
        layers.Flatten(),
        head=[layers.Dense(4, activation="softmax", kernel_initializer=steep)],
        labels=["cat", "dog", "bird", "tower"],
    )


def other_class(net, photo, rank=1):
    return net.predict(photo)[rank].index


# Log-odds -----------------------------------------------------------------------------------------


HEADS = [("softmax", 3), ("sigmoid", 3), ("sigmoid", 1), (None, 3)]


@pytest.mark.parametrize("head, classes", HEADS)
def test_log_odds_are_the_logarithm_of_p_over_1_minus_p(head, classes):
    net, _ = linear_network(head, classes)
    logits = tf.constant(np.random.default_rng(0).normal(size=(6, classes)), tf.float32)
    chosen = np.arange(6) % len(net.labels)
    p = net.probabilities(logits)[np.arange(6), chosen]
    odds = log_odds(net, logits, chosen)
    np.testing.assert_allclose(odds, np.log(p / (1 - p)), rtol=1e-4, atol=1e-5)


def test_where_p_rounds_to_1_there_is_a_gradient_too():
    """The cross-entropy's gradient is exactly 0 there."""
    net, _ = linear_network(scale=3.0)
    photo = random_photo(*SIZE)
    assert net.predict(photo)[0].probability == 1.0
    assert fgsm(net, photo, epsilon=2).linf == 2


# FGSM ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [None, 2])
def test_fgsm_is_the_closed_form_of_a_linear_network(target):
    net, weights = linear_network(classes=3, scale=0.001)
    photo = random_photo(*SIZE)
    p = np.array([one.probability for one in sorted(net.predict(photo))])
    chosen = int(p.argmax()) if target is None else (target if p.argmax() != target else 0)
    others = np.delete(np.arange(3), chosen)
    mean = np.tensordot(p[others] / p[others].sum(), weights[others], axes=1)
    direction = np.sign(weights[chosen] - mean) * (-1 if target is None else 1)
    attack = fgsm(net, photo, None if target is None else chosen, epsilon=3)
    np.testing.assert_array_equal(attack.photo, (photo + 3 * direction).clip(0, 255))
    assert attack.photo.dtype == np.uint8 and attack.linf == 3 and attack.queries == 3
    assert attack.l2 == pytest.approx(np.linalg.norm(attack.photo.astype(float) - photo))


@pytest.mark.parametrize("classes, label", [(1, 0), (1, 1), (3, 0)])
def test_fgsm_on_sigmoid_heads(classes, label):
    net, weights = linear_network("sigmoid", classes, scale=0.0005)
    photo, on_top = random_photo(*SIZE), [9.0, 0, 0] if classes == 3 else [18.0 * label - 9]
    net.model.layers[-1].bias.assign(on_top)
    attack = fgsm(net, photo, epsilon=2, label=label)
    towards = -np.sign(weights[0]) if classes == 3 or label == 1 else np.sign(weights[0])
    np.testing.assert_array_equal(attack.photo, (photo + 2 * towards).clip(0, 255))


def test_rounding_stays_inside_epsilon(small):
    photo = random_photo(16, 16)
    assert fgsm(small, photo, epsilon=2.5).linf == 2
    with pytest.warns(UserWarning, match="pixel levels"):
        attack = fgsm(small, photo, epsilon=8 / 255)
    assert attack.linf == 0 and not attack.success
    assert 0 < np.abs(attack.unrounded - attack.original).max() <= 8 / 255 + 1e-5
    original = np.full((1, 1, 3), 100, np.uint8)
    moved = np.array([[[97.4, 102.6, 101.5]]])
    np.testing.assert_array_equal(rounded(moved, original, 2.9), [[[98, 102, 102]]])


# PGD ----------------------------------------------------------------------------------------------


@pytest.fixture
def seen(small, monkeypatch):
    """The pixels of every gradient that `pgd` takes, as a list that fills while it runs."""
    pixels, run = [], log_odds_gradient(small)

    def spy(net):
        return lambda photo, classes: pixels.append(np.array(photo)) or run(photo, classes)

    monkeypatch.setattr("cnnvis_helpers.methods.attacks.log_odds_gradient", spy)
    return pixels


@pytest.mark.parametrize("epsilon, step_size", [(4, None), (3.5, 1.3), (255, 100), (1, 50)])
def test_pgd_never_leaves_the_ball(small, seen, epsilon, step_size):
    photo = random_photo(16, 16)
    attack = pgd(small, photo, epsilon=epsilon, step_size=step_size, steps=7)
    assert len(seen) == 7 and len(attack.history) == 7 and attack.queries == 9
    for pixels in [*seen, attack.unrounded[None], attack.photo[None]]:
        assert np.abs(pixels - photo.astype(float)).max() <= epsilon + 1e-4
        assert pixels.min() >= 0 and pixels.max() <= 255
    assert attack.linf <= int(epsilon)


def test_pgd_starts_at_a_uniformly_random_point_of_the_ball(small, seen):
    photo = random_photo(16, 16, low=40, high=200)
    pgd(small, photo, epsilon=6, steps=1)
    start = seen[0][0] - photo
    assert start.min() < -5.9 and start.max() > 5.9
    assert start.mean() == pytest.approx(0, abs=0.5)
    assert start.std() == pytest.approx(6 / np.sqrt(3), abs=0.2)


def test_pgd_with_one_full_step_and_no_random_start_is_fgsm(small):
    photo = random_photo(16, 16)
    one_step = pgd(small, photo, epsilon=5, steps=1, step_size=5, random_start=False)
    np.testing.assert_array_equal(one_step.photo, fgsm(small, photo, epsilon=5).photo)


def test_pgd_by_hand(small):
    """The loop as a lesson writes it."""
    photo = random_photo(16, 16)
    label, x = small.predict(photo)[0].index, photo.astype(np.float32)
    for _ in range(6):
        pixels = tf.constant(x[None])
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], small.logits(pixels))
        x = x + 2 * np.sign(tape.gradient(loss, pixels)[0].numpy())
        x = np.clip(np.clip(x, photo - 6.0, photo + 6.0), 0, 255)
    attack = pgd(small, photo, epsilon=6, steps=6, step_size=2, random_start=False)
    np.testing.assert_array_equal(attack.photo, x)


def test_stopping_early_ends_at_the_first_success_that_survives_rounding(small):
    photo = random_photo(16, 16)
    settings = {"epsilon": 24, "steps": 40, "step_size": 0.4, "random_start": False}
    early, late = (pgd(small, photo, stop_early=stop, **settings) for stop in (True, False))
    assert early.success and len(early.history) < len(late.history) == 40
    assert early.l2 < late.l2
    steps = {**settings, "steps": len(early.history) - 2}
    assert not pgd(small, photo, **steps).success


def test_stopping_early_looks_at_the_rounded_photo():
    """The answer changes at 50.3 of one value: 50.4 is a success that does not survive rounding."""
    net = network_of_one_pixel(np.eye(3)[1], 50.3)
    photo = np.full((*SIZE, 3), 50, np.uint8)
    attack = pgd(net, photo, epsilon=4, step_size=0.4, random_start=False, stop_early=True)
    assert attack.success and attack.photo[6, 9, 1] == 51
    assert attack.unrounded[6, 9, 1] == pytest.approx(50.8)
    z = np.array([-0.3, 0.1, 0.5])
    np.testing.assert_allclose(attack.history, 1 / (1 + np.exp(z)), rtol=1e-4)
    assert attack.queries == 2 + 3 + 2  # before and after, the steps, two rounded photos


def test_success_is_judged_on_the_rounded_photo(small):
    photo = random_photo(16, 16)
    for attack in (fgsm(small, photo, epsilon=16), pgd(small, photo, epsilon=16, step_size=0.37)):
        assert attack.after == small.predict(attack.photo)
        assert attack.before == small.predict(attack.original)
        assert attack.success == (attack.after[0].index != attack.label)
        np.testing.assert_array_equal(attack.original, photo)


def test_a_photo_that_is_wrong_before_the_attack_is_no_success(small):
    photo = random_photo(16, 16)
    top, wrong, target = (other_class(small, photo, rank) for rank in range(3))
    for attack in (fgsm, pgd, one_pixel):
        with pytest.raises(ValueError, match="before any attack; leave label out"):
            attack(small, photo, label=wrong)
        with pytest.raises(ValueError, match="already; choose another target"):
            attack(small, photo, top)
    # A target can still be missed, whatever class the attack leads away from.
    assert fgsm(small, photo, target, epsilon=0, label=wrong).label == wrong
    with pytest.raises(ValueError, match="before any attack"):
        epsilon_curve(small, [photo], [0, 2], label=wrong)
    assert epsilon_curve(small, [photo], [0], label=top).rates.tolist() == [0]


def test_a_network_with_the_target_on_top_before_the_attack_is_not_fooled(small):
    photo = random_photo(16, 16)
    attack = pgd(small, photo, other_class(small, photo), epsilon=20)
    blind, _ = linear_network(classes=4, size=(16, 16))
    blind = load_network(blind.model, labels=small.labels)
    blind.model.layers[-1].bias.assign(1e4 * np.eye(4)[attack.target])
    result = transfer(blind, attack)
    assert result.before[0].index == result.after[0].index == attack.target
    assert not result.success


def test_an_attack_prints_as_one_sentence_and_shows_its_change(small):
    attack = fgsm(small, random_photo(16, 16, low=100, high=120), epsilon=3)
    assert attack.magnified(10).dtype == np.uint8
    np.testing.assert_array_equal(attack.magnified(10), 128 + 10 * attack.difference)
    assert attack.magnified(1000).min() == 0
    text = repr(attack)
    assert "fgsm" in text and "by 3 levels at most" in text and attack.before[0].label in text


# One pixel ----------------------------------------------------------------------------------------

TINY = {"population": 20, "generations": 4}


@pytest.mark.parametrize("pixels", [1, 3])
def test_one_pixel_changes_one_pixel(small, pixels):
    photo = random_photo(16, 16)
    attack = one_pixel(small, photo, pixels=pixels, settings=TINY)
    assert 1 <= len(attack.pixels) <= pixels
    rest = np.ones((16, 16), bool)
    rest[tuple(attack.pixels.T)] = False
    np.testing.assert_array_equal(attack.photo[rest], photo[rest])
    assert attack.epsilon is None and attack.after == small.predict(attack.photo)


def test_one_pixel_lowers_the_label_and_raises_the_target(small):
    photo = random_photo(16, 16)
    away = one_pixel(small, photo, settings={**TINY, "population": 60})
    assert away.after[0].index != away.label or away.history[-1] < away.before[0].probability
    target = other_class(small, photo, 3)
    towards = one_pixel(small, photo, target, settings=TINY)
    assert towards.history[-1] > next(p.probability for p in towards.before if p.index == target)
    assert np.all(np.diff(towards.history) >= 0) and len(towards.history) <= 5
    p = small.probabilities(small.logits(towards.photo[None].astype(np.float32)))[0, target]
    assert towards.history[-1] == pytest.approx(p, rel=1e-4)


def test_one_pixel_finds_the_only_pixel_that_matters():
    net = network_of_one_pixel((1, 1, 1), 300)
    attack = one_pixel(net, np.full((*SIZE, 3), 50, np.uint8), pixels=3, settings="paper", seed=3)
    assert attack.success and [6, 9] in attack.pixels.tolist()
    assert attack.queries < 400 * 101, "the search ended at the success"


def test_the_papers_settings_reach_scipy(monkeypatch):
    (net, _), photo, called = linear_network(scale=0.0001), random_photo(*SIZE), {}

    def spy(function, bounds, **settings):
        called.update(settings, bounds=bounds)
        called["energies"] = function(settings["init"].T)

    monkeypatch.setattr(module, "differential_evolution", spy)
    one_pixel(net, photo, other_class(net, photo, 2), pixels=2, settings="paper", seed=5)
    assert called["init"].shape == (400, 10) and called["maxiter"] == 100
    assert called["strategy"] == "rand1bin" and called["mutation"] == 0.5
    assert called["recombination"] == 1.0, "every value is the mutant's: no crossover"
    assert called["vectorized"] and called["updating"] == "deferred" and not called["polish"]
    assert called["bounds"] == [(0, 9), (0, 13), (0, 255), (0, 255), (0, 255)] * 2
    assert called["tol"] == 0 and called["atol"] == -1, "SciPy must not stop by its own criteria"
    assert called["integrality"] is True and called["energies"].shape == (400,)
    first = called["init"].reshape(400, 2, 5)
    for axis, length in enumerate(SIZE):
        assert set(np.unique(first[:, :, axis])) == set(range(length))
    assert (first == np.rint(first)).all()
    # N(128, 127) cut at 0 and 255 has this spread and 16 % at either end; uniform: 73.6, none.
    assert first[:, :, 2:].mean() == pytest.approx(128, abs=6)
    assert first[:, :, 2:].std() == pytest.approx(91.2, abs=4)
    for end in (0, 255):
        assert np.mean(first[:, :, 2:] == end) == pytest.approx(0.16, abs=0.03)


def test_candidates_are_whole_pixels_inside_the_photo(small):
    seen = []
    one_pixel(
        small,
        random_photo(16, 16),
        other_class(small, random_photo(16, 16), 3),
        pixels=2,
        settings={**TINY, "mutation": 1.9},
        watch=seen.append,
    )
    tried = np.concatenate([state.candidates for state in seen])
    assert tried.dtype == np.int32 and tried.shape[1:] == (2, 5)
    assert tried.min() >= 0 and tried[:, :, :2].max() <= 15 and tried[:, :, 2:].max() <= 255
    assert all(isinstance(state, SearchState) for state in seen)
    assert [state.generation for state in seen] == list(range(len(seen)))
    assert seen[-1].queries == 20 * len(seen) and seen[-1].best.shape == (2, 5)


def test_of_two_entries_at_one_place_the_last_wins(small):
    """In the search as in the photo, whatever order a device writes in."""
    candidates = np.array([[[3, 4, 1, 2, 3], [5, 5, 9, 9, 9], [3, 4, 200, 100, 50]]], np.int32)
    kept = module._last_wins(candidates)
    assert kept[0, 0].tolist() == kept[0, 2].tolist() == [3, 4, 200, 100, 50]
    assert kept[0, 1].tolist() == [5, 5, 9, 9, 9]
    photo = random_photo(16, 16).astype(np.float32)
    by_hand = photo.copy()
    by_hand[3, 4], by_hand[5, 5] = (200, 100, 50), (9, 9, 9)
    np.testing.assert_allclose(
        module._changed_logits(small)(photo[None], kept), small.logits(by_hand[None]), atol=1e-4
    )


def test_the_map_is_the_best_colour_for_every_pixel():
    net, weights = linear_network(scale=0.001)
    photo, colours = random_photo(*SIZE), [(0, 0, 0), (255, 0, 128)]
    drops = [(weights[1] * (photo.astype(float) - colour)).sum(axis=2) for colour in colours]
    calls = []
    values = one_pixel_map(net, photo, 1, colours, progress=lambda *n: calls.append(n))
    assert values.dtype == np.float32 and calls[-1] == (281, 281)
    np.testing.assert_allclose(values, np.maximum(*drops), atol=1e-4)
    coarse = one_pixel_map(net, photo, 1, colours, stride=2)
    tried = np.kron(np.maximum(*drops)[1::2, 1::2], np.ones((2, 2)))
    np.testing.assert_allclose(coarse, tried, atol=1e-4)
    assert one_pixel_map(net, photo_of_noise(), stride=5).shape == (40, 56)
    default = one_pixel_map(net, photo, 1)
    best = np.where(weights[1] > 0, photo, photo - 255.0) * weights[1]
    np.testing.assert_allclose(default, best.sum(axis=2), atol=1e-4)


# Robustness ---------------------------------------------------------------------------------------


def test_survives_classifies_each_changed_copy(small):
    attack = pgd(small, random_photo(16, 16), epsilon=20)
    rows = survives(small, attack, qualities=(90, 10), scales=(0.5, 2))
    assert [row.change for row in rows] == [
        "saved as PNG",
        "saved as JPEG, quality 90",
        "saved as JPEG, quality 10",
        "resized to 8 x 8",
        "resized to 32 x 32",
    ]
    assert rows[0].after == attack.after and rows[0].success == attack.success is True
    for row in rows:
        assert row.success == (row.after[0].index != attack.label)
    assert rows[2].after == small.predict(squeeze(attack.photo, jpeg=10))


def test_transfer_to_another_network_and_size(small):
    other, _ = linear_network(classes=4, scale=0.02, size=(24, 12))
    attack = pgd(small, random_photo(16, 16), epsilon=20)
    result = transfer(other, attack)
    assert result.before == other.predict(attack.original)
    assert result.after == other.predict(attack.photo)
    assert result.success == (result.before[0].index != result.after[0].index)
    towards = pgd(small, random_photo(16, 16), other_class(small, random_photo(16, 16)))
    assert transfer(small, towards).success == towards.success
    with pytest.raises(ValueError, match="no class"):
        transfer(other, towards)


def test_squeezing_removes_detail():
    photo = random_photo(16, 16)
    assert set(np.unique(squeeze(photo, bits=2))) == {0, 85, 170, 255}
    assert np.abs(squeeze(photo, bits=7).astype(int) - photo).max() <= 1
    assert squeeze(photo, jpeg=50).shape == photo.shape
    both = squeeze(photo, bits=3, jpeg=50)
    np.testing.assert_array_equal(both, squeeze(squeeze(photo, bits=3), jpeg=50))


def test_epsilon_curve_counts_successes(small):
    photos, calls = [random_photo(16, 16, seed) for seed in range(3)], []
    curve = epsilon_curve(small, photos, [0, 2, 30], progress=lambda *n: calls.append(n))
    assert calls == [(k, 9) for k in range(1, 10)]
    for column, epsilon in enumerate([0, 2, 30]):
        made = [fgsm(small, photo, epsilon=epsilon) for photo in photos]
        assert curve.rates[column] == pytest.approx(np.mean([one.success for one in made]))
        for row, one in zip(curve.attacks, made, strict=True):
            np.testing.assert_array_equal(row[column].photo, one.photo)
    assert curve.rates[0] == 0 and curve.epsilons.tolist() == [0, 2, 30]
    stronger = epsilon_curve(small, photos, [30], pgd, steps=5)
    assert stronger.rates[0] >= curve.rates[2] and stronger.attacks[0][0].method == "pgd"


# Stopping -----------------------------------------------------------------------------------------


def stop_at(count, error=KeyboardInterrupt):
    def progress(done, total):
        if done >= count:
            raise error

    return progress


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopIteration])
def test_a_stopped_attack_keeps_what_is_done(small, stop):
    photo = random_photo(16, 16)
    with pytest.warns(UserWarning, match="stopped early"):
        attack = pgd(small, photo, epsilon=8, steps=9, step_size=1, progress=stop_at(4, stop))
    shorter = pgd(small, photo, epsilon=8, steps=4, step_size=1)
    np.testing.assert_array_equal(attack.photo, shorter.photo)
    target = other_class(small, photo, 3)
    with pytest.warns(UserWarning, match="stopped early"):
        attack = one_pixel(small, photo, target, settings=TINY, progress=stop_at(2, stop))
    assert len(attack.pixels) == 1 and len(attack.history) == 3
    shorter = one_pixel(small, photo, target, settings={**TINY, "generations": 2})
    np.testing.assert_array_equal(attack.photo, shorter.photo)


def test_a_stopped_curve_and_map_keep_what_is_done(small):
    photos = [random_photo(16, 16, seed) for seed in range(3)]
    with pytest.warns(UserWarning, match="stopped early"):
        curve = epsilon_curve(small, photos, [4, 8], progress=stop_at(3))
    assert [len(row) for row in curve.attacks] == [2, 1, 0] and np.isfinite(curve.rates).all()
    with pytest.warns(UserWarning, match="stopped early"):
        values = one_pixel_map(small, photos[0], progress=stop_at(1))
    assert values.any() and not values[-1].any()


def test_the_stop_button_inside_one_attack_stops_the_curve(small):
    """An inner attack must not swallow the interrupt, or the curve would go on with the next."""

    def stopped(net, photo, epsilon):
        return pgd(net, photo, epsilon=epsilon, progress=stop_at(2))

    with pytest.warns(UserWarning, match="stopped early") as seen:
        curve = epsilon_curve(small, [random_photo(16, 16)], [4, 8], stopped)
    assert curve.attacks == [[]] and np.isnan(curve.rates).all() and len(seen) == 1


def test_text_progress_writes_one_line(capsys):
    bar = progress.text_progress("attack", width=4)
    for done in (0, 1, 2):
        bar(done, 2)
    lines = ["attack ···· 0 of 2", "attack ██·· 1 of 2", "attack ████ 2 of 2\n"]
    assert capsys.readouterr().err == "".join("\r" + line for line in lines)


# Everywhere ---------------------------------------------------------------------------------------


def test_one_trace_for_all_targets_and_strengths(small):
    photo = random_photo(16, 16)
    targets = [None, other_class(small, photo), other_class(small, photo, 2)]
    for pixels, target in enumerate(targets, start=1):
        pgd(small, photo, target, epsilon=3, steps=2)
        settings = {"population": 5 + pixels, "generations": 1}
        one_pixel(small, photo, target, pixels, settings)
    assert log_odds_gradient(small).experimental_get_tracing_count() == 1
    assert module._changed_logits(small).experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "at least one of"),
        ({"bits": 8}, "bits must be a number in 1..7, not 8"),
        ({"jpeg": 101}, "jpeg must be a number in 1..100, not 101"),
    ],
)
def test_squeeze_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        squeeze(random_photo(8, 8), **options)
    with pytest.raises(ValueError, match="RGB array"):
        squeeze(np.zeros((8, 8)), bits=3)


def test_empty_curves_are_refused(small):
    for photos, epsilons in (([], [1]), ([random_photo(16, 16)], [])):
        with pytest.raises(ValueError, match="at least one"):
            epsilon_curve(small, photos, epsilons)


# Networks that return nan -------------------------------------------------------------------------


def test_gradients_of_nan_are_refused():
    """The square root of 0 has a value, but no slope."""
    photo = keras.Input((*SIZE, 3))
    flat = layers.Flatten()(keras.ops.sqrt(photo * 0.0))
    net = load_network(keras.Model(photo, layers.Dense(3)(flat)))
    for attack in (fgsm, pgd):
        with pytest.raises(ValueError, match="gradient of the network .* is nan"):
            attack(net, random_photo(*SIZE))
