"""The exercises of lesson 09, your own network and photos."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, function, value

_RNG = np.random.default_rng(9)
_MEAN_BGR = (103.939, 116.779, 123.68)

_PHOTOS = [
    (_RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8),),
    (_RNG.integers(0, 256, (5, 3, 3), dtype=np.uint8),),
]
_SOURCES = [
    (["a.jpg", "a.jpg", "b.jpg", "c.jpg", "b.jpg", "c.jpg", "d.jpg", "a.jpg"], ["b.jpg", "d.jpg"]),
    (["kitchen", "garden", "kitchen", "cellar", "garden"], ["garden"]),
]
_LABELS = [
    (np.array([0, 1, 1, 1, 0]), np.array([0, 0, 1, 0])),
    (np.array([1, 0, 1, 2, 1, 0]), np.array([2, 0, 1, 1, 0, 0, 0, 1])),
]
_PROBABILITIES = [(0.8,), (0.3,), (0.99,)]
_INDICES = [
    ({"tulip": 1, "rose": 0, "daisy": 2},),
    ({"cat": 2, "ant": 3, "bee": 0, "dog": 1},),
]


def _prepared(photo):
    return (photo.astype(np.float32) / 127.5 - 1)[None]


def _split(sources, held_out):
    train = [i for i, source in enumerate(sources) if source not in held_out]
    test = [i for i, source in enumerate(sources) if source in held_out]
    return train, test


def _baseline(train_labels, test_labels):
    values, counts = np.unique(train_labels, return_counts=True)
    return float(np.mean(np.asarray(test_labels) == values[counts.argmax()]))


def _sigmoid_scores(p):
    z = np.log(p / (1 - p))
    return np.array([-z, z])


def _evidence(net, photo, paint=128, hot=True, score="logit"):
    """The right answer to the capstone, and by its options the known wrong ones."""
    from cnnvis_helpers import gradcam

    top = net.predict(photo)[0]
    heat = gradcam(net, photo, top.index)
    hidden = photo.copy()
    hidden[heat > np.quantile(heat, 0.9) if hot else heat < np.quantile(heat, 0.1)] = paint
    logits = [np.asarray(net.logits(net.prepare(each))) for each in (photo, hidden)]
    if score == "logit":
        scores = [float(each[0] @ net.score_vector(top.index)) for each in logits]
    else:
        scores = [float(net.probabilities(each)[0, top.index]) for each in logits]
    return {"label": top.label, "heat": heat, "drop": scores[0] - scores[1]}


def _changed(net, photo, **changes):
    """The right answer with some of its entries made by functions of the whole."""
    right = _evidence(net, photo)
    return {**right, **{key: change(right) for key, change in changes.items()}}


EXERCISES = [
    function(
        "09-pixels",
        "The input of a network that was trained on -1 to 1",
        _prepared,
        cases=_PHOTOS,
        wrong=[
            (
                lambda photo: photo.astype(np.float32)[None],
                "These are still the levels 0 to 255. A published notebook shows feature maps of a "
                "photo that was never preprocessed; the network does not complain.",
            ),
            (
                lambda photo: photo.astype(np.float32)[None] / 255,
                "This goes from 0 to 1. The network would see a pale, flat photo.",
            ),
            (
                lambda photo: _prepared(photo) / 127.5 - 1,
                "This was prepared twice: nearly every number is about -1 now. It happens when a "
                "function changes its array in place, and is called again.",
            ),
            (
                lambda photo: _prepared(photo)[..., ::-1],
                "Here blue comes first. This network was trained on RGB.",
            ),
            (
                lambda photo: photo.astype(np.float32)[None, :, :, ::-1] - np.float32(_MEAN_BGR),
                "That is how VGG16 and ResNet50 want their pixels: BGR minus the mean colour. This "
                "network wants RGB from -1 to 1; a published attack mixes the two up.",
            ),
            (
                lambda photo: _prepared(photo)[0],
                "A network takes a batch: there is one axis more in front, also for one photo.",
            ),
            (
                lambda photo: (photo / np.uint8(128)).astype(np.uint8)[None] - np.float32(1),
                "Somewhere the numbers were cut to whole ones. Make them float32 first, then "
                "divide.",
            ),
        ],
        hints=[
            "0 should become -1, and 255 should become 1. What happens to the middle, 127.5?",
            "`photo.astype(np.float32)` first; then divide by half of 255 and subtract 1.",
            "`[None]` at the end adds the axis of the batch.",
        ],
    ),
    function(
        "09-split",
        "An honest split",
        _split,
        cases=_SOURCES,
        wrong=[
            (
                lambda sources, held_out: _split(sources, held_out)[::-1],
                "The two lists are the wrong way round: what is held out is for testing.",
            ),
            (
                lambda sources, held_out: (
                    list(range(len(sources) * 4 // 5)),
                    list(range(len(sources) * 4 // 5, len(sources))),
                ),
                "This cuts the list at a place. Crops of one photo end up on both sides, and the "
                "test flatters.",
            ),
            (
                lambda sources, held_out: (
                    list(range(len(sources))),
                    _split(sources, held_out)[1],
                ),
                "The test crops are right, but they are among the training crops too. Then the "
                "test asks what was learnt by heart.",
            ),
            (
                lambda sources, held_out: tuple(
                    [sources[i] for i in part] for part in _split(sources, held_out)
                ),
                "These are the names of the photos; the indices of the crops are wanted.",
            ),
            (
                lambda sources, held_out: (
                    _split(sources, held_out)[0],
                    [sources.index(name) for name in held_out],
                ),
                "`index` finds the first crop of each held-out photo only.",
            ),
        ],
        hints=[
            "Go through `enumerate(sources)`: the index of each crop, and its photo.",
            "A crop is for testing when its photo is in `held_out`.",
            "Two list comprehensions, one with `in`, one with `not in`.",
        ],
    ),
    function(
        "09-baseline",
        "Better than nothing?",
        _baseline,
        cases=_LABELS,
        wrong=[
            (
                lambda train_labels, test_labels: _baseline(test_labels, test_labels),
                "This takes the commonest class of the test labels: it peeked at the answers.",
            ),
            (
                lambda train_labels, test_labels: _baseline(train_labels, train_labels),
                "That is its accuracy on the training labels.",
            ),
            (
                lambda train_labels, test_labels: 1 / len(np.unique(train_labels)),
                "That is guessing evenly. With one class commoner than the others, a lazy "
                "classifier does better, or worse, than that.",
            ),
            (
                lambda train_labels, test_labels: float(
                    np.mean(np.asarray(test_labels) == np.max(train_labels))
                ),
                "This answers with the largest label, not with the commonest.",
            ),
            (
                lambda train_labels, test_labels: (
                    _baseline(train_labels, test_labels) * len(test_labels)
                ),
                "That is how many are right; the accuracy is their share.",
            ),
        ],
        hints=[
            "Which label is the commonest in `train_labels`?",
            "`np.unique(train_labels, return_counts=True)` gives the labels and how often each is.",
            "Then the mean of `test_labels == that_label`.",
        ],
    ),
    function(
        "09-sigmoid",
        "One output, two scores",
        _sigmoid_scores,
        cases=_PROBABILITIES,
        wrong=[
            (
                lambda p: np.array([1 - p, p]),
                "These are the two probabilities, after the sigmoid. When the network is sure, "
                "their gradient vanishes.",
            ),
            (
                lambda p: np.log([1 - p, p]),
                "These are logarithms of the probabilities. The logit is what the sigmoid was "
                "applied to: undo the sigmoid.",
            ),
            (
                lambda p: _sigmoid_scores(p)[::-1],
                "The numbers are right, but in the wrong order: `p` is the probability of class 1.",
            ),
            (
                lambda p: np.array([0.0, np.log(p / (1 - p))]),
                "A score of 0 for class 0 has no gradient, so its heat map would be empty. What "
                "raises class 0 lowers the logit of class 1.",
            ),
            (
                lambda p: np.ones(2),
                "A softmax over a single output is always 1, whatever the network says.",
            ),
            (
                lambda p: np.array([np.log(p / (1 - p))] * 2),
                "Both scores are the same here; then both maps would be, too.",
            ),
        ],
        hints=[
            "The sigmoid is `p = 1 / (1 + exp(-z))`. Solve it for `z`.",
            "`z = log(p / (1 - p))` is the logit of class 1.",
            "The probability of class 0 is `1 - p`: put this into the same formula.",
        ],
    ),
    value(
        "09-head",
        "How much is trained?",
        963,
        wrong=[
            (960, "The biases are missing: one for each class."),
            (
                8 * 8 * 320 * 3 + 3,
                "That would be a Dense layer on the flattened maps. After the pooling there is one "
                "number a channel.",
            ),
            (
                8 * 8 * 320 * 3,
                "That would be a Dense layer on the flattened maps, without its biases. After the "
                "pooling there is one number a channel.",
            ),
            (320, "That is how many numbers go in. Each of the classes has a weight for each."),
            (323, "Each class has weights of its own for all channels."),
            (3 * 3 * 320 * 3 + 3, "That would be a convolution of 3 x 3; the head is one Dense."),
        ],
        hints=[
            "What does global average pooling leave of a map of 8 x 8 cells?",
            "320 numbers go into the Dense layer, and 3 come out.",
            "One weight for each pair of input and output, and one bias for each output.",
        ],
    ),
    function(
        "09-labels",
        "Names in order",
        lambda class_indices: sorted(class_indices, key=class_indices.get),
        cases=_INDICES,
        wrong=[
            (
                lambda class_indices: list(class_indices),
                "This is the order in which the dict was written. The numbers say the order.",
            ),
            (
                lambda class_indices: sorted(class_indices),
                "This is alphabetical. Keras's generators happen to number folders so, but this "
                "dict says otherwise.",
            ),
            (
                lambda class_indices: sorted(class_indices.values()),
                "These are the numbers; the names are wanted.",
            ),
            (
                lambda class_indices: {number: name for name, number in class_indices.items()},
                "The right idea, turned round, but a list is wanted: name 0 first.",
            ),
            (
                lambda class_indices: sorted(class_indices, key=class_indices.get, reverse=True),
                "This begins with the highest number; class 0 comes first.",
            ),
        ],
        hints=[
            "`sorted` can sort names by something else than the alphabet: `key=`.",
            "The key of a name is its number, `class_indices[name]`.",
            "`class_indices.get` is a function that gives it.",
        ],
    ),
    choice(
        "09-claim",
        "What may you say?",
        "c",
        wrong={
            "a": "It may, but these photos cannot show it: whoever knows the rooms does as well.",
            "b": "It may, but these photos cannot show that either: whoever knows the cats "
            "does as well.",
            "d": "A heat map says where, not what: light, sharpness and colour cast of a room are "
            "on the cat as well.",
        },
        hints=[
            "Which two things always went together in these photos?",
            "Remember grass and gravel: the heat lay on the right places, and it was the light.",
            "Choose the sentence that claims no more than the photos can show, and says what to "
            "try next.",
        ],
    ),
    function(
        "09-capstone",
        "Capstone: evidence for a case",
        _evidence,
        cases=lambda net, photo: [(net, photo)],
        rtol=1e-3,
        atol=1e-4,
        reveal=False,
        wrong=[
            (
                lambda net, photo: _changed(net, photo, heat=lambda r: r["heat"] / r["heat"].max()),
                "The heat was divided by its own maximum. Then every map has a peak of 1, also one "
                "that is almost empty. Hand it in as it comes.",
            ),
            (
                lambda net, photo: _changed(net, photo, drop=lambda r: -r["drop"]),
                "A drop is positive when hiding hurts. Look at the order.",
            ),
            (
                lambda net, photo: _evidence(net, photo, score="probability"),
                "This is the drop of the probability. It depends on all the other classes too; the "
                "logit was asked for.",
            ),
            (
                lambda net, photo: _evidence(net, photo, hot=False),
                "This hides the coolest tenth, where the heat is lowest.",
            ),
            (
                lambda net, photo: _evidence(net, photo, paint=0),
                "The places were painted black. Black is a strong colour for a network; grey, 128, "
                "was asked for.",
            ),
            (
                lambda net, photo: _changed(
                    net, photo, label=lambda r: net.predict(photo, 2)[1].label
                ),
                "The label is that of another class, not of the top one.",
            ),
        ],
        hints=[
            "`net.predict(photo)[0]` is the top class; `gradcam(net, photo, index)` its heat.",
            "Copy the photo, then paint: `hidden[heat > np.quantile(heat, 0.9)] = 128`.",
            "The logit is `net.logits(net.prepare(each)).numpy()[0] @ net.score_vector(index)`; "
            "take that of the photo minus that of the hidden one.",
        ],
        praise="That is a case one can argue about: a sentence, a map, and a number that tests it.",
    ),
]
