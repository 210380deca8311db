"""Many maps where they were looked at: what needs no pass over pixels, once each whole map's mean, spread and sum are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.metrics.gaze.block import Quantity, fits, over, part_of, stretches
from pellucid.metrics.gaze.densities import real
from pellucid.metrics.gaze.looks import Looks
from pellucid.metrics.gaze.ranks import Ranks

Table = Tensor | Looks
"""A density or a list of looks for each map, or one for all."""

_CELLS = 1 << 22
"""Pixels of maps seen at a time: enough to make small steps cheap, few enough for fixations on thousands of other images."""


@dataclass(eq=False)
class Seen:
    """Maps, looks and a prior by name, and what is known of each whole map."""

    maps: Float[Tensor, "n U"]
    tables: Mapping[str, Table]
    known: Mapping[str, Float[Tensor, " n"]]

    @property
    def looks(self) -> Looks:
        """Fixations on the image."""
        return cast(Looks, self.tables["looks"])

    @property
    def elsewhere(self) -> Looks:
        """Fixations on other images."""
        return cast(Looks, self.tables["elsewhere"])

    @property
    def finite(self) -> Bool[Tensor, " n"]:
        """Which maps hold numbers only."""
        return torch.isfinite(self.known["factor"])

    @cached_property
    def here(self) -> Float[Tensor, "n F"]:
        """Scores where the image was looked at, in [-1, 1]."""
        return self.looks.at(self.maps).double() * self.known["factor"][:, None]

    @cached_property
    def there(self) -> Float[Tensor, "n E"]:
        """Scores where other images were looked at."""
        return self.elsewhere.at(self.maps).double() * self.known["factor"][:, None]

    @cached_property
    def usual(self) -> Float[Tensor, "n F"]:
        """The density of the gaze on other images where this one was looked at."""
        prior = cast(Tensor, self.tables["prior"])
        return self.looks.at(prior.expand(len(self.maps), -1)).double() / self.known["usual_mass"][:, None]

    @cached_property
    def ranks(self) -> Ranks:
        """Where fixated pixels stand among the others."""
        return Ranks.of(self.maps, self.looks)


@dataclass(frozen=True)
class AtLooks:
    """A metric that sees maps only where somebody looked.

    Attributes:
        read: the metric.
        asks: what it asks of whole maps, as attributes of a block or a row.
    """

    read: Callable[[Seen], Float[Tensor, " n"]]
    asks: tuple[str, ...]


Measure = Quantity | AtLooks


def scored(measures: Mapping[str, Measure], maps: Float[Tensor, "N U"], **tables: Table) -> dict[str, Float[Tensor, " N"]]:
    """Several metrics of all maps, in float64.

    Raises:
        DataError: a table has another number of rows or pixels than the maps; a fixation lies beyond the last pixel; a density
            or prior holds a number below 0.
    """
    maps = real(maps.detach())
    for name, table in tables.items():
        fits(name, table, maps)
    densities = {name: table for name, table in tables.items() if isinstance(table, Tensor)}
    looking = {name: measure for name, measure in measures.items() if isinstance(measure, AtLooks)}
    quantities = {name: measure for name, measure in measures.items() if not isinstance(measure, AtLooks)}
    asked = {name: attrgetter(name) for measure in looking.values() for name in measure.asks}
    found = over(quantities | asked, maps, **densities)
    found |= _seen(looking, maps, tables, {name: found[name] for name in asked})
    return {name: found[name] for name in measures}


def _seen(
    measures: Mapping[str, AtLooks], maps: Tensor, tables: Mapping[str, Table], known: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {name: [] for name in measures}
    for rows in stretches(maps, _CELLS):
        parts = {name: part_of(table, rows) for name, table in tables.items()}
        seen = Seen(maps[rows], parts, {name: of_maps[rows] for name, of_maps in known.items()})
        for name, measure in measures.items():
            found[name].append(measure.read(seen))
    return {name: torch.cat(values) if values else maps.new_zeros(0).double() for name, values in found.items()}
