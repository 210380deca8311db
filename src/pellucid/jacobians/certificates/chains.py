"""A function as affine maps with ReLUs between them, where its network is a plain chain of such layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function

Affine = Callable[[Float[Tensor, "N *a"]], Float[Tensor, "N *b"]]

AFFINE = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.AvgPool1d, nn.AvgPool2d,
    nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.Flatten, nn.Unflatten, nn.Identity,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
"""Layers that are affine in evaluation mode."""

_TOLERANCE = {True: 1e-9, False: 1e-3}
"""Of float64, and of anything shorter."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Affine maps; between each and the next there is a ReLU.

    Attributes:
        maps: from the input to the first pre-activations, from activations to the next, and to the outputs.
        shapes: of what each map reads, without the axis of versions.
    """

    maps: tuple[Affine, ...]
    shapes: tuple[tuple[int, ...], ...]

    def units(self) -> int:
        """How many ReLUs there are."""
        return sum(torch.Size(shape).numel() for shape in self.shapes[1:])

    def sent_back(self, index: int, rows: Float[Tensor, "N *b"]) -> Float[Tensor, "N *a"]:
        """`u^T W` of every row, W the linear part of a map."""
        zero = rows.new_zeros(len(rows), *self.shapes[index]).requires_grad_()
        with torch.enable_grad():
            out = self.maps[index](zero)
        return torch.autograd.grad(out, zero, rows.reshape(out.shape))[0]

    def offset(self, index: int, like: Tensor) -> Float[Tensor, " b"]:
        """What a map gives for nothing."""
        with torch.no_grad():
            return self.maps[index](like.new_zeros(1, *self.shapes[index])).flatten()


def chain_of(function: Function) -> Chain:
    """The chain of a function whose network is `nn.Sequential` of affine layers and ReLUs.

    What stands before and after the network in the function (units, normalisation, margins) must be affine too, which is tried.

    Raises:
        PellucidError: the network branches, one of its layers is neither affine nor a ReLU, or what is around it is not affine.
    """
    if function.module is None:
        raise PellucidError("The function has no network whose layers could be bounded; give a model or a network.")
    maps = _between_relus(function.module)
    maps[0] = _then(_Before(function), maps[0])
    shapes = [tuple(function.at.shape)]
    found = function.at[None]
    with torch.no_grad():
        for affine in maps[:-1]:
            found = torch.relu(affine(found))
            shapes.append(tuple(found.shape[1:]))
    maps[-1] = _then(maps[-1], _After(function))
    made = Chain(tuple(maps), tuple(shapes))
    _check(function, made)
    return made


def _between_relus(module: nn.Module) -> list[Affine]:
    """The affine maps before, between and behind the ReLUs."""
    groups: list[list[nn.Module]] = [[]]
    for layer in _flat(module):
        if not isinstance(layer, (*AFFINE, nn.ReLU)) or layer.training:
            raise PellucidError(
                f"A layer of the kind {type(layer).__name__} cannot be bounded; bounds are propagated through nn.Sequential of "
                "linear and convolutional layers, batch norms, average pools and ReLUs in evaluation mode."
            )
        if isinstance(layer, nn.ReLU):
            groups.append([])
        else:
            groups[-1].append(layer)
    return [nn.Sequential(*group).eval() for group in groups]


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _flat(part)
    else:
        yield module


def _then(first: Affine, second: Affine) -> Affine:
    return lambda versions: second(first(versions))


class _Stop(Exception):
    """The network has been reached."""


class _Before:
    """From the input of the function to that of its network."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def __call__(self, versions: Tensor) -> Tensor:
        seen: list[Tensor] = []

        def stop(_: nn.Module, inputs: Any) -> None:
            seen.append(inputs[0])
            raise _Stop

        assert self.function.module is not None
        handle = self.function.module.register_forward_pre_hook(stop)
        try:
            self.function(versions)
        except _Stop:
            pass
        finally:
            handle.remove()
        if not seen:
            raise PellucidError("The function does not run its network as a whole, so that its layers cannot be bounded.")
        return seen[0]


class _After:
    """From the output of the network to that of the function."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def __call__(self, outputs: Tensor) -> Tensor:
        assert self.function.module is not None
        handle = self.function.module.register_forward_hook(lambda _, __, ___: outputs)
        try:
            versions = self.function.at.detach().expand(len(outputs), *self.function.at.shape)
            return self.function(versions)
        finally:
            handle.remove()


def _check(function: Function, chain: Chain) -> None:
    """The chain is the function, and its maps are affine, as far as a few points tell."""
    generator = torch.Generator().manual_seed(0)

    def drawn(shape: tuple[int, ...]) -> Tensor:
        return torch.randn((2, *shape), generator=generator, dtype=torch.float64).to(function.at)

    with torch.no_grad():
        for affine, shape in zip(chain.maps, chain.shapes, strict=True):
            one, other = 10 * drawn(shape)  # far apart: what is curved hardly bends between near points
            found = affine(torch.stack([one, other, 2 * one - other]))
            _demand(2 * found[0] - found[1], found[2])
        versions = found = function.at + drawn(tuple(function.at.shape)) * (function.at.abs().mean() + 1e-3)
        for index, affine in enumerate(chain.maps):
            found = torch.relu(affine(found)) if index < len(chain.maps) - 1 else affine(found)
    _demand(found, function.value(versions))


def _demand(a: Tensor, b: Tensor) -> None:
    tolerance = _TOLERANCE[a.dtype == torch.float64]
    if not torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(b.abs().max() + 1e-12)):
        raise PellucidError(
            "What stands around the network is not affine (units, normalisation or outputs), so its outputs cannot be bounded; "
            "ask for logits or margins."
        )
