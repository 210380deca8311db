"""`pellucid reproduce nemt`: mask networks beside every method that a user would compare them with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Settings
from pellucid.cli.reproducing import AnyDevice, Methods, Out, carry_out, grouped, numbers, readied, source_of

if TYPE_CHECKING:
    from pellucid.studies.masks import MaskStudy
    from pellucid.studies.masks.writing import Results

SHOWN = {"relevance_mass": "RMA", "relevance_rank": "RRA", "srg": "SRG"}
"""What the terminal shows of the tables."""


def nemt(
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="phantom, rsna, ham10000, isic2017, or a prepared data set.")
    ],
    out: Out,
    source: Annotated[Path | None, typer.Option(metavar="DIR", help="Source of the data set, as for data prepare.")] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N", help="Training seeds of classifier and mask networks.")] = "0,1,2",
    methods: Methods = None,
    encoder: Annotated[str, typer.Option(metavar="NAME", help="tiny, small, efficientnet_lite0, monai:NAME.")] = "tiny",
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Of the classifier, at most.")] = None,
    cases: Annotated[int, typer.Option(metavar="N", help="Test images that are explained; 0 for all.")] = 60,
    timed: Annotated[int, typer.Option(metavar="N", help="Test images on which seconds are measured.", min=1)] = 5,
    only: Annotated[str | None, typer.Option(metavar="N,N", help="Do these seeds alone.")] = None,
    settings: Settings = None,
    device: AnyDevice = None,
) -> None:
    """Train classifiers and mask networks, explain by every method, and write the tables of Moeller et al. 2025.

    For each seed a classifier, our mask network, the unsupervised one (NEM-U) and the published one (with --methods, those
    among them and ours) are trained, and audited with the other methods on the same test images. Writes tables.md and
    tables.json: localisation, complexity and faithfulness with intervals over patients (lesions, for skin) and seeds,
    seconds an image, tests of ours against the best other methods, and after how many images a mask network has paid for
    its training. An interrupted study goes on when the same command is given again. Options for --set: data.KEY,
    recipe.KEY, masks.KEY, plan.KEY.

    [bold]Examples[/]
    [cyan]pellucid reproduce nemt --data phantom --out study --epochs 24[/]
    [cyan]pellucid reproduce nemt --data rsna --source rsna-pneumonia --out study --encoder monai:DenseNet121[/]
    """
    from pellucid.studies import masks
    from pellucid.studies.masks.study import SOURCES

    given = grouped(settings or [], ("data", "recipe", "masks", "plan"))
    study = _study(given, encoder, epochs, cases, timed, methods, numbers(seeds))
    wanted = None if only is None else numbers(only)
    (dataset,) = readied([(source_of(data, source, given["data"], SOURCES), out)])
    carry_out(masks, study, dataset, out, only=wanted, device=device, show=_show, named="seed {}".format)


def _study(
    given: dict[str, list[str]],
    encoder: str,
    epochs: int | None,
    cases: int,
    timed: int,
    methods: str | None,
    seeds: tuple[int, ...],
) -> MaskStudy:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.audit import Plan
    from pellucid.cli.audit import known
    from pellucid.cli.settings import parsed
    from pellucid.registry import explainers
    from pellucid.studies.masks import MaskStudy
    from pellucid.studies.masks.study import plan_of
    from pellucid.training import Recipe
    from pellucid.training.masks import MaskRecipe

    recipe = {"encoder": encoder, **({} if epochs is None else {"epochs": epochs})}
    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    masks = parsed(given["masks"], MaskRecipe, "the recipe of the mask networks")
    chosen = known(methods, explainers) if methods else None
    plan = plan_of(chosen, **{"cases": cases or None, **parsed(given["plan"], Plan, "the audit plan")})
    return MaskStudy(fields, masks, plan, seeds, timed)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful."""
    from rich.table import Table

    table = Table(title="Methods", title_justify="left", box=None, padding=(0, 3, 0, 0), title_style="bold")
    table.add_column("", no_wrap=True)
    for title in (*SHOWN.values(), "s an image"):
        table.add_column(title, justify="right")
    for name, row in results.figures.items():
        cells = (f"{row[c].value:.3f}" if c in row else "-" for c in SHOWN)
        table.add_row(name, *cells, f"{results.seconds.get(name, float('nan')):.4f}")
    console.print(table)
    for test in results.tests:
        console.print(
            f"{test.claim} than {test.rival}: {test.verdict}"
            if "more" in test.claim
            else f"{test.claim} of {test.rival}: {test.verdict}"
        )
