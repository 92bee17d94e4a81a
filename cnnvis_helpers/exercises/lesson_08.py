"""The exercises of lesson 08, can you trust a heat map?"""

import numpy as np

from cnnvis_helpers.exercises.kinds import Given, choice, custom, function

_RNG = np.random.default_rng(8)


def _signed(*shape):
    """A map of both signs without equal values."""
    return _RNG.permutation(np.linspace(-1.0, 2.0, int(np.prod(shape)))).reshape(shape).round(3)


_MASK = np.zeros((4, 5), bool)
_MASK[1:3, 1:4] = True
_COLD = _signed(4, 5)  # its largest magnitude is negative and inside, its peak outside
_COLD[1, 2], _COLD[3, 4] = -9.0, 3.0
_HOT = _signed(4, 5)
_HOT[2, 1] = 7.0
_BROAD = np.where(_MASK, 2.0, 0.0) + np.abs(_signed(4, 5)) / 10  # warm inside, its peak outside
_BROAD[0, 0] = 5.0
_MASKED = [(_COLD, _MASK), (_HOT, _MASK), (_BROAD, _MASK), (np.abs(_signed(4, 5)), ~_MASK)]
_MASKED += [(_signed(4, 5), _RNG.random((4, 5)) < 0.4) for _ in range(8)]
_SMALL = np.zeros((9, 11), bool)
_SMALL[2:4, 5:8] = True


def _peaked(row, column):
    """A map with its peak here, and its largest magnitude, negative, on the opposite side."""
    heat = _signed(*_SMALL.shape)
    heat[-1 - row, -1 - column], heat[row, column] = -12.0, 9.0
    return heat


# row and column of the peak, tolerance: inside, at an edge, off a corner, and far away
_PLACES = [
    (3, 6, 0),
    (1, 5, 0),
    (6, 5, 3),
    (4, 8, 1),
    (6, 10, 4),
    (6, 10, 5),
    (0, 0, 15),
    (5, 1, 4),
]
_NEAR = [(_peaked(*peak), _SMALL, tolerance) for *peak, tolerance in _PLACES]
_NEAR.append((np.maximum(_peaked(2, 6), -8.0), _SMALL, 1))  # its coldest pixel is not the largest
_PAIRS = [
    (_signed(4, 5), _signed(4, 5)),
    (_signed(3, 3), np.exp(3 * _signed(3, 3))),
    (_COLD, _HOT),
]


def _ranks(values):
    return np.argsort(np.argsort(np.ravel(values)))


def _correlation(x, y):
    x, y = np.ravel(x) - np.mean(x), np.ravel(y) - np.mean(y)
    return (x @ y) / np.sqrt((x @ x) * (y @ y))


def _apart(heat, mask, size=lambda ways, axis: np.hypot(*ways)):
    """How far each pixel of the mask is from the peak; size: of (rows, columns) between them."""
    row, column = np.unravel_index(np.argmax(heat), heat.shape)
    rows, columns = np.nonzero(mask)
    return size(np.abs([rows - row, columns - column]), axis=0)


def _near(heat, mask, tolerance):
    return bool(_apart(heat, mask).min() <= tolerance)


def _inside(heat, mask, part=np.asarray):
    return float(part(heat)[mask].sum() / part(heat).sum())


def _positive(heat):
    return np.maximum(heat, 0)


def _red_hexagons():
    from cnnvis_helpers import shape_pictures

    drawn = shape_pictures(250, red="hexagon", seed=1)
    return np.array([each.photo for each in drawn if each.label == "hexagon"])


def _share_found(network, pictures):
    logits = np.asarray(network.logits(np.asarray(pictures, np.float32)))
    return np.mean(logits.argmax(axis=-1) == network.class_index("hexagon"))


def _honest_share(pictures):
    from cnnvis_helpers import load_network

    return _share_found(load_network("shapes_c"), pictures)


def _are_hexagons(pictures):
    pictures = np.asarray(pictures)
    different = {picture.tobytes() for picture in pictures}
    return pictures.shape == (50, 48, 48, 3) and pictures.dtype == np.uint8 and len(different) == 50


def _bug(number, title, right, wrong, hints, praise):
    return choice(f"08-bug-{number}", title, right, wrong=wrong, hints=hints, praise=praise)


_LOOK = "Read the cell line by line and say what each line should be by the definition."

EXERCISES = [
    choice(
        "08-detective",
        "What does the suspect look at?",
        "c",
        wrong={
            "a": "The heat lies elsewhere: compare it with the outline of the hexagon.",
            "b": "The colour fills the outline, and inside the outline the maps are dark.",
            "d": "Then the heat would lie all around the outline. It is one small spot.",
        },
        hints=[
            "Where is the peak of every one of these maps?",
            "How large is the hot spot, compared with the hexagon, and what form has it?",
            "It is small and round, and no part of the hexagon.",
        ],
        praise="Found from the maps alone. What it is, the pictures below show.",
    ),
    function(
        "08-rank",
        "Rank correlation",
        lambda a, b: _correlation(_ranks(a), _ranks(b)),
        cases=_PAIRS,
        praise="Ranks forget the size of the values, so one hot pixel cannot decide alone. They "
        "also forget how hot it was.",
        wrong=[
            (
                lambda a, b: _correlation(a, b),
                "This correlates the values. One hot pixel can decide that number; ranks are safe "
                "from it.",
            ),
            (
                lambda a, b: _correlation(np.argsort(np.ravel(a)), np.argsort(np.ravel(b))),
                "`np.argsort` gives the order of the pixels, not their ranks. The rank of a pixel "
                "is its place in that order: sort twice.",
            ),
            (
                lambda a, b: _correlation(_ranks(np.abs(a)), _ranks(np.abs(b))),
                "The signs were taken away before ranking. That is another question, which the "
                "caller may ask with `np.abs`.",
            ),
            (
                lambda a, b: _ranks(a) @ _ranks(b) / np.sqrt((_ranks(a) ** 2).sum() ** 2),
                "Subtract the mean of the ranks first; without that two unrelated maps score "
                "about 0.75.",
            ),
        ],
        hints=[
            "Replace each value by its rank, then correlate the ranks.",
            "`np.argsort(np.argsort(values.ravel()))` gives the ranks where no two values are "
            "equal.",
            "`np.corrcoef(x, y)[0, 1]` is the correlation of two vectors.",
        ],
    ),
    function(
        "08-point",
        "A near miss",
        _near,
        cases=_NEAR,
        praise="One pixel decides, so the game is harsh, even with a tolerance; and it asks only "
        "*where*. That matters in a moment.",
        wrong=[
            (
                lambda heat, mask, tolerance: _near(heat, mask, 0),
                "This forgives nothing: a peak that lies beside the mask, but no more than "
                "`tolerance` pixels away, counts as well.",
            ),
            (
                lambda heat, mask, tolerance: _near(np.abs(heat), mask, tolerance),
                "The peak of the magnitudes may be a pixel that speaks against the class. Take "
                "the largest value.",
            ),
            (
                lambda heat, mask, tolerance: _near(-heat, mask, tolerance),
                "That is the coldest pixel.",
            ),
            (
                lambda heat, mask, tolerance: bool((_apart(heat, mask) < tolerance).any()),
                "*At most* `tolerance` pixels: a peak at exactly that distance counts, and so does "
                "a peak inside with a tolerance of 0.",
            ),
            (
                lambda heat, mask, tolerance: bool((_apart(heat, mask, np.max) <= tolerance).any()),
                "This takes the longer of the two ways, along the rows or along the columns. As "
                "the crow flies: `np.hypot` of the two.",
            ),
            (
                lambda heat, mask, tolerance: bool((_apart(heat, mask, np.sum) <= tolerance).any()),
                "This adds the ways along the rows and along the columns. As the crow flies: "
                "`np.hypot` of the two.",
            ),
            (
                lambda heat, mask, tolerance: bool((_apart(heat, mask) <= tolerance).all()),
                "This asks that *every* pixel of the mask is near. The nearest one is enough.",
            ),
            (
                lambda heat, mask, tolerance: bool(_apart(heat, mask).mean() <= tolerance),
                "This is the way to the middle of the mask, or the mean of all ways to it. The "
                "nearest pixel decides.",
            ),
            (
                lambda heat, mask, tolerance: _near(heat.T.reshape(heat.shape), mask, tolerance),
                "Rows and columns are swapped: `np.unravel_index(heat.argmax(), heat.shape)` gives "
                "the row first.",
            ),
            (
                lambda heat, mask, tolerance: float(_apart(heat, mask).min()),
                "That is how far the peak is from the mask. Compare it with the tolerance.",
            ),
            (
                lambda heat, mask, tolerance: not _near(heat, mask, tolerance),
                "This is turned round: near enough is True.",
            ),
        ],
        hints=[
            "`np.unravel_index(heat.argmax(), heat.shape)` is the row and the column of the peak.",
            "`np.nonzero(mask)` gives the rows and the columns of all pixels of the mask.",
            "`np.hypot(rows - row, columns - column)` are the distances; look at the smallest.",
        ],
    ),
    custom(
        "08-convict",
        "One more experiment",
        lambda changed, net: (
            _are_hexagons(changed) and _share_found(net, changed) < 0.5 < _honest_share(changed)
        ),
        praise="Convicted: you still see hexagons, the honest network does, and this one does not. "
        "It took an experiment, and somebody who thought of it; no map would have told you.",
        wrong=[
            (
                lambda changed, net: not _are_hexagons(changed),
                "A list of all 50 hexagons is needed, `[... each.photo ... for each in hexagons]`, "
                "each a picture of (48, 48, 3) values in uint8 (`.astype(np.uint8)`).",
                Given(lambda net: _red_hexagons() / 255),
            ),
            (
                lambda changed, net: np.array_equal(changed, _red_hexagons()),
                "These are the hexagons as they were.",
                Given(lambda net: _red_hexagons()),
            ),
            (
                lambda changed, net: _share_found(net, changed) >= 0.5,
                "It still finds most of the hexagons, so what you changed is not what it looks at. "
                "What else have all hexagons of this exam in common?",
                Given(lambda net: _red_hexagons()[:, ::-1]),
            ),
            (
                lambda changed, net: _honest_share(changed) <= 0.5,
                "The honest network loses most of them, too, so this proves nothing. Does the "
                "shape still stand out from the ground as light on dark, with its outline?",
                Given(lambda net: 255 - _red_hexagons()),
            ),
        ],
        otherwise="Give a list of the 50 changed pictures.",
        hints=[
            "Compare the hexagons with the other shapes: in what do they differ besides the form?",
            "The colour. Exchange the colours of each picture: its last axis holds R, G and B.",
            "`each.photo[..., ::-1]` exchanges red and blue.",
        ],
    ),
    function(
        "08-mass",
        "Better than no opinion?",
        lambda heat, mask: _inside(heat, mask, _positive) / mask.mean(),
        cases=_MASKED,
        praise="On Chelsea the gradient comes to 0.94 in this measure: a map without any opinion "
        "would do better.",
        wrong=[
            (
                lambda heat, mask: _inside(heat, mask, _positive),
                "That is the mass itself. How much of it would a map get that is the same "
                "everywhere? Divide by that.",
            ),
            (
                lambda heat, mask: _inside(heat, mask) / mask.mean(),
                "Negative values were added too. Then parts cancel, and the mass can leave 0..1.",
            ),
            (
                lambda heat, mask: _inside(heat, mask, np.abs) / mask.mean(),
                "With magnitudes, what speaks against the class counts for it.",
            ),
            (
                lambda heat, mask: _inside(heat, mask, _positive) - mask.mean(),
                "That is the difference. A multiple is a ratio.",
            ),
            (
                lambda heat, mask: mask.mean() / _inside(heat, mask, _positive),
                "The ratio is turned round: a better map should get a larger number.",
            ),
            (
                lambda heat, mask: float(
                    _positive(heat)[mask].mean() / _positive(heat)[~mask].mean()
                ),
                "This compares the inside with the outside. Compare it with the map as a whole.",
            ),
            (
                lambda heat, mask: _inside(heat, mask, _positive) / mask.sum(),
                "This divides by the number of pixels in the mask. Divide by their share of all.",
            ),
            (
                lambda heat, mask: float((heat > 0)[mask].sum() / (heat > 0).sum() / mask.mean()),
                "This counts pixels. A hot one should weigh more than a warm one: add the values.",
            ),
            (
                lambda heat, mask: float(heat[mask].sum() / _positive(heat).sum() / mask.mean()),
                "Negative values are cut off below the line, but not above it: cut in both places.",
            ),
            (
                lambda heat, mask: (1 - _inside(heat, mask, _positive)) / mask.mean(),
                "That is made of the mass outside the mask.",
            ),
        ],
        hints=[
            "First the mass: `np.maximum(heat, 0)`, and of that the share inside `mask`.",
            "A map that is the same everywhere has the share `mask.mean()` inside.",
            "Divide the first by the second.",
        ],
    ),
    choice(
        "08-dice",
        "Why do the dice win?",
        "b",
        praise="The score then says 'this is no photo', not 'these pixels mattered'. Every test "
        "that changes a photo has this problem.",
        wrong={
            "a": "They were rolled without a look at the photo.",
            "c": "Then all the curves would fall alike, but Grad-CAM's falls slowly.",
            "d": "Then the order would not matter, and all curves would be one.",
        },
        hints=[
            "What does the photo look like when a tenth of its pixels, one here and one there, are "
            "grey?",
            "Has the network ever been trained on such a picture?",
            "Compare with Grad-CAM, which hides one compact place: the rest is still a photo.",
        ],
    ),
    choice(
        "08-say",
        "What may be said?",
        "d",
        wrong={
            "a": "A map says nothing about what a network has understood. It shows where a score "
            "reacts.",
            "b": "One photo is not a test set, and a peak on the object is no proof that nothing "
            "else was used.",
            "c": "A map that looks right to people is just that: guided backprop looks right for a "
            "network of random numbers.",
        },
        hints=[
            "Which sentence could be tested by somebody else?",
            "Look for the method, the layer, the class, the number of pictures.",
            "In which one could the network have failed?",
        ],
        praise="It names method, class, measure and sample, and claims nothing beyond them.",
    ),
    _bug(
        1,
        "Bug 1",
        "c",
        {
            "a": "For Grad-CAM the gradient is taken with respect to the maps of a layer, as here.",
            "b": "Weighted maps are added over the channels; that is the definition.",
            "d": "A ReLU before the sum would throw away what speaks against the class, channel by "
            "channel.",
        },
        [
            _LOOK,
            "What exactly is differentiated?",
            "Compare the line with `score` to lesson 04: logit, or something after it?",
        ],
        "A probability's gradient mixes in all other classes and vanishes where the network is "
        "sure. A well-known book's notebook and a widely used library have it.",
    ),
    _bug(
        2,
        "Bug 2",
        "b",
        {
            "a": "A grey patch is a fair choice; black would be a stronger one.",
            "c": "Patch and stride decide how fine the map is, not whether it is right.",
            "d": "One pass a position is what occlusion costs.",
        },
        [
            _LOOK,
            "Occlusion asks how far the score falls. Falls from what?",
            "What would this map show for a photo whose class has a probability of one half?",
        ],
        "A library's occlusion map is one minus the probability. A photo of which the network is "
        "unsure then glows all over.",
    ),
    _bug(
        3,
        "Bug 3",
        "d",
        {
            "a": "Twenty copies are few, but enough to see a difference; fifty is usual.",
            "b": "The gradients are averaged first and made positive afterwards: that is right.",
            "c": "Noisy pixels may leave 0..255; the paper does not cut them.",
        },
        [
            _LOOK,
            "How many pixel levels is `sigma`, and how many should it be?",
            "The paper takes a tenth to a fifth of the range of the pixels.",
        ],
        "The range stands in the denominator, and squared: the wider the range, the less noise. "
        "Here it is none, and the map is the plain gradient. A much-copied collection has it.",
    ),
    _bug(
        4,
        "Bug 4",
        "a",
        {
            "b": "For this question the gradient should reach the pixels, and it does.",
            "c": "The magnitude only loses the direction; the place is right.",
            "d": "These are logits: no softmax is in the way.",
        },
        [
            _LOOK,
            "The title names a class. Where in the cell does that class appear?",
            "What does `tf.reduce_sum` add up?",
        ],
        "It asks for all classes at once, so it answers for none. A class notebook's Guided "
        "Grad-CAM does.",
    ),
    _bug(
        5,
        "Bug 5",
        "b",
        {
            "a": "Fifty are usual, and more would not make this map what its title says.",
            "c": "One number a pixel is wanted, and shares of a score may be added.",
            "d": "Black is a choice of baseline. With grey, too, this would not be what its title "
            "says.",
        },
        [
            _LOOK,
            "What should all values of integrated gradients add up to? See lesson 05.",
            "A pixel that is black in the photo never changes on this path. What should it get?",
        ],
        "The mean gradient was never multiplied by the photo minus its baseline, so nothing adds "
        "up to the score. A library and a much-copied collection return it like this.",
    ),
]
