"""The table of MS-CXR, which is published twice: as CSV, a row a box, and as JSON in the manner of COCO."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pellucid.datasets.base import SplitName
from pellucid.datasets.image_files import Folder, corners, number, numbers, table
from pellucid.datasets.mimic_cxr import patient
from pellucid.datasets.phrases import Box
from pellucid.datasets.splits import spelt
from pellucid.errors import DataError
from pellucid.files import read_json

_NAMES = tuple(f"MS_CXR_Local_Alignment_v{version}.{kind}" for version in ("1.1.0", "1.0.0") for kind in ("csv", "json"))
_PLACE, _SIZE = ("x", "y", "w", "h"), ("image_height", "image_width")
_COLUMNS = ("category_name", "label_text", "path", "dicom_id", *_PLACE, *_SIZE)
_PERSON = re.compile(r"p(\d{8})$")  # a folder of MIMIC-CXR, files/p10/p10000032/...


@dataclass(frozen=True)
class Marked:
    """One box for one sentence.

    Attributes:
        where: file and row.
        box: in pixels of an image of `size`, which is height and width.
        split: as published; None in version 1.0.0.
    """

    where: str
    image: str
    path: str
    text: str
    category: str
    box: Box
    size: tuple[float, float]
    split: SplitName | None

    def __post_init__(self) -> None:
        if min(self.size) <= 0:
            height, width = self.size
            raise DataError(f"{self.where} has an image of {height:g} x {width:g} pixels; correct the row.")

    @property
    def patient(self) -> str:
        """Told by the path of the image.

        Raises:
            DataError: the path has no folder of a patient.
        """
        for part in PurePosixPath(self.path).parts:
            if found := _PERSON.match(part):
                return patient(found[1], self.where)
        raise DataError(f"{self.where} has a path without a patient; it must be that of MIMIC-CXR, files/p10/p10000032/...")


def marked(root: Path) -> Iterator[Marked]:
    """The rows of the table in a folder, of the newest version; or those of a file.

    Raises:
        DataError: there is no such table, or it has a row that is not what it should be.
    """
    path = Path(root) if Path(root).is_file() else Folder(root, "MS-CXR").file(*_NAMES)
    return _of_json(path) if path.suffix.lower() == ".json" else _of_csv(path)


def _of_csv(path: Path) -> Iterator[Marked]:
    for where, row in table(path, _COLUMNS):
        height, width = numbers(row, _SIZE, where)
        split = spelt(row["split"], where) if row.get("split") else None
        box = corners(numbers(row, _PLACE, where), where)
        yield Marked(where, row["dicom_id"], row["path"], row["label_text"], row["category_name"], box, (height, width), split)


def _of_json(path: Path) -> Iterator[Marked]:
    try:
        content = read_json(path)
        images = {item["id"]: item for item in content["images"]}
        names = {item["id"]: str(item["name"]) for item in content["categories"]}
        entries = list(content["annotations"])
    except (TypeError, KeyError):
        raise DataError(f"{path.name} has no lists images, categories and annotations with ids; get the file again.") from None
    for index, entry in enumerate(entries):
        where = f"{path.name} annotation {index}"
        try:
            yield _annotation(where, entry, images[entry["image_id"]], names[entry["category_id"]])
        except (TypeError, KeyError, ValueError):
            # The cause is not shown: it may quote the report.
            raise DataError(
                f"{where} is no box (image_id, category_id, bbox, label_text) of an image that the file lists; get it again."
            ) from None


def _annotation(where: str, entry: Mapping[str, Any], image: Mapping[str, Any], category: str) -> Marked:
    x, y, across, down = (number(str(value), where) for value in entry["bbox"])
    size = number(str(image["height"]), where), number(str(image["width"]), where)
    name = PurePosixPath(image["file_name"]).stem
    split = spelt(str(entry["split"]), where) if entry.get("split") else None
    path, box = str(image.get("path", image["file_name"])), corners((x, y, across, down), where)
    return Marked(where, name, path, str(entry["label_text"]).strip(), category, box, size, split)
