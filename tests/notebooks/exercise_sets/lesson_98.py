"""Exercises of the demonstration lesson, one of each kind."""

import numpy as np

from cnnvis_helpers.exercises.kinds import choice, custom, function, value

HINTS = ["Read the sentence again.", "Think of a small example.", "You have all you need."]

EXERCISES = [
    function(
        "98-mean",
        "The mean of an array",
        lambda values: values.mean(),
        cases=[(np.arange(6.0).reshape(2, 3),), (np.ones((3, 2)),)],
        wrong=[
            (lambda values: values.sum(), "That is the sum. How many values are there?"),
            (lambda values: values.mean(axis=0), "That is one mean a column."),
            (lambda values: values.sum() / len(values), "`len` counts the rows only."),
        ],
        hints=HINTS,
    ),
    value(
        "98-labels",
        "The number of labels",
        lambda net: len(net.labels),
        wrong=[
            (lambda net: len(net.labels) - 1, "One label is missing. Python counts from 0."),
            (lambda net: net.labels, "These are the labels themselves."),
            (lambda net: len("".join(net.labels)), "These are the letters of all labels."),
        ],
        hints=HINTS,
    ),
    choice(
        "98-letter",
        "The first letter",
        "a",
        wrong={"b": "b is the second.", "c": "c is the third.", "d": "d is the fourth."},
        hints=HINTS,
    ),
    custom(
        "98-even",
        "An even number",
        lambda answer: answer > 10 and answer % 2 == 0,
        wrong=[
            (lambda answer: answer % 2 == 1, "This is odd.", 11),
            (lambda answer: answer % 1 > 0, "This is not a whole number.", 12.5),
            (lambda answer: answer <= 10, "This is too small.", 4),
        ],
        otherwise="This is no even whole number above 10.",
        hints=HINTS,
    ),
]
