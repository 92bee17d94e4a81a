"""The exercises of lesson 07, patterns and dreams."""

import numpy as np

from cnnvis_helpers.exercises.kinds import Given, choice, custom, function, value

_RNG = np.random.default_rng(7)
_PICTURES = [
    (_RNG.integers(0, 256, (4, 5, 3), np.uint8),),
    (np.dstack([np.arange(0, 240, 40, np.uint8).reshape(2, 3)] * 3),),
    (np.full((3, 4, 3), 250, np.uint8) - _RNG.integers(0, 200, (3, 4, 1), np.uint8),),
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


def _rough(picture, axis=1):
    return np.abs(np.diff(picture.astype(float), axis=axis)).mean()


def _silent(maps):
    return int((maps.max(axis=(0, 1)) == 0).sum())


def _is_grown(picture):
    return np.shape(picture) == (227, 227, 3) and np.asarray(picture).dtype == np.uint8


def _share(picture, net):
    return net.predict(picture)[0].probability


def _agree(picture, net, other):
    return net.predict(picture)[0].label == other.predict(picture)[0].label


def _striped(net):
    from cnnvis_helpers import class_pattern

    return class_pattern(net, "zebra", steps=24)  # a lion to the other network


def _shrunk_by_multiples(height, width, octaves, scale):
    factors = [scale * k for k in range(octaves - 1, 0, -1)] + [1]
    return [(round(height / factor), round(width / factor)) for factor in factors]


EXERCISES = [
    choice(
        "07-name",
        "Who is this?",
        "c",
        wrong={
            "a": "A jellyfish hangs in water and has tentacles. What rises above the tip?",
            "b": "A strawberry is red with small seeds all over. Look at the outline and the top.",
            "d": "An umbrella has a handle. What rises above the tip?",
        },
        hints=[
            "Look at the outline: broad below, a tip above.",
            "The puffs above it are clouds or smoke, so the thing is large.",
            "It is a mountain.",
        ],
        praise="A cone with smoke: the network has kept what all photos of volcanoes share.",
    ),
    function(
        "07-rough",
        "How rough?",
        _rough,
        cases=_PICTURES,
        wrong=[
            (
                lambda picture: np.abs(np.diff(picture, axis=1)).mean(),
                "In uint8, 3 - 5 is 254: the difference wraps around. Make the picture float "
                "before you subtract.",
            ),
            (
                lambda picture: _rough(picture, 0),
                "This compares each pixel with its neighbour below: axis 0 runs downwards.",
            ),
            (
                lambda picture: _rough(picture, -1),
                "This compares red with green and green with blue: the last axis holds the "
                "colours.",
            ),
            (
                lambda picture: np.diff(picture.astype(float), axis=1).mean(),
                "Without the absolute value, steps up and steps down cancel.",
            ),
            (
                lambda picture: np.abs(np.diff(picture.astype(float), axis=1)).sum(),
                "This is the sum; a larger picture would be rougher. Take the mean.",
            ),
            (
                lambda picture: np.sqrt((np.diff(picture.astype(float), axis=1) ** 2).mean()),
                "This is the root mean square. Take the mean of the absolute differences.",
            ),
        ],
        hints=[
            "`np.diff(..., axis=1)` subtracts each pixel from its neighbour on the right.",
            "Convert first: `picture.astype(float)`.",
            "Then `np.abs(...)` and `.mean()`.",
        ],
        praise="This is the total variation of a picture, per pixel; some regularisers lower it.",
    ),
    custom(
        "07-other",
        "Convince both",
        lambda picture, net, other: (
            _is_grown(picture) and _agree(picture, net, other) and _share(picture, other) > 0.3
        ),
        wrong=[
            (
                lambda picture, net, other: isinstance(picture, str),
                "That is a name. Hand over the picture that `class_pattern` grew for it.",
                "tiger",
            ),
            (
                lambda picture, net, other: not _is_grown(picture),
                "A picture of `class_pattern(net, ...)` has 227 x 227 pixels and is uint8. (Photos "
                "convince both networks easily. This is about pictures out of one network alone.)",
                np.full((224, 224, 3), 128, np.uint8),
            ),
            (
                lambda picture, net, other: _share(picture, net) < 0.3,
                "SqueezeNet itself is not sure what this is. Let its picture grow for more steps.",
                np.full((227, 227, 3), 128, np.uint8),
            ),
            (
                lambda picture, net, other: not _agree(picture, net, other),
                "The two networks give different first answers, so this picture convinces only "
                "SqueezeNet. That is a result, too. Now look for a class that stands in both.",
                Given(lambda net, other: _striped(net)),
            ),
        ],
        otherwise="Both name it, but the other network hardly believes it: its share is below 0.3. "
        "Look for a class of which it is surer.",
        hints=[
            "Things of one colour seldom work. Which classes have a pattern all over?",
            "Write a loop over some names, and print `other.predict(picture)[0]` for each.",
            "Try a few animals with stripes, spines or hairy legs, such as `tarantula`.",
        ],
        praise="Two networks that learned on their own agree, so this picture is about the class "
        "and not about one network. For many classes you find none: say how many you tried.",
    ),
    value(
        "07-silent",
        "How many filters are silent?",
        _silent,
        atol=0,
        wrong=[
            (
                lambda maps: maps.shape[-1] - _silent(maps),
                "This is the number of filters that do answer. Count the others.",
            ),
            (
                lambda maps: _silent(maps) / maps.shape[-1],
                "This is a share. How many filters is it?",
            ),
            (
                lambda maps: int((maps == 0).sum()),
                "This counts cells that are zero. A silent filter is zero in *all* its cells.",
            ),
            (
                lambda maps: int((maps.min(axis=(0, 1)) == 0).sum()),
                "These filters are zero somewhere. Silent ones are zero everywhere: look at the "
                "largest cell.",
            ),
        ],
        hints=[
            "A filter is silent if the largest cell of its map is zero.",
            "`start.max(axis=(0, 1))` gives the largest cell of each filter.",
            "Count how many of them are zero: `(... == 0).sum()`.",
        ],
        praise="About one filter in six would never begin to climb from this noise.",
    ),
    choice(
        "07-relu",
        "Wake it up",
        "c",
        wrong={
            "a": "Each step follows the gradient, and three hundred times nothing is nothing.",
            "b": "A step is as long as you like, but it needs a direction. What is the gradient of "
            "a ReLU where its input is negative?",
            "d": "Try `np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3))`: this filter is "
            "silent on such noise as well.",
        },
        hints=[
            "What does ReLU make of a negative number, and what is its slope there?",
            "The gradient is zero wherever the filter is silent. So where does it answer?",
            'Try `uphill(load_photo("chelsea")[None].astype(np.float32), "fire4_concat", 112)`.',
        ],
        praise="No slope, no way up: behind the ReLU a filter climbs only from a picture to which "
        "it already answers a little.",
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
        praise="Equal ratios, as in music: an octave is a factor, not a difference.",
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
        praise="The dream keeps its shapes, and the photo gets its fine grain back.",
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
        praise="A pattern is worth showing only if its filter prefers it to all the others.",
    ),
]
