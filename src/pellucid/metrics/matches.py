"""Match classes: in which of five ways the shown units meet the evidence.

Each class is a metric of value 0 or 1; for one explanation exactly one of them is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool

from pellucid.metrics.base import Modalities, Need, Reading
from pellucid.metrics.checked import evidence_of
from pellucid.metrics.spans import runs
from pellucid.metrics.threshold import shown
from pellucid.registry import metrics

Kind = Literal["empty", "exact", "proximate", "partial", "none"]
NEAR = 10
"""Greatest distance, in units, from a proximate unit to evidence."""


def kind_of_match(visible: Bool[np.ndarray, " U"], truth: Bool[np.ndarray, " U"]) -> Kind:
    """How shown units meet evidence (at least one unit of which exists).

    Returns:
        "empty" if nothing is shown; "exact" if the two are equal; "none" if they are disjoint; "proximate" if every evidence
        run holds a shown unit and every shown unit lies within 10 units of evidence; else "partial".
    """
    if not visible.any():
        return "empty"
    if not (visible & truth).any():
        return "none"
    if (visible == truth).all():
        return "exact"
    hit = all(visible[a:b].any() for a, b in runs(truth))
    return "proximate" if hit and _all_near(visible, truth) else "partial"


def _all_near(visible: Bool[np.ndarray, " U"], truth: Bool[np.ndarray, " U"]) -> bool:
    window = np.ones(2 * NEAR + 1)
    return bool((np.convolve(truth, window)[NEAR:-NEAR][visible] > 0.5).all())


@metrics.register("match_empty", kind="empty")
@metrics.register("match_none", kind="none")
@metrics.register("match_partial", kind="partial")
@metrics.register("match_proximate", kind="proximate")
@metrics.register("match_exact", kind="exact")
@dataclass(frozen=True)
class Match:
    """1 if the shown units meet the evidence in this way (exact, proximate, partial, none, empty), else 0.

    Raises:
        Undefined: no evidence; no threshold was tuned; no units; a score is not finite.
    """

    kind: Kind = "exact"
    range = (0.0, 1.0)
    needs: ClassVar[tuple[Need, ...]] = ("evidence", "threshold")
    family = "plausibility"
    modalities: ClassVar[Modalities] = ("text",)
    cites = "Beckh et al. 2025, The anatomy of evidence"

    @property
    def name(self) -> str:
        return f"match_{self.kind}"

    @property
    def higher_is_better(self) -> bool | None:
        return {"exact": True, "none": False, "empty": False}.get(self.kind)

    def __call__(self, reading: Reading) -> float:
        truth = evidence_of(reading)
        return float(kind_of_match(shown(reading), truth) == self.kind)
