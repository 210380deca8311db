"""The decoder of a mask network: U-shaped, from the coarsest maps of the explained network to a map of logits.

Moeller et al. 2025 (NEMt), with two things added. The target enters by feature-wise scales and shifts (FiLM, Perez et al. 2018)
behind the first convolutions, which all targets share; the area enters in the last layers alone, so that a whole set of areas
costs little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

Norm = Literal["group", "batch"]
_EMBEDDING = 32
_GROUP = 8  # channels that are normalised together


class Decoder(nn.Module):
    """Maps of falling resolution to one map of logits, at the resolution of the finest.

    Args:
        channels: of each tap, from the finest to the coarsest.
        widths: channels behind each of the `len(channels) - 1` blocks, from the coarsest up.
        outputs: maps of logits.
        labels: targets that it can be asked about; 0 where it is not told a target by its number.
        told: numbers of the vector by which it is told a target instead, such as a sentence's embedding; 0 where it is not.
        areas: whether it is told how much of the image it may mark.
        axes: 2 for images, 3 for volumes.
    """

    def __init__(
        self,
        channels: Sequence[int],
        widths: Sequence[int],
        *,
        outputs: int = 1,
        labels: int = 0,
        told: int = 0,
        areas: bool = False,
        norm: Norm = "group",
        axes: int = 2,
    ) -> None:
        super().__init__()
        skips = list(reversed(channels))
        below = [skips[0], *widths]
        pairs = zip(below, skips[1:], widths, strict=False)
        self.blocks = nn.ModuleList(_block(b + skip, width, norm, axes) for b, skip, width in pairs)
        self.target = _target(labels, told)
        self.films = nn.ModuleList(nn.Linear(_EMBEDDING, 2 * width) for width in widths if self.target is not None)
        self.head = _AreaHead(widths[-1], self.target is not None, axes) if areas else _conv(widths[-1], outputs, 1, axes)
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(part.weight)

    def forward(
        self,
        taps: Sequence[Float[Tensor, "B E *s"]],
        images: Int[Tensor, " M"] | None = None,
        labels: Int[Tensor, " M"] | Float[Tensor, "M t"] | None = None,
        areas: Float[Tensor, "M A"] | None = None,
    ) -> Float[Tensor, "M A *s"]:
        """Logits of M questions, each about one image of the batch and one target.

        Args:
            images: index of each question's image; None for one question an image.
            labels: the targets, as numbers of labels or as the vectors by which they are told.
            areas: shares of the image, in (0, 1]; an output for each. Without areas the second axis is that of the outputs.
        """
        maps, asked = taps[-1], None if self.target is None else self.target(labels)
        for depth, block in enumerate(self.blocks):
            tap = taps[-2 - depth]
            skip = tap if depth == 0 or images is None else tap[images]
            maps = block(torch.cat([interpolate(maps, size=tap.shape[2:], mode="nearest"), skip], 1))
            if depth == 0 and images is not None:
                maps = maps[images]
            if asked is not None:
                maps = _film(maps, self.films[depth](asked))
        return cast(Tensor, self.head(maps) if areas is None else self.head(maps, areas, asked))


class _AreaHead(nn.Module):
    """One map of logits for each area that is asked for."""

    def __init__(self, width: int, targeted: bool, axes: int) -> None:
        super().__init__()
        self.area = nn.Sequential(nn.Linear(1, _EMBEDDING), nn.SiLU(), nn.Linear(_EMBEDDING, 2 * width))
        self.target = nn.Linear(_EMBEDDING, 2 * width, bias=False) if targeted else None
        self.mix, self.act = _conv(width, width, 1, axes), nn.SiLU()
        self.out = nn.Linear(width, 1)

    def forward(self, maps: Tensor, areas: Float[Tensor, "M A"], asked: Float[Tensor, "M e"] | None) -> Tensor:
        told = self.area(areas.log()[..., None] / math.log(10.0))
        if self.target is not None and asked is not None:
            told = told + self.target(asked)[:, None]
        scale, shift = told[..., None].chunk(2, 2)
        rows = self.act(torch.addcmul(shift, self.mix(maps).flatten(2)[:, None], 1 + scale))
        # A product of matrices: a convolution to one map is slower.
        logits = self.out.weight @ rows + self.out.bias
        return cast(Tensor, logits.view(len(maps), areas.shape[1], *maps.shape[2:]))


def _target(labels: int, told: int) -> nn.Module | None:
    """What a target becomes before it enters."""
    if labels:
        return nn.Embedding(labels, _EMBEDDING)
    return nn.Sequential(nn.LayerNorm(told), nn.Linear(told, _EMBEDDING)) if told else None  # as loud as a label's own vector


def _film(maps: Float[Tensor, "M w *s"], told: Float[Tensor, "M v"]) -> Float[Tensor, "M w *s"]:
    scale, shift = told.view(*told.shape, *([1] * (maps.dim() - 2))).chunk(2, 1)
    return torch.addcmul(shift, maps, 1 + scale)


def _conv(into: int, out: int, size: int, axes: int, *, bias: bool = True) -> nn.Module:
    kind: Any = (nn.Conv2d, nn.Conv3d)[axes - 2]
    return cast(nn.Module, kind(into, out, size, padding=size // 2, bias=bias))


def _block(into: int, width: int, norm: Norm, axes: int) -> nn.Module:
    parts: list[nn.Module] = []
    for a, b in pairwise((into, width, width)):
        parts += [_conv(a, b, 3, axes, bias=False), _norm(b, norm, axes), nn.SiLU()]
    return nn.Sequential(*parts)


def _norm(width: int, norm: Norm, axes: int) -> nn.Module:
    if norm == "group":
        return nn.GroupNorm(max(1, width // _GROUP), width)
    kind: Any = (nn.BatchNorm2d, nn.BatchNorm3d)[axes - 2]
    return cast(nn.Module, kind(width))
