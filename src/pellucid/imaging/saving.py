"""Pictures as PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from pellucid.errors import DataError
from pellucid.files import replacing
from pellucid.imaging.guarding import installed


def save_png(path: Path, pixels: UInt8[np.ndarray, "H W *C"]) -> None:
    """Write 8-bit pixels as a PNG file, whole or not at all: height x width for grey, or with 1 or 3 channels last.

    Raises:
        DataError: the array has another shape or type.
        StorageError: the file system refuses.
        CapabilityError: Pillow is not installed.
    """
    image_module = installed("PIL.Image", "image", "Images")
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if flat.dtype != np.uint8 or flat.ndim not in (2, 3) or flat.shape[2:] not in ((), (3,)) or not flat.size:
        raise DataError(
            f"{path} would hold values of type {pixels.dtype} and shape {pixels.shape}; give 8-bit integers, height x width, "
            "or with 1 or 3 channels last."
        )
    with replacing(path) as temporary:
        image_module.fromarray(np.ascontiguousarray(flat)).save(temporary, format="PNG")
