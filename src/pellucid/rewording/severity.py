"""More or less of the same: "small" becomes "large". The place stays, so the map should, as far as size allows."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Context, Reworded, reworded, rewording
from pellucid.rewording.editing import cased, exchanged
from pellucid.rewording.lexicon import whole
from pellucid.rewording.vocabulary import named

_PAIRS = {
    "small": "large",
    "mild": "marked",
    "mildly": "markedly",
    "minimal": "extensive",
    "minimally": "extensively",
}
_ONE_WAY = {
    "tiny": "large",
    "huge": "small",
    "massive": "small",
    "slight": "marked",
    "slightly": "markedly",
    "severe": "mild",
    "severely": "mildly",
    "moderate": "mild",
    "moderately": "mildly",
}
_TURNED = {**_PAIRS, **{more: less for less, more in _PAIRS.items()}, **_ONE_WAY}
_ANY = "|".join(_TURNED)
_OTHER = r"bowel|bore|airways?|calib\w+|interval|(?:improv|chang|increas|decreas|progress|regress|worsen|resol|reduc)\w+"
AMOUNT = rf"(?:{_ANY})(?![ -](?:{_OTHER}))"
"""A word that says how much there is, not how much it has changed."""
_WORD = whole(AMOUNT)
_RANGE = whole(rf"(?:{_ANY})[ -](?:to|or)[ -](?:{_ANY})")


@rewording("severity", "invariance", "small as large, mild as marked, and back")
def severity(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence says nothing of how much there is, or gives a range of it ("small to moderate")."""
    if _RANGE.search(phrase.text):
        return None
    counted = any(item.finding.plural for item in named(phrase.text))
    turned = {**_TURNED, "moderate": "small"} if counted else _TURNED  # of an effusion it is the size, of edema the degree
    return reworded(phrase.text, exchanged(phrase.text, _WORD, lambda match: cased(match[0], turned[match[0].lower()])))
