"""Checks that run once, when a network that is not bundled is loaded: no silently wrong map.

    same answer   our layer-by-layer pass gives what model(x) gives            `check_answer`
    same place    a spot changes the maps where they lie over the photo        `misplaced`
    whole score   every path from picture to score passes the default layer    `choose_layer`
    same scale    the pixels have the scale that the network was trained on    `_of_scale`

A network with another answer is rejected. The other three add a sentence to `Findings.notes`, which
`load_network` gives as a warning, or block the methods that would draw a wrong map. All examine a
`forward.ForwardPass`, called `net` here.
"""

import functools
import warnings
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import first_line
from cnnvis_helpers._shared.data_files import entries
from cnnvis_helpers.networks.applications import application_of
from cnnvis_helpers.networks.graph import keeps_places, without_activation
from cnnvis_helpers.networks.head import probabilities, sample_pictures
from cnnvis_helpers.photos.photos import load_photo
from cnnvis_helpers.photos.resizing import resize_photo

_LARGE_LOGIT = 20  # its sigmoid is 1 in 32 bits, so training never gets there
_LARGE_PIXEL = 200  # more than a mean subtracted from 0..255 leaves
_SCALES = '"identity" (0..255 as they are), "unit" (0..1) or "tf" (-1..1)'


class Findings(NamedTuple):
    """What the checks found: the default layer, or why there is none, and warnings.

    number : its one output is a number, not the logit of a class
    trusted : it is known to be right and was not checked
    """

    last_conv: str | None
    no_map: str
    notes: list
    number: bool = False
    trusted: bool = False


def trusted(net):
    """Return the Findings on a network that is known to be right, without checks."""
    maps = net.graph.whole_maps()
    no_map = "" if maps else _without_maps(net)
    return Findings(maps[-1].name if maps else None, no_map, [], trusted=True)


def check(net, other_scales=(), size_known=True, outputs_known=True):
    """Try a ForwardPass on a few pictures; return the Findings, or reject a wrong answer.

    other_scales : {name in `MODES`: preprocessing}, if the caller has chosen none
    size_known, outputs_known : the caller gave the size of pictures, the meaning of the outputs
    """
    check_answer(net)
    notes = []
    if other_scales:
        notes += [*_of_scale(net, other_scales), *_of_predict(net)]
    number = False
    if not outputs_known and net.head == "linear":
        number, words = _number(net, bool(notes))
        notes += words
    if not size_known:
        notes += _of_size(net)
    last_conv, no_map, words = choose_layer(net)
    return Findings(last_conv, no_map, notes + words, number)


# Same answer -----------------------------------------------------------------------------------


def check_answer(net):
    """Raise ValueError unless the pass gives what the model gives for single pictures.

    Sets `net.one_by_one` for a model whose answers differ for a batch.
    """
    pixels = sample_pictures(net.input_size)[1:3]
    try:
        singles = [net.preprocess(one[None]) for one in pixels]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a tensor in place of a dict with one input
            answers = [keras.tree.flatten(net.model(one, training=False))[0] for one in singles]
    except Exception as error:
        way_out = ": build it for batches of any size, with keras.Input((height, width, channels))"
        raise ValueError(
            f"The model {net.model.name!r} fails on a single picture ({first_line(error)})"
            f"{way_out if net.graph.input.shape[0] else ''}."
        ) from None
    expected = np.concatenate(
        [np.asarray(one, np.float32).reshape(-1, net.units) for one in answers]
    )
    for one_by_one in (net.one_by_one, True):  # a model may mix the pictures of a batch
        net.one_by_one = one_by_one
        difference = _difference(net, pixels, expected)
        if difference is not None and difference <= _tolerance(net):
            break
    else:
        found = "fails" if difference is None else f"is off by {difference:.2g} of the largest"
        raise ValueError(
            f"Run layer by layer, the model {net.model.name!r} does not give the answer that "
            f"model(x) gives (it {found}), so its maps would be wrong: rebuild it with Keras "
            "layers only, or compute the score with model(x) yourself."
        )


def _difference(net, pixels, expected):
    """Return the largest difference of answers relative to the largest answer; None if it fails.

    Answers are probabilities after a softmax or sigmoid, else the outputs themselves.
    """
    try:
        logits = net.forward(pixels)[0].numpy()
    except Exception:
        return None
    if not np.isfinite(expected).all():
        return 0.0  # `net.finite` rejects them with its own sentence
    if net.head == "softmax" and expected.max() <= 0:
        expected = np.exp(expected)  # a log softmax
    found = logits if net.head in ("linear", "number") else probabilities(logits, net.head)
    found = found[:, 1:] if found.shape[1] > expected.shape[1] else found
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-6))


def _tolerance(net):
    exact = "16" not in keras.backend.standardize_dtype(net.model.outputs[0].dtype) and not any(
        "16" in str(getattr(step.layer, "compute_dtype", "")) for step in net.steps
    )
    return 2e-3 if exact else 5e-2


def _of_predict(net):
    """Yield a note if the model's own predict() prepares its input differently."""
    kind = type(net.model)
    if (kind.predict, kind.predict_step) == (keras.Model.predict, keras.Model.predict_step):
        return
    pixels = sample_pictures(net.input_size)[2:]
    try:
        answer = net.model.predict(pixels.numpy(), verbose=0)
    except Exception:  # it takes something other than pixels
        return
    answer = np.asarray(keras.tree.flatten(answer)[0], np.float32).reshape(-1, net.units)
    difference = _difference(net, pixels, answer)
    if difference is None or difference > 10 * _tolerance(net):
        yield (
            f"model.predict and model(x) of {net.model.name!r} give different answers, and here it "
            "is model(x): where predict preprocesses its input, pass that function as preprocess=."
        )


def _number(net, noted):
    """Return whether a single output is too large for the logit of two classes, and the notes.

    Several large outputs cannot be told from the logits of a network without preprocessing.
    """
    outputs = np.asarray(net.forward(sample_pictures(net.input_size)[2:])[0])
    far = not noted and (outputs.min() > _LARGE_LOGIT or outputs.max() < -_LARGE_LOGIT)
    name = net.model.name
    if net.units > 1:
        words = (
            f"All outputs of {name!r} are large ({outputs[0, 0]:.4g} is the first, for noise), "
            "unlike the logits of classes: numbers=True reads them as outputs of a regression."
        )
        return False, [words] if far else []
    if far:
        return True, [
            f"The model {name!r} gives one number, {outputs[0, 0]:.4g} for a picture of noise, "
            "too large for the logit of two classes, so it is read as a regression: "
            'labels=["age"] names the number, labels=["no", "yes"] the classes of a logit.'
        ]
    return False, [
        f"The model {name!r} gives one number, read as the logit of class 1 rather than class "
        '0: labels=["no", "yes"] names the two, or labels=["age"] the number of a regression.'
    ]


def _of_size(net):
    """Note that a model takes pictures of any size."""
    free = None in net.graph.input.shape[1:3]
    inside = any(None not in s.shape[1:3] for s in net.graph.steps if len(s.shape) == 4)
    if free and not inside:
        height, width = net.input_size
        yield (
            f"The model {net.model.name!r} takes pictures of any size; they are resized to "
            f"{height} x {width} pixels: pass input_size=(height, width) if it was trained on "
            "another size."
        )


# Same place ------------------------------------------------------------------------------------

_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))  # of a spot, from border to border
_REARRANGED = "its places are not those of the picture: the picture is cut, padded or rearranged"
_CORNERS = ("top left", "top right", "bottom left", "bottom right", "middle")


def misplaced(net, values, exact=False):
    """Check whether maps are aligned with the photo: return a sentence or None per value.

    values : of the graph, (n, h, w, c)
    exact : True for the first learned layers, where positions are sharp

    A spot is changed in each corner and in the middle of a picture. None also if nothing can
    be said: a single position, or a map that does not change.
    """
    widths = [max(min(2, n), n // (16 if exact else 8)) for n in net.input_size]
    for value in values:  # at least as wide as a cell of the maps, which may skip pixels
        steps = [-(-n // (m or n)) for n, m in zip(net.input_size, value.shape[1:3], strict=True)]
        limits = [max(w, n // 3) for w, n in zip(widths, net.input_size, strict=True)]
        widths = [min(max(w, s), m) for w, s, m in zip(widths, steps, limits, strict=True)]
    spans = [
        [_span(*each) for each in zip(place, net.input_size, widths, strict=True)]
        for place in _PLACES
    ]
    centres = np.array(spans).mean(axis=2) / net.input_size
    faults = dict.fromkeys(values)
    # Without ReLUs, so that none is dead; apparent misplacements are checked again with them.
    for backgrounds, substitute in ((1, without_relu), (2, None)):
        suspects = [value for value in values if backgrounds == 1 or faults[value]]
        if suspects:
            changes = _changes_by_spot(net, suspects, spans, backgrounds, substitute)
            for value, change in zip(suspects, changes, strict=True):
                if change is not None:
                    faults[value] = _fault(change, centres, exact)
    return [fault or _stretched(net, value) for value, fault in faults.items()]


def _stretched(net, value):
    """Return what is wrong with maps that grew since the first ones, but unequally by axis."""
    shapes = [step.shape[1:3] for step in net.graph.first_learned() if len(step.shape) == 4]
    if not shapes or None in (*shapes[0], *value.shape[1:3]):
        return None
    growth = [n / first for n, first in zip(value.shape[1:3], shapes[0], strict=True)]
    return _REARRANGED if max(growth) > max(1, 1.5 * min(growth)) else None


def fault_of_place(net, value):
    """Return what is wrong with the position of a layer's maps, or None; for later choices."""
    before = set(net.graph.needed_for([value]))
    if not all(keeps_places(step) for step in net.graph.bottlenecks() if step in before):
        return "they are made anew from a vector, which has no places"
    return _fault_at_first(net) or misplaced(net, [value])[0]


def _fault_at_first(net):
    """Return what is wrong with the position of the first learned layers' maps, or None."""
    first = [step.outputs[0] for step in net.graph.first_learned() if len(step.shape) == 4]
    return next(filter(None, misplaced(net, first, exact=True)), None) if first else None


def _changes_by_spot(net, values, spans, backgrounds, substitute):
    """Return, per value, how much its maps change with each spot: (5, h, w), or None."""
    pictures = [_with_spots(net.input_size, spans, bright) for bright in range(backgrounds)]
    results = net.run_values(tf.constant(np.concatenate(pictures)), values, substitute)
    changes = []
    for maps in results:
        maps = tf.reshape(maps, (backgrounds, 6, *maps.shape[1:]))
        change = tf.reduce_sum(tf.abs(maps[:, 1:] - maps[:, :1]), axis=(0, -1))
        change = change.numpy().astype(np.float64)
        # A deep network without its ReLUs may overflow.
        usable = np.isfinite(change).all() and change.max() > 0 and change[0].size > 1
        changes.append(change if usable else None)
    return changes


def without_relu(layer):
    """Return a callable that skips a layer's ReLU, or None for a layer without one."""
    activation = getattr(layer, "activation", layer)
    name = getattr(activation, "__name__", type(activation).__name__)
    return without_activation(layer) if "relu" in name.lower() else None


def _with_spots(size, spans, bright):
    """Return float32 (6, h, w, 3): a noise picture, and copies with a spot at each place."""
    low, step = (150, -130) if bright else (30, 130)
    picture = np.random.default_rng(1).uniform(low, low + 80, (*size, 3)).astype(np.float32)
    pictures = [picture]
    for (top, bottom), (left, right) in spans:
        spot = picture.copy()
        spot[top:bottom, left:right] += step
        pictures.append(spot)
    return np.stack(pictures)


def _span(place, length, width):
    """Return the first pixel of a spot and the one after its last; place : 0..1."""
    first = round(place * (length - width))
    return first, first + width


def _fault(change, centres, exact):
    """Return what is wrong with the positions of changes (5, h, w), or None.

    centres : of the spots, (5, 2), as shares of height, width
    """
    total = change.sum(axis=(1, 2))
    unseen = total < 1e-6 * total.max()
    if unseen.sum() >= (1 if exact else 2):
        return f"its {_CORNERS[int(unseen.argmax())]} does not reach them: the picture is cut"
    local = change - change.min(axis=0)  # what changes with every spot says nothing of position
    if not exact:
        local = local**2
    weight = local.sum(axis=(1, 2))
    if weight.min() <= 0:
        return None
    rows, columns = ((np.arange(n) + 0.5) / n for n in change.shape[1:])
    found = np.stack(
        [local.sum(axis=2) @ rows / weight, local.sum(axis=1) @ columns / weight], axis=1
    )
    design = np.concatenate([centres - 0.5, np.ones((5, 1))], axis=1)
    slopes, rest, *_ = np.linalg.lstsq(design, found - 0.5, rcond=None)  # (row, column, constant)
    varied = ((found - found.mean(axis=0)) ** 2).sum(axis=0)
    if not exact and (rest > 0.1 * varied).all():
        return None  # cells that see the whole picture have no clear positions
    return _fault_of(slopes, found - centres, change.shape[1:], exact)


def _fault_of(slopes, off, grid, exact):
    (down, crossed_down), (crossed_up, across), shift = slopes
    if exact:
        near = max(0.04, 0.6 / min(grid))
        if np.abs(off).max() <= near:
            return None
    elif _plausible(slopes, grid):
        return None
    if max(abs(crossed_down), abs(crossed_up)) > 2 * max(abs(down), abs(across)):
        return "its rows lie along the columns of the picture: the picture is transposed or turned"
    if min(down, across) < -0.3:
        return "it is the mirror image of the picture"
    return _REARRANGED


def _plausible(slopes, grid):
    """Return whether rows follow rows and columns columns; blur is not a fault."""
    (down, crossed_down), (crossed_up, across), shift = slopes
    direct = [slope for slope, n in ((down, grid[0]), (across, grid[1])) if n > 1]
    if min(direct) < -0.2:
        return False
    if max(abs(crossed_down), abs(crossed_up)) > max(0.3, 2 * max(direct)):
        return False
    if len(direct) == 2 and max(direct) > 0.5 and min(direct) < 0.1 * max(direct):
        return False
    return np.abs(shift).max() <= max(0.1, 0.3 / min(grid))


def refusal(name, fault):
    """Return the sentence for a layer whose maps do not lie on the photo."""
    return (
        f"The maps of {name!r} do not lie on the photo as they are drawn ({fault}), so a class "
        "activation map would point at the wrong place: apply that step to the photo yourself and "
        "load the model without it; occlusion and the gradient methods are not affected."
    )


# Whole score -----------------------------------------------------------------------------------


def choose_layer(net):
    """Return (name, why none, notes) of the default layer.

    It makes the last maps through which the whole score passes and that lie on the photo; None if
    there are none.
    """
    maps, whole = net.graph.maps(), net.graph.whole_maps()
    turned, faults, placed = _fault_at_first(net) if maps else None, [], []
    if whole and not turned:
        faults, placed = misplaced(net, whole[-1].outputs[:1]), whole[-1:]
        if faults[-1]:
            faults = misplaced(net, [step.outputs[0] for step in whole])
            placed = [step for step, fault in zip(whole, faults, strict=True) if not fault]
    if not maps:
        return None, _without_maps(net), []
    if turned or (whole and not placed):
        no_map = refusal((whole or maps)[-1].name, turned or faults[-1])
    elif not whole:
        no_map = _no_single_layer(net, maps)
    elif _goes_on(net, placed[-1], rank=3, times=1):
        no_map = (
            f"The network {net.name!r} continues with tokens, as a vision transformer does, after "
            f"its last maps {placed[-1].name!r}, so no maps show what its score depends on: use "
            f"occlusion or the gradient methods, or pass layer={placed[-1].name!r} to see these "
            "early maps."
        )
    elif faults[-1]:
        shown = f" By default the earlier maps of {placed[-1].name!r} are shown."
        return placed[-1].name, "", [refusal(whole[-1].name, faults[-1]) + shown]
    else:
        others = [step for step in _ends(net, maps) if step is not placed[-1]]
        return placed[-1].name, "", list(_early_maps(net, placed[-1], others))
    return None, no_map, [no_map]


def _without_maps(net):
    return (
        f"The network {net.name!r} has no layer of maps (n, h, w, c) after its first weights, "
        "so it makes no class activation maps; occlusion and the gradient methods work."
    )


def _no_single_layer(net, maps):
    ends = [step.name for step in _ends(net, maps)]
    names = list(dict.fromkeys(ends))
    if len(names) == 1:
        others = "earlier calls of this layer" if len(ends) > 1 else "the picture without any maps"
        return (
            f"The score of {net.name!r} comes from the last maps of {names[0]!r} and from {others}"
            f": layer={names[0]!r} shows a part of it, occlusion all."
        )
    return (
        f"The score of {net.name!r} comes from several last maps, those of "
        f"{_listed(names)}, and no single layer carries it all: pass layer={names[0]!r} and so on, "
        "and show the maps side by side."
    )


def _early_maps(net, step, others):
    """Yield a note if later maps, `others`, carry only a part of the score."""
    if others:
        names = _listed([other.name for other in others])
        yield (
            f"The default maps of {net.name!r} are those of {step.name!r}, the last that the whole "
            f"score passes; after them come those of {names}, with a part of it."
        )
    elif _goes_on(net, step, rank=2, times=2):
        yield (
            f"The last maps of {net.name!r}, those of {step.name!r}, come early: most of its "
            "layers with weights are the Dense ones after them. A class activation map shows "
            "where they get their input, occlusion where the score depends on the picture."
        )


def _ends(net, maps):
    """Return the last maps of every path to the output, in order."""
    maps, ends, seen, waiting = set(maps), set(), set(), [net.graph.output.step]
    while waiting:
        step = waiting.pop()
        if step is None or step in seen:
            continue
        seen.add(step)
        if step in maps:
            ends.add(step)
        else:
            waiting += [value.step for value in step.inputs]
    return [step for step in net.steps if step in ends]


def _goes_on(net, step, rank, times):
    """Return whether more than `times` as many kernels, at least 3, come after `step` as before.

    rank : of the outputs of those after it, 3 for tokens (n, t, c), 2 for Dense layers
    """
    before = net.graph.needed_for(step.outputs)
    behind = [one for one in net.graph.needed_for([net.graph.output]) if one not in before]
    ranked = [one for one in behind if len(one.shape) == rank]
    return _kernels(ranked) >= max(3, times * _kernels(before) + 1)


def _kernels(steps):
    weights = (weight for step in steps for weight in getattr(step.layer, "weights", ()))
    return sum(len(weight.shape) > 1 for weight in weights)


def _listed(names):
    names = [repr(name) for name in names]
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


# Same scale ------------------------------------------------------------------------------------

_PHOTOS = ("chelsea", "coffee", "astronaut", "rocket")


def large_inputs(net):
    """Return {value: (smallest, largest)} of large inputs to the first layers with weights."""
    values = [value for step in net.graph.first_learned() for value in step.inputs]
    values = list(dict.fromkeys(values))
    seen = net.run_values(sample_pictures(net.input_size)[1:3], values)
    ranges = [(float(np.min(each)), float(np.max(each))) for each in map(np.asarray, seen)]
    large = zip(values, ranges, strict=True)
    return {value: ends for value, ends in large if np.abs(ends).max() > _LARGE_PIXEL}


def _of_scale(net, other_scales):
    """Yield a note if the first weights get large numbers but may have learned from smaller ones.

    other_scales : {name in `MODES`: preprocessing}; the stored statistics of a batch norm, if any,
        show which one fits
    """
    large = large_inputs(net)
    best = _fitting_scale(net, other_scales) if large else "identity"
    if best == "identity":
        return
    first = net.graph.first_learned()
    layer = next(step.name for step in first if any(value in large for value in step.inputs))
    low, high = next(iter(large.values()))
    outer = [step.path.rpartition("/")[0] for step in first]
    bodies = (application_of(net.graph.find(path)[0]) for path in outer if path)
    body = next(filter(None, bodies), None)
    fits = f"; its batch norm has seen pixels as preprocess={best!r} makes them" if best else ""
    named = f" or {body.name!r}, the name of its body" if body and body.mode != "identity" else ""
    yield (
        f"The first layer with weights of {net.model.name!r}, {layer!r}, gets values from "
        f"{low:.0f} to {high:.0f}{fits}: say what it was trained on, preprocess={_SCALES}{named}."
    )


def _fitting_scale(net, other_scales):
    """Return the name in `MODES` that fits the first batch norm's statistics, or None."""
    steps = net.graph.needed_for([net.graph.output])
    norm = next((s for s in steps if isinstance(s.layer, keras.layers.BatchNormalization)), None)
    if norm is None or len(norm.shape) != 4:
        return None
    mean, variance = np.asarray(norm.layer.moving_mean), np.asarray(norm.layer.moving_variance)
    if np.allclose(mean, 0) and np.allclose(variance, 1):
        return None  # untrained
    pixels = tf.constant(_photos(tuple(net.input_size)))
    misfits = {}
    for mode, function in other_scales.items():
        known = {net.graph.input: function(pixels)}
        (maps,) = net.graph.run(known, norm.inputs[:1], lambda step: None)
        maps = np.asarray(maps, np.float64).reshape(-1, len(mean))
        spread = np.log((maps.var(axis=0) + 1e-6) / (variance + 1e-6))
        shift = (maps.mean(axis=0) - mean) / np.sqrt(variance + maps.var(axis=0) + 1e-6)
        misfits[mode] = np.median(np.abs(spread) + np.abs(shift))
    best = min(misfits, key=misfits.get)
    if misfits["identity"] < misfits[best] + 0.5:
        best = "identity"
    return best if misfits[best] < 3 else None


@functools.cache
def _photos(size):
    photos = [load_photo(name) for name in _PHOTOS if name in entries("photo")]
    return np.stack([resize_photo(photo, size) for photo in photos]).astype(np.float32)
