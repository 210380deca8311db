"""NIfTI files, read with nibabel."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError
from pellucid.imaging.guarding import check_size, chosen_frame, decoding, installed
from pellucid.imaging.windowing import WholeRange, Window
from pellucid.picture import Picture

HEADER_BYTES = 540
"""The longer of the two headers, of version 2."""

_FIRST, _SECOND = (348).to_bytes(4, "little"), (540).to_bytes(4, "little")
_MOST_BEFORE_DATA = 2**24  # bytes of header extensions
Spacing = tuple[float, ...] | None

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}


def is_nifti(start: bytes) -> bool:
    """Whether a file that begins with these bytes is NIfTI 1 or 2 in one file."""
    first = start[:4] in (_FIRST, _FIRST[::-1]) and start[344:348] == b"n+1\0"
    return first or (start[:4] in (_SECOND, _SECOND[::-1]) and start[4:8] == b"n+2\0")


def read_nifti(path: Path, *, window: tuple[float, float] | None, frame: int | None, most_pixels: int) -> Picture:
    """A NIfTI image (gzipped or not) as 32-bit floats in [0, 1], with its spacing in millimetres.

    Axes are turned to the nearest ones of the patient and given as [D, H, W, 1]: D from foot to head, H from front to back, W
    from the patient's right to the left. That is the order of an axial DICOM series, so both give the same volume. An image
    with two axes is one plane of such a volume, [H, W, 1]. Values are scaled as the header says, then by `window` (centre and
    width, LINEAR) or from the least value to the greatest.

    Raises:
        DataError: the file is damaged or too large, has a fourth axis and no `frame` was chosen, or has values that are not
            finite real numbers.
        CapabilityError: nibabel is not installed.
    """
    nibabel: Any = installed("nibabel", "nifti", "NIfTI files")
    with decoding(path, "a NIfTI image"), _stream(path) as stream:
        shape = _checked_shape(path, stream, nibabel, most_pixels)
        image = _class(nibabel, stream).from_stream(stream)
        chosen = chosen_frame(path, shape[3], frame)
        place = (..., chosen, *(0,) * (len(image.shape) - 4)) if len(image.shape) > 3 else ...
        values = image.dataobj[place].astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"{path} holds values that are no finite numbers; replace them or leave the case out.")
        shading = Window(*window) if window else WholeRange()
        turned, spacing = _turned(values, image, nibabel)
        return Picture(shading.shades(turned).astype(np.float32)[..., None], spacing)


@contextlib.contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with cast(IO[bytes], gzip.open(path)) if packed else path.open("rb") as stream:
        yield stream


def _class(nibabel: Any, stream: IO[bytes]) -> Any:
    start = stream.read(4)
    stream.seek(0)
    return nibabel.Nifti1Image if start in (_FIRST, _FIRST[::-1]) else nibabel.Nifti2Image


def _checked_shape(path: Path, stream: IO[bytes], nibabel: Any, most_pixels: int) -> tuple[int, int, int, int]:
    """The three axes and the frames, from the header alone."""
    kind = _class(nibabel, stream).header_class
    header = kind(stream.read(kind.template_dtype.itemsize))
    stream.seek(0)
    shape = (*header.get_data_shape(), 1, 1)
    if len(shape) < 4 or any(n != 1 for n in shape[4:]):
        raise DataError(f"{path} has {len(shape) - 2} axes; give an image of two or three, or of four with a frame.")
    if header.get_data_dtype().kind not in "iuf":
        raise DataError(f"{path} holds values that are no real numbers; save it with integers or floats.")
    if header.get_data_offset() > _MOST_BEFORE_DATA:
        raise DataError(f"{path} announces {header.get_data_offset():,} bytes before its first voxel; save it again.")
    check_size(path, shape[:3], most_pixels)
    return shape[:4]


def _turned(values: Float[np.ndarray, "X Y *Z"], image: Any, nibabel: Any) -> tuple[Float[np.ndarray, "*S"], Spacing]:
    """The values along the axes of the patient, and their spacing; an axis that the file does not have is left out."""
    directions = nibabel.orientations.io_orientation(image.affine)
    turn = nibabel.orientations.ornt_transform(directions, nibabel.orientations.axcodes2ornt(("L", "P", "S")))
    volume = nibabel.orientations.apply_orientation(values.reshape((*values.shape, 1)[:3]), turn).transpose(2, 1, 0)
    places = [2 - int(axis) for axis in turn[: values.ndim, 0]]
    unit = _MILLIMETRES.get(image.header.get_xyzt_units()[0], 1.0)
    lengths = dict(zip(places, (unit * float(z) for z in image.header.get_zooms()), strict=False))
    kept = sorted(places)
    spacing = tuple(lengths[axis] for axis in kept)
    shape = tuple(volume.shape[axis] for axis in kept)
    return volume.reshape(shape), spacing if all(0 < length < np.inf for length in spacing) else None
