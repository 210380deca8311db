"""Does a method's map listen to the sentence? In words, and only where the interval allows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.alignment.answers import Answers
from pellucid.alignment.findings import AUROC, LEAN, SWAP
from pellucid.alignment.plan import AlignmentPlan
from pellucid.audit.wording import plural
from pellucid.statistics import Interval, bootstrap_mean

LEAST = 6
"""Patients below which nothing is said: with fewer, even changes that all have one sign could be chance at the level of 5 %."""

Kind = Literal["listens", "insensitive", "contrary", "unclear"]


@dataclass(frozen=True)
class Verdict:
    """What may be said of a method.

    Attributes:
        kind: "listens" (the map leaves its place when sides are swapped, by more than the margin), "insensitive" (the change is
            shown to lie within the margin), "contrary" (the map fits better then), or "unclear" (the interval cannot tell, or
            nothing was measured).
        measure: what changes: "AUROC", or, where nobody marked places, "share on the named side" of what lies on either.
        change: its mean fall when sides are swapped.
        sentence: the verdict in words.
    """

    method: str
    kind: Kind
    measure: str
    change: Interval
    sentence: str


def verdict(answers: Answers, plan: AlignmentPlan, method: str) -> Verdict:
    """Judge one method."""
    measure, fall = "AUROC", answers.column(method, AUROC) - answers.column(method, AUROC, SWAP)
    if np.isnan(fall).all():
        measure = "share on the named side"
        fall = (answers.column(method, LEAN) - answers.column(method, LEAN, SWAP)) / 2
    change = bootstrap_mean(fall, answers.patients, draws=plan.draws, seed=plan.seed)
    kind = decided(change, plan.margin)
    return Verdict(method, kind, measure, change, _said(method, kind, measure, change, plan.margin))


def decided(change: Interval, margin: float) -> Kind:
    """What an interval of the fall allows to be said."""
    if change.patients < LEAST or math.isnan(change.low):
        return "unclear"
    if change.low > margin:
        return "listens"
    if change.high < -margin:
        return "contrary"
    if -margin < change.low and change.high < margin:
        return "insensitive"
    return "unclear"


def points(interval: Interval) -> str:
    """A share with its interval in points: "12.0 points [9.1, 14.8]"."""
    return f"{_number(interval.value)} points [{_number(interval.low)}, {_number(interval.high)}]"


def _said(method: str, kind: Kind, measure: str, change: Interval, margin: float) -> str:
    if change.n == 0:
        return f"{method} cannot be judged: no sentence that names one side was swapped and measured."
    if change.patients < LEAST:
        return (
            f"{method} cannot be judged: sentences of {plural(change.patients, 'patient')} are too few; give at least {LEAST}."
        )
    limit = f"the margin of {100 * margin:g} points"
    return {
        "listens": f"{method} listens to the sentence: when its side is swapped, {measure} falls by {points(change)}.",
        "insensitive": f"{method} is text-insensitive: swapping sides changes {measure} by {points(change)}, within {limit}.",
        "contrary": f"{method} contradicts the sentence: when sides are swapped, {measure} rises by {points(_turned(change))}.",
        "unclear": f"{method} cannot be judged: swapping sides changes {measure} by {points(change)}, which may be more or "
        f"less than {limit}.",
    }[kind]


def _turned(change: Interval) -> Interval:
    return Interval(-change.value, -change.high, -change.low, change.n, change.patients)


def _number(value: float) -> str:
    text = f"{100 * value:.1f}"
    return text.replace("-", "−") if float(text) else "0.0"
