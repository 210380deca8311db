"""A small residual network, over signals, images or volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

WIDTHS: dict[str, tuple[int, ...]] = {"tiny": (16, 32, 64), "small": (32, 64, 128, 256)}
"""Channels of each stage of the networks that are known by name."""

_CONVOLUTIONS: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS: tuple[Any, ...] = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Residual(nn.Module):
    """A small residual network: a stem and one stage a width, each of one block and half the resolution of the one before.

    He et al. 2016 (identity mappings in deep residual networks), with pooling by averages.

    Args:
        axes: 1 for signals, 2 for images, 3 for volumes.
        kernel: width of the convolutions; odd.
        stride: of the stem.
        activation: makes what bends.
    """

    def __init__(
        self,
        channels: int,
        widths: tuple[int, ...],
        labels: int,
        axes: int = 2,
        *,
        kernel: int = 3,
        stride: int = 2,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        conv, norm = _CONVOLUTIONS[axes - 1], _NORMS[axes - 1]
        entry = conv(channels, widths[0], kernel, stride, kernel // 2, bias=False)
        self.stem = nn.Sequential(entry, norm(widths[0]), activation())
        pairs = zip((widths[0], *widths), widths, strict=False)
        self.stages = nn.Sequential(
            *(_Block(a, b, conv, norm, 1 if i == 0 else 2, kernel, activation) for i, (a, b) in enumerate(pairs))
        )
        self.head = nn.Linear(widths[-1], labels)

    def forward(self, pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B C"]:
        maps = self.stages(self.stem(pixels))
        return cast(Tensor, self.head(maps.flatten(2).mean(-1)))


class _Block(nn.Module):
    def __init__(
        self, into: int, out: int, conv: Any, norm: Any, stride: int, kernel: int, activation: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        around = kernel // 2
        self.first = nn.Sequential(conv(into, out, kernel, stride, around, bias=False), norm(out), activation())
        self.second = nn.Sequential(conv(out, out, kernel, 1, around, bias=False), norm(out))
        same = stride == 1 and into == out
        self.skip = nn.Identity() if same else nn.Sequential(conv(into, out, 1, stride, bias=False), norm(out))
        self.relu = activation()  # a module, so that methods which change what it sends back find it

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.relu(self.second(self.first(maps)) + self.skip(maps)))
