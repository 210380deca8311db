"""Products where a network brings derivatives of its own, and checks that see what autograd cannot."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from networks import Saving, drawn, filled
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable
from pellucid.jacobians.function import of_module
from pellucid.jacobians.products import Ahead, Backward, TwiceBackward

AT = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
ROWS = torch.randn(5, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Cubed(torch.autograd.Function):
    """x^3 with a way back of its own, and none forwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, sent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * sent


class OnlyOnce(torch.autograd.Function):
    """x^3 whose way back is made outside of PyTorch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, sent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.from_numpy(3 * x.detach().numpy() ** 2 * sent.detach().numpy())


def through(step: Any) -> Any:
    return lambda x: step.apply(x) @ ROWS.to(x).T + torch.sin(x[:, :5])


def true() -> Tensor:
    sine = torch.zeros(5, 40, dtype=torch.float64)
    sine[torch.arange(5), torch.arange(5)] = torch.cos(AT[:5])
    return ROWS * 3 * AT**2 + sine


def test_a_layer_that_takes_one_output_at_a_time_gives_rows_one_by_one() -> None:
    jacobian = Jacobian(of_callable(through(OnlyOnce), AT))
    assert torch.allclose(jacobian.dense(), true())
    assert any("one by one" in note for note in jacobian.notes)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_network_that_saves_memory_has_products_by_going_back_twice(rows: int) -> None:
    """Run anew on the way back it must find weights as they were in the pass, that ask for no derivative."""
    along = drawn(1, rows, 4)
    network = filled(Saving(True))
    plain, saving = (TwiceBackward(of_module(net, drawn(0, 4)))(along) for net in (filled(Saving(False)), network))
    torch.testing.assert_close(saving, plain)
    assert all(weight.requires_grad for weight in network.parameters())


def test_a_layer_with_a_way_back_of_its_own_has_products_by_going_back_twice() -> None:
    jacobian = Jacobian(of_callable(through(Cubed), AT))
    assert torch.allclose(jacobian.jvp(AT), true() @ AT)
    assert jacobian.adjoint_gap() < 1e-12
    assert jacobian.difference_gap() < 1e-6


def test_a_derivative_hidden_from_a_second_one_in_part_is_refused_and_rows_remain() -> None:
    jacobian = Jacobian(of_callable(through(OnlyOnce), AT))
    assert torch.allclose(jacobian.dense(), true())
    with pytest.raises(PellucidError, match=r"hides its derivative.*rows only"):
        jacobian.jvp(AT)


def test_a_way_forth_is_kept_where_a_second_derivative_is_hidden() -> None:
    class Both(OnlyOnce):
        @staticmethod
        def jvp(ctx: Any, tangent: Tensor) -> Tensor:
            return 3 * AT**2 * tangent

    ahead = Ahead(of_callable(through(Both), AT))
    many = torch.randn(6, 40, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.allclose(ahead(many), many @ true().T)
    assert ahead.hidden


def test_a_detached_branch_is_seen_by_differences_alone() -> None:
    torch_sees = of_callable(lambda x: x @ ROWS.T + 0.5 * (x**2).detach() @ ROWS.T, AT)
    jacobian = Jacobian(torch_sees)
    assert jacobian.adjoint_gap() < 1e-12
    assert jacobian.difference_gap() > 0.1


def test_rounding_in_one_of_two_branches_is_seen_by_a_step_that_is_larger_than_it() -> None:
    rounded = Jacobian(of_callable(lambda x: (x + (x * 100).round() / 100) @ ROWS.T, AT))
    assert rounded.adjoint_gap() < 1e-12
    assert rounded.difference_gap(step=1.0) > 0.3


def test_differences_do_not_cross_kinks() -> None:
    """A step that would flip a ReLU is told from a wrong derivative: another direction is drawn, or it is refused."""
    near = torch.full((40,), 1e-9, dtype=torch.float64)
    kinked = Jacobian(of_callable(lambda x: torch.relu(x - 0.5e-9) @ ROWS.T, near))
    with pytest.raises(PellucidError, match="crosses a kink"):
        kinked.difference_gap(step=1.0)
    network = nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 4)).double()
    for seed in range(5):
        assert Jacobian(of_callable(network, AT)).difference_gap(seed=seed) < 1e-6


def test_a_step_of_nothing_is_refused() -> None:
    with pytest.raises(PellucidError, match="above 0"):
        Jacobian(of_callable(lambda x: x @ ROWS.T, AT)).difference_gap(step=0)


@pytest.mark.parametrize("alone", [False, True])
def test_rows_together_are_rows_one_by_one(alone: bool) -> None:
    back = Backward(of_callable(lambda x: torch.tanh(x) @ ROWS.T, AT))
    back.alone = alone
    assert torch.allclose(back(torch.eye(5, dtype=torch.float64)), ROWS * (1 - torch.tanh(AT) ** 2))


def test_large_inputs_are_sent_back_one_output_at_a_time_on_a_processor() -> None:
    large = of_callable(lambda x: x[:, :3], torch.ones(2**15))
    assert Backward(large).alone
    assert not Backward(of_callable(lambda x: x[:, :3], AT)).alone


def test_many_directions_are_made_of_rows_as_they_are_alone() -> None:
    jacobian = Jacobian(of_callable(lambda x: torch.tanh(x) @ ROWS.T, AT))
    v = torch.randn(20, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.allclose(jacobian.jvp(v), torch.stack([jacobian.jvp(one) for one in v]))
