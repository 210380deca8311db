"""What the metrics of gaze ask of whole maps: each quantity worked out once, for many maps on an accelerator, or map by map.

A quantity is a function of a :class:`Block` with an entry for each map, or of a :class:`~pellucid.metrics.gaze.row.Row` with
one. What needs maps only where somebody looked is no pass over them: `seen` makes it of these quantities, for many at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import DataError
from pellucid.metrics.gaze.densities import factor_of, mixed
from pellucid.metrics.gaze.looks import Looks
from pellucid.metrics.gaze.row import CONSTANT, TINY, Row, array

_CELLS = 1 << 24
"""Pixels in a block: 128 MiB in float64."""

Table = TypeVar("Table", Tensor, Looks, Tensor | Looks)
"""A density or looks for each map, or one for all."""


Quantity = Callable[[Any], Any]
"""A function of a block, with an entry for each map, or of a row, with one."""


@dataclass(eq=False)
class Block:
    """A few maps, and what each is compared with.

    Attributes:
        maps: scores.
        factor: the power of two that brings each map to [-1, 1]; NaN where one holds what is no finite number.
        tables: densities by name, as a quantity reads only some; one of one row serves all maps.
    """

    maps: Float[Tensor, "n U"]
    factor: Float[Tensor, "n 1"]
    tables: Mapping[str, Tensor]

    @cached_property
    def values(self) -> Float[Tensor, "n U"]:
        """The maps in [-1, 1]; NaN throughout where one holds what is no finite number."""
        return self.maps.double() * self.factor

    @cached_property
    def mean(self) -> Float[Tensor, "n 1"]:
        return self.values.mean(1, keepdim=True)

    @cached_property
    def centred(self) -> Float[Tensor, "n U"]:
        return self.values - self.mean

    @cached_property
    def spread(self) -> Float[Tensor, "n 1"]:
        """Population standard deviation; NaN where the map is constant."""
        return _spread_of(self.centred, 1.0)

    @cached_property
    def positive(self) -> Float[Tensor, "n U"]:
        return self.values.clamp_min(0.0)

    @cached_property
    def mass(self) -> Float[Tensor, "n 1"]:
        """Sum of the positive part."""
        return self.positive.sum(1, keepdim=True)

    @cached_property
    def shown(self) -> Float[Tensor, "n U"]:
        """The maps as densities."""
        return self.positive / self.mass

    @cached_property
    def sought(self) -> Float[Tensor, "#n U"]:
        """The density of the gaze."""
        return self.density("density") / self.sought_mass

    @cached_property
    def sought_mass(self) -> Float[Tensor, "n 1"]:
        """Sum of the density of the gaze, as it was given."""
        return self._sum("density")

    @cached_property
    def usual_mass(self) -> Float[Tensor, "n 1"]:
        """Sum of the density of the gaze on other images, as it was given."""
        return self._sum("prior")

    @property
    def sim(self) -> Float[Tensor, " n"]:
        return torch.minimum(self.shown, self.sought).sum(1)

    @cached_property
    def cc(self) -> Float[Tensor, " n"]:
        return self._correlation("density", self.sought_mass)

    @property
    def shuffled_cc(self) -> Float[Tensor, " n"]:
        return self.cc - self._correlation("prior", self.usual_mass)

    def kld(self, epsilon: float, mix: float) -> Float[Tensor, " n"]:
        ratio = self.sought / mixed(self.shown, mix, epsilon)
        return ratio.add_(epsilon).clamp_min_(TINY).log_().mul_(self.sought).sum(1)

    def density(self, name: str) -> Float[Tensor, "#n U"]:
        """A table of densities in float64."""
        return self.tables[name].double()

    def _sum(self, name: str) -> Float[Tensor, "n 1"]:
        return self.density(name).sum(1, keepdim=True).expand(len(self.maps), -1)

    def _correlation(self, name: str, mass: Float[Tensor, "n 1"]) -> Float[Tensor, " n"]:
        mean = mass / self.maps.shape[1]  # as great as the greatest, where constant
        even = self.density(name) - mean
        found = (self.centred * even).mean(1, keepdim=True) / (self.spread * _spread_of(even, mean))
        return found[:, 0].clamp_(-1.0, 1.0)


def _spread_of(centred: Float[Tensor, "n U"], size: Tensor | float) -> Float[Tensor, "n 1"]:
    """Population standard deviation of values less their mean; NaN where it is nothing beside their size."""
    spread = torch.linalg.vector_norm(centred, dim=1, keepdim=True) / math.sqrt(centred.shape[1])
    return torch.where(spread > CONSTANT * size, spread, torch.nan)


def over(quantities: Mapping[str, Quantity], maps: Float[Tensor, "N U"], **tables: Tensor) -> dict[str, Float[Tensor, " N"]]:
    """Several quantities of all maps, in float64.

    Raises:
        DataError: a table has another number of rows or pixels than the maps, or a number below 0.
    """
    for name, table in tables.items():
        fits(name, table, maps)
    maps, factor = maps.detach(), factor_of(maps.detach())
    if maps.device.type != "cpu":
        return by_blocks(quantities, maps, factor, tables)
    return by_rows(quantities, maps, factor, tables)


def by_rows(
    quantities: Mapping[str, Quantity], maps: Tensor, factor: Float[Tensor, "N 1"], tables: Mapping[str, Tensor]
) -> dict[str, Float[Tensor, " N"]]:
    """Map by map, on a processor."""
    found = np.empty((len(quantities), len(maps)))
    room = np.empty(maps.shape[1])
    scores, rivals = array(maps), {name: np.broadcast_to(array(table), maps.shape) for name, table in tables.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        for i, by in enumerate(factor[:, 0].tolist()):
            row = Row(scores[i], by, {name: table[i] for name, table in rivals.items()}, room)
            found[:, i] = [quantity(row) for quantity in quantities.values()]
    return dict(zip(quantities, torch.from_numpy(found), strict=True))


def by_blocks(
    quantities: Mapping[str, Quantity], maps: Tensor, factor: Float[Tensor, "N 1"], tables: Mapping[str, Tensor]
) -> dict[str, Float[Tensor, " N"]]:
    """Many maps at once, on an accelerator."""
    found: dict[str, list[Tensor]] = {name: [maps.new_zeros(0, dtype=torch.float64)] for name in quantities}
    for rows in stretches(maps, _CELLS):
        block = Block(maps[rows], factor[rows], {name: part_of(table, rows) for name, table in tables.items()})
        for name, quantity in quantities.items():
            found[name].append(quantity(block).reshape(-1))
    return {name: torch.cat(parts) for name, parts in found.items()}


def stretches(maps: Float[Tensor, "N U"], pixels: int) -> Iterator[slice]:
    """The rows of as many maps at a time as have so many pixels."""
    step = max(1, pixels // max(1, maps.shape[1]))
    return (slice(start, start + step) for start in range(0, len(maps), step))


def part_of(table: Table, rows: slice) -> Table:
    """The rows of a table; one row serves all maps."""
    return table if len(table) == 1 else table[rows]


def fits(name: str, table: Tensor | Looks, maps: Float[Tensor, "N U"]) -> None:
    """Refuse a table of another number of rows or pixels than the maps, a fixation beyond the last pixel, a density below 0."""
    if maps.dim() != 2:
        shape = " x ".join(map(str, maps.shape))
        raise DataError(f"Maps are rows of pixels, maps x pixels, and these are {shape}; flatten each of them into one row.")
    if len(table) not in (1, len(maps)):
        raise DataError(f"There are {len(maps)} maps and {len(table)} rows of {name}; give one for each map, or one for all.")
    if isinstance(table, Looks):
        table.check(maps.shape[1])
    elif table.shape[1] != maps.shape[1]:
        raise DataError(f"The maps have {maps.shape[1]} pixels and the {name} {table.shape[1]}; bring both to one size.")
    elif table.numel() and bool((least := table.min()) < 0):
        raise DataError(f"The {name} holds {float(least):g}, and no density is below 0; pass it through as_density first.")
