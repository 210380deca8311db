"""Where the words of a sentence look: the model's own attention, and what to make of one map a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError
from pellucid.explainers.base import Facts
from pellucid.explainers.sentences.asking import aligned, asked, attributed, row
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Alignment, Batch, ImageSide, Predictor, SentenceAlignment, TextSide, require
from pellucid.predictors.image_text import aggregating
from pellucid.predictors.image_text.aggregating import Weighing, aggregated, is_word, word_weights
from pellucid.registry import explainers
from pellucid.target import Target

Aggregate = Literal["mean", "words", "entities", "gradient", "concentration", "max"]
_STATIC: dict[Aggregate, Weighing] = {"mean": "all", "words": "words", "entities": "entities"}


@explainers.register("local_attention_max", aggregate="max")
@explainers.register("local_attention_concentration", aggregate="concentration")
@explainers.register("local_attention_gradient", aggregate="gradient")
@explainers.register("local_attention_words", aggregate="words")
@explainers.register("local_attention_mean", aggregate="mean")
@explainers.register("local_attention")
@dataclass(frozen=True)
class LocalAttention(Facts):
    """Where the sentence looks: a mean of the attention of its words over the regions, `sum_j weight_j a_j`, at the pixels.

    The weights decide more than any other choice. In the published attention words compete for each region, so that the shares
    of a region sum to 1 over words; the plain mean over all of them then hardly depends on the sentence. So the words that name
    something are the default. A contrast of two sentences is the difference of their maps, which is signed.

    Scores are shares of regions, and no shares of pixels: a word that looks at each of R cells alike gives 1 / R everywhere.

    Cost: one forward pass an image and one a sentence, shared by all aggregates, cases and targets; "gradient" adds one
    backward pass an image, through the score alone.

    Facts: `null`, the share of the attention that looked at nothing, where the model can opt out.

    Args:
        aggregate: "entities" (words that name anatomy, findings, sides or devices; all words of a sentence without any); "mean"
            (all items that attend, special tokens among them: the published map); "words"; "gradient" (in proportion to
            `max(0, <w_j - mean w, dZ/dw_j>)`, Z the score of the pair; words alike where none speaks for it); "concentration"
            (softmax of -8 times the entropy of each word's map); "max" (at each region the word that looks most, and the least
            null).
        nearest: each cell fills its own pixels, as published; else cells are interpolated.
    """

    aggregate: Aggregate = "entities"
    nearest: bool = False
    needs = ("sentence_alignment",)
    modalities = ("image",)
    cites = "Huang et al. 2021 (GLoRIA), equations 3 and 4; McInerney et al. 2022"

    @property
    def name(self) -> str:
        return "local_attention" if self.aggregate == "entities" else f"local_attention_{self.aggregate}"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=False)
        images, texts, found = aligned(predictor, batch, said.texts)
        maps, null = self._aggregated(predictor, images, texts, found)
        results = []
        for i in range(len(batch)):
            mix = said.weights.to(maps)
            scores = over_pixels(mix @ maps[i], images, batch, i, nearest=self.nearest)
            opted = mix @ null[i] if bool((found.null[i] > 0).any()) else None
            results.append(attributed(self, predictor, batch, i, targets, scores, opted))
        return results

    @torch.no_grad()
    def _aggregated(
        self, predictor: Predictor, images: ImageSide, texts: TextSide, found: Alignment
    ) -> tuple[Float[Tensor, "B S R"], Float[Tensor, "B S"]]:
        if self.aggregate == "max":
            return aggregating.largest(found, texts)
        if self.aggregate == "concentration":
            return aggregated(found, aggregating.concentration_weights(found, texts))
        if self.aggregate == "gradient":
            speaking = word_relevance(predictor, images, texts, self.name)
            return aggregated(found, aggregating.relevance_weights(speaking, texts))
        return aggregated(found, word_weights(texts, _STATIC[self.aggregate]))


def word_relevance(predictor: Predictor, images: ImageSide, texts: TextSide, who: str) -> Float[Tensor, "B S L"]:
    """What the score Z of its pair loses, to first order, where a word becomes the mean of all words of its sentence:
    `<w_j - mean w, dZ/dw_j>`; signed, 0 for what is no word.

    Without the mean this would be 0 of every score that compares by cosines, which do not change with the length of a word
    (Euler). What the sentence is worth as a whole is held, where it is no function of the words. The only word of a sentence
    has 0.
    """
    gradients, words = word_gradients(predictor, images, texts, who), is_word(texts)[..., None]
    mean = (texts.words * words).sum(1, keepdim=True) / words.sum(1, keepdim=True).clamp(min=1)
    away = torch.where(words & (words.sum(1, keepdim=True) > 1), texts.words - mean, 0)
    return (gradients * away).sum(-1)


def word_gradients(predictor: Predictor, images: ImageSide, texts: TextSide, who: str) -> Float[Tensor, "B S L d"]:
    """The gradient of the score of each pair with respect to the items of its sentence.

    Raises:
        CapabilityError: the score does not depend on the items as they were read.
    """
    found = []
    for case in range(len(images.regions)):
        with torch.enable_grad():
            words = texts.words.detach().requires_grad_()
            scores = cast(SentenceAlignment, predictor).match(row(images, case), replace(texts, words=words))
            # A score depends on the words of its own sentence alone, so that one pass serves all sentences.
            (gradient,) = torch.autograd.grad(scores.sum(), words, allow_unused=True) if scores.requires_grad else (None,)
        if gradient is None:
            raise CapabilityError(
                f"{who} needs a score that depends on words one by one; choose another method for this model."
            )
        found.append(gradient)
    return torch.stack(found)
