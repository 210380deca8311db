"""`pellucid explain --method pbx`: the clinician's table of one case, and its page, picture and record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from pellucid.api import Model
    from pellucid.case import Case
    from pellucid.pbx import PbxReading
    from pellucid.pbx.tabulating import Cell

SHOWN, ACROSS = 12, 5
"""Directions and labels that the table on the terminal shows; the page and the record have all."""


def show(
    model: Model, case: Case, labels: Sequence[str], noise: float | None, html: Path | None, png: Path | None, json: Path | None
) -> None:
    """Print the table, the shares and how far it may be believed; write what is asked for.

    Raises:
        PellucidError: a text is to be drawn; or as :func:`pellucid.pbx.read`.
    """
    from rich.console import Console

    from pellucid.files import write_json
    from pellucid.pbx import as_json, write_page, write_picture

    if png and "image" not in case.inputs and "text" in case.inputs:
        raise PellucidError("A text has no picture; leave out --png, or ask for a page with --html.")
    reading = _read(model, case, labels, noise)
    for part in shown(reading):
        Console().print(part, soft_wrap=isinstance(part, str))
    if png:
        Console().print(f"Picture: {write_picture(reading, png)}", markup=False, soft_wrap=True)
    if html:
        Console().print(f"Page: {write_page(reading, html)}", markup=False, soft_wrap=True)
    if json:
        write_json(json, as_json(reading))


def _read(model: Model, case: Case, labels: Sequence[str], noise: float | None) -> PbxReading:
    from dataclasses import replace

    from pellucid.api.asking import asked
    from pellucid.api.model import FIT
    from pellucid.cli.progress import Stages
    from pellucid.pbx import PbxSettings, read
    from pellucid.pbx.wording import named

    predictor = asked(model.predictor, list(labels))
    with Stages() as stages:
        found = read(
            predictor,
            case,
            labels or None,
            PbxSettings(noise=noise),
            lambda part, done, total: stages.tell("reading the Jacobian", done, total, named(part).lower() if part else ""),
        )
    return found if predictor is model.predictor else replace(found, notes=(FIT, *found.notes))


def shown(reading: PbxReading) -> list[RenderableType]:
    """What the terminal shows, from the top."""
    from pellucid.pbx import wording

    notes = [f"[yellow]{_plain(note)}[/]" for note in reading.notes]
    parts = {"table": _effects(reading)}
    if reading.shares:
        parts["shares"] = _shares(reading)
    if reading.regions:
        parts["regions"] = _regions(reading)
    tables = [item for name, part in parts.items() for item in (f"\n[bold]{wording.named(name)}[/]", part)]
    sentences = [
        f"\n[bold]Shortcuts[/]  {_plain(wording.alarm(reading))}",
        f"[bold]Belief[/]  {_plain(wording.belief(reading))}",
        f"[bold]Scope[/]  {wording.SCOPE}",
    ]
    return [*notes, *tables, *sentences]


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _effects(reading: PbxReading) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from pellucid.pbx.tabulating import lines
    from pellucid.pbx.wording import percent

    found, labels = lines(reading), reading.labels[:ACROSS]
    if not found:
        return Text(f"No directions: {reading.absent['table']}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("what changes", "by", *(f"{label} {percent(reading.probabilities[label])}" for label in labels)):
        table.add_column(Text(heading))
    for line in found[:SHOWN]:
        table.add_row(Text(line.name), Text(line.unit), *(_cell(cell) for cell in line.cells[: len(labels)]))
    table.caption, table.caption_justify = _caption(reading, len(found)), "left"
    return table


def _cell(cell: Cell) -> Any:
    from rich.text import Text

    from pellucid.jacobians.directions.table import signed
    from pellucid.pbx.wording import passage

    mark = "" if cell.trusted else f" ! {signed(cell.truth)}"
    return Text.assemble((signed(cell.change), "bold"), (mark, "yellow"), f"  {passage(cell)}")


def _caption(reading: PbxReading, count: int) -> str:
    kept = f"The {SHOWN} largest of {count} by what they really do; " if count > SHOWN else ""
    wide = f" First {ACROSS} of {len(reading.labels)} labels." if len(reading.labels) > ACROSS else ""
    return (
        f"{kept}change of the logit to first order, and probability before and after the step. ! what the whole step really "
        f"does, where first order is off by more than 10 %.{wide}"
    )


def _shares(reading: PbxReading) -> RenderableType:
    from rich.table import Table

    from pellucid.pbx.wording import percent, shares

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("directions", "hold", "random ones would"):
        table.add_column(heading, justify="left" if heading == "directions" else "right")
    for name, value, chance in shares(reading):
        table.add_row(name, percent(value), percent(chance))
    return table


def _regions(reading: PbxReading) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from pellucid.pbx.wording import percent

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("region", *reading.labels[:ACROSS], "by chance"):
        table.add_column(Text(heading), justify="left" if heading == "region" else "right")
    for region in reading.regions.regions if reading.regions else ():
        table.add_row(Text(region.name), *(percent(region.each[j]) for j in reading.columns[:ACROSS]), percent(region.chance))
    return table
