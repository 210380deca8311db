"""The words of a report: written about text, and said of images, rows or signals where these were audited.

Templates and sentences speak of words, notes and codes. For a model of anything else they are turned, word by word, into what
takes their place there; nothing that comes from the data passes through here.
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


def _of_grids(item: str, unit: str, label: str, region: str, special: Mapping[str, str]) -> Vocabulary:
    """What is said of images, rows and signals.

    Args:
        item: what the model reads.
        unit: what is judged.
        label: what it assigns.
        region: what people mark.
        special: what is said of this kind alone; it comes first.
    """
    regions = f"{region}{'es' if region.endswith('h') else 's'}"
    common = {
        "equally much random text": f"random {regions} of the same size",
        "as much random text": f"random {regions} of the same size",
        "says how much any text would do": f"say how much any {region} would do",
        "how many words": f"how many {unit}s",
        "a coloured word": "colour",
        "a note": _with_article(item),
        "a word": _with_article(unit),
        "a code": _with_article(label),
        "one code": f"one {label}",
        "coding model": f"{item} model",
        "quotes notes": f"shows {item}s",
        "random text": f"random {regions}",
        "in passages of the same lengths": f"in {regions} of the same sizes",
        "any text would do": f"any {region} would do",
        "other text": f"any other {region}",
        "the very text": f"the very {region}",
        "marked passages": f"marked {regions}",
        "marked passage": f"marked {region}",
        "short texts": f"few {regions}",
        "for long ones they are": "for many they are",
        "planted phrases": "planted objects",
        "planted phrase": "planted object",
        "that shows the phrase": "that shows the object",
        "invented by a grammar": "drawn by a program",
        "in the record": "among its labels",
        "the record does not": "its labels do not",
        "the record": "its labels",
        "not coded": "not labelled",
        "words": f"{unit}s",
        "word": unit,
        "notes": f"{item}s",
        "note": item,
        "codes": f"{label}s",
        "code": label,
        "length": "size",
    }
    return Vocabulary({**special, **common, **special})


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


_IMAGES = {
    "lies beyond what the model reads": "is too small to be seen at the size that the model reads",
    "long notes are cut to what was marked or shown": "bright outlines are what people marked",
    "notes that nobody wrote": "images that nobody took",
    "paraphrase": "other exposure",
}
_ROWS = {
    "coding model": "model of rows",
    "words masked": "the mean instead",
    "removed words are masked": "a removed measurement becomes the mean of the training cases",
    "long notes are cut to what was marked or shown": "the largest scores of each row are shown",
    "notes that nobody wrote": "rows that nobody has",
    "the gap itself, and not to the missing word; two ways of removing words are compared where the plan asks for both": (
        "a combination of values that no patient has"
    ),
    "paraphrase": "another laboratory",
    "planted phrase": "planted value",
}
_SIGNALS = {
    "lies beyond what the model reads": "lies beyond what the model reads, or is too short to be seen at its rate",
    "coding model": "model of signals",
    "of words removed": "of stretches removed",
    "of words kept": "of stretches kept",
    "words masked": "the mean instead",
    "words filled in": "a line instead",
    "removed words are masked": "a removed stretch becomes the mean of its lead",
    "removed words are filled in": "a removed stretch becomes the line between the samples around it",
    "long notes are cut to what was marked or shown": "green lines are what people marked",
    "notes that nobody wrote": "recordings that nobody has",
    "paraphrase": "another recorder",
    "planted phrases": "planted marks",
    "planted phrase": "planted mark",
    "that shows the phrase": "that shows the mark",
}

VOCABULARIES: Mapping[Modality, Vocabulary] = {
    "text": Vocabulary({}),
    "image": _of_grids("image", "pixel", "finding", "region", _IMAGES),
    "table": _of_grids("row", "measurement", "label", "measurement", _ROWS),
    "signal": _of_grids("recording", "sample", "finding", "stretch", _SIGNALS),
}
