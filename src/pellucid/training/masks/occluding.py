"""What takes the place of removed parts in training: another thing for each image and step.

A mask that is judged by one filler learns what that filler does to the model. Grey patches on a radiograph look like
opacities; a blur, or the same place of another image, does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictors.image_classifier.fillers import BLUR
from pellucid.predictors.image_classifier.masking import smoothing
from pellucid.training.masks.recipe import OCCLUDERS, Occluder


def occluders(
    pixels: Float[Tensor, "B D *S"],
    kinds: Sequence[Occluder],
    donors: Int[Tensor, " B"],
    generator: torch.Generator | None = None,
) -> Float[Tensor, "B D *S"]:
    """An image for each image, of a kind drawn from `kinds`.

    Args:
        pixels: normalised, so that the mean colour is 0.
        donors: for each image the one that it may borrow parts of; -1 where none will do, and a blur is taken instead.
        generator: draws; PyTorch's global one if None.
    """
    allowed = torch.tensor([OCCLUDERS.index(kind) for kind in kinds])
    drawn = allowed[torch.randint(len(kinds), (len(pixels),), generator=generator)].to(pixels.device)
    other, blur = OCCLUDERS.index("other"), OCCLUDERS.index("blur")
    drawn = torch.where((drawn == other) & (donors < 0), torch.full_like(drawn, blur), drawn)
    made = torch.zeros_like(pixels)
    for index, kind in enumerate(OCCLUDERS):
        rows = drawn == index
        if bool(rows.any()) and kind != "mean":
            made[rows] = _made(kind, pixels, rows, donors, generator).to(made)  # a blur in half precision is half
    return made


def _made(
    kind: Occluder, pixels: Tensor, rows: Bool[Tensor, " B"], donors: Tensor, generator: torch.Generator | None
) -> Tensor:
    mine = pixels[rows]
    if kind == "other":
        return pixels[donors[rows]]
    if kind == "blur":
        return blurred(mine)
    if kind == "noise":
        return torch.randn(mine.shape, generator=generator).to(mine)
    axes = tuple(range(2, pixels.dim()))
    low, high = mine.amin(axes, keepdim=True), mine.amax(axes, keepdim=True)
    return (low + (high - low) * torch.rand(low.shape, generator=generator).to(mine)).expand_as(mine)


def blurred(pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B D *S"]:
    """A blur so wide that details go and the light of a region stays."""
    size = pixels.shape[2:]
    kernel = smoothing.gaussian(BLUR * max(size))
    return smoothing.along_axes(pixels, [smoothing.widening(n, n, kernel).to(pixels) for n in size])


def donors_for(bearing: Bool[Tensor, "B B"], generator: torch.Generator | None = None) -> Int[Tensor, " B"]:
    """For each image another of the batch, drawn from those that do not bear its target; -1 where all do.

    Args:
        bearing: whether image j shows the target of image i.
    """
    count = len(bearing)
    allowed = ~bearing & ~torch.eye(count, dtype=torch.bool, device=bearing.device)
    ranks = torch.rand((count, count), generator=generator).to(bearing.device).masked_fill(~allowed, -1.0)
    return torch.where(allowed.any(1), ranks.argmax(1), torch.full((count,), -1, device=bearing.device))
