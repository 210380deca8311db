"""What adapters of gaze share: the path of a reader's eyes over one image, cut by faults, by time and by what was said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from pellucid.case import Boxes, Fixations, Phrase
from pellucid.datasets.base import Exclusion
from pellucid.datasets.finding_words import mentions
from pellucid.datasets.phrases import WORDLESS, worded
from pellucid.datasets.spoken import Sentence
from pellucid.errors import DataError

BRIEF = "a fixation takes no time"
OFF = "a fixation lies off the image"
NOWHERE = "no fixation lies on the image"
OTHER_SIZE = "the image has another size than the one that was read"
SPOKEN = "The sentences of dictations are stored, each with its gaze: keep the data as you keep reports."


@dataclass(frozen=True, eq=False)
class Scanpath:
    """The fixations of one reading on one image.

    Attributes:
        rows: x, y, start and duration of each, in pixels of the image and seconds, in order of their start.
        sigma: acuity across and down, in pixels of the image.
    """

    rows: Float[np.ndarray, "N 4"]
    sigma: Float[np.ndarray, "N 2"]

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, kept: Bool[np.ndarray, " N"]) -> Scanpath:
        """Some of the fixations."""
        return Scanpath(self.rows[kept], self.sigma[kept])

    def during(self, spoken: Sequence[Sentence], lead: float) -> Scanpath:
        """Fixations that began while one of the sentences was spoken, or up to `lead` seconds before: eyes lead the voice."""
        start = self.rows[:, 2]
        kept = np.zeros(len(self), dtype=bool)
        for sentence in spoken:
            kept |= (start >= sentence.begin - lead) & (start <= sentence.end)
        return self.where(kept)


def sound(
    path: Scanpath, places: Sequence[str], faults: Mapping[str, Bool[np.ndarray, " N"]], exclusions: list[Exclusion]
) -> Scanpath:
    """The fixations without a fault, in order of their start; the others are counted, each for the first of its faults.

    Args:
        places: file and row of each fixation.
        faults: reason to the fixations that have it.
    """
    kept = np.ones(len(path), dtype=bool)
    for reason, bad in faults.items():
        exclusions.extend(Exclusion(places[row], reason) for row in np.flatnonzero(kept & bad).tolist())
        kept &= ~bad
    found = path.where(kept)
    order = np.argsort(found.rows[:, 2], kind="stable")
    return Scanpath(found.rows[order], found.sigma[order])


def looks(
    path: Scanpath, sentences: Sequence[Sentence], labels: frozenset[str], lead: float, source: str
) -> Iterator[Fixations]:
    """The whole search, then for each label, in alphabetical order, what was looked at while it was spoken of.

    Nothing for an empty path, and none for a label of which nothing was said.
    """
    if len(path):
        yield Fixations(path.rows, path.sigma, source=source)
    for label in sorted(labels):
        part = path.during([sentence for sentence in sentences if mentions(label, sentence.text)], lead)
        if len(part):
            yield Fixations(part.rows, part.sigma, label, source=source)


def said(
    path: Scanpath, sentences: Sequence[Sentence], lead: float, source: str, where: str, exclusions: list[Exclusion]
) -> Iterator[Phrase]:
    """Every sentence that has a word, with what was looked at while it was spoken; the others are counted.

    Nobody says which place a sentence speaks of, and looks are no such place: the sentence has neither boxes nor a label, and
    where no fixation fell into its time, no gaze.

    Args:
        where: the image or the reading, for `exclusions`; the text is never told.
    """
    for number, sentence in enumerate(sentences):
        if worded(sentence.text):
            part = path.during([sentence], lead)
            gaze = Fixations(part.rows, part.sigma, source=source) if len(part) else None
            yield Phrase(_written(sentence.text), Boxes(np.zeros((0, 4)), source=source), source=source, gaze=gaze)
        else:
            exclusions.append(Exclusion(f"{where} sentence {number + 1}", WORDLESS))


def _written(text: str) -> str:
    """Words on one line, and no space before a stop that was a word of its own."""
    return re.sub(r"\s+(?=[.,;:?!])", "", " ".join(text.split()))


def check_gaze(name: str, sigma: float, lead: float) -> None:
    """Refuse options of gaze that make no sense.

    Raises:
        DataError: `sigma` is not above 0, or `lead` is negative.
    """
    if not sigma > 0:
        raise DataError(f"The option sigma of {name} is {sigma}; give degrees of visual angle above 0.")
    if not lead >= 0:
        raise DataError(f"The option lead of {name} is {lead}; give seconds, 0 or more.")
