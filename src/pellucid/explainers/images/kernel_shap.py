"""KernelSHAP for images: Shapley values of superpixels or patches."""

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
from pellucid.explainers.kernel_shap import shapley_coalitions, shapley_values
from pellucid.predictor import Batch, Filler, Modality, Predictor
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import RegionKind


@explainers.register("kernel_shap_patch", unit="patch")
@explainers.register("kernel_shap_superpixel", unit="superpixel")
@dataclass(frozen=True)
class RegionKernelShap(Facts):
    """What each region adds to the logit, averaged over all orders in which regions could be put into an empty image.

    Coalitions and fit are those of :class:`pellucid.explainers.kernel_shap.KernelShap`: exact where all 2^n - 2 coalitions fit
    into `samples` (eight regions need 254), else from coalitions drawn with their complements. Scores add up to f(x) - f(x')
    but for rounding, where x' is the image with every pixel replaced by the filler. A region's value is shared evenly among its
    pixels.

    Cost: `samples` + 2 forward passes, for all targets together.

    Facts: `completeness_gap`; `samples`, the coalitions scored.

    Args:
        unit: "superpixel" or "patch" (boxes of a grid).
        regions: about how many.
        samples: coalitions at most; None for eight a region, at least 128.
        filler: "mask", "blur" or "noise"; or "inpaint", of which nobody is the mean colour.
        seed: of the coalitions, which depend on it, on the case's id and on the number of regions, never on the targets.

    Raises:
        PellucidError: no regions, or fewer than two samples.
    """

    unit: RegionKind = "superpixel"
    regions: int = 64
    samples: int | None = None
    filler: Filler = "mask"
    seed: int = 0
    signed = True
    stochastic = True
    modalities: ClassVar[tuple[Modality, ...]] = ("image",)
    cites = "Lundberg and Lee 2017, theorem 2; Covert and Lee 2021 (paired coalitions)"

    def __post_init__(self) -> None:
        check_regions(self.regions)
        check_samples(self.samples)

    @property
    def name(self) -> str:
        return f"kernel_shap_{self.unit}"

    @property
    def complete(self) -> bool:  # type: ignore[override]
        return self.filler in ("mask", "inpaint")  # the reference of the contract is the image of the mean colour

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        def draw(players: Players, rng: np.random.Generator) -> Coalitions:
            return shapley_coalitions(players, budget(self.samples, len(players)), rng)

        about = ("kernel_shap", self.samples)
        games = play_regions(predictor, batch, targets, self.unit, self.regions, self.filler, self.seed, draw, about)
        results = []
        for i, game in enumerate(games):
            values = shapley_values(game)
            facts = {
                "completeness_gap": game.everyone - game.nobody - values.sum(1),
                "samples": np.full(len(targets), float(len(game.coalitions))),
            }
            results.append(attribute(self, predictor, batch, i, targets, game.players.spread(values), facts))
        return results
