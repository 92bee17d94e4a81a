"""explore_cam: the CAM family at any layer, for any class, or for one rather than another."""

from cnnvis_helpers.methods.cam import pooled_head
from cnnvis_helpers.pictures.drawing import place_text
from cnnvis_helpers.widgets.controls import checkbox, choice
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import THIRD, heat_panel, row
from cnnvis_helpers.widgets.menus import (
    by_title,
    call_text,
    class_menu,
    class_text,
    layer_menu,
    network,
    predicted_panels,
    rank_classes,
    taken,
)

METHODS = by_title("gradcam", "cam", "gradcam_plus_plus", "layercam", "scorecam", "guided_gradcam")
NOTHING = [("nothing", None)]


def explore_cam(net=None, photo="chelsea", target=None, layer=None, method="Grad-CAM"):
    """Draw class activation maps: choose the method, the layer, the class, and "rather than" what.

    Parameters
    ----------
    net : Network, its name, or None for the default of `load_network`
    photo : uint8 (H, W, 3), or whatever `load_photo` takes
    target : class index or label to start with; None: the photo's top class
    layer : name of a layer to start with; None: the last one with maps
    method : "Grad-CAM", "CAM", "Grad-CAM++", "LayerCAM", "Score-CAM" or "Guided Grad-CAM"

    Returns
    -------
    Explorer. The middle shows the cells as computed, the right the same values enlarged, on the
    same scale. "Show what speaks against" leaves out the ReLU; CAM has none.

    Raises ValueError for an unknown class, layer, photo or method.
    """
    net = network(net)
    photos = predicted_panels(net, THIRD)

    def draw(values, task):
        chosen, goal = METHODS[values.method], values.target
        if values.rather is not None:
            goal = (values.target, values.rather)
        options = {"relu": False} if values.against else {}
        options = taken(chosen, layer=values.layer, progress=task.progress, **options)
        grid = chosen(net, values.photo, goal, resize=False, **options)
        call = call_text("heat", chosen, class_text(net, goal), **options)
        code = f"{call}\nshow_overlay(photo, heat{', signed=True' * bool(grid.min() < 0)})"
        return _drawn(net, values, grid, code, photos(values))

    controls = {
        "method": choice("Method", METHODS, method, called="method"),
        "layer": layer_menu(net, layer or net.last_conv),
        "target": class_menu("Class", net),
        "rather": class_menu("rather than", net, NOTHING),
        "against": checkbox("Show what speaks against"),
    }
    classes = rank_classes(net, target, others={"rather": NOTHING})
    return Explorer("cam", controls, draw, photo, {"photo": classes}, net)


def _drawn(net, values, grid, code, picture):
    """Draw the map's cells and the enlarged map beside the panel of the photo."""
    label = net.labels[values.target]
    about = label if values.rather is None else f"{label}, not {net.labels[values.rather]}"
    height, width = grid.shape
    where = f"peak at the {place_text(grid)}" if grid.any() else "zero everywhere"
    layer = pooled_head(net)[0] if values.method == "CAM" else values.layer
    fine = height > 32  # in a fine map, one hot pixel would darken all others
    signed, percentile = bool(grid.min() < 0), 99.5 if fine else 100
    scale = {"signed": signed, "side": THIRD, "percentile": percentile}
    size = f"{height} x {width} cells"
    cells = heat_panel(values.photo, grid, "As computed", size, cells=True, **scale)
    enlarged = heat_panel(values.photo, grid, f"{values.method}: {about}", layer, **scale)
    alt = (
        f"{values.method} for {about} at {layer}: the photo, the map's {height} by {width} cells "
        f"over it, and the same map enlarged, {where}."
    )
    note = f"{values.method} for {about}: {where}, {grid.max():.3g} there"
    return Drawn(row([picture, cells._replace(scale=None), enlarged]), alt, note, code)
