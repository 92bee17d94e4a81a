"""The exercises of lesson 00, start here."""

import numpy as np

from cnnvis_helpers.exercises.kinds import function, value

_LOGITS = [np.array([2.0, 1.0, -1.0]), np.array([0.0, 0.0]), np.array([1000.0, 999.0, 0.0])]
_HEAT = np.array([[1.0, 2.0, 0.0], [3.0, 5.0, 0.0]])
_MASK = np.array([[True, False, False], [False, True, True]])
_ALL = np.ones((2, 3), bool)


def _softmax(logits):
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()


def _naive_softmax(logits):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(logits) / np.exp(logits).sum()


def _label(rank):
    return lambda net, photo: net.predict(photo)[rank].label


EXERCISES = [
    function(
        "00-softmax",
        "Softmax",
        _softmax,
        cases=[(logits,) for logits in _LOGITS],
        wrong=[
            (
                _naive_softmax,
                "The formula is right, but logits near 1000 give `nan`, not a number: `exp(1000)` "
                "overflows. Adding one and the same number to all logits changes no probability; "
                "which number keeps the powers small?",
            ),
            (
                lambda logits: logits / logits.sum() if logits.sum() else logits,
                "This divides the logits by their sum. Logits may be negative, so the result is no "
                "probability; the exponential is missing.",
            ),
            (
                lambda logits: np.exp(logits - np.max(logits)),
                "These are the powers of e. They do not add up to 1 yet.",
            ),
            (
                lambda logits: 1 / (1 + np.exp(-np.clip(logits, -500, 500))),
                "This is the sigmoid: it looks at each logit alone. Softmax lets the classes "
                "compete, so that together they make 1.",
            ),
        ],
        hints=[
            "Follow the formula: a power of e for each logit, then a division.",
            "The sum of the result over all classes must be 1: divide by the sum of the powers.",
            "Subtract `np.max(logits)` from the logits first; the probabilities stay the same.",
        ],
    ),
    value(
        "00-second",
        "The runner-up",
        _label(1),
        wrong=[
            (_label(0), "That is the first place. The list starts at 0."),
            (_label(2), "That is the third place. The list starts at 0."),
            (
                lambda net, photo: net.predict(photo)[1].index,
                "That is the number of the class. The label is a string.",
            ),
            (
                lambda net, photo: net.predict(photo)[1].probability,
                "That is the probability of the class. The label is a string.",
            ),
        ],
        hints=[
            "`net.predict(coffee)` gives a list of predictions, best first.",
            "The second element of a list has the number 1.",
            "A prediction has the fields `index`, `label` and `probability`.",
        ],
    ),
    function(
        "00-share",
        "A heat map's share",
        lambda heat, mask: heat[mask].sum() / heat.sum(),
        cases=[(_HEAT, _MASK), (_HEAT, _ALL), (_HEAT * 7, ~_MASK)],
        wrong=[
            (
                lambda heat, mask: heat[mask].mean() / heat.mean(),
                "This compares means, so a small object can score above 1. A share compares sums.",
            ),
            (
                lambda heat, mask: heat[mask].sum(),
                "This is the heat inside the mask. For a share, divide by all the heat there is.",
            ),
            (
                lambda heat, mask: mask.mean(),
                "This is the share of the photo that the object covers. Where does the heat go in?",
            ),
            (
                lambda heat, mask: heat[~mask].sum() / heat.sum(),
                "This is the share outside the object: the mask is True on the object.",
            ),
        ],
        hints=[
            "`heat[mask]` picks the values of the heat map where the mask is True.",
            "A share is a part divided by the whole; both are sums of heat.",
            "The part is `heat[mask].sum()`.",
        ],
    ),
]
