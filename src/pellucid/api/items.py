"""What people hand to a model, as a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.imaging import read
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.predictor import Modality
from pellucid.signals import Signal


def as_case(item: Any, modality: Modality = "text", model: object = None) -> Case:
    """A text, an image, a row or a signal as a case; a case is given back.

    Args:
        item: where texts are read, a text. Where images are, a file (PNG, JPEG, TIFF, DICOM, NIfTI), a
            :class:`~pellucid.picture.Picture`, an array or tensor of height x width with 1 or 3 channels last or none (integers
            of 8 or 16 bits, or numbers in [0, 1]), or an image of pillow. Where rows are, a mapping from names to values,
            :class:`~pellucid.measurements.Measurements`, or numbers in the model's order. Where signals are, a
            :class:`~pellucid.signals.Signal`, or an array of samples x leads at the model's rate and in the order of its leads.
        model: the predictor, which says what numbers without names are.

    Raises:
        DataError: the text holds no visible character, or the image, row or signal cannot be read.
    """
    if isinstance(item, Case) and modality != "text":
        return item
    if modality == "image":
        return Case("image", "", {"image": _picture(item)}, frozenset())
    if modality == "table":
        return Case("row", "", {"table": _measurements(item, model)}, frozenset())
    if modality == "signal":
        return Case("signal", "", {"signal": _signal(item, model)}, frozenset())
    case = item if isinstance(item, Case) else Case("text", "", {"text": item}, frozenset())
    if not isinstance(case.text, str):
        raise DataError(f"The model reads texts, and this is of the kind {type(item).__name__}; give a string.")
    if not case.text.strip():
        raise DataError(f"The text of case {case.id} is empty; give a note with at least one word.")
    return case


def _picture(item: Any) -> Picture:
    return read(Path(item)) if isinstance(item, str | Path) else Picture.of(item)


def _measurements(item: Any, model: object) -> Measurements:
    if isinstance(item, Measurements):
        return item
    if isinstance(item, Mapping):
        return Measurements(_numbers(list(item.values()), "a row", np.float64), tuple(map(str, item)))
    return Measurements(_numbers(item, "a row", np.float64), tuple(getattr(model, "names", ())))


def _signal(item: Any, model: object) -> Signal:
    if isinstance(item, Signal):
        return item
    samples = _numbers(item, "a signal", np.float32)
    known = {name: getattr(model, name) for name in ("leads", "unit") if hasattr(model, name)}
    return Signal(samples, getattr(model, "rate", 0.0), **known)


def _numbers(item: Any, what: str, kind: Any) -> np.ndarray:
    try:
        return np.asarray(item.detach().cpu() if hasattr(item, "detach") else item).astype(kind)
    except (TypeError, ValueError) as error:
        raise DataError(f"The model reads {what} of numbers, and this is of the kind {type(item).__name__}.") from error
