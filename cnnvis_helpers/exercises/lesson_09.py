"""The exercises of lesson 09, your own network and photos."""

import re
from numbers import Real

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, custom, function, value

_RNG = np.random.default_rng(9)
_MEAN_BGR = np.float32([103.939, 116.779, 123.68])

_PHOTOS = [
    (_RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8),),
    (_RNG.integers(0, 256, (5, 3, 3), dtype=np.uint8),),
]
_SOURCES = [
    (["a.jpg", "a.jpg", "b.jpg", "c.jpg", "b.jpg", "c.jpg", "d.jpg", "a.jpg"], ["b.jpg", "d.jpg"]),
    (["kitchen", "garden", "kitchen", "cellar", "garden"], ["garden"]),
    (["a.jpg", "aa.jpg", "b.jpg", "a.jpg"], ["aa.jpg"]),
]
_LABELS = [
    (np.array([0, 1, 1, 1, 0]), np.array([0, 0, 1, 0])),
    (np.array([1, 0, 1, 2, 1, 0]), np.array([2, 0, 1, 1, 0, 0, 0, 1])),
    (np.array([7, 3, 7]), np.array([3, 7, 7, 0, 1])),
    (np.array([0, 0, 0, 1, 2, 2, 1]), np.array([0, 1, 1, 1, 2])),
]
_PROBABILITIES = [(0.8,), (0.3,), (0.99,)]
_INDICES = [
    ({"tulip": 1, "rose": 0, "daisy": 2},),
    ({"cat": 2, "ant": 3, "bee": 0, "dog": 1},),
]


def _prepared(photo):
    return (photo[None, :, :, ::-1] - _MEAN_BGR).astype(np.float32)


def _best(box, net):
    """The network's best answer for a cutout of the astronaut."""
    from cnnvis_helpers import load_photo

    top, bottom, left, right = (int(side) for side in box)
    return net.predict(load_photo("astronaut")[top:bottom, left:right], 1)[0]


def _is_box(box):
    if np.shape(box) != (4,):
        return False
    return all(isinstance(side, Real) and side % 1 == 0 for side in box)


def _inside(box):
    top, bottom, left, right = box
    return 0 <= top < bottom <= 512 and 0 <= left < right <= 512


def _found(box, net):
    best = _best(box, net)
    return best.label != "space shuttle" and best.probability > 0.5


_QUESTIONS = (
    "my claim",
    "compared with which class",
    "how I know that the pixels are right",
    "what a simple rule would reach",
    "what hiding the hot places did",
    "what a second method says",
    "what the map cannot say",
)
_SENTENCE = "The network looked at the face of the cat."


def _case(**changes):
    case = {question: f"{_SENTENCE} ({question})" for question in _QUESTIONS}
    case["what hiding the hot places did"] = "The logit fell by 2.5, elsewhere by 0.5."
    return case | changes


def _unknown(answer):
    """Whether an answer says "I do not know", in these or similar words."""
    told = str(answer).casefold().replace("'", "")
    return any(words in told for words in ("do not know", "dont know", "no idea"))


def _known(case):
    return [str(answer).strip().casefold() for answer in case.values() if not _unknown(answer)]


def _shortest(case):
    """How many different words of two letters or more the shortest of the answers has."""
    return min(len(set(re.findall(r"[^\W\d_]{2,}", answer))) for answer in _known(case))


def _all_differ(case):
    """Whether no two answers are the same but for their numbers."""
    texts = [re.sub(r"\d", "", answer) for answer in _known(case)]
    return len(set(texts)) == len(texts)


def _has_number(case):
    answer = case["what hiding the hot places did"]
    return _unknown(answer) or any(letter.isdigit() for letter in str(answer))


def _is_filled_in(case):
    return (
        set(case) == set(_QUESTIONS)
        and len(_known(case)) >= 5
        and _shortest(case) >= 5
        and _all_differ(case)
        and _has_number(case)
    )


def _split(sources, held_out):
    train = [i for i, source in enumerate(sources) if source not in held_out]
    test = [i for i, source in enumerate(sources) if source in held_out]
    return train, test


def _commonest(labels):
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _baseline(train_labels, test_labels):
    return float(np.mean(np.asarray(test_labels) == _commonest(train_labels)))


def _sigmoid_scores(p):
    z = np.log(p / (1 - p))
    return np.array([-z, z])


def _hottest(heat):
    return heat > np.quantile(heat, 0.9)


def _evidence(net, photo, paint=128, where=_hottest, score="logit"):
    """The right answer to the capstone, and by its options the known wrong ones."""
    from cnnvis_helpers import gradcam

    top = net.predict(photo)[0]
    heat = gradcam(net, photo, top.index)
    hidden = photo.copy()
    hidden[where(heat)] = paint
    logits = [np.asarray(net.logits(net.prepare(each))) for each in (photo, hidden)]
    if score == "logit":
        scores = [float(each[0] @ net.score_vector(top.index)) for each in logits]
    elif score == "largest":
        scores = [float(each.max()) for each in logits]
    else:
        scores = [float(net.probabilities(each)[0, top.index]) for each in logits]
    return {"label": top.label, "heat": heat, "drop": scores[0] - scores[1]}


def _changed(net, photo, **changes):
    """The right answer with some of its entries made by functions of the whole."""
    right = _evidence(net, photo)
    return {**right, **{key: change(right) for key, change in changes.items()}}


EXERCISES = [
    custom(
        "09-cutout",
        "Find the other one",
        lambda box, net: _is_box(box) and _inside(box) and _found(box, net),
        praise="You found what the network knows. Whether it is *right* is another question: it "
        "has no word for a space helmet, so it takes the nearest one.",
        wrong=[
            (
                lambda box, net: np.shape(box) == (4,) and max(box) <= 1,
                "Those look like shares of the photo. Give pixels: it has 512 rows and "
                "512 columns.",
                (0.6, 1.0, 0.6, 1.0),
            ),
            (
                lambda box, net: not _is_box(box),
                "`box` is four whole numbers: (top, bottom, left, right).",
                99,
            ),
            (
                lambda box, net: not _inside(box),
                "The numbers are (top, bottom, left, right): two rows, then two columns, each pair "
                "in rising order, from 0 to 512.",
                (300, 300, 512, 512),
            ),
            (
                lambda box, net: (box[1] - box[0]) * (box[3] - box[2]) > 512 * 512 / 2,
                "That is most of the photo, and several things are on it. Choose one of them.",
                (0, 512, 0, 512),
            ),
            (
                lambda box, net: _best(box, net).label == "space shuttle",
                "That is the shuttle again. Look for something else: what else did she "
                "bring along?",
                (60, 320, 330, 512),
            ),
            (
                lambda box, net: _best(box, net).probability > 0.25,
                "Warm: its best answer is above 0.25, but not above 0.5 yet. Move the box "
                "a little.",
                (320, 512, 350, 512),
            ),
        ],
        otherwise="The network is not sure of anything here: its best answer is below 0.25. Look "
        "at the cutout: does one thing fill it?",
        hints=[
            "What lies on her lap?",
            "It is in the lower right quarter of the photo. Begin with rows 300 to 512.",
            "Columns from 300 on: the white thing with the dark visor should fill the cutout.",
        ],
    ),
    function(
        "09-pixels",
        "The input of a network that wants blue first",
        _prepared,
        cases=_PHOTOS,
        praise="Blue first, zero near the middle. This recipe comes from a program called Caffe, "
        "and networks that learned with it can be read no other way.",
        wrong=[
            (
                lambda photo: photo.astype(np.float32)[None],
                "These are still the levels 0 to 255. The network would not complain; it would "
                "answer, and be wrong more often.",
            ),
            (
                lambda photo: photo[None, :, :, ::-1].astype(np.float32),
                "Blue comes first, as it should. The mean colour is still to be subtracted.",
            ),
            (
                lambda photo: photo[None, :, :, ::-1] + _MEAN_BGR,
                "The mean colour was added. Minus it, grey comes to lie near 0.",
            ),
            (
                lambda photo: photo[None, :, ::-1] - _MEAN_BGR,
                "This mirrored the photo, left for right. The colours are the *last* axis.",
            ),
            (
                lambda photo: photo[None, :, :, ::-1] / 255 - _MEAN_BGR,
                "The pixels were divided by 255, the mean was not. This network was trained on "
                "levels: no division.",
            ),
            (
                lambda photo: photo.astype(np.float32)[None] / 127.5 - 1,
                "That is the scale of our small network, -1 to 1. ResNet50 was trained in another "
                "way: no division, but a mean colour to subtract.",
            ),
            (
                lambda photo: photo.astype(np.float32)[None] - _MEAN_BGR,
                "Red still comes first, and the mean of blue was subtracted from it. Turn the last "
                "axis round first.",
            ),
            (
                lambda photo: photo.astype(np.float32)[None] - _MEAN_BGR[::-1],
                "The right mean for each colour, but red still comes first. The network wants blue "
                "first.",
            ),
            (
                lambda photo: photo[None, :, :, ::-1].astype(np.float32) - _MEAN_BGR[::-1],
                "Blue comes first, as it should, but the mean of red was subtracted from it.",
            ),
            (
                lambda photo: photo[None, ::-1] - _MEAN_BGR,
                "This turned the photo upside down. The colours are the *last* axis.",
            ),
            (
                lambda photo: _prepared(photo)[0],
                "A network takes a batch: there is one axis more in front, also for one photo.",
            ),
            (
                lambda photo: (photo[None, :, :, ::-1] - _MEAN_BGR.astype(np.uint8)).astype(
                    np.float32
                ),
                "Below zero these numbers wrap round: uint8 knows no -1. Subtract floats.",
            ),
        ],
        hints=[
            "Two steps: turn the order of the colours round, then subtract one number from each.",
            "`photo[:, :, ::-1]` has blue first.",
            "`np.array([103.939, 116.779, 123.68], np.float32)` is subtracted from the last axis; "
            "`[None]` adds the axis of the batch.",
        ],
    ),
    function(
        "09-split",
        "An honest split",
        _split,
        cases=_SOURCES,
        praise="Split by where a picture comes from, never by chance. Hospitals, cameras and days "
        "leak as photos do.",
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
            (
                lambda sources, held_out: tuple(
                    [sources.index(sources[i]) for i in part] for part in _split(sources, held_out)
                ),
                "`index` finds the first crop of a photo only, every time. `enumerate` gives the "
                "index of each crop.",
            ),
            (
                lambda sources, held_out: tuple(
                    [i + 1 for i in part] for part in _split(sources, held_out)
                ),
                "These indices count from 1. Python's start at 0.",
            ),
            (
                lambda sources, held_out: (list(range(len(sources))), []),
                "Nothing is held out: is an index compared with a name, or a name with the whole "
                "list?",
            ),
            (
                lambda sources, held_out: tuple(
                    [(source in held_out) == test for source in sources] for test in (False, True)
                ),
                "These are masks of True and False. Return the indices: `np.flatnonzero` turns one "
                "into the other.",
            ),
            (
                lambda sources, held_out: _split(sources, held_out)[0],
                "That is the training list. Return both lists.",
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
        praise="Report this number beside your own. On a set with nine cats for each dog, 90% is "
        "what you get for saying cat.",
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
            (
                lambda train_labels, test_labels: 1 - _baseline(train_labels, test_labels),
                "That is the share of wrong answers.",
            ),
            (
                lambda train_labels, test_labels: _commonest(train_labels),
                "That is the commonest class. How often is it right on the test labels?",
            ),
            (
                lambda train_labels, test_labels: float(
                    np.mean(np.asarray(test_labels) == np.median(train_labels))
                ),
                "The median is the label in the middle; labels are names, and their order means "
                "nothing. Count how often each occurs.",
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
        praise="What speaks for one class speaks against the other, exactly: the two maps of such "
        "a network are each other's negative.",
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
            (
                lambda p: np.log(p / (1 - p)),
                "That is the score of class 1. Return two: what is the score of class 0?",
            ),
            (
                lambda p: np.array([p, 1 - p]),
                "These are the two probabilities, and in the wrong order. The scores are logits.",
            ),
            (
                lambda p: np.array([(1 - p) / p, p / (1 - p)]),
                "These are the odds. A logit is their logarithm.",
            ),
            (
                lambda p: np.array([np.inf, -np.inf]),
                "Python divides first: `p / 1 - p` is 0. Put `1 - p` in brackets.",
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
        2562,
        praise="2,562 weights for eight pictures, and more than three million that nobody touches. "
        "That is why it can work at all.",
        wrong=[
            (2560, "The biases are missing: one for each class."),
            (2564, "That is two biases for each output. One is enough."),
            (
                7 * 7 * 1280 * 2 + 2,
                "That would be a Dense layer on the 7 x 7 cells of each map. After the average "
                "there is one number a map.",
            ),
            (2 * 1280 + 1280, "One bias for each output, not for each input."),
            (1280, "That is how many numbers go in. Each of the two classes weighs all of them."),
            (1282, "Each class has weights of its own for all the numbers."),
            (1281, "That would be one output. There are two, one for each class."),
            (8 * 1280, "Those are the numbers of the eight pictures. They are data, not weights."),
        ],
        hints=[
            "1280 numbers go into the Dense layer, and 2 come out.",
            "One weight for each pair of input and output.",
            "And one bias for each output.",
        ],
    ),
    function(
        "09-labels",
        "Names in order",
        lambda class_indices: sorted(class_indices, key=class_indices.get),
        cases=_INDICES,
        praise="With the names in the wrong order every answer is wrong, and every heat map "
        "carries the wrong title. It is worth printing one.",
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
                lambda class_indices: sorted(class_indices.items(), key=lambda pair: pair[1]),
                "The right order, but these are pairs of name and number. Only the names are "
                "wanted.",
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
        praise="Cat and room always came together, so no map of these photos can separate them. A "
        "photo of the other cat in the kitchen can.",
        wrong={
            "a": "It may, but these photos cannot show it: whoever knows the rooms does as well.",
            "b": "It may, but these photos cannot show that either: whoever knows the cats "
            "does as well.",
            "d": "A heat map says where, not what: light, sharpness and colour cast of a room are "
            "on the cat as well.",
        },
        hints=[
            "Which two things always went together in these photos?",
            "Remember grass and gravel: a map says where, and the light was everywhere.",
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
                lambda net, photo: _evidence(
                    net, photo, where=lambda heat: heat < np.quantile(heat, 0.1)
                ),
                "This hides the coolest tenth, where the heat is lowest.",
            ),
            (
                lambda net, photo: _evidence(net, photo, where=lambda heat: ~_hottest(heat)),
                "This hides all but the hottest tenth.",
            ),
            (
                lambda net, photo: _evidence(
                    net, photo, where=lambda heat: heat > np.quantile(heat, 0.1)
                ),
                "Above the 0.1 quantile lie nine tenths of the photo. The hottest tenth lies above "
                "the 0.9 quantile.",
            ),
            (
                lambda net, photo: _evidence(net, photo, where=lambda heat: heat > 0.9),
                "Here 0.9 is a heat. The 0.9 *quantile* is the heat that nine tenths of the pixels "
                "do not exceed: `np.quantile(heat, 0.9)`.",
            ),
            (
                lambda net, photo: _evidence(net, photo, score="largest"),
                "This compares the two largest logits. Behind the grey that may be another class: "
                "follow the same one.",
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
    custom(
        "09-checklist",
        "The checklist",
        _is_filled_in,
        praise="Seven answers. No program can judge them: show them to somebody, and ask which "
        "one they would doubt first.",
        wrong=[
            (
                lambda case: not isinstance(case, dict),
                "Fill in the dict `my_case` as it stands, one sentence for each question.",
                _SENTENCE,
            ),
            (
                lambda case: set(case) != set(_QUESTIONS),
                "The questions were changed, or one is missing. Keep the seven as they stand.",
                {"my claim": _SENTENCE},
            ),
            (
                lambda case: len(_known(case)) < 5,
                "More than two times you do not know. Go back to the doubts above: each of them "
                "is a few lines of code, and its number answers a question.",
                dict.fromkeys(_QUESTIONS, "I do not know."),
            ),
            (
                lambda case: not _all_differ(case),
                "Two of the answers are the same. Each question asks for something else.",
                _case(**{"what a second method says": _SENTENCE, "my claim": _SENTENCE}),
            ),
            (
                lambda case: _shortest(case) == 1,
                "One of the answers is a single word. Write a sentence that somebody else could "
                "check; a number in it helps.",
                _case(**{"what a second method says": "yes"}),
            ),
            (
                lambda case: _shortest(case) < 5,
                "One of the answers is very short. Write a sentence of at least five different "
                "words that somebody else could check.",
                _case(**{"what a second method says": "It agrees."}),
            ),
            (
                lambda case: not _has_number(case),
                "How much did hiding the hot places cost, and hiding as much elsewhere? Give the "
                "numbers.",
                _case(**{"what hiding the hot places did": "The logit fell a great deal."}),
            ),
        ],
        otherwise="Fill in the dict `my_case` as it stands, one sentence for each question.",
        hints=[
            "Start with the number that surprised you, and say what it means.",
            "`what a simple rule would reach`: brightness, background, size, the commonest class.",
            "`what the map cannot say`: it says where; think of colour, texture, light.",
        ],
    ),
]
