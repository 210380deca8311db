"""Score-CAM: feature maps weighted by what the model says of the image seen through each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.maps import positive, readings, size_of, to_pixels
from pellucid.predictor import Batch, Predictor, SoftMasks, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("score_cam")
@dataclass(frozen=True)
class ScoreCam(Facts):
    """Maps weighted by the logit of the image that shows through them: `relu(sum_d w_d A_d)`, where w is the softmax over maps
    of `f(x * H_d)` and `H_d` is the map at the size of the image, stretched to [0, 1].

    What does not show through is the mean colour. A map that is the same everywhere hides nothing and weighs nothing. The
    paper's baseline f(x') is left out, as it cancels in the softmax.

    Cost: one forward pass a map of the layer (64 to 2,048 of them), for all targets together; masks are made a few at a time.

    Args:
        layer: whose maps are read; the last one with maps if None.
        at_once: how many masks are in memory.
    """

    layer: str | None = None
    at_once: int = 32
    needs = ("feature_maps", "soft_masks")
    modalities = ("image",)
    cites = "Wang et al. 2020, equations 5 to 7 and algorithm 1"
    name = "score_cam"

    def __post_init__(self) -> None:
        if self.at_once < 1:
            raise PellucidError(f"Score-CAM cannot keep {self.at_once} masks in memory; give at least 1.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        found = readings(predictor, batch, targets[:1], self.layer, self.name)
        results = []
        for case, reading in enumerate(found):
            weights = self._weights(cast(SoftMasks, predictor), batch, case, reading.activations, targets)
            maps = torch.tensordot(weights, reading.activations.double(), dims=1)
            results.append(attribute(self, predictor, batch, case, targets, positive(maps, batch, case)))
        return results

    @torch.no_grad()
    def _weights(
        self, predictor: SoftMasks, batch: Batch, case: int, maps: Float[Tensor, "D *s"], targets: Sequence[Target]
    ) -> Float[Tensor, "K D"]:
        """Of each target for each map; they sum to 1, or are 0 where no map differs from place to place."""
        logits = torch.full((len(targets), len(maps)), -torch.inf, dtype=torch.float64, device=maps.device)
        varying = _varying(maps)
        if not len(varying):
            return torch.zeros_like(logits)
        for block in varying.split(self.at_once):
            masks = _stretched(to_pixels(maps[block], size_of(batch, case)))
            logits[:, block] = predictor.masked_scores(batch, case, masks, "mask", targets).T
        return torch.softmax(logits, 1)


def _varying(maps: Float[Tensor, "D *s"]) -> Tensor:
    """Which maps are not the same everywhere."""
    flat = maps.flatten(1)
    return (flat.amax(1) > flat.amin(1)).nonzero()[:, 0]


def _stretched(maps: Float[Tensor, "P *S"]) -> Float[Tensor, "P *S"]:
    """Each map from 0 at its least to 1 at its greatest; zero where interpolation has levelled it."""
    shape = (-1, *[1] * (maps.dim() - 1))
    low, high = (edge.view(shape) for edge in (maps.flatten(1).amin(1), maps.flatten(1).amax(1)))
    return (maps - low) / (high - low).where(high > low, 1.0)
