"""An attack: a change of the input that was found to turn a decision, which bounds the true radius from above."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.certificates.base import Ball, Certificate
from pellucid.jacobians.function import Function

_STEPS = 100
_OVER = 1.02
_HALVINGS = 20


def attack(function: Function, ball: Ball = "l2", steps: int = _STEPS) -> list[Certificate]:
    """DeepFool (Moosavi-Dezfooli et al. 2016, Algorithm 1) for each decision, then halved back to the border on a line.

    Each step goes to where the decision would change if the model were linear there. Whatever the path, the change that is
    reported turns the decision when the model is run on it: the radius is never too small to be one. inf where none was found.

    Args:
        ball: the norm in which steps are shortest, and in which the radius is measured.
        steps: at most so many steps, each one forward and one backward pass.
    """
    found = [_radius(function, k, ball, steps) for k in range(len(function.outputs))]
    said = [
        "a change that turns it was found" if radius < math.inf else f"no change was found in {steps} steps" for radius in found
    ]
    return [
        Certificate("DeepFool", name, radius, ball, "upper bound", note)
        for name, radius, note in zip(function.outputs, found, said, strict=True)
    ]


def _radius(function: Function, decision: int, ball: Ball, steps: int) -> float:
    change = _turning(function, decision, ball, steps)
    if change is None:
        return math.inf
    low, high = 0.0, 1.0  # the decision stands at low, and has turned at high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _turned(function, decision, middle * change) else (middle, high)
    size = change.norm() if ball == "l2" else change.abs().max()
    return high * float(size)


def _turning(function: Function, decision: int, ball: Ball, steps: int) -> Float[Tensor, "*S"] | None:
    change = torch.zeros_like(function.at)
    for _ in range(steps):
        margin, gradient = _slope(function, decision, change)
        if margin <= 0:
            return change
        slope = float(gradient.norm() if ball == "l2" else gradient.abs().sum())
        if not slope > 0 or not math.isfinite(slope):
            return None
        step = gradient * (margin / slope**2) if ball == "l2" else gradient.sign() * (margin / slope)
        change = change - _OVER * step
    return change if _turned(function, decision, change) else None


def _slope(function: Function, decision: int, change: Tensor) -> tuple[float, Tensor]:
    at = (function.at + change).detach().requires_grad_()
    with torch.enable_grad():
        margin = function(at[None])[0, decision]
    return float(margin.detach()), torch.autograd.grad(margin, at)[0].detach()


def _turned(function: Function, decision: int, change: Tensor) -> bool:
    return float(function.value((function.at + change)[None])[0, decision]) <= 0
