"""Figures of performance, against scikit-learn and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from pellucid.errors import PellucidError
from pellucid.training.evaluate import auroc, average_precision, best_threshold, performance

# Few distinct values, so that ties are common.
tables = st.tuples(st.integers(1, 7), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5 + 1e-9, 0.9, 1.0])),
        arrays(np.bool_, shape),
    )
)


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.95]))
def test_figures_agree_with_scikit_learn(table, threshold):
    p, t = table
    guess = p > threshold
    got = performance(p, t, guess)
    rows, columns = t.any(1), t.any(0)
    if t.any():
        assert got["map"] == pytest.approx(
            np.mean([metrics.average_precision_score(b, a) for a, b in zip(p[rows], t[rows], strict=True)])
        )
        expected = metrics.average_precision_score(t[:, columns], p[:, columns], average="macro")
        assert got["label_map"] == pytest.approx(expected)
        for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score), ("f1", metrics.f1_score)):
            assert got[f"micro_{name}"] == pytest.approx(score(t.ravel(), guess.ravel(), zero_division=0))
        expected = metrics.f1_score(t[:, columns], guess[:, columns], average="macro", zero_division=0)
        assert got["macro_f1"] == pytest.approx(
            expected if columns.sum() > 1 else metrics.f1_score(t[:, columns], guess[:, columns])
        )
    else:
        assert all(got[name] is None for name in ("map", "label_map", "micro_recall", "micro_f1", "macro_f1", "micro_auroc"))
    if t.any() and not t.all():
        assert got["micro_auroc"] == pytest.approx(metrics.roc_auc_score(t.ravel(), p.ravel()))
    mixed = columns & ~t.all(0)
    expected = [metrics.roc_auc_score(t[:, j], p[:, j]) for j in np.flatnonzero(mixed)]
    assert got["macro_auroc"] == (pytest.approx(np.mean(expected)) if expected else None)
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(t, guess))
    assert got["brier"] == pytest.approx(metrics.mean_squared_error(t.ravel().astype(float), p.ravel()))
    assert (got["cases_without_labels"], got["labels_present"]) == ((~rows).sum(), columns.sum())


def brute_force(p: np.ndarray, t: np.ndarray) -> float:
    """Best micro F1 over every threshold from 0 upwards that accepts a different set."""
    return max(metrics.f1_score(t.ravel(), (p > x).ravel(), zero_division=0) for x in np.r_[0.0, np.unique(p)])


@settings(max_examples=150, deadline=None)
@given(tables)
def test_the_threshold_is_the_best_of_all(table):
    p, t = table
    if not t.any():
        with pytest.raises(PellucidError, match="without any label"):
            best_threshold(p, t)
        return
    threshold = best_threshold(p, t)
    assert 0 <= threshold <= 1
    assert metrics.f1_score(t.ravel(), (p > threshold).ravel(), zero_division=0) == pytest.approx(brute_force(p, t), abs=1e-12)


def test_the_threshold_finds_a_cut_between_neighbouring_floats():
    upper = 0.5
    lower = float(np.nextafter(upper, 0))
    threshold = best_threshold(np.array([[upper, lower]]), np.array([[True, False]]))
    assert upper > threshold >= lower


def test_the_threshold_is_half_way_and_the_highest_of_equals():
    assert best_threshold(np.array([[0.9, 0.3]]), np.array([[True, False]])) == pytest.approx(0.6)
    # One of two found without error, or both with one error: F1 is 2/3 or 4/5; then with equal F1 the higher threshold.
    p, t = np.array([[0.9, 0.8, 0.7, 0.6]]), np.array([[True, False, False, True]])
    assert best_threshold(p, t) == pytest.approx(0.85)


def test_a_rescaling_that_keeps_the_order_keeps_the_ranking_figures():
    random = np.random.default_rng(0)
    p, t = random.random((20, 8)), random.random((20, 8)) < 0.3
    one, other = performance(p, t, p > 0.5), performance(p**9, t, p > 0.5)
    for name in ("map", "label_map", "micro_auroc", "macro_auroc"):
        assert one[name] == pytest.approx(other[name])


def test_a_perfect_model_has_perfect_figures_and_they_travel_as_json():
    t = np.array([[True, False], [False, True]])
    figures = performance(t.astype(float), t, t)
    names = ("accuracy", "map", "label_map", "micro_f1", "macro_f1", "micro_auroc", "macro_auroc")
    assert all(figures[name] == 1 for name in names)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_ranking_figures_need_a_positive_and_a_negative():
    scores = np.array([0.2, 0.8])
    assert average_precision(scores, np.array([False, False])) is None
    assert auroc(scores, np.array([True, True])) is None
    assert auroc(np.array([0.5, 0.5]), np.array([True, False])) == 0.5


def test_probabilities_that_are_not_numbers_are_refused():
    with pytest.raises(PellucidError, match="not numbers"):
        performance(np.array([[np.nan]]), np.array([[True]]), np.array([[True]]))
