"""Objectives of guidance on models: gradients, refusals, batches, and what training with them changes."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from tagged_images import Tagged, image
from torch import nn

from pellucid.case import Boxes, Case, Mask
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.picture import Picture
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.training import Recipe, train
from pellucid.training.masks.losses import score
from pellucid.training.objectives import objective
from pellucid.training.objectives.energy import Energy
from pellucid.training.objectives.gradmask import contrast
from pellucid.training.objectives.guidance import Source
from pellucid.training.objectives.reliance import Reliance, unfollowed
from pellucid.training.objectives.rrr import log_probabilities
from pellucid.training.reproducible import reproducible
from pellucid.training.run import Run, true_labels
from pellucid.training.start import starting
from pellucid.training.step import Step

sys.path.insert(0, str(Path(__file__).parents[1] / "predictors"))
from images import FINDINGS, boxed, case, classifier
from models import coder

NAMES = ("energy", "gaze", "gaze_prediction", "gradmask", "reliance", "rrr")
CPU = torch.device("cpu")


def members(count: int = 2, size: tuple[int, ...] = (16, 20)) -> ImageClassifier:
    name, generator = f"{count}*tiny" if count > 1 else "tiny", torch.Generator().manual_seed(0)
    return ImageClassifier.build(name, FINDINGS, exclusive=False, size=size, channels=1, generator=generator)


def step_of(model: ImageClassifier, *cases: Case, text: str = "bce") -> Step:
    truth = torch.from_numpy(true_labels(cases, model.labels)).float()
    return Step(model, model.encode(cases), truth, None, True, 1.0, objective(text).helpers(model, cases))


def cost(model: ImageClassifier, *cases: Case, text: str) -> torch.Tensor:
    return objective(text).parts[1][1](step_of(model, *cases, text=text))


def unmarked(name: str) -> Case:
    return replace(case(name), evidence=())


def linear(weights: torch.Tensor, *, exclusive: bool) -> ImageClassifier:
    """Logits are weighted sums of the pixels of 4 x 5."""
    layer = nn.Linear(20, 3)
    layer.weight.data = weights
    return ImageClassifier(nn.Sequential(nn.Flatten(), layer), FINDINGS, exclusive=exclusive, size=(4, 5), mean=(0,), std=(1,))


def pixel(label: str = "nodule") -> Case:
    pixels = np.random.default_rng(0).random((4, 5, 1)).astype(np.float32)
    return Case("a", "a", {"image": Picture(pixels)}, frozenset({label}), (Boxes(np.array([[1.0, 1, 3, 3]]), label),))


BARRED = ~Boxes(np.array([[1.0, 1, 3, 3]])).covers(classifier((4, 5)).encode([pixel()]).units[0])


# What every one of them keeps


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("count", [1, 2])
def test_every_member_is_moved_down_to_its_first_layer(text: str, count: int):
    model = members(count)
    model.module.train()
    names, weights = zip(*model.module.named_parameters(), strict=True)
    found = torch.autograd.grad(cost(model, case("a"), boxed(), text=text), weights, allow_unused=True)
    gradients = dict(zip(names, found, strict=True))
    for index in range(count):
        own = [g for name, g in gradients.items() if count == 1 or name.startswith(f"members.{index}.")]
        assert own[0] is not None
        assert float(own[0].abs().sum()) > 0
        assert all(bool(g.isfinite().all()) for g in own if g is not None)


@pytest.mark.parametrize("text", NAMES)
def test_cases_without_evidence_add_nothing(text: str):
    model = classifier()
    with reproducible(0, CPU):
        alone = float(cost(model, case("a"), text=text).detach())
    with reproducible(0, CPU):
        beside = float(cost(model, case("a"), unmarked("b"), unmarked("c"), text=text).detach())
    assert beside == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("text", NAMES)
def test_a_batch_without_evidence_costs_0_and_can_be_sent_back(text: str):
    model = members(1)
    part = objective(text).parts[1][1]
    found = part(replace(step_of(model, unmarked("a"), unmarked("b")), helpers={}))
    assert float(found.detach()) == 0
    found.backward()


@pytest.mark.parametrize("text", ["energy", "gaze(reliance=0)", "gaze_prediction", "gradmask", "rrr"])
def test_the_cost_of_a_batch_is_the_mean_over_its_guided_cases(text: str):
    model, cases = classifier(), (case("a"), boxed("b"), unmarked("c"))
    step = step_of(model, *cases, text=text)
    part = objective(text).parts[1][1]
    alone = [float(part(replace(step_of(model, c), helpers=step.helpers)).detach()) for c in cases[:2]]
    assert float(part(step).detach()) == pytest.approx(np.mean(alone), rel=1e-4)


@pytest.mark.parametrize("text", ["energy", "gaze_prediction", "gradmask", "reliance", "rrr"])
def test_volumes_can_be_guided(text: str):
    size = (8, 16, 16)
    mask = np.zeros(size, bool)
    mask[2:6, 4:10, 4:10] = True
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 1), dtype=np.uint8)
    volume = Case("v", "v", {"image": Picture(pixels)}, frozenset({"nodule"}), (Mask(mask, "nodule"),))
    assert float(cost(members(2, size), volume, volume, text=text).detach()) > 0


# What is refused, and what is found


@pytest.mark.parametrize("text", NAMES)
def test_training_cases_without_evidence_are_refused(text: str):
    with pytest.raises(DataError, match="No training case of 2 has a box, mask or fixation"):
        objective(text).inspect(members(1), [unmarked("a"), unmarked("b")])


def test_a_share_that_leaves_no_case_is_refused():
    with pytest.raises(DataError, match="among the share of 1e-09"):
        objective("gaze(annotated=1e-9)").inspect(members(1), [case("a")])


@pytest.mark.parametrize("text", NAMES)
def test_models_of_text_are_refused(text: str):
    with pytest.raises(CapabilityError, match="models of images"):
        objective(text).inspect(coder(), [case("a")])


@pytest.mark.parametrize("text", ["energy", "gaze", "gaze_prediction"])
def test_models_without_maps_are_refused_where_maps_are_guided(text: str):
    with pytest.raises(CapabilityError, match="no layer with feature maps"):
        objective(text).inspect(linear(torch.randn(3, 20), exclusive=False), [pixel()])


@pytest.mark.parametrize("text", ["rrr(tau=0)", "energy(annotated=0)", "gaze(by=ears)", "gaze(ramp=1)", "gaze(nss=-1)"])
def test_parameters_out_of_range_are_refused(text: str):
    with pytest.raises(PellucidError, match="it must be"):
        objective(text)


def test_what_guides_is_counted():
    strange = replace(case("d"), evidence=(Mask(np.ones((16, 20), bool), "fracture"),))
    found = objective("energy").inspect(members(1), [case("a"), boxed("b"), unmarked("c"), strange])["energy"]
    labels, kinds = {"nodule": 1, "opacity": 1}, {"Mask": 2, "Boxes": 1}
    assert found == {"guided": 2, "labels": labels, "kinds": kinds, "unknown labels": {"fracture": 1}}


def test_images_must_not_be_moved(tmp_path: Path):
    recipe = Recipe(model="image_classifier", objective="energy", augment="flip")
    with pytest.raises(PellucidError, match="reads where things lie"):
        train(Tagged(20), recipe, tmp_path / "m", device="cpu")


# Gradients of the input


@pytest.mark.parametrize("exclusive", [True, False])
def test_slopes_of_a_linear_model_are_its_weights_outside_the_marks(exclusive: bool):
    weights = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    model = linear(weights, exclusive=exclusive)
    own = weights[1] - (weights[0] + weights[2]) / 2 if exclusive else weights[1]
    expected = (20 * (own[torch.from_numpy(BARRED)] ** 2).sum()).sqrt()
    assert float(cost(model, pixel(), text="gradmask").detach()) == pytest.approx(float(expected), rel=1e-5)
    logits = model.forward(model.encode([pixel()])).logits.detach()[0]
    change = 1 - 3 * torch.softmax(logits, 0) if exclusive else 1 - 2 * torch.sigmoid(logits)
    slope = (change @ weights)[torch.from_numpy(BARRED)]
    assert float(cost(model, pixel(), text="rrr").detach()) == pytest.approx(float(20 * (slope**2).sum()), rel=1e-4)


def test_of_two_labels_the_contrast_is_the_published_difference():
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(contrast(logits, torch.ones(4, dtype=torch.long), True), logits[:, 1] - logits[:, 0])


def test_log_probabilities_are_those_of_all_answers():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_probabilities(logits, True), torch.softmax(logits, 1).log().sum(1))
    chances = torch.sigmoid(logits)
    torch.testing.assert_close(log_probabilities(logits, False), (chances.log() + (1 - chances).log()).sum(1))


@pytest.mark.parametrize("text", ["gradmask", "rrr"])
def test_a_network_that_averages_costs_the_same_on_larger_images(text: str):
    costs = []
    for size in (8, 16):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
        model = ImageClassifier(net, FINDINGS, exclusive=False, size=(size, size), mean=(0.5,), std=(0.25,))
        small = np.random.default_rng(0).random((8, 8)).astype(np.float32)
        pixels, mask = (x.repeat(size // 8, 0).repeat(size // 8, 1) for x in (small, np.eye(8, dtype=bool)))
        shown = Case("a", "a", {"image": Picture(pixels[..., None])}, frozenset({"nodule"}), (Mask(mask, "nodule"),))
        costs.append(float(cost(model, shown, text=text).detach()))
    assert costs[0] == pytest.approx(costs[1], rel=1e-4)


# Reliance


def test_reliance_is_log_2_where_nothing_but_the_marks_speaks():
    weights = torch.zeros(3, 20)
    weights[1, torch.from_numpy(~BARRED)] = 5.0
    model = linear(weights, exclusive=False)
    nn.init.zeros_(model.module[1].bias)
    with torch.no_grad():
        seen = [float(Reliance()(step_of(model, pixel()))) for _ in range(30)]
    assert max(seen) == pytest.approx(np.log(2), abs=1e-5)  # filler under the marks is filler in both images


def test_reliance_costs_more_where_the_rest_speaks():
    weights = torch.zeros(3, 20)
    weights[1, torch.from_numpy(BARRED)] = 5.0
    model = linear(weights, exclusive=False)
    rest = model.forward(model.encode([pixel()])).logits[0, 1].detach()
    with torch.no_grad():
        seen = [float(Reliance()(step_of(model, pixel()))) for _ in range(10)]
    assert max(seen) <= float(torch.nn.functional.softplus(rest)) + 1e-4
    assert np.mean(seen) > np.log(2) + 0.2
    assert float(score(rest.view(1, 1), torch.tensor([0]), False)) == float(rest)


def test_norms_do_not_follow_filled_images():
    model = members(1)
    model.module.train()
    step = step_of(model, case("a"), boxed("b"))
    assert step.clean.logits.requires_grad
    before = {name: value.clone() for name, value in model.module.named_buffers() if "running" in name}
    Reliance()(step).backward()
    assert before
    assert all(torch.equal(value, dict(model.module.named_buffers())[name]) for name, value in before.items())
    momenta = [part.momentum for part in model.module.modules() if hasattr(part, "momentum")]
    with unfollowed(model.module):
        assert {part.momentum for part in model.module.modules() if hasattr(part, "momentum")} == {0.0}
    assert [part.momentum for part in model.module.modules() if hasattr(part, "momentum")] == momenta


# What training with them changes


@cache
def learnt(text: str, images: int = 60, epochs: int = 8) -> ImageClassifier:
    """The network after some epochs on images that a tag gives away."""
    dataset, settings = Tagged(images), {"epochs": epochs, "patience": epochs, "batch_size": 8}
    with reproducible(0, CPU):
        model, recipe = starting(dataset, Recipe(model="image_classifier", objective=text, **settings))
        Run(model, dataset, recipe).fit(lambda: None, None, 1e9)
    assert isinstance(model, ImageClassifier)
    model.module.eval()
    return model


def unseen(*, cue: bool, tag: bool) -> list[Case]:
    random = np.random.default_rng(9)
    return [image(f"x{i}", random, cue=cue, tag=tag) for i in range(16)]


def energy(model: ImageClassifier) -> float:
    """The share of the Grad-CAM outside the marks, on images that were not learnt from."""
    with torch.enable_grad():
        return float(Energy(by="marks")(step_of(model, *unseen(cue=True, tag=True))).detach())


@torch.no_grad()
def worth_of_tag(model: ImageClassifier) -> float:
    """By how much a tag raises the log-odds of images without a cue."""
    tagged, bare = (model.logits(model.pixels(model.encode(unseen(cue=False, tag=tag)))).mean() for tag in (True, False))
    return float(tagged - bare)


@pytest.mark.parametrize("text", ["energy", "0.3 * gaze", "0.3 * gaze(by=gaze)"])
def test_guidance_moves_the_map_onto_the_marks_of_images_never_seen(text: str):
    assert energy(learnt(text)) < energy(learnt("bce")) - 0.15


@pytest.mark.parametrize("text", ["reliance", "0.3 * gaze"])
def test_what_lies_beside_the_marks_is_worth_less(text: str):
    assert worth_of_tag(learnt(text)) < 0.6 * worth_of_tag(learnt("bce"))


def test_one_patient_in_a_hundred_moves_the_maps_of_the_others_and_what_they_rest_on():
    text, images, epochs = "0.3 * gaze(annotated=0.01)", 320, 4
    guided = [case for case in Tagged(images).split("train") if Source(annotated=0.01).of(case)]
    assert 0 < len(guided) <= 5
    plain, taught = learnt("bce", images, epochs), learnt(text, images, epochs)
    assert energy(taught) < energy(plain) - 0.04
    assert worth_of_tag(taught) < 0.85 * worth_of_tag(plain)


def test_some_annotated_patients_guide_the_others(tmp_path: Path):
    recipe = Recipe(model="image_classifier", objective="gaze(annotated=0.1) + 0.1 * energy(annotated=0.1)", epochs=2)
    model = train(Tagged(), replace(recipe, batch_size=8), tmp_path / "m", device="cpu")
    found = model.about["objective"]["found"]
    assert 0 < found["gaze"]["guided"] <= 8
    assert found["gaze"] == found["energy"]
    assert train(Tagged(), replace(recipe, batch_size=8), tmp_path / "again", device="cpu").fingerprint == model.fingerprint
