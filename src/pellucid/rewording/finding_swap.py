"""Another finding at the same place: "left effusion" becomes "left pneumothorax"."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Change, Conditions, Context, Reworded, reworded, rewording
from pellucid.rewording.editing import cased, with_articles
from pellucid.rewording.familiar import familiar
from pellucid.rewording.lexicon import negated, whole
from pellucid.rewording.vocabulary import VOCABULARY, Finding, looks, named

_NAME = "finding_swap"
_SPREAD = whole(  # said of shadows alone: there is no patchy nodule
    r"patchy|confluen\w+|haz\w+|diffuse|extensive|total|complete|wide-?spread|areas?|ground[ -]?glass|air[ -]?space"
    r"|bronchograms?"
)


@rewording(_NAME, "decrease", "another finding that may be at the same place, and that no sentence of the report names")
def finding_swap(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence names no finding of the vocabulary or several, or says what fits no other or is not there."""
    found = named(phrase.text)
    if len({item.finding for item in found}) != 1 or phrase.absent or negated(phrase.text):
        return None
    if found[0].finding.look == "shadow" and _SPREAD.search(phrase.text):
        return None
    taken = looks(phrase.text).union(*(looks(sibling.text) for sibling in context.siblings))
    mates = [finding for finding in VOCABULARY if _fits(found[0].finding, finding) and not finding.looks & taken]
    if not mates:
        return None
    known = familiar(mates, lambda mate: str(mate.plural) if found[0].many else mate.name, phrase, context)
    new = known[int(context.draws(_NAME).integers(len(known)))]
    forms = [(item.match, str(new.plural) if item.many else new.name) for item in found]
    changes = [Change(*match.span(), match[0], cased(match[0], name)) for match, name in forms]
    return reworded(phrase.text, with_articles(phrase.text, changes), conditions=_renamed(phrase, found[0].finding, new))


def _fits(old: Finding, new: Finding) -> bool:
    """Of the same place; what is counted only for what is counted, so that articles and plurals stay right."""
    return new.place == old.place and (new.plural is None) == (old.plural is None)


def _renamed(phrase: Phrase, old: Finding, new: Finding) -> Conditions:
    """What the sentence says now: conditions of the old look under the new name, those of no known look as they are."""
    return tuple((new.name if old.look in looks(name) else name, there) for name, there in phrase.conditions) or (
        (new.name, True),
    )
