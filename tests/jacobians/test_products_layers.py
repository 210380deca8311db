"""Every kind of layer: all ways of making the Jacobian agree, with PyTorch, with float64, and with what really happens."""

from __future__ import annotations

import copy

import pytest
import torch
from layers import LAYERS, layer
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_module
from pellucid.jacobians.operator import Mode

UNMAPPED = ("LSTM",)
"""Layers that torch.func.jacrev cannot send several outputs back through."""
NOT_FORWARDS = ("grid_sample",)
EXACT = 1e-10


def apart(one: Tensor, other: Tensor) -> float:
    """Relative Frobenius distance."""
    return float((one.double() - other.double()).norm() / other.double().norm())


def naive(module: nn.Module, at: Tensor) -> Tensor:
    """Row by row, a pass each."""
    found = torch.autograd.functional.jacobian(lambda x: module(x[None]).flatten(), at)
    assert isinstance(found, Tensor)
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_rows_columns_and_layers_make_the_same_jacobian(name: str) -> None:
    module, at = layer(name)
    expected = naive(module, at)
    modes: tuple[Mode, ...] = ("reverse", "forward") if name in NOT_FORWARDS else ("reverse", "forward", "pbx")
    for mode in modes:
        assert apart(Jacobian(of_module(module, at), mode=mode, chunk=7).dense(), expected) < EXACT
    if name not in UNMAPPED:
        assert apart(torch.func.jacrev(lambda x: module(x[None]).flatten())(at), expected) < EXACT


@pytest.mark.parametrize("name", LAYERS)
def test_float32_is_within_a_millionth_of_float64(name: str) -> None:
    module, at = layer(name)
    single = Jacobian(of_module(copy.deepcopy(module).float(), at.float())).dense()
    expected = Jacobian(of_module(module, at.float().double())).dense()
    assert single.dtype == torch.float32
    assert apart(single, expected) < 1e-6


@pytest.mark.parametrize("name", LAYERS)
def test_products_are_transposes_and_tell_what_happens(name: str) -> None:
    module, at = layer(name)
    jacobian = Jacobian(of_module(module, at))
    assert jacobian.adjoint_gap(seed=1) < 1e-12
    assert jacobian.difference_gap(step=1e-6, seed=1) < 1e-6


@pytest.mark.parametrize("name", LAYERS)
def test_many_products_over_a_kept_graph_are_those_of_the_matrix(name: str) -> None:
    module, at = layer(name)
    jacobian = Jacobian(of_module(module, at), mode="matrix-free")
    v = torch.randn(6, *at.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = v.flatten(1) @ naive(module, at).flatten(1).T
    assert apart(jacobian.jvp(v), expected) < EXACT
    assert apart(torch.stack([jacobian.jvp(one) for one in v]), expected) < EXACT


@pytest.mark.parametrize("name", NOT_FORWARDS)
def test_what_has_no_derivative_forwards_is_said(name: str) -> None:
    module, at = layer(name)
    with pytest.raises(PellucidError, match=r"no derivative forwards.*mode='reverse'"):
        Jacobian(of_module(module, at), mode="pbx").dense()
    jacobian = Jacobian(of_module(module, at))
    jacobian.jvp(at)
    assert any("going back twice" in note for note in jacobian.notes)


def test_fused_kernels_are_on_again_afterwards() -> None:
    before = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled
    module, at = layer("LSTM")
    Jacobian(of_module(module, at), mode="forward").dense()
    assert before == (
        torch.backends.mha.get_fastpath_enabled(),
        torch.backends.mkldnn.enabled,
        torch.backends.cudnn.enabled,
    )


def test_weights_ask_for_their_derivatives_as_before() -> None:
    module, at = layer("residual")
    fixed = next(module.parameters())
    fixed.requires_grad_(False)
    Jacobian(of_module(module, at)).dense()
    assert [weight.requires_grad for weight in module.parameters()] == [False, True]
    assert all(weight.grad is None for weight in module.parameters())
