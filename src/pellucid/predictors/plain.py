"""The plain defaults of the two seams of a predictor: obvious, slow, right.

A predictor without special structure uses them as they are; one that exploits its structure is tested against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.errors import CapabilityError
from pellucid.predictor import Batch, Filler, GradientPiece, Predictor
from pellucid.target import Target


@torch.no_grad()
def perturbed_scores(
    predictor: Predictor, batch: Batch, keep: Sequence[Bool[np.ndarray, "P U"]], filler: Filler, targets: Sequence[Target]
) -> list[Float[np.ndarray, "P K"]]:
    """Perturb, encode and score one version after the other. Cost: P whole forward passes a case."""
    results = []
    for case, masks in zip(batch.cases, keep, strict=True):
        alone = predictor.encode([case])
        rows = []
        for mask in masks:
            perturbed = predictor.perturb(alone, [mask], filler)
            rows.append(predictor.scores(predictor.features(perturbed), perturbed, targets)[0])
        results.append(torch.stack(rows).double().cpu().numpy() if rows else np.zeros((0, len(targets))))
    return results


def feature_gradients(
    predictor: Predictor, batch: Batch, targets: Sequence[Target], features: Float[Tensor, "B L d"] | None = None
) -> Iterator[GradientPiece]:
    """One forward pass and one backward pass a target; a piece is a whole case. Cost: K backward passes.

    Raises:
        CapabilityError: no gradient comes back through the model.
    """
    at = predictor.features(batch) if features is None else features
    at = at.detach().requires_grad_()
    with torch.enable_grad():  # a consumer may collect pieces without
        sums = predictor.scores(at, batch, targets).sum(0).unbind()
    for k, total in enumerate(sums):
        found = gradient(total, at, again=k + 1 < len(sums))
        for case in range(len(batch)):
            block = torch.tensor([k], device=at.device), torch.tensor([0], device=at.device)
            yield GradientPiece(case, *block, found[case : case + 1])


def gradient(total: Tensor, at: Tensor, *, again: bool = False) -> Tensor:
    """The derivative of a number with respect to a tensor that it was computed from.

    Args:
        again: keep the graph, as others are to be sent back through it.

    Raises:
        CapabilityError: no gradient comes back.
    """
    try:
        found = torch.autograd.grad(total, at, retain_graph=again, allow_unused=True)[0] if total.requires_grad else None
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise CapabilityError(
            "The model computes parts of itself anew by checkpoints that let no gradient be asked for; make them with "
            "use_reentrant=False."
        ) from error
    if found is None:
        raise CapabilityError(
            "No gradient comes back through the model, which detaches what it reads or switches gradients off; choose a method "
            "that perturbs instead, such as occlusion."
        )
    return found
