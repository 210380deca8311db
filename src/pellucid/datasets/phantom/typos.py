"""Slips of the keyboard."""

from __future__ import annotations

import re

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.template import Segment

_LONG_WORD = re.compile(r"[A-Za-z]{5,}")


def misspelt(text: str, dice: Dice) -> str:
    """The text with one slip in one word of five letters or more: two letters swapped, one dropped or one doubled.

    The first letter stays, as it does in most real slips. A text without such a word comes back as it is.
    """
    found = list(_LONG_WORD.finditer(text))
    if not found:
        return text
    match = dice.pick(found)
    word, at = match[0], dice.between(1, len(match[0]) - 2)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[: at + 1] + word[at:],
    )
    return text[: match.start()] + dice.pick(slips) + text[match.end() :]


def with_typo(segments: tuple[Segment, ...], dice: Dice) -> tuple[Segment, ...]:
    """The segments with one slip, in a marked one where there is one."""
    marked = [i for i, segment in enumerate(segments) if segment.marked]
    where = dice.pick(marked or range(len(segments)))
    slipped = Segment(misspelt(segments[where].text, dice), segments[where].marked)
    return (*segments[:where], slipped, *segments[where + 1 :])
