"""From a map for each word to one map for the sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.predictor import Alignment, TextSide

Weighing = Literal["all", "words", "entities"]


def word_weights(texts: TextSide, weighing: Weighing = "entities") -> Float[Tensor, "S L"]:
    """How much each item of a sentence counts; each row sums to 1.

    "all" are all items, special tokens among them (the published map); "words" leaves those out; "entities" are the words that
    name anatomy, findings, sides and devices, or all words of a sentence that has none.
    """
    return _shared(_CHOICES[weighing](texts).to(texts.words))


def concentration_weights(found: Alignment, texts: TextSide, sharpness: float = 8.0) -> Float[Tensor, "B S L"]:
    """Words that look at little of the image count most: the softmax over words of `- sharpness * entropy` (nats) of each map.

    What a word leaves to the null says nothing of where it looks, so the map is taken as if that were not there.
    """
    shares = found.attention / found.attention.sum(-1, keepdim=True).clamp(min=torch.finfo(found.attention.dtype).tiny)
    entropy = -torch.xlogy(shares, shares).sum(-1)
    return torch.softmax((-sharpness * entropy).masked_fill(~is_word(texts), float("-inf")), -1)


def relevance_weights(relevance: Float[Tensor, "B S L"], texts: TextSide) -> Float[Tensor, "B S L"]:
    """Words that speak for the pair count in proportion to how much they do; all alike where none does.

    Args:
        relevance: of each item to the score of its pair; signed.
    """
    words = is_word(texts).to(relevance)
    spoken = relevance.clamp(min=0) * words
    return _shared(torch.where(spoken.sum(-1, keepdim=True) > 0, spoken, words))


def aggregated(found: Alignment, weights: Float[Tensor, "*B S L"]) -> tuple[Float[Tensor, "B S R"], Float[Tensor, "B S"]]:
    """The map of each sentence over regions and its share of the null: weighted means over words. They sum to 1 together.

    Items that do not attend (special tokens, in some models) take no part, whatever their weight.

    Args:
        weights: of the items of each sentence, the same for all images or of each.
    """
    attending = (found.attention.sum(-1) + found.null) > 0
    shared = _shared(weights.to(found.attention) * attending)
    return torch.einsum("bslr,bsl->bsr", found.attention, shared), (found.null * shared).sum(-1)


def largest(found: Alignment, texts: TextSide) -> tuple[Float[Tensor, "B S R"], Float[Tensor, "B S"]]:
    """The most that any word looks at a region, and the least that any word leaves to the null. Maps do not sum to 1."""
    words = is_word(texts)[None]
    return (found.attention * words[..., None]).amax(2), found.null.masked_fill(~words, float("inf")).amin(2)


def painted(scores: Float[Tensor, "*K R"], boxes: Float[Tensor, "R 4"], size: Sequence[int]) -> Float[Tensor, "*K H W"]:
    """Scores of boxes on an image: a pixel gets the largest of the boxes that its middle lies in, and 0 where it lies in none.

    As McInerney et al. 2022 paint the attention of UNITER. What is painted does not sum to what the boxes have.

    Args:
        scores: at least 0.
        boxes: (x0, y0, x1, y1) in pixels, half-open.
        size: (height, width).
    """
    height, width = size
    y, x = (torch.arange(n, dtype=torch.float64, device=scores.device) + 0.5 for n in (height, width))
    found = scores.new_zeros(*scores.shape[:-1], height, width)
    for region, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        inside = (((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))).to(found)
        found = torch.maximum(found, scores[..., region, None, None] * inside)
    return found


def is_word(texts: TextSide) -> Bool[Tensor, "S L"]:
    """Items that stand for a word."""
    return texts.real & ~texts.special


def _shared(weights: Float[Tensor, "*S L"]) -> Float[Tensor, "*S L"]:
    """Weights that sum to 1, or are all 0 as they were."""
    total = weights.sum(-1, keepdim=True)
    return weights / torch.where(total > 0, total, 1)


def _entities(texts: TextSide) -> Bool[Tensor, "S L"]:
    from pellucid.rewording.entities import entities

    words = is_word(texts)
    named = torch.zeros_like(words)
    for row, (text, spans) in enumerate(zip(texts.texts, texts.spans, strict=True)):
        for start, stop in entities(text):
            named[row, : len(spans)] |= torch.from_numpy((spans[:, 0] < stop) & (spans[:, 1] > start)).to(named.device)
    named &= words
    return torch.where(named.any(1, keepdim=True), named, words)


_CHOICES: dict[Weighing, Callable[[TextSide], Bool[Tensor, "S L"]]] = {
    "all": lambda texts: texts.real,
    "words": is_word,
    "entities": _entities,
}
