"""The evidence removed and kept: against the naive way, and the metrics that read it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from support_faithfulness import Wordwise

from pellucid.metrics.base import Intervention, Reading, Undefined
from pellucid.metrics.interventions import interventions
from pellucid.metrics.sweep import sweep
from pellucid.registry import metrics
from pellucid.testing import check_metric
from pellucid.units import words

NAMES = (
    "comprehensiveness_at_evidence_size",
    "sufficiency_at_evidence_size",
    "comprehensiveness_over_random",
    "sufficiency_over_random",
)


def run(model: Wordwise, truth: np.ndarray, said: dict[str, np.ndarray] | None = None, case: str = "note", **settings):
    batch, units = model.batch(case)
    return interventions(model, batch, model.targets, units, np.atleast_2d(truth), said or {}, filler="mask", **settings)


@st.composite
def notes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of words for two targets, marks for each (perhaps none), and scores with ties."""
    size = draw(st.integers(2, 14))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    return rng.normal(size=(2, size)), rng.random((2, size)) < 0.3, rng.integers(0, 4, (2, size)).astype(float)


@settings(max_examples=40, deadline=None)
@given(notes())
def test_outputs_are_those_of_taking_the_words_away_one_set_at_a_time(case: tuple[np.ndarray, ...]) -> None:
    weights, truth, _ = case
    model = Wordwise(weights, {(0, 1): 1.5})
    found, _ = run(model, truth)
    for k, outcome in enumerate(found):
        if not truth[k].any():
            assert outcome is None
            continue
        whole, without, only = (
            expit(model.outputs(kept[None])[0, k]) for kept in (np.ones_like(truth[k]), ~truth[k], truth[k])
        )
        evidence = outcome.evidence
        assert (evidence.size, evidence.filler, evidence.scale) == (truth[k].sum(), "mask", "probability")
        assert (evidence.whole, evidence.without, evidence.only) == pytest.approx((whole, without, only))


@settings(max_examples=30, deadline=None)
@given(notes())
def test_an_explanation_is_cut_at_the_size_of_the_evidence_in_the_order_of_the_sweep(case: tuple[np.ndarray, ...]) -> None:
    weights, truth, scores = case
    model = Wordwise(weights)
    batch, units = model.batch()
    about = (model, batch, model.targets, units)
    found, _ = interventions(*about, truth, {"m": scores}, filler="mask", seed=3)
    curves = sweep(*about, {"m": scores}, filler="mask", seed=3, counts=range(len(units) + 1))["m"]
    for k, outcome in enumerate(found):
        if outcome is not None:
            own, size = outcome.explanations["m"], int(truth[k].sum())
            assert own.size == size
            assert (own.without, own.only) == pytest.approx((curves[k].removed[size], curves[k].kept[size]))


def test_an_explanation_that_names_the_evidence_gets_the_figures_of_the_evidence() -> None:
    truth = np.array([[0, 1, 1, 0, 0, 0, 1, 0]], dtype=bool)
    (outcome,), _ = run(Wordwise(np.arange(8.0)), truth, {"perfect": truth.astype(float)})
    assert outcome.explanations["perfect"] == outcome.evidence


def test_random_text_is_a_mean_over_draws_that_a_word_without_weight_cannot_move() -> None:
    weights = np.zeros((1, 30))
    weights[0, 5:8] = 3.0
    truth = weights > 0
    (outcome,), _ = run(Wordwise(weights, bias=-4.0), truth, draws=7)
    whole, nothing = expit(5.0), expit(-4.0)
    assert (outcome.evidence.without, outcome.evidence.only) == pytest.approx((nothing, whole))
    assert (outcome.control.without, outcome.control.only) == pytest.approx((whole, nothing))


def test_random_text_of_a_target_depends_on_neither_other_targets_nor_explanations() -> None:
    rng = np.random.default_rng(0)
    weights, truth = rng.normal(size=(2, 40)), rng.random((2, 40)) < 0.1
    both, _ = run(Wordwise(weights), truth, {"m": rng.random((2, 40))}, seed=5)
    alone, _ = run(Wordwise(weights[:1]), truth[:1], seed=5)
    assert (both[0].control.without, both[0].control.only) == pytest.approx((alone[0].control.without, alone[0].control.only))
    other, _ = run(Wordwise(weights), truth, seed=6)
    elsewhere, _ = run(Wordwise(weights), truth, case="another note", seed=5)
    assert len({o[0].control.without for o in (both, other, elsewhere)}) == 3


def test_without_room_for_random_text_there_is_no_control() -> None:
    (outcome,), _ = run(Wordwise(np.ones((1, 3))), np.array([[True, True, False]]))
    assert outcome.evidence.size == 2
    assert math.isnan(outcome.control.without)
    with pytest.raises(Undefined, match="fewer units lie outside"):
        metrics.create("comprehensiveness_over_random")(reading(outcome.evidence, outcome.control))


def test_evidence_that_the_model_never_read_is_no_intervention() -> None:
    model = Wordwise(np.ones((1, 4)))
    batch, _ = model.batch()
    longer = words(batch.cases[0].text + " and beyond")
    truth = np.zeros((1, 6), dtype=bool)
    truth[0, 5] = True
    (outcome,), _ = interventions(model, batch, model.targets, longer, truth, {}, filler="mask")
    with pytest.raises(Undefined, match="nothing that can be removed"):
        metrics.create("sufficiency_at_evidence_size")(reading(outcome.evidence, outcome.control))


def test_what_the_sweep_has_asked_is_not_asked_again() -> None:
    model = Wordwise(np.arange(6.0))
    batch, units = model.batch()
    scores = {"m": np.arange(6.0)[None]}
    about = (model, batch, model.targets, units)
    sweep(*about, scores, filler="mask", counts=range(7))
    before = sum(model.asked.values())
    truth = np.array([[0, 0, 0, 0, 1, 1]], dtype=bool)
    _, cost = interventions(*about, truth, scores, filler="mask", draws=1)
    assert sum(model.asked.values()) - before == cost.scored == 2  # the random text, removed and kept
    assert max(model.asked.values()) == 1
    assert cost.planned == 8


def reading(own: Intervention | None, control: Intervention | None = None) -> Reading:
    return Reading(np.zeros(3), False, words("a b c"), intervention=own, control=control)


OWN = Intervention(2, 0.9, 0.3, 0.8, "probability", "mask")
CONTROL = Intervention(2, 0.9, 0.85, 0.2, "probability", "mask")


def test_values_by_hand() -> None:
    values = [metrics.create(name)(reading(OWN, CONTROL)) for name in NAMES]
    assert values == pytest.approx([0.6, 0.1, 0.55, -0.6])


def test_the_figures_over_random_are_differences_of_the_figures() -> None:
    without, only = (metrics.create(name) for name in NAMES[:2])
    over, under = (metrics.create(name)(reading(OWN, CONTROL)) for name in NAMES[2:])
    assert over == pytest.approx(without(reading(OWN)) - without(reading(CONTROL)))
    assert under == pytest.approx(only(reading(OWN)) - only(reading(CONTROL)))


@pytest.mark.parametrize("name", NAMES)
def test_metrics_of_evidence_use_keep_the_contract(name: str) -> None:
    extreme = replace(OWN, whole=1.0, without=0.0, only=0.0)
    check_metric(
        metrics.create(name), [reading(OWN, CONTROL), reading(extreme, replace(CONTROL, without=1.0, only=1.0)), reading(None)]
    )
