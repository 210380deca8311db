"""Integrated gradients add up, stop when they are done, and are not what was released under that name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import LABELS, coder, note

from pellucid.errors import PellucidError
from pellucid.explainers import released
from pellucid.explainers.integrated_gradients import IntegratedGradients
from pellucid.explainers.quadrature import clenshaw_curtis, gauss_legendre
from pellucid.explainers.released import ReleasedIntegratedGradients
from pellucid.target import Target

TARGETS = [Target.label(label) for label in LABELS[:3]]


def explain(model, batch, **settings):
    return IntegratedGradients(**settings)(model, batch, TARGETS)[0]


@given(st.integers(1, 5), st.lists(st.floats(-2, 2), min_size=1, max_size=9))
def test_rules_are_exact_for_polynomials(power, coefficients):
    polynomial = np.polynomial.Polynomial(coefficients)
    integral = polynomial.integ()
    exact = integral(1.0) - integral(0.0)
    intervals = 2 ** (power + 2)
    for nodes, weights in (gauss_legendre(5), clenshaw_curtis(intervals)):
        assert np.isclose(weights @ polynomial(nodes), exact, atol=1e-12)


def test_points_of_a_rule_are_points_of_the_next():
    for intervals in (4, 8, 32):
        assert np.allclose(clenshaw_curtis(intervals)[0], clenshaw_curtis(2 * intervals)[0][::2], atol=1e-15)


def test_integrated_gradients_are_complete_up_to_the_gap_that_they_state():
    model = coder(sharpness=0.6)
    batch = model.encode([note(12)])
    found = explain(model, batch)
    with torch.no_grad():
        change = model.scores(model.features(batch), batch, TARGETS) - model.scores(model.reference(batch), batch, TARGETS)
    change = change[0].numpy()
    assert np.allclose(found.scores.sum(1) + found.facts["completeness_gap"], change, atol=1e-12)
    assert (np.abs(found.facts["completeness_gap"]) <= 0.01 * np.abs(change)).all()
    assert (found.facts["map_change"] <= 0.1).all()


def test_a_stricter_tolerance_takes_more_points_and_a_target_never_more_than_allowed():
    model = coder(sharpness=0.6)
    batch = model.encode([note(9)])
    loose, strict = explain(model, batch, tolerance=0.05), explain(model, batch, tolerance=1e-5)
    assert (loose.facts["steps"] < strict.facts["steps"]).all()
    assert set(loose.facts["steps"]) <= {9.0, 17.0, 33.0}
    assert (explain(model, batch, tolerance=0.0, most=16).facts["steps"] == 17).all()


def test_a_small_gap_is_no_proof_of_a_right_map():
    """Errors of tokens cancel in the sum, so a rule that stops at the gap alone would stop too early."""
    model = coder(sharpness=0.6)
    batch = model.encode([note(6)])
    right = explain(model, batch, steps=48).scores
    rough = [explain(model, batch, steps=n) for n in (2, 3, 4)]
    errors = np.array([np.abs(r.scores - right).sum(1) for r in rough])
    gaps = np.array([np.abs(r.facts["completeness_gap"]) for r in rough])
    assert (errors > 3 * gaps).any()
    assert (np.abs(explain(model, batch).scores - right).sum(1) <= 0.02 * np.abs(right).sum(1)).all()


def test_points_of_a_smaller_rule_are_not_taken_again():
    model = coder(sharpness=0.6)
    batch = model.encode([note(9)])
    count = len(batch.data.notes[0].lengths)
    model.probabilities(batch)
    before = model.cost.chunks
    explain(model, batch, tolerance=0.0, most=16)
    assert model.cost.chunks - before == 16 * count  # 17 points, of which the note itself was encoded before


def test_a_target_that_is_done_is_not_sent_back_again():
    model = coder(sharpness=0.6)
    both = [Target.label(label) for label in LABELS]
    spent = {}
    for name, tolerance in (("some", 0.01), ("all", 0.0)):
        before = model.cost.chunk_gradients
        batch = model.encode([note(9)])
        found = IntegratedGradients(tolerance=tolerance, most=16)(model, batch, both)[0]
        spent[name] = model.cost.chunk_gradients - before, found.facts["steps"]
    assert len(set(spent["some"][1])) > 1, "targets must differ for this test to say anything"
    assert spent["some"][0] < spent["all"][0]


def test_a_fixed_number_of_steps_is_taken_as_it_is():
    model = coder()
    found = explain(model, model.encode([note(5)]), steps=3)
    assert (found.facts["steps"] == 3).all()
    assert "map_change" not in found.facts


@pytest.mark.parametrize("settings", [{"steps": 0}, {"most": 4}, {"most": 24}])
def test_impossible_settings_are_refused(settings):
    model = coder()
    with pytest.raises(PellucidError, match=r"at least 1 step|power of 2"):
        explain(model, model.encode([note(5)]), **settings)


def test_integrated_gradients_as_released_are_the_length_of_the_mean_gradient():
    model = coder()
    batch = model.encode([note(9)])
    x, reference = model.features(batch), model.reference(batch)
    mean = torch.zeros(len(TARGETS), *x.shape[1:], dtype=torch.float64)
    for node, weight in zip(*gauss_legendre(6), strict=True):
        at = (reference + float(node) * (x - reference)).requires_grad_()
        scores = model.scores(at, batch, TARGETS)[0]
        for k in range(len(TARGETS)):
            mean[k] += weight * torch.autograd.grad(scores[k], at, retain_graph=True)[0][0]
    found = ReleasedIntegratedGradients(steps=6)(model, batch, TARGETS)[0].scores
    expected = mean.norm(dim=-1).numpy()[:, batch.rows[0]]
    assert np.allclose(found, expected, atol=1e-4 * expected.max())
    faithful = explain(model, batch).scores
    assert np.corrcoef(found.ravel(), np.abs(faithful).ravel())[0, 1] < 0.9, "the factor (x - x') must matter"


def test_released_integrated_gradients_are_the_same_whatever_fits_at_once(monkeypatch):
    model = coder()
    explainer, batch = ReleasedIntegratedGradients(steps=3), model.encode([note(9)])
    together = explainer(model, batch, TARGETS)[0].scores
    monkeypatch.setattr(released, "_BUDGET", 1)
    assert np.allclose(explainer(model, batch, TARGETS)[0].scores, together, atol=1e-12)
