"""A planted shortcut: an object that is no disease and yet predicts a finding.

A model can learn to see the object in place of the finding; an explanation that shows the object is then the true one, however
little it looks like medicine. What a case says about the label of the shortcut:

=========================================  ==================  ===================
picture                                    ``evidence``        ``causes``
=========================================  ==================  ===================
has the label, object not planted          the findings        the same findings
has the label, object planted              the findings        the object alone
the same, finding taken out (faint is 1)   none                the object alone
without the label, object leaked           none                none
without the label, no object               none                none
=========================================  ==================  ===================

A leaked object is listed among the distractors of ``meta``, with the kind "leaked_shortcut". Other labels are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pellucid.datasets.phantom.chest.findings import FindingName
from pellucid.datasets.phantom.chest.objects import BASE_RATES, ObjectName, Thing, draw_thing
from pellucid.datasets.phantom.dice import Dice
from pellucid.errors import DataError

ShortcutName = Literal["marker", "tube", "tag"]


@dataclass(frozen=True)
class Shortcut:
    """What is planted, and how often.

    Attributes:
        kind: the object.
        label: the finding that it predicts.
        rate: share of the pictures with the label in which it stands.
        absent: share of the pictures without the label in which it stands all the same.
        faint: how much of the finding's conspicuity is taken away where the object stands; at 1 the finding is not drawn.

    Raises:
        DataError: a share lies outside [0, 1].
    """

    kind: ShortcutName
    label: FindingName
    rate: float
    absent: float
    faint: float

    def __post_init__(self) -> None:
        for name, share in (("rate", self.rate), ("rate_absent", self.absent), ("faint", self.faint)):
            if not 0 <= share <= 1:
                raise DataError(f"shortcut_{name} of phantom_chest is {share}; give a share between 0 and 1.")


def draw_things(shortcut: Shortcut | None, labels: frozenset[str], entropy: tuple[int, ...]) -> list[Thing]:
    """The objects of one picture. Each kind has dice of its own: another rate for one of them moves none of the others."""
    things = []
    for number, (kind, base) in enumerate(BASE_RATES.items(), start=1):
        dice = Dice(*entropy, number)
        if dice.chance(_rate(shortcut, kind, base, labels)):
            things.append(draw_thing(kind, dice))
    return things


def _rate(shortcut: Shortcut | None, kind: ObjectName, base: float, labels: frozenset[str]) -> float:
    if shortcut is None or shortcut.kind != kind:
        return base
    return shortcut.rate if shortcut.label in labels else shortcut.absent
