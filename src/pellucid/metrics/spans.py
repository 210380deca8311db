"""Agreement of shown spans with evidence spans at the tuned threshold.

A span is a run of consecutive units. Spans are matched one to one, so that several fragments of one mention never count as
several finds: neither precision nor recall can exceed 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from pellucid.metrics.base import Modalities, Need, Reading, Undefined
from pellucid.metrics.checked import evidence_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.threshold import shown
from pellucid.metrics.tokens import EDIN
from pellucid.metrics.top import ERASER
from pellucid.registry import metrics


def runs(units: Bool[np.ndarray, " U"]) -> Int[np.ndarray, "R 2"]:
    """Half-open index ranges of the runs of consecutive True values, in order."""
    edges = np.diff(np.concatenate([[False], units, [False]]).astype(np.int8))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def matched(ours: Int[np.ndarray, "R 2"], theirs: Int[np.ndarray, "S 2"]) -> int:
    """Greatest number of one-to-one pairs of runs whose intersection is at least half of their union."""
    starts = np.maximum(ours[:, None, 0], theirs[None, :, 0])
    ends = np.minimum(ours[:, None, 1], theirs[None, :, 1])
    common = np.maximum(ends - starts, 0)
    union = np.diff(ours)[:, :1] + np.diff(theirs)[:, 0] - common
    fits = 2 * common >= union
    if not fits.any():
        return 0
    from scipy.optimize import linear_sum_assignment  # here, since it is slow to import

    return int(fits[linear_sum_assignment(fits, maximize=True)].sum())


class Spans(NamedTuple):
    """Numbers of shown runs, evidence runs, and pairs of the two."""

    shown: int
    evidence: int
    pairs: int


def spans(reading: Reading) -> Spans:
    """Match the shown runs of a reading with its evidence runs.

    Raises:
        Undefined: no evidence; no threshold was tuned; no units; a score is not finite.
    """
    theirs, ours = runs(evidence_of(reading)), runs(shown(reading))
    return Spans(len(ours), len(theirs), matched(ours, theirs))


class _SpanMatch(Facts):
    needs: ClassVar[tuple[Need, ...]] = ("evidence", "threshold")
    modalities: ClassVar[Modalities] = ("text",)
    cites = f"{ERASER}; here with one-to-one matching"


@metrics.register("span_precision")
@dataclass(frozen=True)
class SpanPrecision(_SpanMatch):
    """Share of the shown runs that are matched with an evidence run (one to one, IoU of at least 0.5).

    Raises:
        Undefined: nothing is shown; or as :func:`spans`.
    """

    name = "span_precision"

    def __call__(self, reading: Reading) -> float:
        ours, _, pairs = spans(reading)
        if ours == 0:
            raise Undefined("nothing is shown")
        return pairs / ours


@metrics.register("span_recall")
@dataclass(frozen=True)
class SpanRecall(_SpanMatch):
    """Share of the evidence runs that are matched with a shown run (one to one, IoU of at least 0.5); 0 if nothing is shown.

    Raises:
        Undefined: as :func:`spans`.
    """

    name = "span_recall"

    def __call__(self, reading: Reading) -> float:
        _, theirs, pairs = spans(reading)
        return pairs / theirs


@metrics.register("span_f1")
@dataclass(frozen=True)
class SpanF1(_SpanMatch):
    """2 x matched pairs / (shown runs + evidence runs); 0 where nothing is shown.

    Raises:
        Undefined: as :func:`spans`.
    """

    name = "span_f1"

    def __call__(self, reading: Reading) -> float:
        ours, theirs, pairs = spans(reading)
        return 2 * pairs / (ours + theirs)


@metrics.register("span_hit_recall")
@dataclass(frozen=True)
class SpanHitRecall(_SpanMatch):
    """Share of the evidence runs in which at least one unit is shown: mentions that a reader would be led to.

    Raises:
        Undefined: as :func:`spans`.
    """

    name = "span_hit_recall"
    cites = EDIN

    def __call__(self, reading: Reading) -> float:
        theirs, visible = runs(evidence_of(reading)), shown(reading)
        return sum(bool(visible[a:b].any()) for a, b in theirs) / len(theirs)
