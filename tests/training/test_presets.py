"""Presets hold the published settings, say where they differ, and give way to what the user sets."""

from __future__ import annotations

import pytest

from pellucid.cli.train import recipes
from pellucid.errors import PellucidError, UnknownNameError
from pellucid.registry import objectives, presets
from pellucid.training import Recipe
from pellucid.training.objectives import objective

EDIN = presets.create("edin2024")
PUBLISHED = {
    "learning_rate": 5e-5,
    "epochs": 20,
    "batch_size": 16,
    "warmup": 0.1,
    "schedule": "linear",
    "weight_decay": 0.0,
    "clip": 1.0,
    "patience": 3,
    "chunk": 128,
    "max_tokens": 6000,
    "precision": "auto",
    "decoder": "plm_ca",
}


@pytest.mark.parametrize("name", ["bce", "igr", "pgd", "tm", "evidence"])
def test_edin2024_holds_the_published_settings(name: str):
    own = {"learning_rate": 1e-5, "schedule": "constant", "epochs": 1} if name == "tm" else {}
    recipe = EDIN.recipe(name).to_json()
    assert {field: recipe[field] for field in PUBLISHED} == PUBLISHED | own


@pytest.mark.parametrize(("name", "weight"), [("bce", 1.0), ("igr", 1e-5), ("pgd", 0.5), ("tm", 1.0), ("evidence", 2.5)])
def test_edin2024_weighs_each_objective_as_published(name: str, weight: float):
    parts = objective(EDIN.recipe(name).objective).parts
    assert {part.name: found for found, part in parts} == ({} if name == "tm" else {"bce": 1.0}) | {name: weight}


def test_edin2024_searches_and_attacks_as_published():
    ((_, masking),) = objective(EDIN.recipe("tm").objective).parts
    assert (masking.masks, masking.steps, masking.rate, masking.preserve) == ("learned", 20, 0.1, 0.01)
    assert objective(EDIN.recipe("pgd").objective).parts[1][1].radius == 1e-5


def test_every_objective_with_a_difference_has_a_note():
    assert all(any(note.startswith(f"{name}:") for note in EDIN.notes) for name in EDIN.objectives if name != "bce")
    assert set(EDIN.objectives) <= set(objectives)


def test_flags_go_before_the_preset_for_the_teacher_too():
    recipe, teacher = recipes({"objective": "tm", "epochs": 3, "seed": 4}, "edin2024")
    assert teacher is not None
    assert (recipe.epochs, recipe.seed, recipe.learning_rate, recipe.course) == (3, 4, 1e-5, "constant")
    assert (teacher.epochs, teacher.seed, teacher.learning_rate, teacher.course) == (3, 4, 5e-5, "linear")
    assert (recipe.objective[:3], teacher.objective) == ("tm(", "bce")


def test_an_objective_in_the_users_words_is_taken_as_it_is():
    recipe, _ = recipes({"objective": "0.3 * evidence"}, "edin2024")
    assert (recipe.objective, recipe.learning_rate) == ("0.3 * evidence", 5e-5)


def test_without_a_preset_the_recipe_is_what_was_given():
    assert recipes({"epochs": 3, "clip": None}, None) == (Recipe(epochs=3, clip=None), None)


def test_an_unknown_preset_is_named():
    with pytest.raises(UnknownNameError, match="edin2024"):
        recipes({}, "edin2023")


@pytest.mark.parametrize("field", ["encoder", "decoder", "model", "chunk", "max_tokens"])
def test_a_field_that_the_model_to_start_from_settles_is_refused(field: str):
    with pytest.raises(PellucidError, match=f"--{field.replace('_', '-')}"):
        recipes({"start": "runs/m", field: "plm_ca"}, None)
