"""A plain sentence from what is known: one clause for each condition, over all regions of the sentence.

"There is a pleural effusion in the left lung.", "The lungs are normal.", "There is no pneumothorax in the left lung.". A left
and a right region of one name become a plural without side (McInerney et al. 2022 built their sentences so).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.case import Phrase
from pellucid.rewording.base import Conditions, Context, Reworded, replaced, rewording
from pellucid.rewording.editing import article, capital
from pellucid.rewording.sides import swapped
from pellucid.rewording.vocabulary import named

_PLURALS = {"apex": "apices", "base": "bases", "hilum": "hila", "hemithorax": "hemithoraces", "sulcus": "sulci"}
_ONE_SIDE = re.compile(r"\b(?:left|right)\b *", re.IGNORECASE)
_SINGULAR = re.compile(r"(?:[iuas]s|ax|x)$")
_HEALTH = ("normal", "abnormal")


@rewording("synthetic", "invariance", "a plain sentence from its regions and conditions")
def synthetic(phrase: Phrase, context: Context) -> Reworded | None:
    """None where too little is known: no condition, or no region for "normal" and "abnormal"."""
    text = plain_sentence(phrase.regions, phrase.conditions)
    return None if text is None else replaced(phrase, text)


def plain_sentence(regions: Sequence[str], conditions: Conditions) -> str | None:
    """The sentence that says these conditions of these regions; None where there is nothing to say.

    >>> plain_sentence(["left lung", "right lung"], (("pneumothorax", False), ("abnormal", True)))
    'There is no pneumothorax in the lungs, and the lungs are abnormal.'
    """
    places = merged(regions)
    clauses = [clause for condition in conditions if (clause := _clause(places, *condition))]
    return capital(", and ".join(clauses)) + "." if clauses else None


def merged(regions: Sequence[str]) -> list[str]:
    """Names of regions as words; a left and a right one of the same name are one plural.

    >>> merged(["right_lung_base", "heart", "left_lung_base"])
    ['lung bases', 'heart']
    """
    names = list(dict.fromkeys(region.replace("_", " ") for region in regions))
    return list(dict.fromkeys(_plural(_ONE_SIDE.sub("", name)) if swapped(name) in names else name for name in names))


def plural(words: str) -> bool:
    """Whether a noun is in the plural, by its last letters."""
    last = words.split()[-1].lower() if words.split() else ""
    return last in {"bullae", "pneumopericardia", "apices", "hila"} or (last.endswith("s") and not _SINGULAR.search(last))


def _plural(name: str) -> str:
    *before, last = name.split()
    return name if plural(name) else " ".join([*before, _PLURALS.get(last, f"{last}s")])


def _clause(places: Sequence[str], condition: str, there: bool) -> str | None:
    name = condition.replace("_", " ").lower()
    where = " and ".join(f"the {place}" for place in places)
    if name in _HEALTH:
        state = name if there else _HEALTH[1 - _HEALTH.index(name)]
        return f"{where} {'are' if len(places) > 1 or plural(places[0]) else 'is'} {state}" if places else None
    return (
        f"there {'are' if plural(name) else 'is'} {_counted(name) if there else f'no {name}'}{' in ' if where else ''}{where}"
    )


def _counted(name: str) -> str:
    """The name with an article, where it is one thing that is counted."""
    one = any(item.finding.plural and not item.many and item.match.end() == len(name) for item in named(name))
    return f"{article(name)} {name}" if one else name
