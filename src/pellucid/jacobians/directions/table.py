"""What happens to each output when the input takes one step in a direction: as the Jacobian predicts, and as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from pellucid.errors import PellucidError
from pellucid.files import finite
from pellucid.jacobians.directions.base import Direction, Skipped

TRUSTED = 0.1
"""Share by which prediction and truth may differ where first order is to be trusted."""

_WORDS = {"logits": "logit of ", "probabilities": "probability of ", "margins": "margin ", "embedding": "embedding "}


@dataclass(frozen=True)
class Effect:
    """What one step in one direction does to one output.

    Attributes:
        direction, unit, group: of the step.
        output: its name.
        change: as the Jacobian predicts, in units of the output.
        truth: the output after the step less the output before; NaN where it was not asked for.
        error: what the prediction is off by, as a share of the larger of the two; 0 where both are lost in rounding.
        trusted: whether the error is at most 10 %; None where the truth was not asked for.
    """

    direction: str
    unit: str
    group: str
    output: str
    change: float
    truth: float
    error: float
    trusted: bool | None


@dataclass(frozen=True, eq=False)
class DirectionTable:
    """Directions by outputs. Local and to first order: a large entry is no cause of disease.

    Attributes:
        directions: of the rows.
        outputs, output: names of the columns, and what kind of outputs they are.
        change: `J d`, what one step changes to first order; float64.
        truth: what the same step along the true path changes; None where it was not asked for.
        rounding: changes of each output below this are lost in rounding.
        skipped: directions that the case does not offer, with reasons.
        notes: what a reader should know before believing the Jacobian.
    """

    directions: tuple[Direction, ...]
    outputs: tuple[str, ...]
    output: str
    change: Float[np.ndarray, "k m"]
    truth: Float[np.ndarray, "k m"] | None
    rounding: Float[np.ndarray, " m"]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> Float[np.ndarray, "k m"]:
        """What each prediction is off by, as a share of the larger of prediction and truth; 0 where both are lost in rounding.

        NaN where the truth was not asked for.
        """
        if self.truth is None:
            return np.full(self.change.shape, np.nan)
        larger = np.maximum(np.abs(self.change), np.abs(self.truth))
        off = np.abs(self.truth - self.change) / np.maximum(larger, np.finfo(np.float64).tiny)
        return np.where(larger > self.rounding, off, 0.0)

    @property
    def trusted(self) -> Bool[np.ndarray, "k m"]:
        """Where first order is good to 10 %; nowhere where the truth was not asked for."""
        return np.asarray(self.error <= TRUSTED)

    def effect(self, direction: str, output: str) -> Effect:
        """One entry.

        Raises:
            PellucidError: there is no such direction or output.
        """
        return self._effect(_place(direction, self._names, "direction"), _place(output, self.outputs, "output"))

    def top(self, output: str, k: int = 5) -> list[Effect]:
        """The k directions that change an output most, the largest change first.

        Raises:
            PellucidError: there is no such output.
        """
        column = _place(output, self.outputs, "output")
        order = np.argsort(-np.abs(self.change[:, column]), kind="stable")[:k]
        return [self._effect(int(row), column) for row in order]

    def text(self, outputs: Sequence[str] | None = None, k: int = 5) -> str:
        """The largest changes of each output in plain words, a line each, and then what was skipped."""
        lines = [self.said(effect) for output in outputs or self.outputs for effect in self.top(output, k)]
        return "\n".join([*lines, *(f"{item.name} was left out: {item.reason}." for item in self.skipped)])

    def said(self, effect: Effect) -> str:
        """An entry in a sentence."""
        step = self.directions[_place(effect.direction, self._names, "direction")].said
        sentence = f"{_WORDS.get(self.output, '')}{effect.output} changes by {signed(effect.change)} for {step}"
        if effect.trusted is False:
            return f"{sentence}; to first order only: the whole step changes it by {signed(effect.truth)}."
        return f"{sentence}."

    def to_json(self) -> dict[str, Any]:
        """All entries as JSON values; what was not asked for is null."""
        said = [{"name": d.name, "unit": d.unit, "group": d.group, "note": d.note} for d in self.directions]
        return {
            "format": "pellucid.jacobians.directions/1",
            "output": self.output,
            "outputs": list(self.outputs),
            "directions": said,
            "effects": [finite(asdict(effect)) for effect in self],
            "skipped": [asdict(item) for item in self.skipped],
            "notes": list(self.notes),
        }

    def __len__(self) -> int:
        return len(self.directions)

    def __iter__(self) -> Iterator[Effect]:
        """Every entry, direction by direction."""
        error = self.error
        return (self._effect(i, j, error) for i in range(len(self)) for j in range(len(self.outputs)))

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(direction.name for direction in self.directions)

    def _effect(self, row: int, column: int, error: Float[np.ndarray, "k m"] | None = None) -> Effect:
        found, off = self.directions[row], float((self.error if error is None else error)[row, column])
        truth = math.nan if self.truth is None else float(self.truth[row, column])
        trusted = None if self.truth is None else off <= TRUSTED
        name = self.outputs[column]
        return Effect(found.name, found.unit, found.group, name, float(self.change[row, column]), truth, off, trusted)


def _place(name: str, names: Sequence[str], what: str) -> int:
    if name not in names:
        raise PellucidError(f"There is no {what} {name!r} in this table; it has {', '.join(names[:5])} ...")
    return list(names).index(name)


def signed(value: float) -> str:
    """A change of an output, with its sign: two decimals, or two figures where those would say nothing."""
    return f"{value:+.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:+.2g}"
