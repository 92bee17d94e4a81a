"""Shared helpers for pictures: input checks, colour scales, axes layout, descriptions."""

import textwrap
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize

from cnnvis_helpers._shared.checks import check_map, finite
from cnnvis_helpers.photos.decoding import to_rgb
from cnnvis_helpers.pictures.style import display_figure, new_figure
from cnnvis_helpers.pictures.tiles import map_limits, tile

UNSIGNED = "magma"
SIGNED = "RdBu_r"
LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue in brightness


def short_share(probability):
    """Write a probability (0..1) with three digits: "0.981", "< 0.001"."""
    return "< 0.001" if 0 < probability < 0.0005 else f"{probability:.3f}"


# What a picture accepts


def photo_pixels(photo):
    """Return a photo as uint8 RGB (H, W, 3); `show_photo` says what is allowed."""
    return to_rgb(np.asarray(photo), "A photo")


def is_map(picture):
    """Return True for maps, which get colours: a map is two-dimensional and not uint8."""
    return picture.ndim == 2 and picture.dtype != np.uint8


def colours(values, low, high, cmap=None):
    """Turn a map into uint8 RGBA (h, w, 4), from the first colour of `cmap` to the last."""
    return colour_map(cmap, low, high)(Normalize(low, high, clip=True)(values), bytes=True)


def checked_array(array, what, axes):
    """Return a finite array with as many dimensions as `axes` names, such as "h, w, c"."""
    values = finite(array, what)
    if values.ndim != len(axes.split(", ")):
        raise ValueError(f"{what} is ({axes}), got shape {values.shape}.")
    return values


def checked_titles(titles, count, what="titles"):
    titles = [None] * count if titles is None else list(titles)
    if len(titles) != count:
        raise ValueError(f"Got {count} pictures but {len(titles)} {what}.")
    return titles


def chosen_numbers(numbers, count, what):
    """Return the chosen channel numbers as a list; a range may go beyond the last."""
    if isinstance(numbers, range):
        numbers = [number for number in numbers if number < count]
    chosen = [numbers] if isinstance(numbers, int | np.integer) else list(numbers)
    wrong = [number for number in chosen if not 0 <= number < count]
    if wrong or not chosen:
        raise ValueError(f"{what} go from 0 to {count - 1}, got {wrong or 'none'}.")
    return chosen


def grid_list(images):
    if not isinstance(images, list | tuple):
        images = np.asarray(images)
        if images.ndim != 4:
            raise ValueError(
                "show_grid needs a list of pictures or an array (n, H, W, 3), got shape "
                f"{images.shape}: show_feature_maps shows (h, w, c), list(...) splits (n, H, W)."
            )
    if not len(images):
        raise ValueError("show_grid needs at least one picture, got none.")
    return list(images)


def grid_picture(image):
    if isinstance(image, list | tuple):
        return tile([grid_picture(each) for each in image], columns=len(image), margin=4, fill=255)
    picture = np.asarray(image)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    return check_map(picture) if is_map(picture) else photo_pixels(picture)


def short_value(prediction):
    """Write the probability of a Prediction, or the value of a Number with four digits: "35.21"."""
    if hasattr(prediction, "value"):
        return f"{prediction.value:.4g}"
    return short_share(prediction.probability)


# How it is drawn


class Scale(NamedTuple):
    """The options of a colour scale, which all pictures of maps share; see `show_map`."""

    cmap: object = None
    signed: bool | None = None
    vmin: float | None = None
    vmax: float | None = None
    percentile: float = 100

    def limits(self, maps):
        """Return (low, high) for these maps."""
        return scale_limits(maps, *self[1:])


def map_text(values, low, high, kind="Heat map"):
    """Describe a map in words: where it is largest (and smallest, if signed), and its scale."""
    if not np.ptp(values):
        return f"{kind}; {short(float(values.flat[0]))} everywhere"
    where = f"{kind}; brightest at the {place_text(values)}"
    if low == -high:
        where = f"Signed map; highest at the {place_text(values)}, lowest at the "
        where += place_text(-values)
    return f"{where}; {short(low)} to {short(high)}"


def photo_text(pixels):
    """Describe a photo by its size."""
    return f"Photo, {pixels.shape[0]} x {pixels.shape[1]} pixels"


def place_text(values):
    """Return where a map (h, w) has its peak: "upper left", "top", "middle", ..."""
    row, column = np.unravel_index(np.argmax(values), values.shape)
    row, column = 3 * row // values.shape[0], 3 * column // values.shape[1]
    if column == 1:
        return ("top", "middle", "bottom")[row]
    return ("upper ", "", "lower ")[row] + ("left", "", "right")[column]


def scale_limits(maps, signed=None, vmin=None, vmax=None, percentile=100):
    """Return (low, high): the caller's limits if given, else those of `map_limits`."""
    if signed is None:
        signed = (vmin is None or vmin < 0) and any(float(each.min()) < 0 for each in maps)
    low, high = map_limits(*maps, signed=signed, percentile=percentile)
    if signed and (vmin is None) != (vmax is None):  # zero stays in the middle
        vmin, vmax = (vmin, -vmin) if vmax is None else (-vmax, vmax)
    low, high = low if vmin is None else float(vmin), high if vmax is None else float(vmax)
    if not low < high:
        raise ValueError(f"A colour scale needs vmin < vmax, got {low:g} and {high:g}.")
    if signed and low != -high:
        raise ValueError(
            f"A signed scale has zero in the middle, got {low:g} to {high:g}: give only vmax."
        )
    return low, high


def colour_map(cmap, low=0.0, high=1.0):
    """Return a matplotlib colour map by name; None: the default for the limits."""
    name = cmap or (SIGNED if low == -high else UNSIGNED)
    if not isinstance(name, str):
        return name
    if name not in matplotlib.colormaps:
        raise ValueError(
            f"No colour map {name!r}; magma and viridis are good, RdBu_r and PuOr for signed maps."
        )
    return matplotlib.colormaps[name]


def axes_for(shape, ax, alt, size=None):
    """Return axes and a finishing function: the caller's axes, or those of a new figure."""
    if ax is not None:
        if alt is not None:
            raise ValueError(
                "alt belongs to the whole figure: give it to figure_row, only ax here."
            )
        return ax, lambda: None
    if size is None:
        width = min(4.8, 5.2 * shape[1] / shape[0])
        size = (width, width * shape[0] / shape[1])
    figure = new_figure(*size)
    return figure.add_axes((0, 0, 1, 1)), lambda: display_figure(figure, alt)


def draw_pixels(ax, pixels, title=None):
    """Draw pixels on axes: a thin frame, no ticks."""
    ax.imshow(pixels, interpolation="antialiased")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color="#888888", linewidth=0.8)
    if title:
        width = ax.get_position().width * ax.figure.get_figwidth()
        ax.set_title("\n".join(_lines(title, width)))


def draw_over(ax, values, shape, look):
    """Draw a map's colours over the whole photo; coarse cells stay cells."""
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    smooth = "antialiased" if values.shape == tuple(shape[:2]) else "nearest"
    ax.imshow(look.over(values), extent=extent, interpolation=smooth)


def draw_cells(ax, shape, cells, **line):
    """Draw lines between cells (rows, columns) that cover a picture of some shape."""
    rows = np.linspace(-0.5, shape[0] - 0.5, cells[0] + 1)[1:-1]
    columns = np.linspace(-0.5, shape[1] - 0.5, cells[1] + 1)[1:-1]
    ax.hlines(rows, -0.5, shape[1] - 0.5, **line)
    ax.vlines(columns, -0.5, shape[0] - 0.5, **line)


class Look(NamedTuple):
    """How a map lies over a photo: one scale, one opacity rule."""

    low: float
    high: float
    cmap: object
    alpha: float
    fade: bool
    grey: bool

    def under(self, pixels):
        """Return the photo as drawn below the map, uint8 (H, W, 3)."""
        if not self.grey:
            return pixels
        return np.rint(pixels @ LUMINANCE).astype(np.uint8)[:, :, None].repeat(3, axis=2)

    def over(self, values):
        """Return the map's colours, float RGBA (h, w, 4) 0..1, with their opacity."""
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha lies between 0 and 1, got {self.alpha}.")
        rgba = colours(values, self.low, self.high, self.cmap).astype(np.float32) / 255
        zero = np.clip(0, self.low, self.high)
        distance = np.abs(np.clip(values, self.low, self.high) - zero)
        strength = distance / max(self.high - zero, zero - self.low) if self.fade else 1.0
        rgba[..., 3] = self.alpha * strength
        return rgba

    def bar(self):
        """Return the colour map for the colour bar: the map's colours over a mid grey."""
        return ListedColormap(blend(0.5, self.over(np.linspace(self.low, self.high, 256))))


def blend(under, rgba):
    """Blend RGBA colours over what is below: all floats 0..1."""
    return under * (1 - rgba[..., 3:]) + rgba[..., :3] * rgba[..., 3:]


def say_if_zero(ax, values):
    if not values.any():
        ax.set_xlabel("0 everywhere")


def draw_mosaic(tiles, columns, numbers, gap, title, ax, alt, high=7.2):
    """Draw equal tiles on one axes, 8.4 x `high` inches at most, with lines of colour `gap`."""
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    shape = (rows * height, columns * width)
    wide = min(8.4, 1.3 * columns * max(1, width / height), high * shape[1] / shape[0])
    ax, finish = axes_for(shape, ax, alt, (wide, wide * shape[0] / shape[1]))
    white = 255 if tiles[0].dtype == np.uint8 else 1
    draw_pixels(ax, tile(tiles, columns, 0, white), title)
    for side in ax.spines.values():
        side.set_visible(False)
    draw_cells(ax, shape, (rows, columns), color=gap, linewidth=3 if columns <= 10 else 1.5)
    if numbers is not None:  # rows with their first channel, columns with +0, +1, ...
        numbers, every = list(numbers), 1 if columns <= 16 else 4  # or labels run into each other
        running = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        heads = ["" if column % every else f"+{column}" for column in range(columns)]
        label_cells(ax, (height, width), heads if running else None, numbers[::columns])
    return ax, finish


def label_cells(ax, shape, heads, firsts):
    height, width = shape[:2]
    if heads:
        ax.set_xticks((np.arange(len(heads)) + 0.5) * width - 0.5, heads)
    ax.set_yticks((np.arange(len(firsts)) + 0.5) * height - 0.5, firsts)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False, pad=3)


def bar_beside(ax):
    """Make axes for a colour bar to the right of `ax`, as tall as the picture."""
    box = ax.get_position()
    wide = 0.18 / (box.width * ax.figure.get_figwidth())
    return ax.inset_axes((1 + 0.7 * wide, 0, wide, 1))


def draw_bar(bar, low, high, cmap, maps, label=None):
    """Draw a colour bar with labelled ends; a point marks values beyond them."""
    below, above = min(map(np.min, maps)) < low, max(map(np.max, maps)) > high
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
    scale = ScalarMappable(Normalize(low, high), colour_map(cmap, low, high))
    ticks = [low, (low + high) / 2, high]
    drawn = bar.figure.colorbar(scale, cax=bar, extend=extend, ticks=ticks)
    drawn.ax.set_yticklabels(map(short, ticks))
    drawn.outline.set(color="#888888", linewidth=0.8)
    if label:
        drawn.set_label(label)


def short(value):
    """Write a number with three digits, and zero as 0."""
    return f"{value:.3g}" if value else "0"


def grid_of_axes(shapes, titles, columns, margin, bar, title, below=False, size=4.4):
    """Place one axes per picture; return figure, axes and, if `bar`, the colour bar's axes.

    A column is `size` inches wide at most; a row is as tall as its tallest picture.
    """
    if columns < 1 or margin < 0:
        raise ValueError(f"A grid needs columns >= 1, margin >= 0, got {columns} and {margin}.")
    columns = min(columns, len(shapes))
    width = min(size, (8.8 - (columns - 1) * margin - bool(bar) * 0.9) / columns)
    head = 0.27 * max(len(_lines(each, width)) if each else 0 for each in titles)
    foot = 0.3 if below else 0
    heights = [width * shape[0] / shape[1] for shape in shapes]
    heights = [max(heights[row : row + columns]) for row in range(0, len(shapes), columns)]
    total = sum(heights) + len(heights) * (head + foot) + (len(heights) - 1) * margin
    figure = new_figure(columns * (width + margin) - margin, total)
    cells, top = [], total
    for number in range(len(shapes)):
        row, column = divmod(number, columns)
        if column == 0:
            bottom = top - head - heights[row]
            top = bottom - foot - margin
        cells.append(_place(figure, column * (width + margin), bottom, width, heights[row]))
    if title:
        figure.text(0.5, 1 + 0.1 / total, title, ha="center", va="bottom", fontsize=16)
    left = figure.get_figwidth() + 0.15
    beside = _place(figure, left, foot, 0.18, total - head - foot) if bar else None
    return figure, cells, beside


def _place(figure, left, bottom, width, height):
    """Add axes at a place given in inches."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, bottom / high, width / wide, height / high))


def _lines(title, width):
    """Wrap a title's lines to `width` inches; a letter is about 0.125 inches wide."""
    letters = max(8, int(width / 0.118))
    wrapped = (textwrap.wrap(line, letters) for line in str(title).split("\n"))
    return [part for parts in wrapped for part in parts] or [""]
