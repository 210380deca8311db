"""What the model's own attention says: label attention, and label attention times its gradient.

Only models with one attention per label have it (capability `label_attention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.predictor import AttentionReading, Batch, LabelAttention, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target


def attention_readings(predictor: Predictor, batch: Batch, targets: Sequence[Target], who: str) -> list[AttentionReading]:
    """Label attention of every case, computed once a batch.

    Raises:
        CapabilityError: the predictor has no label attention.
    """
    require(predictor, ("label_attention",), who)
    name = ("attention", tuple(targets), predictor.fingerprint)
    if name not in batch.memo:
        batch.memo[name] = cast(LabelAttention, predictor).label_attention(batch, targets)
    return cast(list[AttentionReading], batch.memo[name])


@explainers.register("attention_filtered", filtered=True)
@explainers.register("attention")
@dataclass(frozen=True)
class Attention(Facts):
    """How much the label attends to each token: the probability `A`.

    Cost: the forward pass. It shows where the model looks, not whether what it sees there speaks for the label.

    Args:
        filtered: give nothing to tokens without a letter or digit; much of raw attention rests on separators
            (18 % of the top five tokens in the paper's unsupervised models).
    """

    filtered: bool = False
    needs = ("label_attention",)
    cites = "Mullenbach et al. 2018 (label-wise attention); Edin et al. 2024, section 4"

    @property
    def name(self) -> str:
        return "attention_filtered" if self.filtered else "attention"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for case, reading in enumerate(attention_readings(predictor, batch, targets, self.name)):
            scores = reading.attention.double().cpu().numpy()[:, batch.rows[case]]
            if self.filtered:
                scores = np.where(batch.units[case].is_punctuation, 0.0, scores)
            results.append(attribute(self, predictor, batch, case, targets, scores))
        return results


@explainers.register("attgrad_signed", sign=True)
@explainers.register("attgrad")
@dataclass(frozen=True)
class AttGrad(Facts):
    """Label attention times the gradient of the logit with respect to it: `A |d logit / d A|`, or with its sign.

    Cost: the forward pass; the gradient of the decoder is in closed form. The softmax's own Jacobian is not part of it.
    """

    sign: bool = False
    needs = ("label_attention",)
    cites = "Serrano and Smith 2019; Edin et al. 2024, section 4"

    @property
    def name(self) -> str:
        return "attgrad_signed" if self.sign else "attgrad"

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.sign

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for case, reading in enumerate(attention_readings(predictor, batch, targets, self.name)):
            product = reading.attention * reading.attention_gradient
            results.append(attribute(self, predictor, batch, case, targets, product if self.sign else product.abs()))
        return results
