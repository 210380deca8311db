"""What should happen under each perturbation, and whether it did.

Every rule has a tolerance of the plan, stated beside it. A rule is about a map or about the score of the pair.

* decrease: the map's AUROC against the marks falls by more than `fall`; the score by more than `score_fall` standard
  deviations.
* invariance: the map's divergence from that of the true sentence is at most `drift` of the mean divergence for random
  sentences, which must be more than that of a map that stays; the score falls by no more than `score_fall` standard deviations.
* mirror: the map leans to the named side by more than `lean`, and its twin to the other side by more than that.

A map without a positive score lies nowhere: it does not pass where a map should stay or change sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from pellucid.alignment.answers import Answers
from pellucid.alignment.findings import AUROC, JS, LEAN, RANDOM
from pellucid.alignment.plan import BASELINES, ELSEWHERE, MIRROR, RANDOM_BOXES, REGION, SAME_FINDING, AlignmentPlan
from pellucid.alignment.sensitivity import STILL_BITS
from pellucid.alignment.shares import share_of
from pellucid.rewording import REWORDINGS
from pellucid.rewording.base import Expected
from pellucid.statistics import Interval, bootstrap_mean, paired_test

By = Literal["map", "score"]
SCORE = "pair_score"
ORDER: tuple[Expected, ...] = ("mirror", "decrease", "invariance")
_SAME = 1e-9
"""Spread below which scores are all the same."""


@dataclass(frozen=True)
class Rule:
    """What should happen to maps, or to scores, under one perturbation."""

    setting: str
    expected: Expected
    by: By


@dataclass(frozen=True, eq=False)
class Outcome:
    """What did happen to each of N sentences; NaN where the rule does not apply.

    Attributes:
        passed: 1 where it is as expected, else 0.
        before, after: what was compared; their difference is the effect.
    """

    passed: Float[np.ndarray, " N"]
    before: Float[np.ndarray, " N"]
    after: Float[np.ndarray, " N"]


@dataclass(frozen=True)
class Passed:
    """How often a rule held.

    Attributes:
        method: empty for rules about scores, which are the model's own.
        rate: share of sentences that pass.
        effect: mean fall of AUROC ("decrease"), of the score in standard deviations (by score), or of the lean ("mirror"); the
            mean divergence as a share of that for random sentences ("invariance" of a map).
        p: of the effect being 0; NaN for a divergence, which cannot be, and for baselines, of which nothing is claimed.
        p_holm: the same, corrected for all tests of the audit.
    """

    method: str
    setting: str
    expected: Expected
    by: By
    rate: Interval
    effect: Interval
    p: float
    p_holm: float = float("nan")


def rules(plan: AlignmentPlan) -> Iterator[Rule]:
    """All rules of a plan, those of sides first; what has no rule (another patient's picture) is only measured."""
    for name in sorted(plan.rewordings, key=lambda name: ORDER.index(REWORDINGS[name].expected)):
        expected = REWORDINGS[name].expected
        yield Rule(name, expected, "map")
        yield Rule(name, "decrease" if expected == "mirror" else expected, "score")
    images: dict[str, tuple[Rule, ...]] = {
        MIRROR: (Rule(MIRROR, "mirror", "map"), Rule(MIRROR, "invariance", "score")),
        REGION: (Rule(REGION, "decrease", "score"),),
        ELSEWHERE: (Rule(ELSEWHERE, "invariance", "score"),),
        SAME_FINDING: (Rule(SAME_FINDING, "decrease", "score"),),
        RANDOM_BOXES: (Rule(RANDOM_BOXES, "decrease", "map"),),
    }
    for name in plan.images:
        yield from images.get(name, ())


def passes(answers: Answers, plan: AlignmentPlan, methods: list[str]) -> Iterator[Passed]:
    """Every rule that applies to a sentence at least, for every method; rules about scores once."""
    for rule in rules(plan):
        for method in methods if rule.by == "map" else [""]:
            found = outcome(answers, plan, rule, method)
            if not np.isnan(found.passed).all():
                yield _summed(answers, plan, rule, method, found)


def outcome(answers: Answers, plan: AlignmentPlan, rule: Rule, method: str) -> Outcome:
    """What happened to each sentence."""
    judged: dict[tuple[By, Expected], Callable[..., Outcome]] = {
        ("map", "decrease"): _map_falls,
        ("map", "invariance"): _map_stays,
        ("map", "mirror"): _map_turns,
        ("score", "decrease"): _score_falls,
        ("score", "invariance"): _score_stays,
    }
    return judged[rule.by, rule.expected](answers, plan, rule.setting, method)


def _map_falls(answers: Answers, plan: AlignmentPlan, setting: str, method: str) -> Outcome:
    before, after = answers.column(method, AUROC), answers.column(method, AUROC, setting)
    return _outcome(before - after > plan.fall, before, after)


def _map_stays(answers: Answers, plan: AlignmentPlan, setting: str, method: str) -> Outcome:
    apart, random = answers.column(method, JS, setting), answers.column(method, JS, RANDOM)
    usual = float(np.nanmean(random)) if not np.isnan(random).all() else 0.0
    moves = usual >= STILL_BITS  # less is rounding, or next to it: no unit to measure in, and staying is no merit
    applies = answers.measured(method, JS, setting) & moves
    share = apart / (usual if moves else np.nan)
    return Outcome(np.where(applies, share <= plan.drift, np.nan), share, np.zeros(len(share)))


def _map_turns(answers: Answers, plan: AlignmentPlan, setting: str, method: str) -> Outcome:
    before, after = answers.column(method, LEAN), answers.column(method, LEAN, setting)
    passed = (before > plan.lean) & (after < -plan.lean)
    return Outcome(np.where(answers.measured(method, LEAN, setting), passed, np.nan), before, after)


def _score_falls(answers: Answers, plan: AlignmentPlan, setting: str, method: str) -> Outcome:
    before, after = _scores(answers, setting)
    return _outcome(before - after > plan.score_fall, before, after)


def _score_stays(answers: Answers, plan: AlignmentPlan, setting: str, method: str) -> Outcome:
    before, after = _scores(answers, setting)
    return _outcome(before - after <= plan.score_fall, before, after)


def _scores(answers: Answers, setting: str) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Scores with the sentence and under the perturbation, in standard deviations over true and random sentences."""
    known = np.concatenate([answers.column("", SCORE), answers.column("", SCORE, RANDOM)])
    spread = float(np.nanstd(known)) if not np.isnan(known).all() else 0.0
    unit = spread if spread > _SAME else np.nan
    return answers.column("", SCORE) / unit, answers.column("", SCORE, setting) / unit


def _outcome(passed: np.ndarray, before: Float[np.ndarray, " N"], after: Float[np.ndarray, " N"]) -> Outcome:
    return Outcome(np.where(np.isnan(before + after), np.nan, passed), before, after)


def _summed(answers: Answers, plan: AlignmentPlan, rule: Rule, method: str, found: Outcome) -> Passed:
    draws, seed, patients = plan.draws, plan.seed, answers.patients
    rate = share_of(found.passed, patients, draws, seed)
    effect = bootstrap_mean(found.before - found.after, patients, draws=draws, seed=seed)
    tested = rule.by == "score" or (rule.expected != "invariance" and method not in BASELINES)
    p = paired_test(found.before, found.after, patients, seed=seed).p if tested else float("nan")
    return Passed(method, rule.setting, rule.expected, rule.by, rate, effect, p)
