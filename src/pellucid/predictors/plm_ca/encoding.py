"""Any number of chunks through the encoder, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pellucid.predictors.plm_ca.encoder import encode, real_tokens
from pellucid.predictors.plm_ca.partials import Partials, concatenate, partials
from pellucid.predictors.plm_ca.tensors import tensors

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import PlmCa


@torch.no_grad()
def encode_chunks(
    model: PlmCa, ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"], features: Float[Tensor, "M C d"] | None = None
) -> Float[Tensor, "M C d"]:
    """Hidden states of chunks, from their ids or, where given, from their features; counted."""
    model.cost.chunks += len(ids)
    tokens, sizes = tensors(ids, lengths, model.device)
    step, encoder = model.chunks_at_once, model.module.encoder
    parts = [
        encode(encoder, tokens[i : i + step], sizes[i : i + step], None if features is None else features[i : i + step])
        for i in range(0, len(ids), step)
    ]
    return torch.cat(parts)


@torch.no_grad()
def contributions(
    model: PlmCa, ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"], outputs: Int[Tensor, " T"]
) -> Partials:
    """Contributions of chunks; hidden states are reduced a few chunks at a time, so that they never pile up."""
    step, parts = model.chunks_at_once, []
    for i in range(0, len(ids), step):
        real = real_tokens(torch.from_numpy(lengths[i : i + step]).to(model.device), ids.shape[1])
        hidden = encode_chunks(model, ids[i : i + step], lengths[i : i + step])
        parts.append(partials(model.module.decoder, hidden, real, outputs))
    return concatenate(*parts)
