"""What an objective is, and how objectives are added up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.predictor import Batch
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import objectives


class Objective(Protocol):
    """Something to minimise: a frozen dataclass of its parameters with one call.

    Random numbers, where an objective needs them, come from PyTorch's global generator: the loop seeds it, keeps it with its
    state and restores it afterwards.

    Attributes:
        name: registered name.
        cites: where the formula comes from.
    """

    @property
    def name(self) -> str: ...
    @property
    def cites(self) -> str: ...

    def __call__(self, model: PlmCa, batch: Batch, truth: Float[Tensor, "B C"]) -> Float[Tensor, ""]:
        """The loss, a mean over the cases of the batch, differentiable with respect to the weights of `model`."""


@dataclass(frozen=True)
class Sum:
    """A weighted sum of objectives."""

    parts: tuple[tuple[float, Objective], ...]

    @property
    def name(self) -> str:
        return " + ".join(f"{weight:g} * {part.name}" for weight, part in self.parts)

    @property
    def cites(self) -> str:
        return "; ".join(part.cites for _, part in self.parts)

    def __call__(self, model: PlmCa, batch: Batch, truth: Float[Tensor, "B C"]) -> Float[Tensor, ""]:
        return sum((weight * part(model, batch, truth) for weight, part in self.parts), start=truth.new_zeros(()))


def objective(text: str) -> Objective:
    """The objective that a recipe names: "bce", or a sum such as "bce + 0.1 * other".

    Raises:
        UnknownNameError: a name is not registered.
        PellucidError: the text is not a sum of names with weights.
    """
    parts = tuple(_term(term) for term in text.split("+"))
    return parts[0][1] if len(parts) == 1 and parts[0][0] == 1 else Sum(parts)


def _term(term: str) -> tuple[float, Objective]:
    before, star, name = term.rpartition("*")
    try:
        weight = float(before) if star else 1.0
    except ValueError:
        weight = math.nan
    if not name.strip() or not 0 < weight < math.inf:
        raise PellucidError(
            f"{term.strip()!r} is not an objective; write 'name' or 'weight * name' with a weight above 0, joined by '+'."
        )
    return weight, objectives.create(name.strip())
