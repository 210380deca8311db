"""Earth mover's distance: how far a map would have to be moved to lie where people looked."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import CapabilityError
from pellucid.metrics.gaze.block import fits, part_of, stretches
from pellucid.metrics.gaze.densities import as_density

_PIXELS, _FEWEST, _MOST = 32, 7, 12
"""A cell is about 32 pixels wide, as in the MIT code, which makes 7 cells of 224 pixels; smaller images have no fewer cells."""

_CELLS = 1 << 22
"""Pixels of maps at a time."""


def emd(maps: Float[Tensor, "N U"], density: Float[Tensor, "#N U"], size: tuple[int, int]) -> Float[Tensor, " N"]:
    """Earth mover's distance between each map (its positive part) and the gaze, in % of the image's diagonal; lower is better.

    Exact optimal transport between the two densities, summed over cells of about 32 x 32 pixels (7 to 12 along the longest
    side). Moving mass costs the distance between the centres of cells. NaN where no score is positive or one is not finite.

    Args:
        size: (height, width) of the maps.

    Raises:
        CapabilityError: POT, which solves the transport, is not installed.
        DataError: maps and density differ in size, or the density holds a number below 0.

    Source: Rubner et al. 2000, The earth mover's distance as a metric for image retrieval; cells of the MIT saliency benchmark,
    without its penalty for extra mass, which densities do not have.
    """
    fits("density", density, maps)
    cells = cells_of(size)
    costs, found = _costs(cells, size), [maps.new_zeros(0, dtype=torch.float64)]
    for rows in stretches(maps, _CELLS):
        parts = as_density(maps[rows].detach()), as_density(part_of(density, rows))
        shown, sought = (pooled(part, size, cells).cpu().numpy() for part in parts)
        moved = [_moved(a, b, costs) for a, b in zip(shown, np.broadcast_to(sought, shown.shape), strict=True)]
        found.append(maps.new_tensor(moved, dtype=torch.float64))
    return torch.cat(found)


def cells_of(size: tuple[int, int]) -> tuple[int, int]:
    """Cells down and across an image of (height, width); about square, and never smaller than a pixel."""
    longest = min(max(size), max(_FEWEST, min(_MOST, round(max(size) / _PIXELS))))
    down, across = (max(1, round(longest * side / max(size))) for side in size)
    return down, across


def pooled(density: Float[Tensor, "N U"], size: tuple[int, int], cells: tuple[int, int]) -> Float[Tensor, "N C"]:
    """Densities summed over cells; a pixel that a border of cells cuts is shared by area."""
    down, across = (_shared(side, count).to(density.device) for side, count in zip(size, cells, strict=True))
    result: Tensor = down @ density.unflatten(1, size) @ across.T
    return result.flatten(1)


def _shared(pixels: int, cells: int) -> Float[Tensor, "C S"]:
    """The part of each pixel of a line that lies in each cell; columns sum to 1."""
    edges, start = torch.arange(cells + 1, dtype=torch.float64) * pixels / cells, torch.arange(pixels, dtype=torch.float64)
    return (torch.minimum(edges[1:, None], start + 1) - torch.maximum(edges[:-1, None], start)).clamp_min(0.0)


def _costs(cells: tuple[int, int], size: tuple[int, int]) -> Float[np.ndarray, "C C"]:
    """Distances between centres of cells in % of the diagonal."""
    rows, columns = ((np.arange(count) + 0.5) * side / count for count, side in zip(cells, size, strict=True))
    centres = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    return np.asarray(100 * np.linalg.norm(centres[:, None] - centres, axis=-1) / np.hypot(*size))


def _moved(shown: Float[np.ndarray, " C"], sought: Float[np.ndarray, " C"], costs: Float[np.ndarray, "C C"]) -> float:
    """The least cost of turning one density into another; NaN where either is none."""
    try:
        from ot.lp import emd2
    except ImportError as error:
        raise CapabilityError("POT is not installed; install it with `pip install 'pellucid[gaze]'`.") from error
    if not np.isfinite(shown).all() or not np.isfinite(sought).all():
        return float("nan")
    return float(emd2(shown / shown.sum(), sought / sought.sum(), costs))
