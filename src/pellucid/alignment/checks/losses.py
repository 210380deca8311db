"""Losses that do not do what their settings say, and divergences that are none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from pellucid.alignment.checks.base import Tally, check

Map = Float[np.ndarray, " U"]
_NEAR = 1e-6


@check("ignored_weight", "a loss follows the weight of its term")
def ignored_weight(loss: Callable[[float], float], tolerance: float = 1e-4) -> Tally:
    """Whether the weight of a term only switches it on: the loss must change, and change by as much again when it is doubled.

    Args:
        loss: its value on one and the same batch, as a function of the weight; without draws of its own.
        tolerance: relative, for rounding.
    """
    tally = Tally()
    none, half, one, two = (float(loss(weight)) for weight in (0.0, 0.5, 1.0, 2.0))
    change = one - none
    near = tolerance * max(abs(change), _NEAR)
    tally.expect(math.isfinite(none + half + one + two), "the loss is not finite; look for a logarithm of 0")
    tally.expect(abs(change) > _NEAR * max(abs(one), 1e-3), "the weight of a term is ignored; multiply the term by it")
    follows = abs(half - none - change / 2) <= near and abs(two - none - 2 * change) <= near
    tally.expect(follows, "the weight of a term switches it on without weighing it; multiply the term by it")
    return tally


@check("unsound_divergence", "a divergence of two maps is finite, 0 for equal maps, and blind to their scale")
def unsound_divergence(divergence: Callable[[Map, Map], float], tolerance: float = 1e-6) -> Tally:
    """Whether a divergence takes maps that do not sum to 1 for distributions, or meets 0 log 0.

    A map whose opt-out share was left away sums to less than 1. Two such maps are compared as shares of what is left; else the
    figure mixes where a map lies with how much of it there is.

    Args:
        divergence: of two maps, at least 0 everywhere and above 0 somewhere.
    """
    tally = Tally()
    for a, b in _pairs():
        value = float(divergence(a.copy(), b.copy()))
        tally.expect(
            math.isfinite(value), "an empty place in a map makes the divergence infinite or no number; let 0 log 0 be 0"
        )
        tally.expect(not value < -tolerance, "the divergence is negative; bring both maps to the same sum first")
        tally.expect(not abs(value) <= tolerance, "different maps diverge by nothing; compare them place by place")
        for left, right in ((a * 0.3, b), (a, b * 0.05)):
            scaled = float(divergence(left, right))
            same = abs(scaled - value) <= tolerance * max(1.0, abs(value)) or not math.isfinite(value)
            tally.expect(
                same, "the divergence depends on how much a map leaves to its opt-out; bring maps to the same sum first"
            )
        for one in (a, b):
            own = float(divergence(one.copy(), one.copy()))
            tally.expect(abs(own) <= tolerance, "a map diverges from itself; look for 0 log 0")
    return tally


def _pairs() -> Iterator[tuple[Map, Map]]:
    """Shares that are all above 0, that are 0 in the same places, and that are 0 in different ones."""
    rng = np.random.default_rng(0)
    for gone in ((), (0, 3), (1,)):
        a, b = rng.random((2, 12)) + 0.1
        a[list(gone)] = 0.0
        b[[place + (len(gone) == 1) for place in gone]] = 0.0
        yield a / a.sum(), b / b.sum()
