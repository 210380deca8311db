"""Scores of regions, brought to the pixels of an image."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pellucid.explainers.images.maps import size_of, to_pixels
from pellucid.predictor import Batch, ImageSide
from pellucid.predictors.image_text.aggregating import painted


@torch.no_grad()
def over_pixels(
    scores: Float[Tensor, "K R"], images: ImageSide, batch: Batch, case: int, *, nearest: bool = False
) -> Float[Tensor, "K L"]:
    """Scores of the regions of one case, at its pixels; float64.

    Cells of a grid are interpolated from middle to middle, or each fills its own pixels where `nearest`; of boxes, a pixel gets
    the largest score of those that cover it, less the largest against, and 0 where none does.
    """
    values, size = scores.detach().double(), size_of(batch, case)
    if images.boxes is not None:
        best, worst = (painted(part.clamp(min=0), images.boxes, size) for part in (values, -values))
        return (best - worst).flatten(1)
    cells = values.unflatten(1, images.grid)
    if nearest:
        return functional.interpolate(cells[:, None], size, mode="nearest")[:, 0].flatten(1)
    return to_pixels(cells, size).flatten(1)
