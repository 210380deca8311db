"""Two maps of one picture size held against each other, and to which side one leans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float

from pellucid.case import Case, Evidence, marked
from pellucid.imaging import resized_mark
from pellucid.metrics.base import Undefined, shares
from pellucid.rewording.sides import Side
from pellucid.units import PixelUnits

EVEN = 1e-6
"""Share of an even map mixed into both before a ratio of them is taken, which one empty pixel would else make infinite."""


def jensen_shannon(a: Float[np.ndarray, " U"], b: Float[np.ndarray, " U"]) -> float:
    """Divergence of the positive parts of two maps as densities: 0 is the same, 1 is nothing in common (base 2).

    Lin 1991, Divergence measures based on the Shannon entropy.

    Raises:
        Undefined: a map has no positive score.
    """
    one, other = _densities(a, b)
    between = (one + other) / 2
    bits = (_bits(one, between) + _bits(other, between)) / 2
    return min(max(bits, 0.0), 1.0)  # of equal maps it can round to just below 0


def symmetric_kl(a: Float[np.ndarray, " U"], b: Float[np.ndarray, " U"]) -> float:
    """Mean of both Kullback-Leibler divergences of the positive parts as densities, in nats; :data:`EVEN` is mixed in.

    Raises:
        Undefined: a map has no positive score.
    """
    one, other = ((1 - EVEN) * density + EVEN / len(density) for density in _densities(a, b))
    return float(((one - other) * np.log(one / other)).sum() / 2)


@dataclass(frozen=True, eq=False)
class Areas:
    """The two sides of a picture, over its pixels. A patient's right is on the left of the picture.

    Attributes:
        known: they are the lungs of the case, and not the halves of the picture.
    """

    right: Bool[np.ndarray, " U"]
    left: Bool[np.ndarray, " U"]
    known: bool

    @classmethod
    def of(cls, case: Case, units: PixelUnits) -> Self:
        """The lungs where the case knows both, else the halves."""
        lungs = [_structure(case, f"{side} lung", units) for side in ("right", "left")]
        if all(lung.any() for lung in lungs):
            return cls(lungs[0], lungs[1], True)
        column = np.tile(np.arange(units.width) + 0.5, units.height)
        return cls(column < units.width / 2, column > units.width / 2, False)

    def mirrored(self, units: PixelUnits) -> Areas:
        """Those of the flipped picture, in which what was left looks right."""
        return Areas(flipped(self.left, units), flipped(self.right, units), self.known)


def lean(scores: Float[np.ndarray, " U"], areas: Areas, side: Side) -> float:
    """How far a map leans to the named side: (a - b) / (a + b) of its mean positive score a on that side and b on the other.

    1 is wholly there, -1 wholly on the other side. Means, not sums, so that an even map leans nowhere although one lung is
    larger.

    Raises:
        Undefined: no score on either side is positive.
    """
    share = shares(scores)
    named, other = (areas.left, areas.right) if side == "left" else (areas.right, areas.left)
    a, b = float(share[named].mean()), float(share[other].mean())
    if a + b == 0:
        raise Undefined("no score on either side is positive")
    return (a - b) / (a + b)


def flipped(values: np.ndarray, units: PixelUnits) -> np.ndarray:
    """Values over pixels, left and right exchanged."""
    return np.ascontiguousarray(values.reshape(units.shape)[:, ::-1]).ravel()


def _structure(case: Case, name: str, units: PixelUnits) -> Bool[np.ndarray, " U"]:
    found: list[Evidence] = [item for item in case.anatomy if item.label == name]
    if not found:
        return np.zeros(len(units), dtype=bool)
    return marked([resized_mark(item, case.picture.size, units.shape) for item in found], units)


def _bits(density: Float[np.ndarray, " U"], of: Float[np.ndarray, " U"]) -> float:
    """Kullback-Leibler divergence in bits; `of` is positive wherever the density is, and empty pixels count nothing."""
    there = density > 0
    return float((density[there] * np.log2(density[there] / of[there])).sum())


def _densities(*maps: Float[np.ndarray, " U"]) -> list[Float[np.ndarray, " U"]]:
    densities = [shares(one) for one in maps]
    if not all(density.any() for density in densities):
        raise Undefined("a map has no positive score")
    return densities
