"""What format a file is in: its first bytes decide, not its name."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from pellucid.errors import DataError
from pellucid.imaging.nifti import HEADER_BYTES, is_nifti
from pellucid.imaging.pillow import FORMATS

_GZIP = b"\x1f\x8b"


def kind_of(path: Path) -> str:
    """ "DICOM", "NIfTI", or a format of :data:`~pellucid.imaging.pillow.FORMATS`.

    Raises:
        DataError: the file is none of these, or cannot be read.
    """
    start = _opening(path)
    if _dicom(start):
        return "DICOM"
    if is_nifti(_inflated(path) if start.startswith(_GZIP) else start):
        return "NIfTI"
    for kind, openings in FORMATS.items():
        if start.startswith(openings):
            return kind
    raise DataError(f"{path} is not an image in PNG, JPEG, TIFF, DICOM or NIfTI (one file); convert it or leave the case out.")


def is_dicom(path: Path) -> bool:
    """Whether a file says of itself that it is DICOM."""
    return _dicom(_opening(path))


def _dicom(start: bytes) -> bool:
    return start[128:132] == b"DICM"


def _opening(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEADER_BYTES)
    except FileNotFoundError:
        raise DataError(f"The image {path} does not exist; check the folder of the data set.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; name one file, or read a DICOM series with `read_series`.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from None


def _inflated(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); replace it or leave the case out.") from None
