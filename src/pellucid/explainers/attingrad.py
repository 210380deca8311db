"""AttInGrad: label attention times input-times-gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.explainers.attention import attention_readings
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import Reduction, products
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("attingrad_signed", reduce="sum")
@explainers.register("attingrad")
@dataclass(frozen=True)
class AttInGrad(Facts):
    """Label attention times input x gradient: `A_i * || x_i * d logit / d x_i ||_2`, or with the signed sum.

    Where attention rests on a separator, the gradient is small; where the gradient is noise, attention is small. The advantage
    depends on label-wise attention: with the attention of an ordinary classifier it was not found (Edin et al. 2025, NAOPC).

    Cost: that of input x gradient, less the chunks that a label does not attend to.

    Args:
        reduce: "l2" (as in the paper; no sign) or "sum".
    """

    reduce: Reduction = "l2"
    needs = ("label_attention",)
    cites = "Edin et al. 2024, section 4 (AttInGrad)"

    @property
    def name(self) -> str:
        return "attingrad" if self.reduce == "l2" else "attingrad_signed"

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.reduce == "sum"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        attention = [r.attention for r in attention_readings(predictor, batch, targets, self.name)]
        found = products(predictor, batch, targets, weights=attention)
        return [
            attribute(self, predictor, batch, i, targets, a * p.reduced(self.reduce)[:, : a.shape[1]])
            for i, (a, p) in enumerate(zip(attention, found, strict=True))
        ]
