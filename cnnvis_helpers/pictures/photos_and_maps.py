"""Pictures of photos, filters, feature maps and heat maps: matplotlib only, nothing hidden.

Every `show_...` draws on the axes it is given (`ax=`). Without axes it makes a figure and shows it
once, and then asks for `alt`, the sentence that tells what is to be seen (see `display_figure`). In
a notebook it returns None, elsewhere the Figure. A picture computes nothing of its own: the limits
of a colour scale come from the data or from the caller and stand on the colour bar.

Photos are uint8 RGB (H, W, 3), feature maps float (h, w, c), heat maps float (H, W).
"""

import numpy as np
from matplotlib import patheffects
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cnnvis_helpers._shared.checks import check_map, finite
from cnnvis_helpers.pictures.drawing import (
    LUMINANCE,
    SIGNED,
    Look,
    axes_for,
    bar_beside,
    blend,
    checked_kernel,
    checked_maps,
    checked_titles,
    chosen_numbers,
    colour_map,
    colours,
    draw_bar,
    draw_cells,
    draw_mosaic,
    draw_over,
    draw_pixels,
    gap_colour,
    grid_list,
    grid_of_axes,
    grid_picture,
    is_map,
    label_and_probability,
    label_cells,
    photo_pixels,
    say_if_zero,
    scale_limits,
    short,
    short_share,
)
from cnnvis_helpers.pictures.style import (
    COLOURS,
    checked_alt,
    course_style,
    curve_colours,
    display_figure,
    figure_bundle,
    figure_row,
    pale_colour,
    save_picture,
    use_course_style,
)
from cnnvis_helpers.pictures.tiles import around_grey, map_limits, standardise_tile

__all__ = [
    "compare_maps",
    "display_figure",
    "figure_bundle",
    "figure_row",
    "overlay_picture",
    "save_picture",
    "show_boxes",
    "show_curve",
    "show_feature_maps",
    "show_filter_channels",
    "show_filters",
    "show_grid",
    "show_map",
    "show_matrix",
    "show_mosaic",
    "show_overlay",
    "show_photo",
    "show_predictions",
    "show_signed",
    "show_vector",
    "use_course_style",
]

MAPS = "viridis"


# Photos, alone and in a grid


@course_style()
def show_photo(photo, title=None, ax=None, alt=None):
    """Show one photo, pixel for pixel, with no stretching of its values.

    photo: uint8 0..255 or float 0..255 or 0..1 (a float picture with nothing above 1 is read as
    0..1), (H, W, 3) RGB or (H, W) grey. title: printed above. ax: matplotlib axes to draw on.
    alt: required without ax.
    Raises ValueError for another shape, for values outside 0..255 or not finite, or missing alt.
    """
    pixels = photo_pixels(photo)
    ax, finish = axes_for(pixels.shape, ax, alt)
    draw_pixels(ax, pixels, title)
    return finish()


@course_style()
def show_grid(
    images,
    titles=None,
    columns=4,
    cmap=None,
    margin=0.12,
    scale="shared",
    signed=None,
    vmin=None,
    vmax=None,
    percentile=100,
    size=3.0,
    title=None,
    alt=None,
):
    """Show several photos or maps in a grid.

    images: a list of photos (H, W, 3) and maps (H, W), or a 4-D array (n, H, W, 3 or 1). An
    element that is itself a list of equal pictures is joined into one tile.
    titles: one a picture. columns: pictures in a row. margin: inches between pictures. size:
    largest width of a picture in inches; a row is about nine inches wide at most.
    Two-dimensional arrays of floats are maps and get colours:
    scale="shared" puts all of them on one scale with one colour bar, limits vmin..vmax or from
    the data (`map_limits`, signed=True|False|None); scale="each" gives each its own limits and
    prints them below it. percentile: below 100 lets the largest values clip. cmap: default magma,
    or blue-white-red for signed maps.
    Raises ValueError for an empty list, a 3-D array, a number of titles that does not fit.
    """
    checked_alt(alt)
    pictures = [grid_picture(image) for image in grid_list(images)]
    titles = checked_titles(titles, len(pictures))
    if scale not in ("shared", "each"):
        raise ValueError(f'scale is "shared" or "each", got {scale!r}.')
    maps = [picture for picture in pictures if is_map(picture)]
    limits = scale_limits(maps, signed, vmin, vmax, percentile) if maps else None
    shared = limits is not None and scale == "shared"
    below = limits is not None and not shared
    shapes = [picture.shape for picture in pictures]
    figure, cells, bar = grid_of_axes(
        shapes, titles, columns, margin, shared, title, below, size
    )
    for ax, picture, name in zip(cells, pictures, titles, strict=True):
        if not is_map(picture):
            draw_pixels(ax, picture, name)
            continue
        low, high = limits if shared else scale_limits([picture], signed, vmin, vmax, percentile)
        draw_pixels(ax, colours(picture, low, high, cmap), name)
        if not shared:
            ax.set_xlabel(f"{short(low)} to {short(high)}", fontsize=12)
    if shared:
        draw_bar(bar, *limits, cmap, maps)
    return display_figure(figure, alt)


# Filters and feature maps


@course_style()
def show_filters(kernel, columns=8, scale="shared", title=None, ax=None, alt=None):
    """Show the filters of a first layer as small pictures: mid grey is weight zero.

    kernel: (kh, kw, 3, cout), shown in colour, or (kh, kw, 1, cout), in grey. A weight at plus the
    limit is full colour, at minus the limit none of it. scale="shared": the limit is the
    largest |weight| of all filters, so a weak filter looks grey; "each": of each filter alone. The
    limit is printed below. columns: filters in a row. title, ax, alt: see `show_photo`.
    Raises ValueError for other kernels (see `show_filter_channels` for deeper layers).
    """
    kernel = checked_kernel(kernel)
    if kernel.shape[2] not in (1, 3):
        raise ValueError(
            f"show_filters needs 1 or 3 input channels to show as colours, this kernel "
            f"{kernel.shape} has {kernel.shape[2]}: show_filter_channels shows them one by one."
        )
    if scale not in ("shared", "each"):
        raise ValueError(f'scale is "shared" or "each", got {scale!r}.')
    limit = float(np.abs(kernel).max())
    filters = np.moveaxis(kernel, -1, 0)
    tiles = [around_grey(each, limit if scale == "shared" else None) for each in filters]
    tiles = [np.broadcast_to(each, each.shape[:2] + (3,)) for each in tiles]
    note = f"grey is 0, full colour is ±{short(limit)}"
    if scale == "each":
        note = "grey is 0, each filter on its own scale"
    ax, finish = draw_mosaic(tiles, columns, range(len(tiles)), "#FFFFFF", title, ax, alt)
    ax.set_xlabel(note)
    return finish()


@course_style()
def show_filter_channels(
    kernel, filters=range(6), channels=range(3), title=None, ax=None, alt=None
):
    """Show filters as a table: one row a filter, one column an input channel, grey for zero.

    kernel: (kh, kw, cin, cout) of any conv layer. filters, channels: which to show. White is plus
    the largest |weight| shown, black is minus it, as the colour bar says.
    """
    kernel = checked_kernel(kernel)
    filters = chosen_numbers(filters, kernel.shape[3], "filters")
    channels = chosen_numbers(channels, kernel.shape[2], "channels")
    shown = [kernel[:, :, channel, number] for number in filters for channel in channels]
    low, high = map_limits(*shown, signed=True)
    tiles = [colours(each, low, high, "gray") for each in shown]
    ax, finish = draw_mosaic(tiles, len(channels), None, "#FFFFFF", title, ax, alt, size=4.2)
    names = ("red", "green", "blue") if kernel.shape[2] == 3 else None
    heads = [names[channel] if names else f"input {channel}" for channel in channels]
    label_cells(ax, tiles[0].shape, heads, [f"filter {number}" for number in filters])
    draw_bar(bar_beside(ax), low, high, "gray", shown)
    return finish()


@course_style()
def show_feature_maps(
    maps,
    columns=8,
    channels=None,
    cmap=None,
    scale="shared",
    signed=None,
    vmin=None,
    vmax=None,
    percentile=99.5,
    title=None,
    ax=None,
    alt=None,
):
    """Show the channels of one layer as small maps; the number of a map is row plus column label.

    maps: float (h, w, c), as `feature_maps` gives them. channels: which to show, by default the
    first 64; a line below the picture says how many there are. scale="shared": one scale for all
    of them, on the colour bar; "each": every map from its own minimum (or 0) to its own maximum,
    which makes faint maps visible and hides that they are faint. columns: maps in a row.
    percentile: the share of values that the shared scale reaches, so that one hot pixel does not
    darken all the rest; the colour bar ends in a point where values lie beyond. Others: see
    `show_map`; cmap defaults to viridis.
    Raises ValueError for another shape or an unknown channel.
    """
    maps = checked_maps(maps)
    count = maps.shape[2]
    chosen = chosen_numbers(
        range(min(count, 64)) if channels is None else channels, count, "channels"
    )
    shown = [maps[:, :, channel] for channel in chosen]
    if scale not in ("shared", "each"):
        raise ValueError(f'scale is "shared" or "each", got {scale!r}.')
    low, high = scale_limits(shown, signed, vmin, vmax, percentile)
    cmap = cmap or (SIGNED if low == -high else MAPS)
    ends = [(low, high)] * len(shown)
    if scale == "each":
        ends = [scale_limits([each], low == -high, vmin, vmax) for each in shown]
    tiles = [colours(each, *end, cmap) for each, end in zip(shown, ends, strict=True)]
    ax, finish = draw_mosaic(tiles, columns, chosen, gap_colour(low), title, ax, alt)
    note = f"{len(shown)} of {count} channels, {maps.shape[0]} x {maps.shape[1]} each"
    ax.set_xlabel(note + (", each on its own scale" if scale == "each" else ""))
    if scale == "shared":
        draw_bar(bar_beside(ax), low, high, cmap, shown)
    return finish()


@course_style()
def show_mosaic(maps, columns=16, cmap=MAPS, title=None, ax=None, alt=None):
    """Show all channels of a layer in one mosaic, each standardised by `standardise_tile`.

    maps: float (h, w, c). Every channel is centred, divided by its standard deviation, times 64
    plus 128: structure becomes visible and strength is lost; a dead channel is one flat colour.
    columns: channels in a row. cmap, title, ax, alt: see `show_photo`.
    """
    maps = checked_maps(maps)
    levels = standardise_tile(maps)
    palette = (colour_map(cmap)(np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    tiles = [palette[levels[:, :, channel]] for channel in range(maps.shape[2])]
    ax, finish = draw_mosaic(tiles, columns, range(len(tiles)), "#FFFFFF", title, ax, alt, 8.4)
    ax.set_xlabel(f"{maps.shape[2]} channels, {maps.shape[0]} x {maps.shape[1]}, standardised")
    return finish()


# Heat maps


@course_style()
def show_map(
    map,
    title=None,
    ax=None,
    alt=None,
    cmap=None,
    signed=None,
    vmin=None,
    vmax=None,
    percentile=100,
    label=None,
):
    """Show one map in colours, with a colour bar in the map's own unit.

    map: finite float (h, w); few large cells stay visible cells. signed: True puts zero in the
    middle of a diverging colour map, False starts at zero (or the minimum), None decides by the
    data. cmap: a matplotlib colour map; default magma, or blue-white-red on a signed scale.
    vmin, vmax: own limits. percentile: below 100 lets the brightest values clip (the colour bar
    then ends in a point). label: the unit, written along the colour bar.
    Raises ValueError for another shape or values that are not finite.
    """
    values = check_map(map)
    low, high = scale_limits([values], signed, vmin, vmax, percentile)
    ax, finish = axes_for(values.shape, ax, alt)
    draw_pixels(ax, colours(values, low, high, cmap), title)
    draw_bar(bar_beside(ax), low, high, cmap, [values], label)
    say_if_zero(ax, values)
    return finish()


def show_signed(map, title=None, ax=None, alt=None, cmap=SIGNED, **options):
    """Show one map with zero in the middle: red for, blue against, white for neither.

    map: finite float (h, w). cmap: a diverging colour map. options: vmin, vmax, percentile, label
    of `show_map`; one limit is enough, the other is its mirror image.
    """
    return show_map(map, title, ax, alt, cmap, signed=True, **options)


@course_style()
def show_overlay(
    photo,
    map,
    alpha=0.75,
    cmap=None,
    ax=None,
    alt=None,
    title=None,
    signed=None,
    vmin=None,
    vmax=None,
    percentile=100,
    fade=True,
    grey=True,
    grid=None,
    label=None,
):
    """Show a map over its photo, with a colour bar in the map's own unit.

    photo: see `show_photo`. map: finite float (H, W) of the photo, or a coarse (h, w) whose
    cells are drawn as they are. alpha: how much of the map covers the photo, 0..1. fade: True makes
    the map transparent where it is near zero, so that the photo is seen there; False covers evenly.
    grey: True shows the photo in grey, so that every colour is the map's; False keeps its colours.
    grid: True draws the map's cells, (h, w) those of a coarser map it came from.
    cmap, signed, vmin, vmax, percentile, label: see `show_map`. The colour bar shows the colours
    as they look over a mid grey.
    """
    pixels, values = photo_pixels(photo), check_map(map)
    low, high = scale_limits([values], signed, vmin, vmax, percentile)
    ax, finish = axes_for(pixels.shape, ax, alt)
    look = Look(low, high, cmap, alpha, fade, grey)
    draw_pixels(ax, look.under(pixels), title)
    draw_over(ax, values, pixels.shape, look)
    if grid is not None and grid is not False:
        draw_cells(ax, pixels.shape, values.shape if grid is True else grid)
    draw_bar(bar_beside(ax), low, high, look.bar(), [values], label)
    say_if_zero(ax, values)
    return finish()


def overlay_picture(
    photo,
    map,
    alpha=0.75,
    cmap=None,
    signed=None,
    vmin=None,
    vmax=None,
    percentile=100,
    fade=True,
    grey=True,
):
    """Blend a map into its photo and return the pixels, for saving with `save_picture`.

    photo: (H, W, 3), see `show_photo`. map: finite float (H, W). Others: see `show_overlay`.
    Returns uint8 (H, W, 3): (1 - a) * photo + a * colour; a is alpha, and where fade is True
    alpha * |value| / (largest limit). Raises ValueError when the sizes differ.
    """
    pixels, values = photo_pixels(photo), check_map(map)
    if pixels.shape[:2] != values.shape:
        raise ValueError(
            f"overlay_picture needs a map of the photo's size {pixels.shape[:2]}, got "
            f"{values.shape}: resize_map(map, photo.shape[:2]) makes one."
        )
    low, high = scale_limits([values], signed, vmin, vmax, percentile)
    look = Look(low, high, cmap, alpha, fade, grey)
    blended = blend(look.under(pixels) / 255, look.over(values))
    return np.rint(255 * blended).astype(np.uint8)


@course_style()
def compare_maps(
    maps,
    photo=None,
    columns=None,
    cmap=None,
    alpha=0.75,
    signed=None,
    vmin=None,
    vmax=None,
    percentile=100,
    fade=True,
    grey=True,
    label=None,
    title=None,
    alt=None,
):
    """Show several maps side by side on one scale with one colour bar.

    maps: {title: (H, W)} or a list of maps. photo: drawn under each of them when given.
    columns: by default all in one row up to four. Others: see `show_overlay`.
    """
    checked_alt(alt)
    named = maps if isinstance(maps, dict) else dict(enumerate(maps))
    values = [check_map(each) for each in named.values()]
    if not values:
        raise ValueError("compare_maps needs at least one map, got none.")
    titles = list(named) if isinstance(maps, dict) else [None] * len(values)
    low, high = scale_limits(values, signed, vmin, vmax, percentile)
    pixels = None if photo is None else photo_pixels(photo)
    look = Look(low, high, cmap, alpha, fade, grey)
    shapes = [each.shape if pixels is None else pixels.shape for each in values]
    figure, cells, bar = grid_of_axes(
        shapes, titles, columns or min(4, len(values)), 0.15, True, title
    )
    for ax, each, name in zip(cells, values, titles, strict=True):
        if pixels is None:
            draw_pixels(ax, colours(each, low, high, cmap), name)
        else:
            draw_pixels(ax, look.under(pixels), name)
            draw_over(ax, each, pixels.shape, look)
    draw_bar(bar, low, high, cmap if pixels is None else look.bar(), values, label)
    return display_figure(figure, alt)


# Numbers


@course_style()
def show_curve(x, y, xlabel=None, ylabel=None, title=None, ax=None, alt=None):
    """Show one curve, or several named ones.

    x: n finite numbers; whole ones get whole numbers on their axis. y: n finite numbers, or
    {name: n numbers}; curves differ in colour and in line style. xlabel, ylabel: with units.
    """
    x = finite(x, "show_curve").ravel()
    named = y if isinstance(y, dict) else {None: y}
    if not named:
        raise ValueError("show_curve needs at least one curve, got an empty dict.")
    ax, finish = axes_for(None, ax, alt, (6.4, 4.0))
    palette = curve_colours()
    for number, (name, values) in enumerate(named.items()):
        values = finite(values, "show_curve").ravel()
        if len(values) != len(x):
            raise ValueError(f"show_curve got {len(x)} x values but {len(values)} y values.")
        lap, place = divmod(number, len(palette))  # in the next lap, another line style
        style = ("-", "--", "-.", ":")[(place + lap) % 4]
        marker = "o" if len(x) <= 20 else None
        ax.plot(x, values, style, color=palette[place], label=name, marker=marker)
    if (x == np.rint(x)).all():  # there is no generation 2.5
        ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    ax.grid(True)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(named) > 1 or None not in named:
        ax.legend()
    return finish()


@course_style()
def show_predictions(predictions, title=None, ax=None, alt=None):
    """Show predictions as horizontal bars, best on top, on the full scale from 0 to 1.

    predictions: what `net.predict` gives, or (label, probability) pairs.
    """
    pairs = [label_and_probability(each) for each in predictions]
    if not pairs:
        raise ValueError("show_predictions needs at least one prediction, got an empty list.")
    ax, finish = axes_for(None, ax, alt, (5.6, 0.5 + 0.44 * len(pairs)))
    places = np.arange(len(pairs))
    values = [probability for _, probability in pairs]
    ax.barh(places, values, color=[COLOURS[0]] + [pale_colour()] * (len(pairs) - 1), height=0.72)
    for place, value in zip(places, values, strict=True):
        ax.text(value + 0.015, place, short_share(value), va="center")
    ax.set_yticks(places, [label for label, _ in pairs])
    ax.set(xlim=(0, 1.16), ylim=(len(pairs) - 0.5, -0.5), title=title, xlabel="probability")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    ax.spines["bottom"].set_bounds(0, 1)
    return finish()


@course_style()
def show_vector(
    values, labels=None, top=3, ylabel=None, xlabel="class", title=None, ax=None, alt=None
):
    """Show a vector, one line an entry.

    values: (n,) finite numbers, such as the probabilities of all classes. labels: n names. Up to 24
    names stand below their lines; of more, only the `top` largest are named (by number where there
    are no labels), unless they are below a twentieth of the largest.
    """
    values = finite(values, "show_vector")
    if values.ndim != 1:
        raise ValueError(f"show_vector needs one row of numbers (n,), got shape {values.shape}.")
    if labels is not None and len(labels) != len(values):
        raise ValueError(f"show_vector got {len(values)} values but {len(labels)} labels.")
    ax, finish = axes_for(None, ax, alt, (8.0, 3.6))
    width = max(1.5, min(16.0, 240 / len(values)))
    ax.vlines(np.arange(len(values)), 0, values, color=COLOURS[0], linewidth=width)
    ax.axhline(0, color="#444444", linewidth=1)
    ax.margins(x=0.02, y=0.14)
    if values.min() >= 0:
        ax.set_ylim(bottom=0)
    ax.set(xlabel=f"{xlabel} (0 to {len(values) - 1})", ylabel=ylabel, title=title)
    if labels is not None and len(values) <= 24:
        places = np.arange(len(values))
        ax.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_xlabel(None)
    else:
        _name_largest(ax, values, labels or range(len(values)), top)
    return finish()


def _name_largest(ax, values, labels, top):
    """Write name and value beside the largest entries, from the top down, without overlap."""
    largest = [index for index in np.argsort(-values, kind="stable")[:top]]
    largest = [index for index in largest if values[index] >= 0.05 * values[largest[0]]]
    step = 0.09 * (values.max() - min(0, values.min()))
    height = np.inf
    for index in largest:
        height = min(float(values[index]), height - step)
        right = index > 0.6 * len(values)
        ax.annotate(
            f"{labels[index]} {values[index]:.3g}",
            (index, height),
            xytext=(-6 if right else 6, 2),
            textcoords="offset points",
            ha="right" if right else "left",
        )


@course_style()
def show_matrix(
    matrix,
    title=None,
    ax=None,
    alt=None,
    fmt=".2f",
    cmap=None,
    signed=None,
    vmin=None,
    vmax=None,
    labels=None,
):
    """Show a small matrix with its numbers written in the cells.

    matrix: (rows, columns) finite numbers. fmt: how numbers are written. The colours follow the
    numbers, so there is no colour bar. cmap, signed, vmin, vmax: see `show_map`. labels: of a
    square matrix, one name for each row and the column of the same number; shown left and below.
    """
    values = check_map(matrix)
    if labels is not None and values.shape != (len(labels), len(labels)):
        raise ValueError(
            f"labels name the rows and columns of a square matrix: got {len(labels)} names for "
            f"{values.shape[0]} x {values.shape[1]} numbers."
        )
    low, high = scale_limits([values], signed, vmin, vmax)
    cell = min(0.85, 7.0 / max(values.shape))
    ax, finish = axes_for(values.shape, ax, alt, (values.shape[1] * cell, values.shape[0] * cell))
    shades = colours(values, low, high, cmap or (SIGNED if low == -high else MAPS))
    draw_pixels(ax, shades, title)
    for (row, column), value in np.ndenumerate(values):
        dark = shades[row, column, :3] @ LUMINANCE < 140
        ink = "white" if dark else "black"
        ax.text(column, row, format(value, fmt), ha="center", va="center", color=ink)
    if labels is not None:
        places = np.arange(len(labels))
        ax.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(places, labels)
        ax.tick_params(length=0)
    return finish()


@course_style()
def show_boxes(photo, boxes, labels=None, title=None, ax=None, alt=None):
    """Draw boxes on a photo, such as the receptive field of a cell.

    photo: see `show_photo`. boxes: one (top, left, bottom, right) or a list of them, in pixels of
    this photo, edges as in photo[top:bottom, left:right]. labels: one name a box.
    """
    pixels = photo_pixels(photo)
    boxes = np.asarray(boxes, float)
    if boxes.shape == (4,):
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError("show_boxes needs boxes (top, left, bottom, right) of finite numbers.")
    labels = checked_titles(labels, len(boxes), "labels")
    ax, finish = axes_for(pixels.shape, ax, alt)
    draw_pixels(ax, pixels, title)
    for number, ((top, left, bottom, right), label) in enumerate(zip(boxes, labels, strict=True)):
        colour = ("#FFD400", "#56B4E9", "#FF6A3D", "#FFFFFF")[number % 4]
        outline = [patheffects.Stroke(linewidth=6, foreground="black"), patheffects.Normal()]
        ax.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=colour,
                linewidth=3,
                path_effects=outline,
            )
        )
        if label:
            room = top > 0.09 * pixels.shape[0]
            ax.annotate(
                label,
                (max(left, 0) - 0.5, max(top, 0) - 0.5),
                xytext=(0 if room else 6, 4 if room else -5),
                textcoords="offset points",
                va="bottom" if room else "top",
                color=colour,
                weight="bold",
                path_effects=[patheffects.withStroke(linewidth=3, foreground="black")],
            )
    return finish()
