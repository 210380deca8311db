"""Level: with upper and lower exchanged, a sentence no longer fits the image, and its map moves up or down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.case import Phrase
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.counterfactual import Counterfactual, Ends
from pellucid.training.objectives.pairs.placing import LUNGS, Lungs, halves
from pellucid.training.objectives.pairs.twins import LEVELS, SIDES, named


@objectives.register("level")
@dataclass(frozen=True)
class Level(Counterfactual):
    """A counterfactual place (:class:`.counterfactual.Counterfactual`) along the height of the lung: upper half, and lower.

    Of the lung that the sentence names; of both lungs, each by its own height, where it names both or none. A sentence that
    names no height, the middle or several takes no part, and so does one whose twin the report may say as well; what it says
    of the other side does not make a twin true.
    """

    name: ClassVar[str] = "level"
    axis = LEVELS

    def ends(self, phrase: Phrase, lungs: Lungs) -> Ends:
        """The halves of the lungs that the sentence speaks of."""
        sides = named(phrase, SIDES)
        meant = [lung for lung, name in zip(lungs, LUNGS, strict=True) if not sides or name.split()[0] in sides]
        upper, lower = zip(*map(halves, meant), strict=True)
        return {"upper": np.logical_or.reduce(upper), "lower": np.logical_or.reduce(lower)}
