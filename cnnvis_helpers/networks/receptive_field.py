"""The receptive field: which pixels of the input one cell of a feature map can see.

It is followed layer by layer through the network's graph. On each axis, cell i of a map sees the
pixels from first + i * step to last + i * step. A window of k cells, dilation d and stride s, with
p cells of padding before the first, turns this into

    first - p * step,   last + ((k - 1) * d - p) * step,   step * s

and where branches meet, the field is as large as the largest.
"""

import math
from typing import NamedTuple

import keras
import numpy as np

from cnnvis_helpers._shared.checks import check_net
from cnnvis_helpers.networks.graph import ACTIVATIONS

WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
FRAMING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
# Layers and operations whose output cells read only the input cells at the same place.
IN_PLACE = ACTIVATIONS | set(
    "BatchNormalization LayerNormalization UnitNormalization Rescaling Normalization Dropout "
    "SpatialDropout2D GaussianDropout GaussianNoise AlphaDropout StochasticDepth Identity "
    "LayerScale CustomScaleLayer Dense Add Subtract Multiply Divide TrueDivide Average Maximum "
    "Minimum Concatenate Negative Abs Square Sqrt Rsqrt Power Exp Log Clip Cast".split()
)
# Layers whose every output depends on every cell.
EVERYWHERE = set(
    "GlobalAveragePooling2D GlobalMaxPooling2D GroupNormalization Flatten Mean Max Sum".split()
)


class ReceptiveField(NamedTuple):
    """What one cell of a layer's maps can see, in pixels of the network's input.

    layer : name
    size : (height, width) of the field, not cut at the borders of the picture
    stride : (down, right), the distance between fields of neighbouring cells (the "jump")
    start : (top, left), the first pixel of the field of cell (0, 0); negative in the padding
    cells : (rows, columns) of the layer's maps
    input_size : (h, w) of the network
    whole : True if some branch sees the whole picture (squeeze and excitation); size is then
        `input_size`
    """

    layer: str
    size: tuple
    stride: tuple
    start: tuple
    cells: tuple
    input_size: tuple
    whole: bool

    def __repr__(self):
        height, width = self.size
        if self.whole:
            return f"{self.layer}: every cell sees the whole picture, {height} x {width} pixels"
        down, right = (f"{step:g}" for step in self.stride)
        return (
            f"{self.layer}: a cell sees {height} x {width} pixels, "
            f"neighbours are {down} x {right} pixels apart"
        )

    def centre(self, row, column):
        """Return (y, x), the centre of a cell's field in pixels; the first pixel's is 0.5."""
        rows, columns = self.cells
        if not (0 <= row < rows and 0 <= column < columns):
            last = rows - 1, columns - 1
            raise ValueError(f"{self.layer!r} has cells (0, 0) to {last}, got ({row}, {column}).")
        if self.whole:
            return tuple(length / 2 for length in self.input_size)
        axes = zip((row, column), self.start, self.stride, self.size, strict=True)
        return tuple(start + place * step + length / 2 for place, start, step, length in axes)

    def box(self, row, column, photo=None):
        """Return (top, left, bottom, right) of what cell (row, column) sees, cut at the borders.

        In pixels of the network's input, edges as in picture[top:bottom, left:right]; with a
        photo (or its (H, W)), in pixels of that photo, which the network saw resized.
        `show_boxes` draws it.
        """
        middle = self.centre(row, column)
        size = self.input_size
        if photo is not None:
            size = photo if isinstance(photo, tuple) else np.shape(photo)
        edges = []
        for axis in (0, 1):
            scale = size[axis] / self.input_size[axis]
            first = max(0, middle[axis] - self.size[axis] / 2)
            last = min(self.input_size[axis], middle[axis] + self.size[axis] / 2)
            edges.append((first * scale, last * scale))
        (top, bottom), (left, right) = edges
        return top, left, bottom, right


def receptive_field(net, layer=None):
    """Find which pixels one cell of a layer's maps can see.

    What matters most is usually near its centre.

    Parameters
    ----------
    net : Network
    layer : name of a layer with maps; None for `net.last_conv`

    Returns
    -------
    ReceptiveField; its `box(row, column, photo)` is what one cell sees of a photo

    Raises ValueError for a layer that makes no maps, or after one that cannot be followed.
    """
    check_net(net)
    name = net.spatial_layer(layer)
    target = [step for step in net.steps if f"/{name}/" in f"/{step.path}/"][-1]
    start = tuple(_Reach(length, 1, 0, 0) for length in net.input_size)
    reaches = {}
    for step in net.steps:
        inputs = [start if value.step is None else reaches[value.step] for value in step.inputs]
        reaches[step] = _through(step, inputs)
        if step is target:
            break
    found = reaches[target]
    whole = any(math.isinf(reach.first) for reach in found)
    size = [int(reach.last - reach.first + 1) for reach in found] if not whole else net.input_size
    return ReceptiveField(
        layer=name,
        size=tuple(size),
        stride=tuple(reach.step for reach in found),
        start=(0, 0) if whole else tuple(reach.first for reach in found),
        cells=tuple(reach.cells for reach in found),
        input_size=net.input_size,
        whole=whole,
    )


class Slide(NamedTuple):
    """One axis of a layer: cell i of `length` reads `span` cells from i * stride - before."""

    stride: int
    span: int
    before: int
    length: int


def slide_of(layer, axis, length):
    """Return the Slide of a layer of WINDOWS or FRAMING along an axis of `length` cells."""
    if isinstance(layer, FRAMING):
        pads = isinstance(layer, keras.layers.ZeroPadding2D)
        before, after = layer.padding[axis] if pads else (-cut for cut in layer.cropping[axis])
        return Slide(1, 1, before, length + before + after)
    size = (layer.pool_size if hasattr(layer, "pool_size") else layer.kernel_size)[axis]
    stride = layer.strides[axis]
    span = (size - 1) * getattr(layer, "dilation_rate", (1, 1))[axis] + 1
    if layer.padding == "valid":
        return Slide(stride, span, 0, (length - span) // stride + 1)
    cells = math.ceil(length / stride)
    return Slide(stride, span, max((cells - 1) * stride + span - length, 0) // 2, cells)


class _Reach(NamedTuple):
    """One axis of a map: cell i sees the pixels from first + i * step to last + i * step."""

    cells: int
    step: float
    first: float
    last: float


def _through(step, inputs):
    """Return what the cells of a step's output see, (down, right); None if not maps."""
    layer, kind = step.layer, type(step.layer).__name__
    spatial = [pair for pair in inputs if pair is not None]
    if len(step.shape) != 4:
        return None
    if isinstance(layer, WINDOWS + FRAMING):
        slides = (slide_of(layer, axis, spatial[0][axis].cells) for axis in (0, 1))
        return tuple(map(_behind, spatial[0], slides))
    if not spatial or kind in EVERYWHERE:
        return tuple(_Reach(length, 1, -math.inf, math.inf) for length in step.shape[1:3])
    same = step.shape[1:3] == tuple(reach.cells for reach in spatial[0])
    if kind in IN_PLACE or (kind == "Reshape" and same):
        return tuple(_met([pair[axis] for pair in spatial], inputs) for axis in (0, 1))
    raise ValueError(
        f"receptive_field cannot follow layer {step.name!r} ({kind}), only those before it."
    )


def _behind(reach, slide):
    """Return what the cells of a layer's output see, from what its input's cells see."""
    first = reach.first - slide.before * reach.step
    last = reach.last + (slide.span - 1 - slide.before) * reach.step
    return _Reach(slide.length, reach.step * slide.stride, first, last)


def _met(reaches, inputs):
    """Join branches: the field is the largest; a branch without positions sees all."""
    cells = max(reach.cells for reach in reaches)
    branches = [reach for reach in reaches if reach.cells == cells]
    steps = {reach.step for reach in branches if math.isfinite(reach.first)}
    if len(steps) > 1:
        raise ValueError(f"receptive_field cannot join branches with strides {sorted(steps)}.")
    first, last = min(r.first for r in branches), max(r.last for r in branches)
    if len(branches) < len(inputs):
        first, last = -math.inf, math.inf
    return _Reach(cells, max(steps, default=1), first, last)
