"""The exercises of lesson 05, saliency."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(5)


def _bent(x):
    return float((x**2).sum() + 3 * x.ravel()[0] + np.sin(x).sum())


def _cubic(x):
    return float((x**3).sum() / 10 - x.prod())


_SLOPES = [
    (_bent, _RNG.normal(size=(2, 3)), (1, 2), 0.5),
    (_cubic, _RNG.normal(1.0, 1.0, size=(2, 2, 3)), (0, 1, 2), 0.25),
    (_bent, np.array([2.0, -1.0]), (0,), 2.0),
]
_GRADIENTS = [
    (np.array([[[1.0, -3.0, 1.0], [0.5, 0.2, -0.1]]]),),
    (_RNG.normal(size=(4, 5, 3)),),
    (-_RNG.exponential(size=(3, 4, 3)),),
]
_COPIES = [
    (_RNG.uniform(0, 255, size=(2, 3, 3)), _RNG.normal(size=(4, 2, 3, 3)), 0.15),
    (_RNG.uniform(90, 130, size=(3, 2, 3)), _RNG.normal(size=(2, 3, 2, 3)), 0.2),
    (np.array([[[0.0, 0.25, 1.0]]]), _RNG.normal(size=(3, 1, 1, 3)), 0.1),
]
_BATCHES = [
    (np.array([[[[2.0, -1.0, 0.0]]], [[[-2.0, -1.0, 1.0]]]]),),
    (_RNG.normal(size=(6, 3, 4, 3)),),
    (_RNG.normal(0.5, 2.0, size=(3, 2, 5, 3)),),
]
_PATHS = [
    (
        _RNG.uniform(0, 255, size=(3, 2, 3)),
        np.full((3, 2, 3), level),
        _RNG.normal(size=(count, 3, 2, 3)),
    )
    for level, count in ((0.0, 4), (127.5, 5), (255.0, 3))
]


def _difference(score, x, place, above, below):
    ends = []
    for step in (above, below):
        moved = x.copy()
        moved[place] += step
        ends.append(score(moved))
    return ends[0] - ends[1]


def _slope(score, x, place, step):
    return _difference(score, x, place, step, -step) / (2 * step)


def _endpoints(net, photo, level=127.5):
    """Logits of photo and even baseline, and the top class's score vector."""
    pixels = net.prepare(photo)
    logits = net.logits(np.concatenate([pixels, np.full_like(pixels, level)])).numpy()
    return logits, net.score_vector(None, logits[0])


def _rise(net, photo, level=127.5):
    logits, vector = _endpoints(net, photo, level)
    return float((logits[0] - logits[1]) @ vector)


def _score(net, photo):
    logits, vector = _endpoints(net, photo)
    return float(logits[0] @ vector)


def _probability_rise(net, photo):
    logits, _ = _endpoints(net, photo)
    photo_row, grey_row = net.probabilities(logits)
    return float(photo_row.max() - grey_row[photo_row.argmax()])


EXERCISES = [
    function(
        "05-slope",
        "Check a slope",
        _slope,
        cases=_SLOPES,
        rtol=1e-5,
        wrong=[
            (
                lambda score, x, place, step: _difference(score, x, place, step, -step) / step,
                "From `step` below to `step` above is a way of two steps: this slope is twice too "
                "large.",
            ),
            (
                lambda score, x, place, step: _difference(score, x, place, step, 0) / step,
                "This goes one step up from `x` alone. It is a slope too, but a central difference "
                "looks both ways, and is exact to one order more.",
            ),
            (
                lambda score, x, place, step: _difference(score, x, place, step, -step),
                "This is how far the score changes, not yet how far for each unit of `x`.",
            ),
            (
                lambda score, x, place, step: -_slope(score, x, place, step),
                "The sign is turned round: a score that grows with `x` has a positive slope.",
            ),
        ],
        hints=[
            "Make two copies of `x` with `x.copy()`, and change `copy[place]` in each.",
            "The slope is the change of the score divided by the change of `x[place]`.",
            "The two copies are `2 * step` apart.",
        ],
    ),
    function(
        "05-colours",
        "Three become one",
        lambda gradient: np.abs(gradient).max(axis=-1),
        cases=_GRADIENTS,
        wrong=[
            (
                lambda gradient: gradient.max(axis=-1),
                "This is the largest slope, not the largest magnitude: a slope of -3 is stronger "
                "than one of 1.",
            ),
            (
                lambda gradient: np.abs(gradient.sum(axis=-1)),
                "Here the colours were added up first, so that red and green can cancel.",
            ),
            (
                lambda gradient: np.abs(gradient).mean(axis=-1),
                "This is the mean of the magnitudes: another choice, another picture.",
            ),
            (
                lambda gradient: np.abs(gradient).sum(axis=-1),
                "This is the sum of the magnitudes: another choice, another picture.",
            ),
            (
                lambda gradient: np.abs(gradient.max(axis=-1)),
                "The magnitude was taken last, when the maximum had already thrown out the "
                "strongly negative slopes.",
            ),
        ],
        hints=[
            "Two steps: magnitudes, then one number of three. Their order matters.",
            "`np.abs` gives magnitudes; the colours are the last axis, `axis=-1`.",
            "`np.abs(gradient)` has a method `max`.",
        ],
    ),
    function(
        "05-noise",
        "Noisy copies",
        lambda pixels, draws, fraction: pixels + fraction * (pixels.max() - pixels.min()) * draws,
        cases=_COPIES,
        wrong=[
            (
                lambda pixels, draws, fraction: pixels + fraction * draws,
                "Here `fraction` itself is the standard deviation, in pixel levels. Several "
                "libraries do that; on pixels 0..255 it is hardly any noise.",
            ),
            (
                lambda pixels, draws, fraction: (
                    pixels + fraction / (pixels.max() - pixels.min()) * draws
                ),
                "The range is divided by, so that a photo of high contrast gets the least noise. "
                "A published library has this upside down.",
            ),
            (
                lambda pixels, draws, fraction: (
                    pixels + (fraction / (pixels.max() - pixels.min())) ** 2 * draws
                ),
                "The range is divided by, and the result squared, as if the variance were asked "
                "for. A published program does both. Multiply `draws` by the deviation itself.",
            ),
            (
                lambda pixels, draws, fraction: pixels + fraction * 255 * draws,
                "255 is the largest range that a photo can have, not the range of this one.",
            ),
            (
                lambda pixels, draws, fraction: pixels + fraction * pixels.max() * draws,
                "The largest value is not the range: a pale photo has large values and a small "
                "range.",
            ),
            (
                lambda pixels, draws, fraction: np.clip(
                    pixels + fraction * (pixels.max() - pixels.min()) * draws, 0, 255
                ),
                "The copies were cut to 0..255. Then the noise no longer averages out at light and "
                "dark pixels; here they may leave the range.",
            ),
        ],
        hints=[
            "First the standard deviation in pixel levels, one number for the whole photo.",
            "The range is `pixels.max() - pixels.min()`.",
            "A standard normal number times `deviation` has that standard deviation; NumPy adds "
            "`pixels` to each of the `n` draws by itself.",
        ],
    ),
    function(
        "05-mean",
        "SmoothGrad's mean",
        lambda gradients: np.abs(gradients.mean(axis=0)).max(axis=-1),
        cases=_BATCHES,
        wrong=[
            (
                lambda gradients: np.abs(gradients).mean(axis=0).max(axis=-1),
                "This averages magnitudes, as one library does: opposite signs cannot cancel, so "
                "the noise stays as a grey veil.",
            ),
            (
                lambda gradients: (gradients**2).mean(axis=0).max(axis=-1),
                "This averages squares, which a paper's own program has as its default. It is "
                "another method, SmoothGrad-Squared.",
            ),
            (
                lambda gradients: np.abs(gradients.sum(axis=0)).max(axis=-1),
                "This is a sum: it would grow with the number of copies.",
            ),
            (
                lambda gradients: gradients.mean(axis=0).max(axis=-1),
                "The mean is right. Then comes the largest *magnitude*, not the largest value.",
            ),
            (
                lambda gradients: np.abs(gradients).max(axis=-1).mean(axis=0),
                "Each copy was made a map of magnitudes first, and the maps averaged. What is "
                "averaged in the paper?",
            ),
        ],
        hints=[
            "Average over the copies while the slopes still have their signs.",
            "The copies are the first axis, `axis=0`; the colours are the last.",
            "Mean over axis 0, then `np.abs`, then the maximum over axis -1.",
        ],
    ),
    function(
        "05-shares",
        "Integrated gradients",
        lambda x, baseline, gradients: (x - baseline) * gradients.mean(axis=0),
        cases=_PATHS,
        wrong=[
            (
                lambda x, baseline, gradients: gradients.mean(axis=0),
                "This is the mean slope on the way. Two published programs stop here; their maps "
                "have no sum that means anything.",
            ),
            (
                lambda x, baseline, gradients: x * gradients.mean(axis=0),
                "This multiplies by the photo itself, as if the baseline were always black.",
            ),
            (
                lambda x, baseline, gradients: (baseline - x) * gradients.mean(axis=0),
                "The way leads from the baseline to the photo; here it is walked backwards.",
            ),
            (
                lambda x, baseline, gradients: (
                    (x - baseline) * gradients.sum(axis=0) / (len(gradients) - 1)
                ),
                "The slopes were divided by one less than their number. A published program adds "
                "up N + 1 of them and divides by N.",
            ),
            (
                lambda x, baseline, gradients: (
                    (x - baseline) * ((gradients[1:] + gradients[:-1]) / 2).mean(axis=0)
                ),
                "That is the trapezoid rule, for places that include both ends. These lie in the "
                "middles of the steps: a plain mean.",
            ),
            (
                lambda x, baseline, gradients: (x - baseline) * gradients.sum(axis=0),
                "The slopes are added up but not divided by their number: the shares would grow "
                "with the number of steps.",
            ),
            (
                lambda x, baseline, gradients: 127.5 * (x - baseline) * gradients.mean(axis=0),
                "This is 127.5 times too large: slopes of one scale times differences of another. "
                "A published tutorial does it. Both must be in pixel levels.",
            ),
            (
                lambda x, baseline, gradients: (x - baseline) * gradients[-1],
                "This takes the last gradient alone, the one next to the photo, where the score "
                "may be saturated.",
            ),
        ],
        hints=[
            "The integral over the way is the mean of the slopes that were taken on it.",
            "`gradients.mean(axis=0)` has the shape of `x`.",
            "Each number's share is its own difference to the baseline times its mean slope.",
        ],
    ),
    value(
        "05-total",
        "What must come out?",
        _rise,
        rtol=1e-3,
        wrong=[
            (
                _score,
                "This is the logit of the photo. The grey picture has a logit too, and the shares "
                "start from there.",
            ),
            (
                lambda net, photo: -_rise(net, photo),
                "The sign is turned round: the rise goes from the baseline to the photo.",
            ),
            (
                lambda net, photo: _rise(net, photo, 0.0),
                "This is the rise from black. The baseline of this question is `grey`.",
            ),
            (
                _probability_rise,
                "This is a difference of probabilities. Two published tutorials share out that "
                "one; the score of this course is the logit, before the softmax.",
            ),
            (
                lambda net, photo: 127.5 * _rise(net, photo),
                "This is 127.5 times too large: what a sum of shares gives when slopes and pixels "
                "have different scales. Take two logits and no gradient.",
            ),
        ],
        hints=[
            "Completeness says it: the shares add up to a difference of two scores.",
            "`net.logits` takes a batch `(n, h, w, 3)`; `net.prepare(photo)` has the right shape.",
            "The logit of class `best.index` for the photo, minus that for `grey`.",
        ],
    ),
    choice(
        "05-pretty",
        "A beautiful map",
        "b",
        wrong={
            "a": "The map looks the same for every class, so it cannot say that this class was "
            "seen. What do the two drawings have in common?",
            "c": "Clear lines are how the method draws. If the same lines come for a class that is "
            "not in the photo, can they be the reason for the class?",
            "d": "The network's answers are fine. It is the drawing that hardly depends on the "
            "class.",
        },
        hints=[
            "Which part of the input of the method was changed, and what changed in the drawing?",
            "Only the class was changed, and the drawing stayed.",
            "What stayed the same in both runs is the photo.",
        ],
    ),
]
