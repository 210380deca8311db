"""The human ceiling: how well one annotator's marks would do as an explanation, judged by what other people marked.

An annotator's marks are read as scores of 1 and 0, shown where they are 1, and given to the metrics that judge explanations.
What they are judged by is the union of the marks of all *other* annotators: the truth of an audit (the union of everyone's
marks), without the one who is judged. Against each other annotator alone is the second reading; with two annotators a case the
two are the same.

Chance, for metrics of what is shown, is the annotator's own marks moved round the text by a random number of units: as many, in
as few pieces, elsewhere. For metrics of a ranking it is the map that gives every unit the same score, whose value is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from pellucid import registry
from pellucid.audit.aggregate import COUNTED, POOLED, Frame, Row
from pellucid.case import Case, Spans, by_annotator, marked
from pellucid.finding import Finding, to_table
from pellucid.metrics.agreement import Kappa
from pellucid.metrics.base import Metric, Reading, Undefined
from pellucid.randomness import stream
from pellucid.units import TextUnits, sentences, words

ANNOTATOR = "annotator"
"""An annotator, judged by the union of the others: the ceiling."""
EACH = "annotator_each"
"""An annotator, judged by each other one alone."""
CHANCE = "annotator_chance"
"""What knows nothing of the text, judged by the union of the others."""
PLAIN = ("token_precision", "token_recall", "token_f1", "iou_at_size", "average_precision", "match_exact")
SHIFTS = 4
"""Random places at which chance is measured for each annotator of a case."""

Unit = Literal["word", "sentence"]


@dataclass(frozen=True, eq=False)
class Peer:
    """One annotator beside the others, for one label of one case.

    Attributes:
        annotator: the name.
        units: what the rows are about; those of the whole text.
        marks: the units that the annotator marked; at least one.
        others: the units that each of the others marked, a row a person, each with at least one.
    """

    annotator: str
    units: TextUnits
    marks: Bool[np.ndarray, " U"]
    others: Bool[np.ndarray, "A U"]

    @property
    def union(self) -> Bool[np.ndarray, " U"]:
        """The units that any of the others marked."""
        return np.asarray(self.others.any(axis=0))


def peers(case: Case, label: str, unit: Unit = "word") -> list[Peer]:
    """Every annotator who marked something for the label (or for the whole case), beside the others, in the order of names.

    Annotators whose marks cover no unit are left out; with fewer than two left there is nobody to compare, and the list is
    empty. Marks of people whom the data set does not tell apart count for nobody, and neither do marks of an image. A text is
    read only where two are named.
    """
    named = by_annotator(mark for mark in case.evidence_for(label) if isinstance(mark, Spans))
    if len(named) < 2:
        return []
    units = words(case.text) if unit == "word" else sentences(case.text)
    rows = {name: marked(marks, units) for name, marks in named.items()}
    rows = {name: row for name, row in rows.items() if row.any()}
    if len(rows) < 2:
        return []
    return [Peer(name, units, row, np.array([r for n, r in rows.items() if n != name])) for name, row in rows.items()]


def stand_in(scores: Float[np.ndarray, " U"], signed: bool, threshold: float | None, peer: Peer) -> Reading:
    """An explanation in the place of one annotator: judged by exactly what that annotator is judged by.

    Its mean over the peers of a case and label is what stands beside the ceiling. The union of *all* annotators, by which an
    audit judges, holds more units, and so gives an explanation more chances to be right.

    Args:
        scores: one a unit of `peer.units`.
    """
    return Reading(scores, signed, peer.units, peer.union, threshold)


def findings(cases: Iterable[Case], unit: Unit = "word", seed: int = 0) -> Iterator[Finding]:
    """One finding for each case, label and metric that annotators can be compared by: the mean over the annotators.

    The column `explainer` says what is compared: :data:`ANNOTATOR`, :data:`EACH` or :data:`CHANCE`.
    """
    metrics: dict[str, Metric] = {name: registry.metrics.create(name) for name in (*COUNTED, *PLAIN)} | {"kappa": Kappa()}
    for case, label in ((item, label) for item in cases for label in sorted(item.labels)):
        if found := peers(case, label, unit):
            sides = {
                ANNOTATOR: _means(metrics, [_reading(peer.marks, peer.union, peer) for peer in found]),
                EACH: _means(metrics, [_reading(peer.marks, other, peer) for peer in found for other in peer.others]),
                CHANCE: _chance(metrics, found, [stream(seed, "ceiling", case.id, label, p.annotator) for p in found]),
            }
            for side, values in sides.items():
                for name, value in values.items():
                    yield Finding(case.id, case.patient, label, "", side, name, "", value, 0)


def human_ceiling(cases: Iterable[Case], *, unit: Unit = "word", draws: int = 2000, seed: int = 0) -> list[Row]:
    """How well people explain each other's answers, by the metrics that judge explanations, with intervals over patients.

    Args:
        cases: any; those in which fewer than two named annotators marked units for a label say nothing.
        unit: what marks are compared in.
        draws: bootstrap draws of every interval.
        seed: of the draws, and of the places of chance.

    Returns:
        Rows as those of an audit's summary, in which `explainer` is :data:`ANNOTATOR`, :data:`EACH` or :data:`CHANCE`; empty
        if there is nothing to compare. The average precision of an annotator is that of a ranking in two blocks (marked, not
        marked): a method that grades its words can exceed it without agreeing better.
    """
    table = to_table(list(findings(cases, unit, seed)))
    if not len(table):
        return []
    frame, names = Frame(table), [*POOLED, *PLAIN, "kappa"]
    sides = [(side, name) for side in (ANNOTATOR, EACH, CHANCE) for name in names]
    return [Row(side, name, "", "", frame.interval(side, name, "", draws, seed)) for side, name in sides]


def _reading(marks: Bool[np.ndarray, " U"], truth: Bool[np.ndarray, " U"], peer: Peer) -> Reading:
    return Reading(marks.astype(np.float64), False, peer.units, truth, threshold=0.0)  # every marked unit is shown


def _chance(metrics: Mapping[str, Metric], found: list[Peer], generators: list[np.random.Generator]) -> dict[str, float]:
    ranking = {name: metric for name, metric in metrics.items() if "threshold" not in metric.needs}
    shown = {name: metric for name, metric in metrics.items() if name not in ranking}
    equal = [_reading(np.ones_like(peer.marks), peer.union, peer) for peer in found]
    moved = [
        _reading(np.roll(peer.marks, place), peer.union, peer)
        for peer, generator in zip(found, generators, strict=True)
        for place in generator.integers(len(peer.units), size=SHIFTS)
    ]
    return _means(ranking, equal) | _means(shown, moved)


def _means(metrics: Mapping[str, Metric], readings: list[Reading]) -> dict[str, float]:
    """The mean of each metric over the readings; NaN where it refuses one of them."""
    return {name: float(np.mean([_value(metric, reading) for reading in readings])) for name, metric in metrics.items()}


def _value(metric: Metric, reading: Reading) -> float:
    try:
        return metric(reading)
    except Undefined:
        return float("nan")
