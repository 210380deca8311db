"""What mask networks must find: planted objects, each for its own label, and only where the model relies on them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import KINDS, Planted

from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.training import Recipe, train
from pellucid.training.masks import MaskRecipe, attach

sys.path.insert(0, str(Path(__file__).parent))

DATA = Planted(n=500)
TEST = Planted(n=60, seed=9).cases
TARGETS = [Target.label(kind) for kind in KINDS]
RECIPE = MaskRecipe(start="memory", epochs=8, batch_size=16)


@dataclass
class Found:
    """Measured on test images: for targets that are there, and that are not."""

    mass: list[float]
    swap: list[float]
    absent: list[float]


def explained(model: ImageClassifier, method: str, cases: Sequence[Case] = TEST) -> list[Attribution]:
    return [explainers.create(method)(model, model.encode([case]), TARGETS)[0] for case in cases]


def measured(model: ImageClassifier, method: str = "nemt") -> Found:
    found = Found([], [], [])
    for case, said in zip(TEST, explained(model, method), strict=True):
        masks = {e.label: e.covers(said.units) for e in case.evidence}
        for kind, scores in zip(KINDS, np.maximum(said.scores, 0), strict=True):
            if kind not in masks:
                found.absent.append(float(scores.mean()))
                continue
            inside = scores[masks[kind]].sum()
            found.mass.append(float(inside / scores.sum()))
            found.swap += [float(inside / max(scores[m].sum(), 1e-9)) for other, m in masks.items() if other != kind]
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ImageClassifier:
    """A model that knows the three objects, with a mask network."""
    made = train(DATA, Recipe(model="image_classifier", epochs=8, batch_size=32), tmp_path_factory.mktemp("runs") / "model")
    assert isinstance(made, ImageClassifier)
    assert made.about["validation"]["label_map"] > 0.98
    attach(made, DATA, RECIPE)
    return made


@pytest.mark.slow
def test_masks_lie_on_the_planted_objects(model: ImageClassifier):
    assert np.mean(measured(model).mass) > 0.8


@pytest.mark.slow
def test_another_target_in_the_same_image_moves_the_mask(model: ImageClassifier):
    assert np.median(measured(model).swap) > 3


@pytest.mark.slow
def test_for_an_absent_target_nearly_nothing_is_marked(model: ImageClassifier):
    assert np.mean(measured(model).absent) < 0.02


@pytest.mark.slow
def test_removing_what_is_marked_lowers_the_score_more_than_by_integrated_gradients(model: ImageClassifier):
    falls = {name: _fall(model, name) for name in ("nemt", "integrated_gradients")}
    assert falls["nemt"] > falls["integrated_gradients"]


def _fall(model: ImageClassifier, method: str) -> float:
    """Mean fall of the probability while the pixels go, most important first, in twenty equal parts."""
    falls = []
    for case in TEST[:30]:
        batch = model.encode([case])
        said = explainers.create(method)(model, batch, TARGETS)[0]
        for k, kind in enumerate(KINDS):
            if kind in case.labels:
                ranks = np.argsort(np.argsort(-said.scores[k], kind="stable"))
                keep = np.stack([ranks >= share * len(ranks) for share in np.linspace(0, 1, 21)])
                logits = model.perturbed_scores(batch, [keep], "mask", [TARGETS[k]])[0][:, 0]
                p = 1 / (1 + np.exp(-logits))
                falls.append(p[0] - p.mean())
    return float(np.mean(falls))


@pytest.mark.slow
def test_masks_of_a_random_model_do_not_find_the_objects(model: ImageClassifier):
    generator = torch.Generator().manual_seed(5)
    random = ImageClassifier.build("tiny", KINDS, exclusive=False, size=(48, 48), channels=1, generator=generator)
    random.module.eval()
    attach(random, DATA, RECIPE)
    assert np.mean(measured(random).mass) < 0.5 * np.mean(measured(model).mass)


@pytest.mark.slow
def test_masks_judged_by_a_surrogate_find_the_objects_too(model: ImageClassifier):
    masker = attach(model, DATA, replace(RECIPE, surrogate=True, surrogate_epochs=3))
    assert np.mean(measured(model).mass) > 0.7
    assert set(masker.about["validation"]) == {"model", "surrogate"}


@pytest.mark.slow
def test_an_object_in_a_few_patches_gets_their_shapley_values(model: ImageClassifier):
    attach(model, DATA, MaskRecipe(start="memory", objective="fastshap", epochs=8, grid=6, batch_size=32))
    assert np.mean(measured(model, "fastshap").mass) > 0.4  # six times chance
