"""Extremal perturbation: the mask of a given area that keeps the label best."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import case, classifier
from shown import TARGETS, Counting, linear

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.explainers.images.extremal import ExtremalPerturbation
from pellucid.explainers.images.separable import gaussian, overlap
from pellucid.explainers.images.separable import linear as interpolation
from pellucid.picture import Picture
from pellucid.testing import check_explainer


def lit(size):
    """An image of one colour, brighter than the mean."""
    return Case("lit", "lit", {"image": Picture(np.full((*size, 1), 200, dtype=np.uint8))}, frozenset())


def squares(size):
    """Two squares that do not touch, and a linear model whose first two labels live in one each."""
    first = tuple(slice(n // 8, n // 2) for n in size)
    second = tuple(slice(n * 5 // 8, n) for n in size)
    weights = np.zeros((3, *size))
    weights[0][first], weights[1][second], weights[2] = 1.0, 1.0, 0.01
    return weights[:2].astype(bool), linear(size, weights=weights)


@pytest.mark.parametrize(("size", "channels"), [((16, 20), 1), ((12, 12), 3), ((4, 6, 6), 1)])
def test_it_keeps_its_contract(size, channels):
    explainer = ExtremalPerturbation(steps=4, areas=(0.1, 0.3), grid=5)
    check_explainer(explainer, classifier(size, channels), [case("a", size, channels), case("b", size, channels)])


@pytest.mark.parametrize("variant", ["preserve", "delete"])
@pytest.mark.parametrize("size", [(24, 24), (8, 10, 10)])
def test_the_mask_lies_where_the_label_lives(variant, size):
    where, model = squares(size)
    area = float(where[0].mean())
    method = ExtremalPerturbation(areas=(area,), variant=variant, steps=150, filler="mask")
    (found,) = method(model, model.encode([lit(size)]), TARGETS)
    for k in range(2):
        scores = found.scores[k].reshape(size)
        assert scores[where[k]].mean() > 0.8
        assert scores[where[1 - k]].mean() < 0.1
    assert (found.facts["area_gap"] < 0.03).all()


def test_masks_of_larger_areas_show_more():
    _, model = squares((24, 24))
    batch = model.encode([lit((24, 24))])
    shown = [ExtremalPerturbation(areas=(a,), steps=80)(model, batch, TARGETS)[0].scores.mean() for a in (0.05, 0.2, 0.5)]
    assert np.all(np.abs(np.array(shown) - (0.05, 0.2, 0.5)) < 0.08)


def test_the_score_is_the_mean_over_areas_and_each_is_fitted_by_itself():
    model = classifier()
    batch = model.encode([case()])
    both = ExtremalPerturbation(areas=(0.1, 0.4), steps=6)(model, batch, TARGETS)[0].scores
    each = [ExtremalPerturbation(areas=(a,), steps=6)(model, batch, TARGETS)[0].scores for a in (0.1, 0.4)]
    assert np.allclose(both, np.mean(each, axis=0), rtol=0, atol=1e-10)


def test_what_is_preserved_is_the_logit_of_the_masked_image():
    model = classifier()
    batch = model.encode([case()])
    (found,) = ExtremalPerturbation(areas=(0.2,), steps=6)(model, batch, TARGETS)
    masks = torch.from_numpy(found.scores).view(3, 16, 20)
    scores = model.masked_scores(batch, 0, masks, "blur", TARGETS).detach().numpy()
    assert np.allclose(found.facts["preserved"], np.diagonal(scores), rtol=0, atol=1e-12)


def test_all_targets_and_areas_go_through_the_network_together():
    model = classifier()
    batch, count = model.encode([case()]), Counting(model)
    ExtremalPerturbation(areas=(0.1, 0.2), steps=3)(model, batch, TARGETS)
    assert count.most == 6
    assert count.images == 6 * (3 + 1)


def test_weights_and_their_gradients_stay_as_they_were():
    model = classifier()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    ExtremalPerturbation(steps=3)(model, model.encode([case()]), TARGETS)
    assert all(torch.equal(before[name], value) for name, value in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())


@pytest.mark.parametrize("settings", [{"areas": ()}, {"areas": (0.1, 1.0)}, {"steps": 0}, {"rate": 0.0}, {"grid": 0}])
def test_settings_that_make_no_mask_are_refused(settings):
    with pytest.raises(PellucidError, match="extremal perturbation"):
        ExtremalPerturbation(**settings)


@pytest.mark.parametrize("make", [gaussian, interpolation, overlap])
@pytest.mark.parametrize(("cells", "pixels"), [(1, 1), (1, 7), (3, 7), (7, 3), (16, 16)])
def test_maps_made_along_axes_keep_a_constant(make, cells, pixels):
    matrix = make(cells, pixels)
    assert matrix.shape == (pixels, cells)
    assert np.allclose(matrix.sum(1), 1)
    assert (matrix >= 0).all()


def test_it_is_fitted_the_same_where_gradients_are_switched_off():
    model, explainer = classifier(), ExtremalPerturbation(steps=3)
    expected = explainer(model, model.encode([case()]), TARGETS[:1])[0].scores
    with torch.no_grad():
        found = explainer(model, model.encode([case()]), TARGETS[:1])[0].scores
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_masks_for_a_model_of_half_precision_are_nearly_those_of_the_whole_one(dtype):
    model, explainer = classifier(), ExtremalPerturbation(steps=20)
    exact = explainer(model, model.encode([case()]), TARGETS[:1])[0].scores
    model.to(dtype=dtype)
    found = explainer(model, model.encode([case()]), TARGETS[:1])[0].scores
    assert np.corrcoef(found, exact)[0, 1] > 0.99
