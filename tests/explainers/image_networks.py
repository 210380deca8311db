"""Small image networks for tests, each with one trait that a method has to cope with; float64, weights drawn from a seed."""

from __future__ import annotations

import torch
from images import FINDINGS, case, classifier
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.target import Target

SIZE = (16, 20)
TARGETS = [Target.label(name) for name in FINDINGS]
CONTRAST = Target.contrast("effusion", "opacity")


class FunctionalRelu(nn.Module):
    """Calls its ReLU as a function, where no hook sees it."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.head(self.relu(functional.relu(self.conv(x)) - 0.1).flatten(2).mean(-1))


class Gated(nn.Module):
    """Multiplies two branches, as squeeze-and-excitation does."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate, self.head = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3), nn.Linear(4, 3)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return self.head((self.conv(x) * self.sigmoid(self.gate(x))).flatten(2).mean(-1))


class Blind(nn.Module):
    """Does not read the left quarter of the image."""

    def __init__(self):
        super().__init__()
        self.net = sequential(2)

    def forward(self, x):
        return self.net(x[..., x.shape[-1] // 4 :])


class Breaking(nn.Module):
    """Fails in the middle of the forward pass once it is armed."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu, self.head, self.armed = nn.ReLU(inplace=True), nn.Linear(4, 3), False

    def forward(self, x):
        x = self.relu(self.second(self.relu(self.first(x))))
        if self.armed:
            raise RuntimeError("out of order")
        return self.head(x.flatten(2).mean(-1))


class Reused(nn.Module):
    """Runs one activation at two places."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.relu, self.head = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.relu(self.two(self.relu(self.one(x)))).flatten(2).mean(-1))


class Checkpointed(nn.Module):
    """Computes its blocks anew in the backward pass, to save memory."""

    def __init__(self, on=True, reentrant=False):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2))
        self.two, self.head = nn.Sequential(nn.Conv2d(6, 5, 3, padding=1), nn.ReLU()), nn.Linear(5, 3)
        self.on, self.reentrant = on, reentrant

    def forward(self, x):
        for block in (self.one, self.two):
            x = checkpoint(block, x, use_reentrant=self.reentrant) if self.on else block(x)
        return self.head(x.flatten(2).mean(-1))


class Named(nn.Module):
    """Calls its parts by keyword."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.pool, self.head = nn.Conv2d(1, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(input=self.pool(input=self.relu(input=self.conv(input=x))).flatten(2).mean(-1))


class Patched(nn.Module):
    """Cuts the image into patches that attend to each other, in modules whose outputs have the axes of maps."""

    def __init__(self):
        super().__init__()
        self.patches, self.qk, self.drop, self.head = nn.Conv2d(1, 8, 4, 4), nn.Linear(8, 16), nn.Dropout(0.1), nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        q, k = self.qk(tokens).unflatten(2, (2, 2, 4)).permute(2, 0, 3, 1, 4)
        attention = self.drop((q @ k.mT).softmax(-1))  # cases x heads x tokens x tokens
        return self.head((attention.mean(1) @ tokens).mean(1))


class Severed(nn.Module):
    """Lets no gradient back to its pixels."""

    def __init__(self, how="detach"):
        super().__init__()
        self.net, self.how = sequential(), how

    def forward(self, x):
        if self.how == "detach":
            return self.net(x.detach())
        with torch.no_grad():
            return self.net(x)


class Answering(nn.Module):
    """Gives something else than one logit a label."""

    def __init__(self, answer):
        super().__init__()
        self.net, self.answer = sequential(), answer

    def forward(self, x):
        return self.answer(self.net(x))


def sequential(axes=2, activation=nn.ReLU, channels=1, pool=None):
    """Convolution, norm, activation, pooling, convolution, activation, mean, linear: what every oracle can explain."""
    conv, norm = (nn.Conv2d, nn.Conv3d)[axes - 2], (nn.BatchNorm2d, nn.BatchNorm3d)[axes - 2]
    most, mean = (nn.MaxPool2d, nn.MaxPool3d)[axes - 2], (nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 2]
    return nn.Sequential(
        conv(channels, 6, 3, padding=1), norm(6), activation(), pool or most(2), conv(6, 5, 3, padding=1), activation(),
        mean(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip


def opened(module, size=SIZE, channels=1, seed=0):
    """The network with weights from a seed and norms that have seen something, opened for explanation."""
    generator = torch.Generator().manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64, generator=generator) * 0.5)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d) and part.track_running_stats:
                part.running_mean.normal_(generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
    return ImageClassifier(module, FINDINGS, exclusive=False, size=size, mean=(0.5,) * channels, std=(0.25,) * channels)


def cases(size=SIZE, names="abc", channels=1):
    return [case(name, size, channels) for name in names]


__all__ = ["CONTRAST", "FINDINGS", "SIZE", "TARGETS", "case", "cases", "classifier", "opened", "sequential"]
