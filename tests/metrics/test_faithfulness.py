import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from support_faithfulness import Wordwise

from pellucid.metrics import faithfulness
from pellucid.metrics.base import Curves, Orders, Reading, Undefined
from pellucid.metrics.sweep import sweep
from pellucid.registry import metrics
from pellucid.units import words

FROM_CURVES = (
    "comprehensiveness",
    "sufficiency",
    "comprehensiveness_relative",
    "sufficiency_relative",
    "deletion_auc",
    "insertion_auc",
    "srg",
    "aopc",
)
FROM_ORDERS = ("naopc_comprehensiveness", "naopc_sufficiency", "naopc_gap")

CURVES = Curves(
    counts=np.array([0, 1, 2, 5, 10]),
    removed=np.array([0.8, 0.5, 0.4, 0.2, 0.1]),
    kept=np.array([0.1, 0.6, 0.9, 0.7, 0.8]),
    scale="probability",
    filler="mask",
    ties=0.0,
)


def reading(curves=None, orders=None):
    return Reading(np.zeros(10), False, words("a b"), curves=curves, orders=orders)


def measure(name, curves=None, orders=None):
    return faithfulness_metrics()[name](reading(curves, orders))


def faithfulness_metrics():
    made = [thing() for thing in vars(faithfulness).values() if isinstance(thing, type) and "name" in vars(thing)]
    return {metric.name: metric for metric in made}


def test_values_by_hand():
    assert measure("comprehensiveness", CURVES) == pytest.approx((0.3 + 0.4 + 0.6) / 3)
    assert measure("sufficiency", CURVES) == pytest.approx((0.2 - 0.1 + 0.1) / 3)
    assert measure("comprehensiveness_relative", CURVES) == pytest.approx((0.3 + 0.4 + 0.6) / 3 / 0.8)
    assert measure("sufficiency_relative", CURVES) == pytest.approx((0.2 - 0.1 + 0.1) / 3 / 0.8)
    assert measure("aopc", CURVES) == pytest.approx((0.3 + 0.4 + 0.6 + 0.7) / 4)
    assert measure("deletion_auc", CURVES) == pytest.approx(0.1 * 0.65 + 0.1 * 0.45 + 0.3 * 0.3 + 0.5 * 0.15)
    assert measure("insertion_auc", CURVES) == pytest.approx(0.1 * 0.35 + 0.1 * 0.75 + 0.3 * 0.8 + 0.5 * 0.75)
    assert measure("srg", CURVES) == pytest.approx(measure("insertion_auc", CURVES) - measure("deletion_auc", CURVES))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=30))
def test_areas_are_those_of_scipy(values):
    values = np.array(values)
    counts = np.cumsum(np.arange(len(values)))
    curves = Curves(counts, values, values[::-1], "probability", "mask", 0.0)
    assert measure("deletion_auc", curves) == pytest.approx(trapezoid(values, counts / counts[-1]))
    assert measure("insertion_auc", curves) == pytest.approx(trapezoid(values[::-1], counts / counts[-1]))


def test_areas_do_not_depend_on_the_number_of_steps_where_the_curve_is_straight():
    def straight(counts):
        counts = np.array(counts)
        return Curves(counts, 1 - counts / 8, counts / 8, "probability", "mask", 0.0)

    for counts in ([0, 8], [0, 1, 8], [0, 1, 2, 4, 6, 8]):
        assert measure("deletion_auc", straight(counts)) == pytest.approx(0.5)
        assert measure("srg", straight(counts)) == pytest.approx(0.0)


def test_a_random_order_gains_nothing_on_average():
    weights = np.array([0.5, -1.0, 3.0, 0.0, 2.0, -0.25])
    model = Wordwise(weights, pairs={(0, 1): 2.0})
    batch, units = model.batch()
    gains = [
        measure("srg", sweep(model, batch, model.targets, units, {"flat": np.ones((1, 6))}, filler="mask",
                             counts=range(7), seed=seed)["flat"][0])
        for seed in range(400)
    ]  # fmt: skip
    assert abs(np.mean(gains)) < 4 * np.std(gains) / np.sqrt(len(gains))


def test_the_truth_beats_noise_and_noise_beats_its_opposite():
    rng = np.random.default_rng(0)
    model = Wordwise(rng.normal(size=60))
    batch, units = model.batch()
    maps = {"truth": model.weights, "noise": rng.normal(size=(1, 60)), "inverted": -model.weights}
    found = {name: rows[0] for name, rows in sweep(model, batch, model.targets, units, maps, filler="mask").items()}
    for name in FROM_CURVES:
        metric = faithfulness_metrics()[name]
        sign = 1 if metric.higher_is_better else -1
        truth, noise, inverted = (sign * measure(name, found[m]) for m in ("truth", "noise", "inverted"))
        assert truth > noise > inverted


@pytest.mark.parametrize("name", FROM_CURVES)
def test_fewer_than_two_units_have_no_faithfulness(name):
    for units in (0, 1):
        counts = np.arange(units + 1)
        curves = Curves(counts, np.full(units + 1, 0.5), np.full(units + 1, 0.5), "probability", "mask", 0.0)
        with pytest.raises(Undefined, match="fewer than two units"):
            measure(name, curves)


def test_a_sweep_of_ends_only_has_areas_but_no_comprehensiveness():
    ends = Curves(np.array([0, 9]), np.array([0.9, 0.1]), np.array([0.1, 0.9]), "probability", "mask", 0.0)
    assert measure("deletion_auc", ends) == pytest.approx(0.5)
    for name in FROM_CURVES[:4]:
        with pytest.raises(Undefined, match="no step between"):
            measure(name, ends)


def test_shares_of_a_logit_or_of_nothing_are_refused():
    logits = Curves(CURVES.counts, CURVES.removed, CURVES.kept, "logit", "mask", 0.0)
    nothing = Curves(CURVES.counts, np.zeros(5), np.zeros(5), "probability", "mask", 0.0)
    for name in ("comprehensiveness_relative", "sufficiency_relative"):
        with pytest.raises(Undefined, match="share of a logit"):
            measure(name, logits)
        with pytest.raises(Undefined, match="whole input is 0"):
            measure(name, nothing)
    assert measure("comprehensiveness", logits) == measure("comprehensiveness", CURVES)


def test_naopc_is_the_way_from_the_lower_to_the_upper_bound():
    orders = Orders(most_first=0.5, least_first=0.2, lower=0.1, upper=0.6, exact=False, gap=0.05)
    assert measure("naopc_comprehensiveness", orders=orders) == pytest.approx(0.8)
    assert measure("naopc_sufficiency", orders=orders) == pytest.approx(0.2)
    assert measure("naopc_gap", orders=orders) == pytest.approx(0.1)


@pytest.mark.parametrize("name", FROM_ORDERS)
@pytest.mark.parametrize("noise", [0.0, 3e-8])
def test_a_model_that_no_order_moves_has_no_naopc(name, noise):
    constant = Orders(0.3, 0.3 + noise, 0.3, 0.3 + noise, exact=True, gap=0.0)
    with pytest.raises(Undefined, match="every order of removal"):
        measure(name, orders=constant)


def test_what_was_not_run_is_not_guessed():
    for name in FROM_CURVES + FROM_ORDERS:
        with pytest.raises(Undefined, match="no "):
            measure(name)


def test_facts_are_complete_and_every_value_lies_in_its_range():
    made = faithfulness_metrics()
    assert set(made) == set(FROM_CURVES + FROM_ORDERS)
    orders = Orders(0.5, 0.2, 0.1, 0.6, exact=False, gap=0.05)
    for name, metric in made.items():
        assert metric.family == "faithfulness"
        assert metric.needs == (("curves",) if name in FROM_CURVES else ("orders",))
        assert metric.cites
        low, high = metric.range
        assert low <= metric(reading(CURVES, orders)) <= high
        assert metrics.factory(name) is type(metric)
    assert math.isinf(made["sufficiency_relative"].range[0])
