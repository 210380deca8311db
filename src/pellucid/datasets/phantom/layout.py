"""From items to the text of a note: headings, lists, prose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.item import Claim, Item
from pellucid.datasets.phantom.sections import FORMS, Style
from pellucid.datasets.phantom.text import TextBuilder

Text = TextBuilder[Claim]
_REASONS = ("who presented with the complaints below", "admitted from the emergency department", "referred to this hospital")


def lay_out(items: Sequence[Item], words: Mapping[str, str], dice: Dice) -> Text:
    """The note, with a span for each marked phrase under its claim.

    What is drawn here does not depend on the items: the same note with a line more or less looks the same elsewhere.
    """
    text, upper, reason = Text(), dice.chance(0.5), dice.pick(_REASONS)
    chosen = {section: (dice.pick(form.headings or ("",)), dice.pick(form.styles)) for section, form in FORMS.items()}
    for section, (heading, style) in chosen.items():
        within = [item for item in items if item.section is section]
        if not within and style != "sentence":
            continue
        if heading:
            text.add((heading.upper() if upper else heading) + (": " if style == "commas" else ":\n"))
        if style == "sentence":
            _opening(text, within, words, reason)
        else:
            _join(text, within, style)
        text.add(" " if style == "sentence" else "\n\n")
    return text


def _join(text: Text, items: Sequence[Item], style: Style) -> None:
    for i, item in enumerate(items):
        if style == "prose":
            text.add("" if i == 0 else "\n" if _stands_alone(item) or _stands_alone(items[i - 1]) else " ")
        else:
            text.add(_BEFORE[style](i))
        add_item(text, item)


def _stands_alone(item: Item) -> bool:
    """Problems of the course ("# ...") and what is planted take a line each."""
    return item.own_line or item.text.startswith("#")


def _opening(text: Text, items: Sequence[Item], words: Mapping[str, str], reason: str) -> None:
    """One sentence that introduces the patient and lists what is known."""
    text.add(f"{words['Mr']} ___ is {words['a']} {words['age']} year-old {words['man']}")
    for i, item in enumerate(items):
        text.add(" with " if i == 0 else " and " if i == len(items) - 1 else ", ")
        add_item(text, item)
    text.add(f", {reason}.")


def add_item(text: Text, item: Item) -> None:
    """Append one item; its marked segments become spans of its claim."""
    for segment in item.segments:
        text.add(segment.text, [item.claim] if segment.marked and item.claim else [])


_BEFORE: dict[Style, Callable[[int], str]] = {
    "lines": lambda i: "\n" if i else "",
    "bullets": lambda i: "\n- " if i else "- ",
    "numbers": lambda i: f"\n{i + 1}. " if i else "1. ",
    "commas": lambda i: ", " if i else "",
}
