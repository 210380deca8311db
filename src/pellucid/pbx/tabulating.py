"""What happens to each finding: directions by labels, what really changes most first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.jacobians.directions import DirectionTable
from pellucid.pbx.reading import PbxReading


@dataclass(frozen=True)
class Cell:
    """What one step does to one label.

    Attributes:
        change: of the logit, to first order.
        truth: of the logit, when the step is really taken.
        before, after: probability without and with that step.
        trusted: whether first order is good to 10 % for the whole step.
    """

    label: str
    change: float
    truth: float
    before: float
    after: float
    trusted: bool

    @property
    def size(self) -> float:
        """Of what the step really changes: a slope that leads nowhere shall not come first."""
        return abs(self.truth)


@dataclass(frozen=True)
class Line:
    """One direction."""

    name: str
    unit: str
    group: str
    note: str
    cells: tuple[Cell, ...]

    @property
    def size(self) -> float:
        """The largest true change of a logit."""
        return max(cell.size for cell in self.cells)


def lines(reading: PbxReading) -> list[Line]:
    """Every direction with every explained label, by the largest true change of a logit; none where there are no directions."""
    table = reading.table
    if table is None or table.truth is None:
        return []
    before = _probabilities(reading, reading.logits[None])[0]
    after = _probabilities(reading, reading.logits + table.truth)
    found = [_line(reading, table, table.truth[row], row, before, after[row]) for row in range(len(table))]
    return sorted(found, key=lambda line: -line.size)


def _line(
    reading: PbxReading,
    table: DirectionTable,
    truth: Float[np.ndarray, " m"],
    row: int,
    before: Float[np.ndarray, " m"],
    after: Float[np.ndarray, " m"],
) -> Line:
    direction, trusted = table.directions[row], table.trusted[row]
    cells = tuple(
        Cell(label, float(table.change[row, j]), float(truth[j]), float(before[j]), float(after[j]), bool(trusted[j]))
        for label, j in zip(reading.labels, reading.columns, strict=True)
    )
    return Line(direction.name, direction.unit, direction.group, direction.note, cells)


def _probabilities(reading: PbxReading, logits: Float[np.ndarray, "k m"]) -> Float[np.ndarray, "k m"]:
    from scipy.special import expit, softmax

    return np.asarray(softmax(logits, axis=1) if reading.exclusive else expit(logits))
