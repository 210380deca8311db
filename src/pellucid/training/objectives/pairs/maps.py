"""Maps of sentences inside the graph of a training step, in 32 bits at least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pellucid.explainers.sentences import asking
from pellucid.predictor import Alignment, ImageSide, TextSide
from pellucid.predictors.image_text.aggregating import Weighing, aggregated, word_weights
from pellucid.training.objectives.pairs.drawing import aligner, seen
from pellucid.training.step import Step

EPS = 1e-6
"""How near to 0 and 1 a share is taken to come where its logarithm is needed."""


def maps_of(
    found: Alignment, texts: TextSide, weighing: Weighing = "entities"
) -> tuple[Float[Tensor, "B S R"], Float[Tensor, "B S"]]:
    """The map of each sentence and its share of the null, which sum to 1: means over the words that `weighing` names."""
    with torch.autocast(found.attention.device.type, enabled=False):
        weights = word_weights(replace(texts, words=_full(texts.words)), weighing)
        return aggregated(replace(found, attention=_full(found.attention), null=_full(found.null)), weights)


def alone(step: Step, texts: TextSide, rows: Int[Tensor, " S"]) -> Iterator[tuple[ImageSide, TextSide]]:
    """Sentences beside their own images alone, where those of other images need not be looked at: one image after the other.

    Args:
        rows: for each sentence the case that it belongs to; those of a case follow each other.
    """
    images = seen(step)
    for row, group in groupby(enumerate(rows.tolist()), key=lambda item: item[1]):
        columns = [column for column, _ in group]
        yield asking.row(images, row), _sentences(texts, columns)


def own(
    step: Step, texts: TextSide, rows: Int[Tensor, " S"], weighing: Weighing = "entities"
) -> tuple[Float[Tensor, "S R"], Float[Tensor, " S"]]:
    """The map of each sentence on its own image, and its share of the null; arguments as of :func:`alone`."""
    model = aligner(step)
    found = [maps_of(model.align(image, said), said, weighing) for image, said in alone(step, texts, rows)]
    return torch.cat([maps[0] for maps, _ in found]), torch.cat([null[0] for _, null in found])


def shares(maps: Float[Tensor, "*N R"]) -> Float[Tensor, "*N R"]:
    """Maps without the share of the null: each sums to 1. One that left everything to the null is even."""
    lifted = maps + EPS / maps.shape[-1]
    return lifted / lifted.sum(-1, keepdim=True)


def log_of(share: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """The logarithm of a share in [0, 1], finite at 0, and with a gradient at either end."""
    return torch.log(EPS + (1 - 2 * EPS) * share)


def _full(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _sentences(texts: TextSide, columns: list[int]) -> TextSide:
    first, last = columns[0], columns[-1] + 1
    return replace(
        texts,
        texts=texts.texts[first:last],
        words=texts.words[first:last],
        real=texts.real[first:last],
        special=texts.special[first:last],
        whole=texts.whole[first:last],
        spans=texts.spans[first:last],
        truncated=texts.truncated[first:last],
    )
