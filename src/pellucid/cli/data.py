"""`pellucid data`: read a source once, and look at what came of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from pellucid.datasets import StoredDataset


def prepare(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which data set; `pellucid list datasets` shows them.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    source: Annotated[Path | None, typer.Option("--from", metavar="DIR", help="Folder or archive of the source.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Option of the data set.")] = None,
    min_train_cases: Annotated[int, typer.Option(metavar="N", help="Keep labels of at least so many training cases.")] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the splits; patients are never shared between splits.")] = 0,
) -> None:
    """Read a source and store its cases, with splits, as one folder.

    What cannot be used is left out, counted and shown. A data set that stands at --out is replaced when all went well.

    [bold]Examples[/]
    [cyan]pellucid data prepare codiesp --from CodiEsp_corpus.zip --out data/codiesp --min-train-cases 10[/]
    [cyan]pellucid data prepare phantom_notes --out data/phantom --set n=400[/]
    [cyan]pellucid data prepare phantom_chest --out data/chest --set size=128[/]
    """
    from pellucid import datasets
    from pellucid.cli.progress import Stages

    adapter = _adapter(name, source, settings or [])
    datasets.check_folder(out)
    with Stages() as stages:
        stages.tell("reading", 0, 1)
        prepared = adapter.prepare()
        stages.tell("reading", 1, 1)
        tell = partial(stages.tell, "writing")
        stored = datasets.write(out, prepared, seed=seed, min_train_cases=min_train_cases, progress=tell)
    _show(stored)


def describe(data: Annotated[Path, typer.Argument(metavar="DIR", help="A prepared data set.")]) -> None:
    """Show what a prepared data set holds, and what was left out of it.

    [bold]Example[/]
    [cyan]pellucid data describe data/codiesp[/]
    """
    from pellucid.datasets import open_dataset

    _show(open_dataset(data))


def _adapter(name: str, source: Path | None, pairs: list[str]) -> Any:
    """The adapter of that name with its options; `--from` is its field `root`."""
    from pellucid.cli.settings import options, parsed, required
    from pellucid.registry import datasets

    kind: Any = datasets.factory(name)
    chosen = parsed(pairs, kind, f"the data set {name}")
    if source is not None:
        if "root" not in options(kind):
            raise PellucidError(f"The data set {name} is made, not read; leave --from out.")
        chosen["root"] = source
    missing = [field for field in required(kind) if field not in chosen]
    if missing:
        how = "--from DIR" if missing[0] == "root" else f"--set {missing[0]}=..."
        raise PellucidError(f"The data set {name} needs {how}: {kind.needs}.")
    return datasets.create(name, **chosen)


def _show(data: StoredDataset) -> None:
    from rich.console import Console

    from pellucid.cli.tables import described

    Console().print(described(data))
