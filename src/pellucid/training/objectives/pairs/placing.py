"""Where marks lie in the regions of an image-text model, by area.

A model reads the whole image, stretched to its own size, and its regions tile that: what is a share of the image's area is the
same share of the model's, so that marks go from the image they were drawn on to the regions at once. Image and marks
cannot drift apart, as they do where each is cropped by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.case import Case, Evidence, Mask, Phrase, marked
from pellucid.imaging import resized
from pellucid.picture import Picture
from pellucid.predictor import ImageSide
from pellucid.units import PixelUnits

LUNGS = ("right lung", "left lung")
"""As data sets spell them; of the patient."""

Lungs = tuple[Bool[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]
"""The pixels of the patient's right and left lung."""


def placed(phrase: Phrase) -> bool:
    """Whether anybody said where a sentence speaks of, even if it says that nothing is there."""
    return len(phrase.boxes.boxes) > 0 or (phrase.mask is not None and bool(phrase.mask.any()))


def area_of(phrase: Phrase, case: Case) -> Bool[np.ndarray, "H W"]:
    """The pixels of the image that a sentence speaks of; none where a box lies outside the image."""
    size = case.picture.size if phrase.mask is None else phrase.mask.shape
    return phrase.covers(PixelUnits.of(size)).reshape(size)


def lungs_of(case: Case) -> Lungs | None:
    """Both lungs in the image of a case; None where one of them is not known."""
    parts: list[list[Evidence]] = [[part for part in case.anatomy if part.label == lung] for lung in LUNGS]
    if not all(parts):
        return None
    sizes = [part.mask.shape for group in parts for part in group if isinstance(part, Mask)]
    units = PixelUnits.of(sizes[0] if sizes else case.picture.size)
    right, left = (marked(group, units).reshape(units.shape) for group in parts)
    return (right, left) if right.any() and left.any() else None


def halves(lung: Bool[np.ndarray, "H W"]) -> tuple[Bool[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    """The upper and the lower half of a lung, by height; its middle row, if it has one, is of the lower.

    Args:
        lung: its pixels, at least one.
    """
    rows = np.flatnonzero(lung.any(1))
    above = np.arange(len(lung))[:, None] < (rows[0] + rows[-1] + 1) // 2
    return lung & above, lung & ~above


def covered(area: Bool[np.ndarray, "H W"], images: ImageSide, size: Sequence[int]) -> Float[Tensor, " R"]:
    """The share of each region's area that a part of the image covers.

    Args:
        size: (height, width) of what the model reads.
    """
    picture = Picture(area.astype(np.float32)[..., None])
    if images.boxes is None:
        return torch.from_numpy(resized(picture, images.grid).pixels.ravel()).to(images.regions.device)
    whole = torch.from_numpy(resized(picture, (int(size[0]), int(size[1]))).pixels[..., 0])
    return _in_boxes(whole, images.boxes.cpu()).to(images.regions.device)


def _in_boxes(area: Float[Tensor, "H W"], boxes: Float[Tensor, "R 4"]) -> Float[Tensor, " R"]:
    """Means over the pixels that each box touches."""
    means = []
    for x0, y0, x1, y1 in boxes.tolist():
        inside = area[int(y0) : max(int(np.ceil(y1)), int(y0) + 1), int(x0) : max(int(np.ceil(x1)), int(x0) + 1)]
        means.append(inside.mean() if inside.numel() else area.new_zeros(()))
    return torch.stack(means)


def overlap(one: Bool[np.ndarray, "H W"], other: Bool[np.ndarray, "H W"]) -> float:
    """Intersection over union; 0 where both are empty."""
    joined = int((one | other).sum())
    return float((one & other).sum() / joined) if joined else 0.0
