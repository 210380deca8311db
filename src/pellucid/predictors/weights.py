"""Weights of a saved model, read with all that can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pellucid.errors import CheckpointError, first_line


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: it is missing or damaged, or a weight is not a number.
    """
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({first_line(error)}); copy the model again.") from error
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise CheckpointError(f"{path} holds weights that are not numbers (in {name}); train the model again.")
    return weights


def precision(weights: Iterable[Tensor]) -> torch.dtype:
    """The type of their first floating-point tensor, in which a module is to be made to hold them as they are."""
    return next((value.dtype for value in weights if value.is_floating_point()), torch.float32)


def fill(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Give a module the weights that were saved for it.

    Raises:
        CheckpointError: they are those of another one.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path} do not fit the model described beside them; train it again.") from error
