"""Pictures, masks and boxes in another size.

Pixels are little squares here. An axis that shrinks is averaged over the stretch that each new pixel covers, so that nothing
aliases and the mean stays what it was; an axis that grows is interpolated linearly between the centres of the pixels. Axes are
treated one after the other, in two and in three dimensions alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from pellucid.errors import DataError
from pellucid.picture import Picture

Weights = Float[np.ndarray, "wanted given"]


def resized(picture: Picture, size: tuple[int, ...]) -> Picture:
    """The picture with `size` pixels along each spatial axis, as 32-bit floats; its spacing is scaled with it.

    Raises:
        DataError: `size` has another number of axes, or an axis without pixels.
    """
    _check(picture.size, size)
    pixels = _along_axes(picture.unit(), size, lambda given, wanted: (_areas if wanted < given else _linear)(given, wanted))
    spacing = picture.spacing and tuple(s * a / b for s, a, b in zip(picture.spacing, picture.size, size, strict=True))
    return Picture(np.clip(pixels, 0, 1), spacing)  # sums of weights may miss 1 by rounding


def resized_mask(mask: Bool[np.ndarray, "*S"], size: tuple[int, ...]) -> Bool[np.ndarray, "*T"]:
    """A mask in another size: a new pixel is marked where at least half of its area was.

    Raises:
        DataError: `size` has another number of axes, or an axis without pixels.
    """
    _check(mask.shape, size)
    covered = _along_axes(mask.astype(np.float64), size, _areas)
    return np.asarray(covered >= 0.5 - 1e-9)  # exact halves survive rounding


def resized_boxes(
    boxes: Float[np.ndarray, "N 4"], from_size: tuple[int, int], to_size: tuple[int, int]
) -> Float[np.ndarray, "N 4"]:
    """Boxes (x0, y0, x1, y1) of an image of `from_size` (height, width), in pixels of the same image at `to_size`.

    Raises:
        DataError: a size has an axis without pixels.
    """
    _check(from_size, to_size)
    down, across = (b / a for a, b in zip(from_size, to_size, strict=True))
    return np.asarray(np.asarray(boxes, dtype=np.float64).reshape(-1, 4) * np.array([across, down, across, down]))


def _check(given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if len(given) != len(wanted) or min((*given, *wanted)) < 1:
        raise DataError(f"An image of size {given} cannot become one of size {wanted}; give at least one pixel for every axis.")


def _along_axes(
    values: Float[np.ndarray, "..."], size: tuple[int, ...], weights: Callable[[int, int], Weights]
) -> Float[np.ndarray, "..."]:
    for axis, wanted in enumerate(size):
        given = values.shape[axis]
        if wanted != given:
            values = np.moveaxis(np.tensordot(weights(given, wanted).astype(values.dtype), values, (1, axis)), 0, axis)
    return values


def _areas(given: int, wanted: int) -> Weights:
    """Share of each new pixel that each old one covers."""
    edges, old = np.arange(wanted + 1) * given / wanted, np.arange(given)
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.asarray(np.clip(overlap, 0, None) * wanted / given)


def _linear(given: int, wanted: int) -> Weights:
    """Linear interpolation between the centres of old pixels; beyond the outermost centres, the outermost pixel."""
    centres = np.clip((np.arange(wanted) + 0.5) * given / wanted - 0.5, 0, given - 1)
    return np.asarray(np.clip(1 - np.abs(centres[:, None] - np.arange(given)), 0, None))
