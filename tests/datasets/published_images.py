"""Small files of the kinds in which image data sets are published."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pellucid.case import Boxes, Case, Mask
from pellucid.datasets import Prepared, StoredDataset, write


def pixels(height: int = 12, width: int = 16, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Any 8-bit image."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(path: Path, values: np.ndarray) -> Path:
    """An image file of the kind that the suffix says; of booleans a mask of 0 and 255."""
    image_module = pytest.importorskip("PIL.Image", reason="images need pillow (the extra `image`)")
    values = values.astype(np.uint8) * 255 if values.dtype == bool else values
    path.parent.mkdir(parents=True, exist_ok=True)
    image_module.fromarray(values[..., 0] if values.shape[-1] == 1 and values.ndim == 3 else values).save(path)
    return path


def save_dicom(path: Path, values: np.ndarray, photometric: str = "MONOCHROME2") -> Path:
    """An 8-bit grey DICOM file."""
    pydicom = pytest.importorskip("pydicom", reason="DICOM needs pydicom (the extra `dicom`)")
    uid = pydicom.uid.generate_uid()
    data = pydicom.Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", uid
    data.Rows, data.Columns = values.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, photometric
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = values.tobytes()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = data.SOPClassUID, uid
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def save_table(path: Path, head: str, rows: Sequence[Sequence[object]]) -> Path:
    """A CSV file; the head is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(head + "\n")
        csv.writer(file).writerows(rows)
    return path


def stored(prepared: Prepared, folder: Path) -> StoredDataset:
    """The data set written, with all cases for training where no splits are published."""
    return write(folder, prepared, fractions=(1, 0, 0))


def boxes(case: Case) -> list[tuple[str | None, str, list[list[float]]]]:
    """Label, source and boxes of the case's marks."""
    return [(mark.label, mark.source, np.round(mark.boxes, 6).tolist()) for mark in case.evidence if isinstance(mark, Boxes)]


def masks(case: Case) -> list[tuple[str | None, np.ndarray]]:
    """Label and mask of the case's marks."""
    return [(mark.label, mark.mask) for mark in case.evidence if isinstance(mark, Mask)]
