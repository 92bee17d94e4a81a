"""What several explorers share: the network, menus of classes and layers, words for places."""

import numpy as np

from cnnvis_helpers.networks.layers import conv_layers
from cnnvis_helpers.networks.network import Network, load_network
from cnnvis_helpers.pictures.drawing import short_share
from cnnvis_helpers.widgets.controls import choice, set_options


class Memory:
    """Keeps the last few results of slow steps, so that a control that needs none is quick."""

    def __init__(self, size=4):
        self._size, self._kept = size, {}

    def __call__(self, key, build):
        """Return what `build()` returns, or returned before for this key."""
        value = self._kept.pop(key) if key in self._kept else build()
        self._kept[key] = value
        while len(self._kept) > self._size:
            del self._kept[next(iter(self._kept))]
        return value


def network(net):
    """Return a Network: the one given, or the one of this name (None: EfficientNet-Lite0)."""
    return net if isinstance(net, Network) else load_network() if net is None else load_network(net)


def counted(number, thing):
    """Return a number of things in words: "1 level", "2 levels"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def convolutions(net):
    """Return the names of a network's convolutions; raises ValueError if it has none."""
    names = [row.name for row in conv_layers(net)]
    if not names:
        raise ValueError(f"The network {net.name!r} has no convolution, so it makes no maps.")
    return names


def layers_with_maps(net):
    """Return the names of a network's convolutions, and of the layer with its last maps.

    A network without any convolution has none.
    """
    names = [row.name for row in conv_layers(net)]
    return names + [net.last_conv] * (bool(net.last_conv) and net.last_conv not in names)


def layer_menu(net, layer=None, label="Layer"):
    """Return a menu of the layers with maps, and of `layer` where it is another one."""
    names = layers_with_maps(net)
    names += [layer] * (layer is not None and layer not in names)
    return choice(label, names, net.spatial_layer(layer))


def class_menu(label, first=()):
    """Return a menu of classes, to be filled by `rank_classes`; first: what stands before them."""
    return choice(label, list(first) or [("top class", None)])


def rank_classes(net, target=None, first=(), others=None):
    """Return the function that sorts the menus of classes when the photo changes.

    net : Network
    target : class to begin with in the menu "target"; None and from the second photo on: what
        stands before the classes there, else the photo's top class
    first : what stands before the classes in the menu "target"
    others : {name of another menu: what stands before the classes there}
    """
    begin = [None if target is None else net.class_index(target)]

    def adjust(explorer):
        ranked = ranked_classes(net, explorer.photo)
        usual = [*first, *ranked][0][1]
        wanted = usual if begin[0] is None else begin[0]
        begin[0] = None
        set_options(explorer.controls["target"], [*first, *ranked], wanted)
        for name, before in (others or {}).items():
            set_options(explorer.controls[name], [*before, *ranked], before[0][1])

    return adjust


def ranked_classes(net, photo):
    """Return (text, class index) of all classes, the most probable for a photo first."""
    return [
        (f"{label} {short_share(share)}", index)
        for index, label, share in net.predict(photo, top=len(net.labels))
    ]


def prediction_text(net, photo):
    """Return what the network says of a photo: "cat 0.981"."""
    best = net.predict(photo, top=1)[0]
    return f"{best.label} {short_share(best.probability)}"


def place(values):
    """Say in words where a map (h, w) has its peak: "top left", "centre", "right", ..."""
    values = np.asarray(values)
    row, column = np.unravel_index(np.argmax(values), values.shape)
    down = ("top", "", "bottom")[3 * row // values.shape[0]]
    across = ("left", "", "right")[3 * column // values.shape[1]]
    return f"{down} {across}".strip() or "centre"
