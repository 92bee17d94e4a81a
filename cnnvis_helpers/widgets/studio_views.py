"""What the studio can show: each view is the lines of Python that make its picture.

The studio runs the very lines that it offers for copying, so both give the same picture. In them,
`net` is a Network and `photo` an array; every other name is one of this package.
"""

import ast
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnvis_helpers import _MODULE_OF as PUBLIC
from cnnvis_helpers.methods.sliding_window import spread, window_starts
from cnnvis_helpers.networks.layers import conv_layers
from cnnvis_helpers.widgets.menus import counted, layers_with_maps

FILTERS_SHOWN, MAPS_SHOWN = 6, 64


class Chosen(NamedTuple):
    """What is chosen in the studio, as a view needs it.

    net : Network; layer : name or None; target, rival : class index, rival None for no other class
    channel, epsilon, octaves, steps : int
    """

    net: object
    layer: str | None
    target: int
    rival: int | None
    channel: int
    epsilon: int
    octaves: int
    steps: int

    @property
    def class_name(self):
        """The class in words: "cat", or "cat rather than dog"."""
        name = self.net.labels[self.target]
        return name if self.rival is None else f"{name} rather than {self.net.labels[self.rival]}"

    @property
    def class_code(self):
        """The class as an argument in Python: a label where it is unique, else its number."""
        first = class_code(self.net, self.target)
        return first if self.rival is None else f"({first}, {class_code(self.net, self.rival)})"

    @property
    def signed(self):
        return self.rival is not None


class View(NamedTuple):
    """One thing to be seen.

    lines : function of Chosen -> list of lines of Python, the last of which draws
    uses : names of the controls it needs
    layers : which layers it offers: "conv", "maps" or "" for none
    begin : the layer to begin with: "first", "middle" or "last"
    stopped : function of (figure, Chosen, photo, done) -> words for the alt text; it marks what is
        missing after work was stopped at `done` parts, where that looks like a result
    """

    lines: Callable
    uses: tuple = ()
    layers: str = ""
    begin: str = "last"
    stopped: Callable | None = None


def class_code(net, index):
    """Return Python for one class: its label, or its number where the label is not unique."""
    try:
        found = net.class_index(net.labels[index])
    except ValueError:
        return repr(index)
    return repr(net.labels[index]) if found == index else repr(index)


def layer_names(net, kind):
    """Return the names of the layers that a view offers: "conv", or "maps" for the last maps too.

    A network without any convolution has none.
    """
    return layers_with_maps(net) if kind == "maps" else [row.name for row in conv_layers(net)]


def first_layer(names, begin):
    """Return the layer that a view begins with: the first, one two thirds up, or the last."""
    return names[{"first": 0, "middle": 2 * len(names) // 3, "last": -1}[begin]]


def channels(net, layer):
    """Return how many channels a layer's maps have."""
    return next(step.shape[-1] for step in net.steps if net.layer(layer) is step.layer)


def names_in(lines):
    """Return the public names of this package that lines of Python use, in order."""
    tree = ast.parse("\n".join(lines))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return sorted(used & set(PUBLIC))


def imports_of(lines):
    """Return the import line for every public name of this package that the lines use."""
    names = ", ".join(names_in(lines))
    if len(names) <= 70:
        return f"from cnnvis_helpers import {names}"
    return (
        "from cnnvis_helpers import (\n"
        + textwrap.indent(textwrap.fill(names + ",", 95, break_long_words=False), "    ")
        + "\n)"
    )


def _show(call, title, alt):
    """Return a drawing call with title and alt text, on lines that fit."""
    return f"{call},\n    title={title!r},\n    alt={_wrapped(alt)},\n)"


def _wrapped(words):
    """Return a text as Python: one string, or several short ones in brackets."""
    lines = textwrap.wrap(words, 84)
    if len(lines) == 1:
        return repr(words)
    parts = [f"        {line + ' '!r}\n" for line in lines[:-1]]
    return "(\n" + "".join(parts) + f"        {lines[-1]!r}\n    )"


# The views


def _top_classes(chosen):
    alt = "The photo, and beside it the probabilities of its five best classes as bars."
    return [
        f"alt = {alt!r}",
        "with figure_row(2, width=11, height=3.6, alt=alt) as (left, right):",
        "    show_photo(photo, ax=left)",
        "    show_predictions(net.predict(photo), ax=right)",
    ]


def _filters(chosen):
    kernel = next(row.kernel for row in conv_layers(chosen.net) if row.name == chosen.layer)
    lines = [f"kernel = filters(net, {chosen.layer!r})"]
    title = f"{chosen.layer}: {kernel[3]} filters"
    if kernel[2] in (1, 3):
        alt = f"The filters of {chosen.layer} as small colour pictures; mid grey is zero."
        return [*lines, _show("show_filters(kernel", title, alt)]
    first = max(0, min(chosen.channel, kernel[3] - 1))
    some = f"filters=range({first}, {min(first + FILTERS_SHOWN, kernel[3])})"
    alt = f"A table of filters of {chosen.layer}: one row a filter, three of its input channels."
    return [*lines, _show(f"show_filter_channels(kernel, {some}", title, alt)]


def _feature_maps(chosen):
    count = channels(chosen.net, chosen.layer)
    first = max(0, min(chosen.channel, count - 1))
    some = f"channels=range({first}, {min(first + MAPS_SHOWN, count)})"
    return [
        f"maps = feature_maps(net, photo, {chosen.layer!r})",
        _show(
            f"show_feature_maps(maps, {some}",
            f"{chosen.layer}, feature maps",
            f"Channels of {chosen.layer} for the photo as small maps, bright where they answer.",
        ),
    ]


def _guided_layer(chosen):
    channel = "" if chosen.channel < 0 else f", channel={chosen.channel}"
    words = "all channels" if chosen.channel < 0 else f"channel {chosen.channel}"
    return [
        f"lines = guided_backprop(net, photo, layer={chosen.layer!r}{channel})",
        _show(
            "show_map(lines, percentile=99.5",
            f"{chosen.layer}, {words}",
            f"Fine bright lines on dark: what in the photo excites {words} of {chosen.layer}.",
        ),
    ]


def _filter_pattern(chosen):
    channel = max(chosen.channel, 0)
    return [
        f"pattern = filter_pattern(net, {chosen.layer!r}, {channel}, size=96)",
        _show(
            "show_photo(pattern",
            f"{chosen.layer}, channel {channel}",
            f"The texture that excites channel {channel} of {chosen.layer} most, grown from noise.",
        ),
    ]


def _class_pattern(chosen):
    name = chosen.net.labels[chosen.target]
    return [
        f"pattern = class_pattern(net, {class_code(chosen.net, chosen.target)})",
        "top = net.predict(pattern)[0]",
        f"alt = {f'A colourful picture, grown from noise for {name}. '!r}",
        'alt += f"The network takes it for {top.label}, {top.probability:.3f}."',
        f"show_photo(pattern, title={f'A pattern for {name}'!r}, alt=alt)",
    ]


def _family(method, name, more="", layer=True):
    """Return the lines of a method of the CAM family; `more`: further arguments."""

    def lines(chosen):
        place = f", {chosen.layer!r}" if layer else ""
        signs = ", relu=False" if chosen.signed and layer else ""
        signed = chosen.signed or not layer
        where = f" at {chosen.layer}" if layer else ""
        alt = f"The photo in grey under the {name} map for {chosen.class_name}{where}" + (
            ": red for, blue against." if signed else ": bright where the score is raised."
        )
        call = f"show_overlay(photo, heat{', signed=True' if signed else ''}"
        return [
            f"heat = {method}(net, photo, {chosen.class_code}{place}{signs}{more})",
            _show(call, f"{name}: {chosen.class_name}", alt),
        ]

    return lines


def _pixels(method, name, signed=False, layer=False):
    """Return the lines of a method with one number a pixel."""

    def lines(chosen):
        more = f", {chosen.layer!r}" if layer else ""
        alt = f"{name} for {chosen.class_name}, pixel by pixel" + (
            ": red for, blue against." if signed else ": bright where a pixel matters."
        )
        return [
            f"map = {method}(net, photo, {chosen.class_code}{more})",
            _show(
                f"show_{'signed' if signed else 'map'}(map, percentile=99.5",
                f"{name}: {chosen.class_name}",
                alt,
            ),
        ]

    return lines


def _occlusion(chosen):
    patch, stride = _occlusion_steps(chosen.net)
    return [
        f"heat = occlusion(net, photo, {chosen.class_code}, patch={patch}, stride={stride})",
        _show(
            "show_overlay(photo, heat, signed=True, label='logits'",
            f"Occlusion: {chosen.class_name}",
            f"The photo in grey; red where hiding a patch hurts {chosen.class_name}, blue where it "
            "helps.",
        ),
    ]


def _occlusion_steps(net):
    """Return patch and stride: an eighth of the input's shorter side, and half of that."""
    patch = max(1, min(net.input_size) // 8)
    return patch, max(1, patch // 2)


def _occlusion_stopped(figure, chosen, photo, passes):
    """Cover with white what a stopped occlusion has not reached; return what the alt text adds.

    The first pass is that of the whole photo, then the places come row by row.
    """
    size, (patch, stride) = chosen.net.input_size, _occlusion_steps(chosen.net)
    starts = [window_starts(length, patch, stride) for length in size]
    count, done = len(starts[0]) * len(starts[1]), passes - 1
    reached = np.where(np.arange(count) < done, 1.0, np.nan).reshape(*map(len, starts))
    known = spread(reached, starts, (patch, patch), size, photo.shape[:2]) > 0
    ax, said = figure.axes[0], f"{done} of {count} places; white: not done"
    cover = np.ones((*known.shape, 4))
    cover[:, :, 3] = ~known
    ax.imshow(cover, extent=ax.images[0].get_extent(), interpolation="nearest")
    ax.set_title(f"{ax.get_title()}\n{said}")
    return f" Only {done} of {count} places were done, the rest is white."


def _attack(method):
    def lines(chosen):
        goal, most = "", counted(chosen.epsilon, "level")
        if chosen.rival is not None:
            goal = f"{class_code(chosen.net, chosen.rival)}, "
        return [
            f"attack = {method}(net, photo, {goal}epsilon={chosen.epsilon})",
            "was, now = attack.before[0], attack.after[0]",
            'titles = [f"{was.label} {was.probability:.3f}", f"{now.label} {now.probability:.3f}"]',
            'alt = f"The photo, taken for {was.label}; changed by at most {attack.linf} of 255, "',
            'result = "a success" if attack.success else "no success"',
            'alt += f"taken for {now.label}, {result}; "',
            'alt += "and the difference, 10 times magnified."',
            "show_grid(\n    [attack.original, attack.photo, attack.magnified(10)],\n    "
            'titles=[*titles, "change x 10"],\n    columns=3,\n    '
            f"title='{method.upper()}, {most} of 255',\n    alt=alt,\n)",
        ]

    return lines


def _dream(chosen):
    settings = f"octaves={chosen.octaves}, steps={chosen.steps}, step=2.5"
    alt = f"The photo, and a deep dream of {chosen.layer}: on average a colour "
    return [
        f"dream = deep_dream(net, photo, {chosen.layer!r}, {settings})",
        "change = abs(dream.astype(float) - photo).mean()",
        f"alt = {alt!r}",
        'alt += f"value has changed by {change:.1f} of 255 levels."',
        f"show_grid(\n    [photo, dream],\n    titles=['the photo', 'a dream of {chosen.layer}'],\n"
        "    columns=2,\n    alt=alt,\n)",
    ]


_CAM = ("target", "rival", "layer")
VIEWS = {
    "Top classes": View(_top_classes),
    "Filters": View(_filters, ("layer", "channel"), "conv", "first"),
    "Feature maps": View(_feature_maps, ("layer", "channel"), "maps", "first"),
    "Pattern of a filter": View(_filter_pattern, ("layer", "channel"), "conv", "middle"),
    "Pattern of a class": View(_class_pattern, ("target",)),
    "Guided backprop of a layer": View(_guided_layer, ("layer", "channel"), "maps", "middle"),
    "Occlusion": View(_occlusion, ("target", "rival"), stopped=_occlusion_stopped),
    "CAM": View(_family("cam", "CAM", layer=False), ("target", "rival")),
    "Grad-CAM": View(_family("gradcam", "Grad-CAM"), _CAM, "maps"),
    "Grad-CAM++": View(_family("gradcam_plus_plus", "Grad-CAM++"), _CAM, "maps"),
    "LayerCAM": View(_family("layercam", "LayerCAM"), _CAM, "maps"),
    "Score-CAM": View(_family("scorecam", "Score-CAM", ", max_channels=64"), _CAM, "maps"),
    "Guided Grad-CAM": View(
        _pixels("guided_gradcam", "Guided Grad-CAM", layer=True),
        _CAM,
        "maps",
    ),
    "Guided backprop": View(_pixels("guided_backprop", "Guided backprop"), ("target", "rival")),
    "Saliency": View(_pixels("saliency", "Saliency"), ("target", "rival")),
    "SmoothGrad": View(_pixels("smoothgrad", "SmoothGrad"), ("target", "rival")),
    "Gradient x input": View(
        _pixels("gradient_x_input", "Gradient x input", signed=True), ("target", "rival")
    ),
    "Integrated gradients": View(
        _pixels("integrated_gradients", "Integrated gradients", signed=True),
        ("target", "rival"),
    ),
    "Attack in one step (FGSM)": View(_attack("fgsm"), ("epsilon", "rival")),
    "Attack in many steps (PGD)": View(_attack("pgd"), ("epsilon", "rival")),
    "Deep dream": View(_dream, ("layer", "octaves", "steps"), "maps", "middle"),
}
