"""Is the human evidence what the model uses? A model whose every output can be worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit_fakes import LABELS, METRICS, Notes, WordModel
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from pellucid import finding
from pellucid.audit import Plan, report, run
from pellucid.audit.finished import Finished
from pellucid.audit.human import human_evidence, use_of
from pellucid.audit.judging import CHANCE, HUMAN
from pellucid.audit.shown import shown
from pellucid.case import Case, Spans
from pellucid.statistics import Interval

USE = (
    "comprehensiveness_at_evidence_size",
    "sufficiency_at_evidence_size",
    "comprehensiveness_over_random",
    "sufficiency_over_random",
)
MORE = (
    "f1_at_budget", "empty_at_budget", "budget_true_positives", "budget_false_positives", "budget_false_negatives",
    "match_exact", "match_proximate", "match_partial", "match_none", "match_empty", "punctuation_at_5",
    "evidence_of_other_labels_at_5", "token_recall",
)  # fmt: skip


class Hypertensives(Notes):
    """Every note says the same thing; `marked` is what people marked in it for I10."""

    marked = "hypertension"

    def split(self, name: str) -> list[Case]:
        cases = []
        for i in range(self.size):
            text = "the patient came today with hypertension and a cough . takes insulin for years now and feels well"
            start = text.index(self.marked)
            evidence = Spans.of((start, start + len(self.marked)), label="I10")
            other = Spans.of((text.index("insulin"), text.index("insulin") + 7), label="Z79")
            cases.append(Case(f"{name}-{i}", f"{name}-p{i}", {"text": text}, frozenset({"I10"}), (evidence, other)))
        return cases


class Wrong(Hypertensives):
    marked = "cough"


@pytest.fixture(scope="module")
def plan(plan: Plan) -> Plan:
    return replace(plan, explainers=("oracle", "random", "uniform"), metrics=(*METRICS, *USE, *MORE), random_texts=4)


@pytest.fixture(scope="module")
def used(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("used")
    run(WordModel(), Hypertensives(4), plan, out)
    return out


def rows(out: Path, **wanted: str) -> list[dict[str, Any]]:
    return [r for r in finding.read(out / "findings.parquet").to_pylist() if all(r[n] == v for n, v in wanted.items())]


def values(out: Path, **wanted: str) -> set[float]:
    return {round(r["value"], 9) for r in rows(out, **wanted)}


def test_evidence_random_text_and_explanations_stand_side_by_side_in_the_findings(used: Path) -> None:
    whole, nothing = expit(3.0), expit(-2.0)
    lost = {name: values(used, explainer=name, metric=USE[0], setting="mask") for name in (HUMAN, CHANCE, "oracle")}
    assert lost == {HUMAN: {round(whole - nothing, 9)}, CHANCE: {0.0}, "oracle": {round(whole - nothing, 9)}}
    kept = {name: values(used, explainer=name, metric=USE[1], setting="mask") for name in (HUMAN, CHANCE, "oracle")}
    assert kept == {HUMAN: {0.0}, CHANCE: {round(whole - nothing, 9)}, "oracle": {0.0}}
    assert values(used, explainer=HUMAN, metric=USE[2]) == {round(whole - nothing, 9)}
    assert not rows(used, explainer=CHANCE, metric=USE[2])


def test_a_model_that_reads_the_evidence_and_nothing_else_is_said_to(used: Path) -> None:
    found = human_evidence(Finished.open(used))
    assert found is not None
    assert [(a.stratum, a.use) for a in found.answers] == [("true positive", "alone")]
    assert found.sentences[0].startswith("For codes rightly assigned (4 codes), the model uses the evidence. Without it")
    assert found.sentences[0].endswith("The verdict is the same with words deleted.")
    (_, masked), _ = found.tables
    assert [row.name for row in masked.rows] == [HUMAN, "oracle", CHANCE]


def test_marks_that_the_model_does_not_read_are_no_better_than_random_text(plan: Plan, tmp_path: Path) -> None:
    neutral = WordModel({label: {"hypertension": 1e-9, "today": 3.0} for label in LABELS})
    run(neutral, Wrong(4), plan, tmp_path)
    found = human_evidence(Finished.open(tmp_path))
    assert found is not None
    assert found.answers[0].use != "alone"
    assert values(tmp_path, explainer=HUMAN, metric=USE[0]) == {0.0}


def about(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 10, 5)


CASES = [
    (about(0.1, 0.3), about(-0.5, -0.2), about(-0.1, 0.1), "alone"),
    (about(0.1, 0.3), about(-0.5, -0.2), about(-0.3, -0.1), "alone"),
    (about(0.1, 0.3), about(-0.5, -0.2), about(0.1, 0.2), "among others"),
    (about(0.1, 0.3), about(0.1, 0.2), about(0.1, 0.2), "among others"),
    (about(-0.1, 0.3), about(-0.5, -0.2), about(0.1, 0.2), "replaceable"),
    (about(-0.1, 0.3), about(-0.5, 0.2), about(0.1, 0.2), "no different"),
    (about(-0.3, -0.1), about(-0.5, -0.2), about(0.1, 0.2), "less than chance"),
    (Interval(0.3, math.nan, math.nan, 3, 1), about(0, 1), about(0, 1), "unknown"),
]


@pytest.mark.parametrize(("without_gap", "only_gap", "only", "said"), CASES)
def test_the_verdict_follows_from_the_intervals(without_gap: Interval, only_gap: Interval, only: Interval, said: str) -> None:
    assert use_of(without_gap, only_gap, only) == said


BOUND = st.floats(-1, 1)
BOUNDS = st.tuples(BOUND, BOUND).map(lambda pair: about(min(pair), max(pair)))


@given(BOUNDS, BOUNDS, BOUNDS)
def test_use_is_never_claimed_where_the_interval_allows_chance(
    without_gap: Interval, only_gap: Interval, only: Interval
) -> None:
    use = use_of(without_gap, only_gap, only)
    if without_gap.low <= 0 <= without_gap.high:
        assert use in ("replaceable", "no different")
    if use == "alone":
        assert only.low <= 0


def test_one_patient_gives_no_verdict(plan: Plan, tmp_path: Path) -> None:
    run(WordModel(), Hypertensives(1), plan, tmp_path)
    found = human_evidence(Finished.open(tmp_path))
    assert found is not None
    assert found.answers[0].use == "unknown"
    assert "there is no verdict" in report(tmp_path).read_text(encoding="utf-8")


def test_without_evidence_or_its_metrics_there_is_no_such_section(plan: Plan, tmp_path: Path) -> None:
    class Unmarked(Hypertensives):
        def split(self, name: str) -> list[Case]:
            return [replace(case, evidence=()) for case in super().split(name)]

    run(WordModel(), Unmarked(2), plan, tmp_path / "unmarked")
    run(WordModel(), Hypertensives(2), replace(plan, metrics=METRICS), tmp_path / "unasked")
    for name in ("unmarked", "unasked"):
        assert human_evidence(Finished.open(tmp_path / name)) is None
        assert "what the model uses?" not in report(tmp_path / name).read_text(encoding="utf-8")


def test_wrong_codes_are_held_against_the_evidence_of_other_codes(plan: Plan, tmp_path: Path) -> None:
    class Fooled(Hypertensives):
        def split(self, name: str) -> list[Case]:
            return [replace(c, inputs={"text": c.text.replace("a cough", "diabetes")}) for c in super().split(name)]

        def __len__(self) -> int:
            return 6

    run(WordModel(), Fooled(2), plan, tmp_path)
    wrong = [r for r in rows(tmp_path, metric="evidence_of_other_labels_at_5") if r["stratum"] == "false positive"]
    found = {r["explainer"]: round(r["value"], 9) for r in wrong}
    # "diabetes" and "insulin" (marked for Z79) come first; three of the other fifteen words follow, one of which is marked.
    chance = round(2 / 17, 9)
    assert (found["oracle"], found[CHANCE], found["uniform"]) == (round((1 + 3 / 15) / 5, 9), chance, chance)
    page = report(tmp_path).read_text(encoding="utf-8")
    assert "Wrongly assigned (2 codes)" in page


def test_the_tables_of_what_is_shown_have_the_shares_of_the_five_ways(used: Path) -> None:
    found = shown(Finished.open(used))
    assert found.matches is not None
    assert [name for name, _ in found.matches.groups] == [
        "Share of the explanations, by how they meet the evidence", "Of the first five words",
    ]  # fmt: skip
    for row in found.matches.rows:
        if row.name not in (HUMAN, CHANCE):
            assert sum(float(cell.value) for cell in row.cells[:5]) == pytest.approx(1.0)
    assert found.errors is not None
    assert [title for title, _ in found.errors.groups] == ["Rightly assigned (4 codes)"]


def test_the_budget_is_the_mean_length_of_the_evidence_and_is_frozen(used: Path) -> None:
    audit = Finished.open(used)
    assert audit.thresholds["budget"] == 1  # one word is marked for each code
    assert set(audit.thresholds["at_budget"]) == {"oracle", "random", "uniform"}
    found = shown(audit).matched_length
    assert found is not None
    assert [title for title, _ in found.groups] == ["The first 1 word of each", "1 word on average"]
    best = next(row for row in found.rows if row.name == "oracle")
    assert [cell.value for cell in best.cells] == ["1.00", "0.00", "1.00", "1.00", "1.00"]


def test_evidence_of_labels_that_the_model_does_not_know_is_counted_and_reported(used: Path) -> None:
    audit = Finished.open(used)
    assert audit.counts["marked passages whose label the model does not know"] == 4
    assert audit.counts["unknown_evidence"] == {"Z79": 4}
    text = report(used).read_text(encoding="utf-8")
    assert "agreement with 4 marked passages" in text
    assert "Z79 (4)" in text


def test_marked_passages_of_labels_that_are_not_explained_are_counted(plan: Plan, tmp_path: Path) -> None:
    class Idle(Hypertensives):
        def split(self, name: str) -> list[Case]:
            idle = Spans.of((0, 3), label="J45")  # a label of the model that is neither gold nor predicted
            return [replace(case, evidence=(*case.evidence, idle)) for case in super().split(name)]

    run(WordModel(), Idle(2), plan, tmp_path)
    counted = Finished.open(tmp_path).counts
    assert counted["marked passages of labels that the model knows but that are not explained"] == 2
    assert counted["marked passages whose label the model does not know"] == 2
