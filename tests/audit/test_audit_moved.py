"""The pages of the Jacobian beside an audit's report, written where `pbx` is among the methods."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "jacobians"))

from clinical import chest, image_model

from pellucid import audit
from pellucid.audit import Plan, usual_plan
from pellucid.audit.moved import FIRST, moved
from pellucid.datasets import Prepared, StoredDataset, write
from pellucid.errors import PellucidError
from pellucid.files import read_json, write_json


@pytest.fixture(scope="module", autouse=True)
def fakes() -> None:
    """The methods here are the real ones, unlike those of the other modules of this folder."""


@pytest.fixture(scope="module")
def chests(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    cases = tuple(replace(chest(), id=str(i), patient=str(i), labels=frozenset({"effusion", "nodule"})) for i in range(12))
    return write(tmp_path_factory.mktemp("data") / "chests", Prepared("made_up", cases), fractions=(0.25, 0.25, 0.5))


def plan(*explainers: str) -> Plan:
    metrics = ("auroc", "pointing_game")
    return usual_plan("image", explainers=explainers, metrics=metrics, sanity_cases=0, draws=20)


@pytest.fixture(scope="module")
def finished(chests: StoredDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pbx") / "audit"
    audit.run(image_model(), chests, plan("pbx", "random"), out)
    audit.report(out)
    return out


def test_the_first_cases_have_a_page_each_which_the_report_links_and_sums_up(finished):
    page = (finished / "report.html").read_text()
    records = sorted((finished / "pbx").glob("*.json"))
    assert len(records) == FIRST
    for record in records:
        assert record.with_suffix(".html").is_file()
        assert f'href="pbx/{record.stem}.html"' in page
        said = read_json(record)
        assert said["summary"]["alarm"].split(".")[0] in page
        assert said["effects"][0]["name"] in page


def test_the_report_is_written_anew_from_the_folder_alone(finished):
    before = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    audit.report(finished)
    assert (finished / "report.html").read_bytes() == before


def test_an_interrupted_reading_is_taken_up_and_ends_with_the_same_bytes(finished, chests):
    files = sorted((finished / "pbx").iterdir())
    before = [file.read_bytes() for file in files]
    files[0].unlink()
    files[3].unlink()
    told = []
    audit.run(image_model(), chests, plan("pbx", "random"), finished, progress=told.append)
    assert [file.read_bytes() for file in sorted((finished / "pbx").iterdir())] == before
    assert [(e.done, e.total) for e in told if e.stage == "jacobian"] == [(i, FIRST) for i in range(FIRST + 1)]


def test_an_audit_that_does_not_ask_for_it_has_no_trace_of_it(chests, tmp_path):
    told = []
    audit.run(image_model(), chests, plan("jacobian", "random"), tmp_path / "a", progress=told.append)
    audit.report(tmp_path / "a")
    assert not (tmp_path / "a" / "pbx").exists()
    assert "#moved" not in (tmp_path / "a" / "report.html").read_text()
    assert "jacobian" not in {event.stage for event in told}


def test_a_model_without_a_jacobian_says_so_in_the_report(chests, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PellucidError("Nothing can be sent back.")

    monkeypatch.setattr("pellucid.pbx.read", refuse)
    audit.run(image_model(), chests, plan("pbx", "random"), tmp_path / "a")
    audit.report(tmp_path / "a")
    assert "There is no Jacobian of this case. Nothing can be sent back." in (tmp_path / "a" / "report.html").read_text()


def test_records_of_another_audit_are_not_shown(finished, tmp_path):
    (tmp_path / "pbx").mkdir()
    write_json(tmp_path / "pbx" / "000000-x.json", {"identity": "other", "case": "a", "why": "?"})
    assert moved(tmp_path, "mine") == []
    assert len(moved(tmp_path, "other")) == 1
