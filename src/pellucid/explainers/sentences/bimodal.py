"""Relevance between words and regions, followed through the attention of a transformer that reads both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts
from pellucid.explainers.images.relevancy import relevance
from pellucid.explainers.sentences.asking import asked, attributed, sides
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch, JointAttention, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("bimodal_relevancy")
@dataclass(frozen=True)
class BimodalRelevancy(Facts):
    """Relevance of each region to the score: the row that the score reads of `prod_layers (I + mean_heads relu(A * dZ/dA))`,
    last layer first, at the regions and at the pixels.

    In a transformer whose rows are words and regions together, the rules of Chefer et al. for both modalities and between them
    are the blocks of this one product. Models of two towers have no such attention and are refused.

    A contrast of sentences is the difference of their maps, which is signed.

    Cost: for each image and sentence one forward pass with attention written out, and one backward pass.
    """

    needs = ("sentence_alignment", "joint_attention")
    modalities = ("image",)
    cites = "Chefer et al. 2021 (generic attention-model explainability), equations 5 to 7"
    name = "bimodal_relevancy"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=False)
        images, _ = sides(predictor, batch, said.texts)
        maps: Float[Tensor, "B S R"] = torch.zeros(len(batch), len(said.texts), images.regions.shape[1], dtype=torch.float64)
        for reading in cast(JointAttention, predictor).joint_attention(batch, said.texts):
            with torch.no_grad():
                flow = relevance(reading.attention, reading.gradient, reading.readout)
            maps[reading.case, reading.sentence] = flow[reading.items :].cpu()
        mixed = said.weights.to(maps) @ maps
        return [attributed(self, predictor, batch, i, targets, over_pixels(m, images, batch, i)) for i, m in enumerate(mixed)]
