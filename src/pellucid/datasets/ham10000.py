"""HAM10000: dermoscopic images of seven kinds of pigmented lesions, with the outline of each lesion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.image_files import Folder, Row, about, check_size, image, table
from pellucid.datasets.marks import UnreadMask, mask_file
from pellucid.errors import DataError
from pellucid.registry import datasets

_TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata")
_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
_FACTS = ("dx_type", "age", "sex", "localization")


@datasets.register("ham10000")
@dataclass(frozen=True)
class Ham10000:
    """HAM10000: 10,015 dermoscopic images of 7,470 pigmented lesions of seven kinds, with the outline of the lesion.

    Every image has exactly one label: akiec, bcc, bkl, df, mel, nv or vasc. A lesion may have several images; they count as one
    patient, so that no lesion is in two splits. Outlines are used where their folder is there.

    Attributes:
        root: the folder with HAM10000_metadata.csv, the images (HAM10000_images_part_1 and _part_2, or one folder) and the
            outlines (HAM10000_segmentations_lesion_tschandl).
        size: pixels along each side of the stored images; None keeps the 600 x 450 that they have.
    """

    root: Path
    size: int | None = 224

    licence: ClassVar[str] = "CC BY-NC 4.0"
    cites: ClassVar[str] = (
        "Tschandl, Rosendahl, Kittler: The HAM10000 dataset, a large collection of multi-source dermatoscopic images of common "
        "pigmented skin lesions, Scientific Data 2018; outlines: Tschandl, Rinner, Apalla et al., Nature Medicine 2020"
    )
    needs: ClassVar[str] = "the unpacked folder of HAM10000: metadata, images, and the outlines for evidence"

    def __post_init__(self) -> None:
        check_size("ham10000", self.size)

    def prepare(self) -> Prepared:
        """Read the table; images and outlines are read when they are asked for.

        Raises:
            DataError: a file is missing or has a row that is not what it should be; names file, row and remedy.
        """
        folder = Folder(self.root, "HAM10000")
        exclusions: list[Exclusion] = []
        rows = list(table(folder.file(*_TABLES), ("lesion_id", "image_id", "dx")))
        cases = list(_cases(rows, folder.images(".jpg", ".jpeg", ".png"), folder.masks(), exclusions))
        note = "The images of one lesion count as one patient; which lesions belong to the same person is not published."
        made = about(self, "HAM10000", {}, [note])
        return Prepared("ham10000", cases, exclusions, {**made, "exclusive": True}, size=self.size)


def _cases(
    rows: list[tuple[str, Row]], images: Mapping[str, Path], masks: Mapping[str, Path], exclusions: list[Exclusion]
) -> Iterator[Case]:
    for where, row in rows:
        name, label = row["image_id"], row["dx"]
        if label not in _CLASSES:
            raise DataError(f"{where} has the diagnosis {label!r}; it must be one of {', '.join(_CLASSES)}: correct the row.")
        lazy = image(name, images, name, exclusions)
        if lazy:
            facts = {key: row[key] for key in _FACTS if row.get(key)}
            marks = outline(name, label, masks, exclusions)
            yield Case(name, row["lesion_id"], {"image": lazy}, frozenset({label}), marks, meta=facts)


def outline(name: str, label: str | None, masks: Mapping[str, Path], exclusions: list[Exclusion]) -> tuple[UnreadMask, ...]:
    """The outline of a lesion, where the outlines are there at all; one that is missing among them is counted."""
    if name in masks:
        return (mask_file(masks[name], label),)
    if masks:
        exclusions.append(Exclusion(name, "the outline of the lesion is missing (the image is used)"))
    return ()
