"""The tables of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pellucid.audit.aggregate import BUDGET_COUNTED, COUNTED, MODEL_POOLED, RATIOS
from pellucid.audit.aims import STRATA
from pellucid.audit.finished import Finished
from pellucid.audit.judging import CHANCE
from pellucid.audit.lineup import BASELINES
from pellucid.audit.looking import USUAL
from pellucid.audit.performing import AVERAGE_PRECISION
from pellucid.audit.wording import ACCURACY, SETTINGS, Heading, bounds, heading, number, seconds
from pellucid.predictor import Modality
from pellucid.statistics import Interval
from pellucid.training.evaluate import performance

MAIN: dict[Modality, tuple[str, ...]] = {
    "text": (
        *("average_precision", "pooled_f1", "iou_at_size"),
        *("comprehensiveness", "sufficiency", "naopc_comprehensiveness"),
        "empty",
    ),
    "image": (
        *("relevance_mass", "relevance_rank", "pointing_game", "average_precision"),
        *("srg", "deletion_auc", "insertion_auc", "naopc_comprehensiveness"),
        "k90_share",
    ),
    "table": (
        *("average_precision", "pointing_game"),
        *("comprehensiveness", "sufficiency", "naopc_comprehensiveness", "sensitivity_n"),
        *("k90", "gini"),
    ),
    "signal": (
        *("relevance_mass", "relevance_rank", "pointing_game", "auroc", "average_precision"),
        *("srg", "deletion_auc", "insertion_auc", "naopc_comprehensiveness"),
        "k90_share",
    ),
}
"""What the main table shows, as far as it was measured."""


BLIND = (*BASELINES, CHANCE, USUAL)
"""Rows that know nothing of the model."""


@dataclass(frozen=True)
class Column:
    """One metric in one setting.

    Attributes:
        arrow: "↑" where higher is better, "↓" where lower is, empty where neither.
        stratum: of which targets; empty for all.
    """

    metric: str
    setting: str
    family: str
    arrow: str
    stratum: str = ""

    @property
    def heading(self) -> Heading:
        """How it is headed."""
        return heading(self.metric)

    @property
    def where(self) -> str:
        """Its setting in words."""
        return SETTINGS.get(self.setting, self.setting)


@dataclass(frozen=True)
class Cell:
    """One figure: its value, its interval, the number of values behind it, and whether it is the best of its column."""

    value: str
    bounds: str = ""
    n: int = 0
    excluded: int = 0
    best: bool = False


@dataclass(frozen=True)
class TableRow:
    """One method."""

    name: str
    baseline: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Methods against metrics.

    Attributes:
        groups: what stands above the columns, and over how many of them; empty where nothing does.
    """

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    groups: tuple[tuple[str, int], ...] = ()


def column(audit: Finished, metric: str, setting: str | None = None) -> Column:
    """A column for a metric, in its headline setting unless another is given."""
    if metric in RATIOS:
        return Column(metric, "", "plausibility", "↑")
    facts = audit.metrics[metric]
    arrow = {True: "↑", False: "↓", None: ""}[facts.higher_is_better]
    return Column(metric, audit.setting_of(metric) if setting is None else setting, facts.family, arrow)


def main_columns(audit: Finished) -> list[Column]:
    """The columns of the main table."""
    return [column(audit, name) for name in MAIN[audit.plan.modality] if measured(audit, name)]


def measured(audit: Finished, metric: str) -> bool:
    """Whether there are findings of a metric, or of the counts behind a pooled ratio."""
    return set(RATIOS.get(metric, (metric,))) <= audit.measured & set(audit.metrics)


def all_columns(audit: Finished, family: str) -> list[Column]:
    """Every metric of a family that was measured, in every setting."""
    found = []
    for name, metric in audit.metrics.items():
        if metric.family == family and measured(audit, name) and name not in (*COUNTED, *BUDGET_COUNTED):
            settings: Sequence[str] = audit.plan.fillers if audit.setting_of(name) else ("",)
            found += [column(audit, name, setting) for setting in settings]
    pooled = [column(audit, name) for name in RATIOS if measured(audit, name)] if family == "plausibility" else []
    return pooled + found


Groups = Sequence[tuple[str, Sequence[Column]]]
"""Columns under a common heading each."""


def grouped(audit: Finished, groups: Groups, names: Sequence[str] | None = None) -> Table | None:
    """A table whose columns stand in groups; None if there are no columns."""
    full = [(title, columns) for title, columns in groups if columns]
    if not full:
        return None
    found = table(audit, [c for _, columns in full for c in columns], names)
    return replace(found, groups=tuple((title, len(columns)) for title, columns in full))


def table(audit: Finished, columns: Sequence[Column], names: Sequence[str] | None = None) -> Table:
    """Every explainer in every column; the best method that uses the model is marked in each column that has a direction.

    Args:
        names: the rows, if not all explainers.
    """
    names = [*audit.methods, *audit.baselines] if names is None else names
    intervals = {
        (name, c): audit.frame.interval(name, c.metric, c.setting, audit.plan.draws, audit.plan.seed, c.stratum or None)
        for name in names
        for c in columns
    }
    bests = {c: _best([(name, intervals[name, c].value) for name in names if name in audit.methods], c.arrow) for c in columns}
    rows = [
        TableRow(
            name, name in (*BASELINES, CHANCE, USUAL), tuple(cell(intervals[name, c], best=name in bests[c]) for c in columns)
        )
        for name in names
    ]
    return Table(tuple(columns), tuple(rows))


def strata_table(audit: Finished, c: Column) -> tuple[list[str], list[TableRow]]:
    """One metric, one column a stratum; only strata that were met."""
    met = [s for s in STRATA if audit.counts.get(f"targets: {s}")]
    return met, list(table(audit, [replace(c, stratum=stratum) for stratum in met]).rows) if met else []


def cell(interval: Interval, best: bool = False) -> Cell:
    """A figure as text."""
    return Cell(number(interval.value), bounds(interval), interval.n, interval.excluded, best)


def seconds_per_case(audit: Finished) -> dict[str, str]:
    """How long one note took each method, all labels at once."""
    spent = audit.cost["explainers"]
    return {name: seconds(spent[name]["seconds"] / spent[name]["cases"]) for name in audit.explainers if name in spent}


def model_rows(audit: Finished) -> list[tuple[Heading, Cell]]:
    """The model's own figures with intervals. One label a case is right or wrong: its precision is the accuracy."""
    pooled = [("model_precision", ACCURACY)] if audit.exclusive else [(name, heading(name)) for name in MODEL_POOLED]
    named = [(AVERAGE_PRECISION, heading(AVERAGE_PRECISION)), *pooled]
    draws, seed = audit.plan.draws, audit.plan.seed
    return [(words, cell(audit.frame.interval("", name, "", draws, seed))) for name, words in named]


def model_totals(audit: Finished) -> dict[str, str]:
    """Figures of the model that need all cases at once, without interval."""
    shards = [s for s in audit.shards() if "text" in s.facts]
    if not shards:
        return {}
    given, gold, assigned = (np.array([s.array(name) for s in shards]) for name in ("probabilities", "gold", "assigned"))
    found = performance(given, gold, assigned)
    shown = {"macro_f1": "F1 (macro, labels that occur)", "macro_auroc": "AUROC (macro)", "brier": "Brier score"}
    totals = {text: number(float(found[name] or np.nan)) for name, text in shown.items()}
    return totals | {"Labels that occur": f"{found['labels_present']} of {found['labels']}"}


def _best(values: Sequence[tuple[str, float]], arrow: str) -> set[str]:
    """The names with the best value as it is printed; none where neither direction is better, or most are as good."""
    known = [(name, value) for name, value in values if not np.isnan(value)]
    if not known or not arrow:
        return set()
    best = max(v for _, v in known) if arrow == "↑" else min(v for _, v in known)
    first = {name for name, value in known if number(value) == number(best)}
    return first if 2 * len(first) <= len(known) or len(known) == 1 else set()
