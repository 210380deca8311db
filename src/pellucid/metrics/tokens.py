"""Agreement of shown units with evidence, unit by unit, at the tuned threshold.

The three counts are findings of their own, because pooled (micro) precision, recall and F1 are ratios of their sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool

from pellucid.metrics.base import EVERY, Modalities, Need, Reading, Undefined
from pellucid.metrics.checked import evidence_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.threshold import shown
from pellucid.registry import metrics

EDIN = "Edin et al. 2024, An unsupervised approach to achieve supervised-level explainability in healthcare records"


class Counts(NamedTuple):
    """Units shown and marked, shown only, marked only."""

    true_positives: int
    false_positives: int
    false_negatives: int


def counts(reading: Reading) -> Counts:
    """Compare shown units with marked ones.

    Raises:
        Undefined: no evidence; no threshold was tuned; no units; a score is not finite.
    """
    truth = evidence_of(reading)
    return compared(shown(reading), truth)


def compared(visible: Bool[np.ndarray, " U"], truth: Bool[np.ndarray, " U"]) -> Counts:
    """Count shown units against marked ones."""
    both = int((truth & visible).sum())
    return Counts(both, int(visible.sum()) - both, int(truth.sum()) - both)


class _Shown(Facts):
    needs: ClassVar[tuple[Need, ...]] = ("evidence", "threshold")
    modalities: ClassVar[Modalities] = ("text",)
    cites = EDIN


@metrics.register("token_precision")
@dataclass(frozen=True)
class TokenPrecision(_Shown):
    """Share of the shown units that are evidence. A lower bound where annotators marked enough evidence rather than all.

    Raises:
        Undefined: nothing is shown; or as :func:`counts`.
    """

    name = "token_precision"

    def __call__(self, reading: Reading) -> float:
        found, wrong, _ = counts(reading)
        if found + wrong == 0:
            raise Undefined("nothing is shown")
        return found / (found + wrong)


@metrics.register("token_recall")
@dataclass(frozen=True)
class TokenRecall(_Shown):
    """Share of the evidence units that are shown; 0 where nothing is shown.

    Raises:
        Undefined: as :func:`counts`.
    """

    name = "token_recall"

    def __call__(self, reading: Reading) -> float:
        found, _, missed = counts(reading)
        return found / (found + missed)


@metrics.register("token_f1")
@dataclass(frozen=True)
class TokenF1(_Shown):
    """2 TP / (2 TP + FP + FN) over the units of one explanation; 0 where nothing is shown.

    Raises:
        Undefined: as :func:`counts`.
    """

    name = "token_f1"

    def __call__(self, reading: Reading) -> float:
        found, wrong, missed = counts(reading)
        return 2 * found / (2 * found + wrong + missed)


@metrics.register("false_negatives", of="false_negatives")
@metrics.register("false_positives", of="false_positives")
@metrics.register("true_positives", of="true_positives")
@dataclass(frozen=True)
class Count(_Shown):
    """Number of units shown and marked, shown only, or marked only: the parts of pooled precision, recall and F1.

    Raises:
        Undefined: as :func:`counts`.
    """

    of: Literal["true_positives", "false_positives", "false_negatives"] = "true_positives"
    modalities: ClassVar[Modalities] = EVERY
    higher_is_better = None
    range = (0.0, float("inf"))

    @property
    def name(self) -> str:
        return self.of

    def __call__(self, reading: Reading) -> float:
        return float(getattr(counts(reading), self.of))
