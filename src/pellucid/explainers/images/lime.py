"""LIME for images: a local linear model over superpixels or patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.coalitions import Coalitions, Players, budget, check_samples
from pellucid.explainers.images.cutting import check_regions
from pellucid.explainers.images.games import play_regions
from pellucid.explainers.lime import check_fit, local_model, neighbours
from pellucid.predictor import Batch, Filler, Modality, Predictor
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import RegionKind


@explainers.register("lime_patch", unit="patch")
@explainers.register("lime_superpixel", unit="superpixel")
@dataclass(frozen=True)
class RegionLime(Facts):
    """Slopes of a ridge regression of the logit on the presence of each region, weighted by nearness to the image.

    Samples, weights and fit are those of :class:`pellucid.explainers.lime.Lime`, so that a number of regions drawn evenly goes
    (the authors' code for images tosses a coin for each region, which leaves nearly half of them in all samples). A region's
    slope is shared evenly among its pixels.

    Cost: `samples` + 1 forward passes and one more, for all targets together.

    Facts: `fit`, the weighted R^2 of the local model, at most 1 (1 where the logit never changes); `samples`.

    Args:
        unit: "superpixel" or "patch" (boxes of a grid).
        regions: about how many.
        samples: versions that are scored, the image itself included; None for eight a region, at least 128.
        width: of the kernel.
        ridge: penalty on the squared slopes.
        filler: "mask", "blur", "noise" or "inpaint".
        seed: of the samples, which depend on it, on the case's id and on the number of regions, never on the targets.

    Raises:
        PellucidError: no regions, fewer than two samples, or a width or penalty that is not positive.
    """

    unit: RegionKind = "superpixel"
    regions: int = 64
    samples: int | None = None
    width: float = 0.25
    ridge: float = 1.0
    filler: Filler = "mask"
    seed: int = 0
    signed = True
    stochastic = True
    modalities: ClassVar[tuple[Modality, ...]] = ("image",)
    cites = "Ribeiro et al. 2016"

    def __post_init__(self) -> None:
        check_regions(self.regions)
        check_samples(self.samples)
        check_fit(self.width, self.ridge)

    @property
    def name(self) -> str:
        return f"lime_{self.unit}"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        def draw(players: Players, rng: np.random.Generator) -> Coalitions:
            return neighbours(players, budget(self.samples, len(players)), self.width, rng)

        about = ("lime", self.samples)
        games = play_regions(predictor, batch, targets, self.unit, self.regions, self.filler, self.seed, draw, about)
        results = []
        for i, game in enumerate(games):
            slopes, agreement = local_model(game, self.ridge)
            facts = {"fit": agreement, "samples": np.full(len(targets), float(len(game.coalitions)))}
            results.append(attribute(self, predictor, batch, i, targets, game.players.spread(slopes), facts))
        return results
