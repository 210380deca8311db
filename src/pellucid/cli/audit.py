"""`pellucid audit` and `pellucid report`: how far explanations can be believed, and the page that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.guard import command_line
from pellucid.cli.options import Data, Device, ModelFolder, Settings
from pellucid.cli.progress import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.audit import Event
    from pellucid.registry import Registry


def audit(
    ctx: typer.Context,
    model: ModelFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of findings and report.")],
    explainers: Annotated[str | None, typer.Option(metavar="A,B", help="Methods to judge, or all; else the usual.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="A,B", help="Metrics to judge by; without it all.")] = None,
    cases: Annotated[int | None, typer.Option(metavar="N", help="At most so many cases, drawn at random.")] = None,
    max_targets: Annotated[int | None, typer.Option(metavar="N", help="At most so many labels a case.")] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="train, validation or test.")] = "test",
    seed: Annotated[int, typer.Option(metavar="N", help="Of all draws.")] = 0,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Judge methods of explanation on a data set, and write findings and a report.

    An interrupted audit goes on when the same command is given again. The folder holds the audited cases: keep it as you keep
    the notes. Fields of the plan for --set: fillers, unit, across, scale, candidates, sanity_cases, validation_cases, draws.

    [bold]Examples[/]
    [cyan]pellucid audit --model runs/coder --data data/codiesp --out audits/coder[/]
    [cyan]pellucid audit --model runs/coder --data data/codiesp --out audits/quick --explainers attingrad,random --cases 20[/]
    """
    from rich.console import Console

    from pellucid import audit as audits
    from pellucid import predictors, registry
    from pellucid.cli.settings import parsed
    from pellucid.cli.summary import summary
    from pellucid.datasets import open_dataset
    from pellucid.predictor import modality_of

    named: dict[str, Any] = {"cases": cases, "max_targets": max_targets, "split": split, "seed": seed}
    for field, value in (("explainers", explainers), ("metrics", metrics)):
        named |= {field: known(value, getattr(registry, field))} if value else {}
    changes = {**named, **parsed(settings or [], audits.Plan, "the audit plan")}
    audits.check_plan(changes)  # before a model is opened
    audits.check_free(out)
    predictor = predictors.load(model, device)
    plan = audits.usual_plan(modality_of(predictor), **changes)
    with Stages() as stages:
        audits.run(predictor, open_dataset(data), plan, out, progress=told(stages))
        stages.tell("report", 0, 1)
        page = reported(out, command_line(ctx))
        stages.tell("report", 1, 1)
    console = Console()
    console.print(summary(out))
    console.print(f"Report: {page}", soft_wrap=True, markup=False)


def report(
    folder: Annotated[Path, typer.Option("--audit", metavar="DIR", help="Folder of a finished audit.")],
) -> None:
    """Write the report of a finished audit again.

    [bold]Example[/]
    [cyan]pellucid report --audit audits/coder[/]
    """
    from rich.console import Console

    Console().print(f"Report: {reported(folder, None)}", soft_wrap=True, markup=False)


def reported(folder: Path, command: str | None) -> Path:
    """Write the report of an audit, with the command that made the audit.

    Args:
        command: kept beside the findings, for the next time the report is written; None takes the one that was kept.
    """
    from pellucid import audit as audits
    from pellucid.files import write_text

    kept = folder / "command.txt"
    if command is not None:
        write_text(kept, command + "\n")
    elif kept.is_file():
        command = kept.read_text(encoding="utf-8").strip()
    return audits.report(folder, command=command or "")


def told(stages: Stages) -> Callable[[Event], None]:
    """What shows an audit's events."""
    titles = {"validation": "tuning thresholds", "cases": "explaining and judging", "jacobian": "reading the Jacobian"}
    return lambda event: stages.tell(titles[event.stage], event.done, event.total)


def known(text: str, registry: Registry) -> tuple[str, ...]:
    """Names separated by commas, or "all".

    Raises:
        UnknownNameError: one is not registered.
    """
    if text.strip() == "all":
        return tuple(registry)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        registry.factory(name)
    return names
