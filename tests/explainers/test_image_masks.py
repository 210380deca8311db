"""RISE and RELAX: random masks, what is expected of them, and what they cost."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
from image_networks import Named, opened
from images import case, classifier
from scipy.special import expit, softmax
from shown import TARGETS, Counting, contributions, linear
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.base import refusals
from pellucid.explainers.images.random_masks import RandomMasks, enlarging
from pellucid.explainers.images.relax import Relax
from pellucid.explainers.images.rise import Rise
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

NAMES = ("rise", "rise_published", "relax", "relax_uncertainty", "u_relax")
LIKE = torch.zeros(1, dtype=torch.float64)


def masks(size, count=70, grid=3, keep=0.5, seed=0, name="a"):
    return torch.cat(list(RandomMasks(count, grid, keep, seed).blocks(name, size, LIKE)))


@pytest.mark.parametrize(("size", "channels"), [((16, 20), 1), ((12, 12), 3), ((5, 6, 8), 1)])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_keeps_its_contract(name, size, channels):
    explainer = explainers.create(name, masks=20, grid=3)
    assert explainer.name == name
    check_explainer(explainer, classifier(size, channels), [case("a", size, channels), case("b", size, channels)])


# Masks


@pytest.mark.parametrize("size", [(10, 14), (21, 7), (9, 9)])
def test_masks_are_grids_enlarged_and_cut_at_random(size):
    count, grid, cells = 50, 3, [-(-n // 3) for n in size]
    drawn = masks(size, count, grid)
    from pellucid.randomness import stream

    grids = stream(0, "a", "cells").random((count, grid, grid)) < 0.5
    shifts = np.floor(stream(0, "a", "shifts").random((count, 2)) * cells).astype(int)
    large = functional.interpolate(torch.from_numpy(grids)[:, None].double(), [(grid + 1) * c for c in cells], mode="bilinear")
    cut = [m[0, y : y + size[0], x : x + size[1]] for m, (y, x) in zip(large, shifts, strict=True)]
    assert torch.allclose(drawn, torch.stack(cut), rtol=0, atol=1e-14)


def test_masks_of_volumes_are_grids_enlarged_in_three_directions():
    large = functional.interpolate(torch.rand(1, 1, 2, 2, 2, dtype=torch.float64), (6, 9, 12), mode="trilinear")
    from pellucid.explainers.images.separable import along, linear

    grid = functional.interpolate(large, (2, 2, 2), mode="nearest")
    expected = functional.interpolate(grid, (6, 9, 12), mode="trilinear")[:, 0]
    assert torch.allclose(along(grid[:, 0], [torch.from_numpy(linear(2, n)) for n in (6, 9, 12)]), expected, rtol=0, atol=1e-14)


def test_masks_depend_on_seed_and_case_alone():
    assert torch.equal(masks((9, 9)), masks((9, 9)))
    assert torch.equal(masks((9, 9), 30), masks((9, 9), 70)[:30])
    assert not torch.equal(masks((9, 9)), masks((9, 9), seed=1))
    assert not torch.equal(masks((9, 9)), masks((9, 9), name="b"))


def test_every_pixel_of_a_mask_is_shown_with_the_same_mean():
    drawn = masks((8, 10), 6000, keep=0.3)
    assert float(drawn.min()) >= 0
    assert float(drawn.max()) <= 1
    assert np.allclose(drawn.mean(0), 0.3, atol=0.03)


@pytest.mark.parametrize("settings", [{"masks": 1}, {"grid": 0}, {"keep": 0.0}, {"keep": 1.0}])
@pytest.mark.parametrize("kind", [Rise, Relax])
def test_masks_that_cannot_be_drawn_are_refused(kind, settings):
    with pytest.raises(PellucidError, match="Random masks need"):
        kind(**settings)


# RISE


def covariance(size, grid, keep):
    """Of any two pixels of a mask, exactly: over all shifts, and over the cells that both are made of."""
    result = 1.0
    for side in size:
        matrix, cell = enlarging(grid, side), -(-side // grid)
        rows = [matrix[shift : shift + side] for shift in range(cell)]
        result = np.kron(result, np.mean([r @ r.T for r in rows], axis=0))
    return keep * (1 - keep) * result


@pytest.mark.parametrize("keep", [0.5, 0.3])
def test_rise_of_a_linear_model_is_what_theory_expects(keep):
    size = (8, 10)
    model, cases = linear(size), [case(name, size) for name in "abcd"]
    found = Rise(masks=4000, grid=3, keep=keep)(model, model.encode(cases), TARGETS)
    ratios = []
    for one, attribution in zip(cases, found, strict=True):
        expected = contributions(model, model.encode([one])) @ covariance(size, 3, keep) / keep
        missed = np.sqrt(((attribution.scores - expected) ** 2).mean(1))
        assert (missed < 0.1 * np.abs(expected).max(1)).all()
        ratios.append(missed / attribution.facts["standard_error"])
    assert 0.7 < np.sqrt(np.mean(np.square(ratios))) < 1.4  # the error that it states is the error that it makes


@pytest.mark.parametrize("exclusive", [False, True])
def test_published_rise_is_the_mean_of_probability_times_mask(exclusive):
    model = classifier((10, 12), exclusive=exclusive)
    batch, drawn = model.encode([case(size=(10, 12))]), masks((10, 12), 90, 7)
    logits = model.run(batch.data * drawn[:, None]).detach().numpy()
    shown = softmax(logits, axis=1) if exclusive else expit(logits)
    scores = Rise(masks=90, reads="probability")(model, batch, TARGETS)[0].scores
    assert np.allclose(scores, shown.T @ drawn.flatten(1).numpy() / (90 * 0.5), rtol=0, atol=1e-13)


def test_rise_is_the_mean_of_centred_logit_times_mask():
    model = classifier((10, 12))
    batch, drawn = model.encode([case(size=(10, 12))]), masks((10, 12), 90, 7).flatten(1).numpy()
    logits = model.run(batch.data * torch.from_numpy(drawn).view(90, 1, 10, 12)).detach().numpy()
    (found,) = Rise(masks=90)(model, batch, TARGETS)
    products = (logits - logits.mean(0)).T[:, :, None] * drawn / 0.5
    assert np.allclose(found.scores, products.mean(1), rtol=0, atol=1e-13)
    assert np.allclose(found.facts["mean"], logits.mean(0))
    varying = (logits - logits.mean(0)).T[:, :, None] * (drawn - 0.5) / 0.5
    errors = np.sqrt((varying.var(1, ddof=1) / 90).mean(1))
    assert np.allclose(found.facts["standard_error"], errors)


def test_a_contrast_is_the_difference_of_two_maps():
    model = classifier()
    batch, both = model.encode([case()]), Target.contrast("nodule", "opacity")
    scores = Rise(masks=40)(model, batch, [TARGETS[1], TARGETS[2], both])[0].scores
    assert np.allclose(scores[0] - scores[1], scores[2], rtol=0, atol=1e-13)


def test_all_labels_and_both_formulas_share_their_passes():
    model = classifier()
    batch, count = model.encode([case("a"), case("b")]), Counting(model)
    Rise(masks=40)(model, batch, TARGETS[:1])
    assert count.images == 80
    Rise(masks=40)(model, batch, TARGETS)
    Rise(masks=40, reads="probability")(model, batch, TARGETS)
    assert count.images == 80


class Living(TorchDispatchMode):
    """Bytes of all tensors that are alive at once, at most."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, torch.Tensor):
                self.now += tensor.nbytes
                self.peak = max(self.peak, self.now)
                weakref.finalize(tensor, self._gone, tensor.nbytes)
        return made

    def _gone(self, size):
        self.now -= size


@pytest.mark.parametrize("method", [Rise, Relax])
def test_memory_does_not_grow_with_the_number_of_masks(method):
    model = linear((32, 32))
    mask = 32 * 32 * 8

    def peak(count):
        with Living() as living:
            method(masks=count)(model, model.encode([case(size=(32, 32))]), TARGETS)
        return living.peak

    few, many = peak(128), peak(1280)
    assert few > 64 * mask
    assert many - few < 10 * mask


# RELAX


def test_relax_is_the_weighted_mean_and_variance_of_similarities():
    model = classifier((10, 12))
    batch, drawn = model.encode([case(size=(10, 12))]), masks((10, 12), 90, 7)
    with torch.no_grad():
        similarity = functional.cosine_similarity(model.embed(batch.data * drawn[:, None]), model.embed(batch.data)).numpy()
    shown = drawn.flatten(1).numpy()
    mean = similarity @ shown / shown.sum(0)
    variance = ((similarity[:, None] - mean) ** 2 * shown).sum(0) / shown.sum(0)
    found = {what: Relax(masks=90, shows=what)(model, batch, TARGETS)[0] for what in ("importance", "uncertainty", "certain")}
    assert np.allclose(found["importance"].scores, mean, rtol=0, atol=1e-12)
    assert np.allclose(found["uncertainty"].scores, variance, rtol=0, atol=1e-12)
    assert np.allclose(found["certain"].scores, np.where(variance < variance.mean(), mean, 0), rtol=0, atol=1e-12)
    assert np.allclose(found["importance"].facts["uncertainty"], variance.mean())


def test_an_embedding_knows_no_label():
    model = classifier()
    (found,) = Relax(masks=20)(model, model.encode([case()]), TARGETS)
    assert np.ptp(found.scores, axis=0).max() == 0
    assert np.ptp(found.scores[0]) > 0


def test_importance_and_uncertainty_share_their_passes():
    model = classifier()
    batch, count = model.encode([case("a"), case("b")]), Counting(model)
    for what in ("importance", "uncertainty", "certain"):
        Relax(masks=20, shows=what)(model, batch, TARGETS)
    assert count.images == 2 * (20 + 1)


def test_a_network_without_a_linear_layer_has_no_embedding_to_explain():
    from torch import nn

    from pellucid.predictors.image_classifier import ImageClassifier

    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    model = ImageClassifier(net, ("a", "b", "c"), exclusive=False, size=(8, 8))
    assert "embedding" in refusals(model, Relax())[0]
    with pytest.raises(CapabilityError, match="linear layer"):
        Relax(masks=4)(model, model.encode([case(size=(8, 8))]), [Target.label("a")])


def test_an_embedding_is_read_of_a_linear_layer_that_is_called_by_keyword_and_of_none_that_is_not_run():
    model = opened(Named())
    found = model.embed(model.encode([case()]).data)
    net = model.module
    expected = net.pool(net.relu(net.conv(model.encode([case()]).data))).flatten(2).mean(-1)
    assert torch.equal(found, expected)
    net.unused = torch.nn.Linear(2, 2)
    with pytest.raises(CapabilityError, match="'unused'"):
        model.embed(model.encode([case()]).data)
