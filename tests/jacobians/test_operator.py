"""The operator: cases whose Jacobian is known in closed form, choice of the way, and refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_module
from pellucid.jacobians.operator import MODES, Mode, suited

DENSE: tuple[Mode, ...] = tuple(mode for mode in MODES if mode != "matrix-free")


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rectifying(bias: bool) -> nn.Sequential:
    layers = (nn.Linear(7, 9, bias), nn.ReLU(), nn.Linear(9, 5, bias), nn.ReLU(), nn.Linear(5, 3, bias))
    return nn.Sequential(*layers).double().eval()


@pytest.mark.parametrize("mode", DENSE)
def test_a_linear_model_is_its_own_jacobian(mode: Mode) -> None:
    model = nn.Linear(6, 4).double().eval()
    assert torch.allclose(Jacobian(of_module(model, drawn(6)), mode=mode).dense(), model.weight)


@pytest.mark.parametrize("mode", DENSE)
def test_logistic_regression_moves_by_p_times_1_minus_p_times_w(mode: Mode) -> None:
    w, x = drawn(6), drawn(6, seed=1)
    p = torch.sigmoid(w @ x)
    found = Jacobian(of_callable(lambda versions: torch.sigmoid(versions @ w)[:, None], x), mode=mode).dense()
    assert torch.allclose(found[0], p * (1 - p) * w)


@pytest.mark.parametrize(
    "name",
    ["spectrum", "directions", "reliability", "error_bars", "curvature", "interactions", "certificates", "difference_gap"],
)
def test_the_help_of_what_can_be_asked_tells_arguments_and_errors(name: str) -> None:
    told = inspect.getdoc(getattr(Jacobian, name)) or ""
    assert "Args:" in told
    assert "Raises:" in told


def test_a_relu_network_without_biases_is_its_jacobian_times_the_input() -> None:
    model, x = rectifying(bias=False), drawn(7)
    jacobian = Jacobian(of_module(model, x))
    assert torch.allclose(jacobian.jvp(x), jacobian.value)
    assert torch.allclose(jacobian.dense() @ x, jacobian.value)


def test_a_relu_network_is_affine_around_the_input() -> None:
    model, x = rectifying(bias=True), drawn(7)
    jacobian = Jacobian(of_module(model, x))
    offset = jacobian.value - jacobian.jvp(x)
    near = x + 1e-6 * drawn(7, seed=2)
    assert torch.allclose(model(near[None])[0], jacobian.dense() @ near + offset, rtol=0, atol=1e-12)


def test_a_row_of_very_many_outputs_needs_no_room_for_the_square_of_their_number() -> None:
    many = 300_000  # an identity matrix of that size takes 720 GB
    jacobian = Jacobian(of_callable(lambda versions: 3 * versions.repeat(1, many), torch.ones(1, dtype=torch.float64)))
    assert jacobian.rows("7").tolist() == [[3.0]]
    assert next(jacobian.blocks()).tolist() == [[3.0]] * jacobian.chunk


@given(seed=st.integers(0, 10_000), m=st.integers(1, 6), n=st.integers(1, 6), chunk=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_products_rows_and_norm_are_those_of_the_matrix(seed: int, m: int, n: int, chunk: int) -> None:
    matrix = drawn(m, n, seed=seed)
    jacobian = Jacobian(of_callable(lambda x: x @ matrix.T, drawn(n, seed=seed + 1)), chunk=chunk)
    u, v = drawn(3, m, seed=seed + 2), drawn(3, n, seed=seed + 3)
    assert torch.allclose(jacobian.vjp(u), u @ matrix)
    assert torch.allclose(jacobian.jvp(v), v @ matrix.T)
    assert torch.allclose(jacobian.vjp(u[0]), u[0] @ matrix)
    assert torch.allclose(jacobian.rows([str(m - 1)]), matrix[-1:])
    assert torch.allclose(torch.cat(list(jacobian.blocks())), matrix)
    assert jacobian.fro().value == pytest.approx(float(matrix.norm()))


def test_the_norm_by_random_signs_agrees_within_its_error() -> None:
    matrix = drawn(60, 30)
    jacobian = Jacobian(of_callable(lambda x: x @ matrix.T, drawn(30)), mode="matrix-free")
    for seed in range(5):
        found = jacobian.fro(seed=seed)
        assert found.probes == 64
        assert abs(found.value - float(matrix.norm())) < 4 * found.error


def test_the_way_is_chosen_by_shape() -> None:
    assert suited((14, 150_528)) == "reverse"
    assert suited((768, 30)) == "forward"
    assert suited((768, 150_528)) == "reverse"
    assert suited((50_176, 150_528)) == "matrix-free"


def test_a_dense_request_beyond_the_room_is_refused_with_its_size() -> None:
    large = of_callable(lambda x: x.repeat(1, 40), torch.ones(30_000))
    with pytest.raises(PellucidError, match=r"1,200,000 x 30,000 take 134\.11 GiB; use \.jvp, \.vjp, \.spectrum or \.blocks"):
        Jacobian(large).dense()
    small = Jacobian(of_callable(lambda x: x * 2, torch.ones(100)), room=10_000)
    with pytest.raises(PellucidError, match="allow more with `room`"):
        small.rows()
    assert small.rows(["3"]).shape == (1, 100)
    with pytest.raises(PellucidError, match="mode is matrix-free"):
        Jacobian(of_callable(lambda x: x * 2, torch.ones(4)), mode="matrix-free").dense()


def test_blocks_pass_through_what_would_not_fit() -> None:
    jacobian = Jacobian(of_callable(lambda x: x * 2, torch.ones(100)), mode="matrix-free", room=1, chunk=9)
    assert sum(float(block.square().sum()) for block in jacobian.blocks()) == pytest.approx(400)


def test_requests_that_do_not_fit_are_refused() -> None:
    function = of_callable(lambda x: x * 2, torch.ones(4), outputs=["a", "b", "c", "d"])
    jacobian = Jacobian(function)
    with pytest.raises(PellucidError, match="no mode 'sideways'"):
        Jacobian(function, mode="sideways")  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="chunk of 0"):
        Jacobian(function, chunk=0)
    with pytest.raises(PellucidError, match="no output 'e'"):
        jacobian.rows(["e"])
    with pytest.raises(PellucidError, match="does not fit the input"):
        jacobian.jvp(torch.ones(3))
    with pytest.raises(PellucidError, match="does not fit outputs"):
        jacobian.vjp(torch.ones(3))


def test_one_output_is_asked_for_by_its_name_alone() -> None:
    jacobian = Jacobian(of_callable(lambda x: x * 2, torch.ones(2), outputs=["edema", "nodule"]))
    assert torch.equal(jacobian.rows("nodule"), jacobian.rows(["nodule"]))


@pytest.mark.parametrize("size", [2, 2**15])
def test_no_directions_give_no_products(size: int) -> None:
    jacobian = Jacobian(of_callable(lambda x: x[:, :2] * 2, torch.ones(size)))
    assert jacobian.rows([]).shape == jacobian.vjp(torch.ones(0, 2)).shape == (0, size)
    assert jacobian.jvp(torch.ones(0, size)).shape == (0, 2)


def test_an_output_that_ignores_the_input_has_a_row_of_zeros() -> None:
    jacobian = Jacobian(of_callable(lambda x: torch.stack([x.sum(1), torch.ones(len(x))], 1), torch.ones(3)))
    assert np.array_equal(jacobian.dense().numpy(), [[1, 1, 1], [0, 0, 0]])
