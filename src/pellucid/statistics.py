"""Intervals and tests for findings, in which the patient is the unit of resampling.

Several notes of a patient, several codes of a note and several training seeds of a model are not independent observations: an
interval that treats them so is too narrow. Here a bootstrap draw takes whole patients, and a permutation flips whole patients.
Missing values (NaN) are left out and counted. Randomness comes from `seed` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

CELLS = 1 << 20
"""Numbers held at once while draws are made (8 MiB)."""
EXACT_UP_TO = 12
"""Up to this many patients all 2^n sign flips are tried."""


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap interval.

    Attributes:
        value: the figure; NaN where there is no value at all, or a ratio has denominator 0.
        low, high: percentile bounds; NaN with fewer than two patients.
        n: values used.
        patients: patients among them.
        excluded: values left out because they are NaN.
        seeds: training seeds among the values.
        seed_sd: standard deviation of the figure between training seeds (divisor n - 1); NaN with fewer than two seeds.
    """

    value: float
    low: float
    high: float
    n: int
    patients: int
    excluded: int = 0
    seeds: int = 1
    seed_sd: float = float("nan")


@dataclass(frozen=True)
class Paired:
    """Outcome of a paired comparison of two methods on the same cases.

    Attributes:
        difference: mean of a - b over the pairs.
        low, high: bootstrap interval of the difference; NaN with fewer than two patients.
        p: two-sided p-value of the sign-flip test; never 0; 1 with one patient; NaN without pairs.
        patients, n, excluded: patients and pairs used, and pairs left out because a value is NaN.
    """

    difference: float
    low: float
    high: float
    p: float
    patients: int
    n: int
    excluded: int = 0


Statistic = Callable[[Float[np.ndarray, "D R"]], Float[np.ndarray, " D"]]
"""A figure as a function of how often each row is counted, for D draws at once."""


def bootstrap(
    statistic: Statistic, patients: Sequence[Any] | np.ndarray, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile interval of any figure that can be computed from weights of its rows, by a bootstrap over patients.

    Args:
        statistic: called with weights of shape [draws in a block, rows].
        patients: who each row belongs to.
        draws: bootstrap draws.
        level: coverage asked for.
        seed: of the draws.

    Returns:
        The figure at weight 1 each with its interval. Draws in which the figure is NaN are left out of the percentiles.
    """
    cluster = _codes(patients)
    rows, clusters = len(cluster), int(cluster.max(initial=-1)) + 1
    value = float(statistic(np.ones((1, rows)))[0]) if rows else float("nan")
    if clusters < 2:
        return Interval(value, float("nan"), float("nan"), rows, clusters)
    rng = np.random.default_rng(seed)
    sizes = _blocks(draws, max(rows, clusters))
    drawn = np.concatenate([statistic(_patient_weights(rng, size, clusters)[:, cluster]) for size in sizes])
    low, high = _percentiles(drawn, level)
    return Interval(value, low, high, rows, clusters)


def bootstrap_mean(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[Any] | np.ndarray,
    seeds: Sequence[int] | np.ndarray | None = None,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean of `values` with its interval over patients.

    With training `seeds`, values are averaged over the seeds of each patient first, and `seed_sd` says how much the mean
    differs between seeds.
    """
    values = np.asarray(values, dtype=np.float64)
    return bootstrap_ratio(values, np.ones(len(values)), patients, seeds, draws=draws, level=level, seed=seed)


def bootstrap_ratio(
    numerators: Sequence[float] | np.ndarray,
    denominators: Sequence[float] | np.ndarray,
    patients: Sequence[Any] | np.ndarray,
    seeds: Sequence[int] | np.ndarray | None = None,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Sum of `numerators` over sum of `denominators` (a pooled figure such as micro F1) with its interval over patients.

    A row with NaN in either is left out and counted. With training `seeds`, both are averaged over the seeds of each patient
    first, and `seed_sd` says how much the ratio differs between seeds.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    known = ~(np.isnan(above) | np.isnan(below))
    cluster, run = _codes(np.asarray(patients)[known]), _runs(seeds, known)
    ups, downs = _table(above[known], cluster, run), _table(below[known], cluster, run)
    runs = _table(np.ones(known.sum()), cluster, run).astype(bool).sum(axis=1)
    sums, weights = ups.sum(axis=1) / runs, downs.sum(axis=1) / runs
    result = bootstrap(lambda w: _ratio(w @ sums, w @ weights), np.arange(len(sums)), draws=draws, level=level, seed=seed)
    by_seed = _ratio(ups.sum(axis=0), downs.sum(axis=0))
    spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else float("nan")
    n, excluded = int(known.sum()), int((~known).sum())
    return Interval(result.value, result.low, result.high, n, len(sums), excluded, len(by_seed), spread)


def paired_test(
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    patients: Sequence[Any] | np.ndarray,
    seeds: Sequence[int] | np.ndarray | None = None,
    *,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Paired:
    """Compare two methods on the same rows: mean difference, its interval over patients, and a sign-flip permutation test.

    Under the null hypothesis that the methods are exchangeable, all differences of one patient change sign together. The test
    statistic is the size of the mean difference over the rows, the figure that is reported. All sign flips are tried with up
    to 12 patients, and p is the share that is as extreme; with more, p = (extreme draws + 1) / (draws + 1).
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    mean = bootstrap_mean(difference, patients, seeds, level=level, seed=seed)
    known = ~np.isnan(difference)
    cluster = _codes(np.asarray(patients)[known])
    run = _runs(seeds, known)
    runs = _table(np.ones(known.sum()), cluster, run).astype(bool).sum(axis=1)
    p = _sign_flip(_table(difference[known], cluster, run).sum(axis=1) / runs, draws, seed)
    return Paired(mean.value, mean.low, mean.high, p, mean.patients, mean.n, mean.excluded)


def holm(p_values: Sequence[float] | np.ndarray) -> Float[np.ndarray, " M"]:
    """p-values adjusted for the family-wise error by Holm's step-down procedure (Holm 1979), in the order given.

    NaN stays NaN and does not count as a test.

    Raises:
        ValueError: a p-value lies outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise ValueError("a p-value lies outside [0, 1]")
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def _codes(patients: Sequence[Any] | np.ndarray) -> Int[np.ndarray, " R"]:
    """Names as numbers from 0, by order of the names, so that the order of rows does not matter to the draws."""
    return np.unique(np.asarray(patients), return_inverse=True)[1].astype(np.int64).reshape(-1)


def _runs(seeds: Sequence[int] | np.ndarray | None, known: np.ndarray) -> Int[np.ndarray, " R"]:
    return np.zeros(known.sum(), dtype=np.int64) if seeds is None else _codes(np.asarray(seeds)[known])


def _table(values: Float[np.ndarray, " R"], cluster: np.ndarray, run: np.ndarray) -> Float[np.ndarray, "P S"]:
    """Sums of the values of each patient and seed."""
    shape = int(cluster.max(initial=-1)) + 1, int(run.max(initial=0)) + 1
    return np.bincount(cluster * shape[1] + run, values, shape[0] * shape[1]).reshape(shape)


def _patient_weights(rng: np.random.Generator, draws: int, patients: int) -> Float[np.ndarray, "D P"]:
    """How often each patient is drawn: multinomial counts, obtained by counting uniform draws, which is faster."""
    chosen = rng.integers(patients, size=(draws, patients)) + np.arange(draws)[:, None] * patients
    return np.bincount(chosen.ravel(), minlength=draws * patients).reshape(draws, patients).astype(np.float64)


def _percentiles(drawn: Float[np.ndarray, " D"], level: float) -> tuple[float, float]:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _sign_flip(differences: Float[np.ndarray, " P"], draws: int, seed: int) -> float:
    patients = len(differences)
    if not patients:
        return float("nan")
    # Sums that are equal on paper may differ in their last bits: they count as equally extreme.
    extreme = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    if patients <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**patients)[:, None] >> np.arange(patients)) & 1)
        return float(np.mean(np.abs(signs @ differences) >= extreme))
    rng, reached = np.random.default_rng(seed), 0
    for size in _blocks(draws, patients):
        signs = 1.0 - 2.0 * rng.integers(2, size=(size, patients), dtype=np.int8)
        reached += int((np.abs(signs @ differences) >= extreme).sum())
    return (reached + 1) / (draws + 1)


def _blocks(draws: int, width: int) -> list[int]:
    """Cut `draws` into blocks of at most CELLS numbers, `width` a draw."""
    step = max(1, CELLS // max(1, width))
    return [min(step, draws - start) for start in range(0, draws, step)]


def _ratio(above: Float[np.ndarray, " D"], below: Float[np.ndarray, " D"]) -> Float[np.ndarray, " D"]:
    """above / below, NaN where below is 0."""
    result = np.full(len(above), np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result
