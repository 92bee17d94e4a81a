"""Figure style, display with alt text, and saving.

Figures made here are not registered with pyplot, so nothing is shown twice and none stays open.
"""

import base64
import contextlib
import html
import io
import os
import pathlib
import sys

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from cnnvis_helpers._shared.files import atomic_write
from cnnvis_helpers._shared.progress import notebook_display

DPI, PROJECTOR_DPI = 100, 140
# Colours of Okabe and Ito (2008), told apart by every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#444444",
    "axes.facecolor": "white",
    "axes.grid": False,
    "axes.labelsize": 14,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 15,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "figure.titlesize": 16,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 14,
    "grid.color": "#DDDDDD",
    "image.cmap": "magma",
    "legend.fontsize": 13,
    "legend.frameon": False,
    "lines.linewidth": 2.5,
    "savefig.facecolor": "white",
    "text.color": "#111111",
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
}
# All have a contrast of 3 to 1 or more on white; orange, sky blue and pink do not.
PROJECTOR = {
    "axes.edgecolor": "black",
    "axes.linewidth": 1.2,
    "axes.prop_cycle": matplotlib.cycler(color=("#0072B2", "#D55E00", "#000000", "#007D5B")),
    "figure.dpi": PROJECTOR_DPI,
    "grid.color": "#BBBBBB",
    "lines.linewidth": 4,
    "text.color": "black",
}
STYLE["axes.linewidth"] = 0.8
_USUAL = dict(STYLE)
_PALE, _PROJECTOR_PALE = "#9CB8CC", "#6288A3"  # background bars: contrast 2.1, 3.8
if os.environ.get("CNNVIS_PROJECTOR", "0") not in ("", "0"):
    STYLE.update(PROJECTOR)
PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def use_course_style(projector=False):
    """Give a lesson's pyplot figures the same style as the course's figures.

    White background, large sans-serif text, colours that every kind of colour vision tells apart,
    a perceptual colour map. `matplotlib.rcdefaults()` undoes it.

    Parameters
    ----------
    projector : True for a lecture hall, from now on and also in the course's own figures: 1.4 times
        as large, thick lines, black text, and only colours that a weak projector still shows. False
        goes back. CNNVIS_PROJECTOR=1, set before JupyterLab is started, does the same for every
        notebook
    """
    STYLE.update(PROJECTOR if projector else {name: _USUAL[name] for name in PROJECTOR})
    matplotlib.rcParams.update(STYLE)


def pale_colour():
    """Return the current style's colour of background bars."""
    return _PROJECTOR_PALE if STYLE["figure.dpi"] == PROJECTOR_DPI else _PALE


def course_style():
    """Return a context in which new figures have the course's style."""
    return matplotlib.rc_context(STYLE)


def new_figure(width, height):
    """Make an empty white figure of width x height inches that pyplot does not know."""
    with course_style():
        return Figure(figsize=(width, height), dpi=STYLE["figure.dpi"])


def alt_text(figure, alt=None):
    """Return `alt` on one line; without it, what the axes of the figure say about themselves.

    That is the label of the axes of a `show_...`, else titles and axis labels.
    """
    if alt is not None and not isinstance(alt, str):
        raise ValueError(f"alt is one sentence that says what the picture shows, not {alt!r}.")
    if alt and alt.strip():
        return " ".join(alt.split())
    parts = [each for each in map(_axes_text, figure.axes) if each]
    return ". ".join(parts) or "A figure without titles or labels"


def _axes_text(ax):
    title, label = (" ".join(text.split()) for text in (ax.get_title(), str(ax.get_label())))
    if label.startswith("<"):  # a colour bar
        return ""
    if not label and (ax.get_xlabel() or ax.get_ylabel()):
        label = f"{ax.get_ylabel() or 'values'} over {ax.get_xlabel() or 'x'}"
    return ": ".join(part for part in (title, label) if part)


def display_figure(figure, alt=None):
    """Show a figure once, with alt text that reaches JupyterLab, Colab and exported HTML.

    Parameters
    ----------
    figure : matplotlib Figure; a pyplot figure is closed, so that it is not shown twice
    alt : one sentence that says what there is to see; None: the figure describes itself

    Returns
    -------
    None in a notebook. Elsewhere nothing is shown, and the Figure is returned, ready for `savefig`.

    Raises ValueError for an alt text that is not a str, TypeError for anything but a Figure.
    """
    if not isinstance(figure, Figure):
        raise TypeError(
            f"display_figure needs a Figure, such as ax.figure, got {type(figure).__name__}."
        )
    alt = alt_text(figure, alt)
    display = notebook_display()
    if display is not None:
        display(_bundle(figure, alt), raw=True)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return figure if display is None else None


def _bundle(figure, alt):
    """Return the figure as a notebook output, its picture inside: no file, no network."""
    kind, data, width = _encode(figure)
    source = base64.b64encode(data).decode("ascii")
    tag = (
        f'<img alt="{html.escape(alt, quote=True)}" width="{width}" '
        'style="max-width:100%;height:auto;background:white" '
        f'src="data:image/{kind};base64,{source}">'
    )
    return {"text/html": tag, "text/plain": alt}


@contextlib.contextmanager
def figure_row(columns, rows=1, *, alt=None, width=None, height=None, title=None):
    """Make axes side by side, and show the figure with its alt text when the block ends.

    Parameters
    ----------
    columns, rows : int, how many axes
    alt : one sentence for the whole figure; None: what its axes show
    width, height : inches of the whole figure; None: about 9 wide (4.8 for one column)
    title : str, at the top

    Yields
    ------
    list of rows * columns matplotlib axes, row by row. After an error nothing is shown.

    Raises ValueError for less than one column or row.

        with figure_row(2, alt="A cat; its heat map glows on the face.") as (left, right):
            show_photo(photo, ax=left)
            show_map(heat, ax=right)
    """
    if columns < 1 or rows < 1:
        raise ValueError(
            f"figure_row needs at least one column and one row, got {columns} and {rows}."
        )
    width = width or (9 if columns > 1 else 4.8)
    height = height or rows * min(width / columns, 4.8) * 1.05
    with course_style():
        figure = Figure(figsize=(width, height), dpi=STYLE["figure.dpi"], layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, wspace=0.04, hspace=0.04)
        axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
        if title:
            figure.suptitle(title)
        yield axes
        display_figure(figure, alt)


def save_picture(path, picture):
    """Write a picture to disk in one step: a failure leaves no partial file.

    Parameters
    ----------
    path : ends in .png, .jpg, .jpeg or .webp, in an existing folder; an old file is replaced
    picture : uint8 (H, W, 3) RGB or (H, W) grey, for example from `overlay_picture`

    Returns
    -------
    pathlib.Path of the file

    Raises ValueError for another ending, a missing folder or another kind of array.
    """
    path = pathlib.Path(path)
    kind = PICTURE_FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(
            f"save_picture cannot tell the format of {path.name!r}: "
            f"let the name end in {', '.join(PICTURE_FORMATS)}."
        )
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {str(path.parent)!r} to save {path.name!r} in.")
    array = np.asarray(picture)
    grey_or_rgb = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not grey_or_rgb or array.size == 0:
        raise ValueError(
            "save_picture needs a uint8 picture (H, W, 3) or (H, W), "
            f"got shape {array.shape} of {array.dtype}."
        )
    with atomic_write(path) as stream:
        Image.fromarray(array).save(stream, kind, quality=95)
    return path


def _encode(figure):
    """Draw the figure; return ("png" or "jpeg", bytes, width in pixels), the smaller one.

    A photo as JPEG is about four times smaller and looks the same; a drawing is smaller as PNG.
    """
    picture = _drawn(figure)
    png, jpeg = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG")
    picture.save(jpeg, "JPEG", quality=90, subsampling=0)  # optimize=True fails on pure noise
    if jpeg.tell() < 0.7 * png.tell():
        return "jpeg", jpeg.getvalue(), picture.width
    return "png", png.getvalue(), picture.width


def _drawn(figure):
    """Draw the figure once, cropped to what is on it, and return a PIL image."""
    canvas = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = FigureCanvasAgg(figure)
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")  # or savefig draws twice
    box = figure.get_tightbbox(canvas.get_renderer()).padded(0.1)
    raw = io.BytesIO()
    how = {"format": "png", "pil_kwargs": {"compress_level": 0}}
    canvas.print_figure(raw, dpi=STYLE["figure.dpi"], facecolor="white", bbox_inches=box, **how)
    return Image.open(raw).convert("RGB")
