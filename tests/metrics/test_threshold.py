"""Which units are shown, and the threshold that decides it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plausibility_readings import marked_scores, reading

from pellucid.metrics.base import Undefined, shares
from pellucid.metrics.threshold import NOTHING_SHOWN, shown, shown_units, tune


def pooled_f1(rows, threshold):
    visible = np.concatenate([shown_units(share, threshold) for share, _ in rows])
    truth = np.concatenate([t for _, t in rows])
    return 2 * (visible & truth).sum() / (visible.sum() + truth.sum())


def units_shown(rows, threshold):
    return sum(int(shown_units(share, threshold).sum()) for share, _ in rows)


@given(st.lists(marked_scores(most=12), min_size=1, max_size=5))
def test_no_other_threshold_has_a_better_pooled_f1_or_as_good_a_one_with_fewer_units(cases):
    rows = [(shares(scores), truth) for scores, truth in cases]
    best = tune(rows)
    candidates = np.unique(np.concatenate([[0.0, 1.0], *(share for share, _ in rows)]))
    reached = max(pooled_f1(rows, t) for t in candidates)
    assert 0.0 <= best <= 1.0
    assert pooled_f1(rows, best) == reached
    assert units_shown(rows, best) == min(units_shown(rows, t) for t in candidates if pooled_f1(rows, t) == reached)


@given(marked_scores())
def test_rounding_on_another_machine_shows_the_same_units(case):
    rows = [(shares(case[0]), case[1])]
    for factor in (1 - 1e-12, 1 + 1e-12):
        shaken = [(np.minimum(share * factor, 1.0), truth) for share, truth in rows]
        assert units_shown(rows, tune(rows)) == units_shown(shaken, tune(rows))


def test_the_threshold_lies_halfway_between_shown_and_not_shown():
    assert tune([(np.array([0.6, 0.3, 0.1]), np.array([1, 1, 0], dtype=bool))]) == pytest.approx(0.2)


def test_neighbouring_floats_are_still_told_apart():
    low = 0.5
    high = np.nextafter(low, 1.0)
    assert tune([(np.array([high, low]), np.array([True, False]))]) == low


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(np.array([0.5, 0.5]), np.array([False, False]))],
        [(np.array([0.0, 0.0]), np.array([True, False]))],
        [(np.array([0.0, 1.0]), np.array([True, False]))],
    ],
    ids=["no rows", "no evidence", "no positive score", "evidence only where no score is"],
)
def test_where_nothing_can_be_found_nothing_is_shown(rows):
    assert tune(rows) == NOTHING_SHOWN
    assert not any(shown_units(share, NOTHING_SHOWN).any() for share, _ in rows)


def test_a_unit_without_positive_score_is_never_shown():
    assert shown(reading([0.5, 0.0, -3.0], threshold=0.0)).tolist() == [True, False, False]
    assert not shown(reading([-1.0, -2.0], threshold=0.0)).any()


def test_a_reading_without_threshold_shows_nothing_that_could_be_judged():
    with pytest.raises(Undefined, match="no threshold"):
        shown(reading([1.0]))
