"""The images that Chest ImaGenome lists in its silver splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pellucid.datasets import mimic_cxr
from pellucid.datasets.base import Exclusion, SplitName
from pellucid.datasets.image_files import Folder, table
from pellucid.datasets.splits import SPELLINGS

AVOIDED = "the image is one of those to avoid (those of the gold part)"
OTHER_VIEW = "the view is neither PA nor AP"

_VIEWS = ("PA", "AP")


@dataclass(frozen=True)
class Listed:
    """An image of MIMIC-CXR: whom it shows, where it lies, and what for."""

    image: str
    patient: str
    path: str
    split: SplitName
    meta: Mapping[str, str]


def silver(folder: Folder, limit: int | None, exclusions: list[Exclusion]) -> list[Listed]:
    """The images of the published splits that are to be used; the others are counted.

    Args:
        limit: no more than so many of a split, the first ones; those beyond it are not counted as left out.

    Raises:
        DataError: a table is missing, or has a row that is not what it should be.
    """
    avoided = {row["dicom_id"] for _, row in table(folder.file("images_to_avoid.csv"), ("dicom_id",))}
    found: list[Listed] = []
    for part in ("train", "valid", "test"):
        found.extend(islice(_split(folder, part, avoided, exclusions), limit))
    return found


def _split(folder: Folder, part: str, avoided: set[str], exclusions: list[Exclusion]) -> Iterator[Listed]:
    columns = ("subject_id", "study_id", "dicom_id", "path", "ViewPosition")
    for where, row in table(folder.file(f"{part}.csv"), columns):
        reason = AVOIDED if row["dicom_id"] in avoided else OTHER_VIEW if row["ViewPosition"] not in _VIEWS else None
        if reason:
            exclusions.append(Exclusion(row["dicom_id"], reason))
            continue
        person = mimic_cxr.patient(row["subject_id"], f"{where}, column subject_id,")
        meta = {"study": row["study_id"], "view": row["ViewPosition"], "part": "silver"}
        yield Listed(row["dicom_id"], person, row["path"], SPELLINGS[part], meta)
