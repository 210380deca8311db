"""Facts about the parts of the loop: recipe, batches, schedule, optimiser, switches, objectives."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from open_models import classifier, coder, step_of
from toy_notes import ToyNotes

from pellucid.errors import PellucidError, UnknownNameError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import objectives
from pellucid.training import Recipe, optimiser
from pellucid.training.batches import epoch_batches
from pellucid.training.objectives import objective
from pellucid.training.objectives.balls import Cube
from pellucid.training.optimiser import rate_factor
from pellucid.training.reproducible import reproducible
from pellucid.training.run import true_labels
from pellucid.training.state import Position
from pellucid.training.step import Step


@pytest.fixture(scope="module")
def model() -> PlmCa:
    notes = ToyNotes(8)
    encoder, tokenizer = encoder_and_tokenizer("tiny", texts=[case.text for case in notes], seed=0)
    return PlmCa.build(encoder, tokenizer, notes.labels, chunk=32, generator=torch.Generator().manual_seed(0))


# Recipe


def test_a_recipe_travels_as_json():
    recipe = Recipe(encoder="minilm", learning_rate=1e-4, clip=None, seed=7)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_json({"seed": 3}) == Recipe(seed=3)


def test_an_unknown_field_of_a_recipe_is_named():
    with pytest.raises(PellucidError, match="no field 'lr'"):
        Recipe.from_json({"lr": 1})


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"warmup": 1.0},
        {"learning_rate": 0.0},
        {"learning_rate": math.inf},
        {"weight_decay": math.nan},
        {"precision": "fp8"},
        {"seed": -1},
        {"seed": 2**64},
        {"dropout": 1.0},
        {"encoder": ""},
        {"text_encoder": ""},
        {"keep": "first"},
    ],
)
def test_a_value_that_cannot_be_is_named(wrong):
    with pytest.raises(PellucidError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_learning_rates_follow_the_encoder_unless_given():
    assert Recipe(encoder="minilm").rates == (5e-5, 5e-5)
    assert min(Recipe(encoder="tiny").rates) > 5e-5
    assert Recipe(learning_rate=0.5).rates == (0.5, 0.5)
    assert Recipe(learning_rate=0.5, encoder_learning_rate=0.25).rates == (0.25, 0.5)


def test_each_tower_is_learnt_at_the_rate_that_suits_it():
    """The encoder of an image-text model is that of text; that of images is learnt with the head."""
    both = Recipe(model="image_text", encoder="tiny", text_encoder="tiny").rates
    assert Recipe(model="image_text", encoder="tiny", text_encoder="minilm").rates == (5e-5, both[1])
    assert Recipe(model="image_text", encoder="efficientnet_lite0", text_encoder="tiny").rates == (both[0], 3e-4)


# Batches


@given(st.lists(st.integers(1, 6000), min_size=1, max_size=80), st.integers(1, 20), st.integers(0, 5), st.integers(0, 5))
def test_every_case_is_seen_once_an_epoch(lengths, size, seed, epoch):
    batches = epoch_batches(np.array(lengths), size, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert max(len(b) for b in batches) <= size


def test_batch_mates_are_of_like_length():
    lengths = np.random.default_rng(0).integers(50, 6000, 640)
    padded = sum(lengths[b].max() * len(b) for b in epoch_batches(lengths, 16, 0, 0))
    assert padded < 1.25 * lengths.sum()


def test_batches_are_the_same_for_a_seed_and_change_from_epoch_to_epoch():
    lengths = np.full(64, 500)
    first, again, other = (epoch_batches(lengths, 8, 1, epoch) for epoch in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {frozenset(b.tolist()) for b in first} != {frozenset(b.tolist()) for b in other}


# Schedule and optimiser


@given(st.integers(1, 300), st.floats(0, 0.99))
def test_the_rate_rises_over_the_warmup_and_falls_to_the_very_last_step(steps, warmup):
    factors = np.array([rate_factor(step, steps, warmup) for step in range(steps)])
    peak = int(np.ceil(warmup * steps))
    assert (factors > 0).all()
    assert (factors <= 1).all()
    assert (np.diff(factors[:peak]) > 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
    assert factors.max() == 1
    if peak < steps:
        assert factors[-1] == pytest.approx(1 / (steps - peak))


def test_weight_decay_spares_biases_and_norms_and_each_part_has_its_rate(model):
    groups = optimiser.build(model, Recipe(weight_decay=0.1, learning_rate=1e-2, encoder_learning_rate=1e-4)).param_groups
    assert sum(p.numel() for g in groups for p in g["params"]) == sum(p.numel() for p in model.module.parameters())
    assert all((g["weight_decay"] == 0.1) == (p.ndim > 1) for g in groups for p in g["params"])
    queries = next(g for g in groups if any(p is model.module.decoder.queries for p in g["params"]))
    words = model.module.encoder.embeddings.word_embeddings.weight
    embeddings = next(g for g in groups if any(p is words for p in g["params"]))
    assert (queries["peak"], embeddings["peak"]) == (1e-2, 1e-4)


# Switches


def _interrupted() -> None:
    with reproducible(5, torch.device("cpu")):
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
        raise KeyboardInterrupt


def test_generators_and_switches_are_restored_even_after_an_exception():
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True
    fill, environment, generator = torch.utils.deterministic.fill_uninitialized_memory, dict(os.environ), torch.get_rng_state()
    try:
        with pytest.raises(KeyboardInterrupt):
            _interrupted()
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.benchmark
        assert torch.utils.deterministic.fill_uninitialized_memory == fill
        assert dict(os.environ) == environment
        assert torch.equal(torch.get_rng_state(), generator)
    finally:
        torch.backends.cudnn.benchmark = False


def test_the_seed_decides_what_is_drawn_inside():
    drawn = []
    for seed in (1, 1, 2):
        with reproducible(seed, torch.device("cpu")):
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


# Objectives


def test_bce_is_the_mean_over_cases_and_labels(model):
    cases = ToyNotes(8).cases[:3]
    truth = torch.from_numpy(true_labels(cases, model.labels)).float()
    batch = model.encode(cases)
    p = torch.sigmoid(model.forward(batch).logits.double())
    expected = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
    assert float(objective("bce")(Step(model, batch, truth)).detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


def test_objectives_add_up_with_their_weights(model):
    cases = ToyNotes(8).cases[:3]
    truth, batch = torch.from_numpy(true_labels(cases, model.labels)).float(), model.encode(cases)
    one, both = objective("bce"), objective("bce + 0.5 * bce")
    step = Step(model, batch, truth)
    assert float(both(step).detach()) == pytest.approx(1.5 * float(one(step).detach()), rel=1e-6)
    assert both.name == "1 * bce + 0.5 * bce"


@pytest.mark.parametrize("text", ["bec", "bce + ", "x * bce", "2 ** bce", "-1 * bce", "0 * bce", "nan * bce", "bce(", "bce(2)"])
def test_what_is_no_objective_is_refused_with_a_remedy(text):
    with pytest.raises(PellucidError, match="objective"):
        objective(text)
    with pytest.raises(UnknownNameError, match="bce"):
        objective("bec")


def test_plus_signs_of_exponents_and_parameters_do_not_part_terms():
    assert objective("1e+2 * bce+1e-1*bce").name == "100 * bce + 0.1 * bce"


@pytest.mark.parametrize(
    ("text", "make"),
    [(text, coder) for text in ("bce", "igr", "igr(norm=token)", "pgd", "tm(masks=learned)", "evidence")]
    + [(text, classifier) for text in ("bce", "igr", "pgd", "tm(masks=learned)")],
)
def test_the_loss_of_a_batch_and_its_gradient_are_the_same_in_parts_of_any_size(text, make, monkeypatch):
    monkeypatch.setattr(Cube, "start", lambda self, limit, width: limit.expand(-1, -1, width) * 0.5)
    model, minimised = make(), objective(text)

    def learnt(*parts: tuple[int, ...]) -> tuple[float, torch.Tensor]:
        model.module.zero_grad()
        total = 0.0
        for indices in parts:
            step = replace(step_of(model, *indices, twice=minimised.twice), teacher=model)
            loss = minimised(step) * (len(indices) / 5)
            loss.backward()
            total += float(loss.detach())
        return total, torch.cat([p.grad.flatten() for p in model.parts()["encoder"].parameters() if p.grad is not None])

    whole, gradient = learnt((0, 1, 2, 3, 4))
    for parts in (((0, 1, 2), (3, 4)), ((0,), (1,), (2,), (3,), (4,))):
        loss, other = learnt(*parts)
        assert loss == pytest.approx(whole, rel=1e-3)
        assert float((other - gradient).norm()) < 0.01 * float(gradient.norm())


def test_objectives_state_their_facts():
    for name in objectives:
        made = objectives.create(name)
        assert made.name == name
        assert made.cites


# Position


def history(*scores: float) -> Position:
    rows = [{"epoch": i + 1, "loss": 0.0, "validation_map": score} for i, score in enumerate(scores)]
    return Position(len(rows), history=rows)


def test_patience_counts_epochs_since_the_first_best():
    assert history(0.5, 0.7, 0.7, 0.6).best_epoch == 2
    assert not history(0.5, 0.7, 0.7, 0.6).finished(epochs=20, patience=3)
    assert history(0.5, 0.7, 0.7, 0.6, 0.6).finished(epochs=20, patience=3)
    assert history(0.1, 0.2).finished(epochs=2, patience=3)
    assert not Position().finished(epochs=1, patience=1)
