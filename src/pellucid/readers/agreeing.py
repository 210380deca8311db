"""How far readers agree, with each other and with themselves: Cohen's kappa with quadratic weights.

    kappa = 1 - sum (a_i - b_i)^2 / (sum_ij (a_i - b_j)^2 / n)

that is, one minus the squared difference of the two ratings of an item over that of ratings paired at random (Cohen 1968).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from pellucid.readers.ratings import Rating, asked
from pellucid.statistics import Interval, Statistic, bootstrap, bootstrap_mean


@dataclass(frozen=True)
class Agreement:
    """How far two columns of ratings agree.

    Attributes:
        readers: the two, or one and the same twice.
        kappa: with quadratic weights; 0 by chance, 1 where all are equal. NaN where both columns hold one and the same level
            throughout, since chance agrees then, too.
        exact: share of equal ratings.
        n: pairs.
    """

    readers: tuple[str, str]
    kappa: Interval
    exact: Interval
    n: int


def weighted_kappa(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Kappa with quadratic weights of two columns of levels; NaN without a pair, or where chance never disagrees.

    Raises:
        ValueError: the columns differ in length.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"{len(left)} ratings cannot be paired with {len(right)}")
    return float(_kappa(left, right)(np.ones((1, len(left))))[0]) if len(left) else float("nan")


def between_readers(ratings: Iterable[Rating], question: str, *, draws: int = 2000, seed: int = 0) -> list[Agreement]:
    """Each pair of readers on what both rated, first ratings only; empty with one reader.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    first = [rating for rating in asked(ratings, question) if rating.repeat == 0]
    of: dict[str, dict[tuple[str, str], Rating]] = {}
    for rating in first:
        of.setdefault(rating.reader, {})[rating.item, rating.model] = rating
    pairs = {(a, b): [(of[a][key], of[b][key]) for key in of[a] if key in of[b]] for a, b in combinations(sorted(of), 2)}
    return [_agreement(names, rows, draws, seed) for names, rows in pairs.items()]


def within_readers(ratings: Iterable[Rating], question: str, *, draws: int = 2000, seed: int = 0) -> list[Agreement]:
    """Each reader's first rating against the second of the same, for readers who rated something twice.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    of: dict[str, dict[tuple[str, str], dict[int, Rating]]] = {}
    for rating in asked(ratings, question):
        of.setdefault(rating.reader, {}).setdefault((rating.item, rating.model), {})[rating.repeat] = rating
    pairs = {name: [(r[0], r[1]) for r in rows.values() if {0, 1} <= set(r)] for name, rows in sorted(of.items())}
    return [_agreement((name, name), rows, draws, seed) for name, rows in pairs.items() if rows]


def _agreement(names: tuple[str, str], rows: Sequence[tuple[Rating, Rating]], draws: int, seed: int) -> Agreement:
    a, b = (np.array([pair[k].level for pair in rows], dtype=np.float64) for k in (0, 1))
    groups = [pair[0].group for pair in rows]
    kappa = bootstrap(_kappa(a, b), groups, draws=draws, seed=seed)
    return Agreement(names, kappa, bootstrap_mean(a == b, groups, draws=draws, seed=seed), len(rows))


def _kappa(a: Float[np.ndarray, " N"], b: Float[np.ndarray, " N"]) -> Statistic:
    """Of weighted rows: sum_ij w_i w_j (a_i - b_j)^2 needs sums alone. Levels are whole numbers, so that they are exact."""

    def statistic(w: Float[np.ndarray, "D N"]) -> Float[np.ndarray, " D"]:
        n = w.sum(axis=1)
        by_chance = n * (w @ a**2 + w @ b**2) - 2 * (w @ a) * (w @ b)
        share = np.full(len(w), np.nan)
        np.divide(n * (w @ (a - b) ** 2), by_chance, out=share, where=by_chance > 0)
        return 1 - share

    return statistic
