"""Intervals and tests over patients and training runs at once.

A figure of a training strategy has two sources of chance: other patients, and another run with another seed. The two are
crossed (every run is judged on every patient), so that neither may be resampled alone: over patients only, a figure says
something of these very models; over runs only, of these very patients. Here a figure stands for *new runs on new patients*.

Every row of a figure has an influence: how far it moves the figure. With the influences of each patient in each run added up,
the analysis of variance of the two-way layout gives unbiased variances V_P between patients, V_S between runs and V_E of what
is left, and

    variance of the figure = max(V_P - V_E, 0) + max(V_S - V_E, 0) + V_E

with degrees of freedom after Satterthwaite (1946), for Student's t. With few runs that matters: a bootstrap over three seeds is
far too narrow. The same layout is in use for readers x cases in radiology (Dorfman, Berbaum and Metz 1992; Hillis 2007). With
one run V_S is unknown and left out, so the figure is about that model alone. No random numbers are drawn.

Where the figure is the same in every patient, a t-test has no answer, however clear the sign. Then p is that of the exact sign
test over patients, who all lie on one side: 2^(1 - P), which a sign-flip permutation gives as well. It says on which side a new
patient will rather lie. Of a share less a margin, which few patients unseen may turn, that is too little (see `rate_above` of
the study of sentences); and of a figure that is no mean over patients, such as an AUROC of 1, it says nothing, so that
:func:`crossed` gives no p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

NAN = float("nan")
ROUNDING = 1e-12
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure over patients and training runs.

    Attributes:
        value: the figure, or the difference of two.
        low, high: 95 % interval, not cut to the range of the figure; NaN with fewer than two patients.
        p: two-sided p-value of the figure being 0, patients and runs drawn anew; where nothing varies 1 if the value is 0, else
            that of the sign test over patients (NaN for a figure that is only known by its influences).
        p_patients: the same for these very runs, other patients drawn: what a test that averages over runs says.
        p_runs: the same for these very patients, from the figures of the runs; NaN with fewer than five runs.
        n: rows used.
        patients, runs: among them.
        excluded: rows left out because the value is NaN.
        run_sd: standard deviation between runs (divisor n - 1); NaN with one run.
    """

    value: float
    low: float
    high: float
    p: float
    p_patients: float
    p_runs: float
    n: int
    patients: int
    runs: int
    excluded: int = 0
    run_sd: float = NAN


@dataclass(frozen=True, eq=False)
class Ratio:
    """Rows of a figure: sum of `above` over sum of `below` (a mean where `below` is 1).

    Attributes:
        above, below: NaN in either leaves the row out.
        patients, runs: whose each row is, and of which training run.
    """

    above: Float[np.ndarray, " N"]
    below: Float[np.ndarray, " N"]
    patients: np.ndarray
    runs: np.ndarray


MIN_RUNS = 5
"""Fewest runs for which the test over runs alone is given."""


def mean_of(values: Float[np.ndarray, " N"], patients: np.ndarray, runs: np.ndarray) -> Ratio:
    """The rows of a mean."""
    return Ratio(np.asarray(values, dtype=np.float64), np.ones(len(values)), patients, runs)


def estimate(ratio: Ratio) -> Estimate:
    """The figure with its interval over patients and runs.

    Of a patient, rows are averaged over the runs first, as :func:`pellucid.statistics.bootstrap_ratio` does, so the values of
    both are equal. NaN where no row is left or the denominator is 0.
    """
    whole, excluded = _known(ratio)
    value, influence = _linear(whole)
    return _signed(crossed(value, influence, whole.patients, whole.runs, excluded=excluded))


def difference(a: Ratio, b: Ratio) -> Estimate:
    """The figure of `a` minus that of `b`, row i of one being about the same thing as row i of the other.

    A row that is missing in one is left out in both. `n` counts pairs.

    Raises:
        ValueError: the two are not about the same patients and runs, row by row.
    """
    if not (np.array_equal(a.patients, b.patients) and np.array_equal(a.runs, b.runs)):
        raise ValueError("paired rows must be of the same patients and runs")
    known = _is_known(a) & _is_known(b)
    one, two = _rows(a, known), _rows(b, known)
    (left, pull), (right, push) = _linear(one), _linear(two)
    return _signed(crossed(left - right, pull - push, one.patients, one.runs, excluded=int((~known).sum())))


def crossed(
    value: float, influence: Float[np.ndarray, " N"], patients: Sequence[Any] | np.ndarray, runs: Sequence[Any] | np.ndarray,
    *, excluded: int = 0,
) -> Estimate:  # fmt: skip
    """Any figure that can be linearised: its interval and test from how far each row moves it.

    Args:
        value: the figure.
        influence: of each row; they add up to 0 over all rows.
        patients, runs: whose each row is, and of which run.
        excluded: rows that were left out before, only handed on.
    """
    from scipy.stats import t

    table = _table(influence, patients, runs)
    p, s = table.shape
    spread = float(np.std(s * table.sum(0), ddof=1)) if s > 1 else NAN
    if p < 2 or np.isnan(value):
        return Estimate(value, NAN, NAN, NAN, NAN, NAN, len(influence), p, s, excluded, spread)
    patients_alone = _p(value, _between(table.sum(1)), p - 1)
    runs_alone = _p(value, _between(table.sum(0)), s - 1) if s >= MIN_RUNS else NAN
    variance, df = _variance(table)
    half = float(np.sqrt(variance) * t.ppf((1 + LEVEL) / 2, df)) if variance > 0 else 0.0
    tests = _p(value, variance, df), patients_alone, runs_alone
    return Estimate(value, value - half, value + half, *tests, len(influence), p, s, excluded, spread)


def _variance(table: Float[np.ndarray, "P S"]) -> tuple[float, float]:
    """Variance of the sum of all cells, and its degrees of freedom, from the two-way layout."""
    p, s = table.shape
    rows, columns = table.sum(1), table.sum(0)
    between_patients = _between(rows)
    if s == 1:
        return between_patients, p - 1.0
    between_runs = _between(columns)
    rest = table - rows[:, None] / s - columns / p + table.sum() / (p * s)
    left = float(p * s / ((p - 1) * (s - 1)) * (rest**2).sum())
    variance = max(between_patients - left, 0.0) + max(between_runs - left, 0.0) + left
    parts = between_patients**2 / (p - 1) + between_runs**2 / (s - 1) + left**2 / ((p - 1) * (s - 1))
    return variance, variance**2 / parts if parts > 0 else p - 1.0


def _between(sums: Float[np.ndarray, " G"]) -> float:
    """Variance of a total from the sums of its groups, which are centred."""
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum())


def _p(value: float, variance: float, df: float) -> float:
    from scipy.stats import t

    if variance <= (ROUNDING * value) ** 2:  # what varies by rounding alone does not vary
        return 1.0 if value == 0 else NAN
    return float(2 * t.sf(abs(value) / np.sqrt(variance), df))


def _signed(found: Estimate) -> Estimate:
    """The same, with the sign test in place of each p that is unknown because nothing varies.

    One patient alone has none, and neither has the same rounding error everywhere.
    """
    if not abs(found.value) > ROUNDING or found.patients < 2:
        return found

    def settled(p: float, groups: int) -> float:
        return 2.0 ** (1 - groups) if np.isnan(p) else p

    p_runs = settled(found.p_runs, found.runs) if found.runs >= MIN_RUNS else NAN
    p, p_patients = (settled(p, found.patients) for p in (found.p, found.p_patients))
    return replace(found, p=p, p_patients=p_patients, p_runs=p_runs)


def _is_known(ratio: Ratio) -> np.ndarray:
    return np.asarray(~(np.isnan(ratio.above) | np.isnan(ratio.below)))


def _rows(ratio: Ratio, known: np.ndarray) -> Ratio:
    return Ratio(*(np.asarray(column)[known] for column in (ratio.above, ratio.below, ratio.patients, ratio.runs)))


def _known(ratio: Ratio) -> tuple[Ratio, int]:
    known = _is_known(ratio)
    return _rows(ratio, known), int((~known).sum())


def _linear(ratio: Ratio) -> tuple[float, Float[np.ndarray, " N"]]:
    """The figure, and the influence of each row on it: (above - figure x below) / sum of below, each row divided by the runs
    that its patient has."""
    shared = _runs_of_patient(ratio)
    above, below = ratio.above / shared, ratio.below / shared
    total = below.sum()
    if total == 0:
        return NAN, np.zeros(len(above))
    value = float(above.sum() / total)
    return value, (above - value * below) / total


def _runs_of_patient(ratio: Ratio) -> Float[np.ndarray, " N"]:
    """For each row, how many runs its patient has rows of."""
    patient = _codes(ratio.patients)
    there = _table(np.ones(len(patient)), ratio.patients, ratio.runs) > 0
    return np.asarray(there.sum(1)[patient], dtype=np.float64)


def _codes(names: Sequence[Any] | np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1))


def _table(values: Float[np.ndarray, " N"], patients: Any, runs: Any) -> Float[np.ndarray, "P S"]:
    """Sums of the values of each patient and run."""
    row, column = _codes(patients), _codes(runs)
    shape = int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1
    return np.asarray(np.bincount(row * shape[1] + column, values, shape[0] * shape[1]).reshape(shape))
