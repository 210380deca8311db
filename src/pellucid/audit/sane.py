"""The section on noise and shuffled weights: do explanations stay still, and do they depend on the model?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow.compute as pc

from pellucid import finding
from pellucid.audit.finished import Finished
from pellucid.audit.manifest import FINDINGS
from pellucid.audit.sanity import ALIKE, COVERED, FLOOR, NOISE, OTHER, RISE, SHUFFLED, TOP
from pellucid.audit.tabulating import Cell, cell
from pellucid.metrics.robustness import Noise
from pellucid.statistics import Interval

COLUMNS = (
    ("max_sensitivity", NOISE, "Largest change", "relative to the map"),
    ("rank_stability", NOISE, "Rank stability", "1 is the same ranking"),
    ("top_overlap", NOISE, "Overlap of the top {top}", "1 is the same"),
    (ALIKE, SHUFFLED, "Likeness, shuffled model", "rank correlation of sizes"),
    (FLOOR, SHUFFLED, "Its floor", "the map put elsewhere"),
    (RISE, SHUFFLED, "Rise of complexity", "above 0: structure is lost"),
    (ALIKE, OTHER, "Likeness, other label", "rank correlation"),
)
"""Metric, setting, heading and what it says."""


@dataclass(frozen=True)
class SaneRow:
    """One method."""

    name: str
    baseline: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sane:
    """The section.

    Attributes:
        cases: how many were tested.
        indifferent: methods whose maps of a model with shuffled weights are more alike than not: the interval lies above 0.5.
        covered: the share of the model's parameters that shuffling reached, in words; empty where nothing was shuffled.
    """

    heads: tuple[tuple[str, str], ...]
    rows: list[SaneRow]
    cases: int
    indifferent: list[str]
    covered: str


def sane(audit: Finished) -> Sane | None:
    """Tabulate what was measured; None where nothing was."""
    if not audit.plan.sanity_cases:
        return None
    names = [*audit.methods, *audit.baselines]
    measured = {address[1:] for address in audit.frame.addresses()}
    columns = [column for column in COLUMNS if column[:2] in measured]
    found = {name: [_interval(audit, name, metric, setting) for metric, setting, *_ in columns] for name in names}
    if not any(interval.n for row in found.values() for interval in row):
        return None
    rows = [SaneRow(name, name in audit.baselines, tuple(map(cell, row))) for name, row in found.items()]
    indifferent = [name for name in audit.methods if _interval(audit, name, ALIKE, SHUFFLED).low > 0.5]
    heads = tuple((head.format(top=_top(audit)), plain) for *_, head, plain in columns)
    return Sane(heads, rows, _cases(audit), indifferent, _covered(_interval(audit, "", COVERED, SHUFFLED).value))


def _covered(share: float) -> str:
    """How much was shuffled; rounded down, so that nearly all is not all."""
    if math.isnan(share):
        return ""
    return "all" if share == 1.0 else f"{math.floor(1000 * share) / 10:.1f} %"


def _top(audit: Finished) -> str:
    """The share of the units that count as the first ones."""
    return f"{100 * TOP.get(audit.plan.unit, Noise.top):.0f} %"


def _cases(audit: Finished) -> int:
    """How many cases were tested: of those that the plan names, some may have had nothing to explain."""
    table = finding.read(audit.folder / FINDINGS)
    return len(pc.unique(table.filter(pc.field("setting") == NOISE)["case"]))


def _interval(audit: Finished, name: str, metric: str, setting: str) -> Interval:
    return audit.frame.interval(name, metric, setting, audit.plan.draws, audit.plan.seed)
