"""The layer that class activation maps show by default: the last that the whole score passes.

`choose_layer` finds it, or says why there is none: several towers, tokens, or no maps at all. All
examine a `forward.ForwardPass`, called `net` here.
"""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.networks.graph import listed
from cnnvis_helpers.networks.head import sample_pictures
from cnnvis_helpers.networks.places import faults_of, refusal, values_of, without_relu
from cnnvis_helpers.networks.receptive_field import IN_PLACE


def choose_layer(net):
    """Return (name, why none, notes) of the default layer.

    It makes the last maps through which the whole score passes and that lie on the photo.
    """
    maps, whole = net.graph.maps(), net.graph.whole_maps()
    values = values_of(whole)
    if not maps:
        return None, without_maps(net), []
    turned, faults = faults_of(net, values)
    placed = []
    if not turned:
        placed = [one.step for one, fault in zip(values, faults, strict=True) if not fault]
    tokens = bool(placed) and _mixes_tokens(net, placed[-1])
    if turned or (whole and not placed):
        no_map = refusal((whole or maps)[-1].name, turned or faults[-1])
    elif not whole:
        no_map = _no_single_layer(net, maps)
    elif tokens and _comes_early(net, placed[-1]):
        no_map = (
            f"The network {net.name!r} continues with tokens after its last maps "
            f"{placed[-1].name!r}, as vision transformers and recurrent layers do, so no maps show "
            "what its score depends on: use occlusion or the gradient methods, or pass "
            f"layer={placed[-1].name!r} to see these early maps."
        )
    elif faults[-1]:
        shown = f" By default the earlier maps of {placed[-1].name!r} are shown."
        return placed[-1].name, "", [refusal(whole[-1].name, faults[-1]) + shown]
    else:
        return placed[-1].name, "", list(_notes(net, maps, whole[0], placed[-1], tokens))
    return None, no_map, [no_map]


def without_maps(net):
    return (
        f"The network {net.name!r} has no layer of maps (n, h, w, c) after its first weights, "
        "so there are no maps to show or to weight; occlusion and the gradient methods work."
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
        f"{listed(names)}, and no single layer carries it all: pass layer={names[0]!r} and so on, "
        "and show the maps side by side."
    )


def _notes(net, maps, first, last, tokens):
    """Yield notes on what comes after the maps of step `last`, and between `first` and it."""
    if others := [step.name for step in _ends(net, maps) if step is not last]:
        yield (
            f"The default maps of {net.name!r} are those of {last.name!r}, the last that the whole "
            f"score passes; after them come those of {listed(others)}, with a part of it."
        )
    elif tokens:
        yield (
            f"After its last maps, those of {last.name!r}, the network {net.name!r} mixes their "
            "places as tokens. A class activation map shows where the tokens get their input, "
            "occlusion where the score depends on the picture."
        )
    elif _goes_on(net, last):
        yield (
            f"The last maps of {net.name!r}, those of {last.name!r}, come early: most of its "
            "layers with weights are the Dense ones after them. A class activation map shows "
            "where they get their input, occlusion where the score depends on the picture."
        )
    if first is last:
        return
    if _mixes_tokens(net, first, last) or _mixes_grid(net, first, last):
        yield (
            f"Before its last maps, those of {last.name!r}, the network {net.name!r} mixes all "
            "places, as self-attention does: a cell of a class activation map may show what lies "
            "elsewhere in the picture; occlusion shows where the score depends on it."
        )


def _ends(net, maps):
    """Return the last maps of every path to the output, in order."""
    output, made = net.graph.output, {value for step in maps for value in step.outputs}
    read = {value for step in net.graph.needed_for([output], made) for value in step.inputs}
    return [step for step in maps if {output, *read} & set(step.outputs)]


def _comes_early(net, step):
    """Return whether at least as many kernels come after `step` as up to it."""
    before, behind = _parts(net, step)
    return _kernels(behind) >= _kernels(before)


def _goes_on(net, step):
    """Return whether at least twice as many kernels come in layers of vectors after `step`."""
    before, behind = _parts(net, step)
    vectors = [value for one in behind for value in one.outputs if len(value.shape) == 2]
    dense = [one for one in behind if one.outputs[0] in vectors and one.inputs[0] in vectors]
    return _kernels(dense) >= 2 * _kernels(before)


def _parts(net, step, last=None):
    """Return the steps up to `step`, itself included, and those after it, up to `last`."""
    before = net.graph.needed_for(step.outputs)
    needed = net.graph.needed_for(last.outputs if last else [net.graph.output])
    return before, [one for one in needed if one not in before]


def _kernels(steps):
    weights = (weight for step in steps for weight in getattr(step.layer, "weights", ()))
    return sum(len(weight.shape) > 1 for weight in weights)


def _mixes_tokens(net, step, last=None):
    """Return whether the places of a step's maps are mixed, as tokens (n, t, c), up to step `last`.

    Noise is added to every second place, then to the others: what both change is mixed. Pooling,
    normalisation and gates made from a vector, as in squeeze and excite, do not count.
    """
    behind, tokens = _parts(net, step, last)[1], []
    for one in behind:
        laid_out = len(one.shape) == 3 and one.shape[1] != 1
        if laid_out or any(value.step in tokens for value in one.inputs):
            tokens.append(one)
    if not tokens:
        return False
    plain, places = _behind_noise(net, step, behind)
    pooled = [one for one in behind if _only_pools(one, places)]
    known = [step.outputs[0], *(value for one in pooled for value in one.outputs)]
    known = {value: plain[value] for value in known}
    for source in [value for value in known if value in places]:
        noisy = [{**known, source: _with_noise(plain[source], every)} for every in (0, 1)]
        runs = [_run_on(net, one, behind) for one in noisy]
        mixed = {value for value in plain if _both_change(plain[value], *(r[value] for r in runs))}
        for one in tokens:
            mixes = mixed & set(one.outputs) and not mixed & set(one.inputs)
            if mixes and places & set(one.inputs):  # a Dense layer of a flat vector does not count
                return True
    return False


# Words in the names of other layers and operations that keep content near its place.
_NEAR = (
    "Conv Pool Norm Pad Crop Resiz UpSampl Drop Noise Random Reshape Flatten Squeeze Expand "
    "GetItem Mean Sum Max Min".split()
)
_SIDE = 32  # cells, on which layers of unknown content are tried: few local kernels reach so far
_LEAST = 6  # cells a side of their maps, to tell far from what local kernels reach


def _mixes_grid(net, first, last):
    """Return whether content of one place of a grid (n, h, w, c) gets to all others, by numbers.

    Noise of mean zero is added in a corner of the maps; in the last third, each place must get
    its own part of it, that grows as the noise does. What a vector carries does not count: a gate
    is bounded, and what is added to every place is the same. Nothing is said of a single layer
    that normalises by hand before it attends, or takes just one size, below `_LEAST` cells a side.
    """
    behind = _parts(net, first, last)[1]
    opaque = [step for step in behind if _is_opaque(step)]
    if any(_far_changes(functools.partial(_alone, net, step), True) for step in opaque):
        return True
    kinds = {type(step.layer).__name__ for step in behind if step not in opaque} - IN_PLACE
    if all(any(word in kind for word in _NEAR) for kind in kinds):
        return False
    plain, places = _behind_noise(net, first, behind)
    held = [step for step in behind if step in opaque or _only_pools(step, places)]
    known = [first.outputs[0], *(value for step in held for value in step.outputs)]

    def run(noise):
        given = {value: _noisy_corner(plain[value], noise) for value in known}
        made = _run_on(net, given, behind)
        return [array for value, array in made.items() if value not in given]

    return _far_changes(run)


def _is_opaque(step):
    """Return whether a step from maps to maps holds other layers or is of somebody else's class."""
    maps = len(step.shape) == 4 and any(len(value.shape) == 4 for value in step.inputs)
    own = not type(step.layer).__module__.startswith("keras.")
    return maps and (own or bool(getattr(step.layer, "_layers", ())))


def _alone(net, step, noise):
    """Return a step's outputs for random maps of `_SIDE` cells, else of the one size it takes."""
    for side in (_SIDE, None):
        rng, known = np.random.default_rng(0), {}
        for value in step.inputs:
            shape = [n or 1 for n in value.shape]
            if side and len(shape) == 4 and min(shape[1:3]) > 1:
                shape[1:3] = side, side
            known[value] = _noisy_corner(rng.normal(size=shape).astype(np.float32), noise)
        with contextlib.suppress(Exception), _norms_left_out(step.layer):
            made = _run_on(net, known, [step])
            return [made[value] for value in step.outputs]
    return []


@contextlib.contextmanager
def _norms_left_out(layer):
    """Let the normalisations inside a layer return what they get, as outputs would not grow."""
    inside = layer._flatten_layers(include_self=False) if isinstance(layer, keras.Layer) else ()
    inside = [one for one in inside if _normalises(one)]
    for one in inside:
        one.__dict__["call"] = _unchanged
    try:
        yield
    finally:
        for one in inside:
            del one.__dict__["call"]


def _unchanged(x, *given, **options):
    return x


def _normalises(layer):
    """Return whether a layer only normalises; a wrapper of such a name holds other layers."""
    return "Norm" in type(layer).__name__ and not getattr(layer, "_layers", ())


def _noisy_corner(array, noise):
    """Add noise of mean zero to the first corner of maps (n, h, w, c)."""
    if not _is_grid(array, 2):
        return array
    array = array.copy()
    part = _part(array, 0)
    added = np.random.default_rng(1).normal(size=part.shape)
    part += noise * (array.std() + 1e-3) * (added - added.mean(axis=(1, 2), keepdims=True))
    return array


def _is_grid(array, least):
    """Return whether an array has the maps of one picture; windows are several in a batch."""
    return array.ndim == 4 and len(array) == 1 and min(array.shape[1:3]) >= least


def _part(array, where):
    """Return the first corner (0) of maps (n, h, w, c), a part of their middle (1) or a third (2).

    The third is the last of their height and width: two places may take over the same by chance.
    """
    cuts = []
    for n, least in zip(array.shape[1:3], (1, 2), strict=True):  # for a mean, two places at least
        cells, third = max(least, n // 8), max(least, -(-n // 3))
        middle = min(max(cells, (n - cells) // 2), n - cells)
        cuts.append((slice(cells), slice(middle, middle + cells), slice(n - third, n))[where])
    return array[:, cuts[0], cuts[1]]


def _far_changes(run, with_kernels=False):
    """Return whether distant noise gets to maps in proportion; `run(how large)` gives arrays.

    Kernels carry less of it to the far third than to the middle, if they reach so far at all.
    """
    least, share = (_LEAST, 0.2) if with_kernels else (2, 0)
    for plain, *noisy in zip(*map(run, (0, 1e3, 3e4)), strict=True):
        if not _is_grid(plain, least):
            continue
        with np.errstate(invalid="ignore"):
            some, more = (one - plain for one in noisy)
            own, some, far, near = (
                _part(one, where).std(axis=(1, 2)).max()
                for one, where in ((plain, 2), (some, 2), (more, 2), (more, 1))
            )
        if some > own and far > 10 * some and far > max(share * near, 1e-3 * np.abs(more).max()):
            return True
    return False


def _behind_noise(net, step, behind):
    """Return ({value: array} of the steps behind `step`, for noise, the values with places)."""
    maps, pixels = step.outputs[0], sample_pictures(net.input_size)[2:3]
    plain = {maps: net.run_values(pixels, [maps], without_relu)[0].numpy()}
    plain = _run_on(net, plain, behind)
    return plain, {v for v, array in plain.items() if sum(n > 1 for n in array.shape) > 1}


def _only_pools(step, places):
    """Return whether a step pools, convolves maps or makes a vector of places without weights."""
    kind = type(step.layer).__name__
    pools = "Pool" in kind or kind in ("Mean", "Sum", "Max", "Min")
    if pools or ("Conv" in kind and len(step.shape) == 4):
        return True
    laid_out = step.outputs[0] in places or "Reshape" in kind or "Flatten" in kind
    return not laid_out and not _kernels([step])


def _run_on(net, known, steps):
    """Return {value: array} of values of the graph `known` and those that steps make from them."""
    wanted = [value for step in steps for value in step.outputs]
    tensors = {value: tf.cast(array, value.dtype) for value, array in known.items()}
    with keras.StatelessScope(collect_losses=True):
        made = net.graph.run(tensors, wanted, _without_norm)
    return {**known, **{v: np.asarray(m, np.float32) for v, m in zip(wanted, made, strict=True)}}


def _without_norm(step):
    if _normalises(step.layer):
        return _unchanged
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
