"""A case is one item of a patient: what the model reads, what is true of it, and what people marked in it.

Evidence is what a person marked for one label (or for the whole case, ``label=None``). Each kind knows how to become a set or a
density over the units of the same modality, so that a metric never asks which kind it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.errors import DataError
from pellucid.fixations import Fixations as Fixations
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.signals import Signal
from pellucid.units import GridUnits, PixelUnits, TextUnits, Units

_NAMED = "human:"
_NAMES = {"pixel": "an image", "sample": "a signal", "feature": "a row"}


class Evidence(Protocol):
    """What all kinds of evidence share.

    Attributes:
        label: the label it supports; None for the whole case.
        confidence: in (0, 1]; 1 for an expert's mark, less for weak sources.
        source: "human", or "human:NAME" where a data set tells its annotators apart; any other word for what is no person.
    """

    @property
    def label(self) -> str | None: ...
    @property
    def confidence(self) -> float: ...
    @property
    def source(self) -> str: ...
    def covers(self, units: Any) -> Bool[np.ndarray, " U"]:
        """The units that the evidence marks."""


def density(evidence: Evidence, units: Units) -> Float[np.ndarray, " U"]:
    """Evidence as weights over `units` that sum to 1; all zero where the evidence covers no unit."""
    if isinstance(evidence, Fixations):
        weights = evidence.dwell(cast(PixelUnits, units))
    else:
        weights = evidence.covers(units).astype(np.float64)
    total = weights.sum()
    return weights / total if total > 0 else weights


@dataclass(frozen=True, eq=False)
class Spans:
    """Marked stretches of text: half-open character offsets into ``case.text``.

    Several spans of one evidence are one (discontinuous) mention. The order is that of the annotation.
    """

    spans: Int[np.ndarray, "S 2"]
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"

    def covers(self, units: TextUnits) -> Bool[np.ndarray, " U"]:
        return units.overlapping(self.spans)

    @classmethod
    def of(cls, *spans: tuple[int, int], label: str | None = None, confidence: float = 1.0, source: str = "human") -> Spans:
        """Spans from pairs of offsets."""
        return cls(np.array(spans, dtype=np.int64).reshape(-1, 2), label, confidence, source)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Marked rectangles: half-open pixel ranges, rows of (x0, y0, x1, y1)."""

    boxes: Float[np.ndarray, "N 4"]
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"

    def covers(self, units: PixelUnits) -> Bool[np.ndarray, " U"]:
        """Pixels whose centre lies in a box; boxes say nothing of the slices of a volume.

        Raises:
            DataError: the units are those of a volume.
        """
        if units.depth is not None:
            raise DataError("Boxes mark flat images, and this one is a volume; mark it with masks.")
        x, y = np.arange(units.width) + 0.5, np.arange(units.height) + 0.5
        inside = np.zeros((units.height, units.width), dtype=bool)
        for x0, y0, x1, y1 in self.boxes:
            inside |= ((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))[None, :]
        return inside.ravel()


@dataclass(frozen=True, eq=False)
class Mask:
    """A marked region: a boolean for each pixel of an image or volume, sample of a signal (time, lead) or feature of a row."""

    mask: Bool[np.ndarray, "*S"]
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"

    def covers(self, units: GridUnits) -> Bool[np.ndarray, " U"]:
        """The mask itself.

        Raises:
            DataError: the mask and the image differ in size; nothing is resized silently.
        """
        if self.mask.shape != units.shape:
            mask, image = (" x ".join(map(str, shape)) for shape in (self.mask.shape, units.shape))
            raise DataError(f"A mask of {mask} {units.kind}s does not fit {_NAMES[units.kind]} of {image}; resample it first.")
        return self.mask.ravel()


@dataclass(frozen=True, eq=False)
class Phrase:
    """A sentence of a report, and where in the image it speaks of.

    Attributes:
        text: the sentence.
        boxes: where it speaks of, as half-open pixel ranges; of no rows where nobody said, or where there is no such place.
        label: the label it supports; None for no single one.
        mask: the exact region, where it is known; the boxes are then around it.
        regions: names of the anatomical regions that it speaks of ("left lung"), as the data set spells them.
        conditions: what it says of them: a finding, and whether it is there.
        gaze: where was looked while it was spoken, and shortly before; None where nobody knows. It is no place of the sentence.
    """

    text: str
    boxes: Boxes
    label: str | None = None
    confidence: float = 1.0
    source: str = "human"
    mask: Bool[np.ndarray, "H W"] | None = None
    regions: tuple[str, ...] = ()
    conditions: tuple[tuple[str, bool], ...] = ()
    gaze: Fixations | None = None

    @property
    def absent(self) -> bool:
        """Whether it says only what is not there ("no pneumothorax"): no place in the image shows that."""
        return bool(self.conditions) and not any(there for _, there in self.conditions)

    @property
    def abnormal(self) -> bool:
        """Whether it says that something is there which is not normal.

        Where the data set says so of the sentence itself (the condition "abnormal"), that decides: what "tube in place" names
        is there, and all is well. A sentence without conditions is abnormal where it supports a label.
        """
        judged = [there for name, there in self.conditions if name == "abnormal"]
        said = [name for name, there in self.conditions if there and name != "normal"]
        return any(judged) if judged else bool(said) or (not self.conditions and self.label is not None)

    @property
    def groundable(self) -> bool:
        """Whether a map for it should lie somewhere: it has a place, and says that something is there."""
        return not self.absent and (len(self.boxes.boxes) > 0 or (self.mask is not None and bool(self.mask.any())))

    def covers(self, units: PixelUnits) -> Bool[np.ndarray, " U"]:
        """The pixels of the mask, or of the boxes where there is none."""
        return self.boxes.covers(units) if self.mask is None else Mask(self.mask).covers(units)


@dataclass(frozen=True)
class Lazy:
    """An input that is read each time it is asked for (an image file, a row of a memory-mapped table)."""

    read: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Case:
    """One patient item.

    Attributes:
        id: unique within its data set.
        patient: who it belongs to; splits and intervals keep the cases of a patient together.
        inputs: what the model reads, by name ("text", "image", "table", "signal", ...); a :class:`Lazy` value is read when
            asked for.
        labels: what is true of the case, by name (codes).
        evidence: what people marked.
        causes: what generated the labels, where that is known (phantoms). It differs from `evidence` where a shortcut is
            planted: a person would look at the evidence, the truth lies in the cause.
        meta: anything else worth keeping; JSON values.
        anatomy: where named structures lie ("lungs", "heart"), which nobody marked as a reason. Their labels are names of
            structures and need not be among those of the case.
        sentences: what a report says of the image, sentence by sentence. They are no evidence: a sentence is what a map is
            asked about, not why a label was given.
    """

    id: str
    patient: str
    inputs: Mapping[str, Any]
    labels: frozenset[str]
    evidence: tuple[Evidence, ...] = ()
    causes: tuple[Evidence, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    anatomy: tuple[Evidence, ...] = ()
    sentences: tuple[Phrase, ...] = ()

    def input(self, name: str) -> Any:
        """The input of that name, read now if it is lazy.

        Raises:
            DataError: the case has no such input.
        """
        if name not in self.inputs:
            raise DataError(f"Case {self.id} has no input named {name!r}; it has {', '.join(self.inputs) or 'none'}.")
        value = self.inputs[name]
        return value.read() if isinstance(value, Lazy) else value

    @property
    def text(self) -> str:
        """The note of a text case."""
        return cast(str, self.input("text"))

    @property
    def picture(self) -> Picture:
        """The image of an image case."""
        return Picture.of(self.input("image"))

    @property
    def measurements(self) -> Measurements:
        """The row of a case of a table."""
        return cast(Measurements, self.input("table"))

    @property
    def signal(self) -> Signal:
        """The recording of a case of a signal."""
        return cast(Signal, self.input("signal"))

    def evidence_for(self, label: str) -> tuple[Evidence, ...]:
        """What people marked for one label, and for the whole case."""
        return tuple(e for e in self.evidence if e.label in (label, None))


def marked(evidence: Iterable[Evidence], units: Units) -> Bool[np.ndarray, " U"]:
    """The units that any of the evidence covers."""
    result = np.zeros(len(units), dtype=bool)
    for item in evidence:
        result |= item.covers(units)
    return result


def without_gaze(evidence: Iterable[Evidence]) -> list[Evidence]:
    """What people marked, without where they looked: gaze shows where somebody searched, not what was found there."""
    return [item for item in evidence if not isinstance(item, Fixations)]


def by_annotator(evidence: Iterable[Evidence]) -> dict[str, tuple[Evidence, ...]]:
    """The marks of each annotator whom the data set names, in the order of the names; what has no such source is left out."""
    found: dict[str, list[Evidence]] = {}
    for item in evidence:
        if item.source.startswith(_NAMED):
            found.setdefault(item.source.removeprefix(_NAMED), []).append(item)
    return {name: tuple(found[name]) for name in sorted(found)}
