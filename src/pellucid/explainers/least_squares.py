"""Weighted least squares with many right-hand sides, in little memory."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import lstsq

_BLOCK = 2048
_SINGULAR = 1e-12


def fit(
    present: Bool[np.ndarray, "P n"],
    centre: Float[np.ndarray, "*#P #n"],
    weights: Float[np.ndarray, " P"],
    values: Float[np.ndarray, "P K"],
    ridge: float = 0.0,
) -> Float[np.ndarray, "n K"]:
    """The slopes b that minimise `sum_p weights_p |values_p - (present_p - centre_p) b|^2 + ridge |b|^2`, column by column.

    All columns share one factorisation, in float64. Where the rows leave slopes open, those of least norm are taken.

    Args:
        centre: what is subtracted from each entry; broadcast over rows or columns.
    """
    count = present.shape[1]
    gram, right = np.zeros((count, count)), np.zeros((count, values.shape[1]))
    centres = np.broadcast_to(centre, present.shape)
    for start in range(0, len(present), _BLOCK):
        part = slice(start, start + _BLOCK)
        rows = present[part] - centres[part]
        weighted = rows * weights[part, None]
        gram += weighted.T @ rows
        right += weighted.T @ values[part]
    return np.asarray(lstsq(gram + ridge * np.eye(count), right, cond=_SINGULAR, lapack_driver="gelsy")[0])
