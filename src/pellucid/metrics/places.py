"""The evidence among the pixels that a map puts first: one of them, some of them, or as many as are marked.

Where equal scores leave open which pixels come first, the value is the expectation over random draws among them. So a constant
map stands at the chance level, and neither the corner in which pixels are counted first nor upsampling favours any method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from pellucid.errors import PellucidError
from pellucid.metrics.base import GRIDS, Modalities, Reading
from pellucid.metrics.checked import evidence_of, pixels_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.mass import ARRAS
from pellucid.metrics.top import first_places
from pellucid.registry import metrics

SIDE = 224
"""Pixels along the longest side of the images for which tolerances are named."""


class _Places(Facts):
    modalities: ClassVar[Modalities] = GRIDS


@metrics.register("relevance_rank")
@dataclass(frozen=True)
class RelevanceRank(_Places):
    """Relevance rank accuracy: share of the evidence among the equally many pixels that rank highest.

    Precision and recall are the same number here. Chance level: the share of pixels that are evidence.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    name = "relevance_rank"
    cites = ARRAS

    def __call__(self, reading: Reading) -> float:
        scores, truth = scores_of(reading), evidence_of(reading)
        size = int(truth.sum())
        return first_places(scores, truth, size).expected / size


@metrics.register("pointing_game")
@dataclass(frozen=True)
class PointingGame(_Places):
    """1 if the unit of the highest score lies on the evidence, else 0; of several such units the share that does.

    Its mean over cases is the hit rate. Chance level: the share of units that are evidence, or near it.

    Args:
        tolerance: how far from the evidence still counts, in pixels of an image of 224 a side; scaled to other sizes by the
            longest side, and measured between the centres of pixels. 0 asks for the evidence itself.

    Raises:
        Undefined: no evidence; no units; a score is not finite; the units are no pixels, and there is a tolerance.
        PellucidError: the tolerance is negative.
    """

    tolerance: int = 0
    cites = "Zhang et al. 2018, Top-down neural attention by excitation backprop; ties in expectation"

    def __post_init__(self) -> None:
        if self.tolerance < 0:
            raise PellucidError(f"The pointing game has a tolerance of {self.tolerance} pixels; choose 0 or more.")

    @property
    def name(self) -> str:
        return f"pointing_game_{self.tolerance}" if self.tolerance else "pointing_game"

    def __call__(self, reading: Reading) -> float:
        scores, truth = scores_of(reading), evidence_of(reading)
        first = scores == scores.max()
        return float(self._target(reading, truth)[first].mean())

    def _target(self, reading: Reading, truth: Bool[np.ndarray, " U"]) -> Bool[np.ndarray, " U"]:
        """What counts as a hit."""
        if not self.tolerance:
            return truth
        shape = pixels_of(reading).shape
        return widened(truth.reshape(shape), self.tolerance * max(shape) / SIDE).ravel()


@metrics.register("pointing_game_15")
@dataclass(frozen=True)
class PointingGameNear(PointingGame):
    """The pointing game in which what lies within 15 pixels of the evidence counts too: of images alone.

    Raises:
        Undefined, PellucidError: as for the pointing game.
    """

    tolerance: int = 15
    modalities: ClassVar[Modalities] = ("image",)


@metrics.register("top_intersection_2", percent=2)
@dataclass(frozen=True)
class TopIntersection(_Places):
    """Share of the first pixels that are evidence: of the first `percent` of all, or of as many as are marked if fewer.

    A map that puts the evidence first therefore gets 1, however small the evidence is.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
        PellucidError: the percentage lies outside 0 (exclusive) to 100.
    """

    percent: int = 2
    modalities: ClassVar[Modalities] = ("image", "signal")
    cites = "Theiner et al. 2022, Interpretable semantic photo geolocation; here with k of at most the evidence"

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise PellucidError(f"The first {self.percent} % of all pixels make no set; choose more than 0 and at most 100.")

    @property
    def name(self) -> str:
        return f"top_intersection_{self.percent}"

    def __call__(self, reading: Reading) -> float:
        scores, truth = scores_of(reading), evidence_of(reading)
        k = min(max(1, round(len(scores) * self.percent / 100)), int(truth.sum()))
        return first_places(scores, truth, k).expected / k


def widened(region: Bool[np.ndarray, "*S"], radius: float) -> Bool[np.ndarray, "*S"]:
    """The pixels at most `radius` pixels away from a region of at least one pixel."""
    from scipy.ndimage import distance_transform_edt  # here, since it is slow to import

    return np.asarray(distance_transform_edt(~region) <= radius)
