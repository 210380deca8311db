"""Sentences that name one side, and their twins of the other side, where those are untrue of the image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pellucid.case import Boxes, Case, Phrase
from pellucid.rewording import REWORDINGS
from pellucid.rewording.base import Context
from pellucid.rewording.sides import Side
from pellucid.training.objectives.pairs.knowing import findings, sides_of


@dataclass(frozen=True, eq=False)
class Twin:
    """A sentence with its side swapped.

    Attributes:
        phrase: the swapped sentence, of no place.
        side: the side that it names now.
    """

    phrase: Phrase
    side: Side


def twin(case: Case, index: int) -> Twin | None:
    """The twin of a sentence of the case, where it is untrue of the image.

    None where the sentence names no side or both, where its place has no twin on the other side (the middle lobe), where nobody
    said what finding it speaks of, and where its twin holds too, or may: a report is taken to name whatever is there, so
    that a finding which it does not name of a side is not there, while a side that is not called diseased need not be so.
    """
    said = case.sentences[index]
    found = REWORDINGS["side_swap"](said, Context()) if said.conditions and len(sides_of(said.text)) == 1 else None
    if found is None:
        return None
    regions = said.regions if found.regions is None else found.regions
    swapped = replace(said, text=found.text, regions=regions, boxes=Boxes(np.zeros((0, 4))), mask=None)
    (side,) = sides_of(found.text)
    others = [other for number, other in enumerate(case.sentences) if number != index]
    return Twin(swapped, side) if _untrue(swapped, side, others) else None


def named(phrase: Phrase) -> frozenset[Side]:
    """The sides that a sentence names, or that its regions lie on where it names none."""
    return sides_of(phrase.text) or frozenset[Side]().union(*map(sides_of, phrase.regions))


def _untrue(swapped: Phrase, side: Side, others: Iterable[Phrase]) -> bool:
    if findings(swapped):  # unless the report says the same of that side, or of none in particular
        alike = [other for other in others if findings(other) & findings(swapped)]
        return not any(side in named(other) or not named(other) for other in alike)
    denied = {finding for finding, _ in swapped.conditions}
    against = [other for other in others if (findings(other) & denied if swapped.absent else findings(other))]
    return any(side in named(other) for other in against)
