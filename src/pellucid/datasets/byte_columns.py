"""Arrays as the bytes of an Arrow column, and back without copying where the machine allows it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyarrow as pa


def to_bytes(values: np.ndarray) -> bytes:
    """Row-major and little-endian."""
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def bytes_at(column: pa.ChunkedArray, index: int) -> pa.Buffer:
    """The bytes of a row where they lie; asking Arrow for the value itself would copy them."""
    row = column.slice(index, 1).chunk(0)
    _, offsets, data = row.buffers()
    start, end = np.frombuffer(offsets, np.int64)[row.offset : row.offset + 2]
    return data.slice(int(start), int(end - start))


def from_bytes(stored: pa.Buffer, kind: np.dtype[Any]) -> np.ndarray:
    """The values in a row of bytes, flat.

    The array reads from the buffer and keeps it alive; it cannot be written to. Where the bytes do not lie on a border of the
    type, or the machine is not little-endian, they are copied.
    """
    values = np.frombuffer(stored, kind.newbyteorder("<"))
    if sys.byteorder != "little" or not values.flags.aligned:
        values = values.astype(kind)
    return values.view(kind)
