"""Facts about a whole audit of alignment: what it says of methods that listen and of those that do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alignment_fakes import METHODS, SIZE, Reports, absent, case, model, reports, said
from images import classifier

from pellucid import finding
from pellucid.alignment import AlignmentPlan, judge, report, run
from pellucid.alignment.checking import read
from pellucid.alignment.hearing import Texts, mapped, scored
from pellucid.alignment.job import hired
from pellucid.alignment.judging import Judgement
from pellucid.alignment.passing import Passed
from pellucid.alignment.view import look
from pellucid.audit import shard
from pellucid.case import Boxes, Lazy, Phrase
from pellucid.datasets import write
from pellucid.datasets.covid_cxr import CovidCxr
from pellucid.errors import CapabilityError, DataError
from pellucid.files import read_json
from pellucid.picture import Picture

PLAN = AlignmentPlan(methods=METHODS, draws=200, sensitivity_cases=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alignment") / "out"


@pytest.fixture(scope="module")
def found(folder: Path) -> Judgement:
    return run(model(), reports(), PLAN, folder)


def passed(found: Judgement, method: str, setting: str, by: str = "map") -> Passed:
    return next(one for one in found.passed if (one.method, one.setting, one.by) == (method, setting, by))


def test_listening_is_told_from_deafness_and_from_contradiction(found: Judgement) -> None:
    kinds = {one.method: one.kind for one in found.verdicts}
    assert kinds == {"fake_listening": "listens", "fake_deaf": "insensitive", "fake_contrary": "contrary"}
    sentences = {one.method: one.sentence for one in found.verdicts}
    assert "text-insensitive: swapping sides changes AUROC by 0.0 points [0.0, 0.0]" in sentences["fake_deaf"]
    assert "listens to the sentence" in sentences["fake_listening"]


def test_only_a_map_that_listens_turns_with_the_side(found: Judgement) -> None:
    rates = {method: passed(found, method, "side_swap").rate.value for method in METHODS}
    assert rates == {"fake_listening": 1.0, "fake_deaf": 0.0, "fake_contrary": 0.0, "uniform": 0.0, "sentence_prior": 1.0}


def test_a_map_of_the_picture_alone_passes_the_mirror_and_fails_the_swap(found: Judgement) -> None:
    assert passed(found, "fake_deaf", "mirror").rate.value == 1.0
    assert passed(found, "fake_deaf", "side_swap").rate.value == 0.0


def test_staying_is_no_merit_for_a_map_that_never_moves(found: Judgement) -> None:
    stays = {one.method for one in found.passed if one.setting == "paraphrase" and one.by == "map"}
    assert "fake_listening" in stays
    assert not {"fake_deaf", "uniform"} & stays


def test_the_index_is_0_for_a_map_of_the_picture_alone_and_unknown_for_one_of_the_text_alone(found: Judgement) -> None:
    index = {one.method: one.interval.value for one in found.sensitivity if one.metric == "text_sensitivity_index"}
    assert index["fake_deaf"] == 0.0
    assert np.isnan(index["fake_listening"])  # no picture ever moves it: there is nothing to divide by


def test_the_prior_knows_the_sentence_and_a_perfect_map_does_not_beat_it_here(found: Judgement) -> None:
    skill = {one.method: one.interval.value for one in found.skills if one.subset == "all"}
    assert skill["fake_listening"] == pytest.approx(0.0)
    assert skill["uniform"] == pytest.approx(-0.5)


def test_findings_hold_no_text_of_the_reports(found: Judgement, folder: Path) -> None:
    table = finding.read(folder / "findings.parquet")
    texts = {str(v) for name in table.column_names for v in table[name].to_pylist() if isinstance(v, str)}
    assert not [text for text in texts if "opacity" in text or "There is" in text]
    assert set(table["target"].to_pylist()) == {"s0", "s1"}


def test_an_absent_finding_has_no_place_to_look_at(folder: Path, found: Judgement) -> None:
    rows = finding.read(folder / "findings.parquet").to_pylist()
    about_absent = [row for row in rows if row["target"] == "s1"]
    assert {row["stratum"] for row in about_absent} == {"absent"}
    assert not [row for row in about_absent if row["metric"] == "auroc"]


def test_judging_again_says_the_same(found: Judgement, folder: Path) -> None:
    assert judge(folder, PLAN, found.methods).to_json() == found.to_json()
    assert read_json(folder / "tables.json") == found.to_json()


def test_a_killed_audit_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, folder: Path, found: Judgement) -> None:
    def killed(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(model(), reports(), PLAN, out, progress=killed)
    kept = {p.name: p.stat().st_mtime_ns for p in (out / "cases").glob("*.npz")}
    assert len(kept) == 3
    run(model(), reports(), PLAN, out)
    assert {p.name: p.stat().st_mtime_ns for p in (out / "cases").glob("*.npz") if p.name in kept} == kept
    for name in ("findings.parquet", "tables.json", "tables.md", "counts.json", "checks.json"):
        assert (out / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_folder_of_another_audit_is_refused(folder: Path, found: Judgement) -> None:
    with pytest.raises(DataError, match="another model"):
        run(model(seed=1), reports(), PLAN, folder)
    with pytest.raises(DataError, match="another plan"):
        run(model(), reports(), replace(PLAN, draws=201), folder)


def test_other_things_are_not_mixed_with_an_audit(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(DataError, match="holds other things"):
        run(model(), reports(), PLAN, tmp_path)


def test_a_model_that_reads_no_sentences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="image-text model"):
        run(classifier((SIZE, SIZE)), reports(2), PLAN, tmp_path / "out")


def test_data_without_a_sentence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has a sentence"):
        run(model(), Reports([case("a", sentences=())]), PLAN, tmp_path / "out")


def unreadable() -> Any:
    raise DataError("lost.png cannot be read; copy it again.")


def odd_cases() -> list[Any]:
    plain, border = said("left"), Boxes(np.array([[24.0, -4.0, 40.0, 6.0]]))
    volume = np.zeros((4, SIZE, SIZE, 1), dtype=np.uint8)
    return [
        case("silent", sentences=()),
        case("dots", sentences=(Phrase("...", Boxes(np.zeros((0, 4)))),)),
        case("absent", sentences=(absent(),)),
        case("both", sentences=(replace(plain, text="Left and right opacities."),)),
        case("long", sentences=(replace(plain, text="There is a small left opacity " + "and more of it " * 60),)),
        case("border", sentences=(replace(plain, boxes=border),)),
        case("tiny", sentences=(replace(plain, boxes=Boxes(np.array([[5.1, 5.1, 5.3, 5.3]]))),)),
        case("nowhere", sentences=(replace(plain, boxes=Boxes(np.zeros((0, 4)))),)),
        replace(case("volume"), inputs={"image": Picture(volume)}),
        replace(case("lost"), inputs={"image": Lazy(unreadable)}),
        case("half", sentences=(plain, Phrase("--", Boxes(np.zeros((0, 4)))))),
    ]


def test_odd_reports_are_counted_with_their_ids_and_stop_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model(), Reports(odd_cases()), replace(PLAN, methods=("fake_listening", "uniform")), out)
    counts = read_json(out / "counts.json")
    assert counts["left out"] == {
        "it has no sentence": ["silent"],
        "no sentence has a word": ["dots"],
        "the model cannot read it": ["volume", "lost"],
        "a sentence has no word": ["half s1"],
    }
    assert counts["noted"]["words beyond what the model reads"] == ["long s0"]
    assert counts["truncated words"] > 100
    assert counts["noted"]["place too small for the model's resolution"] == ["tiny s0"]
    assert counts["noted"]["only absent findings"] == ["absent"]
    assert counts["sentences: both sides"] == 1
    assert report(out).is_file()


def test_a_picture_of_another_patient_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    lost = replace(case("lost", "right"), inputs={"image": Lazy(unreadable)})
    found = run(model(), Reports([case("c"), lost]), replace(PLAN, methods=("uniform",)), tmp_path / "out")
    counts = read_json(tmp_path / "out" / "counts.json")
    assert counts["noted"]["no picture of another patient"] == ["c"]
    assert counts["cases asked about"] == 1
    assert not [one for one in found.passed if one.setting in ("same_finding", "random_boxes")]


def test_a_side_is_judged_without_marks_too(tmp_path: Path) -> None:
    bare = Boxes(np.zeros((0, 4)))
    cases = [case(f"c{i}", side, [replace(said(side), boxes=bare)]) for i, side in enumerate(("left", "right") * 3)]
    found = run(model(), Reports(cases), replace(PLAN, methods=("fake_listening", "fake_deaf")), tmp_path / "out")
    assert {one.method: one.kind for one in found.verdicts} == {"fake_listening": "listens", "fake_deaf": "insensitive"}
    assert {one.measure for one in found.verdicts} == {"share on the named side"}


def test_a_map_that_lies_nowhere_does_not_pass(tmp_path: Path) -> None:
    found = run(model(), reports(4), replace(PLAN, methods=("fake_silent",)), tmp_path / "out")
    turned = passed(found, "fake_silent", "side_swap").rate
    assert (turned.value, turned.n) == (0.0, 4)
    assert [one.method for one in found.verdicts] == ["fake_silent"]
    assert report(tmp_path / "out").is_file()
    notes = {row["note"] for row in finding.read(tmp_path / "out" / "findings.parquet").to_pylist() if row["metric"] == "lean"}
    assert notes == {"no score on either side is positive"}


@pytest.mark.data
def test_real_radiographs_are_asked_about_their_sides(data_root: Path, tmp_path: Path) -> None:
    folder = data_root / "multimodal_covid_cxr"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    data = write(tmp_path / "data", CovidCxr(folder, size=SIZE).prepare())
    plan = replace(PLAN, methods=("local_attention", "uniform", "sentence_prior"), images=("mirror",))
    run(model(), data, plan, tmp_path / "out")
    counts = read_json(tmp_path / "out" / "counts.json")
    assert counts["sentences"] == counts["sentences: one side"] > 5
    assert counts["lungs known"] == counts["cases asked about"]
    rows = finding.read(tmp_path / "out" / "findings.parquet").to_pylist()
    prior = [
        row["value"] for row in rows if (row["explainer"], row["metric"], row["setting"]) == ("sentence_prior", "lean", "")
    ]
    assert np.mean(np.array(prior) > 0) > 0.8  # training sentences about a side lie on it, in other patients too
    assert report(tmp_path / "out").is_file()


@pytest.mark.parametrize(("patients", "said"), [(1, "of 1 patient are too few"), (5, "of 5 patients are too few")])
def test_few_patients_give_no_verdict(patients: int, said: str, tmp_path: Path) -> None:
    cases = [case(f"c{i}", ("left", "right")[i % 2], patient=f"p{i % patients}") for i in range(10)]
    for method in ("fake_listening", "fake_deaf"):  # the interval of a map that never moves has no width, however few they are
        found = run(model(), Reports(cases), replace(PLAN, methods=(method,), images=()), tmp_path / method)
        assert found.verdicts[0].kind == "unclear"
        assert said in found.verdicts[0].sentence


def test_other_places_are_free_of_sentences_that_are_not_asked(tmp_path: Path) -> None:
    both = [case(f"c{i}", sentences=[said("left"), said("right")]) for i in range(2)]
    job = hired(model(), Reports(both), replace(PLAN, methods=("uniform",), max_sentences=1))
    view = look(job, both[0])
    assert not isinstance(view, str)
    assert (len(view.found), len(view.places)) == (1, 2)


def test_every_picture_is_read_once_for_all_texts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    texts_alone = replace(PLAN, methods=("local_attention", "local_attention_mean"), images=())
    run(model(), reports(4), texts_alone, out)
    assert read_json(out / "counts.json")["images encoded"] == 4


def test_asking_all_texts_at_once_is_asking_them_one_by_one() -> None:
    one, data = model(), reports(4)
    job = hired(one, data, replace(PLAN, methods=("local_attention", "grad_cam", "dense_cosine", "uniform")))
    view = look(job, data.test[0])
    assert not isinstance(view, str)
    together, scores = mapped(job, view.batch, view.battery.asked), scored(one, view.batch, view.texts.of(view.battery.asked))
    assert len(view.battery.asked) > 8
    for row, asked in enumerate(view.battery.asked):
        alone = one.encode([view.case])
        maps = mapped(job, alone, [asked])
        for method in job.methods:
            np.testing.assert_allclose(maps.scores[method][0], together.scores[method][row], rtol=1e-3, atol=1e-5)
        single = scored(one, alone, Texts(one, [asked]).side)
        assert single.row(0) == pytest.approx(scores.row(row), abs=1e-5)


def test_every_other_version_of_a_picture_is_read_once_more(tmp_path: Path) -> None:
    with_versions = replace(PLAN, methods=("local_attention",), images=("mirror", "other_patient", "region_occlusion"))
    run(model(), reports(4), with_versions, tmp_path / "out")
    assert read_json(tmp_path / "out" / "counts.json")["images encoded"] == 4 * (1 + 3)


def test_known_defects_of_data_and_model_are_named_beside_the_findings(tmp_path: Path) -> None:
    boxes = Boxes(np.array([[4.0 + i, 2 + i, 18 + i, 18 + i] for i in range(8)]))  # each bottom edge is the right one
    copied = [case(f"c{i}", sentences=[replace(said("left"), boxes=Boxes(boxes.boxes[i % 8 :][:1]))]) for i in range(8)]
    lost = replace(case("lost"), inputs={"image": Lazy(unreadable)})
    run(model(), Reports([*copied, lost]), replace(PLAN, methods=("uniform",), images=()), tmp_path / "out")
    found = {one.name: one for one in read(tmp_path / "out")}
    assert {"copied_edges", "mask_read_as_word", "unlike_scores"} == set(found)
    assert not found["copied_edges"].passed
    assert found["mask_read_as_word"].passed
    for text in ((tmp_path / "out" / "tables.md").read_text(), report(tmp_path / "out").read_text()):
        assert "the bottom edge repeats the right one in 8 of 8 boxes" in text
        assert "mask" in text


def test_checks_are_made_once(tmp_path: Path) -> None:
    quick = replace(PLAN, methods=("uniform",), images=())
    run(model(), reports(2), quick, tmp_path / "out")
    before = (tmp_path / "out" / "checks.json").stat().st_mtime_ns
    run(model(), reports(2), quick, tmp_path / "out")
    assert (tmp_path / "out" / "checks.json").stat().st_mtime_ns == before


def test_a_finding_of_a_case_does_not_depend_on_the_other_cases_asked(tmp_path: Path, folder: Path, found: Judgement) -> None:
    run(model(), reports(), replace(PLAN, cases=2), tmp_path / "two")
    paths = sorted((tmp_path / "two" / "cases").glob("*.npz"))
    small = {shard.read(p).facts["case"]: shard.read(p).findings().to_pylist() for p in paths}
    whole = {shard.read(p).facts["case"]: shard.read(p).findings().to_pylist() for p in (folder / "cases").glob("*.npz")}
    for name, rows in small.items():
        assert repr(rows) == repr(whole[name])
