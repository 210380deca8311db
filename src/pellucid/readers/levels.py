"""What readers said: counts of levels, their mean and spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from pellucid.errors import DataError
from pellucid.readers.ratings import Rating, asked, models
from pellucid.statistics import Interval, bootstrap_mean


@dataclass(frozen=True)
class Levels:
    """How often each level was given.

    Attributes:
        counts: of level 1, level 2 and so on.

    Raises:
        DataError: a count is negative, or there is none.
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 0:
            raise DataError(f"Counts of levels are {self.counts}; give one for each level, none below 0.")

    @classmethod
    def of(cls, levels: Iterable[int], most: int) -> Levels:
        """Counts of single answers, each from 1 to `most`.

        Raises:
            DataError: an answer lies outside.
        """
        given = np.fromiter(levels, dtype=np.int64)
        if len(given) and (given.min() < 1 or given.max() > most):
            raise DataError(f"A level is {given.min()} or {given.max()}; levels lie between 1 and {most}.")
        return cls(tuple(np.bincount(given - 1, minlength=most).tolist()))

    @property
    def n(self) -> int:
        """How many answers there are."""
        return sum(self.counts)

    @property
    def mean(self) -> float:
        """Mean level; NaN without an answer."""
        return sum(level * count for level, count in enumerate(self.counts, 1)) / self.n if self.n else float("nan")

    @property
    def sd(self) -> float:
        """Standard deviation of the answers, divisor n - 1; NaN with fewer than two."""
        return float(np.std(self.single, ddof=1)) if self.n > 1 else float("nan")

    @property
    def single(self) -> Int[np.ndarray, " N"]:
        """The answers one by one, ascending."""
        return np.repeat(np.arange(1, len(self.counts) + 1), self.counts)

    def share_from(self, level: int) -> float:
        """Share of the answers of at least this level; NaN without an answer."""
        return sum(self.counts[max(level, 1) - 1 :]) / self.n if self.n else float("nan")


@dataclass(frozen=True)
class Summary:
    """One model in one question.

    Attributes:
        levels: how often each was given, all readers and repeats together.
        mean: with its interval over images or patients.
    """

    model: str
    question: str
    levels: Levels
    mean: Interval


def summaries(ratings: Sequence[Rating], question: str, *, draws: int = 2000, seed: int = 0) -> list[Summary]:
    """Each model in one question, in the order in which models come.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    found = asked(ratings, question)
    return [_summary([r for r in found if r.model == model], draws, seed) for model in models(found)]


def _summary(ratings: Sequence[Rating], draws: int, seed: int) -> Summary:
    levels = [rating.level for rating in ratings]
    mean = bootstrap_mean(levels, [rating.group for rating in ratings], draws=draws, seed=seed)
    first = ratings[0]
    return Summary(first.model, first.question, Levels.of(levels, first.levels), mean)
