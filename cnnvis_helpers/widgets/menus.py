"""Shared by several explorers: the network, class and layer menus, the call as text."""

import inspect
import json
import sys
from collections import Counter

import cnnvis_helpers
from cnnvis_helpers.methods.compare import title_of
from cnnvis_helpers.networks.layers import conv_layers
from cnnvis_helpers.networks.network import Network, load_network
from cnnvis_helpers.pictures.drawing import short_value
from cnnvis_helpers.widgets.controls import ClassMenu, choice
from cnnvis_helpers.widgets.fast_pictures import photo_panel

SHARES = 20  # classes in a menu that show their probability


class Memory:
    """Keeps the last few results of slow steps."""

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
    """Return `net` if it is a Network, else load it; None: the default of `load_network`."""
    if isinstance(net, Network):
        return net
    return load_network() if net is None else load_network(net)


def by_title(*names):
    """Return {title: method}; the methods of the package, whose results a rehearsal keeps."""
    return {title_of(name): getattr(cnnvis_helpers, name) for name in names}


def taken(method, **options):
    """Return those of the options that a method takes."""
    names = inspect.signature(method).parameters
    return {name: value for name, value in options.items() if name in names}


def counted(number, thing):
    """Return a number of things in words: "1 level", "2 levels"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


# Layers


def convolutions(net):
    """Return the names of a network's convolutions; raises ValueError if it has none."""
    names = [row.name for row in conv_layers(net)]
    if not names:
        raise ValueError(f"The network {net.name!r} has no convolution, so it makes no maps.")
    return names


def layer_menu(net, layer):
    """Return a menu of the convolutions, `net.last_conv` and `layer`, from the input on."""
    names = [row.name for row in conv_layers(net)]
    names += [one for one in (net.last_conv, layer) if one]
    place = {step.name: number for number, step in enumerate(net.graph.maps())}
    names = sorted(dict.fromkeys(names), key=lambda name: place.get(name, len(place)))
    return choice("Layer", names, net.spatial_layer(layer))


# Classes


def class_menu(label, net, first=()):
    """Return a menu of classes, to be filled by `rank_classes`.

    first : entries before the classes, (text, None) pairs
    """
    return ClassMenu(label, net.class_index, first)


def rank_classes(net, target=None, first=(), others=None):
    """Return the function that sorts the class menus when the photo changes.

    net : Network
    target : initial class in the menu "target"; None, and from the second photo on: the first
        entry of the menu
    first : entries before the classes in the menu "target", (text, None) pairs
    others : {name of another menu: its entries before the classes}
    """
    begin = [None if target is None else net.class_index(target)]

    count = Counter(net.labels)

    def entry(rank, prediction):
        index, label = prediction[:2]
        text = f"{label} ({index})" if count[label] > 1 else label
        return f"{text} {short_value(prediction)}" if rank < SHARES else text, index

    def adjust(explorer):
        predictions = net.predict(explorer.photo, top=len(net.labels))
        ranked = [entry(*each) for each in enumerate(predictions)]
        wanted = [*first, *ranked][0][1] if begin[0] is None else begin[0]
        begin[0] = None
        explorer.controls["target"].fill([*first, *ranked], wanted)
        for name, before in (others or {}).items():
            explorer.controls[name].fill([*before, *ranked], before[0][1])

    return adjust


def predicted_panels(net, side):
    """Return a function from an explorer's values to the panel of its photo, made once a photo.

    Its title is the top class, "cat 0.981"; for a regression the first number, "age 35.2".
    """
    known = Memory()

    def panel(values):
        def build():
            best = net.predict(values.photo, top=1)[0]
            return photo_panel(values.photo, f"{best.label} {short_value(best)}", side=side)

        return known(values.photo_number, build)

    return panel


# The call as text


def call_text(result, method, *arguments, **options):
    """Return a line of Python: `result = method(net, photo, arguments, options)`.

    arguments : texts; options : values; `progress` and `resize` are left out

    >>> call_text("heat", network, '"cat"', layer="conv1", steps=8)
    'heat = network(net, photo, "cat", layer="conv1", steps=8)'
    """
    named = [
        f"{name}={quoted(value)}"
        for name, value in options.items()
        if name not in ("progress", "resize")
    ]
    return f"{result} = {method.__name__}({', '.join(['net', 'photo', *arguments, *named])})"


def quoted(value):
    """Return Python for a value, texts in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def class_text(net, target):
    """Return Python for a target: a label if unique, else the index; or a pair of these."""
    if isinstance(target, tuple):
        return f"({', '.join(class_text(net, each) for each in target)})"
    if target is None or Counter(net.labels)[net.labels[target]] > 1:
        return repr(target)
    return quoted(net.labels[target])


def network_line(net):
    """Return the Python line that makes `net`, "" if the notebook has it under this name."""
    if net.origin:
        what, preprocess, labels = net.origin
        given = {"preprocess": preprocess, "labels": labels}
        named = [f"{name}={quoted(value)}" for name, value in given.items() if value]
        return f"net = load_network({', '.join([quoted(what), *named])})"
    for name, value in notebook_names():
        if value is net:
            return "" if name == "net" else f"net = {name}"
        if value is net.model:
            return f"net = load_network({name})"
    return "# net: the network that you gave to the explorer"


def notebook_names():
    """Return (name, value) of the notebook's own variables."""
    names = vars(sys.modules["__main__"]).items()
    return [(name, value) for name, value in names if not name.startswith("_")]
