"""The markup in which the grammar is written.

* ``{a|b|c}``: one of the alternatives, which may be empty or hold braces of their own, but no marks;
* ``{10..40}``, ``{0.6..1.1}``: a number in that range, both ends possible, with as many decimals as the first end has;
* ``{name}``: a word that depends on the patient (see :func:`pellucid.datasets.phantom.patient.words_about`);
* ``<...>``: a marked stretch, the phrase that speaks (or seems to speak) for a code. It may hold any of the above.

Marks do not nest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from pellucid.datasets.phantom.dice import Dice

_PIECE = re.compile(r"\{((?:[^{}]|\{[^{}]*\})*)\}|([<>])")
_BAR = re.compile(r"\|(?![^{}]*\})")  # a bar that stands in no inner braces
_RANGE = re.compile(r"(\d+(?:\.(\d+))?)\.\.(\d+(?:\.\d+)?)")


class Segment(NamedTuple):
    """A stretch of rendered text, marked or plain."""

    text: str
    marked: bool


class _Part(NamedTuple):
    """One piece of a template: literal text, or what to draw. `text` is the literal or the name of the slot."""

    text: str
    marked: bool
    options: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    decimals: int = -1
    slot: bool = False


def render(template: str, dice: Dice, words: Mapping[str, str]) -> tuple[Segment, ...]:
    """Draw one text from a template. Empty stretches are left out; neighbours that are alike are joined.

    Raises:
        KeyError: the template names a word that `words` lacks.
    """
    segments: list[Segment] = []
    for part in parse(template):
        text = _drawn(part, dice, words)
        if segments and segments[-1].marked == part.marked:
            segments[-1] = Segment(segments[-1].text + text, part.marked)
        elif text:
            segments.append(Segment(text, part.marked))
    return tuple(segments)


@cache
def parse(template: str) -> tuple[_Part, ...]:
    """Cut a template into its parts.

    Raises:
        ValueError: marks nest or are not closed.
    """
    parts: list[_Part] = []
    marked, start = False, 0
    for match in _PIECE.finditer(template):
        if match.start() > start:
            parts.append(_Part(template[start : match.start()], marked))
        start = match.end()
        if match[2]:
            if marked == (match[2] == "<"):
                raise ValueError(f"marks are not paired in {template!r}")
            marked = not marked
        else:
            parts.append(_braced(match[1], marked))
    if marked:
        raise ValueError(f"a mark is not closed in {template!r}")
    return (*parts, _Part(template[start:], False)) if start < len(template) else tuple(parts)


def _braced(inner: str, marked: bool) -> _Part:
    if "|" in inner:
        return _Part("", marked, options=tuple(_BAR.split(inner)))
    if match := _RANGE.fullmatch(inner):
        decimals = len(match[2] or "")
        scale = 10**decimals
        return _Part("", marked, low=round(float(match[1]) * scale), high=round(float(match[3]) * scale), decimals=decimals)
    return _Part(inner, marked, slot=True)


def _drawn(part: _Part, dice: Dice, words: Mapping[str, str]) -> str:
    if part.options:
        chosen = dice.pick(part.options)
        return "".join(_drawn(inner, dice, words) for inner in parse(chosen)) if "{" in chosen else chosen
    if part.decimals >= 0:
        return f"{dice.between(part.low, part.high) / 10**part.decimals:.{part.decimals}f}"
    return words[part.text] if part.slot else part.text
