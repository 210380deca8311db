"""Occlusion of images: what the logit loses when a window slides over the image, or when a region goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.cutting import check_regions, regions_of
from pellucid.explainers.images.separable import along, outer
from pellucid.explainers.images.versions import label_scores, pixel_units, targeted
from pellucid.explainers.spreading import spread
from pellucid.predictor import Batch, Filler, Modality, Predictor
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import RegionKind


@explainers.register("occlusion")
@dataclass(frozen=True)
class WindowOcclusion(Facts):
    """What the logit loses when a window of the image goes, `f(x) - f(x without the window)`, averaged over the windows that
    cover a pixel and shared evenly among the pixels of a window.

    Positive where the image speaks for the label, negative where it speaks against it. Windows stand a stride apart along each
    axis, and a last one ends at the border, so that all are of one size and every pixel is covered. One window over the whole
    image gives every pixel the same share of f(x) - f(x').

    Cost: one forward pass a window, for all targets together: about 300 by default, of a volume 5,000 (give it a longer
    stride). No mask of the size of the image outlives its block; effects are summed over windows one axis at a time.

    Args:
        window: side of the window; up to 1 a share of each side of the image, above that pixels.
        stride: between windows, likewise.
        filler: "mask", "blur", "noise" or "inpaint".

    Raises:
        PellucidError: a window or stride that is not positive, or a stride above the window, which would leave gaps.
    """

    window: float = 0.2
    stride: float = 0.05
    filler: Filler = "mask"
    signed = True
    modalities = ("image",)
    cites = "Zeiler and Fergus 2014"
    name = "occlusion"

    def __post_init__(self) -> None:
        if not (self.window > 0 and self.stride > 0):
            raise PellucidError(f"Window and stride are {self.window} and {self.stride}; both must be positive.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        windows = [self.windows(pixel_units(batch, i).shape) for i in range(len(batch))]
        number = [np.indices([len(rows) for rows in axes]).reshape(len(axes), -1).T for axes in windows]

        def keep(case: int, part: slice) -> Bool[np.ndarray, "P U"]:
            # Version 0 is the image itself.
            covered = [rows[n] for rows, n in zip(windows[case], number[case][_before(part)].T, strict=True)]
            gone = outer(covered).reshape(len(covered[0]), -1)
            return np.concatenate([np.ones((int(part.start == 0), gone.shape[1]), dtype=bool), ~gone])

        about, counts = ("occlusion", self.window, self.stride), [1 + len(n) for n in number]
        results = []
        for i, scores in enumerate(label_scores(predictor, batch, about, counts, keep, self.filler)):
            values = targeted(scores, targets, predictor.labels)
            results.append(attribute(self, predictor, batch, i, targets, averaged((values[0] - values[1:]).T, windows[i])))
        return results

    def windows(self, size: Sequence[int]) -> list[Bool[np.ndarray, "N S"]]:
        """For each axis the pixels that each window covers.

        Raises:
            PellucidError: the stride is longer than the window.
        """
        return [_windows(n, _pixels(self.window, n), _pixels(self.stride, n)) for n in size]


@explainers.register("occlusion_superpixel", unit="superpixel", regions=64)
@explainers.register("occlusion_patch", unit="patch")
@dataclass(frozen=True)
class RegionOcclusion(Facts):
    """What the logit loses when a region of the image goes, shared evenly among its pixels. No two regions overlap.

    Cost: one forward pass a region, for all targets together.

    Args:
        unit: "patch" (boxes of a grid) or "superpixel".
        regions: about how many.
        filler: "mask", "blur", "noise" or "inpaint".

    Raises:
        PellucidError: no regions.
    """

    unit: RegionKind = "patch"
    regions: int = 196
    filler: Filler = "mask"
    signed = True
    modalities: ClassVar[tuple[Modality, ...]] = ("image",)
    cites = "Zeiler and Fergus 2014"

    def __post_init__(self) -> None:
        check_regions(self.regions)

    @property
    def name(self) -> str:
        return f"occlusion_{self.unit}"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        cuts = [regions_of(predictor, batch, i, self.unit, self.regions) for i in range(len(batch))]

        def keep(case: int, part: slice) -> Bool[np.ndarray, "P U"]:
            # Version 0 is the image itself: no region has the number -1.
            return np.asarray(cuts[case].index.ravel() != np.arange(part.start - 1, part.stop - 1)[:, None])

        about, counts = (self.name, self.regions), [1 + len(cut) for cut in cuts]
        results = []
        for i, scores in enumerate(label_scores(predictor, batch, about, counts, keep, self.filler)):
            values = targeted(scores, targets, predictor.labels)
            shared = spread((values[0] - values[1:]).T, cuts[i].index.ravel())
            results.append(attribute(self, predictor, batch, i, targets, shared))
        return results


def averaged(effects: Float[np.ndarray, "K N"], windows: Sequence[Bool[np.ndarray, "n S"]]) -> Float[np.ndarray, "K U"]:
    """Effects of windows as scores of pixels: the mean over the windows that cover a pixel, divided by their size.

    Windows are all combinations of one window an axis, so sums over them are one small matrix product an axis.

    Args:
        windows: for each axis the pixels that each window covers.
    """
    grid = torch.from_numpy(effects.reshape(len(effects), *map(len, windows)))
    share = [rows.T / rows.sum(0)[:, None] / rows[0].sum() for rows in windows]
    return np.asarray(along(grid, [torch.from_numpy(s) for s in share]).flatten(1))


def _windows(side: int, window: int, stride: int) -> Bool[np.ndarray, "N S"]:
    if stride > window:
        raise PellucidError(f"A stride of {stride} pixels is longer than the window of {window} and leaves gaps; shorten it.")
    starts = np.append(np.arange(0, side - window, stride), side - window)
    place: Int[np.ndarray, " S"] = np.arange(side)
    return np.asarray((place >= starts[:, None]) & (place < starts[:, None] + window))


def _pixels(length: float, side: int) -> int:
    return max(1, min(side, round(length * side if length <= 1 else length)))


def _before(part: slice) -> slice:
    """The windows of a range of versions, which begins with the image itself."""
    return slice(max(0, part.start - 1), part.stop - 1)
