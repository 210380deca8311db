"""The radius to first order, and the radius inside which a network of kinks is exactly linear."""

from __future__ import annotations

import torch

from pellucid.errors import PellucidError
from pellucid.jacobians.certificates.base import Ball, Certificate, dual
from pellucid.jacobians.function import Function
from pellucid.jacobians.kinks import affine_radius
from pellucid.jacobians.operator import Operator


def first_order(function: Function, ball: Ball = "l2") -> list[Certificate]:
    """`margin / |gradient of the margin|` in the dual norm: where the decision would change if the model were linear.

    Only an estimate: the true border may be nearer or farther. One Jacobian of the decisions.
    """
    return [
        Certificate("first order", name, radius, ball, "estimate", "the model as if it were linear")
        for name, radius in zip(function.outputs, _radii(function, ball), strict=True)
    ]


MOST_NUMBERS = 4096
"""Numbers of the input, each of which costs a column."""


def affine_region(function: Function) -> list[Certificate]:
    """`min(distance to the nearest kink, first-order radius)`: inside it the network is exactly linear, so this is sound.

    But for rounding: take float64 where that matters. Very small in networks with many units.

    Raises:
        PellucidError: the network has smooth activations, and is linear nowhere; or the input has more than
            :data:`MOST_NUMBERS` numbers.
    """
    if function.at.numel() > MOST_NUMBERS:
        raise PellucidError(
            f"The nearest kink in all directions of {function.at.numel():,} numbers takes too long (at most {MOST_NUMBERS:,}); "
            "restrict the function to a few directions."
        )
    kink = affine_radius(function).radius
    note = f"the network is linear up to {kink:.3g}, but for rounding"
    return [
        Certificate("affine region", name, min(kink, radius), "l2", "sound", note)
        for name, radius in zip(function.outputs, _radii(function, "l2"), strict=True)
    ]


def _radii(function: Function, ball: Ball) -> list[float]:
    rows = Operator(function).rows()
    slopes = dual(rows, ball)
    margins = function.value()[0].double()
    radii = torch.where(slopes > 0, margins / slopes, torch.full_like(slopes, torch.inf))
    return [float(radius) for radius in radii]
