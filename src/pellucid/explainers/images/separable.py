"""Maps made from few numbers, one axis at a time: every matrix here is small, and none is of the size of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def along(values: Float[Tensor, "N *G"], matrices: Sequence[Float[Tensor, "#N S G"]]) -> Float[Tensor, "N *S"]:
    """N maps, each multiplied by one matrix an axis."""
    for axis, matrix in enumerate(matrices, start=1):
        moved = values.movedim(axis, 1)
        values = torch.matmul(matrix, moved.flatten(2)).unflatten(2, moved.shape[2:]).movedim(1, axis)
    return values


def linear(cells: int, pixels: int) -> Float[np.ndarray, "S G"]:
    """Linear interpolation of `cells` values at the middles of `pixels`; beyond the middles of the outer cells, a constant.

    The same as resampling with `align_corners=False`. Rows sum to 1.
    """
    place = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    below = np.minimum(place.astype(int), max(0, cells - 2))
    rows = np.zeros((pixels, cells))
    rows[np.arange(pixels), below] = 1 - (place - below)
    rows[np.arange(pixels), np.minimum(below + 1, cells - 1)] += place - below
    return rows


def gaussian(cells: int, pixels: int) -> Float[np.ndarray, "S G"]:
    """Smooth interpolation of `cells` values at the middles of `pixels`: a Gaussian of one cell. Rows sum to 1."""
    place = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    rows = np.exp(-0.5 * (place[:, None] - np.arange(cells)) ** 2)
    return np.asarray(rows / rows.sum(1, keepdims=True))


def overlap(pixels: int, cells: int) -> Float[np.ndarray, "G S"]:
    """The share of each of `pixels` in each of `cells` that are laid over them: rows average, and sum to 1."""
    edges, start = np.arange(cells + 1) * pixels / cells, np.arange(pixels)
    shared = np.minimum(edges[1:, None], start + 1) - np.maximum(edges[:-1, None], start)
    return np.asarray(np.maximum(shared, 0) * cells / pixels)


def outer(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The product of one P x S matrix an axis, row by row: P x S1 x S2 (x S3)."""
    result = rows[0]
    for row in rows[1:]:
        result = result[..., None] * row.reshape(len(row), *([1] * (result.ndim - 1)), row.shape[1])
    return result


def at_once(size: Sequence[int]) -> int:
    """How many masks of that size are held together: about four million pixels, 64 masks at most."""
    return max(1, min(64, 4_000_000 // math.prod(size)))
