"""Which units go at which step: step counts, removal orders and keep masks. Nothing here asks a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.errors import PellucidError
from pellucid.metrics.base import AnyUnits
from pellucid.randomness import stream
from pellucid.units import GridUnits, RegionUnits, TextUnits, Units

Grid = Literal["fine", "coarse"]
"""How many steps a sweep takes; see :func:`step_counts`."""

_PARTS: dict[Grid, tuple[int, int]] = {"fine": (2, 4), "coarse": (4, 2)}
"""The factor between small steps, and into how many equal parts the large ones cut the units."""


def step_counts(units: int, counts: Sequence[int] | Grid = "fine") -> Int[np.ndarray, " T"]:
    """How many units are gone (or kept) at each step: strictly ascending, from 0 to `units`.

    "fine" is 0, 1, 2, 4, 8, ... up to a quarter of the units, then quarters: 12 steps for a note of 300 words and 16 for
    one of 6,000. It is fine where explanations differ, among the few words that decide, its cost grows with the logarithm of
    the length, and on average the quarters keep the areas under both curves within 0.01 of those with every step.

    "coarse" is 0, 1, 4, 16, ... up to a quarter, then halves: 7 and 9 steps, about half the cost (a large step touches every
    chunk of a note), and areas within 0.02 on average. Means over steps depend on the grid: never compare figures of two.

    Args:
        units: how many units can be removed; with 0 the only step is 0.
        counts: "fine", "coarse", or the steps themselves. 0 and `units` are added, and steps beyond `units` are left out, so
            that one list serves notes of every length.

    Raises:
        PellucidError: a count is negative.
    """
    if isinstance(counts, str):
        factor, parts = _PARTS[counts]
        large = [(part * units + parts // 2) // parts for part in range(1, parts)]
        counts = [factor**power for power in range(units.bit_length()) if 4 * factor**power < units] + large
    inner = np.asarray(counts, dtype=np.int64).reshape(-1)
    if (inner < 0).any():
        raise PellucidError(f"A perturbation sweep cannot remove {inner.min()} units; give counts of 0 or more.")
    return np.union1d(inner[inner < units], [0, units])


@dataclass(frozen=True, eq=False)
class Removal:
    """What becomes of a model's finest units when coarser units are removed.

    A finest unit that lies in no coarser unit (white space, pixels of no region) is always kept. A coarser unit that holds no
    finest unit was never read by the model (text beyond its limit) and takes no part: it is in no order and no count.

    Attributes:
        finest: what the model's masks are about.
        units: what is removed whole.
    """

    finest: TextUnits | GridUnits
    units: AnyUnits

    @cached_property
    def group(self) -> Int[np.ndarray, " F"]:
        """For each finest unit the index of the unit that it goes with, or -1 where it always stays."""
        if isinstance(self.finest, TextUnits):
            return _of_text(self.finest, cast(TextUnits, self.units))
        return np.asarray(cast(Units, self.finest).group(self.units))

    @cached_property
    def removable(self) -> Int[np.ndarray, " R"]:
        """The units that take part, in reading order."""
        return np.unique(self.group[self.group >= 0])

    def order(self, scores: Float[np.ndarray, " U"], draw: Int[np.ndarray, " U"]) -> Int[np.ndarray, " R"]:
        """The removable units by descending score (finite numbers); equal scores by ascending `draw`."""
        best_first = np.lexsort((draw[self.removable], -np.asarray(scores, dtype=np.float64)[self.removable]))
        return self.removable[best_first]

    def keep(self, gone: Bool[np.ndarray, "P U"]) -> Bool[np.ndarray, "P F"]:
        """Keep masks over the finest units for P sets of removed units."""
        never = np.zeros((len(gone), 1), dtype=bool)
        return ~np.concatenate([gone, never], axis=1)[:, self.group]  # a group of -1 reads the last column

    def along(self, order: Int[np.ndarray, " R"], counts: Int[np.ndarray, " T"]) -> Bool[np.ndarray, "S F"]:
        """Keep masks of a whole sweep: T with the top `counts` units removed, then T with only those kept (S = 2T)."""
        rank = np.full(len(self.units) + 1, -1)
        rank[order] = np.arange(len(order))
        stays = (self.group < 0)[None, :]
        top = rank[self.group][None, :] < counts[:, None]
        return np.concatenate([~top | stays, top | stays])

    def tied(self, scores: Float[np.ndarray, " U"]) -> float:
        """Share of removable units whose score equals that of another one; 0 where there is none."""
        _, sizes = np.unique(np.asarray(scores, dtype=np.float64)[self.removable], return_counts=True)
        return float(sizes[sizes > 1].sum() / max(len(self.removable), 1))


def _of_text(finest: TextUnits, units: TextUnits) -> Int[np.ndarray, " F"]:
    """The unit that each token goes with."""
    if np.array_equal(finest.offsets, units.offsets):
        return np.arange(len(units))
    group = finest.group(units)
    # The rest of a character that a byte-level tokenizer cut stands for no text of its own: it goes with the first part.
    empty = finest.offsets[:, 0] == finest.offsets[:, 1]
    for index in np.flatnonzero(empty & (group < 0)):
        group[index] = group[index - 1] if index else -1
    return group


def densities(scores: Float[np.ndarray, "*K V"], regions: RegionUnits) -> Float[np.ndarray, "*K V"]:
    """Mean score of the pixels of each region, from the sum; float64.

    Regions are ranked by their sum unless these are given instead. The sum is what a region is worth where scores add up to
    the output, and one step of a sweep removes one region, whatever its size. The mean ranks as IROF does (Rieger and Hansen
    2020), which suits maps of probabilities; it matters only where regions differ much in size.
    """
    return np.asarray(np.asarray(scores, dtype=np.float64) / regions.sizes)


def tie_break(units: int, seed: int, case: str, target: str) -> Int[np.ndarray, " U"]:
    """A random permutation that decides between equal scores.

    It depends on the seed, the case and the target only. All explanations share it, so equal maps get equal orders.
    """
    generator = stream(seed, "ties", case, target)
    return generator.permutation(units)
