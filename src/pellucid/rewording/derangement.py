"""Another sentence of the same report: all sentences change places, and none keeps its own.

A permutation may leave a sentence where it is, in short reports often. Here each sentence gets one that speaks of other
regions, by a largest matching; it depends on the seed and the case alone, so that all sentences of a report agree on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.case import Phrase
from pellucid.randomness import stream
from pellucid.rewording.base import Context, Reworded, replaced, rewording
from pellucid.rewording.places import elsewhere

_NAME = "derangement"


@rewording(_NAME, "decrease", "another sentence of the same report, about other regions")
def derangement(phrase: Phrase, context: Context) -> Reworded | None:
    """None where no other sentence is left for this one: a report of one sentence, or all of them about the same regions."""
    report = (*context.siblings[: context.index], phrase, *context.siblings[context.index :])
    own = min(context.index, len(context.siblings))
    other = deranged(report, stream(context.seed, _NAME, context.case))[own]
    return None if other is None else replaced(phrase, report[other].text, report[other].regions, report[other].conditions)


def deranged(report: Sequence[Phrase], generator: np.random.Generator) -> list[int | None]:
    """For each sentence the number of the one that takes its place, no number twice; None where none is left.

    One may stand for the other if they differ in text and in regions (in boxes, where no regions are named). The matching is a
    largest one, found by augmenting paths (Kuhn 1955) over sentences in random order.
    """
    fitting = [[int(j) for j in generator.permutation(len(report)) if _differ(one, report[j])] for one in report]
    taker: dict[int, int] = {}  # given sentence -> who took it
    for one in generator.permutation(len(report)):
        _take(int(one), fitting, taker, set())
    given: dict[int, int] = {one: other for other, one in taker.items()}
    return [given.get(one) for one in range(len(report))]


def _take(one: int, fitting: list[list[int]], taker: dict[int, int], tried: set[int]) -> bool:
    """Find a sentence for this one, moving those that took theirs before to others if need be."""
    for other in fitting[one]:
        if other not in tried:
            tried.add(other)
            if other not in taker or _take(taker[other], fitting, taker, tried):
                taker[other] = one
                return True
    return False


def _differ(one: Phrase, other: Phrase) -> bool:
    return one.text.casefold() != other.text.casefold() and elsewhere(one, other)
