"""NEMt and NEM-U: masks by a network that was trained for the model, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target

AREAS = (0.02, 0.05, 0.1, 0.2, 0.4)


@explainers.register("nemt_legacy", legacy=True)
@explainers.register("nemt")
@dataclass(frozen=True)
class Nemt(Facts):
    """What a trained mask network marks for the target: the mean of its masks of several areas, in [0, 1].

    Each mask marks at most its area, and what is in the smaller ones counts several times: the mean is a ranking. Of a network
    that knows neither target nor area (preset nemt2025), the explanation is what its one mask removes, scaled to [0, 1] as
    published; a constant mask explains nothing and gives zeros.

    Cost: one forward pass and one pass of the decoder. Targets share the first, areas nearly all of the second.

    Facts: `area`, the mean of the scores; near 0 where the network sees nothing that speaks for the target.

    Args:
        areas: largest shares of the image to mark, each in (0, 1].
        legacy: average the mask of a nemt2025 network with random weights, as the released code does at every call.
        seed: of these weights, which depend on it and on the case's id.

    Raises:
        PellucidError: an area is not a share.
    """

    areas: tuple[float, ...] = AREAS
    legacy: bool = False
    seed: int = 0
    needs = ("mask_network",)
    modalities = ("image",)
    cites = "Moeller et al. 2025 (NEMt), conditioned on target and area; Fong et al. 2019 (areas)"

    def __post_init__(self) -> None:
        if not self.areas or not all(0 < area <= 1 for area in self.areas):
            raise PellucidError(f"The areas of nemt are {self.areas}; give shares of the image above 0 and at most 1.")

    @property
    def name(self) -> str:
        return "nemt_legacy" if self.legacy else "nemt"

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        return self.legacy

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        model: Any = predictor
        seed = self.seed if self.legacy else None
        masks = model.evidence_masks(batch, targets, self.areas, "nemt", seed).mean(2).flatten(2).double().cpu().numpy()
        network = model.maskers["nemt"]
        shown = _spanned(masks) if network.settings.kind == "deletion" else masks
        return _attributions(self, predictor, batch, targets, shown, network.digest)


@explainers.register("nem_u")
@dataclass(frozen=True)
class NemU(Facts):
    """What a trained mask network keeps so that the model's embedding stays as it is, in [0, 1]; the same for every target.

    Cost: one forward pass and one pass of the decoder.

    Facts: `area`, the mean of the scores.
    """

    needs = ("embedding_mask_network",)
    modalities = ("image",)
    cites = "Moeller et al. 2024 (NEM-U); Moeller et al. 2025, equation 1"
    name = "nem_u"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        model: Any = predictor
        masks = model.evidence_masks(batch, targets, (1.0,), "nem_u")[:, :, 0].double().flatten(2).cpu().numpy()
        return _attributions(self, predictor, batch, targets, masks, model.maskers["nem_u"].digest)


def _attributions(
    explainer: Nemt | NemU,
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    scores: Float[np.ndarray, "B K U"],
    network: str,
) -> list[Attribution]:
    """One attribution a case; its settings name the mask network, which the model's fingerprint does not cover."""
    results = []
    for case, rows in enumerate(scores):
        said = attribute(explainer, predictor, batch, case, targets, rows, {"area": rows.mean(1)})
        results.append(replace(said, settings={**said.settings, "network": network}))
    return results


def _spanned(masks: Float[np.ndarray, "B K U"]) -> Float[np.ndarray, "B K U"]:
    """Each mask scaled to reach from 0 to 1; zeros where it is constant."""
    low, high = masks.min(2, keepdims=True), masks.max(2, keepdims=True)
    return np.asarray((masks - low) / np.where(high > low, high - low, 1.0))
