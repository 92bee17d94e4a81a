"""Every method on one photo and one class: the maps, their raw range, and what they cost.

results = compare_methods(net, photo, "cat")
results                                    a table
compare_maps(results.on_one_scale())       the maps side by side
results["gradcam"].heat                    one of them, raw
"""

import time
from typing import NamedTuple

import numpy as np

from cnnvis_helpers._shared.checks import check_net
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

__all__ = ["MethodResult", "MethodTable", "compare_methods"]


class _Method(NamedTuple):
    """How a method is called, and the passes it makes beside those it counts by `progress`."""

    run: object
    forward: int = 1
    backward: int = 1
    counted: str = ""  # "forward" or "both": what one step of `progress` stands for


_METHODS = {
    "occlusion": _Method(occlusion, 0, 0, "forward"),
    "cam": _Method(cam, 1, 0),
    "gradcam": _Method(gradcam),
    "gradcam_plus_plus": _Method(gradcam_plus_plus),
    "layercam": _Method(layercam),
    "scorecam": _Method(scorecam, 1, 0, "forward"),
    "saliency": _Method(saliency),
    "smoothgrad": _Method(smoothgrad, 0, 0, "both"),
    "gradient_x_input": _Method(gradient_x_input),
    "integrated_gradients": _Method(integrated_gradients, 0, 0, "both"),
    "guided_backprop": _Method(guided_backprop),
    "guided_gradcam": _Method(guided_gradcam, 1, 2),
}


class MethodResult(NamedTuple):
    """What one method said about a photo, and what it cost.

    name : str
    heat : float32 (H, W), raw; None where the method is not defined for the network
    low, high : float, the smallest and the largest value of the raw map, in the method's own unit
    forward, backward : int, pictures that went through the network, and gradients that came back;
        None for a function of one's own
    seconds : float, how long this call took. The first call of a method on a network also compiles
        it, so compare times of a second call
    note : str, why there is no map; "" where there is one
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

        The methods' units differ, so only so can one colour scale, -1..1, serve all of them. What
        is lost by it stands in the title: the raw minimum and maximum. An empty map stays empty.
        """
        scaled = {}
        for result in self:
            if result.heat is not None:
                largest = max(abs(result.low), abs(result.high))
                name = result.name.replace("_", " ")
                title = f"{name}\n{result.low:.2g} to {result.high:.2g}"
                scaled[title] = result.heat / largest if largest > 0 else result.heat
        return scaled

    def cells(self, row):
        if row.heat is None:
            return [row.name, "-", "-", "-", "-", row.note]
        counts = ["?" if n is None else f"{n:,}" for n in (row.forward, row.backward)]
        return [row.name, f"{row.low:.3g}", f"{row.high:.3g}", *counts, f"{row.seconds:.2f}"]


def compare_methods(net, photo, target=None, methods=None, progress=None):
    """Explain one class in one photo with every method, and note range and cost of each.

    Parameters
    ----------
    net : Network
    photo : uint8 or float array (H, W, 3), 0..255
    target : class index, label, None (the photo's top class) or a pair (a, b); the same for all
    methods : None for all twelve; a list of their names; or a dict {name: function(net, photo,
        target) -> map (H, W)}, for settings and methods of your own
    progress : function of (done, total), counted in methods, called after each

    Returns
    -------
    MethodTable of MethodResults, in the order of `methods`, each method with its own default
    settings. A method that the network has no place for (CAM without a pooled head, guided backprop
    without ReLUs) has a note instead of a map. The Stop button (or a StopIteration from `progress`)
    returns the methods done.

    Raises ValueError for an unknown method, and for what `net.prepare` and `net.score_vector`
    refuse.
    """
    check_net(net)
    chosen = _chosen(methods)
    logits = net.logits(net.prepare(photo)).numpy()
    if target is None:
        target = int(np.argmax(net.probabilities(logits)[0]))
    net.score_vector(target)  # an unknown target is refused before the long work
    results = MethodTable()
    with stoppable("the table holds the methods done so far"):
        for name, method in chosen.items():
            results.append(_run(name, method, net, photo, target))
            if progress:
                progress(len(results), len(chosen))
    return results


def _chosen(methods):
    """Return {name: _Method or function} of what `methods` may be."""
    if isinstance(methods, dict):
        return methods
    names = list(_METHODS if methods is None else methods)
    unknown = [name for name in names if name not in _METHODS]
    if unknown:
        raise ValueError(
            f"There is no method {unknown[0]!r}; the methods are {', '.join(_METHODS)}."
        )
    return {name: _METHODS[name] for name in names}


def _run(name, method, net, photo, target):
    """Run one method and return its MethodResult."""
    steps = [0]

    def count(_, total):
        steps[0] = total

    own = not isinstance(method, _Method)
    options = {} if own or not method.counted else {"progress": count}
    began = time.perf_counter()
    try:
        heat = np.asarray((method if own else method.run)(net, photo, target, **options))
    except ValueError as refusal:
        return MethodResult(name, None, None, None, None, None, None, str(refusal))
    seconds = time.perf_counter() - began
    forward = backward = None
    if not own:
        forward = method.forward + steps[0]
        backward = method.backward + (steps[0] if method.counted == "both" else 0)
    return MethodResult(
        name, heat, float(heat.min()), float(heat.max()), forward, backward, seconds, ""
    )
