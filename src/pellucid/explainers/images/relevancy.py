"""What vision transformers attend to, followed from what the head reads down to the patches of the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.maps import positive
from pellucid.predictor import Batch, PatchAttention, PatchReading, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("vit_rollout")
@dataclass(frozen=True)
class VitRollout(Facts):
    """What the class token is made of if nothing but mixing happened: its row of `prod_layers (0.5 mean_heads A + 0.5 I)`, last
    layer first, at the patches, interpolated to the pixels.

    It does not look at the label: all targets get the same map. The formula is that of `attention_rollout` for texts, where
    each label has attention of its own to begin with.

    Cost: one forward pass, with attention written out.
    """

    needs = ("patch_attention",)
    modalities = ("image",)
    cites = "Abnar and Zuidema 2020, section 4"
    name = "vit_rollout"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        results = []
        for reading in cast(PatchAttention, predictor).patch_attention(batch, targets):
            with torch.no_grad():
                flow = rolled_out(reading.attention, reading.readout)
            scores = over_pixels(flow[None], reading, batch)
            results.append(attribute(self, predictor, batch, reading.case, targets, scores.expand(len(targets), -1)))
        return results


@explainers.register("vit_relevancy")
@dataclass(frozen=True)
class VitRelevancy(Facts):
    """Relevance of each patch to the class token: its row of `prod_layers (I + mean_heads relu(A * d f / d A))`, last layer
    first, at the patches, interpolated to the pixels.

    The rule for self-attention of Chefer et al.; unlike rollout it asks for the label, and lets heads that do not serve it go.

    Cost: one forward pass with attention written out, and one backward pass a target.
    """

    needs = ("patch_attention",)
    modalities = ("image",)
    cites = "Chefer et al. 2021 (generic attention-model explainability), equations 5 and 6"
    name = "vit_relevancy"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        results = []
        for reading in cast(PatchAttention, predictor).patch_attention(batch, targets):
            flows = [relevance(reading.attention, gradient, reading.readout) for gradient in reading.gradients]
            scores = over_pixels(torch.stack(flows), reading, batch)
            results.append(attribute(self, predictor, batch, reading.case, targets, scores))
        return results


def rolled_out(attention: Iterable[Float[Tensor, "H N N"]], readout: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """The row that is read, taken down through layers given from the lowest; float64. Sums to 1, as `readout` does."""
    flow = readout.double()
    for layer in reversed(list(attention)):
        flow = 0.5 * (flow @ layer.double().mean(0)) + 0.5 * flow
    return flow


def relevance(
    attention: Iterable[Float[Tensor, "H N N"]], gradients: Iterable[Float[Tensor, "H N N"]], readout: Float[Tensor, " N"]
) -> Float[Tensor, " N"]:
    """Relevance of every row to the one that is read; layers are given from the lowest. Float64, not negative.

    Multiplied from the left, so that one row is kept instead of a matrix over all pairs.
    """
    flow = readout.double()
    for layer, gradient in reversed(list(zip(attention, gradients, strict=True))):
        flow = flow + flow @ (layer.double() * gradient.double()).relu().mean(0)
    return flow


def over_pixels(flows: Float[Tensor, "K N"], reading: PatchReading, batch: Batch) -> Float[Tensor, "K L"]:
    """What reaches the patches, over the pixels of the case."""
    patches = flows[:, reading.special :].unflatten(1, reading.grid)
    return positive(patches, batch, reading.case)
