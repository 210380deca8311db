"""Integrated gradients as the released code of Edin et al. 2024 computes them: not what the name says, here for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import rows_of
from pellucid.explainers.quadrature import gauss_legendre
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target

_BUDGET = 128 * 2**20
"""Bytes that averaged gradients may take; targets beyond that wait for their turn."""


@explainers.register("released_integrated_gradients")
@dataclass(frozen=True)
class ReleasedIntegratedGradients(Facts):
    """The length of the gradient, averaged on the way from an all-masked note: `|| mean_t d logit / d x ||_2`.

    The mean runs over x' + t (x - x'), x' being the note with every token replaced by the mask token. The factor (x - x') is
    missing, so that nothing is attributed: scores do not add up to anything, and a token that is no different from the mask may
    score as high as any other.

    Cost: `steps` forward passes for every group of targets whose averaged gradients fit into 128 MiB, and the backward passes.

    Args:
        steps: points of the Gauss-Legendre rule.
    """

    steps: int = 50
    cites = "Edin et al. 2024 (released code, as integrated gradients)"
    name = "released_integrated_gradients"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        x, reference = predictor.features(batch), predictor.reference(batch)
        group = max(1, _BUDGET // (x.numel() * x.element_size()))
        parts = [self._lengths(predictor, batch, targets[i : i + group], x, reference) for i in range(0, len(targets), group)]
        lengths = torch.cat(parts, 1)
        return [attribute(self, predictor, batch, i, targets, lengths[i]) for i in range(len(batch))]

    @torch.no_grad()
    def _lengths(
        self, predictor: Predictor, batch: Batch, targets: Sequence[Target], x: Tensor, reference: Tensor
    ) -> Float[Tensor, "B K L"]:
        mean = x.new_zeros(len(batch), len(targets), *x.shape[1:])
        for node, weight in zip(*gauss_legendre(self.steps), strict=True):
            for piece in predictor.feature_gradients(batch, targets, reference + float(node) * (x - reference)):
                mean[piece.case][piece.targets[:, None], rows_of(piece)] += float(weight) * piece.gradient
        return cast(Tensor, mean.norm(dim=-1))
