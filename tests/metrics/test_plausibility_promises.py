"""What holds for every metric of plausibility and complexity: scale, direction, range, and inputs left as they were."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import THRESHOLDS, marked_scores
from plausibility_readings import reading as plain_reading

from pellucid.metrics.base import Budget, Metric, Reading, Undefined, modalities_of
from pellucid.registry import metrics

EXPECTED = {
    "average_precision", "auroc", "precision_at_5", "recall_at_5", "iou_at_size",
    "token_precision", "token_recall", "token_f1", "true_positives", "false_positives", "false_negatives",
    "span_precision", "span_recall", "span_f1", "span_hit_recall",
    "match_exact", "match_proximate", "match_partial", "match_none", "match_empty",
    "precision_at_budget", "recall_at_budget", "f1_at_budget", "empty_at_budget",
    "budget_true_positives", "budget_false_positives", "budget_false_negatives",
    "evidence_of_other_labels_at_5", "empty", "punctuation_share", "punctuation_at_5", "entropy", "gini", "k90",
}  # fmt: skip


def family(*names: str) -> list[str]:
    return [n for n in metrics if metrics.create(n).family in names and "text" in modalities_of(metrics.factory(n))]


def reading(scores, truth, threshold):
    """A reading that lacks nothing: whatever is not marked is marked for another label, and three units are the budget."""
    r = plain_reading(scores, truth, threshold)
    return replace(r, others=~r.truth, budget=Budget(3, threshold))


def value(metric: Metric, r: Reading) -> float | str:
    try:
        return metric(r)
    except Undefined as reason:
        return str(reason)


ALL = st.sampled_from(sorted(EXPECTED)).map(metrics.create)


def test_these_and_no_other_metrics_of_text_are_of_plausibility_or_complexity():
    assert set(family("plausibility", "complexity")) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_metric_says_what_it_is(name):
    metric = metrics.create(name)
    assert metric.name == name
    assert metric.cites
    assert metric.range[0] < metric.range[1]
    assert set(metric.needs) <= {"evidence", "threshold", "others", "budget"}
    assert metric.higher_is_better in (True, False, None)


@given(ALL, marked_scores(), THRESHOLDS, st.sampled_from([1e-12, 3e-5, 0.1, 7.0, 1e12]))
def test_multiplying_all_scores_by_a_positive_number_changes_nothing(metric, case, threshold, factor):
    scores, truth = case
    before, after = (value(metric, reading(s, truth, threshold)) for s in (scores, scores * factor))
    assert after == before if isinstance(before, str) else after == pytest.approx(before, abs=1e-12)


@given(ALL, marked_scores(), THRESHOLDS)
def test_values_are_floats_within_the_range_that_the_metric_states(metric, case, threshold):
    result = value(metric, reading(*case, threshold))
    if not isinstance(result, str):
        assert isinstance(result, float)
        assert metric.range[0] <= result <= metric.range[1]


@given(ALL, marked_scores(), THRESHOLDS)
def test_a_reading_is_left_as_it_was(metric, case, threshold):
    r = reading(*case, threshold)
    before = copy.deepcopy((r.scores, r.truth))
    value(metric, r)
    assert np.array_equal(r.scores, before[0])
    assert np.array_equal(r.truth, before[1])


@given(marked_scores())
def test_an_explanation_that_marks_the_evidence_alone_is_perfect(case):
    _, truth = case
    perfect = reading(truth.astype(float), truth, 0.0)
    names = ["average_precision", "iou_at_size", "token_precision", "token_recall", "token_f1"]
    names += ["span_precision", "span_recall", "span_f1", "span_hit_recall", "match_exact"]
    assert [metrics.create(name)(perfect) for name in names] == [pytest.approx(1.0)] * len(names)


@given(marked_scores())
def test_single_precision_scores_are_measured_in_double_precision(case):
    scores, truth = case
    single = replace(reading(scores, truth, 0.0123456789), scores=scores.astype(np.float32))
    for name in sorted(EXPECTED):
        metric = metrics.create(name)
        assert value(metric, single) == value(metric, reading(scores, truth, 0.0123456789))
