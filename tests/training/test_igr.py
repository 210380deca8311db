"""Input gradient regularisation: the formula, what it does not depend on, and what it brings about."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from open_models import classifier, coder, fitted, linear_step, reached, step_of
from toy_notes import ToyNotes

from pellucid.errors import PellucidError
from pellucid.registry import objectives
from pellucid.training import Recipe, train
from pellucid.training.objectives import objective
from pellucid.training.objectives.igr import InputGradients


def value(step, **settings) -> float:
    return float(InputGradients(**settings)(step).detach())


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("norm", ["case", "token"])
def test_the_penalty_of_a_linear_model_is_the_formula_and_so_is_its_gradient(exclusive: bool, norm: str):
    step = linear_step(exclusive=exclusive)
    head = step.model.module["head"]
    penalty = InputGradients(norm=norm)(step)
    penalty.backward()
    found, head.weight.grad = head.weight.grad, None
    # d L_b / d x_i = (p - y) W / T (and over C, where labels are averaged) for every one of the T tokens of case b
    logits = step.model.forward(step.batch).logits
    p = torch.softmax(logits, -1) if exclusive else torch.sigmoid(logits)
    tokens = torch.tensor([8.0, 4.0])
    slope = (p - step.truth) / (1 if exclusive else 3)  # of the mean over labels
    row = (slope @ head.weight / tokens[:, None]).square().sum(-1).sqrt()
    expected = (row * (tokens.sqrt() if norm == "case" else tokens)).mean()
    expected.backward()
    assert float(penalty.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    torch.testing.assert_close(found, head.weight.grad)


@pytest.mark.parametrize("norm", ["case", "token"])
def test_the_gradient_is_that_of_finite_differences(norm: str):
    model = coder()
    weights = [p for p in model.module.parameters() if p.requires_grad]
    InputGradients(norm=norm)(step_of(model, twice=True)).backward()
    torch.manual_seed(3)
    directions = [torch.randn_like(w) for w in weights]
    expected = sum(float((w.grad * d).sum()) for w, d in zip(weights, directions, strict=True) if w.grad is not None)
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight += sign * 1e-3 * direction
        ends.append(value(step_of(model, twice=True), norm=norm))
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight -= sign * 1e-3 * direction
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("norm", ["case", "token"])
@pytest.mark.parametrize("make", [coder, partial(coder, "laat"), classifier])
def test_its_gradient_reaches_encoder_and_head(make, norm: str):
    model = make()
    InputGradients(norm=norm)(step_of(model, twice=True)).backward()
    assert all(reached(model).values()), reached(model)


@pytest.mark.parametrize("norm", ["case", "token"])
@pytest.mark.parametrize("make", [coder, classifier])
def test_neither_batch_mates_nor_padding_change_the_penalty_of_a_case(make, norm: str):
    model = make()
    alone = [value(step_of(model, i, twice=True), norm=norm) for i in range(4)]
    assert step_of(model).clean.case.bincount().unique().numel() > 1, "the notes differ in length"
    assert value(step_of(model, twice=True), norm=norm) == pytest.approx(sum(alone) / 4, rel=1e-4)


def test_one_weight_suits_few_labels_and_many():
    """Labels of which the model is sure dilute penalty and loss alike, so that what is traded stays the same."""
    few, many = step_of(coder("laat"), twice=True), step_of(coder("laat"), twice=True)
    decoder = many.model.module.decoder
    with torch.no_grad():
        for weight in (decoder.second, decoder.weight, decoder.bias):
            weight.data = torch.cat([weight, weight])
        decoder.bias[4:] = -30.0
    many.model.labels = (*many.model.labels, *(f"rare{i}" for i in range(4)))
    many.truth = torch.cat([many.truth, torch.zeros_like(many.truth)], 1)
    losses = [float(step.loss(step.clean.logits).detach()) for step in (few, many)]
    assert value(many) / value(few) == pytest.approx(losses[1] / losses[0], rel=1e-4)


@pytest.mark.parametrize("norm", ["case", "token"])
def test_it_foretells_how_far_the_loss_rises_at_the_worst_small_shift(norm: str):
    model = coder()
    step = step_of(model, 0, twice=True)
    (gradient,) = torch.autograd.grad(step.loss(step.clean.logits), step.clean.features, retain_graph=True)
    length = 1e-2
    shift = length * (gradient / gradient.norm() if norm == "case" else torch.nn.functional.normalize(gradient, dim=-1))
    rise = float((step.loss(model.forward(step.batch, shift).logits) - step.loss(step.clean.logits)).detach())
    assert rise == pytest.approx(length * value(step, norm=norm), rel=0.1)


def test_a_case_without_any_gradient_costs_nothing_and_breaks_nothing():
    step = linear_step(exclusive=False)
    with torch.no_grad():
        step.model.module["head"].bias[:] = torch.tensor([-200.0, -200.0, -200.0])
    step.truth = torch.zeros_like(step.truth)
    loss = InputGradients()(step)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert all(bool(p.grad.isfinite().all()) for p in step.model.module.parameters() if p.grad is not None)


def test_the_shared_pass_is_made_once_and_without_fused_attention():
    model, fused = coder(), []
    plain = model.forward
    model.forward = lambda *given: fused.append(torch.backends.cuda.flash_sdp_enabled()) or plain(*given)
    for text, expected in (("bce", [True]), ("bce + igr", [False]), ("igr + bce", [False])):
        fused.clear()
        minimised = objective(text)
        minimised(step_of(model, twice=minimised.twice)).backward()
        assert fused == expected
    assert torch.backends.cuda.flash_sdp_enabled(), "the switch is left as it was"


def test_it_is_close_to_itself_in_half_precision():
    model = coder()
    full = value(step_of(model, twice=True))
    with torch.autocast("cpu", torch.bfloat16):
        loss = InputGradients()(step_of(model, twice=True))
    loss.backward()
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(full, rel=0.05)
    assert all(reached(model).values())


def test_it_falls_when_it_is_minimised():
    model = coder()
    optimiser = torch.optim.Adam(model.module.parameters(), lr=1e-3)
    before = value(step_of(model, twice=True))
    for _ in range(20):
        optimiser.zero_grad()
        InputGradients()(step_of(model, twice=True)).backward()
        optimiser.step()
    assert value(step_of(model, twice=True)) < before / 2


def test_a_model_trained_with_it_has_smaller_input_gradients_and_learns_as_well():
    steepness = {}
    for text in ("bce", "bce + 0.4 * igr"):
        step = step_of(fitted(text), twice=True)
        assert float(step.loss(step.clean.logits).detach()) < 0.05
        steepness[text] = value(step)
    assert steepness["bce + 0.4 * igr"] < steepness["bce"] / 3


def test_it_trains_in_a_run_as_one_of_several(tmp_path: Path):
    """Together with an objective that has passes of its own; in parts of a batch."""
    recipe = Recipe(chunk=32, epochs=1, batch_size=8, micro_batch_size=3, objective="bce + 0.1 * igr + 0.5 * pgd(steps=1)")
    model = train(ToyNotes(20), recipe, tmp_path / "m")
    assert model.about["objective"]["minimised"] == "1 * bce + 0.1 * igr + 0.5 * pgd(steps=1)"


def test_a_run_computes_few_cases_at_once_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Large graphs of gradients cost more in memory than in arithmetic."""
    plain, sizes = InputGradients.__call__, []

    def seen(self, step):
        sizes.append(len(step.truth))
        return plain(self, step)

    monkeypatch.setattr(InputGradients, "__call__", seen)
    recipe = Recipe(chunk=32, epochs=1, batch_size=8, objective="igr")
    train(ToyNotes(20), recipe, tmp_path / "m")
    train(ToyNotes(20), replace(recipe, micro_batch_size=8), tmp_path / "n")
    assert sizes == [4, 4, 4, 4, 8, 8]


def test_it_is_added_to_bce_with_its_own_weight():
    made = objectives.create("igr")
    assert objective("igr").name == f"1 * bce + {made.weight:g} * igr"
    assert objective("0.3 * igr(norm=token)").name == "1 * bce + 0.3 * igr(norm=token)"
    with pytest.raises(PellucidError, match="case or token"):
        objective("igr(norm=l1)")
