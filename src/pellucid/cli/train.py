"""`pellucid train`: a coding model from a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Data, Settings
from pellucid.cli.progress import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.training import Event, Recipe
    from pellucid.training.trainable import Trainable


def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write the model to.")],
    encoder: Annotated[str, typer.Option(metavar="NAME", help="tiny, small, minilm, a folder, or a Hugging Face id.")] = "tiny",
    decoder: Annotated[str, typer.Option(metavar="NAME", help="plm_ca or laat.")] = "plm_ca",
    objective: Annotated[str, typer.Option(metavar="NAMES", help="What is minimised; `pellucid list objectives`.")] = "bce",
    epochs: Annotated[int, typer.Option(metavar="N", help="At most so many passes over the training cases.")] = 20,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Cases a step.")] = 16,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help="The highest; without it, what suits the encoder.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(metavar="N", help="Longer notes are cut at the end.")] = 6000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of first weights, order of cases and dropout.")] = 0,
    settings: Settings = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; without it a GPU if there is one.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an interrupted run, replace a finished model.")] = False,
) -> None:
    """Train a model that reads a note and predicts codes.

    An interrupted run goes on when the same command is given again. The epoch with the best validation mAP is kept, and the
    decision threshold is tuned on validation. Fields of the recipe for --set: micro_batch_size, chunk, encoder_learning_rate,
    warmup, weight_decay, clip, dropout, patience, precision.

    [bold]Examples[/]
    [cyan]pellucid train --data data/phantom --out runs/phantom[/]
    [cyan]pellucid train --data data/codiesp --out runs/codiesp --encoder minilm --epochs 30 --set patience=5[/]
    """
    from rich.console import Console

    from pellucid import training
    from pellucid.cli.settings import parsed
    from pellucid.datasets import open_dataset

    named: dict[str, Any] = {
        "encoder": encoder,
        "decoder": decoder,
        "objective": objective,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    recipe = training.Recipe(**{**named, **parsed(settings or [], training.Recipe, "the recipe")})
    dataset = open_dataset(data)
    with Stages() as stages:
        model = training.train(dataset, recipe, out, progress=told(stages, recipe), fresh=fresh, device=device)
        stages.finish("training")
    Console().print(summary(model, out))


def told(stages: Stages, recipe: Recipe) -> Callable[[Event], None]:
    """What shows a training run's events."""
    latest = ""

    def tell(event: Event) -> None:
        nonlocal latest
        if event.validation_map is not None:
            latest = f", validation mAP {event.validation_map:.3f}"
        news = f"epoch {min(event.epoch, recipe.epochs)}, loss {event.loss:.3f}{latest}"
        stages.tell("training", event.step, event.steps, news)

    return tell


def summary(model: Trainable, out: Path) -> Any:
    """What came of a training run."""
    from pellucid.cli.tables import facts

    about = model.about
    figures = {name: f"{value:.3f}" for name, value in about["validation"].items() if isinstance(value, float)}
    rows = {
        "folder": str(out),
        "labels": f"{len(model.labels):,}",
        "best epoch": f"{about['best_epoch']} of {len(about['history'])}",
        "threshold": f"{model.threshold:.3f}, tuned on validation",
        "validation": f"mAP {figures.get('map', '-')}, micro F1 {figures.get('micro_f1', '-')}",
        "fingerprint": model.fingerprint[:16],
    }
    if about["truncated_training_cases"]:
        rows["cut at the end"] = f"{about['truncated_training_cases']:,} training notes longer than max_tokens"
    return facts("Model", rows)
