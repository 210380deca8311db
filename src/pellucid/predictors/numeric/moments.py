"""Mean and standard deviation of what a model is trained on, by which its inputs are normalised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from pellucid.errors import PellucidError

Moments = tuple[tuple[float, ...], tuple[float, ...]]


def moments(blocks: Iterable[Float[np.ndarray, "N n"]]) -> Moments:
    """Mean and standard deviation of each column over the rows of all blocks, in float64; 1 where a column never varies.

    Blocks are read once, and one at a time. There is at least one row.
    """
    count, mean, scatter = 0, np.zeros(1), np.zeros(1)
    low, high = np.full(1, np.inf), np.full(1, -np.inf)
    for block in blocks:
        values = np.asarray(block, dtype=np.float64)
        away = values.mean(0) - mean
        share = len(values) / (count + len(values))  # Chan et al. 1983: no difference of large sums
        scatter = scatter + ((values - values.mean(0)) ** 2).sum(0) + away**2 * count * share
        mean = mean + away * share
        count += len(values)
        low, high = np.minimum(low, values.min(0)), np.maximum(high, values.max(0))
    varies = high > low  # the deviation of equal numbers may be rounded to one just above 0, which all else would be divided by
    return tuple(mean.tolist()), tuple(np.where(varies, np.sqrt(scatter / count), 1.0).tolist())


def completed(mean: Sequence[float] | None, std: Sequence[float] | None, names: Sequence[str], what: str) -> Moments:
    """Mean and standard deviation as a model keeps them: 0 and 1 where none are given.

    Raises:
        PellucidError: there are not as many as names, names are missing or equal, or a deviation is not above 0.
    """
    centre = (0.0,) * len(names) if mean is None else tuple(map(float, mean))
    spread = (1.0,) * len(names) if std is None else tuple(map(float, std))
    if not names or len(set(names)) != len(names):
        raise PellucidError(f"Each {what} needs a name of its own, and there must be at least one.")
    if not len(centre) == len(spread) == len(names) or not np.isfinite(centre).all() or not min(spread) > 0:
        raise PellucidError(f"Mean and std need one number for each of the {len(names)} {what}s, and std numbers above 0.")
    return centre, spread
