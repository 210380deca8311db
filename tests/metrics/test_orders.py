from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from support_faithfulness import Wordwise

from pellucid.errors import PellucidError
from pellucid.metrics.base import Reading
from pellucid.metrics.faithfulness import NaopcComprehensiveness, NaopcSufficiency
from pellucid.metrics.orders import choose, orders, orders_with_cost
from pellucid.metrics.sweep import sweep


def brute(model, n, target=0, units=None):
    """AOPC in probability of every order of the given words of an n-word note, by removing them one after another."""
    units = range(n) if units is None else units
    whole = expit(model.outputs(np.ones((1, n), dtype=bool)))[0, target]
    found = {}
    for order in permutations(units):
        kept = np.ones((len(order), n), dtype=bool)
        for step, unit in enumerate(order):
            kept[step:, unit] = False
        found[order] = float(np.mean(whole - expit(model.outputs(kept))[:, target]))
    return found


@settings(deadline=None, max_examples=15)
@given(st.integers(2, 5), st.integers(0, 10_000))
def test_a_short_note_is_measured_over_all_orders_of_all_its_words(n, seed):
    rng = np.random.default_rng(seed)
    model = Wordwise(rng.normal(size=n), pairs={(0, 1): 2.0})
    scores = rng.normal(size=(1, n))
    batch, units = model.batch()
    (found,) = orders(model, batch, model.targets, units, {"m": scores}, filler="mask")["m"]
    every = brute(model, n)
    ranking = tuple(np.argsort(-scores[0]))
    assert found.most_first == pytest.approx(every[ranking], abs=1e-12)
    assert found.least_first == pytest.approx(every[ranking[::-1]], abs=1e-12)
    assert found.lower == pytest.approx(min(every.values()), abs=1e-12)
    assert found.upper == pytest.approx(max(every.values()), abs=1e-12)
    assert (found.exact, found.gap) == (True, 0.0)


def test_the_true_order_of_an_additive_model_is_best_and_its_reverse_worst():
    rng = np.random.default_rng(0)
    model = Wordwise(rng.normal(size=(2, 30)))
    batch, units = model.batch()
    maps = {"true": model.weights, "inverted": -model.weights}
    found = orders(model, batch, model.targets, units, maps, filler="delete")
    for k in range(2):
        true, inverted = found["true"][k], found["inverted"][k]
        assert true.most_first == pytest.approx(true.upper, abs=1e-12)
        assert true.least_first == pytest.approx(true.lower, abs=1e-12)
        assert inverted.most_first == pytest.approx(inverted.lower, abs=1e-12)
        assert (true.lower, true.upper) == (inverted.lower, inverted.upper)


def test_in_a_long_note_only_the_candidates_are_removed():
    model = Wordwise(np.linspace(-1, 2, 40))
    batch, units = model.batch()
    scores = np.random.default_rng(3).normal(size=(1, 40))
    (found,) = orders(model, batch, model.targets, units, {"m": scores}, filler="mask", candidates=4)["m"]
    top = np.argsort(-scores[0])[:4]
    every = brute(model, 40, units=sorted(top))
    assert found.most_first == pytest.approx(every[tuple(top)], abs=1e-12)
    assert found.upper == pytest.approx(max(every.values()), abs=1e-12)
    assert len(model.asked) == 2**4


def test_candidates_are_taken_round_by_round_whatever_the_order_of_the_methods():
    draw = np.arange(6)[::-1]
    a, b, c = np.array([0, 1, 2, 3, 4, 5]), np.array([1, 3, 0, 2, 4, 5]), np.array([0, 3, 5, 4, 1, 2])
    assert choose([a, b, c], 2, draw).tolist() == [0, 1]
    assert choose([a, b, c], 3, draw).tolist() == [0, 1, 3]  # the second round adds 3 only: 1 is already in
    assert choose([a, b, c], 4, draw).tolist() == [0, 1, 3, 5]  # the third names 2 and 5 once each; 5 is drawn first
    assert choose([c, b, a], 4, draw).tolist() == [0, 1, 3, 5]
    assert choose([a, b, c], 9, draw).tolist() == [0, 1, 2, 3, 4, 5]


def test_where_a_round_does_not_fit_what_more_methods_name_goes_in():
    rankings = [np.array([0, 1, 2]), np.array([2, 0, 1]), np.array([2, 1, 0])]
    assert choose(rankings, 1, np.arange(3)).tolist() == [2]


def test_masks_that_recur_across_targets_methods_and_the_sweep_are_scored_once():
    rng = np.random.default_rng(5)
    model = Wordwise(rng.normal(size=(3, 8)))
    batch, units = model.batch()
    maps = {"a": rng.normal(size=(3, 8)), "b": rng.normal(size=(3, 8))}
    sweep(model, batch, model.targets, units, maps, filler="mask")
    before = len(model.asked)
    _, cost = orders_with_cost(model, batch, model.targets, units, maps, filler="mask")
    assert set(model.asked.values()) == {1}
    assert len(model.asked) == 2**8  # all targets and methods share the lattice of the whole note
    assert cost.scored == cost.chunks == 2**8 - before
    assert cost.planned > cost.scored


def test_beams_take_over_above_the_exact_limit_and_stay_near():
    rng = np.random.default_rng(6)
    model = Wordwise(rng.normal(size=12), pairs={(0, 1): 2.0, (2, 3): -2.0})
    scores = rng.normal(size=(1, 12))
    batch, units = model.batch()
    exact, beam = (
        orders(model, batch, model.targets, units, {"m": scores}, filler="mask", candidates=12, exact_up_to=limit)["m"][0]
        for limit in (12, 5)
    )
    assert exact.exact
    assert not beam.exact
    assert exact.lower <= beam.lower <= beam.upper <= exact.upper
    assert beam.upper == pytest.approx(exact.upper, abs=0.01)
    assert beam.most_first == exact.most_first


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 14), st.integers(0, 10_000))
def test_normalised_values_lie_between_0_and_1_even_where_a_beam_misses_the_best(n, seed):
    rng = np.random.default_rng(seed)
    pairs = {(int(i), int(j)): float(v) for i, j, v in zip(*rng.integers(0, n, (2, 6)), rng.normal(size=6) * 4, strict=True)}
    model = Wordwise(rng.normal(size=n), pairs=pairs)
    maps = {name: rng.normal(size=(1, n)) for name in "abc"}
    batch, units = model.batch()
    found = orders(model, batch, model.targets, units, maps, filler="mask", candidates=12, exact_up_to=4, beam=1)
    for name, scores in maps.items():
        reading = Reading(scores[0], True, units, orders=found[name][0])
        assert 0.0 <= NaopcComprehensiveness()(reading) <= 1.0
        assert 0.0 <= NaopcSufficiency()(reading) <= 1.0


def test_one_word_has_one_order():
    model = Wordwise(np.array([2.0]))
    batch, units = model.batch()
    (found,) = orders(model, batch, model.targets, units, {"m": np.array([[1.0]])}, filler="mask")["m"]
    assert found.most_first == found.least_first == found.lower == found.upper == expit(2.0) - 0.5


def test_a_note_without_words_has_no_order():
    model = Wordwise(np.zeros((1, 0)))
    batch, units = model.batch()
    (found,) = orders(model, batch, model.targets, units, {"m": np.zeros((1, 0))}, filler="mask")["m"]
    assert (found.most_first, found.least_first, found.lower, found.upper) == (0.0, 0.0, 0.0, 0.0)


def test_settings_out_of_range_are_refused():
    model = Wordwise(np.ones(3))
    batch, units = model.batch()
    for setting in ({"candidates": 0}, {"beam": 0}):
        with pytest.raises(PellucidError, match="at least 1"):
            orders(model, batch, model.targets, units, {"m": np.ones((1, 3))}, filler="mask", **setting)
