"""Attributions keep everything needed to read them later."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.attribution import Attribution
from pellucid.errors import DataError
from pellucid.target import Target
from pellucid.units import FeatureUnits, PixelUnits, RegionUnits, SampleUnits, TextUnits, words

TEXT = "niño con fiebre"
TOKENS = TextUnits(TEXT, np.array([[0, 2], [2, 4], [4, 8], [8, 15]]), "token")


def attribution(**changed):
    values = {
        "scores": np.array([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, 0.0, 0.0]]),
        "units": TOKENS,
        "targets": (Target.label("R50"), Target.contrast("R50", "I10")),
        "method": "attgrad_signed",
        "signed": True,
        "settings": {"sign": True},
        "predictor": "f" * 64,
        "case": "c1",
        "facts": {"completeness_gap": np.array([0.1, 0.2])},
    } | changed
    return Attribution(**values)


def test_it_comes_back_from_disk_as_it_was(tmp_path):
    attribution().save(tmp_path / "a.safetensors")
    again = Attribution.load(tmp_path / "a.safetensors")
    assert np.array_equal(again.scores, attribution().scores)
    assert again.units.strings == TOKENS.strings
    assert again.units.kind == "token"
    assert again.targets == attribution().targets
    assert np.array_equal(again.facts["completeness_gap"], [0.1, 0.2])
    assert (again.method, again.signed, again.settings, again.predictor, again.case) == (
        "attgrad_signed",
        True,
        {"sign": True},
        "f" * 64,
        "c1",
    )


def test_it_can_be_kept_without_the_text_of_the_patient(tmp_path):
    attribution().save(tmp_path / "a.safetensors", with_text=False)
    assert b"fiebre" not in (tmp_path / "a.safetensors").read_bytes()
    with pytest.raises(DataError, match="give the text of case c1"):
        Attribution.load(tmp_path / "a.safetensors")
    assert Attribution.load(tmp_path / "a.safetensors", text=TEXT).units.strings == TOKENS.strings


def test_another_file_is_refused_by_name(tmp_path):
    (tmp_path / "x").write_bytes(b"not an attribution")
    with pytest.raises(DataError, match="is not an attribution"):
        Attribution.load(tmp_path / "x")


def test_tokens_sum_to_words():
    whole = attribution().project(words(TEXT))
    assert whole.scores.tolist() == [[-1.0, 0.5, 3.0], [1.0, 0.0, 0.0]]


def test_scores_must_fit_targets_and_units():
    with pytest.raises(ValueError, match="do not fit 2 targets and 4 units"):
        attribution(scores=np.zeros((2, 3)))


def test_a_row_is_found_by_the_name_of_its_target():
    assert attribution().row("R50 - I10").tolist() == [0.0, 1.0, 0.0, 0.0]
    with pytest.raises(DataError, match="'J18' was not explained; explained are R50, R50 - I10"):
        attribution().row("J18")


CUT = np.repeat(np.array([0, 1, -1]), 4).reshape(6, 2)


@pytest.mark.parametrize(
    "units",
    [
        PixelUnits(3, 4),
        PixelUnits(3, 4, depth=2),
        SampleUnits(6, ("I", "aVR"), 100.0),
        SampleUnits(np.int64(6), ("I", "aVR"), np.float32(62.5)),  # as a library that reads signals may say it
        FeatureUnits(("sodium", "Größe (cm)")),
    ],
)
def test_units_of_grids_come_back_from_disk_as_they_were(tmp_path, units):
    scores = np.random.default_rng(0).normal(size=(2, len(units)))
    attribution(units=units, scores=scores).save(tmp_path / "a.safetensors", with_text=False)
    again = Attribution.load(tmp_path / "a.safetensors")
    assert again.units == units
    assert np.array_equal(again.scores, scores)


@pytest.mark.parametrize("kind", ["patch", "superpixel", "segment"])
def test_regions_come_back_from_disk_as_they_were(tmp_path, kind):
    whole = attribution(units=SampleUnits(6, ("I", "aVR"), 100.0), scores=np.ones((2, 12)))
    whole.project(RegionUnits(CUT, kind)).save(tmp_path / "a.safetensors")
    again = Attribution.load(tmp_path / "a.safetensors")
    assert again.units.kind == kind
    assert np.array_equal(again.units.index, CUT)
    assert again.scores.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_scores_of_one_table_are_not_those_of_another():
    whole = attribution(units=FeatureUnits(("sodium", "pH")), scores=np.ones((2, 2)))
    with pytest.raises(ValueError, match="do not fit these 2 features"):
        whole.project(FeatureUnits(("pH", "sodium")))
