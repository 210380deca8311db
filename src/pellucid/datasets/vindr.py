"""VinDr-CXR: chest radiographs that several radiologists read, each with boxes of their own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import Folder, about, check_size, flag, image, numbers, table
from pellucid.datasets.marks import PublishedBoxes
from pellucid.datasets.splits import assign
from pellucid.errors import DataError
from pellucid.registry import datasets

_PARTS = ("train", "test")
_PLACE = ("x_min", "y_min", "x_max", "y_max")
_NOTHING = "No finding"
_KEYS = ("image_id", "rad_id")
_SPELT = {"Other disease": "Other diseases"}  # the test part has a word of its own

# image -> (label, source) -> boxes
_Boxes = dict[str, dict[tuple[str, str], list[list[float]]]]


@datasets.register("vindr")
@dataclass(frozen=True)
class Vindr:
    """VinDr-CXR: 18,000 frontal chest radiographs, with the boxes of every radiologist who read them.

    Three radiologists read each training image, and their marks keep their names (`human:R9`); the test images have the
    consensus of five. The published parts are the splits, with one tenth of the training images for validation. No patient
    numbers are
    published: each image counts as a patient.

    Attributes:
        root: the unpacked folder: train/*.dicom, test/*.dicom, and annotations_train.csv, image_labels_train.csv and the same
            for test in a folder annotations.
        readers: a training image has a label if at least so many radiologists gave it; marks for other labels are left out.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    readers: int = 2
    size: int | None = 224

    licence: ClassVar[str] = "PhysioNet Credentialed Health Data License 1.5.0"
    cites: ClassVar[str] = (
        "Nguyen, Lam, Le et al.: VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations, Scientific Data "
        "2022"
    )
    needs: ClassVar[str] = "the unpacked folder of VinDr-CXR from PhysioNet (account, training and agreement)"

    def __post_init__(self) -> None:
        check_size("vindr", self.size)
        if self.readers < 1:
            raise DataError(f"The option readers of vindr is {self.readers}; give 1 or more.")

    def prepare(self) -> Prepared:
        """Read the tables; images are read when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "VinDr-CXR")
        exclusions: list[Exclusion] = []
        parts = {part: list(_cases(part, folder, self.readers, exclusions)) for part in _PARTS}
        cases = [case for part in _PARTS for case in parts[part]]
        assigned: dict[str, SplitName] = {case.id: "test" for case in parts["test"]}
        assigned |= assign({case.id: case.patient for case in parts["train"]}, fractions=(0.9, 0.1, 0.0))
        return Prepared("vindr", cases, exclusions, self._about(), assigned, self.size)

    def _about(self) -> dict[str, Any]:
        notes = [
            f"A training image has a label if at least {self.readers} radiologists gave it; the test part is a consensus.",
            "No patient numbers are published: each image counts as a patient. One tenth of the training part validates.",
        ]
        return about(self, "VinDr-CXR", {"readers": self.readers}, notes)


def _cases(part: str, folder: Folder, readers: int, exclusions: list[Exclusion]) -> Iterator[Case]:
    labels = _labels(folder.file(f"image_labels_{part}.csv"), readers if part == "train" else 1)
    boxes = _boxes(folder.file(f"annotations_{part}.csv"), labels, exclusions)
    images = folder.images(".dicom", ".dcm")
    for name, found in labels.items():
        lazy = image(name, images, name, exclusions)
        marks = tuple(PublishedBoxes(np.array(places), label, source=source) for (label, source), places in boxes[name].items())
        if lazy:
            yield Case(name, name, {"image": lazy}, found, marks, meta={"part": part})


def _labels(path: Path, readers: int) -> dict[str, frozenset[str]]:
    """Image to the labels that at least so many of its rows give."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for where, row in table(path, ("image_id", _NOTHING)):
        given = (label for label in row if label not in _KEYS and flag(row, label, where))
        votes[row["image_id"]].update(_SPELT.get(label, label) for label in given)
    return {name: frozenset(label for label, n in found.items() if n >= readers) - {_NOTHING} for name, found in votes.items()}


def _boxes(path: Path, labels: dict[str, frozenset[str]], exclusions: list[Exclusion]) -> _Boxes:
    found: _Boxes = defaultdict(lambda: defaultdict(list))
    for where, row in table(path, ("image_id", "class_name", *_PLACE)):
        name, label = row["image_id"], _SPELT.get(row["class_name"], row["class_name"])
        if name not in labels:
            raise DataError(f"{where} names the image {name}, which has no row in the table of labels; get both tables again.")
        if label == _NOTHING:
            continue
        if label not in labels[name]:
            exclusions.append(Exclusion(where, "a box for a label that the image lacks, or that too few radiologists gave"))
            continue
        source = f"human:{row['rad_id']}" if row.get("rad_id") else "human"
        found[name][label, source].append(numbers(row, _PLACE, where))
    return found
