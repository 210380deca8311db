"""Does the model look nowhere where a sentence says that nothing is there?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

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
    _, block = np.unique(values, return_inverse=True)

    def area(weights: Float[np.ndarray, "D R"]) -> Float[np.ndarray, " D"]:
        return _weighted(weights, positive, block)

    found = bootstrap(area, np.asarray(patients)[known], draws=draws, seed=seed)
    return Interval(found.value, found.low, found.high, found.n, found.patients, int((~known).sum()))


def _weighted(weights: Float[np.ndarray, "D R"], positive: Bool[np.ndarray, " R"], block: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, for D weightings of the rows at once; `block` numbers equal values in ascending order."""
    blocks = np.zeros((len(block), int(block.max(initial=-1)) + 1))
    blocks[np.arange(len(block)), block] = 1.0
    found, missed = (weights * positive) @ blocks, (weights * ~positive) @ blocks
    below = np.cumsum(missed, axis=1) - missed / 2
    pairs = found.sum(1) * missed.sum(1)
    areas = np.full(len(weights), np.nan)
    np.divide((found * below).sum(1), pairs, out=areas, where=pairs > 0)
    return areas
