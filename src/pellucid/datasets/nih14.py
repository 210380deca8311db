"""NIH ChestX-ray14: frontal chest radiographs of many patients, some with boxes around the finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import Folder, Row, about, check_size, corners, image, lines, numbers, table
from pellucid.datasets.marks import PublishedBoxes
from pellucid.datasets.splits import assign
from pellucid.errors import DataError
from pellucid.registry import datasets

_TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
_PLACE = ("Bbox [x", "y", "w", "h]")  # the comma of the head parts its names
_NOTHING = "No Finding"
_SPELT = {"Infiltrate": "Infiltration"}  # the table of boxes has a word of its own
_FACTS = ("Patient Age", "Patient Gender", "View Position")

# image -> label -> boxes
_Found = dict[str, dict[str, list[tuple[float, float, float, float]]]]


@datasets.register("nih14")
@dataclass(frozen=True)
class Nih14:
    """NIH ChestX-ray14: 112,120 frontal chest radiographs of 30,805 patients with 14 findings, 880 images with boxes.

    The labels were taken from reports by a program; the boxes were drawn by hand. The published lists are the splits, with one
    eighth of the patients of the training list for validation. All images with boxes are in the published test list.

    Attributes:
        root: the unpacked folder: Data_Entry_2017.csv, BBox_List_2017.csv, train_val_list.txt, test_list.txt, and the images in
            one folder or several (images_001/images and so on).
        only_marked: the images with boxes alone, in the library's own splits.
        size: pixels along each side of the stored images; None keeps the 1024 that they have.
    """

    root: Path
    only_marked: bool = False
    size: int | None = 224

    licence: ClassVar[str] = "free use with attribution, as the NIH Clinical Center states"
    cites: ClassVar[str] = (
        "Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on "
        "Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
    )
    needs: ClassVar[str] = "the unpacked folder of ChestX-ray14: images, Data_Entry_2017.csv, BBox_List_2017.csv"

    def __post_init__(self) -> None:
        check_size("nih14", self.size)

    def prepare(self) -> Prepared:
        """Read the tables; images are read when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "ChestX-ray14")
        exclusions: list[Exclusion] = []
        path = folder.file("BBox_List_2017.csv") if self.only_marked else folder.maybe("BBox_List_2017.csv")
        boxes = _boxes(path)
        cases = list(_cases(folder, boxes, self.only_marked, exclusions))
        assigned = {} if self.only_marked else _published(folder, cases)
        return Prepared("nih14", cases, exclusions, self._about(bool(assigned)), assigned, self.size)

    def _about(self, published: bool) -> dict[str, Any]:
        notes = [
            "Labels come from reports by a program and are partly wrong; boxes were drawn by hand.",
            *(["The splits are the published lists; one eighth of the training patients validate."] if published else []),
        ]
        return about(self, "NIH ChestX-ray14", {"only_marked": self.only_marked}, notes)


def _boxes(path: Path | None) -> _Found:
    found: _Found = defaultdict(lambda: defaultdict(list))
    for where, row in table(path, ("Image Index", "Finding Label", *_PLACE)) if path else ():
        label = _SPELT.get(row["Finding Label"], row["Finding Label"])
        found[row["Image Index"]][label].append(corners(numbers(row, _PLACE, where), where))
    return found


def _cases(folder: Folder, boxes: _Found, only_marked: bool, exclusions: list[Exclusion]) -> Iterator[Case]:
    images = folder.images(".png")
    for _, row in table(folder.file(*_TABLES), ("Image Index", "Finding Labels", "Patient ID")):
        name = row["Image Index"]
        if only_marked and name not in boxes:
            continue
        lazy = image(Path(name).stem, images, name, exclusions)
        if lazy:
            labels = frozenset(row["Finding Labels"].split("|")) - {_NOTHING}
            marks = tuple(_marks(name, labels, boxes.get(name, {}), exclusions))
            yield Case(name, row["Patient ID"], {"image": lazy}, labels, marks, meta=_facts(row))


def _facts(row: Row) -> dict[str, str]:
    return {key.lower().replace(" ", "_"): row[key] for key in _FACTS if row.get(key)}


def _marks(
    name: str, labels: frozenset[str], boxes: Mapping[str, list[tuple[float, float, float, float]]], exclusions: list[Exclusion]
) -> Iterator[PublishedBoxes]:
    for label, places in boxes.items():
        if label in labels:
            yield PublishedBoxes(np.array(places), label)
        else:
            exclusions.append(Exclusion(name, "a box for a label that the image lacks"))


def _published(folder: Folder, cases: Sequence[Case]) -> dict[str, SplitName]:
    """Splits of the published lists; none where the lists are not there."""
    learn, judge = folder.maybe("train_val_list.txt"), folder.maybe("test_list.txt")
    if learn is None or judge is None:
        return {}
    learning, judging = lines(learn), lines(judge)
    for case in cases:
        if (case.id in learning) == (case.id in judging):
            raise DataError(f"{case.id} is not in exactly one of {learn.name} and {judge.name}; get the lists again.")
    rest = assign({case.id: case.patient for case in cases if case.id in learning}, fractions=(0.875, 0.125, 0.0))
    return {case.id: rest.get(case.id, "test") for case in cases}
