"""What an audit says of how far words and pictures move a map: of models that hear, that cannot, and that cannot be asked."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from alignment_fakes import SIZE, Reports, absent, case, model, reports
from test_alignment_page import Read

from pellucid import finding
from pellucid.alignment import AlignmentPlan, judge, report, run
from pellucid.alignment.job import Job, hired
from pellucid.alignment.maps import jensen_shannon
from pellucid.alignment.moves import said
from pellucid.alignment.runner import TABLES_TEXT
from pellucid.alignment.sensitivity import (
    IMAGE,
    MADE,
    METHOD,
    RATIO,
    TEXT,
    UNMOVED,
    UNSEEN,
    Asked,
    _findings,
    finished,
    measured,
    moved_by_picture,
)  # fmt: skip
from pellucid.alignment.sentences import sentences
from pellucid.files import read_json
from pellucid.metrics.sensitivity_ratio import SensitivityRatio, sensitivity_ratio
from pellucid.predictor import CAPABILITIES
from pellucid.statistics import bootstrap_ratio
from pellucid.units import PixelUnits

PLAN = AlignmentPlan(methods=("uniform",), rewordings=("side_swap",), images=(), draws=100, sensitivity_cases=3)


def rows(out: Path) -> list[dict[str, Any]]:
    every = finding.read(out / "findings.parquet").to_pylist()
    return [row for row in every if row["metric"] in (TEXT, IMAGE, RATIO)]


def audited(out: Path, made: Any = None, data: Reports | None = None, plan: AlignmentPlan = PLAN) -> str:
    """The sentence that the page says."""
    found = run(made or model(), data or reports(4), plan, out)
    return said(found, Asked.read(out))


def deafened(made: Any) -> Any:
    with torch.no_grad():
        made.module.text.word.weight.zero_()
    return made


def evened(made: Any) -> Any:
    with torch.no_grad():
        for weight in made.module.image.region.parameters():
            weight.zero_()
        made.module.null.zero_()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sensitivity") / "out"
    run(model(), reports(), PLAN, out)
    return out


def test_one_sentence_of_each_of_the_first_cases_with_a_place_is_asked(folder: Path) -> None:
    asked = {(row["case"], row["target"]) for row in rows(folder)}
    assert asked == {("c0", "s0"), ("c1", "s0"), ("c2", "s0")}
    assert len(rows(folder)) == 3 * 6
    assert Asked.read(folder) == Asked(3, 0, "")


def test_findings_are_those_of_the_metric(folder: Path) -> None:
    job, data = hired(model(), reports(), PLAN), reports()
    one = data.test[0]
    texts = [phrase.text for phrase in job.others.sentences(one, PLAN.other_sentences)]
    strangers = [other for other in data.test if other.patient != one.patient]
    expected = sensitivity_ratio(job.model, one, one.sentences[0].text, texts, strangers, seed=0)  # type: ignore[arg-type]
    found = {(row["metric"], row["setting"]): row["value"] for row in rows(folder) if row["case"] == "c0"}
    assert found[TEXT, "first order"] == pytest.approx(expected.text)
    assert found[IMAGE, "made"] == pytest.approx(expected.image_whole)
    assert found[RATIO, "made"] == pytest.approx(expected.ratio_whole)


def test_figures_are_means_over_sentences_with_intervals_over_patients(folder: Path) -> None:
    stored = [one for one in read_json(folder / "tables.json")["sensitivity"] if one["metric"] == TEXT]
    values = [row["value"] for row in rows(folder) if (row["metric"], row["setting"]) == (TEXT, MADE)]
    made = next(one["interval"] for one in stored if one["setting"] == MADE)
    assert made["value"] == pytest.approx(np.mean(values))
    assert (made["n"], made["patients"]) == (3, 3)
    assert min(values) <= made["low"] <= made["value"] <= made["high"] <= max(values)
    text = (folder / TABLES_TEXT).read_text(encoding="utf-8")
    assert "| local_attention | other words | another picture | words over picture |" in text


def test_the_page_says_how_far_words_and_pictures_move_the_map(folder: Path) -> None:
    page = Read(report(folder).read_text(encoding="utf-8")).text
    assert "Other words move the map of local_attention (asked of 3 sentences) by" in page
    assert "of its length, another picture by" in page
    assert "words over picture is" in page


def test_a_deaf_map_is_moved_by_the_picture_alone(tmp_path: Path) -> None:
    sentence = audited(tmp_path / "out", deafened(model()))
    assert "by 0.00 [0.00, 0.00] of its length" in sentence
    assert "words over picture is 0.00 [0.00, 0.00]" in sentence
    image = [row["value"] for row in rows(tmp_path / "out") if (row["metric"], row["setting"]) == (IMAGE, MADE)]
    assert min(image) > 0


def test_a_map_that_nothing_moves_is_said_to_stay_and_no_figure_is_printed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    sentence = audited(out, evened(model()))
    assert sentence == (
        "Nothing moves the map of local_attention (asked of 3 sentences): neither other words nor another picture change it by "
        "1 % of its length."
    )
    assert {row["note"] for row in rows(out) if row["metric"] == RATIO} == {UNMOVED}
    assert all(math.isnan(row["value"]) for row in rows(out) if row["metric"] == RATIO)
    shown = Read(report(out).read_text(encoding="utf-8")).text
    assert sentence in shown
    assert "nan" not in (shown + (out / TABLES_TEXT).read_text(encoding="utf-8")).lower().split()


@pytest.mark.parametrize(
    ("text", "image", "ratio", "note"),
    [(0.3, 0.6, 0.5, ""), (0.0, 0.5, 0.0, ""), (3e-3, 1e-4, math.nan, UNMOVED), (0.2, 1e-4, math.nan, UNSEEN)],
)
def test_ratios_of_next_to_nothing_are_refused(text: float, image: float, ratio: float, note: str) -> None:
    job, one = hired(model(), reports(2), PLAN), reports(2).test[0]
    sentence = sentences(one, PixelUnits(SIZE, SIZE), None, 0)[0]
    found = list(_findings(job, one, sentence, SensitivityRatio(text, image, text, image, 8)))
    for made in (one for one in found if one.metric == RATIO):
        assert made.value == pytest.approx(ratio, nan_ok=True)
        assert made.note == note


@pytest.mark.parametrize(("change", "index"), [(0.0, math.nan), (1e-9, math.nan), (0.009, math.nan), (0.011, 1.0), (0.5, 1.0)])
def test_the_text_sensitivity_of_a_map_that_no_picture_moves_is_refused(change: float, index: float) -> None:
    """Divergences of an even map that changes by so much of its length; text and picture move it alike."""
    even = np.full(400, 1 / 400)
    sign = np.where(np.arange(400) % 2, 1, -1)
    apart = np.full(6, jensen_shannon(even, even * (1 + change * sign)))
    found = bootstrap_ratio(apart, moved_by_picture(apart), np.arange(6), draws=20)
    assert found.value == pytest.approx(index, nan_ok=True)
    assert found.n == 6


def test_a_sentence_without_another_picture_stays_without_a_number() -> None:
    np.testing.assert_array_equal(moved_by_picture(np.array([1e-12, np.nan])), [0.0, np.nan])
    np.testing.assert_array_equal(moved_by_picture(np.array([0.1, np.nan])), [0.1, np.nan])
    assert np.isnan(moved_by_picture(np.full(3, np.nan))).all()


def test_an_even_map_has_no_text_sensitivity_in_the_tables(tmp_path: Path) -> None:
    plan = replace(PLAN, methods=(METHOD,), rewordings=("random_sentence",), images=("other_patient",), sensitivity_cases=0)
    run(evened(model()), reports(), plan, tmp_path)
    found = {(one.metric, one.setting): one.interval for one in judge(tmp_path, plan, [METHOD]).sensitivity}
    assert found["js", "random_sentence"].value < 1e-9
    assert math.isnan(found["text_sensitivity_index", ""].value)
    page = Read(report(tmp_path).read_text(encoding="utf-8")).text
    assert "A map that no picture moves by 1 % of its length has none" in page


def test_maps_that_stay_are_counted_beside_those_that_move(folder: Path) -> None:
    found = judge(folder, PLAN, ["uniform"])
    assert said(found, Asked(3, 1, "")).endswith("; 1 map among them stayed, whatever was changed.")


def test_what_was_not_asked_is_said_with_its_reason(tmp_path: Path) -> None:
    reasons = {
        "the plan does not ask it": (reports(2), replace(PLAN, sensitivity_cases=0)),
        "no sentence has a place": (Reports([case("a", sentences=[absent()]), case("b", sentences=[absent()])]), PLAN),
        "there is no sentence or no picture of another patient": (Reports([case("a")]), PLAN),
    }
    for number, (reason, (data, plan)) in enumerate(reasons.items()):
        out = tmp_path / str(number)
        sentence = audited(out, None, data, plan)
        assert sentence == f"How far words alone move a map was not measured: {reason}."
        assert not rows(out)
        assert sentence in Read(report(out).read_text(encoding="utf-8")).text


def test_a_model_whose_network_cannot_be_reached_is_left_out_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = hired(model(), reports(2), PLAN)
    monkeypatch.setattr(type(job.model), "lacks", property(lambda self: frozenset({"network"})))
    kept = measured(job, reports(2).test, tmp_path, "key")
    assert kept.facts["skipped"] == f"it needs {CAPABILITIES['network'][1]}"


def test_a_finished_audit_can_be_asked_afterwards_and_nothing_else_is_done_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model(), reports(4), PLAN, out)
    whole = (out / "findings.parquet").read_bytes()
    (out / "sensitivity.npz").unlink()  # as audits were before this was asked
    assert not finished(PLAN, out)
    assert "this audit did not ask it" in Read(report(out).read_text(encoding="utf-8")).text
    before = {path: path.stat().st_mtime_ns for path in (out / "cases").iterdir()}
    run(model(), reports(4), PLAN, out)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "findings.parquet").read_bytes() == whole
    assert finished(PLAN, out)


def test_asking_more_cases_asks_anew_and_changes_no_other_finding(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model(), reports(4), replace(PLAN, sensitivity_cases=1), out)
    first = finding.read(out / "findings.parquet").to_pylist()
    run(model(), reports(4), replace(PLAN, sensitivity_cases=2), out)
    second = finding.read(out / "findings.parquet").to_pylist()
    assert repr(second[: len(first)]) == repr(first)
    assert len(second) == len(first) + 6


def test_it_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job: Job = hired(model(), reports(2), replace(PLAN, sensitivity_cases=1))
    measured(job, reports(2).test, tmp_path, "key")
    monkeypatch.setattr("pellucid.alignment.sensitivity.sensitivity_ratio", None)
    assert measured(job, reports(2).test, tmp_path, "key").facts["sentences"] == 1
    with pytest.raises(TypeError):  # of another model or other data
        measured(job, reports(2).test, tmp_path, "other key")


def test_it_can_be_judged_without_the_model(folder: Path) -> None:
    found = judge(folder, PLAN, ["uniform"])
    assert {one.method for one in found.sensitivity if one.metric == TEXT} == {METHOD}
