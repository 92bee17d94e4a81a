"""Panels: the quick pictures of explorers say the same as the figures of the lessons."""

import numpy as np
import pytest

from cnnvis_helpers.networks.network import Prediction
from cnnvis_helpers.widgets import fast_pictures as panels

GREY = np.full((60, 80, 3), 90, np.uint8)


def test_a_panel_keeps_the_photo_s_shape_and_fits_into_its_place():
    for shape in ((300, 451, 3), (50, 500, 3), (900, 60, 3), (1024, 1024)):
        panel = panels.photo_panel(np.full(shape, 7, np.uint8), side=200)
        height, width = panel.pixels.shape[:2]
        assert max(height / 200, width / (panels.WIDEST * 200)) == pytest.approx(1, abs=0.01)
        assert width / height == pytest.approx(shape[1] / shape[0], rel=0.05)
        assert (panel.pixels == 7).all()


def test_heat_lies_where_the_map_is_high_and_zero_leaves_the_grey_photo():
    heat = np.zeros((60, 80))
    heat[:30, :40] = 2.0
    panel = panels.heat_panel(GREY, heat, side=60)
    assert panel.pixels.shape == (60, 80, 3)
    assert (panel.pixels[35:, 45:] == 90).all(), "where the map is zero the photo is seen"
    top = panels.palette(0, 2)[255] * 0.8 + 90 * 0.2
    assert np.abs(panel.pixels[:25, :35] - top).max() <= 1
    assert panel.scale[:2] == (0, 2)


def test_signed_heat_is_red_for_and_blue_against_on_one_scale():
    heat = np.zeros((60, 80))
    heat[:20], heat[40:] = 1.0, -1.0
    pixels = panels.heat_panel(GREY, heat, side=60, signed=True).pixels.astype(int)
    (red, _, blue), (red_, _, blue_) = pixels[5, 5], pixels[55, 5]
    assert red > blue + 40 and blue_ > red_ + 40
    assert (pixels[30] == 90).all()


def test_where_a_map_is_not_known_it_is_white():
    known = np.zeros((60, 80), bool)
    known[:30] = True
    pixels = panels.heat_panel(GREY, np.zeros((60, 80)), side=60, signed=True, known=known).pixels
    inside, edge = pixels[1:-1, 1:-1], pixels[-1]
    assert (inside[:29] == 90).all() and (inside[29:] == 255).all()
    assert (edge == panels.FRAME).all(), "on a white page the panel ends somewhere"


def test_coarse_cells_stay_cells_or_become_smooth():
    heat = np.array([[0.0, 1.0]])
    cells = panels.map_panel(heat, (40, 80)).pixels
    smooth = panels.map_panel(heat, (40, 80), cells=False).pixels
    assert len(np.unique(cells[20], axis=0)) == 2
    assert len(np.unique(smooth[20], axis=0)) > 10
    assert (cells[:, 0] == panels.palette(0, 1)[0]).all()
    assert (cells[:, -1] == panels.palette(0, 1)[255]).all()


def test_colours_are_those_of_matplotlib():
    from cnnvis_helpers.pictures.drawing import colours

    values = np.linspace(-3, 3, 50).reshape(5, 10)
    made = panels.map_panel(values, (5, 10), signed=True).pixels
    assert np.abs(made.astype(int) - colours(values, -3, 3)[..., :3]).max() <= 4


def test_tiles_stand_in_rows_and_the_chosen_one_is_framed():
    tiles = [np.full((4, 4, 3), 20 * k, np.uint8) for k in range(6)]
    plain = panels.tiles_panel(tiles, 3, side=80).pixels
    framed = panels.tiles_panel(tiles, 3, side=80, chosen=4).pixels
    height, width = plain.shape[0] // 2, plain.shape[1] // 3
    for k in range(6):
        centre = (k // 3) * height + height // 2, (k % 3) * width + width // 2
        assert (plain[centre] == 20 * k).all()
    differs = np.argwhere((plain != framed).any(axis=2))
    assert differs.min(axis=0)[0] >= height - 4 and width - 4 <= differs[:, 1].min()
    assert differs[:, 1].max() <= 2 * width + 4


def test_bars_are_as_long_as_the_probabilities():
    said = [Prediction(0, "cat", 0.75), Prediction(1, "dog", 0.25), Prediction(2, "x", 0.0)]
    pixels = panels.bars_panel(said, side=200, width=200, marked={1}).pixels
    blue = (pixels == (0, 114, 178)).all(axis=2).any(axis=0).sum()
    orange = (pixels == (213, 94, 0)).all(axis=2).any(axis=0).sum()
    assert abs(blue - 150) <= 2 and abs(orange - 50) <= 2


def test_a_row_holds_all_panels_their_titles_and_long_names_are_cut():
    one = panels.photo_panel(GREY, "A title", side=120)
    two = panels.photo_panel(GREY, "A very long title " * 9, side=120)
    joined = panels.row([one, two])
    wide = one.pixels.shape[1]
    assert joined.shape[2] == 3 and joined.shape[1] < 3 * wide
    assert joined.shape[0] > 120 and (joined[30:] == 90).all(axis=2).sum() == 2 * 120 * wide
    assert (joined[:28] < 128).any(), "the titles are written"


def test_a_colour_bar_has_room_for_small_numbers():
    for peak in (1.82e-05, -0.000248):
        heat = np.full((10, 10), peak)
        heat[0, 0] = 0
        joined = panels.row([panels.map_panel(heat, (100, 100), "t")])
        dark = (joined < 100).all(axis=2)
        dark[:, :130] = False
        assert dark.any() and not dark[:, -2:].any(), f"{peak} is cut off at the right"


def test_what_is_no_map_is_refused():
    with pytest.raises(ValueError, match="A map is"):
        panels.heat_panel(GREY, np.zeros((3, 3, 3)))
    with pytest.raises(ValueError, match="A photo has shape"):
        panels.photo_panel(np.zeros((3, 3, 5)))
