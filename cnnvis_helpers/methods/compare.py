"""Run every method on one photo and one class: the maps, their raw range, and their cost.

results = compare_methods(net, photo, "cat")
results                                    a table
compare_maps(results.on_one_scale())       the maps side by side
results["gradcam"].heat                    one of them, raw
"""

import time
from typing import NamedTuple

import numpy as np

from cnnvis_helpers._shared.checks import check_choice, check_net
from cnnvis_helpers._shared.progress import stoppable
from cnnvis_helpers._shared.table import Table
from cnnvis_helpers.methods.cam import (
    cam,
    gradcam,
    gradcam_plus_plus,
    guided_gradcam,
    layercam,
    scorecam,
)
from cnnvis_helpers.methods.occlusion import occlusion
from cnnvis_helpers.methods.saliency import (
    gradient_x_input,
    guided_backprop,
    integrated_gradients,
    saliency,
    smoothgrad,
)


class _Method(NamedTuple):
    """A method, its title in explorers, and the passes besides those that `progress` counts."""

    run: object
    title: str
    forward: int = 1
    backward: int = 1
    counted: str = ""  # "forward" or "both": the passes in one step of `progress`


_METHODS = {
    "occlusion": _Method(occlusion, "occlusion", 0, 0, "forward"),
    "cam": _Method(cam, "CAM"),
    "gradcam": _Method(gradcam, "Grad-CAM"),
    "gradcam_plus_plus": _Method(gradcam_plus_plus, "Grad-CAM++"),
    "layercam": _Method(layercam, "LayerCAM"),
    "scorecam": _Method(scorecam, "Score-CAM", 1, 0, "forward"),
    "saliency": _Method(saliency, "gradient"),
    "smoothgrad": _Method(smoothgrad, "SmoothGrad", 0, 0, "both"),
    "gradient_x_input": _Method(gradient_x_input, "gradient x input"),
    "integrated_gradients": _Method(integrated_gradients, "integrated gradients", 0, 0, "both"),
    "guided_backprop": _Method(guided_backprop, "guided backprop"),
    "guided_gradcam": _Method(guided_gradcam, "Guided Grad-CAM", 1, 2),
}


def title_of(name):
    """Return a method's title: "Grad-CAM" for "gradcam"; another name stays as it is."""
    return _METHODS[name].title if name in _METHODS else name


class MethodResult(NamedTuple):
    """The map of one method, and its cost.

    name : str
    heat : float32 (H, W), raw; None where the method is not defined for the network
    low, high : float, the smallest and the largest value of the raw map, in the method's own unit
    forward, backward : int, numbers of forward and of backward passes, counted in pictures;
        None for a user-defined function
    seconds : float, duration of this call. A method's first call on a network also compiles it, so
        compare second calls
    note : str, why there is no map; "" if there is one
    """

    name: str
    heat: np.ndarray
    low: float
    high: float
    forward: int
    backward: int
    seconds: float
    note: str


class MethodTable(Table):
    """A list of MethodResults that prints as a table; `table["gradcam"]` is one of them."""

    headings = ("method", "lowest", "highest", "forward", "backward", "seconds")

    def __getitem__(self, key):
        if not isinstance(key, str):
            return super().__getitem__(key)
        for result in self:
            if result.name == key:
                return result
        names = ", ".join(result.name for result in self)
        raise KeyError(f"no method {key!r} in this table; it has {names}")

    def on_one_scale(self):
        """Return {title: float32 (H, W)}, each map divided by its own largest magnitude.

        The methods' units differ; scaled maps share a range, -1..1. The title states the raw
        minimum and maximum. A map of zeros is unchanged.
        """
        scaled = {}
        for result in self:
            if result.heat is not None:
                largest = max(abs(result.low), abs(result.high))
                name = title_of(result.name)
                title = f"{name}\n{result.low:.2g} to {result.high:.2g}"
                scaled[title] = result.heat / largest if largest > 0 else result.heat
        return scaled

    def cells(self, row):
        if row.heat is None:
            return [row.name, "-", "-", "-", "-", row.note]
        counts = ["?" if n is None else f"{n:,}" for n in (row.forward, row.backward)]
        return [row.name, f"{row.low:.3g}", f"{row.high:.3g}", *counts, f"{row.seconds:.2f}"]


def compare_methods(net, photo, target=None, methods=None, progress=None):
    """Explain one class in one photo with every method; list each one's range and cost.

    Parameters
    ----------
    net, photo, target : as in `occlusion`; the same target for all
    methods : None for all twelve; a list of their names; or a dict {name: function(net, photo,
        target) -> map (H, W)}, for other settings or other methods
    progress : function of (done, total), counted in methods, called after each

    Returns
    -------
    MethodTable of MethodResults, in the order of `methods`, each method with its default settings.
    A method that is not defined for the network (CAM without a pooled head, guided backprop without
    ReLUs) has a note instead of a map. The Stop button (or a StopIteration from `progress`) returns
    those done.

    Raises ValueError for an unknown method, and for what `net.prepare` or `net.score_vector`
    rejects.
    """
    check_net(net)
    methods = _METHODS if methods is None else methods
    if not isinstance(methods, dict):
        methods = list(methods)
        for name in methods:
            check_choice("a method", name, tuple(_METHODS))
        methods = {name: _METHODS[name] for name in methods}
    logits = net.logits(net.prepare(photo)).numpy()
    if target is None:
        target = int(net.top_classes(logits)[0])
    net.score_vector(target)  # reject an unknown target before the long work
    results = MethodTable()
    with stoppable("the table holds the methods done so far"):
        for name, method in methods.items():
            results.append(_run(name, method, net, photo, target))
            if progress:
                progress(len(results), len(methods))
    return results


def _run(name, method, net, photo, target):
    known, steps = isinstance(method, _Method), 0

    def count(_, total):
        nonlocal steps
        steps = total

    options = {"progress": count} if known and method.counted else {}
    began = time.perf_counter()
    try:
        heat = np.asarray((method.run if known else method)(net, photo, target, **options))
    except ValueError as refusal:
        return MethodResult(name, None, None, None, None, None, None, str(refusal))
    seconds = time.perf_counter() - began
    passes = None, None
    if known:
        back = steps if method.counted == "both" else 0
        passes = method.forward + steps, method.backward + back
    return MethodResult(name, heat, float(heat.min()), float(heat.max()), *passes, seconds, "")
