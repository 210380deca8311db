"""Figures over patients and runs at once: they agree with known tests where these apply, and err as seldom as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from pellucid.crossed import Ratio, crossed, difference, estimate, mean_of
from pellucid.statistics import bootstrap, bootstrap_ratio, paired_test


def layout(patients: int, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """One row for each patient and run."""
    return np.repeat(np.arange(patients), runs), np.tile(np.arange(runs), patients)


@given(st.integers(0, 10_000))
def test_the_value_is_that_of_the_bootstrap_over_patients_even_where_rows_are_missing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 30
    rows = Ratio(rng.random(n), rng.random(n) + 0.1, rng.integers(5, size=n), rng.integers(3, size=n))
    rows.above[rng.integers(n)] = math.nan
    expected = bootstrap_ratio(rows.above, rows.below, rows.patients, rows.runs, draws=2)
    found = estimate(rows)
    assert found.value == pytest.approx(expected.value)
    assert (found.n, found.patients, found.runs, found.excluded) == (expected.n, expected.patients, expected.seeds, 1)


def test_one_run_gives_the_t_test_over_patients() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 25)
    expected = scipy.stats.ttest_1samp(values, 0)
    found = estimate(mean_of(values, np.arange(25), np.zeros(25)))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_patients_that_do_not_differ_leave_the_t_test_over_runs() -> None:
    effects = np.random.default_rng(1).normal(0.3, 1, 6)
    patients, runs = layout(20, 6)
    found = estimate(mean_of(effects[runs], patients, runs))
    expected = scipy.stats.ttest_1samp(effects, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.p_runs == pytest.approx(expected.pvalue)
    assert found.run_sd == pytest.approx(np.std(effects, ddof=1))


def test_runs_that_do_not_differ_leave_the_t_test_over_patients() -> None:
    effects = np.random.default_rng(2).normal(0.3, 1, 20)
    patients, runs = layout(20, 4)
    found = estimate(mean_of(effects[patients], patients, runs))
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(effects, 0).pvalue)
    assert found.p_patients == pytest.approx(found.p)
    assert math.isnan(found.p_runs)


@pytest.mark.parametrize(
    ("patients", "runs", "of_patients", "of_runs"),
    [(40, 3, 1.0, 0.0), (40, 3, 1.0, 0.5), (30, 5, 0.5, 1.0), (40, 10, 1.0, 0.3)],
)
def test_intervals_hold_the_truth_about_as_often_as_promised(
    patients: int, runs: int, of_patients: float, of_runs: float
) -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        codes = np.repeat(np.arange(patients), rng.integers(1, 6, patients))
        effect, drift = rng.normal(0, of_patients, patients), rng.normal(0, of_runs, runs)
        values = 0.2 + effect[codes][:, None] + drift + rng.normal(0, 1, (len(codes), runs))
        rows = np.repeat(codes, runs), np.tile(np.arange(runs), len(codes))
        found = estimate(mean_of(values.ravel(), *rows))
        covered += found.low <= 0.2 <= found.high
    assert 0.91 < covered / 400 < 0.99


def test_p_is_below_a_twentieth_exactly_where_the_interval_leaves_out_zero() -> None:
    rng = np.random.default_rng(9)
    patients, runs = layout(10, 3)
    for shift in np.linspace(0, 1, 40):
        found = estimate(mean_of(rng.normal(shift, 1, 30), patients, runs))
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_patients_alone_find_differences_where_only_the_runs_differ() -> None:
    rng = np.random.default_rng(4)
    patients, runs = layout(40, 3)
    alone = both = 0
    for _ in range(200):
        values = rng.normal(0, 0.5, 3)[runs] + rng.normal(0, 1, 40)[patients] + rng.normal(0, 0.5, 120)
        found = estimate(mean_of(values, patients, runs))
        alone, both = alone + (found.p_patients < 0.05), both + (found.p < 0.05)
    assert alone / 200 > 0.2
    assert both / 200 < 0.1


def test_the_interval_of_a_pooled_ratio_is_that_of_the_bootstrap_where_patients_are_many() -> None:
    rng = np.random.default_rng(5)
    below = rng.integers(1, 9, 400).astype(float)
    above = rng.binomial(below.astype(int), 0.6).astype(float)
    patients = np.arange(400) // 2
    found = estimate(Ratio(above, below, patients, np.zeros(400)))
    expected = bootstrap_ratio(above, below, patients)
    assert found.low == pytest.approx(expected.low, abs=0.004)
    assert found.high == pytest.approx(expected.high, abs=0.004)


def test_the_difference_of_two_pooled_ratios_has_the_interval_of_the_bootstrap() -> None:
    rng = np.random.default_rng(6)
    patients = np.arange(300) // 2
    shared = rng.random(300)
    a, b = (Ratio(shared + rng.random(300), rng.integers(1, 5, 300) * 1.0, patients, np.zeros(300)) for _ in range(2))
    found = difference(a, b)
    expected = bootstrap(lambda w: (w @ a.above) / (w @ a.below) - (w @ b.above) / (w @ b.below), patients)
    assert found.value == pytest.approx(expected.value)
    assert found.low == pytest.approx(expected.low, abs=0.02)
    assert found.high == pytest.approx(expected.high, abs=0.02)


def test_a_mean_difference_is_the_mean_of_the_differences() -> None:
    rng = np.random.default_rng(7)
    patients, runs = layout(12, 3)
    a, b = rng.random(36), rng.random(36)
    found = difference(mean_of(a, patients, runs), mean_of(b, patients, runs))
    expected = estimate(mean_of(a - b, patients, runs))
    assert (found.value, found.low, found.high, found.p) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p)
    )


def test_the_order_of_rows_and_the_names_of_runs_do_not_matter() -> None:
    rng = np.random.default_rng(8)
    patients, runs = layout(10, 3)
    values, shuffled = rng.random(30), rng.permutation(30)
    one = estimate(mean_of(values, patients, runs))
    two = estimate(mean_of(values[shuffled], patients[shuffled], np.array([7, 99, 3])[runs[shuffled]]))
    assert (one.value, one.low, one.high, one.p) == pytest.approx((two.value, two.low, two.high, two.p))


def test_pairs_with_a_missing_value_are_left_out_on_both_sides() -> None:
    patients, runs = np.arange(4), np.zeros(4)
    found = difference(mean_of([1.0, math.nan, 3.0, 1.0], patients, runs), mean_of([0.0, 0.0, math.nan, 0.5], patients, runs))
    assert (found.value, found.n, found.excluded) == (0.75, 2, 2)


def test_nothing_that_varies_around_zero_is_no_evidence() -> None:
    patients, runs = layout(5, 2)
    same = estimate(mean_of(np.zeros(10), patients, runs))
    assert (same.p, same.low, same.high) == (1.0, 0.0, 0.0)
    assert math.isnan(estimate(mean_of(np.full(10, 1e-16), patients, runs)).p)  # the same rounding error everywhere


@pytest.mark.parametrize("side", [0.1, -0.1])
def test_a_figure_that_is_the_same_everywhere_is_tested_by_its_sign_over_patients(side: float) -> None:
    patients, runs = layout(9, 6)
    found = estimate(mean_of(np.full(54, side), patients, runs))
    assert found.p == found.p_patients == pytest.approx(scipy.stats.binomtest(9, 9).pvalue)
    assert found.p_runs == pytest.approx(scipy.stats.binomtest(6, 6).pvalue)
    values = np.full(54, side)
    flipped = paired_test(values, np.zeros(54), patients, runs)
    assert found.p == pytest.approx(flipped.p)
    assert difference(mean_of(values, patients, runs), mean_of(np.zeros(54), patients, runs)).p == found.p


def test_few_patients_of_one_figure_are_few_all_the_same() -> None:
    patients, runs = layout(4, 3)
    assert estimate(mean_of(np.full(12, 0.3), patients, runs)).p == 0.125


def test_a_figure_known_by_its_influences_alone_has_no_sign_test() -> None:
    """An AUROC of 1 moves with no patient, and is the figure of none."""
    patients, runs = layout(30, 2)
    assert math.isnan(crossed(0.02, np.zeros(60), patients, runs).p)


def test_one_patient_or_none_gives_no_interval() -> None:
    alone = estimate(mean_of([0.1, 0.5], ["a", "a"], [0, 1]))
    assert alone.value == pytest.approx(0.3)
    assert math.isnan(alone.low)
    assert math.isnan(alone.p)
    nobody = crossed(math.nan, np.zeros(0), [], [])
    assert (nobody.n, nobody.patients) == (0, 0)


def test_rows_that_are_not_pairs_are_refused() -> None:
    a, b = mean_of([1.0, 2.0], [0, 1], [0, 0]), mean_of([1.0, 2.0], [0, 2], [0, 0])
    with pytest.raises(ValueError, match="same patients"):
        difference(a, b)
