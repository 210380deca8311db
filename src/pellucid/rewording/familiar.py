"""Which words the reports use.

An encoder that never read a word cannot be asked about it. So where there is a choice, words that other reports use come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from pellucid.case import Phrase
from pellucid.rewording.base import Context
from pellucid.rewording.entities import spoken

T = TypeVar("T")


def familiar(options: Sequence[T], said: Callable[[T], str], phrase: Phrase, context: Context) -> Sequence[T]:
    """The options in words of the sentence and of other patients' sentences; all options where there are none such."""
    known = _words(phrase.text) | _said(context.others)
    return [option for option in options if _words(said(option)) <= known] or options


@lru_cache(maxsize=2)  # the others of one patient, who has several sentences
def _said(others: tuple[Phrase, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(_words(other.text) for other in others))


@lru_cache(maxsize=65536)
def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in spoken(text).strings)
