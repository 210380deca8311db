"""Finite differences as a check of a Jacobian: what autograd cannot see of itself, they see.

A branch that is detached, or a gradient that somebody wrote by hand, leaves both ways of products in agreement with each other,
and wrong.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.operator import Operator
from pellucid.jacobians.products import Backward

_TRIES = 8
_SMOOTH = 1e-7
"""Share of the slope by which it may bend between the two points beyond what is even in the step, and be no kink."""


def difference_gap(jacobian: Operator, step: float = 1e-6, seed: int = 0) -> float:
    """`|d - J v| / |J v|`, with d the central difference of the outputs along a random direction v.

    A difference across a kink (ReLU, max-pool) says nothing of the Jacobian at the point. So the slope along v is taken at both
    ends too: where the mean of the two is not the slope in the middle, a kink lies between, and another direction is drawn.
    To be asked in float64 with a step in [1e-6, 1e-5]; in float32 rounding alone gives 1e-2 and more, and kinks cannot be told
    from it. A larger step also sees what is flat in small pieces (rounding to grey levels), in a function that is straight
    otherwise.

    Args:
        step: length of a step for each number of the input, as a share of the input's root mean square (of 1 where that is 0).

    Returns:
        0 where neither the Jacobian nor the outputs know of the direction; inf where only the outputs do.

    Raises:
        PellucidError: the step is not above 0, or every direction that was tried crosses a kink.
    """
    if not step > 0:
        raise PellucidError(f"A step of {step} is none; give a number above 0, such as 1e-6.")
    at = jacobian.function.at
    size = float(at.double().square().mean().sqrt()) or 1.0
    generator = torch.Generator().manual_seed(seed)
    for _ in range(_TRIES):
        v = torch.randn(at.shape, generator=generator, dtype=torch.float64).to(at) * size
        if at.dtype != torch.float64 or _smooth(jacobian, v, step):
            return _gap(jacobian, v, step)
    raise PellucidError(f"Every direction crosses a kink within a step of {step:g}; take a smaller one.")


def _gap(jacobian: Operator, v: Tensor, step: float) -> float:
    at = jacobian.function.at
    ahead, behind = jacobian.function.value(torch.stack([at + step * v, at - step * v])).double()
    slope = jacobian.jvp(v).double()
    gap, size = float(((ahead - behind) / (2 * step) - slope).norm()), float(slope.norm())
    return gap / size if size > 0 else (0.0 if gap == 0 else float("inf"))


def _smooth(jacobian: Operator, v: Tensor, step: float) -> bool:
    """Whether the slope along v is the same on both sides but for what is odd in the step."""
    at = jacobian.function.at
    here, ahead, behind = (_rates(jacobian, at + shift * v) * v for shift in (0.0, step, -step))
    bend = (ahead + behind - 2 * here).flatten(1).sum(1).abs().max()
    return bool(bend <= _SMOOTH * here.flatten(1).sum(1).abs().max() + 1e-300)


def _rates(jacobian: Operator, at: Tensor) -> Tensor:
    """How two combinations of outputs depend on every number of the input, at another point."""
    there = Backward(replace(jacobian.function, at=at))
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn((2, jacobian.shape[0]), generator=generator, dtype=torch.float64).to(there.outputs)
    return there(mixed).double()
