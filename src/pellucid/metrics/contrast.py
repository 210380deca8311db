"""How far the scores of marked pixels stand above those around them, in units of their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.metrics.base import GRIDS, Modalities, Reading, Undefined
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.registry import metrics

_SAME = 1e-12
"""Spread below this share of the largest score is what rounding leaves of none."""


@metrics.register("cnr_absolute", absolute=True)
@metrics.register("cnr")
@dataclass(frozen=True)
class Cnr(Facts):
    """Contrast-to-noise ratio: (mean inside - mean outside) / sqrt(variance inside + variance outside) of the evidence.

    Means and (population) variances of the scores as they are, over all marked pixels together and all others. Negative where
    the map avoids the evidence, 0 at chance.

    Args:
        absolute: leave out the sign, as published; an inverted map then looks as good as a right one.

    Raises:
        Undefined: every pixel is evidence; the scores vary neither inside nor outside; no evidence; no units; a score is not
            finite.
    """

    absolute: bool = False
    modalities: ClassVar[Modalities] = GRIDS
    cites = "Boecking et al. 2022, Making the most of text semantics to improve biomedical vision-language processing; signed"

    @property
    def name(self) -> str:
        return "cnr_absolute" if self.absolute else "cnr"

    @property
    def range(self) -> tuple[float, float]:  # type: ignore[override]  # it depends on the sign
        return (0.0 if self.absolute else -np.inf, np.inf)

    def __call__(self, reading: Reading) -> float:
        scores, truth = scores_of(reading), evidence_of(reading)
        largest = np.abs(scores).max()
        if truth.all():
            raise Undefined("every unit is evidence")
        scaled = scores / largest if largest else scores
        inside, outside = scaled[truth], scaled[~truth]
        spread = float(np.sqrt(inside.var() + outside.var()))
        if spread <= _SAME:
            raise Undefined("the scores vary neither inside nor outside the evidence")
        ratio = float(inside.mean() - outside.mean()) / spread
        return abs(ratio) if self.absolute else ratio
