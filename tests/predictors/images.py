"""Small image models and cases for tests: a random convolutional network in float64, and cases with marked squares."""

from __future__ import annotations

import numpy as np
import torch

from pellucid.case import Boxes, Case, Mask
from pellucid.picture import Picture
from pellucid.predictors.image_classifier import ImageClassifier

FINDINGS = ("effusion", "nodule", "opacity")


def classifier(
    size: tuple[int, ...] = (16, 20), channels: int = 1, *, exclusive: bool = False, seed: int = 0
) -> ImageClassifier:
    """A random residual network in float64, in evaluation mode, whose norms have seen something."""
    generator = torch.Generator().manual_seed(seed)
    model = ImageClassifier.build("tiny", FINDINGS, exclusive=exclusive, size=size, channels=channels, generator=generator)
    model.to(dtype=torch.float64)
    model.module.train()
    with torch.no_grad():
        for _ in range(3):
            model.module(torch.randn(8, channels, *size, dtype=torch.float64, generator=generator))
    model.module.eval()
    return model


def case(name: str = "a", size: tuple[int, ...] = (16, 20), channels: int = 1, seed: int = 0) -> Case:
    """A noisy image with a bright square, which is marked as a nodule."""
    random = np.random.default_rng([seed, *name.encode()])
    pixels = random.integers(0, 180, (*size, channels), dtype=np.uint8)
    square = tuple(slice(n // 4, n // 2) for n in size)
    pixels[square] = np.minimum(pixels[square].astype(int) + 70, 255).astype(np.uint8)
    mask = np.zeros(size, dtype=bool)
    mask[square] = True
    return Case(name, f"patient-{name}", {"image": Picture(pixels)}, frozenset({"nodule"}), (Mask(mask, "nodule"),))


def boxed(name: str = "b", size: tuple[int, int] = (16, 20)) -> Case:
    """The same kind of case with two boxes for one finding."""
    plain = case(name, size)
    boxes = Boxes(np.array([[1.0, 1.0, 5.0, 6.0], [10.0, 8.0, 14.0, 12.0]]), "opacity")
    return Case(plain.id, plain.patient, plain.inputs, frozenset({"opacity"}), (boxes,))
