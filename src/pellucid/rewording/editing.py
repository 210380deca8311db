"""Words put in the place of words: the letters keep their case, and articles fit what follows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from pellucid.rewording.base import Change

_ARTICLE = re.compile(r"(?<![^\W_])(an?) $", re.IGNORECASE)


def cased(like: str, word: str) -> str:
    """The word in capitals, with a capital or without one, as `like` is written.

    >>> cased("Left", "right"), cased("LEFT", "right"), cased("left", "right")
    ('Right', 'RIGHT', 'right')
    """
    if len(like) > 1 and like.isupper():
        return word.upper()
    return capital(word) if like[:1].isupper() else word


def capital(text: str) -> str:
    """The text with a capital first, the rest as it is."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """The text with a small first letter, unless it begins with an abbreviation ("LLL opacity").

    >>> small("Left effusion"), small("LLL opacity"), small("A nodule")
    ('left effusion', 'LLL opacity', 'a nodule')
    """
    first = text.partition(" ")[0]
    return text if first.isupper() and first != "A" else text[:1].lower() + text[1:]


def exchanged(text: str, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]) -> list[Change]:
    """A change for each match of the pattern, with articles that fit."""
    found = [Change(*match.span(), match[0], new(match)) for match in pattern.finditer(text)]
    return with_articles(text, found)


def with_articles(text: str, changes: Iterable[Change]) -> list[Change]:
    """The same changes; where "a" or "an" stands before one and no longer fits, it belongs to the change.

    >>> with_articles("an opacity", [Change(3, 10, "opacity", "nodule")])
    [Change(start=0, stop=10, before='an opacity', after='a nodule')]
    """
    return [_with_article(text, change) for change in changes]


def _with_article(text: str, change: Change) -> Change:
    before = _ARTICLE.search(text, 0, change.start)
    if before is None or not change.after or change.after[1:2].isupper():  # "an LUL opacity" as "an RUL opacity"
        return change
    fitting = cased(before[1][0], article(change.after))
    if fitting == before[1]:
        return change
    start = before.start()
    return Change(start, change.stop, text[start : change.stop], f"{fitting} {change.after}")


def article(word: str) -> str:
    """The indefinite article that stands before the word, by its first letter."""
    return "an" if word[:1].lower() in "aeiou" else "a"
