"""Input times gradient, shared by every method that is made of it.

One pass over the gradient pieces gives both reductions over the embedding axis: the Euclidean norm (which has no sign) and the
sum (which has). Whichever method asks first leaves them in the batch's memo for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.predictor import Batch, GradientPiece, Predictor
from pellucid.target import Target

Reduction = Literal["l2", "sum"]


@dataclass(frozen=True, eq=False)
class Products:
    """`x * d target / d x` of one case, reduced over the embedding axis."""

    l2: Float[Tensor, "K L"]
    sum: Float[Tensor, "K L"]

    def reduced(self, how: Reduction) -> Float[Tensor, "K L"]:
        """One of the two."""
        return self.l2 if how == "l2" else self.sum


def products(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    weights: Sequence[Float[Tensor, "K L"]] | None = None,
) -> list[Products]:
    """Input times gradient for all targets on all cases.

    Args:
        weights: what the products will be multiplied by; entries that cannot matter after that may come out as zero.
    """
    exact = ("products", tuple(targets), predictor.fingerprint)
    name = exact if weights is None or exact in batch.memo else (*exact, "weighted")
    if name not in batch.memo:
        batch.memo[name] = _compute(predictor, batch, targets, weights)
    return cast(list[Products], batch.memo[name])


def rows_of(piece: GradientPiece) -> Tensor:
    """The feature rows of each block of a piece, M x C."""
    return piece.starts[:, None] + torch.arange(piece.gradient.shape[1], device=piece.starts.device)


@torch.no_grad()
def _compute(
    predictor: Predictor, batch: Batch, targets: Sequence[Target], weights: Sequence[Float[Tensor, "K L"]] | None
) -> list[Products]:
    features = predictor.features(batch)
    shape = (len(targets), features.shape[1])
    results = [Products(features.new_zeros(shape), features.new_zeros(shape)) for _ in batch.cases]
    for piece in predictor.feature_gradients(batch, targets, weights=weights):
        rows = rows_of(piece)
        product = features[piece.case][rows] * piece.gradient
        place = piece.targets[:, None], rows
        results[piece.case].l2[place] = product.norm(dim=-1)
        results[piece.case].sum[place] = product.sum(-1)
    return results
