"""The pass of a model in training: the chunks of all notes at once, with the graph to the weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictors.forward import Forward
from pellucid.predictors.plm_ca.chunks import Note, stack
from pellucid.predictors.plm_ca.decoders import Decoder
from pellucid.predictors.plm_ca.encoder import encode_open, real_tokens
from pellucid.predictors.plm_ca.tensors import decode, tensors

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import Coder


def forward(module: Coder, notes: Sequence[Note], labels: int, shift: Float[Tensor, "M C d"] | None) -> Forward:
    """All labels of all notes, differentiable with respect to weights, features and the shift of the features."""
    device = next(module.parameters()).device
    ids, lengths = tensors(*stack(notes), device)
    hidden, features = encode_open(module.encoder, ids, lengths, shift)
    logits = decode(module.decoder, hidden, lengths, notes, torch.arange(labels, device=device))
    counts = torch.tensor([len(note.lengths) for note in notes], device=device)
    case = torch.repeat_interleave(torch.arange(len(notes), device=device), counts)
    real = real_tokens(lengths, ids.shape[1])
    return Forward(logits, features, real, case, partial(_log_attention, module.decoder, hidden, real, case))


def _log_attention(
    decoder: Decoder,
    hidden: Float[Tensor, "M C d"],
    real: Bool[Tensor, "M C"],
    case: Int[Tensor, " M"],
    index: int,
    outputs: Int[Tensor, " T"],
) -> Float[Tensor, "T L"]:
    rows, mask = hidden[case == index].flatten(0, 1), real[case == index].flatten()
    scores = decoder.attention_scores(rows, outputs).masked_fill(~mask, -torch.inf)
    return torch.log_softmax(scores.float(), -1)
