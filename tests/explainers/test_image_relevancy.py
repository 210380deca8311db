"""Attention of vision transformers, read as transformers computes it and followed as the papers say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import case
from torch.nn import functional
from vits import LABELS, SIZE, transformer, vit

from pellucid.errors import CapabilityError
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

TARGETS = [Target.label(label) for label in LABELS]
CONTRAST = Target.contrast("effusion", "opacity")
CASES = [case(name, SIZE, 3) for name in "abc"]
GRID = (4, 5)
SPECIAL = {"vit": 1, "deit": 2}


@pytest.fixture(scope="module", params=["vit", "deit"])
def opened(request, tmp_path_factory):
    """A model, how many special tokens it has, and the same network with its attention written out by transformers itself."""
    model = vit(tmp_path_factory.mktemp(request.param), request.param)
    plain = transformer(request.param)
    plain.set_attn_implementation("eager")
    return model, SPECIAL[request.param], plain


def attention_by_transformers(plain, pixels):
    """In 32 bits, whatever the weights: so transformers takes its softmax."""
    found = plain(pixel_values=pixels, output_attentions=True)
    return found.logits, found.attentions


def head(special):
    """The rows that the head reads: the class token, of DeiT with its teacher also the distillation token."""
    row = torch.zeros(special + GRID[0] * GRID[1], dtype=torch.float64)
    row[:special] = 1 / special
    return row


def over_pixels(row, special):
    patches = row[special:].view(1, 1, *GRID)
    return functional.interpolate(patches, SIZE, mode="bilinear").flatten().detach().numpy()


def test_attention_is_that_of_transformers(opened):
    model, special, plain = opened
    batch = model.encode(CASES)
    for reading in model.patch_attention(batch, TARGETS):
        logits, attention = attention_by_transformers(plain, batch.data[reading.case : reading.case + 1])
        assert (reading.special, reading.grid) == (special, GRID)
        assert torch.allclose(reading.attention, torch.cat(attention), atol=1e-6)
        assert torch.allclose(reading.readout, head(special))
        for k, gradient in enumerate(reading.gradients):
            expected = torch.autograd.grad(logits[0, k], attention, retain_graph=True)
            assert torch.allclose(gradient, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_rollout_is_the_product_of_whole_matrices(opened):
    model, special, plain = opened
    batch = model.encode(CASES)
    for i, found in enumerate(explainers.create("vit_rollout")(model, batch, TARGETS)):
        _, attention = attention_by_transformers(plain, batch.data[i : i + 1])
        product = torch.eye(len(head(special)), dtype=torch.float64)
        for layer in attention:
            product = (0.5 * layer[0].mean(0) + 0.5 * torch.eye(len(product))) @ product
        assert torch.allclose(product.sum(1), torch.ones(len(product)).double(), atol=1e-6)
        assert np.allclose(found.scores, over_pixels(head(special) @ product, special), atol=1e-6)


def test_relevancy_is_the_update_of_the_paper_over_whole_matrices(opened):
    """R = I; for each layer, R = R + mean_heads relu(gradient * attention) R."""
    model, special, plain = opened
    batch = model.encode(CASES)
    for i, found in enumerate(explainers.create("vit_relevancy")(model, batch, [*TARGETS, CONTRAST])):
        logits, attention = attention_by_transformers(plain, batch.data[i : i + 1])
        for k, output in enumerate([*logits[0], logits[0, 0] - logits[0, 2]]):
            relevance = torch.eye(len(head(special)), dtype=torch.float64)
            for layer, gradient in zip(attention, torch.autograd.grad(output, attention, retain_graph=True), strict=True):
                relevance = relevance + (gradient[0] * layer[0]).clamp(min=0).mean(0) @ relevance
            assert np.allclose(found.scores[k], over_pixels(head(special) @ relevance, special), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["vit_rollout", "vit_relevancy"])
def test_the_contract_is_kept(opened, name):
    check_explainer(explainers.create(name), opened[0], CASES, [*TARGETS[:2], CONTRAST])


@pytest.mark.parametrize("name", ["vit_rollout", "vit_relevancy"])
def test_the_network_is_afterwards_as_it_was(opened, name):
    model = opened[0]
    kind = model.module.classifier.config._attn_implementation
    weights = {n: p.detach().clone() for n, p in model.module.named_parameters()}
    before = model.probabilities(model.encode(CASES))
    with torch.no_grad():
        explainers.create(name)(model, model.encode(CASES), TARGETS)
    assert np.array_equal(model.probabilities(model.encode(CASES)), before)
    assert model.module.classifier.config._attn_implementation == kind
    for n, parameter in model.module.named_parameters():
        assert torch.equal(parameter, weights[n])
        assert parameter.requires_grad
        assert parameter.grad is None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.module.modules() if m.training)


def test_rollout_says_the_same_of_all_targets_and_relevancy_does_not(opened):
    model = opened[0]
    batch = model.encode(CASES[:1])
    (rollout,), (relevancy,) = (explainers.create(f"vit_{name}")(model, batch, TARGETS) for name in ("rollout", "relevancy"))
    assert (rollout.scores == rollout.scores[0]).all()
    assert not np.allclose(relevancy.scores[0], relevancy.scores[1])


def test_rollout_sends_nothing_back(opened, monkeypatch):
    model, calls = opened[0], []
    ordinary = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or ordinary(*a, **k))
    explainers.create("vit_rollout")(model, model.encode(CASES), TARGETS)
    assert len(calls) == len(CASES), "one for each image, to see which rows the head reads"


@pytest.mark.parametrize("name", ["vit_rollout", "vit_relevancy"])
def test_networks_without_attention_are_refused(name, tmp_path):
    from images import classifier

    for model in (classifier(SIZE, 3), vit(tmp_path, "convnext")):
        with pytest.raises(CapabilityError, match="self-attention over patches"):
            explainers.create(name)(model, model.encode(CASES), TARGETS)
        with pytest.raises(CapabilityError):
            list(model.patch_attention(model.encode(CASES), TARGETS))


@pytest.mark.parametrize("name", ["grad_cam", "score_cam"])
def test_no_cam_is_read_from_the_patches_of_a_vision_transformer(opened, name):
    model = opened[0]
    with pytest.raises(CapabilityError, match="maps over the image"):
        explainers.create(name)(model, model.encode(CASES), TARGETS)


def test_deep_lift_has_no_rule_for_attention(opened):
    model = opened[0]
    with pytest.raises(CapabilityError, match="no rule for the operation"):
        explainers.create("deep_lift")(model, model.encode(CASES), TARGETS)
