"""The sentences of a case as the audit sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Bool

from pellucid.case import Boxes, Case, Phrase
from pellucid.files import digest
from pellucid.imaging import resized_boxes, resized_mask
from pellucid.rewording import named_side, sides
from pellucid.rewording.sides import Side
from pellucid.units import PixelUnits, words

ONE, BOTH, NONE, ABSENT = "one side", "both sides", "no side", "absent"
STRATA = (ONE, BOTH, NONE, ABSENT)
LUNGS = {"left lung", "right lung"}
"""Names of regions, as Chest ImaGenome spells them."""


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence of a report.

    Attributes:
        index: its number in the report, from 0.
        stratum: how many sides it names, or that it says only what is absent.
        side: the one it names; None where it names none or both.
        truth: the pixels that it speaks of, at the model's resolution; None where a map for it need lie nowhere, or where its
            place is too small to be seen at that resolution.
    """

    index: int
    phrase: Phrase
    stratum: str
    side: Side | None
    truth: Bool[np.ndarray, " U"] | None

    @property
    def target(self) -> str:
        """Its name in findings, which holds no text of the report."""
        return f"s{self.index}"

    @property
    def lost(self) -> bool:
        """Whether it has a place that the model cannot see."""
        return self.phrase.groundable and self.truth is None

    @property
    def one_lung(self) -> bool:
        """Whether it speaks of one lung: exactly one is among its regions, or, where it has none, its words name one side."""
        regions = {region.replace("_", " ") for region in self.phrase.regions}
        return len(regions & LUNGS) == 1 if regions else self.side is not None


def readable(text: str) -> bool:
    """Whether there is a word in it."""
    return bool((~words(text).is_punctuation).any())


def sentences(case: Case, units: PixelUnits, most: int | None, seed: int) -> list[Sentence]:
    """Sentences that have a word, in their order; at most so many, drawn by a hash of seed, case and number."""
    numbered = [(i, phrase) for i, phrase in enumerate(case.sentences) if readable(phrase.text)]
    drawn = sorted(numbered, key=lambda one: digest(str(seed), case.id, str(one[0])))[:most]
    size = case.picture.size
    return [_sentence(i, phrase, size, units) for i, phrase in sorted(drawn, key=lambda one: one[0])]


def fitted(phrase: Phrase, size: tuple[int, ...], units: PixelUnits) -> Phrase:
    """The sentence with its place and gaze in pixels of what the model reads."""
    flat, to = (size[-2], size[-1]), (units.height, units.width)
    if flat == to:
        return phrase
    mask = None if phrase.mask is None else resized_mask(phrase.mask, to)
    gaze = None if phrase.gaze is None else phrase.gaze.scaled(to[1] / flat[1], to[0] / flat[0])
    return replace(phrase, boxes=Boxes(resized_boxes(phrase.boxes.boxes, flat, to)), mask=mask, gaze=gaze)


def truth_of(phrase: Phrase, size: tuple[int, ...], units: PixelUnits) -> Bool[np.ndarray, " U"] | None:
    """The pixels that a sentence speaks of; None where it is not groundable or they are too few to be seen."""
    if not phrase.groundable:
        return None
    covered = fitted(phrase, size, units).covers(units)
    return covered if covered.any() else None


def places(case: Case, units: PixelUnits) -> list[Bool[np.ndarray, " U"]]:
    """The places of all sentences of a report, also of those that are not asked."""
    found = (truth_of(phrase, case.picture.size, units) for phrase in case.sentences)
    return [place for place in found if place is not None]


def diversity(places: Sequence[Bool[np.ndarray, " U"]]) -> float | None:
    """Mean intersection over union of the places of a report's sentences, pair by pair; None with fewer than two places."""
    pairs = [(a & b).sum() / (a | b).sum() for a, b in combinations(places, 2)]
    return float(np.mean(pairs)) if pairs else None


def _sentence(index: int, phrase: Phrase, size: tuple[int, ...], units: PixelUnits) -> Sentence:
    named = {0: NONE, 1: ONE, 2: BOTH}[len(sides(phrase.text))]
    stratum = ABSENT if phrase.absent else named
    return Sentence(index, phrase, stratum, named_side(phrase), truth_of(phrase, size, units))
