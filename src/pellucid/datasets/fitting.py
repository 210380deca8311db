"""A case made ready for storing: its image read and brought to size, its marks drawn on it and brought to size with it.

Rows and signals are stored as they are (:mod:`pellucid.datasets.number_fitting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from pellucid import imaging
from pellucid.case import Boxes, Case, Evidence, Fixations, Mask, Phrase
from pellucid.datasets.marks import PublishedBoxes, UnreadMask
from pellucid.datasets.number_fitting import NOTHING, Grids, read_numbers
from pellucid.datasets.unreadable import Unreadable
from pellucid.errors import DataError
from pellucid.picture import Picture

_CUT = "a box reaches beyond the image (it is cut, or left out where nothing remains)"
_EMPTY = "a box is empty or has its corners swapped (it is left out)"
_VANISHED = "a mask is too small to be seen at the size of the data set"
_TINY = "a box is too small to be seen at the size of the data set"
_SAID = "of a sentence: "
_OFF = "a fixation lies off the image"
_VOLUME = "the image is a volume, which is not resized (size=none keeps it as it is)"
_BRIEF = "a fixation takes no time"
_NOWHERE = "no fixation lies on the image"


@dataclass(frozen=True)
class Fitted:
    """A case whose inputs and marks lie in memory, and the reasons for which some of its marks were changed or left out."""

    case: Case
    changes: tuple[str, ...] = ()


def fitted(case: Case, size: int | None) -> Fitted:
    """Read the image and the signal of a case, and draw its marks; a case of text alone comes back as it is.

    Args:
        size: pixels along each side; None keeps the image as it is. A resized image is stored in 8 bits if its source has 8,
            else in 16.

    Raises:
        Unreadable: the image, the signal or the file of a mask cannot be read, that mask has another size, or a volume is to
            be resized.
        DataError: image, signal or row are none, a mask in memory has another size, or a box is empty or outside.
    """
    case = read_numbers(case)
    grids = Grids.of(case)
    if "image" not in case.inputs:
        evidence, causes, anatomy = (tuple(grids.marks(marks)) for marks in (case.evidence, case.causes, case.anatomy))
        return Fitted(replace(case, evidence=evidence, causes=causes, anatomy=anatomy), tuple(grids.changes))
    picture = _picture(case)
    frame = _Frame(case.id, picture.size, _wanted(picture, size), frozenset(grids.shapes))
    evidence, causes, anatomy = (tuple(frame.marks(marks)) for marks in (case.evidence, case.causes, case.anatomy))
    inputs = {**case.inputs, "image": frame.picture(picture)}
    sentences = tuple(map(frame.sentence, case.sentences))
    made = replace(case, inputs=inputs, evidence=evidence, causes=causes, anatomy=anatomy, sentences=sentences)
    return Fitted(made, tuple(frame.changes))


def _picture(case: Case) -> Picture:
    try:
        value: Any = case.input("image")
    except DataError as error:
        raise Unreadable("the image cannot be read") from error
    if not isinstance(value, Picture | np.ndarray):
        raise DataError(f"Case {case.id} has the input 'image' of the kind {type(value).__name__}; give a Picture.")
    try:
        return Picture.of(value)
    except DataError as error:
        raise DataError(f"The image of case {case.id} cannot be stored. {error}") from error


def _wanted(picture: Picture, size: int | None) -> tuple[int, ...]:
    if size is None:
        return picture.size
    if len(picture.size) != 2:  # one among flat images is no reason to read none of them
        raise Unreadable(_VOLUME)
    return (size, size)


@dataclass(frozen=True)
class _Frame:
    """From the pixels that an image has to those that it will have.

    Attributes:
        beside: sizes of the signal and the row of the case; a mask that has one of them, and not that of the image, is theirs.
    """

    case: str
    size: tuple[int, ...]
    wanted: tuple[int, ...]
    beside: frozenset[tuple[int, ...]] = frozenset()
    changes: list[str] = field(default_factory=list)

    def picture(self, picture: Picture) -> Picture:
        return picture if self.wanted == self.size else _whole(imaging.resized(picture, self.wanted), picture.pixels.dtype)

    def marks(self, marks: Iterable[Evidence]) -> Iterator[Evidence]:
        for mark in marks:
            if isinstance(mark, PublishedBoxes):
                yield from self._published(mark)
            elif isinstance(mark, Boxes):
                yield from self._boxes(mark)
            elif isinstance(mark, UnreadMask):
                yield from self._mask(self._read(mark))
            elif isinstance(mark, Mask) and (mark.mask.shape == self.size or mark.mask.shape not in self.beside):
                yield from self._mask(mark)
            elif isinstance(mark, Fixations):
                yield from self._fixations(mark)
            else:
                yield mark

    def sentence(self, sentence: Phrase) -> Phrase:
        """The sentence, its place and its gaze in the new size: boxes are cut at the border, and there may be none left.

        What is changed is told apart from what happens to marks: a sentence without its place is no longer groundable.
        """
        before = len(self.changes)
        boxes = [found.boxes for found in self._published(PublishedBoxes(sentence.boxes.boxes, sentence.label))]
        drawn = [] if sentence.mask is None else [found.mask for found in self._mask(Mask(sentence.mask, sentence.label))]
        gaze = None if sentence.gaze is None else next(self._fixations(sentence.gaze), None)
        made = replace(sentence.boxes, boxes=np.concatenate([np.zeros((0, 4)), *boxes]))
        self.changes[before:] = [f"{_SAID}{change}" for change in self.changes[before:]]
        return replace(sentence, boxes=made, mask=drawn[0] if drawn else None, gaze=gaze)

    def _read(self, mark: UnreadMask) -> Mask:
        drawn = _drawn(mark)
        if drawn.mask.shape != self.size:  # a file of its own: which of the two is wrong, nobody knows
            raise Unreadable("a mask has another size than its image")
        return drawn

    def _published(self, mark: PublishedBoxes) -> Iterator[Boxes]:
        inside = mark.within(self.size[-2], self.size[-1])
        whole = (mark.boxes[:, :2] < mark.boxes[:, 2:]).all(axis=1)
        self.changes.extend([_EMPTY] * (not whole.all()))
        if not np.array_equal(inside.boxes, mark.boxes[whole]):
            self.changes.append(_CUT)
        if len(inside.boxes):
            yield from self._boxes(inside)

    def _boxes(self, mark: Boxes) -> Iterator[Boxes]:
        """The boxes in the new size; those that hold the centre of no pixel there mark nothing, and are counted."""
        self._check(mark)
        if self.wanted == self.size:
            yield mark
            return
        made = self._resized(mark)
        ends = np.ceil(made.boxes - 0.5)  # the first pixel whose centre is inside, and the first one beyond
        seen = (ends[:, :2] < ends[:, 2:]).all(axis=1)
        if not seen.all():
            self.changes.append(_TINY)
        if seen.any():
            yield replace(made, boxes=made.boxes[seen])

    def _resized(self, mark: Boxes) -> Boxes:
        # A box that ends at the border must not end behind it because a product was rounded.
        height, width = self.wanted
        boxes = imaging.resized_boxes(mark.boxes, (self.size[0], self.size[1]), (height, width))
        return replace(mark, boxes=np.clip(boxes, 0, [width, height, width, height]))

    def _check(self, mark: Boxes) -> None:
        boxes = np.asarray(mark.boxes, dtype=np.float64)
        if len(self.size) != 2:
            raise DataError(f"Case {self.case} has boxes on a volume; mark it with masks.")
        height, width = self.size
        right = len(boxes) and (boxes[:, :2] >= 0).all() and (boxes[:, :2] < boxes[:, 2:]).all()
        if not right or not (boxes[:, 2:] <= [width, height]).all():
            raise DataError(
                f"Case {self.case} has boxes for {mark.label or 'the whole case'} at {boxes.tolist()}, empty or outside its "
                f"image of {height} x {width} pixels; correct them (x0, y0, x1, y1, half-open) or drop the mark."
            )

    def _mask(self, mark: Mask) -> Iterator[Mask]:
        if mark.mask.shape != self.size:
            one, other = (" x ".join(map(str, shape)) for shape in (mark.mask.shape, self.size))
            raise DataError(
                f"Case {self.case} has a mask of {one} pixels on an image of {other}; give a mask of the size of the image."
            )
        mask = mark.mask if self.wanted == self.size else imaging.resized_mask(mark.mask, self.wanted)
        if mask.any():
            yield replace(mark, mask=mask)
        else:
            self.changes.append(_VANISHED if mark.mask.any() else NOTHING)

    def _fixations(self, mark: Fixations) -> Iterator[Fixations]:
        """Those on the image, in the new size; of each reason for which others are left out, one word a mark."""
        if len(self.size) != 2:
            raise DataError(f"Case {self.case} has fixations on a volume, of which nobody knows the slice; leave them out.")
        on = ((mark.fixations[:, :2] >= 0) & (mark.fixations[:, :2] < self.size[::-1])).all(axis=1)
        lasting = mark.fixations[:, 3] > 0
        self.changes.extend(reason for reason, kept in ((_OFF, on), (_BRIEF, lasting)) if not kept.all())
        if (on & lasting).any():
            yield self._looks(mark, on & lasting)
        else:
            self.changes.append(_NOWHERE)

    def _looks(self, mark: Fixations, kept: Bool[np.ndarray, " N"]) -> Fixations:
        sigma = mark.sigma if np.ndim(mark.sigma) == 0 else np.asarray(mark.sigma)[kept]
        made = replace(mark, fixations=mark.fixations[kept], sigma=sigma)
        if self.wanted == self.size:
            return made
        made = made.scaled(self.wanted[1] / self.size[1], self.wanted[0] / self.size[0])
        # A look at the last pixel must not fall off because a product was rounded.
        made.fixations[:, :2] = np.minimum(made.fixations[:, :2], np.nextafter(self.wanted[::-1], 0))
        return made


def _whole(picture: Picture, source: np.dtype[Any]) -> Picture:
    """A resized picture as integers, of 8 bits where its source had 8: floats would take four times the room for nothing."""
    kind = np.uint8 if source == np.uint8 else np.uint16
    return Picture(np.round(picture.pixels * np.float64(np.iinfo(kind).max)).astype(kind), picture.spacing)


def _drawn(mark: UnreadMask) -> Mask:
    try:
        return mark.drawn()
    except DataError as error:
        raise Unreadable("a mask cannot be read") from error
