"""Where an explanation points for want of evidence of its own.

A wrongly assigned label has none, but its case may hold evidence of other labels, and a model that errs may well read that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.metrics.base import Modalities, Need, Reading, Undefined
from pellucid.metrics.checked import scores_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.top import first_places
from pellucid.registry import metrics


@metrics.register("evidence_of_other_labels_at_5", k=5)
@dataclass(frozen=True)
class EvidenceOfOtherLabelsAtK(Facts):
    """Share of the first k units that people marked for another label of the case, and not for this one.

    k is the number of units where the case has fewer. Chance level: the share of all units that are so marked, which is what a
    constant map gets (equal scores at the k-th place count in expectation). Neither direction is better: for a wrong label it
    says what the model mistook for evidence.

    Raises:
        Undefined: no other label of the case has evidence; no units; a score is not finite.
    """

    k: int = 5
    higher_is_better: ClassVar[bool | None] = None
    needs: ClassVar[tuple[Need, ...]] = ("others",)
    modalities: ClassVar[Modalities] = ("text",)
    cites = "Own definition, for the false positives that Edin et al. 2024 leave out"

    @property
    def name(self) -> str:
        return f"evidence_of_other_labels_at_{self.k}"

    def __call__(self, reading: Reading) -> float:
        scores = scores_of(reading)
        if reading.others is None or not reading.others.any():
            raise Undefined("no other label of the case has evidence")
        places = min(self.k, len(scores))
        return first_places(scores, np.asarray(reading.others, dtype=bool), places).expected / places
