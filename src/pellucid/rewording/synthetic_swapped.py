"""A plain sentence that keeps the regions and says another condition of them."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Context, Reworded, replaced, rewording
from pellucid.rewording.places import Spot
from pellucid.rewording.synthetic import plain_sentence
from pellucid.rewording.vocabulary import VOCABULARY, covered, looks

_NAME = "synthetic_swapped"


@rewording(_NAME, "decrease", "a plain sentence that says another condition of the same regions")
def synthetic_swapped(phrase: Phrase, context: Context) -> Reworded | None:
    """None where nothing is known, where all that is said is not there, or where no other condition is left.

    The condition is drawn from those that are said to be there in the same regions of other patients, or else from the
    vocabulary; it is none that a sentence of the report names.
    """
    if not phrase.regions or not phrase.conditions or phrase.absent:
        return None
    names = _seen(phrase, context) or _usual(phrase, context)
    if not names:
        return None
    conditions = ((names[int(context.draws(_NAME).integers(len(names)))], True),)
    text = plain_sentence(phrase.regions, conditions)
    return None if text is None else replaced(phrase, text, conditions=conditions)


def _seen(phrase: Phrase, context: Context) -> list[str]:
    """What other patients have in the same regions, and this one is not said to have; in the order of the alphabet."""
    alike = [other for other in context.others if set(other.regions) == set(phrase.regions)]
    own = {name for said in (phrase, *context.siblings) for name, _ in said.conditions}
    taken = _taken(phrase, context)
    found = {name for other in alike for name, there in other.conditions if there}
    return sorted(name for name in found - own - {"normal", "abnormal"} if not covered(name) & taken)


def _usual(phrase: Phrase, context: Context) -> list[str]:
    """Findings that may be in one of these regions; those of the pleura are found where the lung is."""
    organs = frozenset[str]().union(*(Spot.of(region).organs for region in phrase.regions))
    places = {"lung": "lung", "pleura": "lung", "heart": "heart"}
    taken = _taken(phrase, context)
    return [finding.name for finding in VOCABULARY if places[finding.place] in organs and not finding.looks & taken]


def _taken(phrase: Phrase, context: Context) -> frozenset[str]:
    said = [words for one in (phrase, *context.siblings) for words in (one.text, *(name for name, _ in one.conditions))]
    return frozenset[str]().union(*(looks(words) for words in said))
