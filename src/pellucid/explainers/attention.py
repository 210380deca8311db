"""What the model's own attention says: label attention, alone, times its gradient, and times the values that it reads.

Only models with one attention per label have it (capability `label_attention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute, over_units
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


def without_punctuation(batch: Batch, case: int, scores: Float[np.ndarray, "K U"]) -> Float[np.ndarray, "K U"]:
    """The scores of one case with nothing on units that have neither letter nor digit."""
    return np.where(batch.units[case].is_punctuation, 0.0, scores)


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
            scores = over_units(batch, case, reading.attention)
            scores = without_punctuation(batch, case, scores) if self.filtered else scores
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


@explainers.register("score_gradient_signed", sign=True)
@explainers.register("score_gradient")
@dataclass(frozen=True)
class ScoreGradient(Facts):
    """The gradient of the logit with respect to the attention score before the softmax: `|d logit / d S|`, or with its sign.

    The sibling of AttGrad that knows the softmax: `d logit / d S_i = A_i (d logit / d A_i - sum_j A_j d logit / d A_j)`. More
    attention to one token is less to all others, so a token counts by how much better than the average its value is.

    Cost: the forward pass; the gradient of the decoder is in closed form.
    """

    sign: bool = False
    needs = ("label_attention",)
    cites = "the derivative of label-wise attention (Mullenbach et al. 2018) through its softmax"

    @property
    def name(self) -> str:
        return "score_gradient_signed" if self.sign else "score_gradient"

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.sign

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for case, reading in enumerate(attention_readings(predictor, batch, targets, self.name)):
            scores = reading.score_gradient if self.sign else reading.score_gradient.abs()
            results.append(attribute(self, predictor, batch, case, targets, scores))
        return results


@explainers.register("value_norm")
@dataclass(frozen=True)
class ValueNorm(Facts):
    """Label attention times the length of what it reads: `A_i || V_i ||_2`.

    A token that is attended to but whose value is short, as that of a separator often is, adds little.

    Cost: the forward pass.
    """

    needs = ("label_attention",)
    cites = "Kobayashi et al. 2020"
    name = "value_norm"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        readings = attention_readings(predictor, batch, targets, self.name)
        return [attribute(self, predictor, batch, i, targets, r.value_norm) for i, r in enumerate(readings)]
