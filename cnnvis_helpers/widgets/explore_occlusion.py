"""explore_occlusion: hide one place after another and see how much the score drops."""

import numpy as np

from cnnvis_helpers import occlusion, occlusion_grid, occlusion_plan
from cnnvis_helpers.methods.sliding_window import spread, window_starts
from cnnvis_helpers.pictures.drawing import place_text
from cnnvis_helpers.widgets.controls import choice, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import heat_panel, photo_panel, row
from cnnvis_helpers.widgets.menus import call_text, class_menu, class_text, network, rank_classes

FILLS = {"grey": 127.5, "black": 0, "white": 255, "mean colour": "mean", "blur": "blur"}
STRIDES = {"one patch": 1, "half a patch": 2, "a quarter": 4}


def explore_occlusion(net=None, photo="chelsea", target=None, patch=None, fill="grey"):
    """Slide a patch over a photo: choose its size, steps and fill.

    Parameters
    ----------
    net, photo, target : as in `explore_cam`
    patch : int, side in pixels of the network's input, at most half its shorter side; None: a
        quarter
    fill : "grey", "black", "white", "mean colour" or "blur"

    Returns
    -------
    Explorer. Red: hiding the place lowers the logit of the class; blue: it raises it. Stop leaves a
    map of the positions done; uncovered places are white.

    Raises ValueError for an unknown class, photo or fill, and a patch that is too large or small.
    """
    net = network(net)
    side = min(net.input_size)
    patch = max(2, side // 4) if patch is None else patch

    def draw(values, task):
        step = max(1, values.patch // STRIDES[values.stride])
        options = {"patch": values.patch, "stride": step, "fill": FILLS[values.fill]}
        grid = occlusion_grid(net, values.photo, values.target, progress=task.progress, **options)
        call = call_text("heat", occlusion, class_text(net, values.target), **options)
        code = f"{call}\nshow_overlay(photo, heat, signed=True)"
        return _drawn(net, values, grid, step)._replace(code=code)

    controls = {
        "target": class_menu("Class", net),
        "patch": slider("Patch (pixels)", patch, 2, side // 2, live=False, called="patch"),
        "stride": choice("Step", STRIDES, "half a patch"),
        "fill": choice("Fill", FILLS, fill, called="fill"),
    }
    return Explorer("occlusion", controls, draw, photo, {"photo": rank_classes(net, target)}, net)


def _drawn(net, values, grid, step):
    """Draw the photo with the patch that matters most, and the map; grid: NaN if not done."""
    known = np.isfinite(grid)
    if not known.any():
        raise StopIteration
    size, patch = net.input_size, (values.patch, values.patch)
    starts = [window_starts(length, values.patch, step) for length in size]
    heat = spread(grid, starts, patch, size, size)
    covered = spread(np.where(known, 1.0, np.nan), starts, patch, size, size) > 0
    drops = np.where(known, grid, -np.inf)
    row_, column = np.unravel_index(np.argmax(drops), grid.shape)
    top, left = starts[0][row_], starts[1][column]
    label, drop = net.labels[values.target], float(drops[row_, column])
    frame = np.divide((top, left, top + values.patch, left + values.patch), (*size, *size))
    means, places = "per pixel: mean of the patches over it", "all places."
    if not known.all():
        means = f"{known.sum()} of {known.size} places; white: not done"
        places = f"{known.sum()} of {known.size} places, the rest white."
    hidden = f"hidden: {-drop:+.2f} logits"
    scale = {"label": "logits", "signed": True, "known": covered}
    panels = [
        photo_panel(values.photo, "The place that matters most", hidden, frame=frame),
        heat_panel(values.photo, heat, f"Drop of {label}", means, **scale),
    ]
    alt = (
        f"The photo with a frame at the {place_text(drops)}, where hiding {values.patch} by "
        f"{values.patch} pixels lowers {label} most; beside it the heat map of {places}"
    )
    plan, pictures = occlusion_plan(net, values.patch, step), known.sum() + 1
    part = plan.operations / plan.full_operations
    work = f"{pictures} pictures in {part:.0%} of the operations of full passes"
    if plan.way == "full":
        work = f"{pictures} forward passes"
    note = f"{work}; hiding the most important place costs {label} {drop:.2f} logits"
    return Drawn(row(panels), alt, note)
