"""`pellucid align`: does the map for a sentence lie where the sentence says, and does the text matter?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.guard import command_line
from pellucid.cli.options import Data, Device, ModelFolder, Settings
from pellucid.cli.progress import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from pellucid.alignment import Judgement
    from pellucid.alignment.checks import Verdict
    from pellucid.statistics import Interval


def align(
    ctx: typer.Context,
    model: ModelFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of findings, tables and page.")],
    methods: Annotated[str | None, typer.Option(metavar="A,B", help="Methods to judge; else the usual.")] = None,
    cases: Annotated[int | None, typer.Option(metavar="N", help="At most so many cases, drawn at random.")] = None,
    max_sentences: Annotated[int | None, typer.Option(metavar="N", help="At most so many sentences a case.")] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="train, validation or test.")] = "test",
    seed: Annotated[int, typer.Option(metavar="N", help="Of all draws.")] = 0,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Ask an image-text model about the sentences of reports, swap their sides, and see whether its maps follow.

    Sentences are reworded and pictures changed, each with an expected direction. The page shows first what says left and looks
    right. An interrupted audit goes on when the same command is given again. The folder holds sentences and pictures: keep it
    as you keep the reports. Fields of the plan for --set: rewordings, images, metrics, margin, fall, drift, lean, draws.

    [bold]Examples[/]
    [cyan]pellucid align --model runs/pairs --data data/reports --out aligned/pairs[/]
    [cyan]pellucid align --model runs/pairs --data data/reports --out aligned/20 --cases 20[/]
    """
    from rich.console import Console

    from pellucid import alignment, predictors
    from pellucid.alignment.checking import read
    from pellucid.cli.settings import parsed
    from pellucid.datasets import open_dataset

    named: dict[str, Any] = {"cases": cases, "max_sentences": max_sentences, "split": split, "seed": seed}
    if methods:
        named["methods"] = tuple(name.strip() for name in methods.split(",") if name.strip())
    plan = alignment.AlignmentPlan(**{**named, **parsed(settings or [], alignment.AlignmentPlan, "the plan of alignment")})
    alignment.check_free(out)
    with Stages() as stages:
        found = alignment.run(
            predictors.load(model, device), open_dataset(data), plan, out,
            progress=lambda done, total: stages.tell("asking", done, total),
        )  # fmt: skip
        stages.tell("page", 0, 1)
        page = alignment.report(out, command_line(ctx), found)
        stages.tell("page", 1, 1)
    for part in shown(found, read(out)):
        Console().print(part)
    Console().print(f"Page: {page}", soft_wrap=True, markup=False)


def shown(found: Judgement, checks: Sequence[Verdict]) -> Iterator[RenderableType]:
    """The verdicts, how often each rule held for methods that use the model and for its score, and known defects."""
    from rich.table import Table

    yield from (one.sentence for one in found.verdicts)
    yield ""
    own = [one.method for one in found.verdicts]
    table = Table(title="Passed", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("", *own, "score"):
        table.add_column(column.replace("_", " "), justify="right" if column else "left")
    rates = {(one.method, one.setting): one.rate for one in found.passed}
    for setting in dict.fromkeys(one.setting for one in found.passed):
        cells = (_share(rates.get((method, setting))) for method in (*own, ""))
        table.add_row(setting.replace("_", " "), *cells)
    table.caption = "Per cent of the sentences, with 95 % intervals over patients; what should happen is on the page."
    table.caption_justify = "left"
    yield table
    yield ""
    for one in checks:
        yield f"Check {one.name}: {one.says}"


def _share(rate: Interval | None) -> str:
    """Of a rate in per cent, its interval below; a dash where there is none."""
    from pellucid.audit.wording import EMPTY

    if rate is None:
        return EMPTY
    numbers = (f"{100 * value:.0f}" for value in (rate.value, rate.low, rate.high) if not math.isnan(value))
    value, *ends = numbers
    return f"{value}\n[{', '.join(ends)}]" if ends else value
