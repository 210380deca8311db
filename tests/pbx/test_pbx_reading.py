"""All that the Jacobian says of one case, gathered: of images, signals, rows, texts, and images asked sentences."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from classifiers import classifier as text_model
from classifiers import text
from clinical import ROW, chest, heartbeat, image_model, row_model, signal_model
from measured import row as exclusive_row
from measured import table_model
from pairs import pair_model

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian, of_model
from pellucid.pbx import FORMAT, PbxReading, PbxSettings, as_json, read
from pellucid.pbx.parts import _about
from pellucid.pbx.tabulating import Cell, lines
from pellucid.pbx.wording import alarm, belief, passage

QUICK = PbxSettings(samples=20)


def _row() -> Case:
    return Case("r", "p", {"table": ROW}, frozenset())


@pytest.fixture(scope="module")
def readings() -> dict[str, PbxReading]:
    beats = heartbeat()
    pairs = pair_model(size=(24, 30)).ask(["Small left effusion.", "No effusion."])
    return {
        "image": read(image_model(), chest(), ["effusion", "nodule"], QUICK),
        "signal": read(signal_model(beats), beats, ["effusion"], QUICK),
        "table": read(row_model(), _row(), ["effusion", "nodule"], QUICK),
        "text": read(text_model(), text(12), None, QUICK),
        "pairs": read(pairs, chest(), list(pairs.labels), QUICK),
    }


KINDS = ("image", "signal", "table", "text", "pairs")


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_there_or_says_in_a_sentence_why_not(readings, kind):
    reading = readings[kind]
    for part in (
        "table",
        "shares",
        "regions",
        "sensitivity",
        "rivals",
        "reliability",
        "error_bars",
        "spectrum",
        "certificates",
    ):
        assert (getattr(reading, part) is None) == (part in reading.absent)
    assert all(why.endswith(".") for why in reading.absent.values())


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("image", {"error_bars"}),
        ("signal", {"error_bars"}),
        ("table", {"regions", "visible"}),
        ("pairs", {"error_bars"}),
    ],
)
def test_what_a_kind_of_case_lacks_is_no_accident(readings, kind, missing):
    assert set(readings[kind].absent) == missing


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_json_that_names_model_input_and_self_tests(readings, kind):
    reading = readings[kind]
    record = json.loads(json.dumps(as_json(reading), allow_nan=False))
    assert record["format"] == FORMAT
    assert record["about"]["model"] == reading.function.predictor.fingerprint
    assert record["about"]["dtype"] in ("float64", "float32")
    assert record["about"]["self-tests"]["adjoint gap"] < 1e-5
    assert set(record["maps"]) == set(reading.labels)
    assert "maps" not in as_json(reading, maps=False)


def test_the_same_case_is_recorded_the_same_and_another_input_under_another_digest(readings):
    again = read(row_model(), _row(), ["effusion", "nodule"], QUICK)
    assert as_json(again) == as_json(readings["table"])
    moved = Case("r", "p", {"table": replace(ROW, values=ROW.values + 1)}, frozenset())
    other = read(row_model(), moved, ["effusion"], replace(QUICK, certificates=()))
    assert other.about["input"] != again.about["input"]
    assert other.absent["certificates"] == "None was asked for."


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_before_a_step_are_those_of_the_model(readings, kind):
    for line in lines(readings[kind]):
        for cell in line.cells:
            assert cell.before == pytest.approx(readings[kind].probabilities[cell.label], abs=1e-6)


def test_probabilities_after_a_step_are_those_of_the_model_after_the_step(readings):
    reading = readings["image"]
    direction = next(d for d in reading.table.directions if d.name == "exposure")
    model, line = reading.function.predictor, next(line for line in lines(reading) if line.name == "exposure")
    logits = reading.function.value(direction.at(1.0)[None].to(reading.function.at))[0]
    expected = dict(zip(model.labels, torch.sigmoid(logits).tolist(), strict=True))
    assert {cell.label: cell.after for cell in line.cells} == pytest.approx(expected)


def test_of_labels_that_exclude_each_other_probabilities_after_a_step_move_together():
    reading = read(table_model(exclusive=True), exclusive_row(), None, replace(QUICK, certificates=()))
    assert len(reading.labels) == 1
    every = read(table_model(exclusive=True), exclusive_row(), reading.function.predictor.labels, QUICK)
    for line in lines(every):
        assert sum(cell.after for cell in line.cells) == pytest.approx(1)


def test_lines_come_by_what_a_step_really_changes(readings):
    sizes = [line.size for line in lines(readings["image"])]
    assert sizes == sorted(sizes, reverse=True)
    table = readings["image"].table
    assert sizes[0] == pytest.approx(np.abs(table.truth).max())


def test_maps_are_rows_of_the_jacobian_in_its_own_units(readings):
    reading = readings["signal"]
    row = Jacobian(reading.function).rows(["effusion"])[0]
    np.testing.assert_allclose(reading.maps.row("effusion"), row.flatten().numpy(), rtol=1e-9, atol=1e-12)


def test_without_a_predicted_label_the_most_probable_one_is_read_and_said():
    model = image_model()
    model.threshold = 0.999
    reading = read(model, chest(), None, replace(QUICK, certificates=()))
    assert len(reading.labels) == 1
    assert not reading.assigned
    assert "predicts no label" in reading.notes[0]


def test_an_unknown_label_is_refused_by_name():
    with pytest.raises(PellucidError, match="does not know the label 'fracture'"):
        read(image_model(), chest(), ["fracture"], QUICK)


def test_stated_noise_of_an_image_gives_error_bars():
    reading = read(image_model(), chest(), ["nodule"], replace(QUICK, noise=0.01, certificates=()))
    assert [bar.output for bar in reading.error_bars.bars] == ["effusion", "nodule"]
    assert all(bar.sd > 0 for bar in reading.error_bars.bars)


def test_the_imprecision_of_a_row_gives_error_bars_unasked(readings):
    bars = readings["table"].error_bars
    assert bars.unknown == ("total cholesterol / HDL",)


def test_certificates_of_rows_are_in_standard_deviations(readings):
    found = readings["table"].certificates
    assert "standard deviation" in found.unit
    exact = {c.decision: c.radius for c in found.certificates if c.method == "first order"}
    function = of_model(row_model(), _row(), output="margins")
    rows = Jacobian(function).rows().double() * torch.as_tensor(row_model().std)
    expected = function.value()[0].abs() / rows.norm(dim=1)
    assert list(exact.values()) == pytest.approx(expected.tolist(), rel=1e-6)


def test_only_decisions_about_the_explained_labels_are_certified(readings):
    assert {c.decision for c in readings["signal"].certificates.certificates} == {"effusion - threshold"}


def test_of_exclusive_labels_decisions_are_those_against_the_best_or_of_the_label_asked():
    from pellucid.jacobians.certificates import decisions

    model, case = table_model(exclusive=True), exclusive_row()
    function = of_model(model, case)
    probabilities = model.probabilities(model.encode([case]))[0]
    best = model.labels[int(probabilities.argmax())]
    others = [label for label in model.labels if label != best]
    assert len(_about(decisions(function), function, [best]).outputs) == len(others)
    assert _about(decisions(function), function, others[:1]).outputs == (f"{best} - {others[0]}",)


def test_the_alarm_tells_a_model_that_looks_outside_from_one_that_does_not():
    said = {}
    for name, place in (("inside", (slice(4, 16), slice(4, 12))), ("outside", (slice(20, 24), slice(0, 4)))):
        model = image_model(linear=True)
        weight = torch.zeros(2, 24, 30, dtype=torch.float64)
        weight[(slice(None), *place)] = 1
        with torch.no_grad():
            model.module[1].weight.copy_(weight.flatten(1))
        said[name] = alarm(read(model, chest(), ["nodule"], replace(QUICK, certificates=())))
    assert "look for a shortcut" in said["outside"]
    assert said["outside"].startswith("100 %")
    assert said["inside"].startswith("0 %")
    assert said["inside"].endswith("no alarm.")


def test_a_recording_that_is_all_named_has_no_outside_and_names_its_densest_wave(readings):
    assert "no outside" in alarm(readings["signal"])
    assert " holds most of the sensitivity" in alarm(readings["signal"])


def test_a_linear_model_may_be_believed_in_every_entry_of_a_straight_direction():
    reading = read(image_model(linear=True), chest(), ["nodule"], replace(QUICK, directions=("exposure",)))
    assert belief(reading).startswith("Of the 1 changes in the table first order is good to 10 % in 1.")
    assert "linear there" in belief(reading)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.42, 0.47, "42 → 47 %"),
        (0.42, 0.4211, "42.0 → 42.1 %"),
        (0.4242, 0.4242, "42.42 % as before"),
        (0.991, 0.997, "99.1 → 99.7 %"),
        (0.999999, 0.9999999, "100.00 % as before"),
    ],
)
def test_probabilities_are_said_with_as_many_decimals_as_tell_them_apart(before, after, said):
    assert passage(Cell("a", 0.1, 0.1, before, after, True)) == said


@pytest.mark.parametrize("wrong", [{"certificates": ("magic",)}, {"samples": 1}, {"patterns": 0}, {"noise": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(PellucidError):
        PbxSettings(**wrong)


def test_progress_is_told_part_by_part():
    told: list[tuple[str, int, int]] = []
    read(row_model(), _row(), ["nodule"], QUICK, lambda *event: told.append(event))
    assert told[0] == ("table", 0, 10)
    assert told[-1] == ("", 10, 10)
    assert [done for _, done, _ in told] == list(range(11))
