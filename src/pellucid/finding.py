"""Findings: one number each, with its address.

A finding is never overwritten by an average: tables and figures of a report are aggregates of findings, computed later, with an
interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pellucid.errors import DataError
from pellucid.files import replacing


@dataclass(frozen=True)
class Finding:
    """One number with its address.

    Attributes:
        case, patient: what it was measured on.
        target: the label explained; empty where the number is about the case or the model.
        stratum: "true positive", "false positive", "false negative", or empty.
        explainer: the method judged; empty where the number is about the model.
        metric: the metric's registered name.
        setting: what else tells two numbers of one metric apart (the filler of a perturbation); empty if nothing does.
        value: the number; NaN where the metric refuses, with the reason in `note`.
        seed: the training seed of the model.
        note: why the value is missing; empty otherwise.
    """

    case: str
    patient: str
    target: str
    stratum: str
    explainer: str
    metric: str
    setting: str
    value: float
    seed: int
    note: str = ""


SCHEMA = pa.schema(
    [
        (f.name, {"float": pa.float64(), "int": pa.int64()}.get(str(f.type), pa.dictionary(pa.int32(), pa.string())))
        for f in fields(Finding)
    ]
)


def to_table(findings: Sequence[Finding]) -> pa.Table:
    """Findings as an Arrow table with :data:`SCHEMA`."""
    rows = [asdict(f) for f in findings]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write(path: Path, findings: pa.Table) -> None:
    """Write a table of findings as Parquet, whole or not at all."""
    with replacing(path) as temporary:
        pq.write_table(findings, temporary, compression="zstd")


def read(path: Path) -> pa.Table:
    """Read a table of findings.

    Raises:
        DataError: no such file, or not a table of findings.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; `pellucid audit` writes it.") from None
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not a Parquet file ({error}); run `pellucid audit` again.") from error
    missing = set(SCHEMA.names) - set(table.column_names)
    if missing:
        raise DataError(f"{path} lacks the column {sorted(missing)[0]!r}; it is not a table of findings.")
    return table


def concatenate(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables of findings as one."""
    return pa.concat_tables([t.cast(SCHEMA) for t in tables]).unify_dictionaries()
