"""Class activation maps: a layer's maps, weighted by what the logit's gradient says of them.

All read the same pass: the trunk is run once, and only what lies between the layer and the logits is sent back for each target.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.maps import positive, readings
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@dataclass(frozen=True)
class _Cam(Facts, ABC):
    """What these methods share.

    Args:
        layer: whose maps are read; the last one with maps if None.
    """

    layer: str | None = None
    needs = ("feature_maps",)
    modalities = ("image",)

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def combined(self, maps: Float[Tensor, "D *s"], gradients: Float[Tensor, "K D *s"]) -> Float[Tensor, "K *s"]:
        """The weighted sum of the maps, before its negative part is dropped."""

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = readings(predictor, batch, targets, self.layer, self.name)
        rows = [positive(self.combined(r.activations, r.gradients), batch, i) for i, r in enumerate(found)]
        return [attribute(self, predictor, batch, i, targets, scores) for i, scores in enumerate(rows)]


def _weighted(weights: Float[Tensor, "K D"], maps: Float[Tensor, "D *s"]) -> Float[Tensor, "K *s"]:
    summed: Tensor = torch.tensordot(weights, maps.to(weights), dims=1)
    return summed


@explainers.register("grad_cam")
@dataclass(frozen=True)
class GradCam(_Cam):
    """Maps weighted by their mean gradient: `relu(sum_d mean_s(d f / d A_d) A_d)`, interpolated to the pixels.

    In a network that ends in an average over the image and a linear layer, and at its last maps, this is the class activation
    map of Zhou et al. 2016, divided by the number of its cells.

    Cost: one forward pass, and one backward pass a target through what lies behind the layer.

    Args:
        layer: whose maps are read; the last one with maps if None.
    """

    cites = "Selvaraju et al. 2017, equations 1 and 2"
    name = "grad_cam"

    def combined(self, maps: Float[Tensor, "D *s"], gradients: Float[Tensor, "K D *s"]) -> Float[Tensor, "K *s"]:
        return _weighted(gradients.flatten(2).mean(-1), maps)


@explainers.register("grad_cam_plus_plus")
@dataclass(frozen=True)
class GradCamPlusPlus(_Cam):
    """Maps weighted by `sum_s alpha_d relu(g_d)`, g being the gradient and `alpha_d = g_d^2 / (2 g_d^2 + g_d^3 sum_s A_d)`.

    That is the paper's weight for the exponential of the logit, without its factor exp(f), which is the same for all maps.
    Written as `1 / (2 + g_d sum_s A_d)`, small gradients do not vanish in their powers. It is meant for maps that are nowhere
    negative, as those behind a ReLU; elsewhere the denominator may come near 0.

    Cost: that of Grad-CAM, and nothing more where that was asked for as well.

    Args:
        layer: whose maps are read; the last one with maps if None.
    """

    cites = "Chattopadhay et al. 2018, equations 10 and 19"
    name = "grad_cam_plus_plus"

    def combined(self, maps: Float[Tensor, "D *s"], gradients: Float[Tensor, "K D *s"]) -> Float[Tensor, "K *s"]:
        flat, g = maps.double().flatten(1), gradients.double().flatten(2)
        below = 2 + g * flat.sum(-1, keepdim=True)
        alpha = (1 / below.where(below != 0, 1.0)).where((below != 0) & (g != 0), 0.0)
        return _weighted((alpha * g.relu()).sum(-1), maps)


@explainers.register("layer_cam")
@dataclass(frozen=True)
class LayerCam(_Cam):
    """Every cell of a map weighted by its own gradient: `relu(sum_d relu(d f / d A_d) A_d)`, interpolated to the pixels.

    Made for finer maps of earlier layers (`layer`), where a mean over the image would say little.

    Cost: that of Grad-CAM, and nothing more where that was asked for as well.

    Args:
        layer: whose maps are read; the last one with maps if None.
    """

    cites = "Jiang et al. 2021, equations 6 and 7"
    name = "layer_cam"

    def combined(self, maps: Float[Tensor, "D *s"], gradients: Float[Tensor, "K D *s"]) -> Float[Tensor, "K *s"]:
        return (gradients.relu() * maps).sum(1)
