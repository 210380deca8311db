"""Agreement of shown units with evidence, unit by unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from plausibility_readings import THRESHOLDS, marked_scores, reading, shown_as
from sklearn.metrics import f1_score, precision_score, recall_score

from pellucid.metrics.base import Undefined
from pellucid.metrics.threshold import shown
from pellucid.metrics.tokens import Count, TokenF1, TokenPrecision, TokenRecall
from pellucid.registry import metrics


@given(marked_scores(), THRESHOLDS)
def test_precision_recall_and_f1_are_those_of_scikit_learn(case, threshold):
    scores, truth = case
    r = reading(scores, truth, threshold)
    visible = shown(r)
    assert TokenRecall()(r) == pytest.approx(recall_score(truth, visible))
    assert TokenF1()(r) == pytest.approx(f1_score(truth, visible, zero_division=0))
    if visible.any():
        assert TokenPrecision()(r) == pytest.approx(precision_score(truth, visible))


@given(marked_scores(), THRESHOLDS)
def test_the_counts_add_up_to_what_is_shown_and_what_is_marked(case, threshold):
    scores, truth = case
    r = reading(scores, truth, threshold)
    found, wrong, missed = (metrics.create(n)(r) for n in ("true_positives", "false_positives", "false_negatives"))
    assert found + missed == truth.sum()
    assert found + wrong == shown(r).sum()
    assert TokenF1()(r) == 2 * found / (2 * found + wrong + missed)


def test_where_nothing_is_shown_recall_is_zero_and_precision_does_not_exist():
    nothing = shown_as([0, 0, 0], [1, 0, 1])
    assert TokenRecall()(nothing) == TokenF1()(nothing) == 0.0
    with pytest.raises(Undefined, match="nothing is shown"):
        TokenPrecision()(nothing)


@pytest.mark.parametrize("metric", [TokenPrecision(), TokenRecall(), TokenF1(), Count("true_positives")])
def test_missing_evidence_or_threshold_is_refused(metric):
    with pytest.raises(Undefined, match="no threshold"):
        metric(reading([1.0], [1]))
    with pytest.raises(Undefined, match="no evidence"):
        metric(reading([1.0], None, 0.1))
    with pytest.raises(Undefined, match="covers no unit"):
        metric(reading([1.0], [0], 0.1))


def test_what_is_shown_is_decided_on_shares_not_on_raw_scores():
    assert TokenF1()(reading(np.array([8.0, 1.0, 1.0]), [1, 0, 0], 0.5)) == 1.0
