"""What is claimed of consensus and gaze, as tests: a claim is that a figure lies above 0.

All margins were chosen before any result was seen. Figures are paired by patient, label and seed, for new patients and new
training runs; p is corrected by Holm's method over the claims of a family.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pellucid.audit.gazing import BLURRED
from pellucid.audit.looking import USUAL
from pellucid.audit.models import Figure, Side
from pellucid.audit.plausible import CENTRE, DECIDES, lacking
from pellucid.crossed import Estimate, difference, estimate
from pellucid.statistics import holm
from pellucid.studies import ranking
from pellucid.studies.claims import Claim, corrected
from pellucid.studies.comparing import verdict
from pellucid.studies.gaze.agreeing import NOTHING, divergences, recognitions
from pellucid.studies.gaze.gathering import Found, headline
from pellucid.studies.gaze.study import (
    BASELINES,
    COMPARABLE,
    CONSENSUS,
    DISTILLED,
    ENSEMBLE,
    FAITHFUL,
    GUIDED,
    HEADLINE,
    SINGLE,
    STRATEGIES,
)

HALVED, TOLD, LOST, KEPT, SHARE = 0.5, 0.05, 0.01, 0.02, 0.8
"""Divergence left, accuracy over chance, AUROC and faithfulness lost, at most; the share of a gain that a student keeps."""

RIVALS = (CENTRE, "random")
GAZED = (DECIDES, "gaze_sauc")

BECAUSE = (
    "both networks have one architecture, training data and filler; how far their outputs can fall at all may differ with the "
    "strategy all the same, so the normalised figure stands beside it"
)
"""Why SRG, a raw figure of perturbation, is compared between strategies."""


def claims(found: Found) -> list[Claim]:
    """Every claim, family by family."""
    families = (_agreeing(found), looking(found), _faithful(found), _student(found), plausible(found))
    return [claim for family in families for claim in family]


def _agreeing(found: Found) -> list[Claim]:
    """Consensus against the plain ensemble."""
    plain, alike = (divergences(found.probes[name], HEADLINE) for name in (ENSEMBLE, CONSENSUS))
    told = recognitions(found.probes[CONSENSUS], HEADLINE)
    chance, runs = 1 / found.study.members, found.predictions
    family = "consensus"
    return corrected(
        [
            Claim(
                family,
                "consensus at least halves the divergence of members (half of the ensemble's minus its own)",
                difference(replace(plain, above=HALVED * plain.above), alike),
            ),
            Claim(
                family,
                f"members of consensus are told apart at most {TOLD:g} above chance (chance + {TOLD:g} minus accuracy)",
                estimate(replace(told, above=chance + TOLD - told.above)),
            ),
            Claim(
                family,
                f"consensus loses under {LOST:g} of the ensemble's AUROC (difference + {LOST:g})",
                ranking.difference(runs[CONSENSUS], runs[ENSEMBLE], spare=LOST),
            ),
        ]
    )


def looking(found: Found) -> list[Claim]:
    """Consensus with gaze against what knows nothing of the model, each under its best blur."""
    return corrected([_beyond(found, metric, rival) for metric in GAZED for rival in RIVALS])


def _beyond(found: Found, metric: str, rival: str) -> Claim:
    text = f"{HEADLINE} on {GUIDED} has more {metric} than {rival}, each under its best blur"
    if not found.has(rival) or metric not in found.models.plan.metrics:
        return Claim("gaze", text, NOTHING, refused=f"{rival} or {metric} was not audited")
    return Claim("gaze", text, found.models.against(headline(GUIDED), Side(GUIDED, rival), metric, setting=BLURRED))


def _faithful(found: Found) -> list[Claim]:
    """Consensus with gaze against the plain ensemble: is faithfulness kept, or raised?"""
    pairs = [
        (metric, spare) for spare in (KEPT, 0.0) for metric in (FAITHFUL, COMPARABLE) if metric in found.models.plan.metrics
    ]
    return corrected([_kept(found, metric, spare) for metric, spare in pairs])


def _kept(found: Found, metric: str, spare: float) -> Claim:
    words = f"loses under {spare:g} of the ensemble's {metric} (difference + {spare:g})" if spare else f"raises {metric}"
    sides = headline(GUIDED), headline(ENSEMBLE)
    return Claim("faithfulness", f"{GUIDED} {words}", found.models.against(*sides, metric, spare=spare, because=BECAUSE))


def _student(found: Found) -> list[Claim]:
    """The student's gain over the single model against that of its teacher."""
    text = f"{DISTILLED} keeps at least {SHARE:.0%} of what {GUIDED} gains over {SINGLE} in {DECIDES}, each under its best blur"
    if DECIDES not in found.models.plan.metrics:
        return []
    student, teacher, single = (Figure(headline(name), DECIDES, BLURRED) for name in (DISTILLED, GUIDED, SINGLE))
    gained = found.models.combined({student: 1.0, teacher: -SHARE, single: SHARE - 1.0})
    of_teacher = found.models.against(teacher.side, single.side, DECIDES, setting=BLURRED)
    why = "" if verdict(of_teacher.value, of_teacher.p, True) == "holds" else f"{GUIDED} is not shown to gain anything"
    return corrected([Claim("student", text, gained, refused=why)])


def share_kept(found: Found) -> Estimate:
    """The student's gain over that of its teacher, both over the single model."""
    student, teacher, single = (Figure(headline(name), DECIDES, BLURRED) for name in (DISTILLED, GUIDED, SINGLE))
    return found.models.combined({student: 1.0, single: -1.0}, {teacher: 1.0, single: -1.0})


def plausible(found: Found) -> list[Claim]:
    """Is a strategy more plausible than the single model? Refused where controls do as well, or a blur explains it."""
    if DECIDES not in found.models.plan.metrics:
        return []
    others = [name for name in STRATEGIES if name != SINGLE]
    text = f"{HEADLINE} on {{}} is more plausible than on {SINGLE} ({DECIDES}, each under its best blur)"
    drawn = [Claim("plausibility", text.format(name), _over_single(found, name, BLURRED)) for name in others]
    beaten = _beaten(found, others)
    return [
        replace(claim, refused=_refusal(found, name, claim, beaten.get(name, {})))
        for name, claim in zip(others, corrected(drawn), strict=True)
    ]


def _over_single(found: Found, name: str, setting: str) -> Estimate:
    return found.models.against(headline(name), headline(SINGLE), DECIDES, setting=setting)


def _refusal(found: Found, name: str, claim: Claim, beaten: dict[str, bool]) -> str:
    if missing := lacking(found.models.plan.explainers, beaten):
        return missing
    raw = _over_single(found, name, "")
    if claim.verdict != "holds":
        blurs = "what is gained without a blur is not shown where each side has its best one"
        return blurs if verdict(raw.value, raw.p, True) == "holds" else ""
    as_good = [control for control, is_beaten in beaten.items() if not is_beaten]
    return f"not shown to be better than {', '.join(as_good)}" if as_good else ""


def _beaten(found: Found, names: Sequence[str]) -> dict[str, dict[str, bool]]:
    """Whether each strategy is shown to be better than each control, by all of these tests together."""
    tests = [(name, control, _over(found, name, control)) for name in names for control in _controls(found, name)]
    adjusted = holm([e.p for _, _, e in tests])
    result: dict[str, dict[str, bool]] = {}
    for (name, control, e), p in zip(tests, adjusted, strict=True):
        result.setdefault(name, {})[control] = verdict(e.value, float(p), True) == "holds"
    return result


def _over(found: Found, name: str, control: str) -> Estimate:
    return found.models.against(headline(name), Side(name, control), DECIDES, setting=BLURRED)


def _controls(found: Found, name: str) -> Iterator[str]:
    """What knows nothing of the model and has a figure."""
    for control in (USUAL, *BASELINES):
        if not np.isnan(found.models.figure(Side(name, control), DECIDES, setting=BLURRED).value):
            yield control
