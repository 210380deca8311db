"""How much an explanation asks its reader to take in."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from plausibility_readings import marked_scores, reading

from pellucid.metrics.base import Undefined
from pellucid.metrics.complexity import K90, Empty, Entropy, Gini, PunctuationShare


@given(marked_scores(least=2))
def test_entropy_is_that_of_scipy_over_the_logarithm_of_the_size(case):
    scores, _ = case
    assume(scores.any())
    expected = scipy.stats.entropy(np.abs(scores)) / np.log(len(scores))
    assert Entropy()(reading(scores)) == pytest.approx(expected, abs=1e-12)


@given(marked_scores())
def test_gini_is_half_the_relative_mean_difference_of_all_pairs(case):
    sizes = np.abs(case[0])
    assume(sizes.any())
    expected = np.abs(sizes[:, None] - sizes).mean() / (2 * sizes.mean())
    assert Gini()(reading(case[0])) == pytest.approx(expected, abs=1e-12)


@given(marked_scores())
def test_k90_units_hold_ninety_per_cent_and_one_fewer_does_not(case):
    sizes = np.sort(np.abs(case[0]))[::-1]  # multiples of one eighth: their sums are exact
    assume(sizes.any())
    k = int(K90()(reading(case[0])))
    assert 10 * sizes[:k].sum() >= 9 * sizes.sum()
    assert 10 * sizes[: k - 1].sum() < 9 * sizes.sum()


@pytest.mark.parametrize("scale", [5e-324, 1e-12, 0.1, 1.0, 1e12, 1e308])
def test_a_uniform_map_is_as_complex_as_can_be_at_any_scale(scale):
    uniform = reading(np.full(10, scale))
    assert Entropy()(uniform) == pytest.approx(1.0)
    assert Gini()(uniform) == pytest.approx(0.0)
    assert K90()(uniform) == 9


@pytest.mark.parametrize("scale", [-1e12, -1e-12, 5e-324, 1e308])
def test_a_map_on_one_unit_is_as_simple_as_can_be_at_any_scale_and_sign(scale):
    single = reading(np.eye(10)[3] * scale)
    assert Entropy()(single) == 0.0
    assert Gini()(single) == pytest.approx(0.9)
    assert K90()(single) == 1


def test_a_note_of_one_unit_has_no_entropy_but_a_gini_and_a_k90():
    one = reading([0.4])
    assert (Gini()(one), K90()(one)) == (0.0, 1.0)
    with pytest.raises(Undefined, match="single unit"):
        Entropy()(one)


@pytest.mark.parametrize("metric", [Entropy(), Gini(), K90()])
def test_a_zero_map_has_no_distribution_to_measure(metric):
    with pytest.raises(Undefined, match="all scores are zero"):
        metric(reading([0.0, 0.0]))
    with pytest.raises(Undefined, match="not finite"):
        metric(reading([np.inf, 0.0]))
    with pytest.raises(Undefined, match="no units"):
        metric(reading([], text=""))


def test_punctuation_share_counts_positive_scores_on_units_without_letter_or_digit():
    assert PunctuationShare()(reading([3.0, 1.0, 0.0, -9.0], text="fever , 38.5 .")) == pytest.approx(0.25)
    with pytest.raises(Undefined, match="no score is positive"):
        PunctuationShare()(reading([-1.0, 0.0], text="fever ."))


def test_an_explanation_is_empty_if_no_share_exceeds_the_threshold():
    flat = [1.0] * 10
    assert Empty()(reading(flat, threshold=0.2)) == 1.0
    assert Empty()(reading(flat, threshold=0.05)) == 0.0
    assert Empty()(reading([-1.0, 0.0], threshold=0.0)) == 1.0
    with pytest.raises(Undefined, match="no threshold"):
        Empty()(reading(flat))
