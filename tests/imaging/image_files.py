"""What tests of damaged image files share."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import PellucidError
from pellucid.imaging import read


def tiff(path: Path, content: bytes, size: tuple[int, int], bits: int, *, white_is_zero: bool = False, kind: str = "u") -> Path:
    """A TIFF of one channel without compression, as no library writes them all.

    Args:
        content: the rows, each of whole bytes.
        kind: of the numbers, as numpy names it: u, i or f.
    """
    height, width = size
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 8, 277: 1, 278: height}
    tags |= {279: len(content), 339: "uif".index(kind) + 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    begin = 8 + len(content) + len(content) % 2
    start = b"II" + struct.pack("<HI", 42, begin) + content.ljust(begin - 8, b"\0")
    path.write_bytes(start + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0))
    return path


def grey_tiff(path: Path, values: np.ndarray, *, white_is_zero: bool = False) -> Path:
    """The numbers as they are."""
    flat = values.astype(values.dtype.newbyteorder("<"))
    bits, kind = 8 * values.dtype.itemsize, values.dtype.kind
    return tiff(path, flat.tobytes(), (len(values), values.shape[1]), bits, white_is_zero=white_is_zero, kind=kind)


def outcome(path: Path, **choices: Any) -> str:
    """The path of a file that is read as a picture, or the sentence that refuses it; anything else is raised."""
    try:
        picture = read(path, **choices)
    except PellucidError as error:
        return str(error)
    return str(path) if picture.channels in (1, 3) and (picture.unit() >= 0).all() else ""
