"""Sentences that name one end of an axis, and their twins of the other end, where those are untrue of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from pellucid.case import Boxes, Case, Phrase
from pellucid.rewording import REWORDINGS
from pellucid.rewording.base import Context
from pellucid.training.objectives.pairs.knowing import findings, levels_of, sides_of


@dataclass(frozen=True)
class Axis:
    """Along which a place can be another one.

    Attributes:
        name: of it, for people.
        swap: the rewording that exchanges its ends.
        ends: those that words name, or the name of a region.
        across: the other axis, if it parts places too: what lies elsewhere along that makes no twin true.
    """

    name: str
    swap: str
    ends: Callable[[str], frozenset[str]]
    across: Axis | None = None


SIDES = Axis("side", "side_swap", sides_of)
LEVELS = Axis("level", "level_swap", levels_of, across=SIDES)


@dataclass(frozen=True, eq=False)
class Twin:
    """A sentence with its side or its level swapped.

    Attributes:
        phrase: the swapped sentence, of no place.
        end: what it names now: "left", "right", "upper" or "lower".
    """

    phrase: Phrase
    end: str


def twin(case: Case, index: int, axis: Axis = SIDES) -> Twin | None:
    """The twin of a sentence of the case, where it is untrue of the image.

    None where the sentence names no end of the axis or several, where its place has no twin (the middle lobe), where nobody
    said what finding it speaks of, and where its twin holds too, or may: a report is taken to name whatever is there, so
    that a finding which it does not name of a side is not there, while a side that is not called diseased need not be so.
    """
    said = case.sentences[index]
    found = REWORDINGS[axis.swap](said, Context()) if said.conditions and len(axis.ends(said.text)) == 1 else None
    if found is None or len(axis.ends(found.text)) != 1:
        return None
    regions = said.regions if found.regions is None else found.regions
    swapped = replace(said, text=found.text, regions=regions, boxes=Boxes(np.zeros((0, 4))), mask=None, gaze=None)
    (end,) = axis.ends(found.text)
    others = [other for number, other in enumerate(case.sentences) if number != index and not _parted(said, other, axis.across)]
    return Twin(swapped, end) if _untrue(swapped, end, others, axis) else None


def named(phrase: Phrase, axis: Axis = SIDES) -> frozenset[str]:
    """The ends of an axis that a sentence names, or that its regions lie on where it names none."""
    return axis.ends(phrase.text) or frozenset[str]().union(*map(axis.ends, phrase.regions))


def _parted(one: Phrase, other: Phrase, axis: Axis | None) -> bool:
    """Whether two sentences speak of different ends."""
    ends = [named(phrase, axis) for phrase in (one, other)] if axis else []
    return bool(ends) and all(ends) and not ends[0] & ends[1]


def _untrue(swapped: Phrase, end: str, others: Iterable[Phrase], axis: Axis) -> bool:
    if findings(swapped):  # unless the report says the same of that end, or of none in particular
        alike = [other for other in others if findings(other) & findings(swapped)]
        return not any(end in named(other, axis) or not named(other, axis) for other in alike)
    denied = {finding for finding, _ in swapped.conditions}
    against = [other for other in others if (findings(other) & denied if swapped.absent else findings(other))]
    return any(end in named(other, axis) for other in against)
