"""The five match classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from plausibility_readings import THRESHOLDS, marked_scores, reading, shown_as

from pellucid.metrics.base import Undefined
from pellucid.metrics.matches import Match, kind_of_match
from pellucid.registry import metrics

NAMES = ["match_exact", "match_proximate", "match_partial", "match_none", "match_empty"]


def at(*positions: int, size: int = 40) -> np.ndarray:
    units = np.zeros(size, dtype=bool)
    units[list(positions)] = True
    return units


@given(marked_scores(), THRESHOLDS)
def test_every_explanation_belongs_to_exactly_one_class(case, threshold):
    scores, truth = case
    values = [metrics.create(name)(reading(scores, truth, threshold)) for name in NAMES]
    assert sorted(values) == [0, 0, 0, 0, 1]


@given(marked_scores())
def test_the_classes_are_those_of_their_definitions(case):
    scores, truth = case
    shown = set(np.flatnonzero(scores > 0).tolist())
    gold = set(np.flatnonzero(truth).tolist())
    expected = "partial"
    if not shown:
        expected = "empty"
    elif shown == gold:
        expected = "exact"
    elif not shown & gold:
        expected = "none"
    else:
        starts = [i for i in gold if i - 1 not in gold]
        mentions = [{j for j in gold if j >= s and set(range(s, j + 1)) <= gold} for s in starts]
        if all(m & shown for m in mentions) and all(min(abs(i - j) for j in gold) <= 10 for i in shown):
            expected = "proximate"
    assert kind_of_match(scores > 0, truth) == expected


def test_ten_units_away_is_near_and_eleven_is_not():
    assert kind_of_match(at(5, 15), at(5)) == "proximate"
    assert kind_of_match(at(5, 16), at(5)) == "partial"
    assert kind_of_match(at(20, 10), at(20)) == "proximate"
    assert kind_of_match(at(20, 9), at(20)) == "partial"


def test_a_mention_without_a_shown_unit_makes_the_match_partial():
    assert kind_of_match(at(5), at(5, 6)) == "proximate"
    assert kind_of_match(at(5), at(5, 8)) == "partial"


def test_units_beside_the_evidence_are_no_match_however_near():
    assert kind_of_match(at(6), at(5)) == "none"


def test_the_classes_hold_on_a_note_shorter_than_the_distance():
    assert kind_of_match(at(0, 1, size=2), at(0, size=2)) == "proximate"


@pytest.mark.parametrize("kind", ["exact", "proximate", "partial", "none", "empty"])
def test_missing_evidence_or_threshold_is_refused(kind):
    with pytest.raises(Undefined, match="covers no unit"):
        Match(kind)(shown_as([1, 0], [0, 0]))
    with pytest.raises(Undefined, match="no threshold"):
        Match(kind)(reading([1.0], [1]))
