"""The evidence among the first k units: what a reader meets who looks at a fixed number of highlights.

Where the k-th place falls inside a block of equal scores, the places left are drawn from that block at random; the metrics
return the exact expectation over those draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from pellucid.errors import PellucidError
from pellucid.metrics.base import Modalities, Reading
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.ranking import blocks
from pellucid.registry import metrics

ERASER = "DeYoung et al. 2020, ERASER: a benchmark to evaluate rationalized NLP models"


class Top(NamedTuple):
    """The first k places of a ranking: `sure` hits above the boundary block, from which `drawn` of `size` units are drawn."""

    sure: int
    drawn: int
    size: int
    hits: int

    @property
    def expected(self) -> float:
        """Expected number of evidence units in the first k places."""
        return self.sure + self.drawn * self.hits / self.size


def top(reading: Reading, k: int) -> Top:
    """The first `k` places of the ranking, k at most the number of units.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """
    return first_places(scores_of(reading), evidence_of(reading), k)


def first_places(scores: Float[np.ndarray, " U"], hit: Bool[np.ndarray, " U"], k: int) -> Top:
    """The first `k` places of the ranking of `scores`, where the units of `hit` are those looked for; k at most U."""
    sizes, hits = blocks(scores, hit)
    boundary = int(np.searchsorted(np.cumsum(sizes), k))
    return Top(
        sure=int(hits[:boundary].sum()),
        drawn=k - int(sizes[:boundary].sum()),
        size=int(sizes[boundary]),
        hits=int(hits[boundary]),
    )


@dataclass(frozen=True)
class _AtK(Facts):
    k: int = 5
    modalities: ClassVar[Modalities] = ("text",)
    cites = ERASER

    def __post_init__(self) -> None:
        if self.k < 1:
            raise PellucidError(f"A metric at the top k units needs k >= 1, not {self.k}; choose a positive number.")

    def places(self, reading: Reading) -> int:
        return min(self.k, len(reading.scores))


@metrics.register("precision_at_5", k=5)
@dataclass(frozen=True)
class PrecisionAtK(_AtK):
    """Share of the first k units that are evidence; k is the number of units where the case has fewer.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    @property
    def name(self) -> str:
        return f"precision_at_{self.k}"

    def __call__(self, reading: Reading) -> float:
        k = self.places(reading)
        return top(reading, k).expected / k


@metrics.register("recall_at_5", k=5)
@dataclass(frozen=True)
class RecallAtK(_AtK):
    """Share of the evidence units that are among the first k units. Below 1 by construction where more than k are evidence.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    @property
    def name(self) -> str:
        return f"recall_at_{self.k}"

    def __call__(self, reading: Reading) -> float:
        return top(reading, self.places(reading)).expected / int(evidence_of(reading).sum())


@metrics.register("iou_at_size")
@dataclass(frozen=True)
class IouAtSize(Facts):
    """Intersection over union of the evidence with the equally many units that rank highest; needs no threshold.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    name = "iou_at_size"
    cites = ERASER

    def __call__(self, reading: Reading) -> float:
        size = int(evidence_of(reading).sum())
        first = top(reading, size)
        extra, chances = _hypergeometric(first.size, first.hits, first.drawn)
        overlap = first.sure + extra
        return float((chances * overlap / (2 * size - overlap)).sum())


def _hypergeometric(size: int, hits: int, drawn: int) -> tuple[np.ndarray, np.ndarray]:
    """Possible numbers of hits among `drawn` of `size` units, and their probabilities."""
    possible = np.arange(max(0, drawn - (size - hits)), min(drawn, hits) + 1)
    if len(possible) == 1:
        return possible, np.ones(1)
    from scipy.special import gammaln  # here, since it is seldom needed and slow to import

    def log_choose(n: int, k: np.ndarray) -> np.ndarray:
        return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))

    logs = log_choose(hits, possible) + log_choose(size - hits, drawn - possible)
    chances = np.exp(logs - logs.max())
    return possible, chances / chances.sum()
