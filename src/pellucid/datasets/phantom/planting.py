"""A shortcut in drawn phantoms: a mark that is no disease and yet predicts a finding.

A mark is an object in a picture, or something that a recorder leaves in a recording. A model can learn to see the mark in place
of the finding; an explanation that shows the mark is then the true one, however little it looks like medicine. What a case says
about the label of the shortcut:

=========================================  ==================  ===================
case                                       ``evidence``        ``causes``
=========================================  ==================  ===================
has the label, mark not planted            the finding         the same finding
has the label, mark planted                the finding         the mark alone
the same, finding taken out (faint is 1)   none                the mark alone
without the label, mark leaked             none                none
without the label, no mark                 none                none
=========================================  ==================  ===================

A leaked mark is listed among the distractors of ``meta``, with the kind "leaked_shortcut". Other labels are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Bool

from pellucid.case import Mask
from pellucid.datasets.phantom.dice import Dice

K = TypeVar("K", bound=str)
F = TypeVar("F", bound=str)


@dataclass(frozen=True)
class Shortcut(Generic[K, F]):
    """What is planted, and how often.

    Attributes:
        kind: the mark.
        label: the finding that it predicts.
        rate: share of the cases with the label in which it stands.
        absent: share of the cases without the label in which it stands all the same.
        faint: how much of the finding is taken away where the mark stands; at 1 the finding is not there.
    """

    kind: K
    label: F
    rate: float
    absent: float
    faint: float

    def described(self, planted: bool, replaced: bool) -> dict[str, Any]:
        """What ``meta`` says of it."""
        return {"label": self.label, "kind": self.kind, "planted": planted, "replaced": replaced}


def standing(
    base: Mapping[K, float], shortcut: Shortcut[Any, Any] | None, present: bool, entropy: tuple[int, ...]
) -> dict[K, Dice]:
    """The marks of one case. Each kind has dice of its own: another rate for one of them moves none of the others.

    Args:
        base: how often each kind stands where it is no shortcut.
        present: whether the case has the label of the shortcut, and the shortcut holds.
    """
    planted = {} if shortcut is None else {shortcut.kind: shortcut.rate if present else shortcut.absent}
    dice = {kind: Dice(*entropy, number) for number, kind in enumerate(base, start=1)}
    return {kind: own for kind, own in dice.items() if own.chance(planted.get(kind, base[kind]))}


def told_by(marks: Iterable[Bool[np.ndarray, "*S"]], label: str, evidence: tuple[Mask, ...]) -> tuple[Mask, ...]:
    """What generated the labels where marks tell one of them: the marks, and the evidence of all others."""
    others = (mark for mark in evidence if mark.label != label)
    return (*others, *(Mask(mask, label, source="phantom") for mask in marks))


def distractors(
    marks: Iterable[tuple[str, dict[str, Any]]], shortcut: Shortcut[Any, Any] | None, told: bool
) -> list[dict[str, Any]]:
    """What ``meta`` says of all marks but the one that tells its label.

    Args:
        marks: the kind of each, and where it is.
        told: whether a mark of the shortcut's kind tells its label in this case.
    """
    found: list[dict[str, Any]] = []
    for kind, place in marks:
        if shortcut is None or kind != shortcut.kind:
            found.append({"kind": kind, "label": None, **place})
        elif not told:
            found.append({"kind": "leaked_shortcut", "label": shortcut.label, **place})
    return found
