"""AdamW, and how its learning rate rises and falls."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from pellucid.predictors.plm_ca import PlmCa
from pellucid.training.recipe import Recipe


def build(model: PlmCa, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the model: encoder and decoder each with its own rate, weight decay on matrices only."""
    encoder_rate, decoder_rate = recipe.rates
    groups = [
        *_groups(model.module.encoder.named_parameters(), encoder_rate, recipe.weight_decay),
        *_groups(model.module.decoder.named_parameters(), decoder_rate, recipe.weight_decay),
    ]
    return torch.optim.AdamW(groups, lr=decoder_rate)


def _groups(parameters: Iterable[tuple[str, nn.Parameter]], rate: float, decay: float) -> list[dict[str, Any]]:
    # Biases and layer norms are vectors: decay would pull their offsets and scales towards zero, which regularises nothing.
    learnt = [p for _, p in parameters if p.requires_grad]
    matrices, vectors = [p for p in learnt if p.ndim > 1], [p for p in learnt if p.ndim <= 1]
    return [{"params": params, "peak": rate, "weight_decay": d} for params, d in ((matrices, decay), (vectors, 0.0)) if params]


def set_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Set the rate of every group to `factor` times its highest."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the highest learning rate at `step` (0 to `steps` - 1): a linear rise, then a linear fall.

    The last step of the rise has 1; the first step and the last one are above 0, so that no step is wasted.
    """
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / (steps - rising)
