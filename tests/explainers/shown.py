"""Image models whose answer is known: a linear one, and games of regions."""

from __future__ import annotations

import numpy as np
import torch
from images import FINDINGS
from torch import nn

from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.target import Target

TARGETS = [Target.label(label) for label in FINDINGS]


def linear(size=(8, 10), channels=1, seed=0, weights=None) -> ImageClassifier:
    """Every logit is a weighted sum of pixels; float64."""
    layer = nn.Linear(channels * int(np.prod(size)), len(FINDINGS)).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
        layer.weight.copy_(drawn if weights is None else torch.as_tensor(weights).reshape(layer.weight.shape))
        layer.bias.copy_(torch.randn(len(FINDINGS), generator=generator, dtype=torch.float64))
    return ImageClassifier(
        nn.Sequential(nn.Flatten(), layer), FINDINGS, exclusive=False, size=size, mean=(0.5,) * channels, std=(0.25,) * channels
    )


def contributions(model, batch) -> np.ndarray:
    """What each pixel adds to each logit of a linear model of one channel: K x U."""
    return model.module[1].weight.detach().numpy() * model.features(batch)[0, :, 0].numpy()


class _Game(nn.Module):
    def __init__(self, index, games):
        super().__init__()
        self.first = [int(np.flatnonzero(index.ravel() == region)[0]) for region in range(index.max() + 1)]
        self.games, self.one = games, nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, pixels):
        present = (pixels[:, 0].flatten(1)[:, self.first] != 0).numpy()
        return torch.from_numpy(np.stack([game(present) for game in self.games], 1)) * self.one


def game_model(index, games) -> ImageClassifier:
    """Logits are games of the regions of `index`: a region is present where its first pixel is not the mean colour."""
    return ImageClassifier(_Game(index, games), FINDINGS[: len(games)], exclusive=False, size=index.shape)


class Counting:
    """Counts the images that a model is run on."""

    def __init__(self, model: ImageClassifier) -> None:
        self.images, self.most = 0, 0
        model.module.register_forward_pre_hook(self._seen)

    def _seen(self, module, inputs):
        self.images += len(inputs[0])
        self.most = max(self.most, len(inputs[0]))
