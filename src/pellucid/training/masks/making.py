"""A new mask network for a model, as a recipe wants it."""

from __future__ import annotations

from typing import cast

import torch

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictor import require
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.masking import Masker, MaskSettings, taps
from pellucid.predictors.image_classifier.masking.masker import Kind
from pellucid.predictors.image_text import ImageText
from pellucid.training.masks.recipe import MaskRecipe

_WIDEST, _NARROWEST = 256, 16


def new_masker(model: ImageClassifier, recipe: MaskRecipe) -> Masker:
    """A mask network with random weights (of PyTorch's global generator), where the model's are.

    Raises:
        CapabilityError: the model has no maps at two resolutions, or reads no sentences though it is to be asked about them.
        PellucidError: the recipe names parts that the model does not have.
    """
    parameter = next(model.module.parameters())
    sample = torch.zeros(1, len(model.mean), *model.size, device=parameter.device, dtype=parameter.dtype)
    found = _coarse_enough(taps.find(taps.output_shapes(model.module, sample), len(model.size), recipe.taps), model, recipe)
    channels = tuple(shape[1] for shape in found.values())
    own = (len(model.mean), *channels) if recipe.image else channels
    settings = MaskSettings(
        kind=_kind(recipe),
        taps=tuple(found),
        channels=own,
        widths=widths(recipe.width or min(_WIDEST, max(_NARROWEST, channels[-1] // 2)), len(own) - 1),
        size=model.size,
        labels=len(model.labels),
        norm=recipe.norm,
        image=recipe.image,
        smooth=recipe.smooth,
        grid=recipe.grid if recipe.objective == "fastshap" else 0,
        told=_told(model) if recipe.objective == "nem_u_text" else 0,
    )
    return Masker(settings).to(device=parameter.device, dtype=parameter.dtype)


def widths(first: int, blocks: int) -> tuple[int, ...]:
    """Channels behind each block: half of those of the block before, but never fewer than 16 (or than the first has)."""
    return tuple(max(first >> depth, min(_NARROWEST, first)) for depth in range(blocks))


def _kind(recipe: MaskRecipe) -> Kind:
    if recipe.objective == "nemt":
        return "evidence" if recipe.form == "signed" else "deletion"
    kinds: dict[str, Kind] = {"nem_u": "embedding", "nem_u_text": "sentence", "fastshap": "values"}
    return kinds[recipe.objective]


def _told(model: ImageClassifier) -> int:
    """Numbers of the embedding of a sentence."""
    require(model, ("sentence_alignment", "shared_space"), "The objective nem_u_text")
    return int(cast(ImageText, model).prompts().shape[1])


def _coarse_enough(found: dict[str, taps.Shape], model: ImageClassifier, recipe: MaskRecipe) -> dict[str, taps.Shape]:
    """The taps without those that are finer than a mask needs."""
    if recipe.taps is not None or recipe.image:
        return found
    kept = {name: s for name, s in found.items() if max(s[2:]) <= recipe.cells}
    return kept if len(kept) > 1 else dict(list(found.items())[-2:])


def check(model: object, where: str) -> ImageClassifier:
    """The model, if mask networks can be trained for it.

    Raises:
        CapabilityError: it reads no images.
    """
    if not isinstance(model, ImageClassifier):
        raise CapabilityError(f"The model in {where} reads no images, which mask networks are for; give an image_classifier.")
    return model


def check_saved(model: ImageClassifier, where: str) -> None:
    """Refuse a model that could not be saved with its mask network.

    Raises:
        PellucidError: its network is the user's own.
    """
    if model.architecture is None:
        raise PellucidError(
            f"The model in {where} is of your own code, which is not saved; use pellucid.training.masks.attach."
        )
