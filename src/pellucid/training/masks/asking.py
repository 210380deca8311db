"""What a training step asks of a mask network: a target and an area for each image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_PREDICTED = 1 / 3  # of the targets that are not absent ones: two true labels for each that the model predicts


@dataclass(frozen=True)
class Questions:
    """One question an image.

    Attributes:
        labels: what is asked about.
        absent: whether the image neither has nor is predicted to have it; nothing is then to be marked.
        areas: largest share of the image to mark.
    """

    labels: Int[Tensor, " B"]
    absent: Bool[Tensor, " B"]
    areas: Float[Tensor, " B"]


def questions(
    truth: Bool[Tensor, "B C"],
    predicted: Bool[Tensor, "B C"],
    absent: float,
    budgets: tuple[float, float],
    generator: torch.Generator | None = None,
) -> Questions:
    """Targets: half of them true labels, a quarter predicted ones, a quarter absent ones (with `absent` = 1/4).

    An image without a true label is asked about a predicted one, without either about an absent one, and where none is absent
    about one that it has.

    Args:
        predicted: which labels the model assigns.
    """
    count = len(truth)
    draw = torch.rand((4, count), generator=generator).to(truth.device)
    gone = ~(truth | predicted)
    wanted = [
        torch.where((draw[0] < absent)[:, None], gone, torch.where((draw[1] < _PREDICTED)[:, None], predicted, truth)),
        truth,
        predicted,
        gone,
    ]
    pool = wanted[0]
    for other in wanted[1:]:
        pool = torch.where(pool.any(1, keepdim=True), pool, other)
    ranks = torch.rand(truth.shape, generator=generator).to(truth.device).masked_fill(~pool, -1.0)
    labels = ranks.argmax(1)
    return Questions(labels, gone.gather(1, labels[:, None])[:, 0], log_uniform(draw[2], budgets))


def weight_of_absent(unlabelled: float, absent: float) -> float:
    """What a question about an absent target counts, so that all of them count at most as much as all others.

    Where most images show nothing, nearly every question is about something absent. At full weight these empty the masks
    before they have learnt anything, and empty masks are a state that training does not leave.

    Args:
        unlabelled: share of the images that have no label, in [0, 1]; what a model sees there is not counted.
        absent: as of :func:`questions`.

    Returns:
        A weight in (0, 1]: 1 where such questions are no majority, and where no image has a label.
    """
    shown = (1 - unlabelled) * (1 - absent)
    return min(1.0, shown / (1 - shown)) if 0 < shown < 1 else 1.0


def log_uniform(draw: Float[Tensor, "*N"], budgets: tuple[float, float]) -> Float[Tensor, "*N"]:
    """Numbers in [0, 1] to areas whose logarithm is even between the budgets."""
    low, high = math.log(budgets[0]), math.log(budgets[1])
    return torch.exp(low + (high - low) * draw)


def true_columns(truth: Bool[Tensor, "B C"], logits: Float[Tensor, "B C"]) -> Int[Tensor, " B"]:
    """For each image the true label of which the model is surest; without any, the label of which it is surest."""
    known = torch.where(truth.any(1, keepdim=True), truth, torch.ones_like(truth))
    return logits.masked_fill(~known, -math.inf).argmax(1)
