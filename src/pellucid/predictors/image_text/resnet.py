"""ResNet-50 without its classifier, under the names that torchvision gives its weights (He et al. 2016)."""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

BLOCKS = (3, 4, 6, 3)
"""Blocks of each stage."""
_WIDER = 4  # how many times as many maps a block gives as its middle has


class ResNet50(nn.Module):
    """Maps of the third and of the fourth stage, 1024 at a 16th of the resolution and 2048 at a 32nd.

    The 3 x 3 convolution of a block is the one that halves the resolution, as in torchvision and not as in the paper.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(64, 64, BLOCKS[0], stride=1)
        self.layer2 = _stage(256, 128, BLOCKS[1], stride=2)
        self.layer3 = _stage(512, 256, BLOCKS[2], stride=2)
        self.layer4 = _stage(1024, 512, BLOCKS[3], stride=2)

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B 1024 h w"], Float[Tensor, "B 2048 g v"]]:
        """Third and fourth stage."""
        stem = self.maxpool(self.relu(self.bn1(self.conv1(pixels))))
        third: Tensor = self.layer3(self.layer2(self.layer1(stem)))
        return third, self.layer4(third)


def _stage(into: int, middle: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (Bottleneck(_WIDER * middle, middle, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(into, middle, stride), *rest)


class Bottleneck(nn.Module):
    """Three convolutions, and a way past them."""

    def __init__(self, into: int, middle: int, stride: int) -> None:
        super().__init__()
        out = _WIDER * middle
        self.conv1, self.bn1 = nn.Conv2d(into, middle, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv2, self.bn2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride > 1 or into != out:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, maps: Tensor) -> Tensor:
        past = maps if self.downsample is None else self.downsample(maps)
        inner = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps))))))
        return cast(Tensor, self.relu(self.bn3(self.conv3(inner)) + past))
