"""Units: what one score of an explanation is about.

Text is cut into tokens (the model's), words, sentences or sections, each with half-open character offsets into the text that
the model read; images into pixels, and signals into the samples of each lead, which lie in regions; a row of a table into its
features. Scores of a finer kind are brought to a coarser one by summing (:meth:`TextUnits.project`, :meth:`GridUnits.project`),
so that a map is comparable whatever the model's tokenizer.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Literal, Protocol, cast

import numpy as np
from jaxtyping import Bool, Float, Int

TextKind = Literal["token", "word", "sentence", "section"]
RegionKind = Literal["patch", "superpixel", "segment"]

# A word is a run of letters, digits and combining marks, joined by inner apostrophes and hyphens, and by the decimal sign of a
# number; any other run of visible characters is a unit of its own. Every visible character belongs to exactly one word.
_LETTERS = r"[\w\u0300-\u036f]+"
_WORD = re.compile(rf"{_LETTERS}(?:['’-]{_LETTERS}|(?<=\d)[.,](?=\d){_LETTERS})*|[^\w\u0300-\u036f\s]+")
# A sentence ends at a line break, or after . ! ? followed by white space and something that is not a small letter.
_SENTENCE_END = re.compile(r"\n+|(?<=[.!?])[ \t]+(?=[^\sa-záéíóúñüàèìòùâêîôûäöç])")
# A title has at most so many words: more of them before a colon are the start of a sentence.
_TITLE_WORDS = 6


class Units(Protocol):
    """What all kinds of units share: they can be counted, and scores of finer units summed into them."""

    @property
    def kind(self) -> str: ...
    def __len__(self) -> int: ...
    def group(self, coarser: Any) -> Int[np.ndarray, " U"]:
        """For each unit the index of the unit of `coarser` that holds it, or -1."""

    def project(self, scores: Float[np.ndarray, "*K U"], coarser: Any) -> Float[np.ndarray, "*K V"]:
        """Sum scores of these units into the units of `coarser` that hold them; float64."""


@dataclass(frozen=True, eq=False)
class TextUnits:
    """Pieces of a text, in reading order.

    Attributes:
        text: the text that the offsets point into.
        offsets: half-open character ranges, one row a unit; `text[a:b]` is the unit. An empty range (a == b) is a unit that
            stands for no text of its own, such as the second half of a character cut by a byte-level tokenizer.
        kind: what a unit is.
    """

    text: str
    offsets: Int[np.ndarray, "U 2"]
    kind: TextKind

    def __post_init__(self) -> None:
        starts, ends = self.offsets[:, 0], self.offsets[:, 1]
        if len(self.offsets) and (starts.min() < 0 or ends.max() > len(self.text) or (ends < starts).any()):
            raise ValueError(f"offsets of {self.kind}s lie outside the text of {len(self.text)} characters")

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, index: int) -> str:
        start, end = self.offsets[index]
        return self.text[start:end]

    @cached_property
    def strings(self) -> list[str]:
        """The text of every unit."""
        return [self.text[start:end] for start, end in self.offsets.tolist()]

    @cached_property
    def anchors(self) -> Int[np.ndarray, " U"]:
        """For each unit the offset of its first visible character (its start, if it has none)."""
        leading = np.array([len(s) - len(s.lstrip()) if s.strip() else 0 for s in self.strings], dtype=np.int64)
        return self.offsets[:, 0] + leading

    @cached_property
    def is_punctuation(self) -> Bool[np.ndarray, " U"]:
        """True for units without any letter or digit."""
        return np.array([not any(c.isalnum() for c in s) for s in self.strings], dtype=bool)

    def overlapping(self, spans: Int[np.ndarray, "S 2"]) -> Bool[np.ndarray, " U"]:
        """True for units that share a visible character with one of the half-open `spans`.

        A unit without one (white space, an empty range) counts where it starts strictly inside a span.
        """
        stripped = np.array([len(s.strip()) for s in self.strings], dtype=np.int64)
        starts, ends = self.anchors, self.anchors + stripped
        hit = np.zeros(len(self), dtype=bool)
        for a, b in np.asarray(spans, dtype=np.int64).reshape(-1, 2):
            hit |= (starts < b) & (ends > a) & (a < b)
        return hit

    def group(self, coarser: TextUnits) -> Int[np.ndarray, " U"]:
        """For each unit the index of the unit of `coarser` that holds its first visible character, or -1."""
        index = np.searchsorted(coarser.offsets[:, 0], self.anchors, side="right") - 1
        if not len(coarser):
            return np.full(len(self), -1)
        inside = (index >= 0) & (self.anchors < coarser.offsets[np.maximum(index, 0), 1])
        return np.where(inside, index, -1)

    def project(self, scores: Float[np.ndarray, "*K U"], coarser: TextUnits) -> Float[np.ndarray, "*K V"]:
        """Sum scores of these units into the units of `coarser` that hold them; float64.

        Scores of units that lie in no coarser unit (white space) are dropped.
        """
        index = self.group(coarser)
        kept = index >= 0
        values = np.asarray(scores, dtype=np.float64)
        result = np.zeros((*values.shape[:-1], len(coarser)))
        np.add.at(result, cast(Any, (..., index[kept])), values[..., kept])
        return result


class GridUnits:
    """Units that fill a grid, in row-major order, and may lie in regions of it."""

    kind: ClassVar[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """Units along each axis."""
        raise TypeError(f"{type(self).__name__} has no shape")

    def __len__(self) -> int:
        return math.prod(self.shape)

    def group(self, coarser: GridUnits | RegionUnits) -> Int[np.ndarray, " U"]:
        """For each unit the region that holds it, or -1; itself where `coarser` are the same units."""
        regions = isinstance(coarser, RegionUnits)
        # Rows of other features, or leads in another order, may have the same shape.
        if coarser.shape != self.shape or not (regions or coarser == self):
            raise ValueError(f"{coarser.kind}s of a grid of {coarser.shape} do not fit these {len(self)} {self.kind}s")
        return coarser.index.ravel() if isinstance(coarser, RegionUnits) else np.arange(len(self))

    def project(self, scores: Float[np.ndarray, "*K U"], coarser: GridUnits | RegionUnits) -> Float[np.ndarray, "*K V"]:
        """Sum scores of units into the regions that hold them; float64. Scores of units in no region are dropped."""
        index = self.group(coarser)
        kept, values = index >= 0, np.asarray(scores, dtype=np.float64)
        rows = [np.bincount(index[kept], row[kept], len(coarser)) for row in values.reshape(-1, len(self))]
        return np.array(rows, dtype=np.float64).reshape(*values.shape[:-1], len(coarser))


@dataclass(frozen=True)
class PixelUnits(GridUnits):
    """The pixels of an image, or the voxels of a volume, in row-major order (depth, height, width).

    Attributes:
        depth: slices of a volume; None for an image.
    """

    height: int
    width: int
    depth: int | None = None

    kind: ClassVar[str] = "pixel"

    @classmethod
    def of(cls, size: tuple[int, ...]) -> PixelUnits:
        """Those of an image of (height, width), or of a volume of (depth, height, width)."""
        return cls(size[-2], size[-1], size[0] if len(size) == 3 else None)

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width) or (depth, height, width)."""
        return (self.height, self.width) if self.depth is None else (self.depth, self.height, self.width)


@dataclass(frozen=True)
class SampleUnits(GridUnits):
    """The samples of each lead of a signal, in row-major order (time, lead).

    Attributes:
        count: samples of a lead.
        leads: names of the leads.
        rate: samples a second.
    """

    count: int
    leads: tuple[str, ...]
    rate: float

    kind: ClassVar[str] = "sample"

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, leads)."""
        return (self.count, len(self.leads))

    def within(self, recording: SampleUnits) -> tuple[np.ndarray, ...]:
        """Where each of these samples lies in a recording of the same leads, in any order and at any rate.

        Returns:
            An index of its samples (time, lead), each the one that holds the middle of one of these; beyond the end, the last.
        """
        rows = np.floor((np.arange(self.count) + 0.5) * recording.rate / self.rate).astype(np.int64)
        return np.ix_(rows.clip(max=recording.count - 1), [recording.leads.index(lead) for lead in self.leads])


@dataclass(frozen=True)
class FeatureUnits(GridUnits):
    """The features of a row of a table.

    Attributes:
        names: of the features, in the order of the columns.
    """

    names: tuple[str, ...]

    kind: ClassVar[str] = "feature"

    @property
    def shape(self) -> tuple[int, ...]:
        """(features,)."""
        return (len(self.names),)


@dataclass(frozen=True, eq=False)
class RegionUnits:
    """Regions of an image, a signal or a row: each a set of units, none of which lies in two.

    Attributes:
        index: for each pixel (sample, feature) the number of its region, counted from 0 without gaps; -1 for those in none.
        kind: what a region is; a "segment" is a stretch of a signal.
    """

    index: Int[np.ndarray, "*S"]
    kind: RegionKind

    def __post_init__(self) -> None:
        present = np.unique(self.index)
        if not np.array_equal(present[present >= 0], np.arange(self.index.max(initial=-1) + 1)) or present.min(initial=0) < -1:
            raise ValueError(f"{self.kind}s are numbered from 0 without gaps, with -1 for pixels in none")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid that is cut into regions."""
        return self.index.shape

    @cached_property
    def count(self) -> int:
        """How many regions there are."""
        return int(self.index.max(initial=-1)) + 1

    @cached_property
    def sizes(self) -> Int[np.ndarray, " U"]:
        """Pixels of each region."""
        return np.bincount(self.index[self.index >= 0], minlength=self.count)

    def __len__(self) -> int:
        return self.count

    def group(self, coarser: RegionUnits) -> Int[np.ndarray, " U"]:
        """Themselves; regions are not grouped any further."""
        if coarser is not self and not np.array_equal(coarser.index, self.index):
            raise ValueError("regions are not grouped into other regions; group the pixels")
        return np.arange(len(self))

    def project(self, scores: Float[np.ndarray, "*K U"], coarser: RegionUnits) -> Float[np.ndarray, "*K U"]:
        """The scores themselves, in float64."""
        return np.asarray(scores, dtype=np.float64)[..., self.group(coarser)]


def patches(pixels: GridUnits, across: int = 14) -> RegionUnits:
    """Cut an image into boxes of nearly equal size, `across` of them along each axis (fewer where it has fewer pixels).

    >>> patches(PixelUnits(4, 4), across=2).index
    array([[0, 0, 1, 1],
           [0, 0, 1, 1],
           [2, 2, 3, 3],
           [2, 2, 3, 3]])
    """
    along = [np.arange(n) * min(across, n) // n for n in pixels.shape]
    index = np.ravel_multi_index(np.meshgrid(*along, indexing="ij"), [min(across, n) for n in pixels.shape])
    return RegionUnits(index, "patch")


def words(text: str) -> TextUnits:
    """Cut a text into words.

    >>> words("Hb 9.2, no fever.").strings
    ['Hb', '9.2', ',', 'no', 'fever', '.']
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    return TextUnits(text, np.array(spans, dtype=np.int64).reshape(-1, 2), "word")


def sentences(text: str) -> TextUnits:
    """Cut a text into sentences: at line breaks, and after . ! ? where no small letter follows.

    >>> sentences("Afebrile. Sat 98 %.\\nPlan: home").strings
    ['Afebrile.', 'Sat 98 %.', 'Plan: home']
    """
    bounds, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        bounds.append((start, match.start()))
        start = match.end()
    bounds.append((start, len(text)))
    spans = [(a, b) for a, b in bounds if text[a:b].strip()]
    return TextUnits(text, np.array(spans, dtype=np.int64).reshape(-1, 2), "sentence")


def sections(text: str) -> TextUnits:
    """Cut a text into sections: at its headings; without at least two of them, at blank lines; without those, at line breaks.

    A heading is a title (a capital first, at most six words, no full stop) that stands alone on its line before a colon, or
    that opens a paragraph and is followed by a colon or written in capitals throughout. What comes before the first heading is
    a section of its own. Every visible character belongs to exactly one section.

    >>> sections("HPI: cough\\n\\nMeds:\\nNose: spray\\n\\nPLAN\\nhome").strings
    ['HPI: cough', 'Meds:\\nNose: spray', 'PLAN\\nhome']
    """
    lines = text.splitlines(keepends=True)
    visible = [bool(line.strip()) for line in lines]
    opening = [here and not before for here, before in zip(visible, [False, *visible], strict=False)]
    headed = [_is_heading(line, opens) for line, opens in zip(lines, opening, strict=True)]
    chosen = next((begins for begins in (headed, opening) if sum(begins) > 1), visible)
    places = np.cumsum([0, *map(len, lines)])
    bounds = [0, *(int(place) for place, begins in zip(places, chosen, strict=False) if begins), len(text)]
    spans = [_trimmed(text, a, b) for a, b in pairwise(bounds) if text[a:b].strip()]
    return TextUnits(text, np.array(spans, dtype=np.int64).reshape(-1, 2), "section")


def _is_heading(line: str, opens: bool) -> bool:
    title, colon, rest = line.strip().partition(":")
    if not title[:1].isupper() or "." in title or len(title.split()) > _TITLE_WORDS:
        return False
    return (opens or not rest) if colon else (opens and title.isupper())


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
