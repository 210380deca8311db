"""CheXlocalize: radiographs of CheXpert with the outlines of findings that radiologists drew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.coco_rle import mask_of, runs
from pellucid.datasets.image_files import Folder, Row, about, check_size, flag, image, table
from pellucid.datasets.marks import UnreadMask
from pellucid.errors import DataError
from pellucid.files import read_json
from pellucid.registry import datasets

_TABLES: Mapping[SplitName, tuple[str, ...]] = {"validation": ("val_labels.csv", "valid.csv"), "test": ("test_labels.csv",)}
_PARTS: Mapping[SplitName, str] = {"validation": "val", "test": "test"}
_IMAGE = re.compile(r"(patient\d+)/(study\d+)/(view\d+_\w+)\.jpg$")
_NOT_LABELS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding")
_SPELT = {"Airspace Opacity": "Lung Opacity"}  # the outlines have an older word


@datasets.register("chexlocalize")
@dataclass(frozen=True)
class CheXlocalize:
    """CheXlocalize: 902 radiographs of CheXpert, with outlines of ten findings that radiologists drew.

    They are CheXpert's validation and test parts; there is no training part. An image is `patient64541_study1_view1_frontal`.
    The points that other radiologists thought most representative (test part only) are kept in `meta["hit_points"]`: label to a
    list of (x, y) in pixels of the original image.

    Attributes:
        root: the unpacked download: CheXpert (val_labels.csv, test_labels.csv, images) beside CheXlocalize
            (gt_segmentations_val.json, gt_segmentations_test.json, hb_salient_pt_test.json); one of the parts is enough.
        published_splits: keep the published parts instead of the library's own splits over all images.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    published_splits: bool = True
    size: int | None = 224

    licence: ClassVar[str] = "Stanford University Dataset Research Use Agreement"
    cites: ClassVar[str] = (
        "Saporta, Gui, Agrawal et al.: Benchmarking saliency methods for chest X-ray interpretation, Nature Machine "
        "Intelligence 2022; Irvin, Rajpurkar, Ko et al.: CheXpert, AAAI 2019"
    )
    needs: ClassVar[str] = "the unpacked download of CheXlocalize from Stanford AIMI (account and agreement)"

    def __post_init__(self) -> None:
        check_size("chexlocalize", self.size)

    def prepare(self) -> Prepared:
        """Read the tables and outlines; images are read, and masks drawn, when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "CheXlocalize")
        parts = [part for part in _PARTS if folder.maybe(*_TABLES[part])]
        if not parts:
            raise DataError(f"{self.root} has no val_labels.csv or test_labels.csv; give the unpacked folder of CheXlocalize.")
        exclusions: list[Exclusion] = []
        made = {part: list(_Part.read(folder, part).cases(folder, exclusions)) for part in parts}
        cases = [case for part in parts for case in made[part]]
        assigned = {case.id: part for part in parts for case in made[part]} if self.published_splits else {}
        notes = ["There is no training part: train on CheXpert, or on the library's own splits (published_splits=false)."]
        told = about(self, "CheXlocalize", {"published_splits": self.published_splits}, notes)
        return Prepared("chexlocalize", cases, exclusions, told, assigned, self.size)


@dataclass(frozen=True)
class _Part:
    """One published part: its rows by image, its outlines and its points."""

    rows: Mapping[str, tuple[str, Row]]
    outlines: Mapping[str, Mapping[str, Any]]
    points: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Folder, part: SplitName) -> _Part:
        rows = {_name(row["Path"], where): (where, row) for where, row in table(folder.file(*_TABLES[part]), ("Path",))}
        points = folder.maybe(f"hb_salient_pt_{_PARTS[part]}.json")
        outlines = _by_image(folder.file(f"gt_segmentations_{_PARTS[part]}.json"))
        return cls(rows, outlines, _by_image(points) if points else {})

    def cases(self, folder: Folder, exclusions: list[Exclusion]) -> Iterator[Case]:
        images = {
            _name(path.as_posix(), str(path)): path for path in folder.all_images(".jpg") if _IMAGE.search(path.as_posix())
        }
        for name, (where, row) in self.rows.items():
            lazy = image(name, images, name, exclusions)
            labels = frozenset(column for column in row if column not in _NOT_LABELS and flag(row, column, where))
            marks = tuple(self._marks(name, labels, exclusions))
            if lazy:
                yield Case(name, name.partition("_")[0], {"image": lazy}, labels, marks, meta=self._facts(name, row))

    def _marks(self, name: str, labels: frozenset[str], exclusions: list[Exclusion]) -> Iterator[UnreadMask]:
        for written, entry in self.outlines.get(name, {}).items():
            label = _SPELT.get(written, written)
            size, lengths = _checked(entry, f"The outline of {written} in {name}")
            if sum(lengths[1::2]) and label in labels:
                yield UnreadMask(partial(mask_of, lengths, size), label)
            elif sum(lengths[1::2]):
                exclusions.append(Exclusion(name, "an outline for a label that the image lacks"))

    def _facts(self, name: str, row: Row) -> dict[str, Any]:
        facts: dict[str, Any] = {"view": name.rpartition("_")[2]}
        facts |= {key.lower(): row[key] for key in ("Sex", "Age") if row.get(key)}
        points = {_SPELT.get(label, label): places for label, places in self.points.get(name, {}).items()}
        return {**facts, "hit_points": points} if points else facts


def _name(path: str, where: str) -> str:
    found = _IMAGE.search(path)
    if not found:
        raise DataError(f"{where} names {path!r}, which is no image of CheXpert (patientN/studyN/viewN_side.jpg); correct it.")
    return "_".join(found.groups())


def _by_image(path: Path) -> dict[str, dict[str, Any]]:
    """A file of what was drawn: image to finding to anything."""
    found = read_json(path)
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise DataError(f"{path} is no table of images and findings; get the file again.")
    return found


def _checked(entry: Any, where: str) -> tuple[tuple[int, int], list[int]]:
    try:
        height, width = map(int, entry["size"])
        return (height, width), runs(entry["counts"])
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(f"{where} is no mask in runs with size and counts; get the file again.") from error
