"""The image side of an image-text model: a network's maps as regions that know where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictors.image_classifier import opened

_SCALES = 4  # sines and cosines of each axis, of twice the frequency each


class ImageTower(nn.Module):
    """Regions are the cells of a network's last layer with maps; the image is their mean.

    A cell says what is there and where it is: "left" can only be learnt by a model that knows which side it looks at.

    Args:
        network: from pixels to anything; what it does behind `layer` is not used.
        layer: the part whose output are the maps.
        maps: how many maps that layer has.
        width: numbers of a region, and of the image.
        places: whether regions know where they are.
    """

    def __init__(self, network: nn.Module, layer: str, maps: int, width: int, *, places: bool = True) -> None:
        super().__init__()
        self.network = network
        self.layer = layer
        self.places = places
        self.region = nn.Sequential(
            nn.Linear(maps + (4 * _SCALES + 2 if places else 0), 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )
        self.whole = nn.Linear(width, width)

    def forward(self, pixels: Float[Tensor, "B D H W"]) -> tuple[Float[Tensor, "B R d"], Float[Tensor, "B d"], tuple[int, int]]:
        """Regions row by row, the image, and cells along each axis."""
        with opened.caught(self.network, (self.layer,)) as maps:
            self.network(pixels)
        height, width = (int(n) for n in maps[0].shape[2:])
        cells = maps[0].flatten(2).transpose(1, 2)
        if self.places:
            cells = torch.cat([cells, places(height, width).to(cells).expand(len(cells), -1, -1)], -1)
        regions: Tensor = self.region(cells)
        return regions, self.whole(regions.mean(1)), (height, width)


def places(height: int, width: int) -> Float[Tensor, "R p"]:
    """Where each cell lies, row by row: its middle on each axis in [-1, 1], with sines and cosines of it."""
    y, x = torch.meshgrid(_middles(height), _middles(width), indexing="ij")
    axes = torch.stack([y.flatten(), x.flatten()], 1)
    waves = [wave(math.pi * 2**k / 2 * axes) for k in range(_SCALES) for wave in (torch.sin, torch.cos)]
    return torch.cat([axes, *waves], 1)


def _middles(cells: int) -> Float[Tensor, " n"]:
    return (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 - 1


def beheaded(network: nn.Module, channels: int, size: Sequence[int]) -> tuple[str, int]:
    """Take the last linear layer off a network, and say which of its parts gives the last maps, and how many.

    Raises:
        CapabilityError: it makes no maps.
    """
    network.set_submodule(opened.last_linear(network), nn.Identity())  # it decides about nothing here
    return last_maps(network, channels, size)


def last_maps(network: nn.Module, channels: int, size: Sequence[int]) -> tuple[str, int]:
    """Which part of a network gives the last maps, and how many.

    Raises:
        CapabilityError: it makes no maps.
    """
    dtype = next((weight.dtype for weight in network.parameters()), torch.get_default_dtype())
    sample = torch.zeros(1, channels, *size, dtype=dtype)
    shapes: dict[str, Any] = opened.output_shapes(network, sample)
    names = opened.map_layers(shapes, 2)
    if not names:
        raise CapabilityError(
            f"{type(network).__name__} makes no maps of an image of {tuple(size)} pixels; use a convolutional one."
        )
    return names[-1], int(shapes[names[-1]][1])
