"""The files of REFLACX: the readings that the metadata list, and what belongs to each reading."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from pellucid.datasets import mimic_cxr
from pellucid.datasets.base import Exclusion
from pellucid.datasets.gaze_rows import BRIEF, OFF, Scanpath, sound
from pellucid.datasets.image_files import Folder, numbers, table
from pellucid.datasets.marks import PublishedBoxes, UnreadMask
from pellucid.datasets.mimic_cxr import LeftOut
from pellucid.datasets.reflacx_labels import CONFIDENCE, certainties, certainty, marked, truth
from pellucid.datasets.spoken import Sentence, sentences
from pellucid.errors import DataError

DISCARDED = "the eye tracking of the reading was discarded by its authors"
TWICE = "a reading occurs twice"
MISSING = "a file of the reading is missing"
OFF_SHOWN = "a fixation lies off the part of the image that was shown"
UNSURE = "an ellipse is less certain than asked for"
UNSHARED = "an ellipse is for a label that too few readings give"
FLAT = "an ellipse or a box of the chest has no area"

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_WHEN = ("timestamp_start_fixation", "timestamp_end_fixation")
_ACUITY = tuple(f"angular_resolution_{axis}_pixels_per_degree" for axis in "xy")
_SHOWN = tuple(f"{edge}_shown_from_image" for edge in _EDGES)
_FILES = ("fixations.csv", "anomaly_location_ellipses.csv", "chest_bounding_box.csv")
_SPEECH = ("timestamps_transcription.csv", "timestamps_transcriptions.csv")


@dataclass(frozen=True)
class Reading:
    """One radiologist's reading of one image.

    Attributes:
        id: of the reading; the readers themselves are not named.
        split: of MIMIC-CXR: train, validate or test.
        size: height and width of the image, as the metadata say.
        certain: label to certainty, 0 to 5.
        folder: of its files.
    """

    id: str
    phase: int
    split: str
    image: str
    path: str
    patient: str
    size: tuple[int, int]
    certain: dict[str, int]
    folder: Path

    @property
    def source(self) -> str:
        """Who marks and looks, as evidence says it."""
        return f"human:{self.id}"


def readings(folder: Folder, phases: Collection[int], exclusions: list[Exclusion]) -> Iterator[Reading]:
    """The readings of some phases, in their order; those that were discarded or occur twice are counted.

    Raises:
        DataError: the metadata of a phase are missing, or have a row that is not what it should be.
    """
    seen: set[str] = set()
    for phase in sorted(phases):
        for where, item, discarded in _listed(folder.file(f"metadata_phase_{phase}.csv"), phase):
            if discarded or item.id in seen:
                exclusions.append(Exclusion(where, TWICE if item.id in seen else DISCARDED))
            else:
                yield item
            seen.add(item.id)


def _listed(path: Path, phase: int) -> Iterator[tuple[str, Reading, bool]]:
    columns = ("id", "split", "eye_tracking_data_discarded", "image", "dicom_id", "subject_id", "image_size_x", "image_size_y")
    for where, row in table(path, columns):
        discarded = truth(row["eye_tracking_data_discarded"], f"{where}, column eye_tracking_data_discarded,")
        width, height = numbers(row, ("image_size_x", "image_size_y"), where)
        person = mimic_cxr.patient(row["subject_id"], f"{where}, column subject_id,")
        name, size = row["id"], (int(height), int(width))
        labels = certainties(row, where)
        yield (
            where,
            Reading(name, phase, row["split"], row["dicom_id"], row["image"], person, size, labels, path.parent / name),
            discarded,
        )


def scanpath(reading: Reading, degrees: float, exclusions: list[Exclusion]) -> Scanpath:
    """The path of a reading; fixations off the image, off the part of it that was shown, or without duration are counted.

    Args:
        degrees: acuity, in degrees of visual angle; how many pixels a degree is, the table says for each fixation.

    Raises:
        DataError: a row is not what it should be.
        LeftOut: the file is missing.
    """
    rows = list(table(_file(reading, "fixations.csv"), (*_WHEN, "x_position", "y_position", *_ACUITY, *_SHOWN)))
    columns = ("x_position", "y_position", *_WHEN, *_ACUITY, *_SHOWN)
    places = [f"{reading.id} {where}" for where, _ in rows]
    values = np.array([numbers(row, columns, place) for place, (_, row) in zip(places, rows, strict=True)]).reshape(-1, 10)
    point, start, seconds, sigma = values[:, :2], values[:, 2], values[:, 3] - values[:, 2], values[:, 4:6] * degrees
    if (sigma <= 0).any():
        row = int(np.flatnonzero((sigma <= 0).any(axis=1))[0])
        raise DataError(f"{places[row]} has an angular resolution that is not above 0; correct the row.")
    height, width = reading.size
    faults = {
        OFF: ((point < 0) | (point >= [width, height])).any(axis=1),
        OFF_SHOWN: ((point < values[:, 6:8]) | (point > values[:, 8:10])).any(axis=1),
        BRIEF: seconds <= 0,
    }
    return sound(Scanpath(np.column_stack([point, start, seconds]), sigma), places, faults, exclusions)


def speech(reading: Reading) -> list[Sentence]:
    """The sentences of a dictation.

    Raises:
        DataError: a row is not what it should be.
        LeftOut: the file is missing.
    """
    times = ("timestamp_start_word", "timestamp_end_word")
    words = []
    for where, row in table(_file(reading, *_SPEECH), ("word", *times)):
        begin, end = numbers(row, times, f"{reading.id} {where}")
        words.append(Sentence(row["word"], begin, end))
    return list(sentences(words))


def ellipses(reading: Reading, labels: Collection[str], least: int, exclusions: list[Exclusion]) -> Iterator[UnreadMask]:
    """What a reader outlined for these labels: for each label and certainty one mask of all its ellipses.

    Args:
        least: ellipses of a smaller certainty are counted, and so are those for other labels and those without area.

    Raises:
        DataError: a row is not what it should be.
        LeftOut: the file is missing.
    """
    found: dict[tuple[str, int], list[list[float]]] = {}
    for where, row in table(_file(reading, "anomaly_location_ellipses.csv"), (*_EDGES, "certainty")):
        place = f"{reading.id} {where}"
        edges, sure, said = (
            numbers(row, _EDGES, place),
            certainty(row["certainty"], f"{place}, column certainty,"),
            marked(row, place),
        )
        fault = FLAT if _flat(edges) else UNSURE if sure < least else None
        exclusions.extend(Exclusion(place, fault or UNSHARED) for label in said if fault or label not in labels)
        for label in said if fault is None else ():
            if label in labels:
                found.setdefault((label, sure), []).append(edges)
    for (label, sure), places in found.items():
        yield UnreadMask(partial(drawn, np.array(places), reading.size), label, CONFIDENCE[sure], reading.source)


def chest(reading: Reading, exclusions: list[Exclusion]) -> Iterator[PublishedBoxes]:
    """The box that a reader drew around lungs and heart, as "chest".

    Raises:
        DataError: a row is not what it should be.
        LeftOut: the file is missing.
    """
    for where, row in table(_file(reading, "chest_bounding_box.csv"), _EDGES):
        edges = numbers(row, _EDGES, f"{reading.id} {where}")
        if _flat(edges):
            exclusions.append(Exclusion(f"{reading.id} {where}", FLAT))
        else:
            yield PublishedBoxes(np.array([edges]), "chest", source=reading.source)


def drawn(edges: Float[np.ndarray, "N 4"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """Pixels whose centres lie in one of the ellipses that are inscribed in these boxes (x0, y0, x1, y1)."""
    y, x = np.arange(size[0])[:, None] + 0.5, np.arange(size[1]) + 0.5
    inside = np.zeros(size, dtype=bool)
    for x0, y0, x1, y1 in edges:
        inside |= ((2 * x - x0 - x1) / (x1 - x0)) ** 2 + ((2 * y - y0 - y1) / (y1 - y0)) ** 2 <= 1
    return inside


def _flat(edges: Sequence[float]) -> bool:
    return edges[0] >= edges[2] or edges[1] >= edges[3]


def _file(reading: Reading, *names: str) -> Path:
    found = next((reading.folder / name for name in names if (reading.folder / name).is_file()), None)
    if found is None:
        raise LeftOut(MISSING)
    return found
