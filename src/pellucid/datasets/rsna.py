"""RSNA Pneumonia 2018: chest radiographs, with boxes around the opacities of pneumonia."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.image_files import Folder, about, check_choice, check_size, corners, flag, image, numbers, table
from pellucid.datasets.marks import PublishedBoxes
from pellucid.errors import DataError
from pellucid.files import read_json
from pellucid.registry import datasets

_LABELS, _CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
_MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
_PLACE = ("x", "y", "width", "height")
_NAMES = {"Lung Opacity": "pneumonia", "No Lung Opacity / Not Normal": "not_normal", "Normal": "normal"}


@datasets.register("rsna")
@dataclass(frozen=True)
class Rsna:
    """RSNA Pneumonia Detection Challenge 2018: frontal chest radiographs, with boxes around opacities that suggest pneumonia.

    The images are those of the published training part (26,684, of which 6,012 have boxes); every box of an image is used. A
    person may have several images. Which of them belong together only the published mapping to ChestX-ray14 tells
    (`pneumonia-challenge-dataset-mappings_2018.json`): where it lies in the folder, splits keep the person together.

    Attributes:
        root: the unpacked folder: stage_2_train_images/*.dcm, stage_2_train_labels.csv, stage_2_detailed_class_info.csv.
        classes: "binary" has the one label "pneumonia"; "three" tells images that are abnormal without such an opacity
            ("not_normal") from normal ones ("normal"), and every image has exactly one of the three labels.
        size: pixels along each side of the stored images; None keeps the 1024 that they have.
    """

    root: Path
    classes: Literal["binary", "three"] = "binary"
    size: int | None = 224

    licence: ClassVar[str] = "terms of the RSNA challenge: research and education, not commercial"
    cites: ClassVar[str] = (
        "Shih, Wu, Halabi, Kohli, Prevedello et al.: Augmenting the National Institutes of Health Chest Radiograph Dataset "
        "with Expert Annotations of Possible Pneumonia, Radiology: Artificial Intelligence 2019"
    )
    needs: ClassVar[str] = "the unpacked folder of the challenge: stage_2_train_images, stage_2_train_labels.csv"

    def __post_init__(self) -> None:
        check_size("rsna", self.size)
        check_choice("rsna", "classes", self.classes, ("binary", "three"))

    def prepare(self) -> Prepared:
        """Read the published tables; images are read when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "the RSNA Pneumonia Detection Challenge")
        source = _Source.read(folder, self.classes == "three")
        exclusions: list[Exclusion] = []
        cases = list(source.cases(self.classes, folder.images(".dcm"), exclusions))
        return Prepared("rsna", cases, exclusions, self._about(bool(source.people)), size=self.size)

    def _about(self, people: bool) -> dict[str, Any]:
        unknown = f"Which images show the same person is not known: {_MAPPING} is not in the folder."
        notes = ["The radiographs are a part of ChestX-ray14.", *([] if people else [unknown])]
        made = about(self, "RSNA Pneumonia Detection Challenge 2018", {"classes": self.classes}, notes)
        return {**made, "exclusive": self.classes == "three"}


@dataclass(frozen=True)
class _Source:
    """The tables: for each image whether it has the label, its boxes, its class, and whom it shows (as far as told)."""

    positive: Mapping[str, bool]
    classes: Mapping[str, str]
    people: Mapping[str, str]
    boxes: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, folder: Folder, classes: bool) -> _Source:
        positive: dict[str, bool] = {}
        detail = folder.file(_CLASSES) if classes else folder.maybe(_CLASSES)
        source = cls(positive, _classes(detail) if detail else {}, _people(folder.maybe(_MAPPING)))
        for where, row in table(folder.file(_LABELS), ("patientId", *_PLACE, "Target")):
            name, target = row["patientId"], flag(row, "Target", where)
            if positive.setdefault(name, target) != target:
                raise DataError(f"{where} has another Target than an earlier row of {name}; correct one of them.")
            if target:
                source.boxes[name].append(corners(numbers(row, _PLACE, where), where))
        source.check()
        return source

    def check(self) -> None:
        """Refuse a table of classes that does not fit the table of labels."""
        for name, target in self.positive.items() if self.classes else ():
            if name not in self.classes or (self.classes[name] == "pneumonia") != target:
                raise DataError(
                    f"{_CLASSES} and {_LABELS} disagree about {name}; get both files again, of the same stage of the challenge."
                )

    def cases(self, classes: str, images: Mapping[str, Path], exclusions: list[Exclusion]) -> Iterator[Case]:
        for name, target in self.positive.items():
            lazy = image(name, images, name, exclusions)
            labels = {self.classes[name]} if classes == "three" else {"pneumonia"} if target else set()
            boxes = (PublishedBoxes(np.array(self.boxes[name]), "pneumonia"),) if target else ()
            meta = {"class": self.classes[name]} if self.classes else {}
            if lazy:
                yield Case(name, self.people.get(name, name), {"image": lazy}, frozenset(labels), boxes, meta=meta)


def _classes(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for where, row in table(path, ("patientId", "class")):
        if row["class"] not in _NAMES:
            raise DataError(f"{where} has the class {row['class']!r}; use one of {', '.join(_NAMES)}.")
        found[row["patientId"]] = _NAMES[row["class"]]
    return found


def _people(path: Path | None) -> dict[str, str]:
    """Image of the challenge to patient of ChestX-ray14, whose file names begin with the patient's number."""
    entries = read_json(path) if path else []
    try:
        return {entry["subset_img_id"]: str(entry["img_id"]).partition("_")[0] for entry in entries}
    except (TypeError, KeyError) as error:
        raise DataError(f"{path} is no list of entries with subset_img_id and img_id; get it again.") from error
