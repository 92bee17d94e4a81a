"""The exercises of lesson 01, layers and weights."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, custom, function, value

_RNG = np.random.default_rng(1)
_SLIDES = [
    (_RNG.normal(size=(7, 9, 3)), _RNG.normal(size=(3, 3, 3)), 0.5, 2),
    (_RNG.normal(size=(5, 8, 2)), _RNG.normal(size=(3, 3, 2)), -1.0, 1),
    (_RNG.normal(size=(8, 8, 1)), _RNG.normal(size=(2, 2, 1)), 0.0, 3),
]
_KERNELS = [
    (np.array([[0.0, 2.0], [-1.0, 0.5]]),),
    (_RNG.normal(size=(3, 3, 3, 4)),),
    (np.array([-3.0, -1.0, 0.0]),),
]


def _count(height, width, channels_in, filters):
    return (height * width * channels_in + 1) * filters


def _vgg16(bias=1, flat=7 * 7 * 512, dense=(4096, 4096, 1000)):
    total, before = 0, 3
    for after in (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512):
        total += (9 * before + bias) * after
        before = after
    before = flat
    for units in dense:
        total += (before + bias) * units
        before = units
    return total


def _slide(picture, filter, bias, stride, flip=1, missing=0):
    """The map of one filter; `missing` windows are left out at the end of each side."""
    k = len(filter)
    rows = range(0, picture.shape[0] - k + 1 - missing, stride)
    columns = range(0, picture.shape[1] - k + 1 - missing, stride)
    filter = filter[::flip, ::flip]
    return np.array(
        [[(picture[r : r + k, s : s + k] * filter).sum() + bias for s in columns] for r in rows]
    )


def _step(picture, filter, bias, stride):
    """The map for stride 1, of which every stride-th cell belongs to the right answer."""
    return _slide(picture, filter, bias, 1)


def _padded(picture, filter, bias, stride):
    k = len(filter)
    before, after = (k - 1) // 2, k // 2
    sides = ((before, after), (before, after), (0, 0))
    return _slide(np.pad(picture, sides), filter, bias, stride)


def _square(picture, filter, bias, stride):
    return _slide(picture[:, : len(picture)], filter, bias, stride)


def _is_filter(answer):
    try:
        return np.squeeze(np.asarray(answer, float)).shape == (3, 3)
    except (TypeError, ValueError):
        return False


def _filter(answer):
    """A 3 x 3 filter, scaled so that its largest weight is 1."""
    answer = np.squeeze(np.asarray(answer, float))
    return answer / (np.abs(answer).max() or 1)


def _answers(answer):
    """What a filter gives on flat 1, and on steps to light: below, above, right and left."""
    filter = _filter(answer)
    down, right = filter.sum(axis=1).cumsum(), filter.sum(axis=0).cumsum()
    flat = filter.sum()
    return flat, flat - down[:2], down[:2], flat - right[:2], right[:2]


def _is_edge(answer):
    flat, below, _, right, left = _answers(answer)
    silent = _is_filter(answer) and max(abs(flat), *np.abs(right), *np.abs(left)) < 1e-6
    return silent and (below > -1e-6).all() and below.max() > 1e-3


EXERCISES = [
    function(
        "01-count",
        "Count them",
        _count,
        cases=[(3, 3, 3, 64), (1, 1, 64, 16), (7, 5, 2, 8)],
        wrong=[
            (
                lambda height, width, channels_in, filters: height * width * channels_in * filters,
                "These are the weights. Each filter has one more number.",
            ),
            (
                lambda height, width, channels_in, filters: (
                    height * width * channels_in * filters + 1
                ),
                "Here all filters together have one bias. Each filter has its own.",
            ),
            (
                lambda height, width, channels_in, filters: (height * width + 1) * filters,
                "Here a filter looks at one channel only. It has a window of weights for each "
                "input channel.",
            ),
            (
                lambda height, width, channels_in, filters: (height * width * 3 + 1) * filters,
                "This is right for three input channels. Most layers have more: `channels_in`.",
            ),
            (
                lambda height, width, channels_in, filters: (9 * channels_in + 1) * filters,
                "This is right for windows of 3 x 3. Others exist: use `height` and `width`.",
            ),
            (
                lambda height, width, channels_in, filters: (
                    height * width * channels_in * filters + channels_in
                ),
                "Here each input channel has a bias. Biases belong to the filters.",
            ),
            (
                lambda height, width, channels_in, filters: (
                    (height * width + 1) * channels_in * filters
                ),
                "Here a filter has one bias for each input channel. It has a single one: the "
                "channels are added up first.",
            ),
        ],
        hints=[
            "How many weights has one filter? Its window lies on every input channel.",
            "One filter has `height * width * channels_in` weights and one bias.",
            "Multiply what one filter holds by `filters`.",
        ],
        praise="Look at what is *not* in the formula: the size of the photo. The same filter "
        "serves every place.",
    ),
    value(
        "01-fire",
        "What the squeeze saves",
        _count(3, 3, 512, 512),
        wrong=[
            (
                9 * 512 * 512,
                "These are the weights. Each of the 512 filters has a bias as well.",
            ),
            (_count(3, 3, 64, 512), "That is with 64 input channels, as after the squeeze."),
            (
                _count(3, 3, 512, 512) - 197_184,
                "That is what the squeeze saves. How many numbers does the ordinary convolution "
                "hold?",
            ),
            (
                lambda answer: answer in (512 * 512, _count(1, 1, 512, 512)),
                "That is a convolution with windows of 1 x 1.",
                _count(1, 1, 512, 512),
            ),
            (
                lambda answer: answer in (9 * 512, 9 * 512 + 1),
                "That is what a single filter holds. There are 512 of them.",
                9 * 512 + 1,
            ),
            (
                32_832 + 16_640 + 147_712,
                "That is what the fire module holds. What would the ordinary convolution hold?",
            ),
            (
                lambda answer: 11 < answer < 13,
                "That is how many times smaller fire9 is. How many numbers does the ordinary "
                "convolution hold?",
                11.97,
            ),
        ],
        hints=[
            "It is one more convolution, so your formula from above counts it.",
            "Height and width are 3, and 512 channels go in.",
            "`(3 * 3 * 512 + 1) * 512`",
        ],
        praise="2,359,808, and fire9 does it with 197,184: a twelfth. That is how "
        "SqueezeNet gets by with 1.2 million numbers.",
    ),
    function(
        "01-slide",
        "Slide it",
        _slide,
        cases=_SLIDES,
        rtol=1e-3,
        atol=1e-2,
        wrong=[
            (
                lambda picture, filter, bias, stride: _slide(picture, filter, 0, stride),
                "The bias is missing.",
            ),
            (_step, "Here the window moves by one pixel, whatever the stride is."),
            (
                lambda picture, filter, bias, stride: _slide(
                    picture, filter, bias, stride, flip=-1
                ),
                "Here the filter is flipped, as in signal processing. In deep learning a "
                "convolution does not flip it.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(
                    picture, filter[:, :, ::-1], bias, stride, flip=-1
                ),
                "Here the filter is flipped, and its channels as well, as by SciPy's `convolve`. "
                "In deep learning a convolution flips nothing.",
            ),
            (
                lambda picture, filter, bias, stride: np.maximum(
                    _slide(picture, filter, bias, stride), 0
                ),
                "Right up to the last step: the map is wanted *before* the ReLU.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(
                    picture, filter, bias, stride, missing=1
                ),
                "The last window is missing where it would just fit. A range stops before its "
                "end, so the end has to be one more.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(picture, filter, bias, stride).T,
                "Rows and columns have changed places.",
            ),
            (
                lambda results: [np.shape(each) for each in results[:2]] == [(4, 5), (5, 8)],
                "This map is too large: it also counts windows that stick out of the picture. "
                "Keep only those that lie inside.",
                _padded,
            ),
            (
                lambda picture, filter, bias, stride: (
                    _slide(picture, filter, 0, stride) / filter.size + bias
                ),
                "This takes the mean of the products. A convolution adds them up.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(
                    picture[..., :1], filter[..., :1], bias, stride
                ),
                "Only the first colour is used. The products of all channels are added up.",
            ),
            (
                _square,
                "The number of columns is taken from the height. The picture need not be square.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(picture, filter, bias, 2),
                "The window moves by two pixels, as in conv1. Use `stride`.",
            ),
            (
                lambda picture, filter, bias, stride: _slide(
                    picture, filter, filter.size * bias, stride
                ),
                "Here the bias is added to every product. It is added once, to the sum.",
            ),
        ],
        hints=[
            "Two loops, over the rows and the columns at which a window may start; inside them "
            "the sum of one window.",
            "`range(0, height - k + 1, stride)` gives the rows, if k is the height of the filter.",
            "One cell is `(picture[r : r + k, s : s + k] * filter).sum() + bias`.",
        ],
        praise="That is a convolution. Libraries do the same sums in another order, some thousand "
        "times faster.",
    ),
    custom(
        "01-edge",
        "A filter of your own",
        _is_edge,
        wrong=[
            (
                lambda answer: not _is_filter(answer),
                "A filter of 3 rows with 3 numbers each is needed: `np.array([[...], [...], "
                "[...]])`.",
                [1, 0, -1],
            ),
            (
                lambda answer: not np.any(np.asarray(answer, float)),
                "A filter of zeros is silent on flat areas, and everywhere else, too.",
                np.zeros((3, 3)),
            ),
            (
                lambda answer: abs(_answers(answer)[0]) > 1e-6,
                "This filter responds to flat areas: its nine weights do not add up to 0.",
                [[-1, -1, -1], [0, 0, 0], [2, 1, 1]],
            ),
            (
                lambda answer: _is_edge(-_filter(answer)),
                "Upside down: this one gives positive numbers where it is light above and dark "
                "below.",
                [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
            ),
            (
                lambda answer: max(np.abs(np.ravel(_answers(answer)[3:]))) > 1e-6,
                "This filter also responds to vertical edges. Each of its *columns* must add up "
                "to 0.",
                [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
            ),
        ],
        hints=[
            "Take our filter as a model: which way do you have to turn it?",
            "What is below counts as plus, what is above as minus.",
            "Each column must add up to 0: try `[-1, 0, 1]` from top to bottom.",
        ],
        otherwise="On an edge that is dark above and light below, this filter does not give "
        "positive numbers everywhere.",
        praise="It lights up below the eyes, below the nose and along the whiskers. Filters like "
        "this were made by hand for decades, until networks learned to make their own.",
    ),
    value(
        "01-blind",
        "Blind to flat grey",
        50,
        wrong=[
            (
                lambda answer: answer in (14, 64 - 50),
                "That is how many filters have *more* left, the ones that are not blind.",
                14,
            ),
            (
                13,
                "That is the number among the *random* filters. Put `kernel` in place of `random`.",
            ),
            (
                36,
                "That many cancel within each single colour. Here all 27 weights are added up.",
            ),
            (
                lambda answer: abs(answer - 50 / 64) < 0.01,
                "That is the share of the filters. How many filters is that?",
                50 / 64,
            ),
            (
                lambda answer: abs(answer - 78) < 1,
                "That is a percentage. How many of the 64 filters is that?",
                78,
            ),
            (64, "All of them? Compare `left_over(kernel)` with 0.05, not with 5."),
        ],
        hints=[
            "`left_over(kernel)` gives one number for each of the 64 filters.",
            "5% is 0.05. Comparing an array with a number gives True or False for each entry.",
            "The sum of True and False counts the True: `(... < 0.05).sum()`",
        ],
        praise="50 of 64, against 13 of the random ones; in a typical filter only 0.3% is left. "
        "They see changes and nothing else.",
    ),
    choice(
        "01-swap",
        "The wrong photo",
        "b",
        wrong={
            "a": "A blue Chelsea is still an Egyptian cat, and even with 0.84 instead of 0.50. So "
            "a good answer does not prove that the colours are in order.",
            "c": "This photo is grey: its three channels are the same, so exchanging them "
            "changes nothing.",
            "d": "The photo of the coins has no colour. Exchange two equal channels, and the photo "
            "is the same.",
        },
        hints=[
            "In which of the photos does the colour say most about the thing?",
            "Two of them have no colour at all. `show_photo(load_photo(name)[:, :, ::-1])` shows "
            "what the network would get.",
            "Brown coffee becomes blue.",
        ],
        praise="Espresso, 0.999, becomes a loupe with 0.21: there is no blue coffee. The cat gets "
        "through, and that makes this mistake so hard to notice.",
    ),
    function(
        "01-grey",
        "Zero is grey",
        lambda kernel: 0.5 + kernel / (2 * np.abs(kernel).max()),
        cases=_KERNELS,
        rtol=0,
        atol=1e-3,
        wrong=[
            (
                lambda kernel: (kernel - kernel.min()) / (kernel.max() - kernel.min()),
                "This stretches the smallest weight to 0 and the largest to 1, so zero gets a grey "
                "that differs from kernel to kernel.",
            ),
            (
                lambda kernel: np.clip(kernel, 0, 1),
                "This cuts off all negative weights, which are half of the story.",
            ),
            (
                lambda kernel: np.abs(kernel) / np.abs(kernel).max(),
                "This shows how strong a weight is and hides whether it adds or subtracts.",
            ),
            (
                lambda kernel: 0.5 + kernel / np.abs(kernel).max(),
                "Zero is grey now, but the values go beyond 0 and 1.",
            ),
            (
                lambda kernel: 0.5 + kernel / (2 * kernel.max()),
                "The largest weight may be a negative one. Take the largest *absolute* weight.",
            ),
            (
                lambda kernel: 0.5 + kernel / (2 * np.abs(kernel.min())),
                "The largest weight may be a positive one. Take the largest *absolute* weight.",
            ),
            (
                lambda kernel: np.where(
                    kernel > 0,
                    0.5 + kernel / (2 * max(kernel.max(), 1e-9)),
                    0.5 - kernel / (2 * kernel.min()),
                ),
                "Here plus and minus have a scale each, so equal weights may look unequal. Divide "
                "all of them by the same number.",
            ),
            (
                lambda kernel: kernel / np.abs(kernel).max(),
                "Now the values run from -1 to 1, with zero at 0. Move them to 0 and 1.",
            ),
            (
                lambda kernel: 0.5 - kernel / (2 * np.abs(kernel).max()),
                "A negative of the right picture: plus has to be light and minus dark.",
            ),
            (
                lambda kernel: 0.5 + kernel / (kernel.max() - kernel.min()),
                "Divided by largest minus smallest, the values can go beyond 0 and 1, since the "
                "weights need not be symmetric. Divide by twice the largest absolute weight.",
            ),
            (
                lambda results: any(np.max(result) > 2 for result in results),
                "These are grey levels up to 255. The values are to lie between 0 and 1.",
                lambda kernel: np.uint8(255 * (0.5 + kernel / (2 * np.abs(kernel).max()))),
            ),
        ],
        hints=[
            "Zero has to become 0.5, so start with `0.5 + ...`.",
            "What is added may be at most 0.5 in size, for the largest absolute weight.",
            "The largest absolute weight is `np.abs(kernel).max()`; divide by twice that.",
        ],
        praise="With zero in the middle, grey means silent in every picture, and two pictures can "
        "be compared.",
    ),
    value(
        "01-vgg16",
        "VGG16 on paper",
        _vgg16(),
        wrong=[
            (_vgg16(dense=()), "These are the convolutions alone. Three Dense layers follow."),
            (
                _vgg16() - _vgg16(dense=()),
                "These are the Dense layers alone. Add the 13 convolutions.",
            ),
            (
                _vgg16(bias=0),
                "These are the weights without biases. Every filter and every unit has one.",
            ),
            (
                lambda answer: answer in (_vgg16() - 4224, _vgg16() - 9192),
                "Some biases are missing: every filter of a convolution and every unit of a Dense "
                "layer has one.",
                _vgg16() - 4224,
            ),
            (
                _vgg16(flat=14 * 14 * 512),
                "A last pooling halves the maps before they are flattened: 7 x 7, not 14 x 14.",
            ),
            (
                _vgg16(dense=(4096,)),
                "Only the first Dense layer is counted. Two more follow.",
            ),
            (
                lambda answer: 137e6 < answer < 139e6 and answer % 1000 == 0,
                "Rounded, that is right. Give the number to the last digit.",
                138_400_000,
            ),
            (
                _vgg16(flat=512),
                "Here the last map was averaged to 512 numbers. VGG16 flattens it: each of the "
                "7 x 7 cells counts.",
            ),
            (
                _vgg16(dense=(4096, 1000)),
                "One of the two Dense layers with 4096 units is missing.",
            ),
            (
                lambda answer: 138 <= answer < 138.5,
                "In millions that is right. Give the number itself.",
                138.4,
            ),
        ],
        hints=[
            "Use your formula for each convolution; the first has 3 input channels, each other one "
            "as many as the layer before it has filters.",
            "A Dense layer from n to m numbers holds `(n + 1) * m`.",
            "The first Dense layer sees `7 * 7 * 512` numbers.",
        ],
        praise="138,357,544: more than a hundred times SqueezeNet. Nine out of ten belong to the "
        "Dense layers, and that is why newer networks average their last maps instead.",
    ),
    value(
        "01-size",
        "The size of a map",
        99,
        wrong=[
            (98, "98 steps of 3 pixels fit in, and there is a window before the first step."),
            (100, "300 / 3 would be right for windows of 3 pixels. These are wider."),
            (
                lambda answer: 98 < answer < 100 and answer != 99,
                "A map has a whole number of cells: round the number of *steps* down, then add the "
                "first window.",
                99.33,
            ),
            (295, "There the last window starts. How many windows are there up to it?"),
            (296, "That is the size for a stride of 1."),
            (60, "That is for windows side by side. They overlap: the stride is 3."),
        ],
        hints=[
            "Where can the last window start, so that it still lies inside?",
            "It can start at 295 at the latest, and starts are 0, 3, 6, ...",
            "Count the starts: `len(range(0, 300 - 5 + 1, 3))`",
        ],
        praise="(300 - 5) // 3 + 1. The same formula gives 113 for SqueezeNet: (227 - 3) // 2 + 1.",
    ),
]
