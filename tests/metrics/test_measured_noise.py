"""Noise of rows and signals: what measuring again would change, where the data say how precise each measurement is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from measured import NAMES, UNITS, recording, row, signal_model, table_model

from pellucid.case import Case
from pellucid.datasets.derived import META
from pellucid.measurements import Measurements
from pellucid.metrics.noise import noisy
from pellucid.metrics.randomisation import model_randomisation, other_label
from pellucid.metrics.robustness import Noise, robustness
from pellucid.predictors.numeric import TableClassifier
from pellucid.registry import explainers
from pellucid.target import Target


def known(imprecision: list[float]) -> Case:
    case = row()
    return replace(case, inputs={"table": Measurements(case.measurements.values, NAMES, UNITS, np.array(imprecision))})


def versions(model: TableClassifier, case: Case, count: int = 2000, radius: float = 0.1) -> np.ndarray:
    """Noisy versions in the unit of each measurement, less the row itself."""
    batch = model.encode([case])
    read = noisy(model, batch, 0, range(count), radius, 0).data
    return (model.denormalised(read) - model.measured(batch, 0).values).numpy()


def test_each_measurement_varies_by_its_imprecision_and_what_is_exact_or_unknown_stays() -> None:
    moved = versions(table_model(), known([0.3, np.nan, 0.05, 0.0]))
    assert moved.std(axis=0)[[0, 2]] == pytest.approx([0.3, 0.05], rel=0.05)
    assert moved[:, [1, 3]] == pytest.approx(0.0, abs=1e-9)
    assert abs(np.corrcoef(moved[:, 0], moved[:, 2])[0, 1]) < 0.1


def test_measurements_in_another_order_keep_their_imprecision() -> None:
    case = known([0.3, 0.0, 0.05, 0.0])
    there = case.measurements
    turned = Measurements(there.values[::-1].copy(), NAMES[::-1], UNITS[::-1], np.array([0.0, 0.05, 0.0, 0.3]))
    model = table_model()
    assert versions(model, replace(case, inputs={"table": turned}), 50) == pytest.approx(versions(model, case, 50))


def test_what_is_computed_from_others_moves_with_them() -> None:
    names = ("total cholesterol", "HDL cholesterol", "log triglycerides", "LDL cholesterol")
    values = np.array([200.0, 50.0, 5.0, 150.0 - np.exp(5.0) / 5])
    made = Measurements(values, names, (), np.array([6.0, 2.0, 0.0, 6.3]))
    case = Case("a", "p", {"table": made}, frozenset(), meta={META: ["LDL cholesterol"]})
    network = torch.nn.Linear(4, 1, dtype=torch.float64)
    model = TableClassifier(network, ["x"], exclusive=False, names=names, mean=[0.0] * 4, std=[10.0] * 4)
    moved = versions(model, case, 50)
    assert moved[:, 3] == pytest.approx(moved[:, 0] - moved[:, 1], abs=1e-6)


def test_where_no_measurement_is_known_to_vary_noise_is_uniform_in_standard_deviations() -> None:
    model = table_model()
    for case in (row(), known([np.nan] * 4), known([0.0, 0.0, np.nan, 0.0])):
        moved = versions(model, case, radius=0.2) / np.array(model.std)
        assert np.abs(moved).max() == pytest.approx(0.2, rel=0.01)
        assert moved.std() == pytest.approx(0.4 / 12**0.5, rel=0.05)


def test_an_imprecision_of_what_is_computed_alone_says_nothing() -> None:
    names = ("total cholesterol", "HDL cholesterol", "log triglycerides", "LDL cholesterol")
    made = Measurements(np.array([200.0, 50.0, 5.0, 120.0]), names, (), np.array([np.nan, np.nan, np.nan, 6.3]))
    case = Case("a", "p", {"table": made}, frozenset(), meta={META: ["LDL cholesterol"]})
    network = torch.nn.Linear(4, 1, dtype=torch.float64)
    model = TableClassifier(network, ["x"], exclusive=False, names=names, mean=[0.0] * 4, std=[10.0] * 4)
    assert np.abs(versions(model, case, radius=0.2)).max() == pytest.approx(2.0, rel=0.01)


def test_noise_depends_on_the_case_and_the_draw_alone_and_draws_nothing_elsewhere() -> None:
    model, case, state = table_model(), known([0.3, 0.1, 0.05, 1.0]), torch.random.get_rng_state()
    pair = model.encode([row("b"), case])
    alone = noisy(model, model.encode([case]), 0, range(4), 0.1, 0).data
    assert torch.equal(noisy(model, pair, 1, [2, 3], 0.1, 0).data, alone[2:])
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(pair.data, model.encode([row("b"), case]).data)


@pytest.mark.parametrize("kind", ["row", "signal"])
def test_explanations_of_rows_and_signals_are_shaken_as_those_of_images_are(kind: str) -> None:
    model, case = (table_model(), row()) if kind == "row" else (signal_model(), recording())
    batch, targets = model.encode([case]), [Target.label(model.labels[0])]
    methods = {name: explainers.create(name) for name in ("jacobian", "uniform", "random")}
    found, _ = robustness(model, methods, batch, targets, Noise(draws=4, tau=1.0, top=0.3))
    assert found["random"][0][0].max_sensitivity == 0.0  # it does not look
    assert found["jacobian"][0][0].rank_stability > 0.5
    shuffled = model_randomisation(model, methods, batch, targets, how="whole").explanations
    assert shuffled["random"][0][0].stages[-1].spearman_of_sizes == pytest.approx(1.0)
    assert shuffled["jacobian"][0][0].stages[-1].spearman_of_sizes < 0.999
    assert other_label(model, methods, batch, targets)["random"][0][0].similarity.spearman < 0.9
