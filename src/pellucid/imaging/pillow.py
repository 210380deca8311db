"""PNG, JPEG and TIFF, read with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Shaped

from pellucid.errors import DataError
from pellucid.imaging.guarding import check_size, chosen_frame, decoding, installed
from pellucid.picture import Picture

FORMATS: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
"""How a file of each format begins."""

_CLASSES = {"PNG": "PngImageFile", "JPEG": "JpegImageFile", "TIFF": "TiffImageFile"}
_AS_THEY_ARE = ("L", "RGB")
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # the tag of EXIF, and those of its values that swap height and width
_BITS, _PHOTOMETRIC, _SAMPLES = 0x0102, 0x0106, 0x0153  # tags of TIFF
_WHITE_IS_ZERO, _SIGNED = 0, 2  # values of the latter two


def read_pillow(path: Path, kind: str, *, frame: int | None, most_pixels: int) -> Picture:
    """A PNG, JPEG or TIFF file, turned upright as its EXIF orientation says.

    Grey stays one channel, anything else becomes RGB (palette, CMYK, YCbCr, Lab). 16-bit grey stays 16-bit, and 12-bit grey
    is brought to 16; Pillow reads 16-bit colour with 8 bits. One-bit images become 0 and 255. A TIFF in which zero is white is
    turned over. Transparent pixels lie over black, the ground of most medical images, so that colours nobody sees do not reach
    a model. TIFFs of 32-bit floats must hold values in [0, 1]. Spacing is unknown: the resolution in such files is that of a
    printer. A TIFF has to keep Pillow's own limit too (`PIL.Image.MAX_IMAGE_PIXELS`).

    Raises:
        DataError: the file is damaged, too large, has several pages and none was chosen, or values without a known range.
        CapabilityError: Pillow is not installed.
    """
    operations = installed("PIL.ImageOps", "image", "Images")
    with decoding(path, "an image"), path.open("rb") as file:
        image = _opened(path, kind, file, most_pixels)
        image.seek(chosen_frame(path, getattr(image, "n_frames", 1), frame))
        check_size(path, image.size[::-1], most_pixels)
        image.load()
        # Pillow turns TIFFs itself while it loads them.
        pixels = _pixels(path, image if kind == "TIFF" else operations.exif_transpose(image))
        return Picture(pixels if pixels.ndim == 3 else pixels[..., None])


def pillow_size(path: Path, kind: str, most_pixels: int) -> tuple[int, int]:
    """Height and width of a PNG or JPEG file as :func:`read_pillow` gives it, from its header alone.

    Raises:
        DataError: the header is damaged, or announces too many pixels.
        CapabilityError: Pillow is not installed.
    """
    with decoding(path, "an image"), path.open("rb") as file:
        image = _opened(path, kind, file, most_pixels)
        width, height = image.size
        return (width, height) if image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE else (height, width)


def _opened(path: Path, kind: str, file: BinaryIO, most_pixels: int) -> Any:
    plugin = installed(f"PIL.{kind.title()}ImagePlugin", "image", "Images")
    # The class itself, as Pillow's own limit (global to the process) lies in `Image.open`; without the name of the file, as
    # Pillow 13 would map a plain TIFF into memory and, where it is turned by 90 degrees, mix up its rows.
    image = getattr(plugin, _CLASSES[kind])(file)
    check_size(path, image.size[::-1], most_pixels)
    return image


def _pixels(path: Path, image: Any) -> Shaped[np.ndarray, "..."]:
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    if _SIGNED in tags.get(_SAMPLES, ()):
        raise _without_range(path)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I"):
        values = _sixteen_bits(path, np.asarray(image), tags.get(_BITS, (16,))[0])
        return ~values if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else values  # Pillow turns those of 8 bits over itself
    if image.mode == "F":
        shades = _shades(path, np.asarray(image))
        return 1 - shades if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else shades
    if image.has_transparency_data:
        return _over_black(image)
    return np.asarray(image if image.mode in _AS_THEY_ARE else image.convert("RGB"))


def _sixteen_bits(path: Path, values: Shaped[np.ndarray, "H W"], bits: int) -> Shaped[np.ndarray, "H W"]:
    """Whole numbers as 16 bits. Pillow has a mode of 32 bits, which older versions use for 16-bit PNG too.

    Args:
        bits: that the file has for each.
    """
    if bits > 16 or values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise _without_range(path)
    return np.rint(values * (65535 / (2**bits - 1))).astype(np.uint16) if bits < 16 else values.astype(np.uint16)


def _without_range(path: Path) -> DataError:
    return DataError(
        f"{path} holds 32-bit or signed integers, whose range is not known; save it with 8 or 16 bits without a sign."
    )


def _shades(path: Path, values: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    if not (values.min() >= 0 and values.max() <= 1):  # also where one is not a number
        raise DataError(f"{path} holds floats outside [0, 1], whose range is not known; scale them, or save 8 or 16 bits.")
    return values


def _over_black(image: Any) -> Shaped[np.ndarray, "H W C"]:
    grey = image.mode in ("L", "LA", "La")
    layers = np.asarray(image.convert("LA" if grey else "RGBA")).astype(np.uint16)
    return ((layers[..., :-1] * layers[..., -1:] + 127) // 255).astype(np.uint8)
