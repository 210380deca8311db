"""The evidence among the first k units."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plausibility_readings import marked_scores, reading

from pellucid.errors import PellucidError
from pellucid.metrics.base import Undefined
from pellucid.metrics.top import IouAtSize, PrecisionAtK, RecallAtK


def over_all_tie_breaks(scores, truth, k, figure):
    """Mean of a figure of the first k units over all orders in which tied units may come."""
    values = []
    for breaks in permutations(range(len(scores))):
        first = np.zeros(len(scores), dtype=bool)
        first[np.lexsort((breaks, -scores))[:k]] = True
        values.append(figure(first, truth))
    return np.mean(values)


def overlap(first, truth):
    return (first & truth).sum() / (first | truth).sum()


@settings(max_examples=40)
@given(marked_scores(most=6), st.integers(1, 8))
def test_ties_give_the_exact_expectation_over_all_tie_breaks(case, k):
    scores, truth = case
    held = min(k, len(scores))
    hits = over_all_tie_breaks(scores, truth, held, lambda first, truth: (first & truth).sum())
    assert PrecisionAtK(k)(reading(scores, truth)) == pytest.approx(hits / held)
    assert RecallAtK(k)(reading(scores, truth)) == pytest.approx(hits / truth.sum())


@settings(max_examples=40)
@given(marked_scores(most=6))
def test_iou_at_size_is_the_expected_overlap_with_as_many_units_as_are_marked(case):
    scores, truth = case
    expected = over_all_tie_breaks(scores, truth, int(truth.sum()), overlap)
    assert IouAtSize()(reading(scores, truth)) == pytest.approx(expected)


def test_a_ranking_without_ties_needs_no_expectation():
    scores = reading([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 1, 0, 0, 1])
    assert PrecisionAtK(5)(scores) == pytest.approx(2 / 5)
    assert RecallAtK(5)(scores) == pytest.approx(2 / 3)
    assert IouAtSize()(scores) == pytest.approx(2 / 4)


def test_a_case_of_fewer_than_k_units_is_judged_on_the_units_it_has():
    assert PrecisionAtK(5)(reading([0.2, 0.1], [1, 0])) == 0.5
    assert RecallAtK(5)(reading([0.2, 0.1], [1, 0])) == 1.0


def test_a_constant_map_over_a_long_note_gets_the_chance_level_of_precision():
    truth = [1] * 300 + [0] * 2700
    assert PrecisionAtK(5)(reading(np.zeros(3000), truth)) == pytest.approx(0.1)
    assert IouAtSize()(reading(np.zeros(3000), truth)) == pytest.approx(0.1 / 1.9, rel=0.01)


def test_the_name_says_which_k():
    assert (PrecisionAtK(10).name, RecallAtK(1).name) == ("precision_at_10", "recall_at_1")


def test_no_place_to_look_at_is_refused():
    with pytest.raises(PellucidError, match="k >= 1"):
        PrecisionAtK(0)


@pytest.mark.parametrize("metric", [PrecisionAtK(), RecallAtK(), IouAtSize()])
def test_missing_evidence_is_refused(metric):
    with pytest.raises(Undefined, match="no evidence"):
        metric(reading([1.0, 0.0]))
    with pytest.raises(Undefined, match="covers no unit"):
        metric(reading([1.0, 0.0], [0, 0]))
    with pytest.raises(Undefined, match=r"no units|covers no unit"):
        metric(reading([], [], text=""))
