"""What a rewording is: another sentence made from a sentence, a log of what was changed, and what its map should do then.

A rewording applies to a sentence or it does not (`None`), and draws only from streams named by the seed, itself, the case and
the number of the sentence, so that every model is asked the same questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from pellucid.case import Phrase
from pellucid.randomness import stream

Expected = Literal["decrease", "invariance", "mirror"]
"""What a map on the same image should do: leave the place of the first sentence, stay there, or move to the other side."""

Conditions = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Change:
    """What one stretch of the text became: a half-open character range of the *original* text, empty for an insertion."""

    start: int
    stop: int
    before: str
    after: str


@dataclass(frozen=True)
class Reworded:
    """A sentence after a rewording.

    Attributes:
        text: the new sentence.
        changes: what was changed, in reading order, without overlap; all else is as it was.
        regions: the regions that it now speaks of; None where they are as before.
        conditions: what it now says of them; None where that is as before.
    """

    text: str
    changes: tuple[Change, ...]
    regions: tuple[str, ...] | None = None
    conditions: Conditions | None = None


@dataclass(frozen=True)
class Context:
    """Where a sentence stands.

    Attributes:
        siblings: the other sentences of its report, in order.
        others: sentences of other patients, to draw from.
        seed: of the draws.
        case: id of the case.
        index: number of the sentence in its report, counted from 0 and over all of its sentences.
        mask_token: the word that the text encoder reads as its mask.
    """

    siblings: tuple[Phrase, ...] = ()
    others: tuple[Phrase, ...] = ()
    seed: int = 0
    case: str = ""
    index: int = 0
    mask_token: str = "[MASK]"

    def draws(self, name: str) -> np.random.Generator:
        """The random numbers of this sentence for the rewording of that name."""
        return stream(self.seed, name, self.case, str(self.index))


class Rewording(Protocol):
    """One way to reword a sentence; `about` says in one line what it does."""

    @property
    def name(self) -> str: ...
    @property
    def expected(self) -> Expected: ...
    @property
    def about(self) -> str: ...
    def __call__(self, phrase: Phrase, context: Context) -> Reworded | None:
        """The reworded sentence; None where the rewording does not apply."""


Apply = Callable[[Phrase, Context], Reworded | None]


@dataclass(frozen=True)
class Rule:
    """A rewording made of a function."""

    name: str
    expected: Expected
    about: str
    apply: Apply

    def __call__(self, phrase: Phrase, context: Context) -> Reworded | None:
        """What the function says."""
        return self.apply(phrase, context)


REWORDINGS: dict[str, Rewording] = {}
"""All rewordings by name; complete once `pellucid.rewording` is imported, which importing this module does."""


def rewording(name: str, expected: Expected, about: str) -> Callable[[Apply], Rule]:
    """Decorator: the function becomes the rewording of that name."""

    def decorate(apply: Apply) -> Rule:
        rule = Rule(name, expected, about, apply)
        REWORDINGS[name] = rule
        return rule

    return decorate


def applied(text: str, changes: Iterable[Change]) -> str:
    """The text with its changes, which are in reading order and do not overlap.

    >>> applied("Left effusion.", [Change(0, 4, "Left", "Right")])
    'Right effusion.'
    """
    pieces, end = [], 0
    for change in changes:
        pieces += [text[end : change.start], change.after]
        end = change.stop
    return "".join([*pieces, text[end:]])


def reworded(
    text: str, changes: Iterable[Change], regions: tuple[str, ...] | None = None, conditions: Conditions | None = None
) -> Reworded | None:
    """The text after its changes; None where they leave it as it is."""
    kept = tuple(change for change in changes if change.before != change.after)
    return Reworded(applied(text, kept), kept, regions, conditions) if kept else None


def replaced(
    phrase: Phrase, text: str, regions: tuple[str, ...] | None = None, conditions: Conditions | None = None
) -> Reworded | None:
    """Another sentence in the place of the whole one; None where it is the same."""
    return reworded(phrase.text, [Change(0, len(phrase.text), phrase.text, text)], regions, conditions)
