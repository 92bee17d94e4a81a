"""Checks that run once, when a network that is not bundled is loaded: no silently wrong map.

    same answer   our layer-by-layer pass gives what model(x) gives            `check_answer`
    same place    noise at a place changes the maps where it lies              `places.misplaced`
    whole score   every path from picture to score passes the default layer    `default_layer`
    same scale    the pixels have the scale that the network was trained on    `_of_scale`

They take a few forward passes, uncompiled: 0.1 to 0.3 s for a small CNN, longer for a recurrent
layer of many steps, as does model(x). A network with another answer is rejected. The other three
add a sentence to `Findings.notes`, which `load_network` gives as a warning, or block the methods
that would draw a wrong map. All examine a `forward.ForwardPass`, called `net` here.
"""

import functools
import inspect
import warnings
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers._shared.checks import first_line
from cnnvis_helpers.networks.applications import application_of
from cnnvis_helpers.networks.default_layer import choose_layer, without_maps
from cnnvis_helpers.networks.head import probabilities, sample_pictures
from cnnvis_helpers.photos.photos import load_photo
from cnnvis_helpers.photos.resizing import resize_photo

_LARGE_LOGIT = 20  # its sigmoid is 1 in 32 bits, so training never gets there
_LARGE_PIXEL = 200  # more than a mean subtracted from 0..255 leaves
_SMALL_PIXEL = 0.02  # what was divided twice
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
    no_map = "" if maps else without_maps(net)
    return Findings(maps[-1].name if maps else None, no_map, [], trusted=True)


def check(net, other_scales=(), size_known=True, outputs_known=True):
    """Try a ForwardPass on a few pictures; return the Findings, or reject a wrong answer.

    other_scales : {name in `MODES`: preprocessing}, if the caller has chosen none
    size_known, outputs_known : the caller gave the size of pictures, the meaning of the outputs
    """
    logits = check_answer(net)
    notes = list(_of_training(net))
    if other_scales:
        notes += [*_of_scale(net, other_scales), *_of_predict(net)]
    number = False
    if not outputs_known and net.head == "linear":
        number, words = _number(net, logits, bool(notes))
        notes += words
    if not size_known:
        notes += _of_size(net)
    last_conv, no_map, words = choose_layer(net)
    return Findings(last_conv, no_map, notes + words, number)


# Same answer -----------------------------------------------------------------------------------


def check_answer(net):
    """Return the logits of two pictures, (2, units); ValueError unless they are the model's.

    The model gets one picture alone: noise with a white and a black quarter. Our pass gets it in a
    batch, neither first, last nor in the middle. `net.one_by_one` is set if the batch matters.
    """
    pixels = sample_pictures(net.input_size)[[1, 1, 2, 3]]  # white, white, noise, noise
    height, width = net.input_size
    pixels[2, : height // 2, : width // 2] = 255
    pixels[2, height // 2 :, width // 2 :] = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a tensor in place of a dict with one input
            alone = net.preprocess(tf.constant(pixels[2:3]))
            answer = keras.tree.flatten(net.model(alone, training=False))[0]
    except Exception as error:
        way_out = ""
        if net.graph.input.shape[0]:
            way_out = ": build it for batches of any size, keras.Input((height, width, channels))"
        elif any(getattr(s.layer, "data_format", "") == "channels_first" for s in net.steps):
            way_out = ": not every computer runs channels_first; build it with channels_last"
        what = f"The model {net.model.name!r} fails on a single picture ({first_line(error)})"
        raise ValueError(f"{what}{way_out}.") from None
    expected = np.asarray(answer, np.float32).reshape(-1, net.units)
    for one_by_one in (net.one_by_one, True):  # a model may mix the pictures of a batch
        net.one_by_one = one_by_one
        try:
            logits = net.forward(tf.constant(pixels[2:] if one_by_one else pixels))[0].numpy()
        except Exception:
            found = "fails"
            continue
        difference = _difference(net, logits[-2:-1], expected)
        if difference <= _tolerance(net):
            return logits[-2:]
        found = f"is off by {difference:.2g} of the largest"
    again = np.asarray(keras.tree.flatten(net.model(alone, training=False))[0], np.float32)
    change = np.abs(again.reshape(expected.shape) - expected).max()
    if change > _tolerance(net) * np.abs(expected).max():
        raise ValueError(
            f"The model {net.model.name!r} gives one picture another answer each time, so no map "
            "explains it: leave out what is random in model(x, training=False)."
        )
    raise ValueError(
        f"Run layer by layer, the model {net.model.name!r} does not give the answer that "
        f"model(x) gives (it {found}), so its maps would be wrong: rebuild it with Keras "
        "layers only, or compute the score with model(x) yourself."
    )


def _difference(net, logits, expected):
    """Return the largest difference of answers (probabilities, if any) relative to the largest."""
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
        answer = net.model.predict(pixels, verbose=0)
    except Exception:  # it takes something other than pixels
        return
    answer = np.asarray(keras.tree.flatten(answer)[0], np.float32).reshape(-1, net.units)
    logits = net.forward(tf.constant(pixels))[0].numpy()
    if _difference(net, logits, answer) > 10 * _tolerance(net):
        yield (
            f"model.predict and model(x) of {net.model.name!r} give different answers, and here it "
            "is model(x): where predict preprocesses its input, pass that function as preprocess=."
        )


def _number(net, outputs, noted):
    """Return whether a single output is too large for the logit of two classes, and the notes.

    Several large outputs cannot be told from the logits of a network without preprocessing.
    """
    least = 1 if net.units > 7 else _LARGE_LOGIT  # a softmax keeps the mean of logits near 0
    far = not noted and (outputs.min() > least or outputs.max() < -_LARGE_LOGIT)
    name = net.model.name
    if net.units > 1:
        words = (
            f"All outputs of {name!r} are large (from {outputs.min():.4g} to {outputs.max():.4g} "
            "for noise), unlike the logits of classes: numbers=True reads them as outputs of a "
            "regression."
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


# Same scale ------------------------------------------------------------------------------------


def inputs_of_odd_scale(net):
    """Return two dicts {value: words}, of large or tiny, and of flat inputs to the first weights.

    Flat inputs are nearly all one number, as 0..255 is after a clip to 0..1.
    """
    steps = [step for step in net.graph.first_learned() if not _cancels_scale(step.layer)]
    values = list(dict.fromkeys(value for step in steps for value in step.inputs))
    pixels = tf.constant(sample_pictures(net.input_size)[1:])  # white, noise, noise
    large, flat = {}, {}
    for value, seen in zip(values, map(np.asarray, net.run_values(pixels, values)), strict=True):
        low, high, (_, *noise) = float(seen.min()), float(seen.max()), seen
        middle = np.median(noise)
        largest = max(-low, high)  # nan for a white picture's range, say, tells nothing
        if largest > _LARGE_PIXEL or largest < _SMALL_PIXEL:
            digits = 0 if largest > 1 else 4
            large[value] = f"values from {low:.{digits}f} to {high:.{digits}f}"
        if np.mean(np.abs(noise - middle) <= 1e-3 * np.ptp(noise)) > 0.9:
            flat[value] = f"the value {middle:.3g} nearly everywhere in a picture"
    return large, flat


def _cancels_scale(layer):
    """Return whether a layer normalises each picture by itself, so that its scale is lost."""
    alone = "LayerNormalization", "RMSNormalization", "GroupNormalization", "UnitNormalization"
    return type(layer).__name__ in alone


def _of_scale(net, other_scales):
    """Yield a note if the first weights may have learned from numbers of another scale."""
    large, flat = inputs_of_odd_scale(net)
    best = _fitting_scale(net, other_scales, clear=0.5 if large else 1.5)
    if best == "" or not (large or flat or best):
        return
    first = net.graph.first_learned()
    other = {first[0].inputs[0]: "smaller or larger values than it was trained on"}
    odd = large or flat or other
    layer = next(step.name for step in first if any(value in odd for value in step.inputs))
    gets = next(iter(odd.values()))
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

    None if no statistics tell. clear : how much worse the one in use must be
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
    photos = map(load_photo, ("chelsea", "coffee", "astronaut", "rocket"))
    return np.stack([resize_photo(photo, size) for photo in photos]).astype(np.float32)
