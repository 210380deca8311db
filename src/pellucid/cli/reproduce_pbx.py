"""`pellucid reproduce pbx`: what Jacobians tell of models that learned a shortcut, and of models trained to be less steep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pellucid.cli.options import Settings
from pellucid.cli.progress import Stages
from pellucid.cli.reproduce import Parts, conclude, grouped, numbers, parts_of
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from pellucid.studies.pbx import PbxStudy
    from pellucid.studies.pbx.writing import Results


def pbx(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of data, models, figures and tables.")],
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="phantom: only there all marks are known.")] = "phantom",
    strategies: Annotated[str | None, typer.Option(metavar="A,B", help="Some of plain, marked, igr, jacobian.")] = None,
    seeds: Annotated[
        str, typer.Option(metavar="N,N", help="Training seeds; models of one seed are pairs.")
    ] = "0,1,2,3,4,5,6,7,8,9",
    label: Annotated[
        str, typer.Option(metavar="NAME", help="The finding that is differentiated, and given away by marks.")
    ] = "opacity",
    encoder: Annotated[str, typer.Option(metavar="NAME", help="tiny, small, efficientnet_lite0, monai:NAME.")] = "tiny",
    epochs: Annotated[int, typer.Option(metavar="N", help="Of every model; none stops earlier.")] = 10,
    cases: Annotated[int, typer.Option(metavar="N", help="Test pictures that are differentiated; 0 for all.")] = 60,
    only: Annotated[str | None, typer.Option(metavar="A-N,...", help="Do these parts alone, such as plain-0.")] = None,
    settings: Settings = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; without it a GPU if there is one.")] = None,
) -> None:
    """Train models with and without a planted shortcut and with gradient penalties, and hold their Jacobians side by side.

    For each seed four models are trained: plain, marked (the same pictures, in which a technician's mark gives a finding away),
    igr and jacobian (without marks, with a penalty on gradients). Writes tables.md and tables.json: AUROC, the share of the
    sensitivity that lies outside lungs and heart, the share that lies in no named clinical direction, and tests. An interrupted
    study goes on when the same command is given again. Options for --set: data.KEY, recipe.KEY, weights.KEY (igr, jacobian).

    [bold]Examples[/]
    [cyan]pellucid reproduce pbx --out study[/]
    [cyan]pellucid reproduce pbx --out study --seeds 0,1,2 --set weights.jacobian=0.1[/]
    """
    from pellucid.cli.settings import parsed
    from pellucid.registry import datasets
    from pellucid.studies import pbx as study_of
    from pellucid.studies.data import prepared
    from pellucid.studies.pbx.study import sources

    if data != "phantom":
        raise PellucidError(
            "The study needs pictures with and without planted marks, which only phantoms have; leave out --data."
        )
    given = grouped(settings or [], ("data", "recipe", "weights"))
    study = _study(given, {"encoder": encoder, "epochs": epochs, "patience": epochs}, label, cases, strategies, numbers(seeds))
    wanted = None if only is None else parts_of(only)
    where = sources(label, parsed(given["data"], cast(type, datasets.factory("phantom_chest")), "the data set phantom_chest"))
    with Stages() as stages:
        stages.tell("data", 0, 2)
        both = {}
        for done, (kind, source) in enumerate(where.items(), start=1):
            both[kind] = prepared(source, out / kind)
            stages.tell("data", done, 2)
    with Parts() as parts:
        study_of.run(study, both, out, only=wanted, progress=parts.tell, device=device)
    conclude(study_of.unfinished(study, out), lambda console: _show(study_of.write(study, both, out), console), out)


def _study(
    given: dict[str, list[str]], recipe: dict[str, Any], label: str, cases: int, strategies: str | None, seeds: tuple[int, ...]
) -> PbxStudy:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.cli.settings import parsed
    from pellucid.studies.pbx import PbxStudy, Weights
    from pellucid.studies.pbx.study import STRATEGIES
    from pellucid.training import Recipe

    names = STRATEGIES if strategies is None else tuple(name.strip() for name in strategies.split(","))
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise PellucidError(f"There is no strategy {unknown[0]!r} in this study; use {', '.join(STRATEGIES)}.")
    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    weights = Weights(**parsed(given["weights"], Weights, "the weights"))
    return PbxStudy(fields, label, cases or None, names, weights, seeds)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful."""
    from rich.table import Table

    shown = Table(box=None, title=results.table.title, title_justify="left", title_style="bold")
    for heading in (results.table.head[0], *results.table.head[2:]):
        shown.add_column(heading, justify="left" if heading == "strategy" else "right")
    for names, figures in results.table.rows:
        shown.add_row(names[0], *(f"{figure.value:.3f}" for figure in figures))
    console.print(shown)
    for claim in results.claims:
        console.print(f"{claim.text}: {claim.verdict}", markup=False, highlight=False)
    console.print()
