"""A small study of Jacobians: it ends with tables, does nothing twice, and says only what its intervals say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pellucid.datasets import StoredDataset
from pellucid.errors import DataError, PellucidError
from pellucid.studies import pbx
from pellucid.studies.data import prepared
from pellucid.studies.pbx import PbxStudy, Weights
from pellucid.studies.pbx.probing import FIGURES, figures_of, read
from pellucid.studies.pbx.study import IGR, JACOBIAN, MARKED, PLAIN, STRATEGIES, Folders, sources
from pellucid.studies.study import Part

STUDY = PbxStudy({"encoder": "tiny", "epochs": 1}, cases=3, seeds=(0, 1))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredDataset]:
    root = tmp_path_factory.mktemp("data")
    return {kind: prepared(one, root / kind) for kind, one in sources("opacity", {"n": 45, "size": 32}).items()}


@pytest.fixture(scope="module")
def finished(data: Mapping[str, StoredDataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    pbx.run(STUDY, data, out, only=[Part(PLAIN, 0)], device="cpu")
    assert len(pbx.unfinished(STUDY, out)) == 2 * len(STRATEGIES) - 1
    pbx.run(STUDY, data, out, device="cpu")
    assert pbx.unfinished(STUDY, out) == []
    return out


def test_pictures_with_and_without_marks_are_the_same_scenes_in_the_same_splits(data: Mapping[str, StoredDataset]) -> None:
    for one, other in zip(data[PLAIN].split("test"), data[MARKED].split("test"), strict=True):
        assert (one.id, one.patient, one.labels) == (other.id, other.patient, other.labels)
    changed = [
        not np.array_equal(one.picture.pixels, other.picture.pixels)
        for one, other in zip(data[PLAIN], data[MARKED], strict=True)
    ]
    assert any(changed)


def test_it_writes_the_figures_of_every_strategy_and_what_may_be_said(
    finished: Path, data: Mapping[str, StoredDataset]
) -> None:
    results = pbx.write(STUDY, data, finished)
    page = (finished / "tables.md").read_text(encoding="utf-8")
    for name in STRATEGIES:
        assert f"| {name} |" in page
    assert len(results.claims) == 5
    assert all(not claim.adjusted < claim.found.p for claim in results.claims)  # Holm never makes a p smaller
    assert results.separation is not None
    assert results.separation.seeds == 2
    stored = json.loads((finished / "tables.json").read_text(encoding="utf-8"))
    assert stored["study"]["strategies"][JACOBIAN] == "bce + 0.0001 * jacobian"
    assert stored["study"]["seeds"] == [0, 1]


def test_nothing_is_done_twice(finished: Path, data: Mapping[str, StoredDataset]) -> None:
    folders = Folders(finished)
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.npz")}
    pbx.run(STUDY, data, finished, device="cpu")
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*.npz")}
    assert folders.probe(Part(IGR, 1)) in before


def test_figures_are_shares_and_lengths(finished: Path) -> None:
    probe = read(Folders(finished).probe(Part(MARKED, 0)))
    assert len(probe.patients) == 3
    assert 0 < probe.chance < 1
    for kind in (PLAIN, MARKED):
        outside, unexplained, slope = (probe.figures[f"{kind}/{name}"] for name in FIGURES)
        assert ((outside >= 0) & (outside <= 1)).all()
        assert ((unexplained >= -1e-9) & (unexplained <= 1)).all()
        assert (slope > 0).all()


def test_a_picture_without_anatomy_is_refused(data: Mapping[str, StoredDataset], finished: Path) -> None:
    from dataclasses import replace

    from pellucid import predictors

    model = predictors.load(Folders(finished).model(Part(PLAIN, 0)))
    case = replace(next(iter(data[PLAIN])), anatomy=())
    with pytest.raises(DataError, match="lungs and heart"):
        figures_of(model, case, "opacity")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": ()}, "at least one seed"),
        ({"strategies": (MARKED,)}, "held against"),
        ({"strategies": (PLAIN, "steep")}, "no strategy 'steep'"),
        ({"recipe": {"seed": 3}}, "by itself"),
    ],
)
def test_a_study_that_cannot_be_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PellucidError, match=words):
        PbxStudy(**{"recipe": {}, **changes})  # type: ignore[arg-type]


def test_weights_decide_what_is_minimised() -> None:
    weights = Weights(igr=2.0, jacobian=0.1)
    assert [weights.objective_of(name) for name in STRATEGIES] == ["bce", "bce", "bce + 2 * igr", "bce + 0.1 * jacobian"]
