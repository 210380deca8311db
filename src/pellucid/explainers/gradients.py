"""Gradients with respect to pixels, samples or measurements, brought down to one number for each as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.explainers.products import rows_of
from pellucid.predictor import Batch, GradientPiece, Predictor

Reduce = Callable[[Float[Tensor, "*N D"]], Float[Tensor, "*N"]]


def largest(gradient: Float[Tensor, "*N D"]) -> Float[Tensor, "*N"]:
    """The largest absolute value over the channels."""
    return gradient.abs().amax(-1)


@torch.no_grad()
def reduced(
    predictor: Predictor, batch: Batch, targets: int, pieces: Iterable[GradientPiece], reduce: Reduce
) -> list[Float[Tensor, "K L"]]:
    """For each case the reduced gradient of every target; zero where no piece speaks of a pixel."""
    results = [x.new_zeros(targets, len(x)) for x in predictor.features(batch)]
    for piece in pieces:
        results[piece.case][piece.targets[:, None], rows_of(piece)] = reduce(piece.gradient)
    return results


@torch.no_grad()
def add(totals: Float[Tensor, "B K L D"], pieces: Iterable[GradientPiece], share: float) -> None:
    """Add a share of each piece to what was there before."""
    for piece in pieces:
        totals[piece.case][piece.targets[:, None], rows_of(piece)] += share * piece.gradient
