"""An encoder learnt from text alone: it learns, repeats itself, goes on, and reads nothing that it must not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_notes import ToyNotes

from pellucid.errors import PellucidError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.training import Recipe, train
from pellucid.training.pretraining import Pretraining, corrupted, pretrain
from pellucid.training.state import state_folder

HOW = Pretraining(chunk=32, epochs=3, batch_size=8, learning_rate=3e-3)


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("pretraining") / "encoder"
    return out, pretrain(ToyNotes(), HOW, out)


def test_guessing_gets_better_on_notes_never_read(learnt):
    history = learnt[1]["history"]
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]


def test_a_coding_model_goes_on_from_the_learnt_encoder(learnt, tmp_path: Path):
    encoder, tokenizer = encoder_and_tokenizer(str(learnt[0]))
    recipe = Recipe(encoder=str(learnt[0]), chunk=32, epochs=1, batch_size=8, learning_rate=1e-12)
    model = train(ToyNotes(), recipe, tmp_path / "m")
    assert model.tokenizer.get_vocab() == tokenizer.get_vocab()
    weight = "embeddings.word_embeddings.weight"
    torch.testing.assert_close(model.parts()["encoder"].state_dict()[weight], encoder.state_dict()[weight])


def test_a_killed_run_ends_with_the_very_same_encoder(learnt, tmp_path: Path):
    def stop(event):
        if event.epoch == 2:
            raise Killed

    out = tmp_path / "again"
    with pytest.raises(Killed):
        pretrain(ToyNotes(), HOW, out, progress=stop)
    assert pretrain(ToyNotes(), HOW, out)["history"] == learnt[1]["history"]
    assert (out / "model.safetensors").read_bytes() == (learnt[0] / "model.safetensors").read_bytes()
    assert not state_folder(out).exists()


def test_a_finished_encoder_is_returned_at_once_and_never_overwritten_by_another(learnt):
    assert pretrain(ToyNotes(), HOW, learnt[0]) == learnt[1]
    with pytest.raises(PellucidError, match="--fresh"):
        pretrain(ToyNotes(), replace(HOW, epochs=4), learnt[0])


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_something_else_is_never_replaced_not_even_afresh(fresh: bool, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PellucidError, match="would be lost"):
        pretrain(ToyNotes(), HOW, tmp_path, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_may_hold_the_encoder(tmp_path: Path):
    (tmp_path / "e").mkdir()
    pretrain(ToyNotes(20), replace(HOW, epochs=1), tmp_path / "e")
    assert (tmp_path / "e" / "pretraining.json").is_file()


def test_a_batch_without_a_token_to_guess_is_no_divergence(tmp_path: Path):
    """A note of whole chunks and one token ends with a chunk of nothing but its end; its loss is the mean of no values."""
    about = pretrain(ToyNotes(20), replace(HOW, chunk=1, batch_size=1, epochs=1), tmp_path / "e")
    assert 0 < about["history"][0]["loss"] < 20


def test_texts_of_validation_and_test_are_not_learnt_from(learnt, tmp_path: Path):
    notes = ToyNotes()
    for case in (*notes.split("validation"), *notes.split("test")):
        object.__setattr__(case, "inputs", {"text": "Zygomycosis, zygomycosis and nothing else but zygomycosis."})
    other = pretrain(notes, HOW, tmp_path / "other")
    assert [h["loss"] for h in other["history"]] == [h["loss"] for h in learnt[1]["history"]]


def test_the_global_generator_is_left_alone(tmp_path: Path):
    before = torch.get_rng_state()
    pretrain(ToyNotes(), replace(HOW, epochs=1), tmp_path / "e")
    assert torch.equal(torch.get_rng_state(), before)


def test_special_tokens_and_padding_are_never_guessed():
    _, tokenizer = encoder_and_tokenizer("tiny", texts=["no acute distress, no fever, no cough"] * 3)
    first = len(tokenizer.all_special_ids)
    ids = np.array([[0, first + 1, first + 2, first + 3, 2, 1, 1]] * 200)
    shown, chosen = corrupted(ids, np.full(200, 5), 0.15, tokenizer, np.random.default_rng(0))
    assert not chosen[:, [0, 4, 5, 6]].any()
    assert chosen[:, 1:4].any()
    assert (shown[~chosen] == ids[~chosen]).all()
    assert (shown[chosen] == tokenizer.mask_token_id).mean() == pytest.approx(0.8, abs=0.12)


@pytest.mark.parametrize("wrong", [{"size": "huge"}, {"masked": 0.0}, {"epochs": 0}, {"learning_rate": float("nan")}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(PellucidError):
        replace(HOW, **wrong)


def test_another_encoder_under_the_same_path_is_another_run(learnt, tmp_path: Path):
    """A finished model must not pass for one of an encoder that was learnt anew."""
    copy = tmp_path / "encoder"
    shutil.copytree(learnt[0], copy)
    recipe = Recipe(encoder=str(copy), chunk=32, epochs=1, batch_size=8, learning_rate=1e-3)
    train(ToyNotes(), recipe, tmp_path / "m")
    pretrain(ToyNotes(), replace(HOW, epochs=1), copy, fresh=True)
    with pytest.raises(PellucidError, match="--fresh"):
        train(ToyNotes(), recipe, tmp_path / "m")
