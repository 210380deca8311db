"""Directions of rows: one standard deviation of measuring again, and what is computed from a measurement changes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from clinical import ROW, named, off_its_derivative, reasons, row_model

from pellucid.case import Case
from pellucid.datasets.derived import META, Derived
from pellucid.jacobians import Jacobian, of_model
from pellucid.jacobians.directions import collected

CASE = Case("r", "r", {"table": ROW}, frozenset(), meta={META: ["LDL cholesterol", "total cholesterol / HDL"]})
MODEL = row_model().to(dtype=torch.float64)
EVERY = collected(of_model(MODEL, CASE))


@pytest.mark.parametrize("direction", EVERY.directions, ids=lambda d: d.name)
def test_the_tangent_is_the_derivative_of_the_path(direction):
    assert off_its_derivative(direction) < 1e-6


def test_a_measurement_moves_by_its_imprecision_with_what_is_computed_from_it():
    after = dict(zip(MODEL.names, named(EVERY, "total cholesterol").at(1).tolist(), strict=True))
    assert after["total cholesterol"] == pytest.approx(206)
    assert after["total cholesterol / HDL"] == pytest.approx(206 / 50)
    assert after["LDL cholesterol"] == pytest.approx(126)
    assert after["HDL cholesterol"] == pytest.approx(50)


def test_units_are_those_of_the_measurement():
    assert named(EVERY, "HDL cholesterol").unit == "+2 mg/dl, 1 SD of repeating it"
    assert named(EVERY, "HDL cholesterol").note == "what is computed from it changes with it"


def test_what_is_computed_exact_or_unknown_is_no_direction_of_its_own():
    said = reasons(EVERY)
    assert said["LDL cholesterol"] == "it is computed from other measurements, and changes with them"
    assert said["creatinine"] == "it is exact"
    unknown = replace(CASE, inputs={"table": replace(ROW, imprecision=None)}, meta={})
    said = reasons(collected(of_model(MODEL, unknown), ["measurement"]))
    assert set(said) == set(ROW.names)
    assert said["creatinine"] == "its imprecision is not known"


def test_differences_between_patients_are_named_apart():
    found = named(EVERY, "creatinine among patients")
    assert found.group == "variation"
    assert float(found.tangent[MODEL.names.index("creatinine")]) == pytest.approx(0.2 * 1.1)
    assert found.unit == "+0.22 mg/dl, 1 SD of the training cases"
    assert "LDL cholesterol among patients" in reasons(EVERY)


def test_a_model_that_does_not_know_its_training_cases_skips_their_differences():
    class Bare:
        modality, names, labels, threshold, exclusive = "table", MODEL.names, MODEL.labels, 0.5, False

        def __getattr__(self, name):
            if name == "std":
                raise AttributeError(name)
            return getattr(MODEL, name)

    found = collected(replace(of_model(MODEL, CASE), predictor=Bare()), ["variation"])
    assert reasons(found) == {"variation": "the model does not know how its training cases differed"}


def test_rules_of_ones_own_take_the_place_of_those_of_the_data_set():
    rule = Derived("creatinine", ("HDL cholesterol",), lambda hdl: hdl**2 / 1000, lambda hdl: (hdl / 500,), "for a test")
    own = collected(of_model(MODEL, CASE), ["HDL cholesterol"], derived=[rule])
    step = named(own, "HDL cholesterol").tangent
    assert float(step[MODEL.names.index("creatinine")]) == pytest.approx(2 * 50 / 500)
    assert float(step[MODEL.names.index("LDL cholesterol")]) == 0


def test_the_table_says_what_a_repeated_measurement_does():
    table = Jacobian(of_model(MODEL, CASE)).directions(["measurement"])
    effect = table.effect("total cholesterol", "effusion")
    moved = MODEL.measured(MODEL.encode([CASE]), 0).enter(named(EVERY, "total cholesterol").at(1)[None])
    before = MODEL.features(MODEL.encode([CASE]))
    logits = [MODEL.logits(MODEL.inputs_of(features))[0, 0].detach() for features in (moved, before)]
    assert effect.truth == pytest.approx(float(logits[0] - logits[1]))
    assert "for total cholesterol (+6 mg/dl, 1 SD of repeating it)" in table.said(effect)
