"""The paired sign-flip test and the correction for many comparisons."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from pellucid.statistics import bootstrap_mean, holm, paired_test


def mean_difference(x, y, axis=-1):
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


@pytest.mark.parametrize("seed", range(5))
def test_with_few_patients_p_is_that_of_all_sign_flips(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.4, 1.0, 9), rng.normal(0.0, 1.0, 9)
    expected = scipy.stats.permutation_test((a, b), mean_difference, permutation_type="samples", n_resamples=np.inf)
    assert paired_test(a, b, np.arange(9)).p == pytest.approx(expected.pvalue)


def test_with_many_patients_p_is_that_of_the_permutation_test_up_to_its_draws():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.25, 1.0, 50), rng.normal(0.0, 1.0, 50)
    expected = scipy.stats.permutation_test(
        (a, b), mean_difference, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(2)
    )
    assert paired_test(a, b, np.arange(50)).p == pytest.approx(expected.pvalue, abs=0.015)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_ties_among_sign_flips_count_as_equally_extreme(differences):
    d = np.array(differences, dtype=float)
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(d))).reshape(len(d), -1)
    expected = np.mean(np.abs(d @ signs) >= abs(d.sum()))
    # Tenths do not add up exactly in binary: p must be that of the whole numbers all the same.
    assert paired_test(d / 10, np.zeros(len(d)), np.arange(len(d))).p == pytest.approx(expected)


def test_all_differences_of_a_patient_change_sign_together():
    a, patients = np.ones(40), np.repeat(np.arange(4), 10)
    assert paired_test(a, np.zeros(40), patients).p == pytest.approx(2 / 2**4)
    assert paired_test(a, np.zeros(40), np.arange(40)).p < 0.001


def test_p_is_never_zero():
    result = paired_test(np.ones(100), np.zeros(100), np.arange(100), draws=99)
    assert result.p == pytest.approx(1 / 100)


def test_methods_that_do_not_differ_have_p_one():
    same = np.linspace(0, 1, 30)
    assert paired_test(same, same, np.arange(30)).p == 1.0
    assert paired_test([0.9], [0.1], ["a"]).p == 1.0


def test_p_is_small_no_more_often_than_it_should_be_when_notes_of_a_patient_resemble_each_other():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(15), 6)
    rejected = 0
    for _ in range(300):
        difference = np.repeat(rng.normal(size=15), 6) + rng.normal(0, 0.3, 90)
        rejected += paired_test(difference, np.zeros(90), patients, draws=199).p <= 0.05
    assert rejected / 300 < 0.09


def test_the_difference_and_its_interval_are_those_of_the_mean_difference():
    rng = np.random.default_rng(4)
    a, b, patients = rng.random(30), rng.random(30), np.repeat(np.arange(10), 3)
    result, mean = paired_test(a, b, patients), bootstrap_mean(a - b, patients)
    assert (result.difference, result.low, result.high) == (mean.value, mean.low, mean.high)
    assert result.difference == pytest.approx(a.mean() - b.mean())
    assert result.patients == 10


def test_pairs_with_a_missing_value_are_left_out_and_counted():
    result = paired_test([1.0, math.nan, 3.0, 1.0], [0.0, 0.0, math.nan, 0.0], ["a", "b", "c", "d"])
    assert (result.difference, result.n, result.patients, result.excluded) == (1.0, 2, 2, 2)


def test_without_pairs_there_is_no_p():
    result = paired_test([math.nan], [1.0], ["a"])
    assert math.isnan(result.p)
    assert math.isnan(result.difference)


def test_more_training_seeds_do_not_make_a_difference_more_significant():
    rng = np.random.default_rng(5)
    a, b, patients = rng.random(10), rng.random(10), np.arange(10)
    once = paired_test(a, b, patients)
    tripled = paired_test(np.tile(a, 3), np.tile(b, 3), np.tile(patients, 3), np.repeat([0, 1, 2], 10))
    assert tripled.p == once.p
    assert tripled.difference == pytest.approx(once.difference)


def test_swapping_the_methods_turns_the_difference_and_keeps_p():
    rng = np.random.default_rng(6)
    a, b, patients = rng.random(20), rng.random(20), np.arange(20)
    forth, back = paired_test(a, b, patients), paired_test(b, a, patients)
    assert forth.p == back.p
    assert forth.difference == pytest.approx(-back.difference)


def test_holm_on_values_worked_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])
    assert len(holm([])) == 0


def test_a_missing_p_value_is_no_test():
    assert holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferroni(p_values):
    p = np.array(p_values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * len(p), 1.0)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_a_number_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="outside"):
        holm([0.5, 1.5])
