"""What commands that reproduce a study share: its options, its data, its progress, and what is said of it in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.progress import Stages
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from rich.table import Table

    from pellucid.datasets import StoredDataset
    from pellucid.studies import Part
    from pellucid.studies.data import Source
    from pellucid.studies.steps import Event

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of data, models, audits and tables.")]
Seeds = Annotated[str, typer.Option(metavar="N,N", help="Training seeds; models of one seed are pairs.")]
Methods = Annotated[str | None, typer.Option(metavar="A,B", help="Explainers; without it the study's own.")]
AnyDevice = Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; without it a GPU if there is one.")]


def readied(sources: Sequence[tuple[Source | Path, Path]]) -> list[StoredDataset]:
    """Data sets of a study, each made in its folder unless it is there."""
    from pellucid.studies.data import prepared

    found = []
    with Stages() as stages:
        stages.tell("data", 0, len(sources))
        for source, out in sources:
            found.append(prepared(source, out))
            stages.tell("data", len(found), len(sources))
    return found


def carry_out(
    of: Any,
    study: Any,
    dataset: Any,
    out: Path,
    *,
    only: Sequence[Any] | None,
    device: str | None,
    show: Callable[[Any, Any], None],
    named: Callable[[Any], str] = str,
) -> None:
    """Do what is missing of a study; say what still is, or else write and show what came of it, and where that lies.

    Args:
        of: what the study is made of: `run`, `unfinished` and `write`.
        show: shows results on a console.
        named: a part in words.
    """
    from rich.console import Console

    with Parts() as parts:
        of.run(study, dataset, out, only=only, progress=parts.tell, device=device)
    console, missing = Console(), of.unfinished(study, out)
    if missing:
        said = ", ".join(map(named, missing))
        console.print(f"Not finished yet: {said}. Tables are written when nothing is missing.", soft_wrap=True)
        return
    show(of.write(study, dataset, out), console)
    for name in ("tables.md", "tables.json"):
        console.print(f"{name + ':':13}{out / name}", markup=False, highlight=False, soft_wrap=True)


class Parts:
    """Progress, part by part: a study has more stages than a terminal has lines."""

    def __init__(self) -> None:
        self._part: Any = None
        self._stages: Stages | None = None

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *error: Any) -> None:
        self._close()

    def tell(self, event: Event) -> None:
        """Show an event of a study."""
        if event.part != self._part or self._stages is None:
            self._close()
            self._part, self._stages = event.part, Stages().__enter__()
        stage = f"{event.part}: {event.stage}"
        if event.total:
            self._stages.tell(stage, event.done, event.total, event.news)
        else:
            self._stages.finish(stage)

    def _close(self) -> None:
        if self._stages is not None:
            self._stages.__exit__(None, None, None)


def source_of(
    data: str, source: Path | None, given: list[str], known_sources: Mapping[str, Source], images: Path | None = None
) -> Source | Path:
    """The data set by its short name with what was given for it, or the folder of a prepared one.

    Args:
        images: where the images of an adapter lie that reads them apart from its source.

    Raises:
        PellucidError: it is neither, or needs a source and has none, or the other way round.
    """
    from pellucid.cli.settings import options, parsed
    from pellucid.registry import datasets

    pairs = given if images is None else [*given, f"images={images}"]
    if data not in known_sources:
        if not Path(data).is_dir():
            raise PellucidError(f"--data {data} is neither {', '.join(known_sources)} nor the folder of a prepared data set.")
        if source is not None or pairs:
            idle = "--source" if source is not None else f"--set data.{pairs[0]}"
            raise PellucidError(f"The data set in {data} is prepared already; leave {idle} out.")
        return Path(data)
    known = known_sources[data]
    kind: Any = datasets.factory(known.adapter)
    root = "root" in options(kind)
    if root != (source is not None):
        raise PellucidError(
            f"The data set {data} needs --source DIR: {kind.needs}."
            if root
            else f"The data set {data} is made; leave --source out."
        )
    options_of = {**known.options, **parsed(pairs, kind, f"the data set {data}"), **({"root": source} if root else {})}
    return replace(known, options=options_of)


def grouped(pairs: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """`data.n=100` and so on, by what stands before the first dot."""
    groups: dict[str, list[str]] = {name: [] for name in names}
    for pair in pairs:
        group, dot, rest = pair.partition(".")
        if not dot or group not in groups:
            *first, last = (f"{name}.KEY=VALUE" for name in names)
            raise PellucidError(f"--set {pair} names no part; write {', '.join(first)} or {last}.")
        groups[group].append(rest)
    return groups


def parts_of(text: str | None) -> list[Part] | None:
    """The parts that `--only` names, such as bce-0,tm-0; None for all.

    Raises:
        PellucidError: one has no seed.
    """
    from pellucid.studies import Part

    if text is None:
        return None
    named = [name.rpartition("-") for name in listed(text)]
    return [Part(strategy, numbers(seed)[0]) for strategy, _, seed in named]


def listed(text: str) -> list[str]:
    """What commas part."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> tuple[int, ...]:
    """Training seeds.

    Raises:
        PellucidError: something is no whole number, or there is none.
    """
    given = listed(text)
    if not given or not all(name.isdecimal() for name in given):
        raise PellucidError(f"{text!r} gives no training seeds; write whole numbers, such as --seeds 0,1,2 or --only bce-0.")
    return tuple(int(name) for name in given)


def screenful(
    title: str, heads: Sequence[str], rows: Mapping[tuple[str, ...], Mapping[str, float]], shown: Mapping[str, str]
) -> Table:
    """The main figures of a study.

    Args:
        heads: of the names of a row.
        rows: figures by the names of their row.
        shown: columns with their titles; those without any figure are left out.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), title_style="bold")
    for head in heads:
        table.add_column(head, no_wrap=True)
    columns = [column for column in shown if any(column in row for row in rows.values())]
    for column in columns:
        table.add_column(shown[column], justify="right")
    for named, row in rows.items():
        values = [row.get(column, float("nan")) for column in columns]
        table.add_row(*named, *(f"{value:.3f}" if value == value else "–" for value in values))
    return table
