"""Precision and recall over many explanations pooled into one ranking."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import marked_scores
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as reference_curve

from pellucid.metrics import pooled
from pellucid.metrics.base import shares
from pellucid.metrics.pooled import Pooled, pooled_average_precision, precision_recall_curve

CASES = st.lists(marked_scores(most=12), min_size=1, max_size=6)


def rows_of(cases):
    return [(shares(scores), truth) for scores, truth in cases]


def flat(rows):
    return np.concatenate([t for _, t in rows]), np.concatenate([s for s, _ in rows])


@given(CASES)
def test_the_curve_is_that_of_scikit_learn_over_all_units(cases):
    rows = rows_of(cases)
    precision, recall, thresholds = reference_curve(*flat(rows))
    ours = precision_recall_curve(rows)
    assert ours.recall == pytest.approx(recall[-2::-1])
    assert ours.precision == pytest.approx(precision[-2::-1])
    assert ours.thresholds == pytest.approx(thresholds[::-1])


@given(CASES, st.data())
def test_a_weight_counts_a_row_as_often_as_it_says(cases, data):
    rows = rows_of(cases)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))), dtype=float)
    repeated = [row for row, times in zip(rows, weights, strict=True) for _ in range(int(times))]
    value = pooled_average_precision(rows, weights)
    if repeated:
        assert value == pytest.approx(average_precision_score(*flat(repeated)))
        curve = precision_recall_curve(repeated)
        weighted = precision_recall_curve(rows, weights)
        assert np.interp(curve.thresholds, weighted.thresholds[::-1], weighted.recall[::-1]) == pytest.approx(curve.recall)
    else:
        assert np.isnan(value)


@given(CASES)
def test_average_precision_is_the_area_of_the_curve_in_steps(cases):
    curve = precision_recall_curve(rows_of(cases))
    area = np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision)
    assert pooled_average_precision(rows_of(cases)) == pytest.approx(area)


def test_draws_computed_in_blocks_are_those_computed_alone(monkeypatch):
    rng = np.random.default_rng(3)
    rows = [(shares(rng.random(30)), rng.random(30) < 0.2) for _ in range(20)]
    weights = rng.integers(0, 3, size=(50, 20)).astype(float)
    together = Pooled.of(rows).average_precision(weights)
    monkeypatch.setattr(pooled, "CELLS", 200)
    assert Pooled.of(rows).average_precision(weights) == pytest.approx(together, abs=1e-15)
    assert together == pytest.approx([pooled_average_precision(rows, w) for w in weights])


def test_memory_does_not_grow_with_the_number_of_draws(monkeypatch):
    monkeypatch.setattr(pooled, "CELLS", 1 << 14)
    rng = np.random.default_rng(4)
    pool = Pooled.of([(shares(rng.random(50)), rng.random(50) < 0.2) for _ in range(40)])
    pool.average_precision(np.ones((1, 40)))
    peaks = []
    for draws in (100, 1000):
        weights = np.ones((draws, 40))
        tracemalloc.start()
        pool.average_precision(weights)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_without_evidence_there_is_no_recall_and_no_average_precision():
    nothing = [(np.array([0.7, 0.3]), np.array([False, False]))]
    assert np.isnan(pooled_average_precision(nothing))
    assert np.isnan(precision_recall_curve(nothing).recall).all()
    assert precision_recall_curve(nothing).precision.tolist() == [0.0, 0.0]
    assert np.isnan(pooled_average_precision([]))
    assert len(precision_recall_curve([]).recall) == 0


def test_the_curve_can_be_read_at_chosen_recalls():
    curve = precision_recall_curve([(np.array([0.4, 0.3, 0.2, 0.1]), np.array([True, False, True, False]))])
    assert curve.precision_at(np.array([0.1, 0.5, 0.6, 1.0])) == pytest.approx([1.0, 1.0, 2 / 3, 2 / 3])


def test_rows_are_left_as_they_were():
    share, truth = np.array([0.5, 0.5]), np.array([True, False])
    pooled_average_precision([(share, truth)])
    assert share.tolist() == [0.5, 0.5]
    assert truth.tolist() == [True, False]
