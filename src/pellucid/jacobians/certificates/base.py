"""What a certificate says, and the decisions that certificates are about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function, of_model

Status = Literal["sound", "sound with confidence", "upper bound", "estimate"]
Ball = Literal["l2", "linf"]

_OF_LABELS = ("logits", "probabilities", "margins", "targets", "embedding")
"""Outputs by which a model decides about labels, from the same input."""


@dataclass(frozen=True)
class Certificate:
    """One bound on how far the input may move before a decision changes.

    Attributes:
        method: what gave it.
        decision: which decision ("pneumothorax - threshold", "melanoma - nevus").
        radius: in the unit of the input, or of the steps it was taken in; inf where no change of any size turns it, or none
            was found; 0 where nothing is certified.
        ball: "l2" (Euclidean length of the whole change) or "linf" (the largest change of one number).
        status: how far it may be relied on.
        note: what else to know: of which model it speaks, why there is none.
    """

    method: str
    decision: str
    radius: float
    ball: Ball
    status: Status
    note: str = ""

    def text(self, unit: str = "") -> str:
        """One line."""
        kind = "Euclidean" if self.ball == "l2" else "per number"
        said = f"{self.decision}: {self.radius:.3g} {unit}".rstrip() + f" ({kind}; {self.method}; {self.status})"
        return f"{said}. {self.note}" if self.note else said


def decisions(function: Function) -> Function:
    """The function whose outputs are what is left until a decision changes: positive as long as it stands.

    Of a model with labels that exclude each other: the logit of the most probable one less each other. Else: each label's
    logit less that of the threshold, with its sign turned where the label is not assigned. Of a network of which no more is
    known, and of a heat-map: its greatest output less each other; of a single output, its sign.

    Raises:
        PellucidError: an output is exactly on the border, or there is none, so that there is no decision.
    """
    if not function.outputs:
        raise PellucidError("The function has no outputs, and decides nothing; ask for one label or more.")
    margins = _margins(function)
    values = margins.value()[0]
    if bool((values == 0).any()):
        name = margins.outputs[int((values == 0).nonzero()[0])]
        raise PellucidError(f"The decision {name!r} stands exactly on its border, where there is no room to certify.")
    signs = torch.sign(values)
    call = margins.call
    return replace(margins, call=lambda versions: call(versions) * signs, output="decisions")


def _margins(function: Function) -> Function:
    if function.predictor is not None and function.case is not None and function.output in _OF_LABELS:
        return of_model(function.predictor, function.case, output="margins")
    values = function.value()[0]
    if len(values) == 1:
        return function
    best = int(values.argmax())
    rest = [k for k in range(len(values)) if k != best]
    names = tuple(f"{function.outputs[best]} - {function.outputs[k]}" for k in rest)

    def call(versions: Float[Tensor, "N *S"]) -> Float[Tensor, "N k"]:
        found = function(versions)
        return found[:, best : best + 1] - found[:, rest]

    return replace(function, call=call, outputs=names)


def dual(rows: Float[Tensor, "k *S"], ball: Ball) -> Float[Tensor, " k"]:
    """The norm of gradients that bounds what a change of length 1 in the ball does: l2 for l2, l1 for linf."""
    flat = rows.flatten(1).double()
    return flat.norm(dim=1) if ball == "l2" else flat.abs().sum(1)


def largest_radius(stands: Callable[[float], bool], start: float, doublings: int = 40, halvings: int = 14) -> float:
    """The largest radius that is known to stand, by bisection; inf where all that were tried do, 0 where none does.

    The radius itself was tried, so that it stands whether or not all smaller ones are found to.

    Args:
        stands: whether a decision is certified at a radius.
        start: the first radius to try; doubled as long as it stands, or halved until it does.
        doublings: at most, either way.
        halvings: of the bracket that is left, from a factor of 2.
    """
    upwards = stands(start)
    for step in range(1, doublings + 1):
        radius = start * 2.0 ** (step if upwards else -step)
        if stands(radius) != upwards:
            break
    else:
        return math.inf if upwards else 0.0
    low = radius / 2 if upwards else radius
    high = 2 * low
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (middle, high) if stands(middle) else (low, middle)
    return low


def first_step(function: Function) -> float:
    """A small change of the input, a thousandth of its numbers."""
    return float(function.at.abs().mean()) * 1e-3 or 1e-3
