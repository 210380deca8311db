from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit_fakes import Notes, WordModel, note

from pellucid import finding
from pellucid.audit import Event, Plan, check_free, run, shard
from pellucid.audit.lineup import assemble
from pellucid.case import Case, Spans
from pellucid.errors import DataError, UnknownNameError

HERE = str(Path(__file__).parent)


def rows(out: Path, **wanted: str) -> list[dict[str, Any]]:
    table = finding.read(out / "findings.parquet").to_pylist()
    return [row for row in table if all(row[name] == value for name, value in wanted.items())]


def test_strata_follow_gold_and_prediction(finished: Path) -> None:
    strata = {(row["case"], row["target"]): row["stratum"] for row in rows(finished, explainer="oracle")}
    assert strata["test-0", "I10"] == "true positive"
    assert strata["test-1", "E11"] == "false positive"
    assert strata["test-3", "I10"] == "false negative"


def test_every_case_and_method_is_in_the_table(finished: Path) -> None:
    found = {(row["case"], row["explainer"]) for row in rows(finished, metric="entropy")}
    assert found == {(f"test-{i}", name) for i in range(12) for name in ("oracle", "random", "uniform", "nothing", "prior")}


def test_a_metric_with_fillers_is_measured_once_a_filler_and_others_once(finished: Path) -> None:
    first = rows(finished, case="test-0", explainer="oracle")
    settings = [(row["metric"], row["setting"]) for row in first]
    assert len(settings) == len(set(settings))
    assert {s for m, s in settings if m == "comprehensiveness"} == {"mask", "delete"}
    assert {s for m, s in settings if m == "average_precision"} == {""}


def test_the_true_explanation_of_a_found_code_is_perfect(finished: Path) -> None:
    values = [r["value"] for r in rows(finished, case="test-0", explainer="oracle", metric="average_precision", setting="")]
    assert values == [1.0]


def test_refusals_are_kept_with_their_reason(finished: Path) -> None:
    refused = rows(finished, explainer="nothing", metric="token_precision")
    assert refused
    assert all(math.isnan(row["value"]) and row["note"] == "nothing is shown" for row in refused)


def test_targets_without_evidence_have_no_plausibility(finished: Path) -> None:
    assert not rows(finished, case="test-1", explainer="oracle", metric="average_precision")
    assert rows(finished, case="test-1", explainer="oracle", metric="comprehensiveness")


def test_known_causes_are_compared_beside_the_evidence(finished: Path) -> None:
    on = {row["setting"]: row["value"] for row in rows(finished, case="test-2", explainer="oracle", metric="average_precision")}
    assert on["cause"] == 1.0
    assert on[""] < 0.1


def test_the_model_is_judged_on_the_same_cases(finished: Path) -> None:
    model = {row["metric"]: row["value"] for row in rows(finished, case="test-3", explainer="")}
    assert model == {
        "model_average_precision": 0.5, "model_true_positives": 0, "model_false_positives": 0, "model_false_negatives": 1,
    }  # fmt: skip


def test_methods_that_the_model_cannot_serve_are_skipped_with_the_reason(finished: Path) -> None:
    skipped = json.loads((finished / "audit.json").read_text())["skipped"]
    assert [(s["name"], "attention of each label" in s["reason"]) for s in skipped] == [("attention", True)]


def test_learning_explainers_see_training_cases_only_and_at_most_so_many(plan: Plan) -> None:
    lineup = assemble(WordModel(), Notes(), plan)
    assert lineup.explainers["prior"].seen == 5  # type: ignore[attr-defined]


def test_learning_explainers_are_skipped_without_training_cases(plan: Plan) -> None:
    class NoTraining(Notes):
        def split(self, name: str) -> list[Case]:
            return [] if name == "train" else super().split(name)

    skipped = {s.name: s.reason for s in assemble(WordModel(), NoTraining(), plan).skipped}
    assert "training cases" in skipped["prior"]


def test_without_evidence_for_validation_thresholds_are_not_invented(plan: Plan, tmp_path: Path) -> None:
    class Unmarked(Notes):
        def split(self, name: str) -> list[Case]:
            cases = super().split(name)
            return [replace(case, evidence=()) for case in cases] if name == "validation" else cases

    run(WordModel(), Unmarked(4), plan, tmp_path)
    thresholds = json.loads((tmp_path / "thresholds.json").read_text())
    assert thresholds["values"] == {}
    assert "no validation case" in thresholds["reason"]
    assert not rows(tmp_path, metric="token_precision")
    assert rows(tmp_path, metric="average_precision")


def test_thresholds_do_not_depend_on_the_cases_that_are_judged(finished: Path, plan: Plan, tmp_path: Path) -> None:
    run(WordModel(), Notes(), replace(plan, cases=2), tmp_path)
    assert (tmp_path / "thresholds.json").read_bytes() == (finished / "thresholds.json").read_bytes()


def test_killed_at_any_stage_and_started_again_the_bytes_are_the_same(finished: Path, plan: Plan, tmp_path: Path) -> None:
    for stage, done in (("validation", 2), ("cases", 1), ("cases", 7)):
        killed = subprocess.run([sys.executable, "-c", _KILLED, HERE, stage, str(done), str(tmp_path)], check=False)
        assert killed.returncode == -9
        assert not (tmp_path / "findings.parquet").exists()
    left = tmp_path / "cases" / ".half.part"
    left.write_bytes(b"half a shard")
    seen: list[Event] = []
    run(WordModel(), Notes(), plan, tmp_path, progress=seen.append)
    assert not left.exists()
    assert seen[-1] == Event("cases", 12, 12)
    for name in ("findings.parquet", "thresholds.json", "counts.json"):
        assert (tmp_path / name).read_bytes() == (finished / name).read_bytes()


_KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import audit_fakes
from pellucid import registry
from pellucid.audit import Plan, run
registry.explainers.names()
registry.explainers._factories.update(audit_fakes.EXPLAINERS)
plan = Plan(explainers=tuple(audit_fakes.EXPLAINERS), metrics=audit_fakes.METRICS, validation_cases=6, fit_cases=5, draws=200)
def die(event):
    if event.stage == sys.argv[2] and event.done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
run(audit_fakes.WordModel(), audit_fakes.Notes(), plan, Path(sys.argv[4]), progress=die)
"""


def test_finished_cases_are_not_computed_again(finished: Path, plan: Plan) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "cases").iterdir()}
    run(WordModel(), Notes(), plan, finished)
    assert {path: path.stat().st_mtime_ns for path in (finished / "cases").iterdir()} == before


def test_damaged_shard_is_computed_again(plan: Plan, tmp_path: Path) -> None:
    path = run(WordModel(), Notes(4), plan, tmp_path)
    whole = path.read_bytes()
    hurt = sorted((tmp_path / "cases").iterdir())[1]
    hurt.write_bytes(hurt.read_bytes()[:500])
    run(WordModel(), Notes(4), plan, tmp_path)
    assert path.read_bytes() == whole
    assert shard.read(hurt).facts["case"] == "test-1"


@pytest.mark.parametrize("what", ["plan", "model", "data set", "decision threshold"])
def test_a_folder_of_another_audit_is_refused_by_what_differs(finished: Path, plan: Plan, what: str) -> None:
    model, notes = WordModel(), Notes()
    if what == "plan":
        plan = replace(plan, seed=9)
    elif what == "model":
        model = WordModel(limit=99)
    elif what == "data set":
        notes = Notes(5)
    else:
        model.threshold = 0.4
    with pytest.raises(DataError, match=f"another {what};"):
        run(model, notes, plan, finished)


def test_a_folder_of_something_else_is_refused_and_left_alone(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="holds other things than an audit"):
        check_free(tmp_path)
    with pytest.raises(DataError, match="is a file"):
        run(WordModel(), Notes(2), plan, tmp_path / "thesis.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_kill_left_of_the_manifest_is_no_obstacle_and_is_cleared(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / ".audit.json.abc.part").write_text("{")
    run(WordModel(), Notes(2), replace(plan, explainers=("uniform",), metrics=("entropy",)), tmp_path)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("content", ["[]", "{}", '{"identity": "x"}'])
def test_a_manifest_that_says_nothing_is_refused_by_name(plan: Plan, tmp_path: Path, content: str) -> None:
    (tmp_path / "audit.json").write_text(content)
    with pytest.raises(DataError, match=r"audit.json does not say what was audited"):
        run(WordModel(), Notes(2), plan, tmp_path)


def test_a_data_set_with_none_of_the_models_labels_is_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="knows none of the 1 labels of the data set 'notes'"):
        run(WordModel(), Notes(2, labels=("Z99",)), plan, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_long_notes_are_judged_on_what_the_model_read(plan: Plan, tmp_path: Path) -> None:
    run(WordModel(limit=5), Notes(4), plan, tmp_path)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts["cases longer than the model reads"] == 4
    assert counts["targets whose evidence the model did not read"] == 2  # of the third note the first word is marked
    first = shard.read(sorted((tmp_path / "cases").iterdir())[0])
    assert first.array("scores/oracle").shape == (1, 5)


def test_cases_that_cannot_be_used_are_counted_and_nothing_is_lost(plan: Plan, tmp_path: Path) -> None:
    class Some(Notes):
        def split(self, name: str) -> list[Case]:
            unread = Case("no text", "q", {}, frozenset({"I10"}))
            silent = Case("no label", "q", {"text": "feels well"}, frozenset({"Z99"}))
            return [unread, *super().split(name), silent]

    run(WordModel(), Some(2), plan, tmp_path)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert sum(counts["excluded"].values()) == 2
    assert "no text" in counts["unreadable"]
    assert counts["cases explained"] == 2
    assert counts["gold labels that the model does not know"] == 1


def test_a_sample_of_cases_is_drawn_by_the_seed_alone(plan: Plan, tmp_path: Path) -> None:
    def drawn(seed: int) -> list[str]:
        out = tmp_path / str(seed)
        run(WordModel(), Notes(), replace(plan, cases=3, seed=seed, explainers=("uniform",), metrics=("entropy",)), out)
        return [row["case"] for row in rows(out, metric="entropy")]

    first = drawn(0)
    assert len(first) == 3
    assert first == sorted(first, key=lambda name: int(name.split("-")[1]))
    assert len({tuple(drawn(seed)) for seed in range(4)}) > 1


def test_a_case_whose_scores_are_no_numbers_is_left_out_and_counted(plan: Plan, tmp_path: Path) -> None:
    class Odd(Notes):
        def split(self, name: str) -> list[Case]:
            return [*super().split(name), Case("odd", "q", {"text": "overflow hypertension"}, frozenset({"I10"}))]

    weights = WordModel().weights
    broken = WordModel({**weights, "I10": {**weights["I10"], "overflow": math.inf}})
    run(broken, Odd(2), replace(plan, explainers=("oracle",)), tmp_path)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert sum(counts["excluded"].values()) == 1
    assert "finite number" in counts["unreadable"]["odd"]
    assert counts["cases explained"] == 2


def test_empty_split_and_unknown_names_are_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'test'"):
        run(WordModel(), Notes(0), plan, tmp_path / "a")
    with pytest.raises(UnknownNameError, match="attingradd"):
        run(WordModel(), Notes(2), replace(plan, explainers=("attingradd",)), tmp_path / "b")


def test_whole_case_evidence_counts_for_every_label(plan: Plan, tmp_path: Path) -> None:
    class Whole(Notes):
        def split(self, name: str) -> list[Case]:
            return [replace(note("w", "p", 0), evidence=(Spans.of((0, 8)),))]

    run(WordModel(), Whole(1), plan, tmp_path)
    assert shard.read(next((tmp_path / "cases").iterdir())).array("truth").any(axis=1).all()
