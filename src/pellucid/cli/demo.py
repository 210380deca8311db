"""`pellucid demo`: the whole walk on generated notes, from cases to report."""

from __future__ import annotations

import sys
import webbrowser
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid._version import __version__
from pellucid.cli.audit import reported
from pellucid.cli.audit import told as told_audit
from pellucid.cli.guard import command_line
from pellucid.cli.progress import Stages
from pellucid.cli.train import told as told_training
from pellucid.errors import DataError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pellucid.case import Case
    from pellucid.datasets import StoredDataset
    from pellucid.predictor import Predictor

RECORD = "demo.json"


@dataclass(frozen=True)
class DemoSize:
    """How much the demo does: enough to learn something, little enough for two cores and two minutes.

    Attributes:
        notes: generated, all splits together.
        tokens: least and greatest length of a note.
        codes: what the notes are about.
        distractors: least and greatest number of misleading mentions a note.
        epochs, batch_size: of training.
        cases: test notes that are explained and judged.
        targets: labels a note, at most.
        validation_cases: notes that tune the thresholds of evidence.
        candidates: of the search for NAOPC bounds.
        draws: of the bootstrap.
    """

    notes: int = 400
    tokens: tuple[int, int] = (150, 300)
    codes: tuple[str, ...] = ("I10", "E78.5", "N17.9", "K21.9", "E11.9", "I48.91", "I50.9", "I25.10")
    distractors: tuple[int, int] = (2, 5)
    epochs: int = 5
    batch_size: int = 8
    cases: int = 12
    targets: int = 2
    validation_cases: int = 8
    candidates: int = 4
    draws: int = 1000


@dataclass(frozen=True)
class Trap:
    """The shortcut that is planted: a phrase that says nothing about the patient and yet tells a code."""

    label: str = "E78.5"
    phrase: str = "Dictated by Dr. Harlan but not read"
    rate: float = 0.95
    leak: float = 0.0
    replaces_evidence: float = 0.6


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of all that the demo makes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed makes other notes and another model.")] = 0,
    show: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open the report in a browser; by default where there is a screen.")
    ] = None,
) -> None:
    """Generate notes, train a small model, explain it by every method, judge the explanations, write a report.

    Takes about two minutes on two cores and needs no network. The notes hold a planted shortcut: a phrase without any medical
    meaning that tells the model one of the codes. A true explanation shows it. Given again, the command uses what is there.

    [bold]Examples[/]
    [cyan]pellucid demo[/]
    [cyan]pellucid demo --out demo-1 --seed 1 --no-open[/]
    """
    from rich.console import Console

    page = run(out, seed, DemoSize(), command_line(ctx), Console())
    if _has_screen() if show is None else show:
        webbrowser.open(page.resolve().as_uri())


def run(out: Path, seed: int, size: DemoSize, command: str, console: Any) -> Path:
    """The demo; whatever is finished in `out` is used again. Returns the path of the report.

    Raises:
        DataError: `out` holds something else, or a demo of another seed, size or version.
    """
    from pellucid import audit, predictors, training
    from pellucid.cli.summary import summary

    _claim(out, {"seed": seed, "version": __version__, "size": asdict(size), "shortcut": asdict(Trap())})
    recipe = training.Recipe(epochs=size.epochs, batch_size=size.batch_size, patience=size.epochs, seed=seed)
    plan = audit.Plan(
        cases=size.cases,
        max_targets=size.targets,
        validation_cases=size.validation_cases,
        candidates=size.candidates,
        draws=size.draws,
        seed=seed,
    )
    with Stages() as stages:
        dataset = _notes(out / "data", seed, size, stages)
        training.train(dataset, recipe, out / "model", progress=told_training(stages), device="cpu")
        stages.finish("training")
        model = predictors.load(out / "model")
        audit.run(model, dataset, plan, out, progress=told_audit(stages))
        stages.tell("report", 0, 1)
        page = reported(out, command)
        stages.tell("report", 1, 1)
    for part in _about_trap(model, dataset):
        console.print(part)
    console.print(summary(out))
    console.print()
    for title, path in (("Report", page), ("Findings", out / "findings.parquet"), ("Model", out / "model")):
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


def _notes(path: Path, seed: int, size: DemoSize, stages: Stages) -> StoredDataset:
    from pellucid import datasets
    from pellucid.datasets.phantom.shortcut import Shortcut

    if not (path / "dataset.json").is_file():
        stages.tell("writing notes", 0, size.notes)
        trap = Shortcut(**asdict(Trap()))
        notes = datasets.PhantomNotes(
            size.notes, seed, size.tokens, codes=size.codes, shortcut=trap, distractors=size.distractors
        )
        datasets.write(path, notes.prepare(), seed=seed)
    stages.tell("writing notes", size.notes, size.notes)
    return datasets.open_dataset(path)


def _about_trap(model: Predictor, dataset: StoredDataset) -> list[RenderableType]:
    """What AttInGrad says about a test note in which the planted phrase stands for the evidence."""
    from rich.text import Text

    from pellucid.api import Model

    case = _trapped(dataset)
    if case is None:
        return []
    explanation = Model(model).explain(case, "attingrad", Trap.label)
    said = (
        f'The notes hold a planted shortcut: the line "{Trap.phrase}" says nothing about the patient, but stands in '
        f"{Trap.rate:.0%} of the notes with the code {Trap.label}. In the test note {case.id} nothing else tells that code. "
        "What AttInGrad shows:"
    )
    return [Text(said), Text(), explanation]


def _trapped(dataset: StoredDataset) -> Case | None:
    return next((case for case in dataset.split("test") if case.meta["shortcut"]["replaced"]), None)


def _has_screen() -> bool:
    """Whether somebody sits before a graphical screen; a browser that runs in the terminal would only be in the way."""
    import os

    graphical = sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and graphical
