"""One map for each word of a sentence, or for phrases in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pellucid.errors import PellucidError
from pellucid.explainers.sentences.asking import aligned
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch, Predictor, TextSide, require
from pellucid.predictors.image_text.aggregating import is_word
from pellucid.units import TextUnits


@dataclass(frozen=True, eq=False)
class WordMaps:
    """What the words of one sentence look at in one image.

    Attributes:
        units: the words that the model read, or the phrases that were asked for.
        maps: share of the region that holds each pixel, row by row.
        null: share that looked at nothing.
    """

    units: TextUnits
    maps: Float[np.ndarray, "L U"]
    null: Float[np.ndarray, " L"]


def word_maps(predictor: Predictor, batch: Batch, sentence: str, *, nearest: bool = False) -> list[WordMaps]:
    """For each case a map of every word that the model read of the sentence; special tokens have none here.

    Raises:
        CapabilityError: the model aligns no sentences with images.
        DataError: the sentence has no word.
    """
    require(predictor, ("sentence_alignment",), "word_maps")
    _, texts, _ = aligned(predictor, batch, (sentence,))
    spans = word_spans(texts)
    return _means(predictor, batch, sentence, spans, np.eye(len(spans), dtype=bool), nearest)


def phrase_maps(
    predictor: Predictor, batch: Batch, sentence: str, phrases: Sequence[str], *, nearest: bool = False
) -> list[WordMaps]:
    """For each case a map of every phrase: the mean of the maps of its words.

    Args:
        phrases: each as it stands in the sentence, in whole words, small letters or capitals; the first of several counts.

    Raises:
        CapabilityError: the model aligns no sentences with images.
        DataError: the sentence has no word.
        PellucidError: a phrase is not in the sentence, or not in what the model read of it.
    """
    require(predictor, ("sentence_alignment",), "phrase_maps")
    _, texts, _ = aligned(predictor, batch, (sentence,))
    words = word_spans(texts)
    spans = np.array([_place(sentence, phrase, k) for k, phrase in enumerate(phrases)], dtype=np.int64).reshape(-1, 2)
    inside = (words[None, :, 0] < spans[:, None, 1]) & (words[None, :, 1] > spans[:, None, 0])
    if not inside.any(1).all():
        raise PellucidError(f"Phrase {int(inside.any(1).argmin()) + 1} has no word that the model read; shorten the sentence.")
    return _means(predictor, batch, sentence, spans, inside, nearest)


def word_spans(texts: TextSide) -> Int[np.ndarray, "W 2"]:
    """Half-open characters of the words that were read of the first sentence."""
    return np.asarray(texts.spans[0][is_word(texts)[0, : len(texts.spans[0])].cpu().numpy()])


def _means(
    predictor: Predictor,
    batch: Batch,
    sentence: str,
    spans: Int[np.ndarray, "P 2"],
    inside: Bool[np.ndarray, "P W"],
    nearest: bool,
) -> list[WordMaps]:
    """Maps of groups of words, each the mean over its words."""
    images, texts, found = aligned(predictor, batch, (sentence,))
    words = is_word(texts)[0]
    share = torch.from_numpy(inside / inside.sum(1, keepdims=True)).to(found.attention)
    units = TextUnits(sentence, spans, "word")
    results = []
    for case in range(len(batch)):
        maps = over_pixels(share @ found.attention[case, 0, words], images, batch, case, nearest=nearest)
        null = share @ found.null[case, 0, words]
        results.append(WordMaps(units, maps.cpu().numpy(), null.double().cpu().numpy()))
    return results


def _place(sentence: str, phrase: str, number: int) -> tuple[int, int]:
    found = re.search(rf"(?<!\w){re.escape(phrase.strip())}(?!\w)", sentence, re.IGNORECASE) if phrase.strip() else None
    if found is None:
        raise PellucidError(f"Phrase {number + 1} does not stand in the sentence in whole words; copy it from there.")
    return found.span()
