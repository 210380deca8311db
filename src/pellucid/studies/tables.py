"""The tables of a study: strategies x methods in the figures of the paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pellucid.audit.aims import FALSE_NEGATIVE, TRUE_POSITIVE
from pellucid.audit.models import Models, Side
from pellucid.crossed import Estimate
from pellucid.datasets.base import Dataset
from pellucid.files import write_json, write_text
from pellucid.studies.comparing import measured
from pellucid.studies.shown import cell, cut, markdown, plain

HUMAN = "human evidence"

PLAUSIBILITY = (
    "pooled_precision", "pooled_recall", "pooled_f1", "average_precision", "empty", "span_hit_recall", "iou_at_size",
    "recall_at_5",
)  # fmt: skip
FAITHFULNESS = ("naopc_comprehensiveness", "naopc_sufficiency", "naopc_gap")
BY_OUTCOME = ("pooled_f1", "empty")


@dataclass(frozen=True)
class Table:
    """Figures with names.

    Attributes:
        head: names of the columns, those of the rows' names first.
        rows: names of a row, and its figures.
        note: what a reader must know.
    """

    name: str
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Estimate, ...]], ...]

    def page(self) -> Iterator[str]:
        """The lines of the table under its title, for people."""
        yield f"## {self.title}\n\n{self.note}\n"
        yield from markdown(self.head, ([*names, *map(cell, figures)] for names, figures in self.rows))
        yield ""

    def to_json(self) -> dict[str, Any]:
        """The table as JSON values."""
        rows = [
            {
                **dict(zip(self.head, names, strict=False)),
                "figures": {c: plain(f) for c, f in zip(self.head[len(names) :], figures, strict=True)},
            }
            for names, figures in self.rows
        ]
        return {"name": self.name, "title": self.title, "note": self.note, "rows": rows}


def keep(out: Path, form: str, study: Mapping[str, Any], found: Mapping[str, Any], page: Iterable[str]) -> None:
    """Write `tables.json`, for programs, and `tables.md`, for people.

    Args:
        form: the format of the JSON file.
        study: what was decided before.
    """
    write_json(Path(out) / "tables.json", {"format": form, "study": study, **found})
    write_text(Path(out) / "tables.md", "\n".join(page) + "\n")


def facts_of(dataset: Dataset) -> dict[str, Any]:
    """What `tables.json` says of a data set."""
    return {"name": dataset.name, "fingerprint": dataset.fingerprint, "cases": len(dataset)}


def each_figure(over: str) -> str:
    """What a figure of a table is, as a sentence.

    Args:
        over: what its mean goes over.
    """
    return (
        f"Each figure is a mean over {over} with its 95 % interval for new patients and new training runs (with one seed: for "
        "new patients alone), ± the standard deviation between seeds."
    )


def tables(models: Models, performance: Mapping[str, Mapping[str, Estimate]]) -> list[Table]:
    """Tables (a) to (e); a column that was not measured is left out, and so is a table without any."""
    found = [_performance(performance), _plausibility(models), _faithfulness(models), _outcomes(models), _punctuation(models)]
    return [_within(table) for table in found if table.rows and table.rows[0][1]]


def _within(table: Table) -> Table:
    """The table with intervals cut to 0 to 1, where all of its figures lie."""
    rows = tuple((names, tuple(cut(figure) for figure in figures)) for names, figures in table.rows)
    return replace(table, rows=rows)


def _performance(performance: Mapping[str, Mapping[str, Estimate]]) -> Table:
    columns = {"map": "mAP", "micro_f1": "F1 micro", "macro_f1": "F1 macro"}
    rows = tuple(((name,), tuple(figures[c] for c in columns)) for name, figures in performance.items())
    return Table("models", "Models", "All test cases, not only the explained ones.", ("strategy", *columns.values()), rows)


def _plausibility(models: Models) -> Table:
    note = (
        "Gold codes with evidence. Precision, recall and F1 are pooled over codes at a threshold tuned on validation for each "
        "model and method; empty is the share of explanations, of codes without evidence too, that show nothing at it."
    )
    return _by_method(models, "plausibility", "Plausibility", note, PLAUSIBILITY)


def _faithfulness(models: Models) -> Table:
    note = (
        "Normalised AOPC: 0 is the least, 1 the greatest that any order of removal reaches on that model and code; sufficiency "
        "is better low. The gap is the share of that range that doubling the beam still added: bounds are exact at 0. Raw "
        "comprehensiveness and sufficiency are not shown, since they cannot be compared between models."
    )
    return _by_method(models, "faithfulness", "Faithfulness, words masked", note, FAITHFULNESS)


def _outcomes(models: Models) -> Table:
    names = {TRUE_POSITIVE: "assigned", FALSE_NEGATIVE: "missed"}
    columns = [(metric, stratum) for stratum in names for metric in BY_OUTCOME if measured(models, metric)]
    head = ("strategy", "method", *(f"{metric}, {names[stratum]}" for metric, stratum in columns))
    rows = tuple(
        ((side.model, side.method), tuple(models.figure(side, metric, stratum) for metric, stratum in columns))
        for side in _sides(models)
    )
    note = "Gold codes that the model assigns (true positives) and those that it misses (false negatives)."
    return Table("outcomes", "Codes assigned and codes missed", note, head, rows)


def _punctuation(models: Models) -> Table:
    metric = "punctuation_at_5"
    names = models.names if measured(models, metric) else ()
    lines = [(method, [models.figure(Side(name, method), metric) for name in names]) for method in (*models.methods, HUMAN)]
    rows = tuple(((method,), tuple(figures)) for method, figures in lines if any(figure.n for figure in figures))
    note = (
        "Share of the five highest words that are punctuation alone. The share in human evidence is that of the marked words."
    )
    return Table("punctuation", "Punctuation", note, ("method", *names), rows)


def _by_method(models: Models, name: str, title: str, note: str, metrics: Sequence[str]) -> Table:
    columns = [metric for metric in metrics if measured(models, metric)]
    rows = tuple(
        ((side.model, side.method), tuple(models.figure(side, metric) for metric in columns)) for side in _sides(models)
    )
    return Table(name, title, note, ("strategy", "method", *columns), rows)


def _sides(models: Models) -> list[Side]:
    return [Side(name, method) for name in models.names for method in models.methods]
