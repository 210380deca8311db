"""A planted shortcut: a phrase that is no evidence and yet predicts a code.

A model can learn to read the phrase in place of the evidence; an explanation that shows the phrase is then the true one,
however little it looks like medicine. What a case says about the label of the shortcut:

======================================  ==================  ===================
note                                    ``evidence``        ``causes``
======================================  ==================  ===================
has the label, phrase not planted       ordinary mentions   the same mentions
has the label, phrase planted           ordinary mentions   the phrase alone
the same, evidence replaced             none                the phrase alone
without the label, phrase leaked        none                none
without the label, no phrase            none                none
======================================  ==================  ===================

A leaked phrase is listed among the distractors of ``meta``, with the kind "leaked_shortcut". Other labels are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.item import Claim, Item
from pellucid.datasets.phantom.sections import Section
from pellucid.datasets.phantom.template import Segment
from pellucid.errors import DataError

_PLACES = (Section.ADMISSION, Section.HPI, Section.SOCIAL, Section.IMAGING, Section.COURSE, Section.PLAN)


@dataclass(frozen=True)
class Shortcut:
    """What to plant, and how often.

    Attributes:
        label: the code that the phrase predicts.
        phrase: one line of text that the grammar never writes by itself ("Dictated by Dr. Harlan but not read").
        rate: share of the notes with the label that carry the phrase.
        leak: share of the notes without the label that carry it all the same.
        replaces_evidence: share of the planted notes with the label from which the ordinary evidence for it is taken out, so
            that nothing but the phrase tells the label. Distractors stay.

    Raises:
        DataError: a share lies outside [0, 1], or the phrase is not one line of visible text.
    """

    label: str
    phrase: str
    rate: float = 1.0
    leak: float = 0.0
    replaces_evidence: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "leak", "replaces_evidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"The shortcut's {name} is {getattr(self, name)}; give a share between 0 and 1.")
        if not self.phrase.strip() or self.phrase != self.phrase.strip() or len(self.phrase.splitlines()) > 1:
            raise DataError("The shortcut's phrase must be one line of text without white space at its ends; shorten it.")


@dataclass(frozen=True)
class Planted:
    """A draft after planting.

    Attributes:
        carried: whether the note carries the phrase.
        replaced: whether the ordinary evidence was taken out.
    """

    items: list[Item]
    carried: bool
    replaced: bool


def plant(items: Sequence[Item], shortcut: Shortcut, present: bool, dice: Dice) -> Planted:
    """Plant the phrase in a draft, or do not, as the dice say. The phrase becomes a line of its own at the end of a section.

    Args:
        present: whether the note has the label.
    """
    carried = dice.chance(shortcut.rate if present else shortcut.leak)
    replaced = dice.chance(shortcut.replaces_evidence) and carried and present
    kept = [item for item in items if not (replaced and _supports(item, shortcut.label))]
    if carried:
        claim = Claim("shortcut" if present else "leaked_shortcut", shortcut.label, 0)
        kept.append(Item(dice.pick(_PLACES), (Segment(shortcut.phrase, True),), claim, own_line=True))
    return Planted(kept, carried, replaced)


def _supports(item: Item, label: str) -> bool:
    return item.claim is not None and item.claim.kind == "evidence" and item.claim.code == label
