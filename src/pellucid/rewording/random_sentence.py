"""A sentence of another patient, about another place."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Context, Reworded, replaced, rewording
from pellucid.rewording.places import apart

_NAME = "random_sentence"


@rewording(_NAME, "decrease", "a sentence of another patient that speaks of none of the same regions")
def random_sentence(phrase: Phrase, context: Context) -> Reworded | None:
    """None where no other patient has a sentence that is sure to speak of another place.

    A sentence is sure to where no name of a region and no word of the one can touch those of the other (`places.apart`), and no
    sentence of the report reads the same.
    """
    said = {one.text.casefold() for one in (phrase, *context.siblings)}
    order = (context.others[int(i)] for i in context.draws(_NAME).permutation(len(context.others)))
    drawn = next((other for other in order if other.text.casefold() not in said and apart(phrase, other)), None)
    return None if drawn is None else replaced(phrase, drawn.text, drawn.regions, drawn.conditions)
