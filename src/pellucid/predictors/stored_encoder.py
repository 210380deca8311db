"""An encoder of text inside a saved model: its configuration and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from torch import nn

from pellucid.errors import CapabilityError, CheckpointError, first_line
from pellucid.predictors.encoders import check_tokenizer


def empty_encoder(path: Path) -> nn.Module:
    """The encoder that a configuration describes, without pooler; its weights are drawn at random and mean nothing.

    Raises:
        CheckpointError: it describes none.
    """
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise CheckpointError(f"{path} does not describe an encoder ({reason}); copy the model again.") from error
    encoder = AutoModel.from_config(config)
    if hasattr(encoder, "pooler"):
        encoder.pooler = None
    return cast(nn.Module, encoder)


def read_tokenizer(path: Path) -> Any:
    """A tokenizer that says where in the text a token stands.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged file makes the parsers of several libraries fail, each in its own way
        raise CheckpointError(f"{path} does not hold a tokenizer ({first_line(error)}); copy the model again.") from error
    try:
        check_tokenizer(str(path), tokenizer)
    except CapabilityError as error:
        raise CheckpointError(f"{path} is damaged; copy the model again.") from error
    return tokenizer
