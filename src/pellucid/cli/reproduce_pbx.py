"""`pellucid reproduce pbx`: what Jacobians tell of models that learned a shortcut, and of models trained to be less steep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pellucid.cli.options import Settings
from pellucid.cli.reproducing import AnyDevice, carry_out, grouped, listed, numbers, parts_of, readied, screenful
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
    device: AnyDevice = None,
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
    from pellucid.studies.pbx.study import sources

    if data != "phantom":
        raise PellucidError(
            "The study needs pictures with and without planted marks, which only phantoms have; leave out --data."
        )
    given = grouped(settings or [], ("data", "recipe", "weights"))
    study = _study(given, {"encoder": encoder, "epochs": epochs, "patience": epochs}, label, cases, strategies, numbers(seeds))
    wanted = parts_of(only)
    options = parsed(given["data"], cast(type, datasets.factory("phantom_chest")), "the data set phantom_chest")
    where = sources(label, options)
    both = dict(zip(where, readied([(source, out / kind) for kind, source in where.items()]), strict=True))
    carry_out(study_of, study, both, out, only=wanted, device=device, show=_show)


def _study(
    given: dict[str, list[str]], recipe: dict[str, Any], label: str, cases: int, strategies: str | None, seeds: tuple[int, ...]
) -> PbxStudy:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.cli.settings import parsed
    from pellucid.studies.pbx import PbxStudy, Weights
    from pellucid.studies.pbx.study import STRATEGIES
    from pellucid.training import Recipe

    wanted = STRATEGIES if strategies is None else tuple(listed(strategies))
    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    weights = Weights(**parsed(given["weights"], Weights, "the weights"))
    return PbxStudy(fields, label, cases or None, wanted, weights, seeds)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful."""
    columns = results.table.head[2:]  # the second one is the objective
    rows = {
        named[:1]: dict(zip(columns, (figure.value for figure in figures), strict=True))
        for named, figures in results.table.rows
    }
    console.print(screenful(results.table.title, ("strategy",), rows, dict(zip(columns, columns, strict=True))))
    for claim in results.claims:
        console.print(f"{claim.text}: {claim.verdict}", markup=False, highlight=False)
    console.print()
