"""What one case of a data set holds, in figures that can be shown of many cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.case import Boxes, Case, Evidence, Mask, marked, without_gaze
from pellucid.measurements import Measurements
from pellucid.signals import Signal
from pellucid.units import FeatureUnits, GridUnits, PixelUnits, SampleUnits, words


@dataclass(frozen=True)
class Contents:
    """Figures of one case.

    Attributes:
        words: of its text; None without one.
        size: pixels along each axis of its image; None without one.
        channels: of its image; 0 without one.
        row: its measurements; None without them.
        samples: samples and leads of its signal; None without one.
        rate: of its signal, in samples a second; 0 without one.
        names: its labels.
        marks: how many pieces of evidence it has.
        areas: for each label that is marked, the share of the image, signal or row inside the marks.
        sentences: how many a report says of its image.
    """

    words: int | None
    size: tuple[int, ...] | None
    channels: int
    names: frozenset[str]
    marks: int
    areas: dict[str, float] = field(default_factory=dict)
    sentences: int = 0
    row: Measurements | None = None
    samples: tuple[int, int] | None = None
    rate: float = 0.0

    @property
    def labels(self) -> int:
        """How many labels it has."""
        return len(self.names)

    @property
    def kind(self) -> str:
        """What its marks lie on, if it is no text: "image", "signal" or "row"; "" for a text."""
        if self.size is not None:
            return "image"
        return "signal" if self.samples is not None else "row" * (self.row is not None)


def contents(case: Case) -> Contents:
    """The figures of a case; reads its text, its image and its signal."""
    inputs = case.inputs
    count = len(words(case.text)) if "text" in inputs else None
    picture = case.picture if "image" in inputs else None
    row = case.measurements if "table" in inputs else None
    signal = case.signal if "signal" in inputs else None
    units: GridUnits | None = _units(row, signal) if picture is None else PixelUnits.of(picture.size)
    return Contents(
        words=count,
        size=None if picture is None else picture.size,
        channels=0 if picture is None else picture.channels,
        names=case.labels,
        marks=len(case.evidence if units is None else without_gaze(case.evidence)),
        areas={} if units is None else _areas(case, units),
        sentences=len(case.sentences),
        row=row,
        samples=None if signal is None else (len(signal.samples), len(signal.leads)),
        rate=0.0 if signal is None else signal.rate,
    )


def _units(row: Measurements | None, signal: Signal | None) -> SampleUnits | FeatureUnits | None:
    if signal is not None:
        return SampleUnits(len(signal.samples), signal.leads, signal.rate)
    return None if row is None else FeatureUnits(row.names)


def _areas(case: Case, units: GridUnits) -> dict[str, float]:
    found = {label: [mark for mark in case.evidence_for(label) if _lies_on(mark, units)] for label in case.labels}
    return {label: float(marked(marks, units).mean()) for label, marks in found.items() if marks}


def _lies_on(mark: Evidence, units: GridUnits) -> bool:
    """Whether it marks a part of the grid: another one may lie on the text beside it, or on the row beside an image."""
    if isinstance(mark, Mask):
        return mark.mask.shape == units.shape
    return isinstance(mark, Boxes) and isinstance(units, PixelUnits)


def median(values: Sequence[int]) -> str:
    """The median, and the largest in brackets."""
    return f"{np.median(values):,.0f} ({max(values):,})" if values else "-"


def share(values: Sequence[float]) -> str:
    """The median as per cent, and the largest in brackets."""
    return f"{100 * np.median(values):.1f} % ({100 * max(values):.1f} %)" if values else "-"


def size_range(found: Sequence[Contents]) -> str:
    """The size of images, or the least and the greatest extent along each axis, and whether they are grey."""
    sizes = [one.size for one in found if one.size]
    if len({len(size) for size in sizes}) > 1:
        shown = "flat images and volumes"
    else:
        extents = [sorted(set(extent)) for extent in zip(*sizes, strict=True)]
        shown = " x ".join(str(e[0]) if len(e) == 1 else f"{e[0]} to {e[-1]}" for e in extents) + " pixels"
    kinds = sorted({one.channels for one in found if one.size})
    return f"{shown}, {' and '.join({1: 'grey', 3: 'colour'}[kind] for kind in kinds)}"


def signal_range(found: Sequence[Contents]) -> str:
    """Samples, leads and rate of signals, or the least and the greatest of each."""
    sizes = [(*one.samples, one.rate) for one in found if one.samples]
    count, leads, rate = ([min(axis), max(axis)] for axis in zip(*sizes, strict=True))
    return f"{_between(count)} samples x {_between(leads)} leads at {_between(rate)} Hz"


def row_range(rows: Sequence[Measurements]) -> str:
    """How many measurements rows have, or the least and the greatest number."""
    counts = [len(row) for row in rows]
    return f"{_between([min(counts), max(counts)])} measurements"


def _between(ends: Sequence[float]) -> str:
    return f"{ends[0]:,g}" if ends[0] == ends[1] else f"{ends[0]:,g} to {ends[1]:,g}"
