"""Rules of numerical integration over [0, 1]: at which points to evaluate a function, and how to weigh its values."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from pellucid.errors import PellucidError

Rule = tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]


def gauss_legendre(count: int) -> Rule:
    """The rule of `count` points that is exact for polynomials of the highest degree, 2 count - 1.

    Raises:
        PellucidError: fewer than one point.
    """
    if count < 1:
        raise PellucidError(f"An integral needs at least 1 step, not {count}.")
    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


def clenshaw_curtis(intervals: int) -> Rule:
    """The rule over the `intervals` + 1 points (1 - cos(pi k / intervals)) / 2, for an even number of intervals.

    Its points are nested: every second one is a point of the rule with half as many intervals. For smooth functions it is about
    as exact as Gauss-Legendre with as many points (Trefethen 2008). Formula: Clenshaw and Curtis 1960.
    """
    k = np.arange(intervals + 1)
    j = np.arange(1, intervals // 2 + 1)
    factor = np.where(j == intervals / 2, 1.0, 2.0) / (4 * j**2 - 1)
    sums = 1 - (factor * np.cos(2 * np.pi * np.outer(k, j) / intervals)).sum(1)
    inner = np.where((k == 0) | (k == intervals), 1.0, 2.0)
    return (1 - np.cos(np.pi * k / intervals)) / 2, inner * sums / (2 * intervals)
