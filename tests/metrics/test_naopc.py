from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import PellucidError
from pellucid.metrics.naopc import beam_bounds, doubled_beam, exact_bounds, order_aopc


class Table:
    """Random values of all subsets of n units, that count how often each is asked for."""

    def __init__(self, n: int, seed: int) -> None:
        self.values = np.random.default_rng(seed).normal(size=2**n)
        self.values[0] = 0.0
        self.asked = np.zeros(2**n, dtype=int)
        self.largest_call = 0

    def __call__(self, removed):
        codes = removed @ (1 << np.arange(removed.shape[1]))
        np.add.at(self.asked, codes, 1)
        self.largest_call = max(self.largest_call, len(codes))
        return self.values[codes]

    def brute(self, n):
        """AOPC of every order, prefix by prefix."""
        sets = [np.cumsum([1 << i for i in order]) for order in permutations(range(n))]
        return np.array([self.values[codes].mean() for codes in sets])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_exact_bounds_equal_those_over_all_orders(n, seed):
    table = Table(n, seed)
    everything = table.brute(n)
    assert len(everything) == factorial(n)
    bounds = exact_bounds(table, n)
    assert bounds.lower == pytest.approx(everything.min(), abs=1e-12)
    assert bounds.upper == pytest.approx(everything.max(), abs=1e-12)


def test_bounds_may_be_negative_on_both_sides():
    # An upper bound that started its search at 0 would miss this.
    bounds = exact_bounds(lambda removed: -removed.sum(axis=1).astype(float), 4)
    assert bounds.lower == bounds.upper == -2.5
    assert beam_bounds(lambda removed: -removed.sum(axis=1).astype(float), 4, 2).upper == -2.5


def test_exact_bounds_of_an_additive_value_are_the_sorted_orders():
    weights = np.array([0.3, -1.0, 2.0, 0.7, 0.0])
    bounds = exact_bounds(lambda removed: removed @ weights, 5)
    assert bounds.upper == pytest.approx(np.cumsum(np.sort(weights)[::-1]).mean())
    assert bounds.lower == pytest.approx(np.cumsum(np.sort(weights)).mean())


def test_exact_bounds_ask_for_every_set_but_the_empty_one_once_in_blocks():
    table = Table(9, 0)
    exact_bounds(table, 9, block=100)
    assert table.asked[0] == 0
    assert (table.asked[1:] == 1).all()
    assert table.largest_call == 100


def test_too_many_units_for_exact_bounds_are_refused():
    with pytest.raises(PellucidError, match="use at most 20 units"):
        exact_bounds(lambda removed: removed.sum(axis=1), 21)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 7), st.integers(0, 10_000), st.integers(1, 6))
def test_beams_never_pass_the_exact_bounds(n, seed, width):
    table = Table(n, seed)
    exact, inner = exact_bounds(table, n), beam_bounds(table, n, width)
    assert exact.lower - 1e-12 <= inner.lower <= inner.upper <= exact.upper + 1e-12


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 7), st.integers(0, 10_000))
def test_a_beam_as_wide_as_the_lattice_is_exact(n, seed):
    table = Table(n, seed)
    exact, wide = exact_bounds(table, n), beam_bounds(table, n, 35)  # 35 = 7 over 3, the widest level
    assert wide.lower == pytest.approx(exact.lower, abs=1e-12)
    assert wide.upper == pytest.approx(exact.upper, abs=1e-12)


def test_a_beam_of_one_is_greedy_and_can_be_fooled():
    # Unit 0 alone is worth a little; units 1 and 2 are worth much, but only together.
    def value(removed):
        return 0.1 * removed[:, 0] + 3.0 * (removed[:, 1] & removed[:, 2])

    assert beam_bounds(value, 3, 1).upper == pytest.approx((0.1 + 0.1 + 3.1) / 3)
    assert exact_bounds(value, 3).upper == pytest.approx((0.0 + 3.0 + 3.1) / 3)


def test_both_beams_share_their_evaluations():
    table = Table(8, 4)
    beam_bounds(table, 8, 5)
    assert table.asked.max() == 1
    assert table.asked.sum() < 2**8


def test_doubling_the_beam_evaluates_nothing_twice_and_reports_its_gain():
    for seed in range(20):
        table = Table(9, seed)
        bounds, gap = doubled_beam(table, 9, 2)
        assert table.asked.max() == 1
        narrow = beam_bounds(table, 9, 2)
        assert gap == pytest.approx(bounds.width - narrow.width)
        assert gap >= 0
        assert bounds.lower <= narrow.lower <= narrow.upper <= bounds.upper


def test_the_gap_is_zero_once_the_beam_is_exact():
    table = Table(6, 7)
    bounds, gap = doubled_beam(table, 6, 20)
    assert gap == 0.0
    assert bounds.upper == pytest.approx(exact_bounds(table, 6).upper, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_aopc_of_orders_is_the_mean_over_prefixes(n, seed):
    table = Table(n, seed)
    every = np.array(list(permutations(range(n))))
    np.testing.assert_allclose(order_aopc(table, every), table.brute(n), atol=1e-12)


def test_a_beam_handles_more_units_than_any_lattice_could():
    weights = np.linspace(-1, 1, 40)
    bounds = beam_bounds(lambda removed: removed @ weights, 40, 2)
    assert bounds.upper == pytest.approx(np.cumsum(weights[::-1]).mean())
    assert bounds.lower == pytest.approx(np.cumsum(weights).mean())
