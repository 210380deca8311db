"""A study, from nothing to tables: killed, shared, extended, and refused where it would mix things."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_study import Done, study

from pellucid.audit.manifest import FINDINGS
from pellucid.datasets import StoredDataset
from pellucid.errors import DataError, PellucidError
from pellucid.files import read_json
from pellucid.studies import Part, run, unfinished, write
from pellucid.studies.data import Source, prepared
from pellucid.studies.running import Event


class Killed(Exception):
    """Stands for a process that is gone."""


def test_a_study_ends_with_tables_of_every_strategy_and_method(done: Done) -> None:
    page = (done.out / "tables.md").read_text(encoding="utf-8")
    for title in ("## Models", "## Plausibility", "## Faithfulness", "## Codes assigned", "## Punctuation", "## Tests"):
        assert title in page
    found = {table["name"]: table["rows"] for table in read_json(done.out / "tables.json")["tables"]}
    sides = {(row["strategy"], row["method"]) for row in found["plausibility"]}
    assert sides == {(s, m) for s in ("bce", "evidence") for m in ("attention", "input_x_gradient", "attingrad")}
    assert {row["strategy"] for row in found["models"]} == {"bce", "evidence"}
    figure = found["faithfulness"][0]["figures"]["naopc_comprehensiveness"]
    assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
    assert figure["runs"] == 2


def test_raw_perturbation_figures_stand_in_no_table(done: Done) -> None:
    columns = {c for table in read_json(done.out / "tables.json")["tables"] for row in table["rows"] for c in row["figures"]}
    assert not columns & {"comprehensiveness", "sufficiency", "aopc"}
    assert "naopc_gap" in columns


def test_a_study_that_was_killed_goes_on_and_ends_with_the_same_tables(done: Done, tmp_path: Path) -> None:
    out = tmp_path / "study"
    audited: list[Part] = []

    def kill(event: Event) -> None:
        if event.stage == "explaining test cases":
            audited.append(event.part)
        if event.part == Part("evidence", 0) and event.stage == "explaining test cases":
            raise Killed

    with pytest.raises(Killed):
        run(done.study, done.dataset, out, progress=kill, device="cpu")
    assert Part("bce", 0) not in unfinished(done.study, out)
    assert Part("bce", 1) in unfinished(done.study, out)
    audited.clear()
    run(
        done.study,
        done.dataset,
        out,
        progress=lambda e: audited.append(e.part) if "explaining" in e.stage else None,
        device="cpu",
    )
    assert Part("bce", 0) not in audited
    write(done.study, done.dataset, out)
    for name in ("tables.json", "tables.md"):
        assert (out / name).read_bytes() == (done.out / name).read_bytes()


def test_given_again_it_trains_and_audits_nothing_again(done: Done) -> None:
    files = [path for path in done.out.rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    events: list[Event] = []
    run(done.study, done.dataset, done.out, progress=events.append, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert {event.stage for event in events} == {"training"}
    assert all(event.total == 0 for event in events)


def test_the_order_in_which_strategies_and_seeds_are_given_does_not_matter(done: Done, tmp_path: Path) -> None:
    shutil.copytree(done.out, tmp_path / "study")
    write(study(("evidence", "bce"), (1, 0)), done.dataset, tmp_path / "study")
    for name in ("tables.json", "tables.md"):
        assert (tmp_path / "study" / name).read_bytes() == (done.out / name).read_bytes()


def test_a_study_may_be_told_of_fewer_seeds_later(done: Done, tmp_path: Path) -> None:
    shutil.copytree(done.out, tmp_path / "study")
    one = study(seeds=(1,))
    assert not unfinished(one, done.out)
    write(one, done.dataset, tmp_path / "study")
    tables = read_json(tmp_path / "study" / "tables.json")
    assert all(test["difference"]["runs"] == 1 for test in tables["tests"])
    assert "these very models" in tables["statements"][0]


def test_a_part_of_the_work_can_be_done_alone(done: Done, tmp_path: Path) -> None:
    small = study(seeds=(0,))
    run(small, done.dataset, tmp_path, only=[Part("evidence", 0)], device="cpu")
    assert unfinished(small, tmp_path) == [Part("bce", 0)]
    a, b = (folder / "audits" / "evidence-0" / FINDINGS for folder in (tmp_path, done.out))
    assert a.read_bytes() == b.read_bytes()
    with pytest.raises(PellucidError, match="has no part igr-7"):
        run(small, done.dataset, tmp_path, only=[Part("igr", 7)], device="cpu")


def test_a_strategy_that_learns_from_another_model_waits_for_it(phantom: StoredDataset, tmp_path: Path) -> None:
    small = study(("tm", "bce"), (3,))
    assert small.parts == [Part("bce", 3), Part("tm", 3)]
    with pytest.raises(PellucidError, match="learns from the model of bce-3"):
        run(small, phantom, tmp_path, only=[Part("tm", 3)], device="cpu")
    recipe = small.recipe_of(Part("tm", 3), tmp_path / "models" / "bce-3")
    assert (recipe.start, recipe.seed, recipe.epochs) == (str(tmp_path / "models" / "bce-3"), 3, None)


def test_a_folder_with_audits_of_another_plan_is_refused(done: Done) -> None:
    other = replace(done.study, plan=replace(done.study.plan, cases=2))
    with pytest.raises(DataError, match="another plan"):
        run(other, done.dataset, done.out, device="cpu")


def test_a_preset_gives_each_strategy_its_published_settings() -> None:
    small = replace(study(), preset="edin2024")
    assert small.recipe_of(Part("evidence", 0), None).objective == "bce + 2.5 * evidence"
    assert small.recipe_of(Part("bce", 0), None).learning_rate == 5e-5
    assert small.recipe_of(Part("bce", 0), None).epochs == 1


def test_names_that_are_no_strategies_are_refused() -> None:
    with pytest.raises(PellucidError, match="no objective named 'bces'"):
        study(("bces",))
    with pytest.raises(PellucidError, match="cannot name a folder"):
        study(("bce + 0.1 * igr",))
    with pytest.raises(PellucidError, match="at least one strategy"):
        study(seeds=())


@pytest.mark.parametrize("name", ["objective", "start", "seed"])
def test_what_a_study_decides_cannot_be_given_and_then_be_ignored(name: str) -> None:
    plain = study()
    with pytest.raises(PellucidError, match=f"decides the {name}"):
        replace(plain, recipe={**plain.recipe, name: 1 if name == "seed" else "bce"})


def test_data_are_made_once_and_never_mixed_with_other_data(tmp_path: Path) -> None:
    options = {"n": 20, "tokens": (60, 80), "codes": ("I10", "N17.9")}
    first = prepared(Source("phantom_notes", options), tmp_path / "study")
    made = (tmp_path / "study" / "data" / "cases.arrow").stat().st_mtime_ns
    again = prepared(Source("phantom_notes", options), tmp_path / "study")
    assert again.fingerprint == first.fingerprint
    assert (tmp_path / "study" / "data" / "cases.arrow").stat().st_mtime_ns == made
    with pytest.raises(DataError, match="other data"):
        prepared(Source("phantom_notes", {**options, "n": 21}), tmp_path / "study")


def test_a_prepared_data_set_is_used_where_it_is(phantom: StoredDataset, tmp_path: Path) -> None:
    assert prepared(phantom.path, tmp_path / "study").fingerprint == phantom.fingerprint
    assert not (tmp_path / "study" / "data").exists()


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="something else"):
        prepared(Source("phantom_notes", {"n": 20}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
