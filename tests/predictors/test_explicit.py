"""Attention written out changes nothing that an encoder says, and GIM changes all that it should of what is sent back."""

from __future__ import annotations

import threading
from itertools import combinations

import pytest
import torch
from models import coder
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    ModernBertConfig,
    ModernBertModel,
)

from pellucid.errors import CapabilityError
from pellucid.predictors import explicit
from pellucid.predictors.explicit import gim, recorded, shared, tempered_softmax

SMALL = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture
def encoder():
    return coder().module.encoder


def made(kind, config, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(config).eval().double()


def reading(rows=3, length=8):
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 45, (rows, length), generator=generator)
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[1, 5:] = 0
    return ids, mask


def hidden(encoder):
    ids, mask = reading()
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state


def gradient(encoder, context=None):
    """d (a fixed mixture of the first row's states) / d embeddings, with the graph of the context."""
    ids, mask = reading()
    x = encoder.embeddings(input_ids=ids).detach().requires_grad_()
    handle = encoder.embeddings.register_forward_hook(lambda *_: x)
    if context is None:
        out = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    else:
        with context:
            out = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    handle.remove()
    mixture = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out).sin()
    return torch.autograd.grad((out * mixture * mask[..., None]).sum(), x)[0]


@pytest.mark.parametrize("before", ["sdpa", "eager"])
def test_states_are_those_of_the_encoders_own_attention_and_it_gets_that_back(encoder, before):
    encoder.set_attn_implementation(before)
    plain = hidden(encoder)
    for context in (recorded(encoder), gim(encoder, 3.0)):
        with context:
            assert torch.allclose(hidden(encoder), plain, atol=1e-12)
        assert encoder.config._attn_implementation == before


def test_every_layer_is_recorded_lowest_first_and_its_rows_are_probabilities(encoder):
    with recorded(encoder) as layers:
        hidden(encoder)
    assert [tuple(a.shape) for a in layers] == [(3, 2, 8, 8)] * 2
    encoder.set_attn_implementation("eager")
    ids, mask = reading()
    theirs = encoder(input_ids=ids, attention_mask=mask, output_attentions=True).attentions
    for ours, expected in zip(layers, theirs, strict=True):
        assert torch.allclose(ours, expected, atol=1e-12)
        assert torch.allclose(ours.sum(-1), torch.ones(()).double())
        assert (ours[1, :, :, 5:] == 0).all()


def test_a_failed_forward_pass_still_gives_the_encoder_its_attention_back(encoder):
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in encoder.modules())
    with pytest.raises(RuntimeError, match="broken"), gim(encoder), recorded(encoder):
        raise RuntimeError("broken")
    assert encoder.config._attn_implementation == "sdpa"
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in encoder.modules()) == hooks


def test_another_thread_sends_back_plain_gradients_while_gim_is_open_in_this_one(encoder):
    expected, found = gradient(encoder), {}
    with gim(encoder):
        thread = threading.Thread(target=lambda: found.update(other=gradient(encoder)))
        thread.start()
        thread.join()
    assert torch.allclose(found["other"], expected, atol=1e-12)


def test_another_encoder_is_left_alone():
    one, other = coder(seed=0).module.encoder, coder(seed=1).module.encoder
    expected = gradient(other)
    with gim(one):
        assert torch.allclose(gradient(other), expected, atol=1e-12)


def test_an_encoder_that_keeps_its_attention_to_itself_is_refused():
    encoder = made(DebertaV2Model, DebertaV2Config(**SMALL))
    with pytest.raises(CapabilityError, match="keeps its attention"), recorded(encoder):
        hidden(encoder)
    with pytest.raises(CapabilityError, match="keeps its attention"), recorded(nn.Linear(2, 2)):
        pass


# The rules of GIM


def off(monkeypatch, *rules):
    """Switch rules of GIM off: the temperature, the shares of products, the frozen norms."""
    if "temperature" in rules:
        monkeypatch.setattr(explicit, "tempered_softmax", lambda scores, _: torch.softmax(scores, -1))
    if "shares" in rules:
        monkeypatch.setattr(explicit, "shared", lambda value, _: value)
    if "norms" in rules:
        monkeypatch.setattr(explicit, "_norms", lambda _: [])


RULES = ("temperature", "shares", "norms")


def test_temperature_and_shares_and_norms_each_change_the_gradient_and_act_together(encoder):
    """In the published package the temperature is lost on one attention path and the shares on the other."""
    found = {}
    for count in range(len(RULES) + 1):
        for dropped in combinations(RULES, count):
            with pytest.MonkeyPatch.context() as patch:
                off(patch, *dropped)
                found[dropped] = gradient(encoder, gim(encoder, 2.0))
    for (a, one), (b, other) in combinations(found.items(), 2):
        assert (one - other).abs().max() > 1e-3 * one.abs().max(), f"without {a} as without {b}"
    assert torch.allclose(found[RULES], gradient(encoder), atol=1e-12)


def test_at_temperature_one_without_shares_and_norms_gim_is_plain_autograd(encoder, monkeypatch):
    off(monkeypatch, "shares", "norms")
    assert torch.allclose(gradient(encoder, gim(encoder, 1.0)), gradient(encoder), atol=1e-12)


def surrogate(value, stand_in):
    """The value, with the gradient of the stand-in."""
    return value.detach() + stand_in - stand_in.detach()


def by_hand(encoder, temperature):
    """A RoBERTa encoder written out with stand-ins for what GIM changes; nothing of `explicit` in it."""
    ids, mask = reading()
    x = encoder.embeddings(input_ids=ids).detach().requires_grad_()

    def norm(module, value):
        centred = value - value.mean(-1, keepdim=True)
        return (
            centred / (value.var(-1, unbiased=False, keepdim=True) + module.eps).sqrt().detach() * module.weight + module.bias
        )

    def part(value, share):
        return share * value + (1 - share) * value.detach()

    state = x
    for layer in encoder.encoder.layer:
        own = layer.attention.self
        q, k, v = (
            part(f(state), share).unflatten(-1, (2, -1)).transpose(1, 2)
            for f, share in ((own.query, 0.25), (own.key, 0.25), (own.value, 0.5))
        )
        scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(mask[:, None, None] == 0, -1e30)
        # T softmax(s / T) has the derivative that is asked for: that of softmax at s / T without the factor 1 / T.
        attention = surrogate(torch.softmax(scores, -1), temperature * torch.softmax(scores / temperature, -1))
        state = norm(
            layer.attention.output.LayerNorm,
            layer.attention.output.dense((attention @ v).transpose(1, 2).flatten(-2)) + state,
        )
        inner = layer.output.dense(nn.functional.gelu(layer.intermediate.dense(state)))
        state = norm(layer.output.LayerNorm, inner + state)
    mixture = torch.linspace(-1, 1, state.numel(), dtype=state.dtype).view_as(state).sin()
    return torch.autograd.grad((state * mixture * mask[..., None]).sum(), x)[0]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_gim_is_what_a_slow_encoder_written_out_with_stand_ins_sends_back(encoder, temperature):
    assert torch.allclose(gradient(encoder, gim(encoder, temperature)), by_hand(encoder, temperature), atol=1e-10)


def test_the_tempered_softmax_has_the_derivative_of_its_formula():
    scores = torch.randn(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    upstream = torch.arange(21.0, dtype=torch.float64).view(3, 7).cos()
    (found,) = torch.autograd.grad((tempered_softmax(scores, 2.0) * upstream).sum(), scores)
    soft = torch.softmax(scores.detach() / 2, -1)
    assert torch.allclose(found, soft * (upstream - (soft * upstream).sum(-1, keepdim=True)), atol=1e-14)


def test_a_share_changes_the_gradient_and_not_the_value():
    value = torch.tensor([1.0, -2.0], requires_grad=True)
    assert torch.equal(shared(value, 0.25), value)
    assert torch.equal(torch.autograd.grad(shared(value, 0.25).sum(), value)[0], torch.full((2,), 0.25))


def test_each_branch_of_a_gated_block_gets_half():
    encoder = made(ModernBertModel, ModernBertConfig(**SMALL, pad_token_id=0, cls_token_id=1, sep_token_id=2))
    block = encoder.layers[0].mlp
    x = torch.randn(2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (plain,) = torch.autograd.grad(block(x).sum(), x)
    with gim(encoder):
        (found,) = torch.autograd.grad(block(x).sum(), x)
    assert torch.allclose(found, plain / 2, atol=1e-14)


@pytest.mark.parametrize(
    ("kind", "config"),
    [(BertModel, BertConfig(**SMALL)), (ModernBertModel, ModernBertConfig(**SMALL, pad_token_id=0, local_attention=4))],
)
def test_other_encoders_compute_the_same_with_attention_written_out(kind, config):
    encoder = made(kind, config)
    plain, (_, mask) = hidden(encoder), reading()
    with gim(encoder), recorded(encoder) as layers:
        found = hidden(encoder)
    assert len(layers) == 2
    assert torch.allclose((found - plain) * mask[..., None], torch.zeros(()).double(), atol=1e-6)


class UnknownNorm(nn.Module):
    def forward(self, x):
        return x


def test_a_norm_that_gim_does_not_know_is_refused_by_name(encoder):
    encoder.encoder.layer[0].output.LayerNorm = UnknownNorm()
    with pytest.raises(CapabilityError, match="UnknownNorm"), gim(encoder):
        pass


class AcrossChannelsNorm(nn.LayerNorm):
    """As in SqueezeBERT: a layer norm by kinship, which reads another axis."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def test_a_layer_norm_with_a_forward_pass_of_its_own_is_refused_and_not_computed_otherwise(encoder):
    encoder.encoder.layer[0].output.LayerNorm = AcrossChannelsNorm(16)
    with pytest.raises(CapabilityError, match="AcrossChannelsNorm"), gim(encoder):
        pass


def test_a_classifier_and_its_encoder_opened_across_each_other_both_get_their_attention_back():
    """Counted by encoder, the second to close put back what the first had switched to: the model stayed written out."""
    module = made(BertForSequenceClassification, BertConfig(**SMALL))
    outer, inner = gim(module), recorded(module.bert)
    outer.__enter__()
    layers = inner.__enter__()
    outer.__exit__(None, None, None)
    hidden(module.bert)
    inner.__exit__(None, None, None)
    assert len(layers) == 2
    assert module.config._attn_implementation == "sdpa"
