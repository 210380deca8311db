"""Gaze: the Grad-CAM of a label is taught to be as people looked, beyond where they always look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.registry import objectives
from pellucid.training.objectives.base import risen
from pellucid.training.objectives.explanations import cam, correlation
from pellucid.training.objectives.guidance import Guide, divergence, mean_density, over_cells
from pellucid.training.objectives.guided import Marked
from pellucid.training.objectives.reliance import Reliance
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable
from pellucid.units import PixelUnits

BEYOND = 0.05
"""By how much a map is to be more like the gaze of its image than like the mean gaze."""

_LEAST = 1e-4  # deviation of a map over its mean, below which it says nothing: rounding must not become a score


@objectives.register("gaze")
@dataclass(frozen=True)
class Gaze(Marked):
    """How far the explanation of a label is from where people looked for it, and whether the answer depends on that.

    With e the Grad-CAM as a density over the cells of the last layer with maps (1 % of it spread evenly), Q that of gaze or
    marks, F the fixations by their time, and A the mean of Q over the images of training::

        r * (KL(Q || e) + 1 - CC(Q, e) + nss * relu(margin - NSS(e, F)) + shuffled * relu(CC(A, e) - CC(Q, e) + 0.05))
        + reliance * softplus(s(drop) - max(s(b), 0))

    KL is in nats, CC is Pearson's correlation over cells, NSS the mean of the standardised map at fixations (of marks: inside
    them). The fourth term is 0 only where a map is more like the gaze of its own image than like gaze at large: learning the
    prior does not pay. (A holds the image itself too, which costs nothing here; a measure must leave it out.) The last term is
    the objective "reliance". r rises over the first steps. Of an ensemble it is the mean over members.

    Attributes:
        nss: weight of the third term; `margin` in standard deviations.
        shuffled: weight of the fourth.
        reliance: weight of the last; with 0, maps may move without the answer.
        ramp: share of the run over which r rises to 1; explanations of what has not been learnt yet mean nothing.
    """

    name: ClassVar[str] = "gaze"
    twice = True
    weight = 0.01
    cites = "Zhu et al. 2022 (GG-CAM); Rong et al. 2021; the shuffled term after Bigolin Lanfredi et al. 2021"

    nss: float = 0.1
    margin: float = 1.0
    shuffled: float = 1.0
    reliance: float = 0.5
    ramp: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        self._demand("ramp", "a share below 1", 0 <= self.ramp < 1)
        for field in ("nss", "margin", "shuffled", "reliance"):
            self._demand(field, "at least 0", 0 <= getattr(self, field) < float("inf"))

    def helper(self, model: Trainable, cases: Sequence[Case]) -> nn.Module:
        """The mean gaze of the training images that are guided."""
        units = cast(PixelUnits, model.encode(cases[:1]).units[0])
        return MeanGaze(mean_density(cases, units, self.source))

    def cost(self, step: Step, guide: Guide) -> Float[Tensor, ""]:
        prior = cast(MeanGaze, step.helpers[self.name]).density
        members = range(len(step.clean.members))
        maps = torch.stack([cam(step.clean, member, guide.labels)[guide.rows] for member in members])
        moved = risen(step.progress, self.ramp) * torch.stack([self.mismatch(e, guide, prior) for e in maps]).mean()
        if not self.reliance:
            return moved
        return moved + self.reliance * Reliance(tau=self.tau).cost(step, guide)

    def mismatch(self, maps: Float[Tensor, "G *s"], guide: Guide, prior: Float[Tensor, "*S"]) -> Float[Tensor, " G"]:
        """What lies between maps and gaze."""
        cells = tuple(maps.shape[1:])
        gaze, looks, mean = (over_cells(d, cells).flatten(1) for d in (guide.of_label.density, guide.looks, prior[None]))
        flat = maps.flatten(1)
        alike = correlation(gaze, flat)
        missed = torch.relu(self.margin - scanpath_saliency(flat, looks))
        common = torch.relu(correlation(mean, flat) - alike + BEYOND)
        return divergence(gaze, flat.log()) + 1 - alike + self.nss * missed + self.shuffled * common


class MeanGaze(nn.Module):
    """Where people look in any image, kept with the state of a run."""

    density: Float[Tensor, "*S"]

    def __init__(self, density: Float[Tensor, "*S"]) -> None:
        super().__init__()
        self.register_buffer("density", density)


def scanpath_saliency(maps: Float[Tensor, "G U"], looks: Float[Tensor, "G U"]) -> Float[Tensor, " G"]:
    """The mean of the standardised map where people looked; 0 for an even map.

    Args:
        looks: the share of the time that each cell has.
    """
    beside = maps / maps.mean(1, keepdim=True) - 1
    deviation: Tensor = beside.norm(dim=1) / beside.shape[1] ** 0.5
    return (looks * beside).sum(1) / deviation.clamp(min=_LEAST)
