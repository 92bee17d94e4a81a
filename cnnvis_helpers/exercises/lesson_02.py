"""The exercises of lesson 02, feature maps."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(2)
_MAPS = [
    (np.maximum(_RNG.normal(size=(4, 5, 3)), 0),),
    (np.maximum(_RNG.normal(size=(6, 6, 2)) + 0.3, 0),),
    (np.concatenate([np.zeros((3, 3, 2)), 1e-3 * np.ones((3, 3, 1))], axis=2),),
    (np.array([[-1.5, 0.0, 2.0, -0.5], [0.0, 3.0, 0.0, 1.0]]),),
    (np.array([[0.0, 1e-12], [2.0, 0.0]]),),
]
_CHANNELS = [
    (_RNG.normal(2.0, 3.0, size=(8, 8)),),
    (_RNG.exponential(size=(6, 7)) ** 3,),
    (np.full((4, 4), 5.0),),
    (np.full((13, 13), 0.1),),  # its mean is not exactly 0.1, and its std() not 0
]
_POOLED = [  # some negative values: a pool that starts from zero is wrong
    (_RNG.normal(size=(7, 9)).round(2),),
    (_RNG.normal(-5.0, 1.0, size=(5, 5)).round(2),),
    (np.arange(15.0).reshape(3, 5),),
]
_STACKS = [
    ([(3, 1), (3, 1), (2, 2), (3, 1)],),
    ([(7, 2), (3, 2), (3, 1)],),
    ([(1, 1), (5, 3), (2, 2), (3, 2), (3, 1)],),
]
_PLACES = [(0, 0, (8, 8), (300, 451)), (3, 6, (7, 14), (224, 448)), (1, 2, (4, 5), (100, 30))]


def _pool(values, window=3, stride=2, reduce=np.max, start=0):
    h, w = values.shape
    rows, columns = (h - window) // stride + 1, (w - window) // stride + 1
    pooled = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = stride * i + start, stride * j + start
            pooled[i, j] = reduce(values[top : top + window, left : left + window])
    return pooled


def _pool_no_step(values):
    """Each window begins one cell after the one before it."""
    rows, columns = (size // 2 for size in values.shape)
    return _pool(values, stride=1)[:rows, :columns]


def _pool_from_zero(values):
    return np.maximum(_pool(values), 0)


def _pool_padded(values):
    return _pool(np.pad(values, 1, constant_values=-np.inf))


def _scaled(channel, spread, centre=True):
    return (channel - channel.mean() * centre) / spread * 64 + 128


def _as_float(channel):
    return np.clip(_scaled(channel, channel.std() or 1), 0, 255)


def _visible(channel):
    if channel.max() == channel.min():
        return np.full(channel.shape, 128, np.uint8)
    return _as_float(channel).astype(np.uint8)


def _guarded_by_std(channel):
    return _as_float(channel).astype(np.uint8)


def _no_guard(channel):
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.nan_to_num(_scaled(channel, channel.std()), nan=0)
        return np.clip(scaled, 0, 255).astype(np.uint8)


def _without_128(channel):
    return np.clip(_scaled(channel, channel.std() or 1) - 128, 0, 255).astype(np.uint8)


def _clipped_early(channel):
    return (np.clip(_scaled(channel, channel.std() or 1) - 128, 0, 255) + 128).astype(np.uint8)


def _no_parentheses(channel):
    mean = channel.mean() / (channel.std() or 1) * 64
    return np.clip(channel - mean + 128, 0, 255).astype(np.uint8)


def _wrapped(channel):
    return _scaled(channel, channel.std() or 1).astype(np.int64).astype(np.uint8)


def _stretched(channel):
    low, high = channel.min(), channel.max()
    return ((channel - low) / ((high - low) or 1) * 255).astype(np.uint8)


def _uncentred(channel):
    return np.clip(_scaled(channel, channel.std() or 1, False), 0, 255).astype(np.uint8)


def _by_variance(channel):
    return np.clip(_scaled(channel, channel.var() or 1), 0, 255).astype(np.uint8)


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


def _field_forwards(layers):
    """The rule that counts back from the last layer, applied from the first one on."""
    size = 1
    for window, stride in layers:
        size = (size - 1) * stride + window
    return size


def _field_last_stride(layers):
    """The step is the stride of the layer before, not the product of all."""
    size, step = 1, 1
    for window, stride in layers:
        size += (window - 1) * step
        step = stride
    return size


def _share_of_zeros(maps):
    return float((maps == 0).mean())


def _middle(row, column, map_shape, photo_shape, half=0.5):
    return (
        (row + half) * photo_shape[0] / map_shape[0],
        (column + half) * photo_shape[1] / map_shape[1],
    )


def _middle_then(change):
    """The right middle, with both numbers changed."""
    return lambda row, column, map_shape, photo_shape: tuple(
        change(place) for place in _middle(row, column, map_shape, photo_shape)
    )


def _middle_no_parentheses(row, column, map_shape, photo_shape):
    y = row + 0.5 * photo_shape[0] / map_shape[0]
    return y, column + 0.5 * photo_shape[1] / map_shape[1]


def _middle_of_ends(row, column, map_shape, photo_shape):
    y = row * (photo_shape[0] - 1) / (map_shape[0] - 1)
    return y, column * (photo_shape[1] - 1) / (map_shape[1] - 1)


EXERCISES = [
    value(
        "02-fewer",
        "Less than went in",
        "fire2_squeeze1x1",
        wrong=[
            (
                "pool1",
                "`pool1` makes 56 x 56 x 64 = 200,704 numbers; the photo has 154,587. Pooling "
                "quarters the maps of `conv1`, which is not yet enough.",
            ),
            ("conv1", "`conv1` makes 113 x 113 x 64 numbers. That is five times the photo."),
            (
                "fire2_concat",
                "This has 128 channels of 56 x 56. Go back: a layer before it has only 16.",
            ),
            (
                "pool3",
                "This one is smaller, too, but it is not the first. Look inside the fire modules.",
            ),
            (
                lambda answer: answer.strip().startswith("fire2_expand"),
                "This has 64 channels of 56 x 56, as many numbers as `pool1`. Go back one layer.",
                "fire2_expand1x1",
            ),
            (
                lambda answer: "fire" in answer and not answer.strip().startswith("fire2"),
                "Look at the layers in order: an earlier one already has fewer numbers.",
                "fire3_squeeze1x1",
            ),
            (
                lambda answer: not isinstance(answer, str),
                "Give the name of one layer, as a text in quotes.",
                3,
            ),
        ],
        hints=[
            "Multiply the three numbers of each layer's output shape.",
            "The photo has 227 * 227 * 3 = 154,587 numbers; compare in the order of the layers.",
            "Look for 56 x 56 maps with very few channels.",
        ],
        praise="50,176 numbers, a third of the photo, and all later layers see nothing else. Yet "
        "Chelsea's whiskers come back from fire5: a photo has fewer facts than pixels.",
    ),
    function(
        "02-pool",
        "Pool by hand",
        _pool,
        cases=_POOLED,
        wrong=[
            (
                lambda values: _pool(values, reduce=np.mean),
                "This is average pooling. Max pooling keeps the largest value of each window.",
            ),
            (
                lambda values: _pool(values, window=2),
                "These windows are 2 x 2. A slice `a : a + 3` takes three cells.",
            ),
            (
                lambda values: _pool(values, stride=1),
                "The window moves by one cell here. It should move by two.",
            ),
            (
                lambda values: _pool(values, stride=3),
                "These windows do not overlap. With steps of 2, neighbouring windows share a line.",
            ),
            (
                _pool_from_zero,
                "A window of negative values has a negative maximum. Did you start from zero?",
            ),
            (
                _pool_padded,
                "This goes beyond the border of the map. Use only windows that fit inside.",
            ),
            (lambda values: _pool(values).T, "Rows and columns are exchanged."),
            (
                lambda values: _pool(values, reduce=np.min),
                "This keeps the smallest value of each window.",
            ),
            (
                _pool_no_step,
                "The number of windows is right, but each begins only one cell after the one "
                "before it. Window (i, j) begins at row `2 * i`.",
            ),
            (
                lambda values: _pool(values).astype(int),
                "The values were cut to whole numbers. Keep them as they are.",
            ),
        ],
        hints=[
            "Window (i, j) begins at row 2 * i and column 2 * j.",
            "There are (h - 3) // 2 + 1 rows of windows, and likewise columns.",
            "`values[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()`",
        ],
        praise="Move the photo by one pixel and many of these maxima stay the same. That is what "
        "pooling buys, and the exact place is the price.",
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
                _guarded_by_std,
                "`std()` of equal numbers is not always exactly 0: of 169 times 0.1, rounding "
                "leaves about 1e-17, and dividing by that makes a grey that is not 128. Ask "
                "whether the largest value equals the smallest.",
            ),
            (
                _wrapped,
                "Values outside 0..255 wrap around in `uint8`: very bright becomes dark. Cut them "
                "off before the conversion.",
            ),
            (
                _stretched,
                "This stretches the smallest to 0 and the largest to 255, so one hot pixel darkens "
                "all the rest.",
            ),
            (_uncentred, "The channel is not centred: subtract its mean first."),
            (_by_variance, "This divides by the variance. Its square root is `channel.std()`."),
            (
                lambda channel: _visible(channel).astype(float),
                "The values are right, but not their type: a picture needs `uint8`.",
            ),
            (_without_128, "The last step is missing: add 128, so that the mean becomes mid grey."),
            (
                _clipped_early,
                "This cuts off before it adds 128, so everything below the mean is lost. Add "
                "first.",
            ),
            (
                _no_parentheses,
                "Only the mean was divided and multiplied. Put `channel - channel.mean()` in "
                "parentheses.",
            ),
        ],
        hints=[
            "Four steps in order: subtract the mean, divide by the spread, times 64, plus 128.",
            "`np.clip(values, 0, 255)` cuts off; do it before `.astype(np.uint8)`.",
            "If `channel.max() == channel.min()`, return `np.full(channel.shape, 128, np.uint8)`.",
        ],
        dtype="uint8",
        atol=1,
        praise="Now every channel shows its structure, and none shows its strength. Both pictures "
        "are true; say which one you drew.",
    ),
    value(
        "02-wall",
        "On the wall",
        32,
        wrong=[
            (
                22,
                "That is the detector of *level* edges. The bricks stand upright; did you guess, "
                "or measure?",
            ),
            (
                36,
                "36 is the loudest on the cat. Ask the photo of the wall: "
                "`feature_maps(net, load_photo('brick'), probed)`.",
            ),
            (
                47,
                "47 is second. Compare the *means* of the maps, not their largest cells.",
            ),
            (
                lambda answer: 0 <= answer <= 5,
                "That is a place in the list. The exercise asks for the number of the channel.",
                0,
            ),
            (
                lambda answer: abs(float(answer) - 44.2) < 1,
                "That is the mean of its map. Which channel has it?",
                44.2,
            ),
            (
                lambda answer: isinstance(answer, str),
                "That is a name. `detectors` says which channel belongs to it.",
                "edge |",
            ),
            (
                lambda answer: answer in (11, 7),
                "It is one of the six, but another one has a larger mean on the wall.",
                11,
            ),
            (
                lambda answer: 0 <= answer < 64,
                "This channel is none of the six in `detectors`.",
                55,
            ),
        ],
        hints=[
            "`feature_maps(net, load_photo('brick'), probed)` has the shape (56, 56, 64).",
            "`.mean(axis=(0, 1))` gives one mean a channel.",
            "Compare the six entries whose numbers stand in `detectors`.",
        ],
        praise="A channel found with a drawing keeps its promise on a real wall. Its runner-up is "
        "the 'bright dot', which once more prefers lines.",
    ),
    function(
        "02-zeros",
        "Zeros by hand",
        _share_of_zeros,
        cases=_MAPS,
        rtol=1e-3,
        wrong=[
            (
                lambda maps: float((maps != 0).mean()),
                "This is the share of values that are *not* zero.",
            ),
            (lambda maps: int((maps == 0).sum()), "This is how many zeros there are, not a share."),
            (
                lambda maps: float((maps == 0).all(axis=(0, 1)).mean()),
                "This is the share of channels that are zero everywhere: dead channels.",
            ),
            (
                lambda maps: float((maps < 0.01).mean()),
                "Neither small nor negative is zero: ReLU makes exact zeros, so compare with 0.",
            ),
            (
                lambda maps: float((np.abs(maps) < 0.01).mean()),
                "Small is not zero: ReLU makes exact zeros, so compare with 0.",
            ),
            (
                lambda maps: float(np.isclose(maps, 0).mean()),
                "This takes tiny numbers such as 1e-12 for zero, too. ReLU makes exact zeros, so "
                "compare with 0.",
            ),
            (
                lambda maps: float((maps <= 0).mean()),
                "This also counts the negative values. Behind a ReLU there are none, but here "
                "there may be.",
            ),
            (
                lambda maps: float((maps == 0).sum() / (maps.shape[0] * maps.shape[1])),
                "This divides by the cells of one map. Divide by all values, `maps.size`.",
            ),
            (
                lambda maps: round(_share_of_zeros(maps), 2),
                "Right, but rounded. Leave the rounding to `print`.",
            ),
        ],
        hints=[
            "`maps == 0` is an array of True and False.",
            "The mean of True and False is the share of True.",
            "`(maps == 0).mean()`",
        ],
        praise="ReLU makes zeros exactly, not nearly. That is why a deep map of a photo fits into "
        "a short list of the places where something was found.",
    ),
    function(
        "02-field",
        "The receptive field on paper",
        _field,
        cases=_STACKS,
        wrong=[
            (
                lambda layers: _field(layers, multiply=False),
                "The strides are missing: behind a stride of 2, neighbouring cells lie two pixels "
                "apart, so the next window reaches further.",
            ),
            (
                _field_stride_first,
                "A layer's own stride counts only for the layers *behind* it. Add first, multiply "
                "afterwards.",
            ),
            (
                lambda layers: _field(layers, all_windows=True),
                "A window of 3 adds only 2 new cells: one of the three was there already.",
            ),
            (
                lambda layers: sum(window for window, _ in layers),
                "Windows do not simply add up: they overlap.",
            ),
            (
                lambda layers: int(np.prod([window for window, _ in layers])),
                "Windows do not multiply: each layer adds (window - 1) steps.",
            ),
            (
                lambda layers: _field(layers) - 1,
                "One pixel is missing: before any layer, a cell sees itself, which is 1 pixel.",
            ),
            (
                _field_forwards,
                "This rule, (size - 1) * stride + window, counts back from the last layer to the "
                "first. You went from the first to the last.",
            ),
            (
                _field_last_stride,
                "Steps multiply: behind two strides of 2, neighbouring cells lie 4 pixels apart.",
            ),
            (
                lambda layers: _field(layers) ** 2,
                "This is the number of pixels in the field. The exercise asks how wide it is.",
            ),
        ],
        hints=[
            "Start with size 1 and step 1; step is how many pixels apart neighbouring cells lie.",
            "Each layer adds (window - 1) * step to the size.",
            "After adding, multiply the step by the layer's stride.",
        ],
        praise="Without strides a field grows like a sum, with them like a product. Pooling is why "
        "ten layers are enough to see a cat.",
    ),
    choice(
        "02-conclusion",
        "What may you conclude?",
        "c",
        wrong={
            "a": "If it did not look at the hand, it could not tell left from right. Remember what "
            "SqueezeNet said about the noise.",
            "b": "Then the network could not answer. What *we* recognise in a picture is not what "
            "the layer knows.",
            "d": "Look at the error of the maps, not at the beauty of the picture: it tells "
            "whether the inversion has succeeded.",
        },
        hints=[
            "What did the program have to reach: the photo, or the maps?",
            "What did SqueezeNet say about the fourth picture?",
            "Choose the sentence about pictures and maps; the others say more than was measured.",
        ],
        praise="An inversion shows which pictures a layer cannot tell apart. Whether you would "
        "recognise anything in them is another question.",
    ),
    function(
        "02-middle",
        "The middle of a cell",
        _middle,
        cases=_PLACES,
        rtol=1e-3,
        wrong=[
            (
                lambda row, column, map_shape, photo_shape: (
                    row * photo_shape[0] / map_shape[0],
                    column * photo_shape[1] / map_shape[1],
                ),
                "This is the upper left corner of the cell. Its middle is half a cell further.",
            ),
            (
                lambda row, column, map_shape, photo_shape: _middle(
                    row, column, map_shape, photo_shape
                )[::-1],
                "This is (x, y). The exercise asks for (y, x): rows come first.",
            ),
            (
                lambda row, column, map_shape, photo_shape: (
                    (row + 0.5) * photo_shape[1] / map_shape[0],
                    (column + 0.5) * photo_shape[0] / map_shape[1],
                ),
                "Height and width of the photo are exchanged.",
            ),
            (
                lambda row, column, map_shape, photo_shape: (
                    row / (map_shape[0] - 1) * photo_shape[0],
                    column / (map_shape[1] - 1) * photo_shape[1],
                ),
                "This puts the first cell on the border and the last one on the other. Cells cover "
                "the photo, so their middles keep half a cell from the border.",
            ),
            (
                lambda row, column, map_shape, photo_shape: (
                    row * photo_shape[0] / map_shape[0] + 0.5,
                    column * photo_shape[1] / map_shape[1] + 0.5,
                ),
                "This adds half a *pixel*. Half a cell is larger.",
            ),
            (
                _middle_of_ends,
                "This puts the first cell on the first pixel and the last cell on the last. Cells "
                "cover the photo, so their middles keep half a cell from the border.",
            ),
            (
                _middle_then(int),
                "`int` cuts off the fraction: a middle may lie between two pixels.",
            ),
            (_middle_then(round), "Do not round: a middle may lie between two pixels."),
            (
                _middle_then(lambda place: place - 0.5),
                "This counts from the middle of the first pixel. Here the corner of the photo is "
                "(0, 0), so that pixel begins at 0.",
            ),
            (
                lambda row, column, map_shape, photo_shape: _middle(
                    row, column, map_shape, photo_shape, half=1
                ),
                "This is the lower right corner of the cell. Its middle is half a cell before it.",
            ),
            (
                lambda row, column, map_shape, photo_shape: _middle(
                    row, column, map_shape, photo_shape, half=-0.5
                ),
                "Rows and columns are counted from 0: the middle of cell 0 is half a cell *after* "
                "the border.",
            ),
            (
                _middle_no_parentheses,
                "Only the half was scaled. Add 0.5 to the row first, in parentheses.",
            ),
        ],
        hints=[
            "How many pixels of the photo belong to one cell, vertically and horizontally?",
            "The middle of cell 0 is half a cell from the border.",
            "`(row + 0.5) * photo_shape[0] / map_shape[0]` is y.",
        ],
        praise="Half a cell of a 7 x 7 map is 16 of 224 pixels. Forget it, and a heat map is "
        "shifted to the upper left.",
    ),
]
