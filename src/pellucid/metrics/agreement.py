"""How far two people who marked the same text agree, beyond what chance alone would make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pellucid.metrics.base import Need, Reading, Undefined
from pellucid.metrics.facts import Facts
from pellucid.metrics.tokens import counts


@dataclass(frozen=True)
class Kappa(Facts):
    """Cohen's kappa of shown and marked units: (agreement - chance) / (1 - chance), over all units; 0 is chance, 1 is full.

    Raises:
        Undefined: all units are shown and all are marked; or as :func:`pellucid.metrics.tokens.counts`.
    """

    name: ClassVar[str] = "kappa"
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    needs: ClassVar[tuple[Need, ...]] = ("evidence", "threshold")
    cites: ClassVar[str] = "Cohen 1960, A coefficient of agreement for nominal scales"

    def __call__(self, reading: Reading) -> float:
        both, shown, marked = counts(reading)
        units = len(reading.scores)
        ours, theirs = (both + shown) / units, (both + marked) / units
        chance = ours * theirs + (1 - ours) * (1 - theirs)
        if chance == 1.0:
            raise Undefined("all units are shown and all are marked")
        return ((units - shown - marked) / units - chance) / (1 - chance)
