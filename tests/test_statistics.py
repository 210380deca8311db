"""Bootstrap intervals over patients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from pellucid import statistics
from pellucid.metrics.base import shares
from pellucid.metrics.pooled import Pooled
from pellucid.statistics import Interval, bootstrap, bootstrap_mean, bootstrap_ratio


def clustered(rng: np.random.Generator, patients: int, each: int, between: float = 1.0, within: float = 0.3):
    """Values of several notes a patient that resemble each other."""
    names = np.repeat([f"p{i:03d}" for i in range(patients)], each)
    return np.repeat(rng.normal(0.0, between, patients), each) + rng.normal(0.0, within, patients * each), names


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_value_is_the_mean_of_all_rows_and_lies_in_its_interval(rows):
    values, patients = np.array(rows, dtype=float).T
    result = bootstrap_mean(values, patients, draws=200)
    assert result.value == pytest.approx(values.mean(), abs=1e-9)
    assert (result.n, result.patients) == (len(rows), len(set(patients)))
    if result.patients > 1:
        assert values.min() - 1e-9 <= result.low <= result.high <= values.max() + 1e-9


def test_one_row_a_patient_gives_the_percentile_interval_of_scipy():
    values = np.random.default_rng(0).exponential(size=60)
    ours = bootstrap_mean(values, np.arange(60), draws=20_000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_a_ratio_of_sums_resamples_numerator_and_denominator_of_a_patient_together():
    rng = np.random.default_rng(5)
    above, below = rng.integers(0, 5, 40).astype(float), rng.integers(5, 9, 40).astype(float)
    ours = bootstrap_ratio(above, below, np.arange(40), draws=20_000)
    theirs = scipy.stats.bootstrap(
        (above, below), lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis), paired=True, method="percentile",
        n_resamples=20_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert ours.value == above.sum() / below.sum()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_notes_that_resemble_each_other_make_the_interval_wider_than_if_they_were_independent():
    values, patients = clustered(np.random.default_rng(1), patients=40, each=10)
    by_patient, by_note = bootstrap_mean(values, patients), bootstrap_mean(values, np.arange(len(values)))
    assert by_patient.value == pytest.approx(by_note.value)
    assert by_patient.high - by_patient.low > 2 * (by_note.high - by_note.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        result = bootstrap_mean(*clustered(rng, patients=40, each=4), draws=400)
        covered += result.low <= 0.0 <= result.high
    assert 0.90 <= covered / 300 <= 0.98


def test_a_higher_level_gives_a_wider_interval():
    values, patients = clustered(np.random.default_rng(3), patients=20, each=2)
    narrow, wide = (bootstrap_mean(values, patients, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_missing_values_are_left_out_and_counted():
    result = bootstrap_mean([1.0, math.nan, 3.0, math.nan], ["a", "a", "b", "c"])
    assert (result.value, result.n, result.patients, result.excluded) == (2.0, 2, 2, 2)
    ratio = bootstrap_ratio([1.0, 1.0, math.nan], [2.0, math.nan, 2.0], ["a", "b", "c"])
    assert (ratio.value, ratio.n, ratio.patients, ratio.excluded) == (0.5, 1, 1, 2)


def test_a_single_patient_has_a_value_but_no_interval():
    result = bootstrap_mean([1.0, 2.0], ["a", "a"])
    assert result.value == 1.5
    assert math.isnan(result.low)
    assert math.isnan(result.high)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_no_value_at_all_is_reported_as_such(values):
    result = bootstrap_mean(values, ["a", "b"][: len(values)])
    assert math.isnan(result.value)
    assert (result.n, result.patients, result.excluded) == (0, 0, len(values))


def test_a_ratio_whose_denominators_are_all_zero_has_no_value():
    result = bootstrap_ratio([0.0, 0.0], [0.0, 0.0], ["a", "b"])
    assert math.isnan(result.value)
    assert math.isnan(result.low)


def test_more_training_seeds_do_not_pass_for_more_patients():
    values, patients = clustered(np.random.default_rng(4), patients=15, each=3)
    once = bootstrap_mean(values, patients)
    thrice = bootstrap_mean(np.tile(values, 3), np.tile(patients, 3), np.repeat([0, 1, 2], len(values)))
    assert (thrice.value, thrice.low, thrice.high) == pytest.approx((once.value, once.low, once.high))
    assert (once.seeds, thrice.seeds) == (1, 3)
    assert math.isnan(once.seed_sd)
    assert thrice.seed_sd == pytest.approx(0.0)


def test_the_spread_between_seeds_is_that_of_their_means():
    values, patients = clustered(np.random.default_rng(4), patients=15, each=3)
    shifts = np.array([0.0, 1.0, 5.0])
    shifted = (values + shifts[:, None]).ravel()
    result = bootstrap_mean(shifted, np.tile(patients, 3), np.repeat([7, 8, 9], len(values)))
    assert result.value == pytest.approx(values.mean() + 2.0)
    assert result.seed_sd == pytest.approx(np.std(shifts, ddof=1))


def test_a_patient_seen_by_fewer_seeds_weighs_as_much_as_the_others():
    result = bootstrap_mean([1.0, 1.0, 1.0, 4.0], ["a", "a", "a", "b"], [0, 1, 2, 0])
    assert result.value == pytest.approx(2.5)


def test_the_same_seed_gives_the_same_interval_and_the_order_of_rows_does_not_matter():
    values, patients = clustered(np.random.default_rng(6), patients=12, each=3)
    first, again = bootstrap_mean(values, patients), bootstrap_mean(values[::-1], patients[::-1])
    other = bootstrap_mean(values, patients, seed=1)
    assert (first.low, first.high) == pytest.approx((again.low, again.high), abs=1e-12)
    assert first.low != other.low


def test_the_global_generator_and_the_inputs_are_left_alone():
    values, patients = clustered(np.random.default_rng(7), patients=5, each=2)
    kept, state = values.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    bootstrap_mean(values, patients)
    statistics.paired_test(values, values + 1, patients)
    assert np.array_equal(values, kept)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_any_figure_of_weighted_rows_can_be_given_an_interval():
    values, patients = clustered(np.random.default_rng(8), patients=10, each=2)
    result = bootstrap(lambda w: (w @ values) / w.sum(axis=1), patients)
    expected = bootstrap_mean(values, patients)
    assert (result.value, result.low, result.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_pooled_average_precision_gets_an_interval_over_patients():
    rng = np.random.default_rng(9)
    patients = np.repeat(np.arange(30), 2)
    truth = rng.random((60, 25)) < 0.2
    pool = Pooled.of([(shares(rng.random(25) + t), t) for t in truth])
    result = bootstrap(pool.average_precision, patients, draws=300)
    assert isinstance(result, Interval)
    assert result.low < result.value < result.high
    assert result.value == pytest.approx(pool.average_precision(np.ones((1, 60)))[0])


def test_draws_made_in_blocks_are_complete(monkeypatch):
    monkeypatch.setattr(statistics, "CELLS", 100)
    seen = []
    bootstrap(lambda w: seen.append(w) or w.sum(axis=1), np.arange(7), draws=50)
    drawn = np.concatenate(seen[1:])
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.var(axis=0).min() > 0
