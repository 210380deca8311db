"""The pass of an image classifier in training, with the graph to weights and pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.predictors.forward import Forward

Turn = Callable[[Tensor], Tensor]


def forward(
    module: nn.Module, pixels: Float[Tensor, "B D *S"], rows: Turn, images: Turn, shift: Float[Tensor, "B L D"] | None
) -> Forward:
    """All labels of all images; the module stays in the mode in which it is.

    Args:
        rows, images: turn images into rows of pixels, and back.
    """
    features = rows(pixels) if shift is None else rows(pixels) + shift
    features = features if features.requires_grad else features.requires_grad_()
    logits = module(images(features))
    real = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    return Forward(logits, features, real, torch.arange(len(features), device=features.device))
