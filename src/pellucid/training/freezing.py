"""Layers whose weights stay as they are: the lower part of a pretrained encoder, where time or data are short."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from pellucid.errors import CapabilityError, PellucidError


def freeze(encoder: nn.Module, layers: int) -> None:
    """Keep the embedding block and the lowest `layers` of an encoder from being learnt; 0 does nothing.

    Nothing is sent back below the lowest layer that learns, which saves time and memory.

    Raises:
        CapabilityError: the encoder does not list its layers.
        PellucidError: it has fewer layers.
    """
    if not layers:
        return
    inner = getattr(encoder, "encoder", getattr(encoder, "transformer", None))
    stack: Any = getattr(inner, "layer", getattr(encoder, "layers", None))
    if not isinstance(stack, nn.ModuleList) or not hasattr(encoder, "embeddings"):
        raise CapabilityError(
            f"{type(encoder).__name__} does not list its layers, so none can be frozen; leave frozen_layers out."
        )
    if layers > len(stack):
        raise PellucidError(f"The encoder has {len(stack)} layers; frozen_layers={layers} is more than that.")
    for part in (cast(nn.Module, encoder.embeddings), *stack[:layers]):
        part.requires_grad_(False)
