"""Shortcuts in radiographs: an object is planted (:mod:`pellucid.datasets.phantom.planting` says what that means)."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pellucid.datasets.phantom import planting
from pellucid.datasets.phantom.chest.findings import FindingName
from pellucid.datasets.phantom.chest.objects import BASE_RATES, Thing, draw_thing

ShortcutName = Literal["marker", "tube", "tag"]
Shortcut: TypeAlias = planting.Shortcut[ShortcutName, FindingName]
"""At a `faint` of 1 the finding is not drawn."""


def draw_things(shortcut: Shortcut | None, labels: frozenset[FindingName], entropy: tuple[int, ...]) -> list[Thing]:
    """The objects of one picture."""
    present = shortcut is not None and shortcut.label in labels
    return [draw_thing(kind, dice) for kind, dice in planting.standing(BASE_RATES, shortcut, present, entropy).items()]
