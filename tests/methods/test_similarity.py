"""Similarity of maps: identities, xplique's numbers, and one window by hand."""

import numpy as np
import pytest
from architectures import one_sentence

from cnnvis_helpers.methods.similarity import rank_correlation, structural_similarity

RNG = np.random.default_rng(0)
A = RNG.normal(size=(24, 30))
B = 0.5 * A + RNG.normal(size=(24, 30))


# Rank correlation --------------------------------------------------------------------------------


def test_rank_correlation_knows_order_alone():
    assert rank_correlation(A, np.exp(A)) == pytest.approx(1)
    assert rank_correlation(A, -A) == pytest.approx(-1)
    assert rank_correlation(A, np.abs(A)) < 0.2
    assert rank_correlation(A, 1e-30 * A) == pytest.approx(1)


def test_a_flat_map_ranks_nothing():
    assert rank_correlation(A, np.zeros_like(A)) == 0.0
    assert rank_correlation(np.ones_like(A), np.ones_like(A)) == 0.0


def test_rank_correlation_by_the_definition_in_xplique():
    """xplique 2.0, metrics/randomization.py: mean ranks of equal values, then the correlation."""

    def ranks(values):  # how many are smaller, and half of the others that are equal
        values = values.ravel()
        smaller = (values[None] < values[:, None]).sum(axis=1)
        return smaller + ((values[None] == values[:, None]).sum(axis=1) - 1) / 2

    for a, b in [(A, B), (A.round(), B.round(1))]:
        x, y = (one - one.mean() for one in (ranks(a), ranks(b)))
        expected = np.mean(x * y) / (x.std() * y.std())
        assert rank_correlation(a, b) == pytest.approx(expected, abs=1e-12)


# Structural similarity ---------------------------------------------------------------------------


@pytest.mark.parametrize("positive", [False, True])
def test_structural_similarity_is_that_in_xplique_but_for_its_range(positive):
    """xplique 2.0 hands maps to tf.image.ssim, with the range that both together happen to span."""
    import tensorflow as tf

    a, b = (np.abs(A), np.abs(B)) if positive else (A, B)
    a, b = a / np.abs(a).max(), b / np.abs(b).max()

    def theirs(span):
        pair = (tf.constant(one[..., None], tf.float32) for one in (a, b))
        return float(tf.image.ssim(*pair, max_val=span, filter_size=11, filter_sigma=1.5))

    assert structural_similarity(a, b) == pytest.approx(theirs(1 if positive else 2), abs=1e-5)
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    assert structural_similarity(a, b) == pytest.approx(theirs(span), abs=0.01)


def test_structural_similarity_of_the_same_map_is_one_at_any_scale():
    assert structural_similarity(A, A) == pytest.approx(1)
    assert structural_similarity(A, 1e-6 * A) == pytest.approx(1)
    assert structural_similarity(A, -A) < 0.3
    zeros = np.zeros_like(A)
    assert structural_similarity(zeros, zeros) == pytest.approx(1)
    assert structural_similarity(A, zeros) < 0.1


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [rank_correlation, structural_similarity])
@pytest.mark.parametrize(
    "a, b, said",
    [
        (A, A[:20], "same shape"),
        (A[0], A[0], r"A map is \(h, w\)"),
        (A, np.where(A > 2, np.nan, A), "finite"),
    ],
)
def test_bad_maps_are_refused_in_one_sentence(measure, a, b, said):
    with pytest.raises(ValueError, match=said) as error:
        measure(a, b)
    assert one_sentence(error)


def test_structural_similarity_of_small_maps_is_refused():
    with pytest.raises(ValueError, match="11 x 11 pixels or more, not 8 x 30") as error:
        structural_similarity(A[:8], B[:8])
    assert one_sentence(error)
