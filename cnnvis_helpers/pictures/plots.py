"""Plots of numbers: predictions, vectors, curves, matrices.

title: printed above. ax: matplotlib axes to draw on. alt: alt text, only without ax; by default
the picture describes itself.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from cnnvis_helpers._shared.checks import check_map, finite
from cnnvis_helpers.pictures import drawing
from cnnvis_helpers.pictures.style import COLOURS, STYLE, course_style, pale_colour


@course_style()
def show_curve(x, y, xlabel=None, ylabel=None, title=None, ax=None, alt=None):
    """Show one curve, or several named ones, which differ in colour and in line style.

    Parameters
    ----------
    x : n finite numbers; integers get integer ticks
    y : n finite numbers, or {name: n numbers}
    xlabel, ylabel : str, with units
    title, ax, alt : as in `show_photo`

    Raises ValueError for numbers that are not finite, and if x and y differ in length.
    """
    x = finite(x, "show_curve").ravel()
    named = y if isinstance(y, dict) else {None: y}
    if not named:
        raise ValueError("show_curve needs at least one curve, got an empty dict.")
    ax, finish = drawing.axes_for(None, ax, alt, (8.0, 3.8))
    palette = [entry["color"] for entry in STYLE["axes.prop_cycle"]]
    for number, (name, values) in enumerate(named.items()):
        values = finite(values, "show_curve").ravel()
        if len(values) != len(x):
            raise ValueError(f"show_curve got {len(x)} x values but {len(values)} y values.")
        lap, place = divmod(number, len(palette))  # each lap has another line style
        style = ("-", "--", "-.", ":")[(place + lap) % 4]
        marker = "o" if len(x) <= 20 else None
        ax.plot(x, values, style, color=palette[place], label=name, marker=marker)
    if (x == np.rint(x)).all():  # there is no generation 2.5
        ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    ax.grid(True)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(named) > 1 or None not in named:
        ax.legend()
    names = [str(name) for name in named if name is not None]
    what = " and ".join(names) or ylabel or "values"
    ax.set_label(f"Curve{'s' * (len(named) > 1)} of {what} over {xlabel or 'x'}")
    return finish()


@course_style()
def show_predictions(predictions, title=None, ax=None, alt=None):
    """Show predictions as horizontal bars, best on top, on the full scale from 0 to 1.

    Parameters
    ----------
    predictions : what `net.predict` gives, or (label, probability) pairs, probabilities 0..1. The
        numbers of a regression get their own axis, drawn from 0
    title, ax, alt : as in `show_photo`

    Raises ValueError for an empty list, and for a probability outside 0..1.
    """
    if predictions and hasattr(predictions[0], "value"):
        return _show_numbers(predictions, title, ax, alt)
    pairs = [(str(label), float(value)) for *_, label, value in predictions]
    if not pairs:
        raise ValueError("show_predictions needs at least one prediction, got an empty list.")
    for label, value in pairs:
        if not 0 <= value <= 1.0001:
            raise ValueError(f"A probability lies between 0 and 1, got {value} for {label!r}.")
    ax, finish = drawing.axes_for(None, ax, alt, (7.0, 0.5 + 0.44 * len(pairs)))
    labels, values = zip(*pairs, strict=True)
    places, texts = range(len(pairs)), list(map(drawing.short_share, values))
    ax.barh(places, values, color=[COLOURS[0]] + [pale_colour()] * (len(pairs) - 1), height=0.72)
    for place, value, text in zip(places, values, texts, strict=True):
        ax.text(value + 0.015, place, text, va="center")
    ax.set_yticks(places, labels)
    ax.set(xlim=(0, 1.16), ylim=(len(pairs) - 0.5, -0.5), title=title, xlabel="probability")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    ax.spines["bottom"].set_bounds(0, 1)
    ax.set_label("Probabilities: " + ", ".join(map(" ".join, zip(labels, texts, strict=True))))
    return finish()


def _show_numbers(numbers, title, ax, alt):
    ax, finish = drawing.axes_for(None, ax, alt, (7.0, 0.7 + 0.44 * len(numbers)))
    labels, texts = [each.label for each in numbers], list(map(drawing.short_value, numbers))
    bars = ax.barh(range(len(numbers)), [each.value for each in numbers], color=COLOURS[0])
    ax.bar_label(bars, texts, padding=4)
    ax.set_yticks(range(len(numbers)), labels)
    ax.set(ylim=(len(numbers) - 0.5, -0.5), title=title, xlabel="value")
    ax.margins(x=0.2)
    ax.axvline(0, color="#444444", linewidth=1)
    ax.set_label("Values: " + ", ".join(map(" ".join, zip(labels, texts, strict=True))))
    return finish()


@course_style()
def show_vector(
    values, labels=None, top=3, ylabel=None, xlabel="class", title=None, ax=None, alt=None
):
    """Show a vector, one line per entry.

    Up to 24 names are shown below their lines; otherwise only the `top` largest are named (by
    number without labels), unless they are below a twentieth of the largest.

    Parameters
    ----------
    values : (n,) finite numbers, such as the probabilities of all classes
    labels : n names
    top : int, how many of the largest are named
    ylabel, xlabel : str, with units
    title, ax, alt : as in `show_photo`

    Raises ValueError for another shape, and the wrong number of labels.
    """
    values = finite(values, "show_vector")
    if values.ndim != 1:
        raise ValueError(f"show_vector needs one row of numbers (n,), got shape {values.shape}.")
    if labels is not None and len(labels) != len(values):
        raise ValueError(f"show_vector got {len(values)} values but {len(labels)} labels.")
    ax, finish = drawing.axes_for(None, ax, alt, (8.0, 3.6))
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
    best = int(np.argmax(values))
    name = best if labels is None else labels[best]
    ax.set_label(f"{len(values)} numbers; the largest is {name}, {values[best]:.3g}")
    return finish()


def _name_largest(ax, values, labels, top):
    """Write name and value beside the largest entries, from the top down, without overlap."""
    largest = np.argsort(-values, kind="stable")[:top]
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
def show_matrix(matrix, title=None, ax=None, alt=None, fmt="z.2f", labels=None, **options):
    """Show a small matrix with its numbers written in the cells.

    The numbers explain the colours, so there is no colour bar.

    Parameters
    ----------
    matrix : (rows, columns) finite numbers
    title, ax, alt : as in `show_photo`
    fmt : the number format; its "z" avoids -0.00
    labels : for a square matrix, one name for each row and the same column; shown on the left and
        below
    options : cmap, signed, vmin, vmax, percentile, as in `show_map`

    Raises ValueError for another shape, and labels that do not fit.
    """
    values = check_map(matrix)
    if labels is not None and values.shape != (len(labels), len(labels)):
        raise ValueError(
            f"labels name the rows and columns of a square matrix: got {len(labels)} names for "
            f"{values.shape[0]} x {values.shape[1]} numbers."
        )
    scale = drawing.Scale(**options)
    low, high = scale.limits([values])
    cell = min(0.85, 7.0 / max(values.shape))
    size = values.shape[1] * cell, values.shape[0] * cell
    ax, finish = drawing.axes_for(values.shape, ax, alt, size)
    cmap = scale.cmap or (drawing.SIGNED if low == -high else "viridis")
    shades = drawing.colours(values, low, high, cmap)
    drawing.draw_pixels(ax, shades, title)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if shades[row, column, :3] @ drawing.LUMINANCE < 140 else "black"
        ax.text(column, row, format(value, fmt), ha="center", va="center", color=ink)
    if labels is not None:
        places = np.arange(len(labels))
        ax.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(places, labels)
        ax.tick_params(length=0)
    ax.set_label(f"Matrix of {values.shape[0]} x {values.shape[1]} numbers")
    return finish()
