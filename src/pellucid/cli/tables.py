"""Tables that commands print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pellucid.case import by_annotator
from pellucid.cli.contents import Contents, contents, median, row_range, share, signal_range, size_range
from pellucid.datasets.base import SPLITS, SplitName
from pellucid.measurements import Measurements

if TYPE_CHECKING:
    from pellucid.datasets import StoredDataset

_MOST_ROWS = 60  # of measurements: a table of thousands of genes is not read on a screen
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
    found = {split: [contents(case) for case in data.split(split)] for split in SPLITS}
    everything = [one for part in found.values() for one in part]
    said = [one.sentences for one in everything if one.sentences]
    pictured = [one for one in everything if one.size]
    heard = [one for one in everything if one.samples]
    rows = [one.row for one in everything if one.row is not None]
    general = {
        "name": str(about.get("title", data.name)),
        "adapter": data.name,
        "folder": str(data.path),
        "cases": f"{len(data):,} of {about['patients']:,} patients",
        **({"images": f"{len(pictured):,} of {size_range(pictured)}"} if pictured else {}),
        **({"signals": f"{len(heard):,} of {signal_range(heard)}"} if heard else {}),
        **({"rows": f"{len(rows):,} of {row_range(rows)}"} if rows else {}),
        **({"sentences": f"{sum(said):,} about {len(said):,} cases"} if said else {}),
        "labels": f"{len(data.labels):,}",
        "licence": str(about.get("licence", "not stated")),
        "cite": str(about.get("citation", "not stated")),
        "fingerprint": data.fingerprint[:16],
    }
    parts: list[RenderableType] = [facts("Data set", general), "", _splits(found)]
    if (pictured or heard or rows) and data.labels:
        parts += ["", _labels(data.labels, [one for one in everything if one.kind])]
    if rows:
        parts += ["", _measured(rows)]
    if about["exclusions"]:
        parts += ["", _exclusions(about["exclusions"])]
    # People are compared over the words of a text.
    if any("text" in case.inputs and len(by_annotator(case.evidence)) > 1 for case in data):
        parts += ["", _ceiling(data)]
    parts += [Text(f"\n{note}", "dim") for note in about.get("notes", ())]
    return Group(*parts)


def _splits(found: dict[SplitName, list[Contents]]) -> Table:
    everything = [one for part in found.values() for one in part]
    columns = {
        "words a note": [one.words is not None for one in everything],
        "pixels across": [one.size is not None for one in everything],
        "samples a lead": [one.samples is not None for one in everything],
    }
    shown = [name for name, there in columns.items() if any(there)]
    table = _counted("Splits")
    for column in ("cases", *shown, "labels a case", "marks a case"):
        table.add_column(column, justify="right")
    for split, part in found.items():
        figures = {
            "words a note": median([one.words for one in part if one.words is not None]),
            "pixels across": median([one.size[-1] for one in part if one.size]),
            "samples a lead": median([one.samples[0] for one in part if one.samples]),
        }
        rest = (median([one.labels for one in part]), median([one.marks for one in part]))
        table.add_row(split, f"{len(part):,}", *(figures[name] for name in shown), *rest)
    table.caption = "Medians, and the largest in brackets."
    return table


def _labels(names: Sequence[str], found: Sequence[Contents]) -> Table:
    """How many images, signals or rows have each label, in how many of them it is marked, and how much of these is."""
    table = _counted("Labels")
    kinds = sorted({one.kind for one in found})
    for column in (f"{kinds[0]}s" if len(kinds) == 1 else "cases", "marked", "share marked"):
        table.add_column(column, justify="right")
    for name in names:
        having = [one for one in found if name in one.names]
        areas = [one.areas[name] for one in having if name in one.areas]
        table.add_row(name, f"{len(having):,}", f"{len(areas):,}", share(areas))
    table.caption = (
        f"Share of the {' or '.join(kinds)} inside the marks, median and largest; marks of a whole case count for its labels."
    )
    return table


def _measured(rows: Sequence[Measurements]) -> Table:
    """What was measured: the median with the least and the greatest value, and how well it repeats."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        spread = np.full(len(row), np.nan) if row.imprecision is None else row.imprecision
        for name, unit, value, sd in zip(row.names, row.units or [""] * len(row), row.values, spread, strict=True):
            found.setdefault((name, unit), []).append((float(value), float(sd)))
    table = _counted("Measurements")
    for column in ("unit", "median", "least", "greatest", "imprecision"):
        table.add_column(column, justify="right")
    for (name, unit), pairs in list(found.items())[:_MOST_ROWS]:
        values, sds = np.array(pairs).T
        known = sds[~np.isnan(sds)]
        figures = (np.median(values), values.min(), values.max())
        repeats = f"{np.median(known):.3g}" if len(known) else "not known"
        table.add_row(name, unit, *(f"{figure:.4g}" for figure in figures), repeats)
    rest = f" {len(found) - _MOST_ROWS:,} more are not shown." if len(found) > _MOST_ROWS else ""
    table.caption = f"Imprecision: the standard deviation of repeating the measurement, median.{rest}"
    return table


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
