"""Does the model look nowhere where a sentence says that nothing is there?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.statistics import Interval, bootstrap


def opt_out_auroc(
    null: Float[np.ndarray, " N"],
    absent: Bool[np.ndarray, " N"],
    patients: Sequence[Any] | np.ndarray,
    draws: int,
    seed: int,
) -> Interval:
    """Chance that a sentence about what is absent leaves more to no place than one with a place, ties counting one half.

    Rows with NaN are left out and counted. NaN where one of the two kinds is missing; 0.5 for a model that cannot opt out.
    """
    known = ~np.isnan(null)
    values, positive = null[known], absent[known]
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)

    def area(weights: Float[np.ndarray, "D R"]) -> Float[np.ndarray, " D"]:
        return _weighted(weights, positive[order], starts)

    found = bootstrap(area, np.asarray(patients)[known][order], draws=draws, seed=seed)
    return Interval(found.value, found.low, found.high, found.n, found.patients, int((~known).sum()))


def _weighted(
    weights: Float[np.ndarray, "D R"], positive: Bool[np.ndarray, " R"], starts: Int[np.ndarray, " B"]
) -> Float[np.ndarray, " D"]:
    """Area under the ROC curve, for D weightings of the rows at once.

    Args:
        weights: of rows in the order of their values.
        starts: where the blocks of equal values begin.
    """
    found, missed = (np.add.reduceat(weights * kind, starts, axis=1) for kind in (positive, ~positive))
    below = np.cumsum(missed, axis=1) - missed / 2
    pairs = found.sum(1) * missed.sum(1)
    areas = np.full(len(weights), np.nan)
    np.divide((found * below).sum(1), pairs, out=areas, where=pairs > 0)
    return areas
