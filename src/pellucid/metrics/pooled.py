"""Precision and recall of the evidence over many explanations pooled into one ranking.

Every distinct score is one operating point and equal scores form one block, so the curve is exact. Scores of different cases
are only comparable after normalisation: pass shares (:func:`pellucid.metrics.base.shares`). Weights of the rows (how often a
bootstrap drew their patient) are applied to many draws at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

Rows = Iterable[tuple[Float[np.ndarray, " U"], Bool[np.ndarray, " U"]]]
"""One pair an explanation: its shares, and the units that are evidence."""

CELLS = 1 << 22
"""Numbers held at once for one block of draws (32 MiB)."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Operating points, from the one that shows least to the one that shows all.

    Attributes:
        recall: share of the evidence units whose score reaches the threshold; not decreasing.
        precision: share of the units whose score reaches the threshold that are evidence.
        thresholds: the distinct scores, descending; a unit belongs to the point if its score is at least this.
    """

    recall: Float[np.ndarray, " B"]
    precision: Float[np.ndarray, " B"]
    thresholds: Float[np.ndarray, " B"]

    def precision_at(self, recall: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
        """Precision where the curve first reaches each recall; NaN for a recall that it never reaches. For plots."""
        point = np.searchsorted(self.recall, np.asarray(recall, dtype=np.float64) * (1.0 - 1e-12))
        return np.append(self.precision, np.nan)[point]


@dataclass(frozen=True, eq=False)
class Pooled:
    """The units of R explanations in one ranking.

    Attributes:
        thresholds: distinct scores, descending.
        block: for each unit, which of the distinct scores it has.
        row: for each unit, the explanation that it belongs to.
        truth: for each unit, whether it is evidence.
        rows: number of explanations.
    """

    thresholds: Float[np.ndarray, " B"]
    block: Int[np.ndarray, " N"]
    row: Int[np.ndarray, " N"]
    truth: Bool[np.ndarray, " N"]
    rows: int

    @classmethod
    def of(cls, rows: Rows) -> Pooled:
        """Pool the rows. A row without evidence counts: its units can only be false positives."""
        pairs = [(np.asarray(s, dtype=np.float64), np.asarray(t, dtype=bool)) for s, t in rows]
        scores = np.concatenate([np.zeros(0), *(s for s, _ in pairs)])
        values, block = np.unique(-scores, return_inverse=True)
        row = np.repeat(np.arange(len(pairs)), [len(s) for s, _ in pairs])
        truth = np.concatenate([np.zeros(0, dtype=bool), *(t for _, t in pairs)])
        return cls(-values, block, row, truth, len(pairs))

    def curve(self, weights: Float[np.ndarray, " R"] | None = None) -> Curve:
        """The exact precision-recall curve; NaN recall where no weight lies on evidence."""
        weight = np.ones(len(self.row)) if weights is None else np.asarray(weights, dtype=np.float64)[self.row]
        size = len(self.thresholds)
        shown = np.cumsum(np.bincount(self.block, weight, size))
        hits = np.cumsum(np.bincount(self.block, weight * self.truth, size))
        return Curve(_ratio(hits, hits[-1:].sum()), _ratio(hits, shown), self.thresholds)

    def average_precision(self, weights: Float[np.ndarray, "D R"]) -> Float[np.ndarray, " D"]:
        """Pooled average precision of each draw, exactly as if every row stood in the pool as often as its weight says.

        NaN for a draw without evidence. Costs one pass over the units for all draws together, and bounded memory.
        """
        weights = np.asarray(weights, dtype=np.float64)
        step = max(1, CELLS // max(1, self._hits.shape[0]))
        parts = [self._block_of_draws(weights[i : i + step]) for i in range(0, len(weights), step)]
        return np.concatenate([np.zeros(0), *parts])

    def _block_of_draws(self, weights: Float[np.ndarray, "D R"]) -> Float[np.ndarray, " D"]:
        gained = self._hits @ weights.T
        shown = np.cumsum(self._sizes @ weights.T, axis=0)
        precision = _ratio(np.cumsum(gained, axis=0), shown, empty=0.0)
        return _ratio((gained * precision).sum(axis=0), gained.sum(axis=0))

    @cached_property
    def _segment(self) -> Int[np.ndarray, " N"]:
        """For each unit the next block, from above, that holds evidence: precision is only ever asked for there."""
        ends = np.unique(self.block[self.truth])
        return np.searchsorted(ends, self.block)

    @cached_property
    def _hits(self) -> Any:
        return self._count(self.truth)

    @cached_property
    def _sizes(self) -> Any:
        return self._count(np.ones(len(self.truth), dtype=bool))

    def _count(self, chosen: Bool[np.ndarray, " N"]) -> Any:
        """Sparse table: how many chosen units each row has in each segment; units below all evidence are left out."""
        from scipy.sparse import csr_array  # here, since it is slow to import

        segments = len(np.unique(self.block[self.truth]))
        kept = chosen & (self._segment < segments)
        where = (self._segment[kept], self.row[kept])
        return csr_array((np.ones(kept.sum()), where), shape=(segments, self.rows))


def precision_recall_curve(rows: Rows, weights: Float[np.ndarray, " R"] | None = None) -> Curve:
    """The exact pooled precision-recall curve of the rows, each counted `weights` times (once by default)."""
    return Pooled.of(rows).curve(weights)


def pooled_average_precision(rows: Rows, weights: Float[np.ndarray, " R"] | None = None) -> float:
    """Pooled average precision of the rows, each counted `weights` times (once by default); NaN without evidence."""
    pool = Pooled.of(rows)
    weight = np.ones(pool.rows) if weights is None else np.asarray(weights, dtype=np.float64)
    return float(pool.average_precision(weight[None])[0])


def _ratio(above: np.ndarray, below: np.ndarray | float, empty: float = np.nan) -> np.ndarray:
    """above / below, and `empty` where below is 0."""
    result = np.full(np.shape(above), empty)
    np.divide(above, below, out=result, where=np.asarray(below) != 0)
    return result
