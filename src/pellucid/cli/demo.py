"""`pellucid demo`: the whole walk on generated notes or radiographs, from cases to report."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from pellucid._version import __version__
from pellucid.cli.audit import reported
from pellucid.cli.audit import told as told_audit
from pellucid.cli.guard import command_line
from pellucid.cli.progress import Stages
from pellucid.cli.train import told as told_training
from pellucid.errors import DataError, PellucidError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pellucid.audit import Plan
    from pellucid.datasets import StoredDataset
    from pellucid.predictor import Predictor
    from pellucid.training import Recipe

RECORD = "demo.json"


class Show(Protocol):
    """What a demo is about: generated cases with a planted shortcut, a model that learns them, and what is told of it.

    A frozen dataclass of sizes.
    """

    def facts(self) -> dict[str, Any]:
        """What, beside the seed, decides the demo; JSON values."""

    def data(self, path: Path, seed: int, stages: Stages) -> StoredDataset:
        """The cases, made now unless they are there."""

    def recipe(self, seed: int) -> Recipe:
        """How the model is trained."""

    def furnished(self, model: Path, dataset: StoredDataset, seed: int, stages: Stages) -> Path:
        """The folder of the model that is explained, once it has all that methods need."""

    def plan(self, seed: int) -> Plan:
        """How the explanations are judged."""

    def story(self, model: Predictor, dataset: StoredDataset, out: Path) -> list[RenderableType]:
        """What one explanation says of the planted shortcut."""


def demo(
    ctx: typer.Context,
    modality: Annotated[str, typer.Option(metavar="KIND", help="text (notes) or image (radiographs).")] = "text",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of all that the demo makes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed makes other notes and another model.")] = 0,
    show: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open the report in a browser; by default where there is a screen.")
    ] = None,
) -> None:
    """Generate cases, train a small model, explain it by every method, judge the explanations, write a report.

    Takes a few minutes on two cores and needs no network. The cases hold a planted shortcut: a phrase, or in radiographs a mark
    in the corner, without any medical meaning that tells the model one of the labels. A true explanation shows it. Given again,
    the command uses what is there.

    [bold]Examples[/]
    [cyan]pellucid demo[/]
    [cyan]pellucid demo --modality image --out demo-images[/]
    [cyan]pellucid demo --out demo-1 --seed 1 --no-open[/]
    """
    from rich.console import Console

    page = run(out, seed, show_of(modality), command_line(ctx), Console())
    if _has_screen() if show is None else show:
        webbrowser.open(page.resolve().as_uri())


def show_of(modality: str) -> Show:
    """The demo of that kind.

    Raises:
        PellucidError: there is none.
    """
    from pellucid.cli.demo_images import ImageDemo
    from pellucid.cli.demo_notes import NotesDemo

    shows: dict[str, Show] = {"text": NotesDemo(), "image": ImageDemo()}
    if modality not in shows:
        raise PellucidError(f"There is no demo of {modality!r}; choose {' or '.join(shows)}.")
    return shows[modality]


def run(out: Path, seed: int, show: Show, command: str, console: Any) -> Path:
    """The demo; whatever is finished in `out` is used again. Returns the path of the report.

    Raises:
        DataError: `out` holds something else, or a demo of another seed, size or version.
    """
    from pellucid import audit, predictors, training
    from pellucid.cli.summary import summary

    _claim(out, {"seed": seed, "version": __version__, **show.facts()})
    with Stages() as stages:
        dataset = show.data(out / "data", seed, stages)
        training.train(dataset, show.recipe(seed), out / "model", progress=told_training(stages), device="cpu")
        stages.finish("training")
        folder = show.furnished(out / "model", dataset, seed, stages)
        model = predictors.load(folder)
        audit.run(model, dataset, show.plan(seed), out, progress=told_audit(stages))
        stages.tell("report", 0, 1)
        page = reported(out, command)
        stages.tell("report", 1, 1)
    for part in show.story(model, dataset, out):
        console.print(part)
    console.print(summary(out))
    console.print()
    for title, path in (("Report", page), ("Findings", out / "findings.parquet"), ("Model", folder)):
        console.print(f"{title + ':':10}{path}", markup=False, highlight=False, soft_wrap=True)
    return page


def _claim(out: Path, record: dict[str, Any]) -> None:
    """Take `out` for a demo with these settings."""
    from pellucid.files import read_json, write_json

    if (out / RECORD).is_file():
        differs = [name for name, value in read_json(out / RECORD).items() if _plain(record.get(name)) != value]
        if differs:
            raise DataError(f"{out} holds a demo of another {differs[0]}; choose another --out, or delete this folder.")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} holds something else than a demo; choose another folder with --out.")
    write_json(out / RECORD, record)


def _plain(value: Any) -> Any:
    """The value as it comes back from a JSON file: tuples are lists there."""
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _has_screen() -> bool:
    """Whether somebody sits before a graphical screen; a browser that runs in the terminal would only be in the way."""
    import os

    graphical = sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and graphical
