"""explore_layers: the filters of a layer, and the feature maps they make from a photo."""

import numpy as np

from cnnvis_helpers import feature_maps
from cnnvis_helpers.networks.layers import filters
from cnnvis_helpers.pictures.drawing import place_text
from cnnvis_helpers.pictures.tiles import around_grey
from cnnvis_helpers.widgets.controls import choice, set_high, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import (
    THIRD,
    colour_tiles,
    map_panel,
    photo_panel,
    row,
    tiles_panel,
)
from cnnvis_helpers.widgets.menus import Memory, call_text, convolutions, network, quoted

MAPS, WEIGHTS = "feature maps", "weights"
PAGE = 64  # channels in the overview


def explore_layers(net=None, photo="chelsea", layer=None, channel=0, show=MAPS):
    """Walk through the layers and channels of a network: its filters, and the maps they make.

    Parameters
    ----------
    net, photo : as in `explore_cam`
    layer : name of a convolution to start with; None: the first
    channel : int, the filter of that layer to start with
    show : "feature maps" or "weights"

    Returns
    -------
    Explorer. Beside the chosen channel it shows all channels of the layer (64 at a time) on one
    scale. The filters of a first layer are shown in colour, others by input channel: white is the
    largest weight, black its negative, grey is zero.

    Raises ValueError for an unknown layer, photo or `show`, a layer that is not a convolution, a
    channel that does not exist, and a network without convolutions.
    """
    net, memory, tiles = network(net), Memory(), Memory()
    names = convolutions(net)
    layer = names[0] if layer is None else layer
    most = filters(net, layer).shape[3] - 1

    def draw(values, task):
        weights = filters(net, values.layer)
        key = values.layer, values.photo_number
        maps = memory(key, lambda: feature_maps(net, values.photo, values.layer))
        channel = min(values.channel, maps.shape[2] - 1)
        if values.show == WEIGHTS:
            shown = "show_filters" if weights.shape[2] in (1, 3) else "show_filter_channels"
            code = f"kernel = filters(net, {quoted(values.layer)})\n{shown}(kernel)"
            return draw_weights(weights, maps, values, channel)._replace(code=code)
        call = call_text("maps", feature_maps, quoted(values.layer))
        code = f'{call}\nshow_map(maps[:, :, {channel}], cmap="viridis")'
        start = channel - channel % PAGE
        page = maps[:, :, start : start + PAGE]
        shown = tiles((*key, start), lambda: colour_tiles(page, percentile=99.5))
        return draw_maps(maps, shown, values, channel)._replace(code=code)

    def fit_channels(explorer):
        layer = explorer.controls["layer"].value
        set_high(explorer.controls["channel"], filters(net, layer).shape[3] - 1)

    controls = {
        "layer": choice("Layer", names, layer),
        "show": choice("Show", [MAPS, WEIGHTS], show, called="show"),
        "channel": slider("Channel", channel, 0, most, called="channel"),
    }
    return Explorer("layers", controls, draw, photo, {"layer": fit_channels}, net)


def draw_maps(maps, tiles, values, channel):
    """Draw the photo, one map of a layer, and all maps beside it."""
    height, width, count = maps.shape
    chosen = maps[:, :, channel]
    picture = photo_panel(values.photo, values.photo_name, side=THIRD)
    shown = map_panel(
        chosen,
        picture.pixels.shape[:2],
        f"Channel {channel}",
        f"{height} x {width} cells, {np.mean(chosen == 0):.0%} zero",
        "viridis",
    )
    start = channel - channel % PAGE
    title = f"Channels {start} to {start + len(tiles) - 1}"
    title = title if count > PAGE else f"All {count} channels"
    every = tiles_panel(tiles, 8, title, "on one scale", THIRD, chosen=channel - start)
    dead = "is zero everywhere" if not chosen.any() else f"peaks at the {place_text(chosen)}"
    alt = (
        f"The photo, channel {channel} of the layer {values.layer} as a map of {height} by {width} "
        f"cells, which {dead}, and {min(count, PAGE)} of its {count} channels as small maps."
    )
    zero = f"{np.mean(maps == 0):.0%} of all its values are zero"
    note = f"{values.layer}: {count} maps of {height} x {width}; {zero}"
    return Drawn(row([picture, shown, every]), alt, note)


def draw_weights(weights, maps, values, channel):
    """Draw one filter, all filters or input channels beside it, and the map it makes."""
    kh, kw, inputs, count = weights.shape
    limit = float(np.abs(weights).max())
    one = weights[:, :, :, channel]
    if inputs in (1, 3):
        tiles = [_grey_tile(weights[:, :, :, k], limit) for k in range(count)]
        start = channel - channel % PAGE
        big = tiles_panel([tiles[channel]], 1, f"Filter {channel}", f"{kh} x {kw} pixels", THIRD)
        every = tiles_panel(
            tiles[start : start + PAGE], 8, "All filters", side=THIRD, chosen=channel - start
        )
        shown, what = [big, every], f"filter {channel} in colour, all {count} filters"
    else:
        tiles = [_grey_tile(one[:, :, k : k + 1], limit) for k in range(min(inputs, PAGE))]
        title = f"Filter {channel}: {len(tiles)} of {inputs} inputs"
        shown = [tiles_panel(tiles, 8, title, "white: +, black: -, grey: 0", THIRD)]
        what = f"the weights of filter {channel} for {len(tiles)} of its {inputs} input channels"
    photo = photo_panel(values.photo, values.photo_name, side=THIRD)
    chosen = maps[:, :, channel]
    found = map_panel(chosen, photo.pixels.shape[:2], "What it finds", cmap="viridis")
    alt = f"Of the layer {values.layer}: {what}, and the map it makes of the photo."
    note = f"{values.layer}: {count} filters of {kh} x {kw} x {inputs}; largest weight {limit:.3g}"
    return Drawn(row([*shown, photo, found] if inputs > 3 else [*shown, found]), alt, note)


def _grey_tile(kernel, limit):
    """Return a filter (kh, kw, 1 or 3) as a picture around grey, uint8 (kh, kw, 3)."""
    unit = around_grey(kernel, limit or 1.0)
    return np.rint(255 * np.broadcast_to(unit, (*unit.shape[:2], 3))).astype(np.uint8)
