"""Pictures of filters and feature maps.

title: printed above. ax: matplotlib axes to draw on. alt: alt text, only without ax; by default
the picture describes itself.
"""

import numpy as np

from cnnvis_helpers._shared.checks import check_choice
from cnnvis_helpers.pictures import drawing
from cnnvis_helpers.pictures.style import course_style
from cnnvis_helpers.pictures.tiles import around_grey, map_limits, standardise_tile

MAPS = "viridis"


@course_style()
def show_filters(kernel, columns=8, scale="shared", title=None, ax=None, alt=None):
    """Show the filters of a first layer as small pictures: mid grey is weight zero.

    A weight of +limit is full colour, one of -limit no colour. The limit is printed below.

    Parameters
    ----------
    kernel : finite float (kh, kw, 3, cout), shown in colour, or (kh, kw, 1, cout), in grey
    columns : int, filters in a row
    scale : "shared", the limit is the largest |weight| of all filters, so a weak filter looks grey;
        "each", that of each filter
    title, ax, alt : as in `show_photo`

    Raises ValueError for other kernels (see `show_filter_channels` for deeper layers).
    """
    kernel = drawing.checked_array(kernel, "A kernel", "kh, kw, cin, cout")
    if kernel.shape[2] not in (1, 3):
        raise ValueError(
            f"show_filters needs 1 or 3 input channels to show as colours, this kernel "
            f"{kernel.shape} has {kernel.shape[2]}: show_filter_channels shows them one by one."
        )
    check_choice("scale", scale, ("shared", "each"))
    limit = float(np.abs(kernel).max())
    filters = np.moveaxis(kernel, -1, 0)
    tiles = [around_grey(each, limit if scale == "shared" else None) for each in filters]
    tiles = [np.broadcast_to(each, each.shape[:2] + (3,)) for each in tiles]
    note = f"grey is 0, full colour is ±{drawing.short(limit)}"
    if scale == "each":
        note = "grey is 0, each filter on its own scale"
    ax, finish = drawing.draw_mosaic(tiles, columns, range(len(tiles)), "#FFFFFF", title, ax, alt)
    ax.set_xlabel(note)
    size, kind = "{} x {}".format(*kernel.shape[:2]), "grey" if kernel.shape[2] == 1 else "colour"
    ax.set_label(f"{len(tiles)} filters of {size} pixels in {kind}")
    return finish()


@course_style()
def show_filter_channels(
    kernel, filters=range(6), channels=range(3), title=None, ax=None, alt=None
):
    """Show filters as a table: one column per filter, one row per input channel, grey for zero.

    White is the largest |weight| shown, black its negative, as on the colour bar.

    Parameters
    ----------
    kernel : finite float (kh, kw, cin, cout) of any convolution
    filters, channels : numbers of those to show; a range may go beyond the last
    title, ax, alt : as in `show_photo`

    Raises ValueError for another shape, and for a filter or channel that is not there.
    """
    kernel = drawing.checked_array(kernel, "A kernel", "kh, kw, cin, cout")
    filters = drawing.chosen_numbers(filters, kernel.shape[3], "filters")
    channels = drawing.chosen_numbers(channels, kernel.shape[2], "channels")
    shown = [kernel[:, :, channel, number] for channel in channels for number in filters]
    low, high = map_limits(*shown, signed=True)
    tiles = [drawing.colours(each, low, high, "gray") for each in shown]
    ax, finish = drawing.draw_mosaic(tiles, len(filters), None, "#FFFFFF", title, ax, alt)
    names = ("red", "green", "blue") if kernel.shape[2] == 3 else None
    firsts = [names[channel] if names else f"input {channel}" for channel in channels]
    drawing.label_cells(ax, tiles[0].shape, [f"filter {number}" for number in filters], firsts)
    drawing.draw_bar(drawing.bar_beside(ax), low, high, "gray", shown)
    ax.set_label(f"{len(filters)} filters, {len(channels)} input channels each, in grey")
    return finish()


@course_style()
def show_feature_maps(
    maps,
    columns=8,
    channels=None,
    scale="shared",
    title=None,
    ax=None,
    alt=None,
    percentile=99.5,
    **options,
):
    """Show the channels of one layer as small maps; the number of a map is row plus column label.

    Parameters
    ----------
    maps : finite float (h, w, c), as `feature_maps` gives them
    columns : int, maps in a row
    channels : numbers of those to show; None for the first 64. A line below the picture says how
        many there are
    scale : "shared", one scale for all of them, on the colour bar; "each", every map from its own
        minimum (or 0) to its own maximum, which makes faint maps visible and hides that they are
        faint
    title, ax, alt : as in `show_photo`
    percentile : share of the values that the shared scale covers, 0..100, so that one hot pixel
        does not darken the rest; the colour bar ends in a point if values lie beyond
    options : cmap (default viridis), signed, vmin, vmax, as in `show_map`

    Raises ValueError for another shape or an unknown channel.
    """
    maps = drawing.checked_array(maps, "An array of feature maps", "h, w, c")
    count = maps.shape[2]
    chosen = drawing.chosen_numbers(
        range(min(count, 64)) if channels is None else channels, count, "channels"
    )
    shown = [maps[:, :, channel] for channel in chosen]
    check_choice("scale", scale, ("shared", "each"))
    options = drawing.Scale(percentile=percentile, **options)
    low, high = options.limits(shown)
    cmap = options.cmap or (drawing.SIGNED if low == -high else MAPS)
    ends = [(low, high)] * len(shown)
    if scale == "each":
        ends = [drawing.scale_limits([each], low == -high, *options[2:4]) for each in shown]
    tiles = [drawing.colours(each, *end, cmap) for each, end in zip(shown, ends, strict=True)]
    gap = "#888888" if low < 0 else "#FFFFFF"
    ax, finish = drawing.draw_mosaic(tiles, columns, chosen, gap, title, ax, alt)
    note = f"{len(shown)} of {count} channels, {maps.shape[0]} x {maps.shape[1]} each"
    ax.set_xlabel(note + (", each on its own scale" if scale == "each" else ""))
    if scale == "shared":
        drawing.draw_bar(drawing.bar_beside(ax), low, high, cmap, shown)
    ax.set_label(f"Feature maps: {note}; {drawing.short(low)} to {drawing.short(high)}")
    return finish()


@course_style()
def show_mosaic(maps, columns=16, cmap=MAPS, title=None, ax=None, alt=None):
    """Show all channels of a layer in one mosaic, each standardised by `standardise_tile`.

    Every channel is centred, divided by its standard deviation, times 64 plus 128: structure
    becomes visible and strength is lost; a dead channel is one flat colour.

    Parameters
    ----------
    maps : finite float (h, w, c)
    columns : int, channels in a row
    cmap : a matplotlib colour map or its name
    title, ax, alt : as in `show_photo`

    Raises ValueError for another shape.
    """
    maps = drawing.checked_array(maps, "An array of feature maps", "h, w, c")
    levels = standardise_tile(maps)
    palette = (drawing.colour_map(cmap)(np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    tiles = [palette[levels[:, :, channel]] for channel in range(maps.shape[2])]
    ax, finish = drawing.draw_mosaic(
        tiles, columns, range(len(tiles)), "#FFFFFF", title, ax, alt, 8.1
    )
    ax.set_xlabel(f"{maps.shape[2]} channels, {maps.shape[0]} x {maps.shape[1]}, standardised")
    ax.set_label("Mosaic of feature maps: " + ax.get_xlabel())
    return finish()
