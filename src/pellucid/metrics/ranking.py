"""How high the ranking of units puts the evidence: average precision and the area under the ROC curve.

Units with equal scores form one block, because no reader could tell them apart: nothing here depends on the order in which tied
units happen to be stored. Both figures depend on the order of scores only, never on their scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.metrics.base import Reading, Undefined
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.registry import metrics


class Blocks(NamedTuple):
    """Units of equal score, from the highest score to the lowest: how many there are, and how many of them are evidence."""

    sizes: Int[np.ndarray, " B"]
    hits: Int[np.ndarray, " B"]


def blocks(scores: Float[np.ndarray, " U"], truth: Bool[np.ndarray, " U"]) -> Blocks:
    """Cut a ranking into its blocks of equal scores."""
    values, block = np.unique(-scores, return_inverse=True)
    return Blocks(np.bincount(block, minlength=len(values)), np.bincount(block[truth], minlength=len(values)))


@metrics.register("average_precision")
@dataclass(frozen=True)
class AveragePrecision(Facts):
    """Area under the exact precision-recall curve of the ranking, as steps (no interpolation, no grid of thresholds).

    The sum over blocks of (gain in recall) x (precision at the end of the block), as scikit-learn computes it. A constant map
    gets the share of units that are evidence, which is also its chance level.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    name = "average_precision"
    cites = "Davis and Goadrich 2006, The relationship between precision-recall and ROC curves; definition of scikit-learn"

    def __call__(self, reading: Reading) -> float:
        sizes, hits = blocks(scores_of(reading), evidence_of(reading))
        precision = np.cumsum(hits) / np.cumsum(sizes)
        return float((hits * precision).sum() / hits.sum())


@metrics.register("auroc")
@dataclass(frozen=True)
class Auroc(Facts):
    """Probability that a random evidence unit outranks a random other unit, ties counting one half. Chance level 0.5.

    Raises:
        Undefined: no evidence; every unit is evidence; no units; a score is not finite.
    """

    name = "auroc"
    cites = "Hanley and McNeil 1982, The meaning and use of the area under a ROC curve"

    def __call__(self, reading: Reading) -> float:
        sizes, hits = blocks(scores_of(reading), evidence_of(reading))
        others = sizes - hits
        total = others.sum()
        if total == 0:
            raise Undefined("every unit is evidence")
        outranked = total - np.cumsum(others) + others / 2
        return float((hits * outranked).sum() / (hits.sum() * total))
