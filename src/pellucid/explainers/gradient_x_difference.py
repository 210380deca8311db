"""Gradient times the difference to the reference: one step of integrated gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import Reduction, products
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("released_deeplift", reduce="l2", alias="released_deeplift")
@explainers.register("gradient_x_difference_l2", reduce="l2")
@explainers.register("gradient_x_difference")
@dataclass(frozen=True)
class GradientXDifference(Facts):
    """The first-order effect of masking each token: `sum_d (x - x')_d * (d logit / d x)_d`, or the Euclidean norm instead.

    x' is the embedding of the note with every token replaced by the mask token; of signals and rows it is the mean of all,
    which is 0.

    `released_deeplift` is another name of the norm. The released code of Edin et al. 2024 calls it DeepLIFT: the library that
    it uses has no DeepLIFT rule for the layers of a RoBERTa encoder and falls back on plain gradients, so that what remains is
    this formula. DeepLIFT (Shrikumar et al. 2017) is something else, and is not offered here.

    Cost: that of input x gradient, and nothing more where that was asked for as well.

    Args:
        reduce: "sum" (signed) or "l2".
        alias: the name to go by, if not its own.
    """

    reduce: Reduction = "sum"
    alias: str | None = None
    modalities = ("text", "table", "signal")
    cites = "Shrikumar et al. 2016; Ancona et al. 2018, section 2; Edin et al. 2024 (released code, as DeepLIFT)"

    @property
    def name(self) -> str:
        return self.alias or ("gradient_x_difference" if self.reduce == "sum" else "gradient_x_difference_l2")

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.reduce == "sum"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = products(predictor, batch, targets)
        return [attribute(self, predictor, batch, i, targets, p.difference.by(self.reduce)) for i, p in enumerate(found)]
