"""The pictures on slides: their size, how small their writing is, and a tall one cut in two.

A figure reaches a slide as HTML with a picture inside. What is written in it is part of the
picture, so its size has to be measured there: dark signs on white ground that stand in a row.
"""

import base64
import functools
import io
import re
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage

IMAGE = re.compile(r'src="data:image/\w+;base64,([^"]+)"')
LETTER = 0.73  # height of a digit or capital, as a share of the size of the writing
READABLE = 14  # pixels of the writing in a figure on a slide, at least
COMFORTABLE = 16  # pixels, where the figure could have a slide without code
MOST = 20  # pixels: no course figure has larger writing only
MOST_HIGH = 40  # pixels of a letter; what is higher is a drawing
LOW, HIGH = 5, 30  # pixels: from the smallest sign to what is higher than a line of writing


def picture_of(part):
    """Return the picture in a figure, or None (a table has none)."""
    found = IMAGE.search(part.content)
    return _opened(found[1]) if found else None


@functools.lru_cache(maxsize=400)
def _opened(data):
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def figure_size(part):
    """Return (width, height) in pixels of the picture in a figure; a guess where there is none."""
    picture = picture_of(part)
    return picture.size if picture else (900, 260)


def writing_of(part):
    """Return the size in pixels of the smallest writing in a figure.

    At most MOST: writing on colour and on its side is not measured, and a photo without any has to
    be seen too.
    """
    found = IMAGE.search(part.content)
    measured = _smallest_writing(found[1]) if found else None
    return min(measured or MOST, MOST)


def least_scale(part, writing=READABLE):
    """Return the share of its own size at which a figure's writing has `writing` pixels."""
    return writing / writing_of(part)


@functools.lru_cache(maxsize=400)
def _smallest_writing(data):
    pixels = np.asarray(_opened(data), dtype=np.int16)
    return smallest_writing(pixels)


def smallest_writing(pixels):
    """Measure the small writing, dark on white, in a picture (H, W, 3): the size of its font.

    Lines of three signs or more count. Of their heights the lower quartile is taken, not the least:
    words such as "cam" have low letters only.
    """
    dark = (pixels.max(axis=2) < 150) & (np.ptp(pixels, axis=2) < 40)
    white = pixels.min(axis=2) > 225
    signs = np.zeros(dark.shape, dtype=bool)
    labels, _ = ndimage.label(dark, structure=np.ones((3, 3)))
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if LOW <= height <= MOST_HIGH and width <= MOST_HIGH and _on_white(white, rows, columns):
            signs[rows, columns] |= labels[rows, columns] == number
    lines, _ = ndimage.label(ndimage.binary_dilation(signs, np.ones((1, 13))))
    heights = []
    for number, place in enumerate(ndimage.find_objects(lines), start=1):
        inside = signs[place] & (lines[place] == number)
        if ndimage.label(inside, structure=np.ones((3, 3)))[1] >= 3:
            rows = np.flatnonzero(inside.any(axis=1))
            heights.append(int(rows[-1] - rows[0] + 1))
    return sorted(heights)[len(heights) // 4] / LETTER if heights else None


def _on_white(white, rows, columns):
    """Whether the frame of three pixels around a place is white nearly everywhere."""
    top, left = max(rows.start - 3, 0), max(columns.start - 3, 0)
    around = white[top : rows.stop + 3, left : columns.stop + 3].copy()
    around[3:-3, 3:-3] = True
    return around[[0, -1]].mean() > 0.8


# --- figures that are too tall ---------------------------------------------------------------


def cut(part):
    """Cut a figure in two between its rows; return the pieces, or the figure where it has none.

    Rows with titles of their own take them along; rows of tiles share the numbers above the first,
    which the second piece gets too.
    """
    pixels = np.asarray(picture_of(part))
    blocks = _blocks(pixels)
    high = [end - first >= HIGH for first, end in blocks]
    titled, bare = [], []
    for at in range(1, len(blocks)):
        place = (blocks[at - 1][1] + blocks[at][0]) // 2
        if abs(place - len(pixels) / 2) > len(pixels) / 5:
            continue
        if not high[at] and high[at + 1 : at + 2] == [True]:
            titled.append(place)
        elif high[at - 1] and high[at]:
            bare.append(place)
    if not titled and not bare:
        return [part]
    place = min(titled or bare, key=lambda row: abs(row - len(pixels) / 2))
    upper, lower = pixels[:place], pixels[place:]
    if not titled:
        lower = np.concatenate([upper[: blocks[high.index(True)][0]], lower])
    return [_with_picture(part, piece) for piece in (upper, lower)]


def _blocks(pixels):
    """(first, end) of each run of rows that are not white all along."""
    drawn = np.pad((pixels.min(axis=2) <= 225).any(axis=1), 1).astype(int)
    edges = np.flatnonzero(np.diff(drawn))
    return list(zip(edges[::2], edges[1::2], strict=True))


def _with_picture(part, pixels):
    """The figure with another picture in its place."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    content = IMAGE.sub(f'src="data:image/png;base64,{data}"', part.content)
    return replace(part, content=content)
