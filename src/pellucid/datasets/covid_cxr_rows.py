"""The files of the COVID-19 images with lung boxes: a record an image, and the sentences that name a side."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.datasets.base import Exclusion
from pellucid.datasets.image_files import Folder, corners, number, table
from pellucid.datasets.phrases import WORDLESS, Box, worded
from pellucid.datasets.sources import decode, shown
from pellucid.errors import DataError

STRAY = "a sentence is for an image that has no record"
DOUBTED = "the review of a sentence was not certain"
REJECTED = "the review rejected a sentence (history, another time, or no finding of this image)"

SIDES = ("right", "left")

_CONFIDENCE = {"keep": 1.0, "uncertain": 0.5}
_KEPT = ("view", "sex", "age", "finding", "source_url", "doi", "credit", "original_filename")
_SCORES = ("severity_geographic_mean", "severity_opacity_mean")


@dataclass(frozen=True)
class Record:
    """An image of one part.

    Attributes:
        lungs: side of the patient to box; the patient's right is on the left of the picture.
        mask: file of a mask of both lungs; None where none was drawn.
        findings: as the source names them; none where it names none.
    """

    id: str
    part: str
    patient: str
    image: Path
    mask: Path | None
    height: int
    width: int
    lungs: Mapping[str, Box]
    findings: tuple[str, ...]
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """A sentence that names one side."""

    text: str
    side: str
    confidence: float


def records(folder: Folder, part: str) -> Iterator[Record]:
    """The images of a part, in the order of the file.

    Raises:
        DataError: the file is missing, or a line is not what it should be.
    """
    path = folder.file("records.jsonl")
    for index, line in enumerate(decode(path.read_bytes(), path.name).splitlines(), start=1):
        where = f"{part}/{path.name} line {index}"
        try:
            yield _record(json.loads(line), path.parent, part, where)
        except (TypeError, KeyError, ValueError, AttributeError):
            # The cause is not shown: it may quote the notes.
            raise DataError(f"{where} is no record (id, patient, boxes_xywh, license ...); correct the line.") from None


def _record(row: Mapping[str, Any], folder: Path, part: str, where: str) -> Record:
    name, width, height = str(row["id"]), int(row["width"]), int(row["height"])
    boxes = {side: [number(str(edge), where) for edge in row["boxes_xywh"][f"{side}_lung"]] for side in SIDES}
    lungs = {side: corners(edges, where) for side, edges in boxes.items()}
    mask = folder / "lung_masks" / f"{name}.png" if row["lung_mask"] else None
    findings = tuple(word for part in (row["finding"] or "").split(",") if (word := part.strip()))
    meta = {key: row[key] for key in (*_KEPT, *_SCORES)} | {"part": part, "licence": row["license"]}
    image = folder / "images" / f"{name}.jpg"
    return Record(name, part, str(row["patient"]), image, mask, height, width, lungs, findings, meta)


def said(
    folder: Folder, part: str, images: Collection[str], uncertain: bool, exclusions: list[Exclusion]
) -> dict[str, list[Said]]:
    """The reviewed sentences of each image; those that are not used are counted. A part may have none.

    Args:
        images: ids of the images that have a record.
        uncertain: take those too of which the review was not certain.

    Raises:
        DataError: a row has a status, side or region that it cannot have.
    """
    path = folder.maybe("laterality_pairs.csv")
    found: dict[str, list[Said]] = {}
    for where, row in table(path, ("pair_id", "image_id", "side", "region", "status", "sentence")) if path else ():
        _check(row, f"{part}/{where}")
        name, fault = row["image_id"], _fault(row, images, uncertain)
        if fault:
            exclusions.append(Exclusion(f"{name} pair {row['pair_id']}", fault))
        else:
            text = " ".join(row["sentence"].split())
            found.setdefault(name, []).append(Said(text, row["side"], _CONFIDENCE[row["status"]]))
    return found


def _check(row: Mapping[str, str], where: str) -> None:
    if row["side"] not in SIDES or row["region"] != f"{row['side']}_lung":
        raise DataError(f"{where} names the side {shown(row['side'])} and the region {shown(row['region'])}; correct the row.")
    if row["status"] not in (*_CONFIDENCE, "reject"):
        raise DataError(f"{where} has the status {shown(row['status'])}; use keep, uncertain or reject.")


def _fault(row: Mapping[str, str], images: Collection[str], uncertain: bool) -> str | None:
    if row["image_id"] not in images:
        return STRAY
    if row["status"] == "reject":
        return REJECTED
    if row["status"] == "uncertain" and not uncertain:
        return DOUBTED
    return None if worded(row["sentence"]) else WORDLESS
