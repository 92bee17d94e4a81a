"""Occlusion in a fraction of the work: compute only what the patch changes, exactly.

A patch changes a window of the picture. After a 3 x 3 convolution the changed window is two cells
larger in each dimension, after 2 x 2 pooling about half the size. If the cells first .. stop - 1
of a map change along one axis, a layer with kernel size k, dilation d, stride s and p cells of
padding before the first changes the cells

    ceil((first + p - (k - 1) * d) / s)  ..  floor((stop - 1 + p) / s)

of its own map. All others keep the values of the clean photo. So the photo goes through the network
once, and for each patch position a layer computes only its window and reads the clean map around
it. The window is a receptive field in reverse: it grows with depth. From the layer where it covers
most of the map, the maps are put together and the pass continues in full.

1. `follow` the window through the network's graph, layer by layer;
2. `choose`, by counting operations, where the pass continues in full;
3. `passes` computes the logits, many positions in one batch.

Nakandala, Kumar and Papakonstantinou, "Incremental and approximate inference for faster occlusion-
based deep CNN explanations", SIGMOD 2019.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from cnnvis_helpers.methods.gradients import compiled, once_per_network
from cnnvis_helpers.methods.sliding_window import batch_size, in_batches
from cnnvis_helpers.networks.applications import MODES
from cnnvis_helpers.networks.receptive_field import FRAMING, IN_PLACE, WINDOWS, Slide, slide_of

_AUGMENTING = [  # active in training only; otherwise they pass their input on
    f"Random{what}" for what in "Flip Rotation Zoom Translation Contrast Brightness".split()
]

# Estimated times, as multiply-adds of a convolution, fitted on two cores with AVX-512.
_MOVED = 20  # multiply-adds per number read or written
_STARTED = 5e6  # multiply-adds per table of cells to look up
_COMPILED = 3e9  # multiply-adds per layer call compiled for windows, once per network
_PAYS = 0.6  # highest estimate for the incremental way, as a fraction of full passes: from 0.75
# on it was slower (EfficientNet-Lite0, 9 positions)


# 1. Following the window


@dataclass(eq=False)
class Side:
    """One axis of a map: with the patch at place i, cells first[i] .. stop[i] - 1 change.

    To fit in one batch, all windows have the same `size`. The computed ones begin at `start[i]`,
    lie inside the map and contain all cells that change.
    """

    length: int
    first: np.ndarray
    stop: np.ndarray

    def __post_init__(self):
        self.size = int((self.stop - self.first).max())
        self.start = np.minimum(self.first, self.length - self.size)

    def behind(self, slide):
        """Return the side after a layer; it has at least one cell."""
        if slide == (1, 1, 0, self.length):  # an activation, say
            return self
        first = -((slide.span - 1 - slide.before - self.first) // slide.stride)
        stop = (self.stop - 1 + slide.before) // slide.stride + 1
        first = np.minimum(np.maximum(first, 0), slide.length - 1)
        stop = np.minimum(np.maximum(stop, first + 1), slide.length)
        return Side(slide.length, first, stop)

    def joined(self, other):
        """Return the side of two maps together: the cells that change in either."""
        first, stop = np.minimum(self.first, other.first), np.maximum(self.stop, other.stop)
        return Side(self.length, first, stop)

    def read_by(self, slide=None):
        """Return (starts, size) of the cells that a layer reads to make this side; None: itself."""
        stride, span, before, _ = slide or (1, 1, 0, 0)
        return tuple(self.start * stride - before), (self.size - 1) * stride + span


class Frame(NamedTuple):
    """Windows on a map, one per place: (tuple of starts, size) of rows and of columns."""

    rows: tuple
    columns: tuple

    @property
    def size(self):
        return self.rows[1], self.columns[1]

    @property
    def cells(self):
        return self.rows[1] * self.columns[1]


class Windowed(NamedTuple):
    """One layer call that computes only windows.

    slides : the layer's two axes; frame : its output's, as an index into `Windows.frames`
    reads : frames of what it looks up, one per input; None: the input's own window
    """

    step: object
    slides: tuple
    reads: list
    frame: int


class Windows(NamedTuple):
    """Where a patch changes the network's maps.

    frames : list of Frame; frame_of : {graph.Value: index}, the window of each value
    calls : list of Windowed, in order, up to the first call that cannot be followed
    """

    frames: list
    frame_of: dict
    calls: list


def follow(net, tops, lefts, patch):
    """Follow the patch through the network, as far as it changes only windows.

    tops, lefts : first rows and columns of the patch; patch : (height, width). Returns Windows. The
    list of calls ends at the first layer that is not known to read only nearby cells.
    """
    graph, windows = net.graph, Windows([], {}, [])
    sides = [
        Side(length, np.array(starts), np.array(starts) + size)
        for length, starts, size in zip(net.input_size, (tops, lefts), patch, strict=True)
    ]

    def add(frame):
        windows.frames.append(frame)
        return len(windows.frames) - 1

    sides_of = {graph.input: sides}
    windows.frame_of[graph.input] = add(Frame(*(side.read_by() for side in sides)))
    for step, slides in _sliding_steps(net):
        sides = []
        for axis, slide in enumerate(slides):
            before = functools.reduce(Side.joined, (sides_of[one][axis] for one in step.inputs))
            sides.append(before.behind(slide))
        sides_of[step.outputs[0]] = sides
        read = Frame(*(side.read_by(slide) for side, slide in zip(sides, slides, strict=True)))
        owns = [windows.frames[windows.frame_of[value]] for value in step.inputs]
        reads = [None if read == own else add(read) for own in owns]
        windows.frame_of[step.outputs[0]] = frame = add(Frame(*(side.read_by() for side in sides)))
        windows.calls.append(Windowed(step, slides, reads, frame))
    return windows


@once_per_network
def _sliding_steps(net):
    """Return [(step, its two Slides)] up to the first layer call that may read any cell."""
    found, shapes = [], shapes_of(net)
    tensors = [x for step in net.steps for x in (*step.node.input_tensors, *step.node.outputs)]
    if any(keras.backend.standardize_dtype(x.dtype) != "float32" for x in tensors):
        return found  # in 16 bits the order of a sum matters more
    if not _prepares_each_pixel_alone(net):
        return found
    followed = {net.graph.input}  # not what is computed from constants alone
    for step in net.graph.needed_for([net.graph.output]):
        known = step is not net.head_step and followed.issuperset(step.inputs)
        slides = _slides_of(step, shapes) if known else None
        if slides is None:
            break
        found.append((step, slides))
        followed.update(step.outputs)
    return found


def _slides_of(step, shapes):
    """Return the two Slides of a layer call; None for one that may read any cell."""
    layer, kind = step.layer, type(step.layer)
    maps = all(len(shapes[value]) == 4 for value in (*step.inputs, *step.outputs))
    lengths = {tuple(shapes[value][1:3]) for value in step.inputs}
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    if not maps or len(step.outputs) > 1 or len(lengths) > 1 or not channels_last:
        return None
    (lengths,) = lengths
    activation = getattr(layer, "activation", None)
    home = getattr(activation, "__module__", None) or ""
    if activation is not None and not home.startswith("keras.src.activations"):
        return None  # it may read all cells
    if kind in WINDOWS + FRAMING:
        return tuple(slide_of(layer, axis, lengths[axis]) for axis in (0, 1))
    return tuple(Slide(1, 1, 0, length) for length in lengths) if _is_in_place(step) else None


def _is_in_place(step):
    """Return whether output cells depend only on input at their place, alike everywhere."""
    layer, name = step.layer, type(step.layer).__name__
    if not type(layer).__module__.startswith("keras."):
        return False
    given = keras.tree.flatten((step.node.arguments.args, step.node.arguments.kwargs))
    if name == "GetItem":  # such as x[..., ::-1], from RGB to BGR
        return len(given) == 3 and given[1] is Ellipsis and isinstance(given[2], slice)
    axes = keras.tree.flatten(getattr(layer, "axis", -1))
    if (name not in IN_PLACE and name not in _AUGMENTING) or not set(axes) <= {-1, 3}:
        return False
    symbols = {id(symbol) for symbol in step.node.input_tensors}
    constants = [x for x in given if hasattr(x, "shape") and id(x) not in symbols]
    if name == "Rescaling":
        constants += [np.asarray(layer.scale), np.asarray(layer.offset)]
    if name != "Dense":  # its weights all belong to the channels
        constants += getattr(layer, "weights", [])
    return all(length == 1 for one in constants for length in tuple(one.shape)[:-1])


def _prepares_each_pixel_alone(net):
    """Return whether preprocessing treats each pixel independently of the others.

    The modes of keras.applications do; other functions are tested on two pictures of noise.
    """
    if net.preprocess in MODES.values():
        return True
    height, width = net.input_size
    noise = np.random.default_rng(0).uniform(0, 255, (2, height, width, 3)).astype(np.float32)
    a, b = noise[:1], noise[1:] / 3
    ones = [np.asarray(net.preprocess(tf.constant(picture))) for picture in (a, b)]
    if ones[0].shape[1:3] != (height, width) or ones[0].ndim != 4:
        return False
    rows, columns = np.ogrid[:height, :width]
    for mask in ((rows + columns) % 2 == 0, (rows < height // 2) & (columns < width // 2)):
        both = net.preprocess(tf.constant(np.where(mask[:, :, None], a, b)))
        if not np.array_equal(both, np.where(mask[:, :, None], *ones)):
            return False
    return True


# 2. Choosing where the pass continues in full


class Plan(NamedTuple):
    """A sweep that computes windows in its first layers.

    windows : Windows; calls : those of its calls that compute windows
    joints : the graph.Values whose maps are put together and continue in full
    cost, full_cost : in multiply-adds, of this sweep and of one in full passes
    batch : positions to compute at once
    """

    windows: Windows
    calls: list
    joints: list
    cost: float
    full_cost: float
    batch: int

    @property
    def pays(self):
        saved = self.full_cost - self.cost
        return self.cost < _PAYS * self.full_cost and saved > _COMPILED * len(self.calls)


@once_per_network
def choose(net, tops, lefts, patch, depth=None):
    """Return the cheapest Plan, or None if the network's first layer rules windows out.

    tops, lefts, patch : as in `follow`, tuples
    depth : how many calls compute windows; None: as many as pay
    """
    windows, shapes, graph = follow(net, tops, lefts, patch), shapes_of(net), net.graph
    if not windows.calls:
        return None
    steps, positions = graph.needed_for([graph.output]), len(tops) * len(lefts)
    batch = min(positions, batch_size(net))
    last_use = {value: i for i, step in enumerate(steps) for value in step.inputs}
    last_use[graph.output] = len(steps)
    full = net.cached(("costs",), lambda: _costs(steps, shapes))

    def look_up_cost(value, size):
        own, (_, height, width, channels) = windows.frames[windows.frame_of[value]], shapes[value]
        cells = height * width / batch + 2 * own.cells + 2 * size[0] * size[1]
        return _MOVED * max(channels, 16) * cells + _STARTED / batch

    plans, spent, live = [], 0.0, [graph.input]
    for i, call in enumerate(windows.calls):
        cells = math.prod(shapes[call.step.outputs[0]][1:3])
        spent += full[i] * windows.frames[call.frame].cells / cells
        for value, read in zip(call.step.inputs, call.reads, strict=True):
            spent += 0 if read is None else look_up_cost(value, windows.frames[read].size)
        live = [v for v in (*live, call.step.outputs[0]) if last_use.get(v, i) > i]
        joining = sum(look_up_cost(value, shapes[value][1:3]) for value in live)
        plans.append((spent + joining + sum(full[i + 1 :]), i + 1, live))
    if depth is None:  # the deepest near-best one, so that other patches share what is compiled
        least = min(cost for cost, *_ in plans)
        depth = max(depth for cost, depth, _ in plans if cost <= 1.03 * least)
    cost, _, live = plans[depth - 1]
    calls = windows.calls[:depth]
    # As many positions as take no more memory than full pictures in a batch, at most four times.
    numbers = [_numbers(step, shapes) for step in steps]
    reached = [
        numbers[i] * windows.frames[call.frame].cells / math.prod(shapes[call.step.outputs[0]][1:3])
        for i, call in enumerate(calls)
    ]
    more = min(4, max(1, max(numbers) / max(reached + numbers[depth:])))
    return Plan(
        windows,
        calls,
        live,
        cost * positions + sum(full),
        (positions + 1) * sum(full),
        int(batch_size(net) * more),
    )


def _costs(steps, shapes):
    """Count what each layer call costs, in multiply-adds."""
    return [_operations(step, shapes) + _MOVED * _numbers(step, shapes) for step in steps]


def _numbers(step, shapes):
    """Count the numbers that a layer call reads and writes."""
    return sum(math.prod(shapes[value][1:]) for value in (*step.inputs, *step.outputs))


def _operations(step, shapes):
    """Count the multiply-adds of a layer call: each weight of its kernels once per cell."""
    weights = getattr(step.layer, "weights", [])
    kernel = sum(math.prod(one.shape) for one in weights if len(one.shape) > 1)
    return math.prod(shapes[step.outputs[0]][1:-1]) * kernel


def shapes_of(net):
    """Return {graph.Value: (None, ...)}, the shape of each map for photos of the input's size."""
    graph = net.graph
    values = [v for step in graph.needed_for([graph.output]) for v in (*step.inputs, *step.outputs)]
    shapes = {value: value.shape for value in values}
    if not any(None in shape[1:] for shape in shapes.values()):
        return shapes

    def build():  # a model for any size of picture: let TensorFlow find the shapes
        picture = tf.TensorSpec((1, *net.input_size, 3), tf.float32)

        def run(pixels):
            return net.forward_from({graph.input: net.preprocess(pixels)}, list(shapes))[1]

        traced = tf.function(run, autograph=False).get_concrete_function(picture)
        found = [tuple(one.shape) for one in traced.structured_outputs]
        return dict(zip(shapes, found, strict=True))

    return net.cached(("shapes",), build)


class LayerWindow(NamedTuple):
    """What one position of a patch changes in a layer's map, and what `occlusion` computes of it.

    layer : its name, as in `net.layer`
    map, window : (height, width) of the map, and of the window of it that changes, in cells
    operations, full_operations : multiply-adds of one position, and of a full forward pass
    """

    layer: str
    map: tuple
    window: tuple
    operations: int
    full_operations: int


class OcclusionPlan(NamedTuple):
    """How `occlusion` computes a sweep; see `occlusion_plan`."""

    way: str
    pictures: int
    operations: int
    full_operations: int
    joined_at: str
    layers: list

    def __repr__(self):
        part = self.operations / self.full_operations
        until = f", windows up to {self.joined_at!r}" if self.joined_at else ""
        return (
            f"<{self.way}: {self.pictures} pictures, {self.operations:.3g} multiply-adds, "
            f"{part:.2f} of those of full passes{until}>"
        )


def report(net, windows, depth, positions):
    """Return the OcclusionPlan of a sweep whose first `depth` calls compute only windows."""
    shapes, rows = shapes_of(net), []
    for i, call in enumerate(windows.calls):
        frame, size = windows.frames[call.frame], tuple(shapes[call.step.outputs[0]][1:3])
        part = whole = _operations(call.step, shapes)
        if i < depth:
            part = whole * frame.cells // math.prod(size)
        rows.append(LayerWindow(call.step.name, size, frame.size, part, whole))
    steps = net.graph.needed_for([net.graph.output])
    full = (positions + 1) * sum(_operations(step, shapes) for step in steps)
    saved = positions * sum(row.full_operations - row.operations for row in rows)
    way, joined_at = ("incremental", rows[depth - 1].layer) if depth else ("full", None)
    return OcclusionPlan(way, positions + 1, full - saved, full, joined_at, rows)


# 3. Computing


def passes(net, plan, pixels, cover, places=None):
    """Yield (slice, logits) of the clean photo, 0, and of the positions 1, 2, ..., in batches.

    pixels : float32 (1, h, w, 3), 0..255; cover : (h, w, 3), what shows through the patch
    places : numbers of the positions to compute; None: all
    """
    clean, windows = _compiled(net, plan)
    logits, cover, maps = clean(pixels, cover[None])
    yield slice(0, 1), logits
    frames = plan.windows.frames[: plan.calls[-1].frame + 1]
    sizes = np.array([frame.size for frame in frames], np.int32)
    rows = np.array([frame.rows[0] for frame in frames], np.int32)  # (frames, tops)
    columns = np.array([frame.columns[0] for frame in frames], np.int32)

    places = np.arange(rows.shape[1] * columns.shape[1]) if places is None else np.array(places)

    def logits_at(part):
        down, right = np.divmod(places[part], columns.shape[1])
        starts = np.stack([rows[:, down], columns[:, right]], axis=-1)  # (frames, n, 2)
        return windows(maps, cover, starts, sizes)

    for part, logits in in_batches(logits_at, len(places), plan.batch):
        yield slice(part.start + 1, part.stop + 1), logits


def _compiled(net, plan):
    """Return a plan's two compiled functions: for the clean photo and for windows.

    Window starts and sizes are arguments: plans that differ in nothing else share a function.
    """
    structure = tuple(tuple(read is None for read in call.reads) for call in plan.calls)
    looked_up = set(plan.joints)
    for call in plan.calls:
        pairs = zip(call.step.inputs, call.reads, strict=True)
        looked_up.update(value for value, read in pairs if read is not None)
    kept = [value for value in shapes_of(net) if value in looked_up]
    return (
        net.cached(("occlusion of nothing", structure), lambda: _compile_clean(net, kept)),
        net.cached(("occlusion", structure), lambda: _compile_windows(net, plan, kept)),
    )


def _compile_clean(net, kept):
    """Compile (photo, cover) -> the photo's logits, the prepared cover, the maps to keep."""
    picture = tf.TensorSpec((1, *net.input_size, 3), tf.float32)

    @compiled([picture, picture])
    def clean(photo, cover):
        known = {net.graph.input: net.preprocess(photo)}
        logits, maps = net.forward_from(known, kept)
        return logits, net.preprocess(cover), maps

    return clean


def _compile_windows(net, plan, kept):
    """Compile (clean maps, cover, starts and sizes of frames) -> logits."""
    shapes, calls, joints, graph = shapes_of(net), plan.calls, plan.joints, net.graph
    frame_of = plan.windows.frame_of
    signature = [
        [tf.TensorSpec((1, *shapes[value][1:]), tf.float32) for value in kept],
        tf.TensorSpec((1, *net.input_size, shapes[graph.input][-1]), tf.float32),
        tf.TensorSpec((None, None, 2), tf.int32),
        tf.TensorSpec((None, 2), tf.int32),
    ]

    @compiled(signature)
    def windows(maps, cover, starts, sizes):
        clean = dict(zip(kept, maps, strict=True))
        known = {graph.input: crop(cover, starts[0], sizes[0])}

        def read(value, to, size, beyond=0.0):
            at = starts[frame_of[value]]
            return look_up(clean[value], known[value], at, to, size, beyond)

        with keras.StatelessScope(collect_losses=True):
            for call in calls:
                layer, beyond = _on_windows(call)
                inputs = {
                    value: known[value] if i is None else read(value, starts[i], sizes[i], beyond)
                    for value, i in zip(call.step.inputs, call.reads, strict=True)
                }
                output = layer(inputs)
                if type(call.step.layer) is keras.layers.AveragePooling2D:
                    lengths = shapes[call.step.inputs[0]][1:3]
                    output /= _share(call.slides, lengths, starts[call.frame], sizes[call.frame])
                known[call.step.outputs[0]] = output
        full = {v: read(v, tf.zeros_like(starts[0]), shapes[v][1:3]) for v in joints}
        return net.forward_from(full)[0]

    return windows


def crop(picture, at, size):
    """Return windows (n, *size, c) of a picture (1, H, W, c); at : (n, 2), row and column."""
    rows, columns = (at[:, i, None] + tf.range(size[i]) for i in (0, 1))
    cells = tf.reshape(picture, (-1, picture.shape[-1]))
    return tf.gather(cells, rows[:, :, None] * picture.shape[2] + columns[:, None, :])


def look_up(clean, windows, at, to, size, beyond=0.0):
    """Return windows (n, *size, c) that begin at `to`: changed cells, and clean ones around them.

    clean : (1, H, W, c), the clean map; cells outside of it have the value `beyond`
    windows : (n, h, w, c), the changed cells, from `at` on
    at, to : int32 (n, 2), row and column

    All cells form one long list, and a table says which of them goes where.
    """
    _, height, width, channels = clean.shape
    n, h, w, _ = tf.unstack(tf.shape(windows))
    outside = tf.fill((1, channels), tf.constant(beyond, clean.dtype))
    cells = [outside, tf.reshape(clean, (-1, channels)), tf.reshape(windows, (-1, channels))]
    rows = (to[:, :1] + tf.range(size[0]))[:, :, None]  # (n, size, 1)
    columns = (to[:, 1:] + tf.range(size[1]))[:, None]  # (n, 1, size)
    down, right = rows - at[:, 0, None, None], columns - at[:, 1, None, None]
    changed = ((down >= 0) & (down < h)) & ((right >= 0) & (right < w))
    inside = ((rows >= 0) & (rows < height)) & ((columns >= 0) & (columns < width))
    first = 1 + height * width + h * w * tf.range(n)[:, None, None]
    clean_or_outside = tf.where(inside, 1 + rows * width + columns, 0)
    table = tf.where(changed, first + down * w + right, clean_or_outside)
    return tf.gather(tf.concat(cells, axis=0), table)


def _on_windows(call):
    """Return (function of {value: tensor} -> tensor, what it reads beyond the map's borders).

    The look-up does the padding, so the layer itself does not.
    """
    step, layer = call.step, call.step.layer
    if type(layer) in FRAMING:
        return lambda known: known[step.inputs[0]], 0.0
    if type(layer) in WINDOWS:
        twin = object.__new__(type(layer))
        twin.__dict__.update(layer.__dict__)
        object.__setattr__(twin, "padding", "valid")
        beyond = -np.inf if type(layer) is keras.layers.MaxPooling2D else 0.0
        return lambda known: twin(known[step.inputs[0]]), beyond
    return lambda known: step.call(layer, known)[0], 0.0


def _share(slides, lengths, at, size):
    """Return (n, *size, 1), the share of each pool inside the map, which alone is averaged.

    slides, lengths : of the layer and of the map it reads; at, size : of the windows it makes
    """
    shares = []
    for axis, (slide, length) in enumerate(zip(slides, lengths, strict=True)):
        first = (at[:, axis, None] + tf.range(size[axis])) * slide.stride - slide.before
        inside = tf.minimum(first + slide.span, length) - tf.maximum(first, 0)
        shares.append(tf.cast(inside, tf.float32) / slide.span)
    return shares[0][:, :, None, None] * shares[1][:, None, :, None]
