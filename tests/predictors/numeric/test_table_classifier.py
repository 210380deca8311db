"""A classifier of rows reads measurements by name, does what the plain defaults do, and comes back from its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from measured import CENTRE, NAMES, UNITS, row, table_model
from torch import nn

from pellucid import predictors
from pellucid.case import Case
from pellucid.errors import CheckpointError, DataError, PellucidError
from pellucid.measurements import Measurements
from pellucid.predictor import MeasuredInputs, missing_capabilities, modality_of
from pellucid.predictors import plain
from pellucid.predictors.numeric import TableClassifier
from pellucid.predictors.numeric.moments import moments
from pellucid.target import Target
from pellucid.training.trainable import Trainable
from pellucid.units import FeatureUnits

TARGETS = [Target.label("anaemia"), Target.contrast("uraemia", "frailty")]


def of(values: dict[str, float], units: tuple[str, ...] = ()) -> Case:
    return Case("x", "p", {"table": Measurements(np.array(list(values.values())), tuple(values), units)}, frozenset())


def test_features_are_the_measurements_in_standard_deviations_from_the_mean_of_training():
    model = table_model()
    batch = model.encode([row("a"), row("b")])
    seen = np.stack([row(str(i)).measurements.values for i in range(20)])
    expected = (np.stack([row(n).measurements.values for n in "ab"]) - seen.mean(0)) / seen.std(0)
    assert modality_of(model) == "table"
    assert batch.units == (FeatureUnits(NAMES),) * 2
    assert model.features(batch).shape == (2, 4, 1)
    np.testing.assert_allclose(model.features(batch)[..., 0].numpy(), expected, rtol=1e-12)
    assert not model.reference(batch).any()
    np.testing.assert_allclose(
        model.module(model.inputs_of(model.features(batch))).sigmoid().detach(), model.probabilities(batch)
    )
    assert isinstance(model, Trainable)
    assert isinstance(model, MeasuredInputs)
    assert missing_capabilities(model, ("measured_inputs", "network")) == []
    assert len(missing_capabilities(model, ("feature_maps", "embeddings", "soft_masks"))) == 3


def test_the_order_of_a_rows_measurements_does_not_matter():
    model, case = table_model(), row()
    found = case.measurements
    turned = Measurements(found.values[::-1].copy(), found.names[::-1], found.units[::-1])
    np.testing.assert_array_equal(
        model.probabilities(model.encode([replace(case, inputs={"table": turned})])), model.probabilities(model.encode([case]))
    )


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (of(dict(zip(NAMES[1:], CENTRE[1:], strict=True))), "lacks the measurement 'haemoglobin'"),
        (of(dict(zip((*NAMES, "pH"), (*CENTRE, 7.4), strict=True))), "has the measurement 'pH', which the model does not know"),
        (of(dict(zip(NAMES, CENTRE, strict=True)), ("g/l", *UNITS[1:])), "is in g/l, and the model reads g/dl"),
        (Case("x", "p", {"text": "x"}, frozenset()), "no input named 'table'"),
    ],
)
def test_a_row_of_other_measurements_is_refused(case: Case, said: str):
    with pytest.raises(DataError, match=said):
        table_model().encode([case])


def test_a_row_that_says_nothing_of_units_is_taken_at_its_word():
    model, case = table_model(), row()
    plainly = of(dict(zip(NAMES, case.measurements.values, strict=True)))
    np.testing.assert_array_equal(model.encode([plainly]).data, model.encode([case]).data)


@pytest.mark.parametrize("architecture", ["tiny", "small", "small_smooth"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_it_does_what_the_plain_defaults_do(architecture: str, exclusive: bool):
    model = table_model(architecture, exclusive=exclusive)
    batch = model.encode([row("a"), row("b")])
    keep = [np.random.default_rng(i).random((40, 4)) < 0.5 for i in range(2)]
    for fast, slow in zip(
        model.perturbed_scores(batch, keep, "mask", TARGETS),
        plain.perturbed_scores(model, batch, keep, "mask", TARGETS),
        strict=True,
    ):
        np.testing.assert_allclose(fast, slow, atol=1e-12)
    for piece in model.feature_gradients(batch, TARGETS):
        for feature in range(4):
            step = torch.zeros(2, 4, 1, dtype=torch.float64)
            step[piece.case, feature] = 1e-6
            ends = [model.scores(model.features(batch) + sign * step, batch, TARGETS) for sign in (1, -1)]
            slope = (ends[0] - ends[1])[piece.case, piece.targets[0]].item() / 2e-6
            assert slope == pytest.approx(piece.gradient[0, feature, 0].item(), abs=1e-6)


def test_what_is_removed_becomes_the_mean_and_no_other_filler_is_known():
    model = table_model()
    batch = model.encode([row()])
    perturbed = model.perturb(batch, [np.array([True, False, True, False])], "mask")
    np.testing.assert_allclose(model.measured(perturbed, 0).values[[1, 3]], np.array(model.mean)[[1, 3]])
    np.testing.assert_array_equal(perturbed.data[0, [0, 2]], batch.data[0, [0, 2]])
    with pytest.raises(PellucidError, match="'delete'; choose mask"):
        model.perturb(batch, [np.ones(4, dtype=bool)], "delete")


def test_measured_values_are_those_of_the_row_and_enter_the_model_as_its_features():
    model = table_model()
    batch = model.encode([row("a"), row("b")])
    found = model.measured(batch, 1)
    np.testing.assert_allclose(found.values, row("b").measurements.values, rtol=1e-12)
    assert found.unit == UNITS
    torch.testing.assert_close(found.enter(found.values[None]), model.features(batch)[1:])
    slope = torch.autograd.functional.jacobian(lambda v: found.enter(v[None])[0, :, 0], found.values)
    torch.testing.assert_close(slope, torch.diag(1 / torch.tensor(model.std, dtype=torch.float64)))


def test_what_never_varies_is_divided_by_one():
    model = TableClassifier.build(
        "tiny", ("a",), [Measurements(np.array([1.0, float(i)]), ("x", "y")) for i in range(3)], exclusive=False,
        generator=torch.Generator(),
    )  # fmt: skip
    assert model.std == pytest.approx((1.0, np.std([0, 1, 2])))


def test_moments_of_blocks_are_those_of_all_rows_together():
    rows = np.random.default_rng(0).normal(1e6, [1.0, 20.0], (50, 2))
    mean, std = moments([rows[:1], rows[1:30], rows[30:]])
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(std, rows.std(0), rtol=1e-9)


def test_a_column_that_never_varies_has_a_deviation_of_one_however_its_mean_is_rounded():
    assert np.full(3, 0.1).std() > 0
    assert moments([np.full((3, 1), 0.1), np.full((7, 1), 0.1)])[1] == (1.0,)


def test_a_model_comes_back_from_its_folder_as_it_was(tmp_path: Path):
    model = table_model("tiny_smooth", exclusive=True)
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert isinstance(again, TableClassifier)
    assert again.fingerprint == model.fingerprint
    assert (again.names, again.units, again.mean, again.exclusive) == (NAMES, UNITS, model.mean, True)
    batch = model.encode([row()])
    np.testing.assert_array_equal(again.probabilities(again.encode([row()])), model.probabilities(batch))


def test_a_folder_that_was_changed_is_refused(tmp_path: Path):
    table_model().save(tmp_path / "m")
    manifest = tmp_path / "m" / "pellucid.json"
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**said, "mean": [0.0] * 4}))
    with pytest.raises(CheckpointError, match="was changed after it was saved"):
        predictors.load(tmp_path / "m")
    manifest.write_text(json.dumps({**said, "architecture": "huge"}))
    with pytest.raises(CheckpointError, match="no such network as 'huge'"):
        predictors.load(tmp_path / "m")


def test_a_network_of_your_own_is_read_but_not_saved(tmp_path: Path):
    model = TableClassifier(nn.Linear(2, 1), ["a"], exclusive=False, names=["x", "y"])
    batch = model.encode([of({"y": 2.0, "x": 1.0})])
    np.testing.assert_array_equal(batch.data, [[1.0, 2.0]])  # mean 0 and deviation 1 where none are given
    with pytest.raises(PellucidError, match="network of your own cannot be saved"):
        model.save(tmp_path / "m")
    with pytest.raises(PellucidError, match="for rows and labels"):
        TableClassifier(nn.Linear(2, 3), ["a"], exclusive=False, names=["x", "y"]).probabilities(batch)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"names": ["x", "x"]}, "name of its own"),
        ({"std": [1.0, 0.0]}, "std numbers above 0"),
        ({"mean": [0.0]}, "one number for each of the 2 features"),
        ({"units": ["mg"]}, "1 units"),
        ({"labels": ["a", "a"]}, "Labels need names that differ"),
    ],
)
def test_what_cannot_be_right_is_refused(settings: dict, said: str):
    values = {"labels": ["a"], "names": ["x", "y"], "exclusive": False, **settings}
    with pytest.raises(PellucidError, match=said):
        TableClassifier(nn.Linear(2, 1), **values)
