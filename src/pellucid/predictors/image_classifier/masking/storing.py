"""Mask networks on disk: one file of weights beside those of the model, and an entry each in its manifest."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from pellucid.errors import CheckpointError
from pellucid.predictors.image_classifier.masking.masker import Masker, MaskSettings
from pellucid.predictors.weights import fill, precision, read_weights

MASKERS = "masker.safetensors"


def entries(maskers: Mapping[str, Masker]) -> dict[str, Any]:
    """What the manifest says of each mask network."""
    return {
        name: {
            "settings": masker.settings.to_json(),
            "surrogate": masker.surrogate is not None,
            "digest": masker.digest,
            "about": masker.about,
        }
        for name, masker in maskers.items()
    }


def write(maskers: Mapping[str, Masker], folder: Path) -> dict[str, Any]:
    """Write the weights of all of them; what the manifest says of them. Nothing where there are none."""
    if not maskers:
        return {}
    weights = {
        f"{name}.{part}": value.detach().cpu().contiguous()
        for name, masker in maskers.items()
        for part, value in masker.state_dict().items()
    }
    save_file(weights, folder / MASKERS)
    return {"maskers": entries(maskers)}


def read(said: Any, folder: Path, module: nn.Module) -> dict[str, Masker]:
    """Make the mask networks of a folder anew.

    Args:
        said: the manifest's entries; None where the model was saved without any.
        module: the explained network, of which surrogates are copies.

    Raises:
        CheckpointError: an entry or the file of weights is missing, damaged, or was changed after it was saved.
    """
    if not said:
        return {}
    file = folder / MASKERS
    if not file.is_file():
        raise CheckpointError(f"{file} is missing; copy the model again.")
    weights = read_weights(file)
    return {str(name): _made(str(name), entry, weights, file, module) for name, entry in dict(said).items()}


def _made(name: str, entry: Any, weights: Mapping[str, torch.Tensor], file: Path, module: nn.Module) -> Masker:
    try:
        surrogate = copy.deepcopy(module).requires_grad_(False) if entry["surrogate"] else None
        with torch.random.fork_rng(devices=[]):  # the first weights mean nothing, and must cost the world no random numbers
            masker = Masker(MaskSettings.from_json(entry["settings"]), surrogate, entry["about"])
        said = entry["digest"]
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The manifest beside {file} does not describe the mask network {name!r}; train it again."
        ) from error
    own = {part.removeprefix(f"{name}."): value for part, value in weights.items() if part.startswith(f"{name}.")}
    fill(masker.to(precision(own.values())), own, file)
    if masker.digest != said:
        raise CheckpointError(f"The mask network {name!r} in {file} was changed after it was saved; copy or train it again.")
    return masker.eval()
