"""What a study says follows from p and sign, and what it chooses was chosen on validation alone."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import Done

from pellucid.audit import Plan
from pellucid.audit.models import Models, Side
from pellucid.crossed import Estimate, estimate, mean_of
from pellucid.errors import PellucidError
from pellucid.files import read_json
from pellucid.statistics import holm
from pellucid.studies.choosing import candidates, choose_on_validation, question_of
from pellucid.studies.claims import Claim, corrected
from pellucid.studies.comparing import Answer, answered, questions, statement, verdict
from pellucid.studies.predictions import Predictions, performance
from pellucid.training.evaluate import performance as plain_performance


@given(st.floats(-1, 1), st.floats(0, 1), st.booleans())
def test_a_claim_holds_only_with_a_small_p_and_the_right_sign(value: float, p: float, higher: bool) -> None:
    found = verdict(value, p, higher)
    better = value > 0 if higher else value < 0
    assert (found == "cannot be told") == (p >= 0.05 or value == 0)
    if found != "cannot be told":
        assert (found == "holds") == better


def test_without_p_nothing_is_said() -> None:
    assert verdict(0.9, math.nan, True) == "cannot be told"


def made(value: float, p: float, metric: str = "average_precision", runs: int = 3) -> Answer:
    found = Estimate(value, value - 0.1, value + 0.1, p, p, math.nan, 60, 20, runs)
    return Answer("q", metric, Side("igr", "attingrad"), Side("bce", "attingrad"), found, p, 4, metric != "empty")


def test_a_statement_is_worded_after_its_verdict() -> None:
    assert "attingrad on igr is better than attingrad on bce in average_precision: +0.200" in statement(made(0.2, 0.001))
    assert "is worse than" in statement(made(-0.2, 0.01))
    assert "cannot be told apart from" in statement(made(0.2, 0.2))
    assert "is better than" in statement(made(-0.2, 0.01, "empty"))
    assert "these very models only" in statement(made(0.2, 0.01, runs=1))
    assert "these very models" not in statement(made(0.2, 0.01))


def test_statements_of_a_finished_study_agree_with_their_tests(done: Done) -> None:
    tables = read_json(done.out / "tables.json")
    words = {"holds": "is better than", "does not hold": "is worse than", "cannot be told": "cannot be told apart from"}
    assert len(tables["statements"]) == len(tables["tests"]) > 0
    for said, test in zip(tables["statements"], tables["tests"], strict=True):
        assert words[test["verdict"]] in said
        assert test["metric"] in said


def test_p_values_are_corrected_over_all_tests_of_their_question(done: Done) -> None:
    tests = read_json(done.out / "tables.json")["tests"]
    for question in {test["question"] for test in tests}:
        family = [test for test in tests if test["question"] == question]
        p = [math.nan if t["difference"]["p"] is None else t["difference"]["p"] for t in family]
        corrected = [math.nan if t["p_holm"] is None else t["p_holm"] for t in family]
        assert corrected == pytest.approx(holm(p).tolist(), nan_ok=True)
        assert {test["family"] for test in family} == {len(family)}


def test_the_questions_of_the_paper_are_asked_as_far_as_they_can_be(done: Done) -> None:
    models = Models({s: [done.out / "audits" / f"{s}-{seed}" for seed in (0, 1)] for s in ("bce", "evidence")})
    asked = {q.name: answered(models, q) for q in questions(models)}
    within = asked["attingrad v attention"]
    assert {(t.a.model, t.b.model) for t in within} == {("bce", "bce"), ("evidence", "evidence")}
    supervised = {(t.a, t.b) for t in asked["without evidence v with evidence"]}
    assert supervised == {(Side("bce", "attingrad"), Side("evidence", "attention"))}
    assert {(t.a.model, t.b.model) for t in asked["strategies, attention"]} == {("evidence", "bce")}
    alone = Models({"evidence": [done.out / "audits" / "evidence-0"]})
    assert {q.name for q in questions(alone) if answered(alone, q)} == {"attingrad v attention", "attingrad v input_x_gradient"}


def figures(split: str, **values: tuple[float, float]) -> SimpleNamespace:
    """Models with given means of average precision and NAOPC."""
    found = {Side(*name.split("__")): row for name, row in values.items()}

    def figure(side: Side, metric: str) -> SimpleNamespace:
        return SimpleNamespace(value=found[side][metric != "average_precision"])

    return SimpleNamespace(plan=Plan(split=split), figure=figure, sides=list(found))  # type: ignore[arg-type]


def test_the_combination_with_the_best_mean_rank_is_chosen_and_average_precision_decides_ties() -> None:
    models = figures("validation", bce__a=(0.9, 0.1), bce__b=(0.8, 0.8), igr__a=(0.5, 0.9), igr__b=(0.1, math.nan))
    ranking = choose_on_validation(models, models.sides)  # type: ignore[arg-type]
    assert [c.side for c in ranking] == [Side("bce", "a"), Side("bce", "b"), Side("igr", "a")]
    assert [c.rank for c in ranking] == [2.0, 2.0, 2.0]
    best = figures("validation", bce__a=(0.9, 0.1), bce__b=(0.8, 0.95), igr__a=(0.5, 0.9))
    assert choose_on_validation(best, best.sides)[0].side == Side("bce", "b")  # type: ignore[arg-type]


def test_nothing_is_chosen_on_the_test_split() -> None:
    models = figures("test", bce__a=(0.9, 0.1))
    with pytest.raises(PellucidError, match="on validation cases, not on the split 'test'"):
        choose_on_validation(models, models.sides)  # type: ignore[arg-type]


def test_the_choice_needs_no_test_case(done: Done, tmp_path: Path) -> None:
    shutil.copytree(done.out / "validation", tmp_path / "validation")
    grid = {s: [tmp_path / "validation" / f"{s}-{seed}" for seed in (0, 1)] for s in ("bce", "evidence")}
    assert not (tmp_path / "audits").exists()
    models = Models(grid)
    ranking = choose_on_validation(models, candidates(models))
    kept = read_json(done.out / "tables.json")["chosen_on_validation"]
    assert [(c.side.model, c.side.method, c.rank) for c in ranking] == [
        (k["strategy"], k["method"], k["mean_rank"]) for k in kept
    ]
    cases = {path.name for folder in grid["bce"] for path in (folder / "cases").iterdir()}
    explained = {path.name for path in (done.out / "audits" / "bce-0" / "cases").iterdir()}
    assert not cases & explained


def test_no_strategy_that_saw_evidence_and_no_baseline_is_a_candidate() -> None:
    models = SimpleNamespace(names=("bce", "evidence", "tm+evidence"), methods=["attingrad", "random", "prior"])
    assert candidates(models) == [Side("bce", "attingrad")]  # type: ignore[arg-type]


def test_the_chosen_one_meets_attingrad_on_the_plain_strategy_and_on_its_own() -> None:
    names = ("bce", "tm")
    rivals = [rival for _, rival in question_of(Side("tm", "gim"), names).pairs]
    assert rivals == [Side("bce", "attingrad"), Side("tm", "attingrad")]
    assert [rival for _, rival in question_of(Side("tm", "attingrad"), names).pairs] == [Side("bce", "attingrad")]
    assert question_of(Side("bce", "attingrad"), names) is None


def predictions(seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    probabilities = rng.random((30, 6))
    gold = np.random.default_rng(0).random((30, 6)) < 0.3
    gold[:, 5] = False  # a label that never occurs
    return Predictions([f"p{i // 2}" for i in range(30)], probabilities, probabilities > 0.5, gold)


def test_figures_of_the_models_are_the_means_of_each_run() -> None:
    runs = {seed: predictions(seed) for seed in (4, 5, 6)}
    found = performance(runs)
    plain = [plain_performance(run.probabilities, run.gold, run.assigned) for run in runs.values()]
    for name in ("map", "macro_f1"):
        assert found[name].value == pytest.approx(np.mean([row[name] for row in plain]))
        assert found[name].run_sd == pytest.approx(np.std([row[name] for row in plain], ddof=1))
    alone = performance({4: runs[4]})
    assert alone["micro_f1"].value == pytest.approx(plain[0]["micro_f1"])


def test_the_interval_of_macro_f1_is_that_of_leaving_out_patients() -> None:
    run = predictions(4)
    found = performance({0: run})["macro_f1"]
    left = []
    for patient in sorted(set(run.patients)):
        rest = np.array([p != patient for p in run.patients])
        left.append(plain_performance(run.probabilities[rest], run.gold[rest], run.assigned[rest])["macro_f1"])
    n = len(left)
    spread = math.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert (found.high - found.low) / 2 == pytest.approx(2.145 * spread, rel=0.25)


@pytest.mark.parametrize(
    ("patients", "value", "says"), [(40, 1e-3, "holds"), (40, -1e-3, "does not hold"), (4, 1e-3, "cannot be told")]
)
def test_a_figure_that_never_varies_is_told_by_the_number_of_patients(patients: int, value: float, says: str) -> None:
    rows = np.full(3 * patients, value), np.repeat(np.arange(patients), 3), np.tile(np.arange(3), patients)
    (claim,) = corrected([Claim("control", "maps are even", estimate(mean_of(*rows)))])
    assert claim.verdict == says
    assert "unknown" not in claim.line


def test_tables_do_not_depend_on_what_is_not_asked_for(done: Done) -> None:
    models = Models({"bce": [done.out / "audits" / f"bce-{seed}" for seed in (0, 1)]})
    both = Models({s: [done.out / "audits" / f"{s}-{seed}" for seed in (0, 1)] for s in ("bce", "evidence")})
    side = Side("bce", "attingrad")
    one, two = (m.figure(side, "average_precision") for m in (models, both))
    assert one == replace(two, low=one.low, high=one.high)
    assert (one.low, one.high) == pytest.approx((two.low, two.high))
