"""What a DICOM header says of the grey values and the place of one frame, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from pellucid.errors import DataError
from pellucid.imaging.windowing import Shading, Table, WholeRange, Window

_GROUPS = (
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
)


@dataclass(frozen=True, eq=False)
class Facts:
    """One frame of one file.

    Attributes:
        slope: what the stored values are multiplied with; `intercept` is added then.
        modality: a table from stored values to those of the modality, instead of slope and intercept.
        shading: how the file wants to be shown.
        inverted: low values are bright (MONOCHROME1).
        spacing: millimetres between rows and between columns; None where unknown, or not positive.
        position: of the first pixel in the patient, in millimetres; None where unknown.
        orientation: directions of the rows and of the columns, six numbers; None where unknown.
    """

    slope: float
    intercept: float
    modality: Table | None
    shading: Shading
    inverted: bool
    spacing: tuple[float, float] | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None

    def values(self, stored: Shaped[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
        """The values of the modality (Hounsfield units for CT), as 32-bit floats, or as 64-bit floats where 32 would round."""
        kind = np.result_type(stored, np.float32).type
        values = stored.astype(kind)
        if self.modality is not None:
            return self.modality.values(values)
        with np.errstate(over="ignore", invalid="ignore"):  # who reads asks whether the values are finite
            return np.asarray(values * kind(self.slope) + kind(self.intercept))


def facts(path: Path, header: Any, frame: int) -> Facts:
    """The facts of one frame, wherever the header keeps them: for all frames, or for each in turn.

    Raises:
        DataError: the file asks for a window or a slope that makes no sense.
    """
    found = [header, *_groups(header, frame)]
    slope, intercept = _numbers(found, "RescaleSlope") or (1.0,), _numbers(found, "RescaleIntercept") or (0.0,)
    if slope[0] == 0:
        raise DataError(f"{path} has the rescale slope 0, which leaves nothing of its values; export it again.")
    return Facts(
        slope=slope[0],
        intercept=intercept[0],
        modality=_table(found, "ModalityLUTSequence"),
        shading=_shading(path, found, intercept[0] < 0),
        inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        spacing=_spacing(found),
        position=_numbers(found, "ImagePositionPatient"),
        orientation=_numbers(found, "ImageOrientationPatient"),
    )


def _groups(header: Any, frame: int) -> list[Any]:
    """The functional groups of a frame in enhanced multi-frame objects; those of the frame come last and win."""
    shared = list(header.get("SharedFunctionalGroupsSequence") or ())[:1]
    own = list(header.get("PerFrameFunctionalGroupsSequence") or ())[frame : frame + 1]
    return [item for group in (*shared, *own) for name in _GROUPS for item in list(group.get(name) or ())[:1]]


def _last(found: Sequence[Any], name: str) -> Any:
    return next((value for source in reversed(found) if (value := source.get(name)) not in (None, "")), None)


def _numbers(found: Sequence[Any], name: str) -> tuple[float, ...] | None:
    value = _last(found, name)
    if value is None:
        return None
    return tuple(float(v) for v in np.atleast_1d(np.asarray(value, dtype=np.float64))) or None


def _shading(path: Path, found: Sequence[Any], negative: bool) -> Shading:
    """A table where the file has one (it is the finer of the two), else its first window, else the whole range.

    Args:
        negative: whether values of the modality can lie below zero.
    """
    table = _table(found, "VOILUTSequence", negative)
    centre, width = _numbers(found, "WindowCenter"), _numbers(found, "WindowWidth")
    if table is not None or centre is None or width is None:
        return table or WholeRange()
    try:
        return Window(centre[0], width[0], str(_last(found, "VOILUTFunction") or "LINEAR"))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _spacing(found: Sequence[Any]) -> tuple[float, float] | None:
    numbers = _numbers(found, "PixelSpacing") or _numbers(found, "ImagerPixelSpacing")
    if numbers is None or len(numbers) != 2 or not all(0 < n < np.inf for n in numbers):
        return None
    return numbers[0], numbers[1]


def _table(found: Sequence[Any], name: str, negative: bool = False) -> Table | None:
    items = list(_last(found, name) or ())
    if not items:
        return None
    length, first, bits = (int(v) for v in items[0].LUTDescriptor)
    if negative and first >= 2**15:  # files without types (implicit VR) leave open whether the number has a sign
        first -= 2**16
    data = items[0].LUTData
    if isinstance(data, bytes):
        words = ">u2" if items[0].original_encoding[1] is False else "<u2"
        data = np.frombuffer(data, dtype=np.uint8 if len(data) in (length, length + 1) else words)
    return Table(np.atleast_1d(np.asarray(data))[: length or 2**16], first, bits)
