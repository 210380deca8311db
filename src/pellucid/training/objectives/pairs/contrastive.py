"""Contrast: an image is to fit its own sentence better than those of others, and a sentence its own image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.drawing import Pairs, Which, pairs_of
from pellucid.training.objectives.pairs.knowing import holds, known
from pellucid.training.objectives.pairs.paired import Paired, nothing
from pellucid.training.step import Step

LOCAL_SCALE = WHOLE_SCALE = 10.0
"""tau3 of the published losses."""


@objectives.register("contrastive")
@dataclass(frozen=True)
class Contrastive(Paired):
    """Symmetric cross-entropy over the pairs of a batch, of local and of global scores.

    With Z the scores of all images and sentences of a step, times 10: the mean over images of -log softmax over sentences, and
    over sentences of -log softmax over images, of the true pair; that of local scores plus that of global ones. Pairs stand
    against those that are in memory together, so that `micro_batch_size` makes the contrast smaller.

    Attributes:
        sentences: which are drawn: "all", "abnormal", or "random" ones of another case, as a control.
        masked: share of the words of each sentence that are hidden behind the encoder's own mask token.
        clinical: share of the clinical words (anatomy, findings, sides) that are hidden.
        local, whole: weights of the two scores.
        spare: leave out of the contrast what is known to be true of the other image too: a batch says "no effusion" many times.
            Of "random" sentences nothing is spared.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    name: ClassVar[str] = "contrastive"
    alone = True
    cites = "Huang et al. 2021 (GLoRIA); McInerney et al. 2022, variants of training"

    sentences: Which = "all"
    masked: float = 0.0
    clinical: float = 0.0
    local: float = 1.0
    whole: float = 1.0
    spare: bool = True

    def __post_init__(self) -> None:
        self._demand("sentences", " or ".join(get_args(Which)), self.sentences in get_args(Which))
        self._demand("masked", "a share of the words, at least 0 and below 1", 0 <= self.masked < 1)
        self._demand("clinical", "a share of the clinical words, at least 0 and below 1", 0 <= self.clinical < 1)
        if min(self.local, self.whole) < 0 or self.local + self.whole == 0:
            raise PellucidError("The weights of contrastive, local and whole, are at least 0, and not both 0.")

    @property
    def wanted(self) -> str:
        return "a sentence that says something is not normal" if self.sentences == "abnormal" else "a sentence"

    def uses(self, case: Case, index: int) -> bool:
        return self.sentences != "abnormal" or case.sentences[index].abnormal

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        pairs = pairs_of(step, self.sentences, self.masked, self.clinical)
        if pairs is None:
            return nothing(step)
        own = torch.zeros_like(pairs.found.local, dtype=torch.bool)
        own[pairs.rows, torch.arange(len(pairs.rows), device=own.device)] = True
        spared = self._spared(step, pairs, own)
        scores = ((self.local, LOCAL_SCALE * pairs.found.local), (self.whole, WHOLE_SCALE * pairs.found.whole))
        return torch.stack([weight * contrast(of, own, spared) for weight, of in scores if weight]).sum()

    def _spared(self, step: Step, pairs: Pairs, own: Bool[Tensor, "B S"]) -> Bool[Tensor, "B S"]:
        if not self.spare or self.sentences == "random":
            return torch.zeros_like(own)
        true = known(holds, pairs.phrases, step.batch.cases)
        return torch.from_numpy(true).to(own.device) & ~own


def contrast(scores: Float[Tensor, "B S"], own: Bool[Tensor, "B S"], spared: Bool[Tensor, "B S"]) -> Float[Tensor, ""]:
    """Cross-entropy of the true pairs along both axes, added up; pairs that are spared take no part. In 32 bits at least.

    A pair without any other to stand against costs 0.

    Args:
        own: True on the true pair of each sentence; images without a sentence only stand against others.
    """
    kept = scores.to(torch.promote_types(scores.dtype, torch.float32)).masked_fill(spared, torch.finfo(torch.float32).min)
    to_sentences = kept.log_softmax(1)[own].mean()
    to_images = kept.log_softmax(0)[own].mean()
    return -(to_sentences + to_images)
