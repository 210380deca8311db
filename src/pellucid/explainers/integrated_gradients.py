"""Integrated gradients, with the factor (x - x') and with its completeness gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import rows_of
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("integrated_gradients")
@dataclass(frozen=True)
class IntegratedGradients(Facts):
    """The gradient of the logit, integrated on the way from an all-masked note to the note.

    `sum_d (x - x')_d * integral of d logit / d x_d along the straight line from x' to x`, summed over the embedding axis.
    x' is the embedding of the note with every token replaced by the mask token. Scores add up to f(x) - f(x') but for the fact
    `completeness_gap` (what is missing, in logits), which a larger `steps` makes smaller.

    Cost: `steps` forward passes, each shared by all targets, and the backward passes of the chunks that matter.

    Args:
        steps: nodes of the Gauss-Legendre rule.
    """

    steps: int = 24
    signed = True
    complete = True
    cites = "Sundararajan et al. 2017, equation 1"

    @property
    def name(self) -> str:
        return "integrated_gradients"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        x, reference = predictor.features(batch), predictor.reference(batch)
        scores = self._integral(predictor, batch, targets, x, reference)
        with torch.no_grad():
            change = predictor.scores(x, batch, targets) - predictor.scores(reference, batch, targets)
        gap = (change.double() - scores.sum(-1)).cpu().numpy()
        return [
            attribute(self, predictor, batch, i, targets, scores[i], {"completeness_gap": gap[i]}) for i in range(len(batch))
        ]

    @torch.no_grad()
    def _integral(
        self, predictor: Predictor, batch: Batch, targets: Sequence[Target], x: Tensor, reference: Tensor
    ) -> Float[Tensor, "B K L"]:
        """The sum over nodes, one embedding-reduced map at a time, in float64."""
        difference = x - reference
        total = torch.zeros(len(batch), len(targets), x.shape[1], dtype=torch.float64, device=x.device)
        nodes, weights = np.polynomial.legendre.leggauss(self.steps)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            for piece in predictor.feature_gradients(batch, targets, reference + float(node) * difference):
                rows = rows_of(piece)
                share = (difference[piece.case][rows] * piece.gradient).sum(-1)
                total[piece.case][piece.targets[:, None], rows] += float(weight) * share.double()
        return total
