"""A picture: the image of a case as a model may read it, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Shaped

from pellucid.errors import DataError, shaped

_OTHER_MODES = ("P", "YCbCr", "LAB", "HSV")
"""Of pillow's modes those whose arrays would pass for grey or for red, green and blue."""

_WHOLE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels of an image, or voxels of a volume, with their channels last.

    Attributes:
        pixels: unsigned 8- or 16-bit integers over their whole range, or 32-bit floats in [0, 1]; S is (height, width) or
            (depth, height, width), C is 1 (grey) or 3 (red, green, blue).
        spacing: millimetres between neighbouring pixels along each spatial axis, in the order of S; None where unknown.

    Raises:
        DataError: the pixels have another shape, type or range, or one of them is not a number.
    """

    pixels: Shaped[np.ndarray, "*S C"]
    spacing: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) not in (3, 4) or shape[-1] not in (1, 3) or not self.pixels.size:
            raise DataError(
                f"An image has the shape {shape}; give height x width x channels, or depth x height x width x channels, with "
                "1 or 3 channels."
            )
        if kind not in (*_WHOLE, np.dtype(np.float32)):
            raise DataError(
                f"An image has values of type {kind}; give 8- or 16-bit unsigned integers, or 32-bit floats in [0, 1]."
            )
        if kind not in _WHOLE and not (self.pixels.min() >= 0 and self.pixels.max() <= 1):  # also where one is not a number
            raise DataError("An image of floats has values outside [0, 1], or that are no numbers; scale it first.")
        if self.spacing is not None and len(self.spacing) != len(shape) - 1:
            raise DataError(f"An image with {len(shape) - 1} spatial axes has {len(self.spacing)} spacings; give one an axis.")

    @classmethod
    def of(cls, value: Any) -> Self:
        """A picture from an array, a tensor or an image of pillow: height x width, or with 1 or 3 channels last; a volume has
        its channels, too: depth x height x width x channels.

        Values are unsigned integers of 8 or 16 bits over their whole range, or numbers in [0, 1].

        Raises:
            DataError: it is none of these.
        """
        if isinstance(value, cls):
            return value
        mode = getattr(value, "mode", None)  # of an image of pillow
        if isinstance(mode, str) and mode in _OTHER_MODES:
            raise DataError(
                f"An image of pillow has the mode {mode}, whose numbers are no colours; give `image.convert('RGB')`."
            )
        try:
            array = _array(value)
        except Exception as error:  # of a list of rows of several lengths, of a sparse tensor ...
            raise DataError(f"An image is {shaped(value)}, which is no array of numbers; give height x width.") from error
        if array.ndim < 2:
            raise DataError(f"An image has the shape {array.shape}; give height x width, or height x width x channels.")
        if array.ndim == 2:
            array = array[..., None]
        return cls(array.astype(np.float32) if array.dtype.kind == "f" else array)

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels along each spatial axis: (height, width) or (depth, height, width)."""
        return tuple(self.pixels.shape[:-1])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return int(self.pixels.shape[-1])

    def unit(self) -> Float[np.ndarray, "*S C"]:
        """The pixels as 32-bit floats in [0, 1]."""
        whole = _WHOLE.get(self.pixels.dtype)
        return self.pixels if whole is None else (self.pixels / np.float32(whole)).astype(np.float32)


def _array(value: Any) -> np.ndarray:
    if not hasattr(value, "detach"):
        array = np.asarray(value)
        return array.astype(array.dtype.newbyteorder("="), copy=False)  # files of scanners come with the greatest byte first
    tensor = value.detach().cpu()
    return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)  # numpy has no bfloat16
