"""Rollout follows attention from the label down to the tokens; the released code follows something else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import LABELS, coder, note

from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.rollout import rolled_out, with_residual, with_residual_as_released
from pellucid.registry import explainers
from pellucid.target import Target

TARGETS = [Target.label(label) for label in LABELS[:3]]


def naive(model, batch, mixture):
    """The product of whole matrices over all rows of the note, as a dense encoder would give them."""
    rows = batch.data.notes[0].rows
    layers = torch.zeros(2, rows, rows, dtype=torch.float64)
    for block in model.layer_attention(batch):
        span = slice(block.start, block.start + block.attention.shape[-1])
        layers[:, span, span] = block.attention.mean(1)
    product = torch.eye(rows, dtype=torch.float64)
    for layer in layers:
        product = mixture(layer) @ product
    return product


def test_rollout_rows_sum_to_one_over_tokens():
    model = coder()
    batch = model.encode([note(30)])
    (flow,) = rolled_out(model, batch, model.readout(batch, TARGETS), with_residual)
    real = model._real(batch.data.notes[0]).flatten()
    assert torch.allclose(flow.sum(1), torch.ones(3).double())
    assert not real.all(), "the note must have padding for the next line to say anything"
    assert (flow[:, ~real] == 0).all()


@pytest.mark.parametrize("mixture", [with_residual, with_residual_as_released])
def test_rollout_from_the_left_and_within_chunks_equals_the_product_of_whole_matrices(mixture):
    model = coder()
    batch = model.encode([note(30)])
    readout = model.readout(batch, TARGETS)
    (flow,) = rolled_out(model, batch, readout, mixture)
    assert torch.allclose(flow, readout[0] @ naive(model, batch, mixture), atol=1e-14)


def test_attention_rollout_is_label_attention_followed_down():
    model = coder()
    batch = model.encode([note(30)])
    (found,) = explainers.create("attention_rollout")(model, batch, TARGETS)
    expected = model.label_attention(batch, TARGETS)[0].attention @ naive(model, batch, with_residual)
    assert np.allclose(found.scores, expected.numpy()[:, batch.rows[0]], atol=1e-14)


def test_released_rollout_is_softmaxed_over_labels_and_its_rows_grow():
    model = coder()
    batch = model.encode([note(30)])
    (found,) = explainers.create("released_rollout")(model, batch, TARGETS)
    over_labels = torch.softmax(model.label_scores(batch)[0], 0)[:3].nan_to_num()
    expected = over_labels @ naive(model, batch, with_residual_as_released)
    assert np.allclose(found.scores, expected.numpy()[:, batch.rows[0]], atol=1e-14)
    (faithful,) = explainers.create("attention_rollout")(model, batch, TARGETS)
    assert not np.allclose(found.scores / found.scores.sum(1)[:, None], faithful.scores / faithful.scores.sum(1)[:, None], 0.1)


def test_released_rollout_over_all_labels_gives_every_token_weight_one():
    """The softmax over labels makes each token hand out one unit among the labels, wherever the labels look."""
    model = coder()
    batch = model.encode([note(30)])
    every = [Target.label(label) for label in reversed(LABELS)]
    (found,) = explainers.create("released_rollout")(model, batch, every)
    real = model._real(batch.data.notes[0]).flatten().double()
    expected = (real @ naive(model, batch, with_residual_as_released)).numpy()[batch.rows[0]]
    assert np.allclose(found.scores.sum(0), expected, atol=1e-12)


def test_a_contrast_has_no_attention_to_roll_out():
    model = coder()
    contrast = [Target.contrast(LABELS[0], LABELS[1])]
    for name in ("attention_rollout", "released_rollout"):
        with pytest.raises(PellucidError, match="contrasts"):
            explainers.create(name)(model, model.encode([note(5)]), contrast)


class Closed:
    """A predictor whose encoder cannot be opened."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        if name in ("layer_attention", "gim_gradients"):
            raise AttributeError(name)
        return getattr(self.model, name)


@pytest.mark.parametrize("name", ["attention_rollout", "released_rollout", "gim", "attingim"])
def test_a_method_that_opens_the_encoder_says_so_where_it_cannot(name):
    model = Closed(coder())
    with pytest.raises(CapabilityError, match="transformer encoder"):
        explainers.create(name)(model, model.encode([note(5)]), TARGETS)
