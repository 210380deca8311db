"""PBX layer by layer: partial models, and how they chain to the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_callable, of_module
from pellucid.jacobians.layerwise import partials


def units(at: Tensor) -> Tensor:
    return torch.eye(at.numel(), dtype=at.dtype).reshape(-1, *at.shape)


def network() -> tuple[nn.Sequential, Tensor]:
    torch_random = torch.random.get_rng_state()
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(27, 4),
        nn.LogSoftmax(1),
    )
    at = torch.randn(1, 6, 6, dtype=torch.float64)
    torch.random.set_rng_state(torch_random)
    return made.double().eval(), at


def toeplitz(kernel: np.ndarray, size: int, padding: int, stride: int) -> np.ndarray:
    """The matrix of a convolution, entry by entry."""
    outs, ins, k, _ = kernel.shape
    across = (size + 2 * padding - k) // stride + 1
    found = np.zeros((outs, across, across, ins, size, size))
    for i, j, a, b in np.ndindex(across, across, k, k):
        y, x = i * stride + a - padding, j * stride + b - padding
        if 0 <= y < size and 0 <= x < size:
            found[:, i, j, :, y, x] = kernel[:, :, a, b]
    return found.reshape(outs * across * across, -1)


@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (1, 1), (1, 2)])
def test_a_convolution_is_its_toeplitz_matrix(padding: int, stride: int) -> None:
    layer = nn.Conv2d(2, 3, 3, padding=padding, stride=stride).double().eval()
    at = torch.rand(2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = toeplitz(layer.weight.detach().numpy(), 6, padding, stride)
    found = Jacobian(of_module(layer, at), mode="pbx").dense()
    assert np.allclose(found.flatten(1).detach().numpy(), expected, atol=1e-12)
    _, (part,) = partials(of_module(nn.Sequential(layer).eval(), at), units(at))
    assert np.allclose(part.jacobian.flatten(1).T.numpy(), expected, atol=1e-12)


def test_every_layer_gives_the_jacobian_of_the_model_up_to_it() -> None:
    model, at = network()
    whole, found = partials(of_module(model, at), units(at))
    assert [part.name for part in found] == [str(n) for n in range(7)]
    for place, part in enumerate(found):
        up_to = Jacobian(of_module(model[: place + 1].eval(), at), mode="reverse").dense()
        assert torch.allclose(part.jacobian.flatten(1).T, up_to.flatten(1), atol=1e-12)
        assert torch.allclose(part.activation, model[: place + 1](at[None])[0])
        assert part.kind == type(model[place]).__name__
    assert torch.allclose(whole, found[-1].jacobian)


@pytest.mark.parametrize("cut", range(1, 7))
def test_partial_jacobians_chain_to_the_whole(cut: int) -> None:
    model, at = network()
    middle = model[:cut](at[None])[0].detach()
    first = Jacobian(of_module(model[:cut].eval(), at)).dense().flatten(1)
    second = Jacobian(of_module(model[cut:].eval(), middle)).dense().flatten(1)
    whole = Jacobian(of_module(model, at)).dense().flatten(1)
    assert float((second @ first - whole).norm() / whole.norm()) < 1e-12


def test_branches_meet_as_their_activations_do() -> None:
    class Branched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.last = nn.Linear(4, 4), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            once = torch.tanh(self.shared(x))
            return self.last(torch.cat([x + self.shared(once), once], 1))

    model, at = Branched().double().eval(), torch.rand(4, dtype=torch.float64)
    whole, found = partials(of_module(model, at), units(at))
    assert [part.name for part in found] == ["shared", "shared#2", "last"]
    assert torch.allclose(whole.T, Jacobian(of_module(model, at), mode="reverse").dense())


def test_only_the_named_layers_are_kept_and_hooks_are_gone() -> None:
    model, at = network()
    _, found = partials(of_module(model, at), units(at)[:5], layers=["3"])
    assert [(part.name, tuple(part.jacobian.shape)) for part in found] == [("3", (5, 3, 3, 3))]
    assert not any(part._forward_hooks for part in model.modules())


def test_a_layer_that_reads_words_before_versions_is_left_out() -> None:
    class Swapping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.tanh(self.inner(self.first(x).transpose(0, 1))).transpose(0, 1).mean(1))

    function = of_module(Swapping().double().eval(), torch.rand(7, 3, dtype=torch.float64))
    assert [part.name for part in partials(function, units(function.at)[:5])[1]] == ["first", "last"]
    with pytest.raises(PellucidError, match="'inner' does not give one array a version"):
        partials(function, units(function.at)[:5], layers=["inner"])


def test_what_has_no_such_layers_is_refused() -> None:
    model, at = network()
    with pytest.raises(PellucidError, match="no layer 'head'"):
        partials(of_module(model, at), units(at), layers=["head"])
    with pytest.raises(PellucidError, match="no network whose layers"):
        partials(of_callable(lambda x: x.flatten(1), at), units(at))
