"""The encoder of chunks, entered at its embedding block.

Explanations are taken at the output of the embedding block (word + position + type, after its layer norm), as in the paper.
Any Hugging Face encoder with an `embeddings` module can be entered there, by a hook that replaces what the block returns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictors.explicit import recorded


@dataclass
class Cost:
    """What a predictor has spent so far.

    Attributes:
        chunks: chunks encoded without gradient.
        chunk_gradients: chunks encoded and sent back.
    """

    chunks: int = 0
    chunk_gradients: int = 0


def longest_chunk(encoder: nn.Module) -> int | None:
    """How many tokens the encoder reads at once; None where its positions have no end."""
    positions = getattr(encoder.config, "max_position_embeddings", None)
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    unused = getattr(table, "padding_idx", None)  # RoBERTa counts from the place after that of its padding
    return None if positions is None else cast(int, positions) - (0 if unused is None else cast(int, unused) + 1)


def embedding_block(encoder: nn.Module) -> nn.Module:
    """The module whose output is the features.

    Raises:
        CapabilityError: the encoder has no module named `embeddings`.
    """
    block = getattr(encoder, "embeddings", None)
    if not isinstance(block, nn.Module):
        raise CapabilityError(
            f"{type(encoder).__name__} has no embedding block to explain at; use a BERT- or RoBERTa-like encoder."
        )
    return block


@contextlib.contextmanager
def changed_output(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While open, `module` returns `change` of what it would return."""
    handle = module.register_forward_hook(lambda _module, _given, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def real_tokens(lengths: Int[Tensor, " M"], chunk: int) -> Bool[Tensor, "M C"]:
    """True on tokens, False on padding."""
    return torch.arange(chunk, device=lengths.device) < lengths[:, None]


def embed(encoder: Any, ids: Int[Tensor, "M C"]) -> Float[Tensor, "M C d"]:
    """Features of chunks."""
    return cast(Tensor, embedding_block(encoder)(input_ids=ids))


def encode(
    encoder: Any, ids: Int[Tensor, "M C"], lengths: Int[Tensor, " M"], features: Float[Tensor, "M C d"] | None = None
) -> Float[Tensor, "M C d"]:
    """Hidden states of chunks, from their ids or, where given, from their features."""
    mask = real_tokens(lengths, ids.shape[1]).long()
    if features is None:
        return cast(Tensor, encoder(input_ids=ids, attention_mask=mask).last_hidden_state)
    with changed_output(embedding_block(encoder), lambda _: features):
        return cast(Tensor, encoder(input_ids=ids, attention_mask=mask).last_hidden_state)


@torch.no_grad()
def layer_attention(encoder: Any, ids: Int[Tensor, "M C"], lengths: Int[Tensor, " M"]) -> Float[Tensor, "M Y H C C"]:
    """Attention of every layer, lowest first, within chunks."""
    with recorded(encoder) as layers:
        encode(encoder, ids, lengths)
    return torch.stack(layers, 1)


def encode_open(
    encoder: Any, ids: Int[Tensor, "M C"], lengths: Int[Tensor, " M"], shift: Float[Tensor, "M C d"] | None = None
) -> tuple[Float[Tensor, "M C d"], Float[Tensor, "M C d"]]:
    """Hidden states of chunks, and the features that they were computed from (the embedding block's output plus `shift`)."""
    seen: list[Tensor] = []

    def look(output: Tensor) -> Tensor:
        seen.append(output if shift is None else output + shift)
        return seen[0]

    with changed_output(embedding_block(encoder), look):
        hidden = encoder(input_ids=ids, attention_mask=real_tokens(lengths, ids.shape[1]).long()).last_hidden_state
    return cast(Tensor, hidden), seen[0]
