"""Whether the maps of a layer lie on the photo: where each of their cells gets its content from.

A network may turn, mirror, cut, pad or mix its picture or its maps; a class activation map drawn
over the photo would then point at the wrong place. All examine a `forward.ForwardPass`, called
`net` here.
"""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.networks.graph import keeps_places, without_activation

_REARRANGED = (
    "its places are not those of the picture: the picture is cut, padded, mixed or rearranged"
)


class _Places(NamedTuple):
    """Where in the picture the cells of a layer's maps get their content from.

    found : (h, w, 2), 0..1 down and across
    clear : (h, w), 0..1, how much of the noise reached a cell; 0 for a cell without content
    cut : the border of the picture, or of maps before, does not reach them
    astray : (channels,), 0..1, the share in the maps of each channel that shows another part of the
        maps before, or turns them; 0 for all others
    steps : (2,), how far apart neighbours look in the maps before, for small maps; 1 is as they lie
    """

    found: np.ndarray
    clear: np.ndarray
    cut: bool
    astray: np.ndarray
    steps: np.ndarray

    def reached(self):
        """Return whether the noise reached enough cells to tell their places."""
        return (self.clear > 0).mean() > 0.2


_SHARP, _AT_FIRST = 0.85, 0.45  # how far apart, at least, cells look for places one apart
_SMALL = 7  # cells a side: a kernel sees most of such maps
_MOVES = "GetItem", "Transpose", "Permute"
_SEEN = 0.02  # of the noise at a border; less comes by way of a mean over the picture


def misplaced(net, chain):
    """Check whether maps are aligned with the photo: return a sentence or None per value.

    chain : (value, sharp) pairs; the values of the graph, (n, h, w, c), are each computed from the
        one before and nothing else; sharp is how sharp positions are at least, 0..1, 0 if unknown;
        None looks only at whether the channels agree
    """
    values = [value for value, _ in chain]
    first = _places(net, values, seed=1, width=0.25)
    reached = all(one and one.reached() for one in first)
    if reached and not any(_fault([one], c[1]) for one, c in zip(first, chain, strict=True)):
        return [None] * len(values)
    second = _places(net, values, seed=2, width=1)  # other noise, large enough for a threshold
    if not reached and all(one and one.reached() for one in second):
        first = _places(net, values, seed=3, width=1)
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
    at_first, faults = faults_of(net, [*values_of(before), value])
    return at_first or faults[-1]


def values_of(steps):
    """Return the values of at most 32 of the steps, evenly spread, the last among them."""
    return [step.outputs[0] for step in steps[:: -1 - len(steps) // 32][::-1]]


def faults_of(net, values):
    """Return (fault of the first learned layers' maps, faults of `values`), None where all is well.

    First layers that the whole score passes together later may each see a part of the picture.
    """
    first = [
        step
        for step in net.graph.first_learned()
        if len(step.shape) == len(step.inputs[0].shape) == 4
    ]
    starts = [[(step.inputs[0], None), (step.outputs[0], _AT_FIRST)] for step in first]
    later = [(value, 0) for value in _with_moves(net, values)]
    if len(first) > 1 and net.graph.whole_maps():
        starts = []
    joined = len(starts) == 1 and values[:1] == first[0].outputs
    at_first = None
    if not joined:
        at_first = next((f for start in starts for f in misplaced(net, start) if f), None)
    if at_first or not values:
        return at_first, []
    chain = starts[0] + later[1:] if joined else later
    faults = misplaced(net, chain)
    found = {value: fault for (value, _), fault in zip(chain, faults, strict=True)}
    return faults[0] or faults[1] if joined else None, [found[value] for value in values]


def _with_moves(net, values):
    """Return the values and, between them, what only moves maps, such as x[:, ::-1].

    Behind a kernel that sees all of small maps, nothing tells any more that they were moved.
    """
    chain = []
    for step in net.graph.bottlenecks(values[-1]) if values else ():
        moves = type(step.layer).__name__ in _MOVES and len(step.shape) == 4
        moves = moves and step.shape == step.inputs[0].shape
        if step.outputs[0] in values or (chain and moves):
            chain.append(step.outputs[0])
    return chain


def _places(net, values, seed, width):
    """Return the _Places of each value, None for maps of parts of the picture.

    Noise is added to the picture: as it is, weighted by row and by column, and at borders alone.
    How much of the weighted noise reaches a cell tells its place. Then noise weighted by their
    places is added to these maps, and so on, so that places stay sharp in a deep network.
    """
    rng = np.random.default_rng(seed)
    source, shape, all_places = None, (*net.input_size, 3), []
    places = _Places(_centres(*shape[:2]), np.ones(shape[:2]), False, np.zeros(1), np.ones(2))
    for value in values:
        linear = value.step and without_relu(value.step.layer) is keras.activations.linear
        if linear and value.step.inputs == [source]:  # a ReLU, which is left out
            all_places.append(places)
            continue
        small = min(*shape[:2], *filter(None, value.shape[1:3])) <= _SMALL
        weights = [places.found, _centres(*shape[:2])] if small else [places.found]
        borders = np.stack(_borders(shape, value.shape))
        masks = [*np.concatenate(weights, axis=-1).transpose(2, 0, 1), *borders]
        masks = np.stack([np.zeros(shape[:2]), np.ones(shape[:2]), *masks]) * (places.clear > 0)
        middle, noise = rng.random((2, *shape), np.float32)
        middle += 0.5 if width < 1 or source is None else -0.5  # around zero, for a sign
        if source is None:  # black and white stay, in case the network divides by a picture's range
            half = shape[0] * shape[1] // 2
            middle.reshape(-1, 3)[half - 1 : half + 1] = [[0], [2]]
            noise.reshape(-1, 3)[half - 1 : half + 1] = 0.5
        probes = masks.astype(np.float32)[..., None] * (width * (noise - 0.5))
        probes += middle
        maps = _run_from(net, source, probes, value)
        if len(maps) != len(probes):
            all_places.append(None)
            continue
        change = maps[1:] - maps[:1]
        change[~np.isfinite(change)] = 0
        total, *found = np.einsum("khwc,hwc->khw", change[:-2], change[0]).astype(np.float64)
        found = [np.divide(w, total, out=np.full_like(w, 0.5), where=total > 0) for w in found]
        found = np.clip(np.stack(found, axis=-1), 0, 1)
        share = borders.mean(axis=(1, 2)) * masks[-2:].any(axis=(1, 2))
        reaches = np.array([np.vdot(one, one) for one in change[-2:]]) / (total.sum() + 1e-30)
        clear = total / (total + total.mean() + 1e-30)
        places = _Places(
            found[..., :2],
            clear,
            places.cut or bool((reaches < _SEEN * share).any() and total.any()),
            _astray(change[0], change[1:3] - 0.5 * change[0]),
            np.diag(_fit(found[..., 2:], clear)) if small else np.ones(2),
        )
        all_places.append(places)
        source, shape = value, maps.shape[1:]
    return all_places


def _fit(found, clear):
    """Return (3, 2): how places, weighted by `clear`, rise by row and column, and their middle."""
    grid = _grid(clear.shape)
    weighted = (grid * clear[..., None]).reshape(-1, 3).T
    return np.linalg.lstsq(weighted @ grid.reshape(-1, 3), weighted @ found.reshape(-1, 2))[0]


def _grid(shape):
    """Return (h, w, 3): the centres of the cells, -0.5..0.5 down and across, and 1."""
    return np.concatenate([_centres(*shape[:2]) - 0.5, np.ones((*shape[:2], 1))], axis=-1)


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
    """Return (channels,): 0..1, the shares of those whose places lie beside the maps or are turned.

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
    return power * (aside | turned) / (power.sum() + 1e-30)


def _run_from(net, source, probes, value):
    """Return a value of the graph, computed from another one of about 0..2, or from a picture."""
    if source is None:
        return net.run_values(tf.constant(127.5 * probes), [value], without_relu)[0].numpy()
    known = tf.cast(probes, source.dtype)
    with keras.StatelessScope(collect_losses=True):
        parts = [
            net.graph.run({source: part}, [value], lambda step: without_relu(step.layer))[0]
            for part in (tf.split(known, len(known)) if net.one_by_one else [known])
        ]
    return np.concatenate(parts)


@functools.lru_cache(maxsize=8)
def _centres(height, width):
    """Return (h, w, 2): the centres of the cells, 0..1 down and across."""
    down, across = np.indices((height, width)) + 0.5
    return np.stack([down / height, across / width], axis=-1)


def _borders(shape, later):
    """Return masks (2, h, w) of two opposite borders, as wide as a cell of the later maps."""
    borders, centres = [], _centres(*shape[:2]).transpose(2, 0, 1)
    for n, m, places in zip(shape[:2], later[1:3], centres, strict=True):
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
    clear, cut = np.mean([one.clear for one in copies], axis=0), all(one.cut for one in copies)
    grid = clear.shape
    if clear.size == 1:
        return None
    if cut and sharp is not None:
        return "its border does not reach them: the picture is cut"
    steps = np.mean([one.steps for one in copies], axis=0)
    astray = np.min([one.astray for one in copies], axis=0).sum()  # with either noise
    if min(grid) > 2 and (astray > 0.3 or steps.min() < -0.3):
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
    elif min(grid) == 2:  # few channels of one kernel weigh four cells nearly at will
        right = min(direct) > -0.8 and crossed < max(0.8, 2 * max(direct))
    else:  # blur is not a fault
        right = all(slope > (0.1 if n > 7 or max(direct) > 0.5 else -0.2) for slope, n in axes)
        right = right and crossed < max(0.3, 2 * max(direct))
    if not sharp:
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
