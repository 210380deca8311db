"""The pieces of which a note is made before it is laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pellucid.datasets.phantom.condition import Condition, Kind
from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.sections import Section
from pellucid.datasets.phantom.template import Segment, render
from pellucid.datasets.phantom.typos import with_typo


class Claim(NamedTuple):
    """What a marked phrase says of a code.

    Attributes:
        kind: "evidence" where the code is true because of it, "shortcut" where it is planted, else why it is no evidence.
        code: the code.
        mention: pieces of the same mention share a number, wherever in the note they stand.
    """

    kind: Kind | Literal["evidence", "shortcut"]
    code: str
    mention: int


@dataclass(frozen=True)
class Item:
    """A sentence or an entry of a list. Its marked segments are what the claim is about; filler has no claim. An item with
    `own_line` begins a line even in prose."""

    section: Section
    segments: tuple[Segment, ...]
    claim: Claim | None = None
    own_line: bool = False

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class Writer:
    """Writes items about one patient.

    Attributes:
        dice: where choices come from.
        words: what the slots of templates stand for.
        typos: chance that an item has a slip of the keyboard.
    """

    dice: Dice
    words: Mapping[str, str]
    typos: float

    def write(self, section: Section, template: str, claim: Claim | None = None) -> Item:
        """An item drawn from a template."""
        segments = render(template, self.dice, self.words)
        if self.dice.chance(self.typos):
            segments = with_typo(segments, self.dice)
        return Item(section, segments, claim)

    def named(self, template: str, condition: Condition) -> str:
        """The template with one of the condition's names, or abbreviations, in its place."""
        name = self.dice.pick(condition.short if condition.short and self.dice.chance(0.4) else condition.names)
        return template.replace("{x}", name).replace("{X}", name[0].upper() + name[1:])
