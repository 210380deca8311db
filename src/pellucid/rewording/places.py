"""Where sentences speak of, as far as names of regions and words tell: are two places the same, and can they touch?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pellucid.case import Phrase
from pellucid.rewording import lexicon
from pellucid.rewording.levels import Level, levels
from pellucid.rewording.lexicon import whole
from pellucid.rewording.sides import BOTH, Side, sides

_ORGANS = {
    "lung": whole(rf"{lexicon.LUNG}|{lexicon.LUNG_FINDINGS}|{lexicon.LEVELS}|[LR][UML][LZ]"),
    "heart": whole(rf"{lexicon.HEART}|mediastinal|retrocardiac|cardiophrenic"),
    "bones": whole(rf"{lexicon.BONES}|{lexicon.BONE_FINDINGS}"),
    "abdomen": whole(lexicon.ABDOMEN),
}
_EVERYWHERE = frozenset(_ORGANS)
_OVER = {"bones": frozenset({"bones", "lung", "heart"})}  # in a projection ribs, clavicles and spine lie over them
_LEVELS: frozenset[Level] = frozenset({"upper", "middle", "lower"})


@dataclass(frozen=True)
class Spot:
    """A place in the chest, no finer than words say; what they leave open is every side, height or organ."""

    sides: frozenset[Side]
    levels: frozenset[Level]
    organs: frozenset[str]

    @classmethod
    def of(cls, words: str) -> Spot:
        """The place that a name of a region or a sentence speaks of."""
        text = words.replace("_", " ")
        named = [organ for organ, pattern in _ORGANS.items() if pattern.search(text)]
        organs = frozenset[str]().union(*(_OVER.get(organ, {organ}) for organ in named))
        return cls(sides(text) or BOTH, levels(text) or _LEVELS, organs or _EVERYWHERE)

    def meets(self, other: Spot) -> bool:
        """Whether the two places can touch."""
        return bool(self.sides & other.sides and self.levels & other.levels and self.organs & other.organs)


def apart(one: Phrase, other: Phrase) -> bool:
    """Whether no place of one sentence can touch a place of the other, by the names of their regions and by their own words."""
    return not any(a.meets(b) for a in _spots(one) for b in _spots(other))


def elsewhere(one: Phrase, other: Phrase) -> bool:
    """Whether two sentences of one image speak of different places: other regions, or other boxes where no region is named."""
    return _place(one) != _place(other)


def _spots(phrase: Phrase) -> list[Spot]:
    return [_spot(name) for name in (*phrase.regions, phrase.text)]


@lru_cache(maxsize=65536)  # a sentence is compared with all those of other patients, for each sentence of theirs
def _spot(words: str) -> Spot:
    return Spot.of(words)


def _place(phrase: Phrase) -> frozenset[object]:
    if phrase.regions:
        return frozenset(name.casefold() for name in phrase.regions)
    return frozenset(tuple(row) for row in phrase.boxes.boxes.tolist())
