"""The house style, and how a figure reaches the reader: once, sharp, light, with alt text.

Figures made here belong to no pyplot window list, so nothing is shown twice and none stays open.
"""

import base64
import contextlib
import contextvars
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

__all__ = ["display_figure", "figure_bundle", "figure_row", "save_picture", "use_course_style"]

DPI, PROJECTOR_DPI = 100, 140
SCREEN = 9.0  # inches: what a notebook's column shows of a projector's figure without shrinking it
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
# All have a contrast of 3 to 1 or more on white; orange, sky blue and pink have not.
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
_PALE, _PROJECTOR_PALE = "#9CB8CC", "#6288A3"  # bars that stand back: contrast 2.1, 3.8
if os.environ.get("CNNVIS_PROJECTOR", "0") not in ("", "0"):
    STYLE.update(PROJECTOR)
_collected = contextvars.ContextVar("figures to be kept instead of shown", default=None)
PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def use_course_style(projector=False):
    """Give the figures a lesson makes with pyplot the look of the course's own.

    White background, large sans-serif text, colours that every kind of colour vision tells apart,
    a perceptual colour map. `matplotlib.rcdefaults()` undoes it.

    projector: True for a lecture hall, in all figures of the course too, from now on: 1.4 times as
    large where the notebook's column has the room, a wide row of pictures in two rows, thick lines,
    black text, and only colours that a pale projector still shows. False goes back. The
    environment variable CNNVIS_PROJECTOR=1, set before JupyterLab is started, does the same for
    every notebook.
    """
    STYLE.update(PROJECTOR if projector else {name: _USUAL[name] for name in PROJECTOR})
    matplotlib.rcParams.update(STYLE)


def curve_colours():
    """Return the colours of curves, in their order, as the style in use has them."""
    return [entry["color"] for entry in STYLE["axes.prop_cycle"]]


def pale_colour():
    """Return the colour of bars that stand back, as the style in use has it."""
    return _PROJECTOR_PALE if _projecting() else _PALE


def _projecting():
    return STYLE["figure.dpi"] == PROJECTOR_DPI


def course_style():
    """Return a context in which new figures have the house style; the caller's returns after."""
    return matplotlib.rc_context(STYLE)


def new_figure(width, height):
    """Make an empty white figure of width x height inches that pyplot does not know."""
    with course_style():
        return Figure(figsize=(width, height), dpi=STYLE["figure.dpi"])


def checked_alt(alt):
    """Return the alt text, or raise a ValueError that says what it is for."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            'This picture needs alt text: pass alt="one sentence that says what is to be seen" '
            f"for readers who cannot see it (got {alt!r})."
        )
    return " ".join(alt.split())


def display_figure(figure, alt):
    """Show a figure once, with alt text that reaches JupyterLab, Colab and exported HTML.

    figure: a matplotlib Figure, of this package or of pyplot (it is closed there, so that the
    notebook does not show it a second time). alt: one sentence that says what is to be seen.
    Returns None in a notebook; elsewhere (a script, a test, a terminal) nothing is shown and the
    Figure comes back, ready for `savefig`.
    Raises ValueError when there is no alt text, TypeError when `figure` is not a Figure.
    """
    if not isinstance(figure, Figure):
        raise TypeError(
            f"display_figure needs a matplotlib Figure, got {type(figure).__name__}; "
            "of axes take ax.figure."
        )
    alt = checked_alt(alt)
    wanted = _collected.get()
    if wanted is not None:
        wanted.append((figure, alt))
    display = _notebook_display() if wanted is None else None
    if display is not None:
        display(figure_bundle(figure, alt), raw=True)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return figure if display is None else None


def figure_bundle(figure, alt):
    """Return the figure as a notebook output: {"text/html": <img alt=...>, "text/plain": alt}.

    The picture is inside the HTML (a data address), so that it needs no file and no network.
    """
    alt = checked_alt(alt)
    kind, data, width = _encode(figure)
    source = base64.b64encode(data).decode("ascii")
    return {
        "text/html": (
            f'<img alt="{html.escape(alt, quote=True)}" width="{width}" '
            'style="max-width:100%;height:auto;background:white" '
            f'src="data:image/{kind};base64,{source}">'
        ),
        "text/plain": alt,
    }


@contextlib.contextmanager
def collect_figures():
    """Keep the figures that are made inside the block instead of showing them.

    Yields a list that grows by (Figure, alt) for each of them.
    """
    token = _collected.set([])
    try:
        yield _collected.get()
    finally:
        _collected.reset(token)


def figure_pixels(figure):
    """Return what a figure looks like, cropped to what is on it: uint8 (H, W, 3)."""
    return np.asarray(_drawn(figure))


@contextlib.contextmanager
def figure_row(columns, rows=1, *, alt, width=None, height=None, title=None):
    """Make axes side by side, and show the figure with its alt text when the block ends.

    columns, rows: how many axes. alt: one sentence for the whole figure. width, height: inches of
    the whole figure, by default about 9 wide (4.5 for one column). title: above everything.
    Yields a list of rows * columns axes, row by row. After an error nothing is shown. For a
    projector a single row of more than nine inches becomes two rows.

        with figure_row(2, alt="A cat; its heat map glows on the face.") as (left, right):
            show_photo(photo, ax=left)
            show_map(heat, ax=right)
    """
    checked_alt(alt)
    if columns < 1 or rows < 1:
        raise ValueError(
            f"figure_row needs at least one column and one row, got {columns} and {rows}."
        )
    width = width or (9 if columns > 1 else 4.8)
    height = height or rows * min(width / columns, 4.8) * 1.05
    count, layout = rows * columns, "constrained"
    if _projecting() and width > SCREEN:
        rows, columns, width, height = _for_the_screen(rows, columns, width, height)
        layout = "compressed"  # no gap between two rows of pictures
    with course_style():
        figure = Figure(figsize=(width, height), dpi=STYLE["figure.dpi"], layout=layout)
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, wspace=0.04, hspace=0.04)
        axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
        for left_over in axes[count:]:
            left_over.remove()
        if title:
            figure.suptitle(title)
        yield axes[:count]
        display_figure(figure, alt)


def _for_the_screen(rows, columns, width, height):
    """Return rows, columns, width and height of a wide figure that is to be SCREEN inches wide."""
    fewer = -(-columns // 2) if rows == 1 and columns > 2 else columns
    more = rows if fewer == columns else 2
    shape = (height / rows) / (width / columns)  # of one of its axes, kept
    return more, fewer, SCREEN, more * shape * SCREEN / fewer


def save_picture(path, picture):
    """Write a picture to disk, whole or not at all.

    path: ends in .png, .jpg, .jpeg or .webp, in a folder that exists; a file there is replaced.
    picture: uint8 (H, W, 3) RGB or (H, W) grey, for example from `overlay_picture`.
    Returns the path as a pathlib.Path.
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
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        Image.fromarray(array).save(unfinished, kind, quality=95)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def _notebook_display():
    """Return IPython's `display` when a notebook is listening, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        return None
    from IPython.display import display

    return display


def _encode(figure):
    """Draw the figure; return ("png" or "jpeg", bytes, width in pixels), whichever is light.

    A photo as JPEG is about four times smaller and looks the same; a drawing is smaller as PNG,
    which also keeps every pixel. JPEG is taken where it saves a good part.
    """
    picture = _drawn(figure)
    png, jpeg = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG")
    picture.save(jpeg, "JPEG", quality=90, subsampling=0, optimize=True)
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
    uncompressed = {"compress_level": 0}
    canvas.print_figure(
        raw,
        dpi=STYLE["figure.dpi"],
        format="png",
        facecolor="white",
        bbox_inches=box,
        pil_kwargs=uncompressed,
    )
    return Image.open(raw).convert("RGB")
