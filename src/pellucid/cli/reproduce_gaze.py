"""`pellucid reproduce mimic-gaze`: models that explain alike, and look where people look, beside all that does so by chance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Settings
from pellucid.cli.reproducing import (
    AnyDevice,
    Methods,
    Out,
    Seeds,
    carry_out,
    grouped,
    numbers,
    parts_of,
    readied,
    screenful,
    source_of,
)

if TYPE_CHECKING:
    from pellucid.studies.gaze import GazeStudy
    from pellucid.studies.gaze.writing import Results
    from pellucid.studies.tables import Table as Figures

SHOWN = {
    "AUROC": "AUROC", "divergence, grad_cam": "divergence", "told apart": "told apart",
    "consistency between seeds": "consistency", "information gain, blurred": "gain, blurred", "sAUC, blurred": "sAUC, blurred",
    "SRG": "SRG", "NAOPC": "NAOPC",
}  # fmt: skip
"""What the terminal shows of the tables."""


def mimic_gaze(
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="phantom, egd, reflacx, or a prepared data set.")],
    out: Out,
    source: Annotated[Path | None, typer.Option(metavar="DIR", help="Source of egd or reflacx, as for data prepare.")] = None,
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of MIMIC-CXR, for egd and reflacx.")] = None,
    seeds: Seeds = "0,1,2,3,4",
    methods: Methods = None,
    encoder: Annotated[str, typer.Option(metavar="NAME", help="tiny, small, efficientnet_lite0, monai:NAME.")] = "tiny",
    members: Annotated[int, typer.Option(metavar="N", help="Networks of an ensemble.")] = 3,
    epochs: Annotated[int, typer.Option(metavar="N", help="Of every model; none stops earlier.")] = 24,
    cases: Annotated[int, typer.Option(metavar="N", help="Test images that are explained; 0 for all.")] = 40,
    only: Annotated[str | None, typer.Option(metavar="A-N,...", help="Do these parts alone, such as single-0.")] = None,
    settings: Settings = None,
    device: AnyDevice = None,
) -> None:
    """Teach ensembles to explain alike and to look where people look, and write what came of it beside its controls.

    For each seed five models are trained: single, ensemble, consensus (its members explain alike), consensus_gaze (and look
    where people looked, of whom it sees one in ten) and distilled (one network taught by the one before). Writes tables.md and
    tables.json: AUROC, how alike members and seeds explain, gaze metrics raw and under each method's best blur beside centre
    prior, lungs, random maps and another reader, faithfulness, what a mere blur does to the published figures, and tests.
    An interrupted study goes on when the same command is given again. With --only, several processes share the work in one
    folder. Options for --set: data.KEY, recipe.KEY, plan.KEY, weights.KEY (consensus, gaze, annotated, by).

    [bold]Examples[/]
    [cyan]pellucid reproduce mimic-gaze --data phantom --out study[/]
    [cyan]pellucid reproduce mimic-gaze --data egd --source egd-cxr --images mimic-cxr-jpg --out study[/]
    """
    from pellucid.studies import gaze
    from pellucid.studies.gaze.study import SOURCES

    given = grouped(settings or [], ("data", "recipe", "plan", "weights"))
    study = _study(given, {"encoder": encoder, "epochs": epochs, "patience": epochs}, cases, methods, members, numbers(seeds))
    wanted = parts_of(only)
    (dataset,) = readied([(source_of(data, source, given["data"], SOURCES, images), out)])
    carry_out(gaze, study, dataset, out, only=wanted, device=device, show=_show)


def _study(
    given: dict[str, list[str]],
    recipe: dict[str, Any],
    cases: int,
    methods: str | None,
    members: int,
    seeds: tuple[int, ...],
) -> GazeStudy:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.audit import Plan
    from pellucid.cli.audit import known
    from pellucid.cli.settings import parsed
    from pellucid.registry import explainers
    from pellucid.studies.gaze import GazeStudy, Weights
    from pellucid.studies.gaze.study import plan_of
    from pellucid.training import Recipe

    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    weights = Weights(**parsed(given["weights"], Weights, "the weights"))
    chosen = known(methods, explainers) if methods else None
    plan = plan_of(chosen, **{"cases": cases or None, **parsed(given["plan"], Plan, "the audit plan")})
    return GazeStudy(fields, plan, members, weights, seeds)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful: the figures of each strategy, and what may be said."""
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for part in results.tables:
        for name, figures in _by_strategy(part).items():
            rows.setdefault((name,), {}).update(figures)
    console.print(screenful("Strategies, by Grad-CAM", ("",), rows, SHOWN))
    for claim in results.claims:
        console.print(f"{claim.text}: {claim.said}", markup=False, highlight=False)
    console.print()


def _by_strategy(table: Figures) -> dict[str, dict[str, float]]:
    """Rows of strategies by the headline method, and of what knows no model."""
    from pellucid.studies.gaze.study import HEADLINE

    found = {}
    for names, figures in table.rows if table.head[0] == "strategy" else ():
        columns = dict(zip(table.head[len(names) :], (figure.value for figure in figures), strict=True))
        if names[0] == "–" or "method" not in table.head or names[1] == HEADLINE:
            found[names[1] if names[0] == "–" else names[0]] = columns
    return found
