"""Boxes over an image instead of a grid: which there are, where they lie, and what lies in them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.predictors.image_classifier import opened

PLACES = 7
"""Numbers that say where a box lies."""


class BoxTower(nn.Module):
    """Regions are boxes, each the mean of a network's last maps in it, and where it lies; the image is the mean of its boxes.

    Args:
        network: from pixels to anything; what it does behind `layer` is not used.
        layer: the part whose output are the maps.
        maps: how many maps that layer has.
        width: numbers of a region, and of the image.
        boxes: (x0, y0, x1, y1) in pixels.
        size: (height, width) of what the network reads.
    """

    def __init__(
        self, network: nn.Module, layer: str, maps: int, width: int, boxes: Float[Tensor, "R 4"], size: Sequence[int]
    ) -> None:
        super().__init__()
        self.network = network
        self.layer = layer
        self.size = tuple(size)
        self.boxes: Tensor
        self.register_buffer("boxes", boxes.float(), persistent=False)
        self.region = nn.Sequential(nn.Linear(maps + PLACES, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, pixels: Float[Tensor, "B D H W"]) -> tuple[Float[Tensor, "B R d"], Float[Tensor, "B d"]]:
        """Boxes in their order, and the image."""
        with opened.caught(self.network, (self.layer,)) as maps:
            self.network(pixels)
        inside = pooled(maps[0], self.boxes, self.size)
        where = placed(self.boxes, self.size).to(inside).expand(len(inside), -1, -1)
        regions: Tensor = self.region(torch.cat([inside, where], -1))
        return regions, regions.mean(1)


def pyramid(size: Sequence[int], levels: int = 4) -> Float[Tensor, "R 4"]:
    """The whole image, its quarters, its ninths, and so on: the cells of grids of 1 to `levels` cells a side, row by row."""
    height, width = size
    boxes = [
        (width * column / n, height * row / n, width * (column + 1) / n, height * (row + 1) / n)
        for n in range(1, levels + 1)
        for row in range(n)
        for column in range(n)
    ]
    return torch.tensor(boxes)


def placed(boxes: Float[Tensor, "R 4"], size: Sequence[int]) -> Float[Tensor, "R 7"]:
    """Where each box lies, as shares of the image: its edges, its width and height, and its area (Chen et al. 2020, UNITER)."""
    height, width = size
    edges = boxes / boxes.new_tensor([width, height, width, height])
    sides = edges[:, 2:] - edges[:, :2]
    return torch.cat([edges, sides, sides.prod(1, keepdim=True)], 1)


def pooled(maps: Float[Tensor, "B D h w"], boxes: Float[Tensor, "R 4"], size: Sequence[int]) -> Float[Tensor, "B R D"]:
    """The mean of the maps in each box; a cell counts by the share of it that the box covers."""
    down = _shares(boxes[:, 1], boxes[:, 3], size[0], maps.shape[2]).to(maps)
    across = _shares(boxes[:, 0], boxes[:, 2], size[1], maps.shape[3]).to(maps)
    return torch.einsum("bdhw,rh,rw->brd", maps, down, across)


def _shares(start: Float[Tensor, " R"], stop: Float[Tensor, " R"], pixels: int, cells: int) -> Float[Tensor, "R n"]:
    """How much of the stretch from start to stop lies in each cell of an axis; rows sum to 1."""
    edges = torch.arange(cells + 1, device=start.device, dtype=torch.float64) * pixels / cells
    covered = torch.minimum(stop[:, None].double(), edges[1:]) - torch.maximum(start[:, None].double(), edges[:-1])
    covered = covered.clamp(min=0)
    return covered / covered.sum(1, keepdim=True)
