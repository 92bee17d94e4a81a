"""explore_trust: a map of a network, beside that of the same network with forgotten layers."""

import numpy as np

from cnnvis_helpers import (
    gradcam,
    guided_backprop,
    guided_gradcam,
    integrated_gradients,
    saliency,
)
from cnnvis_helpers.methods.randomization import layers_from_the_top, randomize_layers
from cnnvis_helpers.methods.similarity import rank_correlation, structural_similarity
from cnnvis_helpers.photos.resizing import resize_map
from cnnvis_helpers.widgets.controls import choice, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import THIRD, map_panel, photo_panel, row
from cnnvis_helpers.widgets.menus import (
    Memory,
    class_menu,
    network,
    prediction_text,
    rank_classes,
)

METHODS = {
    "guided backprop": guided_backprop,
    "gradient": saliency,
    "integrated gradients": integrated_gradients,
    "Grad-CAM": gradcam,
    "Guided Grad-CAM": guided_gradcam,
}
PARTS = 2  # of a redraw: the map of the trained network, and of one that forgot


def explore_trust(net=None, photo="chelsea", target=None, method="guided backprop", forgotten=1):
    """Make a network forget layer by layer, from the output down: does the map change?

    Parameters
    ----------
    net : Network, the name of one, or None for "efficientnet_lite0"
    photo : uint8 (H, W, 3), or whatever `load_photo` takes
    target : class index or label to begin with; None: the photo's top class
    method : "guided backprop", "gradient", "integrated gradients", "Grad-CAM" or "Guided Grad-CAM"
    forgotten : int, how many layers have random weights to begin with

    Returns
    -------
    Explorer. Magnitudes of both maps, each on its own scale, since two networks share no unit;
    below them how alike the maps are (`rank_correlation`, `structural_similarity`). Stop leaves the
    picture as it was.

    Raises ValueError for an unknown class, photo or method, and more layers than there are.
    """
    net, maps = network(net), Memory(12)
    names = layers_from_the_top(net)

    def found(values, task, layer):
        given = values.target, values.method, layer
        made = map_of(net, values.photo, *given, progress=lambda *_: task.check())
        return np.abs(resize_map(made, net.input_size))

    def draw(values, task):
        key = values.method, values.target, values.photo_number
        trained = maps((0, *key), lambda: found(values, task, None))
        count = values.forgotten
        task.check()
        if count == 0:
            return _drawn(net, values, names, trained, trained)
        task.progress(1, PARTS)
        random = maps((count, *key), lambda: found(values, task, names[count - 1]))
        task.check()
        return _drawn(net, values, names, trained, random)

    controls = {
        "method": choice("Method", METHODS, method, called="method"),
        "forgotten": slider(
            "Layers that forgot", forgotten, 0, len(names), live=False, called="forgotten"
        ),
        "target": class_menu("Class"),
    }
    return Explorer("trust", controls, draw, photo, {"photo": rank_classes(net, target)})


def map_of(net, photo, target, method, forgotten=None, progress=None):
    """Return the map of a method, raw and unenlarged, float32 (h, w), after layers have forgotten.

    method : a name of METHODS
    forgotten : the last layer, from the output down, that has forgotten its weights; all between it
        and the output have forgotten theirs too. None: no layer. The last three random copies stay
        with the network
    progress : function of (done, total), for a method that takes long
    """
    if forgotten is not None:
        copies = net.cached(("random copies",), lambda: Memory(3))
        net = copies(forgotten, lambda: randomize_layers(net, forgotten))
    slow = METHODS[method] is integrated_gradients
    options = {"steps": 16, "progress": progress} if slow else {}
    return METHODS[method](net, photo, target, resize=False, **options)


def _drawn(net, values, names, trained, random):
    """Draw the photo and both maps, with how alike they are."""
    label = net.labels[values.target]
    rank, structure = rank_correlation(trained, random), structural_similarity(trained, random)
    alike = f"rank correlation {rank:.2f}, structural similarity {structure:.2f}"
    picture = photo_panel(values.photo, prediction_text(net, values.photo), side=THIRD)
    last = names[values.forgotten - 1] if values.forgotten else "none"
    shown = [
        map_panel(found, title, note, percentile=99.5, shape=picture.pixels.shape[:2], cells=False)
        for found, title, note in (
            (trained, f"{values.method}: {label}", "as trained"),
            (random, f"{values.forgotten} of {len(names)} forgot", f"down to {last}"),
        )
    ]
    panels = [picture, *(panel._replace(scale=None) for panel in shown)]
    alt = (
        f"The photo, {values.method} for {label} from the trained network, and from the network "
        f"whose last {values.forgotten} of {len(names)} layers are random: {alike}."
    )
    return Drawn(row(panels), alt, f"Random down to {last}: {alike}")
