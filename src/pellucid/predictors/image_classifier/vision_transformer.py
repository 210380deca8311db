"""Attention over the patches of an image, read from vision transformers of transformers (ViT, DeiT and their like)."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictor import PatchReading
from pellucid.predictors.explicit import recorded
from pellucid.predictors.image_classifier.hub import Logits
from pellucid.predictors.image_classifier.opened import still, without_parameters
from pellucid.predictors.neural import refused


def read(module: nn.Module, pixels: Float[Tensor, "1 D H W"], weights: Float[Tensor, "K C"], case: int) -> PatchReading:
    """The attention of one image.

    Args:
        weights: of each target over the logits.

    Raises:
        CapabilityError: the network is no vision transformer whose attention can be read.
    """
    logits, attention = _run(module, pixels)
    grid = _grid(module, pixels)
    if not attention or len({layer.shape for layer in attention}) > 1 or attention[0].shape[-1] < prod(grid):
        raise CapabilityError(f"{type(module).__name__} does not attend to all patches in every layer; choose another method.")
    stacked = torch.stack([layer[0] for layer in attention]).detach()
    special = stacked.shape[-1] - prod(grid)
    return PatchReading(case, stacked, _gradients(logits, attention, weights), _readout(logits, attention[-1]), special, grid)


def can_be_read(module: nn.Module, sample: Float[Tensor, "1 D H W"]) -> bool:
    """Whether the attention can be read, tried on an image of the sample's shape."""
    if not isinstance(module, Logits):
        return False
    varied = torch.linspace(-1, 1, sample.numel()).view(sample.shape).to(sample)  # nothing depends on patches that are all 0
    return not refused({"patch_attention": lambda: read(module, varied, torch.zeros(0, 0), 0)})


@torch.enable_grad()
def _run(module: nn.Module, pixels: Tensor) -> tuple[Float[Tensor, "1 C"], list[Tensor]]:
    """Logits and the attention of every layer, in a graph that begins at the pixels."""
    encoder = getattr(classifier_of(module), "base_model", None)
    if not isinstance(encoder, nn.Module):
        raise CapabilityError(f"{type(module).__name__} has no encoder to look into; choose another method.")
    at = pixels.detach().clone().requires_grad_()
    with still(module), without_parameters(module), recorded(encoder) as record:
        return module(at), record


def classifier_of(module: nn.Module) -> nn.Module:
    """The classifier of transformers.

    Raises:
        CapabilityError: it is none.
    """
    if not isinstance(module, Logits):
        raise CapabilityError(f"{type(module).__name__} is no classifier of transformers; open one with from_transformers.")
    return module.classifier


def _grid(module: nn.Module, pixels: Tensor) -> tuple[int, ...]:
    """Patches along each side."""
    config: Any = classifier_of(module).config
    patch = getattr(config, "patch_size", None)
    if patch is None:
        raise CapabilityError(
            f"{type(classifier_of(module)).__name__} does not read an image in patches; choose another method."
        )
    sides = (patch, patch) if isinstance(patch, int) else tuple(patch)
    return tuple(n // side for n, side in zip(pixels.shape[2:], sides, strict=True))


def _gradients(logits: Tensor, attention: list[Tensor], weights: Tensor) -> Iterator[Float[Tensor, "Y H N N"]]:
    for row in weights:
        with torch.enable_grad():
            target = logits[0] @ row.to(logits)
        found = torch.autograd.grad(target, attention, retain_graph=True)
        yield torch.stack([layer[0] for layer in found])


@torch.enable_grad()
def _readout(logits: Tensor, last: Tensor) -> Float[Tensor, " N"]:
    """Which rows above the last layer the logits depend on, each with the same weight."""
    (gradient,) = torch.autograd.grad(logits.pow(2).sum() + logits.sum(), last, retain_graph=True)
    used = gradient[0].abs().sum((0, 2)) > 0
    if not bool(used.any()):
        raise CapabilityError("The logits do not depend on the attention of the last layer; choose another method.")
    return used.to(last) / used.sum()
