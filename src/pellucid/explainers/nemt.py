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


def weights(areas: Sequence[float]) -> Float[np.ndarray, " A"]:
    """What the mask of each area counts in an explanation: in inverse proportion to its area, 1 in all.

    Masks that fill their areas then have the same say, and a small one is not lost in the sum of large ones.
    """
    inverse = 1 / np.asarray(areas, dtype=np.float64)
    return np.asarray(inverse / inverse.sum())


@explainers.register("nemt")
@dataclass(frozen=True)
class Nemt(Facts):
    """What a trained mask network marks for the target: the mean of its masks of several areas, in [0, 1].

    Each mask marks at most its area. What is in the smaller ones counts several times, and they count more (see
    :func:`weights`).

    Cost: one forward pass and one pass of the decoder. Targets share the first, areas nearly all of the second.

    Facts: `area`, the mean of the scores; near 0 where the network sees nothing that speaks for the target.

    Args:
        areas: largest shares of the image to mark, each in (0, 1].

    Raises:
        PellucidError: an area is not a share.
    """

    areas: tuple[float, ...] = AREAS
    needs = ("mask_network",)
    modalities = ("image",)
    cites = "Moeller et al. 2025 (NEMt), conditioned on target and area; Fong et al. 2019 (areas)"
    name = "nemt"

    def __post_init__(self) -> None:
        if not self.areas or not all(0 < area <= 1 for area in self.areas):
            raise PellucidError(f"The areas of nemt are {self.areas}; give shares of the image above 0 and at most 1.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        model: Any = predictor
        masks = model.evidence_masks(batch, targets, self.areas).flatten(3).double().cpu().numpy()
        scores = np.einsum("a,bkau->bku", weights(self.areas), masks)
        return _attributions(self, predictor, batch, targets, scores, model.maskers["nemt"].digest)


@explainers.register("nemt2025_legacy", legacy=True)
@explainers.register("nemt2025")
@dataclass(frozen=True)
class Nemt2025(Facts):
    """What the one mask of a published mask network (preset nemt2025) removes, scaled to [0, 1]; the same for every target.

    The network knows neither target nor area. A constant mask explains nothing and gives zeros.

    Cost: one forward pass and one pass of the decoder.

    Facts: `area`, the mean of the scores.

    Args:
        legacy: average the mask with random weights, as the released code does at every call.
        seed: of these weights, which depend on it and on the case's id.
    """

    legacy: bool = False
    seed: int = 0
    needs = ("published_mask_network",)
    modalities = ("image",)
    cites = "Moeller et al. 2025 (NEMt)"

    @property
    def name(self) -> str:
        return "nemt2025_legacy" if self.legacy else "nemt2025"

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        return self.legacy

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        model: Any = predictor
        seed = self.seed if self.legacy else None
        masks = model.evidence_masks(batch, targets, (1.0,), "nemt2025", seed)[:, :, 0].flatten(2).double().cpu().numpy()
        return _attributions(self, predictor, batch, targets, _spanned(masks), model.maskers["nemt2025"].digest)


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
        return _kept(self, predictor, batch, targets)


@explainers.register("nem_u_text")
@dataclass(frozen=True)
class NemUText(Facts):
    """What a trained mask network keeps so that the image still fits the sentence, in [0, 1]: NEM-U, prompted by text.

    The network was trained on sentences of reports, without labels and without places, and is told a sentence by its embedding:
    any sentence can be asked. A label of the model stands for its sentence, whatever its opposite is.

    Cost: one forward pass, one of the text encoder and one pass of the decoder; sentences share the first.

    Facts: `area`, the mean of the scores; near 0 where nothing in the image speaks for the sentence.

    Raises:
        PellucidError: a target is a contrast.
    """

    needs = ("sentence_mask_network",)
    modalities = ("image",)
    cites = "ours, after Moeller et al. 2024 (NEM-U) and Moeller et al. 2025 (NEMt)"
    name = "nem_u_text"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        return _kept(self, predictor, batch, targets)


def _kept(explainer: NemU | NemUText, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
    """The one mask of each target by the network that has the explainer's name."""
    model: Any = predictor
    masks = model.evidence_masks(batch, targets, (1.0,), explainer.name)[:, :, 0].double().flatten(2).cpu().numpy()
    return _attributions(explainer, predictor, batch, targets, masks, model.maskers[explainer.name].digest)


def _attributions(
    explainer: Nemt | Nemt2025 | NemU | NemUText,
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
