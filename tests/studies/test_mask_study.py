"""A small study of mask networks: it ends with tables, does nothing twice, and says only what its intervals say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pellucid import datasets, finding
from pellucid.case import Case
from pellucid.crossed import Estimate
from pellucid.datasets import StoredDataset
from pellucid.errors import PellucidError
from pellucid.studies import masks
from pellucid.studies.masks import MaskStudy
from pellucid.studies.masks.probing import marked_for_absent
from pellucid.studies.masks.study import FACTOR, NETWORKS, OURS, PUBLISHED, plan_of
from pellucid.studies.masks.writing import Duel, Results, _absent, break_even, gather
from pellucid.target import Target

METHODS = ("nemt", "nemt2025", "nem_u", "layer_cam", "integrated_gradients")


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    drawn = datasets.PhantomChest(70, size=32, prevalence=0.4).prepare()
    return datasets.write(tmp_path_factory.mktemp("data") / "chest", drawn)


@pytest.fixture(scope="module")
def study() -> MaskStudy:
    plan = plan_of(METHODS, cases=4, across=4, draws=20, candidates=1)
    return MaskStudy({"encoder": "tiny", "epochs": 1}, {"epochs": 1, "batch_size": 16}, plan, (0, 1), timed=1)


@pytest.fixture(scope="module")
def finished(chest: StoredDataset, study: MaskStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    masks.run(study, chest, out, only=[1], device="cpu")
    assert masks.unfinished(study, out) == [0]
    masks.run(study, chest, out, device="cpu")
    assert masks.unfinished(study, out) == []
    return out


def test_it_writes_a_table_of_every_method(finished: Path, study: MaskStudy, chest: StoredDataset) -> None:
    results = masks.write(study, chest, finished)
    page = (finished / "tables.md").read_text(encoding="utf-8")
    for name in (*METHODS, "prior", "random"):
        assert f"| {name} |" in page
    assert set(results.seconds) == set(results.figures)
    assert all(value > 0 for value in results.seconds.values())
    stored = json.loads((finished / "tables.json").read_text(encoding="utf-8"))
    assert stored["study"]["seeds"] == [0, 1]
    assert stored["figures"]["nemt"]["relevance_mass"]["runs"] == 2


def test_intervals_lie_within_the_range_of_their_figure(finished: Path, study: MaskStudy, chest: StoredDataset) -> None:
    for row in masks.write(study, chest, finished).figures.values():
        for name in ("relevance_mass", "pointing_game", "gini"):
            if not np.isnan(row[name].low):
                assert 0 <= row[name].low <= row[name].high <= 1


def test_given_again_it_trains_and_judges_nothing_again(finished: Path, study: MaskStudy, chest: StoredDataset) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    masks.run(study, chest, finished, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_ours_is_tested_against_each_rival_by_mass_and_by_faithfulness(finished: Path, study: MaskStudy) -> None:
    results = gather(study, masks.study.Folders(finished))
    assert [(t.metric, t.rival) for t in results.tests] == [
        ("relevance_mass", "layer_cam"),
        ("relevance_mass", "integrated_gradients"),
        ("srg", "layer_cam"),
        ("srg", "integrated_gradients"),
    ]
    mass = {name: row["relevance_mass"].value for name, row in results.figures.items()}
    expected = mass[OURS] - FACTOR * mass["layer_cam"]
    assert results.tests[0].found.value == pytest.approx(expected)


def test_all_networks_explain_the_same_model(finished: Path) -> None:
    from pellucid import predictors

    folders = [finished / "models" / name for name in ("0", *(f"0-{network}" for network in NETWORKS))]
    assert len({predictors.load(folder).fingerprint for folder in folders}) == 1
    assert set(predictors.load(folders[-1]).maskers) == set(NETWORKS)  # type: ignore[attr-defined]


def test_the_swap_compares_the_same_findings_on_both_sides(finished: Path, study: MaskStudy) -> None:
    found = gather(study, masks.study.Folders(finished)).swap
    assert found is not None
    rows: dict[tuple[int, str, str], dict[str, float]] = {}
    for seed in study.seeds:
        for r in finding.read(finished / "audits" / str(seed) / "findings.parquet").to_pylist():
            if r["explainer"] == OURS and r["stratum"] != "false positive":
                rows.setdefault((seed, r["case"], r["target"]), {})[r["metric"]] = r["value"]
    pairs = [(r.get("relevance_mass", np.nan), r.get("relevance_mass_on_others", np.nan)) for r in rows.values()]
    known = [pair for pair in pairs if not np.isnan(pair).any()]
    assert 0 < len(known) < len([own for own, _ in pairs if not np.isnan(own)])
    assert [side.n for side in found] == [len(known)] * 2


class Certain:
    """Sees one of three labels that exclude each other, at less than one half."""

    labels = ("a", "b", "c")
    threshold, exclusive = 0.5, True

    def encode(self, cases: list[Case]) -> list[Case]:
        return cases

    def probabilities(self, batch: list[Case]) -> np.ndarray:
        return np.array([[0.2, 0.45, 0.35]] * len(batch))


def test_the_mean_of_a_mask_is_never_said_to_be_below_nothing(study: MaskStudy) -> None:
    probes = [{"absent": [["p1", share], ["p2", 0.0]]} for share in (0.0, 0.02)]
    found = _absent(study, probes)
    assert found is not None
    assert found.value == pytest.approx(0.005)
    assert found.low == 0.0 < found.high <= 1.0


def test_the_label_that_a_model_assigns_is_not_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def method(model: object, batch: object, targets: list[Target]) -> list[SimpleNamespace]:
        asked.extend(target.name for target in targets)
        return [SimpleNamespace(scores=np.zeros((len(targets), 4)))]

    monkeypatch.setattr("pellucid.studies.masks.probing.registry.explainers.create", lambda name: method)
    marked_for_absent(Certain(), [Case("c", "p", {}, frozenset({"a"}))])  # type: ignore[arg-type]
    assert asked == ["c"]


def estimate(value: float, p: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, p, p, p, 10, 10, 3)


def test_a_claim_holds_only_where_its_corrected_p_is_small() -> None:
    def said(value: float, p: float) -> str:
        return Duel("more", "srg", "rise", estimate(value, p), p).verdict

    assert (said(0.2, 0.01), said(0.2, 0.2), said(-0.2, 0.01)) == ("holds", "cannot be told", "does not hold")


@pytest.mark.parametrize(("training", "expected"), [(100.0, {"rise": 50.0}), (None, {})])
def test_training_pays_for_itself_beside_slower_methods_alone(training: float | None, expected: Mapping[str, float]) -> None:
    seconds = {OURS: 1.0, "rise": 3.0, "layer_cam": 0.5}
    assert break_even(Results({}, [], None, seconds, training, "cpu")) == expected


def test_the_published_network_keeps_its_own_recipe(study: MaskStudy) -> None:
    published = study.network(PUBLISHED, 3, Path("m"))
    assert (published.form, published.price, published.seed, published.epochs) == ("published", 0.5, 3, 1)
    assert study.network(OURS, 3, Path("m")).form == "signed"


def test_networks_that_nobody_asks_for_are_not_trained(study: MaskStudy) -> None:
    assert study.networks == NETWORKS
    assert replace(study, plan=plan_of(("rise", "nem_u"))).networks == ("nemt", "nem_u")


def test_what_a_study_decides_is_refused_in_its_recipes(study: MaskStudy) -> None:
    with pytest.raises(PellucidError, match="decides the seed"):
        replace(study, recipe={"seed": 1})
    with pytest.raises(PellucidError, match="at least one seed"):
        replace(study, seeds=())
    with pytest.raises(PellucidError, match="no seed 7"):
        masks.run(study, None, Path("out"), only=[7])  # type: ignore[arg-type]
