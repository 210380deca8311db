"""The weights of a coding model, and how new ones are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.predictors.plm_ca.decoders import DECODERS, Decoder
from pellucid.predictors.plm_ca.encoder import longest_chunk


class Coder(nn.Module):
    """The weights: an encoder of chunks and a decoder of notes."""

    def __init__(self, encoder: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder


def new_coder(encoder: nn.Module, labels: Sequence[str], decoder: str, chunk: int, generator: torch.Generator) -> Coder:
    """The encoder, which loses its pooler, under a new decoder; `generator` draws its first weights.

    Raises:
        PellucidError: unknown decoder, no labels, or a chunk that the encoder cannot read.
    """
    if decoder not in DECODERS:
        raise PellucidError(f"There is no decoder named {decoder!r}; choose {' or '.join(DECODERS)}.")
    if not labels:
        raise PellucidError("A coding model needs at least one label.")
    longest = longest_chunk(encoder)
    if longest is not None and chunk > longest:
        raise PellucidError(f"The encoder reads at most {longest} tokens at once; choose a chunk of at most that, not {chunk}.")
    if hasattr(encoder, "pooler"):
        encoder.pooler = None  # type: ignore[assignment]  # a layer that nothing here reads
    width = cast(int, encoder.config.hidden_size)  # type: ignore[union-attr]
    return Coder(encoder, DECODERS[decoder](width, len(labels), generator)).eval()
