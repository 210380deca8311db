"""DICOM files that tests write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def data_set(pixels: np.ndarray, **tags: Any) -> Dataset:
    """A grey or RGB image of any DICOM modality; `tags` come last and win."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    frames = pixels.shape[0] if pixels.ndim == 3 and pixels.shape[-1] != 3 else None
    made.Rows, made.Columns = pixels.shape[1:3] if frames else pixels.shape[:2]
    if frames:
        made.NumberOfFrames = frames
    colour = pixels.shape[-1] == 3
    made.SamplesPerPixel, made.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
    content = pixels.tobytes()
    made.add_new("PixelData", "OB" if made.BitsAllocated == 8 else "OW", content + b"\0" * (len(content) % 2))
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def write(path: Path, pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> Path:
    return save(path, data_set(pixels, **tags), syntax)


def save(path: Path, made: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write the data set as it is, without asking whether a reader will like it."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    explicit = {"implicit_vr": False, "little_endian": True} if made.file_meta.TransferSyntaxUID.is_private else {}
    made.save_as(path, enforce_file_format=True, **explicit)
    return path


def encapsulated(made: Dataset, frame: bytes) -> Dataset:
    """The data set with one frame as a compressed encoding holds it."""
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return made


def table(entries: list[int], first: int, bits: int, **tags: Any) -> Dataset:
    """An item of a look-up table sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    for name, value in tags.items():
        setattr(item, name, value)
    return item
