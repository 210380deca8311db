"""Left and right in a sentence.

A side is named by the words left and right (also "left-sided"), by "L", "R", "Lt" and "Rt" before a clinical word or after
"on the", by abbreviations of lobes, zones and veins (LLL, RUZ, RIJ), by words for both sides, and by what lies on one side only
(the lingula, the middle lobe, the horizontal fissure). "Leftward" and "shifted to the left" are directions: they name no side,
yet turn with the others. Neither "bright" nor "right away" nor a tube "left in place" nor "2 L of oxygen" speaks of a side. Nor
do chambers and vessels of the heart: the right ventricle lies before the left one, not across the midline from it.

Words are read as left, Left and LEFT; idioms hold for both sides alike ("left away" as "right away"), so that swapping twice
gives the first text back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pellucid.case import Phrase
from pellucid.rewording.base import Change, applied
from pellucid.rewording.editing import cased
from pellucid.rewording.lexicon import ANATOMY, DEVICES, FINDINGS, LEVELS, whole

Side = Literal["left", "right"]
BOTH: frozenset[Side] = frozenset({"left", "right"})

_CLINICAL = rf"(?!spine\b)(?:sided?|{ANATOMY}|{FINDINGS}|{LEVELS}|{DEVICES})\b"
_WORD = re.compile(r"(?<![^\W_])(left|Left|LEFT|right|Right|RIGHT)(wards?|WARDS?)?(?![^\W_])")
_LOBE = re.compile(r"(?<![^\W_])(?:[LR][UL]L|RML|[LR][UML]Z|[LR]IJ)(?![^\W_])")
_LETTER = re.compile(
    rf"(?<![^\W_])(?<!\d )(?<![/.-])(?:[LR]|[LR]t|[LR]T|[lr]t)(?=\.?[ -]+(?i:{_CLINICAL}))"
    r"|(?<=on the )(?:[LR]|[LR]t|[LR]T)(?=[.,;)]|\s|$)"
)
_SIDE = r"(?:left|right)"
_IDIOM = whole(
    rf"all {_SIDE}|{_SIDE} in (?:place|situ|position)"
    rf"|(?<!the ){_SIDE} (?:away|now|after|before|behind|here|there|then|next|above|below|beside|beneath|at|into)"
    rf"|(?:is|are|was|were|be|been|being) {_SIDE} (?:in|with|on|open|alone|out|untreated|unchanged|untouched|without)"
    rf"|{_SIDE}[ -](?:over|handed|angles?|angled|shift|shifted|against medical)"
    rf"|{_SIDE} the (?:hospital|ward|department|emergency|icu|ed|clinic|room)"
    rf"|{_SIDE} (?:atri|ventric)\w+|{_SIDE} (?:main )?coronary|{_SIDE} (?:anterior descending|circumflex)"
    rf"|{_SIDE}(?:-sided)?[ -]heart (?:failure|strain|catheter\w*)"
    rf"|{_SIDE} (?:lateral|anterior oblique|posterior oblique) (?:decubitus|views?|films?|radiographs?|projection|position)"
)
_TOWARDS = re.compile(
    r"\b(?:shift|deviat|displac|rotat|tilt|push|pull|convex|point)\w*(?: \w+)? (?:to|towards?) (?:the |the patient's )?$",
    re.IGNORECASE,
)
_SITUS = whole(  # what decides which side is which: on the other side it would be another body
    r"dextrocardia|levocardia|situs|aortic (?:arch|knob)|(?:gastric|stomach) bubble|cardiac apex|paratracheal stripe"
    r"|spleen|liver"
)
_PAIRED = r"sides|lungs|bases|apices|hila|lobes|zones|fields|hemithoraces|(?:hemi)?diaphragms|angles|sulci|clavicles|shoulders"
_BOTH = re.compile(
    rf"\b(?i:bilateral(?:ly)?|bi(?:basilar|basal|apical|hilar)|both (?:of the )?(?:(?!{_SIDE}\b)[\w-]+ ){{0,2}}(?:{_PAIRED}))\b"
    r"|\b[LR] ?[<>=] ?[LR]\b"
)
_LONE: dict[Side, re.Pattern[str]] = {
    "left": whole(r"lingula\w*"),
    "right": re.compile(
        r"\bRML\b|\b(?i:middle(?:[\s,]+(?:and|or|to|upper|lower|right)\b)*[\s,]+lobes?"
        r"|(?:minor|horizontal|azygos) fissures?)\b"
    ),
}


@dataclass(frozen=True)
class Mention:
    """A word that turns when sides are swapped.

    Attributes:
        start: where it begins in the text.
        word: as it stands there.
        side: what it names; None for a direction ("leftward", "shifted to the left").
        turned: the word for the other side.
    """

    start: int
    word: str
    side: Side | None
    turned: str

    @property
    def stop(self) -> int:
        """Where it ends in the text."""
        return self.start + len(self.word)


def mentions(text: str) -> list[Mention]:
    """Words for one side, in reading order."""
    idioms = [match.span() for match in _IDIOM.finditer(text)]
    found = [_word(match) for match in _WORD.finditer(text) if not any(a <= match.start() < b for a, b in idioms)]
    found += [_letter(match) for pattern in (_LOBE, _LETTER) for match in pattern.finditer(text)]
    return sorted(found, key=lambda mention: mention.start)


def sides(text: str) -> frozenset[Side]:
    """The sides that a text names: none, one or both.

    >>> sorted(sides("Bright LLL opacity")), sorted(sides("Both lungs are clear."))
    (['left'], ['left', 'right'])
    """
    named: set[Side] = {mention.side for mention in mentions(text) if mention.side}
    named |= {side for side, pattern in _LONE.items() if pattern.search(text)}
    return BOTH if _BOTH.search(text) else frozenset(named)


def named_side(phrase: Phrase) -> Side | None:
    """The side that the sentence itself names, where it names exactly one."""
    return _only(sides(phrase.text))


def side_of_regions(regions: Iterable[str]) -> Side | None:
    """The side that names of regions name, where all of them together name exactly one: for sentences that name none."""
    return _only(frozenset[Side]().union(*(sides(_spaced(region)) for region in regions)))


def side_changes(text: str) -> tuple[Change, ...]:
    """What turns each word for the one side that a text names to the other; empty where it names none or both.

    It is empty, too, where something is named that has no twin on the other side: the right middle lobe, the lingula, the
    horizontal fissure, the aortic arch, the liver, a situs inversus. "The left middle lobe" would ask for a place that nobody
    has.
    """
    if len(sides(text)) != 1 or any(pattern.search(text) for pattern in (_SITUS, *_LONE.values())):
        return ()
    return tuple(Change(mention.start, mention.stop, mention.word, mention.turned) for mention in mentions(text))


def swapped(text: str) -> str | None:
    """The text with its side swapped, None where :func:`side_changes` are empty. Swapping twice gives the text back.

    >>> swapped("Small left-sided effusion."), swapped("Bilateral effusions.")
    ('Small right-sided effusion.', None)
    """
    changes = side_changes(text)
    return applied(text, changes) if changes else None


def swapped_regions(regions: Iterable[str]) -> tuple[str, ...] | None:
    """Names of regions with the sides swapped, those without a side as they are; None where one has no twin."""
    names = tuple(regions)
    if any(pattern.search(_spaced(name)) for name in names for pattern in _LONE.values()):
        return None
    return tuple(swapped(name) or name for name in names)


def _only(named: frozenset[Side]) -> Side | None:
    return next(iter(named)) if len(named) == 1 else None


def _spaced(region: str) -> str:
    return region.replace("_", " ")


def _other(side: Side) -> Side:
    return "right" if side == "left" else "left"


def _word(match: re.Match[str]) -> Mention:
    side: Side = "left" if match[1].lower() == "left" else "right"
    suffix = match[2] or ""
    direction = suffix or _TOWARDS.search(match.string, 0, match.start())
    return Mention(match.start(), match[0], None if direction else side, cased(match[1], _other(side)) + suffix)


def _letter(match: re.Match[str]) -> Mention:
    side: Side = "left" if match[0][0] in "Ll" else "right"
    first = _other(side)[0]
    return Mention(match.start(), match[0], side, (first.upper() if match[0][0].isupper() else first) + match[0][1:])
