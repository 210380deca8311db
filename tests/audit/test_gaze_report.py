"""What a report says of gaze: of which methods it may be said that they show where people looked, and of which not."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gaze_fakes
import numpy as np
import pytest
from audit_fakes import Notes, WordModel
from gaze_fakes import Bright, density, drawn, looks, seen, small

from pellucid import registry
from pellucid.audit import Plan, report, run
from pellucid.audit.finished import Finished
from pellucid.audit.gazed import gazed
from pellucid.audit.gazing import BLURRED
from pellucid.audit.looking import ANOTHER, USUAL
from pellucid.audit.plan import usual_plan
from pellucid.audit.plausible import DECIDES, claims
from pellucid.case import Boxes, Case

METHODS = ("told", "negative", "centre_prior", "random_smooth", "uniform", "random", "lungs")
METRICS = ("gaze_information_gain", "gaze_sauc", "gaze_shuffled_cc", "gaze_nss", "gaze_kld", "gini")


@pytest.fixture(scope="module", autouse=True)
def fakes() -> Any:
    registry.explainers.names()
    with pytest.MonkeyPatch.context() as patch:
        for name, factory in gaze_fakes.EXPLAINERS.items():
            patch.setitem(registry.explainers._factories, name, factory)
        yield


@pytest.fixture(scope="module")
def plan() -> Plan:
    return usual_plan("image", explainers=METHODS, metrics=METRICS, draws=50, sanity_cases=0, validation_cases=None)


@pytest.fixture(scope="module")
def finished(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gaze")
    run(Bright(), small(), plan, out)
    report(out, command="pellucid audit ...")
    return out


def audited(plan: Plan, out: Path, **changed: Any) -> Finished:
    run(Bright(), small(**changed), plan, out)
    return Finished.open(out)


def section(out: Path) -> str:
    page = (out / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<section id="gaze".*?</section>', page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def test_a_method_that_knows_where_people_looked_is_said_to(finished: Path) -> None:
    found = claims(Finished.open(finished))
    assert found is not None
    assert (found.refused, found.held) == ("", ["told"])
    (told,) = (claim for claim in found.claims if claim.method == "told")
    assert {c.against for c in told.comparisons} == {USUAL, "centre_prior", "random_smooth", "uniform", "random"}


def test_the_tests_of_all_methods_and_controls_are_corrected_together(finished: Path) -> None:
    found = claims(Finished.open(finished))
    assert found is not None
    tests = [c for claim in found.claims for c in claim.comparisons if not np.isnan(c.paired.p)]
    assert len(tests) == 5
    least = min(c.paired.p for c in tests)
    assert min(c.adjusted for c in tests) == pytest.approx(5 * least)


def test_a_map_that_is_the_usual_gaze_itself_may_claim_nothing(plan: Plan, tmp_path: Path) -> None:
    usual = np.mean([density(case) for case in small().split("train")], axis=0)
    cases = {name: [seen(c.id, c.evidence, told=usual) for c in small().split(name)] for name in ("validation", "test")}
    found = claims(audited(plan, tmp_path, **cases))
    assert found is not None
    assert not found.held
    assert USUAL in found.claims[0].as_good


def test_being_smooth_is_not_enough(plan: Plan, tmp_path: Path) -> None:
    """The best blur of noise is as good as the best blur of noise."""
    rng = np.random.default_rng(0)
    cases = {n: [seen(c.id, c.evidence, told=rng.random(64)) for c in small().split(n)] for n in ("validation", "test")}
    found = claims(audited(plan, tmp_path, **cases))
    assert found is not None
    assert not found.held


def test_a_method_without_any_figure_is_better_than_nothing(finished: Path) -> None:
    found = claims(Finished.open(finished))
    assert found is not None
    (negative,) = (claim for claim in found.claims if claim.method == "negative")
    assert not negative.holds
    assert len(negative.as_good) == 5


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (("centre_prior",), "centre_prior is not in the plan"),
        (("lungs",), "lungs is not in the plan"),
        (("random", "uniform"), "random and uniform are not in the plan"),
    ],
)
def test_without_a_control_nothing_is_claimed(plan: Plan, tmp_path: Path, left_out: tuple[str, ...], said: str) -> None:
    kept = tuple(name for name in METHODS if name not in left_out)
    audit = audited(replace(plan, explainers=kept), tmp_path, test=[drawn("test", i) for i in range(3)])
    found = claims(audit)
    assert found is not None
    assert found.claims == ()
    report(tmp_path, command="pellucid audit ...")
    assert f"Nothing may be said of any method: {said}" in section(tmp_path)


def test_lungs_that_somebody_drew_are_one_of_the_controls(plan: Plan, tmp_path: Path) -> None:
    def with_lungs(case: Case) -> Case:
        return replace(case, anatomy=(Boxes(np.array([[0.0, 0.0, 3.0, 8.0]]), "right lung"),))

    drawn_in = {name: [with_lungs(case) for case in small().split(name)] for name in ("train", "validation", "test")}
    found = claims(audited(plan, tmp_path, **drawn_in))
    assert found is not None
    assert "lungs" in {c.against for c in found.claims[0].comparisons}


def test_without_the_deciding_metric_nothing_is_claimed(plan: Plan, tmp_path: Path) -> None:
    audit = audited(replace(plan, metrics=("gaze_nss",)), tmp_path, test=[drawn("test", 0)])
    shown = gazed(audit)
    assert shown is not None
    assert "gaze_information_gain is not among the metrics" in shown.sentences[0]
    assert shown.raw is not None
    assert [c.metric for c in shown.raw.columns] == ["gaze_nss"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_without_gaze_to_compare_with_or_to_choose_blurs_by_nothing_is_claimed(plan: Plan, tmp_path: Path, split: str) -> None:
    blank = {split: [seen(f"{split}-{i}", []) for i in range(2)], "test": [drawn("test", i) for i in range(2)]}
    audit = audited(plan, tmp_path, **blank)
    shown = gazed(audit)
    assert shown is not None
    assert shown.best is None
    assert "gaze is not known at training images, for the usual gaze, and at validation images" in shown.sentences[0]
    report(tmp_path, command="pellucid audit ...")
    assert "The maps as they are, against gaze" in section(tmp_path)


def test_the_ceiling_comes_first_and_the_controls_last_each_by_its_gain(finished: Path) -> None:
    audit = Finished.open(finished)
    shown = gazed(audit)
    assert shown is not None
    assert shown.best is not None
    names = [row.name for row in shown.best.rows]
    assert names[:2] == [ANOTHER, "told"]  # the other method has no figure
    controls = names[2:]
    gains = [audit.frame.interval(name, DECIDES, BLURRED, 1, 0).value for name in controls]
    assert set(controls) == {USUAL, "centre_prior", "random_smooth", "uniform", "random"}
    assert gains == sorted(gains, reverse=True)
    assert [row.baseline for row in shown.best.rows] == [False, False, True, True, True, True, True]


def test_the_usual_gaze_is_no_way_and_another_reader_the_whole_way(finished: Path) -> None:
    shown = gazed(Finished.open(finished))
    assert shown is not None
    assert (shown.beside[USUAL].way, shown.beside[ANOTHER].way) == ("0.00", "1.00")
    assert shown.beside[USUAL].blur == ""
    assert (shown.beside["told"].holds, shown.beside["told"].claim) == (True, "none")


def test_the_section_speaks_of_findings_and_says_what_it_is_from(finished: Path) -> None:
    text = section(finished)
    assert "these lie where people looked in the very image: told." in text
    assert "28 findings of 14 patients; the usual gaze is that on 12 training images" in text
    assert not re.search(r"\b(words?|notes?|codes?)\b", text)
    assert "while the finding was named" in text
    assert 'href="#gaze"' in (finished / "report.html").read_text(encoding="utf-8")


def test_the_same_audit_writes_the_same_page(finished: Path) -> None:
    before = (finished / "report.html").read_bytes()
    report(finished, command="pellucid audit ...")
    assert (finished / "report.html").read_bytes() == before


def test_an_audit_from_before_gaze_can_still_be_opened(plan: Plan, tmp_path: Path) -> None:
    plain = {name: [seen(f"{name}-{i}", []) for i in range(2)] for name in ("train", "validation", "test")}
    run(Bright(), small(**plain), replace(plan, metrics=("gini",)), tmp_path)
    facts = json.loads((tmp_path / "thresholds.json").read_text())
    (tmp_path / "thresholds.json").write_text(json.dumps({k: v for k, v in facts.items() if k not in ("blurs", "gaze_images")}))
    report(tmp_path, command="pellucid audit ...")
    assert section(tmp_path) == ""


def test_where_nobody_looked_the_report_has_no_section_and_says_why(plan: Plan, tmp_path: Path) -> None:
    plain = {name: [seen(f"{name}-{i}", []) for i in range(2)] for name in ("train", "validation", "test")}
    run(Bright(), small(**plain), plan, tmp_path)
    report(tmp_path, command="pellucid audit ...")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert section(tmp_path) == ""
    assert "nobody&#39;s gaze at these images is known" in page
    assert "Shuffled AUC" not in page


def test_an_audit_of_texts_has_no_section_on_gaze(tmp_path: Path) -> None:
    run(WordModel(), Notes(2), Plan(explainers=("uniform",), metrics=("gini",), draws=20), tmp_path)
    report(tmp_path, command="pellucid audit ...")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert section(tmp_path) == ""
    assert "gaze" not in page.lower()


def test_a_report_needs_only_the_folder(finished: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(finished, moved)
    report(moved, command="pellucid audit ...")
    assert section(moved) == section(finished)


def test_lungs_are_skipped_with_the_reason_where_nobody_drew_them(plan: Plan, tmp_path: Path) -> None:
    chosen = replace(plan, explainers=("uniform", "lungs"), metrics=("gini",))
    run(Bright(), small(test=[seen("test-0", [looks((1, 1))])]), chosen, tmp_path)
    (skipped,) = json.loads((tmp_path / "audit.json").read_text())["skipped"]
    assert (skipped["name"], "no case says where its lungs lie" in skipped["reason"]) == ("lungs", True)
