"""Training an image-text model as a whole: it learns, repeats itself, survives being killed, and goes on from few boxes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paired_images import Reports, absent, clear, image, model, seen
from transformers import AutoModel, ViTConfig

from pellucid import predictors
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.image_text import ImageText
from pellucid.registry import presets
from pellucid.training import Event, Recipe, train
from pellucid.training.evaluate import auroc
from pellucid.training.matching import matching
from pellucid.training.objectives import objective
from pellucid.training.objectives.pairs.knowing import holds
from pellucid.training.start import model_for

ALL = "contrastive(masked=0.3) + optout + 0.5 * divergence + 0.5 * boxes(shots=6) + 0.2 * laterality + 0.1 * attention_entropy"
RECIPE = Recipe(model="image_text", objective=ALL, epochs=2, batch_size=8, patience=2)
DATA = Reports(20)


class Killed(BaseException):
    """Stands for whatever ends a process."""


def stop_at(step: int):
    def progress(event: Event) -> None:
        if event.step == step and event.validation_map is None:
            raise Killed

    return progress


def bits(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and "tokenizer" not in file.name)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageText, Path, list[Event]]:
    out, events = tmp_path_factory.mktemp("runs") / "m", []
    return train(DATA, RECIPE, out, progress=events.append), out, events


@pytest.mark.parametrize("step", [1, 2, 3])  # an epoch has two
def test_an_interrupted_run_goes_on_to_the_same_bits(undisturbed, tmp_path: Path, step: int):
    with pytest.raises(Killed):
        train(DATA, RECIPE, tmp_path / "m", progress=stop_at(step), save_every=0)
    events: list[Event] = []
    train(DATA, RECIPE, tmp_path / "m", progress=events.append)
    assert len([event for event in events if event.validation_map is None]) == 4 - (step - 1)
    assert bits(tmp_path / "m") == bits(undisturbed[1])


def test_the_model_tells_how_it_came_to_be(undisturbed):
    made, out, events = undisturbed
    about = predictors.load(out).about
    assert about["objective"]["minimised"].startswith("1 * contrastive(masked=0.3) + 1 * optout + 0.5 * divergence")
    found = about["objective"]["found"]
    assert set(found) == {"contrastive", "optout", "divergence", "boxes", "laterality", "attention_entropy"}
    assert found["contrastive"]["cases"] == 16
    assert about["validation"]["matching"] == matching(made, DATA.split("validation"))["matching"]
    assert {event.figure for event in events} == {"matching"}
    assert isinstance(predictors.load(out), ImageText)


def test_few_boxes_finetune_a_trained_model_and_nothing_else_is_minimised(undisturbed, tmp_path: Path):
    recipe = Recipe(model="image_text", start=str(undisturbed[1]), objective="boxes(shots=4)", epochs=1, batch_size=4)
    made = train(DATA, recipe, tmp_path / "m")
    assert made.about["objective"]["minimised"] == "1 * boxes(shots=4)"
    assert made.fingerprint != undisturbed[0].fingerprint
    assert made.about["recipe"]["attention"] == "corrected"


def test_the_last_epoch_is_kept_where_the_recipe_says_so(tmp_path: Path):
    recipe = replace(RECIPE, objective="boxes", keep="last", epochs=3, learning_rate=1e-2)
    last = train(DATA, recipe, tmp_path / "last")
    best = train(DATA, replace(recipe, keep="best"), tmp_path / "best")
    figures = [entry["validation_map"] for entry in last.about["history"]]
    assert figures == [entry["validation_map"] for entry in best.about["history"]]
    assert last.about["best_epoch"] == len(figures) == 3
    assert last.about["validation"]["matching"] == figures[-1]
    assert best.about["validation"]["matching"] == max(figures) > figures[-1]


def test_a_model_goes_on_from_reports_without_any_label(undisturbed, tmp_path: Path):
    unlabelled = Reports(20)
    unlabelled.cases = [replace(case, labels=frozenset()) for case in unlabelled.cases]
    recipe = Recipe(start=str(undisturbed[1]), objective="contrastive", epochs=1)
    assert "matching" in train(unlabelled, recipe, tmp_path / "m").about["validation"]
    unlabelled.cases = [replace(case, sentences=()) for case in unlabelled.cases[:4]] + unlabelled.cases[4:]
    with pytest.raises(PellucidError, match="No validation case of the data set has a sentence"):
        train(unlabelled, recipe, tmp_path / "n")


def test_a_folder_with_an_encoder_of_text_is_known_by_what_it_holds(tmp_path: Path):
    """A run that goes on must not go on with another encoder under the same path."""
    folder = tmp_path / "language"
    language, tokenizer = encoder_and_tokenizer("tiny", texts=["left opacity", "no nodule"], seed=0)
    for part in (language, tokenizer):
        part.save_pretrained(folder)
    recipe = replace(RECIPE, objective="contrastive", epochs=1, text_encoder=str(folder))
    train(DATA, recipe, tmp_path / "m")
    encoder_and_tokenizer("tiny", texts=["left opacity", "no nodule"], seed=1)[0].save_pretrained(folder)
    with pytest.raises(PellucidError, match="trained with another recipe or data set"):
        train(DATA, recipe, tmp_path / "m")


def test_a_vision_model_of_transformers_is_trained_as_an_image_tower(tmp_path: Path):
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 8}
    AutoModel.from_config(ViTConfig(image_size=32, **shape)).save_pretrained(tmp_path / "vit")
    scale = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(scale))
    made = train(DATA, replace(RECIPE, encoder=str(tmp_path / "vit"), epochs=1), tmp_path / "m")
    assert isinstance(made, ImageText)
    first = AutoModel.from_pretrained(tmp_path / "vit").embeddings.patch_embeddings.projection.weight
    assert not first.equal(made.module.image.network.model.embeddings.patch_embeddings.projection.weight)
    shutil.rmtree(tmp_path / "vit")
    assert predictors.load(tmp_path / "m").fingerprint == made.fingerprint


def test_left_and_right_are_learnt(tmp_path: Path):
    data = Reports(60)
    recipe = Recipe(model="image_text", objective="contrastive + laterality", epochs=12, batch_size=16, patience=12)
    made = train(data, recipe, tmp_path / "m")
    cases = data.split("validation")
    asked = made.ask(["Left opacity.", "Right opacity."])
    images = [case for case in cases if "opacity" in case.labels]
    sided = asked.probabilities(asked.encode(images)).argmax(1)
    true = [0 if any("Left" in phrase.text for phrase in case.sentences) else 1 for case in images]
    assert np.mean(sided == true) > 0.8


def test_a_model_without_a_null_is_refused_before_it_learns(tmp_path: Path):
    recipe = replace(RECIPE, objective="contrastive + optout", attention="published")
    with pytest.raises(CapabilityError, match="published_null"):
        train(DATA, recipe, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_images_are_not_moved_under_their_sentences(tmp_path: Path):
    with pytest.raises(PellucidError, match="moves them"):
        train(DATA, replace(RECIPE, augment="flip"), tmp_path / "m")


def test_data_and_objective_say_what_model_it_is():
    assert model_for(DATA, "laterality") == "image_text"
    assert model_for(DATA, "bce") == "image_classifier"


# Matching


def test_matching_is_the_mean_over_sentences_of_how_they_rank_their_own_image():
    network, cases = model(), [*Reports(9).cases, image("z", absent("fracture"), clear("left"))]  # nobody has a fracture
    expected = []
    for row, case in enumerate(cases):
        for phrase in case.sentences:
            others = [i for i, other in enumerate(cases) if other.patient != case.patient and not holds(phrase, other)]
            if others:
                asked = network.ask([phrase.text])
                scores = asked.run(asked.pixels(asked.encode(cases)))[:, 0].double().detach().numpy()
                kept = np.array([row, *others])
                expected.append(auroc(scores[kept], kept == row))
    found = matching(network, cases)
    assert found["matching"] == pytest.approx(np.mean(expected), abs=1e-9)
    assert found["sentences"] == len(expected) < sum(len(case.sentences) for case in cases)


def test_images_of_the_same_patient_are_not_held_against_each_other():
    cases = [replace(image(name, seen(side)), patient="p") for name, side in (("a", "left"), ("b", "right"))]
    with pytest.raises(DataError, match="None of the 2 sentences of 2 cases"):
        matching(model(), cases)


def test_sentences_that_are_true_of_all_are_refused_with_their_number():
    with pytest.raises(DataError, match="None of the 3 sentences"):
        matching(model(), [image(name, absent()) for name in "abc"])


# The published settings

PUBLISHED = presets.create("wronglung2022")


@pytest.mark.parametrize("name", list(PUBLISHED.objectives))
def test_every_variant_of_the_preset_is_an_objective_of_pairs(name: str):
    recipe = PUBLISHED.recipe(name, **({"start": "runs/m"} if name == "boxes" else {}))
    minimised = objective(recipe.objective)
    assert minimised.pairs
    assert (recipe.model, recipe.learning_rate, recipe.clip, recipe.weight_decay) == ("image_text", 5e-5, 0.25, 1e-6)
    assert recipe.attention == ("published_null" if name.startswith("optout") else "published")


def test_the_preset_without_an_objective_is_the_published_baseline():
    assert PUBLISHED.recipe().objective == PUBLISHED.objectives["contrastive"][0]
    ((_, boxes),) = objective(PUBLISHED.recipe("boxes").objective).parts
    assert (boxes.shots, boxes.published) == (30, True)
    assert PUBLISHED.recipe("boxes", start="runs/m").keep == "last"


def test_every_difference_of_the_preset_says_whom_it_is_about():
    assert all(note.split(":")[0] in {"All", *PUBLISHED.objectives} for note in PUBLISHED.notes)
