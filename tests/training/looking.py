"""A model that looks where a test tells it to look."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from paired_images import cost, model

from pellucid.case import Case
from pellucid.predictor import Alignment, ImageSide
from pellucid.predictors.image_text import ImageText

CELLS = 16  # the small network cuts an image of 32 x 32 into 4 x 4


def at(*cells: int) -> torch.Tensor:
    """An even map over some cells."""
    found = torch.zeros(CELLS, dtype=torch.float64)
    found[list(cells)] = 1 / len(cells)
    return found


def looking(
    maps: Mapping[str, tuple[torch.Tensor, float]], scores: Mapping[str, float] | None = None, network: ImageText | None = None
) -> ImageText:
    """A model whose words all look where it is told for each sentence, with such a share of the null, whatever the image."""
    made = network or model()

    def align(images: ImageSide, texts) -> Alignment:
        there = torch.stack([maps[text][0] * (1 - maps[text][1]) for text in texts.texts])
        null = torch.tensor([maps[text][1] for text in texts.texts], dtype=torch.float64)
        pairs, words = (len(images.regions), len(texts.texts)), texts.real.double()
        attention = (there[:, None] * words[..., None]).expand(pairs[0], -1, -1, -1)
        return Alignment(attention, (null[:, None] * words).expand(pairs[0], -1, -1), torch.zeros(pairs), torch.zeros(pairs))

    def match(images: ImageSide, texts) -> torch.Tensor:
        return torch.tensor([[(scores or {}).get(text, 0.0) for text in texts.texts]] * len(images.regions)).double()

    made.align, made.match = align, match  # type: ignore[method-assign]
    return made


def costs(text: str, *cases: Case, maps: Mapping[str, tuple[torch.Tensor, float]], **given) -> float:
    return float(cost(looking(maps, **given), *cases, text=text).detach())
