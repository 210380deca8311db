"""Masks as runs, in the compressed text of COCO.

A mask is read column after column; its runs are lengths of unmarked and marked stretches in turn, an unmarked one first. Each
number is written in groups of five bits, the lowest first, one character a group (its code less 48): the sixth bit says that
more groups follow, the fifth bit of the last group is the sign. From the fourth number on, the difference to the number two
places before is written (Lin et al. 2014, and the reference implementation of COCO).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from pellucid.errors import DataError
from pellucid.imaging.guarding import MOST_PIXELS

_DIFFERENCES_FROM = 3


def runs(counts: str) -> list[int]:
    """Lengths of the runs that a text encodes, an unmarked one first.

    Raises:
        DataError: a character is none of the code, the text ends inside a number, or a run is negative.
    """
    found: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise DataError(f"A mask in runs holds the character {character!r}, which is not of the code; get the file again.")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (code & 16) << shift - 4  # a set sign bit stands for all bits above it
            found.append(value + (found[-2] if len(found) >= _DIFFERENCES_FROM else 0))
            value = shift = 0
    if shift or min(found, default=0) < 0:
        raise DataError("A mask in runs ends inside a number or has a negative run; get the file again.")
    return found


def mask_of(lengths: Sequence[int], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """The mask of these runs.

    Args:
        size: (height, width).

    Raises:
        DataError: the runs do not fill the size, or it is larger than images may be.
    """
    height, width = size
    if min(size) < 1 or height * width > MOST_PIXELS:
        raise DataError(f"A mask in runs announces {height} x {width} pixels; get the file again.")
    if sum(lengths) != height * width:
        raise DataError(f"A mask in runs holds {sum(lengths)} pixels, not {height} x {width}; get the file again.")
    marked = np.arange(len(lengths)) % 2 == 1
    return np.repeat(marked, lengths).reshape(width, height).T
