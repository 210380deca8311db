"""Agreement of shown spans with evidence spans."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plausibility_readings import reading, shown_as

from pellucid.metrics.base import Undefined
from pellucid.metrics.spans import SpanF1, SpanHitRecall, SpanPrecision, SpanRecall, matched, runs

ROWS = st.integers(1, 14).flatmap(lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n)] * 2))


def best_matching_by_trial(ours, theirs):
    """Greatest number of pairs of index sets with IoU of at least one half, over all one-to-one assignments."""
    few, many = sorted(([set(range(a, b)) for a, b in r] for r in (ours, theirs)), key=len)
    trials = permutations(range(len(many)), len(few))
    return max(sum(2 * len(a & many[j]) >= len(a | many[j]) for a, j in zip(few, trial, strict=True)) for trial in trials)


@settings(max_examples=150)
@given(ROWS)
def test_spans_are_matched_one_to_one_and_as_many_as_possible(rows):
    ours, theirs = (runs(np.array(r)) for r in rows)
    assert matched(ours, theirs) == best_matching_by_trial(ours, theirs)


@given(ROWS)
def test_runs_put_together_are_the_units_again(rows):
    units = np.array(rows[0])
    again = np.zeros(len(units), dtype=bool)
    for start, end in runs(units):
        assert units[start:end].all()
        assert not units[start - 1 : start].any()
        assert not units[end : end + 1].any()
        again[start:end] = True
    assert (again == units).all()


@given(ROWS)
def test_no_figure_of_spans_exceeds_one(rows):
    shown, truth = rows
    if not any(truth):
        truth[0] = True
    values = [m(shown_as(shown, truth)) for m in (SpanRecall(), SpanF1(), SpanHitRecall())]
    if any(shown):
        values.append(SpanPrecision()(shown_as(shown, truth)))
    assert all(0.0 <= v <= 1.0 for v in values)


def test_two_halves_of_one_mention_are_one_find():
    # Each half has an IoU of exactly one half with a mention of two units when the other half is shown elsewhere.
    halves = np.array([[0, 1], [2, 3]]), np.array([[0, 2], [2, 4]])
    assert matched(*halves) == 2
    assert matched(np.array([[0, 1], [1, 2]]), np.array([[0, 2]])) == 1


def test_a_fragment_below_half_of_a_mention_hits_it_but_does_not_match_it():
    fragment = shown_as([0, 1, 0, 0, 0], [1, 1, 1, 0, 1])
    assert SpanRecall()(fragment) == SpanPrecision()(fragment) == SpanF1()(fragment) == 0.0
    assert SpanHitRecall()(fragment) == 0.5


def test_a_hand_worked_example():
    r = shown_as([1, 1, 0, 1, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0, 1, 1])
    assert SpanPrecision()(r) == pytest.approx(2 / 3)
    assert SpanRecall()(r) == 1.0
    assert SpanF1()(r) == pytest.approx(4 / 5)


def test_where_nothing_is_shown_precision_does_not_exist():
    nothing = shown_as([0, 0], [1, 0])
    assert SpanRecall()(nothing) == SpanF1()(nothing) == SpanHitRecall()(nothing) == 0.0
    with pytest.raises(Undefined, match="nothing is shown"):
        SpanPrecision()(nothing)


@pytest.mark.parametrize("metric", [SpanPrecision(), SpanRecall(), SpanF1(), SpanHitRecall()])
def test_missing_evidence_or_threshold_is_refused(metric):
    with pytest.raises(Undefined, match="no threshold"):
        metric(reading([1.0], [1]))
    with pytest.raises(Undefined, match="covers no unit"):
        metric(reading([1.0], [0], 0.1))
