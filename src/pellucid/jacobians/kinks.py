"""Kinks: where a network of ReLUs and max-pools bends, and how far the next one is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.kinks_rules import FLAT
from pellucid.jacobians.kinks_watching import Bend, watch
from pellucid.jacobians.operator import unit_vectors

FEW_NUMBERS = 1024
"""Numbers of the input up to which a report looks for the nearest kink in all directions."""


@dataclass(frozen=True)
class AffineBall:
    """A ball around the input in which the function is affine.

    Attributes:
        radius: L2, in the input's unit; the ball is open, and infinite where there are no kinks.
        layer: that of the nearest kink; "" where there is none.
        kinks: how many numbers must keep their sign; of a max-pool the best entry of a window less each other one.
    """

    radius: float
    layer: str
    kinks: int


@dataclass(frozen=True)
class Layer:
    """The units of a layer that bend.

    Attributes:
        name, kind: the layer and its step ("relu", "max_pool2d"); a max-pool has a unit a window entry.
        units: how many.
        off: of them, at which the step gives back nothing of what enters (ReLU and its kin; 0 for others).
        hit: at a kink exactly: at 0, or equal to the best of a window while they part along a random direction.
    """

    name: str
    kind: str
    units: int
    off: int
    hit: int


@dataclass(frozen=True)
class Kinks:
    """What bends at an input, and how far it is to the first kink along directions.

    Attributes:
        layers: those that bend, in the order in which they are run.
        first: for each direction the smallest step, in multiples of it, at which a unit bends; inf where none ever does. Exact
            up to rounding where nothing but kinks bends, else to first order.
    """

    layers: tuple[Layer, ...]
    first: tuple[float, ...]

    @property
    def off(self) -> float:
        """Share of the units of ReLU and its kin that are off; NaN where there are none."""
        flat = [layer for layer in self.layers if layer.kind in FLAT]
        units = sum(layer.units for layer in flat)
        return sum(layer.off for layer in flat) / units if units else math.nan

    @property
    def hit(self) -> int:
        """Units that are at a kink exactly."""
        return sum(layer.hit for layer in self.layers)


def kinks(function: Function, directions: Float[Tensor, "N *S"]) -> Kinks:
    """What bends at the input, by one pass forwards.

    Raises:
        PellucidError: a layer has no derivative forwards.
    """
    layers: list[Layer] = []
    first = torch.full((len(directions),), math.inf, dtype=torch.float64)

    def see(bends: list[Bend]) -> None:
        layers.append(_layer(bends))
        for bend in bends:
            steps = _steps(bend).flatten(1)
            first[:] = torch.minimum(first, steps.amin(1).cpu() if steps.shape[1] else first)

    watch(function, directions, see)
    return Kinks(tuple(layers), tuple(first.tolist()))


def affine_radius(function: Function, *, most: int = 20_000, chunk: int = 16) -> AffineBall:
    """The largest ball around the input of which it is proven that no unit bends in it.

        radius = min over kinks of |a| / |grad a|

    with a the affine number whose sign decides (a pre-activation, its distance from a bound, the best entry of a window less
    another), and its gradient with respect to the input. Inside the ball f(x + d) = f(x) + J d exactly (Croce et al. 2019 use
    the same for linear regions): up to the first kink every a is affine, and changes by less than |grad a| |d|. Every step
    of the pass is watched, whether a layer or a function, and one that is not known to be straight is refused. Sound up to
    rounding: take float64.

    Made by n / chunk passes forwards, n the numbers of the input. A number that does not depend on the input has no kink; a
    unit exactly at its kink gives a radius of 0.

    Args:
        most: numbers of the input beyond which it is refused.
        chunk: directions at once.

    Raises:
        PellucidError: a step is smooth, unknown or hidden; a layer has no derivative forwards; or the input is too large.
    """
    n = function.at.numel()
    if n > most:
        raise PellucidError(
            f"The nearest kink of an input of {n:,} numbers takes {math.ceil(n / chunk):,} passes; allow more than {most:,} "
            "numbers, or ask for kinks along directions."
        )
    watch(function, torch.ones_like(function.at)[None], lambda bends: None, straight=True)
    found: list[tuple[str, Tensor, Tensor]] = []
    for number, tangents in enumerate(unit_vectors(function.at, chunk)):
        _gather(function, tangents, found, opens=number == 0)
    ball = AffineBall(math.inf, "", sum(value.numel() for _, value, _ in found))
    for layer, value, squares in found:
        radius = _ratio(value.abs(), squares.sqrt()).min().item() if value.numel() else math.inf
        if radius < ball.radius:
            ball = AffineBall(radius, layer, ball.kinks)
    return ball


def _gather(function: Function, tangents: Tensor, found: list[tuple[str, Tensor, Tensor]], opens: bool) -> None:
    """Add the squared slopes along these directions to those of every kink."""
    number = 0

    def see(bends: list[Bend]) -> None:
        nonlocal number
        for bend in bends:
            squares = bend.slope.double().square().sum(0)
            if opens:
                found.append((bend.layer, bend.value[0].double(), squares))
            else:
                found[number][2].add_(squares)
            number += 1

    watch(function, tangents, see)


def _ratio(distance: Tensor, slope: Tensor) -> Tensor:
    """How far it is; infinitely far for what never moves."""
    return torch.where(slope > 0, distance / slope, math.inf)


def _steps(bend: Bend) -> Tensor:
    """Steps along the direction of each version after which a number changes its sign; inf where it moves away from it."""
    value, slope = bend.value.double(), bend.slope.double()
    towards = (value * slope < 0) | ((value == 0) & (slope != 0))
    return torch.where(towards, value.abs() / slope.abs(), math.inf)


def _layer(bends: list[Bend]) -> Layer:
    """Counted at the input itself, which is the same in every version."""
    name, kind = bends[0].layer, bends[0].kind
    off = torch.stack([(bend.value[0] <= 0) for bend in bends]).any(0) if bends[0].flat else torch.zeros(1)
    hit = torch.stack([(bend.value[0] == 0) & (bend.slope[0] != 0) for bend in bends]).any(0)
    return Layer(name, kind, bends[0].value[0].numel(), int(off.sum()), int(hit.sum()))
