"""The header of a DICOM file, read warily: what is not about pixels is left unread, and nothing is decoded yet."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from pellucid.errors import DataError
from pellucid.imaging.guarding import check_size, decoding, installed

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TAGS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing", "ImagerPixelSpacing"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *(f"{colour}PaletteColorLookupTable{part}" for colour in ("Red", "Green", "Blue") for part in ("Descriptor", "Data")),
    *(f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", *PIXELS),
)
_UNDEFINED = 0xFFFFFFFF
_DEFERRED = 2**16  # bytes; longer elements stay in the file until the checks are done
_MOST_INFLATED = 2**28  # bytes of a deflated data set, which has to be inflated before its header can be read


def wary(path: Path) -> Any:
    """Say what went wrong with a DICOM file, without the words of the library: they may quote what the file says of people."""
    return decoding(path, "a DICOM image", words=lambda error: type(error).__name__)


def opened(path: Path, most_pixels: int) -> Any:
    """The data set of a DICOM file whose pixels may be decoded: they are there, not too many, and in a known encoding.

    Raises:
        DataError: one of these is not so, in one sentence.
        CapabilityError: pydicom is not installed.
    """
    reader: Any = installed("pydicom.filereader", "dicom", "DICOM files")
    with wary(path):
        meta = reader.read_file_meta_info(path)
        _check_syntax(path, str(meta.get("TransferSyntaxUID", "")))
        header = _data_set(path, meta, reader)
        _check_pixels(path, header)
        check_size(path, size(header), most_pixels)
        return header


def size(header: Any) -> tuple[int, int, int]:
    """Frames, rows and columns."""
    return int(header.get("NumberOfFrames") or 1), int(header.Rows), int(header.Columns)


def _check_syntax(path: Path, syntax: str) -> None:
    uids: Any = installed("pydicom.uid", "dicom", "DICOM files")
    pixels: Any = installed("pydicom.pixels", "dicom", "DICOM files")
    uid = uids.UID(syntax)
    known = f"{uid.name} ({uid})" if uid.name != uid else "an encoding that DICOM does not define"
    if not syntax:
        raise DataError(f"{path} does not say how its pixels are encoded (no transfer syntax); export it again.")
    try:
        decoder = pixels.get_decoder(uid)
    except NotImplementedError:
        raise DataError(f"{path} has {known}, which cannot be decoded; convert it to Explicit VR Little Endian.") from None
    if not decoder.is_available:
        raise DataError(
            f"{path} has {known}, which no installed decoder reads; install `pellucid[dicom]` or python-gdcm, or convert it to "
            "Explicit VR Little Endian."
        )


def _data_set(path: Path, meta: Any, reader: Any) -> Any:
    uids: Any = installed("pydicom.uid", "dicom", "DICOM files")
    if meta.TransferSyntaxUID != uids.DeflatedExplicitVRLittleEndian:
        return reader.dcmread(path, defer_size=_DEFERRED, specific_tags=list(_TAGS))
    # pydicom inflates without a bound, so it is handed what has been inflated here.
    tags = [installed("pydicom.tag", "dicom", "DICOM files").Tag(name) for name in _TAGS]
    header = reader.read_dataset(BytesIO(_inflated(path, meta)), False, True, specific_tags=tags)
    header.file_meta = meta
    header.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    return header


def _inflated(path: Path, meta: Any) -> bytes:
    start = 128 + 4 + 12 + int(meta.FileMetaInformationGroupLength)  # preamble, DICM, the element of the length itself
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    content = stream.decompress(path.read_bytes()[start:], _MOST_INFLATED)
    if stream.unconsumed_tail:
        raise DataError(
            f"{path} is deflated and holds more than {_MOST_INFLATED:,} bytes; if you trust the file, convert it to Explicit "
            "VR Little Endian."
        )
    return content


def _check_pixels(path: Path, header: Any) -> None:
    present = [name for name in PIXELS if name in header]
    if not present:
        raise DataError(f"{path} is a DICOM file without pixel data, or cut off before them; leave the case out.")
    high, bits = header.get("HighBit"), header.get("BitsStored")
    if high is not None and bits is not None and high >= bits and not header.file_meta.TransferSyntaxUID.is_encapsulated:
        raise DataError(f"{path} keeps {bits} bits below bit {high}, and not from the lowest bit on; export it again.")
    element = header.get_item(present[0], keep_deferred=True)
    if element.length == _UNDEFINED:
        return
    held = path.stat().st_size - element.value_tell if element.value is None else len(element.value)
    if held < element.length:
        raise DataError(
            f"{path} announces {element.length:,} bytes of pixel data and holds {max(held, 0):,}; it is cut off or damaged, "
            "export it again."
        )
