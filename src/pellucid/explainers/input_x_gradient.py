"""Input times gradient: the first-order effect of each token's embedding, each pixel, sample or measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import Reduction, products
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("input_x_gradient_signed", reduce="sum")
@explainers.register("input_x_gradient")
@dataclass(frozen=True)
class InputXGradient(Facts):
    """Each token's embedding times the gradient of the logit: `|| x_i * d logit / d x_i ||_2`, or the signed sum.

    Cost: one forward pass and, for each target, one backward pass through the chunks that matter to it.

    Args:
        reduce: "l2" (as in the paper; no sign) or "sum".
    """

    reduce: Reduction = "l2"
    modalities = ("text", "image", "table", "signal")
    cites = "Sundararajan et al. 2017, section 3 (as a baseline); Edin et al. 2024, section 4"

    @property
    def name(self) -> str:
        return "input_x_gradient" if self.reduce == "l2" else "input_x_gradient_signed"

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.reduce == "sum"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = products(predictor, batch, targets)
        return [attribute(self, predictor, batch, i, targets, p.input.by(self.reduce)) for i, p in enumerate(found)]
