"""What a training run starts from: a new model, or a trained one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pellucid import predictors
from pellucid.errors import PellucidError
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.image_classifier import ImageClassifier, architectures
from pellucid.predictors.image_classifier.ensemble import name_of
from pellucid.predictors.image_text import ANYTHING, ATTENTIONS, ImageText
from pellucid.predictors.numeric import SignalClassifier, TableClassifier
from pellucid.predictors.plm_ca import PlmCa
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.training.objectives import objective
from pellucid.training.recipe import Recipe
from pellucid.training.trainable import Trainable

if TYPE_CHECKING:
    from pellucid.datasets.base import Dataset

SETTLED = ("model", "encoder", "members", "decoder", "text_encoder", "attention", "chunk", "max_tokens")
"""Fields of a recipe about which a trained model leaves no choice."""

_CHUNK = 128


def starting(dataset: Dataset, recipe: Recipe) -> tuple[Trainable, Recipe]:
    """The model to train, and the recipe with the fields that the model settles.

    Raises:
        PellucidError: the model of `recipe.start` cannot be trained, or knows other labels than the data set.
    """
    if recipe.start is None:
        return _new(dataset, recipe), recipe
    model = _trained(Path(recipe.start), dataset)
    # A model that was not trained here has no recipe; as its own encoder it gets the rates of a pretrained one.
    known = {"encoder": recipe.start} | model.about.get("recipe", {})
    return model, replace(recipe, **{name: known[name] for name in SETTLED if name in known})


def model_for(dataset: Dataset, minimised: str | None = None) -> str:
    """The kind of model that suits what the cases hold and what is to be minimised, where a person asks for none."""
    if minimised is not None and objective(minimised).pairs:
        return "image_text"
    of_text = "text_classifier" if dataset.about.get("exclusive", False) else "plm_ca"
    return next((f"{name}_classifier" for name in ("image", "signal", "table") if name in _inputs(dataset)), of_text)


def _rather(dataset: Dataset) -> str:
    """What to train on cases that hold something else than the model reads."""
    suits = model_for(dataset)
    return f"train {'an' if suits.startswith('i') else 'a'} {suits} (--model {suits})"


def _inputs(dataset: Dataset) -> frozenset[str]:
    """What the first training case holds."""
    cases = dataset.split("train")
    return frozenset(cases[0].inputs) if cases else frozenset()


def _new(dataset: Dataset, recipe: Recipe) -> Trainable:
    exclusive = bool(dataset.about.get("exclusive", False))
    if recipe.model == "image_classifier":
        return _of_images(dataset, recipe, exclusive)
    if recipe.model == "image_text":
        return _of_pairs(dataset, recipe)
    if recipe.members > 1:
        raise PellucidError(f"An ensemble is one of image classifiers, and a {recipe.model} has no members; leave members out.")
    if recipe.model in ("table_classifier", "signal_classifier"):
        return _of_numbers(dataset, recipe, exclusive)
    if "text" not in _inputs(dataset):
        raise PellucidError(f"The data set holds no text; {_rather(dataset)}.")
    if exclusive and recipe.model == "plm_ca":
        raise PellucidError(
            "Labels of this data set exclude each other, and plm_ca takes every label for a question of its own; train a "
            "text_classifier (--model text_classifier)."
        )
    cases = dataset.split("train")
    encoder, tokenizer = encoder_and_tokenizer(recipe.encoder, texts=lambda: (case.text for case in cases), seed=recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    if recipe.model == "plm_ca":
        return PlmCa.build(
            encoder,
            tokenizer,
            dataset.labels,
            decoder=recipe.decoder,
            chunk=recipe.chunk or _CHUNK,
            max_tokens=recipe.max_tokens,
            generator=generator,
        )
    model = TextClassifier.build(
        encoder, tokenizer, dataset.labels, exclusive=exclusive, generator=generator, window=recipe.chunk
    )
    model.max_windows = -(-recipe.max_tokens // model.window)
    return model


def _of_images(dataset: Dataset, recipe: Recipe, exclusive: bool) -> Trainable:
    """A network for images of the size of the first training case."""
    if "image" not in _inputs(dataset):
        raise PellucidError(f"The data set holds no images; {_rather(dataset)}.")
    picture = dataset.split("train")[0].picture
    network = name_of(recipe.encoder, recipe.members)
    channels = architectures.channels_of(network, picture.channels)
    generator = torch.Generator().manual_seed(recipe.seed)
    return ImageClassifier.build(
        network, dataset.labels, exclusive=exclusive, size=picture.size, channels=channels, generator=generator
    )


def _of_numbers(dataset: Dataset, recipe: Recipe, exclusive: bool) -> Trainable:
    """A network for rows or signals like those of training, by which it normalises."""
    name = "table" if recipe.model == "table_classifier" else "signal"
    if name not in _inputs(dataset):
        raise PellucidError(f"The data set holds no {name}s; {_rather(dataset)}.")
    cases = dataset.split("train")
    how: dict[str, Any] = {"exclusive": exclusive, "generator": torch.Generator().manual_seed(recipe.seed)}
    if name == "table":
        return TableClassifier.build(recipe.encoder, dataset.labels, [case.measurements for case in cases], **how)
    return SignalClassifier.build(recipe.encoder, dataset.labels, (case.signal for case in cases), **how)


def _of_pairs(dataset: Dataset, recipe: Recipe) -> Trainable:
    """Towers for images of the size of the first training case, and the sentences of all."""
    if recipe.members > 1:
        raise PellucidError(
            "An ensemble is one of image classifiers, and an image_text model has no members; leave members out."
        )
    if recipe.attention not in ATTENTIONS:
        raise PellucidError(f"There is no attention {recipe.attention!r}; use {', '.join(ATTENTIONS)}.")
    cases = dataset.split("train")
    texts = [phrase.text for case in cases for phrase in case.sentences]
    if "image" not in _inputs(dataset) or not texts:
        raise PellucidError(
            "The data set holds no images with sentences; prepare one with reports, such as phantom_chest with reports=true."
        )
    picture = cases[0].picture
    return ImageText.made(
        recipe.encoder,
        dataset.labels or (ANYTHING,),
        size=picture.size,
        channels=architectures.channels_of(recipe.encoder, picture.channels),
        texts=texts,
        text_encoder=recipe.text_encoder,
        rule=ATTENTIONS[recipe.attention],
        seed=recipe.seed,
    )


def _trained(path: Path, dataset: Dataset) -> Trainable:
    model = predictors.load(path)
    if not isinstance(model, Trainable):
        raise PellucidError(f"The model in {path} cannot be trained; give one that `pellucid train` wrote.")
    if model.labels != (tuple(dataset.labels) or (ANYTHING,)):
        raise PellucidError(
            f"The {len(model.labels)} labels of the model in {path} are not the {len(dataset.labels)} of the data set; start "
            "from a model trained on this data set."
        )
    if isinstance(model, ImageClassifier):
        model.maskers = {}  # they were trained for the model as it is now
    return model
