"""A small study of sentences and maps: it ends with tables, does nothing twice, and goes on where it was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid import datasets, predictors
from pellucid.alignment.passing import rules
from pellucid.datasets import StoredDataset
from pellucid.errors import DataError, PellucidError
from pellucid.files import read_json
from pellucid.studies import Part, alignment
from pellucid.studies.alignment import VARIANTS, AlignmentStudy
from pellucid.studies.alignment.comparing import claims
from pellucid.studies.alignment.gathering import Found
from pellucid.studies.alignment.probing import read
from pellucid.studies.alignment.study import BASELINES, Folders, plan_of
from pellucid.studies.steps import Event
from pellucid.training.matching import matching

MAPS = ("local_attention_mean", "local_attention")
REWORDINGS = ("side_swap", "synthetic", "synthetic_swapped", "random_sentence", "paraphrase", "derangement")


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    drawn = datasets.PhantomChest(50, size=32, prevalence=0.4, reports=True).prepare()
    return datasets.write(tmp_path_factory.mktemp("data") / "chest", drawn)


@pytest.fixture(scope="module")
def study() -> AlignmentStudy:
    images = ("mirror", "other_patient", "random_boxes")
    few = {"cases": 4, "fit_cases": 30, "other_cases": 20, "draws": 20, "sensitivity_cases": 2}
    plan = plan_of(MAPS, rewordings=REWORDINGS, images=images, **few)
    return AlignmentStudy({"encoder": "tiny", "epochs": 1, "batch_size": 32}, plan, ("ours", "retrained"), (1, 0))


class Killed(Exception):
    """In place of a signal."""


def killing(part: str, stage: str, done: int):  # type: ignore[no-untyped-def]
    def tell(event: Event) -> None:
        if (str(event.part), event.stage, event.done) == (part, stage, done):
            raise Killed

    return tell


@pytest.fixture(scope="module")
def finished(chest: StoredDataset, study: AlignmentStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Killed in a training, in an audit and in a probe, and started again each time."""
    out = tmp_path_factory.mktemp("study")
    for stage, done in (("training", 1), ("asking about test images", 2), ("ranking images for sentences", 1)):
        with pytest.raises(Killed):
            alignment.run(study, chest, out, progress=killing("retrained-0", stage, done), device="cpu")
        assert Part("retrained", 0) in alignment.unfinished(study, out)
    alignment.run(study, chest, out, only=[Part("ours", 1)], device="cpu")
    assert alignment.unfinished(study, out) == [Part("retrained", 0), Part("ours", 0), Part("retrained", 1)]
    alignment.run(study, chest, out, device="cpu")
    assert alignment.unfinished(study, out) == []
    alignment.write(study, chest, out)
    return out


@pytest.fixture(scope="module")
def found(finished: Path, study: AlignmentStudy) -> Found:
    return Found.read(study, Folders(finished))


def test_killed_and_resumed_it_ends_with_what_an_undisturbed_study_has(
    finished: Path, study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    part = Part("retrained", 0)
    alignment.run(study, chest, tmp_path, only=[part], device="cpu")
    for file in (f"audits/{part}/findings.parquet", f"audits/{part}/tables.json", f"models/{part}/model.safetensors"):
        assert (tmp_path / file).read_bytes() == (finished / file).read_bytes()
    alone, whole = (read(Folders(root).probe(part)) for root in (tmp_path, finished))
    assert alone.items == whole.items
    np.testing.assert_array_equal(alone.retrieval, whole.retrieval)


def test_given_again_it_trains_and_judges_nothing_again(finished: Path, study: AlignmentStudy, chest: StoredDataset) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    events: list[Event] = []
    alignment.run(study, chest, finished, progress=events.append, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {(event.stage, event.total) for event in events} == {("training", 0)}


def test_every_table_has_every_row(finished: Path, study: AlignmentStudy, found: Found) -> None:
    stored = {table["name"]: table["rows"] for table in read_json(finished / "tables.json")["tables"]}
    beside = ["retrained", "retrained, as published", "ours", "GLoRIA as released, as published"]
    for name in ("auroc", "average_precision"):
        assert [row["variant"] for row in stored[name]] == [*beside, *"–––––"]
        assert [row["map"] for row in stored[name]][len(beside) :] == [*BASELINES, "data-set mean"]
    assert [row["variant"] for row in stored["overlap"]] == [*beside, *"––––"]
    assert [row["variant"] for row in stored["maps"]] == [row["variant"] for row in stored["changes"]] == beside
    assert [row["variant"] for row in stored["text"]] == ["retrained", "ours"]
    asked = {(rule.setting.replace("_", " "), rule.by) for rule in rules(study.plan)}
    assert {(row["perturbation"], row["by"]) for row in stored["passes"]} <= asked
    assert {("side swap", "map"), ("paraphrase", "map"), ("mirror", "score")} <= {
        (row["perturbation"], row["by"]) for row in stored["passes"]
    }
    assert [(row["variant"], row["map"]) for row in stored["aggregates"]] == [
        (v, m) for v in ("retrained", "ours") for m in MAPS
    ]
    assert list(stored["changes"][0]["figures"])[:5] == [
        "side swap", "derangement", "random sentence", "random boxes", "synthetic swapped",
    ]  # fmt: skip
    page = (finished / "tables.md").read_text(encoding="utf-8")
    for title in (
        "Where maps lie: AUROC",
        "What maps put first",
        "Does the text matter?",
        "Which map of the same model",
        "Claims",
    ):
        assert f"## {title}" in page
    said = read_json(finished / "tables.json")
    assert [len(kinds) for kinds in said["verdicts"].values()] == [2, 2]
    assert said["study"]["variants"]["ours"]["method"] == "local_attention"


def test_an_audit_from_before_maps_were_asked_what_moves_them_is_asked_that_alone(
    finished: Path, study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    one = replace(study, variants=("ours",), seeds=(0,), models=finished / "models")
    alignment.run(one, chest, tmp_path, device="cpu")
    audit, probe = tmp_path / "audits" / "ours-0", tmp_path / "probes" / "ours-0.npz"
    (audit / "sensitivity.npz").unlink()
    rest = {path: path.stat().st_mtime_ns for path in (probe, *(audit / "cases").iterdir())}
    old = alignment.write(one, chest, tmp_path)  # an old study is written as it is
    assert alignment.unfinished(one, tmp_path) == [Part("ours", 0)]
    alignment.run(one, chest, tmp_path, device="cpu")
    assert alignment.unfinished(one, tmp_path) == []
    assert {path: path.stat().st_mtime_ns for path in rest} == rest
    assert [table.name for table in alignment.write(one, chest, tmp_path).tables] == [table.name for table in old.tables]


def test_models_are_told_apart_by_how_far_words_move_their_maps(found: Found, finished: Path) -> None:
    rows = {table["name"]: table["rows"] for table in read_json(finished / "tables.json")["tables"]}["text"]
    stored = {row["variant"]: row["figures"] for row in rows}
    for variant in ("retrained", "ours"):
        moved = found.values(variant, "local_attention", "text_moves_map", "made")
        assert np.isfinite(moved).sum() == 2 * 2  # of two cases in two runs
        assert stored[variant]["words move"]["value"] == pytest.approx(np.nanmean(moved))
        ratios = found.values(variant, "local_attention", "text_over_image", "made")
        assert stored[variant]["text / image"]["n"] == np.isfinite(ratios).sum()
    assert stored["ours"]["words move"]["value"] > 0


def test_figures_are_means_over_the_findings_of_all_runs(found: Found) -> None:
    method = "local_attention_mean"
    each = [one.column(method, "auroc") for one in found.answers["retrained"].values()]
    assert found.mean(found.values("retrained", method, "auroc")).value == pytest.approx(np.nanmean(np.concatenate(each)))
    lung = [values[found.first.subsets["one lung"]] for values in each]
    inside = found.mean(found.within(found.values("retrained", method, "auroc"), "one lung"))
    assert inside.value == pytest.approx(np.nanmean(np.concatenate(lung)))
    assert inside.runs == 2


def test_every_run_is_asked_about_the_same_sentences_and_judged_by_the_same_priors(found: Found) -> None:
    for prior in BASELINES:
        rows = [found.values(name, prior, "auroc") for name in ("retrained", "ours")]
        np.testing.assert_array_equal(*rows)
    usual = [found.probed(name, "auroc") for name in ("retrained", "ours")]
    np.testing.assert_array_equal(*usual)
    placed = np.tile(found.first.placed, 2)
    assert not np.isnan(usual[0][placed]).any()
    assert np.isnan(usual[0][~placed]).all()
    assert not np.isnan(found.probed("ours", "retrieval")).all()


def test_retrieval_by_sentence_has_the_mean_that_training_reports(
    finished: Path, study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    from pellucid.studies.alignment.probing import probe

    model = predictors.load(finished / "models" / "retrained-0")
    path = tmp_path / "all.npz"
    probe(replace(study.plan, cases=None), model, chest, path)
    known = matching(model, list(chest.split("test")))  # type: ignore[arg-type]
    assert np.nanmean(read(path).retrieval) == pytest.approx(known["matching"], abs=1e-6)


def test_opting_out_is_judged_by_ranks_and_not_at_all_by_a_model_without_a_null(found: Found) -> None:
    from sklearn.metrics import roc_auc_score

    assert found.opt_out("retrained").value == 0.5
    judged, absent = found.first.placed | found.first.absent, found.first.absent
    nulls = [one.column("", "null_share")[judged] for one in found.answers["ours"].values()]
    expected = np.mean([roc_auc_score(absent[judged], null) for null in nulls])
    assert found.opt_out("ours").value == pytest.approx(expected)
    assert found.opt_out("ours", above=0.9).value == pytest.approx(expected - 0.9)


def test_every_target_is_a_claim_of_its_variants(found: Found) -> None:
    said = claims(found)
    assert [claim.family for claim in said] == ["failure", *["ours"] * 5, "regions"]
    swap, true = (found.values("retrained", "local_attention_mean", "auroc", s) for s in ("side_swap", ""))
    moved = np.nanmean(found.within(swap - true, "one lung"))
    assert said[0].found.value == pytest.approx(0.03 - abs(moved))
    own, usual = found.values("ours", "local_attention", "auroc"), found.probed("ours", "auroc")
    assert said[3].found.value == pytest.approx(np.nanmean(own - usual) - 0.1)
    alone = replace(found, study=replace(found.study, variants=("ours",)))
    assert [claim.family for claim in claims(alone)] == [*["ours"] * 4, "regions"]


def test_the_control_is_to_have_even_maps_that_no_sentence_moves(found: Found) -> None:
    """Its answers are those of another variant here."""
    control = replace(found, study=replace(found.study, variants=("random_sentences",)))
    control = replace(control, answers={"random_sentences": found.answers["retrained"]})
    even, still = claims(control)
    entropy, moved = (
        found.within(found.values("retrained", "local_attention_mean", metric, setting), "all")
        for metric, setting in (("entropy", ""), ("symmetric_kl", "random_sentence"))
    )
    assert {even.family, still.family} == {"control"}
    assert even.found.value == pytest.approx(np.nanmean(entropy) - 0.999)
    assert still.found.value == pytest.approx(0.001 - np.nanmean(moved))


def test_given_models_are_judged_and_nothing_is_trained(
    finished: Path, study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    plan = replace(study.plan, cases=2, rewordings=("side_swap",), images=())
    judging = replace(study, plan=plan, seeds=(0,), models=finished / "models")
    events: list[Event] = []
    alignment.run(judging, chest, tmp_path, progress=events.append, device="cpu")
    assert {event.stage for event in events} == {"asking about test images", "ranking images for sentences"}
    assert not (tmp_path / "models").exists()
    results = alignment.write(judging, chest, tmp_path)
    assert read_json(tmp_path / "tables.json")["study"]["trained"] is False
    assert all(not np.isnan(row[1][0].value) for row in results.tables[0].rows if row[0][0] in study.variants)
    with pytest.raises(DataError, match="holds no model ours-7; give the folder models"):
        alignment.run(replace(judging, seeds=(7,)), chest, tmp_path, only=[Part("ours", 7)])


def test_audits_of_other_sentences_or_plans_are_not_compared(
    finished: Path, study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="part retrained-0 is not audited"):
        Found.read(study, Folders(tmp_path))
    one = replace(study, seeds=(0,), models=finished / "models")
    for name, cases in (("retrained", 3), ("ours", 2)):
        plan = replace(study.plan, cases=cases, rewordings=("side_swap",), images=())
        alignment.run(replace(one, variants=(name,), plan=plan), chest, tmp_path, device="cpu")
    with pytest.raises(DataError, match="audits of retrained-0 and ours-0 have another plan"):
        Found.read(one, Folders(tmp_path))


def test_what_goes_on_from_a_model_starts_at_that_of_its_seed(study: AlignmentStudy) -> None:
    longer = replace(study, variants=("shots", "retrained"), recipe={"epochs": 30, "learning_rate": 0.1, "batch_size": 8})
    assert longer.parts[:2] == [Part("retrained", 0), Part("shots", 0)]
    recipe = longer.recipe_of(Part("shots", 1), Path("models") / "retrained-1")
    assert (recipe.start, recipe.objective) == ("models/retrained-1", "boxes(published=true, shots=30)")
    assert (recipe.epochs, recipe.schedule, recipe.batch_size) == (VARIANTS["shots"].pace["epochs"], "constant", 8)
    assert (recipe.keep, recipe.patience >= recipe.epochs) == ("last", True)  # matching must not choose what boxes taught
    assert recipe.learning_rate == VARIANTS["shots"].pace["learning_rate"]
    alone = replace(longer, also=None).recipe_of(Part("retrained", 1), Path())
    assert alone.objective == "contrastive"
    first = longer.recipe_of(Part("retrained", 1), Path())
    assert first.objective == "contrastive + bce"
    assert (first.start, first.epochs, first.attention) == (None, 30, "published")


def test_settings_that_make_no_study_are_refused_in_one_sentence(
    study: AlignmentStudy, chest: StoredDataset, tmp_path: Path
) -> None:
    mistakes = {
        "decides the attention": {"recipe": {"attention": "joint"}},
        "decides the objective": {"recipe": {"objective": "boxes"}},
        "at least one variant and one seed": {"seeds": ()},
        "no variant 'theirs'": {"variants": ("theirs",)},
        "shots goes on from the models of retrained": {"variants": ("shots",)},
        "judged by local_attention, and the plan": {"plan": plan_of(("local_attention_mean",))},
    }
    for sentence, changes in mistakes.items():
        with pytest.raises(PellucidError, match=sentence):
            replace(study, **changes)  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="no part igr-7"):
        alignment.run(study, chest, tmp_path, only=[Part("igr", 7)])
    both = replace(study, variants=("retrained", "shots"))
    with pytest.raises(PellucidError, match="shots-0 learns from the model of retrained-0, which is not trained"):
        alignment.run(both, chest, tmp_path, only=[Part("shots", 0)])


def test_data_without_reports_are_refused_before_anything_is_trained(study: AlignmentStudy, tmp_path: Path) -> None:
    silent = datasets.write(tmp_path / "silent", datasets.PhantomChest(30, size=32).prepare())
    with pytest.raises(DataError, match="No test case of phantom_chest has a sentence"):
        alignment.run(study, silent, tmp_path / "study", device="cpu")
    assert not (tmp_path / "study").exists()
