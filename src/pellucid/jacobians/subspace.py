"""Largest singular values of a matrix that is only known by its products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_LOST = 1e-12
"""Share of its length that is left of a direction which others span already but for rounding."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix A of m x n by its products, in float64.

    Attributes:
        ahead: k rows v to k rows A v.
        back: k rows u to k rows A^T u.
    """

    ahead: Callable[[Float[Tensor, "k n"]], Float[Tensor, "k m"]]
    back: Callable[[Float[Tensor, "k m"]], Float[Tensor, "k n"]]
    m: int
    n: int


@dataclass(frozen=True, eq=False)
class Triplets:
    """Singular values, largest first, with vectors as rows, and how many products they took."""

    values: Float[Tensor, " k"]
    left: Float[Tensor, "k m"]
    right: Float[Tensor, "k n"]
    products: int


def exact(matrix: Matrix) -> Triplets:
    """All of them, by the rows where these are fewer than columns, else by the columns."""
    by_rows = matrix.m <= matrix.n
    count = min(matrix.m, matrix.n)
    product = matrix.back if by_rows else matrix.ahead
    u, values, v = torch.linalg.svd(product(torch.eye(count, dtype=torch.float64)), full_matrices=False)
    return Triplets(values, u.T if by_rows else v, v if by_rows else u.T, count)


def lanczos(
    matrix: Matrix,
    k: int,
    generator: torch.Generator,
    tolerance: float = 1e-3,
    most: int = 512,
    *,
    rounding: float = 1e-12,
    block: int = 2,
) -> Triplets:
    """Golub-Kahan-Lanczos in blocks, each direction made orthogonal to all before it (Golub, Luk & Overton 1981).

    Of values that are equal at most `block` are found before the space is exhausted. Ends once the residual
    `|A^T u - s v|` of the first k is below tolerance times s (or rounding times the largest s), or `most` products are made.
    """
    right = _orthonormal(_random(block, matrix.n, generator), None)
    left, core = torch.zeros(0, matrix.m, dtype=torch.float64), torch.zeros(0, 0, dtype=torch.float64)
    fresh, made = right, 0
    while True:
        images = matrix.ahead(fresh)  # A v of the newest directions
        beyond = _orthonormal(images, left)
        left = torch.cat([left, beyond])
        core = torch.cat([_padded(core, len(left)), left @ images.T], 1)
        sent = matrix.back(beyond) if len(beyond) else torch.zeros(0, matrix.n, dtype=torch.float64)
        made += len(fresh) + len(beyond)
        u, values, v = torch.linalg.svd(core, full_matrices=False)
        rest = sent - (sent @ right.T) @ right  # what A^T u has outside the space, for the newest u alone
        open_ = (u[len(left) - len(beyond) :].T @ rest).norm(dim=1)
        wanted = min(k, matrix.m, matrix.n)
        enough = (tolerance * values).clamp_min(rounding * float(values[:1].sum()))
        done = len(values) >= wanted and bool((open_ <= enough)[:wanted].all())
        if done or len(right) >= matrix.n or made >= most:
            return Triplets(values[:k], (u.T @ left)[:k], (v @ right)[:k], made)
        fresh = _orthonormal(rest, right)
        if not len(fresh):  # the space is closed: look outside of it
            fresh = _orthonormal(_random(block, matrix.n, generator), right)
        fresh = fresh[: matrix.n - len(right)]
        right = torch.cat([right, fresh])


def randomised(matrix: Matrix, k: int, generator: torch.Generator, powers: int = 4, more: int = 8) -> Triplets:
    """Randomised range finder with power steps (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1)."""
    count = min(k + more, matrix.m, matrix.n)
    range_ = _orthonormal(matrix.ahead(_random(count, matrix.n, generator)), None)
    made = count
    for _ in range(powers):
        range_ = _orthonormal(matrix.ahead(_orthonormal(matrix.back(range_), None)), None)
        made += 2 * count
    u, values, v = torch.linalg.svd(matrix.back(range_).T, full_matrices=False)
    return Triplets(values[:k], (v @ range_)[:k], u.T[:k], made + len(range_))


def _random(count: int, size: int, generator: torch.Generator) -> Float[Tensor, "k n"]:
    return torch.randn(min(count, size), size, generator=generator, dtype=torch.float64)


def _padded(core: Tensor, rows: int) -> Tensor:
    return torch.cat([core, torch.zeros(rows - len(core), core.shape[1], dtype=core.dtype)])


def _orthonormal(given: Float[Tensor, "k n"], others: Float[Tensor, "j n"] | None) -> Float[Tensor, "i n"]:
    """What is new in the given rows beside the others, as orthonormal rows; fewer where some are spanned already."""
    found = torch.zeros(0, given.shape[1], dtype=given.dtype)
    for row in given:
        size = float(row.norm())
        for known in (others, found) * 2:  # twice is enough (Kahan, Parlett 1980)
            if known is not None and len(known):
                row = row - (row @ known.T) @ known
        if float(row.norm()) > _LOST * size:
            found = torch.cat([found, row[None] / row.norm()])
    return found
