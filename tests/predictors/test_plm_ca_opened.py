"""What PLM-CA lets be read of its attention, and the backward pass of GIM through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import LABELS, coder, note, tokenizer
from torch import nn
from transformers import MPNetConfig, MPNetModel

import pellucid.explainers  # noqa: F401 (registers the methods)
from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictor import GimGradients, LabelScores, LayerAttention, missing_capabilities
from pellucid.predictors import explicit
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import explainers
from pellucid.target import Target

TARGETS = [Target.label(label) for label in LABELS[:3]]
DECODERS = ("plm_ca", "laat")


def test_plm_ca_can_be_opened_in_all_three_ways():
    assert all(isinstance(coder(), kind) for kind in (LabelScores, LayerAttention, GimGradients))


def test_an_encoder_that_hides_its_attention_lacks_what_looks_inside_it_and_nothing_else():
    """An audit skips what a model lacks; a capability that was promised and refused later stopped it."""
    words = tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = MPNetConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            pad_token_id=1,
        )
        encoder = MPNetModel(config, add_pooling_layer=False).eval()
    model = PlmCa.build(encoder, words, LABELS, chunk=8, generator=torch.Generator().manual_seed(0))
    assert model.lacks == {"layer_attention", "gim_gradients"}
    assert not missing_capabilities(model, ("label_attention", "label_scores"))
    assert model.cost.chunks == 0
    with pytest.raises(CapabilityError, match="needs a model with a transformer encoder"):
        explainers.create("gim")(model, model.encode([note(9)]), TARGETS)
    assert not coder().lacks


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_softmax_of_label_scores_over_tokens_is_label_attention(decoder):
    model = coder(decoder)
    batch = model.encode([note(25), note(4, 1, "b")])
    every = [Target.label(label) for label in LABELS]
    for scores, reading in zip(model.label_scores(batch), model.label_attention(batch, every), strict=True):
        assert torch.allclose(torch.softmax(scores, -1), reading.attention, atol=1e-14)


def test_each_chunk_attends_only_to_itself_and_never_to_padding():
    model = coder()
    batch = model.encode([note(25), note(4, 1, "b")])
    blocks = list(model.layer_attention(batch))
    for case, data in enumerate(batch.data.notes):
        own = [block for block in blocks if block.case == case]
        assert [block.start for block in own] == list(range(0, data.rows, 8))
        for block, length in zip(own, data.lengths, strict=True):
            assert block.attention.shape == (2, 2, 8, 8)
            assert torch.allclose(block.attention.sum(-1), torch.ones(()).double())
            assert (block.attention[..., length:] == 0).all()


def test_the_attention_of_all_chunks_is_never_held_at_once():
    model = coder()
    at_once = []
    encoder = model.module.encoder
    handle = encoder.register_forward_pre_hook(lambda _, __, given: at_once.append(len(given["input_ids"])), with_kwargs=True)
    model.chunks_at_once = 8
    list(model.layer_attention(model.encode([note(90)])))
    handle.remove()
    assert max(at_once) == 2
    assert sum(at_once) > 10


def dense(model, pieces, batch, targets):
    result = torch.zeros(len(batch), len(targets), *model.features(batch).shape[1:], dtype=torch.float64)
    for piece in pieces:
        rows = piece.starts[:, None] + torch.arange(piece.gradient.shape[1])
        result[piece.case][piece.targets[:, None], rows] = piece.gradient
    return result


def slow_gim(model, batch, targets, temperature):
    """The whole model by autograd: decoder with stand-ins for what GIM changes, encoder in its context."""

    def stand_in(value, other):
        return value.detach() + other - other.detach()

    decoder, x = model.module.decoder, model.features(batch).requires_grad_()
    results = []
    for case, data in enumerate(batch.data.notes):
        ids, lengths = torch.from_numpy(data.ids), torch.from_numpy(data.lengths)
        mask = torch.arange(data.ids.shape[1]) < lengths[:, None]
        handle = model.module.encoder.embeddings.register_forward_hook(
            lambda *_, case=case, data=data: x[case, : data.rows].unflatten(0, data.ids.shape)
        )
        with explicit.gim(model.module.encoder, temperature):
            hidden = model.module.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state.flatten(0, 1)
        handle.remove()
        for target in targets:
            output = torch.tensor([LABELS.index(target.name)])
            scores = decoder.attention_scores(hidden, output).masked_fill(~mask.flatten(), -torch.inf)
            softer = temperature * torch.softmax(scores / temperature, -1)
            attention = stand_in(torch.softmax(scores, -1), softer / 2)
            values = decoder.values(hidden)
            pooled = attention @ stand_in(values, values / 2)
            if isinstance(getattr(decoder, "norm", None), nn.LayerNorm):
                centred = pooled - pooled.mean(-1, keepdim=True)
                scale = (pooled.var(-1, unbiased=False, keepdim=True) + decoder.norm.eps).sqrt().detach()
                logit = decoder.output(centred / scale * decoder.norm.weight + decoder.norm.bias)
            else:
                logit = decoder.head(pooled, output)
            results.append(torch.autograd.grad(logit.sum(), x, retain_graph=True)[0][case])
    return torch.stack(results).unflatten(0, (len(batch), len(targets)))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_gim_in_closed_form_and_packs_equals_a_slow_autograd_of_it(decoder, temperature):
    model = coder(decoder)
    model.tolerance = 0.0
    batch = model.encode([note(20), note(4, 1, "b")])
    found = dense(model, model.gim_gradients(batch, TARGETS, temperature), batch, TARGETS)
    expected = slow_gim(model, batch, TARGETS, temperature)
    assert torch.allclose(found, expected, atol=1e-10 * float(expected.abs().max()))


def test_what_gim_leaves_out_is_small():
    model = coder()
    batch = model.encode([note(60)])
    quick = dense(model, model.gim_gradients(batch, TARGETS), batch, TARGETS)
    model.tolerance = 0.0
    whole = dense(model, model.gim_gradients(batch, TARGETS), batch, TARGETS)
    assert (quick - whole).norm() < 1e-4 * whole.norm()


def test_gim_differs_from_the_gradient_and_leaves_the_gradient_as_it_was():
    model = coder()
    batch = model.encode([note(20)])
    before = dense(model, model.feature_gradients(batch, TARGETS), batch, TARGETS)
    other = dense(model, model.gim_gradients(batch, TARGETS), batch, TARGETS)
    assert (before - other).norm() > 0.1 * before.norm()
    assert torch.equal(before, dense(model, model.feature_gradients(batch, TARGETS), batch, TARGETS))


def test_gim_of_a_contrast_is_the_difference_of_its_labels():
    model = coder()
    model.tolerance = 0.0
    batch = model.encode([note(9)])
    three = [Target.contrast(LABELS[0], LABELS[1]), *TARGETS[:2]]
    contrast, one, other = dense(model, model.gim_gradients(batch, three), batch, three)[0]
    assert torch.allclose(contrast, one - other, atol=1e-12)


def test_the_readout_is_label_attention_and_for_labels_only():
    model = coder()
    batch = model.encode([note(9)])
    (rows,) = model.readout(batch, TARGETS)
    assert np.allclose(rows.sum(1), 1)
    assert torch.equal(rows, model.label_attention(batch, TARGETS)[0].attention)
    with pytest.raises(PellucidError, match="contrasts"):
        model.readout(batch, [Target.contrast(LABELS[0], LABELS[1])])
