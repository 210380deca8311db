"""The least and greatest AOPC that any order of removal can reach (Edin et al. 2025).

`evaluate` gives the value V of sets of removed units (how far the output fell), and the AOPC of an order of n units is the mean
of V over its n prefixes. Finding the best order is finding the heaviest path from the empty to the full set in the lattice of
subsets: a dynamic programme takes n 2^n steps where trying every order takes n!.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.errors import PellucidError

Evaluate = Callable[[Bool[np.ndarray, "P n"]], Float[np.ndarray, " P"]]
"""Value of P sets of removed units."""

LARGEST = 20
"""Most units for which all subsets are evaluated (2^20 is a million model outputs)."""


@dataclass(frozen=True)
class Bounds:
    """Least and greatest AOPC over orders."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        return self.upper - self.lower

    def including(self, values: Float[np.ndarray, " M"]) -> Bounds:
        """The bounds, widened so that they hold every one of `values`."""
        return Bounds(float(np.min(values, initial=self.lower)), float(np.max(values, initial=self.upper)))


def order_aopc(evaluate: Evaluate, orders: Int[np.ndarray, "M n"]) -> Float[np.ndarray, " M"]:
    """AOPC of M orders of n >= 1 units: the mean of V over the n prefixes of each."""
    m, n = orders.shape
    place = np.argsort(orders, axis=1)
    prefixes = place[:, None, :] <= np.arange(n)[None, :, None]
    values = np.asarray(evaluate(prefixes.reshape(m * n, n)), dtype=np.float64)
    return np.asarray(values.reshape(m, n).mean(axis=1))


def exact_bounds(evaluate: Evaluate, n: int, *, block: int = 256) -> Bounds:
    """Bounds over all n! orders, from the values of the 2^n - 1 sets that are not empty.

    Args:
        evaluate: called with at most `block` sets at a time, each set once.
        n: number of units, 1 or more.

    Raises:
        PellucidError: there are more than :data:`LARGEST` units.
    """
    if n > LARGEST:
        raise PellucidError(
            f"Exact bounds of {n} units need 2**{n} outputs of the model; use at most {LARGEST} units, or the beam."
        )
    codes = np.arange(2**n)
    values = np.zeros(len(codes))
    for start in range(1, len(codes), block):
        part = codes[start : start + block]
        values[part] = evaluate((part[:, None] >> np.arange(n)) & 1 == 1)
    return Bounds(lower=-_heaviest(-values, n), upper=_heaviest(values, n))


def _heaviest(values: Float[np.ndarray, " S"], n: int) -> float:
    """Greatest AOPC: best(S) = V(S) + max over i in S of best(S without i), level by level."""
    codes = np.arange(2**n)
    sizes = sum(((codes >> i) & 1 for i in range(n)), np.zeros_like(codes))
    best = np.zeros(len(codes))
    for size in range(1, n + 1):
        sets = codes[sizes == size]
        before = np.full(len(sets), -np.inf)
        for i in range(n):
            holds = (sets >> i) & 1 == 1
            before[holds] = np.maximum(before[holds], best[sets[holds] ^ (1 << i)])
        best[sets] = values[sets] + before
    return float(best[-1] / n)


def beam_bounds(evaluate: Evaluate, n: int, width: int) -> Bounds:
    """Inner bounds from two beam searches, one for each end: the true bounds may lie further out, never further in.

    Partial orders of the same set have the same future, so only the best of them is kept; a beam as wide as the widest level
    of the lattice is therefore exact. Both searches share their evaluations: a set is evaluated once, at most
    2 `width` n sets a level.

    Args:
        n: number of units, 1 or more.
        width: partial orders kept at each end, 1 or more.
    """
    high = low = (np.zeros((1, n), dtype=bool), np.zeros(1))
    for _ in range(n):
        high, low = _grown(*high), _grown(*low)
        sets, index = np.unique(np.concatenate([high[0], low[0]]), axis=0, return_inverse=True)
        values = np.asarray(evaluate(sets), dtype=np.float64)[index.reshape(-1)]
        cut = len(high[0])
        high = _best(high[0], high[1] + values[:cut], width)
        low = _best(low[0], low[1] - values[cut:], width)
    return Bounds(lower=float(-low[1].max() / n), upper=float(high[1].max() / n))


Beam = tuple[Bool[np.ndarray, "W n"], Float[np.ndarray, " W"]]


def _grown(sets: Bool[np.ndarray, "W n"], sums: Float[np.ndarray, " W"]) -> Beam:
    """Every set with one more unit, once, with the greatest sum by which it can be reached."""
    parent, unit = np.nonzero(~sets)
    children = sets[parent]
    children[np.arange(len(unit)), unit] = True
    unique, index = np.unique(children, axis=0, return_inverse=True)
    best = np.full(len(unique), -np.inf)
    np.maximum.at(best, index.reshape(-1), sums[parent])
    return unique, best


def _best(sets: Bool[np.ndarray, "W n"], sums: Float[np.ndarray, " W"], width: int) -> Beam:
    kept = np.argsort(-sums, kind="stable")[:width]
    return sets[kept], sums[kept]


def doubled_beam(evaluate: Evaluate, n: int, width: int) -> tuple[Bounds, float]:
    """Bounds of beams of `width` and of twice that, and the gap: by how much doubling widened them.

    A gap of 0 does not prove that the bounds are exact; a gap well above 0 proves that they are not.
    """
    remembered = _remembering(evaluate)
    narrow = beam_bounds(remembered, n, width)
    wide = beam_bounds(remembered, n, 2 * width)
    both = narrow.including(np.array([wide.lower, wide.upper]))
    return both, both.width - narrow.width


def _remembering(evaluate: Evaluate) -> Evaluate:
    """The same function, which evaluates no set twice."""
    known: dict[bytes, float] = {}

    def lookup(removed: Bool[np.ndarray, "P n"]) -> Float[np.ndarray, " P"]:
        keys = [row.tobytes() for row in np.packbits(removed, axis=1)]
        new = {key: row for key, row in zip(keys, removed, strict=True) if key not in known}
        if new:
            known.update(zip(new, evaluate(np.stack(list(new.values()))).tolist(), strict=True))
        return np.array([known[key] for key in keys])

    return lookup
