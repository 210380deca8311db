"""ReLUs made round, so that what happens across their kinks shows in second derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch.nn.functional as nnf
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.precision_copies import copied


class Round(nn.Module):
    """A ReLU whose kinks are softplus: log(1 + exp(beta x)) / beta.

    Args:
        slope: below the kink (a leaky ReLU).
        most: where it ends (ReLU6).
    """

    def __init__(self, beta: float, slope: float = 0.0, most: float | None = None) -> None:
        super().__init__()
        self.beta, self.slope, self.most = beta, slope, most

    def forward(self, x: Tensor) -> Tensor:
        risen = (1 - self.slope) * nnf.softplus(x, self.beta) + self.slope * x
        return risen if self.most is None else risen - nnf.softplus(x - self.most, self.beta)


def smoothed(function: Function, beta: float) -> Function:
    """The same function of a copy of its network with every ReLU, ReLU6 and leaky ReLU made round.

    ReLUs that a network calls as functions stay as they are.

    Raises:
        PellucidError: beta is not above 0, no copy can be made, or no layer of the network is a ReLU.
    """
    if not beta > 0:
        raise PellucidError(f"A sharpness of {beta:g} is none; give a number above 0.")
    swapped: list[str] = []
    made = copied(function, lambda thing: swapped.extend(_swap(thing, beta)))
    if not swapped:
        raise PellucidError("No layer of the network is a ReLU that could be smoothed (those called as functions cannot).")
    note = (
        f"{len(swapped)} ReLU layers of a copy were smoothed (softplus, beta {beta:g}): values and derivatives are the copy's."
    )
    return replace(made, notes=(*made.notes, note))


def _swap(thing: Any, beta: float) -> list[str]:
    module: nn.Module = thing if isinstance(thing, nn.Module) else thing.module
    everywhere = module.named_modules(remove_duplicate=False)  # one ReLU may stand at several places
    found = [(name, part) for name, part in everywhere if name and isinstance(part, _ROUNDED)]
    for name, part in found:
        module.set_submodule(name, _round(part, beta).eval())
    return [name for name, _ in found]


_ROUNDED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU)


def _round(part: nn.Module, beta: float) -> Round:
    if isinstance(part, nn.LeakyReLU):
        return Round(beta, slope=part.negative_slope)
    return Round(beta, most=6.0 if isinstance(part, nn.ReLU6) else None)
