"""What a run starts from: new models of both kinds, and trained ones with what they settle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from toy_notes import ToyNotes

from pellucid.errors import PellucidError
from pellucid.predictors.plm_ca import PlmCa
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.training import Recipe, train
from pellucid.training.run import predict
from pellucid.training.start import starting


@pytest.mark.parametrize("encoder", ["tiny", "minilm"])
def test_a_trained_model_goes_on_for_a_short_time_at_a_fifth_of_the_usual_rates(encoder: str):
    new, going_on = Recipe(encoder=encoder), Recipe(encoder=encoder, start="m")
    assert [old / 5 for old in new.rates] == pytest.approx(going_on.rates)
    assert (new.most_epochs, going_on.most_epochs) == (20, 5)
    assert (new.course, going_on.course) == ("linear", "constant")


def test_what_a_recipe_gives_holds_wherever_it_starts():
    given = Recipe(start="m", learning_rate=1e-3, epochs=7, schedule="linear")
    assert (given.rates, given.most_epochs, given.course) == ((1e-3, 1e-3), 7, "linear")


def test_a_trained_model_settles_how_text_is_read(tmp_path: Path):
    first = Recipe(chunk=24, max_tokens=100, decoder="laat", epochs=1)
    train(ToyNotes(12), first, tmp_path / "first")
    recipe = Recipe(start=str(tmp_path / "first"), encoder="minilm", epochs=1)
    model, settled = starting(ToyNotes(12), recipe)
    assert (settled.encoder, settled.decoder, settled.chunk, settled.max_tokens) == ("tiny", "laat", 24, 100)
    assert isinstance(model, PlmCa)
    assert (model.chunk, model.max_tokens) == (24, 100)
    second = train(ToyNotes(12), recipe, tmp_path / "second")
    assert second.about["recipe"] == settled.to_json()
    assert second.about["start"] == model.fingerprint


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_classifier_chooses_one_label_where_the_data_set_says_that_they_exclude_each_other(exclusive: bool, tmp_path: Path):
    notes = ToyNotes(24, about={"exclusive": True} if exclusive else {})
    notes.cases = [replace(case, labels=frozenset(sorted(case.labels)[:1])) for case in notes.cases]
    recipe = Recipe(model="text_classifier", chunk=16, max_tokens=40, epochs=1)
    model = train(notes, recipe, tmp_path / "m")
    assert isinstance(model, TextClassifier)
    assert model.exclusive == exclusive
    assert (model.window, model.max_windows) == (16, 3)
    assert TextClassifier.load(tmp_path / "m").fingerprint == model.fingerprint


def test_no_threshold_is_tuned_where_the_most_probable_label_is_assigned(tmp_path: Path):
    """Judging a softmax by a threshold, tuned on sums over labels, gave figures of decisions that it never makes."""
    notes = ToyNotes(24, about={"exclusive": True})
    notes.cases = [replace(case, labels=frozenset(sorted(case.labels)[:1])) for case in notes.cases]
    model = train(notes, Recipe(model="text_classifier", chunk=16, epochs=1), tmp_path / "m")
    assert model.threshold == 0.5
    probabilities, truth = predict(model, notes.split("validation"))
    right = float((probabilities.argmax(1) == truth.argmax(1)).mean())
    assert model.about["validation"]["accuracy"] == pytest.approx(right)
    assert model.about["validation"]["micro_f1"] == pytest.approx(right)


def test_there_are_two_kinds_of_models():
    with pytest.raises(PellucidError, match="plm_ca or text_classifier"):
        Recipe(model="cnn")


def test_a_model_of_other_labels_is_refused(tmp_path: Path):
    train(ToyNotes(12), Recipe(chunk=32, epochs=1), tmp_path / "m")
    other = ToyNotes(12, labels=("E11.9", "G43.9", "I10", "J45.9", "X00"))
    with pytest.raises(PellucidError, match=r"4 labels .* not the 5"):
        starting(other, Recipe(start=str(tmp_path / "m")))


def test_label_wise_attention_is_not_trained_on_labels_that_exclude_each_other(tmp_path: Path):
    notes = ToyNotes()
    notes.about = {"exclusive": True}
    with pytest.raises(PellucidError, match="text_classifier"):
        train(notes, Recipe(chunk=32, epochs=1), tmp_path / "m")
