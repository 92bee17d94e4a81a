"""The exercises of lesson 03, occlusion."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(3)
_HIDE = [
    (_RNG.integers(0, 256, (8, 10, 3)).astype(np.uint8), 2, 5, (3, 4), (250, 128, 128)),
    (_RNG.integers(0, 256, (6, 12, 3)).astype(np.uint8), 4, 1, (2, 5), (0, 20, 255)),
]
_DROPS = [
    (0.9, np.array([[0.85, 0.2], [0.95, 0.9]])),
    (0.4, np.array([[0.1, 0.35, 0.4], [0.6, 0.39, 0.0]])),
]
_BILLS = [(224, 56, 56), (128, 16, 8), (100, 30, 20), (64, 64, 5)]
_OVERLAPS = [
    (_RNG.normal(size=(3, 3)), 4, 2, 8),
    (_RNG.normal(size=(2, 3)), 3, 3, 9),
    (_RNG.normal(size=(2, 2)), 3, 1, 6),
]
_SHARES = [
    (np.array([[2.0, -1.0], [1.0, 1.0]]), np.array([[True, True], [False, False]])),
    (_RNG.normal(size=(5, 6)), _RNG.random((5, 6)) < 0.4),
]


def _hide(picture, top, left, patch, colour):
    hidden = picture.copy()
    hidden[top : top + patch[0], left : left + patch[1]] = colour
    return hidden


def _hide_swapped(picture, top, left, patch, colour):
    hidden = picture.copy()
    hidden[left : left + patch[1], top : top + patch[0]] = colour
    return hidden


def _hide_to_size(picture, top, left, patch, colour):
    hidden = picture.copy()
    hidden[top : patch[0], left : patch[1]] = colour
    return hidden


def _hide_all_but(picture, top, left, patch, colour):
    shown = np.empty_like(picture)
    shown[:] = colour
    inside = np.s_[top : top + patch[0], left : left + patch[1]]
    shown[inside] = picture[inside]
    return shown


def _hide_reversed(picture, top, left, patch, colour):
    return _hide(picture, top, left, patch, colour[::-1])


def _side(size, patch, stride):
    return -(-(size - patch) // stride) + 1


def _sum_and_count(drops, patch, stride, size):
    total, count = np.zeros((size, size)), np.zeros((size, size))
    for (i, j), number in np.ndenumerate(drops):
        place = np.s_[i * stride : i * stride + patch, j * stride : j * stride + patch]
        total[place] += number
        count[place] += 1
    return total, count


def _overlap(drops, patch, stride, size):
    total, count = _sum_and_count(drops, patch, stride, size)
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


def _overlap_all(drops, patch, stride, size):
    return _sum_and_count(drops, patch, stride, size)[0] / drops.size


def _field_drops(net, photo, fill="mean", score="logit"):
    from cnnvis_helpers import occlusion_grid

    field = tuple(-(-length // 4) for length in net.input_size)
    return occlusion_grid(net, photo, None, field, field, fill=fill, score=score)


def _place(index, drops):
    return tuple(int(number) for number in np.unravel_index(index, drops.shape))


def _dearest(net, photo):
    drops = _field_drops(net, photo)
    return _place(drops.argmax(), drops)


def _cheapest(net, photo):
    drops = _field_drops(net, photo)
    return _place(drops.argmin(), drops)


def _flat_place(net, photo):
    return int(_field_drops(net, photo).argmax())


def _column_first(net, photo):
    return _dearest(net, photo)[::-1]


def _grey_place(net, photo):
    drops = _field_drops(net, photo, fill=127.5)
    return _place(drops.argmax(), drops)


def _salmon_place(net, photo):
    drops = _field_drops(net, photo, fill=(250, 128, 128), score="probability")
    return _place(drops.argmax(), drops)


def _share(heat, mask):
    positive = np.maximum(heat, 0)
    return float(positive[mask].sum() / positive.sum())


EXERCISES = [
    function(
        "03-hide",
        "Hide",
        _hide,
        cases=_HIDE,
        dtype="uint8",
        wrong=[
            (
                _hide_swapped,
                "Rows and columns are exchanged: the first index of a picture counts from the "
                "top, the second from the left.",
            ),
            (
                _hide_to_size,
                "A slice is `start:end`, and the end here is the patch's size. Where does a patch "
                "that starts at `top` end?",
            ),
            (
                _hide_all_but,
                "This hides everything but the patch. It is a useful experiment too, but another "
                "one.",
            ),
            (
                _hide_reversed,
                "The colour came out as blue, green, red. Pictures here are red, green, blue.",
            ),
        ],
        hints=[
            "Begin with `picture.copy()`, so that the picture you were given stays whole.",
            "The patch takes the rows from `top` up to, and without, `top + patch[0]`.",
            "`hidden[top : top + patch[0], left : left + patch[1]] = colour`",
        ],
    ),
    function(
        "03-drop",
        "The honest drop",
        lambda whole, hidden: whole - hidden,
        cases=_DROPS,
        wrong=[
            (
                lambda whole, hidden: 1 - hidden,
                "This is one minus p, as one published library draws it. It is large everywhere "
                "for a class that the photo does not show. Start from the whole photo's answer.",
            ),
            (
                lambda whole, hidden: (hidden.max() - hidden) / (hidden.max() - hidden.min()),
                "This is the tutorial's map, stretched to 0..1: it hides how far the answer fell, "
                "and `whole` does not even occur in it.",
            ),
            (
                lambda whole, hidden: hidden - whole,
                "The sign is turned round: a drop is positive where hiding hurts.",
            ),
            (
                lambda whole, hidden: np.abs(whole - hidden),
                "The sign is gone. A field whose hiding helps should stay negative.",
            ),
            (
                lambda whole, hidden: np.maximum(whole - hidden, 0),
                "The negative values were cut off. They tell where hiding helps.",
            ),
        ],
        hints=[
            "How far is it from the answer before to the answer after?",
            "Positive means: the probability was higher before the field was hidden.",
            "Subtract `hidden` from `whole`; NumPy does it for all fields at once.",
        ],
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
                "Where the last step leaves a rest, one more patch is moved back to the border. "
                "Does your division round up?",
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
        ],
        hints=[
            "Keep two arrays of (size, size): the sum of the drops, and how many patches came by.",
            "Position (i, j) covers the rows from `i * stride` up to `i * stride + patch`.",
            "At the end return `total / np.maximum(count, 1)`.",
        ],
    ),
    value(
        "03-dearest",
        "The dearest field",
        _dearest,
        wrong=[
            (_cheapest, "That is the field that costs least. A drop is large where hiding hurts."),
            (
                _flat_place,
                "That is the place counted through row by row. `np.unravel_index` turns it into "
                "row and column.",
            ),
            (_column_first, "That is (column, row). Arrays count rows first."),
            (
                _grey_place,
                "That is the dearest field under a grey patch, the helper's own choice. Here the "
                "patch has the photo's mean colour.",
            ),
            (
                _salmon_place,
                "That is the dearest field under the lesson's salmon patch, in probability. Here "
                "the patch has the photo's mean colour, and the logit is asked for.",
            ),
        ],
        hints=[
            "`occlusion_grid(net, photo, None, field, field, ...)` gives sixteen drops.",
            "The mean colour is `fill='mean'`. `argmax()` finds the largest drop, counted through.",
            "`np.unravel_index(drops.argmax(), drops.shape)` gives row and column.",
        ],
    ),
    function(
        "03-share",
        "Positive heat",
        _share,
        cases=_SHARES,
        wrong=[
            (
                lambda heat, mask: float(heat[mask].sum() / heat.sum()),
                "Negative values were added too, so they cancel positive ones: such a share can "
                "leave 0..1. Keep only the positive part first.",
            ),
            (
                lambda heat, mask: float(np.abs(heat)[mask].sum() / np.abs(heat).sum()),
                "This counts negative values as heat. Hiding those places helped.",
            ),
            (
                lambda heat, mask: float((heat[mask] > 0).sum() / (heat > 0).sum()),
                "This counts pixels, not heat: a strong one should weigh more than a faint one.",
            ),
            (
                lambda heat, mask: float(
                    np.maximum(heat, 0)[mask].mean() / np.maximum(heat, 0).mean()
                ),
                "These are means, and their quotient may exceed 1. A share compares sums.",
            ),
        ],
        hints=[
            "Set the negative values to zero first.",
            "`np.maximum(heat, 0)` does it; `positive[mask]` picks the values inside the mask.",
            "Divide the sum inside the mask by the sum everywhere.",
        ],
    ),
    choice(
        "03-conclusion",
        "What may you conclude?",
        "c",
        wrong={
            "a": "The answer is very sure of a car, hidden field or not. What it says about the "
            "photo is a question for your eyes.",
            "b": "Then hiding all of the car would change nothing. Was that tried? Think of the "
            "two cats.",
            "d": "Stretching makes any sixteen numbers look meaningful, also those of noise. These "
            "differ by a hundredth.",
        },
        hints=[
            "What was hidden in each picture, and what was not?",
            "Remember the two cats: each alone could go, both together could not.",
            "Choose the sentence that claims no more than what was tried.",
        ],
    ),
]
