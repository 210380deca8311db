"""The picture of a case as values of Arrow columns, and back without copying where the machine allows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pellucid.picture import Picture

PIXEL_FIELDS = [
    pa.field("pixels", pa.large_binary()),  # row-major, channels last, little-endian
    pa.field("dtype", pa.string()),  # uint8, uint16 or float32
    pa.field("shape", pa.list_(pa.int32())),
    pa.field("spacing", pa.list_(pa.float64())),
]


def to_pixel_row(picture: Picture) -> dict[str, Any]:
    """The values of :data:`PIXEL_FIELDS`."""
    pixels = picture.pixels
    return {
        "pixels": pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes(),
        "dtype": pixels.dtype.name,
        "shape": list(pixels.shape),
        "spacing": None if picture.spacing is None else [float(step) for step in picture.spacing],
    }


def pixel_bytes(column: pa.ChunkedArray, index: int) -> pa.Buffer:
    """The bytes of a row where they lie; asking Arrow for the value itself would copy them."""
    row = column.slice(index, 1).chunk(0)
    _, offsets, data = row.buffers()
    start, end = np.frombuffer(offsets, np.int64)[row.offset : row.offset + 2]
    return data.slice(int(start), int(end - start))


def to_picture(row: Mapping[str, Any], pixels: pa.Buffer) -> Picture:
    """The picture of a row.

    Args:
        pixels: :func:`pixel_bytes` of the row. The picture reads from it, and keeps it alive; its array cannot be written to.
            Where the bytes do not lie on a border of the type, or the machine is not little-endian, they are copied.
    """
    array = np.frombuffer(pixels, np.dtype(row["dtype"]).newbyteorder("<"))
    if sys.byteorder != "little" or not array.flags.aligned:
        array = array.astype(np.dtype(row["dtype"]))
    spacing = row["spacing"]
    return Picture(array.view(np.dtype(row["dtype"])).reshape(row["shape"]), None if spacing is None else tuple(spacing))
