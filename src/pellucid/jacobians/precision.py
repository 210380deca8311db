"""What rounding and tiny changes of the input do to a Jacobian, and how well its two ways of products agree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.function import Function
from pellucid.jacobians.operator import Operator
from pellucid.jacobians.precision_copies import cast_to
from pellucid.jacobians.products import Ahead, Backward
from pellucid.jacobians.validity import random_directions

ROWS = 32
"""Outputs up to which whole Jacobians are compared; beyond, so many combinations of them drawn at random."""


@dataclass(frozen=True)
class Condition:
    """By how much relative errors of the input can grow.

    Attributes:
        relative: |J| |x| / |f|, norms being L2: the largest ratio of the relative change of all outputs to that of the input.
        componentwise: the largest |J_ij x_j| / |f_i|.
        between: the largest singular value by the smallest; how differently outputs can be moved. NaN beyond `ROWS`
            outputs, and where the Jacobian is zero.

    Norms and singular values are those of steps of the input divided by its scale, where there is one. All are inf where an
    output that can move is 0.
    """

    relative: float
    componentwise: float
    between: float


def adjoint_gap(jacobian: Operator, seed: int = 0, *, probes: int = 3) -> float:
    """The largest |<J v, u> - <v, J^T u>| / (|J v| |u|) over random u and v: whether both ways of products are of one matrix.

    Products forwards are made by rules of their own wherever a layer has one. Rounding alone gives about 1e-15 in float64 and
    1e-6 in float32. 0 where the Jacobian is zero.
    """
    function = jacobian.function
    along, across = random_directions(function.at, probes, seed), random_directions(jacobian.value, probes, seed + 1)
    ahead, back = Ahead(function).forwards(along).double(), jacobian.vjp(across).double()
    gap = (ahead * across.double()).sum(1) - (back * along.double()).flatten(1).sum(1)
    size = ahead.norm(dim=1) * across.double().norm(dim=1)
    return float(torch.where(size > 0, gap.abs() / size, gap.abs()).max())


def precision_gap(jacobian: Operator, seed: int = 0) -> float:
    """The difference of the Jacobian between float32 and float64, by its Frobenius norm; whole where outputs are few.

    0 where both are zero.

    Raises:
        PellucidError: no copy of the function can be made (:func:`pellucid.jacobians.precision_copies.copied`).
    """
    function = jacobian.function
    other = torch.float32 if function.at.dtype == torch.float64 else torch.float64
    ours, theirs = _products(function, seed), _products(cast_to(function, other), seed)
    exact = theirs if other == torch.float64 else ours
    size = float(exact.norm())
    return float((ours - theirs).norm()) / size if size else float(theirs.norm())


def stability(
    jacobian: Operator, noise: float = 1e-3, times: int = 3, seed: int = 0, *, scale: Float[Tensor, "*S"] | None = None
) -> float:
    """The lowest cosine between a row of the Jacobian here and the same row after a tiny random change of the input.

    Args:
        noise: norm of the change, as a share of that of the input (of 1 where that is 0).
        times: changes.
        scale: what counts as a step of 1 in each number of the input (where they have different units); norms and cosines are
            then those of steps divided by it.

    Rows that are zero at both places agree; one that is zero at one place gives 0.
    """
    function = jacobian.function
    one = torch.ones_like(function.at) if scale is None else scale.to(function.at)
    here = (_products(function, seed) * one).flatten(1)
    size = noise * (float((function.at / one).double().norm()) or 1.0)
    lowest = 1.0
    for change in random_directions(function.at, times, seed + 2):
        there = (_products(replace(function, at=function.at + size * change * one), seed) * one).flatten(1)
        norms = here.norm(dim=1) * there.norm(dim=1)
        alike = (here * there).sum(1) / norms
        both = (here.norm(dim=1) == 0) & (there.norm(dim=1) == 0)
        lowest = min(lowest, float(torch.where(norms > 0, alike, both.double()).min()))
    return lowest


def condition(jacobian: Operator, largest: float, size: float, scale: Float[Tensor, "*S"] | None = None) -> Condition:
    """Condition numbers.

    Args:
        largest: the largest singular value.
        size: norm of the input, in the same unit.
        scale: what counts as a step of 1 in each number of the input; None for 1.
    """
    at, value = jacobian.function.at.double(), jacobian.value.double()
    worst, rows = 0.0, []
    for number, block in enumerate(jacobian.blocks()):
        part = value[number * jacobian.chunk :][: len(block)]
        effect = (block.double() * at).flatten(1).abs().amax(1)
        worst = max(worst, float(torch.where(effect > 0, effect / part.abs(), 0.0).max()))
        if len(value) <= ROWS:
            rows.append((block if scale is None else block * scale).double().flatten(1))
    between = float("nan")
    if rows:
        values = torch.linalg.svdvals(torch.cat(rows))
        between = float(values[0] / values[-1])  # NaN where the Jacobian is zero
    reach = value.new_tensor(largest * size)
    return Condition(float(torch.where(reach > 0, reach / value.norm(), 0.0)), worst, between)


def _products(function: Function, seed: int) -> Float[Tensor, "k *S"]:
    """All rows, or so many random combinations of them; float64."""
    outputs = function.shape[0]
    mixed = torch.eye(outputs, dtype=torch.float64)
    if outputs > ROWS:
        mixed = random_directions(torch.zeros(outputs, dtype=torch.float64), ROWS, seed)
    back = Backward(function)
    return back(mixed.to(back.outputs)).double()
