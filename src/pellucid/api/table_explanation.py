"""What a model's explanation of one row says, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from pellucid import charts
from pellucid.api.scored import Scored
from pellucid.measurements import Measurements

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12
"""Measurements that a table or picture shows of each label."""


class Feature(NamedTuple):
    """A measurement, and what it has to do with a label."""

    name: str
    value: float
    unit: str
    score: float

    @property
    def measured(self) -> str:
        """The value with its unit."""
        return f"{self.value:.4g} {self.unit}".rstrip()


@dataclass(frozen=True, eq=False, repr=False)
class TableExplanation(Scored):
    """Why a model gave a row its labels.

    Attributes:
        measurements: the row, in the model's order.
    """

    measurements: Measurements
    columns: ClassVar[tuple[str, ...]] = ("feature", "value", "score")

    def top(self, label: str, count: int = SHOWN) -> list[Feature]:
        """The measurements with the largest scores, whatever their sign; of equal ones the first in the row.

        Raises:
            DataError: the label was not explained.
        """
        scores, row = self.scores(label), self.measurements
        units = row.units or ("",) * len(row)
        order = np.argsort(-np.abs(scores), kind="stable")[:count].tolist()
        return [Feature(row.names[i], float(row.values[i]), units[i], float(scores[i])) for i in order]

    def lines(self, label: str) -> list[tuple[str, ...]]:
        """The largest scores, with the value of each."""
        sign = "+" if self.attribution.signed else ""
        return [(f.name, f.measured, f"{f.score:{sign}.3f}") for f in self.top(label)]

    def _drawn(self, label: str) -> Figure:
        from matplotlib.figure import Figure

        found = self.top(label)
        figure = Figure(figsize=(7, 1 + 0.32 * len(found)), layout="constrained")
        axes = figure.subplots()
        charts.bars(axes, [f"{f.name}  {f.measured}" for f in found], np.array([f.score for f in found]))
        axes.set(xlabel="score", title=self.heading(label))
        return figure
