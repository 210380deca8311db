"""What rounding and tiny changes do to a Jacobian."""

from __future__ import annotations

import images
import numpy as np
import pytest
import torch
from networks import convolutional, dense, drawn, filled, jacobian
from torch import nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import of_callable, of_model
from pellucid.jacobians.precision import adjoint_gap, condition, precision_gap, stability
from pellucid.jacobians.precision_copies import cast_to, copied
from pellucid.target import Target


def test_both_ways_of_making_products_are_of_one_matrix() -> None:
    assert adjoint_gap(jacobian(convolutional(), drawn(0, 1, 6, 6))) < 1e-12
    assert adjoint_gap(jacobian(convolutional().float(), drawn(0, 1, 6, 6).float())) < 1e-5


class _Crooked(torch.autograd.Function):
    """Its way back is not that of its way forwards."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    @staticmethod
    def setup_context(ctx: object, inputs: object, output: object) -> None:
        pass

    @staticmethod
    def jvp(ctx: object, tangent: torch.Tensor) -> torch.Tensor:
        return 2 * tangent

    @staticmethod
    def backward(ctx: object, back: torch.Tensor) -> torch.Tensor:
        return 3 * back


def test_a_wrong_way_back_is_found() -> None:
    assert adjoint_gap(Jacobian(of_callable(_Crooked.apply, drawn(0, 5)))) > 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_small_network_differs_by_rounding_between_precisions(dtype: torch.dtype) -> None:
    operator = jacobian(convolutional().to(dtype), drawn(0, 1, 6, 6).to(dtype))
    exact = jacobian(convolutional().to(dtype).double(), drawn(0, 1, 6, 6).to(dtype).double()).dense()
    rounded = jacobian(convolutional().float(), drawn(0, 1, 6, 6).float()).dense().double()
    gap = precision_gap(operator)
    assert 0 < gap < 1e-6
    assert gap == pytest.approx(float((rounded - exact).norm() / exact.norm()), rel=0.05)


def test_the_model_that_is_compared_stays_as_it_was() -> None:
    model = images.classifier()
    function = of_model(model, images.case("a"))
    before = function.value()
    made = cast_to(function, torch.float32)
    assert made.at.dtype == made.value().dtype == torch.float32
    assert next(model.module.parameters()).dtype == torch.float64
    torch.testing.assert_close(function.value(), before, rtol=0, atol=0)


@pytest.mark.parametrize("output", ["probabilities", "margins", [Target.contrast("nodule", "opacity"), "effusion"]])
def test_a_copy_gives_the_same_outputs(output: object) -> None:
    function = of_model(images.classifier(exclusive=output == "margins"), images.case("a"), output=output)
    made = copied(function, lambda thing: None)
    assert made.outputs == function.outputs
    torch.testing.assert_close(made.value(), function.value())


def test_what_cannot_be_copied_is_said() -> None:
    with pytest.raises(PellucidError, match="give the network or the model"):
        precision_gap(Jacobian(of_callable(torch.sin, drawn(0, 3))))
    network = dense([3, 4, 2])
    with pytest.raises(PellucidError, match="not that of its model or network alone"):
        precision_gap(Jacobian(of_callable(lambda x: 2 * network(x), drawn(0, 3), module=network)))
    odd = Target("both", (("nodule", 1.0), ("effusion", 1.0)))
    with pytest.raises(PellucidError, match="'both' cannot be asked of a copy"):
        precision_gap(Jacobian(of_model(images.classifier(), images.case("a"), output=[odd])))


def test_rows_of_a_linear_function_do_not_turn() -> None:
    assert stability(jacobian(filled(nn.Linear(5, 3)), drawn(0, 5))) == pytest.approx(1)


def test_rows_turn_where_a_kink_is_crossed() -> None:
    call = lambda x: torch.stack([x[:, 0].abs(), x[:, 1]], 1)  # noqa: E731
    near = Jacobian(of_callable(call, torch.tensor([1e-9, 1.0], dtype=torch.float64)))
    assert stability(near, times=20) == pytest.approx(-1)
    far = Jacobian(of_callable(call, torch.tensor([0.5, 1.0], dtype=torch.float64)))
    assert stability(far, times=20) == pytest.approx(1)


def test_a_row_that_is_zero_everywhere_agrees_with_itself() -> None:
    operator = Jacobian(of_callable(lambda x: torch.stack([x.sum(1), torch.relu(x[:, 0] - 100)], 1), drawn(0, 3)))
    assert stability(operator) == pytest.approx(1)


def test_condition_numbers_are_those_of_numpy() -> None:
    weights, at = drawn(0, 3, 5), drawn(1, 5)
    operator = Jacobian(of_callable(lambda x: x @ weights.T, at))
    matrix, x = weights.numpy(), at.numpy()
    largest = float(np.linalg.norm(matrix, 2))
    found = condition(operator, largest, float(np.linalg.norm(x)))
    assert found.between == pytest.approx(np.linalg.cond(matrix))
    assert found.relative == pytest.approx(largest * np.linalg.norm(x) / np.linalg.norm(matrix @ x))
    assert found.componentwise == pytest.approx((np.abs(matrix * x) / np.abs(matrix @ x)[:, None]).max())


def test_in_units_of_their_own_numbers_are_compared_by_their_scale() -> None:
    """Told in other units the same row is as stable, and its condition the same."""
    network, at, unit = dense([4, 6, 3], nn.Tanh), drawn(0, 4), torch.tensor([1e-3, 1.0, 50.0, 1e4], dtype=torch.float64)
    one, other = jacobian(network, at), Jacobian(of_callable(lambda x: network(x / unit), at * unit))
    size = float(at.norm())
    assert stability(other, 0.3, scale=unit) == pytest.approx(stability(one, 0.3))
    assert stability(one, 0.3) < 0.999
    assert condition(other, 1.0, size, unit).between == pytest.approx(condition(one, 1.0, size).between)
    assert condition(other, 1.0, size, unit).componentwise == pytest.approx(condition(one, 1.0, size).componentwise)


def test_an_output_of_zero_that_can_move_has_no_relative_bound() -> None:
    operator = Jacobian(of_callable(lambda x: x[:, :1] - x[:, 1:], torch.tensor([1.0, 1.0], dtype=torch.float64)))
    found = condition(operator, 2**0.5, 2**0.5)
    assert found.relative == found.componentwise == float("inf")
