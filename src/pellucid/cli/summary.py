"""The short table that ends an audit on a terminal; the report has the long one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from rich.table import Table

from pellucid import finding
from pellucid.audit.aggregate import Frame
from pellucid.audit.lineup import BASELINES
from pellucid.audit.manifest import FINDINGS, MANIFEST
from pellucid.files import read_json
from pellucid.statistics import Interval


def summary(out: Path) -> Table:
    """Methods with the headline metrics that the audit has and their 95 % intervals, best plausibility first."""
    plan = read_json(out / MANIFEST)["plan"]
    frame = Frame(finding.read(out / FINDINGS))
    columns = _columns(plan, {metric for _, metric, _ in frame.addresses()})
    figures = {
        name: [frame.interval(name, metric, setting, plan["draws"], plan["seed"]) for _, metric, setting in columns]
        for name in plan["explainers"]
    }
    figures = {name: row for name, row in figures.items() if any(i.n for i in row)}
    table = Table(title="Methods of explanation", title_justify="left", box=None, padding=(0, 3, 0, 0), title_style="bold")
    table.add_column("", no_wrap=True)
    for title, _, _ in columns:
        table.add_column(title, justify="right")
    for name, row in sorted(figures.items(), key=lambda item: -item[1][0].value if item[1] else 0):
        table.add_row(name, *map(_shown, row), style="dim" if name in BASELINES else None)
    table.caption = "Mean and 95 % interval over patients; higher is better. Dim rows do not look at the model."
    table.caption_justify = "left"
    return table


def _columns(plan: dict[str, Any], measured: Collection[str]) -> list[tuple[str, str, str]]:
    """Title, metric and setting of each column."""
    filler = plan["fillers"][0]
    wanted = [
        ("average precision", "average_precision", ""),
        (f"comprehensiveness ({filler})", "comprehensiveness", filler),
    ]
    if plan["unit"] in ("pixel", "sample"):
        wanted = [("relevance mass", "relevance_mass", ""), (f"relevance gain ({filler})", "srg", filler)]
    found = [column for column in wanted if column[1] in measured]
    return found or [(metric.replace("_", " "), metric, "") for metric in plan["metrics"][:2]]


def _shown(interval: Interval) -> str:
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]" if interval.n else "-"
