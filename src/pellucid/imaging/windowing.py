"""From the values of a scanner to shades of grey in [0, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from pellucid.errors import DataError


@dataclass(frozen=True)
class Window:
    """The values to show: their centre and width, and the curve between black and white (DICOM PS3.3, C.11.2.1).

    Attributes:
        function: LINEAR (made for whole numbers: the first value is black, the last white), LINEAR_EXACT or SIGMOID.

    Raises:
        DataError: the width is too small for the curve, a number is not finite, or the curve has another name.
    """

    centre: float
    width: float
    function: str = "LINEAR"

    def __post_init__(self) -> None:
        if self.function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            raise DataError(
                "A window follows no curve that DICOM knows (LINEAR, LINEAR_EXACT, SIGMOID); give window=(centre, width)."
            )
        enough = self.width >= 1 if self.function == "LINEAR" else self.width > 0
        if not (math.isfinite(self.centre) and math.isfinite(self.width) and enough):
            raise DataError(
                f"A window has the centre {self.centre:g} and the width {self.width:g}; give window=(centre, width) with "
                "finite numbers and a width of at least 1."
            )

    def shades(self, values: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """The values in [0, 1]."""
        if self.function == "SIGMOID":
            return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - self.centre) / self.width))  # 1 / (1 + exp(-4 (x - c) / w))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.centre) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.centre - 0.5).astype(values.dtype)
        return np.clip((values - (self.centre - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, eq=False)
class Table:
    """A look-up table: what stands for the value `first`, for `first` + 1, and so on; values beyond it take its ends.

    Attributes:
        bits: how many bits an entry may use, which says what white is.
    """

    entries: Shaped[np.ndarray, " N"]
    first: int
    bits: int

    def values(self, stored: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """What the table says for each value, rounded to a whole number."""
        places = np.clip(np.rint(stored) - self.first, 0, len(self.entries) - 1).astype(np.int64)
        return np.asarray(self.entries.astype(np.float32)[places])

    def shades(self, values: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """The values in [0, 1], where 1 is the largest number of that many bits."""
        return np.clip(self.values(values) / np.float32(2**self.bits - 1), 0, 1)


@dataclass(frozen=True)
class WholeRange:
    """From the least value, black, to the greatest, white; an image of one value is black."""

    def shades(self, values: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """The values in [0, 1]."""
        low, high = values.min(), values.max()
        return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)


Shading = Window | Table | WholeRange
