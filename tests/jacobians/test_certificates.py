"""Certificates: what is sound stays below what was found, and says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from clinical import ROW, row_model
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_model, of_module
from pellucid.jacobians.certificates import certificates, decisions, restricted
from pellucid.jacobians.certificates.attack import attack
from pellucid.jacobians.certificates.base import largest_radius
from pellucid.jacobians.certificates.first_order import affine_region, first_order
from pellucid.jacobians.certificates.linear_bounds import output_bounds, propagated
from pellucid.jacobians.certificates.smoothing import smoothed


def network(seed: int = 0, inputs: int = 6, outputs: int = 3) -> nn.Sequential:
    """A small network of ReLUs in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = nn.Sequential(nn.Linear(inputs, 10), nn.ReLU(), nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, outputs))
    return made.double().eval()


def at(seed: int = 0, inputs: int = 6) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=inputs))


def test_of_a_linear_model_every_radius_is_the_distance_to_the_border() -> None:
    weights = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    function = of_callable(lambda x: x @ weights.T + 1.0, torch.tensor([1.0, 1.0], dtype=torch.float64))
    assert first_order(function)[0].radius == pytest.approx(8 / 5)
    assert attack(function)[0].radius == pytest.approx(8 / 5, rel=1e-4)
    assert first_order(function, "linf")[0].radius == pytest.approx(8 / 7)
    assert attack(function, "linf")[0].radius == pytest.approx(8 / 7, rel=1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_no_certified_radius_exceeds_that_of_an_attack(seed: int) -> None:
    function = decisions(of_module(network(seed), at(seed)))
    tricked = attack(function)
    for found in (affine_region(function), propagated(function, "l2")):
        for sound, upper in zip(found, tricked, strict=True):
            assert sound.status == "sound"
            assert 0 <= sound.radius <= upper.radius
    for sound, upper in zip(propagated(function, "linf"), attack(function, "linf"), strict=True):
        assert sound.radius <= upper.radius


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0), ball=st.sampled_from(["l2", "linf"]))
def test_no_point_of_the_ball_lies_outside_the_bounds(seed: int, share: float, ball: str) -> None:
    function = of_module(network(seed % 7), at(seed))
    low, high = output_bounds(function, share, ball)  # type: ignore[arg-type]
    drawn = torch.from_numpy(np.random.default_rng(seed).normal(size=(400, 6)))
    size = drawn.norm(dim=1, keepdim=True) if ball == "l2" else drawn.abs().amax(1, keepdim=True)
    inside = function.value(function.at + share * drawn / size)
    assert bool((inside >= low - 1e-9).all())
    assert bool((inside <= high + 1e-9).all())


def test_bounds_of_a_ball_of_no_size_are_the_outputs() -> None:
    function = of_module(network(), at())
    low, high = output_bounds(function, 0.0)
    torch.testing.assert_close(low, function.value()[0])
    torch.testing.assert_close(high, function.value()[0])


def test_bounds_are_propagated_through_convolutions_norms_and_pools() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2),
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
        )  # fmt: skip
    image = torch.from_numpy(np.random.default_rng(0).random((1, 8, 8)))
    function = of_module(net.double().eval(), image)
    low, high = output_bounds(function, 0.05)
    drawn = torch.from_numpy(np.random.default_rng(1).uniform(-0.05, 0.05, (300, 1, 8, 8)))
    inside = function.value(image + drawn)
    assert bool((inside >= low).all())
    assert bool((inside <= high).all())
    assert float((high - low).max()) < 40 * float((inside.amax(0) - inside.amin(0)).max())


def test_what_is_not_a_chain_is_refused_by_the_name_of_its_layer() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double().eval()
    with pytest.raises(PellucidError, match="Tanh"):
        propagated(of_module(net, at(inputs=3)))


def test_outputs_that_are_not_affine_are_refused() -> None:
    net = network(inputs=3)
    function = of_callable(lambda x: torch.softmax(net(x), 1), at(inputs=3), module=net)
    with pytest.raises(PellucidError, match="not affine"):
        propagated(function)


def test_a_vote_over_noise_that_is_no_better_than_a_coin_is_abstained_from() -> None:
    function = of_callable(lambda x: torch.sin(1000 * x).sum(1, keepdim=True) + 0.001, torch.zeros(2, dtype=torch.float64))
    found = smoothed(function, sd=1.0, samples=200)[0]
    assert found.radius == 0
    assert "abstained" in found.note
    assert found.status == "sound with confidence"


def test_the_certificate_of_a_smoothed_linear_model_stays_below_its_margin() -> None:
    function = of_callable(lambda x: x.sum(1, keepdim=True) + 2.0, torch.zeros(4, dtype=torch.float64))
    radii = [smoothed(function, sd=0.5, samples=500, seed=seed)[0].radius for seed in range(20)]
    assert min(radii) > 0.3
    assert max(radii) <= 1.0  # the distance to the border is 2 / |(1, 1, 1, 1)|


def test_along_two_steps_the_radius_is_told_in_those_steps() -> None:
    function = of_callable(lambda x: x[:, :1] + 4.0, torch.zeros(3, dtype=torch.float64))
    steps = torch.tensor([[-0.5, 0, 0], [0, 1.0, 0]], dtype=torch.float64)
    along = restricted(function, steps, ["half a shade darker", "a shade to the left"])
    torch.testing.assert_close(Jacobian(along).dense(), torch.tensor([[-0.5, 0.0]], dtype=torch.float64))
    assert first_order(along)[0].radius == pytest.approx(8.0)
    assert affine_region(along)[0].radius == pytest.approx(8.0)
    with pytest.raises(PellucidError, match="do not fit"):
        restricted(function, steps, ["one"])


def test_decisions_are_positive_whether_a_label_is_assigned_or_not() -> None:
    function = of_module(network(), at())
    assert bool((decisions(function).value() > 0).all())
    one = of_callable(lambda x: -x.sum(1, keepdim=True), torch.ones(2, dtype=torch.float64))
    assert decisions(one).value().item() == pytest.approx(2.0)


def test_a_decision_on_its_border_is_refused() -> None:
    with pytest.raises(PellucidError, match="border"):
        decisions(of_callable(lambda x: x.sum(1, keepdim=True), torch.zeros(2, dtype=torch.float64)))


def test_a_function_without_outputs_decides_nothing() -> None:
    with pytest.raises(PellucidError, match="decides nothing"):
        decisions(of_callable(lambda x: x[:, :0], torch.ones(2, dtype=torch.float64)))


@pytest.mark.parametrize("true", [3e-7, 0.2, 5.0, 4000.0])
def test_the_largest_radius_is_found_wherever_it_is_and_is_one_that_stands(true: float) -> None:
    found = largest_radius(lambda radius: radius <= true, start=0.01)
    assert true * (1 - 1e-4) <= found <= true
    assert largest_radius(lambda radius: True, 0.01) == math.inf
    assert largest_radius(lambda radius: False, 0.01) == 0


def test_of_a_row_radii_are_in_standard_deviations_as_its_units_differ() -> None:
    case = Case("r", "p", {"table": ROW}, frozenset())
    operator = Jacobian(of_model(row_model(), case))
    found = operator.certificates(["first_order", "smoothing"], samples=100)
    spread = torch.tensor(operator.function.predictor.std, dtype=torch.float64)  # type: ignore[union-attr]
    margin = float(operator.value[0].abs())
    assert found.unit == "standard deviation of the training cases"
    assert found.certificates[0].radius == pytest.approx(margin / float((operator.dense()[0] * spread).norm()))
    assert "noise of 0.25," in found.certificates[-1].note


def test_a_network_that_is_run_in_pieces_has_no_bounds() -> None:
    net = network(inputs=3)
    function = of_callable(lambda x: net[2:](torch.relu(net[0](x))), at(inputs=3), module=net)
    with pytest.raises(PellucidError, match="as a whole"):
        propagated(function)


def test_an_input_of_equal_numbers_has_no_noise_of_its_own_and_says_to_give_one() -> None:
    for size in (1, 3):
        function = of_callable(lambda x: x.sum(1, keepdim=True) + 1, torch.ones(size, dtype=torch.float64))
        assert "give a `noise`" in dict(certificates(function, ["smoothing"]).left_out)["smoothing"]
        assert certificates(function, ["smoothing"], noise=0.1, samples=50).certificates


def test_a_decision_that_nothing_turns_has_no_attack() -> None:
    function = of_callable(lambda x: 0 * x.sum(1, keepdim=True) + 1.0, torch.ones(2, dtype=torch.float64))
    assert attack(function)[0].radius == math.inf
    assert first_order(function)[0].radius == math.inf


def test_all_certificates_of_a_case_are_gathered_with_what_was_left_out() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double().eval()
    found = certificates(of_module(net, at(inputs=3)), samples=50)
    assert {name for name, _ in found.left_out} == {"affine_region", "bounds"}
    assert {c.status for c in found.certificates} == {"estimate", "upper bound", "sound with confidence"}
    assert "left out" in found.text()
    assert len(found.of("0 - 1") or found.of("1 - 0")) == 3


def test_an_unknown_certificate_is_refused() -> None:
    with pytest.raises(PellucidError, match="no certificate"):
        certificates(of_module(network(), at()), ["magic"])


def test_bounds_of_auto_lirpa_agree_where_it_is_installed() -> None:
    pytest.importorskip("auto_LiRPA", reason="auto_LiRPA has no release for this PyTorch on package indexes")
    from pellucid.jacobians.certificates.lirpa import by_auto_lirpa

    function = decisions(of_module(network().float(), at().float()))
    for theirs, ours, upper in zip(by_auto_lirpa(function), propagated(function), attack(function, "linf"), strict=True):
        assert theirs.radius <= upper.radius
        assert theirs.radius == pytest.approx(ours.radius, rel=1e-3)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_parts_no_two_decisions_is_refused(threshold: float) -> None:
    model = row_model()
    model.threshold = threshold
    function = of_model(model, Case("row", "patient", {"table": ROW}, frozenset()))
    with pytest.raises(PellucidError, match="parts no two decisions"):
        decisions(function)
