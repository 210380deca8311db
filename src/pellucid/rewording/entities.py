"""The clinical words of a sentence: anatomy, findings, sides, heights, devices."""

from __future__ import annotations

from pellucid.rewording.lexicon import CLINICAL, whole
from pellucid.rewording.sides import mentions
from pellucid.units import TextUnits, words

_CLINICAL = whole(CLINICAL)


def spoken(text: str) -> TextUnits:
    """The words of a text without punctuation."""
    cut = words(text)
    return TextUnits(text, cut.offsets[~cut.is_punctuation], "word")


def entities(text: str) -> list[tuple[int, int]]:
    """Half-open character ranges of the clinical words, a word each, in reading order; empty where there are none.

    >>> [text[a:b] for text in ["There is a right-sided effusion."] for a, b in entities(text)]
    ['right-sided', 'effusion']
    """
    marks = [match.span() for match in _CLINICAL.finditer(text)]
    marks += [(mention.start, mention.stop) for mention in mentions(text)]
    cut = [(int(start), int(stop)) for start, stop in spoken(text).offsets]
    return [(start, stop) for start, stop in cut if any(a < stop and start < b for a, b in marks)]
