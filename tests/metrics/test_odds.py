"""Models whose labels exclude each other, in perturbation tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from support_faithfulness import Wordwise

from pellucid.metrics.odds import softmax_odds
from pellucid.metrics.sweep import sweep
from pellucid.target import Target, resolve

LABELS = ("A", "B", "C")


@given(st.lists(st.lists(st.floats(-40, 40), min_size=3, max_size=3), min_size=1, max_size=5))
def test_the_sigmoid_of_the_odds_is_the_probability_of_the_softmax(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    odds = softmax_odds(logits, resolve([Target.label(label) for label in LABELS], LABELS))
    assert expit(odds) == pytest.approx(softmax(logits, axis=1), rel=1e-9, abs=1e-300)


def test_a_contrast_is_the_difference_of_two_logits_whatever_the_others_say() -> None:
    logits = np.array([[1.0, -2.0, 30.0]])
    odds = softmax_odds(logits, resolve([Target.contrast("A", "B"), Target.label("C")], LABELS))
    assert odds[0, 0] == 3.0
    assert odds[0, 1] == pytest.approx(30.0 - np.log(np.exp(1.0) + np.exp(-2.0)))


def test_a_sweep_of_an_exclusive_model_begins_at_the_probability_that_it_gives() -> None:
    weights = np.array([[2.0, 0.0, 0.0, 1.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    model = Wordwise(weights)
    model.exclusive = True  # type: ignore[attr-defined]
    batch, units = model.batch()
    targets = model.targets[:2]
    found = sweep(model, batch, targets, units, {"m": weights[:2]}, filler="mask", counts=range(5))["m"]
    kept = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=bool)
    assert [c.removed[0] for c in found] == pytest.approx(softmax(weights.sum(1))[:2])
    first = found[0].removed[[0, 1, 2]]
    assert first == pytest.approx(softmax(model.outputs(kept[:3]), axis=1)[:, 0])
