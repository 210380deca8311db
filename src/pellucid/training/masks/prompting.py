"""Mask networks that are told a sentence: which is asked of each image, and what its mask costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pellucid.case import Case, Phrase
from pellucid.errors import PellucidError
from pellucid.predictor import TextSide
from pellucid.predictors.image_text import ImageText
from pellucid.training.masks import losses
from pellucid.training.masks.step import MaskStep, Outcome, mixed


@dataclass(frozen=True)
class Prompts:
    """One sentence an image.

    Attributes:
        phrases: the sentences.
        sources: number of the case from whose report each was drawn; of most images it is their own.
    """

    phrases: tuple[Phrase, ...]
    sources: Int[Tensor, " B"]

    @property
    def marked(self) -> list[int]:
        """Images that are asked about what their own report says is there: masks that are to mark something."""
        return [i for i, phrase in enumerate(self.phrases) if int(self.sources[i]) == i and not phrase.absent]


def prompted(step: MaskStep) -> Outcome:
    """NEM-U prompted by text: what is kept holds the score of the image and a sentence, and what is removed loses it.

    Per image, with the mask e, `keep = x e + b (1 - e)`, `drop = x (1 - e) + b e` and the score z of the pair::

        softplus(z(drop) - z(b)) + keep * softplus(z(x) - z(keep))
        + price * mean(e) + tv * |grad e| + binary * mean(e (1 - e))

    Neither labels nor places are read. Where nothing in the image speaks for the sentence, z(x) is no larger than z(b), nothing
    is gained by marking, and the price empties the mask: so it is with most sentences of other reports.
    """
    model, recipe = cast(ImageText, step.model), step.recipe
    asked = prompts(step.cases, recipe.absent, step.generator)
    with torch.no_grad():
        texts = model.read([phrase.text for phrase in asked.phrases])
    evidence = step.masker.masks(step.seen[1], step.images, texts.whole, losses.whole_area(step)).float()
    fill = step.filling()
    with torch.no_grad():
        before, empty = own_fits(model, torch.cat([step.pixels, fill]), texts).chunk(2)
    both = torch.cat([mixed(step.pixels, fill, 1 - evidence), mixed(step.pixels, fill, evidence)])
    dropped, kept = own_fits(model, both, texts).chunk(2)
    gains = losses.changes(before, empty, dropped, kept, recipe.keep)
    size = evidence.flatten(1).mean(1)
    loss = (gains + losses.rise(step) * recipe.cost * size + losses.shape(step, evidence)).mean()
    return Outcome(loss, float(size[asked.marked].detach().mean()) if asked.marked else None)


def own_fits(model: ImageText, pixels: Float[Tensor, "N*B D *S"], texts: TextSide) -> Float[Tensor, " N*B"]:
    """The score of each image with its own sentence, where images come as several versions of those of a batch."""
    scores = model.fits(pixels, texts).float()
    rows = torch.arange(len(scores), device=scores.device)
    return scores[rows, rows % scores.shape[1]]


def prompts(cases: Sequence[Case], others: float, generator: torch.Generator | None = None) -> Prompts:
    """A sentence for each image, of its own report or, with a chance of `others`, of that of another case of the batch.

    Args:
        cases: each with a sentence.
        generator: draws; PyTorch's global one if None.
    """
    count = len(cases)
    away = torch.rand(count, generator=generator) < others
    by = torch.randint(1, count, (count,), generator=generator) if count > 1 else torch.zeros(count, dtype=torch.long)
    sources = (torch.arange(count) + torch.where(away, by, torch.zeros_like(by))) % count
    reports = [cases[int(source)].sentences for source in sources]
    draws = torch.rand(count, generator=generator).tolist()
    return Prompts(tuple(said[int(draw * len(said))] for said, draw in zip(reports, draws, strict=True)), sources)


def speaking(cases: Sequence[Case], split: str) -> Sequence[Case]:
    """The cases that have a sentence.

    Raises:
        PellucidError: none has.
    """
    found = [case for case in cases if case.sentences]
    if not found:
        raise PellucidError(
            f"No {split} case of the data set has a sentence, which nem_u_text learns from; prepare data with reports."
        )
    return found
