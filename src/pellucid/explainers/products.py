"""Gradients times what they are gradients of, shared by every method that is made of it.

One pass over the gradient pieces gives the products with the embedding `x` and with its difference to the reference `x - x'`,
each reduced over the embedding axis in both ways: the Euclidean norm (which has no sign) and the sum (which has); and the
length of the gradient itself. Whichever method asks first leaves them in the batch's memo for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.predictor import Batch, GimGradients, GradientPiece, Predictor, require
from pellucid.target import Target

Reduction = Literal["l2", "sum"]


@dataclass(frozen=True, eq=False)
class Reduced:
    """A product of one case, reduced over the embedding axis."""

    l2: Float[Tensor, "K L"]
    sum: Float[Tensor, "K L"]

    def by(self, how: Reduction) -> Float[Tensor, "K L"]:
        """One of the two."""
        return self.l2 if how == "l2" else self.sum


@dataclass(frozen=True, eq=False)
class Products:
    """Products of one case with a gradient `g`.

    Attributes:
        input: `x * g`.
        difference: `(x - x') * g`, x' being the reference (every token masked).
        length: `|| g ||_2`.
    """

    input: Reduced
    difference: Reduced
    length: Float[Tensor, "K L"]


def products(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    weights: Sequence[Float[Tensor, "K L"]] | None = None,
) -> list[Products]:
    """Products with the gradient of all targets on all cases.

    Args:
        weights: what the products will be multiplied by; entries that cannot matter after that may come out as zero.
    """
    exact = ("products", tuple(targets), predictor.fingerprint)
    name = exact if weights is None or exact in batch.memo else (*exact, "weighted")
    if name not in batch.memo:
        pieces = predictor.feature_gradients(batch, targets, weights=weights)
        batch.memo[name] = _collected(predictor, batch, len(targets), pieces)
    return cast(list[Products], batch.memo[name])


def gim_products(predictor: Predictor, batch: Batch, targets: Sequence[Target], temperature: float, who: str) -> list[Products]:
    """Products with what GIM sends back in place of the gradient.

    Raises:
        CapabilityError: the predictor has no such backward pass.
    """
    require(predictor, ("gim_gradients",), who)
    name = ("products", tuple(targets), predictor.fingerprint, "gim", temperature)
    if name not in batch.memo:
        pieces = cast(GimGradients, predictor).gim_gradients(batch, targets, temperature)
        batch.memo[name] = _collected(predictor, batch, len(targets), pieces)
    return cast(list[Products], batch.memo[name])


def rows_of(piece: GradientPiece) -> Tensor:
    """The feature rows of each block of a piece, M x C."""
    return piece.starts[:, None] + torch.arange(piece.gradient.shape[1], device=piece.starts.device)


@torch.no_grad()
def _collected(predictor: Predictor, batch: Batch, targets: int, pieces: Iterable[GradientPiece]) -> list[Products]:
    x = predictor.features(batch)
    difference = x - predictor.reference(batch)
    results = [Products(_nothing(x, targets), _nothing(x, targets), _zeros(x, targets)) for _ in batch.cases]
    for piece in pieces:
        rows = rows_of(piece)
        place, found = (piece.targets[:, None], rows), results[piece.case]
        found.length[place] = piece.gradient.norm(dim=-1)
        for factor, reduced in ((x, found.input), (difference, found.difference)):
            product = factor[piece.case][rows] * piece.gradient
            reduced.l2[place] = product.norm(dim=-1)
            reduced.sum[place] = product.sum(-1)
    return results


def _nothing(x: Tensor, targets: int) -> Reduced:
    return Reduced(_zeros(x, targets), _zeros(x, targets))


def _zeros(x: Tensor, targets: int) -> Float[Tensor, "K L"]:
    return x.new_zeros(targets, x.shape[1])
