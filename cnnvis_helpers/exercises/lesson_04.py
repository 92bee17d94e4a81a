"""The exercises of lesson 04, class activation maps."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(4)


def _maps(*shape):
    """Maps after a ReLU: none negative, some zero."""
    return np.maximum(_RNG.normal(0.5, 1.0, size=shape), 0).round(2)


def _gradients(*shape):
    """Gradients of both signs, with some exact zeros."""
    return np.where(_RNG.random(shape) < 0.2, 0.0, _RNG.normal(0.1, 0.5, size=shape).round(2))


# Square kernels: one that is read along the wrong axis still gives numbers.
_CAM = [
    (_maps(3, 4, 5), _RNG.normal(size=(5, 5)), _RNG.normal(size=5), 2),
    (_maps(2, 2, 4), _RNG.normal(size=(4, 4)), _RNG.normal(size=4), 1),
]
_PAIRS = [(_maps(3, 4, 3), _gradients(3, 4, 3)), (_maps(4, 4, 6), _gradients(4, 4, 6))]
_TRIPLES = [
    (_maps(3, 4, 4), _gradients(3, 4, 4), _gradients(3, 4, 4)),
    (_maps(2, 5, 3), _gradients(2, 5, 3), _gradients(2, 5, 3)),
]
_LABELS = [
    (["cock", "crane", "Cardigan", "tabby", "crane", "cardigan"],),
    (["maillot", "maillot", "sunglass", "sunglasses"],),
]


def _relu(values):
    return np.maximum(values, 0)


def _whole(maps, kernel, bias, c):
    return maps @ kernel[:, c] + bias[c]


def _stretched(maps, kernel, bias, c):
    values = maps @ kernel[:, c]
    return values * (_whole(maps, kernel, bias, c).mean() / values.mean())


def _gradcam(activations, gradients):
    return _relu(activations @ gradients.mean(axis=(0, 1)))


def _against(activations, gradients):
    return _relu(-(activations @ gradients.mean(axis=(0, 1))))


def _alpha(activations, gradients, pool=np.sum, squares=2):
    square, cube = gradients**2, gradients**3
    denominator = squares * square + cube * pool(activations, axis=(0, 1))
    return square / np.where(denominator == 0, 1, denominator)


def _plus(activations, gradients, pool=np.sum, squares=2):
    alpha = _alpha(activations, gradients, pool, squares)
    return (alpha * _relu(gradients)).sum(axis=(0, 1))


def _plus_normalised(activations, gradients):
    alpha = _alpha(activations, gradients)
    total = alpha.sum(axis=(0, 1))
    return (alpha / np.where(total == 0, 1, total) * _relu(gradients)).sum(axis=(0, 1))


def _plus_without_guard(activations, gradients):
    square, cube = gradients**2, gradients**3
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha = square / (2 * square + cube * activations.sum(axis=(0, 1)))
    return (alpha * _relu(gradients)).sum(axis=(0, 1))


def _rather(activations, a, b):
    return activations @ (a - b).mean(axis=(0, 1))


_SHARES = [
    (np.array([[4.0, 0.0], [1.0, 3.0]]), np.array([[True, True], [False, False]])),
    (np.array([[0.0, 2.0, 0.5]]), np.array([[False, True, False]])),
    (np.zeros((2, 2)), np.array([[True, False], [False, False]])),
]


def _share(heat, mask):
    return heat[mask].sum() / heat.sum() if heat.any() else 0.0


def _share_without_guard(heat, mask):
    with np.errstate(invalid="ignore"):
        return heat[mask].sum() / heat.sum()


def _numbers(labels, start=0, spell=str):
    found = {}
    for number, name in enumerate(labels, start):
        found.setdefault(spell(name), []).append(number)
    return found


EXERCISES = [
    function(
        "04-cam",
        "A map of the whole score",
        _whole,
        cases=_CAM,
        rtol=1e-2,
        atol=1e-2,
        wrong=[
            (
                lambda maps, kernel, bias, c: maps @ kernel[:, c],
                "The mean of this map misses the score, by the bias of the class.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel[:, c] + bias[c] / maps[..., 0].size,
                "The bias was shared out. In a mean of equal numbers each of them is the mean.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel[:, c] + bias[c] * maps[..., 0].size,
                "The bias is in every cell, and the mean of equal numbers is that number: add it "
                "once.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel[:, c] / maps[..., 0].size + bias[c],
                "The map was divided by the number of its cells. The mean does that later.",
            ),
            (
                lambda maps, kernel, bias, c: maps * kernel[:, c] + bias[c],
                "The channels were weighted, but not added up.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel + bias,
                "These are the maps of all classes. Take that of class `c`.",
            ),
            (
                lambda maps, kernel, bias, c: np.full(
                    maps.shape[:2], _whole(maps, kernel, bias, c).mean()
                ),
                "Its mean is the score, but all its cells are equal: the places are gone.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel[:, c] + bias.sum(),
                "This adds the biases of all classes. Take that of class `c`.",
            ),
            (
                lambda maps, kernel, bias, c: maps @ kernel[c] + bias[c],
                "`kernel[c]` is a row: the weights of one channel for all classes. A class is a "
                "column.",
            ),
            (
                lambda maps, kernel, bias, c: _relu(_whole(maps, kernel, bias, c)),
                "This cuts off what speaks against the class, and the mean is no longer the score.",
            ),
            (
                lambda maps, kernel, bias, c: _whole(maps, kernel, bias, c) / maps[..., 0].size,
                "That is each place's share in the score: its *sum* is the score, not its mean.",
            ),
            (
                lambda maps, kernel, bias, c: _whole(maps, kernel, bias, c).mean(),
                "This is the score itself, and the places are gone. Do not pool.",
            ),
            (
                lambda results: all(
                    np.shape(map_) == case[0].shape[:2] and np.isclose(np.mean(map_), wanted)
                    for map_, case in zip(results, _CAM, strict=True)
                    for wanted in [_whole(*case).mean()]
                ),
                "Its mean is the score, but some places gained on others. Add the same number to "
                "every cell.",
                _stretched,
            ),
        ],
        hints=[
            "Each channel has one weight for the class; all of them are one column of the kernel.",
            "The mean of the map must grow by the bias: add the same number to every cell.",
            "`maps @ column` weights and adds; then add `bias[c]`.",
        ],
        praise="Exact, for any class. A constant moves no cell before another, so most programs "
        "leave the bias out, and few of them say so.",
    ),
    value(
        "04-factor",
        "From Grad-CAM to SqueezeNet's own map",
        169.0,
        rtol=1e-3,  # for whoever measures it
        wrong=[
            (49, "49 belongs to the 7 x 7 cells of the other network."),
            (13, "13 is one side of the map. Every cell counts."),
            (1 / 169, "That leads from the map to Grad-CAM. You want to go back."),
            (1000, "1000 is the number of maps. Only one of them belongs to the class."),
            (
                lambda answer: np.ndim(answer) == 1,
                "Give one number: how many cells are that?",
                (13, 13),
            ),
            (26, "A map of 13 x 13 cells has more than 26 of them."),
            (1, "Measure it: `gradcam` is much smaller than the map. A mean divides."),
        ],
        hints=[
            "The logit is the mean of one map: a sum over its cells, divided by their number.",
            "So the slope of the logit by one cell of that map is 1 / (number of cells).",
            "The map has 13 x 13 cells.",
        ],
        praise="13 x 13 = 169 cells share the slope. That of every other map is 0, so only the "
        "class's own map is left.",
    ),
    value(
        "04-slide",
        "The wrong number on the slide",
        (1, 0.4),
        wrong=[
            ((1, 0.45), "That is what is printed there. Average the gradient yourself."),
            ((0, 0.4), "The mean is right, but channels are counted from 1 here."),
            (
                (1, 0.25),
                "That is the mean of the first row. A pooled gradient is the mean over all places.",
            ),
            (
                lambda answer: np.shape(answer) != (2,),
                "Give two numbers in parentheses: (channel, mean).",
                0.4,
            ),
            ((1, 6.4), "That is the sum over the places; pooling takes the mean."),
            (
                lambda answer: answer[0] in (2, 3),
                "The number printed for this channel is right. Average each of the three.",
                (2, 0.8),
            ),
            ((0.4, 1), "The order is (channel, number)."),
            (
                lambda answer: answer[0] == 1,
                "That is the channel. Now average all sixteen numbers of its gradient.",
                (1, 0.5),
            ),
        ],
        hints=[
            "A pooled gradient is the mean over height and width, the axes 0 and 1.",
            "`slide_gradients.mean(axis=(0, 1))` gives three numbers; compare the slide's.",
            "Only one of them differs; its position plus 1 is the channel's number.",
        ],
        praise="You read more closely than whoever made the slide.",
    ),
    function(
        "04-gradcam",
        "What speaks against the class",
        _against,
        cases=_PAIRS,
        wrong=[
            (
                _gradcam,
                "This is Grad-CAM: what speaks *for* the class. The other half is wanted.",
            ),
            (
                lambda activations, gradients: -_gradcam(activations, gradients),
                "This turns the sign after the ReLU: it is Grad-CAM upside down. Turn it before.",
            ),
            (
                lambda activations, gradients: -(activations @ gradients.mean(axis=(0, 1))),
                "The ReLU is missing: what speaks for the class should be 0 here.",
            ),
            (
                lambda activations, gradients: _relu(
                    activations @ _relu(-gradients).mean(axis=(0, 1))
                ),
                "Only negative gradients entered the mean. The weight of a channel is the mean of "
                "all its gradients.",
            ),
            (
                lambda activations, gradients: activations @ _relu(-gradients.mean(axis=(0, 1))),
                "This drops the channels that speak for the class before the sum. In a cell they "
                "weigh against the others: add first.",
            ),
            (
                lambda activations, gradients: _relu(-(activations * gradients).sum(axis=-1)),
                "This multiplies cell by cell without pooling. Grad-CAM has one weight a channel: "
                "the mean of its gradient.",
            ),
            (
                lambda activations, gradients: np.abs(activations @ gradients.mean(axis=(0, 1))),
                "With the absolute value, both halves glow, and nobody can tell them apart.",
            ),
            (
                lambda activations, gradients: _relu(-(activations @ gradients.sum(axis=(0, 1)))),
                "This adds the gradients up; the weight is their mean.",
            ),
            (
                lambda activations, gradients: (
                    _against(activations, gradients) / (_against(activations, gradients).max() or 1)
                ),
                "The map was divided by its maximum. Keep the numbers, or maps cannot be compared.",
            ),
            (
                lambda activations, gradients: activations @ gradients.mean(axis=(0, 1)),
                "This is the whole signed sum. Turn its sign, then cut off what is negative.",
            ),
            (
                lambda activations, gradients: np.minimum(
                    activations @ gradients.mean(axis=(0, 1)), 0
                ),
                "The right half, but negative. Turn its sign.",
            ),
            (
                lambda activations, gradients: (
                    _against(activations, gradients) / activations.shape[-1]
                ),
                "This averages over the channels. Grad-CAM adds them up.",
            ),
        ],
        hints=[
            "First one weight a channel, as above: the mean of its gradient over the places.",
            "`activations @ weights` is positive where the sum speaks for the class.",
            "Turn its sign, then cut off with `np.maximum(values, 0)`.",
        ],
        praise="Grad-CAM minus this map is the whole signed sum; `relu=False` draws both halves.",
    ),
    function(
        "04-share",
        "The share of the heat inside an outline",
        _share,
        cases=_SHARES,
        wrong=[
            (
                _share_without_guard,
                "Right for maps with heat. A map of zeros gives 0 / 0 here, which is `nan`; return "
                "0 for it.",
            ),
            (
                lambda heat, mask: heat[mask].mean() / heat.mean() if heat.any() else 0.0,
                "These are means. That is how much hotter the inside is, not its share.",
            ),
            (
                lambda heat, mask: heat[mask].sum(),
                "That is the heat inside. Divide it by all the heat.",
            ),
            (
                lambda heat, mask: mask.mean(),
                "That is the share of the photo that the mask covers.",
            ),
            (
                lambda heat, mask: (heat[mask] > 0).sum() / max((heat > 0).sum(), 1),
                "This counts cells with any heat. Add up the heat itself.",
            ),
            (
                lambda heat, mask: heat[~mask].sum() / heat.sum() if heat.any() else 0.0,
                "That is the share *outside*: `~` turns the mask round.",
            ),
            (
                lambda heat, mask: heat[mask].sum() / heat.max() if heat.any() else 0.0,
                "Divide by all the heat, `heat.sum()`, not by its largest value.",
            ),
            (
                lambda heat, mask: heat[mask].mean(),
                "This is the mean heat inside. Divide the *sum* inside by the sum of all.",
            ),
            (
                lambda heat, mask: heat[mask].sum() / heat[~mask].sum() if heat.any() else 0.0,
                "This compares inside with outside. A share is inside of *all* the heat.",
            ),
            (
                lambda heat, mask: _share(heat, mask) if heat.any() else 1.0,
                "A map without any heat has none inside: return 0 for it.",
            ),
        ],
        hints=[
            "`heat[mask]` holds the values inside.",
            "Their sum, divided by the sum of all.",
            "If the map is zero everywhere, `heat.any()` is False; return 0 then.",
        ],
        praise="One number in place of 'looks right'. Compare it with the share of the photo.",
    ),
    choice(
        "04-score",
        "One against all",
        "c",
        wrong={
            "a": "That is what the gradient of the probability does. The margin goes on growing "
            "where p stops at 1. Measure it.",
            "b": "The others never fade away here: each logit is multiplied by k, and so is its "
            "slope. Compare 1 with 8.",
            "d": "The powers of e can become infinite, but `tf.reduce_logsumexp` takes care of "
            "that. Measure it.",
        },
        hints=[
            "Only the score inside the `with` block changes; the rest of the loop stays.",
            "`others = tf.concat([logits[0, :cat], logits[0, cat + 1:]], 0)` holds the others.",
            "`margin = k * logits[0, cat] - tf.reduce_logsumexp(k * others)` is the score. Compare "
            "the largest gradients for 1 and 8.",
        ],
        praise="The margin is the logarithm of p / (1 - p). Where p stops at 1, it goes on "
        "growing, so this score asks the question of the probability and does not saturate.",
    ),
    function(
        "04-plus",
        "The weights of Grad-CAM++",
        _plus,
        cases=_PAIRS,
        wrong=[
            (
                lambda activations, gradients: _plus(activations, gradients, np.mean),
                "Here the mean of each map stands in the denominator. The paper has the sum over "
                "its cells; a well-known library has your version.",
            ),
            (
                _plus_normalised,
                "The shares were divided by their sum. A well-known library does that; the paper's "
                "formula does not.",
            ),
            (
                _plus_without_guard,
                "Where the gradient is 0, this is 0 / 0, which is `nan`. The share should be 0 "
                "there.",
            ),
            (
                lambda activations, gradients: (_alpha(activations, gradients) * gradients).sum(
                    axis=(0, 1)
                ),
                "The ReLU around the gradient is missing: only positive gradients count.",
            ),
            (
                lambda activations, gradients: (
                    _plus(activations, gradients) / gradients[..., 0].size
                ),
                "This takes the mean over the cells at the end. The formula adds them up.",
            ),
            (
                lambda activations, gradients: gradients.mean(axis=(0, 1)),
                "That is the weight of plain Grad-CAM: every place has the same share.",
            ),
            (
                lambda activations, gradients: _plus(
                    activations, gradients, lambda maps, axis: maps
                ),
                "Here each cell meets its own activation. The denominator has the sum over all "
                "cells of the map.",
            ),
            (
                lambda activations, gradients: _plus(
                    activations, gradients, lambda maps, axis: maps.sum()
                ),
                "This adds up the cells of all maps. Each channel has its own sum.",
            ),
            (
                lambda activations, gradients: _plus(activations, gradients, squares=1),
                "The 2 in the denominator is missing.",
            ),
            (
                lambda activations, gradients: _alpha(activations, gradients).sum(axis=(0, 1)),
                "These are the shares alone. Multiply by the ReLU of the gradients first.",
            ),
            (
                lambda activations, gradients: _relu(activations @ _plus(activations, gradients)),
                "This is the map. The exercise asks for the weights, one a channel.",
            ),
        ],
        hints=[
            "Write the square and the cube of the gradients first, then numerator and denominator.",
            "The sum over a map's cells is `activations.sum(axis=(0, 1))`, one number a channel.",
            "Divide by `np.where(denominator == 0, 1, denominator)`, multiply by "
            "`np.maximum(gradients, 0)`, and sum over the axes 0 and 1.",
        ],
        praise="Equation 19 of the paper, zeros included. Two libraries get a part of it wrong.",
    ),
    function(
        "04-rather",
        "Why this rather than that",
        _rather,
        cases=_TRIPLES,
        wrong=[
            (
                lambda activations, gradients_a, gradients_b: (
                    _gradcam(activations, gradients_a) - _gradcam(activations, gradients_b)
                ),
                "These are two finished maps, subtracted after the ReLU: what spoke against each "
                "class was lost.",
            ),
            (
                lambda activations, gradients_a, gradients_b: _relu(
                    _rather(activations, gradients_a, gradients_b)
                ),
                "The map should keep its signs: what is negative speaks for b.",
            ),
            (
                lambda activations, gradients_a, gradients_b: _rather(
                    activations, gradients_b, gradients_a
                ),
                "This is why b rather than a. Look at the order.",
            ),
            (
                lambda activations, gradients_a, gradients_b: (
                    activations * (gradients_a - gradients_b)
                ).sum(axis=-1),
                "This multiplies cell by cell. Average the gradients over the places first.",
            ),
            (
                lambda activations, gradients_a, gradients_b: np.abs(
                    _rather(activations, gradients_a, gradients_b)
                ),
                "Without signs one cannot tell which class a place speaks for.",
            ),
            (
                lambda activations, gradients_a, gradients_b: (
                    activations @ gradients_a.mean(axis=(0, 1))
                ),
                "This asks why a, whatever happens to b.",
            ),
            (
                lambda activations, gradients_a, gradients_b: _rather(
                    activations, gradients_a, -gradients_b
                ),
                "This adds the two. Evidence for any cat is in both, and only a difference "
                "cancels it.",
            ),
            (
                lambda activations, gradients_a, gradients_b: (
                    _rather(activations, gradients_a, gradients_b) * gradients_a[..., 0].size
                ),
                "This adds the gradients up; the weight is their mean.",
            ),
            (
                lambda activations, gradients_a, gradients_b: (
                    _rather(activations, gradients_a, gradients_b) / activations.shape[-1]
                ),
                "This averages over the channels. Grad-CAM adds them up.",
            ),
        ],
        hints=[
            "The score is the difference of two logits, so its gradient is a difference too.",
            "Pool this difference: one weight a channel.",
            "`activations @ weights`, and no ReLU.",
        ],
        praise="The gradient of a difference is the difference of the gradients, and the sign says "
        "which class a place speaks for.",
    ),
    choice(
        "04-winner",
        "Which layer has most of its heat on the cat?",
        "head",
        wrong={
            "head_relu": "Close, with 89%, and it is the layer to trust. But another one has an "
            "even larger share: measure all five.",
            "block4_project": "It has 67%. Heat that is spread evenly would have 74%.",
            "block8_project": "About half of its heat is on the cat. Measure the later ones.",
            "block11_project": "That is the worst of the five, at about 41%.",
        },
        hints=[
            "A loop over the five names, `gradcam(net, photo, cat, name)` in it.",
            "Collect `share_inside(heat, load_mask('chelsea'))` for each name.",
            "The largest share is above 95%.",
        ],
        praise="Surprised? `head` beats `head_relu`, but only `head_relu` holds what the score "
        "is made of. An outline rewards narrow maps: a good score is evidence, not proof.",
    ),
    choice(
        "04-layer",
        "Which layer of ResNet50?",
        "c",
        wrong={
            "a": "The last convolution is only one of the two summands, before the shortcut is "
            "added. Libraries that look for the last convolution fall into this trap.",
            "b": "Close: here both summands are together, but what is pooled has passed one more "
            "step.",
            "d": "After the pooling there are no places left: one number a channel.",
        },
        hints=[
            "CAM is exact for the maps that are averaged. Which are they?",
            "Follow the way from the output back: Dense, pooling, and then?",
            "Take the layer whose output goes straight into `avg_pool`.",
        ],
        praise="What is pooled is what is scored. `net.last_conv` looks for just this layer.",
    ),
    function(
        "04-names",
        "One name, two classes",
        _numbers,
        cases=_LABELS,
        wrong=[
            (
                lambda labels: {name: number for number, name in enumerate(labels)},
                "A dict keeps one value a name: the first crane is silently gone. A published "
                "class notebook loses two classes in this way.",
            ),
            (
                lambda labels: {name: labels.index(name) for name in labels},
                "`index` finds the first one only, so the second crane cannot be reached.",
            ),
            (
                lambda labels: {name: [number] for number, name in enumerate(labels)},
                "These are lists, but each new number replaces the list from before.",
            ),
            (
                lambda labels: {name: [labels.index(name)] for name in labels},
                "These are lists, but `index` finds only the first number of a name.",
            ),
            (
                lambda labels: {n: v if len(v) > 1 else v[0] for n, v in _numbers(labels).items()},
                "Let every value be a list, even of one number: then the dict is used in one way.",
            ),
            (
                lambda labels: {n: v for n, v in _numbers(labels).items() if len(v) > 1},
                "Only the names that occur twice are left. Keep all of them.",
            ),
            (
                lambda labels: {name: labels.count(name) for name in labels},
                "This says how many classes have the name. Which ones?",
            ),
            (
                lambda labels: {n: v[::-1] for n, v in _numbers(labels).items()},
                "The numbers of a name should be in order, the smallest first.",
            ),
            (
                lambda labels: _numbers(labels, spell=str.lower),
                "In lower case two different names become one: Cardigan is a dog, cardigan a "
                "jacket.",
            ),
            (
                lambda labels: _numbers(labels, start=1),
                "Classes are counted from 0.",
            ),
            (
                lambda labels: dict(enumerate(labels)),
                "This leads from the number to the name; it should be the other way round.",
            ),
        ],
        hints=[
            "Go through `enumerate(labels)`: number and name.",
            "When a name is new, start an empty list for it; then append the number.",
            "`found.setdefault(name, []).append(number)` does both.",
        ],
        praise="No class is lost now. Numbers and WordNet ids are unique; names are not.",
    ),
]
