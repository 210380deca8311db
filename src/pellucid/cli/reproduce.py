"""`pellucid reproduce`: a published study again, on data that you have, from one command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Settings
from pellucid.cli.progress import Stages
from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from rich.table import Table

    from pellucid.studies import Part, Study
    from pellucid.studies.data import Source
    from pellucid.studies.steps import Event
    from pellucid.studies.writing import Results

SHOWN = {
    "average_precision": "average precision", "pooled_f1": "F1", "empty": "empty", "naopc_comprehensiveness": "NAOPC compr.",
    "naopc_sufficiency": "NAOPC suff.",
}  # fmt: skip
"""What the terminal shows of the tables."""


def attingrad(
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="phantom, codiesp, mdace, or a prepared data set.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of data, models, audits and tables.")],
    source: Annotated[Path | None, typer.Option(metavar="DIR", help="Source of codiesp or mdace, as for data prepare.")] = None,
    strategies: Annotated[
        str | None, typer.Option(metavar="A,B", help="Objectives, sums such as tm+igr too; by default bce,igr,pgd,tm,evidence.")
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N", help="Training seeds; models of one seed are pairs.")] = "0,1,2",
    methods: Annotated[str | None, typer.Option(metavar="A,B", help="Explainers; without it the study's own.")] = None,
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
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; without it a GPU if there is one.")] = None,
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
    from pellucid.studies.data import SOURCES, prepared

    given = grouped(settings or [], ("data", "recipe", "plan"))
    batch = batch_size or (8 if preset is None else None)
    recipe = {name: v for name, v in (("encoder", encoder), ("epochs", epochs), ("batch_size", batch)) if v is not None}
    sizes = {"cases": cases or None, "validation_cases": validation_cases or None}
    named = {} if strategies is None else {"strategies": tuple(_names(strategies))}
    study = _study(given, recipe, sizes, methods, seeds=numbers(seeds), preset=preset, **named)
    wanted = None if only is None else parts_of(only)
    where = source_of(data, source, given["data"], SOURCES)
    with Stages() as stages:
        stages.tell("data", 0, 1)
        dataset = prepared(where, out)
        stages.tell("data", 1, 1)
    with Parts() as parts:
        studies.run(study, dataset, out, only=wanted, progress=parts.tell, device=device)
    conclude(studies.unfinished(study, out), lambda console: _show(studies.write(study, dataset, out), console), out)


def conclude(missing: Sequence[Any], show: Callable[[Any], None], out: Path) -> None:
    """Say what of a study is not finished; or else write and show what came of it, and where it lies.

    Args:
        missing: parts that are not finished, in the words of the study.
        show: writes the tables, and shows them on the console that it is given.
    """
    from rich.console import Console

    console = Console()
    if missing:
        console.print(
            f"Not finished yet: {', '.join(map(str, missing))}. Tables are written when nothing is missing.", soft_wrap=True
        )
        return
    show(console)
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


def source_of(data: str, source: Path | None, pairs: list[str], known_sources: Mapping[str, Source]) -> Source | Path:
    """The data set by its short name with what was given for it, or the folder of a prepared one.

    Raises:
        PellucidError: it is neither, or needs a source and has none, or the other way round.
    """
    from pellucid.cli.settings import options, parsed
    from pellucid.registry import datasets

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
    given = {**known.options, **parsed(pairs, kind, f"the data set {data}"), **({"root": source} if root else {})}
    return replace(known, options=given)


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


def parts_of(text: str) -> list[Part]:
    """The parts that `--only` names, such as bce-0,tm-0.

    Raises:
        PellucidError: one has no seed.
    """
    from pellucid.studies import Part

    named = [name.rpartition("-") for name in _names(text)]
    return [Part(strategy, numbers(seed)[0]) for strategy, _, seed in named]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str) -> tuple[int, ...]:
    names = _names(text)
    if not names or not all(name.isdecimal() for name in names):
        raise PellucidError(f"{text!r} gives no training seeds; write whole numbers, such as --seeds 0,1,2 or --only bce-0.")
    return tuple(int(name) for name in names)


def _show(results: Results, console: Any) -> None:
    """What came of a study, in a screenful: the figures of each strategy and method, and what may be said."""
    from pellucid.studies.comparing import summary

    console.print(_figures(results))
    for question, tests in (*results.answers, *results.final):
        console.print(f"\n{question.claim}", style="bold", markup=False, highlight=False)
        for line in summary(question, tests):
            console.print(f"  {line}", markup=False, highlight=False)
    console.print()


def _figures(results: Results) -> Table:
    from rich.table import Table

    table = Table(title="Strategies and methods", title_justify="left", box=None, padding=(0, 3, 0, 0), title_style="bold")
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for part in results.tables:
        for names, figures in part.rows if part.head[:2] == ("strategy", "method") else ():
            columns = dict(zip(part.head[2:], figures, strict=True))
            found.setdefault(names, {}).update({c: f.value for c, f in columns.items() if c in SHOWN})
    for head in ("strategy", "method"):
        table.add_column(head, no_wrap=True)
    shown = [column for column in SHOWN if any(column in row for row in found.values())]
    for column in shown:
        table.add_column(SHOWN[column], justify="right")
    for names, row in found.items():
        table.add_row(*names, *(f"{row[c]:.3f}" if row.get(c, float("nan")) == row.get(c) else "–" for c in shown))
    return table
