"""The exercises of lesson 03, occlusion."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(3)
_KEEP = [
    (_RNG.integers(0, 256, (8, 10, 3)).astype(np.uint8), 2, 5, (3, 4), (250, 128, 128)),
    (_RNG.integers(0, 256, (6, 12, 3)).astype(np.uint8), 3, 1, (2, 5), (0, 20, 255)),
]
_STRETCHED = [
    (np.array([[0.0, 0.5], [1.0, 0.25]]), 0.8, 0.9, 0.3),
    (np.array([[1.0, 0.1, 0.0], [0.7, 0.4, 0.2]]), 0.5, 0.45, 0.05),
]
_LOGITS = [
    (np.array([5.0, 3.0, -1.0]), np.array([[4.0, 3.5, 0.0], [6.0, 3.0, 1.0]]), 0, 1),
    (np.array([1.0, 4.0, 2.0, 0.5]), _RNG.normal(2.0, 2.0, (5, 4)).round(2), 2, 1),
]
_BILLS = [(224, 56, 56), (128, 16, 8), (100, 30, 20), (64, 64, 5), (65, 20, 20)]
_OVERLAPS = [
    (_RNG.normal(size=(3, 3)), 4, 2, 8),
    (_RNG.normal(size=(2, 3)), 3, 3, 9),
    (_RNG.normal(size=(2, 2)), 3, 1, 6),
]
_SURE = 0.999
_MARGIN = float(np.log(_SURE / (1 - _SURE)))


def _hide(picture, top, left, patch, colour):
    hidden = picture.copy()
    hidden[top : top + patch[0], left : left + patch[1]] = colour
    return hidden


def _keep(picture, top, left, patch, colour):
    kept = np.empty_like(picture)
    kept[:] = colour
    inside = np.s_[top : top + patch[0], left : left + patch[1]]
    kept[inside] = picture[inside]
    return kept


def _keep_swapped(picture, top, left, patch, colour):
    return _keep(picture, left, top, patch, colour)


def _keep_turned(picture, top, left, patch, colour):
    return _keep(picture, top, left, patch[::-1], colour)


def _keep_all_swapped(picture, top, left, patch, colour):
    return _keep(picture, left, top, patch[::-1], colour)


def _keep_to_size(picture, top, left, patch, colour):
    return _keep(picture, top, left, (patch[0] - top, patch[1] - left), colour)


def _keep_reversed(picture, top, left, patch, colour):
    return _keep(picture, top, left, patch, colour[::-1])


def _keep_square(picture, top, left, patch, colour):
    return _keep(picture, top, left, (patch[0], patch[0]), colour)


def _keep_one_more(picture, top, left, patch, colour):
    return _keep(picture, top, left, (patch[0] + 1, patch[1] + 1), colour)


def _crop(picture, top, left, patch, colour):
    return picture[top : top + patch[0], left : left + patch[1]].copy()


def _undo(stretched, p_0, p_max, p_min):
    return p_0 - p_max + stretched * (p_max - p_min)


def _pair(before, after, a, b):
    return (before[a] - before[b]) - (after[:, a] - after[:, b])


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _side(size, patch, stride):
    return -(-(size - patch) // stride) + 1


def _sum_and_count(drops, patch, stride, size, step=None):
    total, count = np.zeros((size, size)), np.zeros((size, size))
    step = stride if step is None else step
    for (i, j), number in np.ndenumerate(drops):
        place = np.s_[i * step : i * step + patch, j * step : j * step + patch]
        total[place] += number
        count[place] += 1
    return total, count


def _overlap(drops, patch, stride, size, step=None):
    total, count = _sum_and_count(drops, patch, stride, size, step)
    return total / np.maximum(count, 1)


def _overlap_nan(drops, patch, stride, size):
    total, count = _sum_and_count(drops, patch, stride, size)
    with np.errstate(invalid="ignore"):
        return total / count


def _overlap_last(drops, patch, stride, size):
    values = np.zeros((size, size))
    for (i, j), number in np.ndenumerate(drops):
        values[i * stride : i * stride + patch, j * stride : j * stride + patch] = number
    return values


def _overlap_one_more(drops, patch, stride, size):
    total, count = _sum_and_count(drops, patch, stride, size)
    return total / (count + 1)


def _overlap_all(drops, patch, stride, size):
    return _sum_and_count(drops, patch, stride, size)[0] / drops.size


EXERCISES = [
    function(
        "03-keep",
        "The other way round",
        _keep,
        cases=_KEEP,
        dtype="uint8",
        wrong=[
            (
                _hide,
                "This hides the patch and keeps the rest. Here the rest goes and the patch stays.",
            ),
            (
                _keep_swapped,
                "Rows and columns are exchanged: the first index of a picture counts from the "
                "top, the second from the left.",
            ),
            (
                _keep_all_swapped,
                "Rows and columns are exchanged throughout: `top` and `patch[0]` belong to the "
                "first index of a picture, `left` and `patch[1]` to the second.",
            ),
            (
                _keep_turned,
                "The patch came out as wide as it should be high: `patch` is (height, width).",
            ),
            (
                _keep_to_size,
                "A slice is `start:end`, and the end here is the patch's size. Where does a patch "
                "that starts at `top` end?",
            ),
            (
                _keep_reversed,
                "The colour came out as blue, green, red. Pictures here are red, green, blue.",
            ),
            (
                _crop,
                "This cuts the patch out. The picture should keep its size, so that the patch "
                "stays in its place.",
            ),
            (
                _keep_square,
                "The patch came out as wide as it is high. Its width is `patch[1]`.",
            ),
            (
                _keep_one_more,
                "One row and one column too many: a slice does not contain its end.",
            ),
        ],
        hints=[
            "Start with a picture that has the colour everywhere, and copy the patch into it.",
            "`kept = np.empty_like(picture)` and `kept[:] = colour` make the background.",
            "The patch is `picture[top : top + patch[0], left : left + patch[1]]`.",
        ],
        praise="Hiding asks what the answer needs; keeping asks what is enough for it. These are "
        "two different questions, and a good explanation answers both.",
    ),
    function(
        "03-undo",
        "Undo the stretch",
        _undo,
        cases=_STRETCHED,
        rtol=2e-3,
        atol=2e-3,
        wrong=[
            (
                lambda stretched, p_0, p_max, p_min: p_max - stretched * (p_max - p_min),
                "These are the probabilities with each square hidden. How far is each from the "
                "probability of the whole photo?",
            ),
            (
                lambda stretched, p_0, p_max, p_min: stretched * (p_max - p_min),
                "This measures from the highest of the hidden pictures, not from the whole photo. "
                "So no place can ever help.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: -_undo(stretched, p_0, p_max, p_min),
                "The sign is turned round: a drop is positive where hiding hurts.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: p_0 - p_min - stretched * (p_max - p_min),
                "This takes m = 1 for the highest probability. In the stretched map, 1 is where "
                "hiding hurt most, so where p is smallest.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: np.abs(_undo(stretched, p_0, p_max, p_min)),
                "The sign is gone. A square whose hiding helps should stay negative.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: np.maximum(
                    _undo(stretched, p_0, p_max, p_min), 0
                ),
                "The negative values were cut off. They tell where hiding helps.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: (p_max - stretched) / (p_max - p_min),
                "This stretches once more. Solve the formula of m for p instead.",
            ),
            (
                lambda stretched, p_0, p_max, p_min: p_0 - p_max - stretched * (p_max - p_min),
                "A sign is lost: subtract the *whole* probability, in parentheses.",
            ),
        ],
        hints=[
            "First find the probabilities, then the drops.",
            "Solve the formula of m for p.",
            "p = p_max - m (p_max - p_min), and the drop is p_0 - p.",
        ],
        praise="Three numbers beside a picture are enough to make it honest again. Without them "
        "the stretch cannot be undone.",
    ),
    function(
        "03-pair",
        "Why this cat rather than that one?",
        _pair,
        cases=_LOGITS,
        rtol=2e-3,
        atol=5e-3,
        wrong=[
            (
                lambda before, after, a, b: before[a] - after[:, a],
                "This is the drop of class a alone. A rival that falls just as far changes "
                "nothing about the choice.",
            ),
            (
                lambda before, after, a, b: -_pair(before, after, a, b),
                "The sign is turned round, or a and b are. Hiding evidence for a should give a "
                "positive number.",
            ),
            (
                lambda before, after, a, b: after[:, a] - after[:, b],
                "This is the lead of a that is left. The drop is how much of the lead was lost.",
            ),
            (
                lambda before, after, a, b: (before[a] + before[b]) - (after[:, a] + after[:, b]),
                "This adds the two drops. Evidence for any cat raises both, and only a difference "
                "cancels it.",
            ),
            (
                lambda before, after, a, b: (
                    (_softmax(before)[a] - _softmax(before)[b])
                    - (_softmax(after)[:, a] - _softmax(after)[:, b])
                ),
                "These are probabilities. The exercise asks for the difference of the logits.",
            ),
            (
                lambda before, after, a, b: np.abs(_pair(before, after, a, b)),
                "The sign is gone. A place that speaks for b should stay negative.",
            ),
            (
                lambda before, after, a, b: before[a] - before[b] - after[:, a] - after[:, b],
                "A sign is lost: subtract the lead afterwards in parentheses.",
            ),
        ],
        hints=[
            "By how much does a lead before? By how much afterwards?",
            "The lead before is `before[a] - before[b]`.",
            "The lead afterwards is `after[:, a] - after[:, b]`; subtract it.",
        ],
        praise="What speaks for both classes cancels, and only what decides between them is left. "
        "Lesson 04 asks Grad-CAM the same question.",
    ),
    function(
        "03-bill",
        "The bill",
        lambda size, patch, stride: _side(size, patch, stride) ** 2 + 1,
        cases=_BILLS,
        wrong=[
            (
                lambda size, patch, stride: _side(size, patch, stride) ** 2,
                "These are the positions. A drop also needs the answer for the whole photo.",
            ),
            (
                lambda size, patch, stride: _side(size, patch, stride) + 1,
                "This counts one row of positions. The patch also moves down.",
            ),
            (
                lambda size, patch, stride: ((size - patch) // stride + 1) ** 2 + 1,
                "Where the last patch does not reach the border, one more is added that ends "
                "there. Does your division round up?",
            ),
            (
                lambda size, patch, stride: (round((size - patch) / stride) + 1) ** 2 + 1,
                "`round` goes to the nearest whole number. Any piece that is left at the border "
                "needs one more patch: round up.",
            ),
            (
                lambda size, patch, stride: ((size - patch) / stride + 1) ** 2 + 1,
                "There are no fractions of a patch. Round the number of steps up.",
            ),
            (
                lambda size, patch, stride: ((size - patch) // stride + 2) ** 2 + 1,
                "This always adds a patch at the border, even where the last step ends there.",
            ),
            (
                lambda size, patch, stride: len(range(0, size, stride)) ** 2 + 1,
                "Some of these patches reach beyond the border. The last one starts at "
                "`size - patch`.",
            ),
            (
                lambda size, patch, stride: (-(-(size - patch) // stride)) ** 2 + 1,
                "This counts the steps. There is one position more than there are steps between "
                "them.",
            ),
            (
                lambda size, patch, stride: (size // stride) ** 2 + 1,
                "This forgets that the patch must end inside the picture: it travels over "
                "`size - patch` pixels.",
            ),
        ],
        hints=[
            "Count along one side first. The patch can travel `size - patch` pixels.",
            "Positions along a side: the steps, rounded up, and one more for the start.",
            "`-(-a // b)` rounds up. Both sides multiply; then add one for the whole photo.",
        ],
        praise="Half the stride, four times the bill. Count before you start a sweep, not while "
        "you wait for it.",
    ),
    value(
        "03-smallest",
        "How large a hole?",
        70,
        wrong=[
            (
                56,
                "Close, but with 56 pixels the lowest probability is still above a half. Did you "
                "compare the probability itself, or the drop?",
            ),
            (
                84,
                "84 does it, but it is not the first size that does. Print the lowest probability "
                "of each.",
            ),
            (
                28,
                "Such a small patch hides less than a leg of the tripod. The lowest probability is "
                "the sure one minus the *largest* drop; with score='probability'.",
            ),
        ],
        hints=[
            "`occlusion_grid(net, camera, 'tripod', size, 28, score='probability')` gives drops.",
            "The lowest probability is that of the whole photo, 0.951, minus the largest drop.",
            "Loop over the four sizes and print the lowest probability of each.",
        ],
        praise="How much a place matters depends on the size of what hides it. So write the size "
        "of the patch beside every map.",
    ),
    choice(
        "03-invisible",
        "An invisible patch",
        "b",
        wrong={
            "a": "On a white wall a black square is as visible as anything can be: it puts a new "
            "black thing there.",
            "c": "There the patch covers some of the wall as well, so the outline changes its "
            "shape.",
            "d": "Put the patch into the middle of the horse in your mind. What has changed?",
        },
        hints=[
            "The drop compares two pictures. Where are they the same?",
            "A patch of the colour that is there already changes nothing.",
            "Black on black.",
        ],
        praise="A patch in the colour of the object hides nothing, and the map says 'unimportant'. "
        "It measured your paint, not the horse.",
    ),
    value(
        "03-pairs",
        "Pairs",
        121,
        wrong=[
            (120, "These are the pairs. A drop also needs the answer for the whole photo."),
            (
                241,
                "Each pair was counted twice: square 3 with 5 is the same picture as 5 with 3.",
            ),
            (
                257,
                "This lets every square meet every square, itself included, and both orders.",
            ),
            (137, "A square does not pair with itself: that would be hiding a single one."),
            (17, "This hides one square at a time. How many ways are there to choose two?"),
            (9, "Eight pairs use each square once. Here each square meets all the others."),
            (
                lambda answer: answer in (240, 256, 136),
                "Count each pair once, no square with itself, and one pass for the whole photo.",
                240,
            ),
        ],
        hints=[
            "The first square can be any of 16. How many are left for the second?",
            "16 times 15 counts each pair twice.",
            "Halve it, and add one for the whole photo.",
        ],
        praise="Groups of four would take 1,821 passes, and all groups 65,536. That is why nobody "
        "tries them all, and why clever sampling (LIME, SHAP) exists.",
    ),
    choice(
        "03-conclusion",
        "What may you conclude?",
        "c",
        wrong={
            "a": "The network is very sure of a minivan, with each square hidden. Whether it is "
            "right is a question for your eyes.",
            "b": "Then hiding all of the minivan would change nothing. Was that tried? Think of "
            "the two cats.",
            "d": "Stretching makes any numbers look meaningful, even those of noise. These "
            "differ by a hundredth.",
        },
        hints=[
            "What was hidden in each picture, and what was not?",
            "Remember the two cats: each alone could go, both together could not.",
            "Choose the sentence that claims no more than what was tried.",
        ],
        praise="Not needed alone is not the same as not used. An experiment proves what it tried, "
        "and nothing more.",
    ),
    value(
        "03-saturated",
        "One logit less",
        _SURE - 1 / (1 + np.exp(1 - _MARGIN)),
        rtol=0.01,
        wrong=[
            (
                lambda answer: abs(float(answer) - 1 / (1 + np.exp(1 - _MARGIN))) < 1e-4,
                "This is the probability that is left. By how much did it fall?",
                1 / (1 + np.exp(1 - _MARGIN)),
            ),
            (
                lambda answer: abs(float(answer) + 0.001712) < 2e-5,
                "The size is right. A fall is a positive number here.",
                -0.001712,
            ),
            (
                lambda answer: abs(float(answer) - 0.6315) < 2e-3,
                "This divides the probability by e. The softmax also divides by the sum of all "
                "classes, so use the curve.",
                _SURE * (1 - np.exp(-1)),
            ),
            (
                lambda answer: abs(float(answer) - 0.231) < 2e-3,
                "This is a fall by one logit from a margin of 0, where the curve is steepest. "
                "Which margin belongs to 0.999?",
                0.231,
            ),
            (
                lambda answer: abs(float(answer) - 0.002) < 1e-9,
                "About right, but rounded too far. Give two digits after the zeros.",
                0.002,
            ),
            (1, "The margin falls by 1. The curve says what the probability does."),
            (0, "Very little, but not nothing."),
        ],
        hints=[
            "First find the margin that belongs to 0.999: turn the formula round.",
            "m = log(p / (1 - p)), which is about 6.9.",
            "Put m - 1 into the formula, and subtract the result from 0.999.",
        ],
        praise="Not even two thousandths, where the middle of the curve would have lost almost a "
        "quarter. A sure network hides its evidence in the flat part; the logit shows it.",
    ),
    function(
        "03-overlap",
        "Overlap",
        _overlap,
        cases=_OVERLAPS,
        wrong=[
            (
                lambda drops, patch, stride, size: _sum_and_count(drops, patch, stride, size)[0],
                "These are sums, so the middle, which more patches cover, looks more important. "
                "Count the patches over each pixel.",
            ),
            (
                _overlap_last,
                "Each patch overwrites the one before it. Pixels under several patches need all "
                "of them.",
            ),
            (
                _overlap_nan,
                "A pixel that no patch covers was divided by 0 and became `nan`. It should be 0.",
            ),
            (
                _overlap_all,
                "Each pixel was divided by the number of all patches. Divide by the number of "
                "those that cover it.",
            ),
            (
                lambda drops, patch, stride, size: _overlap(drops, patch, stride, size, step=1),
                "Position (i, j) does not begin at row i, but at row `i * stride`.",
            ),
            (
                lambda drops, patch, stride, size: _overlap(drops, patch, stride, size, patch),
                "These patches lie side by side. Position (i, j) begins at row `i * stride`, not "
                "`i * patch`.",
            ),
            (
                lambda drops, patch, stride, size: _overlap(drops.T, patch, stride, size),
                "Rows and columns are exchanged: i counts from the top, j from the left.",
            ),
            (
                _overlap_one_more,
                "Each pixel was divided by one patch too many. Guard against 0 with "
                "`np.maximum(count, 1)`.",
            ),
        ],
        hints=[
            "Keep two arrays (size, size): the sum of the drops, and the number of patches.",
            "Position (i, j) covers the rows from `i * stride` up to `i * stride + patch`.",
            "At the end return `total / np.maximum(count, 1)`.",
        ],
        praise="This is how `occlusion` makes its smooth maps. Smooth does not mean precise: "
        "every pixel is a mean over whole patches.",
    ),
    value(
        "03-window",
        "The window",
        (29, 31, 17),
        wrong=[
            (
                (28, 28, 14),
                "This only divides by the strides. A 3 x 3 window also touches the patch from one "
                "cell outside, on both sides.",
            ),
            (
                (28, 30, 15),
                "Divide by the stride and round up: there is a position of the patch that one more "
                "cell touches.",
            ),
            (
                (28, 30, 16),
                "Nearly. The first layer sees one more cell: where does (56 + 2) / 2 lead?",
            ),
            (
                (58, 60, 62),
                "These windows grow by two each time, but a stride of 2 halves the map, and the "
                "window with it.",
            ),
            (
                (27, 25, 12),
                "These windows shrink as if there were no cells around the patch. The patch sits "
                "inside a picture, so cells next to it see it too.",
            ),
            (
                (56, 58, 30),
                "Does the first layer not have a stride of 2?",
            ),
            (
                (29, 31, 16),
                "Nearly. (31 + 2) / 2 is no whole number. At most: round it up.",
            ),
            (
                lambda answer: np.isclose(answer[2], 16.5),
                "Nearly. Cells are whole, and the question is how many at most: round up.",
                (29, 31, 16.5),
            ),
            (
                (841, 961, 289),
                "These are the cells of the whole window. The question is how wide it is.",
            ),
        ],
        hints=[
            "Behind a 3 x 3 layer of stride 1, one more cell on each side sees the patch.",
            "With stride 2 only every second of these cells is computed: halve, and round up.",
            "The first is (56 + 2) / 2 = 29.",
        ],
        praise="Two cells wider each time, half as wide at each stride, while the map halves too. "
        "So the *share* that changes only grows, until nothing is left to save.",
    ),
]
