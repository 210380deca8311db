"""`pellucid train` and `explain` on rows and signals, and what is refused there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import pellucid as run
from measured import recording, row, signal_model, table_model
from typer.testing import Result

from pellucid.case import Case
from pellucid.datasets import Prepared, write
from pellucid.errors import PellucidError
from pellucid.predictors.numeric import SignalClassifier, TableClassifier


def refusal(done: Result) -> str:
    """What a refused command says: one sentence, and no traceback."""
    assert isinstance(done.exception, PellucidError | SystemExit), done.exception
    return done.stderr if isinstance(done.exception, SystemExit) else str(done.exception)


def stored(folder: Path, cases: list[Case], model: TableClassifier | SignalClassifier) -> tuple[Path, Path]:
    """Folders of the model and of the data."""
    write(folder / "data", Prepared("made_up", cases))
    model.save(folder / "model")
    return folder / "model", folder / "data"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return stored(tmp_path_factory.mktemp("rows"), [row(name) for name in "abcdefghij"], table_model())


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return stored(tmp_path_factory.mktemp("signals"), [recording(name) for name in "abcdefghij"], signal_model())


def test_a_row_is_explained_by_a_table_of_values_with_units(rows: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = rows
    done = run("explain", "--model", model, "--data", data, "--case", "b", "--label", "anaemia", "--json", tmp_path / "e.json",
               "--png", tmp_path / "e.png")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert f"{row('b').measurements.value('sodium'):.4g} mmol/l" in done.stdout
    assert "integrated_gradients" in done.stdout
    said = json.loads((tmp_path / "e.json").read_text())
    assert said["features"] == list(row().measurements.names)
    assert said["unit"] == "feature"
    assert len(said["labels"][0]["scores"]) == 4
    assert (tmp_path / "e.png").is_file()


def test_a_signal_is_explained_by_the_share_of_each_lead(signals: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = signals
    done = run("explain", "--model", model, "--data", data, "--case", "c", "--label", "paced", "--method", "occlusion_segment",
               "--json", tmp_path / "e.json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert all(lead in done.stdout for lead in ("I", "II", "V1"))
    said = json.loads((tmp_path / "e.json").read_text())
    assert (said["size"], said["leads"], said["unit"]) == ([64, 3], ["I", "II", "V1"], "sample")
    assert len(said["labels"][0]["scores"]) == 192


def test_what_a_model_of_rows_cannot_do_is_refused_in_one_sentence(
    rows: tuple[Path, Path], signals: tuple[Path, Path], tmp_path: Path
) -> None:
    model, data = rows
    note = tmp_path / "n.txt"
    note.write_text("Fever.")
    assert "reads rows of a table; give --data DIR" in refusal(run("explain", "--model", model, "--text", note))
    assert "reads signals; give" in refusal(run("explain", "--model", signals[0], "--data", data, "--case", "a"))
    page = run("explain", "--model", model, "--data", data, "--case", "a", "--html", tmp_path / "p.html")
    assert "written with --png" in refusal(page)
    for given, wrong in ((rows, "unit=word"), (signals, "regions=patch")):
        audit = ("audit", "--model", given[0], "--data", given[1], "--out", tmp_path / "audit")
        assert "The audit plan" in refusal(run(*audit, "--set", wrong))
    masks = run("train", "--data", data, "--start", model, "--objective", "nemt", "--out", tmp_path / "m")
    assert "reads no images" in refusal(masks)
    assert not (tmp_path / "audit").exists()


def test_rows_are_audited_and_the_report_lies_beside_the_findings(rows: tuple[Path, Path], tmp_path: Path) -> None:
    model, data = rows
    out, methods = tmp_path / "audit", "occlusion_feature,input_x_gradient_signed,random"
    done = run("audit", "--model", model, "--data", data, "--out", out, "--explainers", methods, "--set", "sanity_cases=1",
               "--set", "draws=20")  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert "occlusion_feature" in done.stdout
    assert "comprehensiveness (mask)" in done.stdout
    assert "average precision" not in done.stdout  # nobody marked evidence
    assert "model of rows" in (out / "report.html").read_text(encoding="utf-8")


def test_methods_are_compared_on_signals_over_stretches_of_leads(signals: tuple[Path, Path]) -> None:
    model, data = signals
    done = run("agree", "--model", model, "--data", data, "--method", "jacobian", "--method", "pbx", "--set", "across=4",
               "--set", "draws=20")  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert "of the stretches" in done.stdout


def test_training_says_which_models_there_are_and_lists_the_objective() -> None:
    assert "jacobian" in run("list", "objectives").stdout
    shown = run("list", "predictors").stdout
    assert "table_classifier" in shown
    assert "signal_classifier" in shown
