"""Bounds of outputs over a ball around the input, propagated backwards through the network; sound but for rounding.

CROWN (Zhang et al. 2018, Theorem 3.2): over the ball every ReLU lies between two straight lines, and so every output between
two linear functions of the input, whose extremes are known exactly. The lines of a layer need bounds of what enters it, which
are found in the same way, layer after layer.
"""

from __future__ import annotations

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.certificates.base import Ball, Certificate, dual, first_step, largest_radius
from pellucid.jacobians.certificates.chains import Chain, chain_of
from pellucid.jacobians.function import Function
from pellucid.jacobians.operator import unit_vectors

MOST_UNITS = 2000
"""ReLUs of a network, each of which costs a row at every radius that is tried."""

_AT_ONCE = 512


def propagated(function: Function, ball: Ball = "linf") -> list[Certificate]:
    """For each decision the largest radius, by bisection, at which its lower bound stays above 0.

    Args:
        function: its outputs are decisions (:func:`pellucid.jacobians.certificates.base.decisions`).

    Raises:
        PellucidError: the network is no plain chain, or has more than :data:`MOST_UNITS` ReLUs.
    """
    chain = chain_of(function)
    if chain.units() > MOST_UNITS:
        raise PellucidError(
            f"The network has {chain.units():,} ReLUs, and bounds are propagated for {MOST_UNITS:,} at most; certify by "
            "smoothing."
        )
    note = "by linear bounds (CROWN), but for rounding"
    return [
        Certificate("bound propagation", name, radius, ball, "sound", note)
        for name, radius in zip(function.outputs, _radii(function, chain, ball), strict=True)
    ]


def output_bounds(function: Function, radius: float, ball: Ball = "linf") -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """The least and the greatest value of each output over the ball; never inside the truth, often beyond it.

    Raises:
        PellucidError: as :func:`propagated`.
    """
    return _bounds(function, chain_of(function), radius, ball)


def _radii(function: Function, chain: Chain, ball: Ball) -> list[float]:
    @cache  # decisions try the same radii before they part
    def lows(radius: float) -> list[float]:
        found: list[float] = _bounds(function, chain, radius, ball)[0].tolist()
        return found

    def of(decision: int) -> float:
        return largest_radius(lambda radius: lows(radius)[decision] > 0, first_step(function))

    return [of(decision) for decision in range(len(function.outputs))]


def _bounds(function: Function, chain: Chain, radius: float, ball: Ball) -> tuple[Tensor, Tensor]:
    lines: list[_Lines] = []
    for index in range(len(chain.maps)):
        low, high = _bounds_of(function, chain, index, lines, radius, ball)
        lines.append(_Lines(low, high))
    return low, high


class _Lines:
    """The two straight lines between which each ReLU of a layer lies over the ball."""

    def __init__(self, low: Float[Tensor, " u"], high: Float[Tensor, " u"]) -> None:
        crossing = (low < 0) & (high > 0)
        on = (low >= 0).to(low)
        width = torch.where(crossing, high - low, torch.ones_like(high))
        self.upper = torch.where(crossing, high / width, on)
        self.intercept = torch.where(crossing, -low * high / width, torch.zeros_like(low))
        self.lower = torch.where(crossing, (high > -low).to(low), on)  # the line that leaves the smaller area below


def _bounds_of(
    function: Function, chain: Chain, index: int, lines: list[_Lines], radius: float, ball: Ball
) -> tuple[Tensor, Tensor]:
    """Of what the map of that number gives."""
    at = function.at
    lows, highs = [], []
    for rows in unit_vectors(chain.offset(index, at), _AT_ONCE):
        lows.append(_least(at, chain, index, lines, rows, radius, ball))
        highs.append(-_least(at, chain, index, lines, -rows, radius, ball))
    return torch.cat(lows), torch.cat(highs)


def _least(
    at: Tensor, chain: Chain, index: int, lines: list[_Lines], rows: Float[Tensor, "N b"], radius: float, ball: Ball
) -> Float[Tensor, " N"]:
    """The least value of each combination of what a map gives, over the ball."""
    total = rows.new_zeros(len(rows))
    for step in range(index, -1, -1):
        total = total + rows @ chain.offset(step, at)
        rows = chain.sent_back(step, rows).flatten(1)
        if step:
            line = lines[step - 1]
            total = total + rows.clamp(max=0) @ line.intercept
            rows = rows.clamp(min=0) * line.lower + rows.clamp(max=0) * line.upper
    reach = dual(rows, ball).to(total)
    return total + rows @ at.flatten() - radius * reach
