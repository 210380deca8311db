"""A report as sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pellucid.rewording.entities import spoken
from pellucid.units import sentences

# A number of a list: at the beginning, on a new line, or after the end of a sentence; "3.5 cm" is none.
_NUMBER = r"\s*(?:\d{1,2}[.)]|[-*•])(?=\s+[^\W\d]|\s+\[)\s*"
_LEADING = re.compile(_NUMBER)
_ENUMERATOR = re.compile(rf"(?:^|(?<=[.!?:;])(?=\s)|\n){_NUMBER}")
# A line break ends a sentence at an empty line or after a full stop; elsewhere lines are only as long as the page is wide.
_WRAPPED = re.compile(r"(?<![.!?:\n])[ \t]*\n[ \t]*(?!\n)")
_FEWEST = 2


@dataclass(frozen=True)
class Split:
    """A report cut into sentences.

    Attributes:
        sentences: those that say something, in order.
        fragments: how many pieces of fewer than two words were left out.
        enumerators: how many numbers and dashes of lists were left out.
    """

    sentences: tuple[str, ...]
    fragments: int
    enumerators: int


def cleaned(text: str) -> str:
    """A sentence without the number or dash of a list before it and without line breaks; nothing else changes.

    Letters keep their case and brackets stay, so that a mask token does reach the encoder.

    >>> cleaned("3. Small [MASK]\\neffusion. ")
    'Small [MASK] effusion.'
    """
    leading = _LEADING.match(text)
    return " ".join(text[leading.end() if leading else 0 :].split())


def sentences_of(report: str) -> Split:
    """Cut a report into cleaned sentences; fragments of fewer than two words are counted and left out.

    >>> sentences_of("1. Left effusion. 2. Heart is\\nnormal. End.")
    Split(sentences=('Left effusion.', 'Heart is normal.'), fragments=1, enumerators=2)
    """
    plain, enumerators = _ENUMERATOR.subn("\n\n", report.replace("\r\n", "\n").strip())
    pieces = [cleaned(piece) for piece in sentences(_WRAPPED.sub(" ", plain)).strings]
    kept = tuple(piece for piece in pieces if len(spoken(piece)) >= _FEWEST)
    return Split(kept, len(pieces) - len(kept), enumerators)
