"""The exercises of lesson 05, saliency."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(5)


def _bent(x):
    return float((x**2).sum() + 3 * x.ravel()[0] + np.sin(x).sum())


def _cubic(x):
    return float((x**3).sum() / 10 - x.prod())


_SLOPES = [  # of both signs: a magnitude is not a slope
    (_bent, np.array([-4.0, 1.0, 0.5]), (0,), 0.5),
    (_bent, _RNG.normal(size=(2, 3)), (1, 2), 0.5),
    (_cubic, _RNG.normal(1.0, 1.0, size=(2, 2, 3)), (0, 1, 2), 0.25),
    (_bent, np.array([2.0, -1.0]), (0,), 2.0),
]
_GRADIENTS = [
    (np.array([[[1.0, -3.0, 1.0], [0.5, 0.2, -0.1]]]),),
    (_RNG.normal(size=(4, 5, 3)),),
    (-_RNG.exponential(size=(3, 4, 3)),),
]
_BATCHES = [
    (np.array([[[[2.0, -1.0, 0.0]]], [[[-2.0, -1.0, 1.0]]]]),),
    (_RNG.normal(size=(6, 3, 4, 3)),),
    (_RNG.normal(0.5, 2.0, size=(3, 2, 5, 3)),),
]
_RELUS = [(_RNG.normal(size=(3, 4)), _RNG.normal(size=(3, 4))) for _ in range(2)]
_PATHS = [
    (
        _RNG.uniform(0, 255, size=(3, 2, 3)),
        np.full((3, 2, 3), level),
        _RNG.normal(size=(count, 3, 2, 3)),
    )
    for level, count in ((0.0, 4), (127.5, 5), (255.0, 3))
]


def _moved(x, place, step):
    moved = x.copy()
    moved[place] += step
    return moved


def _difference(score, x, place, above, below):
    return score(_moved(x, place, above)) - score(_moved(x, place, below))


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
        rtol=1e-2,
        atol=1e-2,
        praise="Two scores check any gradient; this is how those of the course were tested.",
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
                lambda score, x, place, step: _difference(score, x, place, 0, -step) / step,
                "This goes one step down from `x` alone. Look both ways: one step up, one step "
                "down.",
            ),
            (
                lambda score, x, place, step: (score(x + step) - score(x - step)) / (2 * step),
                "The whole array was moved. Change `x[place]` alone.",
            ),
            (
                lambda score, x, place, step: (
                    score(_moved(x, place, step)) - score(_moved(x, place, -step)) / (2 * step)
                ),
                "Python divides first, so only the second score was divided. Put the difference in "
                "brackets.",
            ),
            (
                lambda score, x, place, step: (
                    _difference(score, x, place, step / 2, -step / 2) / step
                ),
                "These two places are half a step away from `x`. Go a whole `step` each way.",
            ),
            (
                lambda score, x, place, step: -_slope(score, x, place, step),
                "The sign is turned round: a score that grows with `x` has a positive slope.",
            ),
            (
                lambda score, x, place, step: abs(_slope(score, x, place, step)),
                "This is the magnitude. A score that falls has a negative slope: keep the sign.",
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
        praise="Magnitude first, maximum second: other orders, other pictures.",
        wrong=[
            (
                lambda gradient: gradient.max(axis=-1),
                "This is the largest slope, not the largest magnitude: a slope of -3 is stronger "
                "than one of 1.",
            ),
            (
                lambda gradient: np.abs(gradient).max(axis=0),
                "This is the maximum over the rows. The colours are the last axis.",
            ),
            (
                lambda gradient: np.abs(gradient).max(),
                "That is one number for the photo. Take the maximum over the colours only.",
            ),
            (
                lambda gradient: np.abs(gradient).max(axis=-1, keepdims=True),
                "The right numbers, with an axis of length 1 left at the end. Leave `keepdims` "
                "out: a map has two axes.",
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
                lambda gradient: np.linalg.norm(gradient, axis=-1),
                "This is the length of the three slopes together, the root of the sum of their "
                "squares. The paper takes the largest magnitude of the three.",
            ),
            (
                lambda gradient: (gradient**2).max(axis=-1),
                "These are the squares of the magnitudes.",
            ),
            (
                lambda gradient: np.take_along_axis(
                    gradient, np.abs(gradient).argmax(axis=-1)[..., None], axis=-1
                )[..., 0],
                "The right slope of the three, but with its sign. A magnitude has none.",
            ),
            (
                lambda gradient: np.abs(gradient).argmax(axis=-1),
                "This says *which* colour has the largest magnitude. Return the magnitude.",
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
        "05-mean",
        "SmoothGrad's mean",
        lambda gradients: np.abs(gradients.mean(axis=0)).max(axis=-1),
        cases=_BATCHES,
        rtol=1e-2,
        atol=1e-3,
        praise="Signs cancel only as long as you keep them; that is the idea of SmoothGrad.",
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
            (
                lambda gradients: np.abs(gradients.mean(axis=0)).mean(axis=-1),
                "The mean over the copies is right. Of the three colours take the largest "
                "magnitude, as in the saliency map above.",
            ),
            (
                lambda gradients: np.abs(gradients.mean(axis=0)).sum(axis=-1),
                "The mean over the copies is right, but then the three colours were added up. Take "
                "the largest magnitude of them, as in the saliency map above.",
            ),
            (
                lambda gradients: np.abs(gradients.mean(axis=0)),
                "The mean over the copies is right, but there are still three numbers a pixel.",
            ),
            (
                lambda gradients: np.abs(gradients.mean(axis=-1)).max(axis=0),
                "The two axes are exchanged: the mean is over the copies, axis 0, and the maximum "
                "over the colours, axis -1.",
            ),
            (
                lambda gradients: np.abs(gradients).max(axis=(0, -1)),
                "This is the largest magnitude in any copy. Where is the mean?",
            ),
        ],
        hints=[
            "Average over the copies while the slopes still have their signs.",
            "The copies are the first axis, `axis=0`; the colours are the last.",
            "Mean over axis 0, then `np.abs`, then the maximum over axis -1.",
        ],
    ),
    value(
        "05-quarter",
        "Too much noise",
        0.15,
        atol=1e-3,
        praise="In the middle of the usual advice, this network has lost the cat already. Ask it "
        "before you explain it.",
        wrong=[
            (
                lambda answer: isinstance(answer, str) and "," in answer,
                "Python writes decimals with a point, not with a comma.",
                "0,15",
            ),
            (15, "That is a percentage. Give the fraction of the range."),
            (0.1, "Here about a third is left. Take the mean over ten copies, not the worst one."),
            (0.05, "Here more than half is left. Is `sigma` the fraction times the range?"),
            (0.2, "Below a quarter, yes, but a smaller one of the five is, too."),
            (0.3, "That is the largest of the five. How far down can you go?"),
            (
                lambda answer: answer not in (0.05, 0.1, 0.15, 0.2, 0.3),
                "Give the noise, one of the five fractions, and not the probability it leaves.",
                0.24,
            ),
        ],
        hints=[
            "The noise has a standard deviation of fraction times `np.ptp(pixels)`.",
            "`pixels + noise` with noise of the shape (10, 224, 224, 3), as `np.float32`.",
            "A loop over the five fractions that prints the mean probability of each.",
        ],
    ),
    function(
        "05-shares",
        "Integrated gradients",
        lambda x, baseline, gradients: (x - baseline) * gradients.mean(axis=0),
        cases=_PATHS,
        rtol=1e-2,
        atol=1e-3,
        praise="Mean slope times distance: a climb, shared out.",
        wrong=[
            (
                lambda x, baseline, gradients: gradients.mean(axis=0),
                "This is the mean slope on the way. Two published programs stop here; their maps "
                "have no sum that means anything.",
            ),
            (
                lambda x, baseline, gradients: np.abs((x - baseline) * gradients.mean(axis=0)),
                "These are magnitudes. Shares have signs, else they do not add up to the climb.",
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
                "Here neighbours were averaged first, so the two ends count half. Every place "
                "counts alike: a plain mean.",
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
            (
                lambda x, baseline, gradients: ((x - baseline) * gradients.mean(axis=0)).sum(),
                "This is the sum of all shares. Return the shares: one for each number of `x`.",
            ),
            (
                lambda x, baseline, gradients: ((x - baseline) * gradients.mean(axis=0)).sum(
                    axis=-1
                ),
                "The shares of the three colours were added up. Return all three.",
            ),
            (
                lambda x, baseline, gradients: (x - baseline) * np.abs(gradients).mean(axis=0),
                "The slopes lost their signs. Where the score falls on the way, the share counts "
                "against it.",
            ),
            (
                lambda x, baseline, gradients: np.abs(x - baseline) * gradients.mean(axis=0),
                "The distance lost its sign. A number may well be smaller than the baseline's.",
            ),
            (
                lambda x, baseline, gradients: (x - baseline) * gradients,
                "These are the steps of the way, one by one. Take the mean over them, axis 0.",
            ),
            (
                lambda x, baseline, gradients: x - baseline * gradients.mean(axis=0),
                "Python multiplies first. Put `x - baseline` in brackets.",
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
        praise="The difference of two scores. The grey picture has a score as well, and "
        "the shares start there.",
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
                lambda net, photo: _score(net, photo) - _rise(net, photo),
                "This is the logit of the grey picture. How far is it from there to the photo's?",
            ),
            (
                lambda net, photo: 2 * _score(net, photo) - _rise(net, photo),
                "The two logits were added. A climb is their difference.",
            ),
            (
                lambda net, photo: float(np.subtract(*_endpoints(net, photo)[0].max(axis=-1))),
                "These are the largest logits of both, and for grey that is another class. Follow "
                "the cat.",
            ),
            (
                lambda net, photo: np.subtract(*_endpoints(net, photo)[0]),
                "These are the differences of all classes. One is wanted, that of the cat.",
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
            "The logit of class `cat` for the photo, minus that for `grey`.",
        ],
    ),
    choice(
        "05-pretty",
        "A beautiful map",
        "b",
        praise="A picture that is the same for every class is a reason for none of them.",
        wrong={
            "a": "The drawing shows a cat, not a toaster. What do the two drawings have in common?",
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
    choice(
        "05-tower",
        "The tower that is minus a cat",
        "c",
        praise="A softmax compares. Its slopes speak of the strongest class, whichever you ask "
        "for.",
        wrong={
            "a": "There is no tower in this photo; toaster and lynx give nearly the same map.",
            "b": "A correlation of 0.91 over 150528 numbers is no chance.",
            "d": "It has: the last line above prints the largest of them. They are just not what "
            "you asked for.",
        },
        hints=[
            "What do the probabilities of all classes add up to?",
            "Which class holds most of the probability here?",
            "If the cat loses, all others gain.",
        ],
    ),
    function(
        "05-relu",
        "A guided ReLU",
        lambda x, slope: slope * (x > 0) * (slope > 0),
        cases=_RELUS,
        rtol=1e-2,
        atol=1e-3,
        praise="Two gates: the plain ReLU's, and one for the sign of the slope. What speaks "
        "against anything is gone.",
        wrong=[
            (
                lambda x, slope: slope * (x > 0),
                "That is the plain ReLU. The guided one also drops negative slopes.",
            ),
            (
                lambda x, slope: np.maximum(slope, 0),
                "That is the deconvnet's rule: it forgets where `x` was positive.",
            ),
            (
                lambda x, slope: np.abs(slope) * (x > 0),
                "Negative slopes are dropped, not made positive.",
            ),
            (
                lambda x, slope: (x > 0) * (slope > 0) * 1.0,
                "This says where a slope passes. Pass the slope itself on.",
            ),
            (
                lambda x, slope: np.maximum(x, 0) * np.maximum(slope, 0),
                "Here the slope is multiplied by `x`. It only matters *whether* x is positive.",
            ),
            (
                lambda x, slope: x * slope * (x > 0),
                "Here the slope is multiplied by `x`, and negative slopes still pass.",
            ),
            (
                lambda x, slope: slope * ((x > 0) | (slope > 0)),
                "A slope passes here if *either* is positive. Both have to be.",
            ),
            (
                lambda x, slope: np.maximum(x, 0),
                "That is the way forward, of `x`. What comes back is the slope.",
            ),
        ],
        hints=[
            "Start with the plain ReLU: `slope * (x > 0)`.",
            "Guided means a second condition, on the slope.",
            "Multiply by `(slope > 0)` as well.",
        ],
    ),
]
