"""From a coarse map of logits to a smooth mask at the size of the image, by one matrix an axis.

Resampling and blurring along an axis are linear, so both are one matrix, made once. Products of matrices are exact in their
order on every device, which interpolation is not when it is sent back on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def widening(coarse: int, full: int, kernel: Float[Tensor, " k"]) -> Float[Tensor, "full coarse"]:
    """The matrix that resamples linearly from `coarse` to `full` pixels, then averages with `kernel`, edges reflected.

    Args:
        kernel: of odd length, sums to 1; cut to what fits between the edges.
    """
    lines = functional.interpolate(torch.eye(coarse, dtype=kernel.dtype)[None], size=full, mode="linear", align_corners=False)
    radius = min(len(kernel) // 2, full - 1)
    middle = len(kernel) // 2
    weights = kernel[middle - radius : middle + radius + 1]
    padded = functional.pad(lines.transpose(0, 1), (radius, radius), mode="reflect") if radius else lines.transpose(0, 1)
    return functional.conv1d(padded, (weights / weights.sum()).view(1, 1, -1))[:, 0].T.contiguous()


def gaussian(sigma: float) -> Float[Tensor, " k"]:
    """Weights of a Gaussian up to three standard deviations, in pixels; a single 1 where sigma is 0."""
    radius = max(round(3 * sigma), 0)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / max(sigma, 1e-9)) ** 2)
    return weights / weights.sum()


def box(window: int) -> Float[Tensor, " k"]:
    """Equal weights over an odd number of pixels."""
    return torch.full((window,), 1.0 / window, dtype=torch.float64)


def along_axes(maps: Float[Tensor, "*N C *s"], matrices: Sequence[Float[Tensor, "full coarse"]]) -> Float[Tensor, "*N C *S"]:
    """Each of the last axes multiplied by its matrix."""
    for offset, matrix in enumerate(reversed(matrices)):
        if offset == 0:
            maps = maps @ matrix.T
        else:  # the axis becomes the last but one, which for images it is already
            maps = (matrix @ maps.movedim(-1 - offset, -2)).movedim(-2, -1 - offset)
    return maps


def averaged(masks: Float[Tensor, "M 1 *S"], weights: Float[Tensor, "M *k"]) -> Float[Tensor, "M 1 *S"]:
    """Each mask averaged with weights of its own, edges reflected as far as the image reaches."""
    axes = weights.dim() - 1
    radii = [k // 2 for k in weights.shape[1:]]
    pad = [r for radius in reversed(radii) for r in (radius, radius)]
    padded = functional.pad(masks.transpose(0, 1), pad, mode="reflect")
    convolve = (functional.conv2d, functional.conv3d)[axes - 2]
    return convolve(padded, weights[:, None], groups=len(masks)).transpose(0, 1)
