"""A folder of DICOM slices as one volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError
from pellucid.imaging.dicom import grey_values, shown
from pellucid.imaging.dicom_facts import Facts, facts
from pellucid.imaging.dicom_header import opened, size, wary
from pellucid.imaging.guarding import MOST_PIXELS, check_size
from pellucid.imaging.sniffing import is_dicom
from pellucid.imaging.windowing import Shading, WholeRange, Window
from pellucid.picture import Picture

_TURN = 1e-3  # directions of slices that count as one
_STRAY = 0.05  # of the distance between slices: what rounding in headers may move a slice


@dataclass(frozen=True, eq=False)
class _Slice:
    path: Path
    header: Any
    about: Facts
    position: Float[np.ndarray, " 3"]


def read_series(folder: Path, *, window: tuple[float, float] | None = None, most_pixels: int = MOST_PIXELS) -> Picture:
    """The DICOM files of a folder as a volume of shape [D, H, W, 1], in [0, 1], with its spacing.

    Slices are sorted by their position along the normal of their plane (rows x columns; from foot to head where rows run to the
    left and columns to the back). Shades come from `window` (centre and width), from the window of the files where all agree,
    else from the least to the greatest value of the volume. Other files and deeper folders are left aside.

    Raises:
        DataError: the folder has no DICOM file, or its slices are not one evenly spaced grey volume (several series, sizes or
            orientations, gaps, two slices in one place, a missing position, multi-frame files), or are too many.
        CapabilityError: pydicom is not installed.
    """
    slices = _slices(Path(folder), most_pixels)
    for name, what in (("series", _series), ("sizes", _shape), ("photometric interpretations", _photometric)):
        _check_same(folder, slices, name, what)
    check_size(folder, (len(slices), *size(slices[0].header)[1:]), most_pixels)
    normal = _normal(folder, slices)
    slices = sorted(slices, key=lambda s: float(s.position @ normal))
    step = _step(folder, slices, normal)
    values = np.stack([_values(s) for s in slices])
    about = slices[0].about
    spacing = about.spacing and (step, *about.spacing)
    return Picture(shown(values, about, Window(*window) if window else _shading(slices)), spacing)


def _slices(folder: Path, most_pixels: int) -> list[_Slice]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name the one that holds the files of the series.")
    slices = [_slice(path, most_pixels) for path in sorted(folder.iterdir()) if path.is_file() and is_dicom(path)]
    if not slices:
        raise DataError(f"{folder} holds no DICOM files; name the folder that holds the files of the series.")
    return slices


def _slice(path: Path, most_pixels: int) -> _Slice:
    with wary(path):
        header = opened(path, most_pixels)
        about = facts(path, header, 0)
        if size(header)[0] > 1:
            raise DataError(f"{path} holds several frames; read it alone, with the frame that you want.")
        if about.position is None or about.orientation is None or (len(about.position), len(about.orientation)) != (3, 6):
            raise DataError(f"{path} does not say where in the patient it lies; leave it out of the folder.")
        return _Slice(path, header, about, np.array(about.position))


def _series(item: _Slice) -> Any:
    element = item.header.get_item("SeriesInstanceUID")  # raw: what it says is compared, never looked at
    return element and bytes(element.value or b"")


def _shape(item: _Slice) -> Any:
    return (*size(item.header), item.about.spacing)


def _photometric(item: _Slice) -> Any:
    return item.header.PhotometricInterpretation


def _check_same(folder: Path, slices: Sequence[_Slice], name: str, what: Any) -> None:
    if len({what(s) for s in slices}) > 1:
        raise DataError(f"{folder} holds DICOM files of several {name}; put the files of one series into a folder of its own.")


def _normal(folder: Path, slices: Sequence[_Slice]) -> Float[np.ndarray, " 3"]:
    orientations = np.array([s.about.orientation for s in slices])
    if not (np.abs(orientations - orientations[0]) < _TURN).all():
        raise DataError(f"{folder} holds slices of several orientations; put those of one volume into a folder of its own.")
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    if not abs(float(np.linalg.norm(normal)) - 1) < 0.01:
        raise DataError(f"{folder} holds slices whose rows and columns are not at right angles; export the series again.")
    return normal


def _step(folder: Path, slices: Sequence[_Slice], normal: Float[np.ndarray, " 3"]) -> float:
    """Millimetres between neighbouring slices."""
    if len(slices) < 2:
        raise DataError(f"{folder} holds one DICOM file, which is no volume; read the file itself.")
    moves = np.diff([s.position for s in slices], axis=0)
    along = moves @ normal
    step = float(np.median(along))
    if not np.isfinite(moves).all() or along.min() <= _STRAY * max(step, 1e-3):
        raise DataError(f"{folder} holds two slices in one place; leave one of them out.")
    if np.abs(along - step).max() > _STRAY * step:
        raise DataError(f"{folder} has slices that are not evenly spaced; add those that are missing or leave the series out.")
    if np.abs(moves - np.outer(along, normal)).max() > _STRAY * step:
        raise DataError(
            f"{folder} has slices that are shifted against each other (a tilted gantry); resample the series first."
        )
    return step


def _values(item: _Slice) -> Float[np.ndarray, "H W"]:
    with wary(item.path):
        return grey_values(item.path, item.header, item.about, 0)


def _shading(slices: Sequence[_Slice]) -> Shading:
    """The window of the files where all have the same; one window a slice, or a table, says nothing about the volume."""
    found = {s.about.shading if isinstance(s.about.shading, Window) else None for s in slices}
    only = found.pop()
    return WholeRange() if found or only is None else only
