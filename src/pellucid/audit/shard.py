"""One finished case, one file: what an interrupted audit goes on from, and what the report reads.

A shard is a NumPy archive (compressed, with a checksum of every member, read without pickle). It holds facts as JSON, arrays by
name, and findings as Parquet bytes. It carries the digest of the model, the data and the plan that it belongs to.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pellucid.errors import DataError
from pellucid.files import digest, replacing
from pellucid.finding import Finding, to_table

_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, pa.ArrowInvalid)


def path_of(folder: Path, index: int, case: str) -> Path:
    """Where the shard of a case lies. The case's id may hold any character, so that its digest stands in the name."""
    return folder / f"{index:06d}-{digest(case)[:12]}.npz"


def write(
    path: Path, identity: str, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray], findings: Sequence[Finding] = ()
) -> None:
    """Write a shard, whole or not at all.

    Args:
        identity: digest of the model, the data and the plan.
    """
    table = pa.BufferOutputStream()
    pq.write_table(to_table(findings), table)
    head = json.dumps({"identity": identity, "facts": facts}, ensure_ascii=False, allow_nan=False).encode()
    members = {"head": np.frombuffer(head, np.uint8), "findings": np.frombuffer(table.getvalue(), np.uint8), **arrays}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **members)  # type: ignore[arg-type]  # no member is named like an option


@dataclass(frozen=True, eq=False)
class Shard:
    """A finished case, read from disk member by member.

    Attributes:
        path: the file.
        identity: digest of the model, the data and the plan that it belongs to.
        facts: what is known of the case, JSON values.
    """

    path: Path
    identity: str
    facts: Mapping[str, Any]

    def array(self, name: str) -> np.ndarray:
        """One array.

        Raises:
            DataError: the file is damaged or has no such array.
        """
        return _member(self.path, name)

    def findings(self) -> pa.Table:
        """The findings of the case."""
        return pq.read_table(io.BytesIO(_member(self.path, "findings").tobytes()))


def read(path: Path) -> Shard:
    """Open a shard.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        head = json.loads(_member(path, "head").tobytes())
        return Shard(path, head["identity"], head["facts"])
    except (ValueError, KeyError) as error:
        raise _damaged(path) from error


def is_whole(path: Path, identity: str) -> bool:
    """Whether a shard exists, belongs to this model, data and plan, and matches its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return False
        return read(path).identity == identity
    except (*_DAMAGE, DataError):
        return False


def _member(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except _DAMAGE as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is missing or damaged; run the same audit again, which computes this case anew.")
