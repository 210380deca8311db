"""What adapters of published images share: a folder listed once, its tables, and what they say of themselves."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pellucid.case import Lazy
from pellucid.datasets.base import Exclusion
from pellucid.datasets.images import lazy_image
from pellucid.datasets.sources import decode, shown
from pellucid.datasets.telling import told
from pellucid.errors import DataError

_BYTE_ORDER_MARK = "\ufeff"  # spreadsheets put it before the first cell

Row = Mapping[str, str]


class Folder:
    """A folder of published files.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, root: Path, what: str) -> None:
        self.root = Path(root)
        self._what = what
        if not self.root.is_dir():
            raise DataError(f"{self.root} is not a folder; give the unpacked folder of {what}.")

    @cached_property
    def _files(self) -> list[Path]:
        below = sorted(self.root.rglob("*"))
        # Hidden files (.DS_Store, ._copies) are made by file managers, and are nobody's data.
        return [path for path in below if not path.name.startswith(".") and path.is_file()]

    def maybe(self, *names: str) -> Path | None:
        """The first file with one of these names, by the order of the names and then of the paths; None if there is none."""
        return next((path for name in names for path in self._files if path.name == name), None)

    def file(self, *names: str) -> Path:
        """The file with one of these names.

        Raises:
            DataError: there is none.
        """
        found = self.maybe(*names)
        if found is None:
            raise DataError(f"{self.root} has no {' or '.join(names)}; give the unpacked folder of {self._what}.")
        return found

    def all_images(self, *suffixes: str, without: str = "_segmentation") -> list[Path]:
        """Image files with these suffixes, by path.

        Args:
            without: names that hold this are those of masks, and passed over.

        Raises:
            DataError: there is none.
        """
        found = [path for path in self._files if path.suffix.lower() in suffixes and without not in path.stem]
        if not found:
            raise DataError(f"{self.root} has no images (*{', *'.join(suffixes)}); give the unpacked folder of {self._what}.")
        return found

    def images(self, *suffixes: str) -> dict[str, Path]:
        """Image files by their name without the suffix; of equal names the first by path.

        Raises:
            DataError: there is none.
        """
        return {path.stem: path for path in reversed(self.all_images(*suffixes))}

    def masks(self, ending: str = "_segmentation") -> dict[str, Path]:
        """Mask files by the name of their image."""
        return {path.stem.removesuffix(ending): path for path in self._files if path.stem.endswith(ending)}


def table(path: Path, columns: Collection[str], delimiter: str = ",") -> Iterator[tuple[str, Row]]:
    """The rows of a CSV file below its head, each after its place ("labels.csv row 3", the head being row 1).

    Args:
        delimiter: between the cells of a row.

    Raises:
        DataError: the file is missing, is no UTF-8, has not all the columns, or a row is longer or shorter than the head.
    """
    try:
        text = decode(path.read_bytes(), path.name).removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from None
    rows = _parsed(text, path.name, delimiter)
    head = [name.strip() for name in next(rows, ("", []))[1]]
    for column in columns:
        if column not in head:
            raise DataError(f"{path.name} has no column {column!r}; it has {', '.join(filter(None, head)) or 'none'}.")
    for where, row in rows:
        if row and len(row) != len(head):
            raise DataError(f"{where} has {len(row)} columns instead of {len(head)}; get the file again, or correct the row.")
        if row:
            yield where, dict(zip(head, (cell.strip() for cell in row), strict=True))


def _parsed(text: str, name: str, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            yield f"{name} row {rows.line_num}", row
    except csv.Error as error:
        raise DataError(f"{name} row {rows.line_num} cannot be read ({error}); correct the row.") from error


def lines(path: Path) -> set[str]:
    """The words of a list, one a line.

    Raises:
        DataError: it is not UTF-8.
    """
    return set(decode(path.read_bytes(), path.name).split())


def numbers(row: Row, columns: Sequence[str], where: str) -> list[float]:
    """The finite numbers in these columns.

    Raises:
        DataError: a cell holds none.
    """
    return [number(row[column], f"{where}, column {column},") for column in columns]


def number(cell: str, where: str) -> float:
    """The finite number that a cell holds.

    Raises:
        DataError: it holds none.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where} holds {shown(cell)} instead of a number; correct the row.")
    return value


def corners(place: Sequence[float], where: str) -> tuple[float, float, float, float]:
    """(x, y, width, height) as (x0, y0, x1, y1).

    Raises:
        DataError: the box is empty.
    """
    x, y, width, height = place
    if width <= 0 or height <= 0:
        raise DataError(f"{where} has a box of {width} x {height} pixels; correct the row.")
    return x, y, x + width, y + height


def flag(row: Row, column: str, where: str) -> bool:
    """True for 1, false for 0.

    Raises:
        DataError: the cell holds neither.
    """
    if row[column] not in ("0", "1", "0.0", "1.0"):
        raise DataError(f"{where} has {row[column]!r} in the column {column}; it must be 0 or 1: correct the row.")
    return row[column] in ("1", "1.0")


def image(name: str, images: Mapping[str, Path], where: str, exclusions: list[Exclusion]) -> Lazy | None:
    """The image of that name, to be read when asked for; None, counted in `exclusions`, where its file is missing."""
    if name not in images:
        exclusions.append(Exclusion(where, "the image file is missing"))
        return None
    return lazy_image(images[name])


def check_size(name: str, size: int | None) -> None:
    """Refuse a size that is none.

    Raises:
        DataError: it is less than one pixel.
    """
    if size is not None and size < 1:
        raise DataError(
            f"The option size of {name} is {size}; give the pixels along a side, or none to keep the images as they are."
        )


def check_choice(name: str, option: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a value that an option does not have.

    Raises:
        DataError: it is not one of those allowed.
    """
    if value not in allowed:
        raise DataError(f"The option {option} of {name} is {value!r}; use one of {', '.join(allowed)}.")


def about(adapter: Any, title: str, options: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """What a prepared data set of images says of itself."""
    return told(adapter, title, {"size": adapter.size, **options}, notes)
