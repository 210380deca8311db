"""A function along a few directions: the same certificates, in steps of exposure, millivolts or milligrams a decilitre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function


def restricted(function: Function, directions: Float[Tensor, "k *S"], units: Sequence[str]) -> Function:
    """`a -> f(x + sum_i a_i d_i)`: k steps instead of all numbers of the input, at a = 0.

    With so few dimensions bounds are tight, and their unit is one that a person knows.

    Args:
        directions: what one step of each does to the input.
        units: what one step of each is ("exposure +5 %").

    Raises:
        PellucidError: directions do not have the shape of the input, or their number is not that of the units.
    """
    at = function.at
    if directions.shape[1:] != at.shape or len(directions) != len(units):
        raise PellucidError(
            f"{len(units)} steps along directions of shape {tuple(directions.shape)} do not fit an input of {tuple(at.shape)}."
        )
    steps = directions.to(at).detach()
    flat = steps.flatten(1)

    def call(amounts: Float[Tensor, "N k"]) -> Float[Tensor, "N m"]:
        return function((amounts @ flat).reshape(len(amounts), *at.shape) + at)

    return replace(function, call=call, at=at.new_zeros(len(units)), unit=tuple(units), predictor=None, case=None)
