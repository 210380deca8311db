"""The same finding somewhere else: at another height, and on the other side where a side is named."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.case import Phrase
from pellucid.rewording.base import Change, Context, Reworded, applied, reworded, rewording
from pellucid.rewording.editing import cased, exchanged
from pellucid.rewording.levels import level_changes, levels
from pellucid.rewording.lexicon import whole
from pellucid.rewording.sides import side_changes, sides

_RAISED = {  # what lies in the middle, or low without saying so
    "mid": "upper",
    "middle": "upper",
    "midzone": "upper zone",
    "perihilar": "apical",
    "hilar": "apical",
    "retrocardiac": "apical",
}
_MIDDLE = whole("|".join(_RAISED))


@rewording("location_swap", "decrease", "the same finding at another height, and on the other side where one is named")
def location_swap(phrase: Phrase, context: Context) -> Reworded | None:
    """None where the sentence names no height or several, or both sides, or would speak of the same regions as before."""
    across, up = side_changes(phrase.text), _height_changes(phrase.text)
    if not up or (sides(phrase.text) and not across):
        return None
    regions = tuple(_moved(name) for name in phrase.regions)
    stays = bool(regions) and set(regions) == set(phrase.regions)
    return None if stays else reworded(phrase.text, _together(across, up), regions or None)


def _moved(region: str) -> str:
    return applied(region, _together(side_changes(region), _height_changes(region)))


def _height_changes(text: str) -> list[Change]:
    if len(levels(text)) != 1:
        return []
    changes = level_changes(text) or exchanged(text, _MIDDLE, lambda match: cased(match[0], _RAISED[match[0].lower()]))
    return [] if levels(text) & levels(applied(text, changes)) else changes


def _together(across: Iterable[Change], up: Iterable[Change]) -> list[Change]:
    """Both sets of changes; an abbreviation that says side and height at once ("LLL") turns in both ("RUL")."""
    found = {change.start: change for change in across}
    for change in up:
        turned = found.get(change.start)
        after = change.after if turned is None else turned.after[0] + change.after[1:]
        found[change.start] = Change(change.start, change.stop, change.before, after)
    return [found[start] for start in sorted(found)]
