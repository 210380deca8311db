"""Marks of a published image that can only be drawn once the image is there.

A mask may lie in a file of its own, and thousands of them would not fit into memory; a published box may reach beyond the image
by a little. Both are evidence like any other, and become plain masks and boxes when the case is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from pellucid import imaging
from pellucid.case import Boxes, Mask
from pellucid.imaging.sniffing import kind_of
from pellucid.units import PixelUnits


@dataclass(frozen=True, eq=False)
class UnreadMask:
    """A marked region that is read each time it is asked for; the rest as :class:`pellucid.case.Mask`."""

    read: Callable[[], Bool[np.ndarray, "*S"]]
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"

    def drawn(self) -> Mask:
        """The mask, read now.

        Raises:
            DataError: it cannot be read.
        """
        return Mask(self.read(), self.label, self.confidence, self.source)

    def covers(self, units: PixelUnits) -> Bool[np.ndarray, " U"]:
        return self.drawn().covers(units)


@dataclass(frozen=True, eq=False)
class PublishedBoxes:
    """Marked rectangles that may reach beyond the image; the rest as :class:`pellucid.case.Boxes`."""

    boxes: Float[np.ndarray, "N 4"]
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"

    def within(self, height: int, width: int) -> Boxes:
        """The boxes cut at the border of the image; those of which nothing is left are dropped."""
        cut = np.clip(self.boxes, 0, [width, height, width, height])
        kept = cut[(cut[:, 0] < cut[:, 2]) & (cut[:, 1] < cut[:, 3])]
        return Boxes(kept, self.label, self.confidence, self.source)

    def covers(self, units: PixelUnits) -> Bool[np.ndarray, " U"]:
        return Boxes(self.boxes).covers(units)


def mask_file(path: Path, label: str | None = None) -> UnreadMask:
    """A mask in an image file of its own: every pixel that is not black is marked, of a JPEG every one above half of white."""
    return UnreadMask(partial(_marked, path), label)


def _marked(path: Path) -> Bool[np.ndarray, "H W"]:
    least = 0.5 if kind_of(path) == "JPEG" else 0.0  # its compression leaves shadows around what is white
    return np.asarray((imaging.read(path).unit() > least).any(axis=-1))
