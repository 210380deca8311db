"""Eigen-CAM: what the maps of a layer have most in common, whatever the label."""

from __future__ import annotations

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


@explainers.register("eigen_cam")
@dataclass(frozen=True)
class EigenCam(Facts):
    """The maps of a layer projected on their first principal direction: `relu(A v)`, v the first right singular vector of the
    matrix A of cells by maps, which is not centred. The sign is that with which the cells sum to a positive number.

    It does not look at the label: all targets get the same map.

    Cost: one forward pass, and the eigenvectors of the smaller Gram matrix, maps by maps or cells by cells.

    Args:
        layer: whose maps are read; the last one with maps if None.
    """

    layer: str | None = None
    needs = ("feature_maps",)
    modalities = ("image",)
    cites = "Muhammad and Yeasin 2020, section III"
    name = "eigen_cam"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = readings(predictor, batch, targets[:1], self.layer, self.name)
        rows = [positive(principal(reading.activations)[None], batch, i) for i, reading in enumerate(found)]
        return [attribute(self, predictor, batch, i, targets, row.expand(len(targets), -1)) for i, row in enumerate(rows)]


def principal(maps: Float[Tensor, "D *s"]) -> Float[Tensor, "*s"]:
    """The first left singular vector of cells by maps, times its singular value; float64. Zero where all maps are."""
    cells = maps.double().flatten(1).T
    if len(cells) <= cells.shape[1]:
        values, vectors = torch.linalg.eigh(cells @ cells.T)
        found = vectors[:, -1] * values[-1].clamp(min=0).sqrt()
    else:
        found = cells @ torch.linalg.eigh(cells.T @ cells)[1][:, -1]
    signed: Tensor = found if found.sum() >= 0 else -found
    return signed.view(maps.shape[1:])
