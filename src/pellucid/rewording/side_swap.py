"""The other side: "left" becomes "right"."""

from __future__ import annotations

from pellucid.case import Phrase
from pellucid.rewording.base import Context, Reworded, reworded, rewording
from pellucid.rewording.sides import side_changes, swapped_regions


@rewording("side_swap", "mirror", "left and right exchanged, in a sentence that names one side")
def side_swap(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence names no side or both, or where it or a region has no twin on the other side."""
    regions = swapped_regions(phrase.regions)
    return None if regions is None else reworded(phrase.text, side_changes(phrase.text), regions or None)
