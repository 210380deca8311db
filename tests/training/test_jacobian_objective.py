"""Jacobian regularisation: the formula, what it does not depend on, and what it brings about."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from open_models import classifier, coder, linear_step, reached, step_of
from torch import nn

from pellucid.errors import PellucidError
from pellucid.predictors.forward import Forward
from pellucid.training.objectives import objective
from pellucid.training.objectives.jacobian import JacobianNorm
from pellucid.training.step import Step


def drawn(cases: int, labels: int, seed: int = 5) -> torch.Tensor:
    """The directions that the objective draws after this seed."""
    torch.manual_seed(seed)
    u = torch.randn(cases, labels)
    torch.manual_seed(seed)
    return u / u.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_penalty_of_a_linear_model_is_the_formula_and_so_is_its_gradient(exclusive: bool):
    step = linear_step(exclusive=exclusive)
    head = step.model.module["head"]
    u = drawn(2, 3)
    penalty = JacobianNorm()(step)
    penalty.backward()
    found, head.weight.grad = head.weight.grad, None
    # d u.f / d x_i = W^T u / T for each of T tokens, so ||J^T u||^2 = ||W^T u||^2 / T, times T * 5 values
    expected = ((u @ head.weight).square().sum(-1) * 5).mean()
    expected.backward()
    assert float(penalty.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    torch.testing.assert_close(found, head.weight.grad)


def test_its_mean_over_draws_is_the_mean_over_labels_of_squared_gradients():
    step = linear_step(exclusive=False)
    torch.manual_seed(0)
    values = [float(JacobianNorm()(Step(step.model, step.batch, step.truth)).detach()) for _ in range(3000)]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values)) / math.sqrt(len(values))
    expected = float(step.model.module["head"].weight.square().sum().detach()) / 3 * 5
    assert abs(mean - expected) < 4 * spread


@pytest.mark.parametrize("make", [coder, classifier])
def test_its_gradient_reaches_encoder_and_head(make):
    model = make()
    JacobianNorm()(step_of(model, twice=True)).backward()
    assert all(reached(model).values()), reached(model)


def test_the_gradient_is_that_of_finite_differences():
    model = coder()
    weights = [p for p in model.module.parameters() if p.requires_grad]

    def value() -> torch.Tensor:
        torch.manual_seed(5)
        return JacobianNorm()(step_of(model, twice=True))

    value().backward()
    torch.manual_seed(3)
    directions = [torch.randn_like(w) for w in weights]
    expected = sum(float((w.grad * d).sum()) for w, d in zip(weights, directions, strict=True) if w.grad is not None)
    ends = []
    for sign in (1, -2):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight += sign * 1e-3 * direction
        ends.append(float(value().detach()))
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(expected, rel=0.02)


class Picture:
    """A network that averages shades over the quarters of an image, whatever its size."""

    device = torch.device("cpu")
    exclusive = False

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.module = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, pixels: torch.Tensor) -> Forward:
        rows = pixels.flatten(1)[..., None].requires_grad_()
        logits = self.module(rows.view_as(pixels))
        return Forward(logits, rows, torch.ones(rows.shape[:2], dtype=torch.bool), torch.arange(len(rows)))


def test_the_same_picture_at_twice_the_resolution_has_the_same_penalty():
    small = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    large = small.repeat_interleave(2, -1).repeat_interleave(2, -2)
    found = []
    for pixels in (small, large):
        torch.manual_seed(5)
        step = SimpleNamespace(model=Picture(), clean=Picture().forward(pixels))
        found.append(float(JacobianNorm()(step).detach()))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_it_is_listed_joins_sums_and_needs_gradients_of_the_features():
    assert objective("jacobian").name == "1 * bce + 0.0001 * jacobian"
    assert objective("jacobian").twice
    clean = Forward(
        torch.zeros(1, 2), torch.zeros(1, 3, 1), torch.ones(1, 3, dtype=torch.bool), torch.zeros(1, dtype=torch.long)
    )
    with pytest.raises(PellucidError, match="without frozen_layers"):
        JacobianNorm()(SimpleNamespace(model=Picture(), clean=clean))
