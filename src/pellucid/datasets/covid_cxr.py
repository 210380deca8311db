"""Radiographs of COVID-19 and other pneumonias, with notes whose sentences name a side, and boxes of both lungs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pellucid.case import Boxes, Case, Evidence, Phrase
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.covid_cxr_rows import SIDES, Record, Said, records, said
from pellucid.datasets.image_files import Folder, about, check_choice, check_size
from pellucid.datasets.images import lazy_image
from pellucid.datasets.marks import PublishedBoxes, mask_file
from pellucid.errors import DataError
from pellucid.imaging.measuring import size_of
from pellucid.registry import datasets

OTHER_SIZE = "the image has another size than its record says"

_PARTS = {"permissive": ("permissive",), "nc_sa": ("nc_sa",), "both": ("permissive", "nc_sa")}
_UNNAMED = ("no finding", "unknown", "todo")  # what the source writes where it names no disease


@datasets.register("covid_cxr")
@dataclass(frozen=True)
class CovidCxr:
    """COVID-19 Image Data Collection with lung boxes: 344 frontal chest radiographs, 63 sentences that name one lung.

    A sentence of the clinical notes that names one side has the box of that lung, drawn by a radiologist; which sentences are
    about this radiograph was decided by a language model that read them, not by a clinician. The anatomy of a case is "right
    lung" and "left lung" as boxes, and where people drew it, "lungs" as a mask. An image may have no sentence, and no label
    where the source names no disease: that is not to say that there is none.

    Attributes:
        root: the folder with permissive and nc_sa, each with records.jsonl, images, lung_masks.
        part: "permissive" (113 images under CC BY and CC BY-SA; no reviewed sentence), "nc_sa" (231 images under CC BY-NC-SA:
            not commercial, share alike; all reviewed sentences), or "both".
        uncertain: add the sentences of which the review was not certain, with a confidence of 0.5.
        size: pixels along each side of the stored images; None keeps the size they have.
    """

    root: Path
    part: Literal["permissive", "nc_sa", "both"] = "both"
    uncertain: bool = False
    size: int | None = 224

    licence: ClassVar[str] = (
        "of each image its own: CC BY and CC BY-SA (permissive), CC BY-NC-SA (nc_sa); boxes and masks CC BY 4.0"
    )
    cites: ClassVar[str] = (
        "Cohen, Morrison, Dao et al.: COVID-19 Image Data Collection, 2020; Winther et al.: COVID-19 Image Repository, "
        "Hannover Medical School, 2020; lung boxes by General Blockchain, lung masks by V7 Labs; each image its own credit"
    )
    needs: ClassVar[str] = "the folder with permissive and nc_sa (records.jsonl, images, lung_masks, laterality_pairs.csv)"

    def __post_init__(self) -> None:
        check_size("covid_cxr", self.size)
        check_choice("covid_cxr", "part", self.part, tuple(_PARTS))

    def prepare(self) -> Prepared:
        """Read records and sentences; images and masks are read when they are asked for.

        Raises:
            DataError: a file is missing, or has a row that is not what it should be; names file, row and remedy.
        """
        exclusions: list[Exclusion] = []
        listed: list[Record] = []
        sentences: dict[str, list[Said]] = {}
        for part in _PARTS[self.part]:
            folder = Folder(Path(self.root) / part, "the COVID-19 images with lung boxes")
            some = list(records(folder, part))
            listed.extend(some)
            sentences |= said(folder, part, {record.id for record in some}, self.uncertain, exclusions)
        cases = list(_cases(listed, sentences, exclusions))
        return Prepared("covid_cxr", cases, exclusions, self._about(listed), size=self.size)

    def _about(self, listed: Sequence[Record]) -> dict[str, Any]:
        licences = Counter((record.part, record.meta["licence"]) for record in listed)
        counted = [f"{part}: {licence} ({count})." for (part, licence), count in sorted(licences.items())]
        notes = [
            *counted,
            "Licence, source and credit of each image are in the meta of its case, and must be kept.",
            "Which sentences are about the radiograph was decided by a language model, not by a clinician.",
            "An image without a label is one whose source names no disease; it need not be healthy.",
        ]
        return about(self, "COVID-19 images with lung boxes", {"part": self.part, "uncertain": self.uncertain}, notes)


def _cases(listed: Sequence[Record], sentences: Mapping[str, Sequence[Said]], exclusions: list[Exclusion]) -> Iterator[Case]:
    for record in listed:
        if (fault := _fault(record)) is not None:
            exclusions.append(Exclusion(record.id, fault))
            continue
        made = tuple(_phrase(record, item) for item in sentences.get(record.id, ()))
        inputs, anatomy = {"image": lazy_image(record.image)}, tuple(_anatomy(record, exclusions))
        found = frozenset(word for word in record.findings if word.lower() not in _UNNAMED)
        yield Case(record.id, record.patient, inputs, found, meta=record.meta, anatomy=anatomy, sentences=made)


def _fault(record: Record) -> str | None:
    if not record.image.is_file():
        return "the image file is missing"
    try:
        return None if size_of(record.image) == (record.height, record.width) else OTHER_SIZE
    except DataError:
        return "the image cannot be read"


def _phrase(record: Record, item: Said) -> Phrase:
    """The sentence, on the lung that it names. It has no conditions: nobody noted which finding it speaks of."""
    box = Boxes(np.array([record.lungs[item.side]]), None, item.confidence, "model")
    return Phrase(item.text, box, None, item.confidence, "model", regions=(f"{item.side} lung",))


def _anatomy(record: Record, exclusions: list[Exclusion]) -> Iterator[Evidence]:
    for side in SIDES:
        yield PublishedBoxes(np.array([record.lungs[side]]), f"{side} lung")
    if record.mask is not None and record.mask.is_file():
        yield mask_file(record.mask, "lungs")
    elif record.mask is not None:
        exclusions.append(Exclusion(record.id, "the mask file is missing (the image is used)"))
