"""Image inputs of a case, read when they are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from pellucid.case import Lazy
from pellucid.errors import CapabilityError, DataError


def lazy_image(path: Path) -> Lazy:
    """An image file as an input of a case; each reading gives 8-bit RGB values of shape [H, W, 3].

    Reading raises :class:`CapabilityError` where pillow is missing and :class:`DataError` where the file is no image.
    """
    return Lazy(partial(_read, Path(path)))


def _read(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    image_module: Any
    try:
        from PIL import Image as image_module
    except ImportError:
        raise CapabilityError("Images are read with pillow; install it with `pip install 'pellucid[image]'`.") from None
    try:
        with image_module.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise DataError(f"The image {path} does not exist; check the folder of the data set.") from None
    except (OSError, SyntaxError, image_module.DecompressionBombError) as error:
        raise DataError(f"{path} is not an image that can be read ({error}); replace it or leave the case out.") from error
