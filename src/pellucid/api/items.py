"""What people hand to a model, as a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.imaging import read
from pellucid.picture import Picture
from pellucid.predictor import Modality


def as_case(item: Any, modality: Modality = "text") -> Case:
    """A text or an image as a case; a case is given back.

    Args:
        item: where texts are read, a text. Where images are, a file (PNG, JPEG, TIFF, DICOM, NIfTI), a
            :class:`~pellucid.picture.Picture`, an array or tensor of height x width with 1 or 3 channels last or none (integers
            of 8 or 16 bits, or numbers in [0, 1]), or an image of pillow.

    Raises:
        DataError: the text holds no visible character, or the image cannot be read.
    """
    if modality == "image":
        return item if isinstance(item, Case) else Case("image", "", {"image": _picture(item)}, frozenset())
    case = item if isinstance(item, Case) else Case("text", "", {"text": item}, frozenset())
    if not isinstance(case.text, str):
        raise DataError(f"The model reads texts, and this is of the kind {type(item).__name__}; give a string.")
    if not case.text.strip():
        raise DataError(f"The text of case {case.id} is empty; give a note with at least one word.")
    return case


def _picture(item: Any) -> Picture:
    return read(Path(item)) if isinstance(item, str | Path) else Picture.of(item)
