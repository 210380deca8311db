"""Second order: how the derivative itself changes along a direction.

    f(x + e v) = f + e J v + e^2 / 2 v^T H v + ...

with H the second derivatives (Hessian) of one output. Products H v are made by going back through the way back. Numbers with
two derivatives forwards would be cheaper for many outputs, but PyTorch's rule for layer norms is wrong at second order there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.curvature_lanczos import Pairs, strongest
from pellucid.jacobians.curvature_smoothing import smoothed as made_round
from pellucid.jacobians.function import Function
from pellucid.jacobians.operator import Operator
from pellucid.jacobians.products import Backward, written_out
from pellucid.jacobians.validity import steepest

STRAIGHT = (
    "All second derivatives that were made are exactly zero: the function is straight here, as networks of ReLUs are between "
    "their kinks; ask for `smoothed` to see how it bends across them, if its ReLUs are layers of their own."
)


class Hessian:
    """Products with the second derivatives of one output, or of a combination of them.

    Args:
        weights: of the outputs.
    """

    def __init__(self, function: Function, weights: Float[Tensor, " m"]) -> None:
        self.function = function
        back = Backward(function, twice=True)
        self.fixed = back.fixed
        with torch.enable_grad(), back.fixed(), written_out(function):
            self.at, self.score = back.at, back.outputs @ weights.to(back.outputs)
            (self.gradient,) = torch.autograd.grad(self.score, back.at, create_graph=True)

    def __call__(self, directions: Float[Tensor, "k *S"]) -> Float[Tensor, "k *S"]:
        """`H v` of every row; zero where the function is straight."""
        return torch.stack([self._one(direction) for direction in directions.to(self.at)])

    def _one(self, direction: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
        if not self.gradient.requires_grad:
            return torch.zeros_like(direction)
        with self.fixed(), written_out(self.function):
            (found,) = torch.autograd.grad(self.gradient, self.at, direction, retain_graph=True, allow_unused=True)
        return torch.zeros_like(direction) if found is None else found.detach()


@dataclass(frozen=True, eq=False)
class Curvature:
    """How one output bends.

    Attributes:
        output: its name.
        value: at the input.
        first, second: of each direction v, J v and v^T H v.
        pairs: largest eigenvalues of H by their absolute value, and where they point.
        notes: whether the function was smoothed, or is straight.
    """

    output: str
    value: float
    first: Float[Tensor, " k"]
    second: Float[Tensor, " k"]
    pairs: Pairs
    notes: tuple[str, ...]

    def expected(self, step: float) -> Float[Tensor, " k"]:
        """The output to second order after a step, in multiples of each direction."""
        return self.value + step * self.first + step**2 / 2 * self.second


def curvature(
    jacobian: Operator,
    directions: Float[Tensor, "*k *S"] | None = None,
    output: str | None = None,
    *,
    top: int = 0,
    smoothed: float | None = None,
    seed: int = 0,
) -> Curvature:
    """Second derivatives of one output along directions, and its strongest bends.

    Args:
        directions: of the input, one or several; None for the steepest one.
        output: its name; None for the first of the largest.
        top: so many eigenvalues of H, largest by their absolute value.
        smoothed: replace ReLUs of a copy of the network by softplus of this sharpness (beta): the larger, the closer to the
            ReLU and the sharper its bends. Values are then those of the copy.
        seed: of the search for eigenvalues and of the steepest direction.

    Raises:
        PellucidError: no such output, a direction of another shape, a sharpness not above 0, a network without any ReLU of its
            own, or a layer that has no second derivative.
    """
    function = jacobian.function if smoothed is None else made_round(jacobian.function, smoothed)
    along = steepest(jacobian, seed)[None] if directions is None else _fitting(function, directions)
    weights, name = chosen(jacobian, output)
    hessian = Hessian(function, weights)
    bends = hessian(along).double()
    second = (bends * along.double()).flatten(1).sum(1)
    first = (hessian.gradient.detach().double() * along.double()).flatten(1).sum(1)
    pairs = strongest(hessian, function.at, min(top, function.at.numel()), seed)
    straight = (STRAIGHT,) if not bool(bends.any()) and not bool(pairs.values.any()) else ()
    return Curvature(name, float(hessian.score.detach()), first, second, pairs, (*function.notes, *straight))


def chosen(jacobian: Operator, output: str | None) -> tuple[Float[Tensor, " m"], str]:
    """The weights that pick an output, and its name; the first of the largest where none is asked for."""
    if output is not None and output not in jacobian.outputs:
        raise PellucidError(f"There is no output {output!r}; there are {', '.join(jacobian.outputs[:5])} ...")
    place = int(jacobian.value.argmax()) if output is None else jacobian.outputs.index(output)
    weights = torch.zeros_like(jacobian.value)
    weights[place] = 1
    return weights, jacobian.outputs[place]


def _fitting(function: Function, directions: Tensor) -> Float[Tensor, "k *S"]:
    at = function.at
    rows = directions[None] if directions.ndim == at.ndim else directions
    if rows.shape[1:] != at.shape:
        raise PellucidError(
            f"A direction of shape {tuple(directions.shape)} does not fit the input, of shape {tuple(at.shape)}."
        )
    return rows.to(at)
