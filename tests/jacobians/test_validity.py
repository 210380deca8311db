"""How far a linear prediction holds."""

from __future__ import annotations

import math

import pytest
import torch
from networks import convolutional, dense, drawn, filled, jacobian
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import of_callable
from pellucid.jacobians.validity import random_directions, steepest, validity


def _of(call: object, at: list[float]) -> Jacobian:
    return Jacobian(of_callable(call, torch.tensor(at, dtype=torch.float64)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_linear_function_is_foretold_at_every_step(dtype: torch.dtype) -> None:
    operator = jacobian(filled(nn.Linear(30, 4)).to(dtype), drawn(0, 30).to(dtype))
    for radius in validity(operator, random_directions(operator.function.at, 6, 0)):
        assert (radius.known, radius.step) == ("linear", math.inf)


def test_a_constant_part_of_a_function_has_no_error_either() -> None:
    operator = _of(lambda x: torch.relu(x[:, :1]) + 0 * x.sum(1, keepdim=True), [1.0, 2.0])
    assert validity(operator, torch.tensor([[0.0, 1.0]]))[0].known == "linear"


def test_the_radius_of_a_parabola_is_a_closed_formula() -> None:
    # f = x + x^2 at 1: change 3 t + t^2, linear part 3 t, so that the error is t / (3 + t) = 0.1 at t = 1 / 3.
    found = validity(_of(lambda x: x + x * x, [1.0]), torch.tensor([[2.0]]))[0]
    assert found.known == "found"
    assert found.step == pytest.approx(1 / 3, rel=0.03)
    assert found.step <= 1 / 3
    assert found.share == found.step


def test_a_tolerance_of_a_fifth_reaches_farther() -> None:
    operator = _of(lambda x: x + x * x, [1.0])
    assert validity(operator, torch.ones(1, 1), tolerance=0.2)[0].step == pytest.approx(3 / 4, rel=0.03)


def test_a_bend_at_the_input_itself_gives_the_first_step_as_bound() -> None:
    found = validity(_of(lambda x: torch.relu(x), [0.0, 3.0]), torch.tensor([[1.0, 0.0]]))[0]
    assert found.known == "at most"
    assert found.step == pytest.approx(3e-5)


def test_a_function_that_bends_far_away_is_good_at_least_up_to_the_last_step() -> None:
    found = validity(_of(lambda x: x + 1e-4 * x * x, [1.0]), torch.ones(1, 1))[0]
    assert found.known == "at least"
    assert 2.5 <= found.step <= 10


def test_steps_are_measured_by_the_scale_of_each_number() -> None:
    scale = torch.tensor([1.0, 100.0], dtype=torch.float64)
    plain = _of(lambda x: (x * x).sum(1, keepdim=True), [1.0, 2.0])
    scaled = _of(lambda x: ((x / scale) ** 2).sum(1, keepdim=True), [1.0, 200.0])
    along = drawn(0, 3, 2)
    for ours, theirs in zip(validity(plain, along), validity(scaled, along * scale, scale=scale), strict=True):
        assert (ours.step, ours.share) == pytest.approx((theirs.step, theirs.share))


def test_an_input_of_zeros_has_a_step_and_no_share() -> None:
    found = validity(_of(lambda x: x.exp(), [0.0]), torch.ones(1, 1))[0]
    assert found.step == pytest.approx(0.2065, rel=0.04)
    assert math.isnan(found.share)


def test_the_radius_does_not_depend_on_which_directions_are_tried_with_it() -> None:
    operator, along = jacobian(convolutional(), drawn(5, 1, 6, 6)), drawn(6, 20, 1, 6, 6)
    assert validity(operator, along)[7] == validity(operator, along[7:8])[0]


def test_a_direction_of_nothing_is_refused() -> None:
    with pytest.raises(PellucidError, match="zero everywhere"):
        validity(_of(lambda x: x, [1.0]), torch.zeros(1, 1))


def test_the_steepest_direction_is_the_first_singular_vector() -> None:
    operator = jacobian(dense([6, 9, 4], nn.Tanh), drawn(0, 6))
    top = torch.linalg.svd(operator.dense())[2][0]
    assert abs(float(top @ steepest(operator, rounds=60))) == pytest.approx(1, abs=1e-6)


def test_the_steepest_direction_is_that_of_the_scaled_input() -> None:
    scale = torch.tensor([1.0, 5.0, 0.2, 1.0, 3.0, 1.0], dtype=torch.float64)
    operator = jacobian(dense([6, 9, 4], nn.Tanh), drawn(0, 6))
    top: Tensor = torch.linalg.svd(operator.dense() * scale)[2][0]
    assert abs(float(top @ (steepest(operator, scale=scale, rounds=60) / scale))) == pytest.approx(1, abs=1e-6)
