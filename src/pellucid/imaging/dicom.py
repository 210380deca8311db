"""DICOM files, read with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from pellucid.errors import DataError
from pellucid.imaging.dicom_facts import Facts, facts
from pellucid.imaging.dicom_header import opened, size, wary
from pellucid.imaging.guarding import chosen_frame, installed
from pellucid.imaging.windowing import Shading, Window
from pellucid.picture import Picture

_GREY = ("MONOCHROME1", "MONOCHROME2")


def read_dicom(path: Path, *, window: tuple[float, float] | None, frame: int | None, most_pixels: int) -> Picture:
    """One frame of a DICOM file as 32-bit floats in [0, 1], with the spacing of its pixels.

    Grey images: stored values become those of the modality (rescale or table), then shades of grey by `window` (centre and
    width, LINEAR) or as the file says: its VOI table, else its first window, else from the least value to the greatest.
    MONOCHROME1 is turned over last, so that bright is always dense. Colour (RGB, YBR, palette) becomes RGB. The spacing is
    Pixel Spacing, else Imager Pixel Spacing (at the detector, not in the patient).

    Raises:
        DataError: the file is damaged, too large, without pixels, in an encoding that cannot be decoded, has several frames and
            none was chosen, or is in colour and a window was given.
        CapabilityError: pydicom is not installed.
    """
    with wary(path):
        header = opened(path, most_pixels)
        chosen = chosen_frame(path, size(header)[0], frame)
        about = facts(path, header, chosen)
        if header.PhotometricInterpretation in _GREY:
            values = grey_values(path, header, about, chosen)
            return Picture(shown(values, about, Window(*window) if window else about.shading), about.spacing)
        if window is not None:
            raise DataError(f"{path} is in colour, which has no window; read it without one.")
        return Picture(_colour(path, header, chosen), about.spacing)


def grey_values(path: Path, header: Any, about: Facts, frame: int) -> Float[np.ndarray, "H W"]:
    """The values of the modality of one frame.

    Raises:
        DataError: one of them is not finite, or the image is in colour.
    """
    if header.PhotometricInterpretation not in _GREY:
        raise DataError(f"{path} is in colour; only grey images have values of a modality.")
    stored = _stored(path, header, frame)
    if stored.ndim != 2:
        raise DataError(f"{path} calls itself grey and has {stored.shape[2]} values a pixel; export it again.")
    values = about.values(stored)
    if not np.isfinite(values).all():
        raise DataError(f"{path} holds values that are no finite numbers; leave the case out.")
    return values


def shown(values: Float[np.ndarray, "*S"], about: Facts, shading: Shading) -> Float[np.ndarray, "*S 1"]:
    """Values of the modality as shades in [0, 1], bright is dense, with a channel."""
    shades = shading.shades(values).astype(np.float32)[..., None]
    return 1 - shades if about.inverted else shades


def _colour(path: Path, header: Any, frame: int) -> Float[np.ndarray, "H W 3"]:
    stored = _stored(path, header, frame)
    bits = int(header.BitsStored)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        stored = installed("pydicom.pixels", "dicom", "DICOM files").apply_color_lut(stored, header)
        # Entries of 8 bits may lie in words of 16.
        bits = min(8 * stored.dtype.itemsize, int(header.RedPaletteColorLookupTableDescriptor[2]))
    if stored.ndim != 3 or stored.shape[2] != 3:
        raise DataError(f"{path} is neither grey nor in a colour space that is read (RGB, YBR, palette); convert it to RGB.")
    return np.asarray(np.clip(stored.astype(np.float32) / np.float32(2**bits - 1), 0, 1))


def _stored(path: Path, header: Any, frame: int) -> Shaped[np.ndarray, "H W *C"]:
    """The pixels as they are stored, decompressed; YBR becomes RGB."""
    pixels = installed("pydicom.pixels", "dicom", "DICOM files")
    try:
        return np.asarray(pixels.pixel_array(header, index=frame))
    except Exception as error:
        encoding = header.file_meta.TransferSyntaxUID
        if not encoding.is_encapsulated:
            raise DataError(
                f"{path} has pixel data that do not fit what its header says of their size, bits or frames; export it again."
            ) from error
        raise DataError(
            f"{path} has pixel data that cannot be decoded ({encoding.name}); if the file is sound, convert it to Explicit VR "
            "Little Endian with another program."
        ) from error
