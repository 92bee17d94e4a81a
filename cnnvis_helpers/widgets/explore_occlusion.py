"""explore_occlusion: hide one place after another, and see how far the score falls."""

import numpy as np

from cnnvis_helpers import occlusion_grid
from cnnvis_helpers.methods.sliding_window import spread, window_starts
from cnnvis_helpers.widgets.controls import choice, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import heat_panel, photo_panel, row
from cnnvis_helpers.widgets.menus import class_menu, network, place, rank_classes

FILLS = {"grey": 127.5, "black": 0, "white": 255, "mean colour": "mean", "blur": "blur"}
STRIDES = {"a whole patch": 1, "half a patch": 2, "a quarter": 4}


def explore_occlusion(net=None, photo="chelsea", target=None, patch=None, fill="grey"):
    """Slide a patch over a photo: choose its size, its steps and what it shows.

    Parameters
    ----------
    net : Network, the name of one, or None for "efficientnet_lite0"
    photo : uint8 (H, W, 3), or whatever `load_photo` takes
    target : class index or label to begin with; None: the photo's top class
    patch : int, pixels of the network's input, at most half its shorter side; None: a quarter
    fill : "grey", "black", "white", "mean colour" or "blur"

    Returns
    -------
    Explorer. Red: hiding the place costs the class points; blue: it helps. The Stop button leaves a
    map of the positions done; places that none of them covers are white.

    Raises ValueError for an unknown class, photo or fill, and a patch that is too large or small.
    """
    net = network(net)
    side = min(net.input_size)
    patch = max(2, side // 4) if patch is None else patch

    def draw(values, task):
        step = max(1, values.patch // STRIDES[values.stride])
        shape = {"patch": values.patch, "stride": step}
        grid = occlusion_grid(
            net,
            values.photo,
            values.target,
            fill=FILLS[values.fill],
            progress=task.progress,
            **shape,
        )
        return _drawn(net, values, grid, step)

    controls = {
        "target": class_menu("Class"),
        "patch": slider("Patch (pixels)", patch, 2, side // 2, live=False, called="patch"),
        "stride": choice("Step", STRIDES, "half a patch"),
        "fill": choice("It shows", FILLS, fill, called="fill"),
    }
    return Explorer("occlusion", controls, draw, photo, {"photo": rank_classes(net, target)})


def _drawn(net, values, grid, step):
    """Draw the photo with the patch that hurts most, and the map; NaN in the grid is not done."""
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
    frame = (
        top / size[0],
        left / size[1],
        (top + values.patch) / size[0],
        (left + values.patch) / size[1],
    )
    whole, undone = known.all(), f"{known.sum()} of {known.size} places; white: not done"
    panels = [
        photo_panel(
            values.photo, "Where it hurts most", f"hide it: {drop:.2f} logits less", frame=frame
        ),
        heat_panel(
            values.photo,
            heat,
            f"What holds up {label}",
            "a pixel: mean of the patches over it" if whole else undone,
            label="logits",
            signed=True,
            known=covered,
        ),
    ]
    alt = (
        f"The photo with a frame at the {place(drops)}, where hiding {values.patch} by "
        f"{values.patch} pixels hurts {label} most; beside it the heat map of "
        + ("all places." if whole else f"{known.sum()} of {known.size} places, the rest white.")
    )
    note = f"{known.sum() + 1} forward passes; the worst place costs {label} {drop:.2f} logits"
    return Drawn(row(panels), alt, note)
