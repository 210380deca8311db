"""The data of a study: prepared once, under the study's own folder, and never mixed with another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid import datasets, registry
from pellucid.datasets import StoredDataset
from pellucid.datasets.stored import DATASET
from pellucid.errors import DataError
from pellucid.files import read_json, write_json
from pellucid.studies.study import Folders

RECORD = "study.json"


@dataclass(frozen=True)
class Source:
    """Where cases come from.

    Attributes:
        adapter: registered name of a data set.
        options: of the adapter.
        min_train_cases: labels of fewer training cases are left out.
    """

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    min_train_cases: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values; paths are left out, since a study may move."""
        options = {name: _plain(value) for name, value in sorted(self.options.items()) if not isinstance(value, Path)}
        return {"adapter": self.adapter, "options": options, "min_train_cases": self.min_train_cases}


SOURCES = {
    "phantom": Source(
        "phantom_notes",
        {
            "n": 500,
            "tokens": (150, 300),
            "codes": ("I10", "E78.5", "N17.9", "K21.9", "E11.9", "I48.91", "I50.9", "I25.10"),
            "distractors": (2, 5),
        },
    ),
    "codiesp": Source("codiesp", {"level": "category"}, min_train_cases=10),
    "mdace": Source("mdace", {}, min_train_cases=10),
}
"""The data sets of the reproduction, each at a size at which a small model learns something."""


def prepared(source: Source | Path, out: Path) -> StoredDataset:
    """The data set of a study, made now unless it is there.

    Args:
        source: an adapter with its options, or the folder of a data set that is prepared already and is used where it is.
        out: the study's folder, new or with a study of the same data.

    Raises:
        DataError: the source is not what it should be; or `out` holds a study of other data, or something else.
    """
    folders = Folders(Path(out))
    stored = datasets.open_dataset(source) if isinstance(source, Path) else None
    about = {"fingerprint": stored.fingerprint} if stored is not None else source.to_json()  # type: ignore[union-attr]
    _claim(folders.root, about)
    if stored is not None:
        return stored
    assert isinstance(source, Source)
    if not (folders.data / DATASET).is_file():
        cases = registry.datasets.create(source.adapter, **source.options).prepare()
        datasets.write(folders.data, cases, min_train_cases=source.min_train_cases)
    return datasets.open_dataset(folders.data)


def _claim(out: Path, about: dict[str, Any]) -> None:
    """Take a folder for a study of this data."""
    record = out / RECORD
    if record.is_file():
        if read_json(record).get("data") != about:
            raise DataError(f"{out} holds a study of other data; choose another folder, or delete this one.")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} holds something else than a study; choose another folder.")
    write_json(record, {"data": about})


def _plain(value: Any) -> Any:
    """The value as it comes back from a JSON file."""
    return list(value) if isinstance(value, tuple) else value
