"""Projected gradient descent: balls, the search, and what the loss at its end teaches."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_models import classifier, coder, fitted, linear_step, reached, step_of

from pellucid.errors import PellucidError
from pellucid.training.objectives import objective, pgd
from pellucid.training.objectives.balls import BALLS, Cube, Sphere
from pellucid.training.objectives.pgd import ProjectedGradientDescent, deviations

NORMS = ("linf", "l2")
radii = st.floats(1e-5, 10.0)


def size(norm: str, shift: torch.Tensor) -> torch.Tensor:
    """What the ball bounds, of every token."""
    return shift.abs().amax(-1) if norm == "linf" else shift.square().mean(-1).sqrt()


def loss_at(step, shift: torch.Tensor) -> float:
    with torch.no_grad():
        return float(step.loss(step.model.forward(step.batch, shift).logits))


# Balls


@pytest.mark.parametrize("norm", NORMS)
@settings(deadline=None)
@given(radius=radii, seed=st.integers(0, 99), stretch=st.floats(0.0, 5.0))
def test_what_is_projected_lies_in_the_ball_and_what_lies_in_it_stays(norm: str, radius: float, seed: int, stretch: float):
    torch.manual_seed(seed)
    ball, limit = BALLS[norm], torch.tensor([[radius], [0.0], [2 * radius]])[None]
    point = ball.project(torch.randn(1, 3, 4) * stretch * radius, limit)
    assert (size(norm, point) <= limit[..., 0] * (1 + 1e-6)).all()
    inside = ball.start(limit, 4)
    assert (size(norm, inside) <= limit[..., 0] * (1 + 1e-6)).all()
    torch.testing.assert_close(ball.project(inside, limit), inside)


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 99))
def test_no_point_of_the_ball_is_nearer_than_the_projection(norm: str, seed: int):
    torch.manual_seed(seed)
    ball, limit = BALLS[norm], torch.full((1, 1, 1), 0.5)
    point = torch.randn(1, 1, 3)
    others = ball.start(limit.expand(50, 1, 1), 3)
    nearest = (point - ball.project(point, limit)).norm()
    assert ((point - others).norm(dim=-1) >= nearest - 1e-6).all()


@pytest.mark.parametrize("norm", NORMS)
def test_starts_are_uniform_in_the_ball(norm: str):
    """The share of the ball within a share s of its radius is s^d."""
    torch.manual_seed(0)
    limit = torch.full((1, 4000, 1), 0.25)
    depth = (size(norm, BALLS[norm].start(limit, 3)) / 0.25) ** 3
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert float((depth < share).float().mean()) == pytest.approx(share, abs=0.03)


def test_directions_are_the_steepest_and_survive_tiny_gradients():
    gradient = torch.tensor([[[3.0, -4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [3e-30, -4e-30, 0.0, 0.0]]])
    assert torch.equal(Cube().climb(gradient)[0, 0], torch.tensor([1.0, -1.0, 0.0, 0.0]))
    directions = Sphere().climb(gradient)[0]
    torch.testing.assert_close(directions[0], torch.tensor([1.2, -1.6, 0.0, 0.0]))
    assert not directions[1].any()
    torch.testing.assert_close(directions[2], directions[0])


# The search


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=8, deadline=None)
@given(radius=st.floats(1e-4, 1.0), steps=st.integers(0, 3))
def test_the_shift_stays_in_its_ball_and_off_the_padding(norm: str, radius: float, steps: int):
    step = step_of(coder(layers=1))
    shift = ProjectedGradientDescent(radius, steps, norm).shift(step)
    clean = step.clean
    limit = radius * deviations(clean)[clean.case][:, None]
    assert (~clean.real).any()
    assert not shift[~clean.real].any()
    assert (size(norm, shift) <= limit * (1 + 1e-5)).all()
    assert shift[clean.real].any(-1).all()
    assert not shift.requires_grad


def test_the_radius_is_in_deviations_of_each_case_s_own_features():
    model = coder()
    step, clean = step_of(model), step_of(model).clean
    for index in range(4):
        rows = clean.features[clean.case == index][clean.real[clean.case == index]]
        assert float(deviations(step.clean)[index]) == pytest.approx(float(rows.detach().numpy().std()), rel=1e-5)
        alone = deviations(step_of(model, index).clean)
        torch.testing.assert_close(alone[0], deviations(step.clean)[index])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [coder, classifier])
def test_the_search_finds_worse_than_its_start_and_than_chance(make, norm: str):
    step = step_of(make())
    torch.manual_seed(5)
    start = ProjectedGradientDescent(0.1, 0, norm).shift(step)
    torch.manual_seed(5)
    found = ProjectedGradientDescent(0.1, 3, norm).shift(step)
    limit = 0.1 * deviations(step.clean)[step.clean.case][:, None, None] * step.clean.real[..., None]
    chance = [BALLS[norm].climb(torch.randn_like(found)) * limit for _ in range(20)]
    clean = loss_at(step, torch.zeros_like(found))
    worst = max(loss_at(step, shift) for shift in (start, *chance))
    assert loss_at(step, found) - clean > 3 * (worst - clean)


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_model_the_search_ends_at_the_worst_of_all(norm: str):
    """The loss of a case without labels is sum_c softplus(w_c x + b_c); where all w_c are alike, it is worst along w."""
    step = linear_step(exclusive=False)
    with torch.no_grad():
        step.model.module["head"].weight[:] = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0])
    step.truth = torch.zeros_like(step.truth)
    found = ProjectedGradientDescent(0.1, 5, norm).shift(step)
    limit = 0.1 * deviations(step.clean)[step.clean.case][:, None, None] * step.clean.real[..., None]
    worst = BALLS[norm].climb(step.model.module["head"].weight[:1].expand_as(found)) * limit
    clean, attacked, highest = (loss_at(step, shift) for shift in (torch.zeros_like(found), found, worst))
    assert attacked <= highest + 1e-6
    assert attacked - clean > 0.97 * (highest - clean)
    if norm == "linf":
        torch.testing.assert_close(found, worst)


@pytest.mark.parametrize("make", [coder, classifier])
def test_no_case_depends_on_its_batch_mates(make, monkeypatch: pytest.MonkeyPatch):
    class Centre(Sphere):
        def start(self, limit, width):
            return limit * torch.zeros(width)

    monkeypatch.setitem(pgd.BALLS, "l2", Centre())
    model, search = make(), ProjectedGradientDescent(0.1, 2, "l2")
    together = step_of(model)
    shift, case = search.shift(together), together.clean.case
    for index in range(4):
        torch.testing.assert_close(search.shift(step_of(model, index)), shift[case == index], rtol=1e-3, atol=1e-5)


def test_the_search_moves_nothing_but_the_shift():
    step = step_of(coder())
    before = {name: weight.clone() for name, weight in step.model.module.state_dict().items()}
    ProjectedGradientDescent().shift(step)
    assert all(p.grad is None for p in step.model.module.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in step.model.module.state_dict().items())


def test_the_search_is_without_dropout_and_the_loss_with_it():
    step = step_of(coder())
    modes = []
    step.model.module.decoder.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    ProjectedGradientDescent(steps=2)(step)
    assert modes == [True, False, False, True]  # clean, two steps, the loss


def test_modes_of_training_are_restored_even_after_an_error():
    step = step_of(coder())
    step.model.module.encoder.embeddings.eval()
    before = [module.training for module in step.model.module.modules()]
    plain = step.model.forward
    step.model.forward = lambda batch, shift=None: plain(batch) if shift is None else plain(batch, shift[:0, :3])
    with pytest.raises(RuntimeError):
        ProjectedGradientDescent()(step)
    assert [module.training for module in step.model.module.modules()] == before
    assert True in before
    assert False in before


def test_a_seed_decides_the_start_and_no_switch_is_left_behind():
    step, found = step_of(coder()), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(ProjectedGradientDescent(steps=1).shift(step))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    with torch.no_grad():
        ProjectedGradientDescent(steps=1).shift(step)
        assert not torch.is_grad_enabled()
    with torch.autocast("cpu", torch.bfloat16):
        ProjectedGradientDescent(steps=1).shift(step)
        assert torch.is_autocast_enabled("cpu")


# The loss


@pytest.mark.parametrize("exclusive", [False, True])
def test_it_is_the_loss_at_the_shift_for_either_kind_of_labels(exclusive: bool):
    step = linear_step(exclusive=exclusive)
    torch.manual_seed(0)
    shift = ProjectedGradientDescent(0.2).shift(step)
    torch.manual_seed(0)
    loss = float(ProjectedGradientDescent(0.2)(step).detach())
    assert loss == pytest.approx(loss_at(step, shift))
    assert loss > float(step.loss(step.clean.logits).detach())


@pytest.mark.parametrize("norm", NORMS)
def test_without_radius_it_is_the_clean_loss(norm: str):
    step = step_of(coder())
    clean = float(objective("bce")(step).detach())
    assert float(ProjectedGradientDescent(0.0, norm=norm)(step).detach()) == pytest.approx(clean, rel=1e-6)
    assert float(ProjectedGradientDescent(1e-6, norm=norm)(step).detach()) == pytest.approx(clean, rel=1e-4)


@pytest.mark.parametrize("make", [coder, partial(coder, "laat"), classifier])
def test_its_gradient_reaches_encoder_and_head(make):
    model = make()
    ProjectedGradientDescent()(step_of(model)).backward()
    assert all(reached(model).values()), reached(model)


def test_a_small_shift_is_not_lost_in_half_precision():
    """Rounding to bfloat16 moves the loss by more than the shift does; so nothing of it may be computed there."""
    model, search = coder(), ProjectedGradientDescent(1e-5)  # the published radius
    full = step_of(model)
    torch.manual_seed(0)
    effect = float(search(full).detach()) - float(full.loss(full.clean.logits).detach())
    with torch.autocast("cpu", torch.bfloat16):
        half = step_of(model)
        half.clean = full.clean  # the radius is the same to the bit
        torch.manual_seed(0)
        shift = search.shift(half)
        assert float(half.loss(model.forward(half.batch).logits).detach()) != float(full.loss(full.clean.logits).detach())
        rounded = loss_at(half, shift) - loss_at(half, torch.zeros_like(shift))
        torch.manual_seed(0)
        kept = float(search(half).detach()) - float(full.loss(full.clean.logits).detach())
    assert effect > 0
    assert kept == effect
    assert abs(rounded - effect) > 0.2 * effect


def test_a_model_trained_with_it_withstands_the_attack_and_learns_as_well():
    attacked = {}
    for text in ("bce", "bce + 0.5 * pgd(radius=0.1)"):
        step = step_of(fitted(text))
        assert loss_at(step, torch.zeros_like(step.clean.features)) < 0.05
        torch.manual_seed(0)
        attacked[text] = loss_at(step, ProjectedGradientDescent(0.1, 5).shift(step))
    assert attacked["bce + 0.5 * pgd(radius=0.1)"] < attacked["bce"] / 3


def test_what_is_no_parameter_is_refused_with_what_is_allowed():
    assert objective("pgd").name == "1 * bce + 0.5 * pgd"
    for settings_, remedy in (("radius=-1", "at least 0"), ("radius=nan", "at least 0"), ("steps=1.5", "whole number")):
        with pytest.raises(PellucidError, match=remedy):
            objective(f"pgd({settings_})")
    for settings_ in ("norm=l1", "steps=-1"):
        with pytest.raises(PellucidError, match="'pgd' has"):
            objective(f"pgd({settings_})")
