"""Shares of sentences with their intervals, also where all or none of them are meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from pellucid.statistics import Interval, bootstrap_mean

LEVEL = 0.95


def share_of(values: Float[np.ndarray, " N"], patients: np.ndarray, draws: int, seed: int) -> Interval:
    """The mean of ones and zeros with its interval over patients; NaN is left out and counted.

    Where all are alike, every bootstrap draw is the same and would promise certainty. The interval is then that of
    :func:`clopper_pearson`, a patient being one trial.
    """
    found = bootstrap_mean(values, patients, draws=draws, level=LEVEL, seed=seed)
    if found.value not in (0.0, 1.0) or found.patients < 2:
        return found
    low, high = clopper_pearson(found.value, found.patients)
    return replace(found, low=low, high=high)


def clopper_pearson(share: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of Clopper and Pearson 1934 for a share of so many trials, at least 1.

    The number of successes need not be whole, as where Korn and Graubard 1998 use it for surveys.
    """
    from scipy.stats import beta  # here, since it is slow to import

    hits, misses, tail = share * trials, (1 - share) * trials, (1 - LEVEL) / 2
    low = beta.ppf(tail, hits, misses + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, misses) if misses > 0 else 1.0
    return float(low), float(high)
