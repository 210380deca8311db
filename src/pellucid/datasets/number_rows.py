"""The measurements and the signal of a case as values of Arrow columns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pellucid.datasets.byte_columns import from_bytes, to_bytes
from pellucid.measurements import Measurements
from pellucid.signals import Signal

_NUMBERS, _WORDS = pa.list_(pa.float64()), pa.list_(pa.string())

TABLE_FIELD = pa.field(
    "table",
    # An imprecision that nobody knows is null.
    pa.struct([("values", _NUMBERS), ("names", _WORDS), ("units", _WORDS), ("imprecision", _NUMBERS)]),
)
SIGNAL_FIELDS = [
    pa.field("signal", pa.large_binary()),  # 32-bit floats, row-major (time, lead), little-endian
    pa.field("rate", pa.float64()),
    pa.field("leads", _WORDS),
    pa.field("unit", pa.string()),
]


def to_table_row(row: Measurements) -> dict[str, Any]:
    """The value of :data:`TABLE_FIELD`."""
    spread = None if row.imprecision is None else [None if np.isnan(one) else float(one) for one in row.imprecision]
    facts = {"values": row.values.tolist(), "names": list(row.names), "units": list(row.units), "imprecision": spread}
    return {"table": facts}


def to_measurements(stored: Mapping[str, Any]) -> Measurements:
    """The measurements of a row."""
    spread = stored["imprecision"]
    return Measurements(
        np.array(stored["values"], dtype=np.float64),
        tuple(stored["names"]),
        tuple(stored["units"]),
        None if spread is None else np.array([np.nan if one is None else one for one in spread]),
    )


def to_signal_row(signal: Signal) -> dict[str, Any]:
    """The values of :data:`SIGNAL_FIELDS`."""
    return {
        "signal": to_bytes(signal.samples),
        "rate": float(signal.rate),
        "leads": list(signal.leads),
        "unit": signal.unit,
    }


def to_signal(row: Mapping[str, Any], samples: pa.Buffer) -> Signal:
    """The signal of a row.

    Args:
        samples: what :func:`pellucid.datasets.byte_columns.bytes_at` gives of the row; the signal reads from it.
    """
    values = from_bytes(samples, np.dtype(np.float32)).reshape(-1, len(row["leads"]))
    return Signal(values, row["rate"], tuple(row["leads"]), row["unit"])
