"""`pellucid pretrain`: an encoder learnt from the texts of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.options import Data
from pellucid.cli.progress import Stages


def pretrain(
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write the encoder to.")],
    size: Annotated[str, typer.Option(metavar="NAME", help="tiny or small.")] = "tiny",
    epochs: Annotated[int, typer.Option(metavar="N", help="Passes over the training notes.")] = 20,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Chunks a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(metavar="X", help="The highest.")] = 1e-3,
    chunk: Annotated[int, typer.Option(metavar="N", help="Tokens read at once.")] = 128,
    seed: Annotated[int, typer.Option(metavar="N", help="Of first weights, order and masks.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an interrupted run, replace a finished encoder.")] = False,
) -> None:
    """Learn an encoder from the training texts by guessing masked words.

    For languages without pretrained weights at hand. No label is used, and no text of validation or test is learnt from.

    [bold]Example[/]
    [cyan]pellucid pretrain --data data/codiesp --out encoders/codiesp[/]
    [cyan]pellucid train --data data/codiesp --encoder encoders/codiesp --out runs/codiesp --learning-rate 0.001[/]
    """
    from rich.console import Console

    from pellucid.cli.tables import facts
    from pellucid.datasets import open_dataset
    from pellucid.training.pretraining import Pretraining
    from pellucid.training.pretraining import pretrain as learn

    how = Pretraining(size, chunk, epochs, batch_size, learning_rate, seed=seed)
    with Stages() as stages:
        about = learn(
            open_dataset(data),
            how,
            out,
            progress=lambda e: stages.tell("pretraining", e.step, e.steps, f"epoch {e.epoch}, loss {e.loss:.3f}"),
            fresh=fresh,
        )
        stages.finish("pretraining")
    last = about["history"][-1]
    known = last["validation_accuracy"]
    Console().print(
        facts(
            "Encoder",
            {
                "folder": str(out),
                "learnt from": f"{about['training_tokens']:,} tokens, {how.epochs} times",
                "guesses right": "no validation cases" if known is None else f"{known:.1%} of masked validation tokens",
                "validation loss": "-" if known is None else f"{last['validation_loss']:.3f}",
            },
        )
    )
