"""The words of a report: written about text, and said of images where images were audited.

Templates and sentences speak of words, notes and codes. For a model of images they are turned, word by word, into what takes
their place there; nothing that comes from the data passes through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.predictor import Modality

_MARKUP = re.compile(r"({{.*?}}|{%.*?%}|{#.*?#}|<[^>]*>)", re.DOTALL)
_SPOKEN = re.compile(r'((?:aria-label|alt|title)=")([^"]*)(?=")')
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Vocabulary:
    """What is said in place of what.

    Attributes:
        instead: words and phrases in small letters, longer ones before those that they hold.
    """

    instead: Mapping[str, str]

    def said(self, sentence: str) -> str:
        """A sentence in these words; capital first letters stay."""
        if not self.instead:
            return sentence
        pattern = re.compile(rf"\b({'|'.join(map(re.escape, self.instead))})\b", re.IGNORECASE)
        return pattern.sub(self._exchanged, sentence)

    def template(self, source: str) -> str:
        """A template in these words: its running text, what its tags say to a reader, and what its expressions quote."""
        if not self.instead:
            return source
        return "".join(self._piece(piece) for piece in _MARKUP.split(source))

    def drawing(self, svg: str) -> str:
        """A drawing whose labels are in these words."""
        return re.sub(r"(?<=>)[^<>]+(?=<)", lambda found: self.said(found[0]), svg) if self.instead else svg

    def _piece(self, piece: str) -> str:
        if piece.startswith("{{"):  # plural(n, "note"), "the marked words"
            return _QUOTED.sub(lambda found: self.said(found[0]), piece)
        if piece.startswith("<"):
            return _SPOKEN.sub(lambda found: found[1] + self.template(found[2]), piece)
        return piece if piece.startswith("{") else self.said(piece)

    def _exchanged(self, found: re.Match[str]) -> str:
        new = self.instead[found[0].lower()]
        return new[0].upper() + new[1:] if found[0][0].isupper() else new


VOCABULARIES: Mapping[Modality, Vocabulary] = {
    "text": Vocabulary({}),
    "image": Vocabulary(
        {
            "equally much random text": "random regions of the same size",
            "as much random text": "random regions of the same size",
            "says what chance": "say what chance",
            "says how much any text would do": "say how much any region would do",
            "lies beyond what the model reads": "is too small to be seen at the size that the model reads",
            "how many words": "how many pixels",
            "a coloured word": "colour",
            "a note": "an image",
            "a word": "a pixel",
            "a code": "a finding",
            "one code": "one finding",
            "coding model": "image model",
            "quotes notes": "shows images",
            "long notes are cut to what was marked or shown": "bright outlines are what people marked",
            "random text": "random regions",
            "in passages of the same lengths": "in regions of the same sizes",
            "any text would do": "any region would do",
            "other text": "any other region",
            "the very text": "the very region",
            "marked passages": "marked regions",
            "marked passage": "marked region",
            "notes that nobody wrote": "images that nobody took",
            "short texts": "few regions",
            "for long ones they are": "for many they are",
            "planted phrases": "planted objects",
            "planted phrase": "planted object",
            "that shows the phrase": "that shows the object",
            "invented by a grammar": "drawn by a program",
            "in the record": "among its labels",
            "the record does not": "its labels do not",
            "the record": "its labels",
            "not coded": "not labelled",
            "paraphrase": "other exposure",
            "words": "pixels",
            "word": "pixel",
            "notes": "images",
            "note": "image",
            "codes": "findings",
            "code": "finding",
            "length": "size",
        }
    ),
}
