"""Upper and lower in a sentence: which heights it names, and what turns one into the other.

"Upper abdomen", "lower lung volumes", "the superior vena cava" and the apex of the heart name no height of the lung and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from pellucid.rewording.base import Change, applied
from pellucid.rewording.editing import cased, with_articles
from pellucid.rewording.lexicon import LOWER, MIDDLE, UPPER, whole

Level = Literal["upper", "middle", "lower"]

_PAIRS = {
    "upper": "lower",
    "superior": "inferior",
    "superiorly": "inferiorly",
    "apical": "basal",
    "apex": "base",
    "apices": "bases",
    "biapical": "bibasal",
    "suprahilar": "infrahilar",
}
_BACK = {"basilar": "apical", "bibasilar": "biapical"}  # a second word for the same: the way back is to "basal"
_TURNED = {**_PAIRS, **{low: high for high, low in _PAIRS.items()}, **_BACK}
_WORD = whole("|".join(_TURNED))
_LOBE = re.compile(r"(?<![^\W_])([LR])([UL])([LZ])(?![^\W_])")
_IDIOM = whole(
    r"(?:upper|lower) (?:abdom\w*|quadrants?|airways?|gi|gastro\w*|limits?|extremit\w*|than|(?:lung )?volumes?|neck)"
    r"|(?:superior|inferior) (?:vena|to|mediastin\w*)|(?:heart|cardiac|ventricular) (?:apex|base)"
    r"|(?:apex|base) of (?:the )?(?:heart|neck|skull|tongue)"
)
_NAMED: dict[Level, re.Pattern[str]] = {"upper": whole(UPPER), "middle": whole(MIDDLE), "lower": whole(LOWER)}
_LETTERS: dict[str, Level] = {"U": "upper", "L": "lower"}


def levels(text: str) -> frozenset[Level]:
    """The heights in the lung that a text names.

    >>> sorted(levels("Mid to lower zone, as before in the RUL"))
    ['lower', 'middle', 'upper']
    """
    idioms = _idioms(text)
    words = {level for level, pattern in _NAMED.items() if any(_free(match, idioms) for match in pattern.finditer(text))}
    return frozenset(words | {_LETTERS[match[2]] for match in _LOBE.finditer(text)})


def level_changes(text: str) -> list[Change]:
    """What turns upper into lower or lower into upper.

    Empty where a text names neither or several ("middle and lower lobe" would keep the middle one), and where it names the
    height by a word that has no twin as well ("left basal opacity with a blunt costophrenic angle").
    """
    named = levels(text)
    if len(named) != 1 or "middle" in named:
        return []
    idioms = _idioms(text)
    words = [match for match in _WORD.finditer(text) if _free(match, idioms)]
    changes = [Change(*match.span(), match[0], cased(match[0], _TURNED[match[0].lower()])) for match in words]
    changes += [Change(*match.span(), match[0], _turned(match)) for match in _LOBE.finditer(text)]
    fitting = with_articles(text, sorted(changes, key=lambda change: change.start))
    return [] if named & levels(applied(text, fitting)) else fitting


def turned_regions(regions: Iterable[str]) -> tuple[str, ...]:
    """Names of regions with upper and lower exchanged, those that name neither as they are."""
    return tuple(applied(name, level_changes(name)) for name in regions)


def _idioms(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _IDIOM.finditer(text)]


def _free(match: re.Match[str], idioms: list[tuple[int, int]]) -> bool:
    return not any(start <= match.start() < stop for start, stop in idioms)


def _turned(match: re.Match[str]) -> str:
    return match[1] + ("L" if match[2] == "U" else "U") + match[3]
