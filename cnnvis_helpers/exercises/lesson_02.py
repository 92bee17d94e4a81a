"""The exercises of lesson 02, feature maps."""

import numpy as np

from cnnvis_helpers.exercises.kinds import function, value

_RNG = np.random.default_rng(2)
_MAPS = [
    (np.maximum(_RNG.normal(size=(4, 5, 3)), 0),),
    (np.maximum(_RNG.normal(size=(6, 6, 2)) + 0.3, 0),),
    (np.concatenate([np.zeros((3, 3, 2)), 1e-3 * np.ones((3, 3, 1))], axis=2),),
]
_CHANNELS = [
    (_RNG.normal(2.0, 3.0, size=(8, 8)),),
    (_RNG.exponential(size=(6, 7)) ** 3,),
    (np.full((4, 4), 5.0),),
]
_STACKS = [
    ([(3, 1), (3, 1), (2, 2), (3, 1)],),
    ([(7, 2), (3, 2), (3, 1)],),
    ([(1, 1), (5, 3), (2, 2), (3, 2), (3, 1)],),
]
_PLACES = [(0, 0, (8, 8), (300, 451)), (3, 6, (7, 14), (224, 448)), (1, 2, (4, 5), (100, 30))]


def _visible(channel):
    centred = channel - channel.mean()
    if channel.std() > 0:
        centred = centred / channel.std()
    return np.clip(centred * 64 + 128, 0, 255).astype(np.uint8)


def _no_guard(channel):
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = (channel - channel.mean()) / channel.std() * 64 + 128
        return np.clip(np.nan_to_num(scaled, nan=0), 0, 255).astype(np.uint8)


def _wrapped(channel):
    spread = channel.std() or 1
    return ((channel - channel.mean()) / spread * 64 + 128).astype(np.int64).astype(np.uint8)


def _stretched(channel):
    low, high = channel.min(), channel.max()
    return ((channel - low) / ((high - low) or 1) * 255).astype(np.uint8)


def _uncentred(channel):
    return np.clip(channel / (channel.std() or 1) * 64 + 128, 0, 255).astype(np.uint8)


def _field(layers, multiply=True, all_windows=False):
    size, step = 1, 1
    for window, stride in layers:
        size += (window if all_windows else window - 1) * step
        if multiply:
            step *= stride
    return size


def _field_stride_first(layers):
    size, step = 1, 1
    for window, stride in layers:
        step *= stride
        size += (window - 1) * step
    return size


def _last(net, photo):
    from cnnvis_helpers import feature_maps

    return feature_maps(net, photo, net.last_conv)


def _middle(row, column, map_shape, photo_shape):
    return (
        (row + 0.5) * photo_shape[0] / map_shape[0],
        (column + 0.5) * photo_shape[1] / map_shape[1],
    )


def _as_float(channel):
    spread = channel.std() or 1
    return np.clip((channel - channel.mean()) / spread * 64 + 128, 0, 255)


EXERCISES = [
    function(
        "02-zeros",
        "Sparsity by hand",
        lambda maps: float((maps == 0).mean()),
        cases=_MAPS,
        wrong=[
            (
                lambda maps: float((maps != 0).mean()),
                "This is the share of values that are not zero.",
            ),
            (lambda maps: int((maps == 0).sum()), "This is how many zeros there are, not a share."),
            (
                lambda maps: float((maps == 0).all(axis=(0, 1)).mean()),
                "This is the share of channels that are zero everywhere: dead channels.",
            ),
            (
                lambda maps: float((maps < 0.01).mean()),
                "Small is not zero: ReLU makes exact zeros, so compare with 0.",
            ),
        ],
        hints=[
            "`maps == 0` is an array of True and False.",
            "The mean of True and False is the share of True.",
            "`(maps == 0).mean()`",
        ],
    ),
    function(
        "02-visible",
        "Make it visible",
        _visible,
        cases=_CHANNELS,
        wrong=[
            (
                _no_guard,
                "A channel that is the same everywhere has the standard deviation 0: dividing by "
                "it gives `nan`. It should become 128.",
            ),
            (
                _wrapped,
                "Values outside 0..255 wrap around in `uint8`: very bright becomes dark. Cut them "
                "off before the conversion.",
            ),
            (
                _stretched,
                "This stretches smallest to 0 and largest to 255, so one hot pixel darkens all "
                "the rest.",
            ),
            (_uncentred, "The channel is not centred: subtract its mean first."),
            (
                _as_float,
                "The values are right, but they are floats: a picture needs `uint8`.",
            ),
        ],
        atol=1,  # to round or to cut off the decimals is a matter of taste
        hints=[
            "Subtract `channel.mean()`, then divide by `channel.std()`.",
            "`np.clip(values, 0, 255)` cuts off; do it before `.astype(np.uint8)`.",
            "Divide only `if channel.std() > 0`.",
        ],
    ),
    value(
        "02-loudest",
        "The loudest channel",
        lambda net, photo: int(_last(net, photo).mean(axis=(0, 1)).argmax()),
        wrong=[
            (
                lambda net, photo: int(_last(net, photo).max(axis=(0, 1)).argmax()),
                "That is the channel with the highest single cell. The mean over the map was "
                "asked for.",
            ),
            (
                lambda net, photo: int(_last(net, photo).mean(axis=(0, 1)).argmin()),
                "That is the quietest channel.",
            ),
            (
                lambda net, photo: int(_last(net, photo).argmax()),
                "That is a place in the whole stack, counted through. Average each map first.",
            ),
            (
                lambda net, photo: float(_last(net, photo).mean(axis=(0, 1)).max()),
                "That is how loud the channel is. Which one is it? `argmax` tells.",
            ),
        ],
        hints=[
            "Average over height and width, the axes 0 and 1; one number a channel remains.",
            "`argmax()` gives the position of the largest number.",
            "`last.mean(axis=(0, 1)).argmax()`",
        ],
    ),
    function(
        "02-field",
        "Receptive field on paper",
        _field,
        cases=_STACKS,
        wrong=[
            (
                lambda layers: _field(layers, multiply=False),
                "This forgets the strides: behind a stride of 2, neighbouring cells are two pixels "
                "apart.",
            ),
            (
                lambda layers: _field(layers, all_windows=True),
                "A window of 3 adds 2 pixels to the field, not 3: the cell in its middle was "
                "counted already.",
            ),
            (
                _field_stride_first,
                "A layer's own stride moves its cells apart for the layers behind it, not for "
                "itself: multiply after adding.",
            ),
            (
                lambda layers: sum(window for window, _ in layers),
                "Adding up the windows counts every cell's middle again and ignores the strides.",
            ),
        ],
        hints=[
            "Keep two numbers: the size of the field and the step between neighbouring cells, both "
            "1 at first.",
            "A layer makes the field larger by (window - 1) steps.",
            "Then multiply the step by the layer's stride.",
        ],
    ),
    function(
        "02-middle",
        "Back to the photo",
        _middle,
        cases=_PLACES,
        wrong=[
            (
                lambda row, column, map_shape, photo_shape: (
                    row * photo_shape[0] / map_shape[0],
                    column * photo_shape[1] / map_shape[1],
                ),
                "This is the top left corner of the cell. Its middle is half a cell further.",
            ),
            (
                lambda row, column, map_shape, photo_shape: _middle(
                    row, column, map_shape, photo_shape
                )[::-1],
                "This is (x, y). Arrays count rows first: (y, x).",
            ),
            (
                lambda row, column, map_shape, photo_shape: (
                    row * (photo_shape[0] - 1) / (map_shape[0] - 1),
                    column * (photo_shape[1] - 1) / (map_shape[1] - 1),
                ),
                "This puts the first and the last cell on the very edge of the photo. Cells are "
                "areas: the middle of the first one is half a cell from the edge.",
            ),
        ],
        hints=[
            "One cell covers `photo_shape[0] / map_shape[0]` pixels from top to bottom.",
            "The middle of cell 0 is at half a cell: `0.5` cells.",
            "y is `(row + 0.5) * photo_shape[0] / map_shape[0]`, and x alike.",
        ],
    ),
]
