"""explore_randomization: a network's map beside that of a copy with random layers."""

import numpy as np

from cnnvis_helpers.methods.randomization import layers_from_the_top, randomize_layers
from cnnvis_helpers.methods.similarity import rank_correlation, structural_similarity
from cnnvis_helpers.photos.resizing import resize_map
from cnnvis_helpers.widgets.controls import choice, slider
from cnnvis_helpers.widgets.explorer import Drawn, Explorer
from cnnvis_helpers.widgets.fast_pictures import THIRD, map_panel, row
from cnnvis_helpers.widgets.menus import (
    Memory,
    by_title,
    call_text,
    class_menu,
    class_text,
    network,
    predicted_panels,
    quoted,
    rank_classes,
    taken,
)

METHODS = by_title(
    "guided_backprop", "saliency", "integrated_gradients", "gradcam", "guided_gradcam"
)
PARTS = 2  # of a redraw: the map of the trained network, and that of the random copy


def explore_randomization(
    net=None, photo="chelsea", target=None, method="guided backprop", forgotten=1
):
    """Randomize the weights layer by layer, from the output down: does the map change?

    Parameters
    ----------
    net, photo, target : as in `explore_cam`
    method : "guided backprop", "gradient", "integrated gradients", "Grad-CAM" or "Guided Grad-CAM"
    forgotten : int, initial number of layers with random weights

    Returns
    -------
    Explorer. Magnitudes of both maps, each on its own scale, since two networks share no unit;
    below them their similarity (`rank_correlation`, `structural_similarity`). Stop leaves the
    picture as it was. The sanity check is that of Adebayo et al., arXiv 1810.03292.

    Raises ValueError for an unknown class, photo or method, and more layers than there are.
    """
    net, maps = network(net), Memory(12)
    photos = predicted_panels(net, THIRD)
    names = layers_from_the_top(net)

    def found(values, task, layer):
        changed = net if layer is None else copy_of(net, layer)
        made = METHODS[values.method](
            changed, values.photo, values.target, resize=False, **options_of(values.method, task)
        )
        return np.abs(resize_map(made, net.input_size))

    def draw(values, task):
        key = values.method, values.target, values.photo_number
        trained = maps((0, *key), lambda: found(values, task, None))
        count = values.forgotten
        task.check()
        random = trained
        if count:
            task.progress(1, PARTS)
            random = maps((count, *key), lambda: found(values, task, names[count - 1]))
            task.check()
        code = code_of(net, values, names)
        return _drawn(net, values, names, trained, random, code, photos(values))

    controls = {
        "method": choice("Method", METHODS, method, called="method"),
        "forgotten": slider(
            "Random layers", forgotten, 0, len(names), live=False, called="forgotten"
        ),
        "target": class_menu("Class", net),
    }
    adjust = {"photo": rank_classes(net, target)}
    return Explorer("randomization", controls, draw, photo, adjust, net)


explore_trust = explore_randomization  # its name in lesson 08


def copy_of(net, layer):
    """Return the network with random weights from the output down to `layer`; keeps three."""
    copies = net.cached(("random copies",), lambda: Memory(3))
    return copies(layer, lambda: randomize_layers(net, layer))


def options_of(method, task=None):
    """Return the options of a method of METHODS; 16 steps are enough to compare maps."""
    return taken(METHODS[method], steps=16, progress=lambda *_: task.check())


def code_of(net, values, names):
    """Return the lines that compute both maps."""
    method, options = METHODS[values.method], options_of(values.method)
    before = call_text("before", method, class_text(net, values.target), **options)
    if values.forgotten == 0:
        return f"{before}\nshow_map(before, percentile=99.5)"
    layer = quoted(names[values.forgotten - 1])
    after = before.replace("before = ", "after = ").replace("(net,", "(random,")
    return (
        f"{before}\nrandom = randomize_layers(net, {layer})\n{after}\n"
        'show_grid([abs(before), abs(after)], titles=["trained", "random"], scale="each")'
    )


def _drawn(net, values, names, trained, random, code, picture):
    """Draw both maps beside the panel of the photo, and state their similarity."""
    label = net.labels[values.target]
    rank, structure = rank_correlation(trained, random), structural_similarity(trained, random)
    alike = f"rank correlation {rank:.2f}, structural similarity {structure:.2f}"
    last = names[values.forgotten - 1] if values.forgotten else "none"
    shown = [
        map_panel(found, picture.pixels.shape[:2], title, note, percentile=99.5, cells=False)
        for found, title, note in (
            (trained, f"{values.method}: {label}", "as trained"),
            (random, f"{values.forgotten} of {len(names)} layers random", f"down to {last}"),
        )
    ]
    panels = [picture, *(panel._replace(scale=None) for panel in shown)]
    alt = (
        f"The photo, {values.method} for {label} from the trained network, and from the network "
        f"whose last {values.forgotten} of {len(names)} layers are random: {alike}."
    )
    return Drawn(row(panels), alt, f"Random down to {last}: {alike}", code)
