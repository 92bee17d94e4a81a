"""The exercises of lesson 00, start here."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, custom, function, value

_LOGITS = [
    np.array([2.0, 1.0, -1.0]),
    np.array([0.0, 0.0]),
    np.array([1000.0, 999.0, 0.0]),
    np.array([2000.0, 0.0, 0.0, 0.0]),  # even 1500 above the mean
    np.array([-1000.0, -1001.0]),
    np.array([50000.0, 50001.0]),  # too large for a long double as well
    np.array([0.0, 2000.0, 1.0]),  # the first is far from the largest
    np.array([1000.0, 0.0, 0.0]),  # far above the median, less far above the mean
]
_SIDE, _LIMIT = 100, 0.68  # of the grey square in 00-spot


def _softmax(logits):
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()


def _softmax_after(change):
    """The formula applied to changed logits; too large powers give nan."""

    def naive(logits):
        with np.errstate(over="ignore", invalid="ignore"):
            powers = np.exp(change(logits))
            return powers / powers.sum()

    return naive


def _share_of_logits(logits):
    with np.errstate(invalid="ignore"):
        return logits / logits.sum()


def _logits(net, photo):
    return net.logits(net.prepare(photo)).numpy()[0].astype(float)


def _probabilities(net, photo):
    return _softmax(_logits(net, photo))


def _animals(first, end):
    """The probability of the classes from first to before end."""
    return lambda net, photo: float(_probabilities(net, photo)[first:end].sum())


def _largest(net, photo, count):
    return float(np.sort(_probabilities(net, photo))[-count:].sum())


def _place(spot, photo):
    """(top, left) of a square that lies inside the photo."""
    top, left = (int(each) for each in np.ravel(spot))
    if [top, left] != list(np.ravel(spot)):
        raise ValueError(f"{spot} are not two whole numbers")
    if not (0 <= top <= photo.shape[0] - _SIDE and 0 <= left <= photo.shape[1] - _SIDE):
        raise ValueError(f"the square at {spot} does not lie inside the photo")
    return top, left


def _outside(spot, net, photo):
    try:
        _place(spot, photo)
    except ValueError:
        return len(spot) == 2
    return False


def _covered(spot, net, photo):
    """The probability of Egyptian cat with a grey square at (top, left)."""
    top, left = _place(spot, photo)
    covered = photo.copy()
    covered[top : top + _SIDE, left : left + _SIDE] = 128
    return float(_probabilities(net, covered)[285])


def _swapped(spot, net, photo):
    return _covered((spot[1], spot[0]), net, photo) < _LIMIT


def _centred(spot, net, photo):
    return _covered((spot[0] - _SIDE // 2, spot[1] - _SIDE // 2), net, photo) < _LIMIT


def _surer(spot, net, photo):
    return _covered(spot, net, photo) > _probabilities(net, photo)[285]


EXERCISES = [
    value(
        "00-numbers",
        "How much goes in?",
        224 * 224 * 3,
        wrong=[
            (224 * 224, "That is the number of pixels. How many numbers does each of them hold?"),
            (
                300 * 451 * 3,
                "That is the photo as it came. The network reads it after it has been resized.",
            ),
            (300 * 451, "Those are the pixels of the photo before it is resized."),
            (224 * 3, "That is one row of pixels. There are 224 rows."),
            (1000, "That is how many numbers come out, one for each class. How many go in?"),
            (224 + 224 + 3, "Height, width and colours are multiplied, not added."),
            ((224, 224, 3), "That is the shape. How many numbers does such an array hold?"),
        ],
        hints=[
            "First count the pixels: how many rows are there, and how many pixels in a row?",
            "Each pixel has three numbers, for red, green and blue.",
            "Multiply height, width and colours: `224 * 224 * ...`",
        ],
        praise="150,528 numbers go in, and the network has to find the one word that fits.",
    ),
    choice(
        "00-shift",
        "Ten more",
        "c",
        wrong={
            "a": "Each power of e grows, but so does the sum by which it is divided.",
            "b": "All logits move by the same amount, so their distances stay as they are. Which "
            "of the two do the probabilities depend on?",
            "d": "Softmax divides by the sum, so the probabilities always add up to 1.",
        },
        hints=[
            "Write down the power of e for a logit that is higher by 10.",
            "e^(S + 10) is e^S times e^10, and every power gets this same factor.",
            "The factor stands above and below the fraction line.",
        ],
        praise="Nothing at all: e^10 stands above and below the fraction line and cancels. Only "
        "differences of logits count.",
    ),
    custom(
        "00-spot",
        "Hide the evidence",
        lambda spot, net, photo: _covered(spot, net, photo) < _LIMIT,
        wrong=[
            (
                lambda spot, net, photo: (
                    np.shape(spot) != (2,) or any(each != int(each) for each in spot)
                ),
                "`spot` is a pair of two whole numbers, (top, left).",
                (99.7, 239.2),
            ),
            (
                _centred,
                "That is a good place for the *middle* of the square. `spot` is its top left "
                "corner, half a square higher and half a square further left.",
                (149, 289),
            ),
            (
                _swapped,
                "The other way round it would work: the first number is the row, counted from the "
                "top, the second the column, counted from the left.",
                (239, 99),
            ),
            (
                _outside,
                "The square would stick out of the photo. `top` goes from 0 to 200, `left` from 0 "
                "to 351.",
                (250, 400),
            ),
            (
                _surer,
                "With this part hidden, the network is even surer than before, so it did not need "
                "what you have hidden.",
                (200, 0),
            ),
        ],
        hints=[
            "Where is the heat map brightest? That is the first suspect.",
            "`heat.argmax()` finds the hottest pixel; `np.unravel_index(..., heat.shape)` turns it "
            "into row and column.",
            "Put the middle of the square on it: 50 pixels up and 50 to the left.",
        ],
        otherwise="The network is a little less sure now, but still above 0.68. Move the square.",
        praise="The heat map gave you a suspect, and the experiment convicted it. Lesson 03 does "
        "this for every place in the photo.",
    ),
    choice(
        "00-change",
        "Surer than before",
        "c",
        wrong={
            "a": "Upside down she is still its first answer, but with 0.50. The network was "
            "trained on cats that stand on their feet.",
            "b": "With half of the photo gone, 0.39 is left, and tiger cat comes close.",
            "d": "That leaves 0.64. The network has hardly ever seen a blue cat.",
        },
        hints=[
            "Do not guess for long: `net.predict(photo[::-1])[0]` tells you about the first one.",
            "Which change keeps every outline and every stripe of the fur where it is?",
            "Compare the two changes of colour, (c) and (d).",
        ],
        praise="0.87 without any colour: for this cat, fur and face say more than colour does.",
    ),
    value(
        "00-animal",
        "Any animal",
        _animals(0, 398),
        rtol=0,
        atol=5e-3,
        wrong=[
            (
                lambda net, photo: float(_probabilities(net, photo).max()),
                "That is grey fox alone. Every animal counts: this one *or* that one.",
            ),
            (
                lambda net, photo: _largest(net, photo, 3),
                "Those are the three best answers. Many more classes are animals.",
            ),
            (
                lambda net, photo: _largest(net, photo, 5),
                "Those are the five best answers. Many more classes are animals.",
            ),
            (_animals(281, 286), "Those are the house cats. The animals are the classes 0 to 397."),
            (_animals(398, 1000), "That is the probability of everything that is no animal."),
            (0.692, "That is what EfficientNet says. Ask SqueezeNet."),
            (0.9716, "That is EfficientNet on Chelsea. Ask SqueezeNet about the raccoon."),
            (
                1.0,
                "Exactly 1? Then only animals were added up below the fraction line, too, or this "
                "is Chelsea. Divide the raccoon's powers by the sum of all 1000.",
            ),
            (
                lambda answer, net, photo: abs(answer / 100 - _animals(0, 398)(net, photo)) < 0.006,
                "In percent that is right. Give the probability, from 0 to 1.",
                97.9,
            ),
            (
                lambda net, photo: _animals(0, 398)(net, photo) / 398,
                "That is the mean of 398 classes. *This or that or that* is a sum.",
            ),
            (
                lambda net, photo: float(_logits(net, photo)[:398].sum()),
                "That is a sum of logits. Logits add up to nothing; turn them into probabilities.",
            ),
            (
                lambda answer, net, photo: answer > 1000,
                "Those are the powers of e, added up. Divide by the sum of all 1000 powers.",
                5.6e13,
            ),
            (
                lambda net, photo: _probabilities(net, photo)[:398],
                "Those are the probabilities of all animals. Add them up.",
            ),
        ],
        hints=[
            "The logits of SqueezeNet come as those of EfficientNet above: "
            "`squeezenet.logits(squeezenet.prepare(raccoon)).numpy()[0]`.",
            "Softmax makes probabilities of them. This *or* that has the sum of the two.",
            "The end of a slice is not part of it: the animals are `[:398]`.",
        ],
        praise="0.98: it has no word for a raccoon and cannot choose between the others, but it "
        "hardly doubts that this is an animal. Look at all the answers before you call a network "
        "unsure.",
    ),
    function(
        "00-softmax",
        "A softmax that survives",
        _softmax,
        cases=[(logits,) for logits in _LOGITS],
        rtol=0,
        atol=2e-3,
        wrong=[
            (
                _softmax_after(lambda logits: logits),
                "The formula is right, but `exp(1000)` is too large a number, and you get `nan`. "
                "What may you subtract from all logits without changing any probability?",
            ),
            (
                _softmax_after(lambda logits: logits - np.mean(logits)),
                "Subtracting the mean changes no probability, so the idea is right. But of the "
                "logits 2000, 0, 0, 0 the first is still 1500 above the mean, and `exp(1500)` is "
                "too large. Which number leaves nothing above zero?",
            ),
            (
                _softmax_after(lambda logits: logits - np.median(logits)),
                "Subtracting the median changes no probability, but of the logits 1000, 0, 0 the "
                "first is still 1000 above it, and `exp(1000)` is too large. Which number leaves "
                "nothing above zero?",
            ),
            (
                _softmax_after(lambda logits: logits - np.min(logits)),
                "Subtracting the smallest logit makes all of them positive, so the powers can "
                "still be too large. Which number leaves nothing above zero?",
            ),
            (
                _softmax_after(lambda logits: logits - 1000),
                "A fixed number such as 1000 suits some logits and ruins others: small ones become "
                "0 / 0. Which number fits every array of logits?",
            ),
            (
                _softmax_after(lambda logits: logits - logits[0]),
                "The first logit need not be the largest: of 0, 2000, 1 it leaves 2000 as it is, "
                "and `exp(2000)` is too large.",
            ),
            (
                lambda logits: _softmax(logits.astype(np.float16)),
                "`float16` keeps only three or four digits, so 50001 becomes 50016. Compute in "
                "`float32` or `float64`.",
            ),
            (
                _share_of_logits,
                "This divides the logits by their sum. Logits may be negative, so the result is no "
                "probability: the power of e is missing.",
            ),
            (
                _softmax_after(lambda logits: logits / np.abs(logits).max()),
                "Dividing the logits changes their differences, and with them the probabilities. "
                "Subtracting a number does not.",
            ),
            (
                _softmax_after(lambda logits: np.clip(logits, -700, 700)),
                "Clipping makes 1000 and 999 equal, although one of them is 2.7 times as probable.",
            ),
            (
                lambda logits: np.exp(logits - np.max(logits)) / np.exp(logits).sum(),
                "The largest logit was subtracted above the fraction line, but not below it.",
            ),
            (
                lambda logits: np.exp(logits - np.max(logits)),
                "These are the powers of e. They do not add up to 1 yet.",
            ),
            (
                lambda logits: 1 / (1 + np.exp(-np.clip(logits, -500, 500))),
                "This is the sigmoid, which looks at each logit alone. Softmax lets the classes "
                "compete: together they make 1.",
            ),
            (
                lambda results: all(np.isin(result, (0, 1)).all() for result in results),
                "This gives everything to the winner. Softmax leaves the others their share.",
                lambda logits: np.eye(len(logits))[int(np.argmax(logits))],
            ),
        ],
        hints=[
            "Follow the formula: a power of e for each logit, then a division by their sum.",
            "You may add or subtract the same number everywhere. Which one keeps the powers small?",
            "Subtract `np.max(logits)` first: then the largest power is e^0 = 1.",
        ],
        praise="With the largest logit subtracted, no power exceeds 1. Every library does it this "
        "way.",
    ),
    value(
        "00-puzzling",
        "The most puzzling photo",
        "gravel",
        wrong=[
            ("camera", "That is the photo it is surest of. Look for the smallest."),
            ("grass", "Close: its first answer has 0.068. One photo has still less."),
            ("brick", "Its first answer has 0.11. Two photos have less."),
            (
                lambda answer: str(answer).strip().casefold() == "doormat",
                "That is what the network calls it. The name of the photo is asked for.",
                "doormat",
            ),
            (
                lambda answer: isinstance(answer, (int, float)),
                "That is a number. Give the name of the photo, a text.",
                0.06,
            ),
            (
                lambda answer: isinstance(answer, str) and "gravel" in answer.casefold(),
                "That is the photo. Write its name as `list_photos()` does.",
                "the photo gravel",
            ),
            (
                lambda answer: isinstance(answer, str) and answer != "gravel",
                "Another photo puzzles it more. Compare the probabilities of the first answers.",
                "hubble",
            ),
        ],
        hints=[
            "Go through the photos in a loop: `for p in list_photos():`",
            "`net.predict(load_photo(p.name))[0].probability` is what to compare.",
            "Keep all of them in a dict and take `min(found, key=found.get)`.",
        ],
        praise="The network takes the stones for a doormat, with 0.06. It has no class for gravel, "
        "only for things that lie or stand on it.",
    ),
]
