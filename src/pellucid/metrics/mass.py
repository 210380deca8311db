"""How much of a map lies where it should: its positive score as a whole, of which marked pixels hold a share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from pellucid.metrics.base import GRIDS, Modalities, Need, Reading, Undefined, shares
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.registry import metrics

ARRAS = "Arras et al. 2022, CLEVR-XAI: a benchmark dataset for the ground truth evaluation of neural network explanations"


class _Mass(Facts):
    modalities: ClassVar[Modalities] = GRIDS
    cites = f"{ARRAS}; of the positive part"


def mass(reading: Reading, pixels: Bool[np.ndarray, " U"]) -> float:
    """Share of the positive score that lies on `pixels`.

    Raises:
        Undefined: no score is positive; no units; a score is not finite.
    """
    share = shares(scores_of(reading))
    if not share.any():
        raise Undefined("no score is positive")
    return float(min(share[pixels].sum(), 1.0))


@metrics.register("relevance_mass")
@dataclass(frozen=True)
class RelevanceMass(_Mass):
    """Relevance mass accuracy: share of the positive score that lies on the evidence.

    Chance level: the share of pixels that are evidence (`evidence_share`), which is what a constant positive map gets. The
    same quantity is known as attribution localisation and as the energy-based pointing game.

    Raises:
        Undefined: no score is positive; no evidence; no units; a score is not finite.
    """

    name = "relevance_mass"

    def __call__(self, reading: Reading) -> float:
        return mass(reading, evidence_of(reading))


@metrics.register("relevance_mass_gain")
@dataclass(frozen=True)
class RelevanceMassGain(_Mass):
    """Relevance mass over its chance level: how many times more positive score the evidence holds than an even map gives it.

    1 is chance; at most the number of pixels over the number of marked ones.

    Raises:
        Undefined: as for relevance mass.
    """

    name = "relevance_mass_gain"
    range: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    def __call__(self, reading: Reading) -> float:
        truth = evidence_of(reading)
        return mass(reading, truth) / float(truth.mean())


@metrics.register("evidence_share")
@dataclass(frozen=True)
class EvidenceShare(_Mass):
    """Share of the pixels that are evidence: the chance level of relevance mass, relevance rank and pointing game.

    It says how easy a case is, and is the same for every explanation.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """

    name = "evidence_share"
    higher_is_better: ClassVar[bool | None] = None
    cites = "Own definition"

    def __call__(self, reading: Reading) -> float:
        scores_of(reading)
        return float(evidence_of(reading).mean())


@metrics.register("relevance_mass_on_others")
@dataclass(frozen=True)
class RelevanceMassOnOthers(_Mass):
    """Share of the positive score that lies on what people marked for another label of the case, and not for this one.

    A map that moves with its target has little of it.

    Raises:
        Undefined: no other label of the case has evidence; no score is positive; no units; a score is not finite.
    """

    name = "relevance_mass_on_others"
    higher_is_better: ClassVar[bool | None] = False
    needs: ClassVar[tuple[Need, ...]] = ("others",)

    def __call__(self, reading: Reading) -> float:
        if reading.others is None or not reading.others.any():
            raise Undefined("no other label of the case has evidence")
        return mass(reading, np.asarray(reading.others, dtype=bool))
