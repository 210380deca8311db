"""The strongest bends of an output: eigenvalues of its second derivatives, without the matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_MORE = 20
"""Products beyond two for each eigenvalue that is asked for."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Eigenvalues of a symmetric matrix, the largest by absolute value first.

    Attributes:
        values: eigenvalues.
        vectors: of norm 1, one for each.
        residuals: |H v - l v|; there is an eigenvalue within this of the one that was found.
    """

    values: Float[Tensor, " k"]
    vectors: Float[Tensor, "k *S"]
    residuals: Float[Tensor, " k"]


def strongest(product: Callable[[Tensor], Tensor], at: Float[Tensor, "*S"], count: int, seed: int = 0) -> Pairs:
    """Eigenpairs by the method of Lanczos, with full orthogonalisation, in float64.

    Takes 2 `count` + 20 products, or as many as there are numbers where these are fewer, or until nothing new is met, and one
    more for each pair. An eigenvalue that occurs twice is found once.

    Args:
        product: takes rows of the shape of `at` to their products with the matrix.
    """
    if count == 0:
        return Pairs(at.new_zeros(0).double(), at.new_zeros(0, *at.shape).double(), at.new_zeros(0).double())
    n = at.numel()
    start = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(at.device)
    rows: list[Tensor] = [start / start.norm()]
    along: list[Tensor] = []
    while len(along) < min(n, 2 * count + _MORE):
        along.append(_times(product, rows[-1:], at)[0])
        left = along[-1]
        for _ in range(2):  # once loses orthogonality to rounding
            basis = torch.stack(rows)
            left = left - basis.T @ (basis @ left)
        if float(left.norm()) <= 1e-10 * float(torch.stack(along).norm()):
            break
        rows.append(left / left.norm())
    basis = torch.stack(rows[: len(along)])
    small = basis @ torch.stack(along).T
    values, vectors = torch.linalg.eigh((small + small.T) / 2)
    order = values.abs().argsort(descending=True)[:count]
    found = vectors[:, order].T @ basis
    residuals = (_times(product, list(found), at) - values[order, None] * found).norm(dim=1)
    return Pairs(values[order], found.reshape(-1, *at.shape), residuals)


def _times(product: Callable[[Tensor], Tensor], rows: list[Tensor], at: Tensor) -> Float[Tensor, "k n"]:
    return product(torch.stack(rows).reshape(-1, *at.shape).to(at)).double().flatten(1)
