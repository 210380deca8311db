"""NEM-U prompted by text: one mask network, told a sentence, for any sentence."""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from paired_images import LABELS, Reports, absent, image, model, seen

from pellucid import predictors
from pellucid.alignment import AlignmentPlan, run
from pellucid.api import Model
from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.masking import MaskSettings
from pellucid.predictors.image_text import ImageText
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer
from pellucid.training import Event, Recipe, train
from pellucid.training.masks import MaskRecipe, train_masks
from pellucid.training.masks.guard import CollapsedError
from pellucid.training.masks.learners import MaskLearner, frozen
from pellucid.training.masks.making import new_masker
from pellucid.training.masks.prompting import own_fits, prompts

DATA = Reports(60)
SAID = ("Left opacity.", "Right opacity.")


def recipe(start: Path | str, **fields: object) -> MaskRecipe:
    return MaskRecipe(**{"start": str(start), "objective": "nem_u_text", "epochs": 2, "batch_size": 16, **fields})


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt left and right."""
    out = tmp_path_factory.mktemp("models") / "start"
    train(DATA, Recipe(model="image_text", objective="contrastive + laterality", epochs=12, batch_size=16, patience=12), out)
    return out


@pytest.fixture(scope="module")
def trained(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "prompted"
    train_masks(DATA, recipe(start, epochs=25, patience=25, absent=0.5, price=1.0), out)
    return out


def learner(network: ImageText) -> MaskLearner:
    asked = recipe("x")
    return MaskLearner(network, network, new_masker(network, asked), asked)


def maps(network: ImageText, case, said=SAID) -> np.ndarray:
    asked = network.ask(said)
    (found,) = explainers.create("nem_u_text")(asked, asked.encode([case]), [Target.label(text) for text in said])
    return found.scores.reshape(len(said), 32, 32)


def lean(scores: np.ndarray) -> float:
    """Mass on the patient's left, less that on the right."""
    return float(scores[:, 16:].sum() - scores[:, :16].sum())


# What it learns


def test_the_mask_moves_to_the_other_lung_with_the_sentence(trained: Path):
    network = predictors.load(trained)
    assert isinstance(network, ImageText)
    for name in "abcd":
        left, right = maps(network, image(name, seen("left"), seen("right", top=14)))
        assert lean(left) > 0 > lean(right)


def test_the_mask_of_what_the_image_does_not_show_is_smaller(trained: Path):
    network = predictors.load(trained)
    areas = []
    for case in DATA.split("validation"):
        own = case.sentences[0].text
        other = own.replace("Left", "R").replace("Right", "Left").replace("R ", "Right ")
        areas.append(maps(network, case, (own, other)).mean((1, 2)))
    there, gone = np.mean(areas, 0)
    assert there > 0.01
    assert gone < there / 3


def test_gradients_reach_all_of_the_network_and_none_of_the_model():
    network = model(double=False)
    with frozen(network.module):
        teaches = learner(network)
        outcome = teaches(DATA.cases[:6], 0.5, torch.Generator().manual_seed(0))
        outcome.loss.backward()
    for name, weight in teaches.module.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all())
    assert float(teaches.module.target[1].weight.grad.abs().sum()) > 0, "the sentence is heard"
    assert all(weight.grad is None for weight in network.module.parameters())


def test_training_leaves_the_model_as_it_was_norms_and_all(start: Path, trained: Path):
    before, after = predictors.load(start), predictors.load(trained)
    assert after.fingerprint == before.fingerprint
    buffers = dict(before.module.named_buffers())
    assert any("running_mean" in name for name in buffers)
    for name, value in after.module.state_dict().items():
        assert torch.equal(value, before.module.state_dict()[name]), name
    state = copy.deepcopy(before.module.state_dict())
    generator = torch.random.get_rng_state()
    before.module.train()
    learner(before)(DATA.cases[:4], 0.5, torch.Generator().manual_seed(0)).loss.backward()
    assert all(torch.equal(value, state[name]) for name, value in before.module.state_dict().items())
    assert before.module.training
    torch.random.set_rng_state(generator)


def test_labels_and_places_are_not_read():
    network = model(double=False)
    teaches = learner(network)
    blind = [
        replace(c, labels=frozenset(), anatomy=(), sentences=tuple(replace(p, mask=None) for p in c.sentences))
        for c in DATA.cases[:5]
    ]
    first, second = (
        float(teaches(cases, 1.0, torch.Generator().manual_seed(3)).loss.detach()) for cases in (DATA.cases[:5], blind)
    )
    assert first == second


# Which sentences


def test_most_images_are_asked_about_their_own_report_and_some_about_another():
    cases = Reports(200).cases
    asked = prompts(cases, 0.25, torch.Generator().manual_seed(0))
    own = asked.sources == torch.arange(200)
    assert 0.68 < float(own.double().mean()) < 0.82
    for phrase, source in zip(asked.phrases, asked.sources.tolist(), strict=True):
        assert any(phrase is said for said in cases[source].sentences)
    assert len({asked.phrases[i].text for i in range(200)}) > 4
    again = prompts(cases, 0.25, torch.Generator().manual_seed(0))
    assert torch.equal(again.sources, asked.sources)
    assert [a is b for a, b in zip(again.phrases, asked.phrases, strict=True)] == [True] * 200


def test_one_image_alone_is_asked_about_itself():
    asked = prompts([image("a", seen("left"))], 0.99, torch.Generator().manual_seed(0))
    assert (asked.sources.tolist(), asked.phrases[0].text) == ([0], "Left opacity.")


def test_the_guard_watches_what_reports_say_is_there():
    cases = [image("a", seen("left")), image("b", absent()), image("c", absent("opacity"))]
    assert prompts(cases, 0.0).marked == [0]
    assert prompts(cases[1:], 0.0).marked == []


def test_each_version_of_an_image_is_held_against_its_own_sentence():
    network = model()
    cases = DATA.cases[:3]
    pixels = network.pixels(network.encode(cases))
    texts = network.read([case.sentences[0].text for case in cases])
    found = own_fits(network, torch.cat([pixels, pixels.flip(3)]), texts)
    for i in range(6):
        one = network.fits((pixels if i < 3 else pixels.flip(3))[i % 3][None], network.read([texts.texts[i % 3]]))
        assert float(found[i].detach()) == pytest.approx(float(one.detach()), rel=1e-5, abs=1e-5)


# Asking


def test_the_contract_of_explainers_is_kept(trained: Path):
    asked = predictors.load(trained).ask([*SAID, "No nodule."])
    check_explainer(explainers.create("nem_u_text"), asked, DATA.cases[:2], atol=1e-5)


def test_a_mask_does_not_depend_on_what_else_is_asked(trained: Path):
    network, case = predictors.load(trained), DATA.cases[0]
    both = maps(network, case)
    for i, text in enumerate(SAID):
        np.testing.assert_allclose(maps(network, case, (text,))[0], both[i], atol=1e-5)


def test_a_label_stands_for_its_sentence_and_a_contrast_is_refused(trained: Path):
    network = predictors.load(trained)
    explain, batch = explainers.create("nem_u_text"), network.encode(DATA.cases[:1])
    (found,) = explain(network, batch, [Target.label("opacity")])
    np.testing.assert_allclose(
        found.scores[0].reshape(32, 32), maps(network, DATA.cases[0], ("There is opacity.",))[0], atol=1e-5
    )
    with pytest.raises(PellucidError, match="explains labels"):
        explain(network, batch, [Target.contrast(*LABELS)])


def test_people_and_audits_ask_it_as_any_other_method(trained: Path, tmp_path: Path):
    network = predictors.load(trained)
    found = Model(network).explain(DATA.cases[1], SAID[0], method="nem_u_text")
    assert found.method == "nem_u_text"
    data = Reports(20)
    plan = AlignmentPlan(methods=("nem_u_text",), draws=50, split="validation")
    judged = run(network, data, plan, tmp_path / "out")
    assert any(figure.method == "nem_u_text" for figure in judged.laterality)


# Runs


class Killed(BaseException):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("step", [1, 4])
def test_a_killed_run_ends_with_the_same_bits(start: Path, tmp_path: Path, step: int):
    def progress(event: Event) -> None:
        if event.step == step and event.validation_loss is None:
            raise Killed

    whole = train_masks(DATA, recipe(start), tmp_path / "whole")
    with pytest.raises(Killed):
        train_masks(DATA, recipe(start), tmp_path / "killed", progress=progress, save_every=0.0)
    train_masks(DATA, recipe(start), tmp_path / "killed")
    loaded = predictors.load(tmp_path / "killed").maskers["nem_u_text"]
    assert loaded.digest == whole.maskers["nem_u_text"].digest
    assert (tmp_path / "killed" / "masker.safetensors").read_bytes() == (tmp_path / "whole" / "masker.safetensors").read_bytes()


def test_masks_that_collapse_end_the_run(start: Path, tmp_path: Path):
    with pytest.raises(CollapsedError, match="nearly empty"):
        train_masks(DATA, recipe(start, price=500.0, epochs=40, patience=40, learning_rate=2e-2, guard=4), tmp_path / "out")


def test_what_reads_no_sentences_or_has_none_is_refused(start: Path, tmp_path: Path):
    generator = torch.Generator().manual_seed(0)
    shape = {"exclusive": False, "size": (32, 32), "channels": 1, "generator": generator}
    ImageClassifier.build("tiny", LABELS, **shape).save(tmp_path / "classifier")
    with pytest.raises(CapabilityError, match="nem_u_text needs a model with sentences"):
        train_masks(DATA, recipe(tmp_path / "classifier"), tmp_path / "a")
    model(None).save(tmp_path / "joint")
    with pytest.raises(CapabilityError, match="one space"):
        train_masks(DATA, recipe(tmp_path / "joint"), tmp_path / "b")
    silent = Reports(20)
    silent.cases = [replace(case, sentences=()) for case in silent.cases]
    with pytest.raises(PellucidError, match="No train case of the data set has a sentence"):
        train_masks(silent, recipe(start), tmp_path / "c")
    assert missing_capabilities(predictors.load(start), ("sentence_mask_network",))


@pytest.mark.parametrize("fields", [{"surrogate": True}, {"form": "published"}])
def test_there_is_no_surrogate_of_sentences_and_no_published_form(fields: dict[str, object]):
    with pytest.raises(PellucidError, match="leave form and surrogate out"):
        recipe("x", **fields)


def test_networks_that_are_told_no_sentence_are_described_as_before():
    """What was saved before keeps its digest."""
    shape = {"taps": ("a", "b"), "channels": (4, 8), "widths": (4,), "size": (8, 8), "labels": 2}
    said = MaskSettings(kind="embedding", **shape).to_json()
    assert "told" not in said
    assert MaskSettings.from_json(said) == MaskSettings(kind="embedding", **shape)
    told = MaskSettings(kind="sentence", told=16, **shape)
    assert MaskSettings.from_json(told.to_json()) == told
