"""Which method is better than which: paired tests on the same cases and targets, corrected for how many were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pellucid.audit.aggregate import Frame
from pellucid.audit.lineup import BASELINES
from pellucid.predictor import Modality
from pellucid.statistics import Paired, holm, paired_test

PRIMARY: dict[Modality, dict[str, tuple[str, ...]]] = {
    "text": {
        "plausibility": ("average_precision", "iou_at_size"),
        "faithfulness": ("comprehensiveness", "naopc_comprehensiveness", "aopc"),
    },
    "image": {
        "plausibility": ("relevance_mass", "average_precision", "iou_at_size"),
        "faithfulness": ("srg", "comprehensiveness", "naopc_comprehensiveness"),
    },
    "table": {
        "plausibility": ("average_precision", "iou_at_size"),
        "faithfulness": ("comprehensiveness", "naopc_comprehensiveness", "srg"),
    },
    "signal": {
        "plausibility": ("relevance_mass", "average_precision", "iou_at_size"),
        "faithfulness": ("srg", "comprehensiveness", "naopc_comprehensiveness"),
    },
}
"""The metric that decides in each family, named before any result is seen: the first one that the plan has."""


@dataclass(frozen=True)
class Contest:
    """One primary metric.

    Attributes:
        family: "plausibility" or "faithfulness".
        setting: the plan's first filler where the metric needs one; else empty.
        higher: whether more is better.
    """

    family: str
    metric: str
    setting: str
    higher: bool


@dataclass(frozen=True)
class Comparison:
    """One method against another on a primary metric.

    Attributes:
        paired: difference (`explainer` minus `against`), interval and p-value.
        adjusted: the p-value after Holm's correction over all comparisons of the same question; NaN without pairs.
        better: the adjusted p-value is below 0.05 and the difference points the right way.
        worse: it is, and points the other way.
    """

    explainer: str
    against: str
    paired: Paired
    adjusted: float
    better: bool
    worse: bool = False


def means(frame: Frame, contest: Contest, explainers: Sequence[str]) -> dict[str, float]:
    """The mean of each explainer on the primary metric; those without any value are left out."""
    found = {}
    for name in explainers:
        values = frame.sample(name, contest.metric, contest.setting).values
        if (~np.isnan(values)).any():
            found[name] = float(np.nanmean(values))
    return found


def best(frame: Frame, contest: Contest, explainers: Sequence[str]) -> str | None:
    """The explainer with the best mean, of equal ones the first; None if none has a value."""
    found = means(frame, contest, explainers)
    sign = 1.0 if contest.higher else -1.0
    return max(found, key=lambda name: sign * found[name]) if found else None


def best_of(frame: Frame, contest: Contest, explainers: Sequence[str]) -> tuple[str | None, str | None]:
    """The best method that uses the model, and the best baseline."""
    methods = [name for name in explainers if name not in BASELINES]
    return best(frame, contest, methods), best(frame, contest, [n for n in explainers if n in BASELINES])


def against_baseline(frame: Frame, contest: Contest, explainers: Sequence[str], seed: int) -> list[Comparison]:
    """Every method against the best of random, uniform and prior. Empty if no baseline was measured."""
    _, baseline = best_of(frame, contest, explainers)
    methods = [name for name in means(frame, contest, explainers) if name not in BASELINES]
    return compare(frame, contest, [(name, baseline) for name in methods if baseline], seed)


def against_best(frame: Frame, contest: Contest, explainers: Sequence[str], seed: int) -> list[Comparison]:
    """The best method against every other one that uses the model."""
    winner, _ = best_of(frame, contest, explainers)
    methods = [name for name in means(frame, contest, explainers) if name not in BASELINES]
    return compare(frame, contest, [(winner, name) for name in methods if winner and name != winner], seed)


def compare(frame: Frame, contest: Contest, pairs: Sequence[tuple[str, str]], seed: int) -> list[Comparison]:
    """The first of each pair against the second, on what both were measured on; corrected over all pairs."""
    found = [Comparison(a, b, _paired(frame, contest, a, b, seed), np.nan, False) for a, b in pairs]
    sign = 1.0 if contest.higher else -1.0
    return [_judged(c, float(p), sign) for c, p in zip(found, holm([c.paired.p for c in found]), strict=True)]


def _judged(comparison: Comparison, p: float, sign: float) -> Comparison:
    """A comparison with its corrected p-value, and what it shows."""
    gain = sign * comparison.paired.difference
    return replace(comparison, adjusted=p, better=p < 0.05 and gain > 0, worse=p < 0.05 and gain < 0)


def _paired(frame: Frame, contest: Contest, a: str, b: str, seed: int) -> Paired:
    """The paired test on what both were measured on."""
    left, right = (frame.sample(name, contest.metric, contest.setting) for name in (a, b))
    _, i, j = np.intersect1d(left.keys, right.keys, return_indices=True)
    return paired_test(left.values[i], right.values[j], left.patients[i], left.seeds[i], seed=seed)
