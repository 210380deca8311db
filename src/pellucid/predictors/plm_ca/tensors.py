"""Chunks of notes as tensors, and back to whole notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.predictors.plm_ca.chunks import Note
from pellucid.predictors.plm_ca.decoders import Decoder
from pellucid.predictors.plm_ca.encoder import real_tokens


def tensors(
    ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"], device: torch.device
) -> tuple[Int[Tensor, "M C"], Int[Tensor, " M"]]:
    """Token ids and lengths of chunks on a device."""
    return torch.from_numpy(ids).to(device), torch.from_numpy(lengths).to(device)


def real_rows(note: Note, device: torch.device) -> Bool[Tensor, "N C"]:
    """True on the tokens of a note, False on padding."""
    return real_tokens(torch.from_numpy(note.lengths).to(device), note.ids.shape[1])


def blocks(chunks: Sequence[Float[Tensor, "N C d"]]) -> Float[Tensor, "B L d"]:
    """The chunks of each note one after the other, padded to the longest note."""
    return nn.utils.rnn.pad_sequence([c.flatten(0, 1) for c in chunks], batch_first=True)


def decode(
    decoder: Decoder,
    hidden: Float[Tensor, "M C d"],
    lengths: Int[Tensor, " M"],
    notes: Sequence[Note],
    outputs: Int[Tensor, " T"],
) -> Float[Tensor, "B T"]:
    """Logits of notes whose chunks follow each other."""
    counts = [len(note.lengths) for note in notes]
    real = [part.flatten() for part in real_tokens(lengths, hidden.shape[1]).split(counts)]
    mask = nn.utils.rnn.pad_sequence(real, batch_first=True)
    return cast(Tensor, decoder(blocks(hidden.split(counts)), mask, outputs))
