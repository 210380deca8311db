"""How far readers are interchangeable: the intraclass correlation ICC(2,1).

Items and readers are both drawn at random, a single reader's rating is what counts, and a reader who is always one level higher
disagrees. With mean squares between items (R), between readers (C) and of the rest (E) of n items x k readers

    ICC(2,1) = (R - E) / (R + (k - 1) E + k (C - E) / n)

(Shrout and Fleiss 1979), with the interval of McGraw and Wong 1996 for ICC(A,1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.readers.ratings import Rating, asked

NAN = float("nan")


@dataclass(frozen=True)
class Intraclass:
    """An intraclass correlation.

    Attributes:
        value: at most 1; NaN with fewer than two items or readers, or where all ratings are equal.
        low, high: 95 % interval; NaN where the value is, and where readers differ in nothing at all.
        items, readers: that it was computed from.
        excluded: items left out because not every reader rated them.
    """

    value: float
    low: float
    high: float
    items: int
    readers: int
    excluded: int = 0


def icc_of(ratings: Iterable[Rating], question: str) -> Intraclass:
    """Of the first ratings of all readers; one item here is the map of one model for one sentence.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    first = [rating for rating in asked(ratings, question) if rating.repeat == 0]
    rows = {key: i for i, key in enumerate(sorted({(r.item, r.model) for r in first}))}
    columns = {name: j for j, name in enumerate(sorted({r.reader for r in first}))}
    table = np.full((len(rows), len(columns)), np.nan)
    for rating in first:
        table[rows[rating.item, rating.model], columns[rating.reader]] = rating.level
    return icc(table)


def icc(table: Float[np.ndarray, "N K"], level: float = 0.95) -> Intraclass:
    """Of a table of items x readers; items with a missing value (NaN) are left out and counted."""
    given = np.asarray(table, dtype=np.float64)
    known = given[~np.isnan(given).any(axis=1)]
    n, k = known.shape
    counts = n, k, len(given) - n
    if n < 2 or k < 2:
        return Intraclass(NAN, NAN, NAN, *counts)
    between, readers, rest = _mean_squares(known)
    below = between + (k - 1) * rest + k * (readers - rest) / n
    if below <= 0:
        return Intraclass(NAN, NAN, NAN, *counts)
    value = (between - rest) / below
    return Intraclass(value, *_interval(value, (between, readers, rest), n, k, level), *counts)


def _mean_squares(table: Float[np.ndarray, "N K"]) -> tuple[float, float, float]:
    n, k = table.shape
    rows, columns, whole = table.mean(1), table.mean(0), table.mean()
    rest = table - rows[:, None] - columns + whole
    return (
        float(k * ((rows - whole) ** 2).sum() / (n - 1)),
        float(n * ((columns - whole) ** 2).sum() / (k - 1)),
        float((rest**2).sum() / ((n - 1) * (k - 1))),
    )


def _interval(value: float, squares: tuple[float, float, float], n: int, k: int, level: float) -> tuple[float, float]:
    """McGraw and Wong 1996, table 7, with Satterthwaite's degrees of freedom."""
    from scipy.stats import f

    between, readers, rest = squares
    if value >= 1 or readers + rest == 0:
        return NAN, NAN
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    df = (a * readers + b * rest) ** 2 / ((a * readers) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1)))
    down, up = f.ppf((1 + level) / 2, n - 1, df), f.ppf((1 + level) / 2, df, n - 1)
    spread = k * readers + (k * n - k - n) * rest
    low = n * (between - down * rest) / (down * spread + n * between)
    high = n * (up * between - rest) / (spread + n * up * between)
    return float(low), float(high)
