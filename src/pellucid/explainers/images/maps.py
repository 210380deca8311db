"""Feature maps of a layer, shared by the methods that read them, and brought to the pixels of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pellucid.errors import DataError
from pellucid.predictor import Batch, FeatureMaps, MapReading, Predictor, require
from pellucid.target import Target


def readings(predictor: Predictor, batch: Batch, targets: Sequence[Target], layer: str | None, who: str) -> list[MapReading]:
    """A layer's maps and gradients for every case; read once a batch for all methods that ask for the same.

    Raises:
        CapabilityError: the model has no feature maps.
        PellucidError: the layer has none.
        DataError: a map is not made of finite numbers.
    """
    require(predictor, ("feature_maps",), who)
    name = ("feature_maps", tuple(targets), layer, predictor.fingerprint)
    if name not in batch.memo:
        found = cast(FeatureMaps, predictor).feature_maps(batch, targets, layer)
        for case, reading in zip(batch.cases, found, strict=True):
            if not bool(reading.activations.isfinite().all() and reading.gradients.isfinite().all()):
                raise DataError(
                    f"The feature maps of case {case.id} are not finite numbers; check the image and the model's weights."
                )
        batch.memo[name] = found
    return cast("list[MapReading]", batch.memo[name])


def to_pixels(maps: Float[Tensor, "N *s"], size: tuple[int, ...]) -> Float[Tensor, "N *S"]:
    """Maps at the size of the image: bilinear (of a volume, trilinear), from the middles of cells to the middles of pixels.

    What is constant or non-negative stays so.
    """
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return functional.interpolate(maps[:, None], size, mode=mode, align_corners=False)[:, 0]


def size_of(batch: Batch, case: int) -> tuple[int, ...]:
    """Pixels along each axis of what the model reads of a case."""
    return tuple(batch.units[case].shape)


def positive(maps: Float[Tensor, "K *s"], batch: Batch, case: int) -> Float[Tensor, "K L"]:
    """The positive part of maps over the pixels of a case, row by row."""
    with torch.no_grad():
        return to_pixels(maps.double().relu(), size_of(batch, case)).flatten(1)
