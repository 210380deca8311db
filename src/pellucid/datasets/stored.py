"""A prepared data set, opened: cases are read from the mapped file when they are indexed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast, overload

import pyarrow as pa

from pellucid.case import Case, Lazy
from pellucid.datasets.base import SPLITS, SplitName
from pellucid.datasets.byte_columns import bytes_at
from pellucid.datasets.number_rows import to_signal
from pellucid.datasets.pixel_rows import to_picture
from pellucid.datasets.rows import HEAVY, SCHEMAS, from_row, row_digest
from pellucid.errors import DataError
from pellucid.files import digest, digest_json, read_json
from pellucid.picture import Picture
from pellucid.signals import Signal

FORMAT = 1
CASES, SPLITS_FILE, DATASET = "cases.arrow", "splits.json", "dataset.json"
_AGAIN = "run `pellucid data prepare` again"


def open_dataset(path: Path) -> StoredDataset:
    """Open a data set that :func:`pellucid.datasets.write` made. Reads no text, image or signal.

    Raises:
        DataError: `path` is no data set, or parts of it are missing, damaged, do not fit each other or have another format.
    """
    path = Path(path)
    if not (path / DATASET).is_file():
        raise DataError(f"{path} is not a prepared data set (it has no {DATASET}); `pellucid data prepare` makes one.")
    record = _record(path)
    table = _table(path, record["size"])
    splits = read_json(path / SPLITS_FILE)
    _check_splits(path, splits, table["id"].to_pylist())
    return StoredDataset(path, record, splits, table)


class StoredDataset:
    """Prepared cases with splits, as :class:`pellucid.datasets.base.Dataset`.

    No file stays open: the table of cases is mapped into memory and unmapped with the last object that reads from it.
    """

    def __init__(self, path: Path, record: Mapping[str, Any], splits: Mapping[str, Any], table: pa.Table) -> None:
        self.path = path
        self.name: str = record["name"]
        self.labels: tuple[str, ...] = tuple(record["labels"])
        self.fingerprint: str = record["fingerprint"]
        self.about: Mapping[str, Any] = record["about"]
        self._splits = splits
        self._heavy = {name: table[name] for name in HEAVY if name in table.column_names}
        self._table = table.drop_columns(list(self._heavy))
        self._index = {name: index for index, name in enumerate(table["id"].to_pylist())}

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Case]:
        """All cases, ordered by id."""
        return iter(StoredCases(self, range(len(self))))

    def __getitem__(self, name: str) -> Case:
        """The case of that id.

        Raises:
            DataError: no such case.
        """
        if name not in self._index:
            raise DataError(f"The data set {self.path} has no case {name!r}; {SPLITS_FILE} lists all ids.")
        return self._case(self._index[name])

    def split(self, name: SplitName) -> StoredCases:
        """The cases of one split, ordered by id; each is read when it is indexed.

        Raises:
            DataError: no such split.
        """
        if name not in SPLITS:
            raise DataError(f"There is no split {name!r}; use one of {', '.join(SPLITS)}.")
        return StoredCases(self, [self._index[case] for case in self._splits[name]])

    def verify(self) -> None:
        """Read everything and compare it with the fingerprint.

        Raises:
            DataError: the content is not what was written.
        """
        digests = (row_digest({**self._light(index), **self._read(index)}) for index in range(len(self)))
        if total_fingerprint(digests, self._splits, self.labels) != self.fingerprint:
            raise DataError(f"The content of {self.path} does not match its fingerprint: a file was changed; {_AGAIN}.")

    def _case(self, index: int) -> Case:
        light = self._light(index)
        heavy = {
            "text": Lazy(partial(self._text, index)),
            "image": Lazy(partial(self._picture, index, light)),
            "signal": Lazy(partial(self._signal, index, light)),
        }
        columns = dict(zip(heavy, HEAVY, strict=True))
        return from_row(light, {name: lazy for name, lazy in heavy.items() if self._has(index, columns[name])})

    def _light(self, index: int) -> dict[str, Any]:
        try:
            return cast(dict[str, Any], self._table.slice(index, 1).to_pylist()[0])
        except UnicodeDecodeError as error:
            raise self._damaged(index) from error

    def _read(self, index: int) -> dict[str, Any]:
        """Text, pixels and samples of a row, None where it has none."""
        stored = {name: self._heavy[name][index].as_py() for name in self._heavy if name != "text"}
        return {**stored, "text": self._text(index)}

    def _has(self, index: int, column: str) -> bool:
        # Not by the value itself, which Arrow would copy.
        return column in self._heavy and not self._heavy[column].slice(index, 1).null_count

    def _text(self, index: int) -> str | None:
        try:
            return cast("str | None", self._heavy["text"][index].as_py())
        except UnicodeDecodeError as error:
            raise self._damaged(index) from error

    def _picture(self, index: int, light: Mapping[str, Any]) -> Picture:
        return to_picture(light, bytes_at(self._heavy["pixels"], index))

    def _signal(self, index: int, light: Mapping[str, Any]) -> Signal:
        return to_signal(light, bytes_at(self._heavy["signal"], index))

    def _damaged(self, index: int) -> DataError:
        return DataError(f"Row {index} of {self.path / CASES} is damaged (it is not UTF-8); {_AGAIN}.")


@dataclass(frozen=True, eq=False)
class StoredCases(Sequence[Case]):
    """Some cases of a stored data set, each read when it is indexed; a slice is as lazy."""

    dataset: StoredDataset
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> StoredCases: ...
    def __getitem__(self, index: int | slice) -> Case | StoredCases:
        if isinstance(index, slice):
            return StoredCases(self.dataset, self.rows[index])
        return self.dataset._case(self.rows[index])


def total_fingerprint(digests: Iterable[str], splits: Mapping[str, Any], labels: Sequence[str]) -> str:
    """SHA-256 over the digests of all rows, the ids of each split, and the labels.

    The rule that made the splits is not part of it: data sets with the same cases in the same splits are the same.
    """
    return digest(*digests, digest_json([splits[split] for split in SPLITS]), digest_json(list(labels)))


def _record(path: Path) -> dict[str, Any]:
    record = read_json(path / DATASET)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DataError(f"{path / DATASET} is not of format {FORMAT}, the one that this version reads; {_AGAIN}.")
    missing = {"name", "labels", "fingerprint", "size", "about"} - record.keys()
    if missing:
        raise DataError(f"{path / DATASET} lacks the field {min(missing)!r}; {_AGAIN}.")
    return record


def _table(path: Path, size: int) -> pa.Table:
    file = path / CASES
    if not file.is_file() or file.stat().st_size != size:
        raise DataError(f"{file} is missing or not {size} bytes long, so the data set is incomplete; {_AGAIN}.")
    try:
        with pa.memory_map(str(file)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{file} is damaged and cannot be read as an Arrow file; {_AGAIN}.") from error
    if table.schema not in SCHEMAS:
        raise DataError(f"{file} does not have the columns of a data set of format {FORMAT}; {_AGAIN}.")
    return table


def _check_splits(path: Path, splits: Any, ids: list[str]) -> None:
    placed = [case for split in SPLITS for case in splits.get(split, ())] if isinstance(splits, dict) else []
    if sorted(placed) != sorted(ids) or not set(SPLITS) <= set(splits):
        raise DataError(f"{path / SPLITS_FILE} does not place every case of {CASES} in exactly one split; {_AGAIN}.")
