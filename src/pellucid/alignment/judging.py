"""From findings to what may be said: where maps lie, whether the text matters, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.alignment.answers import SUBSETS, Answers
from pellucid.alignment.findings import AUROC, JS, JS_FLIPPED, KL, LEAN, MATCHING, RANDOM
from pellucid.alignment.hearing import NULL
from pellucid.alignment.optout import opt_out_auroc
from pellucid.alignment.passing import Passed, passes
from pellucid.alignment.plan import BASELINES, MIRROR, OTHER_PATIENT, PRIOR, RANDOM_BOXES, AlignmentPlan
from pellucid.alignment.sensitivity import FIRST_ORDER, IMAGE, MADE, METHOD, RATIO, TEXT, moved_by_picture
from pellucid.alignment.shares import share_of
from pellucid.alignment.verdicts import Verdict, verdict
from pellucid.files import finite
from pellucid.statistics import Interval, bootstrap_mean, bootstrap_ratio, holm, paired_test

NAN = float("nan")
NAMED, TSI, OPT_OUT = "named_side", "text_sensitivity_index", "opt_out_auroc"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        method: empty for figures of the model itself.
        setting: the perturbation; empty for the true sentence.
        subset: one of :data:`pellucid.alignment.answers.SUBSETS`; empty where there are none.
    """

    method: str
    metric: str
    setting: str
    subset: str
    interval: Interval


@dataclass(frozen=True)
class Skill:
    """AUROC of a method less that of the prior for the same sentences, with the p-value of no difference; NaN for baselines."""

    method: str
    subset: str
    interval: Interval
    p: float
    p_holm: float = NAN


@dataclass(frozen=True)
class Judgement:
    """Everything that tables and page say.

    Attributes:
        localisation: where maps lie for true sentences, by subset.
        falls: by how much AUROC falls under each perturbation, by subset.
        sensitivity: divergence of maps under random sentences and other pictures, and the ratio of the two: how much more a map
            moves with the text than with the picture; and, for one map of a few sentences, how far words and pictures move it
            (:mod:`pellucid.alignment.sensitivity`).
        laterality: how far maps lean to the named side, and how often they do.
        skills: AUROC above the prior.
        model: what the scores say: matching, and whether the model and its methods opt out.
        passed: pass rates.
        verdicts: of every method that is no baseline.
    """

    plan: AlignmentPlan
    methods: tuple[str, ...]
    localisation: tuple[Figure, ...]
    falls: tuple[Figure, ...]
    sensitivity: tuple[Figure, ...]
    laterality: tuple[Figure, ...]
    skills: tuple[Skill, ...]
    model: tuple[Figure, ...]
    passed: tuple[Passed, ...]
    verdicts: tuple[Verdict, ...]

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON values; what is missing is null."""
        plain = {**asdict(self), "plan": self.plan.to_json()}
        found: dict[str, Any] = finite({"format": "pellucid.alignment.tables/1", **plain})
        return found


def judge(out: Path, plan: AlignmentPlan, methods: Sequence[str]) -> Judgement:
    """Judge a finished audit; the same findings give the same judgement.

    Raises:
        DataError: the folder holds none, or a damaged one.
    """
    return judged(Answers.open(out), plan, methods)


def judged(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Judgement:
    """Judge what was found."""
    names = list(methods)
    skills, passed = _corrected(list(_skills(answers, plan, names)), list(passes(answers, plan, names)))
    own = [name for name in names if name not in BASELINES]
    return Judgement(
        plan,
        tuple(names),
        tuple(_localisation(answers, plan, names)),
        tuple(_falls(answers, plan, names)),
        tuple(_sensitivity(answers, plan, names)),
        tuple(_laterality(answers, plan, names)),
        tuple(skills),
        tuple(_model(answers, plan, names)),
        tuple(passed),
        tuple(verdict(answers, plan, name) for name in own),
    )


def _localisation(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Figure]:
    tops = [f"{of}_at_{k}_percent" for k in plan.percents for of in ("precision", "recall", "iou")]
    for method in methods:
        for metric in (*plan.metrics, *tops):
            yield from _by_subset(answers, plan, method, metric, "", answers.column(method, metric))


def _falls(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Figure]:
    for method in methods:
        true = answers.column(method, AUROC)
        for setting in (*plan.rewordings, RANDOM_BOXES):
            yield from _by_subset(answers, plan, method, "fall", setting, true - answers.column(method, AUROC, setting))


def _sensitivity(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Figure]:
    for method in methods:
        for metric, setting in ((JS, RANDOM), (KL, RANDOM), (JS, OTHER_PATIENT), (JS_FLIPPED, MIRROR)):
            yield from _mean(answers, plan, method, metric, setting, answers.column(method, metric, setting))
        text, picture = answers.column(method, JS, RANDOM), answers.column(method, JS, OTHER_PATIENT)
        ratio = bootstrap_ratio(text, moved_by_picture(picture), answers.patients, draws=plan.draws, seed=plan.seed)
        if ratio.n:
            yield Figure(method, TSI, "", "", ratio)
    for metric, setting in product((TEXT, IMAGE, RATIO), (FIRST_ORDER, MADE)):
        yield from _mean(answers, plan, METHOD, metric, setting, answers.column(METHOD, metric, setting))


def _laterality(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Figure]:
    for method in methods:
        lean = answers.column(method, LEAN)
        yield from _mean(answers, plan, method, LEAN, "", lean)
        yield from _share(answers, plan, method, NAMED, "", np.where(np.isnan(lean), np.nan, lean > plan.lean))


def _model(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Figure]:
    for metric in MATCHING:
        yield from _share(answers, plan, "", metric, RANDOM, answers.column("", metric, RANDOM))
    for method in ("", *methods):
        null = np.where(answers.placed | answers.absent, answers.column(method, NULL), np.nan)
        if not np.isnan(null).all():
            area = opt_out_auroc(null, answers.absent, answers.patients, plan.draws, plan.seed)
            yield Figure(method, OPT_OUT, "", "", area)
            for subset, rows in (("with a place", answers.placed), ("absent", answers.absent)):
                yield from _mean(answers, plan, method, NULL, "", np.where(rows, null, np.nan), subset)


def _skills(answers: Answers, plan: AlignmentPlan, methods: Sequence[str]) -> Iterator[Skill]:
    if PRIOR not in methods:
        return
    prior = answers.column(PRIOR, AUROC)
    for method in methods:
        for subset in SUBSETS if method != PRIOR else ():
            own = np.where(answers.subsets[subset], answers.column(method, AUROC), np.nan)
            interval = bootstrap_mean(own - prior, answers.patients, draws=plan.draws, seed=plan.seed)
            if interval.n:
                p = NAN if method in BASELINES else paired_test(own, prior, answers.patients, seed=plan.seed).p
                yield Skill(method, subset, interval, p)


def _by_subset(
    answers: Answers, plan: AlignmentPlan, method: str, metric: str, setting: str, values: np.ndarray
) -> Iterator[Figure]:
    for subset in SUBSETS:
        inside = np.where(answers.subsets[subset], values, np.nan)
        yield from _mean(answers, plan, method, metric, setting, inside, subset)


def _mean(
    answers: Answers, plan: AlignmentPlan, method: str, metric: str, setting: str, values: np.ndarray, subset: str = ""
) -> Iterator[Figure]:
    """The mean with its interval; nothing where nothing was measured."""
    if not np.isnan(values).all():
        interval = bootstrap_mean(values, answers.patients, draws=plan.draws, seed=plan.seed)
        yield Figure(method, metric, setting, subset, interval)


def _share(
    answers: Answers, plan: AlignmentPlan, method: str, metric: str, setting: str, values: np.ndarray
) -> Iterator[Figure]:
    """A share with its interval; nothing where nothing was measured."""
    if not np.isnan(values).all():
        yield Figure(method, metric, setting, "", share_of(values, answers.patients, plan.draws, plan.seed))


def _corrected(skills: list[Skill], passed: list[Passed]) -> tuple[list[Skill], list[Passed]]:
    """The same with p-values corrected for all tests together (Holm)."""
    adjusted = holm([one.p for one in skills] + [one.p for one in passed]).tolist()
    first = [replace(one, p_holm=p) for one, p in zip(skills, adjusted, strict=False)]
    second = [replace(one, p_holm=p) for one, p in zip(passed, adjusted[len(skills) :], strict=True)]
    return first, second
