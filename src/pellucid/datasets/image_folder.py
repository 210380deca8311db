"""Images of one's own: a folder, and a table that says what they show."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from pellucid.case import Case, Evidence
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import Folder, Row, about, check_size, corners, number, numbers, table
from pellucid.datasets.images import lazy_image
from pellucid.datasets.marks import PublishedBoxes, mask_file
from pellucid.datasets.splits import SPELLINGS
from pellucid.errors import DataError
from pellucid.registry import datasets

# a row of the table, after its place
_Placed = tuple[str, Row]


@datasets.register("image_folder")
@dataclass(frozen=True)
class ImageFolder:
    """Your own images: a folder with a CSV table that names each image, its labels and, if wanted, masks and boxes.

    A row is an image; with `corners`, a row is a box, and the rows of one id are one image. A mask or box supports the label of
    its row where there is exactly one, and otherwise the case as a whole. A mask marks every pixel that is not black; in a
    JPEG, whose compression leaves shadows around what is white, every one that is brighter than half of white.

    Attributes:
        root: the folder.
        table: the CSV file in it, whose first row names the columns.
        id: column of the name of the case.
        image: column of the path of the image below the folder; or the path itself with columns in braces: images/{id}.png.
        label: column of the labels, separated by "|"; an empty cell is a case without labels.
        no_label: words in that column that say that nothing was found, such as "No Finding".
        patient: column of whom the image belongs to; without one each case is a patient of its own. Images that are nearly
            equal should share a patient, as otherwise they may be in two splits.
        split: column of the split (train, val, test ...); without one the library makes its own splits.
        mask: column of the path of a mask, or the path with columns in braces; an empty cell, and a file that is missing, are
            no mask.
        boxes: column of boxes as "x y width height", several separated by ";".
        corners: the four columns of x0, y0, x1, y1 of one box; all four may be empty.
        exclusive: every image has exactly one label.
        title: what the data set is called in reports.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    table: str = "metadata.csv"
    id: str = "id"
    image: str = "image"
    label: str = "label"
    no_label: tuple[str, ...] = ()
    patient: str | None = None
    split: str | None = None
    mask: str | None = None
    boxes: str | None = None
    corners: tuple[str, str, str, str] | None = None
    exclusive: bool = False
    title: str = "image_folder"
    size: int | None = 224

    licence: ClassVar[str] = "that of your images"
    cites: ClassVar[str] = "the source of your images"
    needs: ClassVar[str] = "a folder of images and a CSV table"

    def __post_init__(self) -> None:
        check_size("image_folder", self.size)
        for option in ("image", "mask"):
            try:
                _columns(getattr(self, option) or "")
            except ValueError as error:
                raise DataError(f"The option {option} of image_folder has braces that do not close ({error}).") from None

    def prepare(self) -> Prepared:
        """Read the table; images and masks are read when they are asked for.

        Raises:
            DataError: the table is missing or lacks a column, or a row is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "your images")
        found: dict[str, list[_Placed]] = defaultdict(list)
        for where, row in table(folder.root / self.table, self._columns()):
            if not row[self.id]:
                raise DataError(f"{where} has nothing in the column {self.id}; give every image an id.")
            if row[self.id] in found and not self.corners:
                raise DataError(
                    f"{where} has the {self.id} {row[self.id]!r} of an earlier row; give every image an id of its own."
                )
            self._check_same(found[row[self.id]], where, row)
            found[row[self.id]].append((where, row))
        exclusions: list[Exclusion] = []
        cases = [case for name, rows in found.items() for case in self._case(name, rows, exclusions)]
        options = {"label": self.label, "patient": self.patient, "mask": self.mask, "boxes": self.boxes or self.corners}
        made = {**about(self, self.title, options, ()), "exclusive": self.exclusive}
        assigned = {case.id: self._split(*found[case.id][0]) for case in cases} if self.split else {}
        return Prepared("image_folder", cases, exclusions, made, assigned, self.size)

    def _check_same(self, earlier: Sequence[_Placed], where: str, row: Row) -> None:
        """Refuse a row that puts an image of earlier rows elsewhere: into another file, patient or split."""
        own = [*_columns(self.image), *filter(None, (self.patient, self.split))]
        for column in own if earlier else ():
            if row[column] != earlier[0][1][column]:
                raise DataError(
                    f"{where} has {row[column]!r} in the column {column} and an earlier row of {row[self.id]!r} has "
                    f"{earlier[0][1][column]!r}; correct one of them."
                )

    def _columns(self) -> set[str]:
        named = {self.id, self.label, self.patient, self.split, self.boxes, *(self.corners or ())}
        made = {*_columns(self.image), *(_columns(self.mask) if self.mask else ())}
        return {name for name in named if name is not None} | made

    def _case(self, name: str, rows: Sequence[_Placed], exclusions: list[Exclusion]) -> Iterator[Case]:
        where, row = rows[0]
        path = self.root / _filled(self.image, row)
        if not path.is_file():
            exclusions.append(Exclusion(where, "the image file is missing"))
            return
        labels = frozenset(label for _, other in rows for label in self._labels(other))
        if self.exclusive and len(labels) != 1:
            raise DataError(f"{where} has {len(labels)} labels, though labels are said to be exclusive; correct the row.")
        patient = row[self.patient] if self.patient else name
        marks = tuple(mark for place, other in rows for mark in self._drawn(other, place))
        yield Case(name, patient or name, {"image": lazy_image(path)}, labels, (*self._mask(row, exclusions, where), *marks))

    def _labels(self, row: Row) -> list[str]:
        return [word for part in row[self.label].split("|") if (word := part.strip()) and word not in self.no_label]

    def _supported(self, row: Row) -> str | None:
        """The label that the marks of a row support."""
        labels = self._labels(row)
        return labels[0] if len(labels) == 1 else None

    def _mask(self, row: Row, exclusions: list[Exclusion], where: str) -> Iterator[Evidence]:
        name = _filled(self.mask, row) if self.mask else ""
        if name and (self.root / name).is_file():
            yield mask_file(self.root / name, self._supported(row))
        elif name:
            exclusions.append(Exclusion(where, "the mask file is missing (the image is used)"))

    def _drawn(self, row: Row, where: str) -> Iterator[PublishedBoxes]:
        written = [part.split() for part in row[self.boxes].split(";") if part.strip()] if self.boxes else []
        places = [_box(cells, where) for cells in written]
        if self.corners and any(row[column] for column in self.corners):
            places.append(tuple(numbers(row, self.corners, where)))
        if places:
            yield PublishedBoxes(np.array(places, dtype=np.float64), self._supported(row))

    def _split(self, where: str, row: Row) -> SplitName:
        word = row[self.split or ""].lower()
        if word not in SPELLINGS:
            raise DataError(
                f"{where} has the split {word!r}; use one of {', '.join(SPELLINGS)}, or leave the option split out."
            )
        return SPELLINGS[word]


def _box(cells: Sequence[str], where: str) -> tuple[float, ...]:
    if len(cells) != 4:
        raise DataError(f"{where} has a box of {len(cells)} numbers; write it as 'x y width height', several with ';' between.")
    return corners([number(cell, where) for cell in cells], where)


def _columns(path: str) -> list[str]:
    """The columns that a path is made of."""
    inside = [field for _, field, _, _ in string.Formatter().parse(path) if field is not None]
    return inside or [path]


def _filled(path: str, row: Row) -> str:
    return path.format_map(row) if "{" in path else row[path]
