"""Which regions matter together with which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float

from pellucid.errors import PellucidError
from pellucid.explainers.sentences.asking import sides
from pellucid.explainers.sentences.word_maps import word_spans
from pellucid.explainers.sentences.words import hidden
from pellucid.predictor import Batch, Filler, Predictor, SentenceAlignment, require
from pellucid.units import PixelUnits, RegionUnits, TextUnits, patches


@dataclass(frozen=True, eq=False)
class Interaction:
    """What words and regions of one case are worth together, beyond what each is worth alone.

    Attributes:
        words: those that the model read.
        regions: patches of the image.
        values: positive where the word counts more, or the region does, because the other is there.
        word_effects: what the score loses when the word alone is hidden.
        region_effects: what it loses when the region alone is.
    """

    words: TextUnits
    regions: RegionUnits
    values: Float[np.ndarray, "W R"]
    word_effects: Float[np.ndarray, " W"]
    region_effects: Float[np.ndarray, " R"]


def interaction(
    predictor: Predictor, batch: Batch, sentence: str, *, across: int = 7, filler: Filler = "mask"
) -> list[Interaction]:
    """For each case the second differences of the score Z over words j and regions r:

        Z - Z(j hidden) - Z(r hidden) + Z(j and r hidden)

    Zero for all pairs where the score is a function of the words plus one of the image. It is the interaction of the two when
    all else is present (Grabisch and Roubens 1999, at the full coalition).

    Versions of the image are encoded once and held against all versions of the sentence, which are read once: R + 1 images and
    W + 1 sentences in place of (R + 1) (W + 1) pairs.

    Args:
        across: patches along each side of the image.
        filler: what takes the place of a region.

    Raises:
        CapabilityError: the model aligns no sentences with images, or it has no mask token.
        DataError: the sentence has no word.
        PellucidError: no patches.
    """
    require(predictor, ("sentence_alignment",), "interaction")
    if across < 1:
        raise PellucidError(f"The patches along each side are {across}; give at least 1.")
    _, texts = sides(predictor, batch, (sentence,))
    words = TextUnits(sentence, word_spans(texts), "word")
    model = cast(SentenceAlignment, predictor)
    versions = hidden(words, np.vstack([np.ones(len(words), dtype=bool), ~np.eye(len(words), dtype=bool)]), model.mask_token)
    regions = [patches(cast(PixelUnits, units), across) for units in batch.units]
    scores = _versions(predictor, batch, regions, versions, filler)
    return [_second(words, cut, table) for cut, table in zip(regions, scores, strict=True)]


@torch.no_grad()
def _versions(
    predictor: Predictor, batch: Batch, regions: list[RegionUnits], versions: list[str], filler: Filler
) -> list[Float[np.ndarray, "P V"]]:
    """For each case the score of every version of its image (the first is whole) with every version of the sentence."""
    model = cast(SentenceAlignment, predictor)
    texts, rows = model.read(versions), []
    for number in range(-1, max(len(cut) for cut in regions)):
        keep: list[Bool[np.ndarray, " U"]] = [cut.index.ravel() != number for cut in regions]
        version = batch if number < 0 else predictor.perturb(batch, keep, filler)
        rows.append(model.match(model.see(version), texts).double().cpu().numpy())
    table = np.stack(rows, 1)
    return [table[i, : 1 + len(cut)] for i, cut in enumerate(regions)]


def _second(words: TextUnits, regions: RegionUnits, table: Float[np.ndarray, "P V"]) -> Interaction:
    whole, alone = table[0, 0], table[1:, 1:].T
    word, region = table[0, 1:], table[1:, 0]
    return Interaction(words, regions, whole - word[:, None] - region + alone, whole - word, whole - region)
