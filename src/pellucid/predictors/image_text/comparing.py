"""How words are held against regions: attention of each word over an image, and the score of a pair.

The published attention (GLoRIA, as "That's the Wrong Lung!" uses it) takes a softmax over *words* for each region first, and
one over regions of what is left. Its inputs then lie in [0, 1], so that the weights of a word differ by a factor of at most
exp(sharpness), and no word can leave the image. The mean of such maps over words hardly depends on the sentence: in each region
the shares of the words sum to 1. The other form here leaves the first softmax out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from pellucid.errors import PellucidError
from pellucid.predictor import Alignment, ImageSide, TextSide

Norm = Literal["words", "none"]
Similarity = Literal["dot", "cosine"]
Pooling = Literal["sum", "mean"]
_LOWEST = -1e9  # of a score that takes no part; minus infinity would make the gradient of a row of padding none


@dataclass(frozen=True)
class Comparing:
    """The rule by which words attend to regions, and pairs are scored.

    With v_i a region, w_j a word and s_ij their similarity::

        p_ij = softmax of s_ij over words        where norm is "words"
        p_ij = s_ij                              where it is "none"
        a_ji = softmax of sharpness * p_ij over regions (and the null, where there is one)
        c_j = sum_i a_ji v_i
        local = log of the sum over words of exp(contrast * cos(w_j, c_j))                where pooling is "sum"
        local = log of the mean over words of the same, over contrast: in [-1, 1]         where it is "mean"
        whole = cosine of the two embeddings of image and sentence

    The null is a learnt vector that stands beside the regions in all of this, and in no map.

    Attributes:
        norm: whether words compete for each region first.
        similarity: "dot" product, unscaled, or "cosine".
        sharpness: inverse temperature of the attention, tau1.
        null: whether a word may look at nothing in the image.
        contrast: inverse temperature over words, tau2.
        pooling: "sum" is the published score, which favours long sentences and is about `contrast` times as large as a cosine;
            "mean" does neither.
        special: whether the encoder's first token counts as a word, as in the published model.
        scale: of logits: how much a difference in fit is worth, tau3.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    norm: Norm = "none"
    similarity: Similarity = "cosine"
    sharpness: float = 10.0
    null: bool = True
    contrast: float = 5.0
    pooling: Pooling = "mean"
    special: bool = False
    scale: float = 10.0

    def __post_init__(self) -> None:
        kinds = {"norm": ("words", "none"), "similarity": ("dot", "cosine"), "pooling": ("sum", "mean")}
        for name, allowed in kinds.items():
            if getattr(self, name) not in allowed:
                raise PellucidError(f"The {name} of words and regions is {getattr(self, name)!r}; use {' or '.join(allowed)}.")
        for name in ("sharpness", "contrast", "scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise PellucidError(f"The {name} of words and regions is {getattr(self, name)}; it must be above 0.")

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


PUBLISHED = Comparing("words", "dot", 4.0, null=False, pooling="sum", special=True)
PUBLISHED_NULL = Comparing("words", "dot", 4.0, null=True, pooling="sum", special=True)
CORRECTED = Comparing()
ATTENTIONS: dict[str, Comparing | None] = {
    "published": PUBLISHED,
    "published_null": PUBLISHED_NULL,
    "corrected": CORRECTED,
    "joint": None,
}
"""By the names under which a recipe knows them. "published_null" is the variant with a token not to look; "joint" is one
transformer over words and boxes (:mod:`pellucid.predictors.image_text.joint`)."""


def local_attention(
    regions: Float[Tensor, "B R d"],
    words: Float[Tensor, "S L d"],
    real: Bool[Tensor, "S L"],
    rule: Comparing,
    null: Float[Tensor, " d"] | None = None,
) -> tuple[Float[Tensor, "B S L R"], Float[Tensor, "B S L"], Float[Tensor, "B S L d"]]:
    """What each word looks at: shares of the regions, the share of the null, and what it sees there (c_j).

    A sentence of one word has an even map where words compete: they would share every region alike.
    """
    places = regions if null is None else torch.cat([regions, null.expand(len(regions), 1, -1)], 1)
    left, right = (places, words) if rule.similarity == "dot" else (normalize(places, dim=-1), normalize(words, dim=-1))
    scores = torch.einsum("brd,sld->bslr", left, right)
    if rule.norm == "words":
        scores = torch.softmax(scores.masked_fill(~real[None, :, :, None], _LOWEST), dim=2)
    attention = torch.softmax(rule.sharpness * scores, dim=-1)
    seen = torch.einsum("bslr,brd->bsld", attention, places)
    attention = attention * real[None, :, :, None]
    if null is None:
        return attention, attention.new_zeros(attention.shape[:-1]), seen
    return attention[..., :-1], attention[..., -1], seen


def compared(images: ImageSide, texts: TextSide, rule: Comparing, null: Float[Tensor, " d"] | None = None) -> Alignment:
    """All images with all sentences."""
    counted = texts.real if rule.special else texts.real & ~texts.special
    attention, nothing, seen = local_attention(images.regions, texts.words, counted, rule, null if rule.null else None)
    fits = torch.cosine_similarity(seen, texts.words[None], dim=-1)
    whole = normalize(images.whole, dim=-1) @ normalize(texts.whole, dim=-1).T
    return Alignment(attention, nothing, pooled(fits, counted, rule), whole)


def pooled(fits: Float[Tensor, "B S L"], real: Bool[Tensor, "S L"], rule: Comparing) -> Float[Tensor, "B S"]:
    """The local score of pairs, of how well each word fits what it looks at."""
    summed = torch.logsumexp((rule.contrast * fits).masked_fill(~real, _LOWEST), dim=-1)
    if rule.pooling == "sum":
        return summed
    return (summed - real.sum(-1).clamp(min=1).to(fits).log()) / rule.contrast
