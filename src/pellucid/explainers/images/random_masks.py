"""The soft random masks of RISE, made as they are needed and never kept.

A mask is a small grid of zeros and ones, enlarged smoothly to a little more than the image and cut at a random place, so that
cells stand nowhere in particular. Enlarging is linear and goes one axis at a time: the mask is a product of the grid with one
small matrix an axis, and the shift picks the rows of that matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.explainers.images.separable import along, at_once, linear
from pellucid.randomness import stream


@dataclass(frozen=True)
class RandomMasks:
    """Masks that every method with these fields shares, whatever it asks of the model.

    Args:
        count: how many.
        grid: cells along each axis.
        keep: probability that a cell stays, which is also the mean of every pixel of a mask.
        seed: of the masks, which depend on it, on the case's id and on the size of the image alone.

    Raises:
        PellucidError: fewer than two masks, no cells, or a probability not between 0 and 1.
    """

    count: int
    grid: int
    keep: float
    seed: int

    def __post_init__(self) -> None:
        if self.count < 2 or self.grid < 1 or not 0 < self.keep < 1:
            raise PellucidError(
                f"Random masks need a count of at least 2, a grid of at least 1 cell and a probability between 0 and 1, not "
                f"{self.count}, {self.grid} and {self.keep}."
            )

    def blocks(self, case: str, size: Sequence[int], like: Tensor) -> Iterator[Float[Tensor, "P *S"]]:
        """The masks in [0, 1] for the case of that id, a few at a time; the same ones in each walk.

        Args:
            like: gives device and type.
        """
        cells, shifts = stream(self.seed, case, "cells"), stream(self.seed, case, "shifts")
        matrices = [torch.from_numpy(enlarging(self.grid, n)).to(like) for n in size]
        step = at_once(size)
        for start in range(0, self.count, step):
            here = min(step, self.count - start)
            grids = cells.random((here, *[self.grid] * len(size))) < self.keep
            moved = shifts.random((here, len(size)))
            rows = [_rows(matrix, n, moved[:, a], self.grid) for a, (matrix, n) in enumerate(zip(matrices, size, strict=True))]
            yield along(torch.from_numpy(grids).to(like), rows)


def enlarging(grid: int, side: int) -> Float[np.ndarray, "S+ G"]:
    """Linear interpolation from the grid to as many pixels as the image and one cell more."""
    return linear(grid, (grid + 1) * _cell(grid, side))


def _rows(matrix: Float[Tensor, "S+ G"], side: int, share: Float[np.ndarray, " P"], grid: int) -> Float[Tensor, "P S G"]:
    """For each mask the rows of the image, which begins by `share` of a cell inside the enlarged grid."""
    begin = np.floor(share * _cell(grid, side)).astype(np.int64)
    return matrix[torch.from_numpy(begin[:, None] + np.arange(side)).to(matrix.device)]


def _cell(grid: int, side: int) -> int:
    return -(-side // grid)
