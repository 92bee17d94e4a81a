"""Panels: pictures for explorers, drawn in a few milliseconds.

A matplotlib figure is too slow to follow a slider. Here panels are drawn with NumPy and
Pillow, in the colours, scales and font of the course's figures; `row` puts them side by side:

    row([photo_panel(photo, "Photo"), heat_panel(photo, heat, "Grad-CAM", label="logits")])
"""

import functools
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnvis_helpers._shared.checks import check_map
from cnnvis_helpers.pictures.drawing import (
    LUMINANCE,
    SIGNED,
    UNSIGNED,
    photo_pixels,
    scale_limits,
    short,
    short_share,
)
from cnnvis_helpers.pictures.style import COLOURS
from cnnvis_helpers.pictures.tiles import tile

SIDE = 300  # pixels: the height of a panel with two in a row
THIRD = 220  # and with three in a row
WIDEST = 1.4  # a panel's largest ratio of width to height
TITLE, SMALL = 17, 14  # font sizes
BAR = 92  # pixels that a colour bar and its numbers need, or more for long numbers
INK, QUIET, FRAME = (17, 17, 17), (85, 85, 85), (136, 136, 136)
_GAP = 26


class Panel(NamedTuple):
    """One picture in a row: uint8 (h, w, 3), as displayed.

    title : above it, one line
    note : below it, one line
    scale : (low, high, colours uint8 (256, 3), label) of the bar beside it, or None
    """

    pixels: np.ndarray
    title: str = ""
    note: str = ""
    scale: tuple | None = None


# Panels


def photo_panel(photo, title="", note="", side=SIDE, frame=None):
    """Return a photo as a panel.

    frame : a box (top, left, bottom, right), as shares 0..1
    """
    pixels = _fitted(photo_pixels(photo), side)
    if frame is not None:
        canvas, (height, width) = Image.fromarray(pixels), pixels.shape[:2]
        edges = np.multiply(frame, (height, width, height, width))
        top, left, bottom, right = (round(edge) for edge in edges - (0, 0, 1, 1))
        _box(ImageDraw.Draw(canvas), (left, top, right, bottom))
        pixels = np.asarray(canvas)
    return Panel(pixels, title, note)


def heat_panel(
    photo, values, title="", note="", label="", side=SIDE, cells=False, known=None, **scale
):
    """Return a map over its grey photo as a panel, with its colour bar.

    values : finite float (h, w), of the photo or coarser
    cells : True draws coarse values as cells
    known : bool (h, w), where the map has a value; the rest is white
    scale : signed, vmin, vmax, percentile, as in `show_map`
    """
    values = check_map(values)
    low, high = scale_limits([values], **scale)
    pixels = _fitted(photo_pixels(photo), side)
    grey = np.float32(pixels @ LUMINANCE)[:, :, None]
    fitted, colours = _fitted_map(values, grey.shape[:2], cells), palette(low, high)

    def over(below, values, colours):
        zero = np.clip(0, low, high)
        strength = np.abs(np.clip(values, low, high) - zero) / max(high - zero, zero - low)
        strength = np.float32(0.8 * strength)[..., None]
        return below * (1 - strength) + colours * strength

    blended = over(grey, fitted, _coloured(fitted, low, high, colours))
    if known is not None:
        blended[_fitted_map(known, grey.shape[:2], cells=True) < 0.5] = 255
        if not np.all(known):  # frame the panel on a white page
            blended[[0, -1]] = blended[:, [0, -1]] = FRAME
    bar = np.uint8(over(128, np.linspace(low, high, 256), colours))
    return Panel(np.uint8(np.rint(blended)), title, note, (low, high, bar, label))


def map_panel(values, shape, title="", note="", cmap=None, cells=True, **scale):
    """Return a map in colours as a panel of shape (height, width), with its colour bar.

    cmap : if None, magma, or blue-white-red for signed maps. Others: see `heat_panel`
    """
    values = check_map(values)
    low, high = scale_limits([values], **scale)
    colours = palette(low, high, cmap)
    pixels = _coloured(_fitted_map(values, shape, cells), low, high, colours)
    return Panel(pixels, title, note, (low, high, colours, ""))


def tiles_panel(tiles, columns, title="", note="", side=SIDE, chosen=None):
    """Return equal small pictures, uint8 (h, w, 3), in rows as a panel; `chosen` gets a frame."""
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    shape = tiles[0].shape
    cell = max(6, int(min(side / rows, WIDEST * side / columns))) - 1
    high, wide = (cell, max(1, round(cell * shape[1] / shape[0])))
    sample = Image.Resampling.NEAREST if high >= shape[0] else Image.Resampling.BOX
    scaled = [np.asarray(Image.fromarray(each).resize((wide, high), sample)) for each in tiles]
    mosaic = tile(scaled, columns, 1, 255)
    if chosen is not None:
        top, left = (chosen // columns) * (high + 1), (chosen % columns) * (wide + 1)
        canvas = Image.fromarray(mosaic)
        _box(ImageDraw.Draw(canvas), (left - 1, top - 1, left + wide, top + high))
        mosaic = np.asarray(canvas)
    return Panel(mosaic, title, note)


def bars_panel(predictions, title="", note="", side=SIDE, width=250, marked=()):
    """Return predictions as bars on a scale from 0 to 1.

    marked : indices of classes in orange
    """
    canvas = Image.new("RGB", (width, side), "white")
    draw = ImageDraw.Draw(canvas)
    step = min(56, side // max(1, len(predictions)))
    for number, (index, label, probability) in enumerate(predictions):
        top = number * step + (side - step * len(predictions)) // 2
        colour = COLOURS[1] if index in marked else COLOURS[0]
        draw.text((0, top), _cut(label, width - 70, SMALL), INK, _letters(SMALL))
        draw.text((width, top), short_share(probability), INK, _letters(SMALL), anchor="ra")
        line = top + SMALL + 6
        draw.rectangle((0, line, width - 1, line + 9), "#E8E8E8")
        draw.rectangle((0, line, max(1, round(probability * (width - 1))), line + 9), colour)
    return Panel(np.asarray(canvas), title, note)


def row(panels):
    """Join panels side by side; return uint8 (H, W, 3) on white."""
    widths = [panel.pixels.shape[1] + _bar_width(panel.scale) for panel in panels]
    head = 30 if any(panel.title for panel in panels) else 4
    foot = 26 if any(panel.note for panel in panels) else 4
    high = max(panel.pixels.shape[0] for panel in panels)
    size = (sum(widths) + _GAP * (len(panels) - 1) + 8, head + high + foot)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    left = 4
    for panel, width in zip(panels, widths, strict=True):
        _place(canvas, draw, panel, left, head, width)
        left += width + _GAP
    return np.asarray(canvas)


# Colours


@functools.lru_cache(maxsize=16)
def _table(name):
    return (matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def palette(low, high, cmap=None):
    """Return the 256 colours, uint8 (256, 3), of a scale: magma, or blue-white-red if signed."""
    return _table(cmap or (SIGNED if low == -high else UNSIGNED))


def _coloured(values, low, high, colours):
    """Turn a map into uint8 (h, w, 3)."""
    share = (np.float32(values) - np.float32(low)) * np.float32(255 / (high - low))
    return colours.take(np.clip(np.rint(share), 0, 255).astype(np.uint8), axis=0)


def colour_tiles(maps, **scale):
    """Turn maps (h, w, c) into c pictures uint8 (h, w, 3) on one scale."""
    values = np.asarray(maps, np.float32)
    low, high = scale_limits([values], **scale)
    colours = palette(low, high, None if low == -high else "viridis")
    return list(np.moveaxis(_coloured(values, low, high, colours), 2, 0))


# Sizes


def _fitted(pixels, side):
    """Resize a photo to a panel; a small one keeps square pixels."""
    scale = min(side / pixels.shape[0], WIDEST * side / pixels.shape[1])
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    way = Image.Resampling.BILINEAR if height < pixels.shape[0] else Image.Resampling.BICUBIC
    if height >= 3 * pixels.shape[0]:
        way = Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((width, height), way))


def _fitted_map(values, shape, cells):
    """Resize a map to `shape`: as cells, or smooth."""
    way = Image.Resampling.NEAREST if cells else Image.Resampling.BILINEAR
    if shape[0] < values.shape[0]:
        way = Image.Resampling.BOX
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), way))


# Letters and lines


@functools.lru_cache(maxsize=8)
def _letters(size):
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), size)


def _cut(text, width, size):
    """Return a text, shortened to fit into `width` pixels."""
    letters, text = _letters(size), str(text)
    if letters.getlength(text) <= width:
        return text
    while len(text) > 1 and letters.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _bar_width(scale):
    """Return the pixels that a panel needs for its colour bar; 0 without one."""
    if scale is None:
        return 0
    numbers = (scale[0], (scale[0] + scale[1]) / 2, scale[1])
    return max(BAR, int(26 + max(_letters(SMALL).getlength(short(each)) for each in numbers)))


def _place(canvas, draw, panel, left, top, width):
    """Draw one panel with its title, note and colour bar."""
    high, wide = panel.pixels.shape[:2]
    room = width + _GAP - 6
    draw.text((left, 4), _cut(panel.title, room, TITLE), INK, _letters(TITLE))
    canvas.paste(Image.fromarray(np.ascontiguousarray(panel.pixels)), (left, top))
    draw.text((left, top + high + 5), _cut(panel.note, room, SMALL), QUIET, _letters(SMALL))
    if panel.scale is None:
        return
    low, high_value, colours, label = panel.scale
    at = left + wide + 10
    ramp = np.repeat(colours[::-1][:, None], 13, axis=1)
    bar = Image.fromarray(ramp).resize((13, high), Image.Resampling.BILINEAR)
    canvas.paste(bar, (at, top))
    draw.rectangle((at, top, at + 13, top + high - 1), outline=FRAME)
    write = functools.partial(draw.text, fill=INK, font=_letters(SMALL))
    write((at + 18, top), short(high_value))
    write((at + 18, top + high // 2), short((low + high_value) / 2), anchor="lm")
    write((at + 18, top + high), short(low), anchor="ld")
    if label:
        write((at + 18, top + 22), _cut(label, 64, SMALL), fill=QUIET)


def _box(draw, edges):
    """Draw a frame that is visible on dark and light pixels."""
    left, top, right, bottom = edges
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline="black", width=1)
    draw.rectangle((left, top, right, bottom), outline="#FFB000", width=3)
