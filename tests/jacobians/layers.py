"""One small network for each kind of layer that has a Jacobian, with the shape of what it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Calling(nn.Module):
    """A function as a network."""

    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


class First(nn.Module):
    """What a recurrent layer gives, without its state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Attending(nn.Module):
    """Attention of a sequence to itself; with weights it is written out, without it is fused."""

    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.layer, self.weights = nn.MultiheadAttention(8, 2, batch_first=True), weights

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x, x, need_weights=self.weights)[0]


class DoubleSoftmax(nn.Module):
    """Words that compete for regions, then regions for words, as GLoRIA compares a sentence with an image."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.randn(3, 4))

    def forward(self, regions: Tensor) -> Tensor:
        alike = F.softmax(self.words @ regions.transpose(1, 2), 1)
        attention = F.softmax(4 * alike, 2)
        seen = attention @ regions
        return torch.logsumexp(5 * F.cosine_similarity(seen, self.words.expand_as(seen), dim=-1), 1, keepdim=True)


class Residual(nn.Module):
    """What enters is added to what a layer makes of it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)


class Warped(nn.Module):
    """A picture turned by grid_sample, which has no derivative forwards."""

    def forward(self, x: Tensor) -> Tensor:
        turn = torch.tensor([[0.9, -0.2, 0.05], [0.2, 0.9, -0.1]], dtype=x.dtype).expand(len(x), 2, 3)
        return F.grid_sample(x, F.affine_grid(turn, list(x.shape), align_corners=False), align_corners=False)


class Words(nn.Module):
    """A text classifier from the vectors of its words on."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.norm, self.head = nn.Embedding(5, 6), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.norm(x + self.places.weight)).mean(1))


def _conv(kind: Any, **options: Any) -> nn.Module:
    return nn.Sequential(kind(2, 4, 3, **options), nn.Tanh())


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(6, 4), (6,)),
    "conv1d": (lambda: _conv(nn.Conv1d, padding=1), (2, 9)),
    "conv2d": (lambda: _conv(nn.Conv2d, padding=1), (2, 6, 6)),
    "conv2d strided": (lambda: _conv(nn.Conv2d, stride=2), (2, 7, 6)),
    "conv2d dilated": (lambda: _conv(nn.Conv2d, dilation=2), (2, 7, 7)),
    "conv2d in groups": (lambda: _conv(nn.Conv2d, groups=2), (2, 6, 6)),
    "conv3d": (lambda: _conv(nn.Conv3d), (2, 4, 4, 4)),
    "transposed conv2d": (lambda: _conv(nn.ConvTranspose2d, stride=2), (2, 3, 3)),
    "ReLU": (lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (6,)),
    "leaky ReLU": (lambda: nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.1)), (6,)),
    "PReLU": (lambda: nn.Sequential(nn.Linear(6, 8), nn.PReLU()), (6,)),
    "ELU": (lambda: nn.ELU(), (6,)),
    "SiLU": (lambda: nn.SiLU(), (6,)),
    "GELU": (lambda: nn.GELU(), (6,)),
    "sigmoid": (lambda: nn.Sigmoid(), (6,)),
    "tanh": (lambda: nn.Tanh(), (6,)),
    "softmax": (lambda: nn.Softmax(-1), (6,)),
    "log-softmax": (lambda: nn.LogSoftmax(-1), (6,)),
    "batch norm": (lambda: nn.BatchNorm2d(2), (2, 4, 4)),
    "layer norm": (lambda: nn.LayerNorm(6), (6,)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (4, 3, 3)),
    "instance norm": (lambda: nn.InstanceNorm2d(2, affine=True), (2, 4, 4)),
    "max pool": (lambda: nn.MaxPool2d(2), (2, 6, 6)),
    "average pool": (lambda: nn.AvgPool2d(2), (2, 6, 6)),
    "adaptive pool": (lambda: nn.AdaptiveAvgPool2d(3), (2, 7, 5)),
    "resize, nearest": (lambda: nn.Upsample(scale_factor=2), (2, 3, 3)),
    "resize, bilinear": (lambda: nn.Upsample(size=(5, 7), mode="bilinear"), (2, 3, 3)),
    "pad, crop and flip": (lambda: Calling(lambda x: F.pad(x, (1, 2, 1, 0))[..., 1:, 1:].flip(-1)), (2, 4, 4)),
    "L2 normalise": (lambda: Calling(lambda x: F.normalize(x, dim=-1)), (6,)),
    "attention, fused": (lambda: Attending(False), (4, 8)),
    "attention, written out": (lambda: Attending(True), (4, 8)),
    "transformer encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (4, 8)),
    "LSTM": (lambda: First(nn.LSTM(3, 4, batch_first=True)), (5, 3)),
    "GRU": (lambda: First(nn.GRU(3, 4, batch_first=True)), (5, 3)),
    "double softmax": (lambda: DoubleSoftmax(), (6, 4)),
    "vectors of words": (lambda: Words(), (5, 6)),
    "residual": (lambda: Residual(nn.Sequential(nn.Linear(6, 6), nn.SiLU())), (6,)),
    "dropout": (lambda: nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Tanh()), (6,)),
    "grid_sample": (lambda: Warped(), (1, 5, 5)),
}


def layer(name: str, seed: int = 0) -> tuple[nn.Module, Tensor]:
    """A network in float64 and evaluation mode, whose norms have seen something, and an input."""
    made, shape = LAYERS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module, at = made().double(), torch.randn(shape, dtype=torch.float64)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
    return module.eval(), at
