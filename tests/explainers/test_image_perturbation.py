"""Methods that remove windows, regions and combinations of regions from an image."""

from __future__ import annotations

import tracemalloc
from functools import reduce
from itertools import product

import numpy as np
import pytest
import torch
from games import by_permutations, table
from images import case, classifier
from shown import TARGETS, Counting, contributions, game_model, linear

from pellucid.errors import DataError, PellucidError
from pellucid.explainers.images.kernel_shap import RegionKernelShap
from pellucid.explainers.images.lime import RegionLime
from pellucid.explainers.images.occlusion import RegionOcclusion, WindowOcclusion
from pellucid.regions import superpixels
from pellucid.registry import explainers
from pellucid.testing import check_explainer
from pellucid.units import PixelUnits, patches

QUICK = {
    "occlusion": {"stride": 0.1}, "occlusion_patch": {"regions": 16}, "occlusion_superpixel": {"regions": 12},
    "lime_superpixel": {"regions": 8, "samples": 20}, "lime_patch": {"regions": 9, "samples": 20},
    "kernel_shap_superpixel": {"regions": 8, "samples": 30}, "kernel_shap_patch": {"regions": 9, "samples": 30},
}  # fmt: skip


@pytest.mark.parametrize(("size", "channels"), [((16, 20), 1), ((12, 12), 3), ((5, 6, 8), 1)])
@pytest.mark.parametrize("name", QUICK)
def test_every_method_keeps_its_contract(name, size, channels):
    explainer = explainers.create(name, **QUICK[name])
    assert explainer.name == name
    check_explainer(explainer, classifier(size, channels), [case("a", size, channels), case("b", size, channels)])


@pytest.mark.parametrize("filler", ["blur", "noise", "inpaint"])
@pytest.mark.parametrize("name", ["occlusion", "kernel_shap_superpixel"])
def test_removed_pixels_can_be_replaced_by_any_filler(name, filler):
    check_explainer(explainers.create(name, filler=filler, **QUICK[name]), classifier(), [case("a"), case("b")])


@pytest.mark.parametrize("name", QUICK)
def test_another_label_costs_no_further_pass(name):
    model = classifier()
    batch, count = model.encode([case("a"), case("b")]), Counting(model)
    explainer = explainers.create(name, **QUICK[name])
    first = explainer(model, batch, TARGETS[:1])
    spent = count.images
    together = explainer(model, batch, TARGETS)
    assert spent > 0
    assert count.images == spent
    assert np.allclose(first[1].scores[0], together[1].scores[0], rtol=0, atol=1e-12)


# Occlusion


def test_one_window_over_the_whole_image_is_two_forward_passes():
    model = classifier()
    batch, count = model.encode([case()]), Counting(model)
    scores = WindowOcclusion(window=1, stride=1)(model, batch, TARGETS)[0].scores
    assert count.images == 2
    change = model.scores(model.features(batch), batch, TARGETS) - model.scores(model.reference(batch), batch, TARGETS)
    assert np.allclose(scores, change.detach().numpy().T / scores.shape[1], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("window", "stride"), [(6, 3), (5, 2), (0.5, 0.2), (1, 1)])
@pytest.mark.parametrize("size", [(11, 14), (4, 7, 6)])
def test_effects_are_averaged_over_the_windows_that_cover_a_pixel(window, stride, size):
    model = classifier(size)
    batch, method = model.encode([case(size=size)]), WindowOcclusion(window=window, stride=stride)
    combined = list(product(*method.windows(size)))
    masks = np.array([reduce(np.logical_and.outer, rows).ravel() for rows in combined])
    whole = model.perturbed_scores(batch, [np.ones((1, masks.shape[1]), dtype=bool)], "mask", TARGETS)[0]
    effects = whole - model.perturbed_scores(batch, [~masks], "mask", TARGETS)[0]
    naive = effects.T @ masks / masks.sum(0) / masks[0].sum()
    assert np.allclose(method(model, batch, TARGETS)[0].scores, naive, rtol=0, atol=1e-13)


def test_windows_of_one_size_cover_every_pixel():
    for rows, side in zip(WindowOcclusion(window=5, stride=4).windows((7, 13)), (7, 13), strict=True):
        assert rows.any(0).all()
        assert (rows.sum(1) == 5).all()
        assert rows.shape[1] == side


def test_occlusion_agrees_with_captum():
    from captum.attr import Occlusion

    model = classifier((16, 20))
    batch = model.encode([case()])
    ours = WindowOcclusion(window=4, stride=2)(model, batch, TARGETS)[0].scores
    for k in range(len(TARGETS)):
        theirs = Occlusion(model.logits).attribute(batch.data, (1, 4, 4), strides=(1, 2, 2), target=k, baselines=0.0)
        assert np.allclose(ours[k] * 16, theirs.flatten().detach().numpy(), rtol=1e-5, atol=1e-6)  # in 32 bits


def test_occlusion_of_patches_agrees_with_captum():
    from captum.attr import FeatureAblation

    model = classifier((16, 20))
    batch, cut = model.encode([case()]), patches(PixelUnits(16, 20), 4)
    ours = RegionOcclusion(regions=16)(model, batch, TARGETS)[0].project(cut).scores
    mask = torch.from_numpy(cut.index)[None, None]
    for k in range(len(TARGETS)):
        theirs = FeatureAblation(model.logits).attribute(batch.data, target=k, feature_mask=mask, baselines=0.0).detach()
        assert np.allclose(ours[k], of_regions(theirs, cut), rtol=0, atol=1e-12)


def test_occlusion_of_a_linear_model_is_what_pixels_contribute():
    model = linear((8, 10))
    batch = model.encode([case(size=(8, 10))])
    scores = WindowOcclusion(window=1.2, stride=1.2)(model, batch, TARGETS)[0].scores  # one pixel
    assert np.allclose(scores, contributions(model, batch), rtol=0, atol=1e-12)


def test_masks_of_windows_never_pile_up():
    model = linear((48, 48))

    def peak(stride):
        batch = model.encode([case(size=(48, 48))])
        tracemalloc.start()
        WindowOcclusion(window=8, stride=stride)(model, batch, TARGETS)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(8)
    few, many = peak(4), peak(1.2)  # 121 windows, and 1,681
    assert many - few < 0.1 * (41**2 - 11**2) * 48 * 48


@pytest.mark.parametrize("settings", [{"window": 0}, {"stride": -1}])
def test_windows_that_are_none_are_refused(settings):
    with pytest.raises(PellucidError, match="must be positive"):
        WindowOcclusion(**settings)


def test_a_stride_that_leaves_gaps_is_refused():
    model = classifier()
    with pytest.raises(PellucidError, match="shorten it"):
        WindowOcclusion(window=0.1, stride=0.5)(model, model.encode([case()]), TARGETS)


# LIME and KernelSHAP


def eight(size=(16, 32)):
    """A case, its eight superpixels, and a model of three random games of them."""
    shown = case("a", size)
    plain = classifier(size)
    cut = superpixels(plain.encode([shown]).data[0].numpy(), 8)
    assert len(cut) == 8
    games = [table(8, seed) for seed in range(3)]
    return shown, cut, game_model(cut.index, games), games


def test_kernel_shap_of_eight_superpixels_is_the_shapley_value():
    shown, cut, model, games = eight()
    (found,) = RegionKernelShap(regions=8, samples=254)(model, model.encode([shown]), TARGETS)
    assert (found.facts["samples"] == 254).all()
    for k, game in enumerate(games):
        assert np.allclose(found.project(cut).scores[k], by_permutations(game, 8), rtol=0, atol=1e-10)


def test_kernel_shap_agrees_with_captum():
    from captum.attr import ShapleyValues

    model = classifier((16, 20))
    batch, cut = model.encode([case()]), patches(PixelUnits(16, 20), 2)
    ours = RegionKernelShap(unit="patch", regions=4)(model, batch, TARGETS)[0].project(cut).scores
    mask = torch.from_numpy(cut.index)[None, None]
    for k in range(len(TARGETS)):
        theirs = ShapleyValues(model.logits).attribute(batch.data, target=k, feature_mask=mask, baselines=0.0).detach()
        assert np.allclose(ours[k], of_regions(theirs, cut), rtol=1e-5, atol=1e-7)  # in 32 bits


def test_lime_of_a_linear_model_finds_what_superpixels_contribute():
    model = linear((16, 20))
    batch = model.encode([case()])
    (found,) = RegionLime(regions=12, ridge=1e-9)(model, batch, TARGETS)
    cut = superpixels(batch.data[0].numpy(), 12)
    expected = cut_sums(contributions(model, batch), cut)
    assert np.allclose(found.project(cut).scores, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert np.allclose(found.facts["fit"], 1)


def test_pixels_of_one_superpixel_share_its_value_evenly():
    model = classifier()
    batch = model.encode([case()])
    cut = superpixels(batch.data[0].numpy(), 10)
    for explainer in (RegionKernelShap(regions=10, samples=40), RegionLime(regions=10, samples=40)):
        scores = explainer(model, batch, TARGETS)[0].scores
        assert all(np.ptp(scores[:, cut.index.ravel() == region], axis=1).max() == 0 for region in range(len(cut)))


def test_coalitions_of_superpixels_never_pile_up():
    model = linear((48, 48))
    masks = 3000 * 48 * 48
    batch = model.encode([case(size=(48, 48))])
    tracemalloc.start()
    RegionKernelShap(samples=3000)(model, batch, TARGETS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * masks


@pytest.mark.parametrize("kind", [RegionKernelShap, RegionLime, RegionOcclusion])
def test_no_regions_are_refused(kind):
    with pytest.raises(PellucidError, match="give at least 1"):
        kind(regions=0)


def test_an_image_in_one_region_has_the_whole_change_in_it():
    model = classifier()
    batch = model.encode([case()])
    change = model.scores(model.features(batch), batch, TARGETS) - model.scores(model.reference(batch), batch, TARGETS)
    for explainer in (RegionOcclusion(regions=1), RegionKernelShap(regions=1)):
        assert np.allclose(explainer(model, batch, TARGETS)[0].scores.sum(1), change.detach().numpy()[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [RegionKernelShap, RegionLime])
@pytest.mark.parametrize("worth", [np.nan, np.inf])
def test_a_version_whose_logit_is_no_number_is_refused_with_the_case(kind, worth):
    cut = patches(PixelUnits.of((12, 12)), 3)
    model = game_model(cut.index, [lambda present: np.where(present.sum(1) < 5, worth, 1.0)])
    with pytest.raises(DataError, match=r"perturbed version of case a is not a finite number"):
        kind(unit="patch", regions=9)(model, model.encode([case("a", (12, 12))]), TARGETS[:1])


def of_regions(values, cut):
    """The value that all pixels of a region have."""
    return np.array([values.flatten()[np.flatnonzero(cut.index.ravel() == region)[0]] for region in range(len(cut))])


def cut_sums(values, cut):
    """Values of pixels summed over regions."""
    return PixelUnits(*cut.shape).project(values, cut)
