"""Shares of sensitivity: in directions with a name, and inside and outside the anatomy."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from clinical import ROW, chest, heartbeat, image_model, row_model, signal_model
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_model
from pellucid.jacobians.directions import Direction, explained_share, region_shares, straight
from pellucid.jacobians.directions.sharing import orthonormal


def matrix(rows: int = 3, columns: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def linear(weights: torch.Tensor) -> Jacobian:
    """The Jacobian of a linear map, which is its matrix."""
    return Jacobian(of_callable(lambda v: v @ weights.T, torch.ones(weights.shape[1], dtype=torch.float64)))


def along(tangents: torch.Tensor, group: str = "own") -> list[Direction]:
    start = torch.ones(tangents.shape[1], dtype=torch.float64)
    return [replace(straight(str(i), "+1", start, row), group=group) for i, row in enumerate(tangents)]


def test_a_full_basis_explains_everything_and_no_direction_nothing():
    jacobian = linear(matrix())
    everything = explained_share(jacobian, along(matrix(8, 8, 1)))
    assert everything.all.value == pytest.approx(1)
    assert everything.all.each == pytest.approx((1, 1, 1))
    assert everything.all.chance == 1
    nothing = explained_share(jacobian, [])
    assert (nothing.all.value, nothing.all.rank, nothing.unexplained) == (0, 0, 1)


def test_the_share_is_that_of_the_projection():
    weights, tangents = matrix(), matrix(3, 8, 1)
    found = explained_share(linear(weights), along(tangents)).all
    projector = np.linalg.pinv(tangents.numpy()) @ tangents.numpy()
    inside = weights.numpy() @ projector
    assert found.value == pytest.approx((inside**2).sum() / (weights.numpy() ** 2).sum())
    assert found.each == pytest.approx((inside**2).sum(1) / (weights.numpy() ** 2).sum(1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4), st.integers(1, 3))
def test_shares_grow_with_the_set_and_do_not_depend_on_units(seed, factors, fewer):
    jacobian, tangents = linear(matrix(seed=seed)), matrix(4, 8, seed + 1)
    whole, part = (explained_share(jacobian, along(some)).all.value for some in (tangents, tangents[:fewer]))
    rescaled = explained_share(jacobian, along(tangents * torch.tensor(factors, dtype=torch.float64)[:, None])).all.value
    assert 0 <= part <= whole + 1e-12 <= 1 + 1e-9
    assert rescaled == pytest.approx(whole, abs=1e-9)


def test_what_two_directions_have_in_common_is_counted_once():
    tangents = matrix(2, 8, 1)
    mixed = torch.cat([tangents, tangents[:1] - 3 * tangents[1:], torch.zeros(1, 8, dtype=torch.float64)])
    once, twice = (explained_share(linear(matrix()), along(some)).all for some in (tangents, mixed))
    assert (once.rank, twice.rank) == (2, 2)
    assert twice.value == pytest.approx(once.value)


def test_a_basis_is_orthonormal_and_holds_its_tangents():
    tangents = matrix(3, 8, 2) * torch.tensor([[1e-9], [1.0], [1e9]], dtype=torch.float64)
    basis = orthonormal(list(tangents), 8)
    torch.testing.assert_close(basis.T @ basis, torch.eye(3, dtype=torch.float64))
    units = tangents / tangents.norm(dim=1, keepdim=True)
    torch.testing.assert_close(units @ basis @ basis.T, units)


def test_groups_have_shares_of_their_own():
    tangents = matrix(4, 8, 3)
    groups = [*along(tangents[:2], "a"), *along(tangents[2:], "b")]
    found = explained_share(linear(matrix()), groups)
    assert [share.name for share in found.groups] == ["a", "b"]
    for share, part in zip(found.groups, (tangents[:2], tangents[2:]), strict=True):
        assert share.value == pytest.approx(explained_share(linear(matrix()), along(part)).all.value)


def test_random_directions_explain_their_chance():
    found = [explained_share(linear(matrix(5, 40, s)), along(matrix(10, 40, s + 100))).all for s in range(40)]
    assert found[0].chance == 0.25
    assert np.mean([share.value for share in found]) == pytest.approx(0.25, abs=0.03)


def test_an_output_that_reacts_to_nothing_has_no_share():
    weights = matrix()
    weights[1] = 0
    found = explained_share(linear(weights), along(matrix(2, 8, 1)))
    assert math.isnan(found.all.each[1])
    assert 0 < found.all.value < 1
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["shares"][0]["each"][1] is None


def test_shares_of_rows_do_not_depend_on_the_units_of_measurements():
    """Creatinine in mg/dl or in umol/l: the model is the same, and so is the share."""
    model, other = row_model().to(dtype=torch.float64), row_model().to(dtype=torch.float64)
    place, factor = model.names.index("creatinine"), 88.4
    for name in ("mean", "std"):
        values = list(getattr(other, name))
        values[place] *= factor
        setattr(other, name, tuple(values))
    values = ROW.values.copy()
    values[ROW.names.index("creatinine")] *= factor
    shares = []
    for one, row in ((model, ROW), (other, replace(ROW, values=values))):
        jacobian = Jacobian(of_model(one, Case("r", "r", {"table": row}, frozenset())))
        directions = jacobian.directions(["HDL cholesterol", "creatinine among patients"], verify=False).directions
        shares.append(explained_share(jacobian, directions).all.value)
    assert shares[0] == pytest.approx(shares[1])
    assert 0 < shares[0] < 1


def test_a_scale_that_does_not_fit_is_refused():
    with pytest.raises(PellucidError, match="one number above 0 for each"):
        explained_share(linear(matrix()), along(matrix(2, 8)), scale=torch.zeros(8))


def weighted(place: np.ndarray) -> Jacobian:
    """A linear model of images whose weights lie in one place."""
    model = image_model(place.shape, linear=True)
    with torch.no_grad():
        model.module[1].weight.mul_(torch.from_numpy(place.ravel()))
    return Jacobian(of_model(model, chest()))


def test_a_model_that_reads_the_background_has_all_of_its_sensitivity_outside():
    anatomy = np.any([mark.mask for mark in chest().anatomy], axis=0)
    found = region_shares(weighted(~anatomy))
    assert found.outside.value == pytest.approx(1)
    assert found.outside.each == pytest.approx((1, 1))
    assert found.outside.ratio == pytest.approx(1 / (~anatomy).mean())
    assert found["heart"].value == 0
    background = explained_share(weighted(~anatomy), weighted(~anatomy).directions(["anatomy"], verify=False).directions)
    assert background.all.value == pytest.approx(0)


def test_a_model_that_reads_a_lung_has_none_outside():
    lung = chest().anatomy[0].mask
    found = region_shares(weighted(lung))
    assert found.outside.value == 0
    assert found["right lung"].value == pytest.approx(1)
    assert found["right lung"].chance == pytest.approx(lung.mean())


def test_shares_of_regions_that_tile_the_image_add_up():
    jacobian = Jacobian(of_model(image_model(), chest()))
    left = np.zeros((24, 30), dtype=bool)
    left[:, :13] = True
    found = region_shares(jacobian, {"left": left})
    assert found["left"].value + found.outside.value == pytest.approx(1)
    squares = jacobian.dense().square().sum(1)
    assert found["left"].each == pytest.approx((squares[:, left].sum(1) / squares.sum((1, 2))).tolist())


def test_channels_of_a_pixel_are_summed():
    jacobian = Jacobian(of_model(image_model((24, 30), 3), chest(channels=3)))
    squares = jacobian.dense().square()
    lung = chest().anatomy[0].mask
    assert region_shares(jacobian)["right lung"].value == pytest.approx(float(squares[:, :, lung].sum() / squares.sum()))


def test_segments_of_a_signal_are_regions_too():
    beat = heartbeat()
    found = region_shares(Jacobian(of_model(signal_model(beat), beat)))
    assert {region.name for region in found.regions} >= {"P wave", "QRS complex", "ST segment", "T wave", "outside"}
    assert sum(region.value for region in found.regions) == pytest.approx(1)


def test_regions_are_told_in_plain_words_and_as_json():
    found = region_shares(weighted(chest().anatomy[0].mask))
    assert "right lung: 100% of the sensitivity on 13% of the units" in found.text()
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["regions"][-1]["name"] == "outside"


def test_a_region_without_units_has_no_ratio():
    found = region_shares(weighted(np.ones((24, 30), bool)), {"nothing": np.zeros((24, 30), bool)})
    assert math.isnan(found["nothing"].ratio)
    assert found.outside.value == pytest.approx(1)


def test_regions_that_are_missing_or_do_not_fit_are_refused():
    jacobian = Jacobian(of_model(image_model(), replace(chest(), anatomy=())))
    with pytest.raises(PellucidError, match="does not say where structures lie"):
        region_shares(jacobian)
    with pytest.raises(PellucidError, match="'small' is no mask of booleans"):
        region_shares(jacobian, {"small": np.zeros((3, 3), bool)})


def test_regions_of_any_network_can_be_given():
    from pellucid.jacobians import of_module

    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).double().eval()
    jacobian = Jacobian(of_module(net, torch.ones(3, 4, dtype=torch.float64)))
    half = np.zeros((3, 4), bool)
    half[:, :2] = True
    weights = net[1].weight.detach().reshape(2, 3, 4).square()
    assert region_shares(jacobian, {"half": half})["half"].value == pytest.approx(
        float(weights[:, :, :2].sum() / weights.sum())
    )
