"""Training as a whole: it learns, repeats itself, survives being killed, and says what is wrong."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_notes import ToyNotes

from pellucid import predictors
from pellucid.case import Case
from pellucid.errors import CheckpointError, DataError, PellucidError, StorageError
from pellucid.training import Event, Recipe, loop, train
from pellucid.training.news import DivergedError
from pellucid.training.run import predict
from pellucid.training.state import state_folder

RECIPE = Recipe(chunk=32, epochs=14, batch_size=8, patience=14)
SHORT = replace(RECIPE, epochs=3)


class Killed(BaseException):
    """Stands for whatever ends a process."""


def stop_at(step: int):
    def progress(event: Event) -> None:
        if event.step == step and event.validation_map is None:
            raise Killed

    return progress


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    events: list[Event] = []
    out = tmp_path_factory.mktemp("runs") / "model"
    return train(ToyNotes(), RECIPE, out, progress=events.append), events, out


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed short run."""
    out = tmp_path_factory.mktemp("runs") / "short"
    train(ToyNotes(), SHORT, out)
    return out


def same_files(one: Path, other: Path) -> bool:
    names = sorted(str(f.relative_to(one)) for f in one.rglob("*") if f.is_file())
    same_names = names == sorted(str(f.relative_to(other)) for f in other.rglob("*") if f.is_file())
    return same_names and all((one / n).read_bytes() == (other / n).read_bytes() for n in names if "tokenizer" not in n)


# Learning


def test_a_word_that_decides_a_label_is_learnt(trained):
    model, _, _ = trained
    assert model.about["validation"]["map"] > 0.9
    assert model.about["validation"]["micro_f1"] > 0.9


def test_the_report_of_a_run_is_json_and_tells_how_it_came_to_be(trained):
    model, events, out = trained
    about = json.loads((out / "pellucid.json").read_text())["about"]
    assert about == model.about
    assert Recipe.from_json(about["recipe"]) == RECIPE
    assert about["cases"] == {"train": 48, "validation": 12}
    assert about["dataset"] == {"name": "toy", "fingerprint": ToyNotes().fingerprint}
    assert about["labels_without_training_cases"] == 0
    assert about["history"][about["best_epoch"] - 1]["validation_map"] == about["validation"]["map"]
    assert about["steps"] == events[-1].step


def test_events_count_every_step_and_epoch(trained):
    _, events, _ = trained
    steps = [e for e in events if e.validation_map is None]
    epochs = [e for e in events if e.validation_map is not None]
    assert [e.step for e in steps] == list(range(1, len(steps) + 1))
    assert [e.epoch for e in epochs] == list(range(1, len(epochs) + 1))
    assert {e.steps for e in events} == {RECIPE.epochs * 6}  # 48 cases in batches of 8


def test_the_saved_model_is_the_returned_one_and_the_state_is_gone(trained):
    model, _, out = trained
    again = train(ToyNotes(), RECIPE, out, progress=lambda event: pytest.fail("a finished run must not train"))
    assert again.fingerprint == model.fingerprint
    assert again.threshold == model.threshold
    assert not state_folder(out).exists()
    assert not model.module.training


def test_the_best_epoch_is_what_remains(tmp_path: Path):
    weights = {}

    def spoil(event: Event) -> None:
        if event.validation_map is not None:
            weights[event.epoch] = event.validation_map

    recipe = replace(SHORT, epochs=12, patience=2)
    model = train(ToyNotes(), recipe, tmp_path / "m", progress=spoil)
    best = max(weights, key=lambda epoch: (weights[epoch], -epoch))
    assert model.about["best_epoch"] == best
    assert len(weights) == min(12, best + 2)
    probabilities, truth = predict(model, ToyNotes().split("validation"))
    assert loop.performance(probabilities, truth, probabilities > 0.5)["map"] == weights[best]


# Determinism


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(short: Path, tmp_path: Path):
    torch.manual_seed(1234)  # what the caller did before must not matter
    train(ToyNotes(), SHORT, tmp_path / "again")
    train(ToyNotes(), replace(SHORT, seed=1), tmp_path / "other")
    assert same_files(short, tmp_path / "again")
    assert not same_files(short, tmp_path / "other")


def test_generators_and_switches_of_the_caller_are_untouched(tmp_path: Path):
    torch.manual_seed(7)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 (the global one is meant)
    train(ToyNotes(), replace(SHORT, epochs=1), tmp_path / "m")
    with pytest.raises(Killed):
        train(ToyNotes(), SHORT, tmp_path / "n", progress=stop_at(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.is_grad_enabled()


def test_micro_batches_change_memory_and_not_what_is_learnt(tmp_path: Path):
    recipe = replace(SHORT, dropout=0.0, epochs=1)
    whole = train(ToyNotes(), recipe, tmp_path / "whole")
    parts = train(ToyNotes(), replace(recipe, micro_batch_size=3), tmp_path / "parts")
    assert whole.about["history"][0]["loss"] == pytest.approx(parts.about["history"][0]["loss"], rel=1e-4)


def test_half_precision_learns_close_to_full_precision(tmp_path: Path):
    recipe = replace(SHORT, dropout=0.0, epochs=1)
    full = train(ToyNotes(), recipe, tmp_path / "full").about["history"][0]["loss"]
    half = train(ToyNotes(), replace(recipe, precision="bf16"), tmp_path / "half").about["history"][0]["loss"]
    assert half != full
    assert half == pytest.approx(full, rel=0.02)


# Being interrupted


@pytest.mark.parametrize("step", [1, 6, 8, 12])  # 6 and 12 are the last steps of an epoch
def test_an_interrupted_run_goes_on_to_the_same_bits(short: Path, tmp_path: Path, step: int):
    out = tmp_path / "m"
    with pytest.raises(Killed):
        train(ToyNotes(), SHORT, out, progress=stop_at(step), save_every=0)
    assert not out.exists()
    events: list[Event] = []
    train(ToyNotes(), SHORT, out, progress=events.append)
    assert events[0].step <= step
    assert step < 3 or events[0].step > 2, "the steps already done are not done again"
    assert same_files(short, out)
    assert not state_folder(out).exists()


SCRIPT = """
import sys
from pathlib import Path
from toy_notes import ToyNotes
from pellucid.training import Recipe, train
train(ToyNotes(), Recipe.from_json({recipe!r}), Path({out!r}), save_every=0)
"""


def test_a_run_killed_without_warning_goes_on_to_the_same_bits(trained, tmp_path: Path):
    out = tmp_path / "m"
    script = SCRIPT.format(recipe=RECIPE.to_json(), out=str(out))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    deadline = time.monotonic() + 90
    while not (state_folder(out) / "state.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    train(ToyNotes(), RECIPE, out)
    assert same_files(trained[2], out)


def test_a_run_killed_between_saving_the_model_and_clearing_up_is_finished(
    short: Path, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    out = tmp_path / "m"
    with monkeypatch.context() as patch:
        patch.setattr(loop.states, "discard", lambda out: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            train(ToyNotes(), SHORT, out)
    assert state_folder(out).exists()
    train(ToyNotes(), SHORT, out, progress=lambda event: pytest.fail("a finished run must not train"))
    assert same_files(short, out)
    assert not state_folder(out).exists()


def test_a_run_goes_on_only_with_its_own_recipe_and_data(tmp_path: Path):
    out = tmp_path / "m"
    with pytest.raises(Killed):
        train(ToyNotes(), SHORT, out, progress=stop_at(3), save_every=0)
    for data, recipe in ((ToyNotes(), replace(SHORT, seed=5)), (ToyNotes(seed=3), SHORT)):
        with pytest.raises(PellucidError, match="another recipe or data set"):
            train(data, recipe, out)
    model = train(ToyNotes(), replace(SHORT, epochs=1), out, fresh=True)
    assert model.about["recipe"]["epochs"] == 1


def test_a_damaged_state_is_refused_with_the_remedy(tmp_path: Path):
    out = tmp_path / "m"
    state_folder(out).mkdir()
    (state_folder(out) / "state.pt").write_bytes(b"PK\x03\x04 not a state")
    with pytest.raises(CheckpointError, match="start afresh"):
        train(ToyNotes(), SHORT, out)


def test_a_full_disk_is_one_clear_sentence_and_the_last_state_stays(tmp_path: Path):
    out = tmp_path / "m"
    with pytest.raises(Killed):
        train(ToyNotes(), SHORT, out, progress=stop_at(3), save_every=0)
    before = (state_folder(out) / "state.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match=r"Cannot write .*state\.pt"):
            train(ToyNotes(), SHORT, out, save_every=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [f.name for f in state_folder(out).iterdir()] == ["state.pt"]
    assert (state_folder(out) / "state.pt").read_bytes() == before


# What is wrong


def test_a_finished_model_is_replaced_only_when_told(tmp_path: Path):
    out = tmp_path / "m"
    first = train(ToyNotes(), replace(SHORT, epochs=1), out)
    with pytest.raises(PellucidError, match="another recipe or data set"):
        train(ToyNotes(), replace(SHORT, epochs=1, seed=2), out)
    second = train(ToyNotes(), replace(SHORT, epochs=1, seed=2), out, fresh=True)
    assert load_file(out / "model.safetensors").keys() == second.module.state_dict().keys()
    assert first.fingerprint != second.fingerprint


def test_what_others_keep_beside_the_state_is_left_alone(tmp_path: Path):
    state_folder(tmp_path / "m").mkdir()
    (state_folder(tmp_path / "m") / "thesis.txt").write_text("years of work")
    (state_folder(tmp_path / "m") / ".state.pt.abc.part").write_text("half")
    train(ToyNotes(12), replace(SHORT, epochs=1), tmp_path / "m", fresh=True)
    assert [file.name for file in state_folder(tmp_path / "m").iterdir()] == ["thesis.txt"]


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(PellucidError, match="would be lost"):
            train(ToyNotes(), SHORT, tmp_path, fresh=fresh)
    with pytest.raises(PellucidError, match="is a file"):
        train(ToyNotes(), SHORT, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from pellucid.training.objectives.bce import BinaryCrossEntropy

    plain, calls = BinaryCrossEntropy.__call__, []

    def third_is_broken(self, step):
        calls.append(step)
        return plain(self, step) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(BinaryCrossEntropy, "__call__", third_is_broken)
    with pytest.raises(PellucidError, match="diverged at step 3 of 18"):
        train(ToyNotes(), SHORT, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_diverging_run_names_its_cases_and_keeps_the_best_epoch_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from pellucid.training.objectives.bce import BinaryCrossEntropy

    plain, seen, notes = BinaryCrossEntropy.__call__, [], ToyNotes()

    def breaks_late(self, step):
        seen.append([case.id for case in step.batch.cases])
        return plain(self, step) * (float("inf") if len(seen) == 12 else 1.0)

    monkeypatch.setattr(BinaryCrossEntropy, "__call__", breaks_late)
    with pytest.raises(PellucidError, match="diverged") as caught:
        train(notes, SHORT, tmp_path / "m")
    assert all(name in str(caught.value) for name in seen[-1])
    kept = predictors.load(tmp_path / "m.last-good")
    assert np.isfinite(kept.probabilities(kept.encode(notes.cases[:1]))).all()


def test_a_run_that_diverges_in_the_last_step_of_an_epoch_keeps_the_best_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The loss of that step is still a number: it is the validation cases that show what became of the weights."""
    notes, judged = ToyNotes(), []

    def second_is_broken(model, cases):
        judged.append(cases)
        probabilities, truth = predict(model, cases)
        return probabilities * (np.nan if len(judged) == 2 else 1.0), truth

    monkeypatch.setattr("pellucid.training.run.predict", second_is_broken)
    with pytest.raises(DivergedError, match=r"diverged at step 12 of 18.*validation.*epoch 1 is kept"):
        train(notes, SHORT, tmp_path / "m")
    kept = predictors.load(tmp_path / "m.last-good")
    assert np.isfinite(kept.probabilities(kept.encode(notes.cases[:1]))).all()


def test_a_run_can_go_on_from_a_trained_model(tmp_path: Path):
    notes = ToyNotes()
    first = train(notes, SHORT, tmp_path / "first")
    recipe = replace(SHORT, start=str(tmp_path / "first"), epochs=1, learning_rate=1e-9, schedule="constant")
    second = train(notes, recipe, tmp_path / "second")
    batch = first.encode(notes.cases[:2])
    np.testing.assert_allclose(second.probabilities(batch), first.probabilities(batch), atol=1e-5)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_empty_split_is_named(tmp_path: Path, split: str, monkeypatch: pytest.MonkeyPatch):
    notes = ToyNotes()
    plain = notes.split
    monkeypatch.setattr(notes, "split", lambda name: () if name == split else plain(name))
    with pytest.raises(PellucidError, match=f"no {split} cases"):
        train(notes, SHORT, tmp_path / "m")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_without_labels_is_named(tmp_path: Path, split: str):
    notes = ToyNotes()
    bare = [replace(case, labels=frozenset()) if case in notes.split(split) else case for case in notes.cases]
    notes.cases = bare
    with pytest.raises(PellucidError, match=f"No {split} case"):
        train(notes, SHORT, tmp_path / "m")


def test_labels_that_no_training_case_has_are_counted(tmp_path: Path):
    notes = ToyNotes()
    notes.labels = (*notes.labels, "Z99.9")
    assert train(notes, replace(SHORT, epochs=1), tmp_path / "m").about["labels_without_training_cases"] == 1


def test_a_label_that_the_data_set_does_not_list_is_named(tmp_path: Path):
    notes = ToyNotes()
    notes.cases[-1] = Case("odd", "p", {"text": "asthma"}, frozenset({"X00"}))
    with pytest.raises(DataError, match=r"Case odd has the label 'X00'"):
        train(notes, SHORT, tmp_path / "m")


def test_notes_longer_than_the_limit_are_counted(tmp_path: Path):
    model = train(ToyNotes(), replace(SHORT, epochs=1, max_tokens=40), tmp_path / "m")
    assert 0 < model.about["truncated_training_cases"] < 48
