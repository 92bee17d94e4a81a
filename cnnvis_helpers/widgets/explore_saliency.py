"""explore_saliency: gradients with respect to the pixels, and methods built on them."""

from cnnvis_helpers.pictures.drawing import place_text
from cnnvis_helpers.widgets.controls import choice, slider, steps_slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import SIDE, map_panel, row
from cnnvis_helpers.widgets.menus import (
    by_title,
    call_text,
    class_menu,
    class_text,
    network,
    predicted_panels,
    rank_classes,
    taken,
)

METHODS = by_title(
    "saliency", "gradient_x_input", "smoothgrad", "integrated_gradients", "guided_backprop"
)
SIGNS = {"strength": "max_abs", "sign": "sum"}
COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]


def explore_saliency(net=None, photo="chelsea", target=None, method="gradient", show="strength"):
    """Draw the pixels that matter: choose the method, its samples or steps, noise and sign.

    Parameters
    ----------
    net, photo, target : as in `explore_cam`
    method : "gradient", "gradient x input", "SmoothGrad", "integrated gradients" or
        "guided backprop"
    show : "strength", the largest magnitude of a pixel's three colours, or "sign", their sum

    Returns
    -------
    Explorer. The scale ends at the 99.5th percentile. Controls the method does not use are
    disabled.

    Raises ValueError for an unknown class, photo, method or `show`.
    """
    net = network(net)
    photos = predicted_panels(net, SIDE)

    def draw(values, task):
        chosen = METHODS[values.method]
        options = {"samples": values.count, "steps": values.count, "noise": values.noise}
        options |= {"progress": task.progress, "reduce": SIGNS[values.show]}
        options = taken(chosen, **options)
        found = chosen(net, values.photo, values.target, resize=False, **options)
        signed = ", signed=True" if values.show == "sign" else ""
        call = call_text("heat", chosen, class_text(net, values.target), **options)
        code = f"{call}\nshow_map(heat{signed}, percentile=99.5)"
        count = task.cut_short or values.count
        return _drawn(net, values, found, count, photos(values), code)

    def grey_out(explorer):
        chosen = METHODS[explorer.controls["method"].value]
        explorer.controls["count"].disabled = not taken(chosen, samples=1, steps=1)
        explorer.controls["noise"].disabled = not taken(chosen, noise=0)

    controls = {
        "method": choice("Method", METHODS, method, called="method"),
        "target": class_menu("Class", net),
        "count": steps_slider("Samples or steps", COUNTS, 8),
        "noise": slider("Noise", 0.05, 0.0, 0.5, 0.01, readout_format=".2f"),
        "show": choice("Show", SIGNS, show, called="show"),
    }
    adjust = {"photo": rank_classes(net, target), "method": grey_out}
    return Explorer("saliency", controls, draw, photo, adjust, net)


def _drawn(net, values, found, count, picture, code):
    """Draw the map beside the panel of the photo; count: samples or steps, or "3 of 64"."""
    label = net.labels[values.target]
    amount = {
        "SmoothGrad": f", {count} samples, noise {values.noise:.2f}",
        "integrated gradients": f", {count} steps",
    }.get(values.method, "")
    shown = map_panel(
        found,
        picture.pixels.shape[:2],
        f"{values.method}: {label}",
        f"{values.show}{amount}",
        signed=values.show == "sign",
        percentile=99.5,
        cells=False,
    )
    alt = (
        f"The photo, and beside it {values.method} for {label}, {values.show} of each pixel"
        f"{amount}; the strongest pixel lies at the {place_text(abs(found))}."
    )
    return Drawn(row([picture, shown]), alt, f"{values.method} for {label}{amount}", code)
