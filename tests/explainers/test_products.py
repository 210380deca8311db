"""Methods made of attention and gradients: each is its formula, and those that share a pass do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import LABELS, coder, note

from pellucid.errors import PellucidError
from pellucid.explainers.gradient_x_difference import GradientXDifference
from pellucid.predictors import explicit
from pellucid.registry import explainers
from pellucid.target import Target

TARGETS = [Target.label(label) for label in LABELS[:3]]


@pytest.fixture
def model():
    whole = coder()
    whole.tolerance = 0.0
    return whole


def explain(name, model, batch, **settings):
    return explainers.create(name, **settings)(model, batch, TARGETS)[0].scores


def gradients(model, batch, source):
    """K x U x d, for a batch of one note."""
    result = torch.zeros(len(TARGETS), *model.features(batch).shape[1:], dtype=torch.float64)
    for piece in source:
        rows = piece.starts[:, None] + torch.arange(piece.gradient.shape[1])
        result[piece.targets[:, None], rows] = piece.gradient
    return result[:, batch.rows[0]].numpy()


def difference(model, batch):
    return (model.features(batch) - model.reference(batch))[0, batch.rows[0]].numpy()


def test_the_score_gradient_in_closed_form_is_that_of_autograd(model):
    batch = model.encode([note(20)])
    decoder, hidden = model.module.decoder, model._hidden(batch, 0).flatten(0, 1)
    real = model._real(batch.data.notes[0]).flatten()
    for k in range(len(TARGETS)):
        output = torch.tensor([k])
        scores = decoder.attention_scores(hidden, output).detach().masked_fill(~real, -torch.inf).requires_grad_()
        logit = decoder.head(torch.softmax(scores, -1) @ decoder.values(hidden), output)
        expected = torch.autograd.grad(logit.sum(), scores)[0][0].numpy()[batch.rows[0]]
        assert np.allclose(explain("score_gradient_signed", model, batch)[k], expected, atol=1e-13)
        assert np.allclose(explain("score_gradient", model, batch)[k], np.abs(expected), atol=1e-13)


def test_score_gradients_of_a_note_cancel_as_attention_can_only_be_moved(model):
    batch = model.encode([note(20)])
    reading = model.label_attention(batch, TARGETS)[0]
    assert torch.allclose(reading.score_gradient.sum(1), torch.zeros(()).double(), atol=1e-12)


def test_value_norm_is_attention_times_the_length_of_the_value(model):
    batch = model.encode([note(20)])
    values = model.module.decoder.values(model._hidden(batch, 0).flatten(0, 1)).detach().numpy()[batch.rows[0]]
    expected = explain("attention", model, batch) * np.linalg.norm(values, axis=1)
    assert np.allclose(explain("value_norm", model, batch), expected, atol=1e-14)


def test_gradient_x_difference_agrees_with_captum(model):
    from captum.attr import InputXGradient

    batch = model.encode([note(12)])
    x, reference = model.features(batch), model.reference(batch)
    # The input of Captum's method is the difference itself, of which the logit is a function too.
    captum = InputXGradient(lambda moved: model.scores(reference + moved, batch, TARGETS))
    for k in range(len(TARGETS)):
        theirs = captum.attribute((x - reference).requires_grad_(), target=k)[0].detach().numpy()[batch.rows[0]]
        assert np.allclose(explain("gradient_x_difference", model, batch)[k], theirs.sum(-1), atol=1e-12)
        assert np.allclose(explain("gradient_x_difference_l2", model, batch)[k], np.linalg.norm(theirs, axis=-1), atol=1e-12)


def test_deeplift_as_released_is_gradient_x_difference_and_not_input_x_gradient(model):
    """Captum's DeepLIFT on a RoBERTa encoder, as the released code calls it, gives just this."""
    batch = model.encode([note(12)])
    released = explain("released_deeplift", model, batch)
    assert np.array_equal(released, explain("gradient_x_difference_l2", model, batch))
    assert np.allclose(
        released,
        np.linalg.norm(gradients(model, batch, model.feature_gradients(batch, TARGETS)) * difference(model, batch), axis=-1),
    )
    assert not np.allclose(released, explain("input_x_gradient", model, batch), rtol=0.1)
    assert isinstance(explainers.create("released_deeplift"), GradientXDifference)


def test_products_with_input_and_difference_share_their_backward_passes(model):
    batch = model.encode([note(30)])
    explain("input_x_gradient", model, batch)
    spent = model.cost.chunk_gradients
    shared = ("gradient_x_difference", "gradient_x_difference_l2", "released_deeplift", "input_x_gradient_signed", "jacobian")
    for name in shared:
        explain(name, model, batch)
    assert model.cost.chunk_gradients == spent


def test_filtered_attingrad_gives_nothing_to_punctuation_and_leaves_the_rest(model):
    batch = model.encode([note(30)])
    plain, filtered = explain("attingrad", model, batch), explain("attingrad_filtered", model, batch)
    marks = batch.units[0].is_punctuation
    assert (plain[:, marks] > 0).any()
    assert (filtered[:, marks] == 0).all()
    assert np.array_equal(filtered[:, ~marks], plain[:, ~marks])


def test_gim_is_the_difference_times_what_gim_sends_back(model):
    batch = model.encode([note(20)])
    product = gradients(model, batch, model.gim_gradients(batch, TARGETS, 2.0)) * difference(model, batch)
    assert np.allclose(explain("gim", model, batch), product.sum(-1), atol=1e-14)
    attention = explain("attention", model, batch)
    assert np.allclose(explain("attingim", model, batch), attention * np.linalg.norm(product, axis=-1), atol=1e-14)
    assert np.allclose(explain("attingim_signed", model, batch), attention * product.sum(-1), atol=1e-14)


def test_gim_and_attingim_share_their_backward_passes_but_not_with_another_temperature(model):
    batch = model.encode([note(20)])
    explain("gim", model, batch)
    spent = model.cost.chunk_gradients
    explain("attingim", model, batch)
    explain("attingim_signed", model, batch)
    assert model.cost.chunk_gradients == spent
    assert not np.allclose(explain("gim", model, batch, temperature=1.0), explain("gim", model, batch), rtol=0.01)


def test_attingim_without_the_rules_of_gim_is_attention_times_gradient_x_difference(monkeypatch):
    monkeypatch.setattr(explicit, "shared", lambda value, _: value)
    monkeypatch.setattr(explicit, "_norms", lambda _: [])
    model = coder("laat")  # whose head has no norm to hold
    model.tolerance = 0.0
    batch = model.encode([note(20)])
    # At temperature 1 only the halves of the decoder's values and scores are left, which are a factor of the whole.
    found = explain("attingim_signed", model, batch, temperature=1.0)
    expected = explain("attention", model, batch) * explain("gradient_x_difference", model, batch)
    assert np.allclose(found, expected / 2, atol=1e-12)


@pytest.mark.parametrize("name", ["gim", "attingim"])
@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_makes_no_softmax_is_refused(name, temperature):
    """It gave scores that were no numbers."""
    with pytest.raises(PellucidError, match="temperature of GIM"):
        explainers.create(name, temperature=temperature)
