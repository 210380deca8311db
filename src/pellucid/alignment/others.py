"""Sentences and pictures of other patients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from pellucid.case import Case, Phrase
from pellucid.randomness import stream
from pellucid.rewording import named_side


@dataclass(frozen=True, eq=False)
class Others:
    """Cases with sentences, from which those of other patients are drawn, by draws that belong to each case.

    Attributes:
        cases: in the order of the data set.
        seed: of all draws.
    """

    cases: tuple[Case, ...]
    seed: int

    @classmethod
    def of(cls, cases: Iterable[Case], seed: int) -> Self:
        """Those of the cases that have sentences."""
        return cls(tuple(case for case in cases if case.sentences), seed)

    def sentences(self, case: Case, most: int) -> tuple[Phrase, ...]:
        """At most so many sentences of other patients."""
        found = [phrase for other in self._strangers(case) for phrase in other.sentences]
        chosen = stream(self.seed, "other sentences", case.id).permutation(len(found))[:most]
        return tuple(found[i] for i in np.sort(chosen))

    def any_case(self, case: Case) -> Case | None:
        """The case of another patient, one with a place in its picture if there is one; None where there is no other."""
        strangers = self._strangers(case)
        marked = [other for other in strangers if any(phrase.groundable for phrase in other.sentences)]
        return self._drawn(marked or strangers, "other patient", case.id)

    def alike(self, case: Case, phrase: Phrase) -> Case | None:
        """The case of another patient with the same finding, and, where the sentence names one side, not on that side.

        None where there is none, or the sentence says nothing that is there.
        """
        finding, side = present(phrase), named_side(phrase)
        fitting = [other for other in self._strangers(case) if _has(other, finding) and not _on(other, finding, side)]
        return self._drawn(fitting, "same finding", case.id, phrase.text)

    def _strangers(self, case: Case) -> list[Case]:
        return [other for other in self.cases if other.patient != case.patient]

    def _drawn(self, cases: list[Case], *about: str) -> Case | None:
        return cases[int(stream(self.seed, *about).integers(len(cases)))] if cases else None


def present(phrase: Phrase) -> frozenset[str]:
    """What a sentence says is there."""
    said = {name for name, there in phrase.conditions if there} - {"normal", "abnormal"}
    return frozenset(said or ({phrase.label} if phrase.label is not None and not phrase.absent else set()))


def _has(other: Case, finding: frozenset[str]) -> bool:
    return any(finding & present(phrase) for phrase in other.sentences)


def _on(other: Case, finding: frozenset[str], side: str | None) -> bool:
    """Whether the finding of another case may lie on that side: only what is said to lie on the other side does not."""
    if side is None:
        return False
    about = [phrase for phrase in other.sentences if finding & present(phrase)]
    return any(named_side(phrase) in (side, None) for phrase in about)
