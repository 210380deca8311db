"""Token masking: what is masked, who learns from whom, and what the search finds."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_notes import WORDS, ToyNotes

from pellucid import predictors
from pellucid.errors import PellucidError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.plm_ca import PlmCa
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.training import Event, Recipe, train
from pellucid.training.objectives import masks
from pellucid.training.objectives.distances import DISTANCES, distance
from pellucid.training.objectives.masks import Search, random_keep
from pellucid.training.objectives.tm import TokenMasking
from pellucid.training.run import Run, true_labels
from pellucid.training.state import state_folder
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable

RECIPE = Recipe(chunk=32, epochs=12, batch_size=8, patience=12)
NOTES = ToyNotes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows the words."""
    out = tmp_path_factory.mktemp("tm") / "bce"
    train(NOTES, RECIPE, out)
    return out


@pytest.fixture
def model(folder: Path) -> PlmCa:
    return PlmCa.load(folder)


def classifier(exclusive: bool) -> TextClassifier:
    encoder, tokenizer = encoder_and_tokenizer("tiny", texts=[case.text for case in NOTES], seed=0)
    generator = torch.Generator().manual_seed(0)
    return TextClassifier.build(encoder, tokenizer, tuple(WORDS), exclusive=exclusive, generator=generator, window=24)


def frozen(model: Trainable, noise: float = 0.0) -> Trainable:
    """A teacher: the model, or one of somewhat other weights."""
    other = copy.copy(model)
    other.module = copy.deepcopy(model.module).requires_grad_(False)
    for p in other.module.parameters():
        p.add_(noise * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
    return other


def step_of(model: Trainable, cases: int = 4, noise: float = 0.0) -> Step:
    chosen = NOTES.split("validation")[:cases]
    truth = torch.from_numpy(true_labels(chosen, model.labels)).float()
    return Step(model, model.encode(chosen), truth, frozen(model, noise))


def search(model: Trainable, **settings: float) -> Search:
    chosen = {"steps": 5, "rate": 1.0, "preserve": 0.1} | settings
    return Search(distance=partial(distance, "l1", exclusive=model.exclusive), **chosen)


# Distances


@given(st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=2, max_size=5), st.booleans())
def test_distances_are_those_of_the_probabilities(pairs: list[tuple[float, float]], exclusive: bool):
    one, other = (torch.tensor([column], dtype=torch.float32) for column in zip(*pairs, strict=True))
    p, q = ((torch.softmax if exclusive else lambda x, _: torch.sigmoid(x))(x.double(), -1) for x in (one, other))
    l1, kl = (float(distance(kind, one, other, exclusive=exclusive)) for kind in DISTANCES)
    assert l1 == pytest.approx(float((p - q).abs().sum()), abs=1e-5)
    kinds = torch.distributions.Categorical if exclusive else torch.distributions.Bernoulli
    expected = torch.distributions.kl_divergence(kinds(probs=q), kinds(probs=p)).sum()
    assert kl == pytest.approx(float(expected), abs=1e-4, rel=1e-4)


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_distance_pulls_only_at_its_first_argument(kind):
    one, other = torch.zeros(2, 3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    distance(kind, one, other, exclusive=False).sum().backward()
    assert one.grad is not None
    assert (one.grad < 0).all()
    assert other.grad is None


# Masks


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 9))
def test_random_masks_keep_or_drop_whole_runs(units: int, run: int, seed: int):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        keep = random_keep(units, run)
    lengths = [len(list(group)) for _, group in itertools.groupby(keep.tolist())]
    assert keep.shape == (units,)
    assert all(length >= run for length in lengths[1:-1])


def test_random_masks_keep_every_share():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shares = [random_keep(400).mean() for _ in range(2000)]
    assert np.quantile(shares, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.05)


@pytest.mark.parametrize("kind", ["plm_ca", "text_classifier"])
def test_special_tokens_and_padding_are_never_masked_and_the_mask_is_the_tokenizers_own(kind: str, folder: Path, monkeypatch):
    """The released code writes the id 50001, which in another vocabulary is any word, or none."""
    model = PlmCa.load(folder) if kind == "plm_ca" else classifier(exclusive=False)
    step, seen = step_of(model), []
    plain = type(model).forward

    def looking(self, batch, shift=None):
        seen.append(batch)
        return plain(self, batch, shift)

    monkeypatch.setattr(type(model), "forward", looking)
    monkeypatch.setattr(
        TokenMasking, "keep", lambda self, step: [np.zeros(len(units), dtype=bool) for units in step.batch.units]
    )
    TokenMasking()(step)
    masked = next(batch for batch in seen if batch is not step.batch)
    for before, after, rows in zip(ids(step.batch), ids(masked), step.batch.rows, strict=True):
        content = np.zeros(before.size, dtype=bool)
        content[rows] = True
        assert (after.ravel()[content] == model.tokenizer.mask_token_id).all()
        assert (after.ravel()[~content] == before.ravel()[~content]).all()
        assert (~content).any()


def ids(batch) -> list[np.ndarray]:
    return (
        [note.ids for note in batch.data.notes] if hasattr(batch.data, "notes") else [t.windows.ids for t in batch.data.texts]
    )


def test_learned_masks_keep_what_the_answer_rests_on(model: PlmCa):
    step = step_of(model, 12)
    keeps = search(model)(step)
    evidence = [
        np.any([mark.covers(units) for mark in case.evidence], axis=0)
        for case, units in zip(step.batch.cases, step.batch.units, strict=True)
    ]
    kept, marked = np.concatenate(keeps), np.concatenate(evidence)
    assert kept[marked].mean() > 0.6
    assert kept[~marked].mean() < 0.2


def test_a_search_of_five_steps_finds_what_one_of_fifty_finds(model: PlmCa):
    step = step_of(model, 12)
    few, many = (np.concatenate(search(model, steps=steps, rate=rate)(step)) for steps, rate in ((5, 1.0), (50, 0.1)))
    assert (few == many).mean() > 0.9


def test_a_search_in_half_precision_finds_the_same(model: PlmCa):
    step = step_of(model, 12)
    full = np.concatenate(search(model)(step))
    with torch.autocast("cpu", torch.bfloat16):
        half = np.concatenate(search(model)(step))
    assert (full == half).mean() > 0.95


def test_learned_masks_do_not_depend_on_batch_mates(model: PlmCa):
    step = step_of(model, 4)
    together = search(model)(step)
    for index, case in enumerate(step.batch.cases):
        (alone,) = search(model)(step.on(model.encode([case])))
        assert np.array_equal(alone, together[index])


def test_the_search_leaves_the_model_as_it_was(model: PlmCa):
    model.module.train()
    before = copy.deepcopy(model.module.state_dict())
    search(model)(step_of(model))
    assert model.module.training
    assert all(p.grad is None for p in model.module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())


@pytest.mark.parametrize("kind", ["plm_ca", "text_classifier"])
def test_gates_stand_at_the_tokens_and_lead_to_the_mask(kind: str, model: PlmCa):
    """Against the naive way: the features of the note, and of the note with all tokens masked."""
    chosen = model if kind == "plm_ca" else classifier(exclusive=True)
    batch = step_of(chosen, 5).batch
    nothing = chosen.perturb(batch, [np.zeros(len(units), dtype=bool) for units in batch.units], "mask")
    with torch.no_grad():
        whole, masked = chosen.forward(batch), chosen.forward(nothing)
    torch.testing.assert_close(masks._masked(chosen.reference(batch), whole), masked.features)
    rows = [features[at] for features, at in zip(chosen.features(batch), batch.rows, strict=True)]
    torch.testing.assert_close(whole.features.flatten(0, 1)[masks._places(batch, whole)], torch.cat(rows))


@pytest.mark.parametrize(("kind", "searched"), [("learned", 400), ("random", 0), ("both", 200)])
def test_each_case_draws_its_kind_of_mask(kind, searched, monkeypatch, model: PlmCa):
    step, counted = step_of(model, 8), []
    monkeypatch.setattr(
        Search, "__call__", lambda self, few: [counted.append(1) or np.ones(len(u), bool) for u in few.batch.units]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(50):
            assert [len(keep) for keep in TokenMasking(masks=kind).keep(step)] == [len(units) for units in step.batch.units]
    assert len(counted) == pytest.approx(searched, abs=50 if kind == "both" else 0)


# Learning


def gradient(model: Trainable, step: Step, objective: TokenMasking) -> float:
    objective(step).backward()
    return float(sum(p.grad.abs().sum() for p in model.parts()["encoder"].parameters() if p.grad is not None))


@pytest.mark.parametrize("kind", DISTANCES)
def test_the_gradient_of_both_terms_reaches_the_encoder(kind, folder: Path, monkeypatch):
    with torch.random.fork_rng(devices=[]):
        alone = PlmCa.load(folder)  # equal to its teacher, so that only the masked term pulls
        assert gradient(alone, step_of(alone), TokenMasking(distance=kind, masks="random")) > 1e-3
    monkeypatch.setattr(TokenMasking, "keep", lambda self, step: [np.ones(len(u), dtype=bool) for u in step.batch.units])
    whole = PlmCa.load(folder)  # nothing is masked, so that only the teacher pulls
    assert gradient(whole, step_of(whole, noise=0.05), TokenMasking(distance=kind)) > 1e-3


@pytest.mark.parametrize("exclusive", [False, True])
def test_classifiers_learn_too(exclusive: bool):
    model = classifier(exclusive)
    with torch.random.fork_rng(devices=[]):
        assert gradient(model, step_of(model, noise=0.1), TokenMasking()) > 0


def change_when_masked(model: Trainable) -> float:
    random, changes = np.random.default_rng(0), []
    for case in ToyNotes(10, seed=3):
        batch = model.encode([case])
        for _ in range(4):
            keep = random.random(len(batch.units[0])) < 0.5
            changes.append(np.abs(model.probabilities(model.perturb(batch, [keep], "mask")) - model.probabilities(batch)).sum())
    return float(np.mean(changes))


def test_the_student_changes_less_when_tokens_are_masked_and_the_teacher_never_changes(
    folder: Path, tmp_path: Path, monkeypatch
):
    teachers, plain = [], Run.best_model
    monkeypatch.setattr(Run, "best_model", lambda run: teachers.append(run.teacher) or plain(run))
    start = predictors.load(folder)
    recipe = Recipe(objective="tm(masks=random, masked=2)", start=str(folder), batch_size=8, epochs=8)
    student = train(NOTES, recipe, tmp_path / "m")
    assert teachers[0].fingerprint == start.fingerprint == student.about["start"] != student.fingerprint
    assert change_when_masked(student) < 0.9 * change_when_masked(start)
    assert student.about["validation"]["map"] > 0.85


# One flag


class Killed(BaseException):
    """Stands for whatever ends a process."""


def test_without_a_start_the_teacher_is_trained_first_and_a_killed_run_goes_on_behind_it(tmp_path: Path):
    recipe = replace(RECIPE, objective="tm", epochs=2)
    undisturbed = train(NOTES, recipe, tmp_path / "undisturbed")
    events: list[Event] = []

    def dies(event: Event) -> None:
        events.append(event)
        if not event.teacher:
            raise Killed

    with pytest.raises(Killed):
        train(NOTES, recipe, tmp_path / "m", progress=dies)
    assert [event.teacher for event in events] == [True] * (len(events) - 1) + [False]
    assert (tmp_path / "m.teacher" / "pellucid.json").is_file()
    assert not (tmp_path / "m").exists()
    assert not state_folder(tmp_path / "m.teacher").exists()
    resumed: list[Event] = []
    student = train(NOTES, recipe, tmp_path / "m", progress=resumed.append)
    assert not any(event.teacher for event in resumed)
    assert student.fingerprint == undisturbed.fingerprint
    assert student.about["start"] == predictors.load(tmp_path / "m.teacher").fingerprint
    assert student.about["recipe"] == undisturbed.about["recipe"]
    finished = train(NOTES, recipe, tmp_path / "m", progress=lambda event: pytest.fail("a finished run must not train"))
    assert finished.fingerprint == student.fingerprint


@pytest.mark.parametrize("wrong", [{"masks": "some"}, {"distance": "l2"}, {"steps": 0}, {"steps": 2.5}, {"preserve": -1.0}])
def test_a_parameter_that_cannot_be_is_named(wrong):
    with pytest.raises(PellucidError, match=next(iter(wrong))):
        TokenMasking(**wrong)
