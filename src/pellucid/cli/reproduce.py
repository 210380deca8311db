"""`pellucid reproduce`: a published study again, on data that you have, from one command."""

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
    listed,
    numbers,
    parts_of,
    readied,
    screenful,
    source_of,
)

if TYPE_CHECKING:
    from pellucid.studies import Study
    from pellucid.studies.writing import Results

SHOWN = {
    "average_precision": "average precision", "pooled_f1": "F1", "empty": "empty", "naopc_comprehensiveness": "NAOPC compr.",
    "naopc_sufficiency": "NAOPC suff.",
}  # fmt: skip
"""What the terminal shows of the tables."""


def attingrad(
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="phantom, codiesp, mdace, or a prepared data set.")],
    out: Out,
    source: Annotated[Path | None, typer.Option(metavar="DIR", help="Source of codiesp or mdace, as for data prepare.")] = None,
    strategies: Annotated[
        str | None, typer.Option(metavar="A,B", help="Objectives, sums such as tm+igr too; by default bce,igr,pgd,tm,evidence.")
    ] = None,
    seeds: Seeds = "0,1,2",
    methods: Methods = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="A published training's settings, such as edin2024.")
    ] = None,
    encoder: Annotated[str, typer.Option(metavar="NAME", help="tiny, small, minilm, a folder, or a Hugging Face id.")] = "tiny",
    epochs: Annotated[int | None, typer.Option(metavar="N", help="At most so many; tm goes on from bce for fewer.")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", help="Cases a step; by default 8, or the preset's.")] = None,
    cases: Annotated[int | None, typer.Option(metavar="N", help="Test cases that are explained; 0 for all.")] = 60,
    validation_cases: Annotated[
        int | None, typer.Option(metavar="N", help="Validation cases for thresholds and choice; 0 for all.")
    ] = 60,
    only: Annotated[str | None, typer.Option(metavar="A-N,...", help="Do these parts alone, such as bce-0,tm-0.")] = None,
    settings: Settings = None,
    device: AnyDevice = None,
) -> None:
    """Train under several objectives, explain by every method, and write the tables and tests of Edin et al. 2024.

    Every strategy is trained with every seed and audited on the same test cases; thresholds are tuned on validation. Writes
    tables.md and tables.json: models, plausibility, faithfulness (normalised, so that models can be compared), codes assigned
    and missed, punctuation, and paired tests over patients and seeds. One combination is chosen on validation and tested
    against AttInGrad. An interrupted study goes on when the same command is given again, and may be given more seeds or
    strategies. With --only, several processes share the work in one folder. Options for --set: data.KEY, recipe.KEY, plan.KEY.

    [bold]Examples[/]
    [cyan]pellucid reproduce attingrad --data phantom --out study[/]
    [cyan]pellucid reproduce attingrad --data codiesp --source CodiEsp --out study --seeds 0,1,2 --set recipe.patience=5[/]
    """
    from pellucid import studies
    from pellucid.studies.data import SOURCES

    given = grouped(settings or [], ("data", "recipe", "plan"))
    batch = batch_size or (8 if preset is None else None)
    recipe = {name: v for name, v in (("encoder", encoder), ("epochs", epochs), ("batch_size", batch)) if v is not None}
    sizes = {"cases": cases or None, "validation_cases": validation_cases or None}
    named = {} if strategies is None else {"strategies": tuple(listed(strategies))}
    study = _study(given, recipe, sizes, methods, seeds=numbers(seeds), preset=preset, **named)
    wanted = parts_of(only)
    (dataset,) = readied([(source_of(data, source, given["data"], SOURCES), out)])
    carry_out(studies, study, dataset, out, only=wanted, device=device, show=_show)


def _study(
    given: dict[str, list[str]], recipe: dict[str, Any], sizes: dict[str, int | None], methods: str | None, **settings: Any
) -> Study:
    """The study that the command names; what --set says goes before the named options."""
    from pellucid.audit import Plan
    from pellucid.cli.audit import known
    from pellucid.cli.settings import parsed
    from pellucid.registry import explainers
    from pellucid.studies import Study
    from pellucid.studies.study import METHODS, at_hand, plan_of
    from pellucid.training import Recipe

    used = known(methods, explainers) if methods else at_hand(METHODS, explainers)
    plan = plan_of(used, **{**sizes, **parsed(given["plan"], Plan, "the audit plan")})
    fields = {**recipe, **parsed(given["recipe"], Recipe, "the recipe")}
    return Study(fields, plan, choice_cases=sizes["validation_cases"], **settings)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful: the figures of each strategy and method, and what may be said."""
    from pellucid.studies.comparing import summary

    found: dict[tuple[str, ...], dict[str, float]] = {}
    for part in results.tables:
        for named, figures in part.rows if part.head[:2] == ("strategy", "method") else ():
            columns = dict(zip(part.head[2:], (figure.value for figure in figures), strict=True))
            found.setdefault(named, {}).update(columns)
    console.print(screenful("Strategies and methods", ("strategy", "method"), found, SHOWN))
    for question, tests in (*results.answers, *results.final):
        console.print(f"\n{question.claim}", style="bold", markup=False, highlight=False)
        for line in summary(question, tests):
            console.print(f"  {line}", markup=False, highlight=False)
    console.print()
