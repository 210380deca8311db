"""One way to read an image file, whatever its format."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import DataError
from pellucid.imaging.dicom import read_dicom
from pellucid.imaging.guarding import MOST_PIXELS
from pellucid.imaging.nifti import read_nifti
from pellucid.imaging.pillow import read_pillow
from pellucid.imaging.sniffing import kind_of
from pellucid.picture import Picture


def read(
    path: Path, *, window: tuple[float, float] | None = None, frame: int | None = None, most_pixels: int = MOST_PIXELS
) -> Picture:
    """The picture in an image file.

    * PNG, JPEG, TIFF: grey stays one channel, 8 and 16 bits stay integers; see :func:`~pellucid.imaging.pillow.read_pillow`.
    * DICOM: floats, as the file wants to be shown; see :func:`~pellucid.imaging.dicom.read_dicom`.
    * NIfTI: floats, a volume for three axes; see :func:`~pellucid.imaging.nifti.read_nifti`.

    Args:
        window: centre and width of the values to show, in the units of the file (Hounsfield for CT); DICOM and NIfTI only.
        frame: which page or frame, counted from 0, where a file holds several.
        most_pixels: what a header may announce; a guard against decompression bombs.

    Raises:
        DataError: the file is missing, damaged, too large, in another format, or asks for a choice that was not made.
        CapabilityError: the library that reads the format is not installed.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind == "DICOM":
        return read_dicom(path, window=window, frame=frame, most_pixels=most_pixels)
    if kind == "NIfTI":
        return read_nifti(path, window=window, frame=frame, most_pixels=most_pixels)
    if window is not None:
        raise DataError(f"{path} is a {kind} file, whose values have no unit; read it without a window.")
    return read_pillow(path, kind, frame=frame, most_pixels=most_pixels)
