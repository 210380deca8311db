"""The picture of a case as values of Arrow columns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pellucid.datasets.byte_columns import from_bytes, to_bytes
from pellucid.picture import Picture

PIXEL_FIELDS = [
    pa.field("pixels", pa.large_binary()),  # row-major, channels last, little-endian
    pa.field("dtype", pa.string()),  # uint8, uint16 or float32
    pa.field("shape", pa.list_(pa.int32())),
    pa.field("spacing", pa.list_(pa.float64())),
]


def to_pixel_row(picture: Picture) -> dict[str, Any]:
    """The values of :data:`PIXEL_FIELDS`."""
    return {
        "pixels": to_bytes(picture.pixels),
        "dtype": picture.pixels.dtype.name,
        "shape": list(picture.pixels.shape),
        "spacing": None if picture.spacing is None else [float(step) for step in picture.spacing],
    }


def to_picture(row: Mapping[str, Any], pixels: pa.Buffer) -> Picture:
    """The picture of a row.

    Args:
        pixels: what :func:`pellucid.datasets.byte_columns.bytes_at` gives of the row; the picture reads from it.
    """
    spacing = row["spacing"]
    values = from_bytes(pixels, np.dtype(row["dtype"])).reshape(row["shape"])
    return Picture(values, None if spacing is None else tuple(spacing))
