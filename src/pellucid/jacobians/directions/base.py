"""What a direction is: a change of the input that a clinician can name, with a unit, as a path and as its tangent.

Families make the directions of a case. A family says of everything that it cannot make why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.directions.scene import Scene
from pellucid.predictor import Modality


@dataclass(frozen=True, eq=False)
class Direction:
    """One way in which the input of a case may change.

    Attributes:
        name: what changes ("exposure"); differs between the directions of a case.
        unit: one step of it ("+5 %").
        tangent: d input / d t where nothing has changed yet, for t counted in steps; float64.
        at: the input after t steps, t any number near 0; float64. `at(0)` is the input, and its derivative there the tangent.
        group: what kind of change this is ("acquisition", "anatomy").
        note: what a reader should know of the parametrisation; "" for nothing.
    """

    name: str
    unit: str
    tangent: Float[Tensor, "*S"]
    at: Callable[[float], Float[Tensor, "*S"]]
    group: str = "own"
    note: str = ""

    @property
    def said(self) -> str:
        """One step in words: "+5 % exposure", "translation to the right (+1 % of the width)"."""
        plain = self.unit.startswith("+") and len(self.unit.split()) <= 2
        return f"{self.unit} {self.name}" if plain else f"{self.name} ({self.unit})"


@dataclass(frozen=True)
class Skipped:
    """A direction that a case or a model does not offer, with the reason in a sentence."""

    name: str
    reason: str
    group: str = "own"


Made = Iterator[Direction | Skipped]


@dataclass(frozen=True)
class Family:
    """A family of directions.

    Attributes:
        name: differs between families.
        modality: of the models that it is for.
        group: of its directions.
        about: what changes, in one line.
        make: yields the directions of a case, and what it had to skip.
    """

    name: str
    modality: Modality
    group: str
    about: str
    make: Callable[[Scene], Made]


FAMILIES: dict[str, Family] = {}
"""All families by name; complete once `pellucid.jacobians.directions` is imported. Your own are added with :func:`family`."""


def family(
    name: str, modality: Modality, group: str, about: str
) -> Callable[[Callable[[Scene], Made]], Callable[[Scene], Made]]:
    """Decorator: the generator makes the directions of that family."""

    def decorate(make: Callable[[Scene], Made]) -> Callable[[Scene], Made]:
        FAMILIES[name] = Family(name, modality, group, about, make)
        return make

    return decorate


def straight(name: str, unit: str, start: Float[Tensor, "*S"], step: Float[Tensor, "*S"], note: str = "") -> Direction:
    """The direction whose path is a line: `start + t step`."""
    return Direction(name, unit, step, lambda t: start + t * step, note=note)
