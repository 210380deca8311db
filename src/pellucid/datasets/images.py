"""Image inputs of a case, read when they are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pellucid.case import Lazy
from pellucid.imaging import read
from pellucid.imaging.guarding import MOST_PIXELS


def lazy_image(
    path: Path, *, window: tuple[float, float] | None = None, frame: int | None = None, most_pixels: int = MOST_PIXELS
) -> Lazy:
    """An image file as an input of a case: each reading gives a new :class:`~pellucid.picture.Picture` and raises what
    :func:`pellucid.imaging.read` raises.
    """
    return Lazy(partial(read, Path(path), window=window, frame=frame, most_pixels=most_pixels))
