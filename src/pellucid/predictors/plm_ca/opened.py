"""What can be read of the model's own attention, and what an encoder refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.predictor import AttentionBlock, AttentionReading, Batch
from pellucid.predictors.explicit import gim
from pellucid.predictors.neural import refused
from pellucid.predictors.plm_ca import calculus
from pellucid.predictors.plm_ca.encoder import encode, layer_attention
from pellucid.predictors.plm_ca.tensors import real_rows, tensors
from pellucid.target import Target, resolve

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import PlmCa


def label_attention(
    model: PlmCa, batch: Batch, hidden: Sequence[Float[Tensor, "N C d"]], targets: Sequence[Target]
) -> list[AttentionReading]:
    """Attention of each label over the rows of each note.

    Args:
        hidden: hidden states of each note.

    Raises:
        PellucidError: a target is not a single label; a contrast has no attention of its own.
    """
    resolved = resolve(targets, model.labels)
    if not resolved.plain:
        raise PellucidError("Attention belongs to one label; explain labels, not contrasts, with this method.")
    outputs = torch.tensor(resolved.outputs, device=model.device)[resolved.weights.argmax(1)]
    readings = []
    for note, states in zip(batch.data.notes, hidden, strict=True):
        real = real_rows(note, model.device).flatten()
        r = calculus.read(model.module.decoder, states.flatten(0, 1), real, outputs)
        readings.append(AttentionReading(r.attention, r.attention_gradient, r.score_gradient, r.value_norm))
    return readings


@torch.no_grad()
def label_scores(model: PlmCa, batch: Batch, hidden: Sequence[Float[Tensor, "N C d"]]) -> list[Float[Tensor, "C L"]]:
    """The attention score of every label on every row of each note, before the softmax; minus infinity on padding."""
    every, decoder = torch.arange(len(model.labels), device=model.device), model.module.decoder
    results = []
    for note, states in zip(batch.data.notes, hidden, strict=True):
        scores = decoder.attention_scores(states.flatten(0, 1), every)
        results.append(scores.masked_fill(~real_rows(note, model.device).flatten(), -torch.inf))
    return results


def layers(model: PlmCa, batch: Batch) -> Iterator[AttentionBlock]:
    """Attention inside the encoder, a chunk a block. Chunks are encoded anew, a few at a time: their attention is large."""
    step = max(1, model.chunks_at_once // 4)
    for case, note in enumerate(batch.data.notes):
        for i in range(0, len(note.ids), step):
            part = tensors(note.ids[i : i + step], note.lengths[i : i + step], model.device)
            found = layer_attention(model.module.encoder, *part)
            model.cost.chunks += len(found)
            yield from (AttentionBlock(case, (i + j) * note.ids.shape[1], block) for j, block in enumerate(found))


def lacking(model: PlmCa) -> frozenset[str]:
    """The capabilities of this room that the encoder does not have, tried on a few tokens."""
    (note,) = model.encode([Case("sample", "", {"text": "a b c"}, frozenset())]).data.notes
    part, encoder = tensors(note.ids, note.lengths, model.device), model.module.encoder

    @torch.no_grad()
    def send_back() -> None:
        with gim(encoder):
            encode(encoder, *part)

    return refused({"layer_attention": lambda: layer_attention(encoder, *part), "gim_gradients": send_back})
