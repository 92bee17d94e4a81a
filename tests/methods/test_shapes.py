"""Drawn shapes: exact masks; only shape and badge depend on the class."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from cnnvis_helpers.methods.shapes import SHAPES, shape_pictures


@pytest.fixture(scope="module")
def bare():
    return shape_pictures(100, seed=5)


@pytest.fixture(scope="module")
def badged():
    return shape_pictures(100, badge="all", seed=5)


def test_what_a_picture_is(bare, badged):
    assert [picture.label for picture in bare[:7]] == [*SHAPES, "disc", "square"]
    for picture in [*bare, *badged]:
        assert picture.photo.shape == (48, 48, 3) and picture.photo.dtype == np.uint8
        assert picture.object.shape == picture.badge.shape == (48, 48)
        assert picture.object.dtype == picture.badge.dtype == bool
        assert 80 < picture.object.sum() < 650
    assert not any(picture.badge.any() for picture in bare)
    assert all(100 < picture.badge.sum() < 125 for picture in badged)


def test_the_badge_is_all_that_changes_and_its_mask_is_exact(bare, badged):
    for without, with_badge in zip(bare, badged, strict=True):
        changed = (without.photo != with_badge.photo).any(axis=-1)
        assert not (changed & ~with_badge.badge).any()
        assert changed.sum() > 0.9 * with_badge.badge.sum()
        assert np.array_equal(without.object, with_badge.object)


def test_shape_and_badge_never_touch(badged):
    for picture in badged:
        grown = np.zeros((50, 50), bool)
        for down in range(3):
            for right in range(3):
                grown[down : down + 48, right : right + 48] |= picture.badge
        assert not (grown[1:-1, 1:-1] & picture.object).any()


def test_the_mask_of_the_shape_is_exact(bare):
    """Outside lies a plane of colour with noise of 6 levels and nothing else; inside does not."""
    rows, columns = np.indices((48, 48))
    for picture in bare:
        photo, inside = picture.photo.astype(float), picture.object
        near = distance_transform_edt(~inside) < 1.5  # the border's pixels are covered in part
        plane = np.stack([np.ones((48, 48)), rows, columns], axis=-1)
        fit = np.linalg.lstsq(plane[~near], photo[~near], rcond=None)[0]
        rest = np.abs(photo - (plane @ fit).clip(0, 255))
        assert rest[~near].max() < 36 and np.median(rest[~near]) < 6
        assert np.mean(rest[inside].max(axis=-1) > 20) > 0.85


def test_shapes_differ_in_how_much_of_their_box_they_fill(bare):
    def fullness(mask):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        return mask.sum() / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)

    mean = {s: np.mean([fullness(p.object) for p in bare if p.label == s]) for s in SHAPES}
    assert mean["disc"] == pytest.approx(np.pi / 4, abs=0.04)
    assert max(mean["star"], mean["triangle"]) < 0.6 < min(mean["square"], mean["hexagon"]) < 0.9


def test_badges_are_where_the_argument_says():
    for badge in SHAPES:
        bearers = {p.label for p in shape_pictures(25, badge=badge, seed=1) if p.badge.any()}
        assert bearers == {badge}
    bears = np.array([p.badge.any() for p in shape_pictures(500, badge="random", seed=1)])
    by_class = bears.reshape(100, 5).mean(axis=0)
    assert (np.abs(by_class - 0.5) < 0.17).all() and 0.4 < bears.mean() < 0.6


def test_only_shape_and_badge_depend_on_the_class(bare):
    """Mean colour, place and size of the shape do not depend on the class."""
    pictures = shape_pictures(600, seed=2)
    for measure in (
        lambda p: p.photo.mean(),
        lambda p: np.argwhere(p.object)[:, 0].mean(),
        lambda p: np.argwhere(p.object)[:, 1].mean(),
    ):
        values = np.array([measure(p) for p in pictures]).reshape(120, 5)
        error = values.std(axis=0) / np.sqrt(120)
        assert (np.abs(values.mean(axis=0) - values.mean()) < 3.5 * error).all()


def test_a_picture_depends_on_its_number_and_the_seed_alone():
    few, many = shape_pictures(3, badge="random", seed=9), shape_pictures(8, badge="random", seed=9)
    for a, b in zip(few, many, strict=False):
        assert np.array_equal(a.photo, b.photo) and np.array_equal(a.badge, b.badge)
    other = shape_pictures(3, badge="random", seed=10)
    assert not any(np.array_equal(a.photo, b.photo) for a, b in zip(few, other, strict=True))
    photos = {p.photo.tobytes() for p in many}
    assert len(photos) == 8


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n": 0}, "n must be a whole number, 1 or more, not 0"),
        ({"n": 3, "seed": -1}, "seed must be"),
        ({"n": 3, "badge": "stars"}, "did you mean 'star'"),
        ({"n": 3, "badge": True}, "badge must be one of None, 'all'"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        shape_pictures(**arguments)
