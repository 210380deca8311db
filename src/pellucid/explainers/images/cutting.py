"""Images and signals cut into regions, for methods that remove regions whole."""

from __future__ import annotations

from typing import cast

import numpy as np

from pellucid.errors import PellucidError
from pellucid.explainers.images.versions import image
from pellucid.predictor import Batch, Predictor
from pellucid.regions import superpixels
from pellucid.units import GridUnits, RegionKind, RegionUnits, SampleUnits, patches


def regions_of(predictor: Predictor, batch: Batch, case: int, kind: RegionKind, count: int) -> RegionUnits:
    """About so many patches or superpixels of an image, or segments of a signal, as the model sees it; cut once a batch.

    Patches are as many along each side, so that their number is the nearest power (49, 64, 81 of a flat image).
    """
    name = ("regions", case, kind, count)
    if name not in batch.memo:
        batch.memo[name] = _cut(predictor, batch, case, kind, count)
    return cast(RegionUnits, batch.memo[name])


def segments(units: SampleUnits, count: int) -> RegionUnits:
    """Stretches of single leads, of nearly equal length; about `count` in all, and at least one a lead."""
    leads = len(units.leads)
    along = min(units.count, max(1, round(count / leads)))
    stretch = np.arange(units.count) * along // units.count
    return RegionUnits(stretch[:, None] * leads + np.arange(leads), "segment")


def check_regions(regions: int) -> None:
    """Refuse a number of regions that is none.

    Raises:
        PellucidError: fewer than one.
    """
    if regions < 1:
        raise PellucidError(f"The number of regions is {regions}; give at least 1.")


def _cut(predictor: Predictor, batch: Batch, case: int, kind: RegionKind, count: int) -> RegionUnits:
    units = cast(GridUnits, batch.units[case])
    if isinstance(units, SampleUnits):
        return segments(units, count)
    if kind == "patch":
        return patches(units, max(1, round(count ** (1 / len(units.shape)))))
    pixels = image(predictor.features(batch), batch, case)
    return superpixels(pixels.detach().double().cpu().numpy(), count)
