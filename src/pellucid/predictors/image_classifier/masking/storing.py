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


def entries(maskers: Mapping[str, Masker], fingerprint: str) -> dict[str, Any]:
    """What the manifest says of each mask network.

    Args:
        fingerprint: of the explained model, for which alone they were trained.
    """
    return {
        name: {
            "settings": masker.settings.to_json(),
            "explains": fingerprint,
            "surrogate": masker.surrogate is not None,
            "digest": masker.digest,
            "about": masker.about,
        }
        for name, masker in maskers.items()
    }


def write(maskers: Mapping[str, Masker], folder: Path, fingerprint: str) -> dict[str, Any]:
    """Write the weights of all of them; what the manifest says of them. Nothing where there are none."""
    if not maskers:
        return {}
    weights = {
        f"{name}.{part}": value.detach().cpu().contiguous()
        for name, masker in maskers.items()
        for part, value in masker.state_dict().items()
    }
    save_file(weights, folder / MASKERS)
    return {"maskers": entries(maskers, fingerprint)}


def read(said: Any, folder: Path, module: nn.Module, fingerprint: str) -> dict[str, Masker]:
    """Make the mask networks of a folder anew.

    Args:
        said: the manifest's entries; None where the model was saved without any.
        module: the explained network, of which surrogates are copies.
        fingerprint: of the explained model.

    Raises:
        CheckpointError: an entry or the file of weights is missing, damaged, was changed after it was saved, or belongs to
            another model.
    """
    if not said:
        return {}
    file = folder / MASKERS
    if not file.is_file():
        raise CheckpointError(f"{file} is missing; copy the model again.")
    if not isinstance(said, dict):
        raise CheckpointError(f"The manifest beside {file} does not list mask networks by name; copy the model again.")
    weights = read_weights(file)
    made = {name: _made(name, entry, weights, file, module) for name, entry in said.items()}
    # Networks that were saved before this was written down say nothing of their model.
    foreign = next((name for name, entry in said.items() if entry.get("explains", fingerprint) != fingerprint), None)
    if foreign is not None:
        raise CheckpointError(
            f"The mask network {foreign!r} in {file} was trained for another model; train one for this model."
        )
    return made


def _made(name: str, entry: Any, weights: Mapping[str, torch.Tensor], file: Path, module: nn.Module) -> Masker:
    own = {part.removeprefix(f"{name}."): value for part, value in weights.items() if part.startswith(f"{name}.")}
    try:
        settings = MaskSettings.from_json(entry["settings"])
        with torch.device("meta"):  # as large as the manifest says, in no memory
            shapes = {part: value.shape for part, value in Masker(settings).state_dict().items()}
        if shapes != {part: value.shape for part, value in own.items() if not part.startswith("surrogate.")}:
            raise CheckpointError(f"The weights in {file} do not fit the mask network {name!r}; train it again.")
        surrogate = copy.deepcopy(module).requires_grad_(False) if entry["surrogate"] else None
        with torch.random.fork_rng(devices=[]):  # the first weights mean nothing, and must cost the world no random numbers
            masker = Masker(settings, surrogate, entry["about"])
        said = entry["digest"]
    except (TypeError, KeyError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise CheckpointError(
            f"The manifest beside {file} does not describe the mask network {name!r}; train it again."
        ) from error
    fill(masker.to(precision(own.values())), own, file)
    if masker.digest != said:
        raise CheckpointError(f"The mask network {name!r} in {file} was changed after it was saved; copy or train it again.")
    return masker.eval()
