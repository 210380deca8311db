"""What is known of a sentence and an image: that it is true of it, that it is not, or neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

import numpy as np
from jaxtyping import Bool

from pellucid.case import Case, Phrase
from pellucid.rewording import sides
from pellucid.rewording.levels import levels

JUDGEMENTS = ("normal", "abnormal")
"""Conditions that are no findings."""


@lru_cache(maxsize=2**14)
def sides_of(words: str) -> frozenset[str]:
    """The sides that a sentence names, or the name of a region."""
    return frozenset(sides(words.replace("_", " ")))


@lru_cache(maxsize=2**14)
def levels_of(words: str) -> frozenset[str]:
    """The heights in the lung that a sentence names, or the name of a region."""
    return frozenset(levels(words.replace("_", " ")))


def findings(phrase: Phrase) -> frozenset[str]:
    """What a sentence says is there and is not normal."""
    return frozenset(finding for finding, there in phrase.conditions if there and finding not in JUDGEMENTS)


def holds(phrase: Phrase, case: Case) -> bool:
    """Whether a sentence of one report is known to be true of another case as well.

    It is where that report says the same of the same place, and where it says only what is absent and the case has no such
    label: what neither labels nor report name counts as absent, as in :func:`.twins.twin`. All else counts as untrue.
    """
    if not phrase.conditions:
        return any(said.text == phrase.text for said in case.sentences)
    repeated = any(said.conditions == phrase.conditions and _place(said) == _place(phrase) for said in case.sentences)
    return repeated or (phrase.absent and not any(finding in case.labels for finding, _ in phrase.conditions))


def denied(phrase: Phrase, case: Case, labels: AbstractSet[str]) -> bool:
    """Whether nothing of what a sentence says is there can be seen in an image of another case.

    So it is where each finding is one of the data set's `labels` and none of the case's, or where the report of the case denies
    it of the same place. A sentence that names no finding is never denied.
    """
    away = {
        finding for said in case.sentences if _place(said) == _place(phrase) for finding, there in said.conditions if not there
    }
    return bool(findings(phrase)) and all(f in away or (f in labels and f not in case.labels) for f in findings(phrase))


def known(what: Callable[[Phrase, Case], bool], phrases: Sequence[Phrase], cases: Sequence[Case]) -> Bool[np.ndarray, "B S"]:
    """`what` of all pairs, asked once where sentences say the same of the same place."""
    keys = [(phrase.conditions, _place(phrase)) if phrase.conditions else phrase.text for phrase in phrases]
    first = dict(zip(keys, phrases, strict=True))
    column = {key: number for number, key in enumerate(first)}
    found = np.array([[what(phrase, case) for phrase in first.values()] for case in cases], dtype=bool)
    return found.reshape(len(cases), len(first))[:, [column[key] for key in keys]]


def _place(phrase: Phrase) -> tuple[str, ...]:
    """Its regions, or the sides that it names where no region is known."""
    return phrase.regions or tuple(sorted(sides_of(phrase.text)))
