"""What all readers of image files check, and how they say what is wrong."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pellucid.errors import CapabilityError, DataError, PellucidError, first_line

MOST_PIXELS = 100_000_000
"""Pixels (or voxels, over all frames) of a file that is read without being asked to: some 400 MB as 32-bit floats."""


def installed(module: str, extra: str, what: str) -> Any:
    """An optional library.

    Raises:
        CapabilityError: it is not installed; the sentence names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0].replace("PIL", "pillow")
        raise CapabilityError(
            f"{what} are read and written with {name}; install it with `pip install 'pellucid[{extra}]'`."
        ) from None


@contextlib.contextmanager
def decoding(path: Path, what: str, words: Callable[[BaseException], str] = first_line) -> Iterator[None]:
    """Say in one sentence what a library thought of a damaged file. A decoder may raise anything over hostile bytes."""
    try:
        yield
    except PellucidError:
        raise
    except Exception as error:
        raise DataError(f"{path} is not {what} that can be read ({words(error)}); replace it or leave the case out.") from error


def check_size(path: Path, size: tuple[int, ...], most_pixels: int) -> None:
    """Refuse a header that announces no pixels, or more than `most_pixels`, before anything is decoded."""
    if min(size) < 1:
        raise DataError(f"{path} announces {_times(size)} pixels; replace it or leave the case out.")
    if math.prod(size) > most_pixels:
        raise DataError(
            f"{path} announces {_times(size)} pixels, more than the limit of {most_pixels:,}; if you trust the file, read it "
            f"with most_pixels={math.prod(size)} or more."
        )


def chosen_frame(path: Path, frames: int, frame: int | None) -> int:
    """The frame to read: the only one, or the one that was asked for."""
    if frame is None and frames > 1:
        raise DataError(f"{path} holds {frames} frames; choose one with frame=0 to frame={frames - 1}.")
    if frame is not None and not 0 <= frame < frames:
        raise DataError(f"{path} has no frame {frame}; it holds {frames}, counted from 0.")
    return frame or 0


def _times(size: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in size)
