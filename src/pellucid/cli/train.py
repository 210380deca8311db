"""`pellucid train`: a model from a prepared data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli.options import Data, Settings
from pellucid.cli.progress import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.training import Event, Recipe
    from pellucid.training.masks import MaskRecipe


def train(
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write the model to.")],
    objective: Annotated[
        str | None, typer.Option(metavar="NAMES", help="What is minimised \\[default: bce; of image_text contrastive].")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="A published training's settings, such as edin2024.")
    ] = None,
    start: Annotated[Path | None, typer.Option(metavar="DIR", help="A trained model to go on from.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="plm_ca, or text_, image_, signal_ or table_classifier, or image_text; without it, what suits the data.",
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="tiny, small, minilm, a folder, or a Hugging Face id \\[default: tiny].")
    ] = None,
    decoder: Annotated[str | None, typer.Option(metavar="NAME", help="plm_ca or laat \\[default: plm_ca].")] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Passes over the training cases, at most \\[default: 20; 5 from a start].")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", help="Cases a step \\[default: 16].")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help="The highest; without it, what suits the encoder.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Longer notes are cut at the end \\[default: 6000].")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of first weights, order, dropout, masks \\[default: 0].")
    ] = None,
    settings: Settings = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; without it a GPU if there is one.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an interrupted run, replace a finished model.")] = False,
) -> None:
    """Train a model that reads notes, images, signals or rows and predicts labels, or one that holds images against sentences.

    An interrupted run goes on when the same command is given again. The epoch with the best validation mAP is kept, and the
    decision threshold is tuned on validation; of labels that exclude each other the most probable one is assigned. Fields of
    the recipe for --set: micro_batch_size, chunk, encoder_learning_rate, warmup, schedule, weight_decay, clip, dropout,
    frozen_layers, patience, keep, precision, of images members, teacher, augment, and of image_text text_encoder, attention.

    An objective is a sum such as "bce + 0.5 * pgd(steps=2)"; `pellucid list objectives` shows them. The objective tm needs a
    teacher: without --start it is trained first, by the same settings with bce, in the folder of --out with ".teacher" behind
    its name. What you give goes before what a preset says (`pellucid list presets`), for the teacher too.

    The objectives igr, pgd and jacobian are for whatever a model reads: answers that hardly change with the input.

    Of images, consensus makes the members of an ensemble explain alike, gaze (with energy, rrr, gradmask, gaze_prediction and
    reliance) makes a model look where people did, and distil teaches one model what another says and how it explains.

    Of images with reports, contrastive, optout, laterality, level, divergence, boxes and attention_entropy train an image_text
    model, whose sentences look for their places. Its best epoch is that in which sentences best find their own images.

    The objectives nemt, nem_u, nem_u_text and fastshap leave the image model of --start as it is, and train a mask network
    beside it, with which it is explained in one pass.

    [bold]Examples[/]
    [cyan]pellucid train --data data/phantom --out runs/phantom[/]
    [cyan]pellucid train --data data/codiesp --out runs/codiesp --encoder minilm --epochs 30 --set patience=5[/]
    [cyan]pellucid train --data data/cancer --out runs/cancer --objective "0.01 * jacobian"[/]
    [cyan]pellucid train --data data/chest --out runs/agreed --objective "consensus + gaze(annotated=0.1)" --set members=3[/]
    [cyan]pellucid train --data data/chest --out runs/masked --start runs/chest --objective nemt[/]
    [cyan]pellucid train --data data/reports --out runs/pairs --objective "contrastive + optout + laterality"[/]
    [cyan]pellucid train --data data/mdace --out runs/igr --objective igr --preset edin2024 --encoder RoBERTa-base-PM-M3-Voc[/]
    """
    from rich.console import Console

    from pellucid import training
    from pellucid.cli.settings import parsed
    from pellucid.cli.trained import summary
    from pellucid.datasets import open_dataset
    from pellucid.training.start import model_for

    named = {
        "objective": objective,
        "start": None if start is None else str(start),
        "model": model,
        "encoder": encoder,
        "decoder": decoder,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    given = {name: value for name, value in named.items() if value is not None}
    if is_of_masks(objective, preset):
        train_masks(data, out, named, preset, settings or [], device=device, fresh=fresh)
        return
    recipe, teacher = recipes(given | parsed(settings or [], training.Recipe, "the recipe"), preset)
    dataset = open_dataset(data)
    if start is None and model is None and preset is None:
        recipe = replace(recipe, model=model_for(dataset, objective))
    if recipe.model == "image_text" and objective is None and preset is None:
        recipe = replace(recipe, objective="contrastive")
    with Stages() as stages:
        trained = training.train(dataset, recipe, out, teacher=teacher, progress=told(stages), fresh=fresh, device=device)
        stages.finish("training")
    Console().print(summary(trained, out))


def is_of_masks(objective: str | None, preset: str | None) -> bool:
    """Whether a mask network is asked for, beside a model that stays as it is.

    Raises:
        PellucidError: it is asked for as a part of a sum.
    """
    from pellucid.errors import PellucidError
    from pellucid.registry import presets
    from pellucid.training.masks import OBJECTIVES, MaskPreset
    from pellucid.training.objectives import named

    summed = next((name for name in named(objective or "") if name in OBJECTIVES), None)
    if summed is not None and objective != summed:
        raise PellucidError(
            f"The objective {summed} trains a mask network and leaves the model as it is, so that it is no part of a sum; give "
            "it alone, and its settings with --set."
        )
    return objective in OBJECTIVES or (preset is not None and isinstance(presets.create(preset), MaskPreset))


def train_masks(
    data: Path,
    out: Path,
    named: dict[str, Any],
    preset: str | None,
    settings: list[str],
    *,
    device: str | None,
    fresh: bool,
) -> None:
    """Train a mask network and say what came of it.

    Raises:
        PellucidError: no model is given, or an option is none of a mask recipe.
    """
    from rich.console import Console

    from pellucid.cli.trained import mask_summary
    from pellucid.datasets import open_dataset
    from pellucid.training.masks import train_masks

    recipe = mask_recipe(named, preset, settings)
    dataset = open_dataset(data)
    with Stages() as stages:
        model = train_masks(dataset, recipe, out, progress=told(stages), fresh=fresh, device=device)
        stages.finish("training")
    Console().print(mask_summary(model, recipe, out))


def mask_recipe(named: dict[str, Any], preset: str | None, settings: list[str]) -> MaskRecipe:
    """The recipe of a mask network that options and a preset make."""
    from dataclasses import fields

    from pellucid.cli.settings import parsed
    from pellucid.errors import PellucidError
    from pellucid.registry import presets
    from pellucid.training.masks import MaskPreset, MaskRecipe

    given = {name: value for name, value in named.items() if value is not None}
    foreign = sorted(set(given) - {f.name for f in fields(MaskRecipe)})
    if foreign:
        raise PellucidError(f"A mask network has no --{foreign[0].replace('_', '-')}; leave it out.")
    if "start" not in given:
        raise PellucidError("A mask network is trained for a model; give its folder with --start.")
    given |= parsed(settings, MaskRecipe, "the mask recipe")
    if preset is None:
        return MaskRecipe(**given)
    chosen = presets.create(preset)
    if not isinstance(chosen, MaskPreset):
        raise PellucidError(f"The preset {preset} is none of mask networks; leave it out, or use nemt2025.")
    return chosen.recipe(**given)


def recipes(given: dict[str, Any], preset: str | None) -> tuple[Recipe, Recipe | None]:
    """The recipe that fields and a preset make, and that of its teacher if the preset has one.

    Raises:
        UnknownNameError: there is no such preset.
        PellucidError: a value is not allowed, or contradicts the model to start from.
    """
    from pellucid.errors import PellucidError
    from pellucid.registry import presets
    from pellucid.training import Recipe
    from pellucid.training.start import SETTLED

    settled = [name for name in SETTLED if name in given]
    if settled and given.get("start") is not None:
        raise PellucidError(f"The model of --start says what {settled[0]} is; leave out --{settled[0].replace('_', '-')}.")
    if preset is None:
        return Recipe(**given), None
    objective = given.pop("objective", None)
    chosen = presets.create(preset)
    return chosen.recipe(objective, **given), chosen.recipe(**given)


def told(stages: Stages, title: str = "training") -> Callable[[Event], None]:
    """What shows a training run's events."""
    latest: dict[str, str] = {}

    def tell(event: Event) -> None:
        judged = event.validation_map is not None or event.validation_loss is not None
        if event.step == event.steps and not judged:
            return  # the epoch is judged next, and what is told of the last step stays on the screen
        stage = "teacher" if event.teacher else title
        if stage not in latest and latest:
            stages.finish("teacher")
        latest.setdefault(stage, "")
        if event.validation_map is not None:
            latest[stage] = f", validation {event.figure} {event.validation_map:.3f}"
        if event.validation_loss is not None:
            latest[stage] = f", validation loss {event.validation_loss:.3f}"
        news = f"epoch {min(event.epoch, event.epochs)}, loss {event.loss:.3f}{latest[stage]}"
        stages.tell(stage, event.step, event.steps, news)

    return tell
