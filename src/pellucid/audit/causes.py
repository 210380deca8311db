"""Known causes: where the data say what generated a label, does a method point there?

In phantoms the cause of a label is known, and may be planted where no person would look (a shortcut). An explanation of a model
that learned the shortcut is right if it shows the shortcut, and wrong, however plausible, if it shows what people marked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from pellucid.audit.finished import Finished
from pellucid.audit.highlighting import phrases
from pellucid.audit.judging import CAUSE
from pellucid.audit.shard import Shard
from pellucid.audit.tabulating import Cell, cell
from pellucid.metrics.base import shares
from pellucid.statistics import bootstrap_mean

METRIC = "average_precision"
SHOWN_PHRASES = 5
FEWEST = 6
"""Patients without whom nothing is said of chance: with five, even one sign in all of them has p = 0.06."""


@dataclass(frozen=True)
class CauseRow:
    """One method.

    Attributes:
        known: average precision against the cause, on every target whose cause is known.
        points: share of the planted targets whose strongest word lies on the planted cause; of equally strong ones, their
            share.
        on_cause, on_evidence: share of the explanation that lies on the planted cause, and on what people marked, where both
            are not the same; targets without marks are left out of the latter.
    """

    name: str
    baseline: bool
    known: Cell
    points: Cell
    on_cause: Cell
    on_evidence: Cell


@dataclass(frozen=True)
class PlantedLabel:
    """A label with a planted cause.

    Attributes:
        targets: how many explanations are behind the ranking.
        cause: the phrases that were planted.
        ranked: for each method, the phrases that hold most of its explanations, with their mean share in percent and whether
            they lie on the planted cause.
    """

    label: str
    targets: int
    cause: list[str]
    ranked: list[tuple[str, list[tuple[str, str, bool]]]]


@dataclass
class _Tally:
    """Sums of one label's planted targets."""

    targets: int = 0
    causes: set[str] = field(default_factory=set)
    mass: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))


@dataclass(frozen=True)
class Causes:
    """The section on known causes.

    Attributes:
        planted: the labels with a planted cause.
        pointing: names of the methods whose strongest word lies on the planted cause more often than not, beyond chance: the
            whole interval is above one half.
        methods: how many methods there are.
        patients: how many have a planted cause; with fewer than :data:`FEWEST`, no method is named.
    """

    rows: list[CauseRow]
    planted: list[PlantedLabel]
    pointing: list[str]
    methods: int
    patients: int

    @property
    def enough(self) -> bool:
        """Whether there are patients enough to speak of chance."""
        return self.patients >= FEWEST


def causes(audit: Finished) -> Causes | None:
    """How the methods stand against known causes; None where no cause is known."""
    if not audit.counts.get("targets with known cause"):
        return None
    on, patients, tallies = _masses(audit)
    draws, seed = audit.plan.draws, audit.plan.seed
    rows, pointing = [], []
    for name in [*audit.methods, *audit.baselines]:
        known = cell(audit.frame.interval(name, METRIC, CAUSE, draws, seed))
        parts = ("points", "cause", "evidence")
        mean = [bootstrap_mean(on[name, what], patients, draws=draws, seed=seed) for what in parts]
        rows.append(CauseRow(name, name in audit.baselines, known, *map(cell, mean)))
        if name in audit.methods and mean[0].low > 0.5:
            pointing.append(name)
    planted = [_ranked(label, tally, audit.methods) for label, tally in sorted(tallies.items())]
    people = len(set(patients))
    return Causes(rows, planted, pointing if people >= FEWEST else [], len(audit.methods), people)


def _masses(audit: Finished) -> tuple[dict[tuple[str, str], list[float]], list[str], dict[str, _Tally]]:
    """Of every planted target: the share of each explanation on cause and evidence, its patient, and its phrases."""
    on: dict[tuple[str, str], list[float]] = defaultdict(list)
    patients: list[str] = []
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for whole in audit.explained():
        planted = [k for k, t in enumerate(whole.facts["targets"]) if t["planted"]]
        patients += [whole.facts["patient"]] * len(planted)
        if not planted:
            continue
        cause, truth = whole.array("cause"), whole.array("truth")
        for k in planted:
            tally = tallies[whole.facts["targets"][k]["label"]]
            tally.targets += 1
            tally.causes |= {phrase for phrase, _ in _planted_phrases(whole, cause[k])}
        for name in audit.explainers:
            for k, scores in zip(planted, whole.array(f"scores/{name}")[planted], strict=True):
                share = shares(scores)
                top = share == share.max(initial=0.0)
                on[name, "points"].append(float(cause[k][top].mean()) if share.any() else 0.0)
                on[name, "cause"].append(float(share[cause[k]].sum()))
                elsewhere = float(share[truth[k] & ~cause[k]].sum())
                on[name, "evidence"].append(elsewhere if truth[k].any() else np.nan)
                mass = tallies[whole.facts["targets"][k]["label"]].mass[name]
                for phrase, part in _phrases_of(whole, share, cause[k], truth[k]):
                    mass[phrase] += part
    return on, patients, tallies


def _planted_phrases(whole: Shard, cause: Bool[np.ndarray, " U"]) -> list[tuple[str, float]]:
    """The planted phrases of a text, in small letters; an image has none."""
    if not whole.facts["text"]:
        return []
    found = phrases(whole.facts["text"], whole.array("offsets"), cause, cause * 1.0)
    return [(phrase.lower(), part) for phrase, part in found]


def _phrases_of(
    whole: Shard, share: Float[np.ndarray, " U"], cause: Bool[np.ndarray, " U"], truth: Bool[np.ndarray, " U"]
) -> list[tuple[str, float]]:
    """An explanation cut into planted phrases and marked phrases, each whole, and every other word alone; in small letters."""
    text = whole.facts["text"]
    if not text:
        return []
    offsets = whole.array("offsets")
    rest = ~cause & ~truth & (share > 0)
    alone = [(text[a:b], part) for (a, b), part in zip(offsets[rest].tolist(), share[rest].tolist(), strict=True)]
    found = [*phrases(text, offsets, cause, share), *phrases(text, offsets, truth & ~cause, share), *alone]
    return [(phrase.lower(), part) for phrase, part in found]


def _ranked(label: str, tally: _Tally, methods: list[str]) -> PlantedLabel:
    ranked = []
    for name in methods:
        heaviest = sorted(tally.mass[name].items(), key=lambda item: (-item[1], item[0]))[:SHOWN_PHRASES]
        shown = [
            (phrase, f"{100 * part / tally.targets:.0f} %", phrase in tally.causes) for phrase, part in heaviest if part > 0
        ]
        ranked.append((name, shown))
    return PlantedLabel(label, tally.targets, sorted(tally.causes), ranked)
