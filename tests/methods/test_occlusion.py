"""Occlusion in numbers: closed forms on a linear network, identities, stops, and bad input."""

import numpy as np
import pytest
from architectures import architecture, linear_network, photo_of_noise, random_photo

from cnnvis_helpers.methods import sliding_window
from cnnvis_helpers.methods.occlusion import (
    _occluded_logits,
    mask_photo,
    occluded_photos,
    occlusion,
    occlusion_grid,
    occlusion_passes,
)
from cnnvis_helpers.methods.sliding_window import batch_size, spread, window_starts

SIZE = (12, 20)


@pytest.fixture(scope="module")
def linear():
    return linear_network(None, scale=0.001, size=SIZE)


@pytest.fixture(scope="module")
def small():
    return architecture("cats and dogs")


def drops_by_hand(weights, photo, patch, stride, fill):
    """The closed form on a linear network: sum of weights * (photo - fill) under each patch."""
    gain = weights * (photo.astype(float) - fill)
    tops = window_starts(photo.shape[0], patch[0], stride[0])
    lefts = window_starts(photo.shape[1], patch[1], stride[1])
    return np.array([[gain[t : t + patch[0], s : s + patch[1]].sum() for s in lefts] for t in tops])


@pytest.mark.parametrize("patch, stride", [((4, 5), (4, 5)), ((3, 7), (2, 3)), ((5, 2), (1, 4))])
def test_grid_and_map_are_the_closed_form_of_a_linear_network(linear, patch, stride):
    net, weights = linear
    photo, colour = random_photo(*SIZE), (250, 128, 128)
    expected = drops_by_hand(weights[1], photo, patch, stride, colour)
    grid = occlusion_grid(net, photo, 1, patch, stride, colour)
    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, expected, rtol=1e-3, atol=2e-4)

    total, count = np.zeros(SIZE), np.zeros(SIZE)
    for i, top in enumerate(window_starts(SIZE[0], patch[0], stride[0])):
        for j, left in enumerate(window_starts(SIZE[1], patch[1], stride[1])):
            total[top : top + patch[0], left : left + patch[1]] += expected[i, j]
            count[top : top + patch[0], left : left + patch[1]] += 1
    values = occlusion(net, photo, 1, patch, stride, colour)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, total / np.maximum(count, 1), rtol=1e-3, atol=2e-4)
    assert (values[count == 0] == 0).all()


def test_occluding_everything_is_the_photo_minus_the_fill(small):
    photo, fill = random_photo(48, 48), random_photo(48, 48, 1)
    scores = [small.logits(small.prepare(one)).numpy()[0, 0] for one in (photo, fill)]
    values = occlusion(small, photo, 1, patch=48, fill=fill)
    np.testing.assert_allclose(values, scores[0] - scores[1], rtol=1e-5, atol=1e-6)
    assert values.min() == values.max()


def test_occluded_photos_have_the_scores_of_the_grid(small):
    photo = random_photo(48, 48)
    settings = {"patch": (9, 17), "stride": (5, 11), "fill": random_photo(48, 48, 1)}
    pictures = occluded_photos(small, photo, **settings).astype(np.float32)
    drops = small.logits(small.prepare(photo)).numpy() - small.logits(pictures).numpy()
    grid = occlusion_grid(small, photo, 1, **settings)
    np.testing.assert_allclose(grid.ravel(), drops[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    "fill, expected",
    [
        (0, lambda photo: np.zeros(3)),
        (127.5, lambda photo: np.full(3, 127.5)),
        ([1, 2, 3], lambda photo: np.array([1, 2, 3])),
        ("mean", lambda photo: photo.mean(axis=(0, 1))),
        (np.full((30, 50, 3), 9.0), lambda photo: np.full(3, 9.0)),
    ],
)
def test_the_patch_shows_the_fill(linear, fill, expected):
    net, weights = linear
    photo = random_photo(*SIZE)
    by_hand = drops_by_hand(weights[0], photo, (4, 4), (4, 4), expected(photo))
    np.testing.assert_allclose(
        occlusion_grid(net, photo, 0, 4, 4, fill), by_hand, rtol=1e-3, atol=2e-4
    )


def test_blur_removes_detail_finer_than_the_patch_and_keeps_the_rest(small):
    stripes = np.zeros((48, 48, 3), np.uint8)
    stripes[:, ::2] = 200
    blurred = occluded_photos(small, stripes, 48, 48, "blur")[0]
    assert np.abs(blurred.astype(int) - 100).max() <= 1
    ramp = np.repeat(np.repeat(np.arange(48)[:, None, None] * 5, 48, axis=1), 3, axis=2)
    ramp = ramp.astype(np.uint8)
    middle = occluded_photos(small, ramp, 4, 4, "blur")[:, 20:28, 20:28].astype(int)
    assert np.abs(middle - ramp[20:28, 20:28]).max() <= 1


def test_maps_are_spread_to_the_photos_size():
    grid = np.array([[1.0, 2.0], [3.0, 4.0]])
    cells = spread(grid, ([0, 5], [0, 5]), (5, 5), (10, 10), (20, 40))
    np.testing.assert_array_equal(cells, np.kron(grid, np.ones((10, 20))))
    shrunk = spread(grid, ([0, 5], [0, 5]), (5, 5), (10, 10), (3, 3))
    np.testing.assert_allclose(shrunk, [[1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]])
    photo = photo_of_noise()
    values = occlusion(architecture("cats and dogs"), photo)
    assert values.shape == photo.shape[:2]


def test_map_of_a_large_photo_averages_exactly():
    """A pixel that a window covers in part counts it in part: checked on a fine raster."""
    starts, window, size, photo = ([0, 2, 4], [0, 3]), (3, 4), (7, 7), (10, 9)
    grid = np.random.default_rng(3).normal(size=(3, 2))
    total, count = np.zeros((70, 63)), np.zeros((70, 63))  # 10 and 9 cells an input pixel
    for i, top in enumerate(starts[0]):
        for j, left in enumerate(starts[1]):
            part = np.s_[top * 10 : (top + 3) * 10, left * 9 : (left + 4) * 9]
            total[part] += grid[i, j]
            count[part] += 1
    by_hand = [cells.reshape(10, 7, 9, 7).sum(axis=(1, 3)) for cells in (total, count)]
    np.testing.assert_allclose(
        spread(grid, starts, window, size, photo), by_hand[0] / by_hand[1], rtol=1e-6
    )


def test_positions_not_computed_do_not_count():
    grid = np.array([[1.0, np.nan, 4.0]])
    values = spread(grid, ([0], [0, 1, 2]), (1, 2), (1, 5), (1, 5))
    np.testing.assert_array_equal(values, [[1, 1, 4, 4, 0]])


@pytest.mark.parametrize(
    "sides, starts",
    [
        ((224, 56, 56), [0, 56, 112, 168]),
        ((10, 4, 4), [0, 4, 6]),
        ((10, 4, 3), [0, 3, 6]),
        ((10, 10, 3), [0]),
        ((10, 1, 4), [0, 4, 8]),
        ((12, 2, 9), [0, 9]),
    ],
)
def test_positions_cover_the_border(sides, starts):
    assert window_starts(*sides) == starts


def test_probabilities_pairs_and_one_unit(small):
    photo = random_photo(48, 48)
    pictures = occluded_photos(small, photo, 16, 16, 0).astype(np.float32)
    logits = [small.logits(pixels.astype(np.float32)) for pixels in (photo[None], pictures)]
    z = [np.asarray(one)[:, 0] for one in logits]
    p = [small.probabilities(one)[:, 1] for one in logits]

    def grid(target, score):
        return occlusion_grid(small, photo, target, 16, 16, 0, score).ravel()

    for score, (before, after) in {"logit": z, "probability": p}.items():
        np.testing.assert_allclose(grid(1, score), before - after, atol=1e-5)
        np.testing.assert_allclose(grid(0, score), after - before, atol=1e-5)
    np.testing.assert_allclose(grid((1, 0), "probability"), 2 * (p[0] - p[1]), atol=1e-5)
    top = small.predict(photo)[0].index
    np.testing.assert_array_equal(grid(None, "probability"), grid(top, "probability"))
    np.testing.assert_array_equal(grid(None, "logit"), grid(top, "logit"))


def test_no_target_is_the_top_class_of_the_first_picture_whatever_follows(linear):
    net, _ = linear
    logits = np.zeros((2, net.units), np.float32)
    logits[0, 1], logits[1, 0] = 3, 5
    for score, expected in (("logit", logits), ("probability", net.probabilities(logits))):
        scores = sliding_window.score_function(net, None, score)
        np.testing.assert_array_equal(scores(logits), expected[:, 1])
        np.testing.assert_array_equal(scores(logits[1:]), expected[1:, 1])


def test_one_trace_for_all_patches_strides_fills_classes_and_batches(linear):
    net, _ = linear_network(size=SIZE)
    for target, patch, stride, fill in [(0, 3, 3, 0), (1, (2, 5), 1, "blur"), (None, 7, 4, 9)]:
        occlusion(net, random_photo(*SIZE), target, patch, stride, fill, exact="full")
    assert _occluded_logits(net).experimental_get_tracing_count() == 1


def test_no_pass_is_larger_than_a_batch_and_none_is_wasted(small, monkeypatch):
    passes = []

    class Spy:
        input_size, labels, units = small.input_size, small.labels, small.units
        prepare, score_vector, forward = small.prepare, small.score_vector, small.forward
        finite, compiles_late = small.finite, False

        def cached(self, key, build):
            run = small.cached(key, build)
            return lambda photo, cover, boxes: passes.append(len(boxes)) or run(photo, cover, boxes)

    monkeypatch.setattr(sliding_window, "LARGEST_BATCH", 32)
    occlusion(Spy(), random_photo(48, 48), 1, 6, 3, exact="full")
    assert sum(passes) == occlusion_passes(small, 6, 3) == 15 * 15 + 1
    assert max(passes) <= 32 and max(passes) - min(passes) <= 1
    vgg = type("Net", (), {"input_size": (224, 224)})
    assert batch_size(vgg) == 16


def test_mask_photo_keeps_the_photo_where_the_map_is_high():
    photo = random_photo(5, 6)
    values = np.arange(30.0).reshape(5, 6) - 7
    masked = mask_photo(photo, values)
    assert masked.dtype == np.uint8 and masked.shape == photo.shape
    np.testing.assert_array_equal(masked, np.rint(photo * ((values + 7) / 29)[..., None] ** 2))
    assert (masked[-1, -1] == photo[-1, -1]).all() and (masked[0, 0] == 0).all()
    once = np.rint(photo * ((values + 7) / 29)[..., None])
    np.testing.assert_array_equal(mask_photo(photo, values, power=1), once)


@pytest.mark.parametrize(
    "values, power, message",
    [
        (np.zeros((4, 5)), 2, r"\(4, 5\)"),
        (np.ones((4, 4)), 2, "the same everywhere"),
        (np.full((4, 4), np.nan), 2, "not finite"),
        (np.eye(4), 0, "power must be a number above 0, not 0"),
    ],
)
def test_mask_photo_refuses(values, power, message):
    with pytest.raises(ValueError, match=message):
        mask_photo(np.zeros((4, 4, 3)), values, power)
