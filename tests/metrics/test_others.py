"""Evidence of other labels, and punctuation, among the first units."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plausibility_readings import marked_scores, reading

from pellucid.metrics.base import Undefined
from pellucid.metrics.complexity import PunctuationAtK
from pellucid.metrics.others import EvidenceOfOtherLabelsAtK
from pellucid.testing import check_metric

PUNCTUATED = "pain , fever . cough ; home"


def beside(scores, others):
    return replace(reading(scores), others=np.array(others, dtype=bool))


def test_share_of_the_first_five_that_is_marked_for_another_label():
    assert EvidenceOfOtherLabelsAtK()(beside([9, 8, 7, 6, 5, 4, 3], [1, 0, 0, 1, 0, 1, 1])) == 2 / 5
    assert EvidenceOfOtherLabelsAtK()(beside([1, 2, 3], [1, 0, 1])) == 2 / 3  # fewer than five words


@given(marked_scores(least=1))
def test_a_constant_map_gets_the_share_of_words_that_are_so_marked(case):
    _, others = case
    assert EvidenceOfOtherLabelsAtK()(beside(np.ones(len(others)), others)) == pytest.approx(others.mean())


def test_a_case_without_evidence_of_other_labels_says_nothing():
    with pytest.raises(Undefined, match="no other label"):
        EvidenceOfOtherLabelsAtK()(beside([1, 2], [0, 0]))
    with pytest.raises(Undefined, match="no other label"):
        EvidenceOfOtherLabelsAtK()(reading([1, 2]))


def test_punctuation_among_the_first_five_by_hand():
    scores = [1, 7, 6, 5, 4, 3, 2]
    assert PunctuationAtK()(reading(scores, text=PUNCTUATED)) == 3 / 5
    assert PunctuationAtK()(reading([0, 2, 1, 0, -1, 0, 0], text=PUNCTUATED)) == 1 / 2  # only two words have a positive score


def test_the_evidence_as_a_map_gives_the_share_of_its_own_punctuation():
    truth = np.array([1, 1, 1, 0, 0, 0, 0])
    assert PunctuationAtK()(reading(truth, text=PUNCTUATED)) == pytest.approx(1 / 3)


def test_a_map_without_positive_scores_has_no_first_words():
    with pytest.raises(Undefined, match="no score is positive"):
        PunctuationAtK()(reading([0, -1, 0, 0, 0, 0, 0], text=PUNCTUATED))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=7, max_size=7).filter(any))
def test_ties_give_the_exact_expectation_over_all_tie_breaks(values):
    r = reading(np.array(values, dtype=float), text=PUNCTUATED)
    k = min(3, int((r.scores > 0).sum()))
    shares = []
    for breaks in permutations(range(7)):
        first = np.lexsort((breaks, -r.scores))[:k]
        shares.append(r.units.is_punctuation[first].mean())
    assert PunctuationAtK(3)(r) == pytest.approx(np.mean(shares))


def test_both_keep_the_contract_of_metrics():
    scores = [[1, 7, 6, 5, 4, 3, 2], [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, -1, 0, 1, 1]]
    readings = [replace(reading(s, text=PUNCTUATED), others=np.arange(7) > 4) for s in scores]
    check_metric(EvidenceOfOtherLabelsAtK(), readings)
    check_metric(PunctuationAtK(), readings)
