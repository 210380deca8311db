"""The commands, run as a person runs them: from a source to an explanation, and every mistake on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import pellucid
from rich.console import Console
from typer.testing import Result

from pellucid import training
from pellucid.cli import debug_first
from pellucid.cli.trained import summary
from pellucid.files import read_json

NOTE = "Mr. ___ is a 70 year-old man with hypertension.\nHospital course: creatinine rose to 2.4, acute kidney injury.\n"


def said(result: Result) -> str:
    """What a failed command wrote to standard error, without line breaks."""
    assert result.stdout == ""
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    options = ("n=24", "tokens=150,200", "codes=I10,N17.9,E11.9", "distractors=1,2")
    done = pellucid("data", "prepare", "phantom_notes", "--out", folder, *(a for o in options for a in ("--set", o)))
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def model(data: Path) -> Path:
    folder = data.parent / "model"
    done = pellucid("train", "--data", data, "--out", folder, "--epochs", "1", "--set", "chunk=64", "--learning-rate", "0.001")
    assert done.exit_code == 0, done.stderr
    assert "validation" in done.stdout
    return folder


def test_a_prepared_data_set_describes_itself(data: Path) -> None:
    shown = pellucid("data", "describe", data).stdout
    for expected in ("24 of", "phantom_notes", "train", "validation", "test", "Apache-2.0"):
        assert expected in shown


@pytest.mark.parametrize("exclusive", [False, True])
def test_of_labels_that_exclude_each_other_the_accuracy_is_told_and_no_threshold(exclusive: bool, tmp_path: Path) -> None:
    about = {
        "validation": {"map": 0.9, "micro_f1": 0.8, "accuracy": 0.7}, "best_epoch": 1, "history": [{}],
        "truncated_training_cases": 0, "objective": {"found": {}},
    }  # fmt: skip
    model = SimpleNamespace(about=about, labels=("a", "b"), threshold=0.5, fingerprint="f" * 64, exclusive=exclusive)
    console = Console(width=120, record=True, file=StringIO())
    console.print(summary(model, tmp_path))  # type: ignore[arg-type]
    told = console.export_text()
    assert ("accuracy 0.700" in told) == exclusive
    assert ("0.500, tuned on validation" in told) != exclusive
    assert ("micro F1 0.800" in told) != exclusive


def test_a_trained_model_is_found_finished_when_the_command_is_given_again(data: Path, model: Path) -> None:
    before = read_json(model / "pellucid.json")
    again = pellucid("train", "--data", data, "--out", model, "--epochs", "1", "--set", "chunk=64", "--learning-rate", "0.001")
    assert again.exit_code == 0
    assert read_json(model / "pellucid.json") == before


def test_a_note_is_explained_from_a_file_to_terminal_page_and_json(model: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE)
    files = ("--html", tmp_path / "e.html", "--json", tmp_path / "e.json")
    done = pellucid("explain", "--model", model, "--text", tmp_path / "note.txt", "--label", "I10", *files)
    assert done.exit_code == 0, done.stderr
    assert "I10  probability" in done.stdout
    assert "<details open>" in (tmp_path / "e.html").read_text()
    told = json.loads((tmp_path / "e.json").read_text())
    (label,) = told["labels"]
    assert label["label"] == "I10"
    assert len(label["scores"]) == len(told["offsets"])
    assert all(NOTE[h["start"] : h["end"]] == h["text"] for h in label["for"])


def test_a_note_is_read_from_the_pipe(model: Path) -> None:
    done = pellucid("explain", "--model", model, "--text", "-", "--label", "I10", "--method", "attingrad_signed", given=NOTE)
    assert done.exit_code == 0, done.stderr
    assert "Evidence against" in done.stdout


def test_the_prior_learns_from_the_data_set_of_the_case(data: Path, model: Path) -> None:
    case = read_json(data / "splits.json")["test"][0]
    done = pellucid("explain", "--model", model, "--data", data, "--case", case, "--method", "prior", "--label", "I10")
    assert done.exit_code == 0, done.stderr
    assert "I10  probability" in done.stdout


def test_an_audit_is_reported_with_the_command_that_made_it_however_often(data: Path, model: Path, tmp_path: Path) -> None:
    chosen = ("--explainers", "attingrad,random", "--metrics", "average_precision,comprehensiveness", "--cases", "2")
    out = tmp_path / "an audit"
    done = pellucid("audit", "--model", model, "--data", data, "--out", out, *chosen, "--set", "validation_cases=2")
    assert done.exit_code == 0, done.stderr
    assert "average precision" in done.stdout
    first = (out / "report.html").read_text(encoding="utf-8")
    assert f"--out &#39;{out}&#39; --explainers attingrad,random" in first
    assert pellucid("report", "--audit", out).exit_code == 0
    assert f"--out &#39;{out}&#39; --explainers attingrad,random" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["explainers", "metrics", "datasets", "predictors", "objectives", "presets"])
def test_everything_registered_is_listed_with_what_it_is_and_whom_to_cite(kind: str) -> None:
    from pellucid.cli.listing import KINDS

    entries: dict[str, str] = {}
    for line in pellucid("list", kind).stdout.splitlines():
        if not line.startswith(" "):
            name = line
        entries[name] = entries.get(name, "") + line
    assert list(entries) == KINDS[kind].names()
    for name, entry in entries.items():
        assert "cites: " in entry, name
        assert len(entry.partition("cites: ")[0]) > len(name) + 20, name  # a sentence that says what it is


MISTAKES = [
    (("data", "prepare", "codispe", "--out", "x"), "did you mean codiesp"),
    (("data", "prepare", "codiesp", "--out", "x"), "needs --from DIR"),
    (("data", "prepare", "codiesp", "--out", "x", "--from", "nowhere"), "nowhere"),
    (("data", "prepare", "phantom_notes", "--out", "x", "--from", "y"), "is made, not read"),
    (("data", "prepare", "phantom_notes", "--out", "x", "--set", "m=3"), "no option 'm'"),
    (("data", "describe", "nowhere"), "not a prepared data set"),
    (("train", "--data", "nowhere", "--out", "x"), "not a prepared data set"),
    (("train", "--data", "nowhere", "--out", "x", "--epochs", "0"), "epochs is 0"),
    (("explain", "--model", "nowhere", "--text", "-"), "not a saved model"),
    (("explain", "--model", "nowhere"), "--text FILE, --image FILE, or --data DIR with --case ID"),
    (("explain", "--model", "x", "--data", "y"), "--text FILE, --image FILE, or --data DIR with --case ID"),
    (("explain", "--model", "x", "--text", "y", "--method", "atingrad"), "did you mean attingrad"),
    (("explain", "--model", "x", "--text", "y", "--method", "prior"), "training cases; give --data DIR and --case ID"),
    (("audit", "--model", "x", "--data", "y", "--out", "z", "--split", "tset"), "split is 'tset'"),
    (("audit", "--model", "nowhere", "--data", "y", "--out", "z"), "not a saved model"),
    (("audit", "--model", "x", "--data", "y", "--out", "z", "--explainers", "random,attingard"), "did you mean attingrad"),
    (("report", "--audit", "nowhere"), "nowhere"),
    (("list", "explainer"), "did you mean explainers"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_gets_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pellucid(*arguments)
    assert done.exit_code == 2
    assert message in said(done)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "not UTF-8"), (b" \n", "Standard input is empty"), (b"\xef\xbb\xbf\n", "is empty"), (b"a\0", "is not text")],
)
def test_a_note_that_cannot_be_read_is_refused(model: Path, content: bytes, message: str) -> None:
    done = pellucid("explain", "--model", model, "--text", "-", given=content)
    assert done.exit_code == 2
    assert message in said(done)


def test_the_byte_order_mark_of_an_editor_is_no_word_of_the_note(model: Path, tmp_path: Path) -> None:
    told = []
    for name, mark in (("plain", ""), ("marked", "\ufeff")):
        (tmp_path / name).write_text(mark + NOTE, encoding="utf-8")
        done = pellucid("explain", "--model", model, "--text", tmp_path / name, "--json", tmp_path / "e.json")
        assert done.exit_code == 0, done.stderr
        told.append(read_json(tmp_path / "e.json"))
    assert told[0] == told[1]


@pytest.mark.parametrize("command", ["train", "explain", "audit"])
def test_a_device_that_is_not_there_is_a_mistake_and_no_defect(command: str, data: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(NOTE)
    given = {
        "train": ("--data", data, "--out", tmp_path / "m"),
        "explain": ("--model", model, "--text", tmp_path / "note.txt"),
        "audit": ("--model", model, "--data", data, "--out", tmp_path / "a"),
    }
    done = pellucid(command, *given[command], "--device", "cuda:99")
    assert done.exit_code == 2
    assert "The device 'cuda:99' cannot be used here" in said(done)


def test_a_folder_that_would_be_lost_is_refused_before_the_source_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.datasets import PhantomNotes

    monkeypatch.setattr(PhantomNotes, "prepare", lambda self: pytest.fail("nothing should be read"))
    (tmp_path / "thesis.txt").write_text("years of work")
    done = pellucid("data", "prepare", "phantom_notes", "--out", tmp_path)
    assert done.exit_code == 2
    assert "is not a data set" in said(done)


@pytest.mark.parametrize("name", ["nobody", ""])
def test_a_case_that_is_not_there_is_refused(data: Path, model: Path, name: str) -> None:
    done = pellucid("explain", "--model", model, "--data", data, "--case", name)
    assert done.exit_code == 2
    assert f"no case {name!r}" in said(done)


def test_a_mistyped_command_or_option_is_answered_with_the_near_one() -> None:
    assert "Did you mean 'train'" in said(pellucid("trian"))
    assert "--data" in said(pellucid("train", "--dta", "x"))


def test_interrupting_says_that_the_same_command_goes_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    done = pellucid("train", "--data", data, "--out", tmp_path / "m")
    assert done.exit_code == 130
    assert "the same command goes on" in said(done)


def test_a_defect_says_how_to_see_the_traceback(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(training, "train", broken)
    done = pellucid("train", "--data", data, "--out", tmp_path / "m")
    assert done.exit_code == 1
    assert "--debug" in said(done)
    assert "Traceback" not in done.stderr
    shown = pellucid("--debug", "train", "--data", data, "--out", tmp_path / "m")
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr
    assert "by zero" in shown.stderr


def test_debug_may_stand_anywhere() -> None:
    assert debug_first(["train", "--debug", "--out", "x"]) == ["--debug", "train", "--out", "x"]
    assert debug_first(["train"]) == ["train"]


def test_every_command_has_help_with_an_example() -> None:
    for command in ("demo", "data prepare", "data describe", "train", "explain", "audit", "report", "list"):
        done = pellucid(*command.split(), "--help")
        assert done.exit_code == 0
        assert f"pellucid {command}" in done.stdout.partition("Example")[2], command


def test_the_module_is_the_command() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-m", "pellucid", "--version"], capture_output=True, text=True, env=environment)
    assert done.stdout.startswith("pellucid ")
    wrong = subprocess.run([sys.executable, "-m", "pellucid", "report", "--audit", "/nowhere", "--debug"], capture_output=True)
    assert wrong.returncode == 2
    assert b"Traceback" in wrong.stderr
