"""The array helpers, by numbers."""

import numpy as np
import pytest

from cnnvis_helpers.pictures.tiles import (
    around_grey,
    describe,
    map_limits,
    standardise_tile,
    tile,
    to_unit,
)


def test_describe_says_shape_type_and_range():
    summary = describe(np.linspace(-1, 3, 5, dtype=np.float32).reshape(5, 1))
    assert summary == ((5, 1), "float32", -1.0, 3.0, 1.0)
    assert str(summary) == repr(summary) == "shape (5, 1), float32, min -1, max 3, mean 1"
    assert describe([True, False]).mean == 0.5
    assert "nan" in str(describe([np.nan, 1.0]))


@pytest.mark.parametrize("nothing", [[], np.zeros((0, 3)), ["a"], None])
def test_describe_refuses_what_is_not_numbers(nothing):
    with pytest.raises(ValueError, match="array of numbers"):
        describe(nothing)


def test_to_unit_stretches_and_clips():
    array = np.array([[10, 20], [30, 60]], np.uint8)
    assert to_unit(array).tolist() == [[0, np.float32(0.2)], [np.float32(0.4), 1]]
    assert to_unit(array, 20, 40).tolist() == [[0, 0], [0.5, 1]]
    assert to_unit(array).dtype == np.float32 and array.max() == 60
    assert not to_unit(np.full((3, 3), 7.0)).any()  # and not nan


def test_around_grey_keeps_zero_in_the_middle():
    assert around_grey([[-4.0, 0.0, 2.0]]).tolist() == [[0, 0.5, 0.75]]
    assert around_grey([-4.0, 1.0], limit=2).tolist() == [0, 0.75]
    assert (around_grey(np.zeros((2, 2))) == 0.5).all()
    with pytest.raises(ValueError, match="positive limit"):
        around_grey([1.0], limit=0)


def test_standardise_tile_is_the_formula_channel_by_channel():
    maps = np.random.default_rng(0).normal(3, 2, (6, 5, 4)).astype(np.float32)
    tiles = standardise_tile(maps)
    for k in range(4):
        channel = maps[:, :, k].astype(float)
        by_hand = (channel - channel.mean()) / channel.std() * 64 + 128
        assert np.array_equal(tiles[:, :, k], np.clip(by_hand, 0, 255).astype(np.uint8))
        assert np.array_equal(standardise_tile(maps[:, :, k]), tiles[:, :, k])


def test_standardise_tile_makes_a_dead_channel_mid_grey():
    for constant in (0.0, 0.1, 1e30):
        assert (standardise_tile(np.full((7, 7), constant, np.float32)) == 128).all()


def test_tile_of_channels_puts_every_value_in_its_place():
    maps = np.arange(2 * 3 * 5).reshape(2, 3, 5)
    mosaic = tile(maps, columns=3, margin=2, fill=-1)
    assert mosaic.shape == (2 * 2 + 2, 3 * 3 + 2 * 2)
    for k in range(5):
        top, left = k // 3 * 4, k % 3 * 5
        assert np.array_equal(mosaic[top : top + 2, left : left + 3], maps[:, :, k])
    assert (mosaic[2:4] == -1).all() and (mosaic[:, 3:5] == -1).all()
    assert (mosaic[4:, 10:] == -1).all()  # the sixth place is empty


@pytest.mark.parametrize(
    "images, columns, message",
    [
        ([], 8, "empty list"),
        (np.zeros((0, 4, 4, 3)), 8, "got shape"),
        (np.zeros((4, 4, 0)), 8, "got shape"),
        (np.zeros(4), 8, "got shape"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], 8, "one shape"),
        ([np.zeros(3)], 8, "one shape"),
        (np.ones((2, 2, 2)), 0, "columns 0"),
    ],
)
def test_tile_says_what_is_wrong(images, columns, message):
    with pytest.raises(ValueError, match=message):
        tile(images, columns=columns)


def test_limits_are_symmetric_for_signed_maps_and_start_at_zero_for_others():
    assert map_limits([[-1.0, 3.0]]) == (-3, 3)
    assert map_limits([[1.0, 3.0]]) == (0, 3)
    assert map_limits([[1.0, 3.0]], signed=True) == (-3, 3)
    assert map_limits([[-1.0, 3.0]], signed=False) == (-1, 3)
    assert map_limits([1.0], [5.0, 2.0]) == (0, 5)
    assert map_limits(np.zeros((2, 2))) == (0, 1)
    assert map_limits(np.zeros((2, 2)), signed=True) == (-1, 1)


def test_a_percentile_ignores_one_hot_pixel():
    map = np.ones(1000)
    map[0] = 50
    assert map_limits(map) == (0, 50)
    assert map_limits(map, percentile=99) == (0, 1)
    assert map_limits(-map, percentile=99) == (-1, 1)
    only_one = np.zeros(1000)
    only_one[3] = 2.0
    assert map_limits(only_one, percentile=99) == (0, 2)  # not an empty scale


@pytest.mark.parametrize("function", [to_unit, around_grey, standardise_tile, map_limits])
@pytest.mark.parametrize("bad", [[[np.nan, 1.0]], [[np.inf, 1.0]], [], [["a"]]])
def test_every_helper_refuses_what_is_not_finite(function, bad):
    with pytest.raises(ValueError, match=r"finite numbers|array of numbers"):
        function(bad)
