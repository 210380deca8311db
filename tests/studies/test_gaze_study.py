"""A small study of consensus and gaze: it ends with tables, does nothing twice, and claims only what its controls allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pellucid import agreement, datasets
from pellucid.agreement import two_sample
from pellucid.agreement.densities import LARGEST, normalised
from pellucid.audit.gazing import BLURRED
from pellucid.audit.models import Side
from pellucid.crossed import Estimate
from pellucid.datasets import StoredDataset
from pellucid.errors import DataError, PellucidError
from pellucid.files import read_json
from pellucid.studies import Part, gaze, predictions
from pellucid.studies.gaze import GazeStudy, Weights
from pellucid.studies.gaze.agreeing import between_seeds, divergences, recognitions
from pellucid.studies.gaze.comparing import claims, looking, plausible, share_kept
from pellucid.studies.gaze.gathering import Found
from pellucid.studies.gaze.study import BASELINES, HEADLINE, METRICS, STRATEGIES, Folders, plan_of
from pellucid.studies.gaze.tables import tables

KEPT = ("gaze_information_gain", "gaze_sauc", "gaze_kld", "gaze_nss", "srg", "relevance_mass")
CONTROLS = ("random", "centre_prior")


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    drawn = datasets.PhantomChest(60, size=32, prevalence=0.4, readers=2).prepare()
    return datasets.write(tmp_path_factory.mktemp("data") / "chest", drawn)


@pytest.fixture(scope="module")
def study() -> GazeStudy:
    sizes = {"cases": 3, "validation_cases": 2, "max_targets": 2, "across": 4, "draws": 20}
    plan = plan_of(None, explainers=(HEADLINE, *CONTROLS), metrics=KEPT, **sizes)
    return GazeStudy({"encoder": "tiny", "epochs": 1, "batch_size": 32}, plan, 2, Weights(annotated=0.6), (0, 1))


@pytest.fixture(scope="module")
def finished(chest: StoredDataset, study: GazeStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    gaze.run(study, chest, out, only=[Part("ensemble", 1)], device="cpu")
    assert gaze.unfinished(study, out) == [part for part in study.parts if part != Part("ensemble", 1)]
    gaze.run(study, chest, out, device="cpu")
    assert gaze.unfinished(study, out) == []
    gaze.write(study, chest, out)
    return out


@pytest.fixture(scope="module")
def found(finished: Path, study: GazeStudy) -> Found:
    return Found.read(study, Folders(finished))


def test_it_ends_with_tables_of_every_strategy_beside_what_knows_no_model(finished: Path) -> None:
    page = (finished / "tables.md").read_text(encoding="utf-8")
    for title in ("## Models", "## Gaze and faithfulness", "## What a mere blur does", "## Claims"):
        assert title in page
    stored = {table["name"]: table["rows"] for table in read_json(finished / "tables.json")["tables"]}
    assert [row["strategy"] for row in stored["models"]] == list(STRATEGIES)
    assert [row["networks"] for row in stored["models"]] == ["1", "2", "2", "2", "1"]
    beside = [row["method"] for row in stored["gaze"] if row["strategy"] == "–"]
    assert beside == ["usual gaze", "random", "centre_prior", "another reader"]
    assert {row["strategy"] for row in stored["gaze"] if row["method"] == HEADLINE} == set(STRATEGIES)
    figures = stored["gaze"][0]["figures"]
    assert {"information gain", "information gain, blurred", "sAUC, blurred", "SRG", "way to another reader"} <= set(figures)


def test_given_again_it_trains_and_judges_nothing_again(finished: Path, study: GazeStudy, chest: StoredDataset) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    events = []
    gaze.run(study, chest, finished, progress=events.append, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {(event.stage, event.total) for event in events} == {("training", 0)}


def test_the_student_learns_from_the_guided_ensemble_of_its_seed(finished: Path) -> None:
    for seed in (0, 1):
        about = read_json(finished / "models" / f"distilled-{seed}" / "pellucid.json")["about"]["recipe"]
        assert Path(about["teacher"]).name == f"consensus_gaze-{seed}"
        assert (about["members"], about["objective"]) == (1, "distil")


def test_figures_of_agreement_are_those_of_the_agreement_room(found: Found) -> None:
    probes = found.probes["ensemble"]
    maps = [np.swapaxes(p.members[HEADLINE], 0, 1) for p in probes.values()]
    apart = [agreement.likeness(list(m), p.patients, draws=1).divergence for m, p in zip(maps, probes.values(), strict=True)]
    known = divergences(probes, HEADLINE).above
    assert np.nansum(known) * LARGEST == pytest.approx(sum(a.value * a.n for a in apart))
    told = recognitions(probes, HEADLINE)
    each = [
        two_sample(np.stack([normalised(m) for m in p.members[HEADLINE]]), p.patients, permutations=0, draws=1).accuracy.value
        for p in probes.values()
    ]
    assert [told.above[told.runs == seed].mean() for seed in probes] == pytest.approx(each)


def test_models_without_members_have_no_divergence_and_one_seed_no_consistency(found: Found) -> None:
    assert len(divergences(found.probes["single"], HEADLINE).above) == 0
    one = {0: found.probes["single"][0]}
    assert all(np.isnan(figure.value) for figure in between_seeds(one))
    assert not np.isnan(between_seeds(found.probes["single"])[0].value)


def test_equal_members_have_no_divergence_and_are_told_apart_by_chance(found: Found) -> None:
    probe = found.probes["ensemble"][0]
    twins = {0: replace(probe, members={name: np.stack([m[0], m[0]]) for name, m in probe.members.items()})}
    assert np.nanmax(divergences(twins, HEADLINE).above) == pytest.approx(0, abs=1e-12)
    assert recognitions(twins, HEADLINE).above == pytest.approx(0.5)


def test_the_way_to_another_reader_starts_at_the_usual_gaze(finished: Path) -> None:
    rows = next(table for table in read_json(finished / "tables.json")["tables"] if table["name"] == "gaze")["rows"]
    way = {row["method"]: row["figures"]["way to another reader"]["value"] for row in rows if row["strategy"] == "–"}
    gain = {row["method"]: row["figures"]["information gain, blurred"]["value"] for row in rows if row["strategy"] == "–"}
    assert (way["usual gaze"], way["another reader"]) == (0.0, pytest.approx(1.0))
    assert gain["usual gaze"] == 0.0
    assert way["centre_prior"] == pytest.approx(gain["centre_prior"] / gain["another reader"])


def test_published_changes_stand_beside_what_a_blur_does(found: Found) -> None:
    blur = tables(found)[-1]
    assert [figure.value for figure in blur.rows[0][1]] == [-90.0, 216.0]
    raw, soft = (found.models.figure(Side("single", HEADLINE), "gaze_kld", setting=s).value for s in ("", BLURRED))
    assert blur.rows[1][1][0].value == pytest.approx(100 * (soft - raw) / raw)


def test_every_target_is_a_claim_and_a_student_keeps_nothing_of_no_gain(found: Found) -> None:
    said = claims(found)
    assert [claim.family for claim in said] == (
        ["consensus"] * 3 + ["gaze"] * 4 + ["faithfulness"] * 2 + ["student"] + ["plausibility"] * 4
    )
    srg = [found.models.figure(Side(name, HEADLINE), "srg").value for name in ("consensus_gaze", "ensemble")]
    assert said[7].found.value == pytest.approx(srg[0] - srg[1] + 0.02)
    student = said[9]
    assert student.refused == "consensus_gaze is not shown to gain anything"
    gains = share_kept(found)
    assert gains.n > 0


def test_the_auroc_is_that_of_the_whole_test_split(found: Found, chest: StoredDataset, finished: Path) -> None:
    kept = predictions.read(Folders(finished).predictions(Part("single", 0)))
    assert len(kept.patients) == len(chest.split("test"))
    assert tables(found)[0].rows[0][1][0].runs == 2


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, 0.001 if value else 1.0, 0.001, 0.001, 10, 10, 5)


def judged(gains: Mapping[tuple[str, str], float], asked: Sequence[str] = BASELINES) -> list[str]:
    """What is said of each strategy, where blurred gains are these, and raw ones those under "raw"."""

    def figure(side: Side, metric: str, setting: str | None) -> SimpleNamespace:
        return SimpleNamespace(value=gains.get((side.model, side.method), gains.get(("any", side.method), np.nan)))

    def against(a: Side, b: Side, metric: str, setting: str) -> Estimate:
        if setting == "":
            return estimate(gains.get((a.model, "raw"), 0.0))
        return estimate(figure(a, metric, setting).value - figure(b, metric, setting).value)

    models = SimpleNamespace(plan=SimpleNamespace(metrics=METRICS, explainers=asked), figure=figure, against=against)
    return [claim.said for claim in plausible(SimpleNamespace(models=models))]  # type: ignore[arg-type]


def gained(**blurred: float) -> dict[tuple[str, str], float]:
    return {(name, HEADLINE): blurred.get(name, 0.0) for name in STRATEGIES}


def test_more_plausible_is_said_of_what_beats_the_single_model_and_every_control() -> None:
    controls = {("any", "usual gaze"): 0.2, ("any", "centre_prior"): 0.1, ("any", "random"): -1.0}
    ensemble, consensus, guided, distilled = judged(
        {**gained(ensemble=-0.5, consensus=0.15, consensus_gaze=0.5), **controls, ("distilled", "raw"): 0.4}
    )
    assert ensemble == "does not hold"
    assert consensus == "refused: not shown to be better than usual gaze"
    assert guided == "holds"
    assert distilled == "refused: what is gained without a blur is not shown where each side has its best one"


def test_nothing_is_more_plausible_without_a_centre_prior() -> None:
    said = judged({**gained(consensus_gaze=0.5), ("any", "random"): -1.0})
    assert set(said) == {"refused: centre_prior has no figure, and nothing may be claimed without it"}


def test_nothing_is_more_plausible_where_lungs_were_not_asked_for() -> None:
    controls = {("any", "usual gaze"): 0.2, ("any", "centre_prior"): 0.1, ("any", "random"): -1.0}
    said = judged({**gained(consensus_gaze=0.5), **controls}, [name for name in BASELINES if name != "lungs"])
    assert set(said) == {"refused: lungs is not in the plan; audit them too"}


def test_what_is_not_held_against_a_control_is_not_claimed() -> None:
    bare = SimpleNamespace(has=lambda name: False, models=SimpleNamespace(plan=SimpleNamespace(metrics=METRICS)))
    assert all(claim.said.startswith("refused:") for claim in looking(bare))  # type: ignore[arg-type]


def test_data_without_gaze_are_refused_before_anything_is_trained(study: GazeStudy, tmp_path: Path) -> None:
    drawn = datasets.PhantomChest(30, size=32).prepare()
    blind = datasets.write(tmp_path / "blind", drawn)
    with pytest.raises(DataError, match="No training case of phantom_chest has evidence"):
        gaze.run(study, blind, tmp_path / "study", device="cpu")
    assert not (tmp_path / "study").exists()


def test_settings_that_make_no_study_are_refused_in_one_sentence(study: GazeStudy, finished: Path, tmp_path: Path) -> None:
    mistakes = {
        "decides the members": {"recipe": {"members": 5}},
        "decides the teacher": {"recipe": {"teacher": "there"}},
        "at least one seed": {"seeds": ()},
        "nobody to agree with": {"members": 1},
        "compared by grad_cam": {"plan": plan_of(("smoothgrad",))},
        "annotated=0": {"weights": Weights(annotated=0)},
        "must be any or marks or gaze": {"weights": Weights(by="ears")},  # type: ignore[arg-type]
        "weights above 0": {"weights": Weights(consensus=0)},
    }
    for sentence, changes in mistakes.items():
        with pytest.raises(PellucidError, match=sentence):
            replace(study, **changes)
    with pytest.raises(PellucidError, match="no part igr-7"):
        gaze.run(study, None, tmp_path, only=[Part("igr", 7)])  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="distilled-0 learns from the model of consensus_gaze-0"):
        gaze.run(study, None, tmp_path, only=[Part("distilled", 0)])  # type: ignore[arg-type]


def test_objectives_of_the_strategies_are_those_of_the_weights() -> None:
    weights = Weights(consensus=2.5, gaze=0.5)
    assert [weights.objective_of(name) for name in STRATEGIES] == [
        "bce",
        "bce",
        "bce + 2.5 * consensus",
        "bce + 2.5 * consensus + 0.5 * gaze(annotated=0.1, by=gaze)",
        "distil",
    ]
