"""What one case of a data set holds, in figures that can be shown of many cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pellucid.case import Case, Spans, marked, without_gaze
from pellucid.units import PixelUnits, words


@dataclass(frozen=True)
class Contents:
    """Figures of one case.

    Attributes:
        words: of its text; None without one.
        size: pixels along each axis of its image; None without one.
        channels: of its image; 0 without one.
        names: its labels.
        marks: how many pieces of evidence it has.
        areas: for each label that is marked, the share of the image inside the marks.
        sentences: how many a report says of its image.
    """

    words: int | None
    size: tuple[int, ...] | None
    channels: int
    names: frozenset[str]
    marks: int
    areas: dict[str, float] = field(default_factory=dict)
    sentences: int = 0

    @property
    def labels(self) -> int:
        """How many labels it has."""
        return len(self.names)


def contents(case: Case) -> Contents:
    """The figures of a case; reads its text and its image."""
    count = len(words(case.text)) if "text" in case.inputs else None
    if "image" not in case.inputs:
        return Contents(count, None, 0, case.labels, len(case.evidence))
    marks = len(without_gaze(case.evidence))
    picture = case.picture
    areas = _areas(case, PixelUnits.of(picture.size))
    return Contents(count, picture.size, picture.channels, case.labels, marks, areas, len(case.sentences))


def _areas(case: Case, units: PixelUnits) -> dict[str, float]:
    found = {label: [m for m in without_gaze(case.evidence_for(label)) if not isinstance(m, Spans)] for label in case.labels}
    return {label: float(marked(marks, units).mean()) for label, marks in found.items() if marks}


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
