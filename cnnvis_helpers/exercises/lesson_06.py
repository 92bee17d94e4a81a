"""The exercises of lesson 06, adversarial examples."""

import numpy as np

from cnnvis_helpers.exercises.kinds import function, value

_RNG = np.random.default_rng(6)
_PHOTO = np.array([[[0, 2, 128], [250, 255, 60]], [[7, 90, 200], [30, 248, 1]]], np.uint8)
_GRADIENTS = [(_RNG.normal(size=(2, 2, 3)) * scale).astype(np.float32) for scale in (1, 0.01)]
_GRADIENTS[1][0, 1] = 0
_STEPS = [(_PHOTO, _GRADIENTS[0], 4), (_PHOTO, _GRADIENTS[1], 9)]
_LOGITS = [
    (np.array([2.0, 0.5, -1.0, 1.0]), 0),
    (np.array([2.0, 3.5, -1.0, 1.0]), 0),
    (np.array([0.1, 0.2, 0.3]), 1),
]
_BALL = [
    (_PHOTO + _RNG.uniform(-30, 30, _PHOTO.shape), _PHOTO, 8),
    (_PHOTO + _RNG.uniform(-12, 12, _PHOTO.shape), _PHOTO, 3),
]
_PIXELS = [(_PHOTO, (0, 1, 10, 90, 250)), (_PHOTO, (1, 0, 255, 3, 0))]
_ANSWERS = [
    (np.array([0, 1, 2, 2, 1]), np.array([0, 1, 2, 0, 1]), np.array([3, 1, 0, 0, 1])),
    (np.array([4, 4, 1, 0]), np.array([4, 2, 1, 0]), np.array([4, 4, 3, 2])),
    (np.array([0, 3, 5, 1]), np.array([0, 2, 5, 5]), np.array([0, 3, 2, 1])),
]


def _levels(values):
    return np.clip(values, 0, 255).astype(np.uint8)


def _step(photo, gradient, epsilon):
    return _levels(photo + epsilon * np.sign(gradient))


def _wrapped(photo, gradient, epsilon):
    return (photo + epsilon * np.sign(gradient)).astype(np.int64).astype(np.uint8)


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


def _bounds(height, width):
    return [(0, height - 1), (0, width - 1), (0, 255), (0, 255), (0, 255)]


def _with_pixel(photo, row, column, colour):
    changed = photo.copy()
    changed[row, column] = colour
    return changed


def _rate(truth, before, after):
    return float((after != truth)[before == truth].mean())


EXERCISES = [
    function(
        "06-step",
        "One step of FGSM",
        _step,
        cases=_STEPS,
        dtype="uint8",
        wrong=[
            (
                _wrapped,
                "Values below 0 or above 255 went round: as `uint8`, 258 becomes 2. Cut to 0..255 "
                "before you change the dtype.",
            ),
            (
                lambda photo, gradient, epsilon: _levels(photo + epsilon * gradient),
                "This adds the gradient itself. FGSM uses only its sign, so that every value "
                "moves by the same amount.",
            ),
            (
                lambda photo, gradient, epsilon: _levels(photo - epsilon * np.sign(gradient)),
                "This goes downhill: the loss of the true class gets smaller and the network more "
                "sure. Which way should the loss go?",
            ),
            (
                lambda photo, gradient, epsilon: _levels(photo + epsilon / 255 * np.sign(gradient)),
                "Epsilon was divided by 255. The photo is in pixel levels here, and so is epsilon.",
            ),
            (
                lambda photo, gradient, epsilon: _levels(photo + 255 * epsilon * np.sign(gradient)),
                "Epsilon was multiplied by 255. It is in pixel levels already.",
            ),
        ],
        hints=[
            "The size of the gradient does not matter, only its sign.",
            "Add epsilon times the sign to the photo, as numbers that may leave 0..255.",
            "Then `np.clip(..., 0, 255)`, and last `.astype(np.uint8)`.",
        ],
    ),
    value(
        "06-levels",
        "Epsilon in pixel levels",
        12.75,
        atol=0.02,
        wrong=[
            (
                25.5,
                "That would be right for inputs from 0 to 1. How long is the way from -1 to 1?",
            ),
            (0.1, "That is the step in the network's own units; pixel levels go from 0 to 255."),
            (51.0, "You multiplied by the length of the range; divide by it."),
            (0.05, "That is the share of the whole range. How many of 255 levels is it?"),
            (12.0, "That is cut to a whole number. Leave the decimals."),
        ],
        hints=[
            "The range of the input, from -1 to 1, is 2 units long.",
            "These 2 units stand for 255 levels.",
            "So one unit is `255 / 2` levels.",
        ],
    ),
    function(
        "06-loss",
        "The loss to raise",
        lambda logits, label: float(-_log_softmax(logits)[label]),
        cases=_LOGITS,
        wrong=[
            (
                lambda logits, label: float(-_log_softmax(logits).max()),
                "This is the loss of the class that the network *predicts*. Where it is wrong "
                "already, such an attack pushes it back towards the truth. Use `label`.",
            ),
            (
                lambda logits, label: float(_softmax(logits)[label]),
                "That is a probability. Its gradient vanishes where the network is sure; the loss "
                "is made of its logarithm.",
            ),
            (
                lambda logits, label: float(_log_softmax(logits)[label]),
                "The sign is missing: a loss is large where the probability is small.",
            ),
            (
                lambda logits, label: float(-_log_softmax(_softmax(logits))[label]),
                "Softmax was applied twice. Published code does this when it hands probabilities "
                "to a loss that expects logits.",
            ),
            (
                lambda logits, label: float(-logits[label]),
                "That is the negative logit. The other classes' logits belong into a "
                "cross-entropy, too.",
            ),
        ],
        hints=[
            "First probabilities: `exp(logits)` divided by its sum.",
            "The cross-entropy is minus the logarithm of one probability. Of which class?",
            "`-np.log(probabilities[label])`, with `label` and not `logits.argmax()`.",
        ],
    ),
    function(
        "06-project",
        "Back into the ball",
        _project,
        cases=_BALL,
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
                lambda x, original, epsilon: np.clip(x, original - epsilon, original + epsilon),
                "`original` is uint8, and 2 - 8 is 250 there. Make it float before you subtract.",
            ),
            (
                _shortened,
                "This shortens the whole change to a Euclidean length of epsilon. Here each value "
                "has its own limit.",
            ),
            (
                lambda x, original, epsilon: np.clip(x - original, -epsilon, epsilon),
                "That is the change alone. Return the photo.",
            ),
        ],
        hints=[
            "Two limits for each value: epsilon around the original, and 0..255.",
            "Make the original float first, since uint8 cannot be negative.",
            "`np.clip` takes arrays as limits; use it twice.",
        ],
    ),
    function(
        "06-bounds",
        "Where a pixel may be",
        _bounds,
        cases=[(32, 32), (128, 96)],
        wrong=[
            (
                lambda height, width: [(0, height), (0, width)] + [(0, 256)] * 3,
                "Bounds are inclusive here: row `height` and colour 256 could be tried, and "
                "neither exists. A published program has (0, 32) and (0, 256).",
            ),
            (
                lambda height, width: [(0, height - 1), (0, width - 1)] + [(0, 256)] * 3,
                "The places are right. As `uint8`, colour 256 becomes 0.",
            ),
            (
                lambda height, width: [(0, height), (0, width)] + [(0, 255)] * 3,
                "The colours are right. The last row is not `height`: counting starts at 0.",
            ),
            (
                lambda height, width: [(0, width - 1), (0, height - 1)] + [(0, 255)] * 3,
                "Width came first. Arrays count rows first; a square photo hides the mistake.",
            ),
            (
                lambda height, width: [(0, height - 1), (0, width - 1)] + [(0, 1)] * 3,
                "Colours are in pixel levels in this course, not from 0 to 1.",
            ),
        ],
        hints=[
            "A list of five pairs: row, column, red, green, blue.",
            "Both ends of a pair can be reached. What is the last row of 32 rows?",
            "For 32 x 32: rows and columns end at 31, colours at 255.",
        ],
    ),
    function(
        "06-pixel",
        "One pixel set",
        lambda photo, candidate: _with_pixel(photo, *candidate[:2], candidate[2:]),
        cases=_PIXELS,
        dtype="uint8",
        wrong=[
            (
                lambda photo, candidate: _with_pixel(photo, *candidate[:2], candidate[:1:-1]),
                "Place right, colours turned round. A published program does this: it writes red, "
                "green, blue into an array that preprocessing had made blue, green, red.",
            ),
            (
                lambda photo, candidate: _with_pixel(
                    photo, candidate[1], candidate[0], candidate[2:]
                ),
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
    function(
        "06-rate",
        "The success rate",
        _rate,
        cases=_ANSWERS,
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
                lambda truth, before, after: float((after == truth)[before == truth].mean()),
                "That is the share that resisted.",
            ),
        ],
        hints=[
            "Only photos with `before == truth` take part.",
            "Among these, a success is `after != truth`.",
            "A mask picks them: `(after != truth)[before == truth]`. Then the mean.",
        ],
    ),
]
