"""Checks that run once, when a network that is not bundled is loaded: no silently wrong map.

    same answer   our layer-by-layer pass gives what model(x) gives            `check_answer`
    same place    noise at a place changes the maps where it lies              `misplaced`
    whole score   every path from picture to score passes the default layer    `choose_layer`
    same scale    the pixels have the scale that the network was trained on    `_of_scale`

A network with another answer is rejected. The other three add a sentence to `Findings.notes`, which
`load_network` gives as a warning, or block the methods that would draw a wrong map. All examine a
`forward.ForwardPass`, called `net` here.
"""

import functools
import inspect
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
    notes += _of_training(net)
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
        way_out = ""
        if net.graph.input.shape[0]:
            way_out = ": build it for batches of any size, keras.Input((height, width, channels))"
        elif any(getattr(s.layer, "data_format", "") == "channels_first" for s in net.steps):
            way_out = ": not every computer runs channels_first; build it with channels_last"
        what = f"The model {net.model.name!r} fails on a single picture ({first_line(error)})"
        raise ValueError(f"{what}{way_out}.") from None
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


def _of_training(net):
    """Yield a note if a layer is called in training mode, which model.predict overrules."""
    called = (s for s in net.steps if s.node.arguments.kwargs.get("training") is True)
    defaults = ((s, inspect.signature(s.layer.call).parameters.get("training")) for s in called)
    trained = [s.name for s, one in defaults if one is None or one.default is not True]
    if trained:
        yield (
            f"The layer {trained[0]!r} of {net.model.name!r} is called with training=True, so "
            "model(x) gives another answer than model.predict; here it is that of predict."
        )


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

_REARRANGED = (
    "its places are not those of the picture: the picture is cut, padded, mixed or rearranged"
)


class _Places(NamedTuple):
    """Where in the picture the cells of a layer's maps get their content from.

    found : (h, w, 2), 0..1 down and across
    clear : (h, w), 0..1, how much of the noise reached a cell; 0 for a cell without content
    cut : the border of the picture, or of maps before, does not reach them
    astray : 0..1, the share of channels that show another part of the maps before, or turn them
    steps : (2,), how far apart neighbours look in the maps before, for small maps; 1 is as they lie
    """

    found: np.ndarray
    clear: np.ndarray
    cut: bool
    astray: float
    steps: np.ndarray

    def reached(self):
        """Return whether the noise reached enough cells to tell their places."""
        return (self.clear > 0).mean() > 0.2


_SHARP, _AT_FIRST = 0.85, 0.45  # how far apart, at least, cells look for places one apart
_SMALL = 7  # cells a side: a kernel sees most of such maps
_SEEN = 0.02  # of the noise at a border; less comes by way of a mean over the picture


def misplaced(net, chain):
    """Check whether maps are aligned with the photo: return a sentence or None per value.

    chain : (value, sharp) pairs; the values of the graph, (n, h, w, c), are each computed from the
        one before and nothing else; sharp is how sharp positions are at least, 0..1, 0 if unknown

    None also if nothing can be said: a single position, or a map that does not change.
    """
    values = [value for value, _ in chain]
    first = _places(net, values, seed=1, width=0.25)
    reached = all(one and one.reached() for one in first)
    if reached and not any(_fault([one], c[1]) for one, c in zip(first, chain, strict=True)):
        return [None] * len(values)
    second = _places(net, values, seed=2, width=1)  # other noise, large enough for a threshold
    faults, shuffled = [], False
    for *copies, (_, sharp) in zip(first, second, chain, strict=True):
        # Blur may hide what was shuffled before; only sharp positions show that it was undone.
        faults.append(_fault(copies, _SHARP if shuffled else sharp))
        shuffled = shuffled or (faults[-1] is not None and None not in copies)
    return faults


def fault_of_place(net, value):
    """Return what is wrong with the position of a layer's maps, or None; for later choices."""
    if not all(map(keeps_places, net.graph.bottlenecks(value))):
        return "they are made anew from a vector, which has no places"
    before = [step for step in net.graph.whole_maps(value) if step is not value.step]
    at_first, faults = _faults(net, [*_values_of(before), value])
    return at_first or faults[-1]


def _values_of(steps):
    """Return the values of at most 32 of the steps, evenly spread, the last among them."""
    return [step.outputs[0] for step in steps[:: -1 - len(steps) // 32][::-1]]


def _faults(net, values):
    """Return (fault of the first learned layers' maps, faults of `values`), None where all is well.

    First layers that the whole score passes together later may each see a part of the picture.
    """
    first = [step for step in net.graph.first_learned() if len(step.shape) == 4]
    starts = [[(step.inputs[0], None), (step.outputs[0], _AT_FIRST)] for step in first]
    later = [(value, 0) for value in values]
    if len(first) > 1 and net.graph.whole_maps():
        starts = []
    if len(starts) == 1 and values[:1] == first[0].outputs:
        (start,) = starts
        faults = misplaced(net, start + later[1:])
        return faults[0] or faults[1], faults[1:]
    at_first = next((f for start in starts for f in misplaced(net, start) if f), None)
    return at_first, [] if at_first or not values else misplaced(net, later)


def _places(net, values, seed, width):
    """Return the _Places of each value, None for maps of parts of the picture.

    Noise is added to the picture: as it is, weighted by row and by column, and at borders alone.
    How much of the weighted noise reaches a cell tells its place. Then noise weighted by their
    places is added to these maps, and so on, so that places stay sharp in a deep network.
    """
    rng = np.random.default_rng(seed)
    source, shape, all_places = None, (*net.input_size, 3), []
    places = _Places(_centres(shape), np.ones(shape[:2]), False, 0, np.ones(2))
    for value in values:
        small = min(*shape[:2], *filter(None, value.shape[1:3])) <= _SMALL
        weights = [places.found, _centres(shape)] if small else [places.found]
        borders = np.stack(_borders(shape, value.shape))
        masks = [np.ones(shape[:2]), *borders, *np.concatenate(weights, axis=-1).transpose(2, 0, 1)]
        masks = np.stack(masks) * (places.clear > 0)
        middle, noise = rng.random((2, *shape), np.float32)
        middle += 0.5 if width < 1 or source is None else -0.5  # around zero, for a sign
        noise = width * (noise - 0.5) * masks.astype(np.float32)[..., None]
        maps = _run_from(net, source, np.stack([middle, *(middle + noise)]), value)
        if len(maps) != 1 + len(masks):
            all_places.append(None)
            continue
        change = np.nan_to_num(maps[1:] - maps[:1], posinf=0, neginf=0)
        total, _, _, *found = np.einsum("khwc,hwc->khw", change, change[0]).astype(np.float64)
        found = [np.divide(w, total, out=np.full_like(w, 0.5), where=total > 0) for w in found]
        found = np.clip(np.stack(found, axis=-1), 0, 1)
        share = borders.mean(axis=(1, 2)) * masks[1:3].any(axis=(1, 2))
        reaches = np.square(change[1:3]).sum(axis=(1, 2, 3)) / (total.sum() + 1e-30)
        clear = total / (total + total.mean() + 1e-30)
        places = _Places(
            found[..., :2],
            clear,
            places.cut or bool((reaches < _SEEN * share).any() and total.any()),
            _astray(change[0], change[3:5] - 0.5 * change[0]),
            np.diag(_fit(found[..., 2:], clear)) if small else np.ones(2),
        )
        all_places.append(places)
        source, shape = value, maps.shape[1:]
    return all_places


def _fit(found, clear):
    """Return (3, 2): how the places found rise by row and by column of the maps, and their middle.

    Places are counted from the middle, and weighted by how clear they are.
    """
    grid = _grid(clear.shape)
    weighted = (grid * clear[..., None]).reshape(-1, 3).T
    return np.linalg.lstsq(weighted @ grid.reshape(-1, 3), weighted @ found.reshape(-1, 2))[0]


def _grid(shape):
    """Return (h, w, 3): the centres of the cells, -0.5..0.5 down and across, and 1."""
    return np.concatenate([_centres(shape) - 0.5, np.ones((*shape[:2], 1))], axis=-1)


def _line(found, clear):
    """Return (slopes as of `_fit`, (2,) how far the places are from it), of (copies, h, w, 2).

    What is left in all copies is not due to noise. Up to a quarter of the cells may see two sides
    of the picture, where padding is circular, if all others lie exactly on the line.
    """
    kept, results = clear, []
    for _ in range(4):
        slopes = _fit(found.mean(axis=0), kept)
        rest = found - _grid(clear.shape) @ slopes
        off = np.abs(rest.mean(axis=0)).max(axis=-1)
        rest = (rest[0] * rest[-1] * kept[..., None]).sum(axis=(0, 1)) / kept.sum()
        results.append((slopes, rest.clip(0) ** 0.5))
        if rest.max() < (0.25 / max(clear.shape) + 0.01) ** 2:
            return results[-1]
        kept = clear * (off <= np.quantile(off, 0.75))
    return results[0]


def _astray(full, weighted):
    """Return 0..1, the share of channels whose places lie beside the maps or are turned.

    full, weighted : (h, w, c), responses to the noise, and [to it weighted by row, by column]
    """
    shape, every = full.shape, -(-max(full.shape[:2]) // 32)  # some of the cells tell as much
    grid, full, *weighted = (
        one[::every, ::every].reshape(-1, one.shape[-1]).astype(np.float64)
        for one in (_grid(shape), full, *weighted)
    )
    products = (full**2).T @ (grid[:, :, None] * grid[:, None, :]).reshape(-1, 9)
    power = products[:, 8]
    goals = np.stack([(full * one).T @ grid for one in weighted], axis=-1)
    ridge = (1e-3 * power.mean() + 1e-30) * np.eye(3)
    slopes = np.linalg.solve(products.reshape(-1, 3, 3) + ridge, goals)  # (c, 3, 2)
    middle = slopes[:, 2] - np.average(slopes[:, 2], axis=0, weights=power + 1e-30)
    limit = np.maximum(0.06, 1.2 / np.array(shape[:2]))
    aside = (np.abs(middle) > limit).any(axis=1)
    turned = (slopes[:, [0, 1], [0, 1]] < -0.3).any(axis=1)
    return float(power[aside | turned].sum() / (power.sum() + 1e-30))


def _run_from(net, source, probes, value):
    """Return a value of the graph, computed from another one of about 0..2, or from a picture."""
    if source is None:
        return net.run_values(tf.constant(127.5 * probes), [value], without_relu)[0].numpy()
    symbols = net.model.inputs if source.step is None else source.step.node.outputs
    outputs = [source] if source.step is None else source.step.outputs
    known = tf.cast(probes, symbols[outputs.index(source)].dtype)
    with keras.StatelessScope(collect_losses=True):
        parts = [
            net.graph.run({source: part}, [value], lambda step: without_relu(step.layer))[0]
            for part in (tf.split(known, len(known)) if net.one_by_one else [known])
        ]
    return np.concatenate(parts)


def _centres(shape):
    """Return (h, w, 2): the centres of the cells, 0..1 down and across."""
    return np.stack(
        np.meshgrid(*((np.arange(n) + 0.5) / n for n in shape[:2]), indexing="ij"), axis=-1
    )


def _borders(shape, later):
    """Return masks (2, h, w) of the upper and lower, the left and right border.

    They are at least as wide as a cell of the later maps, which may skip pixels.
    """
    borders = []
    for n, m, places in zip(shape, later[1:3], np.moveaxis(_centres(shape), -1, 0), strict=False):
        width = max(-(-n // (m or n)), n // 16) / n
        borders.append(np.abs(places - 0.5) > 0.5 - width)
    return borders


def without_relu(layer):
    """Return a callable that skips a layer's ReLU, or None for a layer without one."""
    activation = getattr(layer, "activation", layer)
    name = getattr(activation, "__name__", type(activation).__name__)
    return without_activation(layer) if "relu" in name.lower() else None


def _fault(copies, sharp):
    """Return what is wrong with the _Places found with one noise or two, or None."""
    if None in copies:
        return _REARRANGED
    copies = [one for one in copies if one.reached()]
    if not copies:
        return None
    clear, cut = np.mean([one.clear for one in copies], axis=0), copies[0].cut
    grid = clear.shape
    if clear.size == 1:
        return None
    if cut and sharp is not None:
        return "its border does not reach them: the picture is cut"
    steps = np.mean([one.steps for one in copies], axis=0)
    if min(grid) > 2 and (min(one.astray for one in copies) > 0.3 or steps.min() < -0.3):
        return _REARRANGED
    if min(grid) > 3 and steps.mean() < 0.15:
        return _REARRANGED
    if sharp is None:
        return None
    slopes, rest = _line(np.stack([one.found for one in copies]) - 0.5, clear)
    (down, crossed_down), (crossed_up, across), shift = slopes  # (row, column, constant)
    axes = [(slope, n) for slope, n in ((down, grid[0]), (across, grid[1])) if n > 1]
    direct = [slope for slope, _ in axes]
    crossed, shift, rest = max(abs(crossed_down), abs(crossed_up)), np.abs(shift).max(), rest.max()
    cell = 1 / min(grid)
    if sharp:
        right = sharp < min(direct) and crossed < 0.1
        right = right and shift < max(0.04, 0.4 * cell) and rest < max(0.09, 0.4 * cell)
    else:  # blur is not a fault
        right = all(slope > (0.1 if n > 7 or max(direct) > 0.5 else -0.2) for slope, n in axes)
        right = right and crossed < max(0.3, 2 * max(direct))
        right = right and shift < max(0.08, cell) and rest < max(0.08, 0.5 * cell)
    if right and max(direct) < 1.08 + 0.3 * cell + (0 if sharp else 0.2):
        return None
    if crossed > 2 * np.abs(direct).max():
        return "its rows lie along the columns of the picture: the picture is transposed or turned"
    if min(direct) < -0.3 and rest < 0.1:
        return "it is the mirror image of the picture"
    return _REARRANGED


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
    values = _values_of(whole)
    turned, faults = _faults(net, values) if maps else (None, [])
    placed = []
    if not turned:
        placed = [one.step for one, fault in zip(values, faults, strict=True) if not fault]
    if not maps:
        return None, _without_maps(net), []
    tokens = bool(placed) and _mixes_tokens(net, placed[-1])
    if turned or (whole and not placed):
        no_map = refusal((whole or maps)[-1].name, turned or faults[-1])
    elif not whole:
        no_map = _no_single_layer(net, maps)
    elif tokens and _comes_early(net, placed[-1]):
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
        return placed[-1].name, "", list(_early_maps(net, placed[-1], others, tokens))
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


def _early_maps(net, step, others, tokens):
    """Yield a note if later maps, `others`, or mixed `tokens` (True, False) come after a step."""
    if others:
        names = _listed([other.name for other in others])
        yield (
            f"The default maps of {net.name!r} are those of {step.name!r}, the last that the whole "
            f"score passes; after them come those of {names}, with a part of it."
        )
    elif tokens:
        yield (
            f"After its last maps, those of {step.name!r}, the network {net.name!r} mixes their "
            "places as tokens. A class activation map shows where the tokens get their input, "
            "occlusion where the score depends on the picture."
        )
    elif _goes_on(net, step):
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


def _comes_early(net, step):
    """Return whether at least as many kernels come after `step` as up to it."""
    before, behind = _parts(net, step)
    return _kernels(behind) >= _kernels(before)


def _goes_on(net, step):
    """Return whether over twice as many kernels, at least 3, come in Dense layers after `step`."""
    before, behind = _parts(net, step)
    dense = [one for one in behind if len(one.shape) == 2]
    return _kernels(dense) >= max(3, 2 * _kernels(before) + 1)


def _parts(net, step):
    """Return the steps up to `step`, itself included, and those after it."""
    before = net.graph.needed_for(step.outputs)
    return before, [one for one in net.graph.needed_for([net.graph.output]) if one not in before]


def _kernels(steps):
    weights = (weight for step in steps for weight in getattr(step.layer, "weights", ()))
    return sum(len(weight.shape) > 1 for weight in weights)


def _mixes_tokens(net, step):
    """Return whether the places of a step's maps are laid out as tokens (n, t, c) and then mixed.

    Noise is added to every second place, then to the others: what both change is mixed. Pooling,
    normalisation and gates made from a vector, as in squeeze and excite, do not count.
    """
    behind, tokens = _parts(net, step)[1], []
    for one in behind:
        laid_out = len(one.shape) == 3 and one.shape[1] != 1
        if laid_out or any(value.step in tokens for value in one.inputs):
            tokens.append(one)
    if not tokens:
        return False
    maps, pixels = step.outputs[0], sample_pictures(net.input_size)[2:3]
    plain = {maps: net.run_values(pixels, [maps], without_relu)[0].numpy()}
    plain = _run_on(net, plain, behind)
    places = {value for value, array in plain.items() if sum(n > 1 for n in array.shape) > 1}
    pooled = [one for one in behind if _only_pools(one, places)]
    known = {value: plain[value] for one in pooled for value in one.outputs}
    known = {maps: plain[maps], **known}
    for source in [value for value in known if value in places]:
        noisy = [{**known, source: _with_noise(plain[source], every)} for every in (0, 1)]
        runs = [_run_on(net, one, behind) for one in noisy]
        mixed = {value for value in plain if _both_change(plain[value], *(r[value] for r in runs))}
        for one in tokens:
            mixes = mixed & set(one.outputs) and not mixed & set(one.inputs)
            if mixes and places & set(one.inputs):  # a Dense layer of a flat vector does not count
                return True
    return False


def _only_pools(step, places):
    """Return whether a step pools, convolves maps or makes a vector without weights.

    places : the values with several places
    """
    kind = type(step.layer).__name__
    if "Pool" in kind or ("Conv" in kind and len(step.shape) == 4):
        return True
    laid_out = step.outputs[0] in places or "Reshape" in kind or "Flatten" in kind
    return not laid_out and not _kernels([step])


def _run_on(net, known, steps):
    """Return {value: array} of values of the graph `known` and those that steps make from them."""
    wanted = [value for step in steps for value in step.outputs]
    tensors = {}
    for value, array in known.items():
        symbols = dict(zip(value.step.outputs, value.step.node.outputs, strict=True))
        tensors[value] = tf.cast(array, symbols[value].dtype)
    with keras.StatelessScope(collect_losses=True):
        made = net.graph.run(tensors, wanted, _without_norm)
    return {**known, **{v: np.asarray(m, np.float32) for v, m in zip(wanted, made, strict=True)}}


def _without_norm(step):
    wraps = isinstance(step.layer, keras.layers.Wrapper)  # a layer, to normalise its weights
    if "Norm" in type(step.layer).__name__ and not wraps:
        return lambda x, *given, **options: x
    return without_relu(step.layer)


def _with_noise(array, every):
    """Add noise to every second place of (1, ..., c), like the squares of a chessboard."""
    places = np.indices(array.shape[:-1]).sum(axis=0)[..., None] % 2 == every
    noise = np.random.default_rng(every).normal(size=array.shape) * (array.std() + 1e-3)
    return array + (noise * places).astype(np.float32)


def _both_change(array, *others):
    """Return whether two arrays differ from the first one at the same number."""
    changes = [np.nan_to_num(np.abs(other - array), posinf=0) for other in others]
    return np.logical_and(*(change > 1e-4 * change.max() for change in changes)).any()


def _listed(names):
    names = [repr(name) for name in names]
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]


# Same scale ------------------------------------------------------------------------------------

_PHOTOS = ("chelsea", "coffee", "astronaut", "rocket")


def large_inputs(net):
    """Return {value: (smallest, largest)} of large inputs to the first layers with weights."""
    seen = _first_inputs(net, sample_pictures(net.input_size)[1:3])
    ranges = {value: (float(each.min()), float(each.max())) for value, each in seen.items()}
    return {value: ends for value, ends in ranges.items() if np.abs(ends).max() > _LARGE_PIXEL}


def _first_inputs(net, pixels):
    """Return {value: array}, the inputs of the first layers with weights on each path."""
    values = [value for step in net.graph.first_learned() for value in step.inputs]
    values = list(dict.fromkeys(values))
    return dict(zip(values, map(np.asarray, net.run_values(pixels, values)), strict=True))


def _flat_inputs(net):
    """Return {value: number} of inputs to the first weights that are nearly all one number.

    Values 0..255 that are clipped to 0..1 are, or squeezed by a tanh.
    """
    flat = {}
    for value, seen in _first_inputs(net, sample_pictures(net.input_size)[2:]).items():
        middle = np.median(seen)
        if np.mean(np.abs(seen - middle) <= 1e-3 * np.ptp(seen)) > 0.9:
            flat[value] = float(middle)
    return flat


def _of_scale(net, other_scales):
    """Yield a note if the first weights may have learned from numbers of another scale.

    other_scales : {name in `MODES`: preprocessing}; the stored statistics of a batch norm, if any,
        show which one fits
    """
    large, flat = large_inputs(net), _flat_inputs(net)
    best = _fitting_scale(net, other_scales, clear=0.5 if large else 1.5)
    if best == "" or not (large or flat or best):
        return
    first = net.graph.first_learned()
    odd = large or flat or first[0].inputs
    layer = next(step.name for step in first if any(value in odd for value in step.inputs))
    gets = "smaller or larger values than it was trained on"
    if large:
        low, high = next(iter(large.values()))
        gets = f"values from {low:.0f} to {high:.0f}"
    elif flat:
        gets = f"the value {next(iter(flat.values())):.3g} nearly everywhere in a picture"
    outer = [step.path.rpartition("/")[0] for step in first]
    bodies = (application_of(net.graph.find(path)[0]) for path in outer if path)
    body = next(filter(None, bodies), None)
    fits = f"; its batch norm has seen pixels as preprocess={best!r} makes them" if best else ""
    named = f" or {body.name!r}, the name of its body" if body and body.mode != "identity" else ""
    yield (
        f"The first layer with weights of {net.model.name!r}, {layer!r}, gets {gets}{fits}: say "
        f"what it was trained on, preprocess={_SCALES}{named}."
    )


def _fitting_scale(net, other_scales, clear):
    """Return which of `MODES` fits the first batch norm's statistics, "" if it is the one in use.

    clear : how much worse the one in use must be; None if no statistics tell
    """
    steps = net.graph.needed_for([net.graph.output])
    norm = next((s for s in steps if isinstance(s.layer, keras.layers.BatchNormalization)), None)
    if norm is None or len(norm.shape) != 4:
        return None
    mean, variance = np.asarray(norm.layer.moving_mean), np.asarray(norm.layer.moving_variance)
    if np.allclose(mean, 0) and np.allclose(variance, 1):
        return None  # untrained
    pixels = tf.constant(_photos(tuple(net.input_size)))
    misfits = {}
    for mode, function in {**other_scales, "": net.preprocess}.items():
        known = {net.graph.input: function(pixels)}
        (maps,) = net.graph.run(known, norm.inputs[:1], lambda step: None)
        maps = np.asarray(maps, np.float64).reshape(-1, len(mean))
        spread = np.log((maps.var(axis=0) + 1e-9) / (variance + 1e-9))
        shift = (maps.mean(axis=0) - mean) / np.sqrt(variance + maps.var(axis=0) + 1e-9)
        misfits[mode] = np.median(np.abs(spread) + np.abs(shift))
    used = misfits.pop("")
    best, second = sorted(misfits, key=misfits.get)[:2]
    if used < min(misfits[best] + clear, 3):
        return ""
    return best if misfits[best] < min(misfits[second] - 0.7, 3) else None


@functools.cache
def _photos(size):
    photos = [load_photo(name) for name in _PHOTOS if name in entries("photo")]
    return np.stack([resize_photo(photo, size) for photo in photos]).astype(np.float32)
