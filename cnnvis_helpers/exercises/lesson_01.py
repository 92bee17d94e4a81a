"""The exercises of lesson 01, layers and weights."""

import numpy as np

from cnnvis_helpers.exercises.kinds import function, value

_RNG = np.random.default_rng(1)
_WINDOWS = [
    (_RNG.normal(size=(3, 3, 3)), _RNG.normal(size=(3, 3, 3)), bias)
    for bias in (0.5, -20.0, 3.0, -1.0, 8.0)
]
_KERNELS = [
    (np.array([[0.0, 2.0], [-1.0, 0.5]]),),
    (_RNG.normal(size=(3, 3, 3, 4)),),
    (np.array([-3.0, -1.0, 0.0]),),
]
_COLOURED = [(_RNG.normal(size=(3, 3, 3, 5)),), (_RNG.normal(size=(2, 4, 3, 1)),)]


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


EXERCISES = [
    function(
        "01-count",
        "Count the numbers of a convolution",
        lambda height, width, channels_in, channels_out: (
            (height * width * channels_in + 1) * channels_out
        ),
        cases=[(3, 3, 3, 64), (1, 1, 64, 16), (7, 5, 2, 8)],
        wrong=[
            (
                lambda height, width, channels_in, channels_out: (
                    height * width * channels_in * channels_out
                ),
                "These are the weights. Each filter has one more number.",
            ),
            (
                lambda height, width, channels_in, channels_out: (
                    height * width * channels_in * channels_out + 1
                ),
                "Here all filters together have one bias. Each filter has its own.",
            ),
            (
                lambda height, width, channels_in, channels_out: (
                    (height * width + 1) * channels_out
                ),
                "Here a filter looks at one channel only. A filter has a window for each input "
                "channel.",
            ),
            (
                lambda height, width, channels_in, channels_out: (
                    height * width * channels_in * channels_out + channels_in
                ),
                "Here each input channel has a bias. Biases belong to the filters.",
            ),
        ],
        hints=[
            "How many weights has one filter? Its window lies on every input channel.",
            "One filter has `height * width * channels_in` weights and one bias.",
            "Multiply what one filter holds by `channels_out`.",
        ],
    ),
    value(
        "01-vgg16",
        "VGG16 on paper",
        _vgg16(),
        wrong=[
            (
                _vgg16(dense=()),
                "These are the convolutions alone. Three Dense layers follow.",
            ),
            (
                _vgg16(bias=0),
                "These are the weights without biases. Every filter and every unit has one.",
            ),
            (
                _vgg16(flat=512),
                "Here the last map was averaged to 512 numbers. VGG16 flattens it: each of the "
                "7 x 7 places counts.",
            ),
            (
                _vgg16(dense=(4096, 1000)),
                "One of the two Dense layers with 4096 units is missing.",
            ),
        ],
        hints=[
            "Use your formula for each convolution; the first has 3 input channels, each other one "
            "as many as the layer before it has filters.",
            "A Dense layer from n to m numbers holds `(n + 1) * m`.",
            "The first Dense layer sees `7 * 7 * 512` numbers.",
        ],
        praise="About nine of ten numbers stand in the Dense layers. That is one reason why newer "
        "networks average the last map and have one small Dense layer.",
    ),
    function(
        "01-window",
        "One window",
        lambda window, filter, bias: max(0.0, float((window * filter).sum() + bias)),
        cases=_WINDOWS,
        wrong=[
            (
                lambda window, filter, bias: float((window * filter).sum() + bias),
                "Right up to the activation: a negative sum must become 0.",
            ),
            (
                lambda window, filter, bias: max(0.0, float((window * filter).sum())),
                "The bias is missing.",
            ),
            (
                lambda window, filter, bias: max(0.0, float((window * filter).sum())) + bias,
                "Here the bias comes after ReLU. It belongs to the sum, before ReLU.",
            ),
            (
                lambda window, filter, bias: max(
                    0.0, float((window * filter[::-1, ::-1]).sum() + bias)
                ),
                "Here the filter is flipped, as in signal processing. In deep learning a "
                "convolution does not flip it.",
            ),
            (
                lambda window, filter, bias: float(np.maximum(window * filter, 0).sum() + bias),
                "Here ReLU is applied to each product. It comes once, after the whole sum.",
            ),
        ],
        hints=[
            "Multiply the two arrays place by place: `window * filter`.",
            "Sum everything to one number, then add the bias.",
            "ReLU of a number z is `max(0.0, z)`.",
        ],
    ),
    function(
        "01-grey",
        "Zero is grey",
        lambda kernel: 0.5 + kernel / (2 * np.abs(kernel).max()),
        cases=_KERNELS,
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
                "Zero is grey now, but the values run from -0.5 to 1.5.",
            ),
        ],
        hints=[
            "Zero has to become 0.5, so start with `0.5 + ...`.",
            "What is added may be at most 0.5 in size, for the largest absolute weight.",
            "The largest absolute weight is `np.abs(kernel).max()`; divide by twice that.",
        ],
    ),
    function(
        "01-colours",
        "Put the colours right",
        lambda kernel: kernel[:, :, ::-1, :],
        cases=_COLOURED,
        wrong=[
            (
                lambda kernel: kernel,
                "This is the kernel as it came, with blue first: the published mistake.",
            ),
            (
                lambda kernel: kernel[..., ::-1],
                "This reverses the order of the filters. The colours are another axis.",
            ),
            (
                lambda kernel: kernel[::-1],
                "This turns each filter upside down. The colours are another axis.",
            ),
            (
                lambda kernel: kernel[:, ::-1],
                "This mirrors each filter left to right. The colours are another axis.",
            ),
        ],
        hints=[
            "The axes are height, width, input channel, filter.",
            "Reverse one axis with `::-1` and leave the others with `:`.",
            "The colours are the third axis: `kernel[:, :, ..., :]` with `::-1` in its place.",
        ],
    ),
]
