"""Does the model use what people marked? The evidence itself is removed, and kept alone, and so is random text of its length.

The same two figures are taken of an explanation's first units, as many as the evidence has, so that what people marked, what an
explanation names, and chance stand side by side. p is the output on the whole input, on the scale of the plan, and nothing is
divided by it or clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from pellucid.metrics.base import EVERY, Intervention, Modalities, Need, Reading, Undefined
from pellucid.metrics.faithfulness import DE_YOUNG
from pellucid.registry import metrics

CITES = f"{DE_YOUNG}; of human evidence: Edin et al. 2024, released code; the control of random runs is our own"


class _EvidenceUse:
    """Facts that these metrics share; a metric overrides what differs."""

    family: ClassVar[str] = "faithfulness"
    modalities: ClassVar[Modalities] = EVERY
    needs: ClassVar[tuple[Need, ...]] = ("intervention",)
    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    cites: ClassVar[str] = CITES


@metrics.register("comprehensiveness_at_evidence_size")
@dataclass(frozen=True)
class ComprehensivenessAtEvidenceSize(_EvidenceUse):
    """Fall of the output when exactly as many units as the evidence has are removed: p - p(without them); -1 to 1.

    Of the row "human evidence" the units are the evidence, of "random text" runs of its lengths elsewhere (a mean over draws),
    of an explanation its first units.

    Raises:
        Undefined: no intervention was run; the evidence covers nothing that can be removed; fewer units lie outside the
            evidence than in it (random text).
    """

    name: ClassVar[str] = "comprehensiveness_at_evidence_size"

    def __call__(self, reading: Reading) -> float:
        done = _done(reading.intervention)
        return done.whole - done.without


@metrics.register("sufficiency_at_evidence_size")
@dataclass(frozen=True)
class SufficiencyAtEvidenceSize(_EvidenceUse):
    """Fall of the output when only as many units as the evidence has are kept: p - p(only them); -1 to 1, lower is better.

    Raises:
        Undefined: as for comprehensiveness.
    """

    name: ClassVar[str] = "sufficiency_at_evidence_size"
    higher_is_better: ClassVar[bool | None] = False

    def __call__(self, reading: Reading) -> float:
        done = _done(reading.intervention)
        return done.whole - done.only


@metrics.register("comprehensiveness_over_random")
@dataclass(frozen=True)
class ComprehensivenessOverRandom(_EvidenceUse):
    """How much further the output falls without these units than without equally much random text; -1 to 1.

    p(without random text) - p(without the units): the difference of the two figures of comprehensiveness.

    Raises:
        Undefined: as for comprehensiveness, of the units or of the random text.
    """

    name: ClassVar[str] = "comprehensiveness_over_random"
    needs: ClassVar[tuple[Need, ...]] = ("intervention", "control")

    def __call__(self, reading: Reading) -> float:
        return _done(reading.control).without - _done(reading.intervention).without


@metrics.register("sufficiency_over_random")
@dataclass(frozen=True)
class SufficiencyOverRandom(_EvidenceUse):
    """How much further the output falls with nothing but these units than with equally much random text; negative is better.

    p(only random text) - p(only the units): the difference of the two figures of sufficiency; -1 to 1.

    Raises:
        Undefined: as for comprehensiveness, of the units or of the random text.
    """

    name: ClassVar[str] = "sufficiency_over_random"
    needs: ClassVar[tuple[Need, ...]] = ("intervention", "control")
    higher_is_better: ClassVar[bool | None] = False

    def __call__(self, reading: Reading) -> float:
        return _done(reading.control).only - _done(reading.intervention).only


def _done(intervention: Intervention | None) -> Intervention:
    """The intervention, if there is one to speak of."""
    if intervention is None:
        raise Undefined("no intervention was run")
    if not intervention.size:
        raise Undefined("the evidence covers nothing that can be removed")
    if math.isnan(intervention.without):
        raise Undefined("fewer units lie outside the evidence than in it")
    return intervention
