"""The exercises of lesson 06, adversarial examples."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, custom, function, value

_RNG = np.random.default_rng(6)
# Not square, with values next to both ends: what is swapped or goes round shows.
_PHOTO = np.array(
    [[[0, 2, 128], [250, 255, 60], [9, 9, 9]], [[7, 90, 200], [30, 248, 1], [254, 3, 77]]],
    np.uint8,
)
_GRADIENTS = [_RNG.normal(size=_PHOTO.shape) * scale for scale in (1, 0.01)]
_GRADIENTS[1][0, 1] = 0
_STEPS = [
    (_PHOTO, _GRADIENTS[0], 4, 11),
    (_PHOTO, _GRADIENTS[1], 9, 4),
    (_PHOTO, _GRADIENTS[0], 8, 5),
]
_LOGITS = [
    (np.array([2.0, 0.5, -1.0, 1.0]), 0),
    (np.array([2.0, 3.5, -1.0, 1.0]), 0),
    (np.array([0.1, 0.2, 0.3]), 1),
]
_NEAR = [
    (_PHOTO + _RNG.uniform(-30, 30, _PHOTO.shape), _PHOTO, 8),
    (_PHOTO + _RNG.uniform(-12, 12, _PHOTO.shape), _PHOTO, 3),
]
_PIXELS = [(_PHOTO, (0, 1, 10, 90, 250)), (_PHOTO, (1, 0, 255, 3, 0)), (_PHOTO, (1, 1, 4, 5, 6))]
_ANSWERS = [
    (np.array([0, 1, 2, 2, 1]), np.array([0, 1, 2, 0, 1]), np.array([3, 1, 0, 0, 1])),
    (np.array([4, 4, 1, 0]), np.array([4, 2, 1, 0]), np.array([4, 4, 3, 2])),
    (np.array([0, 3, 5, 1]), np.array([0, 2, 5, 5]), np.array([0, 3, 2, 1])),
]
_STRENGTHS = (6, 12, 24, 48, 96)  # 24 is clearly too few, 48 clearly enough


def _levels(values):
    return np.clip(values, 0, 255).astype(np.uint8)


def _moved(photo, gradient, epsilon, count, order=None):
    """The photo, float, after a step of the `count` steepest values, or of the first in `order`."""
    order = -np.abs(gradient) if order is None else order
    chosen = np.argsort(order.ravel())[:count]
    step = np.zeros(gradient.size)
    step[chosen] = epsilon * np.sign(gradient.ravel()[chosen])
    return photo + step.reshape(photo.shape)


def _step(photo, gradient, epsilon, count, order=None):
    return _levels(_moved(photo, gradient, epsilon, count, order))


def _steepest_pixels(gradient, count):
    steep = np.abs(gradient).max(axis=-1, keepdims=True)
    return steep >= np.sort(steep.ravel())[-min(count, steep.size)]


def _log_softmax(logits):
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def _softmax(logits):
    return np.exp(_log_softmax(logits))


def _project(x, original, epsilon):
    original = original.astype(np.float64)
    return np.clip(np.clip(x, original - epsilon, original + epsilon), 0, 255)


def _shortened(x, original, epsilon):
    change = x - original
    return np.clip(original + change * min(1, epsilon / np.linalg.norm(change)), 0, 255)


def _with_pixel(photo, row, column, colour):
    changed = photo.copy()
    changed[row, column] = colour
    return changed


def _rate(truth, before, after):
    return float((after != truth)[before == truth].mean())


def _number(answer):
    return float(np.asarray(answer, float).item())  # also of "48" and [48]


def _survives(net, photo, epsilon):
    """Whether a toaster of `epsilon` levels is still one after JPEG at quality 75."""
    from cnnvis_helpers import pgd, survives

    attack = pgd(net, photo, "toaster", epsilon=epsilon, steps=20)
    return survives(net, attack, qualities=[75], scales=[])[-1].success


def _is_enough(answer, net, photo):
    answer = _number(answer)
    weaker = answer / 2
    return (
        answer in _STRENGTHS
        and _survives(net, photo, int(answer))
        and (weaker not in _STRENGTHS or not _survives(net, photo, int(weaker)))
    )


EXERCISES = [
    function(
        "06-rise",
        "What should come out?",
        lambda gradient, epsilon: float(epsilon * np.abs(gradient).sum()),
        cases=[(_GRADIENTS[0], 1), (_GRADIENTS[1], 4), (np.array([[[-0.5, 0.25, 0.0]]]), 2)],
        rtol=1e-2,
        atol=1e-3,
        praise="The sizes add up, whatever the signs: no push is lost. At random, most cancel.",
        wrong=[
            (
                lambda gradient, epsilon: float(epsilon * gradient.sum()),
                "Here positive and negative slopes cancel. But FGSM moves a value *down* where its "
                "slope is negative, so this raises the loss as well.",
            ),
            (
                lambda gradient, epsilon: float(np.abs(gradient).sum()),
                "That is for a step of one level. The step is `epsilon` levels.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.abs(gradient).mean()),
                "That is the push of *one* value, on average. All values move at once: add up.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.linalg.norm(gradient)),
                "That is what a step along the slope itself would give. FGSM moves all values by "
                "the same amount.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * (gradient**2).sum()),
                "That is for a step of epsilon times the slope. FGSM moves every value by epsilon, "
                "however small its slope is.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.abs(gradient.sum())),
                "The absolute value was taken after the sum, when the slopes had already "
                "cancelled. Turn the two round.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.sign(gradient).sum()),
                "That adds up the steps. Each step changes the loss by step times slope.",
            ),
            (
                lambda gradient, epsilon: epsilon * np.abs(gradient),
                "That is what each value adds. All of them move at once: add up.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.abs(gradient).max()),
                "That is the strongest push alone. All values move at once: add up.",
            ),
            (
                lambda gradient, epsilon: float(epsilon * np.maximum(gradient, 0).sum()),
                "The negative slopes are left out. There FGSM moves the value down, and the loss "
                "rises as well.",
            ),
            (
                lambda gradient, epsilon: float(-epsilon * np.abs(gradient).sum()),
                "The size is right, but FGSM goes uphill: the loss rises.",
            ),
        ],
        hints=[
            "A value that moves by d changes the loss by d times its slope.",
            "The step is `epsilon * sign(slope)`. What is sign(slope) times slope?",
            "`np.abs(gradient)`, added up, times epsilon.",
        ],
    ),
    function(
        "06-step",
        "Must all of them move?",
        _step,
        cases=_STEPS,
        dtype="uint8",
        praise="Now `steepest_step(original, gradient, 1, 15_000)`: one level in one value of ten, "
        "and the network has lost the Egyptian cat. Few of the pushes do most of the work.",
        wrong=[
            (
                lambda photo, gradient, epsilon, count: _step(photo, gradient, epsilon, None),
                "All values move here, and `count` is not used. Find the places of the `count` "
                "largest slopes, whatever their sign.",
            ),
            (
                lambda photo, gradient, epsilon, count: (
                    _moved(photo, gradient, epsilon, count).astype(np.int64).astype(np.uint8)
                ),
                "Values below 0 or above 255 went round: as `uint8`, 258 becomes 2. Cut to 0..255 "
                "before you change the dtype.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(
                    photo, gradient, epsilon, count, order=-gradient
                ),
                "These are the *largest* slopes. A steep slope downhill is as good: sort by the "
                "absolute values.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(
                    photo, gradient, epsilon, count, order=np.abs(gradient)
                ),
                "These are the flattest places: `np.argsort` puts the smallest first.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(
                    photo, gradient, epsilon, count, order=np.arange(gradient.size)
                ),
                "These are the first `count` values of the photo. Sort the slopes by their size.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(photo, gradient, epsilon, count + 1),
                "One value too many moves.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(photo, gradient, epsilon, count - 1),
                "One value too few moves.",
            ),
            (
                lambda photo, gradient, epsilon, count: _levels(
                    photo + epsilon * np.sign(gradient) * _steepest_pixels(gradient, count)
                ),
                "Whole pixels move here, all three colours at once. `count` is a number of values.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(photo, -gradient, epsilon, count),
                "This goes downhill: the loss of the true class gets smaller and the network "
                "surer.",
            ),
            (
                lambda photo, gradient, epsilon, count: _levels(
                    photo
                    + epsilon
                    * gradient
                    * (np.abs(_moved(photo, gradient, epsilon, count) - photo) > 0)
                ),
                "This adds the slopes themselves. FGSM uses only their signs, so that every value "
                "moves by the same amount.",
            ),
            (
                lambda photo, gradient, epsilon, count: _moved(photo, gradient, epsilon, count),
                "Some values leave the range from 0 to 255, and a photo file cannot hold them.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(photo, gradient, 1, count),
                "This step is one level long. It should be `epsilon` levels.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(
                    photo, gradient, epsilon / 255, count
                ),
                "Epsilon was divided by 255. The photo is in pixel levels here, and so is epsilon.",
            ),
            (
                lambda photo, gradient, epsilon, count: _step(
                    photo, gradient, 255 * epsilon, count
                ),
                "Epsilon was multiplied by 255. It is in pixel levels already.",
            ),
            (
                lambda photo, gradient, epsilon, count: (
                    _step(photo, gradient, epsilon, count) / 255
                ),
                "These values run from 0 to 1. The photo is uint8, 0 to 255, and stays so.",
            ),
        ],
        hints=[
            "`np.argsort(-np.abs(gradient).ravel())[:count]` are the places of the steepest.",
            "Begin with a step of zeros, as long as `gradient.ravel()`, and fill in epsilon times "
            "the sign at these places.",
            "Give the step the shape of the photo, add it, then `np.clip(..., 0, 255)`, and last "
            "`.astype(np.uint8)`.",
        ],
    ),
    function(
        "06-rate",
        "The success rate",
        _rate,
        cases=_ANSWERS,
        rtol=1e-2,
        praise="Whoever counts photos that were wrong anyway reports an attack that looks "
        "stronger, or weaker, than it is.",
        wrong=[
            (
                lambda truth, before, after: float((after != truth).mean()),
                "Photos that were wrong before the attack count here. They need no attack: leave "
                "them out of the count and of the total.",
            ),
            (
                lambda truth, before, after: float((after != before).mean()),
                "This counts every changed answer, even a mistake that the attack put right.",
            ),
            (
                lambda truth, before, after: float(
                    ((after != truth) & (before == truth)).sum() / len(truth)
                ),
                "The successes are right, the total is not: divide by the photos that the network "
                "got right before.",
            ),
            (
                lambda truth, before, after: int(((after != truth) & (before == truth)).sum()),
                "That is the number of successes. Divide by the photos that were right before.",
            ),
            (
                lambda truth, before, after: float(
                    (before == truth).mean() - (after == truth).mean()
                ),
                "That is the fall in accuracy, over all photos. Look only at those that were right "
                "before.",
            ),
            (
                lambda truth, before, after: float((after == truth)[before == truth].mean()),
                "That is the share that resisted.",
            ),
            (
                lambda truth, before, after: float(
                    (after != truth).sum() / (before == truth).sum()
                ),
                "The total is right. But of the wrong answers, only those count that were right "
                "before.",
            ),
            (
                lambda truth, before, after: (after != truth)[before == truth],
                "That says for each photo whether the attack succeeded. Which share is that?",
            ),
        ],
        hints=[
            "Only photos with `before == truth` take part.",
            "Among these, a success is `after != truth`.",
            "A mask picks them: `(after != truth)[before == truth]`. Then the mean.",
        ],
    ),
    choice(
        "06-direction",
        "Which way?",
        "c",
        praise="Down the loss of the class you want, as if you trained the *photo* to be a "
        "toaster.",
        wrong={
            "a": "That leads away from the cat, but to whatever class is nearest. We want the "
            "toaster.",
            "b": "Up the toaster's loss makes the toaster *less* probable.",
            "d": "Down the cat's loss makes the network surer of the cat.",
        },
        hints=[
            "Whose probability should grow?",
            "A probability grows where its loss falls.",
            "So: the toaster's loss, downhill.",
        ],
    ),
    function(
        "06-project",
        "Bring it back",
        _project,
        cases=_NEAR,
        rtol=1e-2,
        atol=0.1,
        praise="Two clips, and however many steps came before, no value is more than epsilon away.",
        wrong=[
            (
                lambda x, original, epsilon: np.clip(x, 0, 255),
                "This keeps valid pixels only. The change may still be larger than epsilon.",
            ),
            (
                lambda x, original, epsilon: np.clip(
                    x, original.astype(float) - epsilon, original.astype(float) + epsilon
                ),
                "The change is small enough now, but some values lie outside 0..255.",
            ),
            (
                lambda x, original, epsilon: np.clip(
                    np.clip(x, original - epsilon, original + epsilon), 0, 255
                ),
                "`original` is uint8, and there 2 - 8 goes round to 250. Make it float first.",
            ),
            (
                lambda x, original, epsilon: _levels(_project(x, original, epsilon)),
                "The decimals are cut off. PGD takes steps of less than a level, so `x` stays "
                "float until the end.",
            ),
            (
                lambda x, original, epsilon: np.rint(_project(x, original, epsilon)),
                "The values were rounded. PGD takes steps of less than a level, so `x` stays float "
                "until the end.",
            ),
            (
                _shortened,
                "This shortens the change as a whole to a length of epsilon. Here each value "
                "has its own limit.",
            ),
            (
                lambda x, original, epsilon: np.clip(x - original, -epsilon, epsilon),
                "That is the change alone. Return the photo.",
            ),
            (
                lambda x, original, epsilon: np.clip(x, -epsilon, epsilon),
                "This keeps the *values* between -epsilon and epsilon. It is the distance from the "
                "original that may not be larger.",
            ),
            (
                lambda x, original, epsilon: np.where(np.abs(x - original) > epsilon, original, x),
                "Values that went too far were set back to the original. The nearest allowed place "
                "is epsilon away from it.",
            ),
        ],
        hints=[
            "Two limits for each value: epsilon around the original, and 0..255.",
            "Make the original float first, since uint8 cannot be negative.",
            "`np.clip` takes arrays as limits; use it twice.",
        ],
    ),
    custom(
        "06-jpeg",
        "Strong enough for JPEG",
        _is_enough,
        praise="Measured and not guessed. An attack that survives the web has to be so "
        "strong that you begin to see it.",
        wrong=[
            (
                lambda answer, net, photo: _number(answer) not in _STRENGTHS,
                "Take one of the five: 6, 12, 24, 48 or 96 levels.",
                2,
            ),
            (
                lambda answer, net, photo: not _survives(net, photo, int(_number(answer))),
                "Saved as JPEG 75, this photo is no toaster any more. Ask for "
                "`survives(net, attack, qualities=[75], scales=[])[-1]`, the row of the JPEG.",
                6,
            ),
            (
                lambda answer, net, photo: _survives(net, photo, int(_number(answer) / 2)),
                "This one survives, but half as many levels do, too.",
                96,
            ),
        ],
        otherwise="Give the number of levels alone.",
        hints=[
            "Predict first: the table says what becomes of 8 levels at quality 75.",
            "`survives(...)[0]` is the PNG; the JPEG is the last row. Its `success` is True if "
            "the toaster is still there.",
            "A loop over (6, 12, 24, 48, 96) that stops with `break` at the first success.",
        ],
    ),
    choice(
        "06-transfer",
        "Read the table",
        "c",
        praise="Plain noise of the same size tips SqueezeNet over as well. Without the "
        "control it would have looked like a success.",
        wrong={
            "a": "Look at the row below: what does mere noise of the same size do?",
            "b": "One photo cannot say that, and Lite0 was fooled on all three. Look at the row "
            "of the noise.",
            "d": "An attack may well fool one network and not another. What does the row of the "
            "noise say?",
        },
        hints=[
            "A success has to be compared with something. With what?",
            "Compare the rows 'attack' and 'noise' of Chelsea, in SqueezeNet's column.",
            "Both rows say tiger cat.",
        ],
    ),
    function(
        "06-pixel",
        "One pixel set",
        lambda photo, candidate: _with_pixel(photo, *candidate[:2], candidate[2:]),
        cases=_PIXELS,
        dtype="uint8",
        praise="Those five numbers are all that the search may choose.",
        wrong=[
            (
                lambda photo, candidate: _with_pixel(photo, *candidate[:2], candidate[:1:-1]),
                "Place right, colours turned round: red comes first.",
            ),
            (
                lambda photo, candidate: _with_pixel(
                    photo.transpose(1, 0, 2), *candidate[:2], candidate[2:]
                ).transpose(1, 0, 2),
                "Row and column are exchanged: an array is asked for `[row, column]`.",
            ),
            (
                lambda photo, candidate: _with_pixel(
                    photo, *candidate[:2], np.add(photo[candidate[:2]], candidate[2:]) % 256
                ),
                "The colour was added to the pixel. It takes the pixel's place.",
            ),
            (
                lambda photo, candidate: _with_pixel(
                    photo, candidate[0] - 1, candidate[1] - 1, candidate[2:]
                ),
                "This counts rows and columns from 1. They start at 0, as in Python.",
            ),
            (
                lambda photo, candidate: _with_pixel(
                    photo, candidate[0], slice(None), candidate[2:]
                ),
                "A whole row has the colour. Give the column as well.",
            ),
        ],
        hints=[
            "Copy first: `photo.copy()`. The caller still needs the photo as it was.",
            "`row, column, *colour = candidate` takes the candidate apart.",
            "One assignment does it: `changed[row, column] = colour`.",
        ],
    ),
    value(
        "06-levels",
        "Epsilon in levels",
        12.75,
        atol=0.02,
        praise="More than six times our two levels, and easy to see. Always ask for the unit.",
        wrong=[
            (
                lambda answer: isinstance(answer, str) and "," in answer,
                "Python writes decimals with a point, not with a comma.",
                "12,75",
            ),
            (1275, "You divided by epsilon. How many levels is *one* unit, and how many is 0.1?"),
            (25.5, "That would be right for inputs from 0 to 1. How long is the way from -1 to 1?"),
            (0.1, "That is the step in the network's own units; levels go from 0 to 255."),
            (51.0, "You multiplied by the length of the range; divide by it."),
            (
                25.6,
                "That is for inputs from 0 to 1, and from 0 to 255 there are 255 steps, not 256.",
            ),
            (12.7, "That is cut to one decimal. Leave all of them."),
            (127.5, "That is one unit of the network's input. How much is epsilon of it?"),
            (12.8, "That is rounded, or it counts 256 levels. From 0 to 255 there are 255 steps."),
            (0.05, "That is the share of the range. How many of 255 levels is it?"),
            (5.0, "That is a percentage of the range. How many of 255 levels is it?"),
            (12.0, "That is cut to a whole number. Leave the decimals."),
            (13.0, "That is rounded to a whole number. Leave the decimals."),
        ],
        hints=[
            "The range of the input, from -1 to 1, is 2 units long.",
            "These 2 units stand for 255 levels.",
            "So one unit is `255 / 2` levels.",
        ],
    ),
    function(
        "06-loss",
        "The loss",
        lambda logits, label: float(-_log_softmax(logits)[label]),
        cases=_LOGITS,
        rtol=1e-2,
        atol=1e-3,
        praise="The logarithm makes a sure mistake very expensive: p = 0.001 costs 6.9, "
        "p = 0.5 only 0.7.",
        wrong=[
            (
                lambda logits, label: float(-_log_softmax(logits).max()),
                "This is the loss of the class that the network *predicts*. Where the network is "
                "wrong, that is another one. Use `label`.",
            ),
            (
                lambda logits, label: float(-_log_softmax(logits).sum()),
                "This adds up all classes. The loss looks at the true class alone.",
            ),
            (
                lambda logits, label: float(_softmax(logits)[label]),
                "That is the probability. The loss is minus its logarithm.",
            ),
            (
                lambda logits, label: float(1 - _softmax(logits)[label]),
                "1 - p is also large where the network is wrong, but the cross-entropy takes "
                "minus the logarithm of p.",
            ),
            (
                lambda logits, label: float(_log_softmax(logits)[label]),
                "The sign is missing: a loss is large where the probability is small.",
            ),
            (
                lambda logits, label: float(-_log_softmax(_softmax(logits))[label]),
                "The softmax was applied twice. Published code does this when it hands "
                "probabilities to a loss that expects logits.",
            ),
            (
                lambda logits, label: float(-np.log10(_softmax(logits)[label])),
                "That is the logarithm to base 10. The cross-entropy takes the natural one, "
                "`np.log`.",
            ),
            (
                lambda logits, label: float(-logits[label]),
                "That is the negative logit. The softmax is missing: the other classes count too.",
            ),
            (
                lambda logits, label: float(-np.log(logits[label] / logits.sum())),
                "These are shares of the logits. The softmax takes `np.exp` of each first.",
            ),
            (
                lambda logits, label: -_log_softmax(logits),
                "That is the loss of every class. Take the one of `label`.",
            ),
            (
                lambda logits, label: float(-_softmax(logits)[label]),
                "That is minus the probability. The logarithm is missing.",
            ),
            (
                lambda logits, label: float(-np.log2(_softmax(logits)[label])),
                "That is the logarithm to base 2. The cross-entropy takes the natural one, "
                "`np.log`.",
            ),
            (
                lambda logits, label: float(-(_softmax(logits) * _log_softmax(logits)).sum()),
                "That is the entropy: it adds up all classes. The loss looks at the true class "
                "alone.",
            ),
        ],
        hints=[
            "First probabilities: `exp(logits)` divided by its sum.",
            "The cross-entropy is minus the logarithm of one probability. Of which class?",
            "`-np.log(probabilities[label])`, with `label` and not `logits.argmax()`.",
        ],
    ),
]
