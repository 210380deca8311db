"""AttInGrad: label attention times input-times-gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.attention import attention_readings, without_punctuation
from pellucid.explainers.base import Facts, attribute, over_units
from pellucid.explainers.products import Reduction, products
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("attingrad_filtered", filtered=True)
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
        filtered: give nothing to tokens without a letter or digit, the paper's filter after the fact.
    """

    reduce: Reduction = "l2"
    filtered: bool = False
    needs = ("label_attention",)
    cites = "Edin et al. 2024, section 4 (AttInGrad)"

    def __post_init__(self) -> None:
        if self.reduce not in ("l2", "sum") or (self.filtered and self.reduce != "l2"):
            raise PellucidError(
                f"AttInGrad knows reduce='l2', with or without filtered, and reduce='sum'; not reduce={self.reduce!r}"
                f"{' with filtered' if self.filtered else ''}."
            )

    @property
    def name(self) -> str:
        return "attingrad" + ("_signed" if self.reduce == "sum" else "") + ("_filtered" if self.filtered else "")

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.reduce == "sum"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        attention = [r.attention for r in attention_readings(predictor, batch, targets, self.name)]
        found = products(predictor, batch, targets, weights=attention)
        results = []
        for case, (a, p) in enumerate(zip(attention, found, strict=True)):
            scores = over_units(batch, case, a * p.input.by(self.reduce)[:, : a.shape[1]])
            scores = without_punctuation(batch, case, scores) if self.filtered else scores
            results.append(attribute(self, predictor, batch, case, targets, scores))
        return results
