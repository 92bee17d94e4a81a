"""Pictures: what reaches the reader, and the numbers behind the colours."""

import base64
import html.parser
import io
import re
from collections import namedtuple

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import cnnvis_helpers
from cnnvis_helpers import (
    compare_maps,
    display_figure,
    figure_row,
    overlay_picture,
    save_picture,
    show_boxes,
    show_curve,
    show_feature_maps,
    show_filter_channels,
    show_filters,
    show_grid,
    show_map,
    show_matrix,
    show_mosaic,
    show_overlay,
    show_photo,
    show_predictions,
    show_signed,
    show_vector,
)
from cnnvis_helpers.pictures import style as figures
from cnnvis_helpers.pictures.tiles import standardise_tile, tile

Prediction = namedtuple("Prediction", "index label probability")
RANDOM = np.random.default_rng(0)
PHOTO = RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8)
MAP = np.linspace(0, 2, 600, dtype=np.float32).reshape(20, 30)
SIGNED = np.linspace(-1, 3, 600, dtype=np.float32).reshape(20, 30)
KERNEL = RANDOM.normal(0, 1, (3, 3, 3, 10)).astype(np.float32)
MAPS = np.abs(RANDOM.normal(0, 1, (6, 7, 20))).astype(np.float32)

EVERY_PICTURE = {
    "show_photo": lambda **k: show_photo(PHOTO, **k),
    "show_filters": lambda **k: show_filters(KERNEL, **k),
    "show_filter_channels": lambda **k: show_filter_channels(KERNEL, **k),
    "show_feature_maps": lambda **k: show_feature_maps(MAPS, **k),
    "show_mosaic": lambda **k: show_mosaic(MAPS, **k),
    "show_map": lambda **k: show_map(MAP, **k),
    "show_signed": lambda **k: show_signed(SIGNED, **k),
    "show_overlay": lambda **k: show_overlay(PHOTO, MAP, **k),
    "show_curve": lambda **k: show_curve([0, 1, 2], {"a": [1, 2, 3], "b": [3, 2, 1]}, **k),
    "show_predictions": lambda **k: show_predictions([("cat", 0.9), ("dog", 0.1)], **k),
    "show_vector": lambda **k: show_vector(np.arange(100.0), **k),
    "show_matrix": lambda **k: show_matrix([[1, 2], [3, 4]], **k),
    "show_boxes": lambda **k: show_boxes(PHOTO, (2, 3, 10, 12), **k),
}
WHOLE_FIGURES = {
    "show_grid": lambda **k: show_grid([PHOTO, MAP, SIGNED], **k),
    "compare_maps": lambda **k: compare_maps({"a": MAP, "b": SIGNED}, photo=PHOTO, **k),
}
pictures_with_figure = pytest.mark.parametrize("name", [*EVERY_PICTURE, *WHOLE_FIGURES])


def draw(name, **options):
    return {**EVERY_PICTURE, **WHOLE_FIGURES}[name](**options)


def drawn_pixels(ax, number=0):
    return np.asarray(ax.images[number].get_array())


def bar_labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


@pytest.fixture
def notebook():
    """A running IPython shell; a list of what it displays, as (data, metadata)."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    shown = []

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, **_):
            shown.append((data, metadata))

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.display_pub = Publisher()
    yield shown
    InteractiveShell.clear_instance()


class ImageTag(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


# What reaches the reader


def test_every_public_picture_is_in_these_tests():
    names = cnnvis_helpers._MODULE_OF
    shows = {name for name in names if name.startswith(("show_", "compare_maps"))}
    assert shows == {*EVERY_PICTURE, *WHOLE_FIGURES}


@pictures_with_figure
def test_a_notebook_gets_one_picture_with_alt_text_and_nothing_to_show_twice(name, notebook):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    assert draw(name, alt="A cat looks at you.") is None
    ((data, _),) = notebook
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/plain"] == "A cat looks at you."
    ((tag, attributes),) = ImageTag(data["text/html"]).tags
    assert (tag, attributes["alt"]) == ("img", "A cat looks at you.")
    kind, source = attributes["src"].removeprefix("data:image/").split(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(source)))
    assert picture.format.lower() == kind
    assert picture.width == int(attributes["width"])
    assert 150 < picture.width < 1000
    assert "max-width:100%" in attributes["style"]
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)  # also on a dark page
    assert plt.get_fignums() == before


@pictures_with_figure
def test_without_alt_text_a_picture_describes_itself(name, notebook):
    draw(name)
    ((data, _),) = notebook
    assert len(data["text/plain"]) > 10 and "without" not in data["text/plain"]


def test_alt_texts_of_noise_of_maps_and_of_pyplot_figures(notebook):
    import matplotlib.pyplot as plt

    heat = np.zeros((9, 9))
    heat[1, 7], heat[8, 4] = 0.25, -0.5
    show_map(np.maximum(heat, 0), "Grad-CAM")
    show_map(heat)
    show_map(np.zeros((4, 4)))
    show_photo(np.random.default_rng(0).integers(0, 256, (480, 480, 3), dtype=np.uint8))
    figure, axes = plt.subplots(1, 2)
    axes[0].set_title("Loss")
    axes[1].set(xlabel="epoch", ylabel="accuracy")
    display_figure(figure)
    assert [data["text/plain"] for data, _ in notebook] == [
        "Grad-CAM: Heat map; brightest at the upper right; 0 to 0.25",
        "Signed map; highest at the upper right, lowest at the bottom; -0.5 to 0.5",
        "Heat map; 0 everywhere",
        "Photo, 480 x 480 pixels",
        "Loss. accuracy over epoch",
    ]


@pytest.mark.parametrize("alt", [3, ["a"]])
def test_an_alt_text_that_is_no_text_is_refused(alt, notebook):
    with pytest.raises(ValueError, match="alt is one sentence"):
        show_photo(PHOTO, alt=alt)
    assert notebook == []


@pictures_with_figure
def test_outside_a_notebook_the_figure_comes_back(name):
    figure = draw(name, alt="x")
    assert isinstance(figure, Figure)
    assert figure.axes


@pytest.mark.parametrize("name", EVERY_PICTURE)
def test_a_picture_draws_on_the_axes_it_is_given(name, notebook):
    figure = Figure()
    ax = figure.add_subplot()
    assert draw(name, ax=ax, title="here") is None
    assert ax.get_title() == "here"
    assert notebook == []
    with pytest.raises(ValueError, match="alt belongs to the whole figure"):
        draw(name, ax=ax, alt="x")


@pictures_with_figure
def test_a_picture_changes_neither_its_input_nor_the_style_of_others(name):
    inputs = [array.copy() for array in (PHOTO, MAP, SIGNED, KERNEL, MAPS)]
    style = dict(matplotlib.rcParams)
    draw(name, alt="x")
    assert dict(matplotlib.rcParams) == style
    for before, after in zip(inputs, (PHOTO, MAP, SIGNED, KERNEL, MAPS), strict=True):
        assert np.array_equal(before, after)


def test_alt_text_survives_quotes_and_angle_brackets():
    alt = 'A "cat" & a <b>dog</b>,\n   side by side'
    figure = show_photo(PHOTO, alt="x")
    bundle = figures._bundle(figure, figures.alt_text(figure, alt))
    ((_, attributes),) = ImageTag(bundle["text/html"]).tags
    assert attributes["alt"] == 'A "cat" & a <b>dog</b>, side by side' == bundle["text/plain"]


def test_a_pyplot_figure_is_closed_once_it_is_shown(notebook):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    ax.plot([1, 2])
    assert display_figure(figure, "A rising line.") is None
    assert len(notebook) == 1
    assert figure.number not in plt.get_fignums()
    with pytest.raises(TypeError, match="got Axes"):
        display_figure(ax, "x")


def test_a_row_of_axes_is_shown_once_at_the_end(notebook):
    with figure_row(2, alt="A photo and its map.") as (left, right):
        show_photo(PHOTO, ax=left)
        show_map(MAP, ax=right)
        assert notebook == []
    assert [data["text/plain"] for data, _ in notebook] == ["A photo and its map."]
    with figure_row(1, alt="x") as (only,):
        only.plot([1, 2])
    assert len(notebook) == 2


def test_a_row_is_not_shown_after_an_error(notebook):
    with pytest.raises(ZeroDivisionError), figure_row(2, alt="x"):
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="at least one column"), figure_row(0, alt="x"):
        pass
    assert notebook == []


def test_photos_travel_as_jpeg_and_drawings_as_png_and_both_are_light():
    y, x = np.mgrid[:300, :451]
    smooth = np.stack([128 + 100 * np.sin(x / 40 + k) * np.cos(y / 30) for k in range(3)], -1)
    photo = np.clip(smooth + RANDOM.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
    kind, data, _ = figures._encode(show_photo(photo, alt="x"))
    assert kind == "jpeg" and len(data) < 90_000
    kind, data, _ = figures._encode(draw("show_curve", alt="x"))
    assert kind == "png" and len(data) < 60_000


def width_shown(figure):
    """Pixels that a browser gives the figure where there is room."""
    return int(re.search(r'width="(\d+)"', figures._bundle(figure, "x")["text/html"])[1])


def contrast_on_white(colour):
    levels = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_a_projector_gets_larger_figures_until_it_is_switched_off():
    def width():
        return width_shown(show_curve([0, 1], [0, 1], title="A line"))

    usual = width()
    with matplotlib.rc_context():
        cnnvis_helpers.use_course_style()
        assert matplotlib.rcParams["image.cmap"] == "magma"
        try:
            cnnvis_helpers.use_course_style(projector=True)
            large = width()
            assert matplotlib.rcParams["lines.linewidth"] >= 4
        finally:
            cnnvis_helpers.use_course_style()
        assert matplotlib.rcParams["lines.linewidth"] == figures._USUAL["lines.linewidth"]
    assert 1.3 * usual < large < 1.5 * usual and width() == usual


@pytest.mark.parametrize("projector, count", [(True, 9), (False, 20)])
def test_each_curve_has_its_own_look_and_a_projector_shows_contrast(projector, count):
    with matplotlib.rc_context():
        cnnvis_helpers.use_course_style(projector=projector)
        axes = show_curve([0, 1], {str(k): [0, k] for k in range(count)}).axes[0]
        bars = show_predictions([("cat", 0.9), ("dog", 0.1)]).axes[0].patches
        cnnvis_helpers.use_course_style()
    looks = [(line.get_color(), line.get_linestyle()) for line in axes.lines]
    assert len(set(looks)) == count
    colours = [*(colour for colour, _ in looks), *(bar.get_facecolor()[:3] for bar in bars)]
    assert not projector or min(map(contrast_on_white, colours)) >= 3


# Colours


def lightness(rgb):
    """CIE L* of sRGB colours 0..1 (n, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def test_zero_of_a_signed_map_is_the_middle_colour():
    values = np.array([[-1.0, 0.0, 4.0]])
    figure = show_signed(values, alt="x")
    pixels = drawn_pixels(figure.axes[0])[0]
    colour_map = matplotlib.colormaps["RdBu_r"]
    assert pixels.tolist() == [
        list(colour_map(level, bytes=True)) for level in ((4 - 1) / 8, 0.5, 1.0)
    ]
    assert bar_labels(figure.axes[0].child_axes[0]) == ["-4", "0", "4"]


def test_an_unsigned_map_starts_at_zero_and_says_its_maximum():
    figure = show_map([[0.25, 0.5]], alt="x")
    pixels = drawn_pixels(figure.axes[0])[0]
    magma = matplotlib.colormaps["magma"]
    assert pixels.tolist() == [list(magma(0.5, bytes=True)), list(magma(1.0, bytes=True))]
    assert bar_labels(figure.axes[0].child_axes[0]) == ["0", "0.25", "0.5"]


def test_own_limits_stand_on_the_colour_bar_and_clipped_values_show():
    figure = show_map([[0.0, 9.0]], vmax=3, alt="x", label="logits")
    bar = figure.axes[0].child_axes[0]
    assert bar_labels(bar) == ["0", "1.5", "3"]
    assert bar._colorbar.extend == "max"
    assert bar.get_ylabel() == "logits"
    bar = show_signed([[-9.0, 1.0]], vmax=3, alt="x").axes[0].child_axes[0]
    assert bar_labels(bar) == ["-3", "0", "3"]
    assert bar._colorbar.extend == "min"
    assert show_map(MAP, alt="x").axes[0].child_axes[0]._colorbar.extend == "neither"


def test_a_map_of_zeros_says_so():
    assert show_map(np.zeros((4, 4)), alt="x").axes[0].get_xlabel() == "0 everywhere"
    assert show_overlay(PHOTO, np.zeros((4, 4)), alt="x").axes[0].get_xlabel() == "0 everywhere"


def test_an_overlay_is_transparent_at_zero_and_keeps_the_photo_there():
    values = np.array([[0.0, 1.0], [2.0, 4.0]])
    figure = show_overlay(np.full((2, 2, 3), 200, np.uint8), values, alpha=0.8, alt="x")
    opacity = drawn_pixels(figure.axes[0], 1)[:, :, 3]
    assert np.allclose(opacity, 0.8 * values / 4)
    even = show_overlay(PHOTO[:2, :2], values, alpha=0.4, fade=False, alt="x")
    assert np.allclose(drawn_pixels(even.axes[0], 1)[:, :, 3], 0.4)


def test_an_overlay_of_a_signed_map_fades_at_zero_on_both_sides():
    figure = show_overlay(PHOTO[:1, :3], [[-2.0, 0.0, 1.0]], alpha=1, alt="x")
    assert np.allclose(drawn_pixels(figure.axes[0], 1)[0, :, 3], [1, 0, 0.5])


def test_a_coarse_map_covers_the_whole_photo_in_whole_cells():
    figure = show_overlay(PHOTO, np.eye(2), grid=True, alt="x")
    photo, over = figure.axes[0].images
    assert over.get_extent() == photo.get_extent() == [-0.5, 29.5, 19.5, -0.5]
    assert over.get_interpolation() == "nearest"
    assert len(figure.axes[0].collections) == 2  # lines down and across


def test_overlay_picture_is_the_blend_by_hand():
    photo = np.array([[[100, 100, 100], [0, 200, 40]]], np.uint8)
    heat = np.array([[1.0, 0.0]])
    hot, cold = (matplotlib.colormaps["magma"](level, bytes=True)[:3] for level in (1.0, 0.0))
    even = overlay_picture(photo, heat, alpha=0.4, fade=False, grey=False)
    by_hand = [[0.6 * photo[0, 0] + 0.4 * np.array(hot), 0.6 * photo[0, 1] + 0.4 * np.array(cold)]]
    assert np.abs(even - by_hand).max() <= 0.5
    assert even.dtype == np.uint8
    fading = overlay_picture(photo, heat, alpha=0.4, grey=False)
    assert np.array_equal(fading[0, 1], photo[0, 1])  # untouched where the map is zero
    grey = overlay_picture(photo, heat, alpha=0.4)
    assert (grey[0, 1] == round(0.587 * 200 + 0.114 * 40)).all()


# Grids, filters, feature maps


def test_a_shared_scale_gives_equal_values_equal_colours():
    figure = show_grid([np.full((2, 2), 1.0), np.array([[1.0, 4.0]])], alt="x")
    left, right, bar = figure.axes
    assert np.array_equal(drawn_pixels(left)[0, 0], drawn_pixels(right)[0, 0])
    assert bar_labels(bar) == ["0", "2", "4"]


def test_scales_of_their_own_are_printed_below_each_map():
    figure = show_grid([MAP, SIGNED], scale="each", alt="x")
    assert [ax.get_xlabel() for ax in figure.axes] == ["0 to 2", "-3 to 3"]


def test_a_grid_shows_photos_as_they_are_and_in_order():
    figure = show_grid([PHOTO, 255 - PHOTO, PHOTO], titles=["a", "b", "c"], columns=2, alt="x")
    assert np.array_equal(drawn_pixels(figure.axes[1]), 255 - PHOTO)
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c"]
    boxes = [ax.get_position() for ax in figure.axes]
    assert boxes[0].y0 == pytest.approx(boxes[1].y0)
    assert boxes[0].y0 > boxes[2].y1 and boxes[0].x1 < boxes[1].x0


def test_grids_of_arrays_and_of_lists_of_pictures():
    assert drawn_pixels(show_grid([[PHOTO, PHOTO]]).axes[0]).shape == (20, 30 + 4 + 30, 3)
    assert len(show_grid(np.stack([PHOTO] * 5)).axes) == 5
    assert len(show_grid(np.stack([MAP] * 3)[..., None]).axes) == 3 + 1


def test_compared_maps_share_one_scale():
    figure = compare_maps({"a": MAP, "b": MAP / 2}, alt="x")
    left, right, bar = figure.axes
    assert [left.get_title(), right.get_title()] == ["a", "b"]
    assert bar_labels(bar) == ["0", "1", "2"]
    middle = matplotlib.colormaps["magma"](0.5, bytes=True)
    assert drawn_pixels(right)[-1, -1].tolist() == list(middle)
    over = compare_maps([MAP, SIGNED], photo=PHOTO, alt="x")
    assert len(over.axes[0].images) == 2 and bar_labels(over.axes[-1]) == ["-3", "0", "3"]


def test_a_weight_of_zero_is_mid_grey_and_the_largest_is_full_colour():
    kernel = np.zeros((1, 1, 3, 2))
    kernel[0, 0, 0, 1] = -2.0
    kernel[0, 0, 1, 1] = 2.0
    figure = show_filters(kernel, alt="x")
    pixels = drawn_pixels(figure.axes[0])
    assert pixels[0].tolist() == [[0.5, 0.5, 0.5], [0, 1, 0.5]]
    assert figure.axes[0].get_xlabel() == "grey is 0, full colour is ±2"


def test_filters_are_weak_on_the_shared_scale_and_strong_on_their_own():
    kernel = np.zeros((1, 1, 3, 2))
    kernel[..., 0], kernel[..., 1] = 4.0, 1.0
    assert drawn_pixels(show_filters(kernel, alt="x").axes[0])[0, 1, 0] == 0.625
    assert drawn_pixels(show_filters(kernel, scale="each", alt="x").axes[0])[0, 1, 0] == 1


def test_the_table_of_filters_has_a_column_a_filter_and_a_row_a_channel():
    figure = show_filter_channels(KERNEL, filters=[4, 2], alt="x")
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["filter 4", "filter 2"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["red", "green", "blue"]
    limit = np.abs(KERNEL[..., [4, 2]]).max()
    level = int((KERNEL[1, 2, 0, 2] / limit + 1) / 2 * 256)  # filter 2, red, row 1, column 2
    assert abs(int(drawn_pixels(ax)[1, 3 + 2, 0]) - level) <= 1
    figure = show_filter_channels(np.zeros((3, 3, 8, 8)), filters=0, channels=range(2, 4), alt="x")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["input 2", "input 3"]


def test_feature_maps_say_how_many_there_are_and_which_is_which():
    ax = show_feature_maps(MAPS, alt="x").axes[0]
    assert ax.get_xlabel() == "20 of 20 channels, 6 x 7 each"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "8", "16"]
    assert [label.get_text() for label in ax.get_xticklabels()][:3] == ["+0", "+1", "+2"]
    many = np.zeros((2, 2, 100))
    assert "64 of 100" in show_feature_maps(many, alt="x").axes[0].get_xlabel()
    some = show_feature_maps(MAPS, channels=[3, 9, 4], columns=2, alt="x").axes[0]
    assert [label.get_text() for label in some.get_yticklabels()] == ["3", "4"]


def test_feature_maps_lie_in_their_places_on_one_scale():
    figure = show_feature_maps(MAPS, percentile=100, alt="x")
    pixels = drawn_pixels(figure.axes[0])
    viridis = matplotlib.colormaps["viridis"]
    levels = tile([MAPS[:, :, k] for k in range(20)], 8, 0) / MAPS.max()
    assert np.array_equal(pixels[:12], viridis(levels, bytes=True)[:12])
    assert (pixels[12:, 4 * 7 :] == 255).all()  # empty places are white


def test_one_hot_value_does_not_darken_all_feature_maps():
    hot = MAPS.copy()
    hot[0, 0, 0] = 1000
    bar = show_feature_maps(hot, alt="x").axes[0].child_axes[0]
    assert float(bar_labels(bar)[-1]) < 10
    assert bar._colorbar.extend == "max"


def test_faint_maps_on_their_own_scale_reach_the_brightest_colour():
    maps = np.zeros((2, 2, 2))
    maps[0, 0] = 100.0, 0.001
    pixels = drawn_pixels(show_feature_maps(maps, scale="each", alt="x").axes[0])
    assert np.array_equal(pixels[0, 0], pixels[0, 2])


def test_the_mosaic_draws_the_numbers_of_standardise_tile():
    figure = show_mosaic(MAPS, columns=16, cmap="gray", alt="x")
    levels = tile(standardise_tile(MAPS), 16, 0, 255)
    assert np.array_equal(drawn_pixels(figure.axes[0])[:, :, 0], levels)


# Numbers


def test_predictions_are_bars_of_their_probability_best_on_top():
    predictions = [Prediction(281, "tabby", 0.75), Prediction(285, "Egyptian_cat", 0.0001)]
    ax = show_predictions(predictions, alt="x").axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.75, 0.0001]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tabby", "Egyptian_cat"]
    assert [text.get_text() for text in ax.texts] == ["0.750", "< 0.001"]
    assert ax.yaxis_inverted()


def test_a_vector_names_its_largest_entries_without_overlap():
    values = np.zeros(1000)
    values[[281, 285, 900]] = 0.5, 0.49, 0.01
    labels = [f"class {i}" for i in range(1000)]
    ax = show_vector(values, labels, alt="x").axes[0]
    assert [text.get_text() for text in ax.texts] == ["class 281 0.5", "class 285 0.49"]
    heights = [text.xy[1] for text in ax.texts]
    assert heights[0] - heights[1] > 0.04
    few = show_vector([0.2, 0.8], ["cat", "dog"], alt="x").axes[0]
    assert [label.get_text() for label in few.get_xticklabels()] == ["cat", "dog"]


def test_a_curve_has_its_points_and_names():
    ax = show_curve([0, 1], {"up": [0, 1], "down": [1, 0]}, xlabel="step", alt="x").axes[0]
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0, 1], [1, 0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["up", "down"]
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert show_curve([0, 1], [1, 2], alt="x").axes[0].get_legend() is None


@pytest.mark.parametrize("x", [[0, 1, 2, 3, 4], [0.0, 1.0], range(11), range(31), [0, 16]])
def test_a_curve_over_whole_numbers_has_whole_ticks(x):
    ticks = show_curve(x, x, alt="x").axes[0].get_xticks()
    assert len(ticks) >= 2 and (ticks == np.rint(ticks)).all()
    between = show_curve([0, 0.5, 1], [0, 1, 2], alt="x").axes[0].get_xticks()
    assert (between != np.rint(between)).any()


def test_a_matrix_writes_its_numbers_readably():
    ax = show_matrix([[1.0, 1.25], [-3.0, -0.001]], alt="x").axes[0]
    assert [text.get_text() for text in ax.texts] == ["1.00", "1.25", "-3.00", "0.00"]
    shades = drawn_pixels(ax).astype(float)[:, :, :3].reshape(4, 3)
    for text, shade in zip(ax.texts, shades, strict=True):
        contrast = abs(
            lightness(shade[None] / 255)[0] - (100 if text.get_color() == "white" else 0)
        )
        assert contrast > 40


def test_a_matrix_names_its_rows_and_columns():
    names = ["cam", "gradient", "occlusion"]
    ax = show_matrix(np.arange(9.0).reshape(3, 3), labels=names, alt="x").axes[0]
    for axis in (ax.xaxis, ax.yaxis):
        assert [tick.get_text() for tick in axis.get_ticklabels()] == names
        assert list(axis.get_ticklocs()) == [0, 1, 2]
    assert not show_matrix(np.eye(3), alt="x").axes[0].get_xticks().size
    for shape in ((2, 2), (3, 4)):
        with pytest.raises(ValueError, match=f"3 names for {shape[0]} x {shape[1]} numbers"):
            show_matrix(np.zeros(shape), labels=names, alt="x")


def test_boxes_lie_on_pixel_edges():
    boxes = [(0, 0, 20, 30), (5, 6, 10, 12)]
    ax = show_boxes(PHOTO, boxes, labels=["all", "part"], alt="x").axes[0]
    whole, part = ax.patches
    assert (whole.get_x(), whole.get_width(), whole.get_height()) == (-0.5, 30, 20)
    assert (part.get_x(), part.get_y()) == (5.5, 4.5)
    assert [text.get_text() for text in ax.texts] == ["all", "part"]


# Photos in, photos out


def test_a_photo_is_shown_pixel_for_pixel():
    assert np.array_equal(drawn_pixels(show_photo(PHOTO, alt="x").axes[0]), PHOTO)
    for same in (PHOTO.astype(np.float32), PHOTO / 255.0, PHOTO.astype(int)):
        assert np.array_equal(drawn_pixels(show_photo(same, alt="x").axes[0]), PHOTO)
    grey = drawn_pixels(show_photo(PHOTO[..., 0], alt="x").axes[0])
    assert all(np.array_equal(grey[..., k], PHOTO[..., 0]) for k in range(3))
    dark = np.full((2, 2, 3), 0.5)
    assert (drawn_pixels(show_photo(dark, alt="x").axes[0]) == 128).all()
    nearly_black = np.ones((2, 2, 3), int)
    assert (drawn_pixels(show_photo(nearly_black, alt="x").axes[0]) == 1).all()


BAD = [
    (show_signed, (SIGNED,), {"vmin": -1, "vmax": 3}, "zero in the middle"),
    (show_map, (MAP,), {"vmin": 2, "vmax": 2}, "vmin < vmax"),
    (show_map, (MAP,), {"cmap": "jett"}, "No colour map 'jett'"),
    (overlay_picture, (PHOTO, np.eye(2)), {}, "resize_map"),
    (overlay_picture, (PHOTO, MAP), {"alpha": 1.5}, "alpha lies between 0 and 1"),
    (show_grid, ([],), {}, "at least one picture"),
    (show_grid, (np.zeros((0, 4, 4, 3)),), {}, "at least one picture"),
    (show_grid, (MAPS,), {}, r"show_feature_maps shows \(h, w, c\)"),
    (show_grid, ([PHOTO],), {"titles": ["a", "b"]}, "1 pictures but 2 titles"),
    (show_grid, ([MAP],), {"scale": "own"}, "scale must be"),
    (show_grid, ([PHOTO],), {"columns": 0}, "columns >= 1"),
    (show_grid, ([np.full((3, 3), np.nan)],), {}, "finite"),
    (show_grid, ([PHOTO.repeat(2, axis=2)],), {}, r"A photo has shape \(20, 30, 6\)"),
    (compare_maps, ([],), {}, "at least one map"),
    (show_filters, (np.zeros((3, 3, 64, 8)),), {}, "show_filter_channels"),
    (show_filters, (np.zeros((3, 3, 3)),), {}, r"\(kh, kw, cin, cout\)"),
    (show_filter_channels, (KERNEL,), {"filters": [10]}, "filters go from 0 to 9, got .10."),
    (show_feature_maps, (MAPS,), {"channels": [25]}, "channels go from 0 to 19, got .25."),
    (show_feature_maps, (MAP,), {}, r"\(h, w, c\), got shape \(20, 30\)"),
    (show_predictions, ([("cat", 7.3)],), {}, "got 7.3"),
    (show_predictions, ([],), {}, "empty list"),
    (show_vector, ([0.2, 0.8], ["cat"]), {}, "2 values but 1 labels"),
    (show_vector, (MAP,), {}, r"got shape \(20, 30\)"),
    (show_curve, ([0, 1], [1, 2, 3]), {}, "2 x values but 3 y values"),
    (show_curve, ([0, 1], [1, np.nan]), {}, "nan or inf"),
    (show_boxes, (PHOTO, [(1, 2, 3)]), {}, "top, left, bottom, right"),
    (show_photo, (PHOTO[None],), {}, r"has shape \(1, 20, 30, 3\), .* such as array\[0\]"),
    (show_photo, (np.zeros((4, 4, 5), np.uint8),), {}, r"\(4, 4, 5\)"),
    (show_photo, (np.full((2, 2, 3), -1.0),), {}, "clip them first, as to_unit does"),
    (show_photo, (np.full((2, 2, 3), 256.0),), {}, "256 to 256"),
    (show_photo, (np.full((2, 2, 3), np.nan),), {}, "nan or infinite"),
    (show_photo, ([],), {}, "has shape"),
    (show_photo, ("cat.jpg",), {}, "load_photo reads files"),
    (show_map, (MAPS,), {}, "A map "),
    (show_signed, (np.zeros((0, 3)),), {}, "A map "),
    (show_matrix, (np.full((2, 2), np.inf),), {}, "A map "),
    (show_overlay, (PHOTO, [["a"]]), {}, "A map "),
]


@pytest.mark.parametrize("show, arguments, options, message", BAD)
def test_bad_input_is_one_sentence(show, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        show(*arguments, **options)


def test_a_saved_picture_comes_back_bit_for_bit(tmp_path):
    path = save_picture(tmp_path / "cat.png", PHOTO)
    assert np.array_equal(np.asarray(Image.open(path)), PHOTO)
    assert Image.open(save_picture(str(tmp_path / "cat.jpg"), PHOTO)).format == "JPEG"
    assert np.asarray(Image.open(save_picture(tmp_path / "g.png", PHOTO[..., 0]))).ndim == 2
    assert len(list(tmp_path.iterdir())) == 3


def test_a_picture_is_saved_completely_or_not_at_all(tmp_path, monkeypatch):
    path = save_picture(tmp_path / "cat.png", PHOTO)

    def fail(self, stream, *_, **__):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_picture(path, 255 - PHOTO)
    assert list(tmp_path.iterdir()) == [path]
    assert np.array_equal(np.asarray(Image.open(path)), PHOTO)


@pytest.mark.parametrize(
    "name, picture, message",
    [
        ("cat.gif", PHOTO, "let the name end in .png"),
        ("cat", PHOTO, "cannot tell the format"),
        ("nowhere/cat.png", PHOTO, "There is no folder"),
        ("cat.png", PHOTO / 255, "uint8 picture"),
        ("cat.png", PHOTO[..., :2], r"\(20, 30, 2\)"),
    ],
)
def test_save_picture_says_what_is_wrong(tmp_path, name, picture, message):
    with pytest.raises(ValueError, match=message):
        save_picture(tmp_path / name, picture)
