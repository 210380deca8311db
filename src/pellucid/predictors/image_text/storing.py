"""The encoder of text that a saved image-text model holds: configuration and tokenizer, and nothing that can run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from pellucid.errors import CheckpointError
from pellucid.predictors.stored_encoder import empty_encoder, read_tokenizer

TOKENIZER, ENCODER = "tokenizer", "encoder"


def write_text_encoder(encoder: nn.Module, tokenizer: Any, folder: Path) -> None:
    """Its configuration and its tokenizer; the weights are those of the whole model."""
    tokenizer.save_pretrained(folder / TOKENIZER)
    cast(Any, encoder).config.save_pretrained(folder / ENCODER)


def read_text_encoder(folder: Path) -> tuple[nn.Module, Any]:
    """The encoder with weights of no meaning, and its tokenizer.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    for part in (f"{TOKENIZER}/tokenizer.json", f"{TOKENIZER}/tokenizer_config.json", f"{ENCODER}/config.json"):
        if not (folder / part).is_file():
            raise CheckpointError(f"{folder / part} is missing; copy the model again.")
    with torch.random.fork_rng(devices=[]):
        return empty_encoder(folder / ENCODER), read_tokenizer(folder / TOKENIZER)
