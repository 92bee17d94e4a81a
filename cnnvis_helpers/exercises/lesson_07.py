"""The exercises of lesson 07, patterns and dreams."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function

_RNG = np.random.default_rng(7)
_STEPS = [
    (np.full((4, 5, 3), 120.0), _RNG.normal(0, 0.1, (4, 5, 3)), 4.0),
    (_RNG.uniform(0, 255, (3, 3, 3)), _RNG.normal(0, 50, (3, 3, 3)), 10.0),
    (np.full((2, 2, 3), 250.0), _RNG.uniform(0.1, 1.0, (2, 2, 3)), 8.0),
]
_OCTAVES = [(300, 451, 4, 1.4), (100, 100, 3, 2.0), (227, 640, 2, 1.25)]
_DETAIL = [  # dream, photos, k
    (_RNG.uniform(0, 255, (3, 3, 3)), list(_RNG.uniform(0, 255, (octaves, 3, 3, 3))), k)
    for octaves, k in ((4, 2), (3, 1), (5, 3))
]
_RESPONSES = [
    (np.array([[5.0, 1.0, 0.0], [2.0, 0.5, 9.0], [1.0, 3.0, 9.5]]),),
    (np.array([[1.0, 4.0], [2.0, 3.0]]),),
    (np.array([[9.0, 9.5, 1.0, 0.0], [0.0, 9.0, 0, 0], [3.0, 1.0, 2.0, 0], [8.0, 0, 0, 1.0]]),),
]


def _sizes(height, width, octaves, scale, first=0):
    exponents = range(octaves - 1 + first, first - 1, -1)
    return [(round(height / scale**k), round(width / scale**k)) for k in exponents]


def _rms(gradient):
    return np.sqrt((gradient**2).mean())


def _shrunk_by_multiples(height, width, octaves, scale):
    factors = [scale * k for k in range(octaves - 1, 0, -1)] + [1]
    return [(round(height / factor), round(width / factor)) for factor in factors]


EXERCISES = [
    function(
        "07-step",
        "One step",
        lambda picture, gradient, step: np.clip(picture + step * gradient / _rms(gradient), 0, 255),
        cases=_STEPS,
        wrong=[
            (
                lambda picture, gradient, step: np.clip(
                    picture + step * gradient / np.linalg.norm(gradient), 0, 255
                ),
                "This divides by the length of the whole gradient (a sum of squares), so a larger "
                "picture moves less. The root *mean* square does not depend on the size.",
            ),
            (
                lambda picture, gradient, step: np.clip(picture + step * gradient, 0, 255),
                "The gradient is not normalised: the step is as long as the hill is steep.",
            ),
            (
                lambda picture, gradient, step: picture + step * gradient / _rms(gradient),
                "Pixels leave the range 0..255: cut them off.",
            ),
            (
                lambda picture, gradient, step: np.clip(
                    picture - step * gradient / _rms(gradient), 0, 255
                ),
                "This walks downhill, as training does with the loss. Here we climb.",
            ),
            (
                lambda picture, gradient, step: np.clip(picture + step * np.sign(gradient), 0, 255),
                "This takes only the sign of the gradient, as the attack FGSM does.",
            ),
        ],
        hints=[
            "Divide the gradient by a single number that says how large it is.",
            "Root mean square: `np.sqrt((gradient**2).mean())`.",
            "Add `step` times the result to the picture, then `np.clip(..., 0, 255)`.",
        ],
    ),
    choice(
        "07-relu",
        "Before the ReLU",
        "b",
        wrong={
            "a": "It is not faster. Think of a filter whose sum is negative everywhere.",
            "c": "Brightness does not come from there. What is the gradient of ReLU "
            "where its input is negative?",
            "d": "In training the ReLU is there. Think of a filter that is silent on noise.",
        },
        hints=[
            "What does ReLU make of a negative number, and what is its slope there?",
            "A filter whose sum is negative everywhere answers zero, whatever small step we take.",
            "No slope, no direction to climb.",
        ],
    ),
    function(
        "07-octaves",
        "Octaves",
        _sizes,
        cases=_OCTAVES,
        wrong=[
            (
                lambda height, width, octaves, scale: _sizes(height, width, octaves, scale)[::-1],
                "The order is turned round: a dream starts with the smallest size.",
            ),
            (
                lambda height, width, octaves, scale: _sizes(height, width, octaves, scale, 1),
                "The photo's own size is missing: the last octave divides by `scale**0`, which is "
                "1.",
            ),
            (
                _shrunk_by_multiples,
                "Here the sizes shrink by `scale * k`. Each octave is smaller than the next by the "
                "same factor: `scale**k`.",
            ),
            (
                lambda height, width, octaves, scale: [
                    (round(height * scale**k), round(width * scale**k)) for k in range(octaves)
                ],
                "These sizes grow beyond the photo. Divide, and end with the photo's own size.",
            ),
            (
                lambda height, width, octaves, scale: _sizes(height, width, octaves, 1.14),
                "This shrinks by 1.14 whatever `scale` says. A published program has this number, "
                "beside a comment that says 1.4: its octaves are nearly one size.",
            ),
        ],
        hints=[
            "The last size is the photo's; the one before is smaller by `scale`, the next by "
            "`scale**2`.",
            "Let k run from `octaves - 1` down to 0.",
            "Each size is `(round(height / scale**k), round(width / scale**k))`.",
        ],
    ),
    function(
        "07-detail",
        "Put the detail back",
        lambda dream, photos, k: dream + (photos[k] - photos[k - 1]),
        cases=_DETAIL,
        wrong=[
            (
                lambda dream, photos, k: dream + (photos[k] - photos[0]),
                "This puts back all detail since the smallest octave, again at every size: a base "
                "that is never updated. A published program does so. What did the *last* step up "
                "add?",
            ),
            (
                lambda dream, photos, k: dream + (photos[-1] - photos[k - 1]),
                "This puts back detail that octave k cannot hold yet: it takes the whole photo "
                "instead of `photos[k]`.",
            ),
            (
                lambda dream, photos, k: dream + (photos[k - 1] - photos[k]),
                "The sign is turned round: gained is what octave k has and octave k - 1 has not.",
            ),
            (
                lambda dream, photos, k: photos[k] - photos[k - 1],
                "This is the detail alone. Add it to the dream.",
            ),
            (
                lambda dream, photos, k: dream + photos[k],
                "This adds the whole photo once more. Add only what the step up gained.",
            ),
            (
                lambda dream, photos, k: photos[k],
                "This is the photo again; the dream is gone.",
            ),
        ],
        hints=[
            "What does the photo show in octave k that it could not in octave k - 1?",
            "The gain is the difference of two neighbours in `photos`.",
            "`photos[k] - photos[k - 1]`, added to `dream`.",
        ],
    ),
    function(
        "07-own",
        "Whose picture?",
        lambda responses: float((responses.argmax(axis=0) == np.arange(responses.shape[1])).mean()),
        cases=_RESPONSES,
        wrong=[
            (
                lambda responses: float(
                    (responses.argmax(axis=1) == np.arange(len(responses))).mean()
                ),
                "This asks which filter answers most to each picture. The question is which "
                "picture each filter likes most: the other axis.",
            ),
            (
                lambda responses: float(responses.diagonal().mean()),
                "This is the mean answer to the own picture. A share compares it with the others.",
            ),
            (
                lambda responses: float(responses.diagonal().sum() / responses.sum()),
                "This is the own pictures' part of all answers. Count filters instead.",
            ),
            (
                lambda responses: int(
                    (responses.argmax(axis=0) == np.arange(responses.shape[1])).sum()
                ),
                "This is the number of such filters, not a share: divide it by the number of all.",
            ),
        ],
        hints=[
            "For each filter k, find the picture with the largest answer: `argmax` down a column.",
            "`responses.argmax(axis=0)` gives one picture a filter.",
            "Compare it with `np.arange(...)` and take the mean.",
        ],
    ),
]
