"""Agreement with evidence at a matched length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import marked_scores, reading

from pellucid.metrics.base import Budget, Undefined, shares
from pellucid.metrics.budget import EmptyAtBudget, F1AtBudget, PrecisionAtBudget, RecallAtBudget, shown_at_budget
from pellucid.metrics.threshold import NOTHING_SHOWN, shown_units, tune_length
from pellucid.metrics.top import PrecisionAtK, RecallAtK
from pellucid.registry import metrics
from pellucid.testing import check_metric

NAMES = (
    "precision_at_budget", "recall_at_budget", "f1_at_budget", "empty_at_budget",
    "budget_true_positives", "budget_false_positives", "budget_false_negatives",
)  # fmt: skip


def at(budget, scores, truth=None, threshold=0.0):
    return replace(reading(scores, truth), budget=Budget(budget, threshold))


@given(marked_scores(), st.integers(1, 45))
def test_at_the_budget_the_figures_are_those_of_the_first_units(case, budget):
    r = at(budget, *case)
    precision, recall = PrecisionAtK(budget)(r), RecallAtK(budget)(r)
    assert PrecisionAtBudget()(r) == precision
    assert RecallAtBudget()(r) == recall
    harmonic = 2 * precision * recall / (precision + recall) if precision else 0.0
    assert F1AtBudget()(r) == pytest.approx(harmonic)


def test_figures_by_hand():
    r = at(2, [0.5, 0.2, 0.2, 0.1], [1, 0, 1, 1])
    assert PrecisionAtBudget()(r) == 0.75  # the second place goes to either of two equal words
    assert RecallAtBudget()(r) == 0.5
    assert F1AtBudget()(r) == pytest.approx(3.0 / 5.0)


def test_an_explanation_is_empty_where_no_share_exceeds_the_threshold_of_the_budget():
    assert EmptyAtBudget()(at(3, [0.5, 0.5], threshold=0.5)) == 1.0
    assert EmptyAtBudget()(at(3, [0.6, 0.4], threshold=0.5)) == 0.0
    assert EmptyAtBudget()(at(3, [0.0, -1.0], threshold=0.0)) == 1.0


@given(marked_scores(), st.sampled_from([0.0, 0.0123456789, 0.2345678912, 1.0]))
def test_counts_at_the_budget_add_up_to_what_is_shown_and_what_is_marked(case, threshold):
    scores, truth = case
    r = at(2, scores, truth, threshold)
    found, extra, missed = (metrics.create(name)(r) for name in NAMES[-3:])
    assert found + missed == truth.sum()
    assert found + extra == shown_at_budget(r).sum()


def test_without_a_budget_nothing_is_invented():
    for name in NAMES:
        with pytest.raises(Undefined, match="no length budget"):
            metrics.create(name)(reading([0.1, 0.9], [1, 0]))


@pytest.mark.parametrize("name", NAMES)
def test_metrics_at_the_budget_keep_the_contract(name):
    cases = [at(2, [0.5, 0.3, 0.2, 0.0], [1, 0, 1, 0], 0.21), at(9, [0.0, 0.0], [0, 1]), at(1, [], [])]
    check_metric(metrics.create(name), cases)


ROWS = st.lists(marked_scores(most=12).map(lambda case: (shares(case[0]), case[1])), min_size=1, max_size=6)


def mean_length(rows, threshold):
    return np.mean([shown_units(share, threshold).sum() for share, _ in rows])


@given(ROWS, st.integers(1, 8))
def test_no_other_threshold_shows_a_number_of_units_nearer_to_the_budget(rows, units):
    chosen = tune_length(rows, units)
    values = np.unique(np.concatenate([share for share, _ in rows]))
    others = [0.0, *values, 1.0]  # a threshold shows what exceeds it, so these are all there is to choose from
    best = min(abs(mean_length(rows, t) - units) for t in others)
    assert abs(mean_length(rows, chosen) - units) == pytest.approx(best)


def test_without_ties_the_budget_is_met_exactly():
    rng = np.random.default_rng(0)
    rows = [(shares(rng.random(n)), rng.random(n) < 0.1) for n in (20, 35, 50)]
    assert mean_length(rows, tune_length(rows, 7)) == 7


def test_equal_scores_are_shown_together_or_not_at_all():
    flat = [(np.full(10, 0.1), np.ones(10, dtype=bool))]
    assert tune_length(flat, 4) == NOTHING_SHOWN  # nothing at all is nearer to 4 than all ten
    assert mean_length(flat, tune_length(flat, 6)) == 10
    assert mean_length(flat, tune_length(flat, 5)) == 0  # as near as ten, and shorter


def test_the_threshold_of_the_budget_does_not_look_at_the_evidence():
    rng = np.random.default_rng(1)
    scores = [shares(rng.random(30)) for _ in range(4)]
    one, other = ([(s, rng.random(30) < rate) for s in scores] for rate in (0.1, 0.9))
    assert tune_length(one, 5) == tune_length(other, 5)


def test_without_any_positive_score_nothing_is_shown():
    assert tune_length([(np.zeros(5), np.ones(5, dtype=bool))], 2) == NOTHING_SHOWN
    assert tune_length([], 2) == NOTHING_SHOWN
