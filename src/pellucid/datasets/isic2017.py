"""ISIC 2017: dermoscopic images with the diagnosis and the outline of the lesion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.ham10000 import outline
from pellucid.datasets.image_files import Folder, Row, about, check_size, flag, image, table
from pellucid.errors import DataError
from pellucid.registry import datasets

_PARTS: Mapping[str, SplitName] = {"Training": "train", "Validation": "validation", "Test_v2": "test"}
_WORDS: Mapping[str, SplitName] = {"train": "train", "val": "validation", "test": "test"}
_LABELS = ("melanoma", "seborrheic_keratosis")
_FACTS = ("age_approximate", "sex")


@datasets.register("isic2017")
@dataclass(frozen=True)
class Isic2017:
    """ISIC 2017: 2,750 dermoscopic images, labelled melanoma, seborrheic keratosis or neither (a nevus), with lesion outlines.

    The published parts are the splits. Which images show the same person is not published, and some nearly equal images are in
    two parts.

    Attributes:
        root: the folder of the challenge (ISIC-2017_Training_Data, ISIC-2017_Training_Part1_GroundTruth with the outlines,
            ISIC-2017_Training_Part3_GroundTruth.csv, the same for Validation and Test_v2), or a folder with metadata.csv
            (image_id, isic2017_split, melanoma) and images, which has no outlines and no labels of the test part.
        published_splits: keep the published parts instead of the library's own splits over all labelled images.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    published_splits: bool = True
    size: int | None = 224

    licence: ClassVar[str] = "CC0 1.0"
    cites: ClassVar[str] = (
        "Codella, Gutman, Celebi et al.: Skin lesion analysis toward melanoma detection: a challenge at the 2017 International "
        "Symposium on Biomedical Imaging, hosted by the International Skin Imaging Collaboration"
    )
    needs: ClassVar[str] = "the unpacked folder of the ISIC 2017 challenge, or images with a metadata.csv"

    def __post_init__(self) -> None:
        check_size("isic2017", self.size)

    def prepare(self) -> Prepared:
        """Read the tables; images and outlines are read when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "the ISIC 2017 challenge")
        exclusions: list[Exclusion] = []
        made = list(_cases(list(_rows(folder)), folder, exclusions))
        cases = [case for case, _ in made]
        assigned = {case.id: split for case, split in made} if self.published_splits else {}
        notes = [
            "Nearly equal images exist, some of them in two published parts: figures on the test part are a little too good.",
            "Some images show rulers, ink, gel or coloured patches, which a model may learn instead of the lesion.",
        ]
        told = about(self, "ISIC 2017", {"published_splits": self.published_splits}, notes)
        return Prepared("isic2017", cases, exclusions, told, assigned, self.size)


def _rows(folder: Folder) -> Iterator[tuple[str, Row, SplitName]]:
    """Rows with the split of each, from the tables of the challenge or from metadata.csv."""
    official = {part: folder.maybe(f"ISIC-2017_{part}_Part3_GroundTruth.csv") for part in _PARTS}
    for part, path in official.items():
        if path:
            yield from ((where, row, _PARTS[part]) for where, row in table(path, ("image_id", *_LABELS)))
    if any(official.values()):
        return
    for where, row in table(folder.file("metadata.csv"), ("image_id", "isic2017_split", "melanoma")):
        if row["isic2017_split"] not in _WORDS:
            raise DataError(f"{where} has the split {row['isic2017_split']!r}; use one of {', '.join(_WORDS)}.")
        yield where, row, _WORDS[row["isic2017_split"]]


def _cases(
    rows: list[tuple[str, Row, SplitName]], folder: Folder, exclusions: list[Exclusion]
) -> Iterator[tuple[Case, SplitName]]:
    images, masks = folder.images(".jpg", ".jpeg", ".png"), folder.masks()
    for where, row, split in rows:
        name = row["image_id"]
        if not row["melanoma"]:
            exclusions.append(Exclusion(where, "the label is not published"))
        elif lazy := image(name, images, name, exclusions):
            labels = [label for label in _LABELS if label in row and flag(row, label, where)]
            marks = outline(name, labels[0] if len(labels) == 1 else None, masks, exclusions)
            facts = {key: row[key] for key in _FACTS if row.get(key)}
            yield Case(name, name, {"image": lazy}, frozenset(labels), marks, meta=facts), split
