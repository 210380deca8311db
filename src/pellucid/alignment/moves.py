"""What is said of how far words and pictures move a map."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.alignment.judging import Figure, Judgement
from pellucid.alignment.sensitivity import FIRST_ORDER, IMAGE, MADE, METHOD, RATIO, TEXT, Asked
from pellucid.audit.wording import EMPTY, figure, plural

HEAD = (METHOD, "other words", "another picture", "words over picture")


def rows(found: Judgement) -> Iterator[tuple[str, ...]]:
    """For each way to ask: how far words move the map, how far a picture does, and the ratio; nothing where none was asked."""
    known = _known(found)
    for setting in (FIRST_ORDER, MADE):
        cells = [known.get((metric, setting)) for metric in (TEXT, IMAGE, RATIO)]
        if any(cells):
            yield setting, *(EMPTY if one is None else figure(one.interval) for one in cells)


def said(found: Judgement, asked: Asked) -> str:
    """In a sentence or two; why nothing was asked, where nothing was."""
    if asked.skipped:
        return f"How far words alone move a map was not measured: {asked.skipped}."
    known = _known(found)
    text, image = (known[metric, MADE].interval for metric in (TEXT, IMAGE))
    about = f"the map of {METHOD} (asked of {plural(asked.sentences, 'sentence')})"
    if asked.still == asked.sentences:
        return f"Nothing moves {about}: neither other words nor another picture change it by 1 % of its length."
    parts = [f"Other words move {about} by {figure(text)} of its length, another picture by {figure(image)}"]
    ratios = [(known[RATIO, s].interval, s) for s in (MADE, FIRST_ORDER) if (RATIO, s) in known]
    if ratios:
        shown = " and ".join(f"{figure(interval)}{' to first order' if s == FIRST_ORDER else ''}" for interval, s in ratios)
        parts.append(f"words over picture is {shown}, the mean over sentences")
    if asked.still:
        parts.append(f"{plural(asked.still, 'map')} among them stayed, whatever was changed")
    return "; ".join(parts) + "."


def _known(found: Judgement) -> dict[tuple[str, str], Figure]:
    return {(one.metric, one.setting): one for one in found.sensitivity if one.metric in (TEXT, IMAGE, RATIO)}
