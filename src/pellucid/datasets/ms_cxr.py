"""MS-CXR: chest radiographs of MIMIC-CXR, with sentences whose place radiologists marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pellucid.case import Case
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.image_files import about, check_size
from pellucid.datasets.images import lazy_image
from pellucid.datasets.mimic_cxr import Elsewhere, LeftOut, MimicImages
from pellucid.datasets.ms_cxr_rows import Marked, marked
from pellucid.datasets.phrases import Draft, labels, phrases
from pellucid.errors import DataError
from pellucid.registry import datasets

OTHER_SHAPE = "the image has other proportions than the one that was marked"


@datasets.register("ms_cxr")
@dataclass(frozen=True)
class MsCxr:
    """MS-CXR: 1,162 sentences on chest radiographs of MIMIC-CXR, each with the boxes that radiologists drew for it.

    A sentence says that one of eight findings is there; the labels of an image are the findings of its sentences, so that an
    image without a label need not be without the finding. Boxes are brought from the size at which they were drawn to that of
    the image.

    Attributes:
        root: the folder of MS-CXR 1.0.0 or 1.1.0 with MS_CXR_Local_Alignment_v*.csv or .json, or one of these files.
        images: the folder of MIMIC-CXR-JPG or MIMIC-CXR; a folder of its images alone will do.
        published_splits: use the splits of version 1.1.0, where they are there; else the library's own.
        exclude: a prepared data set, or a list of image ids, whose images and patients are left out.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    images: Path | None = None
    published_splits: bool = True
    exclude: Path | None = None
    size: int | None = 224

    licence: ClassVar[str] = "PhysioNet Credentialed Health Data License 1.5.0"
    cites: ClassVar[str] = (
        "Boecking, Usuyama, Bannur et al.: Making the Most of Text Semantics to Improve Biomedical Vision-Language Processing, "
        "ECCV 2022; Johnson, Pollard, Berkowitz et al.: MIMIC-CXR, Scientific Data 2019"
    )
    needs: ClassVar[str] = "the folder of MS-CXR and the images of MIMIC-CXR from PhysioNet (account, training, agreement)"

    def __post_init__(self) -> None:
        check_size("ms_cxr", self.size)

    def prepare(self) -> Prepared:
        """Read the table, and the headers of the images; images are read when they are asked for.

        Raises:
            DataError: a folder or file is missing, or has a row that is not what it should be; names file, row and remedy.
        """
        grouped: dict[str, list[Marked]] = {}
        for row in marked(self.root):
            grouped.setdefault(row.image, []).append(row)
        elsewhere = Elsewhere.read(self.exclude).among({image: rows[0].patient for image, rows in grouped.items()})
        images = MimicImages.of(self.images, "ms_cxr", "annotations")
        images.check(rows[0].path for rows in grouped.values())
        exclusions: list[Exclusion] = []
        cases = list(_cases(grouped, images, elsewhere, exclusions))
        assigned = _assigned(cases, grouped) if self.published_splits else {}
        return Prepared("ms_cxr", cases, exclusions, self._about(bool(assigned)), assigned, self.size)

    def _about(self, published: bool) -> dict[str, Any]:
        notes = [
            "Every sentence says that its finding is there; findings without a sentence are not known to be absent.",
            *(["The published splits are used."] * published),
        ]
        options = {"published_splits": self.published_splits, "exclude": self.exclude is not None}
        return about(self, "MS-CXR", options, notes)


def _cases(
    grouped: Mapping[str, Sequence[Marked]], images: MimicImages, elsewhere: Elsewhere, exclusions: list[Exclusion]
) -> Iterator[Case]:
    for image, rows in grouped.items():
        try:
            elsewhere.check(image, rows[0].patient)
            path, size = images.opened(rows[0].path)
            said = phrases(_drafts(rows, size), image, exclusions)
        except LeftOut as reason:
            exclusions.append(Exclusion(image, str(reason)))
        else:
            yield Case(image, rows[0].patient, {"image": lazy_image(path)}, labels(said), sentences=said)


def _drafts(rows: Sequence[Marked], size: tuple[int, int]) -> dict[str, Draft]:
    """Sentences by the place of their first row; a sentence has a row for each of its boxes."""
    first: dict[str, str] = {}
    drafts: dict[str, Draft] = {}
    for row in rows:
        name = first.setdefault(row.text, row.where)
        drafts.setdefault(name, Draft(row.text)).add([_scaled(row, size)], conditions=[(row.category, True)])
    return drafts


def _scaled(row: Marked, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box in pixels of an image of (height, width)."""
    down, across = size[0] / row.size[0], size[1] / row.size[1]
    if abs(down / across - 1) > 0.02:
        raise LeftOut(OTHER_SHAPE)
    x0, y0, x1, y1 = row.box
    return x0 * across, y0 * down, x1 * across, y1 * down


def _assigned(cases: Sequence[Case], grouped: Mapping[str, Sequence[Marked]]) -> dict[str, SplitName]:
    """The published splits; empty where none are published.

    Raises:
        DataError: the rows of an image are in two splits.
    """
    found: dict[str, SplitName] = {}
    for case in cases:
        for row in grouped[case.id]:
            if row.split and found.setdefault(case.id, row.split) != row.split:
                raise DataError(
                    f"{row.where} puts {case.id} into the split {row.split} and an earlier row into {found[case.id]}; correct "
                    "one of them."
                )
    return found
