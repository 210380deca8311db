"""Rows and signals explained in three lines, and what such explanations say and show."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from measured import LEADS, NAMES, UNITS, recording, row, signal_model, table_model
from rich.console import Console

import pellucid
from pellucid.api import SignalExplanation, TableExplanation
from pellucid.api.items import as_case
from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.target import Target
from pellucid.units import FeatureUnits, SampleUnits

PNG = b"\x89PNG\r\n"


def printed(e: object) -> str:
    file = io.StringIO()
    Console(file=file, width=100).print(e)
    return file.getvalue()


def of_row(scores: list[float], *, signed: bool = True) -> TableExplanation:
    given = Attribution(np.array([scores]), FeatureUnits(NAMES), (Target.label("<x>"),), "test", signed, {}, "f", "row")
    return TableExplanation(given, {"<x>": 0.9}, row().measurements, notes=("<b>",))


def of_signal(scores: np.ndarray) -> SignalExplanation:
    units = SampleUnits(64, LEADS, 32.0)
    given = Attribution(scores.reshape(1, -1), units, (Target.label("x"),), "test", True, {}, "f", "signal")
    return SignalExplanation(given, {"x": 0.9}, recording().signal)


def test_a_row_is_given_by_name_by_place_or_as_measurements():
    model, case = pellucid.Model(table_model()), row()
    values = case.measurements.values
    named = dict(zip(NAMES[::-1], values[::-1].tolist(), strict=True))
    expected = model.predict(case)
    for item in (named, case.measurements, values, list(values)):
        assert model.predict(item) == expected
    e = model.explain(named, "anaemia")
    np.testing.assert_array_equal(e.measurements.values, values)
    assert (e.measurements.names, e.measurements.units) == (NAMES, UNITS)  # the model's own order and units
    assert e.method == "integrated_gradients"


def test_a_signal_is_given_with_its_leads_or_as_the_model_reads_it():
    model, case = pellucid.Model(signal_model()), recording()
    expected = model.predict(case)
    assert model.predict(case.signal) == model.predict(case.signal.samples) == expected
    e = model.explain(case.signal, "paced", method="saliency")
    np.testing.assert_allclose(e.signal.samples, case.signal.samples, atol=1e-6)
    assert e.map("paced").shape == (64, 3)
    assert e.notes == ()


@pytest.mark.parametrize(
    ("item", "said"),
    [({"a": "x"}, "a row of numbers"), ([1.0], "1 measurements have 4 different names"), ({"age": np.nan}, "'age' is missing")],
)
def test_what_is_no_row_is_refused(item: object, said: str):
    with pytest.raises(DataError, match=said):
        as_case(item, "table", table_model())


def test_a_long_recording_of_another_rate_is_explained_with_a_note_of_each():
    e = pellucid.Model(signal_model()).explain(recording(count=200, rate=64.0).signal)
    assert len(e.notes) >= 2
    assert any("64 samples a second was resampled to the 32" in note for note in e.notes)
    assert any("lasts 3.125 s; the model reads the first 2 s" in note for note in e.notes)
    assert e.signal.rate == 32.0


def test_a_method_for_other_inputs_is_refused():
    with pytest.raises(CapabilityError, match="'layer_cam' needs a model with inputs of the kind image"):
        pellucid.Model(table_model()).explain(row(), method="layer_cam")


def test_the_top_of_a_row_are_its_largest_scores_of_either_sign():
    e = of_row([0.1, -2.0, 0.0, 0.5])
    assert [(f.name, f.score) for f in e.top("<x>", 3)] == [("sodium", -2.0), ("age", 0.5), ("haemoglobin", 0.1)]
    assert e.top("<x>")[0].measured == f"{row().measurements.value('sodium'):.4g} mmol/l"
    assert e.lines("<x>")[0][2] == "-2.000"
    assert of_row([0.1, 2.0, 0.0, 0.5], signed=False).lines("<x>")[0][2] == "2.000"
    with pytest.raises(DataError, match="was not explained"):
        e.top("y")


def test_a_row_shows_itself_as_a_table_a_page_and_a_chart(tmp_path: Path):
    e = of_row([0.1, -2.0, 0.0, 0.5])
    text = printed(e)
    assert "Note: <b>" in text
    assert "<x>  probability 0.90, test" in text
    assert [line.split()[0] for line in text.splitlines()[3:]] == ["sodium", "age", "haemoglobin", "creatinine"]
    page = e._repr_html_()
    assert "&lt;x&gt;" in page
    assert "<x>" not in page
    assert "<b>" not in page
    assert e.to_png(tmp_path / "e.png").read_bytes().startswith(PNG)
    assert "test: <x> 0.90" in repr(e)


def test_the_top_of_a_signal_are_the_stretches_that_hold_most_of_the_evidence():
    scores = np.zeros((64, 3))
    scores[6:12, 1], scores[40, 0], scores[50:60, 2] = 1.0, 2.0, -5.0
    e = of_signal(scores)
    assert e.by_lead("x") == pytest.approx({"I": 0.25, "II": 0.75, "V1": 0.0})
    first, second = e.top("x")  # 0.2 s are six samples
    assert (first.lead, first.start, first.end) == ("II", 6 / 32, 12 / 32)
    assert (first.share, second.lead, second.share) == (0.75, "I", 0.25)
    assert e.lines("x") == [
        ("II", "75.0%", "0.19 to 0.38 s (75.0%)"),
        ("I", "25.0%", "1.12 to 1.31 s (25.0%)"),
        ("V1", "0.0%", "nowhere"),
    ]
    assert e.top("x", seconds=100)[0].end == 2.0
    with pytest.raises(PellucidError, match="holds nothing"):
        e.top("x", seconds=0)


def test_a_signal_without_evidence_points_nowhere(tmp_path: Path):
    e = of_signal(np.zeros((64, 3)))
    assert e.top("x") == []
    assert printed(e).count("nowhere") == 3
    assert e.to_png(tmp_path / "e.png").read_bytes().startswith(PNG)


def test_an_explanation_of_a_row_comes_back_from_its_file(tmp_path: Path):
    given = of_row([0.1, -2.0, 0.0, 0.5]).attribution
    given.save(tmp_path / "a.safetensors")
    assert Attribution.load(tmp_path / "a.safetensors").units == given.units
