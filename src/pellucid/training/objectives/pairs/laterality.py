"""Laterality: with left and right exchanged, a sentence no longer fits the image, and its map changes sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pellucid.case import Phrase
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.counterfactual import Counterfactual, Ends
from pellucid.training.objectives.pairs.placing import Lungs
from pellucid.training.objectives.pairs.twins import SIDES


@objectives.register("laterality")
@dataclass(frozen=True)
class Laterality(Counterfactual):
    """A counterfactual place (:class:`.counterfactual.Counterfactual`) along sides: one lung, and the other.

    A sentence that names no side, or both, takes no part.
    """

    name: ClassVar[str] = "laterality"
    axis = SIDES

    def ends(self, phrase: Phrase, lungs: Lungs) -> Ends:
        """The two lungs."""
        right, left = lungs
        return {"right": right, "left": left}
