"""How far the Jacobian can be believed: the largest step that it foretells to within a tenth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.operator import Operator

Known = Literal["found", "linear", "at least", "at most"]

_FIRST, _LAST, _GROWTH = 1e-5, 10.0, 4.0
_HALVINGS = 6
_ROUNDING = 16
"""Units in the last place, of the outputs and of what the input brings them, that are no more than rounding."""


@dataclass(frozen=True)
class Radius:
    """The largest step along a direction up to which the linear prediction errs by no more than the tolerance.

    Attributes:
        step: L2 norm, in the input's unit; inf where no step that was tried shows any error.
        share: the same as a share of the norm of the input; NaN where that is 0.
        known: "found" by bisection, to within 3 %; "linear" where no step shows an error beyond rounding; "at least" where the
            largest step that was tried is still good; "at most" where the first one is not.
    """

    step: float
    share: float
    known: Known


def validity(
    jacobian: Operator, directions: Float[Tensor, "K *S"], *, tolerance: float = 0.1, scale: Float[Tensor, "*S"] | None = None
) -> list[Radius]:
    """Along each direction the largest step t d (d of norm 1) up to which

        |f(x + t d) - f(x) - t J d| <= tolerance |f(x + t d) - f(x)|

    Steps grow fourfold from 1e-5 to 10 times the norm of the input (of 1 where that is 0) until one errs by more; between
    it and the step before, bisection finds where the error passes the tolerance. So it is the first passage that these steps
    see: an error that comes and goes between two of them goes unnoticed. Differences smaller than rounding count as no error.

    Args:
        scale: what counts as a step of 1 in each number of the input (where they have different units); norms are then those of
            the step divided by it.

    Raises:
        PellucidError: a direction is zero, or a scale is not above 0.
    """
    trial = _Trial(jacobian, directions, tolerance, scale)
    steps = [_FIRST * trial.size]
    while steps[-1] * _GROWTH <= _LAST * trial.size * (1 + 1e-9):
        steps.append(steps[-1] * _GROWTH)
    good, exact = (torch.stack(found, 1) for found in zip(*(trial(trial.all_at(step)) for step in steps), strict=True))
    first_bad = torch.where(good.all(1), len(steps), (~good).int().argmax(1))
    lower = torch.tensor([0.0, *steps], dtype=torch.float64)[first_bad]
    upper = torch.tensor([*steps, math.inf], dtype=torch.float64)[first_bad]
    for _ in range(_HALVINGS if bool(((lower > 0) & (upper < math.inf)).any()) else 0):
        middle = torch.where((lower > 0) & (upper < math.inf), (lower * upper).sqrt(), lower)
        fine = trial(middle)[0]
        lower, upper = torch.where(fine, middle, lower), torch.where(fine, upper, middle)
    size = trial.size if trial.known_size else math.nan
    return [
        _radius(size, steps, *found) for found in zip(lower.tolist(), first_bad.tolist(), exact.all(1).tolist(), strict=True)
    ]


def _radius(size: float, steps: list[float], lower: float, first_bad: int, exact: bool) -> Radius:
    if exact:
        return Radius(math.inf, math.inf, "linear")
    if first_bad == 0:
        return Radius(steps[0], steps[0] / size, "at most")
    return Radius(lower, lower / size, "found" if first_bad < len(steps) else "at least")


class _Trial:
    """Which steps along the directions are foretold well."""

    def __init__(self, jacobian: Operator, directions: Tensor, tolerance: float, scale: Tensor | None) -> None:
        function = jacobian.function
        one = torch.ones_like(function.at) if scale is None else scale.to(function.at)
        if not bool((one > 0).all()):
            raise PellucidError("A scale of the input is 0 or below; give what counts as a step of 1 in each number.")
        norms = (directions.to(function.at) / one).flatten(1).norm(dim=1)
        if not bool((norms > 0).all()):
            raise PellucidError("A direction is zero everywhere; leave it out.")
        self.function, self.chunk, self.tolerance = function, jacobian.chunk, tolerance
        self.along = directions.to(function.at) / norms.reshape(-1, *[1] * function.at.ndim)
        self.value, self.slope = jacobian.value.double(), jacobian.jvp(self.along).double()
        size = float((function.at / one).double().norm())
        self.known_size, self.size, self.count = size > 0, size or 1.0, len(directions)
        self.grain = _ROUNDING * torch.finfo(function.at.dtype).eps

    def __call__(self, steps: Float[Tensor, " K"]) -> tuple[Tensor, Tensor]:
        """Whether each direction is good at its step, and whether no error beyond rounding is seen there."""
        found = torch.cat(
            [self._moved(a, s) for a, s in zip(self.along.split(self.chunk), steps.split(self.chunk), strict=True)]
        )
        change = found - self.value
        error = (change - steps.to(change.device)[:, None] * self.slope).norm(dim=1)
        floor = self.grain * (self.value.norm() + found.norm(dim=1) + self.size * self.slope.norm(dim=1).max())
        return (error - floor <= self.tolerance * change.norm(dim=1)).cpu(), (error <= floor).cpu()

    def all_at(self, step: float) -> Float[Tensor, " K"]:
        """The same step along each direction."""
        return torch.full((self.count,), step, dtype=torch.float64)

    def _moved(self, along: Float[Tensor, "k *S"], steps: Float[Tensor, " k"]) -> Float[Tensor, "k m"]:
        weights = steps.to(along).reshape(-1, *[1] * (along.ndim - 1))
        moved: Tensor = self.function.at + weights * along
        return self.function.value(moved).double()


def random_directions(at: Float[Tensor, "*S"], count: int, seed: int) -> Float[Tensor, "count *S"]:
    """Directions of norm 1, drawn evenly from all."""
    drawn = torch.randn(count, *at.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    sizes: Tensor = drawn.flatten(1).norm(dim=1)
    return (drawn / sizes.reshape(-1, *[1] * at.ndim)).to(at)


def steepest(
    jacobian: Operator, seed: int = 0, *, scale: Float[Tensor, "*S"] | None = None, rounds: int = 8
) -> Float[Tensor, "*S"]:
    """A direction of norm 1 close to the one along which all outputs together change most, by power iteration.

    Each round is one product forwards and one backwards. Zero where the Jacobian is.

    Args:
        scale: as for :func:`validity`; the norm is that of the direction divided by it.
    """
    at = jacobian.function.at
    one = torch.ones_like(at) if scale is None else scale.to(at)
    along = one * one * jacobian.vjp(random_directions(jacobian.value, 1, seed))[0]
    for _ in range(rounds):
        along = one * one * jacobian.vjp(jacobian.jvp(_shortened(along, one)))
    return _shortened(along, one)


def _shortened(along: Tensor, one: Tensor) -> Tensor:
    size: Tensor = (along / one).norm()
    return along / size.clamp_min(torch.finfo(along.dtype).tiny)
