"""Grids of halving resolution, on which a system of equations over pixels is solved roughly: a preconditioner.

Each pixel of a hole is tied to its neighbours, and those at the rim to what is known. On a coarser grid two by two cells are
one, and ties between cells are the summed ties of what they hold, at little more than half strength: wider cells lie further
apart, so that the sum alone would be too stiff (aggregation with over-correction; Stueben 2001, A review of algebraic
multigrid).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

NEAR, FAR = 1 / 6, 1 / 12
"""Weights of neighbours that share an edge, and of those that share a corner."""

_STIFFNESS = 0.6
"""Share of the summed ties: the fewest steps for holes of random pixels, boxes and blobs of 10 to 90 % of an image."""

_ALL, _FIRST, _LAST = slice(None), slice(None, -1), slice(1, None)
_PAIRS = (
    ((..., _ALL, _FIRST), (..., _ALL, _LAST)),
    ((..., _FIRST, _ALL), (..., _LAST, _ALL)),
    ((..., _FIRST, _FIRST), (..., _LAST, _LAST)),
    ((..., _FIRST, _LAST), (..., _LAST, _FIRST)),
)
"""East, south, south-east, south-west: the cells that have such a neighbour, and these neighbours."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells tied to their neighbours in the east, south, south-east and south-west, for P holes at once.

    Attributes:
        ties: of each cell in those four directions; 0 where one of the two is no hole.
        total: all ties of each cell, those to known pixels included; 0 outside the holes.
        inverse: 1 / total, and 0 outside the holes.
    """

    ties: tuple[Float[Tensor, "P 1 h w"], ...]
    total: Float[Tensor, "P 1 h w"]
    inverse: Float[Tensor, "P 1 h w"]

    def __call__(self, values: Float[Tensor, "P D h w"]) -> Float[Tensor, "P D h w"]:
        """The equations' left side: what each cell differs from its neighbours, weighted by its ties."""
        result = self.total * values
        for tie, (here, there) in zip(self.ties, _PAIRS, strict=True):
            result[here].addcmul_(tie[here], values[there], value=-1)
            result[there].addcmul_(tie[here], values[here], value=-1)
        return result


def grids(hole: Float[Tensor, "P 1 H W"]) -> list[Grid]:
    """The grid of the pixels themselves, and every coarser one down to a single cell."""
    found = [finest(hole)]
    while max(found[-1].total.shape[-2:]) > 1:
        found.append(_coarser(found[-1]))
    return found


def finest(hole: Float[Tensor, "P 1 H W"]) -> Grid:
    """The grid of the pixels themselves: hole is 1, known is 0. Nothing lies outside the image."""
    weights = (NEAR, NEAR, FAR, FAR)
    ties, total = [], torch.zeros_like(hole)
    for weight, (here, there) in zip(weights, _PAIRS, strict=True):
        tie = torch.zeros_like(hole)
        tie[here] = weight * hole[here] * hole[there]
        ties.append(tie)
        total[here] += weight * hole[here]
        total[there] += weight * hole[there]
    return _grid(tuple(ties), total)


def roughly(levels: list[Grid], right: Float[Tensor, "P D h w"]) -> Float[Tensor, "P D h w"]:
    """About the values whose left side is `right`: one V-cycle, symmetric, with one Jacobi step on each side.

    What it gives outside the holes means nothing.
    """
    grid = levels[0]
    values = grid.inverse * right
    if len(levels) == 1:
        return values
    coarse = roughly(levels[1:], _halved(right - grid(values)))
    for down, along in itertools.product((0, 1), repeat=2):
        part = values[..., down::2, along::2]
        part += coarse[..., : part.shape[-2], : part.shape[-1]]
    return values.addcmul_(grid.inverse, right - grid(values))


def _grid(ties: tuple[Tensor, ...], total: Tensor) -> Grid:
    return Grid(ties, total, torch.where(total > 0, 1 / total, 0))


def _coarser(grid: Grid) -> Grid:
    """Two by two cells as one."""
    known = grid(torch.ones_like(grid.total)).clamp_min_(0)  # what remains of a cell's ties without those to other cells
    east, south, southeast, southwest = (_even(tie) for tie in grid.ties)
    west = functional.pad(southwest[..., 0::2, 2::2], (0, 1))  # of the cell to the east, across the border of the two
    summed = (
        east[..., 0::2, 1::2] + east[..., 1::2, 1::2] + southeast[..., 0::2, 1::2] + west,
        south[..., 1::2, 0::2] + south[..., 1::2, 1::2] + southeast[..., 1::2, 0::2] + southwest[..., 1::2, 1::2],
        southeast[..., 1::2, 1::2],
        southwest[..., 1::2, 0::2],
    )
    ties = tuple(_STIFFNESS * tie for tie in summed)
    total = _STIFFNESS * _halved(known)
    for tie, (here, there) in zip(ties, _PAIRS, strict=True):
        total[here] += tie[here]
        total[there] += tie[here]
    return _grid(ties, total)


def _halved(values: Tensor) -> Tensor:
    """Sums of two by two cells."""
    whole = _even(values)
    rows = whole[..., 0::2, :] + whole[..., 1::2, :]
    return rows[..., 0::2] + rows[..., 1::2]


def _even(values: Tensor) -> Tensor:
    """With a row and a column of zeros where their number is odd."""
    height, width = values.shape[-2:]
    return functional.pad(values, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else values
