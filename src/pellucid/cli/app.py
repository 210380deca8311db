"""All commands, in the order in which a newcomer needs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from pellucid._version import __version__
from pellucid.cli import (
    agree,
    align,
    audit,
    data,
    demo,
    explain,
    listing,
    pretrain,
    reproduce,
    reproduce_gaze,
    reproduce_nemt,
    reproduce_pbx,
    reproduce_wrong_lung,
    train,
)
from pellucid.cli.guard import Guarded

app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

_WORK = "Work, in this order"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"pellucid {__version__}")
        raise typer.Exit


def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Makes, improves and proves explanations of medical AI.

    A model reads a clinical note and predicts codes, or an image and names findings. Pellucid trains such a model, says which
    words or pixels made it predict each, and measures how far that can be believed: by agreement with human evidence, and by
    what happens when they are removed.

    [bold]A first look[/], on generated notes or radiographs, in a few minutes:
    [cyan]pellucid demo[/]
    [cyan]pellucid demo --modality image --out demo-images[/]

    [bold]On your own data[/]:
    [cyan]pellucid data prepare codiesp --from CodiEsp_corpus.zip --out data/codiesp --min-train-cases 10[/]
    [cyan]pellucid train --data data/codiesp --out runs/coder --encoder minilm[/]
    [cyan]pellucid explain --model runs/coder --text note.txt[/]
    [cyan]pellucid audit --model runs/coder --data data/codiesp --out audits/coder[/]

    Every command goes on where it was when it is interrupted and given again. Research use only: not a medical device.
    """


def paragraphs(function: Callable[..., None]) -> str:
    """A docstring with its paragraphs joined, so that they wrap to the terminal; headings and commands keep their lines."""
    blocks = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(block if "[cyan]" in block else block.replace("\n", " ") for block in blocks)


def _add(to: typer.Typer, name: str, function: Callable[..., None], panel: str | None = None) -> None:
    to.command(name, help=paragraphs(function), rich_help_panel=panel)(function)


_data = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Prepare a data set, and look at what came of it.")
_add(_data, "prepare", data.prepare)
_add(_data, "describe", data.describe)

app.callback(help=paragraphs(root))(root)
_add(app, "demo", demo.demo, "Start here")
app.add_typer(_data, name="data", rich_help_panel=_WORK)
_add(app, "pretrain", pretrain.pretrain, _WORK)
_add(app, "train", train.train, _WORK)
_add(app, "explain", explain.explain, _WORK)
_add(app, "audit", audit.audit, _WORK)
_add(app, "report", audit.report, _WORK)
_add(app, "agree", agree.agree, _WORK)
_add(app, "align", align.align, _WORK)
_reproduce = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Do a published study again, on data that you have."
)
_add(_reproduce, "attingrad", reproduce.attingrad)
_add(_reproduce, "nemt", reproduce_nemt.nemt)
_add(_reproduce, "mimic-gaze", reproduce_gaze.mimic_gaze)
_add(_reproduce, "pbx", reproduce_pbx.pbx)
_add(_reproduce, "wrong-lung", reproduce_wrong_lung.wrong_lung)
app.add_typer(_reproduce, name="reproduce", rich_help_panel=_WORK)
_add(app, "list", listing.listing, "Look up")
