"""Error bars from the noise of measurements."""

from __future__ import annotations

import math

import images
import numpy as np
import pytest
import torch
from networks import dense, drawn, quadratic
from scipy.stats import norm
from torch import nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import of_callable, of_model
from pellucid.jacobians.noise import ErrorBars
from pellucid.measurements import Measurements
from pellucid.predictors.numeric.tables import TableClassifier

NAMES = ("sodium", "potassium", "creatinine")


def _table(imprecision: list[float] | None, *, exclusive: bool = False, output: str = "logits") -> Jacobian:
    """A logistic regression of three measurements on two labels."""
    line = nn.Linear(3, 2).double().eval()
    with torch.no_grad():
        line.weight.copy_(drawn(0, 2, 3))
        line.bias.copy_(drawn(1, 2))
    model = TableClassifier(line, ("a", "b"), exclusive=exclusive, names=NAMES, mean=[140.0, 4.0, 1.0], std=[3.0, 0.5, 0.4])
    model.to(dtype=torch.float64)
    noise = None if imprecision is None else np.array(imprecision)
    row = Measurements(np.array([142.0, 4.4, 1.3]), NAMES, (), noise)
    return Jacobian(of_model(model, Case("case", "patient", {"table": row}, frozenset()), output=output))


def _weights() -> np.ndarray:
    return drawn(0, 2, 3).numpy() / [3.0, 0.5, 0.4]


def test_the_delta_method_of_a_logistic_regression_is_a_closed_formula() -> None:
    sd = [0.7, 0.05, 0.03]
    found = _table(sd).error_bars(level=0.9)
    expected = np.sqrt(_weights() ** 2 @ np.square(sd))
    np.testing.assert_allclose([bar.sd for bar in found.bars], expected)
    for bar in found.bars:
        assert (bar.low, bar.high) == pytest.approx((bar.value - 1.6449 * bar.sd, bar.value + 1.6449 * bar.sd), rel=1e-4)
        assert bar.probability == pytest.approx([1 / (1 + math.exp(-z)) for z in (bar.value, bar.low, bar.high)])
        assert abs(bar.drawn_sd - bar.sd) < 4 * bar.drawn_error
        assert bar.drawn_error == pytest.approx(bar.sd / math.sqrt(2 * 2000), rel=0.1)
        assert (bar.bias, bar.bias_error, bar.far) == (0, 0, False)


def test_probabilities_of_a_logistic_regression_have_the_slope_p_times_one_less_p() -> None:
    sd = [0.7, 0.05, 0.03]
    logits, found = _table(sd).error_bars(), _table(sd, output="probabilities").error_bars()
    for bar, logit in zip(found.bars, logits.bars, strict=True):
        p = 1 / (1 + math.exp(-logit.value))
        assert bar.sd == pytest.approx(p * (1 - p) * logit.sd)
        assert bar.bias == pytest.approx(0.5 * p * (1 - p) * (1 - 2 * p) * logit.sd**2)
        assert bar.probability == pytest.approx((bar.value, max(0, bar.low), min(1, bar.high)))


def test_intervals_hold_the_share_of_noisy_logits_that_they_say() -> None:
    operator = _table([0.7, 0.05, 0.03])
    found = operator.error_bars(level=0.8)
    noisy = operator.function.value(operator.function.at + drawn(9, 20_000, 3) * torch.tensor([0.7, 0.05, 0.03]))
    for k, bar in enumerate(found.bars):
        inside = ((noisy[:, k] > bar.low) & (noisy[:, k] < bar.high)).double().mean()
        assert float(inside) == pytest.approx(0.8, abs=0.012)


def test_measurements_of_unknown_imprecision_are_left_out_and_named() -> None:
    found = _table([0.7, math.nan, 0.03]).error_bars()
    assert found.unknown == ("potassium",)
    assert [bar.sd for bar in found.bars] == [bar.sd for bar in _table([0.7, 0.0, 0.03]).error_bars().bars]


def _lipids(imprecision: list[float]) -> Jacobian:
    """A linear model of cholesterol and of the ratio that is computed from it, in another order than the row."""
    names = ("total cholesterol", "HDL cholesterol", "total cholesterol / HDL", "glucose")
    row = Measurements(np.array([200.0, 50.0, 4.0, 90.0]), names, (), np.array(imprecision))
    line = nn.Linear(4, 1).double().eval()
    with torch.no_grad():
        line.weight.copy_(drawn(4, 1, 4))
    read = ("total cholesterol / HDL", "total cholesterol", "glucose", "HDL cholesterol")
    scale = {"mean": [4.0, 190.0, 90.0, 50.0], "std": [1.0, 40.0, 10.0, 12.0]}
    model = TableClassifier(line, ("a",), exclusive=False, names=read, **scale)
    case = Case("case", "patient", {"table": row}, frozenset(), meta={"derived": ["total cholesterol / HDL"]})
    return Jacobian(of_model(model.to(dtype=torch.float64), case))


def test_what_is_computed_from_measurements_varies_with_them() -> None:
    ratio, total, _, hdl = (drawn(4, 1, 4)[0] / torch.tensor([1.0, 40.0, 10.0, 12.0])).tolist()
    found = _lipids([6.0, 2.0, 0.3, math.nan]).error_bars()  # the ratio's own 0.3 follows from its parts, and is not read
    by_total, by_hdl = ratio / 50 + total, hdl - ratio * 200 / 50**2
    assert found.bars[0].sd == pytest.approx(math.hypot(6 * by_total, 2 * by_hdl))
    assert found.unknown == ("glucose",)
    assert _lipids([6.0, math.nan, 0.3, 1.0]).error_bars().unknown == ("total cholesterol / HDL", "HDL cholesterol")
    with pytest.raises(PellucidError, match="no measurement"):
        _lipids([math.nan] * 4).error_bars()


def test_how_many_versions_are_run_at_once_changes_nothing() -> None:
    found = [Jacobian(quadratic()[0], chunk=chunk).error_bars(0.3, samples=50).bars for chunk in (3, 16, 50)]
    for one, other in zip(found[0], found[1], strict=True):
        assert (one.drawn_mean, one.drawn_sd) == pytest.approx((other.drawn_mean, other.drawn_sd))
    assert [bar.drawn_sd for bar in found[2]] == pytest.approx([bar.drawn_sd for bar in found[0]])


def test_labels_of_a_model_that_does_not_say_that_they_exclude_each_other_do_not() -> None:
    jacobian = _table([1.0, 1.0, 1.0])
    told = jacobian.error_bars()
    del jacobian.function.predictor.exclusive  # type: ignore[union-attr]  # as text models of other packages
    assert jacobian.error_bars().bars == told.bars
    assert all(bar.probability is not None for bar in told.bars)


def test_labels_that_exclude_each_other_have_no_interval_of_a_probability() -> None:
    assert all(bar.probability is None for bar in _table([1.0, 1.0, 1.0], exclusive=True).error_bars().bars)


def test_noise_that_is_shared_follows_its_covariance() -> None:
    root = drawn(5, 3, 3).numpy()
    found = _table(None).error_bars(covariance=root @ root.T)
    np.testing.assert_allclose([bar.sd for bar in found.bars], np.linalg.norm(_weights() @ root, axis=1))
    for bar in found.bars:
        assert abs(bar.drawn_sd - bar.sd) < 4 * bar.drawn_error


def test_a_covariance_of_independent_numbers_is_their_standard_deviations() -> None:
    function, sd = quadratic()[0], np.arange(1.0, 7.0)
    one, other = (Jacobian(function).error_bars(**given) for given in ({"sd": sd}, {"covariance": np.diag(sd**2)}))
    for ours, theirs in zip(one.bars, other.bars, strict=True):
        assert (ours.sd, ours.bias) == pytest.approx((theirs.sd, theirs.bias))


def test_the_bias_of_a_quadratic_form_is_half_a_trace() -> None:
    function, a, _ = quadratic()
    sd = np.arange(1.0, 7.0) / 10
    found = Jacobian(function).error_bars(sd, samples=4000)
    for k, bar in enumerate(found.bars):
        assert bar.bias == pytest.approx(float((a[k].diagonal() * torch.from_numpy(sd**2)).sum()) / 2)
        assert bar.drawn_mean - bar.value == pytest.approx(bar.bias, abs=4 * bar.drawn_sd / math.sqrt(4000))


def test_the_bias_of_many_numbers_is_estimated_with_its_error() -> None:
    function, a, _ = quadratic(n=80)
    for k, bar in enumerate(Jacobian(function).error_bars(0.1, samples=50, probes=400).bars):
        assert bar.bias_error > 0
        assert abs(bar.bias - float(a[k].trace()) / 200) < 4 * bar.bias_error


def test_noise_that_reaches_beyond_the_straight_part_is_flagged() -> None:
    call = lambda x: torch.stack([x[:, 0] ** 2, x[:, 0]], 1)  # noqa: E731
    found = Jacobian(of_callable(call, torch.tensor([0.1], dtype=torch.float64), ("square", "line"))).error_bars(1.0)
    assert [bar.far for bar in found.bars] == [True, False]
    assert found.bars[0].sd == pytest.approx(0.2)
    assert found.bars[0].drawn_sd == pytest.approx(math.sqrt(2 + 0.04), rel=0.1)


def test_exact_measurements_have_bars_of_no_length() -> None:
    found = _table(None).error_bars(0.0)
    for bar in found.bars:
        assert bar.low == bar.value == bar.high == pytest.approx(bar.drawn_mean)
        assert (bar.sd, bar.bias, bar.far) == (0, 0, False)
        assert bar.drawn_sd < 1e-15


def test_one_standard_deviation_in_shades_serves_an_image() -> None:
    operator = Jacobian(of_model(images.classifier(), images.case("a")))
    found = operator.error_bars(0.001, samples=400, probes=0)
    rows = operator.dense().flatten(1)
    np.testing.assert_allclose([bar.sd for bar in found.bars], 0.001 * rows.norm(dim=1).numpy())
    assert all(math.isnan(bar.bias) for bar in found.bars)


def test_the_same_seed_draws_the_same_noise_and_leaves_the_global_generator_alone() -> None:
    operator = Jacobian(quadratic()[0])
    state = torch.get_rng_state()
    found: list[ErrorBars] = [operator.error_bars(0.3, samples=20, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert torch.equal(state, torch.get_rng_state())


def test_the_reach_of_an_interval_is_that_of_the_normal_distribution() -> None:
    operator = Jacobian(of_callable(lambda x: 2 * x, torch.zeros(1, dtype=torch.float64)))
    bar = operator.error_bars(0.5, level=0.5).bars[0]
    assert bar.high == pytest.approx(norm.ppf(0.75))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Nothing is known of the noise"),
        ({"sd": -1.0}, "numbers of 0 or more"),
        ({"sd": math.nan}, "at least one is known"),
        ({"sd": np.ones(2)}, "do not fit an input"),
        ({"covariance": np.ones((2, 2))}, "does not fit an input"),
        ({"covariance": np.triu(np.ones((6, 6)))}, "symmetric"),
        ({"covariance": -np.eye(6)}, "no negative eigenvalues"),
        ({"sd": 1.0, "level": 1.0}, "level between 0 and 1"),
    ],
)
def test_noise_that_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(PellucidError, match=said):
        Jacobian(quadratic()[0]).error_bars(**given)


def test_a_smooth_network_of_small_noise_has_bars_that_drawing_confirms() -> None:
    operator = Jacobian(of_callable(dense([5, 8, 2], nn.Tanh), drawn(0, 5)))
    for bar in operator.error_bars(0.01).bars:
        assert not bar.far
        assert abs(bar.drawn_sd - bar.sd) < 4 * bar.drawn_error
