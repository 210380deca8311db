"""Images cut into regions, for methods that remove regions whole."""

from __future__ import annotations

from typing import cast

from pellucid.errors import PellucidError
from pellucid.explainers.images.versions import image, pixel_units
from pellucid.predictor import Batch, Predictor
from pellucid.regions import superpixels
from pellucid.units import RegionKind, RegionUnits, patches


def regions_of(predictor: Predictor, batch: Batch, case: int, kind: RegionKind, count: int) -> RegionUnits:
    """About so many patches or superpixels of a case, as the model sees it; cut once a batch.

    Patches are as many along each side, so that their number is the nearest power (49, 64, 81 of a flat image).
    """
    name = ("regions", case, kind, count)
    if name not in batch.memo:
        batch.memo[name] = _cut(predictor, batch, case, kind, count)
    return cast(RegionUnits, batch.memo[name])


def check_regions(regions: int) -> None:
    """Refuse a number of regions that is none.

    Raises:
        PellucidError: fewer than one.
    """
    if regions < 1:
        raise PellucidError(f"The number of regions is {regions}; give at least 1.")


def _cut(predictor: Predictor, batch: Batch, case: int, kind: RegionKind, count: int) -> RegionUnits:
    units = pixel_units(batch, case)
    if kind == "patch":
        return patches(units, max(1, round(count ** (1 / len(units.shape)))))
    pixels = image(predictor.features(batch), batch, case)
    return superpixels(pixels.detach().double().cpu().numpy(), count)
