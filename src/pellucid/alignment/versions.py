"""Other versions of a picture: flipped, or with a place in it filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from pellucid.case import Case
from pellucid.picture import Picture
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.randomness import stream
from pellucid.units import PixelUnits


def mirrored(case: Case) -> Case:
    """The case with left and right of its picture exchanged. What is marked in it is left out, for it no longer fits."""
    picture = case.picture
    turned = Picture(np.ascontiguousarray(picture.pixels[:, ::-1]), picture.spacing)
    return replace(case, inputs={**case.inputs, "image": turned}, evidence=(), causes=(), anatomy=(), sentences=())


def without(model: Predictor, batch: Batch, place: Bool[np.ndarray, " U"], filler: Filler) -> Batch:
    """The one picture of a batch with a place filled in."""
    return model.perturb(batch, [~place], filler)


def elsewhere(
    place: Bool[np.ndarray, " U"], taken: Sequence[Bool[np.ndarray, " U"]], units: PixelUnits, seed: int, *about: str
) -> Bool[np.ndarray, " U"] | None:
    """The same shape at another position, wholly in the picture and apart from itself and all that is taken; drawn at random.

    None where no position is free.

    Args:
        about: what the draw belongs to.
    """
    from scipy.signal import fftconvolve  # here, since it is slow to import

    whole = place.reshape(units.shape)
    down, across = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
    shape = whole[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    full = np.logical_or.reduce([place, *taken]).reshape(units.shape)
    overlap = fftconvolve(full.astype(np.float64), shape[::-1, ::-1].astype(np.float64), mode="valid")
    free = np.argwhere(overlap < 0.5)
    if not len(free):
        return None
    y, x = free[int(stream(seed, "elsewhere", *about).integers(len(free)))]
    moved = np.zeros(units.shape, dtype=bool)
    moved[y : y + shape.shape[0], x : x + shape.shape[1]] = shape
    return moved.ravel()
