"""Lines and discs as masks with soft edges, one pixel wide, so that what is drawn does not depend on where pixels begin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

Point = tuple[float, float]
"""(down, across), in pixels from the upper left corner of the image."""


def line(points: Sequence[Point], radius: float, size: tuple[int, int]) -> Float[Tensor, "H W"]:
    """1 within `radius` of the line through the points, 0 beyond; a disc where there is one point."""
    ends = list(pairwise(points)) or [(points[0], points[0])]
    away = torch.stack([_distance(a, b, size) for a, b in ends]).amin(0)
    return (radius + 0.5 - away).clamp(0, 1)


def _distance(start: Point, end: Point, size: tuple[int, int]) -> Float[Tensor, "H W"]:
    """From the centre of each pixel to the nearest point between start and end."""
    down, across = _centres(size)
    step = end[0] - start[0], end[1] - start[1]
    length = max(step[0] ** 2 + step[1] ** 2, 1e-12)
    along = (((down - start[0]) * step[0] + (across - start[1]) * step[1]) / length).clamp(0, 1)
    return torch.hypot(down - start[0] - along * step[0], across - start[1] - along * step[1])


def _centres(size: tuple[int, int]) -> tuple[Float[Tensor, "H 1"], Float[Tensor, "1 W"]]:
    down, across = (torch.arange(n, dtype=torch.float64) + 0.5 for n in size)
    return down[:, None], across[None]


def border(width: float, size: tuple[int, int]) -> Float[Tensor, "H W"]:
    """1 nearer to the edge of the image than `width` pixels, 0 beyond."""
    down, across = _centres(size)
    nearest = torch.minimum(torch.minimum(down, size[0] - down), torch.minimum(across, size[1] - across))
    return (width + 0.5 - nearest).clamp(0, 1)


def stripes(period: float, size: tuple[int, int]) -> Float[Tensor, "H W"]:
    """Upright lines that fade into each other, from 0 to 1."""
    _, across = _centres(size)
    return (0.5 - 0.5 * torch.cos(2 * torch.pi * across / period)).expand(size).clone()
