"""Directions held against a Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.directions.base import Direction
from pellucid.jacobians.directions.collecting import collected, numbered
from pellucid.jacobians.directions.table import DirectionTable
from pellucid.jacobians.operator import Operator

if TYPE_CHECKING:
    from pellucid.datasets.derived import Derived

_ROUNDING = 64  # units in the last place


def tabulated(
    jacobian: Operator,
    names: Sequence[str] | None = None,
    *,
    own: Sequence[Direction] = (),
    window: tuple[float, float] | None = None,
    derived: Sequence[Derived] | None = None,
    verify: bool = True,
) -> DirectionTable:
    """What happens to each output for one step in each direction.

    Cost: where outputs are fewer than directions, one way back an output, else one way forth a direction; with `verify` one
    forward pass a direction more.

    Args:
        names: families, groups or single directions; None for all that the case offers, () for none but your own.
        own: directions of your own, which stand behind.
        window: Hounsfield units (centre, width) that black to white of an image stand for.
        derived: how measurements of a row follow from others; None for what its data set says.
        verify: take the step along the true path too, and say where the prediction misses it by more than 10 %.

    Raises:
        PellucidError: there is no direction at all, one does not have the shape of the input, or the function is that of no
            model and case and `names` is not ().
        UnknownNameError: there is no such family, group or direction.
    """
    known = jacobian.function.case is not None
    found = collected(jacobian.function, names, window=window, derived=derived) if names or (names is None and known) else None
    directions = numbered([*(found.directions if found else ()), *own])
    if not directions:
        raise PellucidError("There is no direction to go; the case offers none, so give directions of your own.")
    outputs = jacobian.value.double().cpu().numpy()
    least = _ROUNDING * torch.finfo(jacobian.function.at.dtype).eps * np.maximum(np.abs(outputs), 1)
    change, truth = changes(jacobian, directions), truths(jacobian, directions) if verify else None
    skipped = found.skipped if found else ()
    return DirectionTable(directions, jacobian.outputs, jacobian.function.output, change, truth, least, skipped, jacobian.notes)


def changes(jacobian: Operator, directions: Sequence[Direction]) -> Float[np.ndarray, "k m"]:
    """`J d` of every direction: by rows where outputs are fewer than directions, else by columns; float64.

    Raises:
        PellucidError: a tangent does not have the shape of the input.
    """
    at = jacobian.function.at
    wrong = [d for d in directions if d.tangent.shape != at.shape]
    if wrong:
        raise PellucidError(
            f"The tangent of {wrong[0].name!r} has the shape {tuple(wrong[0].tangent.shape)}, and the input {tuple(at.shape)}."
        )
    if jacobian.shape[0] > len(directions):
        found = [jacobian.jvp(_stacked(part)).double().cpu() for part in _parts(directions, jacobian.chunk)]
        return torch.cat(found).numpy()
    tangents = _stacked(directions).flatten(1).double()
    rows = [block.flatten(1).double().cpu() @ tangents.T for block in jacobian.blocks()]
    return torch.cat(rows).T.numpy()


@torch.no_grad()
def truths(jacobian: Operator, directions: Sequence[Direction], steps: float = 1.0) -> Float[np.ndarray, "k m"]:
    """By how much the outputs differ after so many steps along the true path; float64."""
    function = jacobian.function
    before = function.value().double().cpu()
    found = []
    for part in _parts(directions, jacobian.chunk):
        versions = torch.stack([d.at(steps) for d in part]).to(function.at)
        found.append(function.value(versions).double().cpu() - before)
    return torch.cat(found).numpy()


def _stacked(directions: Sequence[Direction]) -> Tensor:
    return torch.stack([direction.tangent for direction in directions])


def _parts(directions: Sequence[Direction], size: int) -> list[Sequence[Direction]]:
    return [directions[i : i + size] for i in range(0, len(directions), size)]
