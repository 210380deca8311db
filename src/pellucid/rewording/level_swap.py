"""The other height: "upper" becomes "lower"."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Context, Reworded, reworded, rewording
from pellucid.rewording.levels import level_changes, turned_regions


@rewording("level_swap", "decrease", "upper and lower exchanged, in a sentence that names one height")
def level_swap(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence names no height, the middle, or several."""
    return reworded(phrase.text, level_changes(phrase.text), turned_regions(phrase.regions) or None)
