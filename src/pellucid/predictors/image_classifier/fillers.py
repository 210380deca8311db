"""What takes the place of removed pixels, where that does not depend on which are removed."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pellucid.errors import PellucidError
from pellucid.predictor import Filler
from pellucid.randomness import stream

BLUR = 0.08
"""Standard deviation of the wide blur, as a share of the longest side: details go, the light of a region stays."""

NOISE = 1.0
"""Standard deviation of noise, in units of the normalisation's."""


def filling(pixels: Float[Tensor, "D *S"], filler: Filler, case: str) -> Float[Tensor, "D *S"]:
    """The image that removed pixels of a case are taken from.

    Args:
        pixels: normalised, so that the mean colour is 0.
        case: id of the case; noise is drawn from it alone.

    Raises:
        PellucidError: images know no such filler.
    """
    if filler == "mask":
        return torch.zeros_like(pixels)
    if filler == "blur":
        return blurred(pixels, BLUR * max(pixels.shape[1:]))
    if filler == "noise":
        drawn = stream(0, "noise", case).normal(0.0, NOISE, tuple(pixels.shape))
        return torch.from_numpy(drawn).to(pixels)
    if filler == "inpaint":
        raise PellucidError("Pixels that are removed in part cannot be inpainted; choose mask, blur or noise.")
    raise PellucidError(f"Pixels cannot be replaced by {filler!r}; choose mask, blur, noise or inpaint.")


def blurred(pixels: Float[Tensor, "*D S1 S2"], sigma: float) -> Float[Tensor, "*D S1 S2"]:
    """Gaussian blur along every spatial axis (all but the first), edges reflected; what it does to a constant is nothing."""
    result = pixels[None] if pixels.dim() == 3 or pixels.dim() == 4 else pixels
    for axis in range(2, result.dim()):
        result = _along(result, axis, sigma)
    return result[0] if result.dim() > pixels.dim() else result


def _along(pixels: Tensor, axis: int, sigma: float) -> Tensor:
    """One axis of a separable Gaussian."""
    radius = min(max(1, round(3 * sigma)), pixels.shape[axis] - 1)
    if radius == 0:
        return pixels  # a single pixel is a constant along its axis
    offsets = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    moved = pixels.movedim(axis, -1)
    rows = functional.pad(moved.reshape(-1, 1, moved.shape[-1]), (radius, radius), mode="reflect")
    smooth = functional.conv1d(rows, (kernel / kernel.sum()).view(1, 1, -1))
    return smooth.view(moved.shape).movedim(-1, axis)


def as_masks(keep: np.ndarray, shape: tuple[int, ...], like: Tensor) -> Float[Tensor, "P 1 *S"]:
    """Boolean rows over pixels as masks of images."""
    return torch.from_numpy(keep.reshape(len(keep), 1, *shape)).to(like)
