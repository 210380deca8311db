"""The table of directions: what the Jacobian predicts, what is true, and where the two part."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from clinical import LABELS, chest, heartbeat, image_directions, image_model, row_model, signal_model

from pellucid.errors import CapabilityError, PellucidError, UnknownNameError
from pellucid.jacobians import Jacobian, of_callable, of_model
from pellucid.jacobians.directions import FAMILIES, Direction, changes, family, straight, truths
from pellucid.jacobians.directions.table import signed

CASE = chest()
MODEL = image_model()
J = Jacobian(of_model(MODEL, CASE))
TABLE = J.directions()


def test_changes_are_the_jacobian_times_the_tangents():
    tangents = torch.stack([d.tangent for d in TABLE.directions])
    expected = J.dense().flatten(1) @ tangents.flatten(1).T
    np.testing.assert_allclose(TABLE.change, expected.T, atol=1e-12)


def test_rows_and_columns_give_the_same_changes():
    """Two outputs and many directions go by rows, one direction by columns."""
    columns = np.concatenate([changes(J, [direction]) for direction in TABLE.directions])
    np.testing.assert_allclose(TABLE.change, columns, atol=1e-12)


def test_truths_are_the_models_own_answers_along_the_path():
    before = J.function.value()
    for row, direction in zip(TABLE.truth, TABLE.directions, strict=True):
        np.testing.assert_allclose(row, (J.function.value(direction.at(1)[None]) - before)[0], atol=1e-12)


@pytest.mark.parametrize("name", ["image", "signal", "table"])
def test_inside_the_validity_radius_predictions_are_good_to_ten_percent(name):
    beat, cases = heartbeat(), chest()
    model, case = {
        "image": (MODEL, cases),
        "signal": (signal_model(beat), beat),
        "table": (row_model().to(dtype=torch.float64), _row()),
    }[name]
    jacobian = Jacobian(of_model(model, case))
    directions = jacobian.directions(verify=False).directions
    predicted, true = 1e-3 * changes(jacobian, directions), truths(jacobian, directions, steps=1e-3)
    off = np.linalg.norm(true - predicted, axis=1) / np.linalg.norm(true, axis=1)
    assert off.max() < 0.1


def _row():
    from clinical import ROW

    from pellucid.case import Case

    return Case("r", "r", {"table": ROW}, frozenset())


def test_a_linear_model_is_predicted_exactly_along_straight_paths():
    table = Jacobian(of_model(image_model(linear=True), CASE)).directions(["exposure", "brightness", "overlay", "anatomy"])
    np.testing.assert_allclose(table.change, table.truth, atol=1e-10)
    assert table.trusted.all()


def test_a_prediction_that_is_off_by_more_than_ten_percent_is_flagged():
    """The square of a number: 2 x t at first order, 2 x t + t^2 in truth."""
    start = torch.tensor([1.0, 1.0], dtype=torch.float64)
    square = Jacobian(of_callable(lambda v: v.square(), start, ("a", "b")))
    step = straight("both", "+0.1", start, torch.tensor([0.1, 0.5], dtype=torch.float64))
    table = square.directions(own=[step])
    near, far = (table.effect("both", name) for name in "ab")
    assert (near.trusted, far.trusted) == (True, False)
    assert far.error == pytest.approx(0.25 / 1.25)
    assert "to first order only: the whole step changes it by +1.25" in table.said(far)


def test_changes_that_are_lost_in_rounding_are_no_errors():
    table = Jacobian(of_callable(lambda v: v[:, :1] * 0 + 1e-9 * v[:, 1:].square(), torch.ones(2))).directions(
        own=[straight("nothing", "+1", torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64))]
    )
    assert table.error.max() == 0


def test_the_sentence_is_one_that_a_clinician_can_read():
    line = TABLE.said(TABLE.effect("exposure", "effusion")).split(";")[0].rstrip(".")
    change = TABLE.change[[d.name for d in TABLE.directions].index("exposure"), 0]
    assert line.startswith("logit of effusion changes by ")
    assert line.endswith(" for +5 % exposure")
    assert float(line.split()[5]) == pytest.approx(change, rel=0.06)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.234, "+1.23"), (-0.1, "-0.10"), (0.0, "+0.00"), (0.0456, "+0.046"), (-0.00512, "-0.0051"), (-7.96, "-7.96")],
)
def test_a_change_is_shown_with_its_sign_and_never_as_nothing(value, shown):
    assert signed(value) == shown


def test_the_top_of_an_output_is_ordered_by_size():
    best = TABLE.top("nodule", 4)
    sizes = np.abs(TABLE.change[:, LABELS.index("nodule")])
    assert [abs(effect.change) for effect in best] == pytest.approx(np.sort(sizes)[::-1][:4])
    assert TABLE.text(["nodule"], 4).splitlines() == [TABLE.said(effect) for effect in best]


def test_what_was_left_out_is_said():
    table = Jacobian(of_model(MODEL, replace(CASE, anatomy=()))).directions()
    assert "anatomy was left out: the case does not say where structures lie." in table.text()


def test_the_table_is_json():
    found = json.loads(json.dumps(TABLE.to_json(), allow_nan=False))
    assert len(found["effects"]) == len(TABLE) * len(LABELS)
    unverified = json.loads(json.dumps(J.directions(["exposure"], verify=False).to_json(), allow_nan=False))
    assert unverified["effects"][0]["truth"] is None
    assert unverified["effects"][0]["trusted"] is None


def test_families_groups_and_single_directions_can_be_asked_for():
    geometry = [d.name for d in TABLE.directions if d.group == "geometry"]
    assert [d.name for d in J.directions(["geometry"]).directions] == geometry
    one = J.directions(["occlusion of effusion 2", "gamma"]).directions
    assert {d.name for d in one} == {"occlusion of effusion 2", "gamma"}
    whole = next(d for d in TABLE.directions if d.name == "occlusion of effusion 2")
    torch.testing.assert_close(next(d for d in one if d.name == whole.name).tangent, whole.tangent)


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownNameError, match="no direction named 'exposur'; did you mean exposure"):
        J.directions(["exposur"])


def test_a_function_of_no_model_takes_directions_of_ones_own_only():
    function = Jacobian(of_callable(lambda v: v.sum(1, keepdim=True), torch.ones(3)))
    with pytest.raises(PellucidError, match="give directions of your own"):
        function.directions()
    with pytest.raises(PellucidError, match="made from a model and a case"):
        function.directions(["exposure"])


def test_a_tangent_of_another_shape_is_refused():
    wrong = straight("wrong", "+1", torch.ones(2), torch.ones(2))
    with pytest.raises(PellucidError, match="tangent of 'wrong' has the shape"):
        J.directions((), own=[wrong])


def test_a_model_without_units_of_its_own_is_refused():
    function = of_model(MODEL, CASE)
    bare = replace(function, predictor=type("Bare", (), {"labels": LABELS, "modality": "image"})())
    with pytest.raises(CapabilityError, match="inputs in units of their own"):
        Jacobian(bare).directions()


def test_a_family_of_ones_own_is_made_like_any_other():
    @family("invert", "image", "acquisition", "black as white")
    def invert(scene):
        yield straight("inversion", "+10 %", scene.at, 0.1 * (1 - 2 * scene.at))

    try:
        found = image_directions(CASE, MODEL, ["invert"]).directions
    finally:
        del FAMILIES["invert"]
    assert [(d.name, d.group) for d in found] == [("inversion", "acquisition")]


def test_every_family_says_what_changes():
    assert len(FAMILIES) >= 27
    assert all(one.about and one.make.__doc__ for one in FAMILIES.values())
    assert {one.modality for one in FAMILIES.values()} == {"image", "signal", "table", "text"}


def test_one_name_is_never_two_directions():
    start = torch.ones(2)
    twice = [Direction("same", "+1", start, lambda t: start + t * start)] * 2
    table = Jacobian(of_callable(lambda v: v, start)).directions(own=twice)
    assert [d.name for d in table.directions] == ["same 1", "same 2"]
