"""Tables that commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pellucid.case import by_annotator
from pellucid.datasets.base import SPLITS
from pellucid.units import words

if TYPE_CHECKING:
    from pellucid.datasets import StoredDataset

_AGREEMENT = ("pooled_precision", "pooled_recall", "pooled_f1", "iou_at_size", "average_precision", "match_exact", "kappa")


def facts(title: str, rows: dict[str, str]) -> Table:
    """Names and values, two columns, without lines."""
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def described(data: StoredDataset) -> RenderableType:
    """What a prepared data set holds."""
    about = data.about
    general = {
        "name": str(about.get("title", data.name)),
        "adapter": data.name,
        "folder": str(data.path),
        "cases": f"{len(data):,} of {about['patients']:,} patients",
        "labels": f"{len(data.labels):,}",
        "licence": str(about.get("licence", "not stated")),
        "cite": str(about.get("citation", "not stated")),
        "fingerprint": data.fingerprint[:16],
    }
    parts: list[RenderableType] = [facts("Data set", general), "", _splits(data)]
    if about["exclusions"]:
        parts += ["", _exclusions(about["exclusions"])]
    if any(len(by_annotator(case.evidence)) > 1 for case in data):
        parts += ["", _ceiling(data)]
    parts += [Text(f"\n{note}", "dim") for note in about.get("notes", ())]
    return Group(*parts)


def _splits(data: StoredDataset) -> Table:
    table = _counted("Splits")
    for column in ("cases", "words a note", "labels a case", "marks a case"):
        table.add_column(column, justify="right")
    for split in SPLITS:
        cases = data.split(split)
        lengths = [len(words(case.text)) for case in cases]
        labels, marks = [len(case.labels) for case in cases], [len(case.evidence) for case in cases]
        table.add_row(split, f"{len(cases):,}", *(_median(v) for v in (lengths, labels, marks)))
    table.caption = "Medians, and the largest in brackets."
    return table


def _median(values: list[int]) -> str:
    return f"{np.median(values):,.0f} ({max(values):,})" if values else "-"


def _ceiling(data: StoredDataset) -> RenderableType:
    """How far the annotators agree, by the metrics that judge explanations."""
    from pellucid.audit import ceiling, wording  # here, since most data sets have nothing to compare

    rows = {(row.explainer, row.metric): row.interval for row in ceiling.human_ceiling(data)}
    if not rows:
        return Text("No two annotators marked words for the same label of a case.", "dim")
    table = _counted("How far annotators agree")
    table.add_column("an annotator, by the others", justify="right")
    table.add_column("chance", justify="right")
    for metric in _AGREEMENT:
        figures = (wording.figure(rows[who, metric]) for who in (ceiling.ANNOTATOR, ceiling.CHANCE))
        table.add_row(wording.heading(metric).short, *figures)
    one = next(iter(rows.values()))
    table.caption = (
        f"{wording.plural(one.n, 'case')} of {wording.plural(one.patients, 'patient')} marked by several annotators."
    )
    return table


def _exclusions(exclusions: dict[str, int]) -> Table:
    table = _counted("Left out")
    table.add_column("times", justify="right")
    for reason, count in exclusions.items():
        table.add_row(reason, f"{count:,}")
    return table


def _counted(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), caption_justify="left")
    table.add_column("", style="dim")
    return table
