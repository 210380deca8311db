"""Projected gradient descent: a model that keeps its answers under the worst small shift of its input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.predictor import modality_of
from pellucid.predictors.forward import Forward
from pellucid.registry import objectives
from pellucid.training.objectives.balls import BALLS
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step

_WAY = 2.5
"""Radii that all steps go together: enough to cross the ball from any start, and to correct the course (Madry et al. 2018)."""


@objectives.register("pgd")
@dataclass(frozen=True)
class ProjectedGradientDescent(Facts):
    """The loss where the features of each case are shifted, within a small ball, to where it is high.

    The shift starts at a random point of the ball and climbs by steps of 2.5 radii over their number, each followed by the
    projection onto the ball. The search runs in evaluation mode and moves nothing but the shift; the loss is that of one more
    pass in training mode, with a dropout of its own. All of it computes in float32, since half precision would round a small
    shift away. Padding is not shifted, and but for the draw of the start no case's shift depends on its batch mates.

    Attributes:
        radius: in standard deviations of the case's features, over all values of its tokens; 0 gives the loss as it is. A row
            of a table is in standard deviations of the training cases already, and each of its values moves by the radius: its
            own values are of different things, and how they spread says nothing.
        steps: of the search; 0 keeps the random start, which is noise of the same size.
        norm: "linf" bounds every value of the shift and climbs by the signs of the gradient; "l2" bounds the root mean square
            of each token's shift and climbs along the token's gradient. Both move a token equally far at most.
    """

    name: ClassVar[str] = "pgd"
    weight = 0.5
    cites = "Madry et al. 2018; Edin et al. 2024, section 3 (PGD)"

    radius: float = 0.05
    steps: int = 3
    norm: str = "linf"

    def __post_init__(self) -> None:
        _demand("radius", self.radius, "at least 0", math.isfinite(self.radius) and self.radius >= 0)
        _demand("steps", self.steps, "a whole number of at least 0", isinstance(self.steps, int) and self.steps >= 0)
        _demand("norm", self.norm, " or ".join(BALLS), self.norm in BALLS)

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        return _shifted_loss(step, self.shift(step))

    def shift(self, step: Step) -> Float[Tensor, "M R d"]:
        """The shift that the search ends with; it is part of no graph."""
        ball, clean = BALLS[self.norm], step.clean
        size = torch.ones_like(clean.logits[:, 0]) if modality_of(step.model) == "table" else deviations(clean)
        limit = self.radius * size.detach()[clean.case][:, None, None] * clean.real[..., None]
        found = ball.start(limit, clean.features.shape[-1])
        with step.still():
            for _ in range(self.steps):
                ascent = ball.climb(_gradient(step, found))
                found = ball.project(found + _WAY / self.steps * limit * ascent, limit)
        return found


def deviations(clean: Forward) -> Float[Tensor, " B"]:
    """Standard deviation of each case's features, over all values of its tokens."""
    blocks = torch.bincount(clean.case, minlength=len(clean.logits)).tolist()
    features = clean.features.detach().float().split(blocks)
    return torch.stack([x[real].std(correction=0) for x, real in zip(features, clean.real.split(blocks), strict=True)])


def _gradient(step: Step, shift: Float[Tensor, "M R d"]) -> Float[Tensor, "M R d"]:
    """Of the loss with respect to the shift; none reaches the weights."""
    shift = shift.clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(_shifted_loss(step, shift), shift)[0]


def _shifted_loss(step: Step, shift: Float[Tensor, "M R d"]) -> Float[Tensor, ""]:
    """The loss at a shift of the features, in float32."""
    with torch.autocast(step.model.device.type, enabled=False):
        return step.loss(step.model.forward(step.batch, shift).logits)


def _demand(name: str, value: object, allowed: str, holds: bool) -> None:
    if not holds:
        raise PellucidError(f"The objective 'pgd' has {name}={value}; it must be {allowed}.")
