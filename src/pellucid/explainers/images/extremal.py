"""Extremal perturbation: of all smooth masks that show a given share of the image, the one that keeps the label best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.separable import along, gaussian
from pellucid.explainers.images.versions import pixel_units
from pellucid.predictor import Batch, Filler, Predictor, SoftMasks
from pellucid.predictors.plain import gradient
from pellucid.registry import explainers
from pellucid.target import Target

Variant = Literal["preserve", "delete"]
_TOGETHER = 32
"""Masks that are fitted side by side; a graph for each is held in memory."""


@explainers.register("extremal_perturbation")
@dataclass(frozen=True)
class ExtremalPerturbation(Facts):
    """The mask of a fixed area under which the logit is largest, or without which it is smallest; the mean over areas.

    Maximises `f(m) - weight_t mean((sort(m) - r)^2)` by Adam, where r is 1 for as many of the highest pixels as the area says,
    and 0 for the rest. The weight grows from 0 with the square of the step, so that the model decides first where the mask
    lies: as long as all pixels are equal, their order says nothing. Nothing is drawn at random.

    Unlike in the authors' code, a mask is the sigmoid of a coarse grid interpolated by a Gaussian of one cell, instead of a
    smooth maximum over a grid; the image is not flipped at random; and the optimiser is not momentum descent. A pixel's score
    lies in [0, 1]: the share of areas whose masks show it.

    Cost: `steps` forward and backward passes an area and target; all of them are fitted side by side, 32 at a time.

    Facts: `preserved`, the target on what is left of the image (mean over areas); `area_gap`, the largest difference between
    an area asked for and the one found.

    Args:
        areas: shares of the image, in (0, 1).
        variant: "preserve" keeps what the mask shows, "delete" takes it away.
        steps: of the optimiser.
        rate: of learning, in logits of the mask.
        weight: of the area at the last step, in logits of the model; the authors end near 5,000 after 800 steps.
        grid: cells along each axis; details finer than one are not seen.
        filler: "blur", "mask" or "noise".

    Raises:
        PellucidError: an area outside (0, 1), or steps, rate, weight or grid that are not positive.
        CapabilityError: no gradient comes back through the network.
    """

    areas: tuple[float, ...] = (0.05, 0.1, 0.2)
    variant: Variant = "preserve"
    steps: int = 200
    rate: float = 0.1
    weight: float = 3000.0
    grid: int = 16
    filler: Filler = "blur"
    needs = ("soft_masks",)
    modalities = ("image",)
    cites = "Fong et al. 2019"
    name = "extremal_perturbation"

    def __post_init__(self) -> None:
        if not self.areas or not all(0 < area < 1 for area in self.areas):
            raise PellucidError(f"The areas of extremal perturbation are {self.areas}; give shares between 0 and 1.")
        for field in ("steps", "rate", "weight", "grid"):
            if not getattr(self, field) > 0:
                raise PellucidError(f"The {field} of extremal perturbation is {getattr(self, field)}; it must be positive.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        return [self._explained(predictor, batch, i, targets) for i in range(len(batch))]

    def _explained(self, predictor: Predictor, batch: Batch, case: int, targets: Sequence[Target]) -> Attribution:
        wanted = list(product(range(len(targets)), self.areas))
        blocks = [wanted[i : i + _TOGETHER] for i in range(0, len(wanted), _TOGETHER)]
        found = [self._fitted(predictor, batch, case, targets, block) for block in blocks]
        masks = torch.cat([m for m, _ in found]).unflatten(0, (len(targets), -1)).flatten(2)
        reached = torch.cat([r for _, r in found]).unflatten(0, (len(targets), -1))
        gap = (masks.mean(2) - torch.tensor(self.areas).to(masks)).abs()
        facts = {"preserved": reached.mean(1).cpu().numpy(), "area_gap": gap.amax(1).cpu().numpy()}
        return attribute(self, predictor, batch, case, targets, masks.mean(1).cpu().numpy(), facts)

    @torch.enable_grad()
    def _fitted(
        self, predictor: Predictor, batch: Batch, case: int, targets: Sequence[Target], wanted: Sequence[tuple[int, float]]
    ) -> tuple[Float[Tensor, "M *S"], Float[Tensor, " M"]]:
        """One mask for each pair of a target and an area, and the target under it; float64."""
        like, size = predictor.features(batch).detach(), pixel_units(batch, case).shape
        exact = torch.promote_types(like.dtype, torch.float32)  # a step of the optimiser is too small for half precision
        cells = torch.zeros(len(wanted), *[self.grid] * len(size), dtype=exact, device=like.device, requires_grad=True)
        matrices = [torch.from_numpy(gaussian(self.grid, n)).to(cells) for n in size]
        ideal = _ideal([area for _, area in wanted], int(np.prod(size))).to(cells)
        optimiser = torch.optim.Adam([cells], lr=self.rate)
        for step in range(self.steps):
            masks = torch.sigmoid(along(cells, matrices))
            missed = ((masks.flatten(1).sort(1)[0] - ideal) ** 2).mean(1).double()
            kept = self._scores(predictor, batch, case, masks, targets, wanted)
            reward = kept if self.variant == "preserve" else -kept
            weight = self.weight * (step / max(1, self.steps - 1)) ** 2
            loss = weight * missed - reward if step else -reward  # at first alone, so that a reward without gradient is refused
            cells.grad = gradient(loss.sum(), cells)
            optimiser.step()
        with torch.no_grad():
            masks = torch.sigmoid(along(cells, matrices))
            return masks.double(), self._scores(predictor, batch, case, masks, targets, wanted)

    def _scores(
        self,
        predictor: Predictor,
        batch: Batch,
        case: int,
        masks: Float[Tensor, "M *S"],
        targets: Sequence[Target],
        wanted: Sequence[tuple[int, float]],
    ) -> Float[Tensor, " M"]:
        shown = masks if self.variant == "preserve" else 1 - masks
        scores = cast(SoftMasks, predictor).masked_scores(batch, case, shown, self.filler, targets)
        return scores[torch.arange(len(wanted)), [target for target, _ in wanted]]


def _ideal(areas: Sequence[float], pixels: int) -> Float[Tensor, "M U"]:
    """Sorted masks of these areas that hide or show each pixel wholly."""
    shown = torch.tensor([round(area * pixels) for area in areas])
    return (torch.arange(pixels) >= pixels - shown[:, None]).double()
